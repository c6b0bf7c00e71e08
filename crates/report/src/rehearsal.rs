// SPDX-License-Identifier: Apache-2.0
//! Renders what a proposal did on forks.

use crate::{
    field::{bytes, grouped, or_dash, short, value},
    table::aligned,
    terminal::{check_rows, indented, pairs, with_hazards},
};
use protocol::rehearse::{
    BalanceChange, EarlierCall, RehearsalReport, RehearsedChain, RehearsedEvent, RehearsedMessage, RehearsedUpgrade,
    StateDifference,
};
use std::collections::BTreeSet;

/// The most rows of a table. The JSON has all of them.
const ROW_LIMIT: usize = 60;

/// Renders the report for a terminal.
pub fn terminal(report: &RehearsalReport) -> String {
    let call = &report.call;
    let mut all = pairs(&[
        ("chain", value(&call.chain)),
        ("call", format!("{}, {}", value(&call.source), bytes(call.length))),
        ("hash", value(&call.blake2_256)),
        ("origin", value(&call.origin)),
        ("route", value(&call.route)),
    ]);
    all.push('\n');
    all.push_str(&indented(&call.decoded.lines().map(|line| value(line) + "\n").collect::<String>()));
    if !report.earlier.is_empty() {
        all.push_str(&groups("dispatched before it", &report.earlier, |_| String::new(), earlier));
    }
    all.push('\n');
    all.push_str(&chains(&report.chains));

    let place = |event: &RehearsedEvent| format!("{}, block {}", value(&event.chain), event.block);
    all.push_str(&groups("events", &report.events, place, event));
    if report.more_events > 0 {
        all.push_str(&format!("   … {} more are not listed\n", grouped(report.more_events)));
    }
    all.push_str(&groups("messages", &report.messages, |_| String::new(), message));
    if !report.balances.is_empty() {
        let chain = |change: &BalanceChange| value(&change.chain);
        all.push_str(&groups("balances: without the call → with it, in plain units", &report.balances, chain, balance));
    }
    if report.more_balances > 0 {
        all.push_str(&format!("   … {} more are not listed\n", grouped(report.more_balances)));
    }
    let chain = |difference: &StateDifference| value(&difference.chain);
    let (follow, judged): (Vec<_>, Vec<_>) = report.differences.iter().cloned().partition(|it| it.bookkeeping);
    all.push_str(&groups("changed entries of the states: without the call → with it", &judged, chain, difference));
    if !follow.is_empty() {
        let items: BTreeSet<_> = follow.iter().map(|difference| value(&difference.item)).collect();
        let items = items.into_iter().collect::<Vec<_>>().join(", ");
        let count = crate::counted(follow.len(), "value");
        all.push_str(&format!("   and {count} of message passing and blocks, see --json: {items}\n"));
    }
    if report.more_differences > 0 {
        let more = grouped(report.more_differences);
        all.push_str(&format!("   … {more} more are not listed, and are part of the hash\n"));
    }
    if !report.left_out.is_empty() {
        let items: Vec<_> = report.left_out.iter().map(|item| value(item)).collect();
        all.push_str(&format!("   left out, because any other call changes them too: {}\n", items.join(", ")));
    }
    all.push_str(&format!("   hash of the differences: {}\n", value(&report.difference_hash)));
    if !report.upgrades.is_empty() {
        all.push_str(&groups("upgrades", &report.upgrades, |_| String::new(), upgrade));
    }
    all.extend(report.notes.iter().map(|note| format!("\nnote: {}\n", value(note))));
    all.push('\n');
    all.push_str(&aligned(&check_rows(&report.checks)));
    all.push_str(&format!("\nverdict: {} ({:.1} s)\n", with_hazards(report.verdict, report.hazards), report.seconds));
    all
}

fn earlier(call: &EarlierCall) -> Vec<String> {
    let result = call.error.as_deref().map_or_else(|| "ok".to_owned(), value);
    vec![
        value(&call.name),
        value(&call.blake2_256),
        format!("by {}, block {}", value(&call.origin), call.block),
        result,
    ]
}

fn chains(chains: &[RehearsedChain]) -> String {
    let mut rows = vec![["CHAIN", "SPEC_VERSION", "BLOCKS", "FROM BLOCK"].map(str::to_owned).to_vec()];
    rows.extend(chains.iter().map(|chain| {
        let fork = &chain.identity;
        let blocks = match &chain.absent {
            None => format!("{} to {}", fork.number, chain.ended),
            Some(why) => format!("took no part: {}", value(why)),
        };
        vec![value(&fork.chain), fork.spec_version.to_string(), blocks, value(&fork.block_hash)]
    }));
    aligned(&rows)
}

