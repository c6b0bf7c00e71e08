// SPDX-License-Identifier: Apache-2.0
//! Creates a file of signers (a root) and replaces it.
//!
//! A new version is valid if both the signers of the old version and those of the new one agreed to
//! it, each group meeting its own threshold. So a threshold cannot be lowered by fewer people than
//! are needed to sign an upgrade.

use crate::{
    envelope::add,
    keys::{CheckedSignature, check},
    root::{Root, mixes_alphabets, write},
    sign::make_signature,
    trust::{AcceptedRoot, signatures_of, valid_signatures},
    verify::count,
};
use protocol::{
    Verdict,
    format::SIGNERS,
    signers::{InitRootRequest, KeySource, RootFile, RootSummary},
};
use std::{path::Path, time::SystemTime};
use worker::{Failure, Outcome, Reporter, Result};

/// The value of the date option that removes the expiry date of the previous version.
const NEVER: &str = "never";

/// Validates a file of signers and writes it.
pub fn init(request: &InitRootRequest) -> Result<RootSummary> {
    let previous = request.previous.as_deref().map(read_with_valid_signatures).transpose()?;
    if request.path.exists() {
        return Err(Failure::usage(format!("{} exists already", request.path.display()))
            .hint("write the new version to another file, have it signed, then replace the old file with it"));
    }
    let lineage = previous.as_ref().map(Root::lineage).transpose()?.flatten();
    let (expires, note) = expires(request.expires.as_deref(), previous.as_ref());
    let file = RootFile {
        format: SIGNERS.into(),
        version: previous.map_or(1, |previous| previous.file.version + 1),
        threshold: request.threshold,
        expires,
        lineage: Some(lineage.unwrap_or_else(new_lineage)),
        signers: request.signers.clone(),
        signatures: Vec::new(),
    };
    let root = Root::new(file)?;
    check_alphabets(&root.file)?;
    if root.expired(SystemTime::now()) {
        return Err(Failure::usage("the file of signers would have expired already")
            .found(format!("--expires {}", root.file.expires.unwrap_or_default()))
            .expected("a day that is not past (UTC)"));
    }
    write(&request.path, &root.file)?;
    let mut summary = summary(&request.path, &root, None)?.value;
    summary.warnings.extend(note);
    summary.warnings.extend(
        root.shared_seeds()
            .into_iter()
            .map(|(one, other)| format!("the keys of {one} and {other} have the same seed: they count as one person")),
    );
    Ok(summary)
}

/// Refuses names that readers can confuse, because letters of two alphabets look the same.
fn check_alphabets(file: &RootFile) -> Result<()> {
    match file.signers.iter().find(|signer| mixes_alphabets(&signer.name)) {
        Some(signer) => Err(Failure::input("a signer's name cannot be used")
            .found(format!("\"{}\"", signer.name.escape_default()))
            .expected("letters of one alphabet in each word")),
        None => Ok(()),
    }
}

/// Returns the expiry date and a warning. The date is the named one, or else that of the previous
/// version if it is not in the past.
fn expires(named: Option<&str>, previous: Option<&Root>) -> (Option<String>, Option<String>) {
    let previous_date = previous.and_then(|previous| previous.file.expires.clone());
    let expired = previous.is_some_and(|previous| previous.expired(SystemTime::now()));
    match (named, previous_date) {
        (Some(NEVER), _) | (None, None) => (None, None),
        (Some(date), _) => (Some(date.to_owned()), None),
        (None, Some(date)) if expired => (
            None,
            Some(format!(
                "the previous version expired on {date}; this one does not expire, because --expires is not given"
            )),
        ),
        (None, Some(date)) => {
            let note =
                format!("it expires on {date}, as the previous version does: --expires sets another date or `{NEVER}`");
            (Some(date), Some(note))
        }
    }
}

/// Returns a random lineage for a new file of signers.
fn new_lineage() -> String {
    let mut lineage = [0; 16];
    rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, &mut lineage);
    hex::encode_prefixed(lineage)
}

