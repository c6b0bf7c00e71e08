// SPDX-License-Identifier: Apache-2.0
//! What costs little to know before a Wasm is built.

use codec::{DecodeAll, Encode};
use frame_support::{assert_ok, genesis_builder_helper::build_state, traits::UnfilteredDispatchable};
use polkadot_primitives::{CoreIndex, Id as ParaId, InherentData, node_features::FeatureIndex};
use polkadot_runtime_parachains::{
    paras::{self, ParaLifecycle},
    paras_inherent,
    runtime_api_impl::v13 as host,
};
use sp_consensus_babe::{
    BABE_ENGINE_ID,
    digests::{PreDigest, SecondaryPlainPreDigest},
};
use sp_genesis_builder::DEV_RUNTIME_PRESET;
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{Digest, DigestItem};
use staging_xcm::latest::prelude::*;
use staging_xcm_executor::XcmExecutor;

use crate::{
    Babe, Balances, Executive, Header, Paras, Runtime, RuntimeCall, RuntimeGenesisConfig, RuntimeOrigin, SLOT_DURATION,
    UNIT, UncheckedExtrinsic, genesis, release, xcm_config::XcmConfig,
};

const PARA: u32 = 2_000;

fn development() -> TestExternalities {
    let mut ext = TestExternalities::default();
    ext.execute_with(|| {
        let preset = genesis::get_preset(&DEV_RUNTIME_PRESET.into()).expect("the preset exists");
        build_state::<RuntimeGenesisConfig>(preset).expect("the preset builds");
    });
    ext
}

/// The block after this one, with what root calls in it.
fn next(parent: &Header, calls: &[RuntimeCall]) -> Header {
    let number = parent.number + 1;
    let slot = u64::from(number) + 1_000;
    let author = PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: 0, slot: slot.into() });
    let digest = Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, author.encode())] };
    Executive::initialize_block(&Header { number, digest, ..header(parent.hash()) });

    let no_parachains =
        InherentData { bitfields: vec![], backed_candidates: vec![], disputes: vec![], parent_header: parent.clone() };
    let inherents: [RuntimeCall; 2] = [
        pallet_timestamp::Call::set { now: slot * SLOT_DURATION }.into(),
        paras_inherent::Call::enter { data: no_parachains }.into(),
    ];
    for inherent in inherents {
        assert_eq!(Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(inherent)), Ok(Ok(())));
    }
    for call in calls {
        assert_ok!(call.clone().dispatch_bypass_filter(RuntimeOrigin::root()));
    }
    Executive::finalize_block()
}

fn header(parent_hash: sp_core::H256) -> Header {
    Header {
        parent_hash,
        number: 0,
        state_root: Default::default(),
        extrinsics_root: Default::default(),
        digest: Default::default(),
    }
}

#[test]
fn the_development_preset_builds() {
    development().execute_with(|| {
        let alice = Sr25519Keyring::Alice.to_account_id();
        assert_eq!(Balances::free_balance(&alice), 1_000_000 * UNIT);
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(alice));
        assert_eq!(Babe::authorities().len(), 6);
        let (groups, _) = host::validator_groups::<Runtime>();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2], "cores in the first session");
        let features = host::node_features::<Runtime>();
        assert!(release::NODE_FEATURES.iter().all(|feature| feature.is_set(&features)));
        assert!(!FeatureIndex::CandidateReceiptV3.is_set(&features));
    });
    assert!(genesis::get_preset(&"other".into()).is_none());
    assert_eq!(genesis::preset_names(), [DEV_RUNTIME_PRESET]);
}

/// As they are on the wire, so that whoever writes the bytes may look here.
#[test]
fn a_parachain_that_root_registers_is_there_two_sessions_later() {
    let code = vec![1u8; 64];
    let pallet_and_call = [(56u8, 5u8), (250, 0), (74, 4)];
    let arguments = [
        code.encode(),
        // The number, the first header, the code, and whether it is to get a new core.
        (PARA, b"the first header".to_vec(), code, false).encode(),
        // The core, the block from which on, whose it is (2 for a parachain's) with how many of 57,600 parts of it, and
        // no end.
        (0u16, 2u32, vec![(2u8, PARA, 57_600u16)], None::<u32>).encode(),
    ];
    let calls = pallet_and_call.iter().zip(arguments).map(|(call, arguments)| {
        let bytes = [call.encode(), arguments].concat();
        RuntimeCall::decode_all(&mut &bytes[..]).expect("a call")
    });
    let calls = calls.collect::<Vec<_>>();

    development().execute_with(|| {
        let para = ParaId::from(PARA);
        let mut head = next(&header(Default::default()), &calls);
        while Paras::lifecycle(para) != Some(ParaLifecycle::Parathread) {
            assert_eq!(Paras::lifecycle(para), Some(ParaLifecycle::Onboarding));
            assert!(host::session_index_for_child::<Runtime>() < 2);
            head = next(&head, &[]);
        }
        assert_eq!(host::session_index_for_child::<Runtime>(), 2);
        assert_eq!(paras::Heads::<Runtime>::get(para).map(|head| head.0), Some(b"the first header".to_vec()));
        let claims = host::claim_queue::<Runtime>();
        assert_eq!(claims.get(&CoreIndex(0)).map(|queue| queue.iter().copied().collect()), Some(vec![para; 3]));
    });
}

#[test]
fn a_chain_of_the_system_need_not_pay_and_another_must() {
    let remark = RuntimeCall::System(frame_system::Call::remark { remark: vec![] });
    let message = Xcm::<RuntimeCall>(vec![
        UnpaidExecution { weight_limit: Unlimited, check_origin: None },
        Transact { origin_kind: OriginKind::SovereignAccount, fallback_max_weight: None, call: remark.encode().into() },
    ]);
    let execute = |from: u32| {
        let weight = Weight::from_parts(100_000_000_000, 1_024 * 1_024);
        let (origin, message) = (Location::new(0, Parachain(from)), message.clone());
        XcmExecutor::<XcmConfig>::prepare_and_execute(origin, message, &mut [0; 32], weight, Weight::zero())
    };
    development().execute_with(|| {
        assert_ok!(execute(1_000).ensure_complete());
        let other = execute(PARA);
        assert!(matches!(other, Outcome::Incomplete { .. } | Outcome::Error(_)), "{other:?}");
    });
}

#[cfg(not(feature = "previous-release"))]
#[test]
fn the_migration_schedules_a_feature_of_nodes_once() {
    use crate::migrations::node_features::EnableAssignmentsV2;
    use frame_support::traits::OnRuntimeUpgrade;
    use polkadot_runtime_parachains::configuration::{ActiveConfig, PendingConfigs};

    development().execute_with(|| {
        EnableAssignmentsV2::on_runtime_upgrade();
        assert!(PendingConfigs::<Runtime>::get().is_empty(), "a new chain has it");

        let feature = FeatureIndex::EnableAssignmentsV2;
        ActiveConfig::<Runtime>::mutate(|config| config.node_features.set(usize::from(feature as u8), false));
        let before = ActiveConfig::<Runtime>::get();
        for _ in 0..2 {
            EnableAssignmentsV2::on_runtime_upgrade();
            assert_eq!(ActiveConfig::<Runtime>::get(), before);
            let pending = PendingConfigs::<Runtime>::get();
            assert_eq!(pending.iter().map(|(session, _)| *session).collect::<Vec<_>>(), [2]);
            assert!(feature.is_set(&pending[0].1.node_features));
        }
    });
}
