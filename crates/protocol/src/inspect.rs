// SPDX-License-Identifier: Apache-2.0
//! What a runtime blob and a state say of themselves.

use crate::{Failure, Result, Source, bytes::BuildFacts, exposed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, str::FromStr};

/// What the worker that inspects is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// The facts of a runtime: [`RuntimeFacts`].
    Inspect {
        #[serde(serialize_with = "exposed::one")]
        source: Source,
        /// Whether the runtime is asked for its metadata, which takes executing it.
        #[serde(default = "yes")]
        metadata: bool,
        /// `SYMBOL:DECIMALS`, with which the hash of the metadata is made; without, the source is asked.
        #[serde(default)]
        token: Option<String>,
    },
    /// Whether a runtime was compiled with the hash of its metadata: [`MetadataHashFacts`].
    MetadataHash {
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
    /// The document of a build, written to `out` and given back: [`crate::build::BuildDigest`].
    Digest {
        #[serde(flatten)]
        files: crate::build::DigestFiles,
        context: Box<crate::build::DigestContext>,
        out: PathBuf,
    },
    /// Why two blobs that should be one differ: [`crate::bytes::BlobDifference`].
    DiffBytes {
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        #[serde(default)]
        old_build: Box<BuildFacts>,
        #[serde(default)]
        new_build: Box<BuildFacts>,
        /// Those that the runtime has.
        #[serde(default)]
        features: Vec<String>,
    },
    /// What a state file holds: [`StateSummary`].
    State {
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
    /// Which state of which chain a source stands for now: [`StatePin`].
    Pin {
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
}

fn yes() -> bool {
    true
}

/// The facts of a runtime: what `inspect` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeFacts {
    /// Where the runtime was taken from, as the user named it.
    pub source: String,
    pub source_kind: SourceKind,
    pub spec_name: String,
    pub impl_name: String,
    pub authoring_version: u32,
    pub spec_version: u32,
    pub impl_version: u32,
    /// Absent in runtimes that do not say it.
    pub transaction_version: Option<u32>,
    pub state_version: Option<u8>,
    pub version_from: VersionFrom,
    pub compressed: bool,
    /// Of the deployed bytes, as all the hashes are.
    pub size: u64,
    pub size_decompressed: u64,
    pub blake2_256: String,
    pub sha256: String,
    pub ipfs_cid: String,
    /// Of the call with the code, and the bytes of the call with its hash.
    pub set_code_hash: String,
    /// Nothing where the runtime has no such call.
    pub authorize_upgrade_call: Option<String>,
    pub call_indices_from: CallIndicesFrom,
    /// What the runtime offers, and the one that was read. Absent when it was not asked.
    pub metadata_versions: Option<Vec<u32>>,
    pub metadata_version: Option<u32>,
    pub pallets: Option<Vec<PalletFacts>>,
    /// How long slots, epochs and the like are. A build for quick rehearsals has the name and version of the chain's own,
    /// and differs here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pace: Vec<Pace>,
    /// Absent when the runtime was not asked.
    pub metadata_hash: Option<MetadataHashFacts>,
    pub imports: Vec<Import>,
    pub exports: Vec<String>,
    pub apis: Vec<Api>,
    pub producers: Vec<Producer>,
    pub features: Vec<String>,
    /// The block whose state the runtime was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_number: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<String>,
    /// What is not known of the chain's headers. Their hashes are not known then either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_header: Option<String>,
    /// What nodes run in place of the chain's own code, by a chain spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_substitutes: Vec<SubstituteFacts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubstituteFacts {
    /// The block from which on, by its number or hash.
    pub at: String,
    pub blake2_256: String,
    pub size: u64,
    pub spec_name: String,
    pub spec_version: u32,
}

/// The hash of its metadata that wallets sign: the one in the blob, and the one that belongs there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataHashFacts {
    pub held: HeldFacts,
    /// The one in the blob, where the runtime showed it.
    pub hash: Option<String>,
    /// Of metadata 15 and the token, which is what a blob is compiled with.
    pub computed: Option<String>,
    /// The same from metadata 16, where the runtime has that.
    pub computed_from_16: Option<String>,
    pub token: Option<Token>,
    /// Where metadata 15 and 16 differ in what the hash is made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Why something of it is not known.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    Blob,
    ChainSpec,
    TryRuntimeSnapshot,
    Snapshot,
    Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionFrom {
    /// The `runtime_version` section: nothing was executed.
    Section,
    /// The runtime has no such section and was asked.
    Call,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PalletFacts {
    pub name: String,
    /// Absent in metadata before version 12 where the pallet has no calls.
    pub index: Option<u8>,
    /// The version that the pallet's storage is at, from the source's state. A blob alone does not say it.
    pub storage_version: Option<u16>,
}

/// Something the host has to provide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    pub module: String,
    pub name: String,
    /// `function`, `memory`, `table` or `global`.
    pub kind: String,
}

/// A tool that had a hand in the blob, by its own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Api {
    /// Eight bytes, in hex: what the runtime says.
    pub id: String,
    /// What the API is called, where the identifier is that of a known name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub version: u32,
}

