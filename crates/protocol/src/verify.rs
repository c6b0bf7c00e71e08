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
    Assemble(AssembleRequest),
    Sign(SignRequest),
    Verify(VerifyRequest),
    Message(MessageRequest),
    InitRoot(InitRootRequest),
    SignRoot(SignRootRequest),
    VerifyRoot(VerifyRootRequest),
    Key(KeyRequest),
    /// Checks a key before it is needed.
    ExpectKey(KeyRequest),
}

/// A result of the evidence worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EvidenceResult {
    Assembled(Assembled),
    Signed(Box<Signed>),
    Verified(Box<Verification>),
    Message(Message),
    Root(RootSummary),
    Keys(PublicKeys),
    /// The key can sign.
    Expected,
}

/// A request to write a bundle's manifest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssembleRequest {
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
    #[serde(default)]
    pub versions: ToolVersions,
}

/// A runtime that an upgrade ships, before its blob is hashed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedRuntime {
    pub name: String,
    /// The blob's file in the bundle.
    pub file: String,
    #[serde(default)]
    pub package: Option<String>,
    #[serde(default)]
    pub spec_name: Option<String>,
    #[serde(default)]
    pub spec_version: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assembled {
    pub manifest: PathBuf,
    /// The sha256 of the payload. Two people who built the same upgrade compare it first.
    pub payload_sha256: String,
    pub verdict: Verdict,
    pub runtimes: Vec<RuntimeBlob>,
    pub steps: Vec<StepSummary>,
    pub subjects: Vec<SubjectFile>,
    /// The number of signatures kept from a previous manifest with the same payload.
    pub signatures_kept: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectFile {
    pub name: String,
    #[serde(flatten)]
    pub digests: Digests,
}

/// A request to add a signature to a bundle's manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    pub bundle: PathBuf,
    pub with: KeySource,
    /// The file of signers. It gives the number of missing signatures, and selects among an agent's
    /// keys.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// The directory with the files of signers that were accepted before.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signed {
    pub manifest: PathBuf,
    /// The sha256 of the signed payload.
    pub payload_sha256: String,
    pub steps: Vec<StepSummary>,
    pub key_id: String,
    /// The name of the signer in the file of signers. Null without a file, or if it does not list
    /// the key.
    pub signer: Option<String>,
    pub throw_away: bool,
    /// Whether a previous signature by this key was replaced.
    pub replaced: bool,
    #[serde(flatten)]
    pub agreement: SigningStatus,
    /// Whether no more signatures are needed.
    pub signed_off: bool,
    pub warnings: Vec<String>,
}

/// A request to write the bytes that are signed, to sign them with another program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    pub bundle: PathBuf,
    pub out: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The file with the bytes.
    pub message: PathBuf,
    /// In bytes.
    pub size: u64,
    pub sha256: String,
}

/// A request to verify a bundle.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    pub bundle: PathBuf,
    /// Passes if the bundle is signed off or, with `integrity_only`, if it is intact.
    pub verdict: Verdict,
    pub integrity_only: bool,
    /// Whether every file matches the manifest, and every step of an upgrade is included.
    pub integrity: bool,
    /// Whether the bundle is intact, all steps passed, and enough signers signed it.
    pub signed_off: bool,
    pub subjects: Vec<SubjectCheck>,
    pub steps: Vec<StepSummary>,
    #[serde(flatten)]
    pub agreement: SigningStatus,
    /// The statement in the manifest, which says how to rebuild. Trust it only if the bundle is
    /// intact. Null if it cannot be read.
    pub predicate: Option<Predicate>,
    /// The result of rebuilding the blobs. Null if that was not requested.
    pub rebuilt: Option<RebuiltBundle>,
    pub warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A file of the bundle, or a missing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectCheck {
    pub name: String,
    pub ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digest found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The digest found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake2_256: Option<String>,
}

/// The signatures of a bundle, counted under a file of signers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningStatus {
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
    pub root: RootUsed,
}

/// The file of signers that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootUsed {
    pub source: RootSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// An identifier that all versions of one file share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// The last day on which the file is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    /// The number of people that the file lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signers: Option<usize>,
    /// Whether the file's own signers signed it, as many as its threshold requires.
    pub agreed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootSource {
    File,
    #[default]
    None,
}

/// The blobs of a bundle, rebuilt from the commit that it states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltBundle {
    /// Whether all blobs are identical.
    pub same: bool,
    pub runtimes: Vec<RebuiltRuntime>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltRuntime {
    pub name: String,
    /// What the build gave.
    pub blake2_256: String,
    #[serde(flatten)]
    pub build: Rebuilt,
}
