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
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
    /// Write the digest of a build to `out`; the result is its `BuildDigest`.
    Digest {
        #[serde(flatten)]
        files: DigestFiles,
        context: Box<DigestContext>,
        out: PathBuf,
    },
    /// Compare two blobs that should be equal; the result is a [`crate::bytes::BlobDifference`].
    DiffBytes {
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        #[serde(default)]
        old_build: Box<BuildFacts>,
        #[serde(default)]
        new_build: Box<BuildFacts>,
        /// The Cargo features that the runtime has.
        #[serde(default)]
        features: Vec<String>,
    },
    /// Summarize a state file; the result is a [`StateSummary`].
    State {
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
    /// Identify the current state of a source; the result is a [`StatePin`].
    Pin {
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
    pub package: String,
    /// The package's own version.
    pub version: String,
    pub runtime_dir: String,
    /// The output of `rustc --version`.
    pub rustc: String,
    pub profile: String,
    /// The time of the build, RFC 3339.
    pub timestamp: String,
    #[serde(default)]
    pub commit: Option<String>,
    #[serde(default)]
    pub tag: Option<String>,
    #[serde(default)]
    pub branch: Option<String>,
    /// The container image that built it, if one did.
    #[serde(default)]
    pub image: Option<String>,
    #[serde(default)]
    pub image_tag: Option<String>,
}

/// The files of one build. Their names appear in the document as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestFiles {
    #[serde(default)]
    pub compact: Option<PathBuf>,
    #[serde(default)]
    pub compressed: Option<PathBuf>,
}

/// The facts of a runtime, as `inspect` reports them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeFacts {
    /// The source of the runtime, as the user named it.
    pub source: String,
    pub source_kind: SourceKind,
    pub spec_name: String,
    pub impl_name: String,
    pub authoring_version: u32,
    pub spec_version: u32,
    pub impl_version: u32,
    /// The transaction version. Null in older runtimes.
    pub transaction_version: Option<u32>,
    pub state_version: Option<u8>,
    pub version_from: VersionFrom,
    pub compressed: bool,
    /// The size of the deployed bytes. All hashes are of the deployed bytes as well.
    pub size: u64,
    pub size_decompressed: u64,
    pub blake2_256: String,
    pub sha256: String,
    pub ipfs_cid: String,
    /// The hash of the call `system.set_code` with the code.
    pub set_code_hash: String,
    /// The encoded call `system.authorize_upgrade` with the hash of the code. Null if the runtime
    /// has no such call.
    pub authorize_upgrade_call: Option<String>,
    pub call_indices_from: CallIndicesFrom,
    /// The metadata versions that the runtime supports. Null if it was not executed.
    pub metadata_versions: Option<Vec<u32>>,
    /// The metadata version that was read. Null if the runtime was not executed.
    pub metadata_version: Option<u32>,
    pub pallets: Option<Vec<PalletFacts>>,
    /// The durations of slots, epochs and the like. A build for quick tests has the same name and
    /// version as the chain's own, and differs here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pace: Vec<Pace>,
    /// The facts of the metadata hash. Null if the runtime was not executed.
    pub metadata_hash: Option<MetadataHashFacts>,
    pub imports: Vec<Import>,
    pub exports: Vec<String>,
    pub apis: Vec<Api>,
    pub producers: Vec<Producer>,
    pub features: Vec<String>,
    /// The block whose state contains the runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_number: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<String>,
    /// Why the chain's headers cannot be decoded. Their hashes are then unknown as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_header: Option<String>,
    /// The code substitutes of a chain spec, which nodes execute instead of the chain's own code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_substitutes: Vec<SubstituteFacts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubstituteFacts {
    /// The first block of the substitute, by its number or hash.
    pub at: String,
    pub blake2_256: String,
    pub size: u64,
    pub spec_name: String,
    pub spec_version: u32,
}

/// The facts of the metadata hash, which wallets sign: the one in the blob and the computed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataHashFacts {
    pub held: HeldFacts,
    /// The hash in the blob, if the runtime returns it.
    pub hash: Option<String>,
    /// The hash computed from metadata 15 and the token, as blobs are compiled with.
    pub computed: Option<String>,
    /// The hash computed from metadata 16, if the runtime has it.
    pub computed_from_16: Option<String>,
    pub token: Option<Token>,
    /// The differences between metadata 15 and 16 that affect the hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Why facts are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeldFacts {
    NoExtension,
    Missing,
    Present,
    #[default]
    Unseen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    #[default]
    Blob,
    ChainSpec,
    TryRuntimeSnapshot,
    Snapshot,
    Node,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionFrom {
    /// The section `runtime_version`, without executing the runtime.
    #[default]
    Section,
    /// A call into the runtime, because it has no such section.
    Call,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PalletFacts {
    pub name: String,
    /// The pallet's index. Null before metadata 12 if the pallet has no calls.
    pub index: Option<u8>,
    /// The pallet's storage version in the source's state. Null for a blob.
    pub storage_version: Option<u16>,
}

/// An import of the blob, which the host must provide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    pub module: String,
    pub name: String,
    /// `function`, `memory`, `table` or `global`.
    pub kind: String,
}

/// A tool that produced the blob, from its section `producers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Api {
    /// The identifier: eight bytes, in hex.
    pub id: String,
    /// The API's name, if the identifier is that of a known name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub version: u32,
}

/// Where the indices of the calls were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallIndicesFrom {
    pub set_code: IndicesFrom,
    pub authorize_upgrade: IndicesFrom,
}

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
    pub symbol: String,
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
    ChainSpec,
    TryRuntimeSnapshot,
    Snapshot,
    /// Created by a program, not read from a file.
    Memory,
}

/// The summary of a state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateSummary {
    pub kind: StateOrigin,
    pub chain: Option<String>,
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    pub state_version: u8,
    pub state_root: Option<String>,
    /// Whether the root computed from the entries equals the recorded one.
    pub verified: bool,
    /// Whether this is the complete state of its block: its root is that of the header. Null
    /// without a header.
    pub complete: Option<bool>,
    pub block_number: Option<u64>,
    pub block_hash: Option<String>,
    pub entries: u64,
    pub child_tries: u64,
    pub child_entries: u64,
    /// The size of all keys and values.
    pub bytes: u64,
    /// The size of the deployed code.
    pub code_size: Option<u64>,
    pub code_blake2_256: Option<String>,
}

/// The identity of a state, independent of its source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatePin {
    /// The hash of the chain's genesis block. Null if a file does not contain it.
    pub genesis_hash: Option<String>,
    pub block_hash: Option<String>,
    pub number: Option<u64>,
    pub state_root: Option<String>,
    /// Whether the block is finalized. Null for files.
    pub finalized: Option<bool>,
    /// The spec_name of the chain's runtime.
    pub spec_name: String,
    pub spec_version: u32,
}
