// SPDX-License-Identifier: Apache-2.0
//! Whether the calls that messages carry succeed.
//!
//! The executor of XCM ends a message well although a call of its `Transact` failed. So the same call is dispatched once more
//! with the instruction `ExpectTransactStatus(Success)` after each `Transact`: now the message fails with the call. Where it
//! does, another instruction without an effect in the same place must not fail it.

use super::{
    call::Call,
    route::Route,
    run::{Run, Until},
    sent_messages::{Instructions, SentMessage, SentMessages},
    stage::{Member, Stage},
    value,
};
use proposal::{Value, encode};
use worker::{Reporter, Result};

/// Returns for each message whether its calls succeed. Nothing where it has none, or where that is not known.
pub fn succeed(
    stage: &Stage<'_>,
    members: &[Member],
    route: &Route,
    (call, decoded): (&Call, &Value),
    (sent, without, skipped): (&SentMessages, &SentMessages, &[u64]),
    reporter: &Reporter,
) -> Result<Vec<Option<bool>>> {
    let carries = |message: &SentMessage| message.instructions.is_some_and(|it| it.calls > 0) && message.is_executed();
    let mut answers = vec![None; sent.messages.len()];
    let Some(main) = members.first().filter(|_| sent.messages.iter().any(carries)) else { return Ok(answers) };
    // What cannot be encoded again as it was cannot be altered.
    if encode::call(&main.target, decoded).ok().as_ref() != Some(&call.bytes) {
        return Ok(answers);
    }
    let attempt = |instruction: Value| -> Result<Option<SentMessages>> {
        let altered = value::with_instruction(decoded, &instruction);
        let Some(bytes) = altered.and_then(|altered| encode::call(&main.target, &altered).ok()) else {
            return Ok(None);
        };
        let run = Run::of(stage, members, route, Some((&bytes, &call.origin)), Until::Like(skipped), reporter)?;
        Ok(Some(run.sent.without(without)))
    };
    reporter.status("asking whether the calls in messages succeed");
    let Some(strict) = attempt(value::expect_success())? else { return Ok(answers) };
    let same = |sent: &'_ SentMessages, place: usize, message: &SentMessage| -> Option<(bool, Instructions)> {
        let same = sent.messages.get(place).filter(|other| (other.from, &other.to) == (message.from, &message.to))?;
        Some((same.is_executed(), same.instructions?))
    };
    let mut lenient = None;
    for (place, message) in
        sent.messages.iter().enumerate().filter(|(_, message)| carries(message) && message.from == 0)
    {
        let Some(own) = message.instructions.filter(|own| !own.handles_errors) else { continue };
        let asks = |asked: Instructions| asked.expectations >= own.expectations + own.calls;
        answers[place] = match same(&strict, place, message) {
            Some((true, asked)) if asks(asked) => Some(true),
            Some((false, asked)) if asks(asked) => {
                if lenient.is_none() {
                    lenient = attempt(value::clear_status())?;
                }
                match lenient.as_ref().and_then(|sent| same(sent, place, message)) {
                    Some((true, _)) => Some(false),
                    Some((false, _)) | None => None,
                }
            }
            // The message was not altered: the call sends it in another way.
            Some(_) | None => None,
        };
    }
    Ok(answers)
}
