// SPDX-License-Identifier: Apache-2.0
//! Bundles: assembled, signed and verified.

use crate::{
    Verdict,
    manifest::{Digests, Predicate, RuntimeBlob, StepSummary, ToolVersions},
    rebuild::Rebuilt,
    signers::{
        InitRootRequest, KeyRequest, KeySource, KeyType, PublicKeys, RootSummary, SignRootRequest, VerifyRootRequest,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the worker of evidence can be asked.
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
    /// Look at a key that is to sign later.
    ExpectKey(KeyRequest),
}

/// What it answers with.
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

/// Write a bundle's manifest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssembleRequest {
    pub bundle: PathBuf,
    /// The steps that must be there: `dry-run` for `dry-run.json`, `relay/dry-run` for one in a directory.
    pub steps: Vec<String>,
    /// The other files, by name; a name that ends in `/` stands for all below it. What a step lists among its outputs need not
    /// stand here.
    #[serde(default)]
    pub files: Vec<String>,
    /// The runtimes that ship. Without them, they are found by the blobs that the steps name.
    #[serde(default)]
    pub runtimes: Vec<ShippedRuntime>,
    #[serde(default)]
    pub versions: ToolVersions,
}

/// A runtime that an upgrade ships, before its blob was hashed.
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
    /// What two people who built the same compare first.
    pub payload_sha256: String,
    pub verdict: Verdict,
    pub runtimes: Vec<RuntimeBlob>,
    pub steps: Vec<StepSummary>,
    pub subjects: Vec<SubjectFile>,
    /// Signatures of a former manifest that says the same.
    pub signatures_kept: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectFile {
    pub name: String,
    #[serde(flatten)]
    pub digests: Digests,
}

/// Add a signature to a bundle's manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    pub bundle: PathBuf,
    pub with: KeySource,
    /// The file of signers: to say how many signatures are still missing, and to choose among an agent's keys.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// Where the files of signers that were accepted before are remembered.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signed {
    pub manifest: PathBuf,
    /// Of what was signed.
    pub payload_sha256: String,
    pub steps: Vec<StepSummary>,
    pub key_id: String,
    /// The name that the file of signers gives to the key. Null where there is none, or it does not list the key.
    pub signer: Option<String>,
    pub throw_away: bool,
    /// Whether a former signature by this key was replaced.
    pub replaced: bool,
    #[serde(flatten)]
    pub agreement: Agreement,
    /// Whether no more signatures are needed.
    pub signed_off: bool,
    pub warnings: Vec<String>,
}

/// Write the bytes to sign elsewhere.
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

/// Check a bundle.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// What the manifest states, to rebuild by. Only worth something if the rest is well. Null where it cannot be read.
    pub predicate: Option<Predicate>,
    /// What came of building the blobs again. Null where that was not asked for.
    pub rebuilt: Option<RebuiltBundle>,
    pub warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A file of the bundle, or one that should be there.
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

/// Who signed, and whether that is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    pub signatures: Vec<SignatureCheck>,
    /// How many distinct signers it takes; null without a file of signers.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignatureCheck {
    /// The name that the file of signers gives to the key. Null where there is none, or it does not list the key.
    pub signer: Option<String>,
    /// Null where the key cannot be read.
    pub key_type: Option<KeyType>,
    pub key_id: String,
    /// Whether the key made this signature of this manifest.
    pub valid: bool,
    /// Whether it counts towards the threshold.
    pub counted: bool,
    pub throw_away: bool,
    /// Why it is not valid or does not count: a sentence that begins with "it".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The file of signers that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootUsed {
    pub source: RootSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What stays the same from version to version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// The last day on which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    /// How many people it lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signers: Option<usize>,
    /// Whether as many of them signed the file itself as it asks for.
    pub agreed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootSource {
    File,
    #[default]
    None,
}

/// The blobs of a bundle, built again from the commit that it states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltBundle {
    /// Whether all of them are the same.
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
