// SPDX-License-Identifier: Apache-2.0
//! The worker behind `cargo xtask weights run` and `cargo xtask weights machine`.

use cutover_benchmark::{Request, handle};
use std::process::ExitCode;

fn main() -> ExitCode {
    fork::runtime_log::install();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}
