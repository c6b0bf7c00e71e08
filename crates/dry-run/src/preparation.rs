// SPDX-License-Identifier: Apache-2.0
//! A parachain's blob made ready as a validator does it before it votes for it: PVF pre-checking.
//!
//! Done in a process of its own, so that its time and its peak memory can be told from ours and a blob that explodes
//! takes nothing with it, and beside the rest of the dry run.

use sc_executor_common::{runtime_blob::RuntimeBlob, wasm_runtime::HeapAllocStrategy};
use sc_executor_wasmtime::{DeterministicStackLimit, InstantiationStrategy, Semantics};
use serde::{Deserialize, Serialize};
use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use worker::{Event, Failure, Result};

/// What a validator's pre-checking has, in seconds of processor time: `DEFAULT_PRECHECK_PREPARATION_TIMEOUT`.
pub const TIME_LIMIT: f64 = 60.0;
/// Pre-checking may use this much at most: the upper bound that a relay chain may set, `PRECHECK_MEM_MAX_HI`.
pub const MEMORY_LIMIT: u64 = 16 * 1024 * 1024 * 1024;
/// Beyond this the machines of some validators have no more: what a small one has in all.
pub const MEMORY_WARNING: u64 = 4 * 1024 * 1024 * 1024;
/// How long the process may take before it is ended, whatever the machine is busy with.
const PATIENCE: Duration = Duration::from_secs(300);

/// Executor parameters without anything set by the relay chain: `polkadot-node-core-pvf-common`'s defaults.
const LOGICAL_STACK: u32 = 65_536;
const NATIVE_STACK: u32 = 256 * 1024 * 1024;
const MEMORY_PAGES: u32 = 32 + 2_048;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Prepared {
    /// Of the processor, all threads together: what validators count.
    pub cpu_seconds: f64,
    pub seconds: f64,
    /// Nothing where the platform does not tell.
    pub peak_memory: Option<u64>,
    /// Bytes of machine code.
    pub artifact_size: u64,
}

/// The semantics that validators prepare and execute parachains' code with.
fn semantics() -> Semantics {
    Semantics {
        heap_alloc_strategy: HeapAllocStrategy::Dynamic { maximum_pages: Some(MEMORY_PAGES) },
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

/// Prepares the code in this process.
pub fn prepare(code: &[u8]) -> Result<Prepared> {
    let began = Instant::now();
    let used = cpu_seconds();
    let refused = |error: sc_executor_common::error::WasmError| {
        Failure::check("validators cannot prepare the code").found(first_line(&error.to_string()))
    };
    let blob = RuntimeBlob::uncompress_if_needed(code).map_err(refused)?;
    let artifact = sc_executor_wasmtime::prepare_runtime_artifact(blob, &semantics()).map_err(refused)?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu_seconds = match (used, cpu_seconds()) {
        (Some(before), Some(after)) => after - before,
        _ => seconds,
    };
    Ok(Prepared { cpu_seconds, seconds, peak_memory: peak_memory(), artifact_size: artifact.len() as u64 })
}

fn first_line(text: &str) -> String {
    let mut line = text.lines().next().unwrap_or_default().to_owned();
    line.truncate((0..=400.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0));
    line
}

/// Processor time of this process so far. Linux counts it in hundredths of a second.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name in parentheses may hold anything; fields are counted after it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}

/// The most memory this process ever had.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}

/// A preparation under way.
pub struct Preparation(JoinHandle<Result<Prepared>>);

impl Preparation {
    /// Begins: in a process of the worker's own program, or, where this is used as a library, in this one.
    pub fn begin(code: Vec<u8>) -> Self {
        Self(std::thread::spawn(move || match own_program() {
            Some(program) => {
                let mut prepared = in_process(&program, &code)?;
                prepared.seconds = (prepared.seconds * 1000.0).round() / 1000.0;
                Ok(prepared)
            }
            None => prepare(&code).map(|prepared| Prepared { peak_memory: None, ..prepared }),
        }))
    }

    pub fn finish(self) -> Result<Prepared> {
        self.0.join().map_err(|_| Failure::internal("the thread that prepares the code has panicked"))?
    }
}

fn own_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    (program.file_stem()?.to_str()? == env!("CARGO_PKG_NAME")).then_some(program)
}

fn in_process(program: &PathBuf, code: &[u8]) -> Result<Prepared> {
    let failed = |what: &str, error: std::io::Error| Failure::environment(what).found(error.to_string());
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed("cannot start a process to prepare the code", error))?;
    let request = serde_json::json!({ "command": "prepare", "code": worker::hex_prefixed(code) }).to_string();
    if let Some(mut input) = child.stdin.take() {
        // One that ended at once says why on its output.
        let _ = input.write_all(request.as_bytes());
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
        match child.try_wait().map_err(|error| failed("cannot wait for the process that prepares the code", error))? {
            Some(status) => break status,
            None if began.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::check("preparing the code does not end")
                    .found(format!("still at it after {} s", PATIENCE.as_secs()))
                    .expected(format!("at most {TIME_LIMIT} s, as validators give it")));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let text = reading.join().unwrap_or_default();
    let last = text.lines().rev().find_map(|line| serde_json::from_str::<Event>(line).ok());
    match last {
        Some(Event::Done { value, .. }) => serde_json::from_value(value)
            .map_err(|error| Failure::internal("the preparation's result cannot be read").found(error.to_string())),
        Some(Event::Failed(failure)) => Err(failure),
        // Killed from outside, for its memory most likely: so would a validator's be.
        _ => Err(Failure::check("preparing the code took the process down").found(ended.to_string())),
    }
}
