// SPDX-License-Identifier: Apache-2.0
//! Would validators accept the first blocks of the new code?
//!
//! Validators have neither the state nor the data of the collator. The code that they prepared must
//! check a block by the part of the state that comes with it, the seal of the author and the data
//! about the relay chain included. A block that collators build and import and that fails there is
//! never backed, and the chain stops.

use crate::{input::Runtime, rehearsal::Rehearsal};
use fork::{Author, BlockRequest, Chain, candidate, processor::MeasuredTime};
use protocol::{CheckOutcome, Finding, checks::Need};
use std::path::Path;
use validator::{EXECUTION_TIME, Validator, time_limit};
use worker::{Failure, Kind, Result};

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, chain, .. } = rehearsal;
    let Some(Ok(validator)) = rehearsal.validator() else { return Ok(Need::PreparedCode.missing()) };
    let enacted = rehearsal.enacted()?;
    let alive = rehearsal.migrated()?.map(|_| rehearsal.life()).transpose()?.map(|life| &life.chain);
    rehearsal.reporter.status("validating blocks as the relay chain's validators do");
    let mut author = rehearsal.author()?;
    if to.layout.parachain_system().is_none() {
        return Ok(CheckOutcome::fail("the new code has no ParachainSystem: it makes no block for validators"));
    }
    let stages = [("the first block of the new code", Some(enacted)), ("a block after the migrations", alive)];
    let (mut findings, mut accepted, mut longest) = (Vec::new(), Vec::new(), MeasuredTime::default());
    for (when, stage) in stages {
        let Some(stage) = stage else { continue };
        match validated(to, stage, validator, &mut author)? {
            // Other checks report why there is none.
            Validated::NoBlock => {}
            Validated::Accepted(took) => {
                accepted.push(when);
                longest = time_limit::longer(longest, took);
            }
            Validated::Refused(failure) => findings.push(format!("{when}: {failure}")),
        }
    }
    if !findings.is_empty() {
        // The seal may be of an unknown kind, for example. Then nothing is known about the new code
        // either.
        return Ok(match present(from, chain, &mut author, rehearsal.request.cache.as_deref())? {
            None => CheckOutcome::fail("validators would refuse blocks that collators build: the chain would stand")
                .with(findings),
            Some(why) => {
                let detail = "a block of the chain's present code, on its present state, is not accepted here either";
                CheckOutcome::not_judged(detail).with([vec![why], findings].concat())
            }
        });
    }
    Ok(if accepted.is_empty() {
        CheckOutcome::not_judged("there is no block to validate")
    } else {
        judge(&accepted, longest).measured(format!("at most {}", time_limit::measured(longest)))
    })
}

fn judge(accepted: &[&str], took: MeasuredTime) -> CheckOutcome {
    let rank = time_limit::judge(took, EXECUTION_TIME);
    let detail = match rank {
        None => format!("validate_block accepts {}", accepted.join(" and ")),
        Some(_) => format!("validate_block takes longer than it may, or nearly: {EXECUTION_TIME} s"),
    };
    let told = |rank| format!("{} that validators give a block", time_limit::excess(rank, EXECUTION_TIME));
    CheckOutcome::judged(detail, rank.map(|rank| Finding::new(rank, told(rank))).into_iter().collect())
}

enum Validated {
    /// No block could be built.
    NoBlock,
    Accepted(MeasuredTime),
    Refused(Failure),
}

fn validated(runtime: &Runtime, chain: &Chain, validator: &Validator, author: &mut Author<'_>) -> Result<Validated> {
    let mut chain = chain.clone();
    let bundled = candidate::is_bundled(&runtime.version);
    let code = chain.next_code()?;
    let candidate = match author.candidate(&mut chain, &code, BlockRequest::default(), bundled) {
        Ok((candidate, _)) => candidate,
        Err(failure) if failure.is_verdict() => return Ok(Validated::NoBlock),
        Err(failure) => return Err(failure),
    };
    match validator.execute(&candidate) {
        Ok(executed) => {
            let answer = sp_core::bytes::from_hex(&executed.answer).map_err(|error| {
                Failure::internal("what validate_block answered is not in hex").found(error.to_string())
            })?;
            Ok(match candidate::contradiction(&answer, &candidate.head) {
                None => Validated::Accepted(executed.took),
                Some(why) => {
                    Validated::Refused(Failure::check("validate_block does not answer for the block").found(why))
                }
            })
        }
        Err(failure) if failure.kind == Kind::Check => Ok(Validated::Refused(failure)),
        Err(failure) => Err(failure),
    }
}

/// Returns why a block of the present code is not accepted, if it is not.
fn present(from: &Runtime, before: &Chain, author: &mut Author<'_>, cache: Option<&Path>) -> Result<Option<String>> {
    let validator = match Validator::prepare(from.code.bytes(), cache) {
        Ok(validator) => validator,
        Err(failure) if failure.kind == Kind::Check => return Ok(Some(failure.to_string())),
        Err(failure) => return Err(failure),
    };
    Ok(match validated(from, before, &validator, author)? {
        Validated::Accepted(_) => None,
        Validated::Refused(failure) => Some(failure.to_string()),
        Validated::NoBlock => Some("none can be built".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn blocks_that_take_validators_too_long_fail() {
        assert_eq!(judge(&["a block"], MeasuredTime::from_reference(0.3)).status, Status::Pass);
        assert_eq!(judge(&["a block"], MeasuredTime::from_reference(1.5)).status, Status::Warn);
        assert_eq!(judge(&["a block"], MeasuredTime::from_reference(3.5)).status, Status::Fail);
    }
}
