// SPDX-License-Identifier: Apache-2.0
//! The previous release.

use alloc::borrow::Cow;

use sp_version::RuntimeVersion;

use crate::apis::RUNTIME_API_VERSIONS;

#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("cutover-parachain"),
    impl_name: Cow::Borrowed("cutover-parachain"),
    authoring_version: 1,
    spec_version: 1_000_000,
    impl_version: 0,
    apis: RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

pub type SingleBlockMigrations = ();

#[cfg(not(feature = "runtime-benchmarks"))]
pub type MultiBlockMigrations = ();

/// Enough attestations that moving them takes several blocks.
pub use pallet_attestations::sample::attestations;
