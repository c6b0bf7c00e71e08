// SPDX-License-Identifier: Apache-2.0
//! The browser that tests use to open a bundle's report. Upgrades do not need it.

use engines::toolchain::distribution;
use process::{in_path, interrupt};
use std::path::PathBuf;
use worker::Result;
use workspace::context::Context;

/// The names of the program in different distributions.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PACKAGE: &str = "chromium";

/// Returns the path of the browser, if it is installed.
pub fn program() -> Option<PathBuf> {
    PROGRAMS.into_iter().find_map(in_path)
}

/// Installs the browser if no password is needed. Otherwise a warning says that the tests that need
/// it are skipped.
pub fn ensure(context: &Context) -> Result<()> {
    if program().is_some() {
        return Ok(());
    }
    let task = context.printer.task("browser");
    let log = context.log("setup");
    let installed = distribution::refresh_lists(&log, &task)
        .and_then(|()| distribution::install(&[PACKAGE.to_owned()], &log, &task));
    interrupt::check()?;
    match installed {
        Ok(()) => task.done("Chromium is installed"),
        Err(failure) => task.warning(&format!("report.html will NOT be tested, Chromium is missing: {failure}")),
    }
    Ok(())
}
