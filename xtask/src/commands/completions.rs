// SPDX-License-Identifier: Apache-2.0
use crate::{cli, context::Context};
use clap::CommandFactory;
use worker::{Failure, Result};

pub fn run(context: &Context, options: &cli::Completions) -> Result<bool> {
    let mut script = Vec::new();
    // Shells complete the first word; `cargo xtask` is two, so the script is for the alias `xtask` and for the binary.
    clap_complete::generate(
        options.shell,
        &mut cli::Cli::command().bin_name("xtask").name("xtask"),
        "xtask",
        &mut script,
    );
    let script = String::from_utf8(script)
        .map_err(|error| Failure::internal("the completion script is no text").found(error.to_string()))?;
    context.printer.data(&script)?;
    Ok(true)
}
