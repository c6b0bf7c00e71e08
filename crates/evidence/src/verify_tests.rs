// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::{
    digest, envelope, root_change,
    statement::subject_digest,
    step,
    testing::{Bundle, all_files, failed_files},
};
use proptest::prelude::*;
use protocol::{
    manifest::Envelope,
    signers::{InitRootRequest, KeySource, KeyType, SignerEntry},
    verify::SignRequest,
};
use std::{path::PathBuf, sync::OnceLock};

/// Returns a bundle signed by two of three signers, and its file of signers.
fn signed() -> (Bundle, PathBuf) {
    let bundle = Bundle::assembled();
    let (ana, ana_entry) = bundle.chain_key("ana", KeyType::Sr25519);
    let (ben, ben_entry) = bundle.chain_key("ben", KeyType::Ed25519);
    let (_, cas_entry) = bundle.chain_key("cas", KeyType::Sr25519);
    let root = bundle.root(2, &[ana_entry, ben_entry, cas_entry]);
    bundle.sign(ana).expect("signed");
    bundle.sign(ben).expect("signed");
    (bundle, root)
}

#[test]
fn two_of_three_satisfy() {
    let (bundle, root) = signed();
    let verification = bundle.verify(Some(&root));
    assert_eq!(verification.verdict, Verdict::Pass, "{verification:#?}");
    assert_eq!((verification.agreement.threshold, verification.agreement.satisfied), (Some(2), true));
    let signers: Vec<_> = verification.agreement.signatures.iter().map(|one| one.signer.as_deref()).collect();
    assert_eq!(signers, [Some("ana"), Some("ben")]);
    assert_eq!(verification.agreement.root.source, RootSource::File);
    assert_eq!(verification.agreement.root.path.as_ref(), Some(&root));
    assert_eq!(failed_files(&verification), [""; 0]);
}

#[test]
fn one_of_two_needed_does_not_satisfy() {
    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    envelope.signatures.pop();
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert_eq!((verification.verdict, verification.agreement.satisfied), (Verdict::Fail, false));
    assert!(verification.hint.is_some());
    assert_eq!(failed_files(&verification), [""; 0], "the files are intact");
}

#[test]
fn a_signer_counts_once() {
    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    // Two different valid signatures by one key: sr25519 signatures are randomized.
    let first = envelope.signatures.remove(0);
    envelope.signatures.clear();
    let (ana, _) = bundle.chain_key("ana", KeyType::Sr25519);
    bundle.sign(ana).expect("signed again");
    let again: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    let second = again.signatures.into_iter().find(|one| one.keyid == first.keyid).expect("by ana");
    assert_ne!(first.sig, second.sig);
    envelope.signatures = vec![first, second];
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");

    let verification = bundle.verify(Some(&root));
    assert!(verification.agreement.signatures.iter().all(|one| one.valid));
    let counted: Vec<_> = verification.agreement.signatures.iter().map(|one| one.counted).collect();
    assert_eq!((counted, verification.agreement.satisfied), (vec![true, false], false));
}

#[test]
fn an_unlisted_signer_does_not_count() {
    let (bundle, root) = signed();
    let (eve, _) = bundle.chain_key("eve", KeyType::Sr25519);
    bundle.sign(eve).expect("anyone can sign");
    let verification = bundle.verify(Some(&root));
    let last = verification.agreement.signatures.last().expect("three");
    assert_eq!((last.valid, last.counted, last.signer.as_deref()), (true, false, None));
    assert!(verification.agreement.satisfied, "the two others still do");

    let (_, entry) = bundle.chain_key("nobody", KeyType::Sr25519);
    let other = bundle.root(1, &[entry]);
    assert_eq!(bundle.verify(Some(&other)).verdict, Verdict::Fail);
}

#[test]
fn a_signature_of_another_bundle_does_not_fit() {
    let (bundle, root) = signed();
    let (other, _) = signed();
    other.write("report.md", b"another report");
    other.assemble();
    let (ana, _) = other.chain_key("ana", KeyType::Sr25519);
    other.sign(ana).expect("signed");
    let foreign: Envelope = serde_json::from_slice(&other.read(MANIFEST)).expect("JSON");
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    envelope.signatures[0] = foreign.signatures[0].clone();
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert!(!verification.agreement.satisfied && !verification.agreement.signatures[0].valid);
    assert_eq!(failed_files(&verification), [MANIFEST]);
}

