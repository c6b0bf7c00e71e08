// SPDX-License-Identifier: Apache-2.0
//! The command line of `support`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Support {
    /// Find out why a parachain makes no blocks: what both chains know of it, and its next block tried on
    /// forks
    Diagnose(Diagnose),
    /// Try repairs of a parachain on forks until one works, and write the calls of it
    Repair(Repair),
    #[command(flatten)]
    Task(SupportTask),
}

// Single tasks. Each is tried on a fork of the relay chain, and what it is for is read from the state. The help of
// `support` would begin with a doc comment of this type.
#[derive(Debug, Subcommand)]
pub enum SupportTask {
    /// Let the manager of the parachain change it again
    Unlock(Tried),
    /// Let the manager of the parachain change it no longer
    Lock(Tried),
    /// Set the relay chain's head of the parachain
    SetHead(SetHead),
    /// Set the relay chain's code of the parachain
    SetCode(WithCode),
    /// Schedule a code of the parachain, which the relay chain applies at a block
    ScheduleCode(ScheduleCode),
    /// Give the relay chain a code that its validators need not vote on
    TrustCode(WithCode),
    /// Register the parachain as an on-demand one with a manager
    Register(Register),
    /// Register the parachain without a manager, by the pallet ParasSudoWrapper
    Onboard(Onboard),
    /// Remove an on-demand parachain, and return its deposit
    Deregister(Tried),
    /// Remove the parachain, by the pallet ParasSudoWrapper
    Offboard(Tried),
    /// Make an on-demand parachain one that holds leases
    ToParachain(Tried),
    /// Make a parachain that holds leases an on-demand one
    ToParathread(Tried),
    /// Have the change of the lifecycle take place when the session ends
    QueueAction(Tried),
    /// Set the free balance of the account that a chain has on another one
    TopUp(TopUp),
    /// Open a channel to or from another parachain
    OpenChannel(OpenChannel),
    /// Close all channels of the parachain
    CloseChannels(Tried),
    /// Open and close the channels at once that would be when the session ends
    ProcessChannels(Tried),
    /// Give the parachain a whole core
    AssignCore(AssignCore),
    /// Set the number of cores of the relay chain
    SetCores(SetCores),
    /// Lease a slot to the parachain, where the relay chain still has leases
    Lease(Lease),
    /// End all leases of the parachain
    ClearLeases(Tried),
    /// End the time in which no other code of the parachain may be scheduled
    EndCooldown(Tried),
    /// Remove the messages from the relay chain that wait for the parachain
    EmptyDownwardQueue(Tried),
    /// Write an entry of the relay chain's state, by its name and value
    SetStorage(SetStorage),
    /// Remove an entry of the relay chain's state, by its name
    KillStorage(KillStorage),
}

/// The options of every task.
#[derive(Debug, Args)]
pub struct Tried {
    #[command(flatten)]
    pub case: Case,
    /// The candidates of the parachain that must be included after the task
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub heads: u32,
    /// Write the calls to this directory, if the task works
    #[arg(long, value_name = "DIR")]
    pub calls: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SetHead {
    #[command(flatten)]
    pub tried: Tried,
    /// The encoded head, `0x` and hex [default: that of --state]
    #[arg(long, value_name = "HEX")]
    pub head: Option<String>,
}

#[derive(Debug, Args)]
pub struct WithCode {
    #[command(flatten)]
    pub tried: Tried,
    /// The blob, compressed or not: its bytes are what the relay chain gets
    #[arg(long, value_name = "BLOB")]
    pub code: PathBuf,
}

#[derive(Debug, Args)]
pub struct ScheduleCode {
    #[command(flatten)]
    pub blob: WithCode,
    /// The relay block that the delay of the upgrade is counted from. The code is applied so many blocks
    /// after it, and never before the vote on it
    #[arg(long = "from-block", value_name = "RELAY_BLOCK")]
    pub from: u32,
}

#[derive(Debug, Args)]
pub struct Register {
    #[command(flatten)]
    pub blob: WithCode,
    /// The encoded first head, `0x` and hex [default: that of --state]
    #[arg(long, value_name = "HEX")]
    pub head: Option<String>,
    /// The account that manages the parachain, `0x` and hex
    #[arg(long, value_name = "ACCOUNT")]
    pub manager: String,
    /// The deposit that is reserved on that account, in the smallest unit
    #[arg(long, value_name = "N")]
    pub deposit: u128,
}

#[derive(Debug, Args)]
pub struct Onboard {
    #[command(flatten)]
    pub blob: WithCode,
    /// The encoded first head, `0x` and hex [default: that of --state]
    #[arg(long, value_name = "HEX")]
    pub head: Option<String>,
    /// Register it as an on-demand parachain, which gets no core
    #[arg(long)]
    pub on_demand: bool,
}

#[derive(Debug, Args)]
pub struct TopUp {
    #[command(flatten)]
    pub tried: Tried,
    /// The free balance that the account has after it, in the smallest unit
    #[arg(long, value_name = "N")]
    pub amount: u128,
    /// Whose account: `relay` is that of the parachain on the relay chain, `parent` that of the relay
    /// chain on the parachain, `sibling` that of another parachain on the parachain
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = AccountForm::Relay)]
    pub form: AccountForm,
    /// The number of the other parachain, for `--as sibling`
    #[arg(long, value_name = "ID", required_if_eq("form", "sibling"))]
    pub of: Option<u32>,
}

