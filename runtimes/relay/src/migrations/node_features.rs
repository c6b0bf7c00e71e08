// SPDX-License-Identifier: Apache-2.0
//! From the previous release: validators may put their first assignments into one certificate.
//!
//! A feature of nodes is a bit of the configuration, which changes between sessions only. So the migration does what a
//! call of root would: it schedules the change, which is there two sessions later.

use frame_support::{traits::OnRuntimeUpgrade, weights::Weight};
use polkadot_primitives::node_features::FeatureIndex;
use polkadot_runtime_parachains::configuration::{ActiveConfig, HostConfiguration, PendingConfigs, WeightInfo};

use crate::{BlockNumber, Configuration, Runtime, RuntimeOrigin, weights::Estimate};

const FEATURE: FeatureIndex = FeatureIndex::EnableAssignmentsV2;

/// Schedules the feature, unless the configuration has it or is about to.
pub struct EnableAssignmentsV2;

impl OnRuntimeUpgrade for EnableAssignmentsV2 {
    fn on_runtime_upgrade() -> Weight {
        if !FEATURE.is_set(&newest().node_features) {
            // It says no where a configuration becomes inconsistent, which this bit cannot cause.
            let _ = Configuration::set_node_feature(RuntimeOrigin::root(), FEATURE as u8, true);
        }
        <Estimate as WeightInfo>::set_node_feature()
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
        use codec::Encode;

        Ok((ActiveConfig::<Runtime>::get(), newest()).encode())
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use codec::DecodeAll;
        use frame_support::ensure;

        let (active, mut expected) =
            <(HostConfiguration<BlockNumber>, HostConfiguration<BlockNumber>)>::decode_all(&mut &state[..])
                .map_err(|_| "a configuration of the previous release does not decode")?;
        ensure!(ActiveConfig::<Runtime>::get() == active, "the session's configuration has changed");
        let index = usize::from(FEATURE as u8);
        if expected.node_features.len() <= index {
            expected.node_features.resize(index + 1, false);
        }
        expected.node_features.set(index, true);
        ensure!(newest() == expected, "the newest configuration is not the old one with the feature");
        Ok(())
    }
}

/// The configuration that will be there once all scheduled changes are.
fn newest() -> HostConfiguration<BlockNumber> {
    let pending = PendingConfigs::<Runtime>::get().pop();
    pending.map_or_else(ActiveConfig::<Runtime>::get, |(_, configuration)| configuration)
}
