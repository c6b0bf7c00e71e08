// SPDX-License-Identifier: Apache-2.0
//! The browser that a bundle's page is looked at with. Tests use it; no upgrade needs it.

use crate::{
    context::Context,
    interrupt,
    toolchain::{distribution, in_path},
};
use std::path::PathBuf;
use worker::Result;

/// By the names that distributions give it.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PACKAGE: &str = "chromium";

pub fn program() -> Option<PathBuf> {
    PROGRAMS.into_iter().find_map(in_path)
}

/// Installs it where that needs nobody's password. Without it the tests that need it are skipped, and this says so.
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
        Ok(()) => task.done("Chromium is there"),
        Err(failure) => task.warning(&format!("report.html will NOT be looked at, Chromium is missing: {failure}")),
    }
    Ok(())
}
