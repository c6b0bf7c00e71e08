// SPDX-License-Identifier: Apache-2.0
//! Checks a bundle that came from anywhere: its files, its steps, its signatures, and whether enough signers agreed.

use crate::{
    MANIFEST, bundle,
    envelope::Manifest,
    integrity::{SubjectCheck, accuse, check_files},
    keys::{self, Checked, KeyType},
    root::Root,
    statement::{Predicate, StepSummary},
    trust::Trusted,
};
use protocol::Verdict;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use worker::{Kind, Outcome, Reporter, Result};

/// What is to be checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    pub bundle: PathBuf,
    /// The file that says whose signatures count.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// Where the files of signers that were accepted before are remembered.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
    /// Ask only whether the bundle is undamaged, not whether it is signed off.
    #[serde(default)]
    pub integrity_only: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    pub bundle: PathBuf,
    /// Whether what was asked for holds: that it is signed off or, with `integrity_only`, that it is undamaged.
    pub verdict: Verdict,
    pub integrity_only: bool,
    /// Whether every file is what the manifest says, and every step of an upgrade is among them.
    pub integrity: bool,
    /// Whether enough signers of a file of signers signed this, undamaged and with every step well.
    pub signed_off: bool,
    pub subjects: Vec<SubjectCheck>,
    pub steps: Vec<StepSummary>,
    #[serde(flatten)]
    pub agreement: Agreement,
    /// What the manifest states, to rebuild by. Only worth something if the rest is well.
    pub predicate: Option<Predicate>,
    /// Filled in by whoever rebuilds.
    pub rebuilt: Option<serde_json::Value>,
    pub warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Who signed, and whether that is enough.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    pub signatures: Vec<SignatureCheck>,
    /// How many distinct signers it takes; unknown without a file of signers.
    pub threshold: Option<u32>,
    /// The same number, by the name it has beside `counted`.
    pub needed: Option<u32>,
    /// How many distinct signers signed.
    pub counted: u32,
    /// Who could still sign, where more are needed.
    pub missing: Vec<String>,
    /// Whether enough signed.
    pub satisfied: bool,
    pub root: RootUsed,
}

