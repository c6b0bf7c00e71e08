// SPDX-License-Identifier: Apache-2.0
//! The checks of a proposal's rehearsal.

use super::{
    call::Call,
    caused::Caused,
    difference::Differences,
    mail::{Letter, Mail, Receiver},
    run::Run,
    stage::Member,
    upgrades::Release,
};
use artifact::pace::counted;
use protocol::{Check, CheckOutcome, Finding, rehearse::RehearsedUpgrade};
use worker::Kind;

/// The candidates that a parachain may have fewer than without the call: the blocks with the call are other ones.
const SLACK: usize = 2;
/// The most findings of a check.
const MOST: usize = 100;

/// Events that say that something was not done, although the call that emitted them ended well: the pallet, the event, and
/// what it means. Events with an error in a field need no entry.
const NOT_DONE: [(&str, &str, &str); 8] = [
    ("Utility", "BatchCompletedWithErrors", "some calls of the batch failed"),
    ("Scheduler", "CallUnavailable", "the call of a task has no preimage, or does not decode: it never runs"),
    ("Scheduler", "PermanentlyOverweight", "a task is too heavy for every block: it never runs"),
    ("Scheduler", "PeriodicFailed", "a periodic task was not scheduled again"),
    ("Scheduler", "RetryFailed", "a failed task was not scheduled again"),
    (
        "Whitelist",
        "DispatchDeferred",
        "the call is not whitelisted, so it was not dispatched and waits for that. It never runs by itself",
    ),
    ("MultiBlockMigrations", "UpgradeFailed", "the migrations of an upgrade failed"),
    ("ParachainSystem", "ValidationFunctionDiscarded", "the relay chain refused the new code"),
];

/// Events that say that something waits for somebody.
const WAITS: [(&str, &str, &str); 7] = [
    ("Multisig", "NewMultisig", "a multisig waits for more approvals: the call was not executed"),
    ("Multisig", "MultisigApproval", "a multisig was approved: the call was not executed"),
    ("Proxy", "Announced", "a call was announced, and not executed"),
    ("Scheduler", "AgendaIncomplete", "the scheduler has not done all its tasks"),
    ("PolkadotXcm", "AssetsTrapped", "assets of a message were trapped"),
    ("XcmPallet", "AssetsTrapped", "assets of a message were trapped"),
    ("OnDemand", "UnexpectedQueueFull", "orders of cores on demand were dropped"),
];

/// Storage items that say who controls something: whoever they name acts for others.
const CONTROL: [&str; 16] = [
    "Sudo.Key",
    "Proxy.Proxies",
    "Registrar.Paras",
    "Session.NextKeys",
    "Session.KeyOwner",
    "CollatorSelection.Invulnerables",
    "Council.Members",
    "TechnicalCommittee.Members",
    "FellowshipCollective.Members",
    "Whitelist.WhitelistedCall",
    "Assets.Asset",
    "ForeignAssets.Asset",
    "Identity.Registrars",
    "XcmPallet.XcmExecutionSuspended",
    "PolkadotXcm.XcmExecutionSuspended",
    "PolkadotXcm.AuthorizedAliases",
];

/// What the runs showed.
pub struct Seen<'s> {
    pub members: &'s [Member],
    pub call: &'s Call,
    pub with: &'s Run<'s>,
    pub without: &'s Run<'s>,
    pub caused: &'s [Caused<'s>],
    pub mail: &'s Mail,
    pub answers: &'s [Option<bool>],
    pub differences: &'s Differences,
    pub releases: &'s [Release],
    pub upgrades: &'s [RehearsedUpgrade],
}

/// Makes all checks, in their order.
pub fn all(seen: &Seen<'_>) -> Vec<Check> {
    vec![
        dispatch(seen).named("dispatch"),
        inner_results(seen).named("inner-results"),
        messages(seen).named("messages"),
        blocks(seen).named("blocks"),
        effect(seen).named("effect"),
        control(seen).named("control"),
        upgrades(seen).named("upgrades"),
    ]
}

impl Seen<'_> {
    fn name(&self, position: usize) -> &str {
        self.members.get(position).map_or("a chain", |member| &member.name)
    }
}

/// Does the origin dispatch the call without an error?
fn dispatch(seen: &Seen<'_>) -> CheckOutcome {
    let (origin, chain) = (&seen.call.origin, seen.name(0));
    match (&seen.with.dispatched, &seen.with.obstacle) {
        (Some(dispatched), _) => match &dispatched.error {
            None => CheckOutcome::pass(format!("{origin} dispatches it in block {} of {chain}", dispatched.block)),
            Some(error) => CheckOutcome::fail(format!(
                "{origin} dispatches it in block {} of {chain}, and it fails: {error}",
                dispatched.block
            )),
        },
        (None, Some(obstacle)) if breaks(seen) => {
            CheckOutcome::fail(format!("the block that dispatches it cannot be built: {obstacle}"))
        }
        (None, Some(obstacle)) => CheckOutcome::not_judged(format!("the forks do not go on: {obstacle}")),
        (None, None) => {
            let blocks = seen.with.count(0);
            CheckOutcome::not_judged(format!("no event of {blocks} blocks of {chain} tells that it was dispatched"))
        }
    }
}

