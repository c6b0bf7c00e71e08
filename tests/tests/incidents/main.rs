// SPDX-License-Identifier: Apache-2.0
//! Documented upgrades that went wrong, each reproduced small on an embedded runtime: the dry run must stop it, through
//! a check that names the cause, with no special flag. The numbers are those of docs/incidents.md.

#![allow(clippy::expect_used, reason = "tests")]

mod identity;
mod migrations;
mod nodes;
mod relay_chain;
mod sessions;
mod signing;
mod storage;
