// SPDX-License-Identifier: Apache-2.0
//! A parachain's blob made ready as a validator does it before it votes for it: PVF pre-checking. It goes on beside the rest of
//! the dry run.

use super::{Errand, Executed, execution, first_line, own_program, semantics};
use fork::{
    Candidate,
    processor::{CpuScope, MeasuredTime, Stopwatch},
};
use protocol::dry_run::{PrepareRequest, Request};
use sc_executor_common::runtime_blob::RuntimeBlob;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::Duration,
};
use tempfile::TempDir;
use worker::{Failure, Result};

/// What a validator's pre-checking has, in seconds of processor time: `DEFAULT_PRECHECK_PREPARATION_TIMEOUT`.
pub const TIME_LIMIT: f64 = 60.0;
/// Pre-checking may use this much at most: the upper bound that a relay chain may set, `PRECHECK_MEM_MAX_HI`.
pub const MEMORY_LIMIT: u64 = 16 * 1024 * 1024 * 1024;
/// Beyond this the machines of some validators have no more: what a small one has in all.
pub const MEMORY_WARNING: u64 = 4 * 1024 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Prepared {
    /// Of the processor, all threads together: what validators count.
    pub took: MeasuredTime,
    /// Nothing where the platform does not tell.
    pub peak_memory: Option<u64>,
    /// Bytes of machine code.
    pub artifact_size: u64,
}

/// Prepares the code in this process and leaves the machine code in a file.
pub fn prepare(code: &[u8], artifact: &Path) -> Result<Prepared> {
    let watch = Stopwatch::start(CpuScope::Process);
    let refused = |error: sc_executor_common::error::WasmError| {
        Failure::check("validators cannot prepare the code").found(first_line(&error.to_string()))
    };
    let blob = RuntimeBlob::uncompress_if_needed(code).map_err(refused)?;
    let machine_code = sc_executor_wasmtime::prepare_runtime_artifact(blob, &semantics()).map_err(refused)?;
    let took = watch.stop();
    std::fs::write(artifact, &machine_code).map_err(|error| Failure::io("write", artifact, &error))?;
    Ok(Prepared { took, peak_memory: peak_memory(), artifact_size: machine_code.len() as u64 })
}

/// The most memory this process ever had.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}

/// A preparation under way.
pub struct Preparation(JoinHandle<Result<Validator>>);

impl Preparation {
    /// Begins: in a process of the worker's own program, or, where this is used as a library, in this one.
    pub fn begin(code: Vec<u8>) -> Self {
        Self(std::thread::spawn(move || Validator::prepare(&code)))
    }

    pub fn finish(self) -> Result<Validator> {
        self.0.join().map_err(|_| Failure::internal("the thread that prepares the code has panicked"))?
    }
}

/// One that prepared a code and can have it check blocks.
pub struct Validator {
    pub prepared: Prepared,
    /// Only this process and those that it starts know where the machine code is.
    directory: TempDir,
}

impl Validator {
    pub fn prepare(code: &[u8]) -> Result<Self> {
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
        let artifact = artifact_in(&directory);
        let prepared = match own_program() {
            Some(program) => Errand {
                doing: "preparing the code",
                request: Request::Prepare(PrepareRequest {
                    code: hex::encode_prefixed(code),
                    artifact: artifact.clone(),
                }),
                patience: PATIENCE,
                expected: format!("at most {TIME_LIMIT} s, as validators give it"),
            }
            .run(program)?,
            None => Prepared { peak_memory: None, ..prepare(code, &artifact)? },
        };
        Ok(Self { prepared, directory })
    }

    /// Has the code check a block, as for any that a collator sends.
    pub fn execute(&self, candidate: &Candidate) -> Result<Executed> {
        let artifact = artifact_in(&self.directory);
        match own_program() {
            Some(program) => execution::errand(&artifact, candidate).run(program),
            None => execution::execute(&artifact, &candidate.parameters),
        }
    }
}

fn artifact_in(directory: &TempDir) -> PathBuf {
    directory.path().join("artifact")
}
