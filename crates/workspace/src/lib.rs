// SPDX-License-Identifier: Apache-2.0
//! The workspace with the runtimes: its directories, configuration, runtimes, sources and revisions.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod cargo;
pub mod changes;
pub mod context;
pub mod git;
pub mod inputs;
pub mod metadata;
pub mod networks;
pub mod revision;
pub mod runtimes;
pub mod toolchain_file;
