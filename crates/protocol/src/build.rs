// SPDX-License-Identifier: Apache-2.0
//! What is known of a build, and the document that srtool writes about one, which other tools and release processes read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is known of a build beside its blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestContext {
    pub package: String,
    /// The package's own version.
    pub version: String,
    pub runtime_dir: String,
    /// As `rustc --version` says it.
    pub rustc: String,
    pub profile: String,
    /// RFC 3339.
    pub timestamp: String,
    #[serde(default)]
    pub commit: Option<String>,
    #[serde(default)]
    pub tag: Option<String>,
    #[serde(default)]
    pub branch: Option<String>,
    /// The image that built it, where one did.
    #[serde(default)]
    pub image: Option<String>,
    #[serde(default)]
    pub image_tag: Option<String>,
}

/// The files of one build. Their names are written into the document as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestFiles {
    #[serde(default)]
    pub compact: Option<PathBuf>,
    #[serde(default)]
    pub compressed: Option<PathBuf>,
}

/// The document that srtool writes about a build, with its names of fields.
///
/// Two differences on purpose. The hashes at the top are those of the file that is deployed: the compressed one, where there is
/// one. And the hash to authorize an upgrade is that of a call that today's chains have (`system.authorize_upgrade`), with the
/// indices of the runtime's own metadata. Source: `srtool-lib`, `srtool/scripts/build`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildDigest {
    /// The program that wrote it, and its version.
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
    /// When it was built, RFC 3339.
    pub tmsp: String,
    /// Of the deployed file, in bytes, as a text.
    pub size: String,
    /// The blake2-256 of the call `system.set_code` with the code.
    pub prop: String,
    /// The blake2-256 of the call `system.authorize_upgrade` with the hash of the code.
    pub authorize_upgrade_prop: String,
    pub blake2_256: String,
    pub ipfs: String,
    pub sha256: String,
    /// The deployed file.
    pub wasm: String,
    pub info: DigestInfo,
    pub context: DigestedContext,
    pub runtimes: DigestedRuntimes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestInfo {
    pub generator: Generator,
    pub src: String,
    pub version: String,
    pub git: GitRevision,
    pub rustc: String,
    pub pkg: String,
    pub profile: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitRevision {
    pub commit: Option<String>,
    pub tag: Option<String>,
    pub branch: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedContext {
    pub package: String,
    pub runtime_dir: String,
    pub docker: DigestedImage,
    pub profile: String,
}

/// The image that built it; nulls where none did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestedRuntime {
    pub tmsp: String,
    /// In bytes, as a text.
    pub size: String,
    pub prop: String,
    pub authorize_upgrade_prop: String,
    pub blake2_256: String,
    pub ipfs: String,
    pub sha256: String,
    pub wasm: String,
    pub subwasm: SubwasmFacts,
}

/// What `subwasm info --json` says of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubwasmFacts {
    /// In bytes.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compression {
    /// In bytes.
    pub size_compressed: usize,
    pub size_decompressed: usize,
    pub compressed: bool,
}

/// `RuntimeVersion`, as nodes write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoreVersion {
    pub spec_name: String,
    pub impl_name: String,
    pub authoring_version: u32,
    pub spec_version: u32,
    pub impl_version: u32,
    /// Identifiers and versions.
    pub apis: Vec<(String, u32)>,
    pub transaction_version: Option<u32>,
    pub state_version: Option<u8>,
}
