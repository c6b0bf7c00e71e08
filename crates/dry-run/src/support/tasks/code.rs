// SPDX-License-Identifier: Apache-2.0
//! Tasks about the head and the code of a parachain.

use super::{
    Job, Wait, bytes,
    condition::{Condition, Test, scheduled},
    lacks,
};
use crate::support::{
    case::Case,
    checks::NO_STATE,
    known::named,
    plans::{self, Action, Plan, WRITES, call, calls, lost_blocks},
    reader::Reader,
    trial::{Trial, VOTES},
};
use artifact::sections::Sections;
use codec::{Decode, DecodeAll, Encode};
use fork::{Code, Header, keys};
use network::{
    Relay,
    upgrade::{MOST_DELAY, code_hash},
};
use protocol::Source;
use source::ReadSource;
use worker::{Failure, Reporter, Result};

/// Reads the blob of a parachain as it is stored on chain.
///
/// # Errors
///
/// If validators cannot execute it, because it is the runtime of another kind of chain.
pub fn read(name: &str) -> Result<Code> {
    const VALIDATION: &str = "validate_block";
    let blob = name.parse::<Source>()?.blob()?;
    let sections = Sections::read(name, &blob)?;
    if !sections.exports.iter().any(|export| export == VALIDATION) {
        return Err(Failure::input(format!("{name} is no runtime of a parachain"))
            .found(format!("no function {VALIDATION}"))
            .expected("a blob whose blocks validators can check"));
    }
    Ok(Code::new(blob.deployed))
}

/// Returns the head that is given, or that of the parachain's state.
pub fn head(case: &Case<'_>, given: Option<&str>) -> Result<Vec<u8>> {
    match given {
        Some(head) => bytes(head, "the head"),
        None if case.parachain.is_some() => Ok(case.network.parachain(case.para)?.head()),
        None => Err(Failure::usage("there is no head").found(NO_STATE).hint("give the head with --head")),
    }
}

/// Returns what is told of a head that collators cannot build on.
pub fn no_header(head: &[u8]) -> Option<String> {
    let is_header = Header::decode(&mut &head[..]).is_ok();
    (!is_header).then(|| "the head is no header: no collator can build on it".to_owned())
}

