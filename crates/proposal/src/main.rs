// SPDX-License-Identifier: Apache-2.0
//! The worker of `propose`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::serve(cutover_proposal::request::handle)
}
