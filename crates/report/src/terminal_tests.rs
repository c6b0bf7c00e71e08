// SPDX-License-Identifier: Apache-2.0
use super::*;
use serde_json::json;

#[test]
fn a_dry_run_shows_every_check_with_its_findings() {
    let text = dry_run(&json!({
        "state": {"source": "a.snapshot", "number": 7, "state_root": "0x01"},
        "from": {"spec_name": "solo", "spec_version": 1, "blake2_256": "0xaa"},
        "to": {"spec_name": "solo", "spec_version": 2, "blake2_256": "0xbb"},
        "checks": [
            {"name": "versions", "status": "pass", "detail": "1 to 2"},
            {"name": "try-state", "status": "fail", "detail": "one pallet", "findings": ["Balances: total differs"]},
        ],
        "blocks": [{"number": 8, "phase": "upgrade", "ref_time": 2_000_000_000u64, "proof_size": 1234}],
        "seconds": 1.26,
        "verdict": "fail",
    }));
    assert!(text.contains("PASS  versions   1 to 2\n"), "{text}");
    assert!(text.contains("FAIL  try-state  one pallet\n                 - Balances: total differs\n"), "{text}");
    assert!(text.contains("8      upgrade  2.00 ms   1,234 bytes\n"), "{text}");
    assert!(text.ends_with("verdict: fail (1.3 s)\n"), "{text}");
}

#[test]
fn a_dry_run_names_the_checks_that_it_left_out() {
    let text = dry_run(&json!({"checks": [], "left_out": ["weights", "sessions"], "verdict": "pass"}));
    assert!(text.contains("left out as asked, the verdict does not cover them: weights, sessions\n"), "{text}");
}

#[test]
fn a_dry_run_on_a_node_shows_how_the_state_was_taken() {
    let mut report = json!({
        "state": {"source": "ws://node", "number": 7, "state_root": "0x01", "mode": "lazy", "verified": true},
        "rpc": {"requests": 1_019, "bytes": 1_328_012},
    });
    let text = dry_run(&report);
    assert!(text.contains("0x01 (lazy, verified: 1,019 requests, 1,328,012 bytes)\n"), "{text}");
    report["state"]["verified"] = json!(false);
    assert!(dry_run(&report).contains("not verified"));
}

#[test]
fn a_document_without_anything_in_it_is_rendered() {
    let empty = json!({});
    for text in [
        build(&empty),
        inspect(&empty),
        dry_run(&empty),
        propose(&empty),
        sign(&empty),
        verify(&empty),
        upgrade(&empty),
    ] {
        assert!(text.ends_with('\n'));
    }
}

#[test]
fn a_changed_file_stands_first_when_a_bundle_is_verified() {
    let text = verify(&json!({
        "subjects": [{"name": "a.wasm", "ok": false, "reason": "changed"}, {"name": "b", "ok": true}],
        "steps": [{"name": "build", "verdict": "pass"}, {"name": "dry-run", "verdict": "not_judged"}],
        "signatures": [{"signer": "alice", "key_id": "ssh:1", "valid": true, "counted": true}],
        "root": {"path": "signers.json", "version": 3, "signers": 4, "expires": "2027-06-30", "expired": false},
        "threshold": 2, "needed": 2, "counted": 1, "missing": ["bob", "carol"], "satisfied": false,
        "integrity": false, "signed_off": false, "verdict": "fail",
    }));
    assert_eq!(
        text,
        "FAIL  a.wasm: changed\n1 of 2 files are what the manifest says\nsteps: build passed, dry-run not judged\n\
         signature by alice (ssh:1): valid\n\
         signers: signers.json, version 3, 2 of 4 must sign, expires on 2027-06-30\n\
         threshold: 1 of 2 needed, not satisfied; bob or carol is missing\n\
         verdict: failed (damaged, or not what an upgrade leaves)\n"
    );
}

