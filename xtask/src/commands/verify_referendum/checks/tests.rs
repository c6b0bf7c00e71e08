// SPDX-License-Identifier: Apache-2.0
//! Each check, with a case that passes and those that must not.

use super::*;
use protocol::{
    referendum::verified,
    rehearse::{RehearsedCall, RehearsedMessage, StateDifference},
    verify::SigningStatus,
};

fn code(hash: &str) -> AuthorizedCode {
    AuthorizedCode {
        chain: "solo".into(),
        item: "System.AuthorizedUpgrade".into(),
        para: None,
        spec_name: Some("solo".into()),
        blake2_256: Some(hash.into()),
        stage: CodeStage::Authorized,
        checks_version: Some(true),
        by_the_call: true,
    }
}

fn claim(hash: &str) -> CodeClaim {
    CodeClaim {
        kind: ClaimKind::Blob,
        name: "solo.wasm".into(),
        blake2_256: hash.into(),
        package: None,
        spec_name: Some("solo".into()),
        spec_version: Some(2),
        commit: None,
    }
}

fn rehearsal() -> RehearsalReport {
    RehearsalReport {
        call: RehearsedCall { chain: "solo".into(), blake2_256: "0x0c".into(), ..RehearsedCall::default() },
        checks: vec![Check::pass(DISPATCH, "dispatched")],
        verdict: Verdict::Pass,
        ..RehearsalReport::default()
    }
}

struct Case {
    rehearsal: RehearsalReport,
    codes: Vec<AuthorizedCode>,
    claims: Vec<CodeClaim>,
    bundles: Vec<Verification>,
    rebuilt: Vec<Rebuilt>,
    rebuilds: bool,
}

impl Case {
    fn of(codes: &[&str], claims: &[&str]) -> Self {
        Self {
            rehearsal: rehearsal(),
            codes: codes.iter().map(|hash| code(hash)).collect(),
            claims: claims.iter().map(|hash| claim(hash)).collect(),
            bundles: Vec::new(),
            rebuilt: Vec::new(),
            rebuilds: false,
        }
    }

    fn check(&self, name: &str) -> Check {
        let codes = verified(&self.codes, &self.claims);
        let checks = all(&Seen {
            proposed: &Proposed::Referendum(7),
            rehearsal: &self.rehearsal,
            codes: &codes,
            claims: &self.claims,
            bundles: &self.bundles,
            rebuilt: &self.rebuilt,
            rebuilds: self.rebuilds,
        });
        checks.into_iter().find(|check| check.name == name).expect("a check")
    }

    fn status(&self, name: &str) -> Status {
        self.check(name).status
    }

    #[track_caller]
    fn says(&self, name: &str, words: &str) {
        let check = self.check(name);
        assert!(check.findings.iter().any(|finding| finding.text.contains(words)), "{words}: {check:#?}");
    }
}

#[test]
fn a_code_that_nothing_names_is_not_a_mismatch() {
    let claimed = Case::of(&["0x01"], &["0x01"]);
    assert_eq!(claimed.status("codes"), Status::Pass);
    claimed.says("codes", "blob solo.wasm (solo 2)");
    let missing = Case::of(&["0x01"], &[]);
    assert_eq!(missing.status("codes"), Status::NotJudged);
    missing.says("codes", "missing");
    let mismatching = Case::of(&["0x01"], &["0x02"]);
    assert_eq!(mismatching.status("codes"), Status::Fail);
    mismatching.says("codes", "mismatching, blob solo.wasm (solo 2) names 0x02");
}

#[test]
fn a_call_that_upgrades_nothing_passes() {
    let nothing = Case::of(&[], &[]);
    for (name, status) in [
        ("call", Status::Pass),
        ("rehearsed", Status::Pass),
        ("codes", Status::Pass),
        ("hash-of-something-else", Status::Skip),
        ("source", Status::Skip),
        ("signatures", Status::Skip),
    ] {
        assert_eq!(nothing.status(name), status, "{name}");
    }
    assert!(nothing.check("codes").detail.contains("it upgrades nothing"));
    // A blob that it does not authorize is for somebody to judge.
    assert_eq!(Case::of(&[], &["0x02"]).status("codes"), Status::Warn);
}

#[test]
fn what_could_not_be_seen_is_not_judged() {
    let mut case = Case::of(&[], &[]);
    case.rehearsal.messages.push(RehearsedMessage {
        from: "solo".into(),
        to: "parachain 1000".into(),
        sent: 1,
        id: "0x00".into(),
        followed: false,
        received: None,
        executed: false,
        calls_succeeded: None,
    });
    assert_eq!(case.status("codes"), Status::NotJudged);
    let mut case = Case::of(&[], &[]);
    case.rehearsal.checks = vec![Check::fail(DISPATCH, "BadOrigin")];
    assert_eq!(case.status("codes"), Status::NotJudged);
    let mut case = Case::of(&[], &[]);
    case.rehearsal.hashes.push(named(HashSubject::Code, None));
    assert_eq!(case.status("codes"), Status::NotJudged);
    case.says("codes", "which no chain authorizes");
}

