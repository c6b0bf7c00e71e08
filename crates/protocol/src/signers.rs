// SPDX-License-Identifier: Apache-2.0
//! Keys, and the file of signers: whose signatures count, and how many of them it takes.

use crate::{Verdict, format, manifest::Signature};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The file of signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootFile {
    #[schemars(schema_with = "format::signers")]
    pub format: String,
    /// The version of the file. Each change increases it by one.
    pub version: u64,
    /// The number of people who must sign.
    pub threshold: u32,
    /// The last day (UTC) on which the file is valid: `2027-06-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// An identifier that all versions of one file share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub signers: Vec<SignerEntry>,
    /// Signatures over the other fields, by the signers of this version and of the previous one.
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

/// The key or file that a signature comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeySource {
    /// A new ephemeral key that is not stored. Its key id is marked.
    ThrowAway,
    /// An OpenSSH private key. A `.pub` file selects that key in the agent.
    Ssh {
        key_file: PathBuf,
    },
    /// A key in an ssh agent, by fingerprint, name or public key line. Null selects the only key
    /// that fits.
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
    /// A signature made by another program: hex by a wallet or `subkey`, or armored by `ssh-keygen
    /// -Y sign`.
    Import {
        key_type: KeyType,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<String>,
        signature_file: PathBuf,
    },
}

impl KeySource {
    /// Returns the file that holds a secret, if there is one.
    pub fn secret_file(&self) -> Option<&PathBuf> {
        match self {
            Self::Ssh { key_file } | Self::Ed25519 { key_file } | Self::Sr25519 { key_file } => Some(key_file),
            Self::ThrowAway | Self::Agent { .. } | Self::Import { .. } => None,
        }
    }
}

/// A request to write a file of signers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitRootRequest {
    pub path: PathBuf,
    pub threshold: u32,
    pub signers: Vec<SignerEntry>,
    /// The last day on which the file is valid, or `never` to drop that of the previous version.
    #[serde(default)]
    pub expires: Option<String>,
    /// The version that this one replaces.
    #[serde(default)]
    pub previous: Option<PathBuf>,
}

/// A request to add a signature to a file of signers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRootRequest {
    pub root: PathBuf,
    pub with: KeySource,
    #[serde(default)]
    pub previous: Option<PathBuf>,
}

/// A request to check that a file of signers was agreed to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRootRequest {
    pub root: PathBuf,
    #[serde(default)]
    pub previous: Option<PathBuf>,
    /// The directory with the files of signers that were accepted before.
    #[serde(default)]
    pub accepted: Option<PathBuf>,
}

/// A signature, whether it is valid, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignatureCheck {
    /// The name of the signer in the file of signers. Null without a file, or if it does not list
    /// the key.
    pub signer: Option<String>,
    /// Null if the key cannot be read.
    pub key_type: Option<KeyType>,
    pub key_id: String,
    /// Whether it is a valid signature of this manifest by the key.
    pub valid: bool,
    /// Whether it counts towards the threshold.
    pub counted: bool,
    pub throw_away: bool,
    /// Why it is invalid or not counted: a sentence whose subject is "it".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The facts about a file of signers, and who agreed to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootSummary {
    pub root: PathBuf,
    pub version: u64,
    /// An identifier that all versions of one file share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub threshold: u32,
    /// The last day on which the file is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub expired: bool,
    /// The number of people that the file lists.
    pub signers: usize,
    /// The signatures, counted under this version.
    pub signatures: Vec<SignatureCheck>,
    /// The signatures, counted under the previous version, if it was named.
    pub signatures_of_previous: Vec<SignatureCheck>,
    pub satisfied: bool,
    /// Null if the previous version was not named.
    pub satisfied_by_previous: Option<bool>,
    pub verdict: Verdict,
    pub warnings: Vec<String>,
}

/// A request to show the public keys of a key file, or to check a key before it is needed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    pub with: KeySource,
}

/// The public keys of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKeys {
    pub keys: Vec<PublicKeyInfo>,
}

/// A public key of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKeyInfo {
    pub key_type: KeyType,
    pub public_key: String,
    pub key_id: String,
    /// The SS58 address of a chain key, with the generic prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}
