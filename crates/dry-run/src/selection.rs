// SPDX-License-Identifier: Apache-2.0
//! Which checks a run makes.

use protocol::{CHECKS, dry_run::DryRunRequest};
use std::collections::BTreeSet;
use worker::{Failure, Result};

/// The checks that a request leaves out.
pub type LeftOut = BTreeSet<&'static str>;

/// Returns the checks that `--only` and `--skip` leave out.
///
/// # Errors
///
/// A name that no check has, and a request that leaves out every check.
pub fn left_out(request: &DryRunRequest) -> Result<LeftOut> {
    let named = |names: &[String]| -> Result<LeftOut> {
        let hint = "checks are selected by --only CHECK and --skip CHECK";
        names.iter().map(|name| expect_check(name, "that could be selected", hint)).collect()
    };
    let (only, skipped) = (named(&request.only)?, named(&request.skip)?);
    let runs = |name: &&'static str| (only.is_empty() || only.contains(name)) && !skipped.contains(name);
    let left_out: LeftOut = CHECKS.into_iter().filter(|name| !runs(name)).collect();
    if left_out.len() == CHECKS.len() {
        return Err(Failure::usage("every check is left out")
            .found("--skip names each check that --only names")
            .expected("at least one check to make"));
    }
    Ok(left_out)
}

/// Returns the check of that name.
///
/// # Errors
///
/// No check has the name. The failure names the nearest. `purpose` goes on after "there is no check".
pub fn expect_check(name: &str, purpose: &str, hint: &str) -> Result<&'static str> {
    if let Some(known) = CHECKS.into_iter().find(|known| *known == name) {
        return Ok(known);
    }
    let near = CHECKS
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, _)| *distance <= 1 + name.chars().count().min(32) / 3)
        .min();
    let hint = near.map_or_else(|| hint.to_owned(), |(_, near)| format!("did you mean {near}? {hint}"));
    Err(Failure::usage(format!("there is no check {name:?} {purpose}"))
        .expected(format!("one of {}", CHECKS.join(", ")))
        .hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(only: &[&str], skip: &[&str]) -> Result<LeftOut> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let source = "state.json".parse().expect("a source");
        left_out(&DryRunRequest { only: names(only), skip: names(skip), ..DryRunRequest::new("new.wasm", source) })
    }

    #[test]
    fn without_a_selection_every_check_is_made() {
        assert_eq!(of(&[], &[]).expect("known names"), LeftOut::new());
    }

    #[test]
    fn what_is_not_named_is_left_out() {
        let left_out = of(&["weights", "leftovers"], &["leftovers"]).expect("known names");
        assert_eq!(left_out.len(), CHECKS.len() - 1);
        assert!(!left_out.contains("weights"));
        assert_eq!(of(&[], &["weights"]).expect("known names"), LeftOut::from(["weights"]));
    }

    #[test]
    fn a_run_without_checks_is_refused() {
        assert!(of(&["weights"], &["weights"]).is_err());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let failure = of(&["storage-layuot"], &[]).expect_err("no such check");
        assert!(failure.hint.is_some_and(|hint| hint.starts_with("did you mean storage-layout?")));
        let failure = of(&[], &["zzzzzzzzzzzz"]).expect_err("no such check");
        assert!(failure.hint.is_some_and(|hint| hint.starts_with("checks are selected")));
    }
}
