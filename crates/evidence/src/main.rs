// SPDX-License-Identifier: Apache-2.0
//! The worker binary of `cutover-evidence`.

fn main() -> std::process::ExitCode {
    worker::serve(cutover_evidence::request::handle)
}