/// Adds a signature to a file of signers.
pub fn sign(path: &Path, with: &KeySource, previous: Option<&Path>) -> Result<RootSummary> {
    if matches!(with, KeySource::ThrowAway) {
        return Err(Failure::usage("a file of signers is not signed with a throw-away key").found("--with throw-away"));
    }
    let mut root = Root::read(path)?;
    let previous = previous.map(|previous| previous_of(path, &root, previous)).transpose()?;
    let message = root.signed_bytes()?;
    let signature = make_signature(with, &message, Some(&root))?;
    let checked = check(&signature, &message);
    if let Some(reason) = checked.invalid_reason {
        return Err(Failure::input(format!("the signature {} {reason}", signature.keyid)));
    }
    if !root.lists(&checked) && !previous.as_ref().is_some_and(|previous| previous.lists(&checked)) {
        // Signers that only the previous version lists have to agree as well, if there is one.
        let hint = match root.file.version > 1 && previous.is_none() {
            true => "nothing was written; if the version before lists the key, name that file with --previous",
            false => "nothing was written; `cargo xtask signers key FILE` shows which key a file holds",
        };
        return Err(Failure::usage(format!("{} is not the key of a signer in {}", signature.keyid, path.display()))
            .expected(root.listed())
            .hint(hint));
    }
    add(&mut root.file.signatures, signature);
    write(path, &root.file)?;
    Ok(summary(path, &root, previous.as_ref())?.value)
}

/// Checks that a file of signers was agreed to by its own signers and by those of the previous
/// version. If it was, the file is recorded as accepted on this machine.
pub fn verify(
    path: &Path,
    previous: Option<&Path>,
    accepted: Option<&Path>,
    reporter: &Reporter,
) -> Result<Outcome<RootSummary>> {
    let root = Root::read(path)?;
    let previous = previous.map(|previous| previous_of(path, &root, previous)).transpose()?;
    let mut outcome = summary(path, &root, previous.as_ref())?;
    if root.file.version > 1 && previous.is_none() {
        outcome.value.warnings.push(format!(
            "it was not checked whether the signers of version {} agreed to it: name that file with --previous",
            root.file.version - 1
        ));
    }
    if let Some(accepted_root) = AcceptedRoot::open(accepted, &root)? {
        match accepted_root.check_successor(&root, path) {
            Ok(()) if outcome.passed => accepted_root.record(&root, reporter),
            Ok(()) => {}
            Err(failure) => {
                // Two versions older than the accepted one can still be compared with each other. A
                // single version that verifying a bundle refuses must be refused here as well.
                if previous.is_none() {
                    outcome.passed = false;
                    outcome.value.verdict = Verdict::Fail;
                }
                outcome.value.warnings.push(failure.to_string());
            }
        }
    }
    Ok(outcome)
}

/// Reads a file of signers and checks its own signatures. A file that was changed after it was
/// signed cannot say who may sign the next version.
fn read_with_valid_signatures(path: &Path) -> Result<Root> {
    let root = Root::read(path)?;
    valid_signatures(&root, path).map(|_| root)
}

/// Reads the previous version, and checks that `root` is the version that follows it.
fn previous_of(path: &Path, root: &Root, previous: &Path) -> Result<Root> {
    let previous = read_with_valid_signatures(previous)?;
    if root.file.version != previous.file.version + 1 {
        return Err(Failure::check(format!("{} is not the next version of the file of signers", path.display()))
            .found(format!("version {}", root.file.version))
            .expected(format!("version {}", previous.file.version + 1)));
    }
    let (own, expected) = (root.lineage()?, previous.lineage()?);
    if own.is_some() && expected.is_some() && own != expected {
        return Err(Failure::check(format!("{} is not a version of the same file of signers", path.display()))
            .found(format!("the lineage {}", own.unwrap_or_default()))
            .expected(expected.unwrap_or_default())
            .hint("cargo xtask signers init NEXT --previous FILE"));
    }
    Ok(previous)
}

