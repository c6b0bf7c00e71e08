// SPDX-License-Identifier: Apache-2.0
//! Runtime APIs, called as nodes call them.

use crate::input::Runtime;
use fork::{
    CallTimeLimit, Chain, Executor,
    processor::{CpuScope, MeasuredTime, Stopwatch},
};
use std::time::Duration;
use worker::{Kind, Result};

/// The time limit of a call. No node waits this long; a call that loops for ever ends the run, by
/// name.
const LIMIT: Duration = Duration::from_secs(60);

pub enum Answer {
    /// The runtime has no such function.
    Absent,
    Value(Vec<u8>, MeasuredTime),
    /// The call trapped, for this reason.
    Trap(String),
}

impl Answer {
    pub fn value(self) -> Option<Vec<u8>> {
        match self {
            Self::Value(value, _) => Some(value),
            _ => None,
        }
    }
}

/// Returns the number of a parachain at its relay chain.
pub fn parachain_id(runtime: &Runtime, chain: &Chain, executor: &Executor) -> Result<Option<u32>> {
    runtime.layout.parachain_id(chain, executor, &runtime.code)
}

/// Calls `Api_method` on the state of `chain`. Nothing that it writes is kept.
pub fn ask(runtime: &Runtime, chain: &Chain, executor: &Executor, function: &str, arguments: &[u8]) -> Result<Answer> {
    if !runtime.sections.exports.iter().any(|export| export == function) {
        return Ok(Answer::Absent);
    }
    let _hurry = CallTimeLimit::set(LIMIT);
    let watch = Stopwatch::start(CpuScope::Thread);
    match chain.call(executor, &runtime.code, function, arguments) {
        Ok(value) => Ok(Answer::Value(value, watch.stop())),
        Err(failure) if failure.kind == Kind::Check => Ok(Answer::Trap(failure.found.unwrap_or(failure.message))),
        Err(failure) => Err(failure),
    }
}
