// SPDX-License-Identifier: Apache-2.0
use crate::{changes, cli, context::Context, runtimes::Workspace};
use serde_json::{Value, json};
use worker::Result;

pub fn run(context: &Context, options: &cli::CiChanged) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let change = changes::since(context, &workspace, &options.base)?;
    let runtimes: Vec<Value> = workspace
        .runtimes
        .iter()
        .map(|runtime| {
            let reasons = change.reasons(runtime);
            let reasons: Vec<_> =
                reasons.iter().map(|(kind, what)| json!({"kind": kind.name(), "what": what})).collect();
            json!({
                "name": runtime.name,
                "package": runtime.package,
                "affected": !reasons.is_empty(),
                "reasons": reasons,
            })
        })
        .collect();
    let document = json!({
        "version": 1,
        "base": change.base,
        "files": change.files.len(),
        "runtimes": runtimes,
    });
    context.printer.result(&document, || report::terminal::changed_runtimes(&document))?;
    Ok(true)
}