#[derive(Clone, Debug, Serialize)]
pub struct SignatureCheck {
    /// The name that the file of signers gives to the key.
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

/// The file of signers that was asked.
#[derive(Clone, Debug, Serialize)]
pub struct RootUsed {
    pub source: RootSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What stays the same from version to version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    /// How many people it lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signers: Option<usize>,
    /// Whether as many of them signed the file itself as it asks for.
    pub agreed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RootSource {
    File,
    None,
}

/// Verifies a bundle. A bundle that fails is an outcome; a bundle that is not there is an error, and so is a file of
/// signers that is not to be believed.
pub fn verify(request: &Verify, reporter: &Reporter) -> Result<Outcome<Verification>> {
    let trusted = Trusted::read_and_keep(request.root.as_deref(), request.accepted.as_deref(), reporter)?;
    let path = bundle::manifest(&request.bundle)?;
    let (subjects, signatures, predicate) = match Manifest::read(&path) {
        Ok(manifest) => {
            let message = manifest.signed_bytes();
            let signatures = manifest.envelope.signatures.iter().map(|one| keys::check(one, &message)).collect();
            (check_files(&request.bundle, &manifest, reporter)?, signatures, Some(manifest.statement.predicate))
        }
        // A manifest that is there and is none was damaged: that is a finding, not a mistake of who runs this.
        Err(failure) if failure.kind == Kind::Input && std::fs::symlink_metadata(&path).is_ok() => {
            (vec![SubjectCheck::wrong(MANIFEST, failure.to_string())], Vec::new(), None)
        }
        Err(failure) => return Err(failure),
    };
    let agreement = Agreement::of(&signatures, trusted.as_ref());
    let verification = conclude(request, trusted.as_ref(), subjects, agreement, predicate);
    Ok(Outcome { passed: verification.verdict == Verdict::Pass, value: verification })
}

fn conclude(
    request: &Verify,
    trusted: Option<&Trusted>,
    mut subjects: Vec<SubjectCheck>,
    agreement: Agreement,
    predicate: Option<Predicate>,
) -> Verification {
    let mut warnings = trusted.map(|trusted| trusted.warnings.clone()).unwrap_or_default();
    for broken in agreement.signatures.iter().filter(|signature| !signature.valid) {
        let reason = format!("its signature {} {}", broken.key_id, broken.reason.as_deref().unwrap_or("is not valid"));
        // Anyone can add a line. Where enough have signed, only one that claims to be a signer's is held against it.
        match agreement.satisfied && broken.signer.is_none() {
            true => warnings.push(format!("{MANIFEST}: {reason}; it is nobody's that the file of signers lists")),
            false => accuse(&mut subjects, MANIFEST, reason),
        }
    }
    if trusted.is_none() && agreement.signatures.iter().any(|signature| signature.throw_away) {
        warnings.push(
            "signed with a throw-away key: this shows that the bundle is undamaged since, and nothing about who signed it"
                .into(),
        );
    }
    let stated = predicate.as_ref().map(|predicate| predicate.verdict);
    if stated.is_some_and(|stated| stated != Verdict::Pass) {
        warnings.push("the manifest itself states that a step failed".into());
    }
    let integrity = subjects.iter().all(|subject| subject.ok);
    let undamaged = integrity && stated == Some(Verdict::Pass);
    let signed_off = undamaged && agreement.satisfied;
    let passed = if request.integrity_only { undamaged } else { signed_off };
    Verification {
        bundle: request.bundle.clone(),
        verdict: if passed { Verdict::Pass } else { Verdict::Fail },
        integrity_only: request.integrity_only,
        integrity,
        signed_off,
        subjects,
        steps: predicate.as_ref().map(|predicate| predicate.steps.clone()).unwrap_or_default(),
        hint: (undamaged && !passed).then(|| agreement.hint(&request.bundle)),
        agreement,
        predicate,
        rebuilt: None,
        warnings,
    }
}

impl Agreement {
    pub fn of(signatures: &[Checked], trusted: Option<&Trusted>) -> Self {
        let Some(trusted) = trusted else {
            let nobody_says = || Some("counts for nobody: no file of signers was named".to_owned());
            let check = |one: &Checked| SignatureCheck::new(one, None, one.wrong.clone().or_else(nobody_says));
            return Self {
                signatures: signatures.iter().map(check).collect(),
                threshold: None,
                needed: None,
                counted: 0,
                missing: Vec::new(),
                satisfied: false,
                root: RootUsed {
                    source: RootSource::None,
                    path: None,
                    version: None,
                    lineage: None,
                    expires: None,
                    expired: false,
                    signers: None,
                    agreed: false,
                },
            };
        };
        let file = &trusted.root.file;
        let count = count(signatures, &trusted.root, !trusted.expired);
        Self {
            signatures: count.signatures,
            threshold: Some(file.threshold),
            needed: Some(file.threshold),
            counted: count.counted,
            missing: count.missing,
            satisfied: count.satisfied,
            root: RootUsed {
                source: RootSource::File,
                path: Some(trusted.path.clone()),
                version: Some(file.version),
                lineage: trusted.root.lineage().ok().flatten(),
                expires: file.expires.clone(),
                expired: trusted.expired,
                signers: Some(trusted.root.people()),
                agreed: trusted.agreed,
            },
        }
    }

    /// What to do where they are not enough.
    pub fn hint(&self, bundle: &Path) -> String {
        let bundle = bundle.display();
        let sign = format!("cargo xtask sign {bundle} --with KEY");
        match self.needed {
            None if self.signatures.is_empty() => {
                format!(
                    "nobody signed it: {sign}; whether it is undamaged: cargo xtask verify {bundle} --integrity-only"
                )
            }
            None => format!(
                "name the file that says whose signatures count: --root signers.json; \
                 whether it is undamaged: cargo xtask verify {bundle} --integrity-only"
            ),
            Some(_) if self.root.expired => {
                let path = self.root.path.clone().unwrap_or_default();
                format!(
                    "take the newest version of the file of signers, or make it and have the signers of this one sign it: \
                     cargo xtask signers init NEXT --previous {}",
                    path.display()
                )
            }
            Some(needed) => {
                format!("{} of {needed} counted; {} is missing: {sign}", self.counted, self.missing.join(" or "))
            }
        }
    }
}

impl SignatureCheck {
    fn new(signature: &Checked, signer: Option<String>, reason: Option<String>) -> Self {
        Self {
            signer,
            key_type: signature.key.as_ref().map(keys::PublicKey::key_type),
            key_id: signature.key_id.clone(),
            valid: signature.is_valid(),
            counted: signature.is_valid() && reason.is_none(),
            throw_away: signature.throw_away,
            reason,
        }
    }
}

/// Signatures under a file of signers.
pub struct Count {
    pub signatures: Vec<SignatureCheck>,
    pub counted: u32,
    pub missing: Vec<String>,
    pub satisfied: bool,
}

/// Each signature with what the file of signers makes of it, and whether the threshold is met.
pub fn count(signatures: &[Checked], root: &Root, holds: bool) -> Count {
    let tally = root.tally(signatures, holds);
    let pairs = signatures.iter().zip(tally.each);
    Count {
        signatures: pairs.map(|(one, (signer, reason))| SignatureCheck::new(one, signer, reason)).collect(),
        counted: tally.counted,
        missing: tally.missing,
        satisfied: tally.satisfied,
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
