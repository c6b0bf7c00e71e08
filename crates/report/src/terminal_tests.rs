// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::samples;
use protocol::{
    StateMode,
    dry_run::Phase,
    manifest::{SourceIdentity, ToolVersions},
    proposal::Route,
    upgrade::{ProposalSummary, SigningSummary, UpgradeBlob},
    verify::{RootSource, RootUsed, SubjectCheck},
};

#[test]
fn a_dry_run_shows_every_check_with_its_findings() {
    let text = dry_run(&DryRunReport {
        checks: vec![
            Check::pass("versions", "1 to 2"),
            Check::fail("try-state", "one pallet").with(["Balances: total differs"]),
        ],
        blocks: vec![samples::block(8, Phase::Upgrade, 2_000_000_000, 1234)],
        seconds: 1.26,
        verdict: Verdict::Fail,
        ..samples::dry_run()
    });
    assert!(text.contains("PASS  versions   1 to 2\n"), "{text}");
    assert!(text.contains("FAIL  try-state  one pallet\n                 - Balances: total differs\n"), "{text}");
    assert!(text.contains("8      upgrade  2.00 ms   1,234 bytes\n"), "{text}");
    assert!(text.ends_with("verdict: fail (1.3 s)\n"), "{text}");
}

#[test]
fn a_dry_run_names_the_checks_that_it_left_out() {
    let text = dry_run(&DryRunReport { left_out: vec!["weights".into(), "sessions".into()], ..samples::dry_run() });
    assert!(text.contains("left out as requested, the verdict does not cover them: weights, sessions\n"), "{text}");
}

#[test]
fn a_dry_run_on_a_node_shows_how_the_state_was_taken() {
    let mut report = samples::dry_run();
    report.state.mode = StateMode::Lazy;
    (report.rpc.requests, report.rpc.bytes) = (1_019, 1_328_012);
    let text = dry_run(&report);
    assert!(text.contains("0xa1 (lazy, verified: 1,019 requests, 1,328,012 bytes)\n"), "{text}");
    report.state.verified = false;
    assert!(dry_run(&report).contains("not verified"));
}

fn signature(signer: Option<&str>, key_id: &str) -> SignatureCheck {
    SignatureCheck {
        signer: signer.map(str::to_owned),
        key_type: None,
        key_id: key_id.into(),
        valid: true,
        counted: signer.is_some(),
        throw_away: signer.is_none(),
        reason: signer.is_none().then(|| "cannot be counted".into()),
    }
}

#[test]
fn a_changed_file_is_first_when_a_bundle_is_verified() {
    let subject = |name: &str, reason: Option<&str>| SubjectCheck {
        name: name.into(),
        ok: reason.is_none(),
        reason: reason.map(str::to_owned),
        sha256: None,
        blake2_256: None,
    };
    let step = |name: &str, verdict| StepSummary {
        name: name.into(),
        file: format!("{name}.json"),
        runtime: None,
        verdict,
        digest: "0x01".into(),
        difference_hash: None,
    };
    let text = verify(&Verification {
        subjects: vec![subject("a.wasm", Some("changed")), subject("b", None)],
        steps: vec![step("build", Verdict::Pass), step("dry-run", Verdict::NotJudged)],
        agreement: SigningStatus {
            signatures: vec![signature(Some("alice"), "ssh:1")],
            threshold: Some(2),
            needed: Some(2),
            counted: 1,
            missing: vec!["bob".into(), "carol".into()],
            satisfied: false,
            root: RootUsed {
                source: RootSource::File,
                path: Some("signers.json".into()),
                version: Some(3),
                signers: Some(4),
                expires: Some("2027-06-30".into()),
                ..RootUsed::default()
            },
        },
        verdict: Verdict::Fail,
        ..Verification::default()
    });
    assert_eq!(
        text,
        "FAIL  a.wasm: changed\n1 of 2 files match the manifest\nsteps: build passed, dry-run not judged\n\
         signature by alice (ssh:1): valid\n\
         signers: signers.json, version 3, 2 of 4 must sign, expires on 2027-06-30\n\
         threshold: 1 of 2 needed, not satisfied; 1 of bob, carol is missing\n\
         verdict: failed (damaged or incomplete)\n"
    );
}

fn predicate() -> Predicate {
    let runtime = RuntimeBlob {
        name: "solo".into(),
        blake2_256: "0x12".into(),
        spec_name: Some("solo-chain".into()),
        spec_version: Some(2),
        ..RuntimeBlob::default()
    };
    Predicate {
        verdict: Verdict::Pass,
        steps: Vec::new(),
        runtimes: vec![runtime],
        source: SourceIdentity { commit: Some("abc".into()), dirty: Some(true), lock_file: None },
        chain: None,
        versions: ToolVersions::default(),
        previous: Some(samples::dry_run().from),
    }
}

