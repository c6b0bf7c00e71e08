// SPDX-License-Identifier: Apache-2.0
//! Whether the calls that a message carries succeed.
//!
//! The executor ends a message well although the call of a `Transact` failed. So the message is executed once more with
//! `ExpectTransactStatus(Success)` behind each: now it fails with the call. Where it does, another instruction without
//! an effect in the same place must not fail it.

use super::{
    barrier::without_limit,
    location::Origin,
    message::{Message, field, name},
    outcome::{self, EXPECTATION},
    run::Site,
};
use crate::dispatch::{origin, value};
use proposal::{Value, decode};
use protocol::{
    CheckOutcome, Finding,
    xcm::{ExplainedTransact, XcmOutcome, XcmOutcomeKind},
};
use worker::Result;

/// The most calls of one message that are tried.
const MOST: usize = 16;
/// The instructions after which the origin of the message is another one.
const CHANGING: [&str; 4] = ["DescendOrigin", "AliasOrigin", "ClearOrigin", "UniversalOrigin"];

/// Returns the calls of a message with their results. `ran` is what became of the message.
pub fn of(site: &Site<'_>, from: &Origin, message: &Message, ran: &XcmOutcome) -> Result<Vec<ExplainedTransact>> {
    let mut found = Vec::new();
    for (place, instruction) in message.instructions.iter().enumerate() {
        if name(instruction) != "Transact" {
            continue;
        }
        let bytes = match field(instruction, "call") {
            Some(Value::Bytes(bytes)) => bytes.as_slice(),
            _ => &[],
        };
        let call = decode::call(site.member.target.types(), bytes).ok().and_then(|call| match call {
            Value::Call { pallet, name, .. } => Some(format!("{pallet}.{name}")),
            _ => None,
        });
        let (succeeded, told) = match found.len() < MOST {
            true => result(site, from, message, ran, place)?,
            false => (None, Some(format!("only the first {MOST} calls are tried"))),
        };
        let told = match succeeded {
            Some(false) => alone(site, from, message, place, bytes)?.or(told),
            _ => told,
        };
        let index = u32::try_from(place).unwrap_or(u32::MAX);
        found.push(ExplainedTransact { index, call, succeeded, found: told });
    }
    Ok(found)
}

/// Returns whether the call at this position succeeded, or why that is not known.
fn result(
    site: &Site<'_>,
    from: &Origin,
    message: &Message,
    ran: &XcmOutcome,
    place: usize,
) -> Result<(Option<bool>, Option<String>)> {
    let unknown = |why: &str| Ok((None, Some(why.to_owned())));
    if ran.kind != XcmOutcomeKind::Complete {
        let Some(failed) = ran.index.filter(|_| !message.has_other_programs()) else {
            return unknown("the message failed, and it is not told at which instruction");
        };
        match (failed as usize).cmp(&place) {
            std::cmp::Ordering::Less => return unknown("it was not reached"),
            std::cmp::Ordering::Equal => {
                let error = ran.error.as_ref().map(|error| error.name.clone()).unwrap_or_default();
                return Ok((Some(false), Some(format!("the instruction failed with {error}"))));
            }
            std::cmp::Ordering::Greater => {}
        }
    }
    if message.position(&["SetErrorHandler"]).is_some() {
        return unknown("the message handles errors itself");
    }
    if !message.is_alterable {
        return unknown("the message cannot be encoded with another instruction");
    }
    let with = |instruction: Value| -> Result<Option<XcmOutcome>> {
        let mut altered = message.inserted(place + 1, instruction);
        // One more instruction is beyond a limit that was computed for the message.
        for payment in altered.iter_mut().filter(|one| name(one) == "BuyExecution") {
            *payment = without_limit(payment);
        }
        let Some(bytes) = site.encoded(&message.name, altered)? else { return Ok(None) };
        Ok(site.execute(&from.bytes, &bytes)?.outcome().cloned())
    };
    let same = |outcome: &XcmOutcome| {
        let moved = |index: Option<u32>| index.map(|index| if index as usize > place { index + 1 } else { index });
        outcome.kind == ran.kind && outcome.error == ran.error && outcome.index == moved(ran.index)
    };
    let Some(strict) = with(value::expect_success())? else {
        return unknown("the message could not be executed with ExpectTransactStatus");
    };
    if same(&strict) {
        return Ok((Some(true), None));
    }
    let is_expectation = outcome::is(&strict, EXPECTATION);
    let is_there = strict.index.is_none_or(|index| index as usize == place + 1);
    match with(value::clear_status())? {
        Some(control) if is_expectation && is_there && same(&control) => Ok((Some(false), None)),
        _ => unknown("with one more instruction the message ends in another way"),
    }
}

