// SPDX-License-Identifier: Apache-2.0
//! The requests of the worker.

mod render;

pub use render::{place_all, render_all};

use crate::{
    check,
    compare::{compare, load},
};
use protocol::weights::Request;
use serde::Serialize;
use worker::{Failure, Outcome, Reporter, Result};

/// Handles one request and returns its result with the verdict.
pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        Request::Compare(request) => {
            let (old, new) = (&request.old, &request.new);
            reporter.status(format!("comparing {} with {}", old.name, new.name));
            let weights = (load::load(&old.path, &old.name)?, load::load(&new.path, &new.name)?);
            let comparison = compare((&old.name, &new.name), weights.0, weights.1, &request.options);
            outcome(comparison.verdict.passed(), &comparison)
        }
        Request::Render(request) => outcome(true, &render_all(&request, reporter)?),
        Request::Place(request) => outcome(true, &place_all(&request, reporter)?),
        Request::Check(request) => {
            reporter.status(format!("checking the weights of {}", request.runtime));
            let report = check::check(&request)?;
            outcome(report.verdict.passed(), &report)
        }
        Request::Measured(request) => outcome(true, &check::measured(&request.directory)?),
    }
}

fn outcome(passed: bool, result: &impl Serialize) -> Result<Outcome<serde_json::Value>> {
    let value = serde_json::to_value(result)
        .map_err(|error| Failure::internal("the result cannot be written as JSON").found(error.to_string()))?;
    Ok(Outcome { passed, value })
}
