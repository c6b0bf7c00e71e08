// SPDX-License-Identifier: Apache-2.0
//! The manifest of a bundle: an in-toto statement about its files and steps, in a DSSE envelope.

use crate::{RuntimeIdentity, StateIdentity, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file of JSON with signatures over its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Base64 of what is signed.
    pub payload: String,
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    pub signatures: Vec<Signature>,
}

/// A signature of an envelope or of a file of signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `ssh:SHA256:…` (what `ssh-keygen -l` prints), `ed25519:0x…`, `sr25519:0x…`, `throw-away:ed25519:0x…`.
    pub keyid: String,
    /// Base64: the SSHSIG blob of an ssh key, the 64 bytes of a chain key.
    pub sig: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    #[serde(rename = "_type")]
    pub kind: String,
    /// The files of the bundle but the manifest, sorted by name.
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    pub predicate: Predicate,
}

/// A file of the bundle. Digests stand as in-toto has them: hex digits without `0x`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    pub name: String,
    pub digest: SubjectDigest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectDigest {
    #[serde(rename = "blake2b-256")]
    pub blake2_256: String,
    pub sha256: String,
}

/// What is said about the subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Predicate {
    pub verdict: Verdict,
    pub steps: Vec<StepSummary>,
    pub runtimes: Vec<RuntimeBlob>,
    /// What the blobs were built from, by the first build.
    #[serde(default)]
    pub source: SourceIdentity,
    /// The state that the checks ran on, by the first dry run. Null where there was none.
    #[serde(default)]
    pub chain: Option<StateIdentity>,
    #[serde(default)]
    pub versions: ToolVersions,
    /// The runtime that the upgrade replaces, by the first dry run. Null where there was none.
    #[serde(default)]
    pub previous: Option<RuntimeIdentity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepSummary {
    /// `dry-run`, or `relay/dry-run` for one in a directory.
    pub name: String,
    pub file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    pub verdict: Verdict,
    /// The blake2-256 of what two runs that found the same have in common.
    pub digest: String,
}

/// A runtime that the upgrade ships.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeBlob {
    pub name: String,
    /// The blob's file in the bundle.
    pub file: String,
    pub blake2_256: String,
    pub sha256: String,
    /// The package that it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_version: Option<u32>,
}

/// The source that blobs were built from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceIdentity {
    /// Null where the source is in no git repository.
    pub commit: Option<String>,
    /// Whether the source had changes that are in no commit. Null where that is not known.
    pub dirty: Option<bool>,
    /// The blake2-256 of `Cargo.lock`. Null where the build does not name it.
    pub lock_file: Option<String>,
}

/// The tools that made a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolVersions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutover: Option<String>,
    /// The compiler's version line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rustc: Option<String>,
}

/// Hashes of a file, as every document but the manifest writes them: `0x` and 64 digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digests {
    /// In bytes.
    pub size: u64,
    pub sha256: String,
    pub blake2_256: String,
}
