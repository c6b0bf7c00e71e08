// SPDX-License-Identifier: Apache-2.0
//! Checks a bundle that came from anywhere: its files, its steps, its signatures, and whether enough signers agreed.

use crate::{
    MANIFEST, bundle,
    digest::Digests,
    envelope::Manifest,
    keys::{self, Checked, KeyType},
    root::Root,
    statement::{Predicate, SubjectDigest, check_blobs},
    step::{self, Step, Verdict},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};
use worker::{Kind, Outcome, Reporter, Result};

#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    pub bundle: PathBuf,
    /// Whether everything below is well.
    pub verdict: Verdict,
    pub subjects: Vec<SubjectCheck>,
    pub signatures: Vec<SignatureCheck>,
    /// How many distinct signers it takes; unknown without a root.
    pub threshold: Option<u32>,
    /// Whether that many of the root's signers signed.
    pub satisfied: bool,
    pub root: RootUsed,
    /// What the manifest states, to rebuild by. Only worth something if the rest is well.
    pub predicate: Option<Predicate>,
    /// Filled in by whoever rebuilds.
    pub rebuilt: Option<serde_json::Value>,
    pub warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A file of the bundle, or one that should be there.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectCheck {
    pub name: String,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digests found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake2_256: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SignatureCheck {
    /// The name that the root gives to the key.
    pub signer: Option<String>,
    pub key_type: Option<KeyType>,
    pub key_id: String,
    /// Whether the key made this signature of this manifest.
    pub valid: bool,
    /// Whether it counts towards the threshold.
    pub counted: bool,
    pub throw_away: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RootUsed {
    pub source: RootSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RootSource {
    File,
    /// The key that the bundle brings along.
    ThrowAway,
    None,
}

/// Verifies a bundle. A bundle that fails is an outcome; a bundle that is not there is an error.
pub fn verify(bundle: &Path, root: Option<&Path>, reporter: &Reporter) -> Result<Outcome<Verification>> {
    let given = root.map(Root::read).transpose()?;
    let path = bundle.join(MANIFEST);
    let (subjects, signatures, predicate) = match Manifest::read(&path) {
        Ok(manifest) => {
            let message = manifest.signed_bytes();
            let signatures = manifest.envelope.signatures.iter().map(|one| keys::check(one, &message)).collect();
            (check_files(bundle, &manifest, reporter)?, signatures, Some(manifest.statement.predicate))
        }
        // A manifest that is there and is none was damaged: that is a finding, not a mistake of who runs this.
        Err(failure) if failure.kind == Kind::Input && std::fs::symlink_metadata(&path).is_ok() => {
            (vec![SubjectCheck::wrong(MANIFEST, failure.to_string())], Vec::new(), None)
        }
        Err(failure) => return Err(failure),
    };
    let used = given.or_else(|| Root::of_throw_away(&signatures));
    let verification = conclude(bundle, root, used.as_ref(), subjects, &signatures, predicate);
    Ok(Outcome { passed: verification.verdict == Verdict::Passed, value: verification })
}

fn conclude(
    bundle: &Path,
    path: Option<&Path>,
    root: Option<&Root>,
    mut subjects: Vec<SubjectCheck>,
    signatures: &[Checked],
    predicate: Option<Predicate>,
) -> Verification {
    let now = SystemTime::now();
    let (checks, satisfied) = count(signatures, root, now);
    let mut warnings = Vec::new();
    let mut hint = None;
    if let Some(broken) = checks.iter().find(|signature| !signature.valid) {
        // Whatever the threshold: somebody changed the manifest or put a signature there that is none.
        let reason = format!("its signature {} {}", broken.key_id, broken.reason.as_deref().unwrap_or("is not valid"));
        accuse(&mut subjects, MANIFEST, reason);
    }
    match root {
        Some(root) if root.is_throw_away() => warnings.push(
            "signed with a throw-away key: this shows that the bundle is undamaged, and nothing about who signed it"
                .into(),
        ),
        Some(root) if root.expired(now) => {
            warnings.push(format!("the root expired on {}", root.file.expires.as_deref().unwrap_or_default()));
            hint = Some("use the newest signers.json of the repository".into());
        }
        Some(_) if !satisfied && signatures.is_empty() => hint = Some("cargo xtask sign BUNDLE".into()),
        Some(_) if !satisfied => hint = Some("more of the root's signers must sign: cargo xtask sign BUNDLE".into()),
        Some(_) => {}
        None if signatures.is_empty() => hint = Some("nobody signed it: cargo xtask sign BUNDLE".into()),
        None => hint = Some("name the file that says whose signatures count: --root signers.json".into()),
    }
    let stated = predicate.as_ref().map(|predicate| predicate.verdict);
    if stated == Some(Verdict::Failed) {
        warnings.push("the manifest itself states that a step failed".into());
    }
    let passed = satisfied && stated == Some(Verdict::Passed) && subjects.iter().all(|subject| subject.ok);
    Verification {
        bundle: bundle.to_path_buf(),
        verdict: if passed { Verdict::Passed } else { Verdict::Failed },
        subjects,
        signatures: checks,
        threshold: root.map(|root| root.file.threshold),
        satisfied,
        root: RootUsed {
            source: match root {
                Some(root) if root.is_throw_away() => RootSource::ThrowAway,
                Some(_) => RootSource::File,
                None => RootSource::None,
            },
            path: path.map(Path::to_path_buf),
            version: root.filter(|root| !root.is_throw_away()).map(|root| root.file.version),
            expires: root.and_then(|root| root.file.expires.clone()),
        },
        predicate,
        rebuilt: None,
        warnings,
        hint,
    }
}

/// Each signature with what the root makes of it, and whether the threshold is met.
pub fn count(signatures: &[Checked], root: Option<&Root>, now: SystemTime) -> (Vec<SignatureCheck>, bool) {
    let tally = root.map(|root| root.tally(signatures, now));
    let check = |(index, signature): (usize, &Checked)| {
        let (signer, reason) = match &tally {
            Some(tally) => tally.each.get(index).cloned().unwrap_or_default(),
            None => (None, signature.wrong.clone().or_else(|| Some("no root says whether it counts".into()))),
        };
        SignatureCheck {
            signer,
            key_type: signature.key.as_ref().map(keys::PublicKey::key_type),
            key_id: signature.key_id.clone(),
            valid: signature.is_valid(),
            counted: signature.is_valid() && reason.is_none(),
            throw_away: signature.throw_away,
            reason,
        }
    };
    let checks = signatures.iter().enumerate().map(check).collect();
    (checks, tally.is_some_and(|tally| tally.satisfied))
}

impl SubjectCheck {
    fn wrong(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, reason: Some(reason.into()), sha256: None, blake2_256: None }
    }
}

fn accuse(subjects: &mut Vec<SubjectCheck>, name: &str, reason: String) {
    match subjects.iter_mut().find(|subject| subject.name == name) {
        Some(subject) if subject.ok => {
            subject.ok = false;
            subject.reason = Some(reason);
        }
        Some(_) => {}
        None => subjects.push(SubjectCheck::wrong(name, reason)),
    }
}

/// Compares the files that are there with the manifest, both ways, and what the steps say with what the manifest says
/// they say.
pub fn check_files(bundle: &Path, manifest: &Manifest, reporter: &Reporter) -> Result<Vec<SubjectCheck>> {
    let mut listing = bundle::list(bundle)?;
    let mut checks =
        vec![SubjectCheck { name: MANIFEST.into(), ok: true, reason: None, sha256: None, blake2_256: None }];
    let mut found = BTreeMap::new();
    let total = manifest.statement.subject.len() as u64;
    for subject in &manifest.statement.subject {
        reporter.progress("checking the files", checks.len() as u64, Some(total), "files");
        let Some(path) = listing.files.remove(&subject.name) else {
            let reason = listing.refused.remove(&subject.name).unwrap_or("is missing");
            checks.push(SubjectCheck::wrong(&subject.name, reason));
            continue;
        };
        match Digests::of_file(&path) {
            Ok(digests) => {
                let ok = SubjectDigest::from(&digests) == subject.digest;
                checks.push(SubjectCheck {
                    name: subject.name.clone(),
                    ok,
                    reason: (!ok).then(|| format!("was changed: the manifest has sha256 {}", subject.digest.sha256)),
                    sha256: Some(digests.sha256.clone()),
                    blake2_256: Some(digests.blake2_256.clone()),
                });
                found.insert(subject.name.clone(), (path, digests));
            }
            Err(failure) => checks.push(SubjectCheck::wrong(&subject.name, failure.to_string())),
        }
    }
    checks.extend(listing.files.keys().map(|name| SubjectCheck::wrong(name, "is not in the manifest")));
    checks.extend(listing.refused.iter().map(|(name, reason)| SubjectCheck::wrong(name, *reason)));
    // With damaged files there is nothing to compare the statements with.
    if checks.iter().all(|check| check.ok)
        && let Err((name, reason)) = check_statements(&manifest.statement.predicate, &found)
    {
        accuse(&mut checks, &name, reason);
    }
    Ok(checks)
}

type Found = BTreeMap<String, (PathBuf, Digests)>;

/// A manifest that somebody signed may still have been joined carelessly.
fn check_statements(predicate: &Predicate, found: &Found) -> std::result::Result<(), (String, String)> {
    let mut steps = BTreeMap::new();
    for summary in &predicate.steps {
        let wrong = |reason: String| (summary.file.clone(), reason);
        let (path, _) =
            found.get(&summary.file).ok_or_else(|| wrong("is stated as a step and is no subject".into()))?;
        let read = worker::read_bounded(path, step::SIZE_LIMIT).map_err(|failure| wrong(failure.to_string()))?;
        let step = Step::parse(&read, &summary.file).map_err(|failure| wrong(failure.to_string()))?;
        let digest = step::digest(&read).map_err(|failure| wrong(failure.to_string()))?;
        if (step.verdict, &step.runtime, &digest) != (summary.verdict, &summary.runtime, &summary.digest) {
            return Err(wrong("says something else than the manifest says it does".into()));
        }
        steps.insert(summary.file.clone(), step);
    }
    for runtime in &predicate.runtimes {
        let digests = found.get(&runtime.file).map(|(_, digests)| digests);
        let fits = |digests: &Digests| digests.blake2_256 == runtime.blake2_256 && digests.sha256 == runtime.sha256;
        if !digests.is_some_and(fits) {
            return Err((
                runtime.file.clone(),
                format!("is not the blob of {} that the manifest states", runtime.name),
            ));
        }
    }
    if predicate.verdict == Verdict::Passed && predicate.steps.iter().any(|step| step.verdict == Verdict::Failed) {
        return Err((MANIFEST.into(), "states that all is well although a step failed".into()));
    }
    check_blobs(&steps, &predicate.runtimes).map_err(|failure| (MANIFEST.into(), failure.to_string()))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
