// SPDX-License-Identifier: Apache-2.0
//! Single support tasks: what each is asked for with, and what came of it on forks.

use crate::{Check, Verdict, dry_run::Counterpart, format, support::RepairCall};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a task is tried.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskOptions {
    /// The task.
    pub task: Task,
    /// The candidates that must be included after it.
    pub heads: u32,
    /// The directory that the calls are written to, if the task works.
    #[serde(default)]
    pub out: Option<PathBuf>,
}

/// A support task. Bytes are `0x` and hex, balances decimal digits in the smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The manager of the parachain may change it again.
    Unlock,
    /// The manager of the parachain may change it no longer.
    Lock,
    /// Sets the relay chain's head of the parachain.
    SetHead {
        /// The head. By default that of the parachain's state.
        head: Option<String>,
    },
    /// Sets the relay chain's code of the parachain.
    SetCode {
        /// The blob.
        code: String,
    },
    /// Schedules a code of the parachain.
    ScheduleCode {
        /// The blob.
        code: String,
        /// The relay block that the delay of the upgrade is counted from.
        at: u32,
    },
    /// Gives the relay chain a code that its validators need not vote on.
    TrustCode {
        /// The blob.
        code: String,
    },
    /// Registers the parachain as an on-demand one with a manager.
    Register {
        /// The blob.
        code: String,
        /// The first head. By default that of the parachain's state.
        head: Option<String>,
        /// The account of the manager.
        manager: String,
        /// The deposit, which is reserved on that account.
        deposit: String,
    },
    /// Registers the parachain without a manager.
    Onboard {
        /// The blob.
        code: String,
        /// The first head. By default that of the parachain's state.
        head: Option<String>,
        /// Whether it becomes an on-demand parachain, and gets no core.
        on_demand: bool,
    },
    /// Removes an on-demand parachain, and returns the deposit.
    Deregister,
    /// Removes the parachain, whatever the registrar has of it.
    Offboard,
    /// Makes an on-demand parachain one that holds leases.
    ToParachain,
    /// Makes a parachain that holds leases an on-demand one.
    ToParathread,
    /// Has a change of the lifecycle take place at the end of the session.
    QueueAction,
    /// Sets the free balance of the account of a chain on another one.
    TopUp {
        /// The free balance that the account has after it.
        amount: String,
        /// Whose account on which chain.
        account: SovereignOf,
    },
    /// Opens a channel from the parachain.
    OpenChannel {
        /// The other parachain.
        other: u32,
        /// Whether the parachain receives on it.
        receives: bool,
        /// The most messages in it. By default as many as the relay chain allows.
        capacity: Option<u32>,
        /// The most bytes of a message. By default as many as the relay chain allows.
        message_size: Option<u32>,
    },
    /// Closes all channels of the parachain.
    CloseChannels,
    /// Opens and closes the channels of the relay chain for which both sides have asked.
    ProcessChannels,
    /// Gives the parachain a whole core.
    AssignCore {
        /// The number of the core. By default one that nobody claims.
        core: Option<u16>,
    },
    /// Sets the number of cores of the relay chain.
    SetCores {
        /// The number.
        cores: u32,
    },
    /// Leases a slot to the parachain from the present period on.
    Lease {
        /// The periods.
        periods: u32,
        /// The account that is named as the leaser.
        account: String,
    },
    /// Ends all leases of the parachain.
    ClearLeases,
    /// Ends the time in which no other code of the parachain may be scheduled.
    EndCooldown,
    /// Removes the messages to the parachain that wait on the relay chain.
    EmptyDownwardQueue,
    /// Writes an entry of the relay chain's state by its name and value.
    SetStorage {
        /// The storage item: `Registrar.NextFreeParaId`.
        item: String,
        /// The keys of a map, in JSON by their types.
        keys: Vec<String>,
        /// The value, in JSON by its type.
        value: String,
    },
    /// Removes an entry of the relay chain's state by its name.
    KillStorage {
        /// The storage item.
        item: String,
        /// The keys of a map, in JSON by their types.
        keys: Vec<String>,
    },
    /// Writes and removes entries of the relay chain's state by their keys.
    RawStorage {
        /// The entries: `0xKEY=0xVALUE` to write one, `0xKEY` to remove one.
        entries: Vec<String>,
    },
}

