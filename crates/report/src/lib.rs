// SPDX-License-Identifier: Apache-2.0
//! Renders evidence for people: pure functions from the documents of the steps to text for a
//! terminal, Markdown, HTML and other formats.
//!
//! Each function takes the document's own type, so a renamed field is a compile error. Missing
//! parts are left out.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod benchmarks;
pub mod block;
mod bundle;
pub mod bytes;
mod call_weights;
mod checklist;
pub mod comment;
pub mod diff;
pub mod explanation;
mod field;
pub mod html;
pub mod init;
pub mod junit;
pub mod keys;
pub mod markdown;
pub mod network_proposal;
pub mod referendum;
pub mod rehearsal;
mod rehearsed;
pub mod release;
pub mod release_notes;
#[cfg(test)]
mod samples;
mod steps;
mod storage;
pub mod support;
pub mod support_task;
mod table;
pub mod terminal;
pub mod weights;
pub mod weights_picture;
pub mod xcm;

pub use bundle::Bundle;
pub use markdown::report;
pub use steps::counted;
