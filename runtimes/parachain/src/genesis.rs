// SPDX-License-Identifier: Apache-2.0
//! The state that a development chain begins with.

use alloc::{string::ToString, vec, vec::Vec};

use cumulus_primitives_core::ParaId;
use frame_support::build_struct_json_patch;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_keyring::Sr25519Keyring;
use staging_xcm::prelude::XCM_VERSION;

use crate::{
    AttestationsConfig, BalancesConfig, ParachainInfoConfig, PolkadotXcmConfig, RuntimeGenesisConfig, SessionConfig,
    SessionKeys, SudoConfig, UNIT, release,
};

/// The first number that a relay chain gives to a parachain that is not the system's.
pub const PARA_ID: ParaId = ParaId::new(2_000);

/// The presets there are.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV_RUNTIME_PRESET)]
}

/// The JSON of one preset, to be merged over the default.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    (id.as_str() == DEV_RUNTIME_PRESET).then(|| {
        let alice = Sr25519Keyring::Alice.to_account_id();
        let keys = SessionKeys { aura: AuraId::from(Sr25519Keyring::Alice.public()) };
        let (rebuilders, attestations) = release::attestations();
        let endowed = Sr25519Keyring::well_known()
            .map(|key| (key.to_account_id(), 1_000_000 * UNIT))
            .chain(rebuilders.into_iter().map(|who| (who, 1_000 * UNIT)));
        let patch = build_struct_json_patch!(RuntimeGenesisConfig {
            balances: BalancesConfig { balances: endowed.collect::<Vec<_>>() },
            parachain_info: ParachainInfoConfig { parachain_id: PARA_ID },
            session: SessionConfig { keys: vec![(alice.clone(), alice.clone(), keys)] },
            polkadot_xcm: PolkadotXcmConfig { safe_xcm_version: Some(XCM_VERSION) },
            sudo: SudoConfig { key: Some(alice) },
            attestations: AttestationsConfig { threshold: 3, attestations },
        });
        patch.to_string().into_bytes()
    })
}
