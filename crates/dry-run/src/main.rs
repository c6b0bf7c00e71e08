// SPDX-License-Identifier: Apache-2.0
//! The worker behind `cargo xtask dry-run` and `cargo xtask snapshot genesis`.

use cutover_dry_run::{Request, handle};
use std::process::ExitCode;

fn main() -> ExitCode {
    fork::runtime_log::install();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}
