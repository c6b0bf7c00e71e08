// SPDX-License-Identifier: Apache-2.0
//! The evidence of an upgrade: written, signed and verified.
//!
//! Each step of the pipeline writes one evidence file ([`step`]). A [manifest](assemble) joins
//! these files: an in-toto statement in a DSSE [`envelope`], whose subjects are all files of the
//! bundle. The people listed in a file of signers ([`root`]) sign the manifest with keys they
//! already have. [`verify`] counts their signatures and compares the count with the threshold of
//! that file.
//!
//! `docs/evidence.md` documents every format of this crate. Change it together with this code.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

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
pub mod calls;
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

/// The file name of the manifest in a bundle.
pub const MANIFEST: &str = "manifest.json";

/// The SSHSIG namespace of every ssh signature that Cutover makes or accepts. A signature made for
/// another namespace, such as `git`, is invalid.
pub const NAMESPACE: &str = "cutover-upgrade";
