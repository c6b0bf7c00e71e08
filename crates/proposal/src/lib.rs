// SPDX-License-Identifier: Apache-2.0
//! Upgrade proposals: the calls that make a chain take new code, for the way it is governed.
//!
//! - [`Target`]: a chain as its own metadata describes it. No index and no layout is known beforehand.
//! - [`Value`]: what a call means. [`encode`] turns it into bytes, [`decode`] turns bytes into it; they share nothing
//!   but the metadata, and [`verified`] lets no call out on which they disagree.
//! - [`Route`], [`Chains`]: by whose authority, and what that takes.
//! - [`upgrade`]: the proposal itself; [`files`] writes it down; [`request`] serves it to the command line.

pub mod calls;
pub mod decode;
pub mod encode;
pub mod files;
mod links;
pub mod metadata;
pub mod propose;
mod registry;
pub mod request;
pub mod route;
mod value;
pub mod verified;
pub mod xcm;

#[cfg(test)]
mod tests;

/// The hash of calls, preimages and code.
pub use artifact::hashes::blake2_256;
pub use calls::Enactment;
pub use metadata::{Pallet, Target, Version};
pub use propose::{Options, Proposal, Release, upgrade};
pub use route::{Chains, Route};
pub use value::{Field, Value, named};
