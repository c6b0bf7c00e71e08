// SPDX-License-Identifier: Apache-2.0
//! Compares two runtimes: what changed, whom it affects, and whether the versions reflect it.
//!
//! - [`interface`]: a runtime's pallets, calls, storage and APIs, in one form for all metadata
//!   versions
//! - [`compare`], [`read`], [`value`]: compares two types, and decodes values by their types
//! - [`account`]: the entry of an account in the state, by its type
//! - [`changes`]: every change between two runtimes, with its severity and audiences
//! - [`signing`]: whether transactions signed for the old runtime keep their meaning
//! - [`rules`]: the rules that a release must keep
//! - [`parameters`]: the constants that changed, in human units
//! - [`request`]: the whole report, as `diff` prints it

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod account;
pub mod changes;
pub mod compare;
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
pub use interface::Interface;
pub use request::diff;
pub use runtime::Runtime;
pub use signing::SigningChanges;
