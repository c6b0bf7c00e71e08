// SPDX-License-Identifier: Apache-2.0
//! Renders what a chain does with XCM messages.

use crate::{
    field::{bytes, grouped, value},
    table::aligned,
    terminal::{check_rows, indented, pairs, with_hazards},
};
use protocol::{
    Weight,
    xcm::{
        BarrierTrial, ExplainedCall, ExplainedMessage, Explanation, ForwardedMessage, TrappedAssets, XcmFees,
        XcmVersions, XcmWay,
    },
};

/// The most rows of a table. The JSON has all of them.
const ROW_LIMIT: usize = 60;

/// Renders an explanation for a terminal.
pub fn terminal(explanation: &Explanation) -> String {
    let chain = &explanation.chain;
    let mut all = aligned(&[vec![
        "chain".into(),
        value(&chain.chain),
        format!("block {}", chain.number),
        value(&chain.block_hash),
    ]]);
    all.extend(explanation.call.as_ref().map(call));
    let count = explanation.messages.len();
    for (position, one) in explanation.messages.iter().enumerate() {
        let title = if count > 1 { format!("message {} of {count}", position + 1) } else { "message".into() };
        all.push_str(&format!("\n{title}\n"));
        all.push_str(&indented(&message(one)));
    }
    let verdict = with_hazards(explanation.verdict, explanation.hazards);
    all.push_str(&format!("\nverdict: {verdict} ({:.1} s)\n", explanation.seconds));
    all
}

fn call(call: &ExplainedCall) -> String {
    let mut all = pairs(&[("origin", value(&call.origin)), ("hash", value(&call.blake2_256))]);
    all.push('\n');
    all.push_str(&indented(&lines(&call.decoded)));
    if let Some(local) = &call.local {
        all.push_str("\nexecuted on the chain itself\n");
        all.push_str(&indented(&lines(local)));
    }
    all.push_str(&list("events", &call.events));
    all.push('\n');
    all.push_str(&aligned(&check_rows(&call.checks)));
    all
}

fn message(message: &ExplainedMessage) -> String {
    let mut rows = vec![("from", value(&message.from)), ("to", value(&message.to))];
    if let Some(receiver) = &message.receiver {
        rows.push(("block", format!("{} {}", receiver.number, value(&receiver.block_hash))));
    }
    let length = message.bytes.len().saturating_sub(2) / 2;
    rows.push(("hash", format!("{}, {}", value(&message.blake2_256), bytes(length as u64))));
    rows.extend(message.versions.as_ref().map(|versions| ("versions", self::versions(versions))));
    rows.extend(message.way.map(|way| ("executed", self::way(way).to_owned())));
    let mut all = pairs(&rows);
    all.push('\n');
    all.push_str(&indented(&lines(&message.decoded)));
    all.extend(message.fees.as_ref().map(fees));
    if !message.trials.is_empty() {
        all.push_str("\nwhat the barrier lets pass\n");
        all.push_str(&indented(&aligned(&message.trials.iter().map(trial).collect::<Vec<_>>())));
    }
    all.push_str(&list("events", &message.events));
    if !message.forwarded.is_empty() {
        all.push_str("\nsent on\n");
        all.extend(message.forwarded.iter().take(ROW_LIMIT).map(|one| indented(&forwarded(one))));
    }
    if !message.trapped.is_empty() {
        all.push_str("\ntrapped assets\n");
        all.extend(message.trapped.iter().map(|one| indented(&trapped(one))));
    }
    all.push('\n');
    all.push_str(&aligned(&check_rows(&message.checks)));
    all
}

fn versions(versions: &XcmVersions) -> String {
    let noted = [
        ("the sender sends", versions.sender_noted),
        ("the receiver answers with", versions.receiver_noted),
        ("the sender sends to unknown chains", versions.sender_safe),
        ("the receiver sends to unknown chains", versions.receiver_safe),
    ];
    let noted = noted.into_iter().filter_map(|(told, version)| Some(format!("; {told} {}", version?)));
    let decoded = versions.receiver.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("{}; the receiver decodes {decoded}{}", versions.message, noted.collect::<String>())
}

fn way(way: XcmWay) -> &'static str {
    match way {
        XcmWay::DryRunApi => "by the receiver's DryRunApi",
        XcmWay::Queue => "by a block on the fork, from the queue of messages",
    }
}

fn fees(fees: &XcmFees) -> String {
    let row = |name: &str, told: String| vec![name.to_owned(), told];
    let weights = [("needed weight", fees.needed), ("used weight", fees.used), ("not used", fees.surplus)];
    let mut rows: Vec<_> =
        weights.into_iter().filter_map(|(name, weight)| Some(row(name, self::weight(weight?)))).collect();
    for offer in &fees.offers {
        let part = |told: &str, part: &Option<String>| part.as_ref().map(|part| format!("{told} {}", value(part)));
        let parts = [
            Some(value(&offer.asset)),
            part("offers", &offer.amount),
            offer.limit.map(|limit| format!("for at most {}", self::weight(limit))),
            part("the price is", &offer.price),
            part("that of the used weight", &offer.used_price),
            part("no price:", &offer.no_price),
        ];
        rows.push(row(&value(&offer.instruction), parts.into_iter().flatten().collect::<Vec<_>>().join("; ")));
    }
    if !fees.accepted.is_empty() {
        let accepted = fees.accepted.iter().map(|asset| value(asset)).collect::<Vec<_>>().join(", ");
        rows.push(row("taken as fees", accepted));
    }
    format!("\nfees\n{}", indented(&aligned(&rows)))
}

