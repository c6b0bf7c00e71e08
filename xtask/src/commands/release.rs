// SPDX-License-Identifier: Apache-2.0
//! The `release` commands: plan, prepare, sign and publish a release. See docs/release.md.

mod prepare;
mod publish;
mod sign;
mod signed;

use crate::cli::{self, ReleaseCommand};
use release::plan;
use worker::Result;
use workspace::{context::Context, runtimes::Workspace};

pub fn run(context: &Context, options: &cli::Release) -> Result<bool> {
    match &options.command {
        ReleaseCommand::Plan(options) => {
            let workspace = Workspace::load(context)?;
            let plan = plan::make(&context.workspace, &workspace, &options.selection.selection())?.report;
            context.printer.result(&plan, || report::release::plan(&plan))?;
            Ok(plan.passed())
        }
        ReleaseCommand::Prepare(options) => prepare::run(context, options),
        ReleaseCommand::Sign(options) => sign::run(context, options),
        ReleaseCommand::Publish(options) => publish::run(context, options),
    }
}