/// DSSE ignores signatures by unknown keys. An invalid signature that names a signer fails the
/// bundle.
#[test]
fn an_unrelated_signature_is_reported_and_not_counted() {
    let (_, (_, _, stranger)) = Bundle::new().chain_key("eve", KeyType::Sr25519);
    let strays = [
        envelope::signature(format!("sr25519:{stranger}"), &[7; 64]),
        envelope::signature("ssh:SHA256:abc", b"no signature"),
        envelope::signature("pgp:0x12", &[7; 64]),
        keys::throw_away(b"another message"),
    ];
    for stray in strays {
        let (bundle, root) = signed();
        let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
        envelope.signatures.insert(1, stray.clone());
        envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
        let verification = bundle.verify(Some(&root));
        assert_eq!(verification.verdict, Verdict::Pass, "{}: {verification:#?}", stray.keyid);
        assert!(verification.integrity && verification.signed_off);
        assert_eq!(verification.agreement.counted, 2);
        assert!(
            verification.warnings.iter().any(|warning| warning.contains(&stray.keyid)),
            "{:?}",
            verification.warnings
        );
        let checked = &verification.agreement.signatures[1];
        assert!(!checked.valid && !checked.counted && checked.reason.is_some(), "{checked:?}");

        // If too few people signed, the invalid signature may be a damaged one of a signer.
        envelope.signatures.truncate(2);
        envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
        assert_eq!(failed_files(&bundle.verify(Some(&root))), [MANIFEST]);
    }

    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    let (_, (_, _, listed)) = bundle.chain_key("cas", KeyType::Sr25519);
    envelope.signatures.push(envelope::signature(format!("sr25519:{listed}"), &[7; 64]));
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert!(verification.agreement.satisfied && !verification.signed_off);
    assert_eq!((verification.verdict, failed_files(&verification)), (Verdict::Fail, vec![MANIFEST]));
}

#[test]
fn without_a_file_of_signers_a_bundle_is_undamaged_and_not_signed_off() {
    let (bundle, _) = signed();
    let verification = bundle.verify(None);
    assert_eq!(verification.agreement.signatures.len(), 2);
    assert!(verification.agreement.signatures.iter().all(|one| one.valid && !one.counted));
    assert_eq!((verification.agreement.threshold, verification.agreement.satisfied), (None, false));
    assert_eq!((verification.verdict, verification.integrity, verification.signed_off), (Verdict::Fail, true, false));
    let hint = verification.hint.expect("a hint");
    assert!(hint.contains("--root") && hint.contains("--integrity-only"), "{hint}");

    assert_eq!(bundle.verify_integrity().verdict, Verdict::Pass);
    bundle.flip("report.md", 0, 1);
    assert_eq!(bundle.verify_integrity().verdict, Verdict::Fail);
}

#[test]
fn a_throw_away_signature_never_signs_off() {
    let bundle = Bundle::assembled();
    bundle.sign(KeySource::ThrowAway).expect("signed");
    let verification = bundle.verify(None);
    assert_eq!((verification.verdict, verification.integrity), (Verdict::Fail, true), "{verification:#?}");
    assert_eq!(verification.agreement.root.source, RootSource::None);
    assert!(verification.warnings[0].contains("but not who signed"));
    assert_eq!(bundle.verify_integrity().verdict, Verdict::Pass);

    let (ana, entry) = bundle.chain_key("ana", KeyType::Ed25519);
    let root = bundle.root(1, &[entry]);
    let verification = bundle.verify(Some(&root));
    assert!(!verification.agreement.satisfied && verification.agreement.signatures[0].valid);
    bundle.sign(ana).expect("signed");
    assert_eq!(bundle.verify(None).verdict, Verdict::Fail);
    assert_eq!(bundle.verify(Some(&root)).verdict, Verdict::Pass);
}

