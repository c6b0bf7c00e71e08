// SPDX-License-Identifier: Apache-2.0
//! This release.

use alloc::{borrow::Cow, vec::Vec};

use sp_core::{H160, H256};
use sp_version::RuntimeVersion;

use crate::{AccountId, Runtime, apis::RUNTIME_API_VERSIONS};

/// The call `attest` takes an outcome now: transactions signed for the previous release do not decode any more.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("cutover-standalone"),
    impl_name: Cow::Borrowed("cutover-standalone"),
    authoring_version: 1,
    spec_version: 1_001_000,
    impl_version: 0,
    apis: RUNTIME_API_VERSIONS,
    transaction_version: 2,
    system_version: 1,
};

/// Run in the block of the upgrade.
pub type SingleBlockMigrations = pallet_attestations::migrations::policy::AddValidity<Runtime>;

/// Run in the blocks that follow, until they are done.
#[cfg(not(feature = "runtime-benchmarks"))]
pub type MultiBlockMigrations = pallet_attestations::migrations::records::MoveRecords<Runtime>;

/// No attestations to begin with: accounts, and what each attests to which code hash.
pub fn attestations() -> (Vec<AccountId>, Vec<(AccountId, H256, H160)>) {
    (Vec::new(), Vec::new())
}
