// SPDX-License-Identifier: Apache-2.0
//! The manifest of a bundle: an in-toto statement about its files and steps, in a DSSE envelope.

use crate::{RuntimeIdentity, StateIdentity, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A DSSE envelope: a JSON file with signatures over its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The signed statement in canonical JSON, as base64.
    pub payload: String,
    /// The type of the payload: `application/vnd.in-toto+json`.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// The signatures over the type and the payload.
    pub signatures: Vec<Signature>,
}

/// A signature of an envelope or of a file of signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The key id: `ssh:SHA256:…` as `ssh-keygen -l` prints it, `ed25519:0x…`, `sr25519:0x…` or
    /// `throw-away:ed25519:0x…`.
    pub keyid: String,
    /// The signature in base64: the SSHSIG blob of an ssh key, or the 64 bytes of a chain key's
    /// signature.
    pub sig: String,
}

/// An in-toto statement about the files of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// The type of the statement: `https://in-toto.io/Statement/v1`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The files of the bundle but the manifest, sorted by name.
    pub subject: Vec<Subject>,
    /// The type of the predicate: `https://cutover.dev/upgrade/v1`.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The statement about an upgrade.
    pub predicate: Predicate,
}

/// A file of the bundle. Digests have the form of in-toto: hex digits without `0x`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The path of the file in the bundle.
    pub name: String,
    /// The digests of the file.
    pub digest: SubjectDigest,
}

/// The digests of a file, as hex digits without `0x`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectDigest {
    /// The BLAKE2-256 hash of the file.
    #[serde(rename = "blake2b-256")]
    pub blake2_256: String,
    /// The SHA-256 hash of the file.
    pub sha256: String,
}

/// The statement about an upgrade and its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Predicate {
    /// `fail` if a step failed, `not_judged` if a step was not judged, else `pass`.
    pub verdict: Verdict,
    /// The steps of the upgrade.
    pub steps: Vec<StepSummary>,
    /// The runtimes that the upgrade ships.
    pub runtimes: Vec<RuntimeBlob>,
    /// The source that the blobs were built from, by the first build.
    #[serde(default)]
    pub source: SourceIdentity,
    /// The state that the checks ran on, by the first dry run. Null where there was none.
    #[serde(default)]
    pub chain: Option<StateIdentity>,
    /// The versions of the tools that made the bundle.
    #[serde(default)]
    pub versions: ToolVersions,
    /// The runtime that the upgrade replaces, by the first dry run. Null where there was none.
    #[serde(default)]
    pub previous: Option<RuntimeIdentity>,
}

/// A step of an upgrade, as the manifest states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepSummary {
    /// `dry-run`, or `relay/dry-run` for one in a directory.
    pub name: String,
    /// The file of the step in the bundle: its name and `.json`.
    pub file: String,
    /// The name of the runtime in the workspace. Absent if the bundle has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The verdict of the step.
    pub verdict: Verdict,
    /// The BLAKE2-256 hash of the step without fields that differ between runs, such as times: `0x`
    /// and hex digits. Two runs with the same findings have the same digest.
    pub digest: String,
    /// Of the step `rehearse`: the BLAKE2-256 hash of all that the proposal changes in the states, `0x` and hex digits. Signers
    /// who rehearse the proposal themselves compare it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference_hash: Option<String>,
}

/// A runtime that the upgrade ships.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeBlob {
    /// The name of the runtime in the workspace.
    pub name: String,
    /// The blob's file in the bundle.
    pub file: String,
    /// The BLAKE2-256 hash of the blob: `0x` and hex digits.
    pub blake2_256: String,
    /// The SHA-256 hash of the blob: `0x` and hex digits.
    pub sha256: String,
    /// The Cargo package that it is built from. Absent if it was not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The spec_name of the runtime. Absent if it was not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name: Option<String>,
    /// The spec_version of the runtime. Absent if it was not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_version: Option<u32>,
}

/// The source that blobs were built from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceIdentity {
    /// The git commit. Null outside of a git repository.
    pub commit: Option<String>,
    /// Whether the source had uncommitted changes. Null if that is not known.
    pub dirty: Option<bool>,
    /// The BLAKE2-256 hash of `Cargo.lock`: `0x` and hex digits. Null if the build does not state
    /// it.
    pub lock_file: Option<String>,
}

/// The tools that made a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolVersions {
    /// The version of Cutover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutover: Option<String>,
    /// The version of the compiler, as `rustc --version` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rustc: Option<String>,
}

/// The size and the hashes of a file. Every document but the manifest writes hashes as `0x` and 64
/// hex digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digests {
    /// The size of the file, in bytes.
    pub size: u64,
    /// The SHA-256 hash of the file.
    pub sha256: String,
    /// The BLAKE2-256 hash of the file.
    pub blake2_256: String,
}
