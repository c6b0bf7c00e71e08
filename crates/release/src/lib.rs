// SPDX-License-Identifier: Apache-2.0
//! Releases: the plan, the files of a prepared release, and its publication on GitHub.
//!
//! Nothing is built or signed here. `release prepare` and `release sign` of the command line do that
//! and pass the results. The documents are types of `protocol::release`.

#![cfg_attr(not(test), warn(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod archive;
pub mod bundle;
pub mod cache;
mod changelog;
pub mod directory;
mod gh;
pub mod names;
pub mod plan;
pub mod publication;
pub mod record;
mod source;
mod template;
