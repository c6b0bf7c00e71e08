// SPDX-License-Identifier: Apache-2.0
//! Signatures, and who may give them.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Sign {
    /// The bundle's directory
    pub bundle: PathBuf,
    /// A key: an OpenSSH private key file; `agent` or `agent:KEY` for one behind the ssh agent, by name, fingerprint or
    /// public key line; `sr25519:FILE` or `ed25519:FILE` for a chain key (a secret phrase or seed in a file);
    /// `import:TYPE:[PUBLIC_KEY:]FILE` for a signature made elsewhere; `throw-away` for a key that nobody keeps
    #[arg(long = "with", value_name = "KEY", required_unless_present = "message")]
    pub keys: Vec<String>,
    /// Sign nothing: write the bytes to sign into this file, to be signed elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    pub message: Option<PathBuf>,
    /// The file that lists signers and threshold [default: signers.json of the workspace, if it is there]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Signers {
    #[command(subcommand)]
    pub what: SignersCommand,
}

#[derive(Debug, Subcommand)]
pub enum SignersCommand {
    /// Write a file of signers, or the next version of one
    Init(SignersInit),
    /// Agree to a file of signers: add a signature to it
    Sign(SignersSign),
    /// Check that its own signers, and those of the version before it, agreed to it
    Verify(SignersVerify),
    /// Show the public key and the address of a key file, and nothing secret
    Key(SignersKey),
}

#[derive(Debug, Args)]
pub struct SignersInit {
    /// The file to write
    pub file: PathBuf,
    /// How many of the signers must sign
    #[arg(long, value_name = "M")]
    pub threshold: u32,
    /// A signer: `NAME=ssh-ed25519 AAAA…` (a public key line), `NAME=FILE.pub`, `NAME=sr25519:KEY` or `NAME=ed25519:KEY` with
    /// a chain key as 0x hex or address; one name with several keys is one person, who counts once
    #[arg(long = "signer", value_name = "NAME=KEY", required = true)]
    pub signers: Vec<String>,
    /// The last day on which it holds (UTC), or `never` [default: that of --previous while it lies ahead]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub expires: Option<String>,
    /// The version that this one replaces
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SignersSign {
    /// The file of signers
    pub file: PathBuf,
    /// A key, as `sign --with` takes it; not a throw-away one
    #[arg(long = "with", value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    /// The version that this one replaces: its signers sign as well
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SignersKey {
    /// The key file: an OpenSSH key or public key, a seed or secret phrase; `sr25519:FILE` or `ed25519:FILE` for one kind alone
    #[arg(value_name = "FILE")]
    pub key: String,
}

#[derive(Debug, Args)]
pub struct SignersVerify {
    /// The file of signers
    pub file: PathBuf,
    /// The version that this one replaces: its signers must have agreed too
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}
