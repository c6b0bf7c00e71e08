// SPDX-License-Identifier: Apache-2.0
//! The worker behind `weights compare`, `weights check` and `weights render`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::serve(cutover_weights::request::handle)
}
