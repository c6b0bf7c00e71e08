// SPDX-License-Identifier: Apache-2.0
//! Selects the benchmarks to run, and the values of their components.

use frame_benchmarking::{BenchmarkList, BenchmarkParameter};
use protocol::{
    benchmark::{RunRequest, Settings},
    weights::raw::PovMode,
};
use std::collections::{BTreeMap, BTreeSet};
use worker::{Failure, Result};

/// A pallet with the benchmarks to run.
#[derive(Clone, Debug)]
pub struct Pallet {
    pub pallet: String,
    pub instance: String,
    pub benchmarks: Vec<Benchmark>,
}

/// A benchmark of a pallet.
#[derive(Clone, Debug)]
pub struct Benchmark {
    pub extrinsic: String,
    /// Name, minimum and maximum of each component.
    pub components: Vec<(BenchmarkParameter, u32, u32)>,
    pub pov_modes: BTreeMap<String, PovMode>,
}

/// Selects the benchmarks of the request from `list`, in the order of the runtime. Fails if a name
/// in the request is unknown, or if nothing is left.
pub fn select(list: Vec<BenchmarkList>, request: &RunRequest) -> Result<Vec<Pallet>> {
    let all = list.into_iter().map(pallet).collect::<Result<Vec<_>>>()?;
    check_names(&all, request)?;
    let wanted = |named: &[String], name: &str| named.is_empty() || named.iter().any(|one| normalized(one) == name);
    let mut selected: Vec<Pallet> = Vec::new();
    for mut pallet in all {
        if !wanted(&request.pallets, &pallet.pallet) {
            continue;
        }
        pallet.benchmarks.retain(|benchmark| {
            let whole = format!("{}::{}", pallet.pallet, benchmark.extrinsic);
            let excluded =
                request.exclude.iter().map(|name| normalized(name)).any(|name| name == pallet.pallet || name == whole);
            wanted(&request.extrinsics, &benchmark.extrinsic) && !excluded
        });
        if !pallet.benchmarks.is_empty() {
            selected.push(pallet);
        }
    }
    if selected.is_empty() {
        return Err(Failure::usage("there is no benchmark to run").found("every benchmark is excluded"));
    }
    Ok(selected)
}

/// Converts the name of a crate, `pallet-balances`, to that of its benchmarks, `pallet_balances`.
fn normalized(name: &str) -> String {
    name.replace('-', "_")
}

/// Checks that every name in the request exists. A misspelled name would omit a benchmark silently.
fn check_names(all: &[Pallet], request: &RunRequest) -> Result<()> {
    let pallets: BTreeSet<String> = all.iter().map(|pallet| pallet.pallet.clone()).collect();
    let in_selected = |pallet: &&Pallet| {
        request.pallets.is_empty() || request.pallets.iter().any(|name| normalized(name) == pallet.pallet)
    };
    let extrinsics: BTreeSet<String> = all
        .iter()
        .filter(in_selected)
        .flat_map(|pallet| pallet.benchmarks.iter().map(|benchmark| benchmark.extrinsic.clone()))
        .collect();
    let whole: BTreeSet<String> = all
        .iter()
        .flat_map(|pallet| pallet.benchmarks.iter().map(|one| format!("{}::{}", pallet.pallet, one.extrinsic)))
        .chain(pallets.iter().cloned())
        .collect();
    let overridden: Vec<String> = request.per_pallet.keys().cloned().collect();
    let named = [
        ("pallet", &request.pallets, &pallets),
        ("benchmark", &request.extrinsics, &extrinsics),
        ("pallet or benchmark", &request.exclude, &whole),
        ("pallet", &overridden, &pallets),
    ];
    for (kind, names, there) in named {
        if let Some(name) = names.iter().map(|name| normalized(name)).find(|name| !there.contains(name)) {
            return Err(Failure::usage(format!("the runtime has no {kind} {name}"))
                .found(nearest(&name, there))
                .expected("a name from the runtime's list of benchmarks")
                .hint("`cargo xtask weights run --list` shows all names"));
        }
    }
    Ok(())
}

/// Returns the most similar names, for a name that may be misspelled.
fn nearest(name: &str, there: &BTreeSet<String>) -> String {
    // Names come from a blob, and the time grows with the product of their lengths.
    let head = |text: &str| text.chars().take(100).collect::<String>();
    let name = head(name);
    let mut near: Vec<_> =
        there.iter().map(|other| (strsim::levenshtein(&name, &head(other)), other.as_str())).collect();
    near.sort();
    near.truncate(3);
    let near: Vec<_> = near.into_iter().map(|(_, name)| name).collect();
    format!("similar names: {}", near.join(", "))
}

