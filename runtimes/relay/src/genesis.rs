// SPDX-License-Identifier: Apache-2.0
//! The state that a development chain begins with.

use alloc::{string::ToString, vec, vec::Vec};

use frame_support::build_struct_json_patch;
use polkadot_primitives::{
    AssignmentId, AsyncBackingParams, LOWEST_PUBLIC_ID, MAX_POV_SIZE, NodeFeatures, ValidatorId,
    vstaging::SchedulerParams,
};
use polkadot_runtime_parachains::configuration::HostConfiguration;
use sp_consensus_babe::AuthorityId as BabeId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use staging_xcm::prelude::XCM_VERSION;

use crate::{
    AccountId, BabeConfig, BalancesConfig, BlockNumber, ConfigurationConfig, RegistrarConfig, RuntimeGenesisConfig,
    SessionConfig, SessionKeys, SudoConfig, UNIT, XcmPalletConfig, consensus::EPOCH_CONFIG, release,
};

/// Cores of two validators each.
const CORES: u32 = 3;

/// The presets there are.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV_RUNTIME_PRESET)]
}

/// The JSON of one preset, to be merged over the default.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    (id.as_str() == DEV_RUNTIME_PRESET).then(|| {
        let endowed = Sr25519Keyring::well_known().map(|key| (key.to_account_id(), 1_000_000 * UNIT));
        let patch = build_struct_json_patch!(RuntimeGenesisConfig {
            balances: BalancesConfig { balances: endowed.collect::<Vec<_>>() },
            babe: BabeConfig { epoch_config: EPOCH_CONFIG },
            configuration: ConfigurationConfig { config: host_configuration() },
            registrar: RegistrarConfig { next_free_para_id: LOWEST_PUBLIC_ID },
            session: SessionConfig { keys: validators() },
            sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
            xcm_pallet: XcmPalletConfig { safe_xcm_version: Some(XCM_VERSION) },
        });
        patch.to_string().into_bytes()
    })
}

/// The six from Alice to Ferdie: the account twice, and its keys.
fn validators() -> Vec<(AccountId, AccountId, SessionKeys)> {
    Sr25519Keyring::invulnerable()
        .zip(Ed25519Keyring::invulnerable())
        .map(|(sr25519, ed25519)| {
            let keys = SessionKeys {
                babe: BabeId::from(sr25519.public()),
                grandpa: GrandpaId::from(ed25519.public()),
                para_validator: ValidatorId::from(sr25519.public()),
                para_assignment: AssignmentId::from(sr25519.public()),
            };
            (sr25519.to_account_id(), sr25519.to_account_id(), keys)
        })
        .collect()
}

/// What parachains may do, and how they are scheduled.
fn host_configuration() -> HostConfiguration<BlockNumber> {
    let mut node_features = NodeFeatures::from_element(0);
    for feature in release::NODE_FEATURES {
        node_features.set(usize::from(feature as u8), true);
    }
    HostConfiguration {
        // Code and its upgrades.
        max_code_size: 3 * 1024 * 1024,
        code_retention_period: 1_200,
        validation_upgrade_cooldown: 30,
        validation_upgrade_delay: 10,
        minimum_validation_upgrade_delay: 5,
        // Blocks.
        max_head_data_size: 20 * 1024,
        max_pov_size: MAX_POV_SIZE,
        async_backing_params: AsyncBackingParams { max_candidate_depth: 3, allowed_ancestry_len: 2 },
        minimum_backing_votes: 2,
        node_features,
        scheduler_params: SchedulerParams {
            num_cores: CORES,
            max_validators_per_core: Some(2),
            lookahead: 3,
            group_rotation_frequency: 20,
            paras_availability_period: 4,
            ..SchedulerParams::default()
        },
        // Approval.
        needed_approvals: 2,
        no_show_slots: 2,
        n_delay_tranches: 25,
        relay_vrf_modulo_samples: 2,
        // Messages to here.
        max_upward_queue_count: 174_762,
        max_upward_queue_size: 1024 * 1024,
        max_upward_message_size: 65_531,
        max_upward_message_num_per_candidate: 16,
        // Messages from here.
        max_downward_message_size: 51_200,
        // Messages between parachains.
        hrmp_max_parachain_outbound_channels: 8,
        hrmp_max_parachain_inbound_channels: 8,
        hrmp_channel_max_capacity: 1_000,
        hrmp_channel_max_message_size: 102_400,
        hrmp_channel_max_total_size: 102_400,
        hrmp_max_message_num_per_candidate: 10,
        ..HostConfiguration::default()
    }
}
