// SPDX-License-Identifier: Apache-2.0
//! Documented failed upgrades, reproduced on the embedded runtimes. The dry run must stop each of
//! them by a check that names the cause, without special options. The numbers are those of
//! docs/incidents.md.

mod identity;
mod migrations;
mod nodes;
mod relay_chain;
mod sessions;
mod signing;
mod storage;
