// SPDX-License-Identifier: Apache-2.0
//! The state that a development chain begins with.

use alloc::{string::ToString, vec, vec::Vec};

use frame_support::build_struct_json_patch;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
    AttestationsConfig, AuraConfig, BalancesConfig, GrandpaConfig, RuntimeGenesisConfig, SudoConfig, UNIT, release,
};

/// The presets there are.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV_RUNTIME_PRESET)]
}

/// The JSON of one preset, to be merged over the default.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    (id.as_str() == DEV_RUNTIME_PRESET).then(|| {
        let (rebuilders, attestations) = release::attestations();
        let endowed = Sr25519Keyring::well_known()
            .map(|key| (key.to_account_id(), 1_000_000 * UNIT))
            .chain(rebuilders.into_iter().map(|who| (who, 1_000 * UNIT)));
        let patch = build_struct_json_patch!(RuntimeGenesisConfig {
            balances: BalancesConfig { balances: endowed.collect::<Vec<_>>() },
            aura: AuraConfig { authorities: vec![AuraId::from(Sr25519Keyring::Alice.public())] },
            grandpa: GrandpaConfig { authorities: vec![(GrandpaId::from(Ed25519Keyring::Alice.public()), 1)] },
            sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
            attestations: AttestationsConfig { threshold: 3, attestations },
        });
        patch.to_string().into_bytes()
    })
}
