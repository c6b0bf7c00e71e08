// SPDX-License-Identifier: Apache-2.0
//! The facts about runtime blobs and states.

use crate::{Failure, Pace, Result, Source, bytes::BuildFacts, exposed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, str::FromStr};

/// A request to the worker of blobs and states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Read the facts of a runtime; the result is a [`RuntimeFacts`].
    Inspect {
        /// The runtime: a blob, a state file or a node.
        #[serde(serialize_with = "exposed::one")]
        source: Source,
        /// Whether the runtime is executed to get its metadata.
        #[serde(default = "yes")]
        metadata: bool,
        /// The token `SYMBOL:DECIMALS` for the metadata hash. By default it is read from the
        /// source.
        #[serde(default)]
        token: Option<String>,
    },
    /// Read whether a runtime was compiled with its metadata hash; the result is a
    /// [`MetadataHashFacts`].
    MetadataHash {
        /// The runtime: a blob, a state file or a node.
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
    /// Write the digest of a build to `out`; the result is its `BuildDigest`.
    Digest {
        /// The blobs of the build. At least one is required.
        #[serde(flatten)]
        files: DigestFiles,
        /// The facts that the blobs do not contain.
        context: Box<DigestContext>,
        /// The path of the digest to write.
        out: PathBuf,
    },
    /// Compare two blobs that should be equal; the result is a [`crate::bytes::BlobDifference`].
    DiffBytes {
        /// The first blob.
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        /// The second blob.
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        /// The known facts about the build of the first blob, to explain differences.
        #[serde(default)]
        old_build: Box<BuildFacts>,
        /// The known facts about the build of the second blob.
        #[serde(default)]
        new_build: Box<BuildFacts>,
        /// The Cargo features that the runtime has.
        #[serde(default)]
        features: Vec<String>,
    },
    /// Summarize a state file; the result is a [`StateSummary`].
    State {
        /// The state file.
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
    /// Identify the current state of a source; the result is a [`StatePin`].
    Pin {
        /// A state file or the nodes of a chain. A blob is an input error, because it has no state.
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
}

fn yes() -> bool {
    true
}

/// The facts about a build beside its blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestContext {
    /// The name of the Cargo package of the runtime.
    pub package: String,
    /// The package's own version.
    pub version: String,
    /// The directory of the package, relative to the workspace.
    pub runtime_dir: String,
    /// The output of `rustc --version`.
    pub rustc: String,
    /// The Cargo profile.
    pub profile: String,
    /// The time of the commit, RFC 3339. Without a commit it is `1970-01-01T00:00:00Z`.
    pub timestamp: String,
    /// The git commit of the source. Null outside of a git repository.
    #[serde(default)]
    pub commit: Option<String>,
    /// The git tag at the commit, if there is one.
    #[serde(default)]
    pub tag: Option<String>,
    /// The current git branch. Null if no branch is checked out.
    #[serde(default)]
    pub branch: Option<String>,
    /// The container image that built it, as `NAME@sha256:…`. Null if none did.
    #[serde(default)]
    pub image: Option<String>,
    /// The tag of the container image, if it was named by one.
    #[serde(default)]
    pub image_tag: Option<String>,
}

/// The files of one build, which contain the same Wasm. Their paths appear in the document as
/// given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestFiles {
    /// The file with the plain Wasm.
    #[serde(default)]
    pub compact: Option<PathBuf>,
    /// The file with the compressed Wasm. If it is present, it is the deployed file.
    #[serde(default)]
    pub compressed: Option<PathBuf>,
}

