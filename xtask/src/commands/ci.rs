// SPDX-License-Identifier: Apache-2.0
//! The `ci` commands, for pull requests. They use the same configuration as the other commands.

mod changed;
mod clients;
mod comment;
mod deny;
mod lint;
mod matrix;
mod page;
mod post;
mod render;

use crate::cli::{Ci, CiCommand};
use protocol::{Check, CheckOutcome, Status};
use serde::Deserialize;
use worker::Result;
use workspace::context::Context;

pub fn run(context: &Context, options: &Ci) -> Result<bool> {
    match &options.command {
        CiCommand::Matrix(options) => matrix::run(context, options),
        CiCommand::Changed(options) => changed::run(context, options),
        CiCommand::Comment(options) => comment::run(context, options),
        CiCommand::Post(options) => post::run(context, options),
        CiCommand::Lint(_) => lint::run(context),
        CiCommand::Deny(_) => deny::run(context),
        CiCommand::Page(options) => page::run(context, options),
        CiCommand::Clients(options) => clients::run(context, options),
    }
}

/// The result of a check, printed as JSON by a program in `scripts/`.
#[derive(Deserialize)]
struct CheckResult {
    status: Status,
    detail: String,
    #[serde(default)]
    findings: Vec<String>,
}

impl CheckResult {
    fn check(self, name: &str) -> Check {
        CheckOutcome::new(self.status, self.detail).with(self.findings).named(name)
    }
}