/// Renders a table with a heading above the rows that have the same one, if that is not empty.
fn groups<T>(title: &str, items: &[T], heading: impl Fn(&T) -> String, row: impl Fn(&T) -> Vec<String>) -> String {
    let mut all = format!("\n{title}\n");
    let shown = items.get(..ROW_LIMIT).unwrap_or(items);
    for group in shown.chunk_by(|one, next| heading(one) == heading(next)) {
        let rows = aligned(&group.iter().map(&row).collect::<Vec<_>>());
        let heading = group.first().map(&heading).unwrap_or_default();
        let rows = if heading.is_empty() { rows } else { format!("{heading}\n{}", indented(&rows)) };
        all.push_str(&indented(&rows));
    }
    match items.len() - shown.len() {
        0 if items.is_empty() => all.push_str("   none\n"),
        0 => {}
        more => all.push_str(&format!("   … {more} more, see --json\n")),
    }
    all
}

fn event(event: &RehearsedEvent) -> Vec<String> {
    let error = event.error.as_ref().map(|error| format!("ERROR {}", value(error)));
    let details: Vec<_> =
        [Some(value(&event.fields)), error].into_iter().flatten().filter(|text| !text.is_empty()).collect();
    vec![value(&event.name), details.join("; ")]
}

fn message(message: &RehearsedMessage) -> Vec<String> {
    let way = format!("{} → {}", value(&message.from), value(&message.to));
    vec![way, format!("block {}", message.sent), outcome(message), value(&short(&message.id))]
}

/// Returns what became of a message.
fn outcome(message: &RehearsedMessage) -> String {
    let Some(received) = &message.received else {
        return if message.followed { "DID NOT ARRIVE" } else { "not followed: the receiver takes no part" }.into();
    };
    let calls = match message.calls_succeeded {
        Some(true) => ", its calls succeeded",
        Some(false) => ", its calls FAILED",
        None => "",
    };
    match message.executed {
        true => format!("{}{calls}", value(received)),
        false => format!("FAILED: {}", value(received)),
    }
}

fn difference(difference: &StateDifference) -> Vec<String> {
    let [without, with] = [&difference.without, &difference.with].map(|side| or_dash(side.as_deref().map(value)));
    vec![value(&difference.item), value(&difference.key), format!("{without} → {with}")]
}

fn balance(change: &BalanceChange) -> Vec<String> {
    let account = change.account.as_deref().map_or_else(|| "total issuance".to_owned(), value);
    let known = change.known_as.as_ref().map(|known| format!(" ({})", value(known))).unwrap_or_default();
    let asset = change.asset.as_deref().map(value).unwrap_or_default();
    let (without, with) = (amount(&change.without), amount(&change.with));
    vec![format!("{account}{known}"), asset, format!("{without} → {with}"), signed(&change.change)]
}

/// Returns an amount with separators of thousands.
fn amount(text: &str) -> String {
    text.parse::<u128>().map_or_else(|_| value(text), grouped)
}

/// Returns an amount with its sign and separators of thousands.
fn signed(text: &str) -> String {
    let sign = text.get(..1).filter(|sign| ["+", "-"].contains(sign)).unwrap_or_default();
    format!("{sign}{}", amount(text.get(sign.len()..).unwrap_or_default()))
}

