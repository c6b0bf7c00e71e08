// SPDX-License-Identifier: Apache-2.0
//! At which values of its components an extrinsic is compared. The names are those of subweight.

use crate::parse::Extrinsic;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every component at its least value; zero where no range is given.
    Base,
    /// Wherever the increase is largest among all components at their least and greatest values. Both files have to
    /// give the same ranges.
    ExactWorst,
    /// The same, but where ranges differ the wider one is taken, and 0 to 100 where none is given.
    #[default]
    GuessWorst,
    /// Every component at its greatest value, ranges as for `exact-worst`.
    ExactAsymptotic,
    /// The same, ranges as for `guess-worst`.
    Asymptotic,
}

/// More components than this make too many corners.
const COMPONENT_LIMIT: usize = 12;
/// The greatest value of a component without a range.
const GUESS: u64 = 100;

/// A value for each component.
pub type Point = BTreeMap<String, u64>;

impl Method {
    fn is_exact(self) -> bool {
        matches!(self, Self::ExactWorst | Self::ExactAsymptotic)
    }

    /// The points at which two versions of an extrinsic are compared, or why there are none.
    pub fn points(self, old: Option<&Extrinsic>, new: Option<&Extrinsic>) -> Result<Vec<Point>, String> {
        let sides = [old, new];
        let mut names = BTreeSet::new();
        for cost in sides.iter().flatten().filter_map(|one| one.cost.as_ref().ok()) {
            for part in [&cost.time, &cost.proof, &cost.reads, &cost.writes] {
                names.extend(part.slopes.keys().cloned());
            }
        }
        if names.len() > COMPONENT_LIMIT {
            return Err(format!("{} components are more than can be compared ({COMPONENT_LIMIT})", names.len()));
        }
        let ranges = names.into_iter().map(|name| Ok((name.clone(), self.range(&name, sides)?)));
        let ranges = ranges.collect::<Result<Vec<_>, String>>()?;
        let at = |pick: &dyn Fn(usize, (u64, u64)) -> u64| -> Point {
            ranges.iter().enumerate().map(|(place, (name, range))| (name.clone(), pick(place, *range))).collect()
        };
        Ok(match self {
            Self::Base => vec![at(&|_, (least, _)| least)],
            Self::Asymptotic | Self::ExactAsymptotic => vec![at(&|_, (_, greatest)| greatest)],
            Self::ExactWorst | Self::GuessWorst => (0..1u32 << ranges.len())
                .map(|corner| at(&|place, (least, greatest)| if corner >> place & 1 == 0 { least } else { greatest }))
                .collect(),
        })
    }

    fn range(self, name: &str, sides: [Option<&Extrinsic>; 2]) -> Result<(u64, u64), String> {
        let of = |side: Option<&Extrinsic>| side?.components.iter().find(|component| component.name == name)?.range;
        match sides.map(of) {
            [Some(old), Some(new)] if old == new => Ok(new),
            [Some(_), Some(_)] if self.is_exact() => {
                Err(format!("the range of component {name} changed; compare with guess-worst or asymptotic"))
            }
            [Some(old), Some(new)] => Ok((old.0.min(new.0), old.1.max(new.1))),
            [Some(one), None] | [None, Some(one)] => Ok(one),
            [None, None] if self.is_exact() => {
                Err(format!("the range of component {name} is not given; compare with guess-worst or asymptotic"))
            }
            [None, None] => Ok((0, GUESS)),
        }
    }
}
