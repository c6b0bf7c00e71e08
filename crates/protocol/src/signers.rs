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
    /// The format of the document: `cutover/signers/v1`.
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
    /// The keys whose signatures count. Several keys under one name belong to one person.
    pub signers: Vec<SignerEntry>,
    /// Signatures over the other fields, by the signers of this version and of the previous one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// A key in a file of signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignerEntry {
    /// The name of the person, 1 to 100 bytes. Names that differ only in case are rejected.
    pub name: String,
    /// The type of the key.
    pub key_type: KeyType,
    /// An OpenSSH public key line; for chain keys `0x` hex or an SS58 address.
    pub public_key: String,
}

/// The type of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// An OpenSSH key: ed25519, ECDSA, RSA of 2048 to 4096 bits, or a hardware key (`sk`).
    Ssh,
    /// An ed25519 key of a chain account.
    Ed25519,
    /// An sr25519 key of a chain account.
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
        /// The path of the key file.
        key_file: PathBuf,
    },
    /// A key in an ssh agent, by fingerprint, name or public key line. Null selects the only key
    /// that fits.
    Agent {
        /// The fingerprint, name or public key line of the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The path of the agent's socket. Null selects that of the variable `SSH_AUTH_SOCK`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        socket: Option<PathBuf>,
    },
    /// A file with the seed or phrase of an ed25519 key.
    Ed25519 {
        /// The path of the file.
        key_file: PathBuf,
    },
    /// A file with the seed or phrase of an sr25519 key.
    Sr25519 {
        /// The path of the file.
        key_file: PathBuf,
    },
    /// A signature made by another program: hex by a wallet or `subkey`, or armored by `ssh-keygen
    /// -Y sign`.
    Import {
        /// The type of the key that made the signature.
        key_type: KeyType,
        /// The public key. A chain key requires it. An ssh signature contains its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<String>,
        /// The path of the file with the signature.
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
    /// The path of the file to write, which must not exist.
    pub path: PathBuf,
    /// The number of people who must sign.
    pub threshold: u32,
    /// The keys whose signatures count.
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
    /// The path of the file of signers.
    pub root: PathBuf,
    /// The key to sign with. A throw-away key is a usage error.
    pub with: KeySource,
    /// The path of the previous version, whose signers may sign as well.
    #[serde(default)]
    pub previous: Option<PathBuf>,
}

/// A request to check that a file of signers was agreed to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRootRequest {
    /// The path of the file of signers.
    pub root: PathBuf,
    /// The path of the previous version, whose signers must have agreed to this one.
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
    /// The key id of the signature: `ssh:SHA256:…`, `ed25519:0x…`, `sr25519:0x…` or
    /// `throw-away:ed25519:0x…`.
    pub key_id: String,
    /// Whether it is a valid signature of the document by the key.
    pub valid: bool,
    /// Whether it counts towards the threshold.
    pub counted: bool,
    /// Whether it was made by an ephemeral key, which never counts.
    pub throw_away: bool,
    /// Why it is invalid or not counted: a sentence whose subject is "it".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The facts about a file of signers, and who agreed to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootSummary {
    /// The path of the file.
    pub root: PathBuf,
    /// The version of the file, from 1.
    pub version: u64,
    /// An identifier that all versions of one file share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// The number of people who must sign.
    pub threshold: u32,
    /// The last day (UTC) on which the file is valid: `2027-06-30`. Absent if it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whether this day is past. No signature is counted under this version then.
    pub expired: bool,
    /// The number of people that the file lists.
    pub signers: usize,
    /// The signatures, counted under this version.
    pub signatures: Vec<SignatureCheck>,
    /// The signatures, counted under the previous version, if it was named.
    pub signatures_of_previous: Vec<SignatureCheck>,
    /// Whether the threshold of this version is met.
    pub satisfied: bool,
    /// Whether the threshold of the previous version is met. Null if that version was not named.
    pub satisfied_by_previous: Option<bool>,
    /// `pass` if all signatures are valid and every checked threshold is met. Else `fail`, also for
    /// a file that does not follow the version that was accepted on this machine.
    pub verdict: Verdict,
    /// The hazards, such as an expired file.
    pub warnings: Vec<String>,
}

/// A request to show the public keys of a key file, or to check a key before it is needed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// The key. Only a key file has public keys to show; any other source is a usage error there.
    pub with: KeySource,
}

/// The public keys of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKeys {
    /// The keys. A seed or phrase has an sr25519 and an ed25519 key, unless the request names the
    /// type or the path has a soft junction.
    pub keys: Vec<PublicKeyInfo>,
}

/// A public key of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKeyInfo {
    /// The type of the key.
    pub key_type: KeyType,
    /// The key as a file of signers writes it: an OpenSSH public key line, or `0x` and hex digits.
    pub public_key: String,
    /// The key id in signatures: `ssh:SHA256:…`, `ed25519:0x…` or `sr25519:0x…`.
    pub key_id: String,
    /// The SS58 address of a chain key, with the generic prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}
