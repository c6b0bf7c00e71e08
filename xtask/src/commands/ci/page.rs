// SPDX-License-Identifier: Apache-2.0
//! Checks a bundle's page in headless Chromium: on phone and desktop screens and in print, in light
//! and dark mode.
//!
//! `scripts/browser/page.mjs` drives the browser through Playwright, which `scripts/browser/` pins
//! with its digest. If the browser or the registry is not available, the check is reported as
//! skipped.

use super::super::utf8;
use super::CheckResult;
use crate::{
    browser, cli,
    pinned::{self, PinnedTool},
};
use process::Tool;
use protocol::{Check, ci::ChecksReport};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};
use worker::{Failure, Kind, Result};
use workspace::context::Context;

const PROGRAM: &str = "page.mjs";
const PLAYWRIGHT: PinnedTool = PinnedTool {
    name: "playwright",
    directory: "browser",
    files: &["package.json", "package-lock.json", PROGRAM],
    install: pinned::from_npm,
};
/// The timeout of the check, which usually takes seconds. A page that blocks the browser fails.
const TIMEOUT: Duration = Duration::from_secs(900);

pub fn run(context: &Context, options: &cli::CiPage) -> Result<bool> {
    let page = std::fs::canonicalize(&options.page).map_err(|error| Failure::io("open", &options.page, &error))?;
    if !page.is_file() {
        return Err(
            Failure::input(format!("{} is not a file", options.page.display())).expected("a bundle's report.html")
        );
    }
    let (browser, program) = match tools(context) {
        Ok(tools) => tools,
        Err(failure) if failure.kind == Kind::Environment => {
            let how = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let page = options.page.display();
            context.printer.warning(&format!("{page} is SKIPPED, it cannot be opened: {failure}{how}"));
            let detail = format!("not checked: {}", failure.message);
            return finish(context, vec![Check::skip("page", detail)]);
        }
        Err(failure) => return Err(failure),
    };
    let mut tool = Tool::new("node").arg(program).arg(browser).arg(utf8(&page)?).timeout(TIMEOUT);
    if let Some(pictures) = &options.pictures {
        std::fs::create_dir_all(pictures).map_err(|error| Failure::io("make", pictures, &error))?;
        tool = tool.arg(utf8(pictures)?);
    }
    let output = tool.output()?;
    let printed = serde_json::from_str::<PageChecks>(&output).ok().filter(|printed| !printed.checks.is_empty());
    let printed = printed.ok_or_else(|| {
        let output: String = output.chars().take(500).collect();
        Failure::internal(format!("{PROGRAM} printed no checks")).found(output)
    })?;
    finish(context, printed.checks.into_iter().map(|NamedCheck { name, result }| result.check(&name)).collect())
}

/// The output of the program.
#[derive(Deserialize)]
struct PageChecks {
    checks: Vec<NamedCheck>,
}

#[derive(Deserialize)]
struct NamedCheck {
    name: String,
    #[serde(flatten)]
    result: CheckResult,
}

/// Returns the browser and the program that drives it.
fn tools(context: &Context) -> Result<(PathBuf, PathBuf)> {
    let browser = browser::program().ok_or_else(|| {
        Failure::environment("there is no Chromium").hint("as root: apt-get install --no-install-recommends chromium")
    })?;
    Ok((browser, PLAYWRIGHT.installed(context)?.join(PROGRAM)))
}

/// Prints the checks and returns whether they passed.
fn finish(context: &Context, checks: Vec<Check>) -> Result<bool> {
    let report = ChecksReport::new(checks);
    context.printer.result(&report, || report::terminal::checks(&report))?;
    Ok(report.verdict.passed())
}