#[test]
fn a_throw_away_signature_is_called_one_and_counts_for_nobody() {
    let signature = json!({
        "key_id": "throw-away:ed25519:0x1", "valid": true, "throw_away": true, "reason": "counts for nobody",
    });
    let text = verify(&json!({
        "signatures": [signature], "integrity": true, "hint": "name the file", "verdict": "fail",
    }));
    assert!(
        text.ends_with(
            "signature by a throw-away key (throw-away:ed25519:0x1): valid, not counted: it counts for nobody\n\
             signers: no file of signers was named, so no signature counts\nhint: name the file\n\
             verdict: failed (undamaged, not signed off)\n"
        ),
        "{text}"
    );
}

#[test]
fn long_calls_are_abridged() {
    let call = json!({"calls": [{"bytes": format!("0x{}", "ab".repeat(1000)), "description": "d"}]});
    let text = propose(&call);
    assert!(text.len() < 1200 && text.contains("whole in the file"), "{text}");
}

#[test]
fn a_file_of_signers_tells_who_agreed_and_whether_that_is_enough() {
    let text = signers(&json!({
        "root": "next.json", "version": 2, "threshold": 2, "signers": 3,
        "signatures": [{"signer": "ana", "key_id": "ssh:1", "valid": true, "counted": true}],
        "signatures_of_previous": [{"signer": "ana", "key_id": "ssh:1", "valid": true, "counted": true}],
        "satisfied": false, "satisfied_by_previous": true,
    }));
    assert!(text.contains("2 of 3"), "{text}");
    assert!(text.ends_with(
        "signature by ana (ssh:1): valid\nunder the version before: signature by ana (ssh:1): valid\n\
         its own threshold: not satisfied\nthe threshold of the version before: satisfied\n"
    ));
}

#[test]
fn an_upgrade_that_passed_says_whether_it_is_signed_off() {
    let last = |runtime: Value| {
        let text = upgrade(&json!({ "runtimes": [runtime] }));
        text.lines()
            .find_map(|line| line.strip_prefix("verdict"))
            .map(|line| line.trim().to_owned())
            .expect("a verdict")
    };
    let runtime = |verdict: &str, signed_off: bool, needed: Option<u64>| json!({"verdict": verdict, "signed_off": signed_off, "needed": needed, "counted": 1});
    assert_eq!(last(runtime("pass", true, Some(1))), "PASSED");
    assert_eq!(last(runtime("pass", false, Some(2))), "PASSED, not signed off: 1 of 2");
    assert_eq!(last(runtime("pass", false, None)), "PASSED, not signed off: no file of signers");
    let mut hazardous = runtime("pass", true, Some(1));
    hazardous["hazards"] = json!(2);
    assert_eq!(last(hazardous), "PASSED WITH 2 HAZARDS");
    assert_eq!(last(runtime("fail", false, Some(2))), "FAILED");
    assert_eq!(last(runtime("not_judged", false, None)), "NOT JUDGED");
}

#[test]
fn a_failure_of_kilobytes_is_cut_at_the_end_of_an_upgrade() {
    let detail = "pallet_name: [66, 97], ".repeat(300);
    let check = json!({"name": "enactment", "status": "fail", "detail": detail});
    let text = upgrade(&json!({"runtimes": [{"verdict": "fail", "checks": [check]}]}));
    assert!(text.len() < 1200 && text.contains("… (whole in report.md)"), "{text}");
}

#[test]
fn a_file_of_signers_that_expired_says_so() {
    let text =
        signers(&json!({"root": "s.json", "expires": "2020-01-01", "expired": true, "warnings": ["it expired"]}));
    assert!(text.contains("EXPIRED on 2020-01-01\n") && text.ends_with("warning: it expired\n"), "{text}");
}

#[test]
fn a_key_file_is_shown_as_a_signer_is_named() {
    let chain = json!({"key_type": "sr25519", "public_key": "0x12", "key_id": "sr25519:0x12", "address": "5Abc"});
    let ssh = json!({"key_type": "ssh", "public_key": "ssh-ed25519 AAAA", "key_id": "ssh:SHA256:x"});
    let text = key(&json!({"keys": [chain, ssh]}));
    assert!(text.contains("5Abc") && text.contains("--signer NAME=sr25519:0x12\n"), "{text}");
    assert!(text.ends_with("--signer 'NAME=ssh-ed25519 AAAA'\n"), "{text}");
}
