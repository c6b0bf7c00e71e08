// SPDX-License-Identifier: Apache-2.0
//! What someone who votes reads first.

use super::{
    bar,
    element::{class, copied, facts, section, tag, text, verdicts},
};
use crate::{
    Bundle,
    field::{findings, grouped, list, size, text as field},
    steps,
};
use serde_json::Value;

/// Which chain, from which version to which, and whether all is well.
pub fn verdict(bundle: &Bundle) -> String {
    let (status, hazards) = (steps::verdict(bundle), steps::hazards(&bundle.dry_run));
    let look = match (status, hazards) {
        (Some(steps::Status::Pass), 0) => "pass",
        (Some(steps::Status::Pass | steps::Status::NotJudged), _) => "warn",
        (Some(_), _) => "fail",
        (None, _) => "skip",
    };
    let rows: Vec<_> =
        steps::steps(bundle).into_iter().map(|step| (step.status, step.name.to_owned(), text(&step.told))).collect();
    class("p", &format!("verdict {look}"), &steps::headline(status, hazards)) + &verdicts(&rows)
}

/// What a vote is about: all that has to be the same on chain.
pub fn subject(bundle: &Bundle) -> String {
    let (state, blob) = (&bundle.dry_run, &bundle.inspect);
    let of_state = |what: &str, pointer: &str| copied(what, &field(state, pointer));
    let mut rows = vec![
        (
            "Chain",
            text(&format!(
                "{} {}, transaction_version {}",
                field(state, "/from/spec_name"),
                field(state, "/from/spec_version"),
                field(state, "/from/transaction_version")
            )),
        ),
        (
            "Becomes",
            text(&format!(
                "{} {}, transaction_version {}",
                field(blob, "/spec_name"),
                field(blob, "/spec_version"),
                field(blob, "/transaction_version")
            )),
        ),
        ("Code hash, blake2_256", copied("the code's blake2_256", &field(blob, "/blake2_256"))),
    ];
    rows.extend(list(&bundle.propose, "/calls").iter().map(|call| match call.pointer("/preimage/hash") {
        Some(_) => ("Preimage voted on", copied("the preimage's hash", &field(call, "/preimage/hash"))),
        None => ("Hash of the call", copied("the call's hash", &field(call, "/hash"))),
    }));
    if !state.is_null() {
        let known = match field(state, "/state/verified").as_str() {
            "yes" => "the state was held against it",
            _ => "computed from the state, whose source gave none to hold it against",
        };
        rows.extend([
            (
                "Rehearsed on",
                text(&format!("block {} of {}", field(state, "/state/number"), field(state, "/state/source"))),
            ),
            ("Block hash", of_state("the block's hash", "/state/block_hash")),
            ("State root", format!("{} {}", of_state("the state root", "/state/state_root"), text(known))),
        ]);
    }
    let ask = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS");
    rows.push(("Signed by", format!("{ask} tells: signatures cover this page, so it cannot hold them")));
    section("What it is about", &facts(&rows))
}

pub fn blob(bundle: &Bundle) -> String {
    let (blob, build) = (&bundle.inspect, &bundle.build);
    if blob.is_null() && build.is_null() {
        return String::new();
    }
    let mut commit = copied("the commit", &field(build, "/commit"));
    if field(build, "/dirty") == "yes" {
        commit.push_str(" with uncommitted changes");
    }
    let features: Vec<_> = list(build, "/features").iter().filter_map(Value::as_str).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(" ") };
    let mut rows = vec![
        ("blake2_256", copied("blake2_256", &field(blob, "/blake2_256"))),
        ("sha256", copied("sha256", &field(blob, "/sha256"))),
        ("IPFS", copied("the IPFS identifier", &field(blob, "/ipfs_cid"))),
        ("Size", code_size(bundle)),
        ("Decompressed", text(&size(blob, "/size_decompressed"))),
        ("Package", text(&field(build, "/package"))),
        ("Profile", text(&field(build, "/profile"))),
        ("Features", text(&features)),
        ("Compiler", text(&field(build, "/rustc"))),
        ("Commit", commit),
    ];
    rows.retain(|(_, content)| content != "-");
    section("The blob", &facts(&rows))
}

/// The size, what it was, and how much of the limit it takes.
fn code_size(bundle: &Bundle) -> String {
    let size_of = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
    let mut told = size(&bundle.inspect, "/size");
    let Some(new) = size_of(&bundle.inspect, "/size") else { return text(&told) };
    let old = size_of(&bundle.diff, "/old/code_size").or_else(|| size_of(&bundle.dry_run, "/from/code_size"));
    if let Some(old) = old {
        let sign = if new < old { "-" } else { "+" };
        told.push_str(&format!(", {sign}{} against the present code", grouped(new.abs_diff(old))));
    }
    let Some(limit) = size_of(&bundle.build, "/size_limit").filter(|limit| *limit > 0) else { return text(&told) };
    let percent = new as f64 * 100.0 / limit as f64;
    told.push_str(&format!("; {percent:.1} % of the {} that the network takes", grouped(limit)));
    text(&told) + &bar::of_limit(percent)
}

/// The checks, each with its verdict.
pub fn checks(dry_run: &Value) -> String {
    let rows: Vec<_> = list(dry_run, "/checks").iter().map(check).collect();
    if rows.is_empty() {
        return String::new();
    }
    section("The checks of the dry run", &verdicts(&rows))
}

/// A check or a rule. What is wrong is shown; what was fine unfolds.
pub fn check(check: &Value) -> (steps::Status, String, String) {
    let status = steps::Status::of(check);
    let findings: String = findings(check).iter().map(|finding| tag("li", &text(finding))).collect();
    let mut detail = text(&field(check, "/detail"));
    // A rule of the comparison says that it is allowed, a check of the dry run says by whom.
    let reason = check.get("allowed").or(check.get("reason")).and_then(Value::as_str);
    if reason.is_some() || field(check, "/status") == "allowed" {
        let reason = reason.unwrap_or("no reason given");
        detail.push_str(&format!(" <strong>Allowed: {}</strong>", text(reason)));
    }
    let content = match (findings.is_empty(), status) {
        (true, _) => detail,
        (false, steps::Status::Fail | steps::Status::Warn | steps::Status::NotJudged) => {
            format!("{detail}<ul>{findings}</ul>")
        }
        (false, _) => format!("<details><summary>{detail}</summary><ul>{findings}</ul></details>"),
    };
    (status, field(check, "/name"), content)
}
