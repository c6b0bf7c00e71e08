// SPDX-License-Identifier: Apache-2.0
//! Shared code of the end-to-end tests: the built command, the built runtimes, and broken blobs.
//!
//! `cargo xtask test` builds the workers first. `cargo xtask build` builds the runtimes. Its cache
//! makes every build after the first one instant.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod blobs;
mod bundle;
mod checkout;
mod command;
pub mod daemon;
pub mod faults;
pub mod fork;
pub mod incident;
pub mod keys;
mod kinds;
mod networks;
pub mod patch;
mod redact;
mod registry;
pub mod schema;
mod shared;
mod skip;
mod tiny;
pub mod transaction;

pub use blobs::{Runtime, built, snapshot};
pub use bundle::bundle;
pub use checkout::Checkout;
pub use command::{Output, Xtask, programs, repository, with_peak, worker};
pub use networks::{workspace_with, workspace_with_network};
pub use redact::redact;
pub use registry::registry_package;
pub use shared::{copy, locked, shared};
pub use skip::skipped;
pub use tiny::{Tiny, alone, target_directory};
