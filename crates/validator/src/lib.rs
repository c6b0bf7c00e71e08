// SPDX-License-Identifier: Apache-2.0
//! A validator of the relay chain: it prepares the code of a parachain, and executes its blocks
//! with it.
//!
//! Each job runs in a process of its own, so that its time and memory can be measured, and a blob
//! that exhausts them ends that process alone.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod execution;
mod kept;
mod preparation;
pub mod time_limit;

pub use execution::{Executed, TIME_LIMIT as EXECUTION_TIME, execute};
pub use preparation::{MEMORY_LIMIT, MEMORY_WARNING, Preparation, Prepared, TIME_LIMIT, Validator, prepare};

use protocol::dry_run::Request;
use sc_executor_common::wasm_runtime::HeapAllocStrategy;
use sc_executor_wasmtime::{DeterministicStackLimit, InstantiationStrategy, Semantics};
use serde::de::DeserializeOwned;
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use worker::{Event, Failure, Result};

/// Executor parameters where the relay chain sets none: the defaults of
/// `polkadot-node-core-pvf-common`.
const LOGICAL_STACK: u32 = 65_536;
const NATIVE_STACK: u32 = 256 * 1024 * 1024;
const MEMORY_PAGES: u32 = 32 + 2_048;
const HEAP: HeapAllocStrategy = HeapAllocStrategy::Dynamic { maximum_pages: Some(MEMORY_PAGES) };

/// The semantics that validators prepare and execute parachains' code with.
fn semantics() -> Semantics {
    Semantics {
        heap_alloc_strategy: HEAP,
        instantiation_strategy: InstantiationStrategy::RecreateInstanceCopyOnWrite,
        deterministic_stack_limit: Some(DeterministicStackLimit {
            logical_max: LOGICAL_STACK,
            native_stack_max: NATIVE_STACK,
        }),
        canonicalize_nans: true,
        parallel_compilation: true,
        wasm_multi_value: false,
        wasm_bulk_memory: false,
        wasm_reference_types: false,
        wasm_simd: false,
    }
}

fn first_line(text: &str) -> String {
    let mut line = text.lines().next().unwrap_or_default().to_owned();
    line.truncate((0..=400.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0));
    line
}

/// The program of the worker, once it is known that it serves jobs: see [`serve_validator_jobs`].
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Declares that this program is the worker and serves validator jobs. Without it, jobs run in this
/// process.
pub fn serve_validator_jobs() {
    if let Ok(program) = std::env::current_exe() {
        PROGRAM.get_or_init(|| program);
    }
}

fn own_program() -> Option<&'static Path> {
    PROGRAM.get().map(PathBuf::as_path)
}

/// A job for a process of the worker.
struct ValidatorJob<'a> {
    /// What it does, for messages: `preparing the code`.
    doing: &'a str,
    request: Request,
    /// The time by the clock after which it is ended.
    limit: Duration,
    /// The limit of validators, for the message.
    expected: String,
}

impl ValidatorJob<'_> {
    fn run<T: DeserializeOwned>(&self, program: &Path) -> Result<T> {
        let Self { doing, request, limit, expected } = self;
        let failed = |what: &str, error: std::io::Error| {
            Failure::environment(format!("{what} {doing}")).found(error.to_string())
        };
        let request = serde_json::to_vec(request).map_err(|error| {
            Failure::internal(format!("the request of {doing} is no JSON")).found(error.to_string())
        })?;
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed("cannot start a process for", error))?;
        if let Some(mut input) = child.stdin.take() {
            // A process that ended at once writes the reason to its output.
            let _ = input.write_all(&request);
        }
        let output = child.stdout.take();
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut output) = output {
                let _ = output.read_to_string(&mut text);
            }
            text
        });
        let began = Instant::now();
        let ended = loop {
            match child.try_wait().map_err(|error| failed("cannot wait for the process that is", error))? {
                Some(status) => break status,
                None if began.elapsed() > *limit => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(Failure::check(format!("{doing} does not end"))
                        .found(format!("still at it after {} s", limit.as_secs()))
                        .expected(expected));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = reading.join().unwrap_or_default();
        let last = text.lines().rev().find_map(|line| serde_json::from_str::<Event>(line).ok());
        match last {
            Some(Event::Done { value, .. }) => serde_json::from_value(value).map_err(|error| {
                Failure::internal(format!("the result of {doing} cannot be read")).found(error.to_string())
            }),
            Some(Event::Failed(failure)) => Err(failure),
            // Killed from outside, most likely for its memory. The process of a validator would be
            // too.
            _ => Err(Failure::check(format!("{doing} took the process down")).found(ended.to_string())),
        }
    }
}
