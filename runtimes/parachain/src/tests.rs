// SPDX-License-Identifier: Apache-2.0
//! What costs little to know before a Wasm is built.

use codec::Encode;
use frame_support::{assert_ok, genesis_builder_helper::build_state, traits::GetStorageVersion};
use sp_genesis_builder::DEV_RUNTIME_PRESET;
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use staging_xcm::latest::prelude::*;
use staging_xcm_executor::XcmExecutor;

use crate::{
    Attestations, Balances, ParachainInfo, Runtime, RuntimeCall, RuntimeGenesisConfig, System, UNIT, genesis, release,
    xcm_config::XcmConfig,
};

fn development() -> TestExternalities {
    let mut ext = TestExternalities::default();
    ext.execute_with(|| {
        let preset = genesis::get_preset(&DEV_RUNTIME_PRESET.into()).expect("the preset exists");
        build_state::<RuntimeGenesisConfig>(preset).expect("the preset builds");
        System::set_block_number(1);
    });
    ext
}

#[test]
fn the_development_preset_builds() {
    development().execute_with(|| {
        let alice = Sr25519Keyring::Alice.to_account_id();
        assert_eq!(Balances::free_balance(&alice), 1_000_000 * UNIT);
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(alice));
        assert_eq!(ParachainInfo::parachain_id(), genesis::PARA_ID);
        assert_eq!(pallet_aura::Authorities::<Runtime>::get().len(), 1);
        assert_eq!(Attestations::on_chain_storage_version(), Attestations::in_code_storage_version());
        let (_, attestations) = release::attestations();
        let counted = pallet_attestations::AttestationCount::<Runtime>::iter_values().sum::<u32>();
        assert_eq!(counted as usize, attestations.len());
    });
    assert!(genesis::get_preset(&"other".into()).is_none());
}

/// An upgrade's call, as root, from this location.
fn authorize_from(origin: Location) -> Outcome {
    let code_hash = sp_core::H256::repeat_byte(3);
    let call = RuntimeCall::System(frame_system::Call::authorize_upgrade { code_hash });
    let message = Xcm::<RuntimeCall>(vec![
        UnpaidExecution { weight_limit: Unlimited, check_origin: None },
        Transact { origin_kind: OriginKind::Superuser, fallback_max_weight: None, call: call.encode().into() },
    ]);
    let weight = Weight::from_parts(100_000_000_000, 1_024 * 1_024);
    XcmExecutor::<XcmConfig>::prepare_and_execute(origin, message, &mut [0; 32], weight, Weight::zero())
}

#[test]
fn the_relay_chain_authorizes_an_upgrade_and_a_sibling_cannot() {
    development().execute_with(|| {
        let sibling = authorize_from(Location::new(1, Parachain(1_000)));
        assert!(matches!(sibling, Outcome::Incomplete { .. } | Outcome::Error(_)), "{sibling:?}");
        assert!(System::authorized_upgrade().is_none());

        let relay = authorize_from(Location::parent());
        assert_ok!(relay.ensure_complete());
        assert!(System::authorized_upgrade().is_some());
    });
}
