// SPDX-License-Identifier: Apache-2.0
//! Runtime APIs, called as nodes call them.

use crate::input::Runtime;
use fork::{Chain, Executor, Hurry};
use std::time::{Duration, Instant};
use worker::{Kind, Result};

/// No node waits this long; one that loops for ever ends the run, by name.
const LIMIT: Duration = Duration::from_secs(60);

pub enum Answer {
    /// The runtime has no such function.
    Absent,
    Value(Vec<u8>, Duration),
    /// Why the runtime gave up.
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

/// Calls `Api_method` on the state of `chain`; nothing that it writes is kept.
pub fn ask(runtime: &Runtime, chain: &Chain, executor: &Executor, function: &str, arguments: &[u8]) -> Result<Answer> {
    if !runtime.sections.exports.iter().any(|export| export == function) {
        return Ok(Answer::Absent);
    }
    let _hurry = Hurry::within(LIMIT);
    let began = Instant::now();
    match chain.call(executor, &runtime.code, function, arguments) {
        Ok(value) => Ok(Answer::Value(value, began.elapsed())),
        Err(failure) if failure.kind == Kind::Check => Ok(Answer::Trap(failure.found.unwrap_or(failure.message))),
        Err(failure) => Err(failure),
    }
}
