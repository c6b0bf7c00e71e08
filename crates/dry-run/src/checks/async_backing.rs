// SPDX-License-Identifier: Apache-2.0
//! Does a parachain keep its pace when its blocks are not included at once?
//!
//! A block is backed in the relay block after its relay parent, and included in the next: two relay
//! blocks, twelve seconds. A chain of shorter slots always builds on blocks that are not included
//! yet. So blocks are built whose relay chain has included the parent, or only an ancestor of it,
//! and two blocks on one relay block where the runtime says that it accepts two. Blocks that
//! collators must build at the pace of the runtime must be accepted. Anything else that was
//! accepted before and no longer is, is a hazard.

use crate::{ask::ask, input::Runtime, outcome::errors_logged, rehearsal::Rehearsal};
use codec::{Compact, Decode, Encode};
use fork::{Author, BlockRequest, Chain, Executor};
use protocol::{CheckOutcome, Finding, checks::Need};
use worker::{Kind, Result};

/// The time from the relay parent of a block to its inclusion, in milliseconds.
const INCLUSION: u64 = 12_000;
const RELAY_SLOT: u64 = 6_000;
/// The most blocks that the included head is behind the parent in a rehearsal.
const FURTHEST: u64 = 3;
/// Relay parent offsets that are tried where the one that the runtime gives does not work.
const OFFSETS: std::ops::RangeInclusive<u32> = 0..=3;

/// The blocks that a runtime accepts.
struct Shapes {
    /// The length of a slot in milliseconds, where the runtime gives it.
    slot: Option<u64>,
    offset: u32,
    reach: Reach,
    second_block: SecondBlock,
    /// How far into the claim queue collators may look for a core, and why such a block is refused,
    /// if it is.
    claims: Option<(u8, Option<String>)>,
}

/// How far the included head may be behind the parent.
enum Reach {
    /// A block whose parent is included is refused, for this reason.
    None(String),
    /// The number of blocks, and why no more, where more were tried.
    Blocks(u64, Option<String>),
}

/// Whether the runtime accepts a second block on one relay block.
#[derive(Debug, PartialEq, Eq)]
enum SecondBlock {
    /// The runtime does not say that it accepts one.
    None,
    Taken,
    /// The runtime says that it accepts one, and refuses it for this reason.
    Refused(String),
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, chain, executor, .. } = rehearsal;
    if to.layout.parachain_system().is_none() {
        return Ok(Need::Parachain.missing());
    }
    let (enacted, migrated) = (rehearsal.enacted()?, rehearsal.migrated()?);
    rehearsal.reporter.status("building blocks on blocks that are not included yet");
    let mut author = rehearsal.author()?;
    let Some(migrated) = migrated else { return unreached(to, enacted, executor, &mut author) };
    let new = shapes(to, migrated, executor, &mut author)?;
    let old = shapes(from, chain, executor, &mut author)?;
    // Errors that refused blocks logged belong to no later check.
    let _ = errors_logged(executor.log());
    let keys = ask(to, migrated, executor, "KeyToIncludeInRelayProof_keys_to_prove", &[])?.value();
    let keys = keys.and_then(|bytes| Compact::<u32>::decode(&mut &bytes[..]).ok()).filter(|keys| keys.0 > 0);
    let note =
        keys.map(|keys| format!("the runtime asks for {} more keys of the relay chain: proven absent here", keys.0));
    Ok(judge(&old, &new).noting(note))
}

/// Judges new code of which no block was accepted: the relay parent offset that it gives may be
/// wrong.
fn unreached(to: &Runtime, enacted: &Chain, executor: &Executor, author: &mut Author<'_>) -> Result<CheckOutcome> {
    let Some(said) = said_offset(to, enacted, executor)? else { return Ok(unended()) };
    let taken = |offset: u32| {
        let wish = BlockRequest { relay_parent_offset: Some(offset), ..BlockRequest::default() };
        refusal(author.build_with(&mut enacted.clone(), &to.code, wish)).map(|refusal| refusal.is_none())
    };
    judge_offset(said, taken)
}

