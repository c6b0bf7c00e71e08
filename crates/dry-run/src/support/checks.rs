// SPDX-License-Identifier: Apache-2.0
//! The checks of what both chains know of the parachain. Nothing is built for them.

use super::known::{Channel, Known, Own, named};
use network::UpgradeGoAhead;
use protocol::{
    CheckOutcome, Finding,
    support::{Cause, CauseKind},
};

/// Where only the parachain's state tells.
pub const NO_STATE: &str = "the state of the parachain was not given (--state)";

/// Where the two states do not belong together.
pub const OTHER_HEAD: &str = "the parachain's state is not at the head that the relay chain has";

/// Where there is nothing to compare with.
const UNKNOWN: &str = "the relay chain does not know the parachain";

/// The most channels that are named in a sentence.
const NAMED: usize = 20;

/// The outcome of a check, with the causes that it found.
pub struct Judged {
    pub outcome: CheckOutcome,
    pub causes: Vec<Cause>,
}

impl Judged {
    pub fn pass(detail: impl Into<String>) -> Self {
        CheckOutcome::pass(detail).into()
    }

    /// What was seen to be wrong.
    pub fn broken(kind: CauseKind, told: impl Into<String>) -> Self {
        let told = told.into();
        Self { outcome: CheckOutcome::fail(told.clone()), causes: vec![Cause { kind, told }] }
    }

    /// What may be wrong.
    fn suspect(kind: CauseKind, told: impl Into<String>) -> Self {
        let told = told.into();
        let findings = vec![Finding::hazard(told.clone())];
        Self { outcome: CheckOutcome::judged(told.clone(), findings), causes: vec![Cause { kind, told }] }
    }
}

impl From<CheckOutcome> for Judged {
    fn from(outcome: CheckOutcome) -> Self {
        Self { outcome, causes: Vec::new() }
    }
}

/// Makes all checks of the states, in their order.
pub fn of_states(known: &Known) -> Vec<(&'static str, Judged)> {
    vec![
        ("registration", registration(known)),
        ("core", core(known)),
        ("disputes", disputes(known)),
        ("head", head(known)),
        ("code", code(known)),
        ("code-upgrade", code_upgrade(known)),
        ("downward-messages", downward(known)),
        ("channels", channels(known)),
        ("upward-messages", upward(known)),
        ("relay-block", relay_block(known)),
    ]
}

/// Does the relay chain know the parachain as one that may have a core?
fn registration(known: &Known) -> Judged {
    match known.lifecycle.as_deref() {
        None => Judged::broken(CauseKind::NotRegistered, "the relay chain does not know the parachain"),
        Some(lifecycle @ ("Parachain" | "Parathread")) => Judged::pass(format!("lifecycle {lifecycle}")),
        Some(other) => Judged::suspect(
            CauseKind::LifecycleChanges,
            format!("lifecycle {other}: its lifecycle changes when sessions of the relay chain end"),
        ),
    }
}

/// Has it a core?
fn core(known: &Known) -> Judged {
    let claims: usize = known.claims.iter().map(|(_, count)| count).sum();
    match (claims, known.assigned.len()) {
        (0, 0) => Judged::broken(CauseKind::NoCore, "no core: it has no claim in the claim queue, and no assignment"),
        (0, _) => Judged::suspect(
            CauseKind::NoCore,
            "it has no claim in the claim queue now, although a core is assigned to it: a share of it, or one that begins later",
        ),
        (claims, _) => {
            let told = format!("{claims} claims on {} in the claim queue", cores(known.claims.len()));
            // `assign_core` appends to an assignment that begins in the same block.
            let shared: Vec<_> = known.assigned.iter().filter(|assigned| !assigned.others.is_empty()).collect();
            let findings = shared.into_iter().map(|assigned| {
                let others = assigned.others.iter().map(u128::to_string).collect::<Vec<_>>().join(", ");
                Finding::hazard(format!(
                    "another task has the whole of the same core too, so each has a part of it: {others}"
                ))
            });
            CheckOutcome::judged(told, findings.collect()).into()
        }
    }
}

fn cores(count: usize) -> String {
    artifact::pace::counted(count as u128, "core")
}

/// Does the relay chain include candidates at all?
fn disputes(known: &Known) -> Judged {
    match &known.frozen {
        Ok(None) => Judged::pass("the relay chain is not frozen by a dispute"),
        Ok(Some(number)) => Judged::broken(
            CauseKind::Frozen,
            format!("the relay chain backs no candidates: a dispute about relay block {number} froze it"),
        ),
        Err(why) => CheckOutcome::not_judged(why.clone()).into(),
    }
}

