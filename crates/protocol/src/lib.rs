// SPDX-License-Identifier: Apache-2.0
//! What crosses a process boundary or is published: requests and results of workers, and the documents of evidence.
//!
//! Types and their serde forms alone. Each document has one type, which its writer writes and every reader reads, so that the
//! compiler names the readers of a field that changes. From the same types come the JSON schemas in `docs/schema`.
//! This crate imports nothing of Cutover.

pub mod benchmark;
pub mod block;
pub mod build;
pub mod bytes;
mod chain;
mod check;
mod checks;
pub mod diff;
pub mod dry_run;
mod endpoint;
mod event;
pub mod exposed;
mod failure;
pub mod fork;
pub mod format;
mod hexadecimal;
pub mod inspect;
pub mod snapshot;
mod source;
mod verdict;
mod volatile;
pub mod weights;

pub use chain::{RpcUsage, RuntimeIdentity, StateIdentity, StateMode, Weight};
pub use check::{Check, Finding, Rank, Status, hazards};
pub use checks::CHECKS;
pub use endpoint::{Endpoint, Live, hide_addresses, without_addresses};
pub use event::{Event, Progress};
pub use failure::{Code, Failure, Kind, Result};
pub use source::Source;
pub use verdict::Verdict;
pub use volatile::{VOLATILE, without_volatile};