pub fn set_head(case: &Case<'_>, given: Option<&str>) -> Result<Job> {
    let head = head(case, given)?;
    let number = |head: &[u8]| Header::decode(&mut &head[..]).ok().map(|header| header.number);
    let own = number(&head);
    let stored = case.network.relay.head_of(case.para)?;
    let mut costs = vec!["messages that lost blocks received or sent are lost, or arrive once more".to_owned()];
    let mut hazards: Vec<_> = no_header(&head).into_iter().collect();
    if let Some(own) = own {
        costs.push(lost_blocks(own, stored.as_deref().and_then(number)));
    }
    if case.pending > 0 {
        hazards.push(
            "a candidate is pending on the relay chain: included after the call, its head takes the place of this one"
                .into(),
        );
    }
    let plan = Plan::by_root(
        "set-head",
        "the root sets the relay chain's head of the parachain",
        costs,
        calls(call(&case.relay, "force_set_current_head", (case.para, &head))),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Paras.force_set_current_head"))?;
    let test = Test::Entry { key: Relay::key_of_head(case.para), value: Some(head.encode()) };
    Ok(Job { hazards, ..Job::new(plan, vec![Condition::new("the relay chain has this head", test)], Wait::Nothing) })
}

pub fn set_code(case: &Case<'_>, blob: &str) -> Result<Job> {
    let code = read(blob)?;
    let told = "the root sets the relay chain's code of the parachain";
    let plan = plans::set_code(case, "set-code", told, &code)?.map(|mut plan| {
        plan.costs.push(
            "the parachain keeps its own code: unless it is this one, its nodes need it as a code substitute too"
                .into(),
        );
        plan
    });
    let plan = plan
        .ok_or_else(|| lacks(case, "Paras.authorize_force_set_current_code_hash, or Paras.force_set_current_code"))?;
    let condition = Condition::new("the relay chain has this code", Test::Code(code_hash(&code)));
    let hazards = pending_code(case)?.into_iter().collect();
    Ok(Job { hazards, ..Job::new(plan, vec![condition], Wait::Nothing) })
}

/// Returns what is told of a code that is scheduled already.
fn pending_code(case: &Case<'_>) -> Result<Option<String>> {
    let found = case.network.relay.chain().storage(&scheduled(case.para))?;
    Ok(found.map(|hash| format!("a code is scheduled already: {}", hex::encode_prefixed(hash))))
}

pub fn schedule(case: &Case<'_>, blob: &str, at: u32) -> Result<Job> {
    let code = read(blob)?;
    let hash = code_hash(&code);
    let plan = Plan::by_root(
        "schedule-code",
        "the root schedules the code",
        vec![
            "validators vote on it first: here they accept it".into(),
            "the parachain is not told: unless its own code is this one by then, its next block is refused".into(),
            "the parachain may schedule no other code until a cooldown ends".into(),
        ],
        calls(call(&case.relay, "force_schedule_code_upgrade", (case.para, code.bytes(), at))),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Paras.force_schedule_code_upgrade"))?;
    let entry = Test::Entry { key: scheduled(case.para), value: Some(hash.as_ref().to_vec()) };
    let conditions = vec![
        Condition::new(format!("{} is scheduled", named(hash)), entry),
        Condition::new("it is the relay chain's code in the block that is foretold", Test::Code(hash)),
    ];
    let hazards = pending_code(case)?.into_iter().map(|told| format!("{told}, so the call does nothing")).collect();
    Ok(Job { hazards, ..Job::new(plan, conditions, Wait::Upgrade) })
}

/// Builds relay blocks up to that in which a scheduled code is applied, or gets its go-ahead.
pub fn pass_upgrade(case: &Case<'_>, trial: &mut Trial<'_>, reporter: &Reporter) -> Result<()> {
    for _ in 0..VOTES {
        if foretold(case, trial)?.is_some() {
            break;
        }
        trial.network.advance(|_| false)?;
    }
    let at = foretold(case, trial)?.ok_or_else(|| {
        Failure::not_judged("the relay chain foretells no block for the code")
            .found(format!("none in {VOTES} relay blocks"))
            .expected("one after the vote of its validators")
    })?;
    let delay = at.saturating_sub(trial.network.relay.chain().number());
    if delay > MOST_DELAY {
        return Err(Failure::not_judged("the relay chain applies the code too far ahead to be rehearsed")
            .found(format!("in relay block {at}, {delay} ahead"))
            .expected(format!("at most {MOST_DELAY} ahead")));
    }
    trial.pass(delay, "relay blocks until the scheduled code", reporter)
}

/// Returns the relay block in which a scheduled code is applied. Newer relay chains keep a list of those that the root
/// scheduled.
fn foretold(case: &Case<'_>, trial: &Trial<'_>) -> Result<Option<u32>> {
    let relay = &trial.network.relay;
    if let Some(at) = relay.foretold(case.para)? {
        return Ok(Some(at));
    }
    let stored = Reader::of(relay.chain(), &case.relay)?.bytes("Paras", "FutureCodeUpgradesAt", None)?;
    let all = stored.and_then(|list| Vec::<(u32, u32)>::decode_all(&mut &list[..]).ok()).unwrap_or_default();
    Ok(all.into_iter().find(|(id, _)| *id == u32::from(case.para)).map(|(_, at)| at))
}

pub fn trust(case: &Case<'_>, blob: &str) -> Result<Job> {
    let code = read(blob)?;
    let plan = Plan::by_root(
        "trust-code",
        "the root gives the relay chain the code, which its validators need not vote on any more",
        vec![
            "a code that validators cannot prepare stops the parachain that gets it".into(),
            "the code stays if no parachain ever gets it: Paras.poke_unused_validation_code removes it".into(),
        ],
        calls(call(&case.relay, "add_trusted_validation_code", code.bytes())),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Paras.add_trusted_validation_code"))?;
    let condition = Condition::new("the relay chain has the code, without a vote", Test::Trusted(code_hash(&code)));
    Ok(Job::new(plan, vec![condition], Wait::Nothing))
}

/// Returns the end of the time in which no other code may be scheduled: anyone may pay for it, or the root writes it.
pub fn end_cooldown(case: &Case<'_>) -> Result<Job> {
    let para = case.para;
    let cooldowns = case.network.relay.cooldowns()?;
    let is_listed = cooldowns.iter().any(|(id, _)| *id == para);
    let paid = call(&case.relay, "remove_upgrade_cooldown", para).filter(|_| is_listed);
    let told = "no other code of the parachain may be scheduled before the end of its cooldown: this ends it";
    let plan = match paid {
        Some(call) => Plan::of("end-cooldown", told, Vec::new(), vec![Action::Fund, Action::Submit(call)]),
        None => {
            let others: Vec<_> = cooldowns.into_iter().filter(|(id, _)| *id != para).collect();
            let list = (keys::item("Paras", "UpgradeCooldowns"), others.encode());
            let set = call(&case.relay, "set_storage", vec![list]);
            let kill = call(&case.relay, "kill_storage", vec![Relay::key_of_restriction(para)]);
            let plan = Plan::by_root(
                "end-cooldown",
                told,
                vec![
                    WRITES.into(),
                    "a cooldown of another parachain that begins before the call is dispatched is lost".into(),
                ],
                set.zip(kill).map(|(set, kill)| vec![set, kill]),
            );
            plan.ok_or_else(|| lacks(case, "Paras.remove_upgrade_cooldown, or System.set_storage and kill_storage"))?
        }
    };
    let condition = Condition::new("nothing keeps the parachain from scheduling another code", Test::NoCooldown);
    Ok(Job::new(plan, vec![condition], Wait::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_is_no_header_is_told() {
        let header = [&[0u8; 32][..], &[4], &[0; 64], &[0]].concat();
        assert_eq!(no_header(&header), None);
        assert!(no_header(&[]).is_some() && no_header(&[0, 1]).is_some());
    }
}