#[test]
fn a_signer_sees_what_is_signed() {
    let mut predicate = predicate();
    let signed = Signed {
        manifest: "bundle/manifest.json".into(),
        payload_sha256: "0x34".into(),
        steps: Vec::new(),
        predicate: predicate.clone(),
        key_id: "ssh:1".into(),
        signer: Some("ana".into()),
        throw_away: false,
        replaced: false,
        agreement: SigningStatus::default(),
        signed_off: false,
        warnings: Vec::new(),
    };
    let text = sign(&signed);
    // The chain had another name before.
    assert!(text.contains("runtime         solo (solo 1 to solo-chain 2), blake2_256 0x12\n"), "{text}");
    assert!(text.contains("commit          abc with uncommitted changes\n"), "{text}");
    let archived = sign_archived(&signed);
    assert!(archived.contains("   runtime ") && !archived.contains("manifest.json"), "{archived}");

    predicate.runtimes[0].spec_name = Some("solo".into());
    let mut verified = Verification { integrity: true, predicate: Some(predicate), ..Verification::default() };
    let text = verify(&verified);
    assert!(text.contains("runtime: solo (solo 1 to 2), blake2_256 0x12\ncommit: abc with"), "{text}");
    verified.integrity = false;
    assert!(!verify(&verified).contains("runtime:"), "a damaged bundle may state anything");

    // With several runtimes, only the first has a known former version.
    let predicate = verified.predicate.as_mut().expect("a predicate");
    let other = RuntimeBlob { name: "other".into(), spec_name: Some("other".into()), ..RuntimeBlob::default() };
    predicate.runtimes.push(other);
    verified.integrity = true;
    let text = verify(&verified);
    assert!(text.contains("(solo 1 to 2)") && text.contains("runtime: other (other -),"), "{text}");
}

#[test]
fn a_throw_away_signature_is_named_and_not_counted() {
    let signatures = vec![signature(None, "throw-away:ed25519:0x1")];
    let text = verify(&Verification {
        agreement: SigningStatus { signatures, ..SigningStatus::default() },
        integrity: true,
        hint: Some("name the file".into()),
        verdict: Verdict::Fail,
        ..Verification::default()
    });
    assert!(
        text.ends_with(
            "signature by a throw-away key (throw-away:ed25519:0x1): valid, not counted: it cannot be counted\n\
             signers: no file of signers was named, so no signature counts\nhint: name the file\n\
             verdict: failed (undamaged, not signed off)\n"
        ),
        "{text}"
    );
}

#[test]
fn long_calls_are_shortened() {
    let mut proposal = samples::proposal();
    proposal.calls[0].bytes = format!("0x{}", "ab".repeat(1000));
    let text = propose(&proposal);
    assert!(text.len() < 1200 && text.contains("complete in the file"), "{text}");
}

fn root() -> RootSummary {
    RootSummary {
        root: "next.json".into(),
        version: 2,
        lineage: None,
        threshold: 2,
        expires: None,
        expired: false,
        signers: 3,
        signatures: vec![signature(Some("ana"), "ssh:1")],
        signatures_of_previous: vec![signature(Some("ana"), "ssh:1")],
        satisfied: false,
        satisfied_by_previous: Some(true),
        verdict: Verdict::Fail,
        warnings: Vec::new(),
    }
}

#[test]
fn a_file_of_signers_shows_who_agreed_and_whether_the_threshold_is_met() {
    let text = signers(&root());
    assert!(text.contains("2 of 3"), "{text}");
    assert!(text.ends_with(
        "signature by ana (ssh:1): valid\nunder the previous version: signature by ana (ssh:1): valid\n\
         its own threshold: not satisfied\nthe threshold of the previous version: satisfied\n"
    ));
}

