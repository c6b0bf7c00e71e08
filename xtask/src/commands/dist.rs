// SPDX-License-Identifier: Apache-2.0
//! The `dist` command: packs the workers into an archive.

use crate::cli;
use protocol::{format, prebuilt::DistReport};
use worker::{Failure, Result};
use workers::{Worker, prebuilt};
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::Dist) -> Result<bool> {
    if std::env::var_os("CUTOVER_WORKERS").is_some_and(|value| !value.is_empty()) {
        return Err(Failure::usage("CUTOVER_WORKERS is set, so it is unknown what its workers were built from")
            .hint("unset CUTOVER_WORKERS"));
    }
    let task = context.printer.task("dist");
    let sources = prebuilt::sources(&context.home)?;
    let mut programs = Vec::new();
    for worker in Worker::SHIPPED {
        let program = workers::locate(context, worker, &task)?;
        if program.file_name() != Some(worker.name().as_ref()) {
            return Err(Failure::usage("the workers of this workspace have host functions of its own")
                .found(program.display().to_string())
                .expected("the workers that every workspace can use")
                .hint("run `cargo xtask dist` in a checkout of Cutover"));
        }
        programs.push((worker, program));
    }
    let directory = options.out.clone().unwrap_or_else(|| context.workspace.join("target/dist"));
    let file = directory.join(format!("cutover-workers-{}-{}.tar.gz", env!("CARGO_PKG_VERSION"), prebuilt::target()));
    task.say(&format!("packing {} workers", programs.len()));
    let manifest = prebuilt::pack(&context.home, &programs, &file)?;
    if manifest.sources != sources {
        return Err(Failure::input("the sources changed while the workers were built").hint("run the command again"));
    }
    let size = std::fs::metadata(&file).map_err(|error| Failure::io("read", &file, &error))?.len();
    let digest = prebuilt::digest(&file)?;
    let report = DistReport { format: format::DIST.into(), file, size, digest, manifest };
    context.printer.result(&report, || report::terminal::dist(&report))?;
    Ok(true)
}
