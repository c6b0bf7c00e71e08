// SPDX-License-Identifier: Apache-2.0
//! Support for a parachain that stands: what is wrong with it, the calls that repair it, and single tasks.
//!
//! Everything that is told is read from the states. The next block is then tried on forks of both chains, and so is each
//! repair.

mod case;
mod checks;
mod diagnosis;
mod facts;
mod known;
mod plans;
mod queue;
mod reader;
mod repair;
mod tasks;
mod trial;

use case::Case;
use fork::Executor;
use protocol::{
    Verdict,
    support::{Diagnosis, RepairReport, SupportRequest, TaskReport},
};
use worker::{Reporter, Result};

/// What a request for support asks for.
pub enum Answer {
    Diagnosis(Box<Diagnosis>),
    Repair(Box<RepairReport>),
    Task(Box<TaskReport>),
}

impl Answer {
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Diagnosis(diagnosis) => diagnosis.verdict,
            Self::Repair(report) => report.verdict,
            Self::Task(report) => report.verdict,
        }
    }
}

/// Finds out what is wrong with a parachain, and tries repairs if the request asks for them. Tries a single task in place
/// of that if the request has one.
pub fn support(request: &SupportRequest, reporter: &Reporter) -> Result<Answer> {
    let executor = Executor::new(request.cache.as_deref());
    let of_relay = executor.beside();
    let mut case = Case::read(request, (&executor, &of_relay), reporter)?;
    if let Some(options) = &request.task {
        return Ok(Answer::Task(Box::new(tasks::attempt(&mut case, options, reporter)?)));
    }
    let diagnosis = diagnosis::of(&mut case, reporter)?;
    match &request.repair {
        None => Ok(Answer::Diagnosis(Box::new(diagnosis))),
        Some(options) => Ok(Answer::Repair(Box::new(repair::attempt(&mut case, diagnosis, options, reporter)?))),
    }
}
