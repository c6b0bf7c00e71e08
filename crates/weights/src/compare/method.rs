// SPDX-License-Identifier: Apache-2.0
//! Selects the values of the components at which an extrinsic is compared.

use crate::parse::Extrinsic;
use protocol::weights::compare::Method;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of components. The number of combinations of minimum and maximum grows
/// exponentially with it.
const COMPONENT_LIMIT: usize = 12;
/// The assumed maximum of a component without a range.
const GUESSED_MAXIMUM: u64 = 100;

/// The value of each component.
pub type Point = BTreeMap<String, u64>;

fn is_exact(method: Method) -> bool {
    matches!(method, Method::ExactWorst | Method::ExactAsymptotic)
}

/// Returns the points at which two versions of an extrinsic are compared. The error is the reason
/// why the method does not apply.
pub fn points(method: Method, old: Option<&Extrinsic>, new: Option<&Extrinsic>) -> Result<Vec<Point>, String> {
    let sides = [old, new];
    let mut names = BTreeSet::new();
    for cost in sides.iter().flatten().filter_map(|one| one.cost.as_ref().ok()) {
        for part in [&cost.time, &cost.proof, &cost.reads, &cost.writes] {
            names.extend(part.slopes.keys().cloned());
        }
    }
    if names.len() > COMPONENT_LIMIT {
        return Err(format!("{} components are too many: at most {COMPONENT_LIMIT} can be compared", names.len()));
    }
    let ranges = names.into_iter().map(|name| Ok((name.clone(), range(method, &name, sides)?)));
    let ranges = ranges.collect::<Result<Vec<_>, String>>()?;
    let at = |pick: &dyn Fn(usize, (u64, u64)) -> u64| -> Point {
        ranges.iter().enumerate().map(|(place, (name, range))| (name.clone(), pick(place, *range))).collect()
    };
    Ok(match method {
        Method::Base => vec![at(&|_, (least, _)| least)],
        Method::Asymptotic | Method::ExactAsymptotic => vec![at(&|_, (_, greatest)| greatest)],
        Method::ExactWorst | Method::GuessWorst => (0..1u32 << ranges.len())
            .map(|corner| at(&|place, (least, greatest)| if corner >> place & 1 == 0 { least } else { greatest }))
            .collect(),
    })
}

/// Returns minimum and maximum of a component over both sides.
fn range(method: Method, name: &str, sides: [Option<&Extrinsic>; 2]) -> Result<(u64, u64), String> {
    let of = |side: Option<&Extrinsic>| side?.components.iter().find(|component| component.name == name)?.range;
    match sides.map(of) {
        [Some(old), Some(new)] if old == new => Ok(new),
        [Some(_), Some(_)] if is_exact(method) => {
            Err(format!("the range of component {name} changed; compare with guess-worst or asymptotic"))
        }
        [Some(old), Some(new)] => Ok((old.0.min(new.0), old.1.max(new.1))),
        [Some(one), None] | [None, Some(one)] => Ok(one),
        [None, None] if is_exact(method) => {
            Err(format!("the range of component {name} is missing; compare with guess-worst or asymptotic"))
        }
        [None, None] => Ok((0, GUESSED_MAXIMUM)),
    }
}