/// Returns whether the chains stop with the call, and go on without it.
fn breaks(seen: &Seen<'_>) -> bool {
    let is_verdict = seen.with.obstacle.as_ref().is_some_and(|obstacle| obstacle.kind == Kind::Check);
    is_verdict && seen.without.obstacle.is_none()
}

/// Does everything succeed that the call dispatches, or does an event hold an error although the call ended well?
fn inner_results(seen: &Seen<'_>) -> CheckOutcome {
    if seen.with.dispatched.is_none() {
        return CheckOutcome::not_judged("the call was not dispatched");
    }
    let own = |caused: &&Caused<'_>| {
        let dispatched = seen.with.dispatched.as_ref();
        caused.member == 0 && dispatched.is_some_and(|it| (it.block, it.event) == (caused.block, caused.event))
    };
    let mut findings = Vec::new();
    for caused in seen.caused.iter().filter(|caused| !own(caused)) {
        let record = caused.record;
        let at = format!("{} in block {}: {}.{}", seen.name(caused.member), caused.block, record.pallet, record.name);
        let known = |list: &[(&str, &str, &'static str)]| {
            list.iter()
                .find(|(pallet, name, _)| (*pallet, *name) == (&record.pallet, &record.name))
                .map(|(.., told)| *told)
        };
        if let Some(error) = record.error.clone().or_else(|| unfinished(seen, caused)) {
            findings.push(Finding::seen(format!("{at} holds the error {error}")));
        } else if let Some(told) = known(&NOT_DONE) {
            findings.push(Finding::seen(format!("{at}: {told}")));
        } else if let Some(told) = known(&WAITS) {
            findings.push(Finding::hazard(format!("{at}: {told}")));
        }
    }
    let unread = seen.with.blocks.iter().filter(|made| made.records.is_none()).count();
    if unread > 0 {
        let why = "a chain ran another code than the one that was read, or its events do not decode";
        findings.push(Finding::not_judged(format!("the events of {unread} blocks were not read: {why}")));
    }
    let detail = match findings.len() {
        0 => format!("none of {} events holds an error", seen.caused.len()),
        found => format!("{found} of {} events need a look", seen.caused.len()),
    };
    CheckOutcome::judged(detail, few(findings))
}

/// Returns how far a message came that the chain executed itself (`Outcome` of XCM), if not to its end.
fn unfinished(seen: &Seen<'_>, caused: &Caused<'_>) -> Option<String> {
    let field = caused.record.field("outcome")?;
    let interface = seen.members.get(caused.member)?.interface().ok()?;
    let variants = interface.variants(Some(field.id));
    let outcome = variants.iter().find(|variant| field.value.first() == Some(&variant.index))?;
    let ends_early = ["Incomplete", "Error"].contains(&outcome.name.as_str());
    ends_early.then(|| compat::value::text(interface.types, field.id, &field.value))
}

/// Are the messages that it sends executed to their end, and do the calls in them succeed?
fn messages(seen: &Seen<'_>) -> CheckOutcome {
    let letters = &seen.mail.letters;
    if letters.is_empty() {
        return CheckOutcome::skip("it sends no message that an event names");
    }
    let findings: Vec<_> =
        letters.iter().zip(seen.answers).filter_map(|(letter, answer)| message(seen, letter, *answer)).collect();
    let executed = letters.iter().filter(|letter| letter.is_executed()).count();
    CheckOutcome::judged(format!("{executed} of {} messages were executed to their end", letters.len()), few(findings))
}

fn message(seen: &Seen<'_>, letter: &Letter, answer: Option<bool>) -> Option<Finding> {
    let (id, from) = (hex::encode_prefixed(letter.id), seen.name(letter.from));
    let to = match &letter.to {
        Receiver::Member(position) => seen.name(*position),
        Receiver::Other(told) => {
            return Some(Finding::not_judged(format!("{id} from {from} to {told}, which takes no part")));
        }
    };
    let told = format!("{id} from {from} to {to}");
    match &letter.received {
        None => {
            let strays = seen.mail.strays.iter().filter(|(at, ..)| letter.to == Receiver::Member(*at)).count();
            Some(match strays {
                0 => Finding::seen(format!("{told} was not executed in {} blocks", seen.with.rounds())),
                // Older queues give messages other identifiers.
                _ => Finding::not_judged(format!("{told}: {strays} messages arrived there under other identifiers")),
            })
        }
        Some(received) if !letter.is_executed() => Some(Finding::seen(format!("{told}: {}", received.told))),
        Some(_) => match (letter.transacts, answer) {
            (Some(true), Some(false)) => Some(Finding::seen(format!(
                "{told} was executed, and a call that it carries failed there: no event says so"
            ))),
            (Some(true), None) => Some(Finding::not_judged(format!(
                "{told} was executed; whether the calls that it carries succeeded is not known"
            ))),
            _ => None,
        },
    }
}

