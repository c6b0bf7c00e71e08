// SPDX-License-Identifier: Apache-2.0
//! The command line of `xcm`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Xcm {
    /// Execute a message, or those that a call sends, on a copy of the receiver's state: which instruction
    /// fails and why, what the barrier asks for, what it costs, what is trapped and how it is claimed
    Explain(XcmExplain),
}

#[derive(Debug, Args)]
pub struct XcmExplain {
    /// The message: an encoded `VersionedXcm` in hex (0x…), or a file with hex or with the bytes
    #[arg(
        value_name = "MESSAGE",
        required_unless_present_any = ["extrinsic", "call"],
        conflicts_with_all = ["extrinsic", "call"]
    )]
    pub message: Option<String>,
    /// The chain that executes the message: a raw chain spec, a snapshot, a ws:// or http:// node, or a
    /// network (`paseo/asset-hub`)
    #[arg(
        long,
        value_name = "SOURCE",
        required_unless_present_any = ["extrinsic", "call"],
        conflicts_with_all = ["extrinsic", "call"]
    )]
    pub to: Option<String>,
    /// The origin of the message as that chain sees it: `parent`, `para:2000`, `child:2000`,
    /// `sibling:2000`, a location in JSON, or the sending chain in the forms of --to
    #[arg(
        long,
        value_name = "ORIGIN",
        required_unless_present_any = ["extrinsic", "call"],
        conflicts_with_all = ["extrinsic", "call"]
    )]
    pub from: Option<String>,
    /// A signed extrinsic whose messages are explained, in the forms of MESSAGE
    #[arg(long, value_name = "HEX|FILE", requires = "on", conflicts_with = "call")]
    pub extrinsic: Option<String>,
    /// A call whose messages are explained, in the forms of MESSAGE
    #[arg(long, value_name = "HEX|FILE", requires = "on")]
    pub call: Option<String>,
    /// The chain that dispatches the call or the extrinsic, in the forms of --to
    #[arg(long, value_name = "SOURCE", conflicts_with = "to")]
    pub on: Option<String>,
    /// The account that signs the call, 0x and hex
    #[arg(long, value_name = "ACCOUNT", requires = "call", conflicts_with_all = ["origin", "extrinsic"])]
    pub signed: Option<String>,
    /// The origin of the call: `root`, `signed:0xACCOUNT`, or the name of an origin of the runtime
    #[arg(long, value_name = "ORIGIN", requires = "call", conflicts_with = "extrinsic")]
    pub origin: Option<String>,
    /// Another chain, in the forms of --to: a receiver of the call's messages; can be repeated
    #[arg(long, value_name = "SOURCE")]
    pub with: Vec<String>,
    /// The block of the chain of --to or --on, by hash or number, if its state is a node's [default: the
    /// last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// Write the document to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