/// A constant, in its own unit and as time: `Babe.EpochDuration`, `2,400 slots = 4 h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    pub constant: String,
    pub told: String,
    /// Absent where the constants do not tell how long one of its units is.
    pub milliseconds: Option<u64>,
}

/// Whose word the indices are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallIndicesFrom {
    pub set_code: IndicesFrom,
    pub authorize_upgrade: IndicesFrom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndicesFrom {
    /// The runtime's own metadata.
    Metadata,
    /// Where nearly every chain has the call: the runtime was not asked.
    Default,
    /// Nobody's: the runtime has no such call. Those from before 2024 have no `authorize_upgrade`.
    Missing,
}

/// What the hash of the metadata takes of a chain's token; no runtime says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    pub symbol: String,
    pub decimals: u8,
}

/// As a build script has it: `enable_metadata_hash("CUT", 12)`.
impl FromStr for Token {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.rsplit_once(':').filter(|(symbol, _)| !symbol.is_empty() && symbol.len() <= 32);
        let token = parts
            .and_then(|(symbol, decimals)| Some(Self { symbol: symbol.to_owned(), decimals: decimals.parse().ok()? }));
        token.ok_or_else(|| {
            Failure::usage(format!("{text:?} is no token"))
                .expected("SYMBOL:DECIMALS as in `enable_metadata_hash` of the runtime's build script, such as DOT:10")
        })
    }
}

/// What a state was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateOrigin {
    ChainSpec,
    TryRuntimeSnapshot,
    Snapshot,
    /// Made by a program: not read from a file.
    Memory,
}

/// What a person wants to know about a state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateSummary {
    pub kind: StateOrigin,
    pub chain: Option<String>,
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    pub state_version: u8,
    pub state_root: Option<String>,
    /// Whether the root was recomputed from the entries here and met.
    pub verified: bool,
    /// Whether this is the whole state of its block: its root is the header's. Absent without a header.
    pub complete: Option<bool>,
    pub block_number: Option<u64>,
    pub block_hash: Option<String>,
    pub entries: u64,
    pub child_tries: u64,
    pub child_entries: u64,
    /// Of all keys and values.
    pub bytes: u64,
    /// Of the runtime as deployed.
    pub code_size: Option<u64>,
    pub code_blake2_256: Option<String>,
}

/// A state, by what identifies it wherever it is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatePin {
    /// The chain: the hash of its first block. A file may not tell it.
    pub genesis_hash: Option<String>,
    pub block_hash: Option<String>,
    pub number: Option<u64>,
    pub state_root: Option<String>,
    /// Whether the block is final; a file does not tell.
    pub finalized: Option<bool>,
    /// Of the chain's runtime.
    pub spec_name: String,
    pub spec_version: u32,
}