/// Is the relay chain's head one that the parachain can build on?
fn head(known: &Known) -> Judged {
    if known.lifecycle.is_none() && known.head.is_none() {
        return CheckOutcome::skip(UNKNOWN).into();
    }
    let Some(number) = known.head_number else {
        let told = match known.head {
            None => "the relay chain has no head of the parachain",
            Some(_) => "the relay chain's head of the parachain is no header",
        };
        return Judged::broken(CauseKind::OtherHead, told);
    };
    match (&known.own, known.is_at_head) {
        (None, _) => Judged::pass(format!("block {number} on the relay chain; {NO_STATE}")),
        (Some(_), true) => Judged::pass(format!("block {number} on both chains")),
        // A state of another block says nothing about the chain: its nodes may have the head.
        (Some(own), false) if !known.lacks_head => CheckOutcome::not_judged(format!(
            "the parachain's state is at block {}, and the relay chain's head of it is block {number}: give the state at \
             that block, or --relay-at the block of the relay chain that has this head",
            own.number
        ))
        .into(),
        (Some(own), false) if own.number < number => Judged::suspect(
            CauseKind::OtherHead,
            format!(
                "the parachain's node does not have block {number}, the relay chain's head: it ends at block {}, and may lag \
                 behind",
                own.number
            ),
        ),
        (Some(own), false) => Judged::broken(
            CauseKind::OtherHead,
            format!(
                "the parachain's node does not have block {number}, the relay chain's head, although it is at block {}",
                own.number
            ),
        ),
    }
}

/// Have both chains the same code?
fn code(known: &Known) -> Judged {
    if known.lifecycle.is_none() && known.code.is_none() {
        return CheckOutcome::skip(UNKNOWN).into();
    }
    let Some(code) = known.code else {
        return Judged::broken(CauseKind::CodeMissing, "the relay chain has no code of the parachain");
    };
    if known.code_length.is_none() {
        let told = format!("the relay chain has the hash {} of the parachain's code, and not the code", named(code));
        return Judged::broken(CauseKind::CodeMissing, told);
    }
    match &known.own {
        None => Judged::pass(format!("the relay chain has {}; {NO_STATE}", named(code))),
        Some(own) if own.code == code => Judged::pass(format!("{} on both chains", named(code))),
        // A newer state may have applied it.
        Some(own) if !known.is_at_head && known.future.as_ref().is_some_and(|(hash, _)| *hash == named(own.code)) => {
            Judged::pass(format!(
                "{} on the parachain, which is the one that the relay chain has scheduled",
                named(own.code)
            ))
        }
        Some(own) => Judged::broken(
            CauseKind::OtherCode,
            format!("{} on the relay chain, {} on the parachain", named(code), named(own.code)),
        ),
    }
}

/// Can an upgrade of its code go on?
fn code_upgrade(known: &Known) -> Judged {
    let pending = own(known).map(|own| own.has_pending_code);
    match (&known.signal, pending) {
        // `Abort` without a code is ignored (cumulus-pallet-parachain-system).
        (Some(UpgradeGoAhead::GoAhead), Some(false)) => {
            return Judged::broken(
                CauseKind::UpgradeSignal,
                "the relay chain signals the go-ahead for a code, and no code waits on the parachain: its next block panics",
            );
        }
        (None, Some(true)) if known.future.is_none() => {
            return Judged::broken(
                CauseKind::UpgradeSignal,
                "a code waits on the parachain, and the relay chain has none scheduled: it refuses each other upgrade",
            );
        }
        _ => {}
    }
    let waits = |told: String| Judged::suspect(CauseKind::UpgradePending, told);
    match (&known.future, &known.votes) {
        (None, _) => match pending {
            Some(_) => Judged::pass("no code is scheduled"),
            None if known.own.is_none() => Judged::pass(format!("no code is scheduled on the relay chain; {NO_STATE}")),
            None => CheckOutcome::not_judged(OTHER_HEAD).into(),
        },
        (Some((hash, Some(at))), _) => waits(format!("{hash} waits for its go-ahead at relay block {at}")),
        (Some((hash, None)), Some(votes)) => waits(format!("{hash} waits for the votes of validators: {votes}")),
        (Some((hash, None)), None) => {
            waits(format!("{hash} is scheduled, without votes of validators and without a block for its go-ahead"))
        }
    }
}

/// Returns what the parachain knows, if its state is at the head that the relay chain has: both can then be compared.
fn own(known: &Known) -> Option<&Own> {
    known.own.as_ref().filter(|_| known.is_at_head)
}

