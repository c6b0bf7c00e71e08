// SPDX-License-Identifier: Apache-2.0
//! A validator of the relay chain, as far as a parachain's code is concerned: it prepares the code before it votes for it, and
//! has it check each block.
//!
//! Both are done in processes of their own, so that their time and memory can be told from ours and a blob that explodes takes
//! nothing with it.

mod execution;
mod preparation;

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

/// Executor parameters without anything set by the relay chain: `polkadot-node-core-pvf-common`'s defaults.
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

/// The worker's own program, once it is known to run errands: see [`serve_errands`].
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Says that this program is the worker, whatever it is called. Where it is not, everything is done in this process.
pub fn serve_errands() {
    if let Ok(program) = std::env::current_exe() {
        PROGRAM.get_or_init(|| program);
    }
}

fn own_program() -> Option<&'static Path> {
    PROGRAM.get().map(PathBuf::as_path)
}

/// What a process of the worker's own program does.
struct Errand<'a> {
    /// `preparing the code`.
    doing: &'a str,
    request: Request,
    /// How long it may take before it is ended, whatever the machine is busy with.
    patience: Duration,
    /// What validators give it.
    expected: String,
}

impl Errand<'_> {
    fn run<T: DeserializeOwned>(&self, program: &Path) -> Result<T> {
        let Self { doing, request, patience, expected } = self;
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
            // One that ended at once says why on its output.
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
                None if began.elapsed() > *patience => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(Failure::check(format!("{doing} does not end"))
                        .found(format!("still at it after {} s", patience.as_secs()))
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
            // Killed from outside, for its memory most likely: so would a validator's be.
            _ => Err(Failure::check(format!("{doing} took the process down")).found(ended.to_string())),
        }
    }
}
