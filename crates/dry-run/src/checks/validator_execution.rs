// SPDX-License-Identifier: Apache-2.0
//! Would validators accept the first blocks of the new code?
//!
//! They see neither the state nor what a collator's node knows: the code that they prepared has to check a block by the part
//! of the state that came with it, the author's seal and what it says of the relay chain included. A block that collators
//! build and import and that fails there is never backed, and the chain stands.

use crate::{
    input::Runtime,
    time_limit,
    validator::{EXECUTION_TIME, Validator},
};
use fork::{Author, Chain, candidate, processor::MeasuredTime};
use protocol::{Check, Finding};
use worker::{Failure, Kind, Result};

const NAME: &str = "validator-execution";

/// `before` is the chain before the upgrade, `enacted` the one whose next block is the first of the new code, `alive` one of
/// after the migrations, if they ended.
pub fn validator_execution(
    from: &Runtime,
    to: &Runtime,
    before: &Chain,
    enacted: &Chain,
    alive: Option<&Chain>,
    validator: &Validator,
    author: &mut Author<'_>,
) -> Result<Check> {
    if to.layout.parachain_system().is_none() {
        return Ok(Check::fail(NAME, "the new code has no ParachainSystem: it makes no block for validators"));
    }
    let stages = [("the first block of the new code", Some(enacted)), ("a block after the migrations", alive)];
    let (mut findings, mut accepted, mut longest) = (Vec::new(), Vec::new(), MeasuredTime::default());
    for (when, chain) in stages {
        let Some(chain) = chain else { continue };
        match validated(to, chain, validator, author)? {
            // Other checks say why there is none.
            Validated::NoBlock => {}
            Validated::Accepted(took) => {
                accepted.push(when);
                longest = time_limit::longer(longest, took);
            }
            Validated::Refused(failure) => findings.push(format!("{when}: {failure}")),
        }
    }
    if !findings.is_empty() {
        // A seal of a kind that is not known here, say: then nothing is known of the new code either.
        return Ok(match present(from, before, author)? {
            None => Check::fail(NAME, "validators would refuse blocks that collators build: the chain would stand")
                .with(findings),
            Some(why) => {
                let detail = "a block of the chain's present code, on its present state, is not accepted here either";
                Check::not_judged(NAME, detail).with([vec![why], findings].concat())
            }
        });
    }
    Ok(if accepted.is_empty() {
        Check::not_judged(NAME, "there is no block to validate")
    } else {
        judge(&accepted, longest).measured(format!("at most {}", time_limit::measured(longest)))
    })
}

fn judge(accepted: &[&str], took: MeasuredTime) -> Check {
    let rank = time_limit::judge(took, EXECUTION_TIME);
    let detail = match rank {
        None => format!("validate_block accepts {}", accepted.join(" and ")),
        Some(_) => format!("validate_block takes longer than it may, or nearly: {EXECUTION_TIME} s"),
    };
    let told = |rank| format!("{} that validators give a block", time_limit::told(rank, EXECUTION_TIME));
    Check::judged(NAME, detail, rank.map(|rank| Finding::new(rank, told(rank))).into_iter().collect())
}

enum Validated {
    /// None could be built.
    NoBlock,
    Accepted(MeasuredTime),
    Refused(Failure),
}

fn validated(runtime: &Runtime, chain: &Chain, validator: &Validator, author: &mut Author<'_>) -> Result<Validated> {
    let mut chain = chain.clone();
    let bundled =
        runtime.version.apis.iter().any(|api| api.name.as_deref() == Some("CollectCollationInfo") && api.version >= 3);
    let candidate = match author.candidate(&mut chain, bundled) {
        Ok(candidate) => candidate,
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

/// Why a block of the present code is not accepted, if it is not.
fn present(from: &Runtime, before: &Chain, author: &mut Author<'_>) -> Result<Option<String>> {
    let validator = match Validator::prepare(from.code.bytes()) {
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
    use crate::time_limit::tests::took;
    use protocol::Status;

    #[test]
    fn blocks_that_take_validators_too_long_fail() {
        assert_eq!(judge(&["a block"], took(0.3)).status, Status::Pass);
        assert_eq!(judge(&["a block"], took(1.5)).status, Status::Warn);
        assert_eq!(judge(&["a block"], took(3.5)).status, Status::Fail);
    }
}