#[test]
fn who_is_missing_is_named() {
    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    envelope.signatures.pop();
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    let agreement = &verification.agreement;
    assert_eq!(
        (agreement.needed, agreement.counted, &agreement.missing[..]),
        (Some(2), 1, &["ben".to_owned(), "cas".into()][..])
    );
    let hint = verification.hint.expect("a hint");
    assert!(hint.contains("1 of 2 counted; 1 of ben, cas is missing"), "{hint}");
    assert!(hint.ends_with(&format!(" --with KEY --root {}", root.display())), "{hint}");
}

/// Makes a bundle with a changed manifest. Signers and verifiers must find what the manifest leaves
/// out, because they received the bundle from somebody else.
fn crafted(change: impl FnOnce(&Bundle, &mut Predicate)) -> (Bundle, PathBuf) {
    let bundle = Bundle::assembled();
    let mut statement = Manifest::read(&bundle.path(MANIFEST)).expect("read").statement;
    change(&bundle, &mut statement.predicate);
    for subject in &mut statement.subject {
        subject.digest = subject_digest(&digest::of(&bundle.read(&subject.name)));
    }
    let payload = crate::canonical::to_bytes(&serde_json::to_value(&statement).expect("JSON")).expect("canonical");
    let mut envelope = envelope::unsigned(crate::envelope::STATEMENT_PAYLOAD, &payload);
    let message = crate::envelope::signed_bytes(&envelope.payload_type, &payload);
    let (_, entry) = bundle.chain_key("ana", KeyType::Ed25519);
    let seed = digest::of(b"ana").sha256;
    envelope::add(
        &mut envelope.signatures,
        keys::ChainSecret::parse(KeyType::Ed25519, &seed).expect("a key").sign(&message),
    );
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");
    let root = bundle.root(1, &[entry]);
    (bundle, root)
}

fn refused(change: impl FnOnce(&Bundle, &mut Predicate)) -> String {
    let (bundle, root) = crafted(change);
    let verification = bundle.verify(Some(&root));
    assert!(verification.agreement.satisfied, "the signature itself is fine");
    assert_eq!((verification.verdict, verification.integrity), (Verdict::Fail, false));
    assert_eq!(bundle.verify_integrity().verdict, Verdict::Fail);
    let failure = bundle.sign(KeySource::ThrowAway).expect_err("not signed either");
    assert_eq!(failure.kind, Kind::Check);
    let failed = verification.subjects.into_iter().find(|subject| !subject.ok).expect("one failed");
    format!("{}: {}", failed.name, failed.reason.expect("a reason"))
}

fn without(predicate: &mut Predicate, step: &str) {
    predicate.steps.retain(|one| one.name != step);
    // What only a dry run says of the chain goes with it.
    if step == "dry-run" {
        (predicate.chain, predicate.previous) = (None, None);
    }
}

#[test]
fn a_step_that_the_manifest_leaves_out_is_found() {
    let (bundle, root) = crafted(|_, _| {});
    assert_eq!(bundle.verify(Some(&root)).verdict, Verdict::Pass, "as it was assembled");

    let reason = refused(|bundle, predicate| {
        bundle.write_step("dry-run", Verdict::Fail, |_| {});
        without(predicate, "dry-run");
    });
    assert!(reason.starts_with("dry-run.json: ") && reason.contains("(fail)"), "{reason}");
    let reason = refused(|_, predicate| predicate.steps.clear());
    assert!(reason.starts_with("build.json: "), "{reason}");
    // If the evidence is missing, or has another name or format, the step is missing.
    let reason = refused(|bundle, predicate| {
        bundle.write("dry-run.json", b"{\"verdict\": \"fail\"}");
        without(predicate, "dry-run");
    });
    assert!(reason.starts_with("manifest.json: ") && reason.contains("dry-run is missing"), "{reason}");
    // Evidence without a blob does not count as a step.
    let reason = refused(|bundle, predicate| {
        bundle.write_step("dry-run", Verdict::Pass, |step| step.inputs.clear());
        let digest = step::digest(&bundle.read("dry-run.json")).expect("a digest");
        predicate.steps.iter_mut().filter(|one| one.name == "dry-run").for_each(|one| one.digest = digest.clone());
    });
    assert!(reason.contains("dry-run is missing"), "{reason}");
    assert!(refused(|_, predicate| predicate.runtimes.clear()).contains("runtime"));
}

