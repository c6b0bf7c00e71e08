// SPDX-License-Identifier: Apache-2.0
//! The two reports of a bundle. They are rendered from the evidence alone, so that anyone can
//! reproduce them.

use evidence::step;
use protocol::{
    step::{Step, StepResult},
    verify::Verification,
};
use std::path::Path;
use worker::Result;

pub const REPORT: &str = "report.md";
pub const PAGE: &str = "report.html";
/// The maximum size of a report, in bytes.
const LIMIT: u64 = 64 << 20;

/// Returns both reports, by name. `read` returns the evidence of a step, or `None` if the step was
/// not run.
pub fn rendered(name: &str, read: impl Fn(&str) -> Result<Option<Step>>) -> Result<[(&'static str, String); 2]> {
    let bundle = report::Bundle {
        name: name.to_owned(),
        build: result(&read)?,
        inspect: result(&read)?,
        dry_run: result(&read)?,
        diff: result(&read)?,
        propose: result(&read)?,
        rehearse: result(&read)?,
        weights: result(&read)?,
    };
    Ok([(REPORT, report::report(&bundle)), (PAGE, report::html::report(&bundle))])
}

fn result<T: StepResult>(read: impl Fn(&str) -> Result<Option<Step>>) -> Result<Option<T>> {
    read(T::STEP)?.map(|step| step::result(&step)).transpose()
}

/// Returns the reports of a bundle that do not match its evidence. `verified` is the result of
/// verifying the bundle.
///
/// Returns an empty list if the bundle does not have exactly one runtime: `upgrade` makes no such
/// bundle.
pub fn differing(bundle: &Path, verified: &Verification) -> Result<Vec<&'static str>> {
    let runtimes = verified.predicate.as_ref().map(|predicate| predicate.runtimes.as_slice());
    let Some([runtime]) = runtimes else { return Ok(Vec::new()) };
    let reports = rendered(&runtime.name, |step| {
        let path = bundle.join(format!("{step}.json"));
        if path.exists() { step::read(&path).map(Some) } else { Ok(None) }
    })?;
    let in_bundle = |name: &str| verified.subjects.iter().any(|subject| subject.name == name);
    let other = |(name, text): &(&'static str, String)| {
        in_bundle(name)
            && !files::read_bounded(&bundle.join(name), LIMIT).is_ok_and(|existing| existing == text.as_bytes())
    };
    Ok(reports.iter().filter(|report| other(report)).map(|(name, _)| *name).collect())
}

/// Returns whether a bundle was made by this version of Cutover, which can reproduce its reports
/// byte for byte.
pub fn made_by_this_version(verified: &Verification) -> bool {
    let made_by = verified.predicate.as_ref().and_then(|predicate| predicate.versions.cutover.as_deref());
    made_by == Some(env!("CARGO_PKG_VERSION"))
}
