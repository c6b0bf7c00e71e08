// SPDX-License-Identifier: Apache-2.0
//! The worker behind `cargo xtask fork`, `snapshot create`, `snapshot prune` and `snapshot genesis`.

fn main() -> std::process::ExitCode {
    cutover_serve::main::<()>()
}
