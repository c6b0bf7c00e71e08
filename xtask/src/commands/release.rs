// SPDX-License-Identifier: Apache-2.0
//! The `release` commands: plan, prepare, sign and publish a release. See docs/release.md.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "the record of a release has no type yet")
)]

mod archive;
mod changelog;
mod directory;
mod gh;
pub mod plan;
mod prepare;
mod publish;
mod sign;
mod signed;
mod source;
mod template;

use crate::cli::{self, ReleaseCommand};
use worker::Result;
use workspace::{context::Context, runtimes::Workspace};

pub fn run(context: &Context, options: &cli::Release) -> Result<bool> {
    match &options.command {
        ReleaseCommand::Plan(options) => {
            let plan = plan::make(context, &Workspace::load(context)?, &options.selection)?;
            let document = plan.document()?;
            context.printer.result(&document, || report::release::plan(&document))?;
            Ok(plan.passed())
        }
        ReleaseCommand::Prepare(options) => prepare::run(context, options),
        ReleaseCommand::Sign(options) => sign::run(context, options),
        ReleaseCommand::Publish(options) => publish::run(context, options),
    }
}
