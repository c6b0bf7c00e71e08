// SPDX-License-Identifier: Apache-2.0
//! Bundles: assembled, signed and verified.

use crate::{
    Verdict,
    manifest::{Digests, Predicate, RuntimeBlob, StepSummary, ToolVersions},
    rebuild::Rebuilt,
    signers::{
        InitRootRequest, KeyRequest, KeySource, PublicKeys, RootSummary, SignRootRequest, SignatureCheck,
        VerifyRootRequest,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to the evidence worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum EvidenceRequest {
    /// Writes a bundle's manifest.
    Assemble(AssembleRequest),
    /// Adds a signature to a bundle's manifest.
    Sign(SignRequest),
    /// Verifies a bundle.
    Verify(VerifyRequest),
    /// Writes the bytes that are signed.
    Message(MessageRequest),
    /// Writes a file of signers, or its next version.
    InitRoot(InitRootRequest),
    /// Adds a signature to a file of signers.
    SignRoot(SignRootRequest),
    /// Checks that a file of signers was agreed to.
    VerifyRoot(VerifyRootRequest),
    /// Returns the public keys of a key file.
    Key(KeyRequest),
    /// Checks a key before it is needed.
    ExpectKey(KeyRequest),
}

/// A result of the evidence worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EvidenceResult {
    /// The manifest was written.
    Assembled(Assembled),
    /// The signature was added.
    Signed(Box<Signed>),
    /// The bundle was verified, with any verdict.
    Verified(Box<Verification>),
    /// The bytes were written.
    Message(Message),
    /// The facts about a file of signers that was written, signed or verified.
    Root(RootSummary),
    /// The public keys of a key file.
    Keys(PublicKeys),
    /// The key can sign.
    Expected,
}

/// A request to write a bundle's manifest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssembleRequest {
    /// The directory of the bundle.
    pub bundle: PathBuf,
    /// The required steps: `dry-run` for `dry-run.json`, `relay/dry-run` for a step in a directory.
    pub steps: Vec<String>,
    /// The other files, by name. A name that ends in `/` means all files below it. Outputs of the
    /// steps need not be listed.
    #[serde(default)]
    pub files: Vec<String>,
    /// The runtimes that ship. If there are none, they are found by the blobs that the steps name.
    #[serde(default)]
    pub runtimes: Vec<ShippedRuntime>,
    /// The versions of the tools, for the manifest.
    #[serde(default)]
    pub versions: ToolVersions,
}

/// A runtime that an upgrade ships, before its blob is hashed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedRuntime {
    /// The name of the runtime in the workspace.
    pub name: String,
    /// The blob's file in the bundle.
    pub file: String,
    /// The Cargo package that it is built from.
    #[serde(default)]
    pub package: Option<String>,
    /// The spec_name of the runtime.
    #[serde(default)]
    pub spec_name: Option<String>,
    /// The spec_version of the runtime.
    #[serde(default)]
    pub spec_version: Option<u32>,
}

/// The result of writing a bundle's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assembled {
    /// The path of the manifest, `manifest.json` in the bundle.
    pub manifest: PathBuf,
    /// The SHA-256 hash of the payload: `0x` and hex digits. Two people who built the same upgrade
    /// compare it first.
    pub payload_sha256: String,
    /// `fail` if a step failed, `not_judged` if a step was not judged, else `pass`.
    pub verdict: Verdict,
    /// The runtimes that ship.
    pub runtimes: Vec<RuntimeBlob>,
    /// The steps, in the order of the request.
    pub steps: Vec<StepSummary>,
    /// The files of the bundle but the manifest, sorted by name.
    pub subjects: Vec<SubjectFile>,
    /// The number of signatures kept from a previous manifest with the same payload.
    pub signatures_kept: usize,
}

/// A file of a bundle, with its hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectFile {
    /// The path of the file in the bundle.
    pub name: String,
    /// The size and the hashes of the file.
    #[serde(flatten)]
    pub digests: Digests,
}

/// A request to add a signature to a bundle's manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    /// The directory of the bundle.
    pub bundle: PathBuf,
    /// The key to sign with.
    pub with: KeySource,
    /// The file of signers. It gives the number of missing signatures, and selects among an agent's
    /// keys.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// The directory with the files of signers that were accepted before.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
}

/// The result of adding a signature to a bundle's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signed {
    /// The path of the manifest.
    pub manifest: PathBuf,
    /// The SHA-256 hash of the signed payload: `0x` and hex digits.
    pub payload_sha256: String,
    /// The steps of the bundle, as the manifest states them.
    pub steps: Vec<StepSummary>,
    /// The statement that was signed: the runtimes, the source, the steps.
    pub predicate: Predicate,
    /// The key id of the signature: `ssh:SHA256:…`, `ed25519:0x…`, `sr25519:0x…` or
    /// `throw-away:ed25519:0x…`.
    pub key_id: String,
    /// The name of the signer in the file of signers. Null without a file, or if it does not list
    /// the key.
    pub signer: Option<String>,
    /// Whether the key was an ephemeral one, which never counts.
    pub throw_away: bool,
    /// Whether a previous signature by this key was replaced.
    pub replaced: bool,
    /// All signatures of the manifest, counted under the file of signers.
    #[serde(flatten)]
    pub agreement: SigningStatus,
    /// Whether no more signatures are needed.
    pub signed_off: bool,
    /// The hazards, such as a signature that does not count.
    pub warnings: Vec<String>,
}

/// A request to write the bytes that are signed, to sign them with another program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// The directory of the bundle.
    pub bundle: PathBuf,
    /// The path of the file to write.
    pub out: PathBuf,
}

/// The result of writing the bytes that are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The path of the file with the bytes.
    pub message: PathBuf,
    /// The size of the file, in bytes.
    pub size: u64,
    /// The SHA-256 hash of the file: `0x` and hex digits.
    pub sha256: String,
}