/// Renders the end of an upgrade with this verdict.
fn ended(verdict: Verdict, checks: Vec<Check>, hazards: usize, signing: SigningSummary) -> String {
    let runtime = UpgradedRuntime {
        name: "solo".into(),
        package: "solo-runtime".into(),
        spec_name: "solo".into(),
        from_spec_version: 1,
        to_spec_version: 2,
        blob: UpgradeBlob { path: "solo.wasm".into(), blake2_256: "0x12".into(), size: 9 },
        checks,
        hazards,
        proposal: ProposalSummary::default(),
        signing,
        bundle: "bundle".into(),
        logs: "logs".into(),
        jobs: Vec::new(),
        verdict,
    };
    let report = UpgradeReport {
        format: protocol::format::UPGRADE.into(),
        runtimes: vec![RuntimeUpgrade::Whole(Box::new(runtime))],
        verdict,
        seconds: 1.0,
    };
    let root =
        report.runtimes.iter().any(|one| matches!(one, RuntimeUpgrade::Whole(one) if one.signing.needed.is_some()));
    upgrade(&report, root.then_some(Path::new("signers.json")))
}

#[test]
fn an_upgrade_that_is_not_signed_off_gives_the_next_command() {
    let next = |verdict, signed_off, needed| {
        let text = ended(verdict, Vec::new(), 0, SigningSummary { signed_off, needed, ..SigningSummary::default() });
        text.lines().find_map(|line| line.strip_prefix("next")).map(|line| line.trim().to_owned())
    };
    let command = "cargo xtask sign bundle --with KEY --root";
    assert_eq!(next(Verdict::Pass, false, Some(2)), Some(format!("{command} signers.json")));
    let without = next(Verdict::Pass, false, None).expect("a command");
    assert!(without.starts_with(&format!("{command} SIGNERS;")) && without.contains("signers init"), "{without}");
    assert_eq!(next(Verdict::Pass, true, Some(2)), None);
    assert_eq!(next(Verdict::Fail, false, Some(2)), None);
}

#[test]
fn a_proposal_names_the_other_routes() {
    let mut proposal = samples::proposal();
    assert!(propose(&proposal).contains("route      sudo, the only one that is possible\n"));
    proposal.possible_routes = vec![Route::Sudo, Route::RootReferendum, Route::WhitelistedReferendum];
    let text = propose(&proposal);
    assert!(text.contains("sudo; also possible with --route: root-referendum, whitelisted-referendum\n"), "{text}");
}

#[test]
fn an_upgrade_that_passed_says_whether_it_is_signed_off() {
    let last = |verdict, signed_off, needed, hazards| {
        let signing = SigningSummary { signed_off, needed, counted: 1, ..SigningSummary::default() };
        let text = ended(verdict, Vec::new(), hazards, signing);
        text.lines()
            .find_map(|line| line.strip_prefix("verdict"))
            .map(|line| line.trim().to_owned())
            .expect("a verdict")
    };
    assert_eq!(last(Verdict::Pass, true, Some(1), 0), "PASSED");
    assert_eq!(last(Verdict::Pass, false, Some(2), 0), "PASSED, not signed off: 1 of 2");
    assert_eq!(last(Verdict::Pass, false, None, 0), "PASSED, not signed off: no file of signers");
    assert_eq!(last(Verdict::Pass, true, Some(1), 2), "PASSED WITH 2 HAZARDS");
    assert_eq!(last(Verdict::Fail, false, Some(2), 0), "FAILED");
    assert_eq!(last(Verdict::NotJudged, false, None, 0), "NOT JUDGED");
}

#[test]
fn a_long_failure_is_shortened_at_the_end_of_an_upgrade() {
    let detail = "pallet_name: [66, 97], ".repeat(300);
    let text = ended(Verdict::Fail, vec![Check::fail("enactment", detail)], 0, SigningSummary::default());
    assert!(text.len() < 1200 && text.contains("… (complete in report.md)"), "{text}");
}

#[test]
fn a_file_of_signers_that_expired_says_so() {
    let (expires, warnings) = (Some("2020-01-01".to_owned()), vec!["it expired".to_owned()]);
    let text = signers(&RootSummary { expires, expired: true, warnings, ..root() });
    assert!(text.contains("EXPIRED on 2020-01-01\n") && text.ends_with("warning: it expired\n"), "{text}");
}

#[test]
fn a_key_file_is_shown_as_a_signer_is_named() {
    let info = |key_type, public_key: &str, address: Option<&str>| PublicKeyInfo {
        key_type,
        public_key: public_key.into(),
        key_id: "id".into(),
        address: address.map(str::to_owned),
    };
    let keys = vec![info(KeyType::Sr25519, "0x12", Some("5Abc")), info(KeyType::Ssh, "ssh-ed25519 AAAA", None)];
    let text = key(&PublicKeys { keys });
    assert!(text.contains("5Abc") && text.contains("--signer NAME=sr25519:0x12\n"), "{text}");
    assert!(text.ends_with("--signer 'NAME=ssh-ed25519 AAAA'\n"), "{text}");
}
