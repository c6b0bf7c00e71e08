// SPDX-License-Identifier: Apache-2.0
use std::io::Write;

/// Reports that a test is skipped, because this machine lacks something that CI always has.
///
/// # Panics
///
/// In CI. A test with a missing file would otherwise seem to pass.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "in CI this is not skipped: {why}");
    // The output of `eprintln!` is captured if a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