fn upgrade(upgrade: &RehearsedUpgrade) -> Vec<String> {
    let live = if upgrade.live { "live" } else { "NOT LIVE" };
    let [chain, version, hash, told] =
        [&upgrade.chain, &upgrade.version, &upgrade.blake2_256, &upgrade.told].map(|text| value(text));
    vec![chain, version, live.into(), hash, told]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::VALUE_LIMIT;
    use crate::samples;
    use protocol::{Check, Verdict, dry_run::Counterpart, rehearse::RehearsedCall};

    fn chain(name: &str, absent: Option<&str>) -> RehearsedChain {
        let identity = Counterpart {
            chain: name.into(),
            spec_version: 7,
            blake2_256: "0x0c".into(),
            block_hash: "0x0b".into(),
            number: 10,
            state_root: "0x0a".into(),
        };
        RehearsedChain { identity, ended: 15, absent: absent.map(str::to_owned) }
    }

    fn event(chain: &str, block: u32, name: &str) -> RehearsedEvent {
        RehearsedEvent {
            chain: chain.into(),
            block,
            name: name.into(),
            fields: "who: 0x01".into(),
            error: name.ends_with("Failed").then(|| "Token(FundsUnavailable)".into()),
        }
    }

    fn message(received: Option<&str>, calls_succeeded: Option<bool>) -> RehearsedMessage {
        RehearsedMessage {
            from: "the relay chain (paseo)".into(),
            to: "parachain 1004".into(),
            sent: 11,
            id: "0x0d".into(),
            followed: true,
            received: received.map(str::to_owned),
            executed: received.is_some(),
            calls_succeeded,
        }
    }

    fn difference(key: &str, without: Option<&str>, with: Option<&str>) -> StateDifference {
        StateDifference {
            chain: "people".into(),
            item: "System.Account".into(),
            key: key.into(),
            without: without.map(str::to_owned),
            with: with.map(str::to_owned),
            bookkeeping: false,
        }
    }

    fn follows(item: &str) -> StateDifference {
        StateDifference { item: item.into(), bookkeeping: true, ..difference("2000", Some("1"), Some("2")) }
    }

    fn balance(who: [Option<&str>; 3], without: &str, with: &str, change: &str) -> BalanceChange {
        let [account, known_as, asset] = who.map(|text| text.map(str::to_owned));
        let [without, with, change] = [without, with, change].map(str::to_owned);
        BalanceChange { chain: "people".into(), account, known_as, asset, without, with, change }
    }

    fn report() -> RehearsalReport {
        RehearsalReport {
            format: protocol::format::REHEARSAL.into(),
            call: RehearsedCall {
                chain: "the relay chain (paseo)".into(),
                source: "referendum 7".into(),
                blake2_256: "0x0e".into(),
                length: 1234,
                decoded: "Utility.batch_all\n  System.remark".into(),
                origin: "root".into(),
                route: "scheduler".into(),
            },
            chains: vec![chain("the relay chain (paseo)", None), chain("people", Some("no core"))],
            events: vec![
                event("the relay chain (paseo)", 11, "Scheduler.Dispatched"),
                event("people", 12, "System.UpgradeAuthorized"),
                event("people", 12, "Utility.ItemFailed"),
            ],
            messages: vec![message(None, None), message(Some("executed"), Some(false))],
            balances: vec![
                balance([None, None, None], "1000000", "1000005", "+5"),
                balance([Some("5EYC"), Some("the pallet py/trsry"), None], "0", "2500", "+2500"),
                balance([Some("5Grw"), None, Some("Assets 7")], "1234", "0", "-1234"),
            ],
            more_balances: 1200,
            differences: vec![
                difference("0x01", Some("5"), Some("6")),
                difference("", None, Some("7")),
                follows("Dmp.DownwardMessageQueueMeta"),
                follows("Dmp.DownwardMessageQueueHeads"),
                follows("Dmp.DownwardMessageQueueHeads"),
            ],
            more_differences: 1500,
            difference_hash: "0x0f".into(),
            left_out: vec!["System.Events".into()],
            upgrades: vec![RehearsedUpgrade {
                chain: "people".into(),
                blake2_256: "0x10".into(),
                version: "people 8".into(),
                told: "applied in block 13".into(),
                live: true,
            }],
            notes: vec!["the call was put into the agenda".into()],
            checks: vec![
                Check::pass("dispatched", "it succeeded"),
                Check::warn("messages", "one").with(["did not arrive"]),
            ],
            seconds: 2.5,
            verdict: Verdict::PassWithHazards,
            hazards: 1,
            ..RehearsalReport::default()
        }
    }

    #[test]
    fn everything_that_a_proposal_did_is_shown_in_its_order() {
        let shown = terminal(&report());
        let mut rest = shown.as_str();
        for words in [
            "chain   the relay chain (paseo)\n",
            "call    referendum 7, 1,234 bytes\n",
            "hash    0x0e\n",
            "\n   Utility.batch_all\n     System.remark\n\n",
            "the relay chain (paseo)  7             10 to 15               0x0b\n",
            "people                   7             took no part: no core  0x0b\n",
            "\nevents\n   the relay chain (paseo), block 11\n      Scheduler.Dispatched  who: 0x01\n",
            "   people, block 12\n      System.UpgradeAuthorized  who: 0x01\n",
            "      Utility.ItemFailed        who: 0x01; ERROR Token(FundsUnavailable)\n",
            "\nmessages\n   the relay chain (paseo) → parachain 1004  block 11  DID NOT ARRIVE",
            "block 11  executed, its calls FAILED",
            "\nbalances: without the call → with it, in plain units\n   people\n      total issuance",
            "  1,000,000 → 1,000,005  +5\n      5EYC (the pallet py/trsry)  ",
            "  0 → 2,500              +2,500\n      5Grw                        Assets 7  1,234 → 0              -1,234\n",
            "   … 1,200 more are not listed\n",
            "\nchanged entries of the states: without the call → with it\n   people\n      System.Account  0x01  5 → 6\n",
            "      System.Account        - → 7\n",
            "   and 3 values of message passing and blocks, see --json: ",
            "Dmp.DownwardMessageQueueHeads, Dmp.DownwardMessageQueueMeta\n",
            "   … 1,500 more are not listed, and are part of the hash\n",
            "   left out, because any other call changes them too: System.Events\n",
            "   hash of the differences: 0x0f\n",
            "\nupgrades\n   people  people 8  live  0x10  applied in block 13\n",
            "\nnote: the call was put into the agenda\n",
            "PASS  dispatched  it succeeded\n",
            "WARN  messages    one\n                  - did not arrive\n",
            "\nverdict: pass with 1 hazard (2.5 s)\n",
        ] {
            let Some((_, after)) = rest.split_once(words) else {
                panic!("{words:?} is not next in\n{rest}\nof\n{shown}")
            };
            rest = after;
        }
        assert_eq!(rest, "");
    }

    #[test]
    fn a_proposal_that_did_nothing_says_so() {
        let shown = terminal(&RehearsalReport { verdict: Verdict::Pass, ..RehearsalReport::default() });
        for words in [
            "\nevents\n   none\n",
            "\nmessages\n   none\n",
            "\nchanged entries of the states: without the call → with it\n   none\n",
        ] {
            assert!(shown.contains(words), "{words:?} is not in\n{shown}");
        }
        assert!(!shown.contains("upgrades") && !shown.contains("note:"), "{shown}");
        assert!(!shown.contains("balances") && !shown.contains("message passing"), "{shown}");
    }

    #[test]
    fn amounts_keep_their_signs() {
        for (text, shown) in [("+1234567", "+1,234,567"), ("-1000", "-1,000"), ("+0", "+0"), ("", "")] {
            assert_eq!(signed(text), shown);
        }
        // What is no amount is text of a document.
        assert_eq!(signed("é\n+5"), "é +5");
    }

    #[test]
    fn long_lists_and_values_are_cut() {
        let mut report = report();
        report.events = (0..ROW_LIMIT + 5).map(|_| event("people", 12, "System.Remarked")).collect();
        report.differences = vec![difference("0x01", None, Some(&"é".repeat(VALUE_LIMIT + 1))); ROW_LIMIT + 1];
        let shown = terminal(&report);
        assert_eq!(shown.matches("System.Remarked").count(), ROW_LIMIT, "{shown}");
        assert!(shown.contains("   … 5 more, see --json\n") && shown.contains("   … 1 more, see --json\n"), "{shown}");
        let value = format!("- → {}… (complete with --json)\n", "é".repeat(VALUE_LIMIT));
        assert_eq!(shown.matches(&value).count(), ROW_LIMIT);
        // The twin: as many as are shown.
        report.events.truncate(ROW_LIMIT);
        report.differences.clear();
        assert!(!terminal(&report).contains("see --json"));
    }

    #[test]
    fn text_of_a_chain_cannot_look_like_other_lines() {
        let shown = terminal(&samples::poison(&report(), "a\nverdict: pass (0.0 s)\n\u{1b}[2J\r"));
        let verdicts: Vec<_> = shown.lines().filter(|line| line.starts_with("verdict")).collect();
        assert_eq!(verdicts, ["verdict: pass with 1 hazard (2.5 s)"], "{shown}");
        // The printer replaces those in the findings of checks, which may have several lines.
        let before_checks = shown.split("PASS  ").next().expect("the part before the checks");
        let control = before_checks.chars().find(|one| one.is_control() && *one != '\n');
        assert_eq!(control, None, "{before_checks:?}");
        assert!(before_checks.contains("a verdict: pass (0.0 s) \u{fffd}[2J"), "{before_checks}");
    }
}
