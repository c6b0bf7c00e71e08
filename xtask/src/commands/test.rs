// SPDX-License-Identifier: Apache-2.0
use crate::{
    cli,
    context::Context,
    process::Tool,
    toolchain, workers,
    workers::{Worker, cargo},
};
use std::time::Duration;
use worker::Result;

/// Everything the end-to-end tests start must be there before them: they measure what commands do, not how long
/// compilers take.
pub fn run(context: &Context, options: &cli::Test) -> Result<bool> {
    toolchain::ensure(context)?;
    for worker in [Worker::Artifact, Worker::Evidence, Worker::Proposal, Worker::DryRun] {
        let task = context.printer.task("workers");
        workers::locate(context, worker, &task)?;
    }
    let nextest = Tool::new(cargo()).args(["nextest", "--version"]).timeout(Duration::from_secs(60)).capture();
    let nextest = nextest.is_ok_and(|captured| captured.status.success());
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test"] };
    if !nextest {
        context.printer.status("cargo-nextest is not installed; using cargo test");
    }
    let status = Tool::new(cargo())
        .args(runner)
        .args(["--workspace", "--locked"])
        .args(&options.arguments)
        .directory(&context.home)
        // The native halves of the runtimes are tested without a blob in them; blobs are built by the tests that need them.
        .env("SKIP_WASM_BUILD", "1")
        .env("CARGO_TARGET_DIR", workers::target_directory(context))
        .attached()?;
    // If compiling failed or a test did, the runner said which.
    Ok(status.success())
}
