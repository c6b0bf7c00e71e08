// SPDX-License-Identifier: Apache-2.0
use super::{
    chart,
    element::{class, copied, facts, section, table, tag, text},
};
use crate::{
    Bundle,
    field::{list, milliseconds, size, text as field},
};
use serde_json::Value;

/// More rows than this are a file, not a page.
const MOST_CHANGES: usize = 500;

/// What someone who votes reads first.
pub fn verdict(bundle: &Bundle) -> String {
    let state = &bundle.dry_run;
    let checks = list(state, "/checks");
    let count = |status: &str| checks.iter().filter(|check| field(check, "/status") == status).count();
    let (word, look) = match field(state, "/verdict").as_str() {
        "pass" => ("PASSED", "pass"),
        "fail" => ("FAILED", "fail"),
        _ => ("NOT DRY-RUN", "skip"),
    };
    let chain = format!(
        "{} {} to {} {}, on the state of block {} of {}",
        field(state, "/from/spec_name"),
        field(state, "/from/spec_version"),
        field(&bundle.inspect, "/spec_name"),
        field(&bundle.inspect, "/spec_version"),
        field(state, "/state/number"),
        field(state, "/state/source"),
    );
    let told = format!(
        "{} checks passed, {} warn, {} failed, {} do not apply",
        count("pass"),
        count("warn"),
        count("fail"),
        count("skip")
    );
    class("p", &format!("verdict {look}"), word)
        + &tag("p", &text(&chain))
        + &tag("p", &text(&told))
        + &class(
            "p",
            "soft",
            "A rendering of the evidence files beside it; where they differ, those files count. Who signed stands in \
             manifest.json, which covers this page and therefore cannot be told by it.",
        )
}

pub fn hashes(bundle: &Bundle) -> String {
    let blob = &bundle.inspect;
    let plain = |pointer: &str| text(&field(blob, pointer));
    let hash = |what: &str, pointer: &str| match field(blob, pointer).as_str() {
        "-" => "-".to_string(),
        value => copied(what, value),
    };
    let commit = match field(&bundle.build, "/dirty").as_str() {
        "yes" => copied("commit", &field(&bundle.build, "/commit")) + " with uncommitted changes",
        _ => copied("commit", &field(&bundle.build, "/commit")),
    };
    let features: Vec<_> = list(&bundle.build, "/features").iter().filter_map(Value::as_str).collect();
    let rows = [
        ("blake2_256", hash("blake2_256", "/blake2_256")),
        ("sha256", hash("sha256", "/sha256")),
        ("IPFS", hash("the IPFS identifier", "/ipfs_cid")),
        ("Size", text(&format!("{}, {} decompressed", size(blob, "/size"), size(blob, "/size_decompressed")))),
        ("transaction_version", plain("/transaction_version")),
        ("Package", text(&field(&bundle.build, "/package"))),
        ("Profile, features", text(&format!("{}, {}", field(&bundle.build, "/profile"), features.join(" ")))),
        ("Compiler", text(&field(&bundle.build, "/rustc"))),
        ("Commit", commit),
    ];
    section("The blob", &facts(&rows))
}

pub fn checks(dry_run: &Value) -> String {
    let rows: String = list(dry_run, "/checks").iter().map(check).collect();
    if rows.is_empty() {
        return String::new();
    }
    section("The checks", &tag("table", &rows))
}

fn check(check: &Value) -> String {
    // Only known words become a class.
    let look = match field(check, "/status").as_str() {
        "pass" => "pass",
        "warn" => "warn",
        "fail" => "fail",
        _ => "skip",
    };
    let findings: String =
        list(check, "/findings").iter().filter_map(Value::as_str).map(|finding| tag("li", &text(finding))).collect();
    let detail = text(&field(check, "/detail"));
    let detail = match (findings.as_str(), look) {
        ("", _) => detail,
        (findings, "fail" | "warn") => format!("{detail}<ul>{findings}</ul>"),
        (findings, _) => format!("<details><summary>{detail}</summary><ul>{findings}</ul></details>"),
    };
    format!(
        "<tr><td class=\"{look}\">{look}</td><th scope=\"row\">{}</th><td>{detail}</td></tr>\n",
        text(&field(check, "/name"))
    )
}