#[test]
fn a_manifest_that_states_a_pass_for_a_failed_step_is_refused() {
    for verdict in [Verdict::Fail, Verdict::NotJudged, Verdict::Skip] {
        let reason = refused(|bundle, predicate| {
            bundle.write_step("dry-run", verdict, |_| {});
            let digest = step::digest(&bundle.read("dry-run.json")).expect("a digest");
            for step in predicate.steps.iter_mut().filter(|one| one.name == "dry-run") {
                (step.verdict, step.digest) = (verdict, digest.clone());
            }
        });
        assert!(reason.contains("the step dry-run"), "{reason}");
    }
}

#[test]
fn versions_and_outputs_are_compared_with_the_evidence() {
    let reason = refused(|bundle, predicate| {
        bundle.write_step("inspect", Verdict::Pass, |step| step.result["spec_version"] = 2.into());
        let digest = step::digest(&bundle.read("inspect.json")).expect("a digest");
        predicate.steps.iter_mut().filter(|one| one.name == "inspect").for_each(|one| one.digest = digest.clone());
        predicate.runtimes[0].spec_version = Some(3);
    });
    assert!(reason.contains("spec_version 3") && reason.contains("has 2"), "{reason}");
    let reason = refused(|bundle, predicate| {
        let other = digest::of(b"another").blake2_256;
        bundle.write_step("propose", Verdict::Pass, |step| {
            step.outputs.insert("calls/authorize_upgrade.hex".into(), other);
        });
        let digest = step::digest(&bundle.read("propose.json")).expect("a digest");
        predicate.steps.iter_mut().filter(|one| one.name == "propose").for_each(|one| one.digest = digest.clone());
    });
    assert!(reason.starts_with("calls/authorize_upgrade.hex: ") && reason.contains("propose.json"), "{reason}");
}

/// Several versions of a file of signers. The previous signers agreed to each of them.
#[test]
fn an_older_file_of_signers_than_the_one_accepted_before_is_refused() {
    let bundle = Bundle::assembled();
    let keys = ["ana", "ben"].map(|name| bundle.chain_key(name, KeyType::Ed25519));
    bundle.sign(keys[0].0.clone()).expect("signed");
    let signers: Vec<_> = keys
        .iter()
        .map(|(_, (name, key_type, key))| SignerEntry {
            name: (*name).into(),
            key_type: *key_type,
            public_key: key.clone(),
        })
        .collect();
    let make = |name: &str, previous: Option<&PathBuf>, agreed: bool| {
        let (path, previous) = (bundle.beside(name), previous.cloned());
        let request =
            InitRootRequest { path: path.clone(), threshold: 1, signers: signers.clone(), expires: None, previous };
        root_change::init(&request).expect("made");
        if agreed {
            root_change::sign(&path, &keys[1].0, None).expect("signed");
        }
        path
    };
    let first = make("1.json", None, true);
    let second = make("2.json", Some(&first), true);
    let unsigned = make("2-unsigned.json", Some(&first), false);
    let third = make("3.json", Some(&second), true);
    let accepted = bundle.beside("accepted");
    let verify_with = |root: &PathBuf| {
        let root = Some(root.clone());
        let request = VerifyRequest {
            bundle: bundle.root_directory(),
            root,
            accepted: Some(accepted.clone()),
            ..VerifyRequest::default()
        };
        verify(&request, &Reporter::silent()).map(|outcome| outcome.passed)
    };
    assert!(verify_with(&first).expect("the first") && verify_with(&first).expect("again"));
    // The signers of the accepted version did not agree to it.
    let failure = verify_with(&unsigned).expect_err("not agreed to");
    assert!(failure.kind == Kind::Check && failure.to_string().contains("1 of ana, ben is missing"), "{failure}");
    assert!(verify_with(&second).expect("the next") && verify_with(&third).expect("and the next"));
    for old in [&first, &second, &unsigned] {
        let failure = verify_with(old).expect_err("older");
        assert!(failure.message.contains("is older than"), "{failure}");
        assert_eq!(
            (failure.kind, failure.expected.as_deref().map(|text| &text[..9])),
            (Kind::Check, Some("version 3"))
        );
        let request = SignRequest {
            bundle: bundle.root_directory(),
            with: keys[1].0.clone(),
            root: Some(old.clone()),
            accepted: Some(accepted.clone()),
        };
        assert_eq!(crate::sign::sign(&request, &Reporter::silent()).expect_err("nor signed").kind, Kind::Check);
    }
    // A different file of the same version is refused. The same file with one more signature is
    // accepted.
    let another = bundle.beside("3-other.json");
    let text = std::fs::read_to_string(make("3-new.json", Some(&second), false)).expect("read");
    std::fs::write(&another, text.replace("\"threshold\": 1", "\"threshold\": 2")).expect("written");
    assert!(verify_with(&another).expect_err("another").message.contains("is not the one of this version"));
    root_change::sign(&third, &keys[0].0, None).expect("signed by both");
    assert!(verify_with(&third).expect("the same"));
    // Other files are independent of this one.
    assert!(verify_with(&make("other-1.json", None, true)).expect("a file of its own"));
}

