// SPDX-License-Identifier: Apache-2.0
//! What an upgrade leaves behind so that anyone can check it again.
//!
//! Each step of the pipeline writes one evidence file ([`step`]). A [`manifest`](assemble) joins them: an in-toto
//! statement whose subjects are all files of the bundle, in a DSSE [`envelope`]. The people that a file of signers
//! ([`root`]) lists sign it with keys they already have, and [`verify`] counts them against the file's threshold.
//!
//! `docs/evidence.md` documents every format here; it changes with this code.

#![cfg_attr(not(test), warn(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod bundle;
pub mod canonical;
pub mod digest;
pub mod envelope;
pub mod statement;
pub mod step;

#[cfg(feature = "signatures")]
mod agent;
#[cfg(feature = "signatures")]
pub mod assemble;
#[cfg(feature = "signatures")]
pub mod content;
#[cfg(feature = "signatures")]
pub mod integrity;
#[cfg(feature = "signatures")]
pub mod keys;
#[cfg(feature = "signatures")]
pub mod request;
#[cfg(feature = "signatures")]
pub mod root;
#[cfg(feature = "signatures")]
pub mod root_change;
#[cfg(feature = "signatures")]
pub mod sign;
#[cfg(feature = "signatures")]
pub mod trust;
#[cfg(feature = "signatures")]
pub mod verify;

#[cfg(all(test, feature = "signatures"))]
mod testing;

/// The manifest's name in a bundle.
pub const MANIFEST: &str = "manifest.json";

/// The namespace of every ssh signature Cutover makes or accepts: a signature made for git or for mail does not count.
pub const NAMESPACE: &str = "cutover-upgrade";