/// Converts a pallet of the runtime's list. Fails if a name is not UTF-8 or a mode is unknown.
fn pallet(list: BenchmarkList) -> Result<Pallet> {
    let benchmarks = list
        .benchmarks
        .into_iter()
        .map(|benchmark| {
            let modes = benchmark.pov_modes.into_iter().map(|(storage, mode)| {
                let storage = text(storage)?.replace(' ', "");
                let storage = storage.strip_suffix("::ALL").unwrap_or(&storage).to_string();
                Ok((storage, pov_mode(&text(mode)?)?))
            });
            Ok(Benchmark {
                extrinsic: text(benchmark.name)?,
                components: benchmark.components,
                pov_modes: modes.collect::<Result<_>>()?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Pallet { pallet: text(list.pallet)?, instance: text(list.instance)?, benchmarks })
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes)
        .map_err(|error| Failure::input("a benchmark's name is not text").found(error.to_string()).expected("UTF-8"))
}

fn pov_mode(name: &str) -> Result<PovMode> {
    match name {
        "MaxEncodedLen" => Ok(PovMode::MaxEncodedLen),
        "Measured" => Ok(PovMode::Measured),
        "Ignored" => Ok(PovMode::Ignored),
        other => Err(Failure::input(format!("the runtime uses an unknown pov_mode {other}"))
            .expected("MaxEncodedLen, Measured or Ignored")),
    }
}

/// Returns the points to measure. Each component goes from its minimum to its maximum while the
/// others are at their maximum. Each point is returned once, even if a range has fewer values than
/// there are steps: measuring it again would only add repetitions.
pub fn points(
    components: &[(BenchmarkParameter, u32, u32)],
    settings: &Settings,
) -> Vec<Vec<(BenchmarkParameter, u32)>> {
    let highest = || components.iter().map(|(name, _, high)| (*name, *high));
    let mut points = Vec::new();
    let mut seen = BTreeSet::new();
    let steps = u64::from(settings.steps.max(2));
    for (index, (_, low, high)) in components.iter().enumerate() {
        let span = u64::from(high.saturating_sub(*low));
        for step in 0..steps {
            let value = low.saturating_add((span * step / (steps - 1)) as u32);
            let mut point: Vec<_> = highest().collect();
            point[index].1 = value;
            if seen.insert(point.iter().map(|(_, value)| *value).collect::<Vec<_>>()) {
                points.push(point);
            }
        }
    }
    if points.is_empty() {
        points.push(Vec::new());
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<BenchmarkList> {
        let benchmark = |name: &str| frame_benchmarking::BenchmarkMetadata {
            name: name.into(),
            components: vec![(BenchmarkParameter::n, 0, 10)],
            pov_modes: vec![
                (b"System::Account".to_vec(), b"Measured".to_vec()),
                (b"Assets::ALL".to_vec(), b"Ignored".to_vec()),
            ],
        };
        let pallet = |name: &str, benchmarks: &[&str]| BenchmarkList {
            pallet: name.into(),
            instance: b"Instance".to_vec(),
            benchmarks: benchmarks.iter().map(|name| benchmark(name)).collect(),
        };
        vec![pallet("pallet_balances", &["transfer", "burn"]), pallet("pallet_sudo", &["sudo"])]
    }

    fn request(change: impl FnOnce(&mut RunRequest)) -> RunRequest {
        let text = r#"{"runtime": "a.wasm", "out": "out", "machine": {"directory": "."}}"#;
        let mut run = serde_json::from_str(text).expect("a request");
        change(&mut run);
        run
    }

    fn names(request: &RunRequest) -> Vec<String> {
        let selected = select(list(), request).expect("selected");
        let of = |pallet: Pallet| {
            pallet.benchmarks.into_iter().map(|one| format!("{}::{}", pallet.pallet, one.extrinsic)).collect::<Vec<_>>()
        };
        selected.into_iter().flat_map(of).collect()
    }

    #[test]
    fn named_benchmarks_are_selected() {
        assert_eq!(names(&request(|_| ())).len(), 3);
        assert_eq!(names(&request(|run| run.pallets = vec!["pallet-sudo".into()])), ["pallet_sudo::sudo"]);
        assert_eq!(names(&request(|run| run.extrinsics = vec!["burn".into()])), ["pallet_balances::burn"]);
        let excluded = request(|run| run.exclude = vec!["pallet_balances::burn".into(), "pallet_sudo".into()]);
        assert_eq!(names(&excluded), ["pallet_balances::transfer"]);
    }

    #[test]
    fn a_misspelled_name_is_refused_with_similar_names() {
        let failure = select(list(), &request(|run| run.pallets = vec!["pallet_balance".into()])).expect_err("refused");
        assert!(failure.found.expect("names").starts_with("similar names: pallet_balances"));
        let failure = select(list(), &request(|run| run.extrinsics = vec!["transfr".into()])).expect_err("refused");
        assert!(failure.found.expect("names").starts_with("similar names: transfer"));
        assert!(select(list(), &request(|run| run.exclude = vec!["pallet_x".into()])).is_err());
        assert!(
            select(list(), &request(|run| run.exclude = vec!["pallet_balances".into(), "pallet_sudo".into()])).is_err()
        );
    }

    #[test]
    fn proof_modes_are_read() {
        let selected = select(list(), &request(|_| ())).expect("selected");
        let modes = &selected[0].benchmarks[0].pov_modes;
        assert_eq!(modes["System::Account"], PovMode::Measured);
        assert_eq!(modes["Assets"], PovMode::Ignored);
        assert!(pov_mode("Guessed").is_err());
    }

    #[test]
    fn points_go_from_the_lowest_to_the_highest_once_each() {
        let settings = Settings { steps: 3, ..Settings::default() };
        let values = |components: &[(BenchmarkParameter, u32, u32)]| -> Vec<Vec<u32>> {
            points(components, &settings)
                .into_iter()
                .map(|point| point.into_iter().map(|(_, value)| value).collect())
                .collect()
        };
        assert_eq!(values(&[]), [Vec::<u32>::new()]);
        assert_eq!(values(&[(BenchmarkParameter::a, 0, 10)]), [[0], [5], [10]]);
        let two = [(BenchmarkParameter::a, 0, 10), (BenchmarkParameter::b, 1, 2)];
        assert_eq!(values(&two), [[0, 2], [5, 2], [10, 2], [10, 1]]);
        // A hostile runtime can give a range whose minimum exceeds its maximum.
        assert_eq!(values(&[(BenchmarkParameter::a, u32::MAX, 0)]), [[u32::MAX]]);
    }
}