#[test]
fn an_expired_file_of_signers_is_not_recorded_and_an_unknown_lineage_is_reported() {
    let (bundle, root) = signed();
    let text = std::fs::read_to_string(&root).expect("read");
    let accepted = bundle.beside("accepted");
    let verify_with = |content: &str| {
        std::fs::write(&root, content).expect("written");
        let (root, accepted) = (Some(root.clone()), Some(accepted.clone()));
        let request = VerifyRequest { bundle: bundle.root_directory(), root, accepted, ..VerifyRequest::default() };
        verify(&request, &Reporter::silent()).expect("verified").value
    };
    verify_with(&text.replacen('{', "{\"expires\": \"2020-01-01\",", 1));
    assert!(!accepted.exists());
    let verification = verify_with(&text.replace("\"version\":1", "\"version\":2"));
    assert!(verification.warnings.iter().any(|warning| warning.contains("lineage")), "{:?}", verification.warnings);
    assert!(!accepted.exists());
    verify_with(&text);
    assert_eq!(std::fs::read_dir(&accepted).expect("listed").count(), 1);
}

#[test]
fn an_archive_of_a_bundle_is_to_be_unpacked() {
    let bundle = Bundle::assembled();
    let archive = bundle.beside("bundle.tar");
    std::fs::write(&archive, "x").expect("written");
    let request = VerifyRequest { bundle: archive.clone(), ..VerifyRequest::default() };
    let of_verify = verify(&request, &Reporter::silent()).err().expect("refused");
    let request = SignRequest { bundle: archive, with: KeySource::ThrowAway, root: None, accepted: None };
    let of_sign = crate::sign::sign(&request, &Reporter::silent()).expect_err("refused");
    for failure in [of_verify, of_sign] {
        assert_eq!(failure.kind, Kind::Input);
        assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("tar xf")), "{failure:?}");
    }
}

/// Returns a file of signers signed by ana and ben.
fn agreed_root(bundle: &Bundle) -> PathBuf {
    let root = bundle.root(2, &["ana", "ben", "cas"].map(|name| bundle.chain_key(name, KeyType::Ed25519).1));
    for name in ["ana", "ben"] {
        root_change::sign(&root, &bundle.chain_key(name, KeyType::Ed25519).0, None).expect("signed");
    }
    root
}

