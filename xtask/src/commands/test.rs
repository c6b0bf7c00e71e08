// SPDX-License-Identifier: Apache-2.0
use crate::{
    browser, cli,
    context::Context,
    toolchain, workers,
    workers::{Worker, cargo},
};
use std::time::Duration;
use worker::Result;

/// Packages with the node's crates below them. They are built and tested apart from the light ones: asked for together,
/// the two sets would give shared dependencies other features than either has alone, and all of it would be compiled
/// once more.
const HEAVY: [&str; 4] = ["cutover-benchmark", "cutover-dry-run", "cutover-fork", "pallet-attestations"];

/// Packages whose native half is only checked: what they do is tested on their blobs, by the end-to-end tests.
const NOT_NATIVE: [&str; 3] = ["cutover-features", "parachain-runtime", "standalone-runtime"];

/// Everything the end-to-end tests start must be there before them: they measure what commands do, not how long
/// compilers take.
pub fn run(context: &Context, options: &cli::Test) -> Result<bool> {
    toolchain::ensure(context)?;
    browser::ensure(context)?;
    let light: Vec<String> = std::iter::once("--workspace".to_string())
        .chain(HEAVY.iter().chain(&NOT_NATIVE).flat_map(|name| ["--exclude".to_string(), (*name).to_string()]))
        .collect();
    let heavy: Vec<String> = HEAVY.iter().flat_map(|name| ["--package".to_string(), (*name).to_string()]).collect();
    let task = context.printer.task("workers");
    workers::build_all(context, &[Worker::Benchmark, Worker::DryRun], &heavy, &task)?;
    workers::build_all(
        context,
        &[Worker::Artifact, Worker::Compat, Worker::Evidence, Worker::Proposal, Worker::Weights],
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
        let status = cargo()
            .args(runner)
            .args(["--locked"])
            .args(selection)
            .args(&options.arguments)
            .directory(&context.home)
            // The blobs that tests need are built by the tests themselves, with `cargo xtask build`.
            .env("SKIP_WASM_BUILD", "1")
            .env("CARGO_TARGET_DIR", workers::target_directory(context))
            .attached()?;
        // If compiling failed or a test did, the runner said which.
        passed &= status.success();
    }
    Ok(passed)
}