/// How the account of a chain on another chain is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccountForm {
    Relay,
    Sibling,
    Parent,
}

#[derive(Debug, Args)]
#[group(id = "ends", required = true, multiple = false, args = ["to", "from"])]
pub struct OpenChannel {
    #[command(flatten)]
    pub tried: Tried,
    /// The parachain that receives
    #[arg(long, value_name = "ID")]
    pub to: Option<u32>,
    /// The parachain that sends
    #[arg(long, value_name = "ID")]
    pub from: Option<u32>,
    /// The most messages in the channel [default: as many as the relay chain allows]
    #[arg(long, value_name = "N")]
    pub capacity: Option<u32>,
    /// The most bytes of a message [default: as many as the relay chain allows]
    #[arg(long, value_name = "N")]
    pub message_size: Option<u32>,
}

#[derive(Debug, Args)]
pub struct AssignCore {
    #[command(flatten)]
    pub tried: Tried,
    /// The number of the core [default: one that nobody claims]
    #[arg(long, value_name = "N")]
    pub core: Option<u16>,
}

#[derive(Debug, Args)]
pub struct SetCores {
    #[command(flatten)]
    pub tried: Tried,
    /// The number of cores
    #[arg(value_name = "N")]
    pub cores: u32,
}

#[derive(Debug, Args)]
pub struct Lease {
    #[command(flatten)]
    pub tried: Tried,
    /// The periods of the lease, from the present one on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub periods: u32,
    /// The account that is named as the leaser, `0x` and hex
    #[arg(long, value_name = "ACCOUNT")]
    pub account: String,
}

#[derive(Debug, Args)]
pub struct SetStorage {
    #[command(flatten)]
    pub tried: Tried,
    /// The storage item, `Pallet.Item`
    #[arg(long, value_name = "ITEM", requires = "value", required_unless_present = "raw")]
    pub item: Option<String>,
    /// A key of a map, in JSON by its type; once for each key of the map
    #[arg(long, value_name = "JSON", requires = "item", allow_hyphen_values = true)]
    pub key: Vec<String>,
    /// The value, in JSON by its type
    #[arg(long, value_name = "JSON", requires = "item", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Write the value to the key as they are, `0xKEY=0xVALUE`, or remove the entry, `0xKEY`; can be
    /// repeated
    #[arg(long, value_name = "ENTRY", conflicts_with_all = ["item", "key", "value"])]
    pub raw: Vec<String>,
}

#[derive(Debug, Args)]
pub struct KillStorage {
    #[command(flatten)]
    pub tried: Tried,
    /// The storage item, `Pallet.Item`
    #[arg(long, value_name = "ITEM")]
    pub item: String,
    /// A key of a map, in JSON by its type; once for each key of the map
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub key: Vec<String>,
}

/// A parachain with its relay chain.
#[derive(Debug, Args)]
pub struct Case {
    /// The number of the parachain on its relay chain
    #[arg(long, value_name = "ID")]
    pub para: u32,
    /// The relay chain: a raw chain spec, a snapshot, a ws:// or http:// node, or a network (`paseo`)
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The block of the relay chain, by hash or number, if its state is a node's [default: the last
    /// finalized]
    #[arg(long, value_name = "BLOCK")]
    pub relay_at: Option<String>,
    /// The state of the parachain, in the forms of --relay [default: none, only what the relay chain
    /// knows is told]
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// The block of the parachain, by hash or number, if its state is a node's [default: the head that
    /// the relay chain has, or the node's last finalized block]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// A relay chain by name, such as `paseo`. The state is that of its parachain with this number, if a
    /// node of it is known
    #[arg(long, value_name = "NETWORK", conflicts_with = "relay")]
    pub network: Option<String>,
    /// Write the document to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Diagnose {
    #[command(flatten)]
    pub case: Case,
}

#[derive(Debug, Args)]
pub struct Repair {
    #[command(flatten)]
    pub case: Case,
    /// A blob that mends the runtime of the parachain, with the spec_version of the present one
    #[arg(long, value_name = "BLOB")]
    pub code: Option<PathBuf>,
    /// The candidates that must be included after a repair
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub heads: u32,
    /// Write the calls of the repair that works to this directory
    #[arg(long, value_name = "DIR")]
    pub calls: Option<PathBuf>,
}
