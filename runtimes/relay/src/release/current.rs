// SPDX-License-Identifier: Apache-2.0
//! This release.

use alloc::borrow::Cow;

use polkadot_primitives::node_features::FeatureIndex;
use sp_version::RuntimeVersion;

use crate::{apis::RUNTIME_API_VERSIONS, migrations::node_features};

#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("cutover-relay"),
    impl_name: Cow::Borrowed("cutover-relay"),
    authoring_version: 1,
    spec_version: 1_001_000,
    impl_version: 0,
    apis: RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// Run in the block of the upgrade.
pub type SingleBlockMigrations = node_features::EnableAssignmentsV2;

/// None that would take several blocks.
pub type MultiBlockMigrations = ();

/// What nodes are to do from the first block on: what the migration turns on included.
pub const NODE_FEATURES: [FeatureIndex; 3] =
    [FeatureIndex::EnableAssignmentsV2, FeatureIndex::ElasticScalingMVP, FeatureIndex::CandidateReceiptV2];
