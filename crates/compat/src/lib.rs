// SPDX-License-Identifier: Apache-2.0
//! Two runtimes held against each other: what changed, whom it breaks, and whether the versions say so.
//!
//! - [`interface`]: what a runtime offers, in one form whatever the version of its metadata
//! - [`compare`], [`read`], [`value`]: two types held against each other, and values read by their types
//! - [`change`]: the table of whom each kind of change breaks
//! - [`changes`]: every change between two runtimes
//! - [`signing`]: whether what was signed for the old runtime means the same to the new one
//! - [`rules`]: what a release has to keep, and whether it did
//! - [`parameters`]: the constants that changed, in units that people think in
//! - [`document`]: all of it, as `diff` gives it

mod change;
pub mod changes;
pub mod compare;
pub mod document;
pub mod host_functions;
pub mod interface;
pub mod parameters;
pub mod read;
pub mod request;
pub mod rules;
pub mod runtime;
pub mod signing;
pub mod units;
pub mod value;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use compare::Differences;
pub use document::diff;
pub use interface::Interface;
pub use runtime::Runtime;
pub use signing::SigningChanges;
