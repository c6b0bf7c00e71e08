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
    /// The program that created the digest, and its version: `cutover v…`.
    #[serde(rename = "gen")]
    pub generator: String,
    /// The kind of the source, as srtool names it: always `git`.
    pub src: String,
    /// The package's own version.
    pub version: String,
    /// The git commit of the source. Null outside of a git repository.
    pub commit: Option<String>,
    /// The git tag at the commit. Null if there is none.
    pub tag: Option<String>,
    /// The current git branch. Null if no branch is checked out.
    pub branch: Option<String>,
    /// The version of the compiler, as `rustc --version` prints it.
    pub rustc: String,
    /// The name of the Cargo package of the runtime.
    pub pkg: String,
    /// The time of the commit, RFC 3339: the same source gives the same digest. Without a commit it
    /// is `1970-01-01T00:00:00Z`.
    pub tmsp: String,
    /// The size of the deployed file in bytes, as a string.
    pub size: String,
    /// The BLAKE2-256 hash of the call `system.set_code` with the code: `0x` and hex digits.
    pub prop: String,
    /// The BLAKE2-256 hash of the call `system.authorize_upgrade` with the hash of the code: `0x`
    /// and hex digits.
    pub authorize_upgrade_prop: String,
    /// The BLAKE2-256 hash of the deployed file: `0x` and hex digits.
    pub blake2_256: String,
    /// The IPFS content identifier of the deployed file, version 0.
    pub ipfs: String,
    /// The SHA-256 hash of the deployed file: `0x` and hex digits.
    pub sha256: String,
    /// The name of the deployed file.
    pub wasm: String,
    /// The facts about the program, the source and the compiler.
    pub info: DigestInfo,
    /// The facts about the place of the build.
    pub context: DigestedContext,
    /// The facts about each file of the build.
    pub runtimes: DigestedRuntimes,
}

/// The facts about the program, the source and the compiler of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestInfo {
    /// The program that created the digest.
    pub generator: Generator,
    /// The kind of the source, as srtool names it: always `git`.
    pub src: String,
    /// The package's own version.
    pub version: String,
    /// The git revision of the source.
    pub git: GitRevision,
    /// The version of the compiler, as `rustc --version` prints it.
    pub rustc: String,
    /// The name of the Cargo package of the runtime.
    pub pkg: String,
    /// The Cargo profile.
    pub profile: String,
}

/// The program that created a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// The name of the program: `cutover`.
    pub name: String,
    /// The version of the program.
    pub version: String,
}

/// The git revision of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitRevision {
    /// The commit. Null outside of a git repository.
    pub commit: Option<String>,
    /// The tag at the commit. Null if there is none.
    pub tag: Option<String>,
    /// The current branch. Null if no branch is checked out.
    pub branch: Option<String>,
}

/// The facts about the place of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedContext {
    /// The name of the Cargo package of the runtime.
    pub package: String,
    /// The directory of the package, relative to the workspace.
    pub runtime_dir: String,
    /// The container image that built it.
    pub docker: DigestedImage,
    /// The Cargo profile.
    pub profile: String,
}

/// The container image that built a runtime. Both fields are null if none did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedImage {
    /// The image, as `NAME@sha256:…`.
    pub image: Option<String>,
    /// The tag of the image. Null if it was not named by one.
    pub tag: Option<String>,
}

/// The files of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedRuntimes {
    /// The facts of the file with the plain Wasm. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact: Option<DigestedRuntime>,
    /// The facts of the file with the compressed Wasm. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<DigestedRuntime>,
}

/// One file of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedRuntime {
    /// The time of the commit, RFC 3339.
    pub tmsp: String,
    /// The size in bytes, as a string.
    pub size: String,
    /// The BLAKE2-256 hash of the call `system.set_code` with the file: `0x` and hex digits.
    pub prop: String,
    /// The BLAKE2-256 hash of the call `system.authorize_upgrade` with the hash of the file: `0x`
    /// and hex digits.
    pub authorize_upgrade_prop: String,
    /// The BLAKE2-256 hash of the file: `0x` and hex digits.
    pub blake2_256: String,
    /// The IPFS content identifier of the file, version 0.
    pub ipfs: String,
    /// The SHA-256 hash of the file: `0x` and hex digits.
    pub sha256: String,
    /// The path of the file, as it was given.
    pub wasm: String,
    /// The facts in the form of subwasm.
    pub subwasm: SubwasmFacts,
}

/// The facts of a file, in the form of `subwasm info --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubwasmFacts {
    /// The size of the file, in bytes.
    pub size: usize,
    /// The sizes before and after compression.
    pub compression: Compression,
    /// `meta`, the magic bytes of metadata.
    pub reserved_meta: [u8; 4],
    /// Whether the magic bytes are those of metadata: always true, because the metadata was
    /// decoded.
    pub reserved_meta_valid: bool,
    /// The version of the metadata that was read.
    pub metadata_version: u32,
    /// The version of the runtime.
    pub core_version: CoreVersion,
    /// The same hash as `prop` of the file.
    pub proposal_hash: String,
    /// The same hash as `authorize_upgrade_prop` of the file.
    pub parachain_authorize_upgrade_hash: String,
    /// The IPFS content identifier of the file, version 0.
    pub ipfs_hash: String,
    /// The BLAKE2-256 hash of the file: `0x` and hex digits.
    pub blake2_256: String,
}