#[test]
fn a_file_of_signers_that_was_changed_after_it_was_signed_is_refused() {
    let bundle = Bundle::assembled();
    let root = agreed_root(&bundle);
    let (ana, ben) = (bundle.chain_key("ana", KeyType::Ed25519).0, bundle.chain_key("ben", KeyType::Ed25519).0);
    bundle.sign(ana).expect("signed");
    assert_eq!(bundle.verify(Some(&root)).verdict, Verdict::Fail, "one of two");
    let text = std::fs::read_to_string(&root).expect("read");
    std::fs::write(&root, text.replace("\"threshold\": 2", "\"threshold\": 1")).expect("written");
    let request =
        VerifyRequest { bundle: bundle.root_directory(), root: Some(root.clone()), ..VerifyRequest::default() };
    let failure = verify(&request, &Reporter::silent()).err().expect("refused");
    assert_eq!(failure.kind, Kind::Check);
    assert!(failure.message.contains("version 1") && failure.message.contains("signers.json"), "{failure}");
    let request =
        SignRequest { bundle: bundle.root_directory(), with: ben.clone(), root: Some(root.clone()), accepted: None };
    assert_eq!(crate::sign::sign(&request, &Reporter::silent()).expect_err("refused").kind, Kind::Check);

    std::fs::write(&root, text).expect("mended");
    bundle.sign(ben).expect("signed");
    let verification = bundle.verify(Some(&root));
    assert_eq!((verification.verdict, verification.warnings.len()), (Verdict::Pass, 0), "{:?}", verification.warnings);
    assert!(verification.agreement.root.agreed && verification.agreement.root.signers == Some(3));
}