#[test]
fn what_a_task_authorizes_later_is_not_known() {
    let difference = |item: &str, with: Option<&str>| StateDifference {
        chain: "solo".into(),
        item: item.into(),
        with: with.map(str::to_owned),
        ..StateDifference::default()
    };
    let status = |difference: StateDifference| {
        let mut case = Case::of(&[], &[]);
        case.rehearsal.differences.push(difference);
        case.status("codes")
    };
    assert_eq!(status(difference("Scheduler.Agenda", Some("call: …"))), Status::NotJudged);
    // A task that the call cancels, and another entry.
    assert_eq!(status(difference("Scheduler.Agenda", None)), Status::Pass);
    assert_eq!(status(difference("System.Account", Some("nonce: 1"))), Status::Pass);
    let mut case = Case::of(&[], &[]);
    case.rehearsal.more_differences = 1;
    assert_eq!(case.status("codes"), Status::NotJudged);
    case.says("codes", "tasks may be among them");
}

#[test]
fn hashes_that_were_not_looked_up_are_not_judged() {
    let mut case = Case::of(&[], &[]);
    case.rehearsal.hashes.push(named(HashSubject::Call, Some(true)));
    assert_eq!((case.status("codes"), case.status("hash-of-something-else")), (Status::Pass, Status::Pass));
    case.rehearsal.more_hashes = 1;
    assert_eq!((case.status("codes"), case.status("hash-of-something-else")), (Status::NotJudged, Status::NotJudged));
}

#[test]
fn a_code_that_was_authorized_before_is_the_calls_too_if_it_names_it() {
    let mut case = Case::of(&["0x0a"], &[]);
    case.codes[0].by_the_call = false;
    case.rehearsal.hashes.push(named(HashSubject::Code, None));
    assert_eq!(case.status("codes"), Status::NotJudged);
    case.says("codes", "missing");
    case.claims = vec![claim("0x0a")];
    assert_eq!(case.status("codes"), Status::Pass);
    // The hash of a call is not that of a code.
    case.claims.clear();
    case.rehearsal.hashes = vec![named(HashSubject::Call, Some(true))];
    assert_eq!(case.status("codes"), Status::Pass);
}

#[test]
fn a_claim_of_another_chain_is_told() {
    let of = |spec_names: &[Option<&str>], checks_version| {
        let mut case = Case::of(&["0x01"], &[]);
        case.codes[0].checks_version = checks_version;
        let claims = spec_names.iter().enumerate();
        case.claims = claims
            .map(|(place, spec_name)| CodeClaim {
                name: format!("{place}.wasm"),
                spec_name: spec_name.map(str::to_owned),
                ..claim("0x01")
            })
            .collect();
        case
    };
    let checked = of(&[Some("people")], Some(true));
    assert_eq!(checked.status("codes"), Status::Fail);
    checked.says("codes", "the runtime of the chain is solo: the chain will refuse it");
    assert_eq!(of(&[Some("people")], Some(false)).status("codes"), Status::Warn);
    assert_eq!(of(&[Some("people")], None).status("codes"), Status::Warn);
    // One that says nothing is about any chain, and one about this chain suffices.
    assert_eq!(of(&[None], Some(true)).status("codes"), Status::Pass);
    assert_eq!(of(&[Some("people"), Some("solo")], Some(true)).status("codes"), Status::Pass);
    assert_eq!(of(&[Some("solo"), Some("people")], Some(true)).status("codes"), Status::Pass);

    // The relay chain has a code of a parachain whose state was not given.
    let mut unknown = of(&[Some("people")], None);
    (unknown.codes[0].para, unknown.codes[0].spec_name) = (Some(2000), None);
    assert_eq!(unknown.status("codes"), Status::NotJudged);
    unknown
        .says("codes", "for parachain 2000 is blob 0.wasm (people 2), and which runtime that chain has is not known");
    unknown.codes[0].spec_name = Some("people".into());
    assert_eq!(unknown.status("codes"), Status::Pass);
}

