// SPDX-License-Identifier: Apache-2.0
//! One proposal for several chains, compared with the derived encoding and with the bytes that the Fellowship's tool is
//! known to make.

use super::{
    chain::{self, NewXcm},
    types::{referenda::*, xcm::*, *},
};
use crate::{
    Chains, Options, Release, Target,
    network::{Upgraded, network},
    upgrade,
};
use codec::Encode;
use protocol::{network_proposal::NetworkProposal, proposal::Route};
use worker::{Kind, Result};

const CODES: [&[u8]; 4] = [b"the relay's code", b"the first code", b"the second code", b"the hub's code"];

fn authorize(code: &[u8]) -> RuntimeCall<NewXcm> {
    RuntimeCall::System(system::Call::authorize_upgrade { code_hash: H256(crate::blake2_256(code)) })
}

fn send(parents: u8, interior: Junctions, code: &[u8]) -> RuntimeCall<NewXcm> {
    let unpaid = Instruction::UnpaidExecution { weight_limit: WeightLimit::Unlimited, check_origin: None };
    let call = DoubleEncoded { encoded: authorize(code).encode() };
    let transact = Instruction::Transact { origin_kind: OriginKind::Superuser, fallback_max_weight: None, call };
    RuntimeCall::XcmPallet(xcm::Call::send {
        dest: Box::new(VersionedLocation::V5(Location { parents, interior })),
        message: Box::new(VersionedXcm::V5(Xcm(vec![unpaid, transact]))),
    })
}

fn to_para(parents: u8, id: u32, code: &[u8]) -> RuntimeCall<NewXcm> {
    send(parents, Junctions::X1([Junction::Parachain(id)]), code)
}

fn relay() -> Target {
    let parts =
        vec![chain::system(), chain::sudo_part(), chain::utility_part(), chain::xcm_part(), chain::marker("Paras", 56)];
    chain::target("relay", 15, [parts, chain::governance()].concat())
}

fn hub() -> Target {
    let parts =
        vec![chain::system(), chain::parachain_system(), chain::sudo_part(), chain::utility_part(), chain::xcm_part()];
    chain::target("hub", 15, [parts, chain::governance()].concat())
}

fn upgraded<'a>(target: &'a Target, para_id: Option<u32>, code: &'a [u8]) -> Upgraded<'a> {
    let release = Release { code, spec_name: target.name().into(), spec_version: 101 };
    Upgraded { target, para_id, is_governing: false, release }
}

fn governing<'a>(target: &'a Target, para_id: Option<u32>, code: &'a [u8]) -> Upgraded<'a> {
    Upgraded { is_governing: true, ..upgraded(target, para_id, code) }
}

