// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::weights::tests as sample;
use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::weights::check::{AgainstRelease, Rule, Severity, StepResult};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A check of the source with a finding about one pallet and a change of another's weights.
fn weights(base: &str, found: &str, changed: &str) -> StepResult {
    let findings = vec![sample::finding(Rule::NeverFits, Severity::Warning, Some(found), "Weight::MAX")];
    let changed = sample::compared(changed, "f", sample::pair(2_000_000, 1_000_000), sample::pair(5, 5));
    let mut comparison = sample::comparison(vec![changed]);
    comparison.old = base.into();
    StepResult { comparison: Some(AgainstRelease::Compared(Box::new(comparison))), ..sample::passed(findings) }
}

fn bundle() -> Bundle {
    Bundle {
        name: "standalone".into(),
        build: json!({"package": "standalone-runtime", "profile": "production", "features": ["a"], "commit": "abc", "dirty": false, "size_limit": 4000, "seconds": 9}),
        inspect: json!({"spec_name": "solo", "spec_version": 2, "transaction_version": 3, "size": 1000, "blake2_256": "0x12"}),
        dry_run: json!({
            "from": {"spec_name": "solo", "spec_version": 1, "code_size": 900}, "verdict": "pass", "seconds": 5,
            "state": {"source": "solo.json", "number": 3, "block_hash": "0xb1", "state_root": "0xa1", "verified": true},
            "limits": {"ref_time": 2_000_000_000_000_u64, "proof_size": 5_242_880},
            "checks": [
                {"name": "versions", "status": "pass", "detail": "1 to 2", "findings": ["a"]},
                {"name": "code-size", "status": "pass", "detail": "small"},
            ],
            "blocks": [{"number": 4, "phase": "upgrade", "ref_time": 1_000_000_000_000_u64, "proof_size": 100}],
            "storage_changes": [{"item": "System.Number", "every_block": true, "added": 0, "changed": 1, "removed": 0}, {"item": "Attestations.ByCode", "every_block": false, "added": 2, "changed": 0, "removed": 0}],
            "call_weights": [{"call": "Balances.transfer", "old": {"ref_time": 4_000_000, "proof_size": 7}, "new": {"ref_time": 5_000_000, "proof_size": 7}}],
        }),
        diff: json!({
            "verdict": "pass",
            "rules": [
                {"name": "transaction-version", "status": "pass", "detail": "rose"},
                {"name": "host-functions", "status": "allowed", "detail": "1 more", "reason": "nodes are new", "findings": ["ext_new"]},
            ],
            "whom": [{"label": "indexers and front ends", "changes": 3, "breaking": 1}],
            "changes": [
                {"pallet": "Balances", "name": "Account", "kind": "storage-value", "severity": "breaking", "details": ["free: u128 became u64"]},
                {"pallet": "Balances", "name": "Limit", "kind": "constant-value", "severity": "notable", "old": "1", "new": "2"},
            ],
            "parameters": [
                {"pallet": "Balances", "constant": "Limit", "old": "1 PAS", "new": "2 PAS", "unit": "an amount"},
                {"pallet": "Balances", "constant": "New", "new": "5"},
            ],
            "untold": ["view functions"],
        }),
        weights: Some(weights("v1", "pallet_xcm", "pallet_own")),
        propose: json!({"route": "sudo", "calls": [{"description": "Do it", "hash": "0x34", "decoded": "Sudo.sudo(x)", "length": 9}]}),
    }
}

#[test]
fn the_page_tells_verdict_hashes_blocks_and_calls() {
    let page = report(&bundle());
    for part in [
        "<title>Upgrade of standalone from 1 to 2</title>",
        "<p class=\"verdict pass\">PASSED</p>",
        "<tr><td><span class=\"pass\">pass</span></td><th scope=\"row\">Dry run on the chain&#39;s state</th><td>of 2 checks: 2 passed</td></tr>",
        "<tr><th scope=\"row\">Becomes</th><td>solo 2, transaction_version 3</td></tr>",
        "<code data-copy=\"the code&#39;s blake2_256\">0x12</code>",
        "<code data-copy=\"the block&#39;s hash\">0xb1</code>",
        "<code data-copy=\"the state root\">0xa1</code> the state was held against it",
        "<th scope=\"row\">versions</th><td><details><summary>1 to 2</summary><ul><li>a</li>",
        "1 more <strong>Allowed: nodes are new</strong><ul><li>ext_new</li>",
        "<th scope=\"row\">indexers and front ends</th><td>3 <small>changes</small></td><td>1 <small>breaking</small></td>",
        "<li><code>Balances.<wbr>Account</code> <strong>storage value</strong><ul><li>free: u128 became u64</li>",
        "<details><summary>1 other change</summary>",
        "<code>Balances.<wbr>Limit</code> <strong>constant value</strong> 1 → 2</li>",
        "The most ref_time is 1000.00 ms: 50.0 % of the 2000.00 ms that a block may take.",
        "<th scope=\"row\">Balances.<wbr>transfer</th><td>4.00 → 5.00 µs <small>+25.0 %</small><svg",
        "1 weight files with 2 extrinsics: passed, 1 finding.",
        "<span class=\"warn\">warn</span></td><th scope=\"row\">never-fits</th><td>pallet_xcm: Weight::MAX</td>",
        "<h3>Since the release before</h3>",
        "<th scope=\"row\">pallet_<wbr>own::<wbr>f</th><td>2.00 → 1.00 µs <small>-50.0 %</small><svg",
        "<th scope=\"row\">Balances.<wbr>Limit<small>an amount</small></th><td>1 PAS</td><td>2 PAS</td>",
        "<details><summary>1 new</summary>",
        "1,000 bytes, +100 against the present code; 25.0 % of the 4,000 that the network takes<svg",
        "<code class=\"call\">Sudo.sudo(x)</code>",
        "<span class=\"pass\">&#9745;</span>The blob is newer than what the chain runs, and small enough",
        "<span class=\"open\">&#9744;</span>Sessions end under the new code (sessions: not made)",
        "cargo xtask verify BUNDLE --root SIGNERS --rebuild",
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
    for part in ["http:", "https:", "src=", "href=", "url(", "@import", "onclick", "style=\""] {
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
    for step in [&mut evil.build, &mut evil.inspect, &mut evil.dry_run, &mut evil.diff, &mut evil.propose] {
        poison(step, text);
    }
    evil.weights = Some(weights(text, text, text));
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
    assert!(
        !empty.contains("<h2>The checks") && !empty.contains("<h2>The proposal") && empty.contains("NOT REHEARSED")
    );
}

#[test]
fn one_step_that_failed_heads_the_page() {
    let breaks: [fn(&mut Bundle); 3] = [
        |bundle| bundle.diff["verdict"] = json!("fail"),
        |bundle| bundle.dry_run["verdict"] = json!("fail"),
        |bundle| bundle.propose = json!({"error": {"message": "the chain refuses it", "hint": "raise spec_version"}}),
    ];
    for fail in breaks {
        let mut bundle = bundle();
        fail(&mut bundle);
        assert!(report(&bundle).contains("<p class=\"verdict fail\">FAILED</p>"));
    }
}
