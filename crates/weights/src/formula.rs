// SPDX-License-Identifier: Apache-2.0
//! What a weight function computes: a constant and a multiple of each component, for time, proof, reads and writes.

use protocol::weights::compare::DatabasePrice;
use std::collections::BTreeMap;

/// `base + Σ slope · component`. All arithmetic saturates, as `sp_weights::Weight` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linear {
    pub base: u64,
    /// By the component's name; no entry is zero.
    pub slopes: BTreeMap<String, u64>,
}

impl Linear {
    pub fn constant(base: u64) -> Self {
        Self { base, slopes: BTreeMap::new() }
    }

    pub fn component(name: &str) -> Self {
        Self { base: 0, slopes: BTreeMap::from([(name.to_owned(), 1)]) }
    }

    pub fn is_zero(&self) -> bool {
        self.base == 0 && self.slopes.is_empty()
    }

    pub fn is_constant(&self) -> bool {
        self.slopes.is_empty()
    }

    pub fn add(&mut self, other: &Self) {
        self.base = self.base.saturating_add(other.base);
        for (name, slope) in &other.slopes {
            let sum = self.slopes.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*slope);
        }
    }

    pub fn scaled(&self, factor: u64) -> Self {
        let slopes = self.slopes.iter().map(|(name, slope)| (name.clone(), slope.saturating_mul(factor)));
        Self { base: self.base.saturating_mul(factor), slopes: slopes.filter(|(_, slope)| *slope != 0).collect() }
    }

    /// None where both depend on components: the product is not linear then.
    pub fn times(&self, other: &Self) -> Option<Self> {
        match (self.is_constant(), other.is_constant()) {
            (_, true) => Some(self.scaled(other.base)),
            (true, false) => Some(other.scaled(self.base)),
            (false, false) => None,
        }
    }

    /// The value where each component has the value that `values` gives it; one without a value counts as zero.
    pub fn at(&self, values: &BTreeMap<String, u64>) -> u64 {
        let terms = self.slopes.iter().map(|(name, slope)| slope.saturating_mul(*values.get(name).unwrap_or(&0)));
        terms.fold(self.base, u64::saturating_add)
    }
}

/// What a weight function charges, reads and writes not yet priced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Picoseconds on the reference machine, without the database.
    pub time: Linear,
    /// Bytes of proof.
    pub proof: Linear,
    pub reads: Linear,
    pub writes: Linear,
}

impl Cost {
    pub fn of_time(time: Linear) -> Self {
        Self { time, ..Self::default() }
    }

    pub fn add(&mut self, other: &Self) {
        self.time.add(&other.time);
        self.proof.add(&other.proof);
        self.reads.add(&other.reads);
        self.writes.add(&other.writes);
    }

    pub fn times(&self, factor: &Linear) -> Option<Self> {
        Some(Self {
            time: self.time.times(factor)?,
            proof: self.proof.times(factor)?,
            reads: self.reads.times(factor)?,
            writes: self.writes.times(factor)?,
        })
    }

    /// Picoseconds with the database's part.
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