/// Returns why messages cannot be compared.
fn not_comparable(known: &Known) -> Judged {
    match known.own {
        None => CheckOutcome::skip(NO_STATE).into(),
        Some(_) => CheckOutcome::not_judged(OTHER_HEAD).into(),
    }
}

/// Do the messages from the relay chain continue the last one that the parachain received?
fn downward(known: &Known) -> Judged {
    let Some(own) = own(known) else { return not_comparable(known) };
    match known.downward_head == own.downward_head {
        true => Judged::pass(format!("{} wait, and continue the last one that it received", known.downward)),
        false => {
            let head = |head: Option<[u8; 32]>| head.map_or_else(|| "none".to_owned(), hex::encode_prefixed);
            Judged::broken(
                CauseKind::DownwardMessages,
                format!(
                    "the head of the messages from the relay chain is {} there, and {} after those that wait here: \
                     the next block panics",
                    head(known.downward_head),
                    head(own.downward_head)
                ),
            )
        }
    }
}

/// Do the messages of its channels continue the last ones that the parachain received, and have they room?
fn channels(known: &Known) -> Judged {
    let Some(own) = own(known) else { return not_comparable(known) };
    let is_broken = |channel: &Channel| {
        let ours = own.sideways_heads.get(&channel.other).copied().filter(|head| *head != [0; 32]);
        channel.head.filter(|head| *head != [0; 32]) != ours
    };
    if let Some(others) = others(&known.receives, is_broken) {
        let told =
            format!("the messages from {others} do not continue the last ones that it received: the next block panics");
        return Judged::broken(CauseKind::ChannelMessages, told);
    }
    let findings: Vec<_> = [("from", &known.receives), ("to", &known.sends)]
        .into_iter()
        .filter_map(|(way, channels)| Some((way, others(channels, Channel::is_full)?)))
        .map(|(way, full)| Finding::hazard(format!("the channels {way} {full} are full")))
        .collect();
    let (from, to) = (known.receives.len(), known.sends.len());
    let told = format!("{} to it and {to} from it", artifact::pace::counted(from as u128, "channel"));
    CheckOutcome::judged(told, findings).into()
}

/// Returns the parachains at the other ends of some channels, as text; nothing if there are none.
fn others(channels: &[Channel], are: impl Fn(&Channel) -> bool) -> Option<String> {
    let ids: Vec<_> = channels.iter().filter(|channel| are(channel)).map(|channel| channel.other.to_string()).collect();
    let named = ids.get(..NAMED.min(ids.len()))?.join(", ");
    match ids.len() {
        0 => None,
        1..=NAMED => Some(named),
        more => Some(format!("{named} and {} others", more - NAMED)),
    }
}

/// Has the queue of its messages to the relay chain room?
fn upward(known: &Known) -> Judged {
    let queue = match &known.upward {
        Ok(queue) => queue,
        Err(why) => return CheckOutcome::not_judged(why.clone()).into(),
    };
    let told = format!("{} messages of {} bytes wait", queue.messages, queue.bytes);
    match queue.is_full() {
        true => Judged::broken(CauseKind::UpwardQueue, format!("{told} on the relay chain: its queue is full")),
        false if queue.is_stuck => {
            let finding = Finding::hazard("none of them is executed: each is too heavy for a block of the relay chain");
            CheckOutcome::judged(told, vec![finding]).into()
        }
        false => Judged::pass(told),
    }
}

