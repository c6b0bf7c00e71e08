// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask`: parses the command line, runs the command and prints the result. Each command is
//! a file of `commands`. Heavy work is done by worker programs (see the crate `workers`).
//!
//! It is a library so that another workspace can depend on it, pinned by that workspace's lock
//! file, and start it from a package of three lines.

#![cfg_attr(not(test), warn(clippy::disallowed_macros, clippy::disallowed_methods))]

mod browser;
mod cli;
mod commands;
mod pinned;
mod sources;

#[cfg(test)]
mod house;
#[cfg(test)]
mod mentions;
#[cfg(test)]
mod reference;

use clap::Parser;
use cli::{Cli, Command};
use console::printer::Printer;
use process::{interrupt, stdin};
use protocol::Verdict;
use std::process::ExitCode;
use workspace::context::{Context, Packages};

/// Runs the command line and returns the exit code. `package` is the directory of the package that
/// was started, `env!("CARGO_MANIFEST_DIR")`. By default the runtimes are those of its workspace.
pub fn main(package: &str) -> ExitCode {
    // The same binary is also a part of builds, such as the rustc wrapper.
    if let Some(code) = engines::run_as_part() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::usage_error(&error),
    };
    let printer = Printer::new(&cli.global.printer());
    let packages = Packages { own: env!("CARGO_MANIFEST_DIR"), started: package };
    let outcome = interrupt::install()
        .and_then(|()| Context::new(printer.clone(), cli.global.workspace.as_deref(), packages))
        .and_then(|context| dispatch(&context, cli.command));
    stdin::remove_file();
    printer.finish(outcome)
}

/// Runs a command and returns its verdict. Most commands only return whether every check passed.
fn dispatch(context: &Context, command: Command) -> worker::Result<Verdict> {
    let passed = match command {
        Command::DryRun(options) => return commands::dry_run::run(context, &options),
        Command::Rehearse(options) => return commands::rehearse::run(context, &options),
        Command::Propose(options) => return commands::propose::run(context, &options),
        Command::Support(command) => return commands::support::run(context, &command),
        Command::Verify(options) => return commands::verify::run(context, &options),
        Command::Xcm(command) => return commands::xcm::run(context, &command),
        Command::Upgrade(options) => return commands::upgrade::run(context, &options),
        Command::Weights(options) => return commands::weights::run(context, &options),
        Command::Setup(options) => commands::setup::run(context, &options),
        Command::List(options) => commands::list::run(context, &options),
        Command::Build(options) => commands::build::run(context, &options),
        Command::Inspect(options) => commands::inspect::run(context, &options),
        Command::Diff(options) => commands::diff::run(context, &options),
        Command::Fork(options) => commands::fork::run(context, &options),
        Command::Snapshot(options) => commands::snapshot::run(context, &options),
        Command::Sign(options) => commands::sign::run(context, &options),
        Command::Signers(options) => commands::signers::run(context, &options),
        Command::Release(options) => commands::release::run(context, &options),
        Command::Init(options) => commands::init::run(context, &options),
        Command::Ci(options) => commands::ci::run(context, &options),
        Command::Dist(options) => commands::dist::run(context, &options),
        Command::Test(options) => commands::test::run(context, &options),
        Command::Completions(options) => commands::completions::run(context, &options),
    };
    passed.map(Verdict::from)
}