#[test]
fn versions_that_are_not_compared_are_a_hazard() {
    let mut case = Case::of(&["0x01"], &["0x01"]);
    case.codes[0].checks_version = Some(false);
    assert_eq!(case.status("codes"), Status::Warn);
    let mut case = Case::of(&["0x01"], &["0x01"]);
    (case.codes[0].stage, case.codes[0].checks_version) = (CodeStage::InPlace, None);
    assert_eq!(case.status("codes"), Status::Warn);
    let mut case = Case::of(&["0x01"], &["0x01"]);
    case.codes[0].blake2_256 = None;
    assert_eq!(case.status("codes"), Status::NotJudged);
    let mut case = Case::of(&["0x01"], &[]);
    case.codes[0].by_the_call = false;
    assert_eq!(case.status("codes"), Status::Pass, "it was authorized before");
}

#[test]
fn the_verdict_of_the_rehearsal_counts() {
    for (verdict, status) in [
        (Verdict::Pass, Status::Pass),
        (Verdict::PassWithHazards, Status::Warn),
        (Verdict::NotJudged, Status::NotJudged),
        (Verdict::Fail, Status::Fail),
    ] {
        let mut case = Case::of(&[], &[]);
        case.rehearsal.verdict = verdict;
        assert_eq!(case.status("rehearsed"), status);
    }
    let mut case = Case::of(&[], &[]);
    case.rehearsal.checks.push(Check::fail("messages", "a call failed"));
    assert_eq!(case.status("rehearsed"), Status::Fail);
}

fn named(subject: HashSubject, fits: Option<bool>) -> NamedHash {
    NamedHash {
        hash: "0x0a".into(),
        named_by: "Whitelist.whitelist_call".into(),
        subject,
        found: fits.map(|_| "a call note_preimage".to_owned()),
        fits,
    }
}

#[test]
fn a_hash_of_something_else_fails() {
    for (subject, fits, status) in [
        (HashSubject::Call, Some(true), Status::Pass),
        (HashSubject::Call, Some(false), Status::Fail),
        (HashSubject::Call, None, Status::NotJudged),
        (HashSubject::Code, Some(false), Status::Fail),
        (HashSubject::Code, None, Status::Pass),
    ] {
        let mut case = Case::of(&["0x0a"], &[]);
        case.rehearsal.hashes.push(named(subject, fits));
        assert_eq!(case.status("hash-of-something-else"), status, "{subject:?} {fits:?}");
    }
}

#[test]
fn a_code_is_what_its_source_gives() {
    let mut case = Case::of(&["0x01"], &["0x01"]);
    assert_eq!(case.status("source"), Status::NotJudged, "not asked for");
    let built = |hash: &str| Rebuilt {
        package: "solo-runtime".into(),
        expected: "0x01".into(),
        rebuilt: hash.into(),
        same: hash == "0x01",
        ..Rebuilt::default()
    };
    case.rebuilds = true;
    assert_eq!(case.status("source"), Status::NotJudged, "nothing was built");
    case.rebuilt = vec![built("0x01")];
    assert_eq!(case.status("source"), Status::Pass);
    case.rebuilt[0].dirty = Some(true);
    assert_eq!(case.status("source"), Status::Warn);
    case.rebuilt = vec![built("0x02")];
    assert_eq!(case.status("source"), Status::Fail);
}

#[test]
fn a_bundle_is_signed_by_enough_people() {
    let bundle = |integrity, needed, satisfied, signed_off| Verification {
        integrity,
        signed_off,
        agreement: SigningStatus { needed, satisfied, counted: 1, ..SigningStatus::default() },
        ..Verification::default()
    };
    let status = |bundle: Option<Verification>| {
        let mut case = Case::of(&["0x01"], &["0x01"]);
        case.claims[0].kind = ClaimKind::Bundle;
        case.bundles.extend(bundle);
        case.status("signatures")
    };
    assert_eq!(status(None), Status::NotJudged);
    assert_eq!(status(Some(bundle(true, Some(1), true, true))), Status::Pass);
    assert_eq!(status(Some(bundle(true, None, false, false))), Status::NotJudged);
    assert_eq!(status(Some(bundle(true, Some(2), false, false))), Status::Fail);
    assert_eq!(status(Some(bundle(true, Some(1), true, false))), Status::Fail, "a step did not pass");
    assert_eq!(status(Some(bundle(false, Some(1), true, true))), Status::Fail);

    // The signatures are not for the second code, which a blob names.
    let mut case = Case::of(&["0x01", "0x02"], &["0x01", "0x02"]);
    case.claims[0].kind = ClaimKind::Bundle;
    case.bundles.push(bundle(true, Some(1), true, true));
    assert_eq!(case.status("signatures"), Status::NotJudged);
    case.says("signatures", "0x02 is in no bundle");
    case.claims[1].kind = ClaimKind::Bundle;
    assert_eq!(case.status("signatures"), Status::Pass);
}