/// What the new runtime changed, and whom it concerns.
pub fn changes(diff: &Value) -> String {
    let rules: String = list(diff, "/rules").iter().map(check).collect();
    if rules.is_empty() {
        return String::new();
    }
    let mut content = tag("table", &rules);
    let rows: Vec<_> = list(diff, "/whom")
        .iter()
        .map(|concerned| ["/label", "/changes", "/breaking"].map(|pointer| field(concerned, pointer)).to_vec())
        .collect();
    if !rows.is_empty() {
        content.push_str(&table(&["Whom it concerns", "Changes", "Of these breaking"], true, &rows));
    }
    let changes = list(diff, "/changes");
    let rows: Vec<_> = changes
        .iter()
        .take(MOST_CHANGES)
        .map(|change| ["/pallet", "/name", "/kind", "/severity"].map(|pointer| field(change, pointer)).to_vec())
        .collect();
    if !rows.is_empty() {
        let all = table(&["Pallet", "What", "Change", "Severity"], false, &rows);
        let summary = match changes.len() > MOST_CHANGES {
            true => format!("the first {MOST_CHANGES} of {} changes; diff.json has them all", changes.len()),
            false => format!("all {} changes", changes.len()),
        };
        content.push_str(&format!("<details><summary>{}</summary>{all}</details>\n", text(&summary)));
    }
    section("What changed", &content)
}

/// What the runtime's source says about its weights.
pub fn weights(weights: &Value) -> String {
    if weights.is_null() {
        return String::new();
    }
    let findings = list(weights, "/findings");
    let rows: Vec<_> = findings
        .iter()
        .take(MOST_CHANGES)
        .map(|finding| ["/severity", "/rule", "/pallet", "/detail"].map(|pointer| field(finding, pointer)).to_vec())
        .collect();
    let told = format!(
        "{} weight files with {} extrinsics: {}, {} findings",
        field(weights, "/files"),
        field(weights, "/extrinsics"),
        field(weights, "/verdict"),
        findings.len()
    );
    let mut content = tag("p", &text(&told));
    if !rows.is_empty() {
        content.push_str(&table(&["Severity", "Rule", "Pallet", "Finding"], false, &rows));
    }
    section("The weights in the source", &content)
}

pub fn blocks(dry_run: &Value) -> String {
    let blocks = list(dry_run, "/blocks");
    if blocks.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = blocks
        .iter()
        .map(|block| {
            vec![
                format!("{} {}", field(block, "/number"), field(block, "/phase")),
                milliseconds(block, "/ref_time"),
                size(block, "/proof_size"),
            ]
        })
        .collect();
    let charts = chart::blocks(blocks, dry_run, "ref_time") + &chart::blocks(blocks, dry_run, "proof_size");
    section("The blocks built", &(charts + &table(&["Block", "ref_time", "proof_size"], true, &rows)))
}

pub fn storage(dry_run: &Value) -> String {
    let rows: Vec<_> = list(dry_run, "/storage_changes")
        .iter()
        .map(|change| ["/item", "/added", "/changed", "/removed"].map(|pointer| field(change, pointer)).to_vec())
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    section("The storage changed", &table(&["Item", "Keys added", "Keys changed", "Keys removed"], true, &rows))
}

pub fn proposal(propose: &Value) -> String {
    if propose.is_null() {
        return String::new();
    }
    let mut content = tag("p", &format!("Route: {}.", text(&field(propose, "/route"))));
    for (index, call) in list(propose, "/calls").iter().enumerate() {
        content.push_str(&tag("p", &format!("{}. {}", index + 1, text(&field(call, "/description")))));
        let mut rows = vec![
            ("Chain", text(&field(call, "/chain"))),
            ("Call", format!("<code>{}</code>", text(&field(call, "/decoded")))),
            ("Call hash", copied("the call hash", &field(call, "/hash"))),
            ("Length", text(&size(call, "/length"))),
        ];
        if call.get("preimage").is_some_and(Value::is_object) {
            let length = text(&size(call, "/preimage/length"));
            rows.push((
                "Preimage",
                format!("{}, {length}", copied("the preimage hash", &field(call, "/preimage/hash"))),
            ));
        }
        content.push_str(&facts(&rows));
    }
    if propose.get("apply").is_some_and(Value::is_object) {
        content.push_str(&tag("p", &format!("Then: {}", text(&field(propose, "/apply/description")))));
        content.push_str(&facts(&[
            ("Call hash", copied("the call hash", &field(propose, "/apply/hash"))),
            ("Length", text(&size(propose, "/apply/length"))),
        ]));
    }
    let notes: String =
        list(propose, "/notes").iter().filter_map(Value::as_str).map(|note| tag("li", &text(note))).collect();
    if !notes.is_empty() {
        content.push_str(&tag("ul", &notes));
    }
    section("The proposal", &content)
}

pub fn verifying() -> String {
    let commands = [
        ("digests, signatures and threshold", "cargo xtask verify BUNDLE --root SIGNERS"),
        ("and the blob, built again from the commit above", "cargo xtask verify BUNDLE --root SIGNERS --rebuild"),
    ];
    let rows = commands.map(|(what, command)| (what, copied("the command", command)));
    section("Checking all of this", &facts(&rows))
}