fn judge_offset(said: u32, mut taken: impl FnMut(u32) -> Result<bool>) -> Result<CheckOutcome> {
    if taken(said)? {
        return Ok(unended());
    }
    for other in OFFSETS.filter(|other| *other != said) {
        if taken(other)? {
            return Ok(CheckOutcome::fail(
                "collators build no block that is taken: the relay parent offset is another",
            )
            .with(vec![format!(
                "RelayParentOffsetApi says {said}, and a block is taken with {other}: the chain would stall"
            )]));
        }
    }
    Ok(unended())
}

fn unended() -> CheckOutcome {
    Need::MigrationsEnded.missing()
}

/// Returns the relay parent offset that the runtime gives. Without one, collators build on the
/// newest relay block.
fn said_offset(runtime: &Runtime, chain: &Chain, executor: &Executor) -> Result<Option<u32>> {
    let answer = ask(runtime, chain, executor, "RelayParentOffsetApi_relay_parent_offset", &[])?.value();
    Ok(answer.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()))
}

/// Returns why a block was refused, if it was.
fn refusal<T>(built: Result<T>) -> Result<Option<String>> {
    match built {
        Ok(_) => Ok(None),
        Err(failure) if failure.kind == Kind::Check => Ok(Some(failure.to_string())),
        Err(failure) => Err(failure),
    }
}

fn shapes(runtime: &Runtime, chain: &Chain, executor: &Executor, author: &mut Author<'_>) -> Result<Shapes> {
    let slot = ask(runtime, chain, executor, "AuraApi_slot_duration", &[])?.value();
    Ok(Shapes {
        slot: slot.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()).filter(|slot| *slot > 0),
        offset: said_offset(runtime, chain, executor)?.unwrap_or(0),
        reach: reach(runtime, chain, author)?,
        second_block: second_block(runtime, chain, executor, author)?,
        claims: claims(runtime, chain, executor, author)?,
    })
}

/// Builds a block on the farthest core that the runtime lets collators use. With scheduling of
/// version 3 the age of the relay parent does not count.
fn claims(
    runtime: &Runtime,
    chain: &Chain,
    executor: &Executor,
    author: &mut Author<'_>,
) -> Result<Option<(u8, Option<String>)>> {
    let most = ask(runtime, chain, executor, "RelayParentOffsetApi_max_claim_queue_offset", &[])?.value();
    let Some(most) = most.and_then(|bytes| bytes.first().copied()) else { return Ok(None) };
    let v3 = ask(runtime, chain, executor, "SchedulingV3EnabledApi_scheduling_v3_enabled", &[])?.value();
    let behind = match v3.is_some_and(|answer| answer.first() == Some(&1)) {
        true => 0,
        false => u8::try_from(said_offset(runtime, chain, executor)?.unwrap_or(0)).unwrap_or(u8::MAX),
    };
    let most = most.saturating_add(behind);
    let wish = BlockRequest { claim_queue_offset: Some(most), ..BlockRequest::default() };
    let refused = refusal(author.build_with(&mut chain.clone(), &runtime.code, wish))?;
    Ok(Some((most, refused)))
}

/// Builds one block after another while the included head stays, then one more after it moved.
fn reach(runtime: &Runtime, chain: &Chain, author: &mut Author<'_>) -> Result<Reach> {
    let mut chain = chain.clone();
    let mut heads = vec![chain.header().clone()];
    for behind in 0..=FURTHEST + 1 {
        let included = heads[behind.saturating_sub(FURTHEST) as usize].clone();
        let wish = BlockRequest { included: Some(included), ..BlockRequest::default() };
        match (refusal(author.build_with(&mut chain, &runtime.code, wish))?, behind) {
            (None, _) => heads.push(chain.header().clone()),
            (Some(why), 0) => return Ok(Reach::None(why)),
            (Some(why), _) => return Ok(Reach::Blocks(behind - 1, Some(why))),
        }
    }
    Ok(Reach::Blocks(FURTHEST, None))
}

