// SPDX-License-Identifier: Apache-2.0
//! The end-to-end tests: real commands on real runtimes, as a person would run them.
//!
//! They are one program, so that it is linked once. nextest runs each test in a process of its own.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod bad_input;
mod block;
mod ci;
mod clients;
mod command_line;
mod determinism;
mod diff;
mod docker;
mod dry_run;
mod frame_benchmarking_cli;
mod full_disk;
mod incidents;
mod init;
mod interrupted;
mod large_states;
mod live_snapshots;
mod many_parachains;
mod network;
mod node;
mod page;
mod prebuilt;
mod propose_call;
mod propose_explain;
mod propose_keys;
mod propose_network;
mod real_chains;
mod real_specs;
mod rehearse;
mod release;
mod runtimes;
mod schemas;
mod secrets;
mod seen;
mod served_network;
mod signers;
mod support;
mod support_tasks;
mod upgrade;
mod verify_referendum;
mod weights;
mod workspaces;
mod xcm_explain;
