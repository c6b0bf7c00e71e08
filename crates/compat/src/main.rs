// SPDX-License-Identifier: Apache-2.0
//! The worker of `diff`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::serve(cutover_compat::request::handle)
}
