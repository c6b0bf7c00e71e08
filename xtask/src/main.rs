// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask` of this workspace. Other workspaces use the same three lines: see docs/adopt.md.

fn main() -> std::process::ExitCode {
    cutover::main(env!("CARGO_MANIFEST_DIR"))
}
