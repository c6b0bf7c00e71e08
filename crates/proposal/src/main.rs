// SPDX-License-Identifier: Apache-2.0
//! The worker behind `propose`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::serve(cutover_proposal::request::handle)
}
