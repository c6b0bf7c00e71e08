// SPDX-License-Identifier: Apache-2.0
//! What pull requests need. Everything comes from the configuration that the tool itself reads.

mod changed;
mod clients;
mod comment;
mod deny;
mod lint;
mod matrix;
mod page;
mod post;
mod render;

use crate::{
    cli::{Ci, CiWhat},
    context::Context,
};
use protocol::{Check, Status};
use serde::Deserialize;
use worker::Result;

pub fn run(context: &Context, options: &Ci) -> Result<bool> {
    match &options.what {
        CiWhat::Matrix(options) => matrix::run(context, options),
        CiWhat::Changed(options) => changed::run(context, options),
        CiWhat::Comment(options) => comment::run(context, options),
        CiWhat::Post(options) => post::run(context, options),
        CiWhat::Lint(_) => lint::run(context),
        CiWhat::Deny(_) => deny::run(context),
        CiWhat::Page(options) => page::run(context, options),
        CiWhat::Clients(options) => clients::run(context, options),
    }
}

/// What a program in `scripts/` says of a check.
#[derive(Deserialize)]
struct Answer {
    status: Status,
    detail: String,
    #[serde(default)]
    findings: Vec<String>,
}

impl Answer {
    fn check(self, name: &str) -> Check {
        Check::new(name, self.status, self.detail).with(self.findings)
    }
}
