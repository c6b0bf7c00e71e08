// SPDX-License-Identifier: Apache-2.0
//! The worker behind `cargo xtask weights run` and `cargo xtask weights machine`.

fn main() -> std::process::ExitCode {
    cutover_benchmark::main::<()>()
}
