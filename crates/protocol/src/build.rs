// SPDX-License-Identifier: Apache-2.0
//! The facts about a build, and the build digest in the format of srtool, which other tools and
//! release processes read.

use crate::{format, inspect::MetadataHashFacts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The build digest, with the field names of srtool.
///
/// It differs from srtool in two points. The hashes at the top level are those of the deployed
/// file: the compressed one, if there is one. The hash to authorize an upgrade is that of a call of
/// current chains (`system.authorize_upgrade`), with the indices of the runtime's metadata. Source:
/// `srtool-lib`, `srtool/scripts/build`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildDigest {
    /// The program that created the digest, and its version.
    #[serde(rename = "gen")]
    pub generator: String,
    pub src: String,
    /// The package's own version.
    pub version: String,
    pub commit: Option<String>,
    pub tag: Option<String>,
    pub branch: Option<String>,
    pub rustc: String,
    pub pkg: String,
    /// The time of the build, RFC 3339.
    pub tmsp: String,
    /// The size of the deployed file in bytes, as a string.
    pub size: String,
    /// The BLAKE2-256 hash of the call `system.set_code` with the code.
    pub prop: String,
    /// The BLAKE2-256 hash of the call `system.authorize_upgrade` with the hash of the code.
    pub authorize_upgrade_prop: String,
    pub blake2_256: String,
    pub ipfs: String,
    pub sha256: String,
    /// The name of the deployed file.
    pub wasm: String,
    pub info: DigestInfo,
    pub context: DigestedContext,
    pub runtimes: DigestedRuntimes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestInfo {
    pub generator: Generator,
    pub src: String,
    pub version: String,
    pub git: GitRevision,
    pub rustc: String,
    pub pkg: String,
    pub profile: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitRevision {
    pub commit: Option<String>,
    pub tag: Option<String>,
    pub branch: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedContext {
    pub package: String,
    pub runtime_dir: String,
    pub docker: DigestedImage,
    pub profile: String,
}

/// The container image that built it. Null if none did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedImage {
    pub image: Option<String>,
    pub tag: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedRuntimes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact: Option<DigestedRuntime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<DigestedRuntime>,
}

/// One file of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedRuntime {
    pub tmsp: String,
    /// The size in bytes, as a string.
    pub size: String,
    pub prop: String,
    pub authorize_upgrade_prop: String,
    pub blake2_256: String,
    pub ipfs: String,
    pub sha256: String,
    pub wasm: String,
    pub subwasm: SubwasmFacts,
}

/// The output of `subwasm info --json` for the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubwasmFacts {
    /// The size in bytes.
    pub size: usize,
    pub compression: Compression,
    /// `meta`, the magic bytes of metadata.
    pub reserved_meta: [u8; 4],
    pub reserved_meta_valid: bool,
    pub metadata_version: u32,
    pub core_version: CoreVersion,
    pub proposal_hash: String,
    pub parachain_authorize_upgrade_hash: String,
    pub ipfs_hash: String,
    pub blake2_256: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compression {
    /// The compressed size in bytes.
    pub size_compressed: usize,
    pub size_decompressed: usize,
    pub compressed: bool,
}

/// `RuntimeVersion`, in the JSON form of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoreVersion {
    pub spec_name: String,
    pub impl_name: String,
    pub authoring_version: u32,
    pub spec_version: u32,
    pub impl_version: u32,
    /// The identifiers and versions of the runtime APIs.
    pub apis: Vec<(String, u32)>,
    pub transaction_version: Option<u32>,
    pub state_version: Option<u8>,
}

/// What `build` prints: one record for each runtime that was built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuildReport {
    #[schemars(schema_with = "format::build")]
    pub format: String,
    pub runtimes: Vec<BuiltRuntime>,
}

/// A runtime that was built on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltRuntime {
    /// The path of the blob.
    pub blob: String,
    /// Of the blob.
    pub blake2_256: String,
    pub digest: BuildDigest,
    #[serde(flatten)]
    pub record: BuildRecord,
    /// Whether the blob was taken from an earlier build.
    pub cached: bool,
    /// How long it took, by the clock.
    pub seconds: f64,
}

/// The result of the step `build`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildResult {
    pub blob: BlobFile,
    #[serde(flatten)]
    pub record: BuildRecord,
}

/// A blob in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobFile {
    /// Its name in the bundle.
    pub path: String,
    pub blake2_256: String,
}

/// How a runtime was built: what is the same on every machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildRecord {
    /// The runtime's name in the workspace.
    pub name: String,
    pub package: String,
    /// Of the blob, in bytes.
    pub size: u64,
    /// The most bytes that the network takes.
    pub size_limit: u64,
    pub size_verdict: SizeVerdict,
    /// Null where the blob does not tell it.
    pub spec_name: Option<String>,
    /// Null where the blob does not tell it.
    pub spec_version: Option<u32>,
    /// The file with the [`BuildDigest`].
    pub digest_file: String,
    /// `host`, `docker` or `podman`.
    pub engine: String,
    /// Whether symbols were left as the compiler makes them.
    pub plain: bool,
    /// The container image, as it was asked for. Null where the blob was built without one.
    pub image: Option<String>,
    /// `sha256:` and hex. Null where the blob was built without an image.
    pub image_digest: Option<String>,
    pub profile: String,
    /// Null for a blob that goes on no chain.
    pub metadata_hash: Option<MetadataHashFacts>,
    pub features: Vec<String>,
    pub default_features: bool,
    /// The compiler's version line.
    pub rustc: String,
    /// What gave parts that were compiled elsewhere. Null where everything was compiled for this build.
    pub compiler_cache: Option<String>,
    /// Null where the source is in no git repository.
    pub commit: Option<String>,
    /// Whether the source had changes that are in no commit. Null without a commit.
    pub dirty: Option<bool>,
}

/// Whether the network has room for a blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizeVerdict {
    Pass,
    /// The next release may not fit.
    Warn,
    Fail,
    /// The blob goes on no chain.
    #[default]
    #[serde(rename = "not applicable")]
    NotApplicable,
}
