// SPDX-License-Identifier: Apache-2.0
//! What costs little to know before a Wasm is built.

use frame_support::{genesis_builder_helper::build_state, traits::GetStorageVersion};
use pallet_referenda::TracksInfo;
use sp_genesis_builder::DEV_RUNTIME_PRESET;
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;

use crate::{
    Attestations, Balances, RuntimeGenesisConfig, RuntimeOrigin, UNIT, genesis, release,
    tracks::{self, Tracks},
};

fn development() -> TestExternalities {
    let mut ext = TestExternalities::default();
    ext.execute_with(|| {
        let preset = genesis::get_preset(&DEV_RUNTIME_PRESET.into()).expect("the preset exists");
        build_state::<RuntimeGenesisConfig>(preset).expect("the preset builds");
    });
    ext
}

#[test]
fn the_development_preset_builds() {
    development().execute_with(|| {
        let alice = Sr25519Keyring::Alice.to_account_id();
        assert_eq!(Balances::free_balance(&alice), 1_000_000 * UNIT);
        assert_eq!(pallet_sudo::Key::<crate::Runtime>::get(), Some(alice));
        assert_eq!(Attestations::on_chain_storage_version(), Attestations::in_code_storage_version());
        let (_, attestations) = release::attestations();
        let counted = pallet_attestations::AttestationCount::<crate::Runtime>::iter_values().sum::<u32>();
        assert_eq!(counted as usize, attestations.len());
    });
    assert!(genesis::get_preset(&"other".into()).is_none());
    assert_eq!(genesis::preset_names(), [DEV_RUNTIME_PRESET]);
}

#[test]
fn tracks_are_sorted_and_every_origin_has_its_own() {
    assert_eq!(Tracks::check_integrity(), Ok(()));
    assert_eq!(Tracks::track_ids().collect::<Vec<_>>(), [tracks::ROOT, tracks::WHITELISTED_CALLER]);
    let track = |origin: RuntimeOrigin| Tracks::track_for(&origin.caller);
    assert_eq!(track(RuntimeOrigin::root()), Ok(tracks::ROOT));
    let whitelisted = crate::origins::Origin::WhitelistedCaller;
    assert_eq!(track(whitelisted.into()), Ok(tracks::WHITELISTED_CALLER));
    assert_eq!(track(RuntimeOrigin::signed(Sr25519Keyring::Bob.to_account_id())), Err(()));
    for track in Tracks::tracks() {
        let info = &track.info;
        assert!(info.confirm_period <= info.decision_period, "a confirmation must fit into the decision");
        assert!(info.min_enactment_period > 0 && info.prepare_period > 0 && info.max_deciding > 0);
    }
}