/// Is the relay chain beyond the block on which the parachain was built?
fn relay_block(known: &Known) -> Judged {
    let beyond = |number: Option<u32>| number.filter(|number| *number > known.number);
    if let Some(context) = beyond(known.context) {
        return Judged::broken(
            CauseKind::RelayBlock,
            format!(
                "the relay chain is at block {}, and says that the head was built on its block {context}",
                known.number
            ),
        );
    }
    let Some(own) = &known.own else { return CheckOutcome::skip(NO_STATE).into() };
    if let Some(number) = beyond(own.relay_number) {
        return Judged::broken(
            CauseKind::RelayBlock,
            format!("the relay chain is at block {}, and the parachain was built on its block {number}", known.number),
        );
    }
    match own.relay_number {
        Some(_) => Judged::pass("the relay chain is beyond the block that the parachain was built on"),
        None => CheckOutcome::not_judged("the parachain does not say on which relay block it was built").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{
        known::Upward,
        reader::{Assignment, WHOLE},
    };
    use protocol::Status;

    fn known() -> Known {
        Known {
            number: 100,
            lifecycle: Some("Parachain".into()),
            head: Some(vec![1]),
            head_number: Some(7),
            is_at_head: true,
            lacks_head: false,
            context: Some(90),
            code: Some(sp_core::H256::repeat_byte(1).into()),
            code_length: Some(10),
            future: None,
            votes: None,
            signal: None,
            claims: vec![(0, 3)],
            assigned: vec![assigned(Vec::new())],
            frozen: Ok(None),
            downward: 0,
            downward_head: None,
            receives: Vec::new(),
            sends: Vec::new(),
            upward: Ok(upward_queue(2)),
            own: Some(Own {
                number: 7,
                code: sp_core::H256::repeat_byte(1).into(),
                has_pending_code: false,
                authorized: None,
                downward_head: None,
                sideways_heads: Default::default(),
                relay_number: Some(90),
            }),
            facts: Vec::new(),
        }
    }

    fn upward_queue(messages: u128) -> Upward {
        Upward { messages, bytes: 20, most: 10, most_bytes: 100, is_stuck: false }
    }

    fn channel(head: Option<[u8; 32]>, messages: u32) -> Channel {
        Channel { other: 2001, messages, bytes: 0, capacity: 10, most_bytes: 100, head }
    }

    fn assigned(others: Vec<u128>) -> Assignment {
        Assignment { core: Some(3), share: WHOLE, others }
    }

    fn own(change: impl FnOnce(&mut Own)) -> Known {
        let mut known = known();
        change(known.own.as_mut().expect("a parachain"));
        known
    }

    /// Each cause with the state that has it. The state without the change passes.
    #[test]
    fn each_cause_is_found_and_its_twin_passes() {
        type Judge = fn(&Known) -> Judged;
        let cases: [(Judge, Known, CauseKind); 15] = [
            (registration, Known { lifecycle: None, ..known() }, CauseKind::NotRegistered),
            (core, Known { claims: Vec::new(), assigned: Vec::new(), ..known() }, CauseKind::NoCore),
            (disputes, Known { frozen: Ok(Some(4)), ..known() }, CauseKind::Frozen),
            (head, Known { head_number: None, ..known() }, CauseKind::OtherHead),
            (head, Known { is_at_head: false, lacks_head: true, ..known() }, CauseKind::OtherHead),
            (code, Known { code: None, ..known() }, CauseKind::CodeMissing),
            (code, Known { code_length: None, ..known() }, CauseKind::CodeMissing),
            (code, own(|own| own.code = sp_core::H256::repeat_byte(2).into()), CauseKind::OtherCode),
            (code_upgrade, Known { signal: Some(UpgradeGoAhead::GoAhead), ..known() }, CauseKind::UpgradeSignal),
            (code_upgrade, own(|own| own.has_pending_code = true), CauseKind::UpgradeSignal),
            (downward, Known { downward_head: Some([1; 32]), ..known() }, CauseKind::DownwardMessages),
            (channels, Known { receives: vec![channel(Some([1; 32]), 0)], ..known() }, CauseKind::ChannelMessages),
            (upward, Known { upward: Ok(upward_queue(10)), ..known() }, CauseKind::UpwardQueue),
            (relay_block, Known { context: Some(101), ..known() }, CauseKind::RelayBlock),
            (relay_block, own(|own| own.relay_number = Some(101)), CauseKind::RelayBlock),
        ];
        for (judge, broken, kind) in cases {
            let judged = judge(&broken);
            assert_eq!(judged.outcome.status, Status::Fail, "{kind:?}");
            assert_eq!(judged.causes.iter().map(|cause| cause.kind).collect::<Vec<_>>(), [kind]);
            assert_eq!(judge(&known()).outcome.status, Status::Pass, "{kind:?}");
        }
    }

    #[test]
    fn the_causes_are_in_the_order_in_which_they_are_mended() {
        let mut kinds = [CauseKind::UpgradePending, CauseKind::BlockFails, CauseKind::NoCore, CauseKind::OtherHead];
        kinds.sort();
        let order = [CauseKind::NoCore, CauseKind::OtherHead, CauseKind::UpgradePending, CauseKind::BlockFails];
        assert_eq!(kinds, order);
    }

    #[test]
    fn messages_of_a_channel_continue_what_was_received() {
        let received =
            |head| Known { receives: vec![channel(Some([1; 32]), 0)], ..own(|own| own.sideways_heads = head) };
        assert_eq!(channels(&received([(2001, [1; 32])].into())).outcome.status, Status::Pass);
        assert_eq!(channels(&received([(2001, [2; 32])].into())).outcome.status, Status::Fail);
        // The head of a channel that was closed says nothing.
        let closed = Known { receives: Vec::new(), ..received([(2001, [2; 32])].into()) };
        assert_eq!(channels(&closed).outcome.status, Status::Pass);
        // No message was ever sent.
        let silent = |head| Known { receives: vec![channel(head, 0)], ..known() };
        assert!([None, Some([0; 32])].into_iter().all(|head| channels(&silent(head)).causes.is_empty()));
        let full = channels(&Known { sends: vec![channel(None, 10)], ..known() });
        assert_eq!(full.outcome.status, Status::Warn);
        assert!(full.outcome.findings.iter().any(|finding| finding.text == "the channels to 2001 are full"));
        let many: Vec<_> = (0..25).map(|_| channel(None, 10)).collect();
        assert!(others(&many, Channel::is_full).is_some_and(|told| told.ends_with("2001 and 5 others")));
    }

    #[test]
    fn what_cannot_be_read_does_not_pass() {
        let unread = || "undecodable".to_owned();
        for judged in [
            disputes(&Known { frozen: Err(unread()), ..known() }),
            upward(&Known { upward: Err(unread()), ..known() }),
            relay_block(&own(|own| own.relay_number = None)),
        ] {
            assert_eq!(judged.outcome.status, Status::NotJudged, "{}", judged.outcome.detail);
            assert!(judged.causes.is_empty());
        }
    }

    /// The signal and the code that waits are of one block, and so are the messages.
    #[test]
    fn a_state_at_another_head_is_not_compared() {
        let other = |known: Known| Known { is_at_head: false, ..known };
        let waits = other(own(|own| own.has_pending_code = true));
        assert_eq!(code_upgrade(&waits).outcome.status, Status::NotJudged);
        assert_eq!(downward(&other(known())).outcome.status, Status::NotJudged);
        assert_eq!(channels(&other(known())).outcome.status, Status::NotJudged);
        // A newer state has the code that the relay chain has scheduled.
        let newer = sp_core::H256::repeat_byte(2).into();
        let applied = || Known { future: Some((named(newer), Some(99))), ..own(|own| own.code = newer) };
        assert_eq!(code(&other(applied())).outcome.status, Status::Pass);
        assert_eq!(code(&applied()).outcome.status, Status::Fail);
    }

    #[test]
    fn what_only_waits_is_a_hazard() {
        for (judged, kind) in [
            (registration(&Known { lifecycle: Some("Onboarding".into()), ..known() }), CauseKind::LifecycleChanges),
            (core(&Known { claims: Vec::new(), ..known() }), CauseKind::NoCore),
            (code_upgrade(&Known { future: Some(("0x01".into(), Some(120))), ..known() }), CauseKind::UpgradePending),
        ] {
            assert_eq!(judged.outcome.status, Status::Warn, "{kind:?}");
            assert_eq!(judged.causes.first().map(|cause| cause.kind), Some(kind));
        }
        let shared = core(&Known { assigned: vec![assigned(vec![2001])], ..known() });
        assert_eq!(shared.outcome.status, Status::Warn);
        // A signal to abort is no fault, and neither is one for a code that waits.
        assert!(code_upgrade(&Known { signal: Some(UpgradeGoAhead::Abort), ..known() }).causes.is_empty());
        let waits = Known { signal: Some(UpgradeGoAhead::GoAhead), ..own(|own| own.has_pending_code = true) };
        assert!(code_upgrade(&waits).causes.is_empty());
    }

    #[test]
    fn a_parachain_that_is_not_registered_lacks_nothing_else() {
        let unknown = || Known { lifecycle: None, head: None, head_number: None, code: None, ..known() };
        for judged in [head(&unknown()), code(&unknown())] {
            assert_eq!(judged.outcome.status, Status::Skip);
            assert!(judged.causes.is_empty());
        }
    }

    #[test]
    fn a_state_of_another_block_is_no_fault_of_the_chain() {
        let judge = |own_number, lacks_head| {
            head(&Known { is_at_head: false, lacks_head, ..own(|own| own.number = own_number) })
        };
        let stale = judge(3, false);
        assert_eq!(stale.outcome.status, Status::NotJudged);
        assert!(stale.causes.is_empty(), "nothing is to be repaired");
        assert_eq!(judge(3, true).outcome.status, Status::Warn, "the node may lag behind");
        assert_eq!(judge(7, true).outcome.status, Status::Fail);
        assert_eq!(head(&known()).outcome.status, Status::Pass);
    }

    #[test]
    fn without_the_parachains_state_its_side_is_not_said_to_be_right() {
        let alone = Known { own: None, ..known() };
        assert!(code(&alone).outcome.detail.contains(NO_STATE));
        assert_eq!(relay_block(&alone).outcome.status, Status::Skip);
    }
}
