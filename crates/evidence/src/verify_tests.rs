// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::{
    envelope::{Envelope, Signature},
    testing::{Bundle, accused, all_files},
};
use proptest::prelude::*;
use std::sync::OnceLock;

/// A bundle signed by two of three, and its root.
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
    assert_eq!(verification.verdict, Verdict::Passed, "{verification:#?}");
    assert_eq!((verification.threshold, verification.satisfied), (Some(2), true));
    let signers: Vec<_> = verification.signatures.iter().map(|one| one.signer.as_deref()).collect();
    assert_eq!(signers, [Some("ana"), Some("ben")]);
    assert_eq!(verification.root.source, RootSource::File);
    assert_eq!(verification.root.path.as_ref(), Some(&root));
    assert_eq!(accused(&verification), [""; 0]);
}

#[test]
fn one_of_two_needed_does_not() {
    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    envelope.signatures.pop();
    envelope.write(&bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert_eq!((verification.verdict, verification.satisfied), (Verdict::Failed, false));
    assert!(verification.hint.is_some());
    assert_eq!(accused(&verification), [""; 0], "the files are well");
}

#[test]
fn a_signer_counts_once() {
    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    // Two different valid signatures by one key: sr25519 signs differently each time.
    let first = envelope.signatures.remove(0);
    envelope.signatures.clear();
    let (ana, _) = bundle.chain_key("ana", KeyType::Sr25519);
    bundle.sign(ana).expect("signed again");
    let again: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    let second = again.signatures.into_iter().find(|one| one.keyid == first.keyid).expect("by ana");
    assert_ne!(first.sig, second.sig);
    envelope.signatures = vec![first, second];
    envelope.write(&bundle.path(MANIFEST)).expect("written");

    let verification = bundle.verify(Some(&root));
    assert!(verification.signatures.iter().all(|one| one.valid));
    let counted: Vec<_> = verification.signatures.iter().map(|one| one.counted).collect();
    assert_eq!((counted, verification.satisfied), (vec![true, false], false));
}

#[test]
fn a_stranger_does_not_count() {
    let (bundle, root) = signed();
    let (eve, _) = bundle.chain_key("eve", KeyType::Sr25519);
    bundle.sign(eve).expect("anyone can sign");
    let verification = bundle.verify(Some(&root));
    let last = verification.signatures.last().expect("three");
    assert_eq!((last.valid, last.counted, last.signer.as_deref()), (true, false, None));
    assert!(verification.satisfied, "the two others still do");

    let (_, entry) = bundle.chain_key("nobody", KeyType::Sr25519);
    let other = bundle.root(1, &[entry]);
    assert_eq!(bundle.verify(Some(&other)).verdict, Verdict::Failed);
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
    envelope.write(&bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert!(!verification.satisfied && !verification.signatures[0].valid);
    assert_eq!(accused(&verification), [MANIFEST]);
}

#[test]
fn an_invalid_signature_fails_even_where_enough_others_are_valid() {
    let (bundle, root) = signed();
    let mut envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    let (_, (_, _, key)) = bundle.chain_key("cas", KeyType::Sr25519);
    envelope.signatures.push(Signature::new(format!("sr25519:{key}"), &[7; 64]));
    envelope.write(&bundle.path(MANIFEST)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert!(verification.satisfied);
    assert_eq!((verification.verdict, accused(&verification)), (Verdict::Failed, vec![MANIFEST]));
}

#[test]
fn without_a_root_signatures_are_listed_and_satisfy_nothing() {
    let (bundle, _) = signed();
    let verification = bundle.verify(None);
    assert_eq!(verification.signatures.len(), 2);
    assert!(verification.signatures.iter().all(|one| one.valid && !one.counted));
    assert_eq!((verification.threshold, verification.satisfied), (None, false));
    assert!(verification.hint.expect("a hint").contains("--root"));
}

#[test]
fn a_throw_away_signature_satisfies_itself_and_says_so() {
    let bundle = Bundle::assembled();
    bundle.sign(crate::sign::With::ThrowAway).expect("signed");
    let verification = bundle.verify(None);
    assert_eq!(verification.verdict, Verdict::Passed, "{verification:#?}");
    assert_eq!(verification.root.source, RootSource::ThrowAway);
    assert!(verification.warnings[0].contains("nothing about who signed"));

    // It never counts under a real root, and never beside a signature that claims to be somebody's.
    let (ana, entry) = bundle.chain_key("ana", KeyType::Ed25519);
    let root = bundle.root(1, &[entry]);
    let verification = bundle.verify(Some(&root));
    assert!(!verification.satisfied && verification.signatures[0].valid);
    bundle.sign(ana).expect("signed");
    assert_eq!(bundle.verify(None).verdict, Verdict::Failed);
    assert_eq!(bundle.verify(Some(&root)).verdict, Verdict::Passed);
}

#[test]
fn an_expired_root_satisfies_nothing() {
    let (bundle, root) = signed();
    let text = std::fs::read_to_string(&root).expect("read");
    std::fs::write(&root, text.replacen('{', "{\"expires\": \"2020-01-01\",", 1)).expect("written");
    let verification = bundle.verify(Some(&root));
    assert!(!verification.satisfied && verification.warnings[0].contains("2020-01-01"));
}

#[test]
fn an_unsigned_bundle_fails() {
    let bundle = Bundle::assembled();
    let verification = bundle.verify(None);
    assert_eq!((verification.verdict, verification.satisfied), (Verdict::Failed, false));
    assert!(verification.hint.expect("a hint").contains("sign"));
}

#[test]
fn an_upgrade_that_failed_does_not_verify() {
    let bundle = Bundle::new();
    bundle.write_step("dry-run", Verdict::Failed, |_| {});
    bundle.assemble();
    let verification = bundle.verify(None);
    assert!(verification.warnings.iter().any(|warning| warning.contains("a step failed")));
}

#[test]
fn added_removed_and_replaced_files_are_named() {
    for name in Bundle::new().files() {
        let (bundle, root) = signed();
        std::fs::remove_file(bundle.path(name)).expect("removed");
        assert_eq!(accused(&bundle.verify(Some(&root))), [name]);
    }
    for name in ["added", "blobs/added.wasm", "new/manifest.json", ".hidden", ".partial-x"] {
        let (bundle, root) = signed();
        bundle.write(name, b"");
        assert_eq!(accused(&bundle.verify(Some(&root))), [name]);
    }
    for content in [&b""[..], b"\0asm runtime and more"] {
        let (bundle, root) = signed();
        bundle.write("blobs/standalone.wasm", content);
        assert_eq!(accused(&bundle.verify(Some(&root))), ["blobs/standalone.wasm"]);
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
        assert_eq!(accused(&bundle.verify(Some(&root))), [name]);
    }
}

#[test]
fn a_missing_bundle_or_manifest_or_root_is_an_error() {
    let (bundle, _) = signed();
    let missing = bundle.beside("none");
    let of =
        |bundle: &Path, root: Option<&Path>| verify(bundle, root, &Reporter::silent()).err().expect("an error").kind;
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
    // The blob of the manifest and of the bundle is another one than the steps are about.
    bundle.write("blobs/standalone.wasm", b"another blob");
    let digests = Digests::of(b"another blob");
    statement.subject[0].digest = SubjectDigest::from(&digests);
    statement.predicate.runtimes[0].blake2_256 = digests.blake2_256;
    statement.predicate.runtimes[0].sha256 = digests.sha256;
    let payload = crate::canonical::to_bytes(&serde_json::to_value(&statement).expect("JSON")).expect("canonical");
    let mut envelope = Envelope::new(crate::envelope::STATEMENT_PAYLOAD, &payload);
    let message = crate::envelope::signed_bytes(&envelope.payload_type, &payload);
    envelope.add(keys::throw_away(&message));
    envelope.write(&bundle.path(MANIFEST)).expect("written");

    let verification = bundle.verify(None);
    assert!(verification.satisfied, "the signature itself is fine");
    assert_eq!((verification.verdict, accused(&verification)), (Verdict::Failed, vec![MANIFEST]));
    assert!(verification.subjects[0].reason.as_ref().expect("a reason").contains("another blob"));
}

#[test]
fn every_byte_of_the_manifest_matters() {
    let (bundle, root) = signed();
    let content = bundle.read(MANIFEST);
    for index in 0..content.len() {
        bundle.flip(MANIFEST, index, 1);
        let verification = bundle.verify(Some(&root));
        assert_eq!(verification.verdict, Verdict::Failed, "byte {index}");
        assert!(accused(&verification).contains(&MANIFEST), "byte {index}: {verification:#?}");
        std::fs::write(bundle.path(MANIFEST), &content).expect("mended");
    }
    for length in (0..content.len()).step_by(97) {
        std::fs::write(bundle.path(MANIFEST), &content[..length]).expect("cut");
        assert_eq!(accused(&bundle.verify(Some(&root))), [MANIFEST], "cut at {length}");
    }
}

/// One bundle for all cases: signing is slow, copying is not.
fn shared() -> &'static (Bundle, PathBuf) {
    static SHARED: OnceLock<(Bundle, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(signed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_changed_byte_in_any_file_is_named(file in 0usize..6, at in any::<prop::sample::Index>(), mask in 1u8..=255) {
        let (bundle, root) = shared();
        let name = all_files(bundle)[file];
        let content = bundle.read(name);
        bundle.flip(name, at.index(content.len()), mask);
        let verification = bundle.verify(Some(root));
        std::fs::write(bundle.path(name), &content).expect("mended");
        prop_assert_eq!(verification.verdict, Verdict::Failed);
        prop_assert!(accused(&verification).contains(&name), "{:?}", accused(&verification));
        prop_assert_eq!(bundle.verify(Some(root)).verdict, Verdict::Passed);
    }
}
