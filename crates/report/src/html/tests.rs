// SPDX-License-Identifier: Apache-2.0
use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn bundle() -> Bundle {
    Bundle {
        name: "standalone".into(),
        build: json!({"package": "standalone-runtime", "profile": "production", "features": ["a"], "commit": "abc", "dirty": false, "seconds": 9}),
        inspect: json!({"spec_name": "solo", "spec_version": 2, "size": 1000, "blake2_256": "0x12"}),
        dry_run: json!({
            "from": {"spec_name": "solo", "spec_version": 1}, "verdict": "pass", "seconds": 5,
            "limits": {"ref_time": 2_000_000_000_000_u64, "proof_size": 5_242_880},
            "checks": [
                {"name": "versions", "status": "pass", "detail": "1 to 2", "findings": ["a"]},
                {"name": "code-size", "status": "pass", "detail": "small"},
            ],
            "blocks": [{"number": 4, "phase": "upgrade", "ref_time": 1_000_000_000_000_u64, "proof_size": 100}],
            "storage_changes": [{"item": "System.Number", "added": 0, "changed": 1, "removed": 0}],
        }),
        diff: json!({
            "rules": [{"name": "transaction-version", "status": "pass", "detail": "rose"}],
            "whom": [{"label": "indexers and front ends", "changes": 3, "breaking": 1}],
            "changes": [{"pallet": "Balances", "name": "Account", "kind": "storage value", "severity": "breaking"}],
        }),
        weights: json!({"files": 1, "extrinsics": 2, "verdict": "passed", "findings": [
            {"severity": "warning", "rule": "never-fits", "pallet": "pallet_xcm", "detail": "Weight::MAX"},
        ]}),
        propose: json!({"route": "sudo", "calls": [{"description": "Do it", "hash": "0x34", "decoded": "Sudo.sudo(x)", "length": 9}]}),
    }
}

#[test]
fn the_page_tells_verdict_hashes_blocks_and_calls() {
    let page = report(&bundle());
    for part in [
        "<title>Upgrade of standalone from 1 to 2</title>",
        "<p class=\"verdict pass\">PASSED</p>",
        "<code data-copy=\"blake2_256\">0x12</code>",
        "<tr><td class=\"pass\">pass</td><th scope=\"row\">versions</th><td><details><summary>1 to 2</summary>",
        "ref_time of each block; at most 50.0 % of the limit",
        "proof_size of each block; at most 0.0 % of the limit",
        "<td>indexers and front ends</td><td class=\"number\">3</td>",
        "<summary>all 1 changes</summary>",
        "1 weight files with 2 extrinsics: passed, 1 findings",
        "<td>warning</td><td>never-fits</td><td>pallet_xcm</td>",
        "<code>Sudo.sudo(x)</code>",
        "<span class=\"pass\">&#9745;</span> The blob is newer than what the chain runs, and small enough",
        "<span class=\"open\">&#9744;</span> Sessions end under the new code (sessions -)",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn the_policy_names_the_script_that_is_there() {
    assert_eq!(SCRIPT_HASH, format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT))));
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = report(&bundle());
    for part in ["http:", "https:", "src=", "href=", "url(", "@import", "onclick"] {
        assert!(!page.contains(part), "{part}");
    }
}

/// Puts the same text wherever there is one.
fn poison(value: &mut Value, text: &str) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| poison(value, text)),
        Value::Array(items) => items.iter_mut().for_each(|value| poison(value, text)),
        Value::String(old) => *old = text.to_string(),
        _ => (),
    }
}

#[test]
fn hostile_names_are_no_markup() {
    let text = "</script><script>alert(1)</script><img src=x onerror=\"alert(2)\">' onload='x\u{202e}";
    let mut evil = bundle();
    for step in
        [&mut evil.build, &mut evil.inspect, &mut evil.dry_run, &mut evil.diff, &mut evil.weights, &mut evil.propose]
    {
        poison(step, text);
    }
    evil.name = text.to_string();
    let page = report(&evil);
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("</script>").count(), 1);
    assert!(!page.contains("<img") && !page.contains('\u{202e}'));
    // No attribute can be left: quotes in text never stand as they are.
    assert!(!page.contains("onerror=\"") && !page.contains("' onload='"));
}

#[test]
fn time_leaves_no_trace_and_gaps_no_section() {
    let mut other = bundle();
    other.build["seconds"] = json!(1);
    other.dry_run["seconds"] = json!(2);
    assert_eq!(report(&bundle()), report(&other));
    let empty = report(&Bundle { name: "x".into(), ..Bundle::default() });
    assert!(!empty.contains("<h2>The checks") && !empty.contains("<h2>The proposal") && empty.contains("NOT DRY-RUN"));
}
