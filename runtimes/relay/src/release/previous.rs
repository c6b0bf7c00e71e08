// SPDX-License-Identifier: Apache-2.0
//! The previous release.

use alloc::borrow::Cow;

use polkadot_primitives::node_features::FeatureIndex;
use sp_version::RuntimeVersion;

use crate::apis::RUNTIME_API_VERSIONS;

#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("cutover-relay"),
    impl_name: Cow::Borrowed("cutover-relay"),
    authoring_version: 1,
    spec_version: 1_000_000,
    impl_version: 0,
    apis: RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

pub type SingleBlockMigrations = ();

pub type MultiBlockMigrations = ();

pub const NODE_FEATURES: [FeatureIndex; 2] = [FeatureIndex::ElasticScalingMVP, FeatureIndex::CandidateReceiptV2];