/// The facts of a runtime, as `inspect` reports them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeFacts {
    /// The source of the runtime, as the user named it.
    pub source: String,
    /// The kind of the source.
    pub source_kind: SourceKind,
    /// The name of the runtime, which an upgrade must keep.
    pub spec_name: String,
    /// The name of the implementation of the runtime.
    pub impl_name: String,
    /// The version of block authoring. A node authors blocks only if its own runtime has the same.
    pub authoring_version: u32,
    /// The version of the runtime, which an upgrade must increase.
    pub spec_version: u32,
    /// The version of the implementation, for changes that do not affect the logic.
    pub impl_version: u32,
    /// The version of the transaction format. Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    /// The layout of the state trie: 0 or 1. Null in runtimes from before 2022, which use layout 0.
    pub state_version: Option<u8>,
    /// Where the version was read.
    pub version_from: VersionFrom,
    /// Whether the deployed bytes are compressed.
    pub compressed: bool,
    /// The size of the deployed bytes, in bytes. All hashes are of the deployed bytes as well.
    pub size: u64,
    /// The size of the decompressed Wasm, in bytes.
    pub size_decompressed: u64,
    /// The BLAKE2-256 hash, which is the code hash on chain: `0x` and hex digits.
    pub blake2_256: String,
    /// The SHA-256 hash: `0x` and hex digits.
    pub sha256: String,
    /// The IPFS content identifier, version 0.
    pub ipfs_cid: String,
    /// The BLAKE2-256 hash of the encoded call `system.set_code` with the code: `0x` and hex
    /// digits.
    pub set_code_hash: String,
    /// The encoded call `system.authorize_upgrade` with the hash of the code: `0x` and hex digits.
    /// Null if the runtime has no such call.
    pub authorize_upgrade_call: Option<String>,
    /// Where the indices in these two calls were found.
    pub call_indices_from: CallIndicesFrom,
    /// The metadata versions that the runtime supports. Null if it was not executed.
    pub metadata_versions: Option<Vec<u32>>,
    /// The metadata version that was read. Null if the runtime was not executed.
    pub metadata_version: Option<u32>,
    /// The pallets, in the order of the metadata. Null if the runtime was not executed.
    pub pallets: Option<Vec<PalletFacts>>,
    /// The durations of slots, epochs and the like. A build for quick tests has the same name and
    /// version as the chain's own, and differs here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pace: Vec<Pace>,
    /// The facts of the metadata hash. Null if the runtime was not executed.
    pub metadata_hash: Option<MetadataHashFacts>,
    /// The imports of the module, in its order.
    pub imports: Vec<Import>,
    /// The names of the exported functions.
    pub exports: Vec<String>,
    /// The runtime APIs with their versions.
    pub apis: Vec<Api>,
    /// The entries of the section `producers`. Empty without the section.
    pub producers: Vec<Producer>,
    /// The entries of the section `target_features`, each with its sign: `+sign-ext`. Empty without
    /// the section.
    pub features: Vec<String>,
    /// The number of the block whose state contains the runtime. Absent for a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_number: Option<u64>,
    /// The hash of this block: `0x` and hex digits. Absent for a blob, and for a state file whose
    /// headers cannot be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<String>,
    /// Why the chain's headers cannot be decoded. Their hashes are then unknown as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_header: Option<String>,
    /// The code substitutes of a chain spec, which nodes execute instead of the chain's own code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_substitutes: Vec<SubstituteFacts>,
}

/// A code substitute of a chain spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubstituteFacts {
    /// The first block of the substitute, by its number or hash.
    pub at: String,
    /// The BLAKE2-256 hash of the code: `0x` and hex digits.
    pub blake2_256: String,
    /// The size of the code as it is in the chain spec, in bytes.
    pub size: u64,
    /// The spec_name of the substitute.
    pub spec_name: String,
    /// The spec_version of the substitute.
    pub spec_version: u32,
}

/// The facts of the metadata hash, which wallets sign: the one in the blob and the computed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataHashFacts {
    /// Whether the blob was compiled with the hash.
    pub held: HeldFacts,
    /// The hash in the blob: `0x` and hex digits. Null if the blob has none, or if its value is not
    /// known.
    pub hash: Option<String>,
    /// The hash computed from metadata 15 and the token, as blobs are compiled with: `0x` and hex
    /// digits. Null without the extension, the token or metadata 15, and in the record of a build.
    pub computed: Option<String>,
    /// The hash computed from metadata 16, in the same form. Null without this metadata or without
    /// `computed`.
    pub computed_from_16: Option<String>,
    /// The token that the computed hashes depend on. Null if it is not known or not needed.
    pub token: Option<Token>,
    /// The differences between metadata 15 and 16 that affect the hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// The facts that are not known, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// Whether a blob was compiled with the hash of its metadata (RFC-78).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeldFacts {
    /// The runtime does not have the extension `CheckMetadataHash`, so no transaction signs a hash.
    NoExtension,
    /// The runtime has the extension and no hash: it rejects transactions that sign a hash.
    Missing,
    /// The runtime has the extension and the hash.
    Present,
    /// The status could not be determined. `unknown` has the reason.
    #[default]
    Unseen,
}

/// The kind of a source of a runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A runtime blob, which has no state.
    #[default]
    Blob,
    /// A chain spec.
    ChainSpec,
    /// A snapshot in the format of try-runtime.
    TryRuntimeSnapshot,
    /// A snapshot in the format of Cutover.
    Snapshot,
    /// A node of a live chain.
    Node,
}

/// Where the version of a runtime was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionFrom {
    /// The section `runtime_version`, without executing the runtime.
    #[default]
    Section,
    /// A call into the runtime, because it has no such section.
    Call,
}

/// A pallet of a runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PalletFacts {
    /// The name in the metadata.
    pub name: String,
    /// The pallet's index. Null before metadata 12 if the pallet has no calls.
    pub index: Option<u8>,
    /// The pallet's storage version in the source's state. Null for a blob, and if the state has
    /// none.
    pub storage_version: Option<u16>,
}

