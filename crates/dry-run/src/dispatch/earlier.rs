// SPDX-License-Identifier: Apache-2.0
//! Calls that are dispatched before the one that is rehearsed, such as proposals that are enacted earlier.

use super::{
    call::Call,
    route::Route,
    run::{Dispatched, Run, Until},
    sent_messages::Receiver,
    stage::{Member, Stage},
};
use artifact::hashes::blake2_256;
use fork::Executor;
use proposal::{Value, decode};
use protocol::{
    CheckOutcome, Finding,
    rehearse::{EarlierCall, EarlierProposal},
};
use worker::{Failure, Reporter, Result};

/// The most things that were not done and are listed of one call.
const MOST: usize = 50;

/// Dispatches calls one after the other, each by its own origin, until their messages have arrived. Returns the chains
/// after them.
///
/// # Errors
///
/// If one cannot be read or dispatched here, if the chains do not go on after it, or if it replaces the code of a chain: what
/// follows could not be told from it.
pub fn dispatch<'a>(
    mut stage: Stage<'a>,
    members: &[Member],
    earlier: &[EarlierProposal],
    executor: &'a Executor,
    reporter: &Reporter,
) -> Result<(Stage<'a>, Vec<EarlierCall>)> {
    let main = members.first().ok_or_else(|| Failure::internal("a rehearsal without chains"))?;
    let mut told = Vec::new();
    for proposal in earlier {
        let call = Call::read(&proposal.proposal, proposal.origin.as_deref(), stage.chain(main)?, main)?;
        let name = name(&decode::call(main.target.types(), &call.bytes)?);
        reporter.status(format!("dispatching the earlier proposal {name}"));
        let route = Route::of(&stage, main, executor)?;
        let until = Until::Settled { rounds: 0, sessions: 0 };
        let run = Run::of(&stage, members, &route, Some((&call.bytes, &call.origin)), until, reporter)?;
        let failed = |why: &str| {
            Failure::not_judged(format!("the proposal cannot be rehearsed after {name}")).found(why.to_owned())
        };
        if let Some(obstacle) = &run.obstacle {
            return Err(failed(&format!("the chains do not go on after it: {obstacle}")));
        }
        let dispatched = run.dispatched.as_ref().ok_or_else(|| failed("no block dispatched it"))?;
        for member in members {
            if run.stage.chain(member)?.next_code()? != member.runtime.code {
                return Err(failed(&format!("it replaces the code of {}", member.name)));
            }
        }
        told.push(EarlierCall {
            source: proposal.source.clone().unwrap_or(call.source),
            name,
            blake2_256: hex::encode_prefixed(blake2_256(&call.bytes)),
            origin: call.origin.to_string(),
            block: dispatched.block,
            error: dispatched.error.clone(),
            undone: undone(&run, members, dispatched),
        });
        stage = run.stage;
    }
    Ok((stage, told))
}

/// Returns what was not done although the call ended well, as far as events tell.
fn undone(run: &Run<'_>, members: &[Member], dispatched: &Dispatched) -> Vec<String> {
    let chain = |position: usize| members.get(position).map_or("a chain", |member| member.name.as_str());
    let mut all = Vec::new();
    for made in &run.blocks {
        for (place, record) in made.records.iter().flatten().enumerate() {
            let is_own = (made.member, made.number, place) == (0, dispatched.block, dispatched.event);
            // Extrinsics on forks are those of the tool, as votes of validators on a code.
            let of_the_tool = record.pallet == "System" && record.name == "ExtrinsicFailed";
            if let Some(error) = record.error.as_ref().filter(|_| !is_own && !of_the_tool) {
                let (pallet, event, at) = (&record.pallet, &record.name, chain(made.member));
                all.push(format!("{pallet}.{event} in block {} of {at} holds the error {error}", made.number));
            }
        }
    }
    let lost = run.sent.messages.iter().filter(|message| !message.is_executed());
    all.extend(lost.map(|message| {
        let to = match &message.to {
            Receiver::Member(position) => chain(*position),
            Receiver::Other(told) => told.as_str(),
        };
        format!("nothing tells that a message from {} to {to} was executed", chain(message.from))
    }));
    all.truncate(MOST);
    all
}

fn name(call: &Value) -> String {
    match call {
        Value::Call { pallet, name, .. } => format!("{pallet}.{name}"),
        other => other.to_string(),
    }
}

/// Did the proposals before it do what they say? One that fails leaves the chains as they were.
pub fn check(earlier: &[EarlierCall]) -> CheckOutcome {
    let findings = earlier.iter().flat_map(|call| {
        let failed = call.error.as_ref().map(|error| {
            Finding::hazard(format!("{} ends with {error}: the chains are as if it had never been", call.name))
        });
        let undone = call.undone.iter().map(move |told| Finding::hazard(format!("{}: {told}", call.name)));
        failed.into_iter().chain(undone)
    });
    let names: Vec<_> = earlier.iter().map(|call| call.name.as_str()).collect();
    CheckOutcome::judged(format!("dispatched before it: {}", names.join(", ")), findings.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn an_earlier_proposal_that_fails_is_a_hazard() {
        let call = |error: Option<&str>| EarlierCall {
            name: "System.remark".into(),
            error: error.map(str::to_owned),
            ..EarlierCall::default()
        };
        let good = check(&[call(None), call(None)]);
        assert_eq!((good.status, &*good.detail), (Status::Pass, "dispatched before it: System.remark, System.remark"));
        let bad = check(&[call(None), call(Some("BadOrigin"))]);
        assert_eq!(bad.status, Status::Warn);
        assert!(bad.findings.len() == 1 && bad.findings[0].text.contains("BadOrigin"), "{bad:?}");
        let undone = EarlierCall { undone: vec!["Utility.ItemFailed".into()], ..call(None) };
        assert_eq!(check(&[undone]).status, Status::Warn);
    }
}
