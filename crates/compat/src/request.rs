// SPDX-License-Identifier: Apache-2.0
//! Handles the requests of the worker, and creates the report of a comparison.

use crate::{
    Runtime,
    changes::{RuntimeChanges, changes},
    parameters::{Tokens, parameters},
    rules::{check_allowed, judge},
};
use protocol::{
    Source, Status,
    diff::{AllowedRules, Audience, Concerned, DiffReport, Request, Severity},
    format,
};
use serde::Serialize;
use source::{Properties, ReadSource};
use worker::{Failure, Outcome, Reporter, Result};

/// Handles a request and returns the report as JSON.
pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        Request::Diff { old, new, allow, parameters: with_parameters } => {
            check_allowed(&allow)?;
            let tokens = with_parameters.then(|| tokens(&old, &new, None, None));
            let (old, new) = both(&old, &new, reporter)?;
            let mut document = diff(&old, &new, &allow)?;
            document.parameters =
                tokens.map(|tokens| Ok::<_, Failure>(parameters(&old, &new, &tokens, None)?.parameters)).transpose()?;
            Ok(Outcome { passed: document.verdict.passed(), value: to_value(&document)? })
        }
        Request::Parameters { old, new, decimals, symbol, block_time } => {
            let tokens = tokens(&old, &new, decimals, symbol);
            let (old, new) = both(&old, &new, reporter)?;
            Ok(Outcome::passed(to_value(&parameters(&old, &new, &tokens, block_time)?)?))
        }
    }
}

/// Compares two runtimes and checks the rules. `allowed`: the rules that may be broken.
pub fn diff(old: &Runtime, new: &Runtime, allowed: &AllowedRules) -> Result<DiffReport> {
    let found = changes(old, new)?;
    let rules = judge(old, new, &found, allowed);
    Ok(DiffReport {
        format: format::DIFF.to_owned(),
        old: old.identity(),
        new: new.identity(),
        same: old.blake2_256 == new.blake2_256,
        verdict: (!rules.iter().any(|rule| rule.status == Status::Fail)).into(),
        rules,
        whom: affected(&found),
        untold: found.not_compared,
        changes: found.changes,
        parameters: None,
    })
}

fn affected(found: &RuntimeChanges) -> Vec<Concerned> {
    Audience::ALL
        .into_iter()
        .filter_map(|who| {
            let theirs: Vec<_> = found.changes.iter().filter(|change| change.breaks.contains(&who)).collect();
            let breaking = theirs.iter().filter(|change| change.severity == Severity::Breaking).count();
            let label = match who {
                Audience::EncodedCalls if !found.call_storing_pallets.is_empty() => {
                    format!("{} ({})", who.label(), found.call_storing_pallets.join(", "))
                }
                _ => who.label().to_owned(),
            };
            (!theirs.is_empty()).then_some(Concerned { who, label, changes: theirs.len(), breaking })
        })
        .collect()
}

/// Reads both runtimes, in parallel: executing a runtime to get its metadata takes some tenths of a
/// second.
fn both(old: &Source, new: &Source, reporter: &Reporter) -> Result<(Runtime, Runtime)> {
    if (old, new) == (&Source::Stdin, &Source::Stdin) {
        return Err(Failure::usage("both runtimes cannot be read from standard input").expected("at most one -"));
    }
    reporter.status(format!("comparing {old} with {new}"));
    source::check_root(old, reporter)?;
    source::check_root(new, reporter)?;
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| Runtime::read(old));
        let new = Runtime::read(new);
        let old = reading.join().unwrap_or_else(|_| {
            Err(Failure::internal(format!("{old} could not be read")).found("a panic while reading"))
        });
        Ok((old?, new?))
    })
}

/// Returns the token of the command line, else that of the sources, the new one first, and where it
/// was found.
fn tokens(old: &Source, new: &Source, decimals: Option<u32>, symbol: Option<String>) -> Tokens {
    let known = [(new, "the new source"), (old, "the old source")].map(|(source, name)| (source.properties(), name));
    let find = |has: &dyn Fn(&Properties) -> bool| known.iter().find(|(properties, _)| has(properties));
    let (decimals, from) = match decimals {
        Some(decimals) => (Some(decimals), "the command line"),
        None => match find(&|properties| properties.decimals.is_some()) {
            Some((properties, name)) => (properties.decimals, *name),
            None => (None, "nowhere"),
        },
    };
    let symbol = symbol.or_else(|| {
        find(&|properties| properties.symbol.is_some()).and_then(|(properties, _)| properties.symbol.clone())
    });
    Tokens { decimals, symbol, from: from.to_owned() }
}

fn to_value(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value)
        .map_err(|error| Failure::internal("a result cannot be written as JSON").found(error.to_string()))
}