/// An import of the blob, which the host must provide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    /// The module of the import, such as `env`.
    pub module: String,
    /// The name of the import, such as `ext_storage_get_version_1`.
    pub name: String,
    /// `function`, `memory`, `table`, `global` or `tag`.
    pub kind: String,
}

/// A tool that produced the blob, from its section `producers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// The name of the tool or language.
    pub name: String,
    /// The version of it, as the section states it.
    pub version: String,
}

/// A runtime API that a runtime implements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Api {
    /// The identifier: eight bytes as `0x` and hex digits. It is a hash of the name.
    pub id: String,
    /// The API's name, if the identifier is that of a known name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version of the API.
    pub version: u32,
}

/// Where the indices of the calls were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallIndicesFrom {
    /// The origin of the indices of `system.set_code`.
    pub set_code: IndicesFrom,
    /// The origin of the indices of `system.authorize_upgrade`.
    pub authorize_upgrade: IndicesFrom,
}

/// The origin of the indices of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndicesFrom {
    /// The runtime's own metadata.
    Metadata,
    /// The indices of nearly every chain, because the runtime was not executed.
    #[default]
    Default,
    /// The runtime has no such call. Runtimes from before 2024 have no `authorize_upgrade`.
    Missing,
}

/// A chain's token, which is part of the metadata hash. Runtimes do not contain it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// The symbol, of at most 32 bytes if it is parsed from text.
    pub symbol: String,
    /// The number of decimals.
    pub decimals: u8,
}

/// Parses a token such as `CUT:12`, which stands for `enable_metadata_hash("CUT", 12)` of a build
/// script.
impl FromStr for Token {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.rsplit_once(':').filter(|(symbol, _)| !symbol.is_empty() && symbol.len() <= 32);
        let token = parts
            .and_then(|(symbol, decimals)| Some(Self { symbol: symbol.to_owned(), decimals: decimals.parse().ok()? }));
        token.ok_or_else(|| {
            Failure::usage(format!("{text:?} is not a token"))
                .expected("SYMBOL:DECIMALS as in `enable_metadata_hash` of the runtime's build script, such as DOT:10")
        })
    }
}

/// The origin of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateOrigin {
    /// A chain spec.
    ChainSpec,
    /// A snapshot in the format of try-runtime.
    TryRuntimeSnapshot,
    /// A snapshot in the format of Cutover.
    Snapshot,
    /// Created by a program, not read from a file.
    Memory,
}

/// The summary of a state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateSummary {
    /// The kind of the file.
    pub kind: StateOrigin,
    /// The name of the chain, as in its chain spec. Null if the file does not contain it.
    pub chain: Option<String>,
    /// The spec_name of the runtime in the state. Null if it has no runtime.
    pub spec_name: Option<String>,
    /// The spec_version of the runtime in the state. Null if it has no runtime.
    pub spec_version: Option<u32>,
    /// The layout of the state trie: 0 or 1.
    pub state_version: u8,
    /// The recorded root of the entries: `0x` and hex digits. Null if the file contains none.
    pub state_root: Option<String>,
    /// Whether the root computed from the entries equals the recorded one.
    pub verified: bool,
    /// Whether this is the complete state of its block: its root is that of the header. Null
    /// without a header.
    pub complete: Option<bool>,
    /// The number of the block. Null if the file does not contain it.
    pub block_number: Option<u64>,
    /// The hash of the block: `0x` and hex digits. Null if the file does not contain it.
    pub block_hash: Option<String>,
    /// The number of entries of the main trie, without the roots of child tries.
    pub entries: u64,
    /// The number of child tries.
    pub child_tries: u64,
    /// The number of entries of all child tries.
    pub child_entries: u64,
    /// The size of all keys and values, in bytes. Child tries are included.
    pub bytes: u64,
    /// The size of the deployed code, in bytes. Null if the state has no runtime.
    pub code_size: Option<u64>,
    /// The BLAKE2-256 hash of the deployed code: `0x` and hex digits. Null if the state has no
    /// runtime.
    pub code_blake2_256: Option<String>,
}

/// The identity of a state, independent of its source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatePin {
    /// The hash of the chain's genesis block: `0x` and hex digits. Null if a file does not contain
    /// it.
    pub genesis_hash: Option<String>,
    /// The hash of the state's block: `0x` and hex digits. Null if a file does not contain it.
    pub block_hash: Option<String>,
    /// The number of the state's block. Null if a file does not contain it.
    pub number: Option<u64>,
    /// The root of the state trie: `0x` and hex digits. Null if a file does not contain it.
    pub state_root: Option<String>,
    /// Whether the block is finalized. Null for files.
    pub finalized: Option<bool>,
    /// The spec_name of the chain's runtime.
    pub spec_name: String,
    /// The spec_version of the chain's runtime.
    pub spec_version: u32,
}
