// SPDX-License-Identifier: Apache-2.0
//! The two reports of a bundle: a rendering of its evidence and nothing else, so that anyone can make them again.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use worker::{Failure, Result};

pub const REPORT: &str = "report.md";
pub const PAGE: &str = "report.html";
/// A step's evidence, or a report, may be this large.
const LIMIT: u64 = 64 << 20;

/// Both reports, by their names. `result` gives what a step came to, `Null` for one that was not done.
pub fn rendered(name: &str, result: impl Fn(&str) -> Result<Value>) -> Result<[(&'static str, String); 2]> {
    let bundle = report::Bundle {
        name: name.to_owned(),
        build: result("build")?,
        inspect: result("inspect")?,
        dry_run: result("dry-run")?,
        diff: result("diff")?,
        propose: result("propose")?,
        weights: read_result("weights", result("weights")?)?,
    };
    Ok([(REPORT, report::report(&bundle)), (PAGE, report::html::report(&bundle))])
}

/// Reads the result of a step; none of one that was not done.
pub fn read_result<T: DeserializeOwned>(step: &str, result: Value) -> Result<Option<T>> {
    serde_json::from_value(result).map_err(|error| {
        Failure::input(format!("{step}.json has no result of this step"))
            .found(error.to_string())
            .hint("run the step again, or take the Cutover that made the file")
    })
}

/// The reports of a bundle that say something else than its evidence. `verified` is what was found of it otherwise.
///
/// Nothing is said of a bundle of several runtimes, or of none: `upgrade` makes none.
pub fn differing(bundle: &Path, verified: &Value) -> Result<Vec<&'static str>> {
    let runtimes = verified.pointer("/predicate/runtimes").and_then(Value::as_array);
    let Some([runtime]) = runtimes.map(Vec::as_slice) else { return Ok(Vec::new()) };
    let name = runtime.get("name").and_then(Value::as_str).unwrap_or_default();
    let reports = rendered(name, |step| {
        let path = bundle.join(format!("{step}.json"));
        if !path.exists() {
            return Ok(Value::Null);
        }
        let evidence: Value = serde_json::from_slice(&files::read_bounded(&path, LIMIT)?)
            .map_err(|error| Failure::input(format!("{} is no JSON", path.display())).found(error.to_string()))?;
        Ok(evidence.get("result").cloned().unwrap_or_default())
    })?;
    let subjects = verified.get("subjects").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let in_bundle = |name: &str| subjects.iter().any(|subject| subject["name"] == json!(name));
    let other = |(name, text): &(&'static str, String)| {
        in_bundle(name) && !files::read_bounded(&bundle.join(name), LIMIT).is_ok_and(|there| there == text.as_bytes())
    };
    Ok(reports.iter().filter(|report| other(report)).map(|(name, _)| *name).collect())
}

/// Whether a bundle was made by this version of Cutover, whose reports it can make again to the byte.
pub fn are_of_this_version(verified: &Value) -> bool {
    verified.pointer("/predicate/versions/cutover").and_then(Value::as_str) == Some(env!("CARGO_PKG_VERSION"))
}