/// Returns the error of a call that is dispatched by itself with the origin that the message gives it. XCM does not
/// tell it. Nothing where that origin is not known, or where the call succeeds then.
fn alone(site: &Site<'_>, from: &Origin, message: &Message, place: usize, call: &[u8]) -> Result<Option<String>> {
    if message.instructions.iter().take(place).any(|earlier| CHANGING.contains(&name(earlier))) {
        return Ok(None);
    }
    let Some(instruction) = message.instructions.get(place) else { return Ok(None) };
    let kind = field(instruction, "origin_kind").or_else(|| field(instruction, "origin_type"));
    let origin = match kind.map(name) {
        Some("Superuser") => origin::Origin::Root,
        Some("SovereignAccount") => match site.ask_value("LocationToAccountApi", "convert_location", &from.bytes)? {
            Ok(Value::Bytes(account)) => origin::Origin::Signed(account),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let interface = site.interface()?;
    let method = interface.method("DryRunApi", "dry_run_call");
    let ty = method.and_then(|method| method.inputs.first().copied());
    let Some(encoded) = ty.and_then(|ty| origin.encoded_as(&interface, ty)) else { return Ok(None) };
    Ok(match site.dispatch(&encoded, call, message.version)? {
        Ok(dispatched) => dispatched.error.map(|error| format!("dispatched alone by {origin}, it fails with {error}")),
        Err(_) => None,
    })
}

/// Do the calls that the message carries succeed?
pub fn check(message: &Message, transacts: &[ExplainedTransact]) -> CheckOutcome {
    let nested = message.nested_calls();
    if transacts.is_empty() && nested == 0 {
        return CheckOutcome::skip("it carries no call for the receiver");
    }
    let mut findings = Vec::new();
    for transact in transacts {
        let call = transact.call.as_deref().unwrap_or("a call that the receiver cannot decode");
        let told = transact.found.as_ref().map(|told| format!(": {told}")).unwrap_or_default();
        let at = format!("instruction {}, {call}", transact.index);
        match transact.succeeded {
            Some(true) => {}
            Some(false) => findings.push(Finding::seen(format!("{at}, failed, and no event says so{told}"))),
            None => findings.push(Finding::not_judged(format!("{at}: whether it succeeds is not known{told}"))),
        }
    }
    if nested > 0 {
        let told = format!("{nested} in an error handler, an appendix or another origin: their results are not known");
        findings.push(Finding::not_judged(told));
    }
    let succeeded = transacts.iter().filter(|transact| transact.succeeded == Some(true)).count();
    CheckOutcome::judged(format!("{succeeded} of {} calls succeed", transacts.len() + nested), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn message(instructions: Vec<Value>) -> Message {
        Message { bytes: Vec::new(), name: "V5".into(), version: 5, instructions, is_alterable: true }
    }

    fn transact(succeeded: Option<bool>) -> ExplainedTransact {
        ExplainedTransact { index: 1, call: Some("System.remark".into()), succeeded, found: Some("why".into()) }
    }

    #[test]
    fn a_failed_call_fails_and_an_unknown_one_is_not_judged() {
        let call = message(vec![Value::unit_variant("Transact")]);
        for (succeeded, status) in [(Some(true), Status::Pass), (Some(false), Status::Fail), (None, Status::NotJudged)]
        {
            assert_eq!(check(&call, &[transact(succeeded)]).status, status);
        }
        let failed = check(&call, &[transact(Some(false))]);
        assert_eq!(failed.findings[0].text, "instruction 1, System.remark, failed, and no event says so: why");
        assert_eq!(check(&message(Vec::new()), &[]).status, Status::Skip);
    }

    #[test]
    fn a_call_in_an_appendix_is_not_judged() {
        let appendix = Value::variant("SetAppendix", Value::List(vec![Value::unit_variant("Transact")]));
        assert_eq!(check(&message(vec![appendix]), &[]).status, Status::NotJudged);
    }
}
