// SPDX-License-Identifier: Apache-2.0
//! Verifies a bundle: its files, its steps, its signatures, and whether enough signers agreed.

use crate::{
    MANIFEST, bundle,
    envelope::Manifest,
    integrity::{check_files, fail_subject, failed_subject},
    keys::{self, CheckedSignature},
    root::Root,
    trust::Trusted,
};
use protocol::{
    Verdict,
    manifest::Predicate,
    signers::SignatureCheck,
    verify::{RootSource, RootUsed, SigningStatus, SubjectCheck, Verification, VerifyRequest},
};
use std::path::Path;
use worker::{Kind, Outcome, Reporter, Result};

/// Verifies a bundle. A bundle that does not pass is a result, not an error. Errors are a missing
/// bundle and a file of signers that is not trusted.
pub fn verify(request: &VerifyRequest, reporter: &Reporter) -> Result<Outcome<Verification>> {
    let trusted = Trusted::read_and_record(request.root.as_deref(), request.accepted.as_deref(), reporter)?;
    let path = bundle::manifest(&request.bundle)?;
    let (subjects, signatures, predicate) = match Manifest::read(&path) {
        Ok(manifest) => {
            let message = manifest.signed_bytes();
            let signatures = manifest.envelope.signatures.iter().map(|one| keys::check(one, &message)).collect();
            (check_files(&request.bundle, &manifest, reporter)?, signatures, Some(manifest.statement.predicate))
        }
        // A manifest that exists but does not parse was damaged. That is a finding, not a usage
        // error.
        Err(failure) if failure.kind == Kind::Input && std::fs::symlink_metadata(&path).is_ok() => {
            (vec![failed_subject(MANIFEST, failure.to_string())], Vec::new(), None)
        }
        Err(failure) => return Err(failure),
    };
    let agreement = agreement(&signatures, trusted.as_ref());
    let verification = conclude(request, trusted.as_ref(), subjects, agreement, predicate);
    Ok(Outcome { passed: verification.verdict == Verdict::Pass, value: verification })
}

fn conclude(
    request: &VerifyRequest,
    trusted: Option<&Trusted>,
    mut subjects: Vec<SubjectCheck>,
    agreement: SigningStatus,
    predicate: Option<Predicate>,
) -> Verification {
    let mut warnings = trusted.map(|trusted| trusted.warnings.clone()).unwrap_or_default();
    for invalid in agreement.signatures.iter().filter(|signature| !signature.valid) {
        let reason =
            format!("its signature {} {}", invalid.key_id, invalid.reason.as_deref().unwrap_or("is not valid"));
        // Anyone can add a signature. If enough signers have signed, only an invalid signature that
        // names a signer counts against the bundle.
        match agreement.satisfied && invalid.signer.is_none() {
            true => warnings.push(format!("{MANIFEST}: {reason}; its key is not listed in the file of signers")),
            false => fail_subject(&mut subjects, MANIFEST, reason),
        }
    }
    if trusted.is_none() && agreement.signatures.iter().any(|signature| signature.throw_away) {
        warnings.push(
            "signed with a throw-away key: this shows that the bundle did not change since, but not who signed it"
                .into(),
        );
    }
    let stated = predicate.as_ref().map(|predicate| predicate.verdict);
    if stated.is_some_and(|stated| !stated.passed()) {
        warnings.push("the manifest itself states that a step failed".into());
    }
    let integrity = subjects.iter().all(|subject| subject.ok);
    let undamaged = integrity && stated.is_some_and(Verdict::passed);
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
        hint: (undamaged && !passed).then(|| hint(&agreement, &request.bundle)),
        agreement,
        predicate,
        rebuilt: None,
        warnings,
    }
}

/// Returns which signatures count under the file of signers, if there is one.
pub fn agreement(signatures: &[CheckedSignature], trusted: Option<&Trusted>) -> SigningStatus {
    let Some(trusted) = trusted else {
        let without_root = || Some("cannot be counted: no file of signers was named".to_owned());
        let check =
            |one: &CheckedSignature| signature_check(one, None, one.invalid_reason.clone().or_else(without_root));
        return SigningStatus { signatures: signatures.iter().map(check).collect(), ..SigningStatus::default() };
    };
    let file = &trusted.root.file;
    let count = count(signatures, &trusted.root, !trusted.expired);
    SigningStatus {
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

/// Returns a hint for missing signatures.
fn hint(agreement: &SigningStatus, bundle: &Path) -> String {
    let bundle = bundle.display();
    let root = agreement.root.path.as_ref().map(|root| format!(" --root {}", root.display())).unwrap_or_default();
    let sign = format!("cargo xtask sign {bundle} --with KEY{root}");
    match agreement.needed {
        None if agreement.signatures.is_empty() => {
            format!(
                "it is not signed: {sign}; to check only whether it is undamaged: cargo xtask verify {bundle} --integrity-only"
            )
        }
        None => format!(
            "name the file of signers: --root signers.json; \
             to check only whether it is undamaged: cargo xtask verify {bundle} --integrity-only"
        ),
        Some(_) if agreement.root.expired => {
            let path = agreement.root.path.clone().unwrap_or_default();
            format!(
                "take the newest version of the file of signers, or make it and have the signers of this one sign it: \
                 cargo xtask signers init NEXT --previous {}",
                path.display()
            )
        }
        Some(needed) => {
            let missing = agreement.describe_missing().unwrap_or_default();
            format!("{} of {needed} counted; {missing}: {sign}", agreement.counted)
        }
    }
}

fn signature_check(signature: &CheckedSignature, signer: Option<String>, reason: Option<String>) -> SignatureCheck {
    SignatureCheck {
        signer,
        key_type: signature.key.as_ref().map(keys::PublicKey::key_type),
        key_id: signature.key_id.clone(),
        valid: signature.is_valid(),
        counted: signature.is_valid() && reason.is_none(),
        throw_away: signature.throw_away,
        reason,
    }
}

/// The signatures of a file, counted under a file of signers.
pub struct CountedSignatures {
    /// All signatures of the file, each with its signer and whether it counts.
    pub signatures: Vec<SignatureCheck>,
    /// The number of people whose signatures are counted.
    pub counted: u32,
    /// The names of the signers who can still sign. Empty if the threshold is met.
    pub missing: Vec<String>,
    /// Whether the threshold is met.
    pub satisfied: bool,
}

/// Counts signatures under a file of signers, and compares the count with the threshold.
pub fn count(signatures: &[CheckedSignature], root: &Root, unexpired: bool) -> CountedSignatures {
    let tally = root.tally(signatures, unexpired);
    let pairs = signatures.iter().zip(tally.each);
    CountedSignatures {
        signatures: pairs.map(|(one, (signer, reason))| signature_check(one, signer, reason)).collect(),
        counted: tally.counted,
        missing: tally.missing,
        satisfied: tally.satisfied,
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