fn second_block(runtime: &Runtime, chain: &Chain, executor: &Executor, author: &mut Author<'_>) -> Result<SecondBlock> {
    let mut chain = chain.clone();
    let included = chain.header().clone();
    let wish = || BlockRequest { included: Some(included.clone()), ..BlockRequest::default() };
    if refusal(author.build_with(&mut chain, &runtime.code, wish()))?.is_some() {
        return Ok(SecondBlock::None);
    }
    let Some(clock) = runtime.layout.pallet_with(&["Now", "DidUpdate"], None) else { return Ok(SecondBlock::None) };
    let now = chain.storage(&clock.key("Now"))?.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()).unwrap_or(0);
    // `AuraUnincludedSegmentApi`, from version 2 on, counts the relay chain's slots.
    let arguments = (included.hash(), now / RELAY_SLOT).encode();
    let answer = ask(runtime, &chain, executor, "AuraUnincludedSegmentApi_can_build_upon", &arguments)?.value();
    if answer.is_none_or(|answer| answer.first() != Some(&1)) {
        return Ok(SecondBlock::None);
    }
    let again = BlockRequest { again: true, ..wish() };
    Ok(refusal(author.build_with(&mut chain, &runtime.code, again))?.map_or(SecondBlock::Taken, SecondBlock::Refused))
}

impl Shapes {
    /// Returns how far the included head is behind where every slot has its block, as far as that
    /// is rehearsed.
    fn needed(&self) -> u64 {
        let Some(slot) = self.slot else { return 0 };
        let included = INCLUSION + RELAY_SLOT * u64::from(self.offset);
        (included.div_ceil(slot).max(1) - 1).min(FURTHEST)
    }

    fn keeps_pace(&self) -> bool {
        matches!(self.reach, Reach::Blocks(reach, _) if reach >= self.needed())
    }
}