fn weight(weight: Weight) -> String {
    format!("{} ps, {}", grouped(weight.ref_time), bytes(weight.proof_size))
}

fn trial(trial: &BarrierTrial) -> Vec<String> {
    let passes = match trial.passes {
        Some(true) => "PASSES",
        Some(false) => "REFUSED",
        None => "NOT TRIED",
    };
    vec![passes.to_owned(), value(&trial.told), value(&trial.found)]
}

fn forwarded(message: &ForwardedMessage) -> String {
    format!("to {}\n{}", value(&message.to), indented(&lines(&message.decoded)))
}

fn trapped(trapped: &TrappedAssets) -> String {
    let works = match trapped.works {
        Some(true) => "FREES THEM",
        Some(false) => "DOES NOT FREE THEM",
        None => "NOT TRIED",
    };
    let mut rows = vec![
        ("assets", value(&trapped.assets)),
        ("hash", value(&trapped.hash)),
        ("claimed by", value(&trapped.origin)),
    ];
    rows.extend(trapped.claim_decoded.as_ref().map(|claim| ("claim", value(claim))));
    rows.extend(trapped.claim.as_ref().map(|claim| ("", value(claim))));
    rows.push(("", format!("{works} ({})", value(&trapped.tried))));
    pairs(&rows)
}

fn list(title: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut all = format!("\n{title}\n");
    all.extend(items.iter().take(ROW_LIMIT).map(|item| format!("   {}\n", value(item))));
    if items.len() > ROW_LIMIT {
        all.push_str(&format!("   … {} more, see --json\n", items.len() - ROW_LIMIT));
    }
    all
}

/// Returns text of several lines, each without control characters.
fn lines(text: &str) -> String {
    text.lines().map(|line| value(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Check, Verdict, dry_run::Counterpart, xcm::XcmOffer};

    fn explained() -> ExplainedMessage {
        ExplainedMessage {
            from: "{ parents: 1, interior: Here }".into(),
            to: "parachain 2000 (people)\u{1b}[2J".into(),
            bytes: "0x0500".into(),
            decoded: "V5([])".into(),
            versions: Some(XcmVersions { message: 5, receiver: vec![3, 4, 5], ..XcmVersions::default() }),
            way: Some(XcmWay::DryRunApi),
            checks: vec![Check::fail("executed", "refused with Barrier")],
            ..ExplainedMessage::default()
        }
    }

    fn rendered(message: ExplainedMessage) -> String {
        terminal(&Explanation {
            chain: Counterpart { chain: "parachain 2000 (people)".into(), number: 7, ..Counterpart::default() },
            messages: vec![message],
            verdict: Verdict::Fail,
            ..Explanation::default()
        })
    }

    #[test]
    fn a_message_is_shown_with_its_versions_and_checks() {
        let text = rendered(explained());
        for part in [
            "block 7",
            "2 bytes",
            "5; the receiver decodes 3, 4, 5",
            "V5([])",
            "FAIL",
            "refused with Barrier",
            "verdict: fail",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains("what the barrier lets pass"), "{text}");
    }

    #[test]
    fn trials_fees_and_traps_are_shown_where_there_are_any() {
        let trial = |passes| BarrierTrial {
            name: "topic".into(),
            told: "with SetTopic at its end".into(),
            passes,
            found: "executed to its end".into(),
        };
        let offer = XcmOffer {
            instruction: "BuyExecution".into(),
            asset: "Here".into(),
            amount: Some("5".into()),
            price: Some("7".into()),
            ..XcmOffer::default()
        };
        let needed = Some(Weight { ref_time: 1_000, proof_size: 64 });
        let text = rendered(ExplainedMessage {
            trials: vec![trial(Some(true)), trial(Some(false)), trial(None)],
            fees: Some(XcmFees { needed, offers: vec![offer], accepted: vec!["Here".into()], ..XcmFees::default() }),
            trapped: vec![TrappedAssets {
                claim: Some("0x05".into()),
                works: Some(true),
                tried: "after a block".into(),
                ..TrappedAssets::default()
            }],
            events: vec!["PolkadotXcm.AssetsTrapped".into()],
            ..explained()
        });
        for part in [
            "PASSES",
            "REFUSED",
            "NOT TRIED",
            "1,000 ps, 64 bytes",
            "Here; offers 5; the price is 7",
            "FREES THEM (after a block)",
            "PolkadotXcm.AssetsTrapped",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
}