/// The sizes of a file before and after compression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compression {
    /// The size of the file in bytes, even if it is not compressed.
    pub size_compressed: usize,
    /// The size of the decompressed Wasm, in bytes.
    pub size_decompressed: usize,
    /// Whether the file is compressed.
    pub compressed: bool,
}

/// `RuntimeVersion`, in the JSON form of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoreVersion {
    /// The name of the runtime.
    pub spec_name: String,
    /// The name of the implementation.
    pub impl_name: String,
    /// The version of block authoring.
    pub authoring_version: u32,
    /// The version of the runtime.
    pub spec_version: u32,
    /// The version of the implementation.
    pub impl_version: u32,
    /// The runtime APIs, each with its identifier (eight bytes as `0x` and hex digits) and its
    /// version.
    pub apis: Vec<(String, u32)>,
    /// The version of the transaction format. Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    /// The layout of the state trie: 0 or 1. Null in runtimes from before 2022, which use layout 0.
    pub state_version: Option<u8>,
}

/// The result of `build`: one record for each runtime that was built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuildReport {
    /// The format of the document: `cutover/build/v1`.
    #[schemars(schema_with = "format::build")]
    pub format: String,
    /// The runtimes that were built.
    pub runtimes: Vec<BuiltRuntime>,
}

/// A runtime that was built on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltRuntime {
    /// The path of the blob.
    pub blob: String,
    /// The BLAKE2-256 hash of the blob: `0x` and hex digits.
    pub blake2_256: String,
    /// The digest of the build, as it is in the file `digest_file`.
    pub digest: BuildDigest,
    /// The facts about the build.
    #[serde(flatten)]
    pub record: BuildRecord,
    /// Whether the blob was taken from an earlier build.
    pub cached: bool,
    /// The duration of the build in seconds of wall-clock time.
    pub seconds: f64,
}

/// The result of the step `build`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildResult {
    /// The blob.
    pub blob: BlobFile,
    /// The facts about the build.
    #[serde(flatten)]
    pub record: BuildRecord,
}

/// A blob in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobFile {
    /// Its name in the bundle.
    pub path: String,
    /// The BLAKE2-256 hash of the blob: `0x` and hex digits.
    pub blake2_256: String,
}

/// The facts about a build that are the same on every machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildRecord {
    /// The runtime's name in the workspace.
    pub name: String,
    /// The name of the Cargo package.
    pub package: String,
    /// The size of the blob, in bytes.
    pub size: u64,
    /// The largest code that the network accepts, in bytes.
    pub size_limit: u64,
    /// Whether the blob fits into this limit.
    pub size_verdict: SizeVerdict,
    /// The spec_name of the blob. Null if it is not known.
    pub spec_name: Option<String>,
    /// The spec_version of the blob. Null if it is not known.
    pub spec_version: Option<u32>,
    /// The file with the build digest: its path, or its name in the bundle.
    pub digest_file: String,
    /// `host`, `docker`, `podman` or `srtool`.
    pub engine: String,
    /// Whether symbols contain Cargo's own hashes for a workspace at `/build`, as with srtool. If
    /// not, they contain hashes without paths, and the blob differs from srtool's.
    pub plain: bool,
    /// The container image, as it was requested. Null if the blob was built without one.
    pub image: Option<String>,
    /// The digest of the container image: `sha256:` and hex digits. Null if the blob was built
    /// without one.
    pub image_digest: Option<String>,
    /// The Cargo profile.
    pub profile: String,
    /// Whether the blob was compiled with its metadata hash. Null for a blob that is not deployed.
    pub metadata_hash: Option<MetadataHashFacts>,
    /// The Cargo features that were named for the build.
    pub features: Vec<String>,
    /// Whether the default features of the package were enabled.
    pub default_features: bool,
    /// The version of the compiler, as `rustc --version` prints it.
    pub rustc: String,
    /// The compiler cache that was used. Null if everything was compiled for this build.
    pub compiler_cache: Option<String>,
    /// The git commit of the source. Null outside of a git repository.
    pub commit: Option<String>,
    /// Whether the source had uncommitted changes. Null without a commit.
    pub dirty: Option<bool>,
}

/// Whether the network accepts a blob of this size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizeVerdict {
    /// The blob is smaller than 80 % of the limit.
    Pass,
    /// The blob has 80 % of the limit or more. The next release may not fit.
    Warn,
    /// The blob has 95 % of the limit or more.
    Fail,
    /// The blob is not deployed: it is a build for development, tests or benchmarks.
    #[default]
    #[serde(rename = "not applicable")]
    NotApplicable,
}