/// A request to verify a bundle.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// The directory of the bundle.
    pub bundle: PathBuf,
    /// The file of signers.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// The directory with the files of signers that were accepted before.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
    /// Whether to check only the integrity of the bundle, not whether it is signed off.
    #[serde(default)]
    pub integrity_only: bool,
}

/// The result of verifying a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// The directory of the bundle, as it was named.
    pub bundle: PathBuf,
    /// Passes if the bundle is signed off or, with `integrity_only`, if it is intact.
    pub verdict: Verdict,
    /// Whether only the integrity was requested to be checked.
    pub integrity_only: bool,
    /// Whether every file matches the manifest, and every step of an upgrade is included.
    pub integrity: bool,
    /// Whether the bundle is intact, all steps passed, and enough signers signed it.
    pub signed_off: bool,
    /// The manifest and the other files of the bundle, each with the result of its check.
    pub subjects: Vec<SubjectCheck>,
    /// The steps, as the manifest states them. Empty if it cannot be read.
    pub steps: Vec<StepSummary>,
    /// The signatures of the manifest, counted under the file of signers.
    #[serde(flatten)]
    pub agreement: SigningStatus,
    /// The statement in the manifest, which says how to rebuild. Trust it only if the bundle is
    /// intact. Null if it cannot be read.
    pub predicate: Option<Predicate>,
    /// The result of rebuilding the blobs. Null if that was not requested.
    pub rebuilt: Option<RebuiltBundle>,
    /// Further facts that a person must know, such as a step that the manifest states as failed.
    pub warnings: Vec<String>,
    /// What to do next, if the bundle is intact but not signed off. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A file of the bundle, or a missing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectCheck {
    /// The path of the file in the bundle.
    pub name: String,
    /// Whether the file is present, is listed and matches the manifest.
    pub ok: bool,
    /// Why it does not match, as the end of a sentence about the file: `is missing`. Absent if it
    /// matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The SHA-256 hash of the file found: `0x` and hex digits. Absent if the file was not hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The BLAKE2-256 hash of the file found, in the same form. Absent if the file was not hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake2_256: Option<String>,
}

/// The signatures of a bundle, counted under a file of signers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningStatus {
    /// The signatures of the manifest. Without a file of signers none is counted.
    pub signatures: Vec<SignatureCheck>,
    /// The number of people who must sign. Null without a file of signers.
    pub threshold: Option<u32>,
    /// The same number as `threshold`, to compare with `counted`.
    pub needed: Option<u32>,
    /// The number of people whose signatures are counted.
    pub counted: u32,
    /// The names of the signers who can still sign. Empty if the threshold is met.
    pub missing: Vec<String>,
    /// Whether the threshold is met.
    pub satisfied: bool,
    /// The file of signers that was used.
    pub root: RootUsed,
}

impl SigningStatus {
    /// Returns who is missing, such as `2 of ana, ben, dan are missing`. `None` if the threshold is
    /// met or not known.
    pub fn describe_missing(&self) -> Option<String> {
        missing_signers(self.needed?, self.counted, &self.missing)
    }
}

/// Returns which of the signers who can still sign are missing. `None` if there are enough.
pub fn missing_signers(needed: u32, counted: u32, names: &[String]) -> Option<String> {
    let missing = needed.checked_sub(counted).filter(|missing| *missing > 0)? as usize;
    Some(match names {
        [] => format!("{missing} more must sign"),
        [one] => format!("{one} is missing"),
        _ if missing == names.len() => format!("{} are missing", names.join(" and ")),
        _ if missing == 1 => format!("1 of {} is missing", names.join(", ")),
        _ => format!("{missing} of {} are missing", names.join(", ")),
    })
}

/// The file of signers that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootUsed {
    /// Whether a file of signers was named.
    pub source: RootSource,
    /// The path of the file. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The version of the file. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// An identifier that all versions of one file share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// The last day (UTC) on which the file is valid: `2027-06-30`. Absent if it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whether this day is past. No signature is counted then.
    pub expired: bool,
    /// The number of people that the file lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signers: Option<usize>,
    /// Whether the file's own signers signed it, as many as its threshold requires.
    pub agreed: bool,
}

/// The source of the list of signers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootSource {
    /// A file of signers.
    File,
    /// No file was named.
    #[default]
    None,
}

/// The blobs of a bundle, rebuilt from the commit that it states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltBundle {
    /// Whether all blobs are identical.
    pub same: bool,
    /// The runtimes that were rebuilt.
    pub runtimes: Vec<RebuiltRuntime>,
}

/// A runtime of a bundle that was rebuilt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltRuntime {
    /// The name of the runtime in the manifest.
    pub name: String,
    /// The BLAKE2-256 hash of the rebuilt blob: `0x` and hex digits.
    pub blake2_256: String,
    /// The build and its comparison with the blob of the bundle.
    #[serde(flatten)]
    pub build: Rebuilt,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_missing_signers_is_named() {
        let missing = |needed, counted, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            missing_signers(needed, counted, &names)
        };
        assert_eq!(missing(2, 0, &["ana", "ben", "dan"]).as_deref(), Some("2 of ana, ben, dan are missing"));
        assert_eq!(missing(2, 1, &["ana", "ben"]).as_deref(), Some("1 of ana, ben is missing"));
        assert_eq!(missing(2, 0, &["ana", "ben"]).as_deref(), Some("ana and ben are missing"));
        assert_eq!(missing(2, 1, &["ben"]).as_deref(), Some("ben is missing"));
        assert_eq!(missing(2, 2, &[]), None);
        assert_eq!(SigningStatus::default().describe_missing(), None, "without a file of signers nobody knows");
    }
}
