// SPDX-License-Identifier: Apache-2.0
//! Tests a served fork with independent clients: `@polkadot/api` and `polkadot-api`, which wallets,
//! explorers and front ends use, and chopsticks, which forks the fork.
//!
//! `scripts/clients/` pins them with their digests and has a program for each. If Node.js or the
//! registry is not available, the clients are reported as skipped.

use super::CheckResult;
use crate::{
    cli,
    pinned::{self, PinnedTool},
};
use process::Tool;
use protocol::{Check, ci::ChecksReport};
use std::{path::Path, time::Duration};
use worker::{Kind, Result};
use workspace::context::Context;

/// The clients: name and program.
const CLIENTS: [(&str, &str); 3] =
    [("polkadot-js", "polkadot-js.mjs"), ("polkadot-api", "polkadot-api.mjs"), ("chopsticks", "chopsticks.mjs")];
const INSTALLED: PinnedTool = PinnedTool {
    name: "npm",
    directory: "clients",
    files: &["package.json", "package-lock.json", "checks.mjs", CLIENTS[0].1, CLIENTS[1].1, CLIENTS[2].1],
    install: pinned::from_npm,
};
/// The timeout of a client. A check usually takes seconds; a client that waits forever fails the
/// check.
const TIMEOUT: Duration = Duration::from_secs(900);

pub fn run(context: &Context, options: &cli::CiClients) -> Result<bool> {
    let checks: Vec<_> = match INSTALLED.installed(context) {
        Ok(directory) => CLIENTS
            .iter()
            .map(|(name, program)| check_client(name, &directory.join(program), &options.url))
            .collect::<Result<_>>()?,
        Err(failure) if failure.kind == Kind::Environment => {
            context.printer.warning(&format!("clients are SKIPPED, they cannot be installed: {failure}"));
            let detail = format!("not installed: {}", failure.message);
            CLIENTS.iter().map(|(name, _)| Check::skip(*name, &detail)).collect()
        }
        Err(failure) => return Err(failure),
    };
    let report = ChecksReport::new(checks);
    context.printer.result(&report, || report::terminal::checks(&report))?;
    Ok(report.verdict.passed())
}

/// Runs a client's program against the fork.
fn check_client(name: &str, program: &Path, url: &str) -> Result<Check> {
    let captured = Tool::new("node").arg(program).arg(url).timeout(TIMEOUT).capture()?;
    // The libraries may print before the result.
    let output = String::from_utf8_lossy(&captured.stdout);
    if let Some(result) = output.lines().rev().find_map(|line| serde_json::from_str::<CheckResult>(line).ok()) {
        return Ok(result.check(name));
    }
    let last: Vec<_> = output.lines().chain(captured.stderr.lines()).filter(|line| !line.trim().is_empty()).collect();
    let last = &last[last.len().saturating_sub(12)..];
    let detail = format!("ended without a result ({}), or took longer than {} s", captured.status, TIMEOUT.as_secs());
    Ok(Check::fail(name, detail).with(last.iter().copied()))
}