fn propose(on: &Target, upgrades: &[Upgraded<'_>], atomic: bool, route: Option<Route>) -> Result<NetworkProposal> {
    network(on, upgrades, atomic, &Options { route, ..Options::default() })
}

fn chains(proposal: &NetworkProposal) -> Vec<&str> {
    proposal.upgrades.iter().map(|upgrade| upgrade.chain.as_str()).collect()
}

#[test]
fn the_relay_chain_authorizes_its_own_code_and_those_of_its_parachains() {
    let (relay, para) = (relay(), chain::para());
    let in_any_order = [
        upgraded(&para, Some(2000), CODES[2]),
        governing(&relay, None, CODES[0]),
        upgraded(&para, Some(1000), CODES[1]),
    ];
    for (atomic, name) in [(false, "force_batch"), (true, "batch_all")] {
        let proposal = propose(&relay, &in_any_order, atomic, None).expect("a proposal");
        let calls = vec![authorize(CODES[0]), to_para(0, 1000, CODES[1]), to_para(0, 2000, CODES[2])];
        let batch = match atomic {
            true => utility::Call::batch_all { calls },
            false => utility::Call::force_batch { calls },
        };
        let batch = RuntimeCall::Utility(batch);
        assert_eq!(proposal.call.bytes, hex::encode_prefixed(batch.encode()));
        let sudo = RuntimeCall::<NewXcm>::Sudo(sudo::Call::sudo { call: Box::new(batch) });
        let [call] = proposal.calls.as_slice() else { panic!("one call, not {}", proposal.calls.len()) };
        assert_eq!(call.bytes, hex::encode_prefixed(sudo.encode()));
        assert_eq!(call.carries.iter().map(|call| call.chain.as_str()).collect::<Vec<_>>(), ["para", "para"]);
        assert_eq!((proposal.route, proposal.batch.as_deref()), (Route::Sudo, Some(name)));
        assert!(proposal.notes.iter().any(|note| note.contains(name)), "{:?}", proposal.notes);

        assert_eq!(chains(&proposal), ["relay", "para", "para"]);
        let ids: Vec<_> = proposal.upgrades.iter().map(|upgrade| upgrade.para_id).collect();
        assert_eq!(ids, [None, Some(1000), Some(2000)]);
        let versions: Vec<_> = proposal.upgrades.iter().map(|upgrade| upgrade.xcm_version.as_deref()).collect();
        assert_eq!(versions, [None, Some("V5"), Some("V5")]);
        for ((upgrade, apply), code) in proposal.upgrades.iter().zip(&proposal.applies).zip(CODES) {
            assert_eq!(upgrade.code_hash, hex::encode_prefixed(crate::blake2_256(code)));
            assert_eq!(upgrade.authorize.bytes, hex::encode_prefixed(authorize(code).encode()));
            let apply_code = system::Call::apply_authorized_upgrade { code: code.to_vec() };
            assert_eq!(apply.encoded, RuntimeCall::<NewXcm>::System(apply_code).encode());
            assert_eq!(apply.chain, upgrade.chain);
        }
        assert_eq!(proposal.applies.len(), 3);
    }
}

#[test]
fn an_asset_hub_authorizes_the_relay_chain_first_and_itself_last() {
    let (hub, relay, para) = (hub(), relay(), chain::para());
    let upgrades = [
        governing(&hub, Some(1000), CODES[3]),
        upgraded(&para, Some(1002), CODES[2]),
        upgraded(&para, Some(1001), CODES[1]),
        upgraded(&relay, None, CODES[0]),
    ];
    let proposal = propose(&hub, &upgrades, false, None).expect("a proposal");
    assert_eq!(chains(&proposal), ["relay", "para", "para", "hub"]);
    let calls = vec![
        send(1, Junctions::Here, CODES[0]),
        to_para(1, 1001, CODES[1]),
        to_para(1, 1002, CODES[2]),
        authorize(CODES[3]),
    ];
    let batch = RuntimeCall::Utility(utility::Call::force_batch { calls });
    assert_eq!(proposal.call.bytes, hex::encode_prefixed(batch.encode()));
    // What the Fellowship's tool is known to make of each message, except for the index of the pallet.
    let message = |place: &str, code: &[u8]| {
        let hash = hex::encode(crate::blake2_256(code));
        format!("6300050{place}05082f0000060200880009{hash}")
    };
    let known = [
        message("100", CODES[0]),
        message("10100a50f", CODES[1]),
        message("10100a90f", CODES[2]),
        format!("0009{}", hex::encode(crate::blake2_256(CODES[3]))),
    ];
    assert_eq!(proposal.call.bytes, format!("0x1a0410{}", known.concat()));
    assert!(
        proposal.notes.iter().any(|note| note.starts_with("hub is itself a parachain: each of relay, para, para "))
    );
}

#[test]
fn referenda_vote_on_the_batch() {
    let (relay, para) = (relay(), chain::para());
    // Three of them are too long to be inside of the referendum.
    let upgrades = [
        governing(&relay, None, CODES[0]),
        upgraded(&para, Some(1000), CODES[1]),
        upgraded(&para, Some(2000), CODES[2]),
    ];
    let calls = || vec![authorize(CODES[0]), to_para(0, 1000, CODES[1]), to_para(0, 2000, CODES[2])];
    let batch = || RuntimeCall::Utility(utility::Call::force_batch { calls: calls() });
    let lookup = |call: &[u8]| Bounded::Lookup { hash: H256(crate::blake2_256(call)), len: call.len() as u32 };
    let submit = |origin, call: &[u8]| {
        let (proposal_origin, enactment_moment) = (Box::new(origin), DispatchTime::After(0));
        let submit = referenda::Call::submit { proposal_origin, proposal: lookup(call), enactment_moment };
        hex::encode_prefixed(RuntimeCall::<NewXcm>::Referenda(submit).encode())
    };
    let proposal = propose(&relay, &upgrades, false, Some(Route::RootReferendum)).expect("a proposal");
    let names = |proposal: &NetworkProposal| proposal.calls.iter().map(|call| call.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&proposal), ["note_preimage", "submit"]);
    assert_eq!(proposal.calls[1].bytes, submit(OriginCaller::system(RawOrigin::Root), &batch().encode()));
    assert_eq!(proposal.calls[0].carries[0].bytes, proposal.call.bytes);

    let proposal = propose(&relay, &upgrades, false, Some(Route::WhitelistedReferendum)).expect("a proposal");
    assert_eq!(names(&proposal), ["whitelist_call", "note_preimage", "submit"]);
    let call_hash = H256(crate::blake2_256(&batch().encode()));
    let whitelist = RuntimeCall::<NewXcm>::Whitelist(whitelist::Call::whitelist_call { call_hash });
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(whitelist.encode()));
    let dispatch = whitelist::Call::dispatch_whitelisted_call_with_preimage { call: Box::new(batch()) };
    let dispatch = RuntimeCall::<NewXcm>::Whitelist(dispatch).encode();
    assert_eq!(proposal.calls[2].bytes, submit(OriginCaller::Origins(CustomOrigin::WhitelistedCaller), &dispatch));
}

