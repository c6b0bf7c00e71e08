// SPDX-License-Identifier: Apache-2.0
//! The worker of `inspect`, `diff --bytes` and the digests of `build`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::serve(cutover_inspect::request::handle)
}
