// SPDX-License-Identifier: Apache-2.0
//! Executes the block of a parachain as a validator does: `validate_block` of the prepared code,
//! with no state but the proof of the block.

use crate::{HEAP, NATIVE_STACK, ValidatorJob, first_line, semantics};
use fork::{
    Candidate, candidate,
    processor::{CpuScope, MeasuredTime, Stopwatch},
    runtime_log::RuntimeLog,
};
use protocol::dry_run::{Request, ValidateRequest};
use sc_executor_common::wasm_runtime::WasmModule;
use serde::{Deserialize, Serialize};
use sp_state_machine::BasicExternalities;
use std::{path::Path, time::Duration};
use worker::{Failure, Result};

/// The time limit of a backing validator, in seconds of processor time:
/// `DEFAULT_BACKING_EXECUTION_TIMEOUT`.
pub const TIME_LIMIT: f64 = 2.0;
/// By the clock.
const CLOCK_LIMIT: Duration = Duration::from_secs(300);
/// The stack of the thread beside that of the code, in bytes.
const STACK: usize = NATIVE_STACK as usize + 2 * 1024 * 1024;

/// A block that `validate_block` accepted.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Executed {
    /// The answer of `validate_block`, in hex.
    pub answer: String,
    /// How long the call took.
    pub took: MeasuredTime,
}

pub(super) fn job(artifact: &Path, candidate: &Candidate) -> ValidatorJob<'static> {
    let parameters = hex::encode_prefixed(&candidate.parameters);
    ValidatorJob {
        doing: "validate_block",
        request: Request::Validate(ValidateRequest { artifact: artifact.to_path_buf(), parameters }),
        limit: CLOCK_LIMIT,
        expected: format!("at most {TIME_LIMIT} s, as validators give it"),
    }
}

/// Calls `validate_block` in this process, on a thread with a stack as large as validators give it.
pub fn execute(artifact: &Path, parameters: &[u8]) -> Result<Executed> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || call(artifact, parameters));
        let thread = thread.map_err(|error| {
            Failure::environment("cannot start a thread for validate_block").found(error.to_string())
        })?;
        thread.join().map_err(|_| Failure::internal("the thread that called validate_block has panicked"))?
    })
}

fn call(artifact: &Path, parameters: &[u8]) -> Result<Executed> {
    let refused = |found: String| Failure::check("validate_block refuses the block").found(found);
    let config = sc_executor_wasmtime::Config {
        // Host functions that validators lack are stubs that trap, as in their own workers.
        allow_missing_func_imports: true,
        cache_path: None,
        semantics: semantics(),
    };
    #[allow(
        unsafe_code,
        reason = "machine code is loaded as validators load theirs; to compile it again takes seconds"
    )]
    // SAFETY: the machine code was made by `preparation::prepare` of this very program. `kept` restores it only with its hash.
    // The file is in a directory that was made for it alone and is removed after the last use; nothing writes to it afterwards.
    let module =
        unsafe { sc_executor_wasmtime::create_runtime_from_artifact::<candidate::HostFunctions>(artifact, config) };
    let module = module.map_err(|error| refused(first_line(&error.to_string())))?;
    let mut instance = module.new_instance(HEAP).map_err(|error| refused(first_line(&error.to_string())))?;
    let mut externalities = BasicExternalities::default();
    *externalities.extensions() = candidate::extensions();
    let log = RuntimeLog::default().begin_call(externalities.extensions());
    let watch = Stopwatch::start(CpuScope::Thread);
    let answer = externalities.execute_with(|| instance.call_export("validate_block", parameters));
    let took = watch.stop();
    let answer = answer.map_err(|error| refused(log.panic().unwrap_or_else(|| first_line(&error.to_string()))))?;
    Ok(Executed { answer: hex::encode_prefixed(&answer), took })
}
