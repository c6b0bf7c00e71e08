// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a parachain: the checks, and the causes that they found.

use super::{
    case::Case,
    known::{Channel, Known, Own, named},
};
use crate::outcome::kept;
use network::{Obstructed, UpgradeGoAhead, include_first};
use protocol::{
    Check, CheckOutcome, Finding, RpcUsage, Verdict, format, hazards,
    support::{Cause, CauseKind, Diagnosis},
};
use std::time::Instant;
use worker::{Kind, Reporter, Result};

/// Where only the parachain's state tells.
const NO_STATE: &str = "the state of the parachain was not given (--state)";

/// Where the two states do not belong together.
const OTHER_HEAD: &str = "the parachain's state is not at the head that the relay chain has";

/// The outcome of a check, with the causes that it found.
struct Judged {
    outcome: CheckOutcome,
    causes: Vec<Cause>,
}

impl Judged {
    fn pass(detail: impl Into<String>) -> Self {
        CheckOutcome::pass(detail).into()
    }

    /// What was seen to be wrong.
    fn broken(kind: CauseKind, told: impl Into<String>) -> Self {
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

/// Finds out what is wrong.
pub fn of(case: &mut Case<'_>, reporter: &Reporter) -> Result<Diagnosis> {
    let began = Instant::now();
    reporter.status("reading what both chains know of the parachain");
    let known = Known::read(case)?;
    let checks = [
        ("registration", registration(&known)),
        ("core", core(&known)),
        ("disputes", disputes(&known)),
        ("head", head(case, &known)),
        ("code", code(&known)),
        ("code-upgrade", code_upgrade(&known)),
        ("downward-messages", downward(case, &known)),
        ("channels", channels(case, &known)),
        ("upward-messages", upward(&known)),
        ("relay-block", relay_block(&known)),
        ("next-block", next_block(case, &known, reporter)?),
    ];
    let mut causes = Vec::new();
    let mut named = Vec::new();
    for (name, judged) in checks {
        causes.extend(judged.causes);
        named.push(judged.outcome.named(name));
    }
    // The first one is the one to mend first.
    causes.sort_by_key(|cause| cause.kind);
    let mut rpc = RpcUsage::default();
    let parachain = case.network.parachains.first().map(network::Parachain::chain);
    for chain in [case.network.relay.chain()].into_iter().chain(parachain) {
        // A part of a state that could not be read makes every verdict void.
        chain.checked(Ok(()))?;
        let traffic = chain.traffic();
        rpc = RpcUsage { requests: rpc.requests + traffic.requests, bytes: rpc.bytes + traffic.bytes };
    }
    Ok(Diagnosis {
        format: format::DIAGNOSIS.into(),
        para: case.para.into(),
        relay: case.relay.identity.clone(),
        parachain: case.parachain.as_ref().map(|member| member.identity.clone()),
        facts: known.facts,
        causes,
        verdict: Verdict::of(&named),
        hazards: hazards(&named),
        checks: named,
        rpc,
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    })
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
    match known.frozen {
        None => Judged::pass("the relay chain is not frozen by a dispute"),
        Some(number) => Judged::broken(
            CauseKind::Frozen,
            format!("the relay chain backs no candidates: a dispute about relay block {number} froze it"),
        ),
    }
}

/// Is the relay chain's head one that the parachain can build on?
fn head(case: &Case<'_>, known: &Known) -> Judged {
    let Some(number) = known.head_number else {
        let told = match known.head {
            None => "the relay chain has no head of the parachain",
            Some(_) => "the relay chain's head of the parachain is no header",
        };
        return Judged::broken(CauseKind::OtherHead, told);
    };
    match (&known.own, case.is_at_head) {
        (None, _) => Judged::pass(format!("block {number} on the relay chain; {NO_STATE}")),
        (Some(_), true) => Judged::pass(format!("block {number} on both chains")),
        (Some(own), false) => Judged::broken(
            CauseKind::OtherHead,
            format!("block {number} on the relay chain is not block {} of the parachain's state", own.number),
        ),
    }
}

/// Have both chains the same code?
fn code(known: &Known) -> Judged {
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
        Some(own) => Judged::broken(
            CauseKind::OtherCode,
            format!("{} on the relay chain, {} on the parachain", named(code), named(own.code)),
        ),
    }
}

/// Can an upgrade of its code go on?
fn code_upgrade(known: &Known) -> Judged {
    let pending = known.own.as_ref().map(|own| own.has_pending_code);
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
    match &known.future {
        None => Judged::pass("no code is scheduled"),
        Some((hash, Some(at))) => {
            Judged::suspect(CauseKind::UpgradePending, format!("{hash} waits for its go-ahead at relay block {at}"))
        }
        Some((hash, None)) => {
            Judged::suspect(CauseKind::UpgradePending, format!("{hash} waits for the votes of validators"))
        }
    }
}

/// Returns what the parachain knows, if its state is at the head that the relay chain has: messages can then be compared.
fn own<'k>(case: &Case<'_>, known: &'k Known) -> Option<&'k Own> {
    known.own.as_ref().filter(|_| case.is_at_head)
}

/// Returns why messages cannot be compared.
fn not_comparable(known: &Known) -> Judged {
    match known.own {
        None => CheckOutcome::skip(NO_STATE).into(),
        Some(_) => CheckOutcome::not_judged(OTHER_HEAD).into(),
    }
}

/// Do the messages from the relay chain continue the last one that the parachain received?
fn downward(case: &Case<'_>, known: &Known) -> Judged {
    let Some(own) = own(case, known) else { return not_comparable(known) };
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
fn channels(case: &Case<'_>, known: &Known) -> Judged {
    let Some(own) = own(case, known) else { return not_comparable(known) };
    let is_broken = |channel: &&Channel| {
        let ours = own.sideways_heads.get(&channel.other).copied().filter(|head| *head != [0; 32]);
        channel.head.filter(|head| *head != [0; 32]) != ours
    };
    let others: Vec<_> = known.receives.iter().filter(is_broken).map(|channel| channel.other.to_string()).collect();
    if !others.is_empty() {
        let told = format!(
            "the messages from {} do not continue the last ones that it received: the next block panics",
            others.join(", ")
        );
        return Judged::broken(CauseKind::ChannelMessages, told);
    }
    let full = |channels: &[Channel]| -> Vec<String> {
        channels.iter().filter(|channel| channel.is_full()).map(|channel| channel.other.to_string()).collect()
    };
    let findings: Vec<_> = [("from", full(&known.receives)), ("to", full(&known.sends))]
        .into_iter()
        .filter(|(_, full)| !full.is_empty())
        .map(|(way, full)| Finding::hazard(format!("the channels {way} {} are full", full.join(", "))))
        .collect();
    let (from, to) = (known.receives.len(), known.sends.len());
    CheckOutcome::judged(
        format!("{} to it and {to} from it", artifact::pace::counted(from as u128, "channel")),
        findings,
    )
    .into()
}

/// Has the queue of its messages to the relay chain room?
fn upward(known: &Known) -> Judged {
    let Some((count, bytes)) = known.upward else {
        return Judged::pass("no messages wait");
    };
    let (most, most_bytes) = known.upward_limit;
    if most.is_some_and(|most| count >= most) || most_bytes.is_some_and(|most| bytes >= most) {
        return Judged::broken(
            CauseKind::UpwardQueue,
            format!("{count} messages of {bytes} bytes wait on the relay chain: its queue is full"),
        );
    }
    Judged::pass(format!("{count} messages of {bytes} bytes wait"))
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
    match known.own.as_ref().map(|own| own.relay_number) {
        None => CheckOutcome::skip(NO_STATE).into(),
        Some(number) => match beyond(number) {
            Some(number) => Judged::broken(
                CauseKind::RelayBlock,
                format!(
                    "the relay chain is at block {}, and the parachain was built on its block {number}",
                    known.number
                ),
            ),
            None => Judged::pass("the relay chain is beyond the block that the parachain was built on"),
        },
    }
}

/// Is the next block built, validated, backed and included?
fn next_block(case: &Case<'_>, known: &Known, reporter: &Reporter) -> Result<Judged> {
    if known.own.is_none() {
        return Ok(CheckOutcome::not_judged(NO_STATE).into());
    }
    if !case.is_at_head {
        return Ok(CheckOutcome::not_judged(OTHER_HEAD).into());
    }
    reporter.status("trying the next block");
    let mut network = case.network.twin();
    let course = match kept(include_first(&mut network, case.para, reporter))? {
        Ok(course) => course,
        Err(failure) => return Ok(CheckOutcome::not_judged(failure.to_string()).into()),
    };
    let Some(obstacle) = &course.obstacle else {
        let ended = course.ended.unwrap_or_default();
        return Ok(Judged::pass(format!("it was built, validated and backed, and included in relay block {ended}")));
    };
    let kind = match course.obstructed() {
        Some(Obstructed::Building) => CauseKind::BlockFails,
        Some(Obstructed::Validation) => CauseKind::ValidationFails,
        Some(Obstructed::Backing) => CauseKind::CandidateRefused,
        None => return Ok(CheckOutcome::not_judged(obstacle.to_string()).into()),
    };
    Ok(match obstacle.kind {
        Kind::Check => Judged::broken(kind, obstacle.to_string()),
        _ => CheckOutcome::not_judged(obstacle.to_string()).into(),
    })
}

/// Returns whether the checks found something that must be repaired, and not only what may be wrong.
pub fn is_broken(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.status == protocol::Status::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::reader::{Assignment, WHOLE};
    use protocol::Status;

    fn known() -> Known {
        Known {
            number: 100,
            lifecycle: Some("Parachain".into()),
            head: Some(vec![1]),
            head_number: Some(7),
            context: Some(90),
            code: Some(sp_core::H256::repeat_byte(1).into()),
            code_length: Some(10),
            future: None,
            votes: None,
            signal: None,
            claims: vec![(0, 3)],
            assigned: vec![assigned(Vec::new())],
            frozen: None,
            downward: 0,
            downward_head: None,
            receives: Vec::new(),
            sends: Vec::new(),
            upward: Some((2, 20)),
            upward_limit: (Some(10), Some(100)),
            own: Some(Own {
                number: 7,
                code: sp_core::H256::repeat_byte(1).into(),
                has_pending_code: false,
                downward_head: None,
                sideways_heads: Default::default(),
                relay_number: Some(90),
            }),
            facts: Vec::new(),
        }
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
        let cases: [(Judge, Known, CauseKind); 10] = [
            (registration, Known { lifecycle: None, ..known() }, CauseKind::NotRegistered),
            (core, Known { claims: Vec::new(), assigned: Vec::new(), ..known() }, CauseKind::NoCore),
            (disputes, Known { frozen: Some(4), ..known() }, CauseKind::Frozen),
            (code, Known { code: None, ..known() }, CauseKind::CodeMissing),
            (code, Known { code_length: None, ..known() }, CauseKind::CodeMissing),
            (code, own(|own| own.code = sp_core::H256::repeat_byte(2).into()), CauseKind::OtherCode),
            (code_upgrade, Known { signal: Some(UpgradeGoAhead::GoAhead), ..known() }, CauseKind::UpgradeSignal),
            (upward, Known { upward: Some((10, 20)), ..known() }, CauseKind::UpwardQueue),
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
    fn without_the_parachains_state_its_side_is_not_said_to_be_right() {
        let alone = Known { own: None, ..known() };
        assert!(code(&alone).outcome.detail.contains(NO_STATE));
        assert_eq!(relay_block(&alone).outcome.status, Status::Skip);
    }
}
