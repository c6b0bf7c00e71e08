// SPDX-License-Identifier: Apache-2.0
//! The `ci changed` command: which runtimes a change affects.

use crate::cli;
use protocol::{
    ci::{ChangeReason, ChangedReport, ChangedRuntime},
    format,
};
use worker::Result;
use workspace::{
    changes::{self, Kind},
    context::Context,
    runtimes::Workspace,
};

pub fn run(context: &Context, options: &cli::CiChanged) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let change = changes::since(context, &workspace, &options.base)?;
    let runtimes = workspace.runtimes.iter().map(|runtime| {
        let reason = |(kind, what): (Kind, String)| ChangeReason { kind: kind.name().to_owned(), what };
        let reasons: Vec<_> = change.reasons(runtime).into_iter().map(reason).collect();
        ChangedRuntime {
            name: runtime.name.clone(),
            package: runtime.package.clone(),
            affected: !reasons.is_empty(),
            reasons,
        }
    });
    let document = ChangedReport {
        format: format::CHANGED.into(),
        files: change.files.len(),
        runtimes: runtimes.collect(),
        base: change.base,
    };
    context.printer.result(&document, || report::terminal::changed_runtimes(&document))?;
    Ok(true)
}