fn judge(old: &Shapes, new: &Shapes) -> CheckOutcome {
    let mut findings = Vec::new();
    let pace = match new.slot {
        Some(slot) => format!("slots of {slot} ms and a relay parent offset of {}", new.offset),
        None => format!("a relay parent offset of {}", new.offset),
    };
    match &new.reach {
        _ if !old.keeps_pace() => {
            findings.push(Finding::not_judged("blocks of the present code are not taken at its own pace here either"));
        }
        Reach::None(why) => findings.push(Finding::seen(format!("a block whose parent is included is refused: {why}"))),
        Reach::Blocks(reach, why) if *reach < new.needed() => findings.push(Finding::seen(format!(
            "with {pace} a block stands on one that is not included yet, {} behind: the chain would stall. Refused: {}",
            new.needed(),
            why.as_deref().unwrap_or("nothing said")
        ))),
        Reach::Blocks(reach, why) => {
            if let Reach::Blocks(had, _) = &old.reach
                && reach < had
            {
                findings.push(Finding::hazard(format!(
                    "the included head may be {reach} blocks behind instead of {had}: where the relay chain is late, the chain waits \
                     for it. Refused: {}",
                    why.as_deref().unwrap_or("nothing said")
                )));
            }
        }
    }
    if let Some((most, Some(why))) = &new.claims
        && !matches!(old.claims, Some((_, Some(_))))
        && matches!(new.reach, Reach::Blocks(..))
    {
        findings.push(Finding::seen(format!(
            "RelayParentOffsetApi lets collators look {most} claims ahead for a core, and their block is refused: {why}"
        )));
    }
    if old.second_block == SecondBlock::Taken {
        match &new.second_block {
            SecondBlock::Taken => {}
            SecondBlock::None => findings.push(Finding::hazard("the runtime does not take two blocks on one relay block any more")),
            SecondBlock::Refused(why) => findings.push(Finding::seen(format!(
                "can_build_upon says that a second block on one relay block is taken, as before, and it is refused: {why}"
            ))),
        }
    }
    let reach = match &new.reach {
        Reach::None(_) => "no block is taken".to_string(),
        Reach::Blocks(reach, _) => format!("blocks are taken whose included head is up to {reach} behind"),
    };
    let two = if new.second_block == SecondBlock::Taken { ", and two on one relay block" } else { "" };
    CheckOutcome::judged(format!("with {pace}, {reach}{two}"), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn shapes(slot: u64, offset: u32, reach: u64) -> Shapes {
        let why = (reach < FURTHEST).then(|| "expected parent to be included".to_string());
        Shapes {
            slot: Some(slot),
            offset,
            reach: Reach::Blocks(reach, why),
            second_block: SecondBlock::None,
            claims: None,
        }
    }

    fn status(old: &Shapes, new: &Shapes) -> Status {
        judge(old, new).status
    }

    #[test]
    fn what_has_to_work_follows_from_the_pace() {
        assert_eq!(shapes(12_000, 0, 0).needed(), 0, "the parent is included by then");
        assert_eq!(shapes(6_000, 0, 0).needed(), 1);
        assert_eq!(shapes(6_000, 1, 0).needed(), 2, "the relay block is older by one");
        assert_eq!(shapes(12_000, 1, 0).needed(), 1);
        assert_eq!(shapes(2_000, 0, 0).needed(), FURTHEST);
    }

    #[test]
    fn shorter_slots_with_a_hook_that_expects_the_parent_included_fail() {
        let check = judge(&shapes(12_000, 0, 0), &shapes(6_000, 0, 0));
        assert_eq!(check.status, Status::Fail);
        assert!(check.findings[0].text.contains("the chain would stall"), "{:?}", check.findings);
        assert_eq!(status(&shapes(12_000, 0, 0), &shapes(6_000, 0, 1)), Status::Pass, "the good twin");
        assert_eq!(status(&shapes(12_000, 0, 0), &shapes(12_000, 0, 0)), Status::Pass);
    }

    #[test]
    fn a_reach_beyond_the_pace_that_is_lost_warns() {
        assert_eq!(status(&shapes(6_000, 0, 3), &shapes(6_000, 0, 1)), Status::Warn);
        assert_eq!(status(&shapes(6_000, 0, 3), &shapes(12_000, 0, 0)), Status::Warn, "back to the longer slots");
        assert_eq!(status(&shapes(6_000, 0, 1), &shapes(6_000, 0, 3)), Status::Pass);
    }

    #[test]
    fn what_the_present_code_cannot_do_here_either_is_not_judged() {
        assert_eq!(status(&shapes(6_000, 0, 0), &shapes(6_000, 0, 0)), Status::NotJudged);
        let broken = Shapes { reach: Reach::None("it trapped".into()), ..shapes(6_000, 0, 0) };
        assert_eq!(status(&shapes(6_000, 0, 1), &broken), Status::Fail);
    }

    #[test]
    fn an_offset_that_is_not_the_one_said_fails() {
        let check = judge_offset(0, |offset| Ok(offset == 2)).expect("judged");
        assert_eq!(check.status, Status::Fail);
        assert!(check.findings[0].text.contains("says 0, and a block is taken with 2"), "{:?}", check.findings);
        let later = judge_offset(2, |offset| Ok(offset == 2)).expect("judged");
        assert_eq!(later.status, Status::NotJudged, "blocks are taken with it, and something else stops later");
        assert_eq!(judge_offset(0, |_| Ok(false)).expect("judged").status, Status::NotJudged, "it is something else");
    }

    #[test]
    fn a_core_that_collators_may_look_for_and_that_is_refused_fails() {
        let with = |claims| Shapes { claims, ..shapes(6_000, 0, 3) };
        let (taken, refused) = (|| with(Some((1, None))), || with(Some((2, Some("exceeds".into())))));
        assert_eq!(status(&taken(), &taken()), Status::Pass);
        assert_eq!(status(&taken(), &refused()), Status::Fail);
        assert_eq!(status(&with(None), &refused()), Status::Fail, "nothing was said before");
        assert_eq!(status(&refused(), &refused()), Status::Pass, "it never worked");
    }

    #[test]
    fn a_second_block_that_is_promised_and_refused_fails() {
        let with = |second_block: SecondBlock| Shapes { second_block, ..shapes(6_000, 0, 3) };
        assert_eq!(status(&with(SecondBlock::Taken), &with(SecondBlock::Taken)), Status::Pass);
        assert_eq!(status(&with(SecondBlock::Taken), &with(SecondBlock::None)), Status::Warn);
        assert_eq!(status(&with(SecondBlock::Taken), &with(SecondBlock::Refused("slot".into()))), Status::Fail);
        assert_eq!(
            status(&with(SecondBlock::None), &with(SecondBlock::Refused("slot".into()))),
            Status::Pass,
            "it never was"
        );
    }
}
