// SPDX-License-Identifier: Apache-2.0
//! PVF pre-checking: the code of a parachain is prepared as a validator does before it votes for
//! it, in parallel with the rest of the dry run.

use crate::{Executed, ValidatorJob, execution, first_line, kept::KeptCode, own_program, semantics, time_limit};
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

/// The time limit of pre-checking, in seconds of processor time:
/// `DEFAULT_PRECHECK_PREPARATION_TIMEOUT`.
pub const TIME_LIMIT: f64 = 60.0;
/// The memory limit of pre-checking, in bytes: `PRECHECK_MEM_MAX_HI`, the upper bound that a relay
/// chain may set.
pub const MEMORY_LIMIT: u64 = 16 * 1024 * 1024 * 1024;
/// The memory of a small validator, in bytes.
pub const MEMORY_WARNING: u64 = 4 * 1024 * 1024 * 1024;
const CLOCK_LIMIT: Duration = Duration::from_secs(300);

/// What preparing a code took.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Prepared {
    /// Processor time of all threads: what validators measure.
    pub took: MeasuredTime,
    /// In bytes; nothing where the platform does not give it.
    pub peak_memory: Option<u64>,
    /// The size of the machine code, in bytes.
    pub artifact_size: u64,
}

impl Prepared {
    /// Returns whether no figure gives a finding. Others are measured anew each time: a machine that
    /// was disturbed once must not decide about the code for ever.
    fn is_unremarkable(&self) -> bool {
        let memory = self.peak_memory.is_none_or(|peak| peak <= MEMORY_WARNING);
        memory && time_limit::judge(self.took, TIME_LIMIT).is_none()
    }
}

/// Prepares the code in this process and writes the machine code to a file.
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

/// Returns the peak memory of this process, in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}

/// A preparation under way.
pub struct Preparation(JoinHandle<Result<Validator>>);

impl Preparation {
    /// Starts the preparation: in a process of the worker, or in this one where the crate is used
    /// as a library. `cache` has what earlier runs prepared.
    pub fn begin(code: Vec<u8>, cache: Option<PathBuf>) -> Self {
        Self(std::thread::spawn(move || Validator::prepare(&code, cache.as_deref())))
    }

    /// Waits for the end of the preparation.
    pub fn finish(self) -> Result<Validator> {
        self.0.join().map_err(|_| Failure::internal("the thread that prepares the code has panicked"))?
    }
}

/// A validator that prepared a code.
pub struct Validator {
    /// What preparing the code took.
    pub prepared: Prepared,
    /// Whether an earlier run prepared the code, and measured it.
    pub kept: bool,
    /// Private to this process and its children.
    directory: TempDir,
}

impl Validator {
    /// Prepares the code, or takes what an earlier run prepared and measured on this machine.
    pub fn prepare(code: &[u8], cache: Option<&Path>) -> Result<Self> {
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
        let artifact = artifact_in(&directory);
        let Some(program) = own_program() else {
            let prepared = Prepared { peak_memory: None, ..prepare(code, &artifact)? };
            return Ok(Self { prepared, kept: false, directory });
        };
        let place = cache.and_then(|cache| KeptCode::of(code, program, cache));
        let kept = place.as_ref().and_then(|place| place.restore(&artifact));
        if let Some(prepared) = kept.filter(Prepared::is_unremarkable) {
            return Ok(Self { prepared, kept: true, directory });
        }
        let request = Request::Prepare(PrepareRequest { code: hex::encode_prefixed(code), artifact: artifact.clone() });
        let job = ValidatorJob {
            doing: "preparing the code",
            request,
            limit: CLOCK_LIMIT,
            expected: format!("at most {TIME_LIMIT} s, as validators give it"),
        };
        let prepared: Prepared = job.run(program)?;
        if let Some(place) = place.filter(|_| prepared.is_unremarkable()) {
            place.keep(&artifact, &prepared);
        }
        Ok(Self { prepared, kept: false, directory })
    }

    /// Executes a block with the prepared code.
    pub fn execute(&self, candidate: &Candidate) -> Result<Executed> {
        let artifact = artifact_in(&self.directory);
        match own_program() {
            Some(program) => execution::job(&artifact, candidate).run(program),
            None => execution::execute(&artifact, &candidate.parameters),
        }
    }
}

fn artifact_in(directory: &TempDir) -> PathBuf {
    directory.path().join("artifact")
}
