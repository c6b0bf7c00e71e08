// SPDX-License-Identifier: Apache-2.0
//! The command lines of `sign` and `signers`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Sign {
    /// The bundle's directory
    pub bundle: PathBuf,
    /// A key: an OpenSSH private key file; `agent` or `agent:KEY` for a key in the ssh agent, by
    /// name, fingerprint or public key line; `sr25519:FILE` or `ed25519:FILE` for a chain key (a
    /// file with a secret phrase or seed); `import:TYPE:[PUBLIC_KEY:]FILE` for a signature made
    /// elsewhere; `throw-away` for an ephemeral key that is not kept
    #[arg(long = "with", value_name = "KEY", required_unless_present = "message")]
    pub keys: Vec<String>,
    /// Write the bytes to sign to this file, to be signed elsewhere, and sign nothing
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    pub message: Option<PathBuf>,
    /// The file of signers and threshold [default: signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Signers {
    #[command(subcommand)]
    pub command: SignersCommand,
}

#[derive(Debug, Subcommand)]
pub enum SignersCommand {
    /// Write a file of signers, or its next version
    Init(SignersInit),
    /// Approve a file of signers: add a signature to it
    Sign(SignersSign),
    /// Verify that its own signers, and those of the version before it, approved it
    Verify(SignersVerify),
    /// Show the public key and the address of a key file, and nothing secret
    Key(SignersKey),
}

#[derive(Debug, Args)]
pub struct SignersInit {
    /// The file to write
    pub file: PathBuf,
    /// The number of signers that must sign
    #[arg(long, value_name = "M")]
    pub threshold: u32,
    /// A signer: `NAME=ssh-ed25519 AAAA…` (a public key line), `NAME=FILE.pub`, `NAME=sr25519:KEY`
    /// or `NAME=ed25519:KEY` with a chain key as 0x hex or address. Several keys with one name are
    /// one signer, who counts once
    #[arg(long = "signer", value_name = "NAME=KEY", required = true)]
    pub signers: Vec<String>,
    /// The last day on which it is valid (UTC), or `never` [default: that of --previous if it is in
    /// the future]
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
    /// A key, in the forms of `sign --with`, but not an ephemeral one
    #[arg(long = "with", value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    /// The version that this one replaces, whose signers sign as well
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SignersKey {
    /// The key file: an OpenSSH private or public key, a seed or a secret phrase; `sr25519:FILE` or
    /// `ed25519:FILE` for one key type only
    #[arg(value_name = "FILE")]
    pub key: String,
}

#[derive(Debug, Args)]
pub struct SignersVerify {
    /// The file of signers
    pub file: PathBuf,
    /// The version that this one replaces, whose signers must have approved it too
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}
