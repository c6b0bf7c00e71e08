// SPDX-License-Identifier: Apache-2.0
//! Keys, and the file of signers: whose signatures count, and how many of them it takes.

use crate::{Verdict, format, manifest::Signature, verify::SignatureCheck};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The file of signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootFile {
    #[schemars(schema_with = "format::signers")]
    pub format: String,
    /// Rises by one with every change.
    pub version: u64,
    /// How many people must sign.
    pub threshold: u32,
    /// The last day (UTC) on which the file holds: `2027-06-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The same in every version of one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub signers: Vec<SignerEntry>,
    /// Signatures over the rest, by the signers of this version and of the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignerEntry {
    pub name: String,
    pub key_type: KeyType,
    /// An OpenSSH public key line; for chain keys `0x` hex or an SS58 address.
    pub public_key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    Ssh,
    Ed25519,
    Sr25519,
}

impl KeyType {
    /// Returns the name in documents and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Ed25519 => "ed25519",
            Self::Sr25519 => "sr25519",
        }
    }
}

/// Where a signature comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeySource {
    /// A new key that is forgotten at once, and marked as such.
    ThrowAway,
    /// An OpenSSH private key; a `.pub` file stands for the agent's key of that name.
    Ssh {
        key_file: PathBuf,
    },
    /// A key behind an ssh agent, by fingerprint, name or public key line; without, the only one that fits.
    Agent {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        socket: Option<PathBuf>,
    },
    Ed25519 {
        key_file: PathBuf,
    },
    Sr25519 {
        key_file: PathBuf,
    },
    /// A signature made elsewhere: hex by a wallet or `subkey`, armored by `ssh-keygen -Y sign`.
    Import {
        key_type: KeyType,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<String>,
        signature_file: PathBuf,
    },
}

impl KeySource {
    /// Returns the file that holds a secret, where there is one.
    pub fn secret_file(&self) -> Option<&PathBuf> {
        match self {
            Self::Ssh { key_file } | Self::Ed25519 { key_file } | Self::Sr25519 { key_file } => Some(key_file),
            Self::ThrowAway | Self::Agent { .. } | Self::Import { .. } => None,
        }
    }
}

/// Write a file of signers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitRootRequest {
    pub path: PathBuf,
    pub threshold: u32,
    pub signers: Vec<SignerEntry>,
    /// The last day on which it holds, or `never` where the version before has one.
    #[serde(default)]
    pub expires: Option<String>,
    /// The version that this one replaces.
    #[serde(default)]
    pub previous: Option<PathBuf>,
}

/// Add a signature to a file of signers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRootRequest {
    pub root: PathBuf,
    pub with: KeySource,
    #[serde(default)]
    pub previous: Option<PathBuf>,
}

/// Check that a file of signers was agreed to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRootRequest {
    pub root: PathBuf,
    #[serde(default)]
    pub previous: Option<PathBuf>,
    /// Where the files of signers that were accepted before are remembered.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
}

/// What a file of signers says, and who agreed to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootSummary {
    pub root: PathBuf,
    pub version: u64,
    /// What stays the same from version to version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub threshold: u32,
    /// The last day on which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    /// How many people it lists.
    pub signers: usize,
    /// Signatures under the signers of this version.
    pub signatures: Vec<SignatureCheck>,
    /// The same under those of the version before, where that was named.
    pub signatures_of_previous: Vec<SignatureCheck>,
    pub satisfied: bool,
    /// Null where the version before was not named.
    pub satisfied_by_previous: Option<bool>,
    pub verdict: Verdict,
    pub warnings: Vec<String>,
}

/// Show what is public of a key file, or look at one that is to sign later.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    pub with: KeySource,
}

/// The public keys of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKeys {
    pub keys: Vec<PublicHalf>,
}

/// What is public of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicHalf {
    pub key_type: KeyType,
    pub public_key: String,
    pub key_id: String,
    /// Of a chain key: with the prefix of no network in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}