fn summary(path: &Path, root: &Root, previous: Option<&Root>) -> Result<Outcome<RootSummary>> {
    let checked = signatures_of(root)?;
    let expired = root.expired(SystemTime::now());
    let own = count(&checked, root, !expired);
    // An expired version can still be replaced by its own signers. Otherwise nobody could replace
    // it.
    let old = previous.map(|previous| count(&checked, previous, true));
    let satisfied_by_previous = old.as_ref().map(|old| old.satisfied);
    let valid = checked.iter().all(CheckedSignature::is_valid);
    let passed = valid && own.satisfied && satisfied_by_previous.unwrap_or(true);
    let mut warnings = Vec::new();
    if let (true, Some(date)) = (expired, &root.file.expires) {
        warnings.push(format!("version {} expired on {date}: no signature counts under it", root.file.version));
    }
    let value = RootSummary {
        root: path.to_path_buf(),
        version: root.file.version,
        lineage: root.lineage()?,
        threshold: root.file.threshold,
        expires: root.file.expires.clone(),
        expired,
        signers: root.people(),
        signatures: own.signatures,
        signatures_of_previous: old.map(|old| old.signatures).unwrap_or_default(),
        satisfied: own.satisfied,
        satisfied_by_previous,
        verdict: if passed { Verdict::Pass } else { Verdict::Fail },
        warnings,
    };
    Ok(Outcome { passed, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bundle;
    use protocol::signers::{KeyType, SignerEntry};
    use std::path::PathBuf;

    type Key = (KeySource, (&'static str, KeyType, String));

    fn entries(keys: &[&Key]) -> Vec<SignerEntry> {
        let entry = |(_, (name, key_type, public_key)): &&Key| SignerEntry {
            name: (*name).into(),
            key_type: *key_type,
            public_key: public_key.clone(),
        };
        keys.iter().map(entry).collect()
    }

    fn make_root(path: PathBuf, threshold: u32, keys: &[&Key], previous: Option<&Path>) -> PathBuf {
        let previous = previous.map(Path::to_path_buf);
        init(&InitRootRequest { path: path.clone(), threshold, signers: entries(keys), expires: None, previous })
            .expect("made");
        path
    }

    fn verified(path: &Path, previous: Option<&Path>) -> Result<Outcome<RootSummary>> {
        verify(path, previous, None, &Reporter::silent())
    }

    #[test]
    fn a_new_root_needs_the_old_and_the_new_threshold() {
        let bundle = Bundle::new();
        let [a, b, c, d] = ["ana", "ben", "cas", "dee"].map(|name| bundle.chain_key(name, KeyType::Sr25519));
        let old = make_root(bundle.beside("1.json"), 2, &[&a, &b, &c], None);
        let new = make_root(bundle.beside("2.json"), 2, &[&c, &d], Some(&old));

        let agreed = |with: Option<&KeySource>| {
            if let Some(with) = with {
                sign(&new, with, Some(&old)).expect("signed");
            }
            let outcome = verified(&new, Some(&old)).expect("verified");
            (outcome.value.satisfied_by_previous, outcome.value.satisfied, outcome.passed)
        };
        assert_eq!(agreed(None), (Some(false), false, false));
        assert_eq!(agreed(Some(&d.0)), (Some(false), false, false));
        assert_eq!(agreed(Some(&d.0)), (Some(false), false, false), "signing twice counts once");
        assert_eq!(agreed(Some(&c.0)), (Some(false), true, false), "the new signers alone");
        assert_eq!(agreed(Some(&a.0)), (Some(true), true, true));
        assert!(verified(&new, None).expect("verified").passed);
    }

    #[test]
    fn a_new_root_names_nobody_with_letters_of_two_alphabets_in_one_word() {
        let bundle = Bundle::new();
        let (_, (_, key_type, public_key)) = bundle.chain_key("ana", KeyType::Ed25519);
        let made = |file: &str, name: &str| {
            let signers = vec![SignerEntry { name: name.into(), key_type, public_key: public_key.clone() }];
            let path = bundle.beside(file);
            init(&InitRootRequest { path, threshold: 1, signers, expires: None, previous: None })
        };
        // With a Cyrillic a.
        let failure = made("mixed.json", "\u{430}na").expect_err("refused");
        assert!(failure.found.is_some_and(|found| found.contains("\\u{430}na")));
        assert!(!bundle.beside("mixed.json").exists());
        for (file, name) in [("1.json", "Əliyev Fərid"), ("2.json", "王芳 (Fang)"), ("3.json", "Анна (ops)")] {
            made(file, name).expect("made");
        }
        // A file that has such a name already is read.
        let path = bundle.beside("3.json");
        let text = std::fs::read_to_string(&path).expect("read").replace("Анна", "\u{430}na");
        std::fs::write(&path, text).expect("written");
        Root::read(&path).expect("read");
    }

    #[test]
    fn a_changed_root_loses_its_signatures() {
        let bundle = Bundle::new();
        let [a, b] = ["ana", "ben"].map(|name| bundle.chain_key(name, KeyType::Ed25519));
        let path = make_root(bundle.beside("1.json"), 1, &[&a, &b], None);
        sign(&path, &a.0, None).expect("signed");
        assert!(verified(&path, None).expect("verified").passed);
        let text = std::fs::read_to_string(&path).expect("read").replace("\"ben\"", "\"eve\"");
        std::fs::write(&path, text).expect("written");
        assert!(!verified(&path, None).expect("verified").passed);
    }

    #[test]
    fn versions_follow_each_other() {
        let bundle = Bundle::new();
        let a = bundle.chain_key("ana", KeyType::Ed25519);
        let first = make_root(bundle.beside("1.json"), 1, &[&a], None);
        let second = make_root(bundle.beside("2.json"), 1, &[&a], Some(&first));
        let third = make_root(bundle.beside("3.json"), 1, &[&a], Some(&second));
        let failure = verified(&third, Some(&first)).err().expect("a version is missing");
        assert_eq!(failure.expected.as_deref(), Some("version 2"));
        let again =
            InitRootRequest { path: first, threshold: 1, signers: entries(&[&a]), expires: None, previous: None };
        assert_eq!(init(&again).expect_err("exists").kind, worker::Kind::Usage);
        assert_eq!(sign(&third, &KeySource::ThrowAway, None).expect_err("refused").kind, worker::Kind::Usage);
    }

    #[test]
    fn a_file_that_expired_says_so_and_is_replaced_by_those_it_lists() {
        let bundle = Bundle::new();
        let [a, b] = ["ana", "ben"].map(|name| bundle.chain_key(name, KeyType::Ed25519));
        let try_of = |name: &str, expires: Option<&str>, previous: Option<&Path>| {
            let (path, previous) = (bundle.beside(name), previous.map(Path::to_path_buf));
            let signers = entries(&[&a, &b]);
            let expires = expires.map(str::to_owned);
            let request = InitRootRequest { path: path.clone(), threshold: 2, signers, expires, previous };
            (path, init(&request))
        };
        let of = |name: &str, expires: Option<&str>, previous: Option<&Path>| {
            let (path, made) = try_of(name, expires, previous);
            (path, made.expect("made"))
        };
        let (old, refused) = try_of("1.json", Some("2020-01-01"), None);
        assert_eq!((refused.expect_err("past").kind, old.exists()), (worker::Kind::Usage, false));
        // It was valid when it was made.
        let (old, _) = of("1.json", Some("2999-01-01"), None);
        let text = std::fs::read_to_string(&old).expect("read").replace("2999-01-01", "2020-01-01");
        std::fs::write(&old, text).expect("written");
        sign(&old, &a.0, None).expect("signed");
        sign(&old, &b.0, None).expect("signed");
        let outcome = verified(&old, None).expect("verified");
        assert!(!outcome.passed && outcome.value.expired && outcome.value.warnings[0].contains("2020-01-01"));
        assert!(outcome.value.signatures.iter().all(|one| one.valid && !one.counted));

        let (new, made) = of("2.json", None, Some(&old));
        assert!(made.expires.is_none() && made.warnings[0].contains("does not expire"), "{:?}", made.warnings);
        sign(&new, &a.0, None).expect("signed");
        assert!(!verified(&new, Some(&old)).expect("verified").passed, "one of two");
        sign(&new, &b.0, None).expect("signed");
        assert!(verified(&new, Some(&old)).expect("verified").passed);
        // What was not checked is reported.
        assert!(verified(&new, None).expect("verified").value.warnings[0].contains("version 1"));

        // A future expiry date is kept, with a warning. It can also be removed.
        let (third, made) = of("3.json", Some("2999-01-01"), Some(&new));
        assert_eq!((made.expires.as_deref(), made.warnings.len()), (Some("2999-01-01"), 0));
        let (_, made) = of("4.json", None, Some(&third));
        assert_eq!(made.expires.as_deref(), Some("2999-01-01"));
        assert!(made.warnings[0].contains("2999-01-01"), "{:?}", made.warnings);
        assert_eq!(of("5.json", Some("never"), Some(&third)).1.expires, None);
    }

    #[test]
    fn two_keys_of_one_seed_are_noted() {
        let bundle = Bundle::new();
        let ana = bundle.chain_key("ana", KeyType::Sr25519);
        let (_, (_, _, ed25519)) = bundle.chain_key("ana", KeyType::Ed25519);
        let mut signers = entries(&[&ana, &bundle.chain_key("cas", KeyType::Sr25519)]);
        signers.push(SignerEntry { name: "ben".into(), key_type: KeyType::Ed25519, public_key: ed25519 });
        let mut init = |path: &str| {
            let path = bundle.beside(path);
            let request =
                InitRootRequest { path, threshold: 2, signers: signers.clone(), expires: None, previous: None };
            let made = super::init(&request).expect("made");
            signers[2].name = "ana".into();
            (made.signers, made.warnings)
        };
        let (people, warnings) = init("1.json");
        assert!(people == 2 && warnings[0].contains("ana and ben have the same seed"), "{warnings:?}");
        assert_eq!(init("2.json"), (2, Vec::new()), "one name is one person anyway");
    }

    #[test]
    fn an_unlisted_key_does_not_sign() {
        let bundle = Bundle::new();
        let [a, b, eve] = ["ana", "ben", "eve"].map(|name| bundle.chain_key(name, KeyType::Sr25519));
        let first = make_root(bundle.beside("1.json"), 1, &[&a], None);
        let before = std::fs::read(&first).expect("read");
        let failure = sign(&first, &eve.0, None).expect_err("refused");
        assert!(failure.expected.as_ref().is_some_and(|listed| listed.contains("ana")), "{failure}");
        assert_eq!((failure.kind, std::fs::read(&first).expect("read")), (worker::Kind::Usage, before));

        let second = make_root(bundle.beside("2.json"), 1, &[&b], Some(&first));
        sign(&second, &eve.0, Some(&first)).expect_err("in neither version");
        sign(&second, &a.0, Some(&first)).expect("the one before lists it");
        let before = std::fs::read(&second).expect("read");
        for unlisted in [&eve, &a] {
            let failure = sign(&second, &unlisted.0, None).expect_err("the version before is not known");
            assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("--previous")), "{failure}");
        }
        assert_eq!(std::fs::read(&second).expect("read"), before);
    }

    #[test]
    fn a_version_of_another_file_is_not_the_next() {
        let bundle = Bundle::new();
        let a = bundle.chain_key("ana", KeyType::Ed25519);
        let (first, other) =
            (make_root(bundle.beside("1.json"), 1, &[&a], None), make_root(bundle.beside("o.json"), 1, &[&a], None));
        let second = make_root(bundle.beside("2.json"), 1, &[&a], Some(&first));
        verified(&second, Some(&first)).expect("the next");
        assert_eq!(verified(&second, Some(&other)).err().expect("refused").kind, worker::Kind::Check);

        // A file that was changed after it was signed cannot say who may sign the next version.
        sign(&first, &a.0, None).expect("signed");
        verified(&second, Some(&first)).expect("as it was signed");
        let text = std::fs::read_to_string(&first).expect("read").replace("\"ana\"", "\"eve\"");
        std::fs::write(&first, text).expect("written");
        assert!(verified(&second, Some(&first)).err().expect("refused").message.contains("not trusted"));
    }
}