#[test]
fn exchanged_runtimes_are_refused_without_checks_too() {
    let (relay, para) = (relay(), chain::para());
    let without_checks = |name: &str, upgrades_relay: bool| {
        let mut renamed = upgraded(&para, Some(1000), CODES[1]);
        renamed.release.spec_name = name.into();
        let mut upgrades = vec![renamed];
        upgrades.extend(upgrades_relay.then(|| governing(&relay, None, CODES[0])));
        network(&relay, &upgrades, false, &Options { without_checks: true, ..Options::default() })
    };
    for upgrades_relay in [false, true] {
        let failure = without_checks("relay", upgrades_relay).expect_err("the relay chain's runtime");
        assert_eq!(failure.kind, Kind::Check);
        assert!(failure.message.contains("the new runtime of para is that of another chain"), "{failure}");
        // A chain may get another name.
        let renamed = without_checks("para-two", upgrades_relay).expect("a proposal");
        assert!(renamed.notes.iter().any(|note| note.contains("para-two")), "{:?}", renamed.notes);
    }
}

#[test]
fn one_upgrade_is_proposed_as_by_propose_upgrade() {
    let (relay, para) = (relay(), chain::para());
    let release = |target: &Target| Release { code: CODES[1], spec_name: target.name().into(), spec_version: 101 };
    let own = propose(&relay, &[governing(&relay, None, CODES[1])], false, None).expect("a proposal");
    let chains = Chains { target: &relay, relay: None, para_id: None };
    let alone = upgrade(chains, &release(&relay), &Options::default()).expect("a proposal");
    assert_eq!((own.batch, &own.calls[0].bytes), (None, &alone.calls[0].bytes));
    let other = propose(&relay, &[upgraded(&para, Some(1000), CODES[1])], true, None).expect("a proposal");
    let chains = Chains { target: &para, relay: Some(&relay), para_id: Some(1000) };
    let alone = upgrade(chains, &release(&para), &Options::default()).expect("a proposal");
    assert_eq!((other.batch, &other.calls[0].bytes), (None, &alone.calls[0].bytes));
}

#[test]
fn what_an_apply_call_does_not_show_is_noted() {
    let (relay, para) = (relay(), chain::para());
    let upgrades = [governing(&relay, None, CODES[0]), upgraded(&para, Some(1000), CODES[1])];
    let notes = |without_checks| {
        let options = Options { without_checks, ..Options::default() };
        network(&relay, &upgrades, false, &options).expect("a proposal").notes
    };
    let has = |notes: &[String], words: &str| notes.iter().any(|note| note.contains(words));
    let (checked, unchecked) = (notes(false), notes(true));
    assert!(has(&checked, "`rejected_event`") && !has(&checked, "no chain compares"), "{checked:?}");
    assert!(has(&unchecked, "no chain compares") && !has(&unchecked, "`rejected_event`"), "{unchecked:?}");
}

#[test]
fn what_cannot_be_proposed_together_is_refused() {
    let (relay, para) = (relay(), chain::para());
    let own = || governing(&relay, None, CODES[0]);
    let refused = |upgrades: &[Upgraded<'_>]| propose(&relay, upgrades, false, None).expect_err("refused");
    assert_eq!(refused(&[]).kind, Kind::Usage);
    assert_eq!(refused(&[own(), own()]).message, "two upgrades are of the same chain");
    // A para id does not make another chain of the governing one.
    let with_id = governing(&relay, Some(1000), CODES[1]);
    assert_eq!(refused(&[own(), with_id]).message, "two upgrades are of the same chain");
    let twice = [upgraded(&para, Some(1000), CODES[1]), upgraded(&para, Some(1000), CODES[2])];
    let found = refused(&twice).found;
    assert_eq!(found.as_deref(), Some("para and para, both parachain 1000"));
    let failure = refused(&[own(), upgraded(&para, None, CODES[1])]);
    assert!(failure.expected.is_some_and(|text| text.contains("the para id of para")));
    // The versions of each chain are checked.
    let mut old = upgraded(&para, Some(1000), CODES[1]);
    old.release.spec_version = 100;
    assert_eq!(refused(&[own(), old]).kind, Kind::Check);
    let mut other = own();
    other.release.spec_name = "para".into();
    assert_eq!(refused(&[other]).kind, Kind::Check);

    let failure = propose(&relay, &[own()], false, Some(Route::RelaySuperuserSudo)).expect_err("not its own");
    assert_eq!(failure.kind, Kind::Usage);
    // A chain without the pallet has no call for several calls, but needs none for one.
    let plain = chain::relay();
    let both = [governing(&plain, None, CODES[0]), upgraded(&para, Some(1000), CODES[1])];
    let failure = propose(&plain, &both, false, None).expect_err("no Utility");
    assert_eq!(failure.kind, Kind::Input);
    assert!(failure.expected.is_some_and(|text| text.contains("the pallet Utility")));
    propose(&plain, &both[..1], false, None).expect("no batch");
    // A chain of which the code itself is set cannot be told by a message.
    let old = chain::part("System", 0, scale_info::meta_type::<system::OldCall>());
    let old = chain::target("old", 14, vec![old, chain::part("Paras", 9, scale_info::meta_type::<preimage::Call>())]);
    let hub = hub();
    let failure = propose(&hub, &[upgraded(&old, None, CODES[0])], false, None).expect_err("no hash");
    assert!(failure.expected.is_some_and(|text| text.contains("a call authorize_upgrade on old")));
}