#[test]
fn an_unsigned_file_of_signers_is_reported() {
    let (bundle, root) = signed();
    let verification = bundle.verify(Some(&root));
    assert_eq!(verification.verdict, Verdict::Pass);
    let warning = &verification.warnings[0];
    assert!(warning.contains("is not signed") && warning.contains("signers.json") && warning.contains("version 1"));
    root_change::sign(&root, &bundle.chain_key("ana", KeyType::Sr25519).0, None).expect("signed");
    assert!(bundle.verify(Some(&root)).warnings[0].contains("by 1 of the 2"));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_file_of_signers_is_refused_at_once() {
    let bundle = Bundle::assembled();
    let pipe = bundle.beside("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    let request = VerifyRequest { bundle: bundle.root_directory(), root: Some(pipe), ..VerifyRequest::default() };
    let failure = verify(&request, &Reporter::silent()).err().expect("refused");
    assert!(failure.message.contains("not a regular file"), "{failure}");
}

#[test]
fn an_expired_root_satisfies_nothing() {
    let (bundle, root) = signed();
    let text = std::fs::read_to_string(&root).expect("read");
    std::fs::write(&root, text.replacen('{', "{\"expires\": \"2020-01-01\",", 1)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert!(!verification.agreement.satisfied && verification.warnings.iter().any(|one| one.contains("2020-01-01")));
    assert!(verification.agreement.root.expired && verification.agreement.signatures.iter().all(|one| !one.counted));
    assert!(verification.hint.expect("a hint").contains("signers init"));
}

#[test]
fn an_unsigned_bundle_fails() {
    let bundle = Bundle::assembled();
    let verification = bundle.verify(None);
    assert_eq!((verification.verdict, verification.agreement.satisfied), (Verdict::Fail, false));
    assert!(verification.hint.expect("a hint").contains("sign"));
}

#[test]
fn an_upgrade_that_failed_does_not_verify() {
    let bundle = Bundle::new();
    bundle.write_step("dry-run", Verdict::Fail, |_| {});
    bundle.assemble();
    let verification = bundle.verify(None);
    assert!(verification.warnings.iter().any(|warning| warning.contains("a step failed")));
}

#[test]
fn added_removed_and_replaced_files_are_named() {
    for name in Bundle::new().files() {
        let (bundle, root) = signed();
        std::fs::remove_file(bundle.path(name)).expect("removed");
        assert_eq!(failed_files(&bundle.verify(Some(&root))), [name]);
    }
    for name in ["added", "blobs/added.wasm", "new/manifest.json", ".hidden", ".partial-x"] {
        let (bundle, root) = signed();
        bundle.write(name, b"");
        assert_eq!(failed_files(&bundle.verify(Some(&root))), [name]);
    }
    for content in [&b""[..], b"\0asm runtime and more"] {
        let (bundle, root) = signed();
        bundle.write("blobs/standalone.wasm", content);
        assert_eq!(failed_files(&bundle.verify(Some(&root))), ["blobs/standalone.wasm"]);
    }
}

#[cfg(unix)]
#[test]
fn a_file_replaced_by_a_link_to_its_own_content_is_named() {
    for name in all_files(&Bundle::new()) {
        let (bundle, root) = signed();
        let moved = bundle.beside("moved");
        std::fs::rename(bundle.path(name), &moved).expect("moved");
        std::os::unix::fs::symlink(&moved, bundle.path(name)).expect("linked");
        assert_eq!(failed_files(&bundle.verify(Some(&root))), [name]);
    }
}

#[test]
fn a_missing_bundle_or_manifest_or_root_is_an_error() {
    let (bundle, _) = signed();
    let missing = bundle.beside("none");
    let of = |bundle: &Path, root: Option<&Path>| {
        let request =
            VerifyRequest { bundle: bundle.into(), root: root.map(Path::to_path_buf), ..VerifyRequest::default() };
        verify(&request, &Reporter::silent()).err().expect("an error").kind
    };
    assert_eq!(of(&missing, None), Kind::Input);
    assert_eq!(of(&bundle.root_directory(), Some(&missing)), Kind::Input);
    std::fs::remove_file(bundle.path(MANIFEST)).expect("removed");
    assert_eq!(of(&bundle.root_directory(), None), Kind::Input);
}

#[test]
fn a_carelessly_joined_manifest_is_refused_although_it_is_signed() {
    let bundle = Bundle::assembled();
    let mut statement = Manifest::read(&bundle.path(MANIFEST)).expect("read").statement;
    let other = Bundle::new();
    other.write("blobs/standalone.wasm", b"another blob");
    // The blob of the manifest and of the bundle differs from that of the steps.
    bundle.write("blobs/standalone.wasm", b"another blob");
    let digests = digest::of(b"another blob");
    statement.subject[0].digest = subject_digest(&digests);
    statement.predicate.runtimes[0].blake2_256 = digests.blake2_256;
    statement.predicate.runtimes[0].sha256 = digests.sha256;
    let payload = crate::canonical::to_bytes(&serde_json::to_value(&statement).expect("JSON")).expect("canonical");
    let mut envelope = envelope::unsigned(crate::envelope::STATEMENT_PAYLOAD, &payload);
    let message = crate::envelope::signed_bytes(&envelope.payload_type, &payload);
    envelope::add(&mut envelope.signatures, keys::throw_away(&message));
    envelope::write(&envelope, &bundle.path(MANIFEST)).expect("written");

    let verification = bundle.verify_integrity();
    assert_eq!((verification.verdict, failed_files(&verification)), (Verdict::Fail, vec![MANIFEST]));
    assert!(verification.subjects[0].reason.as_ref().expect("a reason").contains("another blob"));
}

#[test]
fn every_byte_of_the_manifest_matters() {
    let (bundle, root) = signed();
    let content = bundle.read(MANIFEST);
    for index in 0..content.len() {
        bundle.flip(MANIFEST, index, 1);
        let verification = bundle.verify(Some(&root));
        assert_eq!(verification.verdict, Verdict::Fail, "byte {index}");
        assert!(failed_files(&verification).contains(&MANIFEST), "byte {index}: {verification:#?}");
        std::fs::write(bundle.path(MANIFEST), &content).expect("mended");
    }
    for length in (0..content.len()).step_by(97) {
        std::fs::write(bundle.path(MANIFEST), &content[..length]).expect("cut");
        assert_eq!(failed_files(&bundle.verify(Some(&root))), [MANIFEST], "cut at {length}");
    }
}

/// Shares one bundle between all cases: signing is slow, copying is fast.
fn shared() -> &'static (Bundle, PathBuf) {
    static SHARED: OnceLock<(Bundle, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(signed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_changed_byte_in_any_file_is_named(file in 0usize..9, at in any::<prop::sample::Index>(), mask in 1u8..=255) {
        let (bundle, root) = shared();
        let name = all_files(bundle)[file];
        let content = bundle.read(name);
        bundle.flip(name, at.index(content.len()), mask);
        let verification = bundle.verify(Some(root));
        std::fs::write(bundle.path(name), &content).expect("mended");
        prop_assert_eq!(verification.verdict, Verdict::Fail);
        prop_assert!(failed_files(&verification).contains(&name), "{:?}", failed_files(&verification));
        prop_assert_eq!(bundle.verify(Some(root)).verdict, Verdict::Pass);
    }
}
