// SPDX-License-Identifier: Apache-2.0
//! The formula of a weight function: a constant and a multiple of each component, for time, proof
//! size, reads and writes.

use protocol::weights::compare::DatabasePrice;
use std::collections::BTreeMap;

/// A linear formula: `base + Σ slope · component`. All arithmetic saturates, as that of
/// `sp_weights::Weight` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linear {
    /// The value with every component at zero.
    pub base: u64,
    /// The slopes by component name. No entry is zero.
    pub slopes: BTreeMap<String, u64>,
}

impl Linear {
    /// Returns a formula without components.
    pub fn constant(base: u64) -> Self {
        Self { base, slopes: BTreeMap::new() }
    }

    /// Returns the formula that is the value of one component.
    pub fn component(name: &str) -> Self {
        Self { base: 0, slopes: BTreeMap::from([(name.to_owned(), 1)]) }
    }

    /// Returns whether the formula is zero for all values.
    pub fn is_zero(&self) -> bool {
        self.base == 0 && self.slopes.is_empty()
    }

    /// Returns whether the formula depends on no component.
    pub fn is_constant(&self) -> bool {
        self.slopes.is_empty()
    }

    /// Adds another formula to this one.
    pub fn add(&mut self, other: &Self) {
        self.base = self.base.saturating_add(other.base);
        for (name, slope) in &other.slopes {
            let sum = self.slopes.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*slope);
        }
    }

    /// Returns the formula multiplied by a number.
    pub fn scaled(&self, factor: u64) -> Self {
        let slopes = self.slopes.iter().map(|(name, slope)| (name.clone(), slope.saturating_mul(factor)));
        Self { base: self.base.saturating_mul(factor), slopes: slopes.filter(|(_, slope)| *slope != 0).collect() }
    }

    /// Returns the product of two formulas. `None` if both depend on components, because the
    /// product is not linear then.
    pub fn times(&self, other: &Self) -> Option<Self> {
        match (self.is_constant(), other.is_constant()) {
            (_, true) => Some(self.scaled(other.base)),
            (true, false) => Some(other.scaled(self.base)),
            (false, false) => None,
        }
    }

    /// Evaluates the formula with these values of the components. A component without a value
    /// counts as zero.
    pub fn at(&self, values: &BTreeMap<String, u64>) -> u64 {
        let terms = self.slopes.iter().map(|(name, slope)| slope.saturating_mul(*values.get(name).unwrap_or(&0)));
        terms.fold(self.base, u64::saturating_add)
    }
}

/// The cost that a weight function charges. Reads and writes are counts, without the price of the
/// database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Picoseconds on the reference machine, without the time of the database.
    pub time: Linear,
    /// The proof size in bytes.
    pub proof: Linear,
    /// The number of database reads.
    pub reads: Linear,
    /// The number of database writes.
    pub writes: Linear,
}

impl Cost {
    /// Returns a cost of time alone.
    pub fn of_time(time: Linear) -> Self {
        Self { time, ..Self::default() }
    }

    /// Adds another cost to this one.
    pub fn add(&mut self, other: &Self) {
        self.time.add(&other.time);
        self.proof.add(&other.proof);
        self.reads.add(&other.reads);
        self.writes.add(&other.writes);
    }

    /// Returns the cost multiplied by a formula. `None` if the product is not linear.
    pub fn times(&self, factor: &Linear) -> Option<Self> {
        Some(Self {
            time: self.time.times(factor)?,
            proof: self.proof.times(factor)?,
            reads: self.reads.times(factor)?,
            writes: self.writes.times(factor)?,
        })
    }

    /// Returns the time in picoseconds, reads and writes included at this price.
    pub fn ref_time(&self, price: DatabasePrice) -> Linear {
        let mut time = self.time.clone();
        time.add(&self.reads.scaled(price.read));
        time.add(&self.writes.scaled(price.write));
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_priced_and_evaluated() {
        let mut cost = Cost::of_time(Linear::constant(10));
        cost.add(&Cost { reads: Linear::component("n").scaled(2), ..Cost::default() });
        cost.add(&Cost { writes: Linear::constant(1), ..Cost::default() });
        let time = cost.ref_time(DatabasePrice { read: 100, write: 1000 });
        assert_eq!((time.base, time.slopes.get("n")), (1010, Some(&200)));
        assert_eq!(time.at(&BTreeMap::from([("n".into(), 3)])), 1610);
        assert_eq!(time.at(&BTreeMap::new()), 1010);
    }

    #[test]
    fn arithmetic_saturates_and_products_stay_linear() {
        let n = Linear::component("n");
        assert_eq!(Linear::constant(u64::MAX).scaled(2).base, u64::MAX);
        assert_eq!(n.scaled(u64::MAX).at(&BTreeMap::from([("n".into(), 9)])), u64::MAX);
        assert_eq!(n.times(&Linear::component("m")), None);
        assert_eq!(n.times(&Linear::constant(0)), Some(Linear::default()));
    }
}
