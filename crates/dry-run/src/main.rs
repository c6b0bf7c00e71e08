// SPDX-License-Identifier: Apache-2.0
//! The worker behind `cargo xtask dry-run`.

fn main() -> std::process::ExitCode {
    cutover_dry_run::main::<()>()
}
