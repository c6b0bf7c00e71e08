// SPDX-License-Identifier: Apache-2.0
//! Runs the benchmarks of pallets with the library `frame-benchmarking-cli`. The arguments are those
//! of `frame-omni-bencher v1 benchmark pallet`.
//!
//! The worker `cutover-benchmark` starts this program once for each pallet. It needs a process of
//! its own, because the library prints its results, and ends the process on an invalid argument.

use clap::Parser;
use cumulus_primitives_proof_size_hostfunction::storage_proof_size::HostFunctions;
use frame_benchmarking_cli::PalletCmd;
use log::{Level, LevelFilter, Log, Metadata, Record};
use sp_runtime::traits::BlakeTwo256;
use std::{io::ErrorKind, process::ExitCode};

/// The prefix of the library's log targets.
const TARGET: &str = "frame::benchmark";
/// The exit code if a file cannot be read or written.
const FILES_FAILED: u8 = 3;
/// The lock file that this program is built from.
const LOCK: &str = include_str!("../Cargo.lock");

#[derive(Parser)]
#[command(version = library_version())]
struct Arguments {
    #[command(flatten)]
    pallet: PalletCmd,
}

/// Returns the version of `frame-benchmarking-cli` in the lock file.
fn library_version() -> &'static str {
    let entry = LOCK.split_once("name = \"frame-benchmarking-cli\"\nversion = \"");
    entry.and_then(|(_, rest)| rest.split('"').next()).unwrap_or("unknown")
}

/// Writes log messages to the standard error: the library's progress, and the errors of all crates.
/// The other messages of wasmtime and of the database are noise.
struct StandardError;

impl Log for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Error || metadata.target().starts_with(TARGET)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("{}: {}", record.level().as_str().to_lowercase(), record.args());
        }
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    if log::set_logger(&StandardError).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
    match Arguments::parse().pallet.run_with_spec::<BlakeTwo256, HostFunctions>(None) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            match error {
                // The library makes errors of this type of its own messages too.
                sc_cli::Error::Io(error) if error.kind() != ErrorKind::Other => ExitCode::from(FILES_FAILED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