/// Do all chains go on after it as they do without it?
fn blocks(seen: &Seen<'_>) -> CheckOutcome {
    let mut findings = Vec::new();
    if let Some(obstacle) = &seen.with.obstacle {
        findings.push(match breaks(seen) {
            true => Finding::seen(format!(
                "no block can be built in round {}, and without the call it can: {obstacle}",
                seen.with.rounds()
            )),
            false => Finding::not_judged(format!("the forks do not go on: {obstacle}")),
        });
    }
    for position in 0..seen.members.len() {
        let (with, without) = (seen.with.count(position), seen.without.count(position));
        let why =
            || seen.with.reasons.get(position).and_then(Clone::clone).unwrap_or_else(|| "no reason is known".into());
        let name = seen.name(position);
        if with + SLACK < without {
            findings
                .push(Finding::seen(format!("{name} has {with} blocks, and {without} without the call: {}", why())));
        } else if without == 0 {
            findings.push(Finding::not_judged(format!("{name} has no block without the call either: {}", why())));
        }
    }
    let chains = seen.members.len();
    CheckOutcome::judged(format!("{} of {chains} chains go on", chains.saturating_sub(findings.len())), few(findings))
}

/// Does it change anything?
fn effect(seen: &Seen<'_>) -> CheckOutcome {
    let differences = seen.differences;
    let count = differences.listed.len() as u64 + differences.more;
    let hash = hex::encode_prefixed(differences.hash);
    match (count, &seen.with.obstacle) {
        (_, Some(_)) => CheckOutcome::not_judged("the blocks after the call could not all be built"),
        (0, None) => CheckOutcome::warn("no entry of any state is another one than with a call that does nothing"),
        (count, None) => {
            let chains = counted(differences.members.len() as u128, "chain");
            CheckOutcome::pass(format!("{} of {chains}, hash {hash}", counted(count.into(), "changed value")))
        }
    }
}

/// Does it change who controls something?
fn control(seen: &Seen<'_>) -> CheckOutcome {
    let changed = seen.differences.listed.iter().filter(|it| CONTROL.contains(&it.item.as_str()));
    let findings: Vec<_> = changed
        .map(|it| {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
            let key = if it.key.is_empty() { String::new() } else { format!(" of {}", it.key) };
            Finding::hazard(format!(
                "{}: {}{key}, from {} to {}",
                it.chain,
                it.item,
                value(&it.without),
                value(&it.with)
            ))
        })
        .collect();
    match findings.is_empty() {
        true => CheckOutcome::pass("no key, proxy or manager is another one"),
        false => CheckOutcome::judged(
            format!("{} entries that say who acts for others are other ones", findings.len()),
            few(findings),
        ),
    }
}

/// Is the code live that it authorizes?
fn upgrades(seen: &Seen<'_>) -> CheckOutcome {
    let authorizes =
        seen.differences.listed.iter().filter(|it| it.item.ends_with(".AuthorizedUpgrade") && it.with.is_some());
    let authorized: Vec<_> = authorizes.map(|it| it.chain.as_str()).collect();
    if seen.releases.is_empty() {
        return CheckOutcome::skip(match authorized.is_empty() {
            true => "it authorizes no code".to_owned(),
            false => format!(
                "it authorizes a code on {}; with its blob, --code, the upgrade is applied too",
                authorized.join(", ")
            ),
        });
    }
    let mut findings: Vec<_> = seen
        .upgrades
        .iter()
        .map(|it| {
            let told = format!("{}: {} ({}), {}", it.chain, it.version, it.blake2_256, it.told);
            if it.live { Finding::note(told) } else { Finding::seen(told) }
        })
        .collect();
    for release in seen.releases {
        if !seen.upgrades.iter().any(|it| it.blake2_256 == release.hash()) {
            findings.push(Finding::seen(format!("no chain authorizes {}, {}", release.name(), release.hash())));
        }
    }
    for chain in authorized.into_iter().filter(|chain| !seen.upgrades.iter().any(|it| it.chain == *chain)) {
        findings.push(Finding::not_judged(format!("{chain} authorizes a code whose blob was not given")));
    }
    let live = seen.upgrades.iter().filter(|it| it.live).count();
    CheckOutcome::judged(format!("{live} of {} upgrades are live", seen.upgrades.len()), few(findings))
}

/// Keeps the gravest findings, in their order.
fn few(mut findings: Vec<Finding>) -> Vec<Finding> {
    let all = findings.len();
    if all > MOST {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
        findings.truncate(MOST);
        findings.push(Finding::note(format!("{} more", all - MOST)));
    }
    findings
}
