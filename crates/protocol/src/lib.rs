// SPDX-License-Identifier: Apache-2.0
//! The types that cross a process boundary or are published: requests and results of workers, and
//! documents.
//!
//! The crate contains only types and their serde forms. Each document has one type for its writer
//! and all its readers, so that the compiler finds the readers of a changed field. The JSON schemas
//! in `docs/schema` are generated from the same types. This crate imports no other crate of
//! Cutover.

// `json!` is in what `JsonSchema` derives, so the macro cannot be forbidden here.
#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_methods))]

pub mod benchmark;
pub mod block;
pub mod build;
pub mod bytes;
mod chain;
mod check;
pub mod checks;
pub mod ci;
pub mod diff;
pub mod dry_run;
mod either;
mod endpoint;
mod event;
pub mod explanation;
pub mod exposed;
mod failure;
pub mod fork;
pub mod format;
pub mod inspect;
pub mod keys;
pub mod manifest;
pub mod network_proposal;
pub mod prebuilt;
pub mod proposal;
pub mod rebuild;
pub mod referendum;
pub mod rehearse;
pub mod release;
pub mod signers;
pub mod snapshot;
mod source;
pub mod step;
pub mod support;
mod support_task;
pub mod upgrade;
mod verdict;
pub mod verify;
mod volatile;
pub mod weights;
pub mod workspace;
pub mod xcm;

pub use chain::{Pace, RpcUsage, RuntimeIdentity, StateIdentity, StateMode, Weight};
pub use check::{Check, CheckOutcome, Finding, Rank, Status, hazards};
pub use checks::CHECKS;
pub use endpoint::{Endpoint, Live, hide_addresses, without_addresses};
pub use event::{Event, Progress};
pub use failure::{Code, Failure, FailureDocument, Kind, Result};
pub use source::Source;
pub use verdict::Verdict;
pub use volatile::{VOLATILE, without_volatile};
