// SPDX-License-Identifier: Apache-2.0
//! Renders the keys that suffice for a call of Sudo, and the calls of a multisig's signatories.

use crate::{
    field::{bytes, value},
    table::aligned,
    terminal::{check_rows, indented, with_hazards},
};
use protocol::keys::{KeysReport, MultisigCalls, TriedKey};

/// The longest call that is shown, in hex digits.
const CALL_LIMIT: usize = 1_000;

/// Renders the report for a terminal.
pub fn terminal(report: &KeysReport) -> String {
    let chain = &report.chain;
    let mut all = aligned(&[
        vec!["chain".into(), value(&chain.chain), format!("block {}", chain.number), value(&chain.block_hash)],
        vec!["call".into(), value(&report.blake2_256), bytes(report.length)],
    ]);
    all.push_str(&indented(&report.call.lines().map(|line| value(line) + "\n").collect::<String>()));
    all.push_str("\nwho can sign it\n");
    all.push_str(&indented(&aligned(&report.keys.iter().map(key).collect::<Vec<_>>())));
    if let Some(multisig) = &report.multisig {
        all.push('\n');
        all.push_str(&signatories(multisig, report.verdict.passed()));
    }
    all.push('\n');
    all.push_str(&aligned(&check_rows(&report.checks)));
    let verdict = with_hazards(report.verdict, report.hazards);
    all.push_str(&format!("\nverdict: {verdict} ({:.1} s)\n", report.seconds));
    all
}

fn key(key: &TriedKey) -> Vec<String> {
    let answer = match key.suffices {
        Some(true) => "YES",
        Some(false) => "NO",
        None => "not judged",
    };
    let role = match (&key.proxy_type, key.delay) {
        (None, _) => "the key of Sudo".to_owned(),
        (Some(name), None) => format!("proxy {}", value(name)),
        (Some(name), Some(delay)) => format!("proxy {}, after {delay} blocks", value(name)),
    };
    vec![answer.into(), value(&key.account), role, value(&key.told)]
}

/// `works` says whether the calls are to be submitted.
fn signatories(multisig: &MultisigCalls, works: bool) -> String {
    let of = format!("{} of {} signatories", multisig.threshold, multisig.signatories.len());
    let mut rows = vec![vec!["multisig".to_owned(), value(&multisig.account), of]];
    rows.extend(multisig.proxy_of.as_ref().map(|key| vec!["acts for".to_owned(), value(key), String::new()]));
    rows.push(vec!["call hash".into(), value(&multisig.call_hash), "shown by each signatory's wallet".into()]);
    let weight = format!("ref_time {}, proof_size {}", multisig.max_weight.ref_time, multisig.max_weight.proof_size);
    rows.push(vec!["max weight".into(), weight, String::new()]);
    rows.extend(
        multisig.deposit.as_ref().map(|deposit| vec!["deposit".to_owned(), value(deposit), "of who begins".to_owned()]),
    );
    rows.extend(multisig.pending.as_ref().map(|pending| {
        let by = pending.approvals.iter().map(|account| value(account)).collect::<Vec<_>>().join(", ");
        let timepoint = format!("height {}, index {}", pending.height, pending.index);
        vec!["approved".to_owned(), timepoint, format!("by {by}")]
    }));
    let mut all = aligned(&rows);
    if !works {
        all.push_str("\nNobody is to sign yet: the checks say why.\n");
        return all;
    }
    for call in &multisig.calls {
        all.push_str(&format!("\n{} submits {}  {}\n", value(&call.signatory), value(&call.name), value(&call.hash)));
        all.push_str(&match call.bytes.len() {
            0 => format!("   {}: see the files\n", bytes(call.length)),
            length if length > CALL_LIMIT => format!("   {}: see the JSON or the files\n", bytes(call.length)),
            _ => format!("   {}\n", value(&call.bytes)),
        });
        if !call.files.is_empty() {
            all.push_str(&format!("   written to: {}\n", call.files.join(", ")));
        }
    }
    let lacking = usize::from(multisig.threshold)
        .saturating_sub(multisig.pending.as_ref().map_or(0, |pending| pending.approvals.len()));
    all.push_str(&match (multisig.pending.is_some(), lacking) {
        (_, 0 | 1) => "\nOne of these calls is submitted.\n".to_owned(),
        (true, lacking) => format!("\n{lacking} of these calls are submitted.\n"),
        (false, _) => {
            "\nOne signatory begins with its call. Then run this again: later calls need the timepoint of the first.\n"
                .to_owned()
        }
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        CheckOutcome, Verdict, Weight,
        keys::{PendingMultisig, SignatoryCall},
    };

    fn report() -> KeysReport {
        let call = |signatory: &str| SignatoryCall {
            signatory: signatory.into(),
            signatory_id: String::new(),
            name: "Multisig.as_multi".into(),
            bytes: "0x3301".into(),
            length: 2,
            hash: "0xab".into(),
            files: Vec::new(),
        };
        let key = TriedKey {
            account: "5Key".into(),
            suffices: Some(true),
            told: "Sudo dispatches the call".into(),
            ..TriedKey::default()
        };
        let proxy = TriedKey {
            account: "5Staker".into(),
            proxy_type: Some("Staking".into()),
            delay: Some(7),
            suffices: None,
            told: "announced\u{1b}[31m".into(),
            ..TriedKey::default()
        };
        KeysReport {
            call: "Sudo.sudo(\n  call: System.remark\n)".into(),
            keys: vec![key, proxy],
            multisig: Some(MultisigCalls {
                account: "5Multi".into(),
                threshold: 3,
                signatories: ["5A", "5B", "5C"].map(str::to_owned).to_vec(),
                proxy_of: Some("5Key".into()),
                call_hash: "0xcd".into(),
                max_weight: Weight { ref_time: 7, proof_size: 8 },
                deposit: Some("1000".into()),
                calls: vec![call("5A"), call("5B"), call("5C")],
                ..MultisigCalls::default()
            }),
            checks: vec![CheckOutcome::pass("the key of Sudo dispatches the call").named("key")],
            verdict: Verdict::Pass,
            ..KeysReport::default()
        }
    }

    #[test]
    fn each_key_and_each_signatory_is_told() {
        let text = terminal(&report());
        for part in [
            "YES         5Key     the key of Sudo",
            "not judged  5Staker  proxy Staking, after 7 blocks",
            "acts for    5Key",
            "5B submits Multisig.as_multi  0xab",
            "One signatory begins",
            "later calls need the timepoint",
            "verdict: pass",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn calls_that_do_not_work_are_not_to_be_signed() {
        let text = terminal(&KeysReport { verdict: Verdict::Fail, ..report() });
        assert!(text.contains("Nobody is to sign yet") && text.contains("multisig    5Multi"), "{text}");
        assert!(!text.contains("submits") && !text.contains("begins with"), "{text}");
    }

    #[test]
    fn approvals_that_the_chain_has_are_counted() {
        let mut report = report();
        if let Some(multisig) = &mut report.multisig {
            let approvals = vec!["5A".to_owned()];
            multisig.pending = Some(PendingMultisig { height: 12, index: 2, approvals, ..PendingMultisig::default() });
        }
        let text = terminal(&report);
        assert!(text.contains("height 12, index 2") && text.contains("2 of these calls are submitted"), "{text}");
    }
}
