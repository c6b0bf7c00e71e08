// SPDX-License-Identifier: Apache-2.0
//! Making a root, and replacing it: a new version holds once both the old and the new signers agreed to it in the numbers
//! that their own thresholds ask for. So no threshold can be talked down by fewer people than it takes to sign an upgrade.

use crate::{
    canonical,
    envelope::{add, signed_bytes},
    keys::{Checked, check},
    root::{FORMAT, Root, RootFile, SignerEntry},
    sign::{With, make},
    step::Verdict,
    trust::signatures_of,
    verify::{SignatureCheck, count},
};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};
use worker::{Failure, Outcome, Result};

pub const PAYLOAD: &str = "application/vnd.cutover.signers+json";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitRoot {
    pub path: PathBuf,
    pub threshold: u32,
    pub signers: Vec<SignerEntry>,
    #[serde(default)]
    pub expires: Option<String>,
    /// The version that this one replaces.
    #[serde(default)]
    pub previous: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RootSummary {
    pub root: PathBuf,
    pub version: u64,
    pub threshold: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    /// How many people it lists.
    pub signers: usize,
    /// Signatures under the new signers and, if there was one, under the version before.
    pub signatures: Vec<SignatureCheck>,
    pub signatures_of_previous: Vec<SignatureCheck>,
    pub satisfied: bool,
    pub satisfied_by_previous: Option<bool>,
    pub verdict: Verdict,
    pub warnings: Vec<String>,
}

/// Writes a root file, after checking that it makes sense.
pub fn init(request: &InitRoot) -> Result<RootSummary> {
    let previous = request.previous.as_deref().map(Root::read).transpose()?;
    if request.path.exists() {
        return Err(Failure::usage(format!("{} exists already", request.path.display()))
            .hint("write the new version to another file, have it signed, then put it in the old one's place"));
    }
    let file = RootFile {
        format: FORMAT.into(),
        version: previous.map_or(1, |previous| previous.file.version + 1),
        threshold: request.threshold,
        expires: request.expires.clone(),
        lineage: None,
        signers: request.signers.clone(),
        signatures: Vec::new(),
    };
    let root = Root::new(file)?;
    write(&request.path, &root.file)?;
    Ok(summary(&request.path, &root, None)?.value)
}

/// Adds a signature to a root file.
pub fn sign(path: &Path, with: &With) -> Result<RootSummary> {
    if matches!(with, With::ThrowAway) {
        return Err(Failure::usage("a root is not signed with a throw-away key").found("--throw-away"));
    }
    let mut root = Root::read(path)?;
    let message = message(&root)?;
    let signature = make(with, &message, Some(&root))?;
    if let Some(wrong) = check(&signature, &message).wrong {
        return Err(Failure::input(format!("the signature {} {wrong}", signature.keyid)));
    }
    add(&mut root.file.signatures, signature);
    write(path, &root.file)?;
    Ok(summary(path, &root, None)?.value)
}

/// Checks that a root was agreed to by its own signers and by those of the version before it.
pub fn verify(path: &Path, previous: Option<&Path>) -> Result<Outcome<RootSummary>> {
    let root = Root::read(path)?;
    let previous = previous.map(Root::read).transpose()?;
    if let Some(previous) = &previous
        && root.file.version != previous.file.version + 1
    {
        return Err(Failure::check(format!("{} is not the next version of the root", path.display()))
            .found(format!("version {}", root.file.version))
            .expected(format!("version {}", previous.file.version + 1)));
    }
    summary(path, &root, previous.as_ref())
}

/// What is signed: everything but the signatures, in canonical JSON.
pub fn message(root: &Root) -> Result<Vec<u8>> {
    let mut file = root.file.clone();
    file.signatures.clear();
    let value = serde_json::to_value(&file)
        .map_err(|error| Failure::internal("a root cannot be written").found(error.to_string()))?;
    Ok(signed_bytes(PAYLOAD, &canonical::to_bytes(&value)?))
}

fn summary(path: &Path, root: &Root, previous: Option<&Root>) -> Result<Outcome<RootSummary>> {
    let checked = signatures_of(root)?;
    let expired = root.expired(SystemTime::now());
    let own = count(&checked, root, !expired);
    // A version that expired can still be replaced by those it lists, or nobody ever could.
    let old = previous.map(|previous| count(&checked, previous, true));
    let satisfied_by_previous = old.as_ref().map(|old| old.satisfied);
    let valid = checked.iter().all(Checked::is_valid);
    let passed = valid && own.satisfied && satisfied_by_previous.unwrap_or(true);
    let mut warnings = Vec::new();
    if let (true, Some(date)) = (expired, &root.file.expires) {
        warnings.push(format!("it expired on {date}: no signature counts under it"));
    }
    let value = RootSummary {
        root: path.to_path_buf(),
        version: root.file.version,
        threshold: root.file.threshold,
        expires: root.file.expires.clone(),
        expired,
        signers: root.people(),
        signatures: own.signatures,
        signatures_of_previous: old.map(|old| old.signatures).unwrap_or_default(),
        satisfied: own.satisfied,
        satisfied_by_previous,
        verdict: if passed { Verdict::Passed } else { Verdict::Failed },
        warnings,
    };
    Ok(Outcome { passed, value })
}

fn write(path: &Path, file: &RootFile) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(file)
        .map_err(|error| Failure::internal("a root cannot be written").found(error.to_string()))?;
    text.push(b'\n');
    worker::write_whole(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::KeyType, testing::Bundle};

    type Key = (With, (&'static str, KeyType, String));

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
        init(&InitRoot { path: path.clone(), threshold, signers: entries(keys), expires: None, previous })
            .expect("made");
        path
    }

    #[test]
    fn a_new_root_needs_the_old_and_the_new_threshold() {
        let bundle = Bundle::new();
        let [a, b, c, d] = ["ana", "ben", "cas", "dee"].map(|name| bundle.chain_key(name, KeyType::Sr25519));
        let old = make_root(bundle.beside("1.json"), 2, &[&a, &b, &c], None);
        let new = make_root(bundle.beside("2.json"), 2, &[&c, &d], Some(&old));

        let agreed = |with: Option<&With>| {
            if let Some(with) = with {
                sign(&new, with).expect("signed");
            }
            let outcome = verify(&new, Some(&old)).expect("verified");
            (outcome.value.satisfied_by_previous, outcome.value.satisfied, outcome.passed)
        };
        assert_eq!(agreed(None), (Some(false), false, false));
        assert_eq!(agreed(Some(&d.0)), (Some(false), false, false));
        assert_eq!(agreed(Some(&d.0)), (Some(false), false, false), "signing twice counts once");
        assert_eq!(agreed(Some(&c.0)), (Some(false), true, false), "the new signers alone");
        assert_eq!(agreed(Some(&a.0)), (Some(true), true, true));
        assert!(verify(&new, None).expect("verified").passed);
    }

    #[test]
    fn a_changed_root_loses_its_signatures() {
        let bundle = Bundle::new();
        let [a, b] = ["ana", "ben"].map(|name| bundle.chain_key(name, KeyType::Ed25519));
        let path = make_root(bundle.beside("1.json"), 1, &[&a, &b], None);
        sign(&path, &a.0).expect("signed");
        assert!(verify(&path, None).expect("verified").passed);
        let text = std::fs::read_to_string(&path).expect("read").replace("\"ben\"", "\"eve\"");
        std::fs::write(&path, text).expect("written");
        assert!(!verify(&path, None).expect("verified").passed);
    }

    #[test]
    fn versions_follow_each_other() {
        let bundle = Bundle::new();
        let a = bundle.chain_key("ana", KeyType::Ed25519);
        let first = make_root(bundle.beside("1.json"), 1, &[&a], None);
        let second = make_root(bundle.beside("2.json"), 1, &[&a], Some(&first));
        let third = make_root(bundle.beside("3.json"), 1, &[&a], Some(&second));
        let failure = verify(&third, Some(&first)).err().expect("a version is missing");
        assert_eq!(failure.expected.as_deref(), Some("version 2"));
        let again = InitRoot { path: first, threshold: 1, signers: entries(&[&a]), expires: None, previous: None };
        assert_eq!(init(&again).expect_err("exists").kind, worker::Kind::Usage);
        assert_eq!(sign(&third, &With::ThrowAway).expect_err("refused").kind, worker::Kind::Usage);
    }
}