/// The account of a chain on another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SovereignOf {
    /// That of the parachain on the relay chain.
    Child,
    /// That of another parachain on the parachain.
    Sibling(u32),
    /// That of the relay chain on the parachain.
    Parent,
}

impl Task {
    /// Returns the name, as the command line has it: `open-channel`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::Lock => "lock",
            Self::SetHead { .. } => "set-head",
            Self::SetCode { .. } => "set-code",
            Self::ScheduleCode { .. } => "schedule-code",
            Self::TrustCode { .. } => "trust-code",
            Self::Register { .. } => "register",
            Self::Onboard { .. } => "onboard",
            Self::Deregister => "deregister",
            Self::Offboard => "offboard",
            Self::ToParachain => "to-parachain",
            Self::ToParathread => "to-parathread",
            Self::QueueAction => "queue-action",
            Self::TopUp { .. } => "top-up",
            Self::OpenChannel { .. } => "open-channel",
            Self::CloseChannels => "close-channels",
            Self::ProcessChannels => "process-channels",
            Self::AssignCore { .. } => "assign-core",
            Self::SetCores { .. } => "set-cores",
            Self::Lease { .. } => "lease",
            Self::ClearLeases => "clear-leases",
            Self::EndCooldown => "end-cooldown",
            Self::EmptyDownwardQueue => "empty-downward-queue",
            Self::SetStorage { .. } | Self::RawStorage { .. } => "set-storage",
            Self::KillStorage { .. } => "kill-storage",
        }
    }

    /// Returns the blob that it takes.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::SetCode { code }
            | Self::ScheduleCode { code, .. }
            | Self::TrustCode { code }
            | Self::Register { code, .. }
            | Self::Onboard { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// A support task that was tried on forks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskReport {
    /// The format of the document: `cutover/support-task/v1`.
    #[schemars(schema_with = "format::support_task")]
    pub format: String,
    /// The name of the task: `unlock`.
    pub task: String,
    /// What it does, in words.
    pub told: String,
    /// The identifier of the parachain.
    pub para: u32,
    /// The relay chain with its block.
    pub relay: Counterpart,
    /// The parachain with its block; nothing if its state was not given.
    pub parachain: Option<Counterpart>,
    /// What it costs the parachain and others.
    pub costs: Vec<String>,
    /// The calls, in their order.
    pub calls: Vec<RepairCall>,
    /// What the state has to show once the task worked.
    pub conditions: Vec<TaskCondition>,
    /// The sessions of the relay chain that end before it has its effect.
    pub sessions: u32,
    /// The candidates that were included after it.
    pub heads: u32,
    /// The checks `needed`, `dispatched`, `known-good` and `goes-on`.
    pub checks: Vec<Check>,
    /// The names of the files that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The duration of the run. Not in evidence.
    #[serde(default)]
    pub seconds: f64,
    /// The combined verdict of all checks.
    pub verdict: Verdict,
    /// The number of hazards.
    pub hazards: usize,
}

/// What the state has to show once a task worked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskCondition {
    /// The condition in words.
    pub told: String,
    /// Whether it held before; nothing if that is not known.
    pub before: Option<bool>,
    /// Whether it holds after the task; nothing if that is not known.
    pub after: Option<bool>,
    /// What was found, after the task if it was dispatched.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_from_what_it_is_written_to() {
        let tasks = [
            Task::Unlock,
            Task::TopUp { amount: u128::MAX.to_string(), account: SovereignOf::Sibling(1000) },
            Task::OpenChannel { other: 2001, receives: true, capacity: None, message_size: Some(7) },
            Task::SetStorage { item: "Paras.Heads".into(), keys: vec!["2000".into()], value: "\"0x00\"".into() },
        ];
        for task in tasks {
            let text = serde_json::to_string(&task).expect("JSON");
            assert_eq!(serde_json::from_str::<Task>(&text).expect("a task"), task, "{text}");
        }
        assert_eq!(Task::ScheduleCode { code: "a.wasm".into(), at: 7 }.code(), Some("a.wasm"));
        assert_eq!(Task::Lock.code(), None);
    }
}
