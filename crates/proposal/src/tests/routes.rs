// SPDX-License-Identifier: Apache-2.0
use super::{
    chain::{self, NewXcm, OldXcm},
    types::{referenda::*, xcm::*, *},
};
use crate::{Chains, Options, Release, Target, propose::links, upgrade};
use codec::Encode;
use protocol::proposal::{Enactment, Proposal, Route};
use scale_info::meta_type;
use worker::Kind;

const CODE: &[u8] = b"not really code";

fn code_hash() -> [u8; 32] {
    crate::blake2_256(CODE)
}

fn authorize<X>() -> RuntimeCall<X> {
    RuntimeCall::System(system::Call::authorize_upgrade { code_hash: H256(code_hash()) })
}

fn propose(target: &Target, relay: Option<&Target>, options: Options) -> worker::Result<Proposal> {
    let para_id = relay.map(|_| 1000);
    let release = Release { code: CODE, spec_name: target.name().into(), spec_version: 101 };
    upgrade(Chains { target, relay, para_id }, &release, &options)
}

fn by(route: Route) -> Options {
    Options { route: Some(route), ..Options::default() }
}

fn submit(origin: OriginCaller, proposal: Bounded, enactment_moment: DispatchTime) -> String {
    let call = referenda::Call::submit { proposal_origin: Box::new(origin), proposal, enactment_moment };
    hex::encode_prefixed(RuntimeCall::<NewXcm>::Referenda(call).encode())
}

fn names(proposal: &Proposal) -> Vec<&str> {
    proposal.calls.iter().map(|call| call.name.as_str()).collect()
}

#[test]
fn by_sudo_in_every_version_of_metadata() {
    for version in [14, 15, 16] {
        let target = chain::target("solo", version, vec![chain::system(), chain::sudo_part()]);
        assert_eq!(target.metadata_version(), version);
        let proposal = propose(&target, None, Options::default()).expect("a proposal");
        let expected = RuntimeCall::<NewXcm>::Sudo(sudo::Call::sudo { call: Box::new(authorize()) }).encode();
        let [call] = proposal.calls.as_slice() else { panic!("one call, not {}", proposal.calls.len()) };
        assert_eq!(call.bytes, hex::encode_prefixed(&expected));
        assert_eq!(call.hash, hex::encode_prefixed(crate::blake2_256(&expected)));
        assert_eq!((call.length, call.chain.as_str()), (expected.len(), "solo"));
        let hash = hex::encode_prefixed(code_hash());
        assert_eq!(call.decoded, format!("Sudo.sudo {{ call: System.authorize_upgrade {{ code_hash: {hash} }} }}"));
        assert_eq!(call.preimage, None);
        assert_eq!(proposal.route, Route::Sudo);
        assert_eq!(proposal.code_hash, hash);
        assert_eq!(proposal.links, [format!("https://polkadot.js.org/apps/#/extrinsics/decode/{}", call.bytes)]);
    }
}

#[test]
fn the_apply_step_contains_the_code() {
    let proposal = propose(&chain::solo(), None, Options::default()).expect("a proposal");
    let expected =
        RuntimeCall::<NewXcm>::System(system::Call::apply_authorized_upgrade { code: CODE.to_vec() }).encode();
    let apply = proposal.apply.expect("an apply step");
    assert_eq!(apply.encoded, expected);
    assert_eq!(apply.hash, hex::encode_prefixed(crate::blake2_256(&expected)));
    assert_eq!(apply.expected_events, ["System.CodeUpdated"]);
    assert_eq!(apply.rejected_event.as_deref(), Some("System.RejectedInvalidAuthorizedUpgrade"));

    let proposal = propose(&chain::para(), Some(&chain::relay()), Options::default()).expect("a proposal");
    let expected = ["ParachainSystem.ValidationFunctionStored", "ParachainSystem.ValidationFunctionApplied"];
    assert_eq!(proposal.apply.expect("an apply step").expected_events, expected);
}

#[test]
fn a_root_referendum_contains_a_short_proposal() {
    let options = Options { enactment: Enactment::After(10), ..by(Route::RootReferendum) };
    let proposal = propose(&chain::solo(), None, options).expect("a proposal");
    assert_eq!(names(&proposal), ["submit"]);
    let inner = authorize::<NewXcm>().encode();
    let call = &proposal.calls[0];
    let expected =
        submit(OriginCaller::system(RawOrigin::Root), Bounded::Inline(inner.clone()), DispatchTime::After(10));
    assert_eq!(call.bytes, expected);
    let preimage = call.preimage.as_ref().expect("of the call voted on");
    assert_eq!(
        (preimage.hash.as_str(), preimage.length),
        (&*hex::encode_prefixed(crate::blake2_256(&inner)), inner.len())
    );
    assert_eq!(call.carries[0].bytes, hex::encode_prefixed(&inner));
    assert!(call.carries[0].decoded.starts_with("System.authorize_upgrade"));
    assert!(proposal.notes.iter().any(|note| note.contains("place_decision_deposit")), "{:?}", proposal.notes);
}

#[test]
fn a_root_referendum_by_preimage_with_its_deposit() {
    let options = Options {
        enactment: Enactment::At(70_000),
        note_preimage: true,
        referendum_index: Some(5),
        ..by(Route::RootReferendum)
    };
    let proposal = propose(&chain::solo(), None, options).expect("a proposal");
    assert_eq!(names(&proposal), ["note_preimage", "submit", "place_decision_deposit"]);
    let inner = authorize::<NewXcm>().encode();
    let note = RuntimeCall::<NewXcm>::Preimage(preimage::Call::note_preimage { bytes: inner.clone() });
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(note.encode()));
    let lookup = Bounded::Lookup { hash: H256(crate::blake2_256(&inner)), len: inner.len() as u32 };
    let expected = submit(OriginCaller::system(RawOrigin::Root), lookup, DispatchTime::At(70_000));
    assert_eq!(proposal.calls[1].bytes, expected);
    // The hash of the preimage, not that of the call that notes it.
    assert_eq!(proposal.calls[0].preimage, proposal.calls[1].preimage);
    assert_ne!(proposal.calls[0].preimage.as_ref().map(|preimage| &preimage.hash), Some(&proposal.calls[0].hash));
    let deposit = RuntimeCall::<NewXcm>::Referenda(referenda::Call::place_decision_deposit { index: 5 });
    assert_eq!(proposal.calls[2].bytes, hex::encode_prefixed(deposit.encode()));
}

#[test]
fn a_whitelisted_referendum() {
    let proposal = propose(&chain::solo(), None, by(Route::WhitelistedReferendum)).expect("a proposal");
    assert_eq!(names(&proposal), ["whitelist_call", "submit"]);
    let call_hash = H256(crate::blake2_256(&authorize::<NewXcm>().encode()));
    let whitelist = RuntimeCall::<NewXcm>::Whitelist(whitelist::Call::whitelist_call { call_hash });
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(whitelist.encode()));
    let dispatch = whitelist::Call::dispatch_whitelisted_call_with_preimage { call: Box::new(authorize()) };
    let dispatch = RuntimeCall::<NewXcm>::Whitelist(dispatch).encode();
    let origin = OriginCaller::Origins(CustomOrigin::WhitelistedCaller);
    assert_eq!(proposal.calls[1].bytes, submit(origin, Bounded::Inline(dispatch), DispatchTime::After(0)));
}

fn send(parents: u8, interior: Junctions) -> NewXcm {
    let unpaid = Instruction::UnpaidExecution { weight_limit: WeightLimit::Unlimited, check_origin: None };
    let call = DoubleEncoded { encoded: authorize::<NewXcm>().encode() };
    let transact = Instruction::Transact { origin_kind: OriginKind::Superuser, fallback_max_weight: None, call };
    xcm::Call::send {
        dest: Box::new(VersionedLocation::V5(Location { parents, interior })),
        message: Box::new(VersionedXcm::V5(Xcm(vec![unpaid, transact]))),
    }
}

#[test]
fn by_the_relays_sudo() {
    let (para, relay) = (chain::para(), chain::relay());
    let proposal = propose(&para, Some(&relay), Options::default()).expect("a proposal");
    assert_eq!((proposal.route, proposal.xcm_version.as_deref()), (Route::RelaySuperuserSudo, Some("V5")));
    let send = RuntimeCall::XcmPallet(send(0, Junctions::X1([Junction::Parachain(1000)])));
    let expected = RuntimeCall::<NewXcm>::Sudo(sudo::Call::sudo { call: Box::new(send) }).encode();
    let call = &proposal.calls[0];
    assert_eq!(call.bytes, hex::encode_prefixed(&expected));
    assert_eq!((call.chain.as_str(), proposal.chain.as_str()), ("relay", "para"));
    assert!(!proposal.notes.iter().any(|note| note.contains("itself a parachain")), "{:?}", proposal.notes);
    assert_eq!(call.carries[0].chain, "para");
    assert_eq!(call.carries[0].bytes, hex::encode_prefixed(authorize::<NewXcm>().encode()));
    // The known bytes of the network's own tool, except for pallet indices and parents.
    let tail =
        format!("630005000100a10f05082f000006020088{}", &hex::encode_prefixed(authorize::<NewXcm>().encode())[2..]);
    assert_eq!(call.bytes, format!("0x0700{tail}"));
}

#[test]
fn by_a_referendum_of_the_relay() {
    let (para, relay) = (chain::para(), chain::relay());
    let proposal = propose(&para, Some(&relay), by(Route::RelaySuperuserReferendum)).expect("a proposal");
    let send = RuntimeCall::XcmPallet(send(0, Junctions::X1([Junction::Parachain(1000)]))).encode();
    let origin = OriginCaller::system(RawOrigin::Root);
    assert_eq!(proposal.calls[0].bytes, submit(origin, Bounded::Inline(send.clone()), DispatchTime::After(0)));
    let carried: Vec<_> = proposal.calls[0].carries.iter().map(|call| call.chain.as_str()).collect();
    assert_eq!(carried, ["relay", "para"]);
    assert_eq!(proposal.calls[0].preimage.as_ref().map(|preimage| preimage.length), Some(send.len()));
}

#[test]
fn a_governing_parachain_sends_to_siblings_and_to_its_relay() {
    let hub = chain::target(
        "hub",
        15,
        vec![chain::system(), chain::parachain_system(), chain::sudo_part(), chain::xcm_part()],
    );
    let proposal = propose(&chain::para(), Some(&hub), Options::default()).expect("a proposal");
    let sibling = RuntimeCall::XcmPallet(send(1, Junctions::X1([Junction::Parachain(1000)])));
    let expected = RuntimeCall::<NewXcm>::Sudo(sudo::Call::sudo { call: Box::new(sibling) }).encode();
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(&expected));

    let relay = chain::relay();
    let release = Release { code: CODE, spec_name: "relay".into(), spec_version: 101 };
    let chains = Chains { target: &relay, relay: Some(&hub), para_id: None };
    let proposal = upgrade(chains, &release, &Options::default()).expect("a proposal");
    let parent = RuntimeCall::XcmPallet(send(1, Junctions::Here));
    let expected = RuntimeCall::<NewXcm>::Sudo(sudo::Call::sudo { call: Box::new(parent) }).encode();
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(&expected));
    assert!(proposal.notes[0].starts_with("hub is itself a parachain"), "{:?}", proposal.notes);

    // A para id makes no parachain of the relay chain.
    let failure = propose(&relay, Some(&hub), Options::default()).expect_err("a para id");
    assert!(failure.expected.as_deref().is_some_and(|text| text.contains("no para id")), "{failure:?}");
}

#[test]
fn a_message_goes_only_to_a_chain_that_receives_it() {
    let hub_parts = vec![chain::system(), chain::parachain_system(), chain::sudo_part(), chain::xcm_part()];
    let hub = chain::target("hub", 15, hub_parts);
    let without_xcm = |name: &str, parts| chain::target(name, 16, [vec![chain::system()], parts].concat());
    let solo = without_xcm("solo", vec![chain::marker("Balances", 5)]);
    let para = without_xcm("para", vec![chain::parachain_system()]);
    let with_xcm = chain::target("bridged", 16, vec![chain::system(), chain::marker("PolkadotXcm", 31)]);
    for (target, para_id, lacking) in [
        (&solo, None, "XCM on solo"),
        (&solo, Some(1000), "XCM on solo"),
        (&para, Some(1000), "XCM on para"),
        (&with_xcm, None, "a parachain or a relay chain as the target, which bridged is not"),
        (&with_xcm, Some(1000), "a parachain or a relay chain as the target, which bridged is not"),
    ] {
        for relay in [&hub, &chain::relay()] {
            let release = Release { code: CODE, spec_name: target.name().into(), spec_version: 101 };
            let chains = Chains { target, relay: Some(relay), para_id };
            let failure = upgrade(chains, &release, &Options::default()).expect_err("no destination");
            assert_eq!(failure.kind, Kind::Input, "{failure:?}");
            assert!(failure.message.contains(target.name()), "{failure:?}");
            assert!(failure.expected.as_deref().is_some_and(|text| text.contains(lacking)), "{failure:?}");
            let exchanged = failure.hint.as_deref().is_some_and(|hint| hint.contains("exchange --target and --relay"));
            assert_eq!(exchanged, lacking.starts_with("XCM"), "{failure:?}");
        }
    }
}

#[test]
fn the_xcm_version_is_the_newest_that_both_support() {
    let sudo = chain::part("Sudo", 7, meta_type::<sudo::Call<OldXcm>>());
    let xcm = chain::part("XcmPallet", 99, meta_type::<OldXcm>());
    let relay = chain::target("relay", 14, vec![chain::system(), sudo, xcm]);
    let proposal = propose(&chain::para(), Some(&relay), Options::default()).expect("a proposal");
    assert_eq!(proposal.xcm_version.as_deref(), Some("V3"));
    let unpaid = OldInstruction::UnpaidExecution { weight_limit: WeightLimit::Unlimited, check_origin: None };
    let call = DoubleEncoded { encoded: authorize::<OldXcm>().encode() };
    let require_weight_at_most = Weight { ref_time: 10_000_000_000, proof_size: 65_536 };
    let transact = OldInstruction::Transact { origin_kind: OriginKind::Superuser, require_weight_at_most, call };
    let send = OldXcm::send {
        dest: Box::new(old::VersionedLocation::V3(Location {
            parents: 0,
            interior: OldJunctions::X1(Junction::Parachain(1000)),
        })),
        message: Box::new(old::VersionedXcm::V3(Xcm(vec![unpaid, transact]))),
    };
    let call = Box::new(RuntimeCall::XcmPallet(send));
    let expected = RuntimeCall::<OldXcm>::Sudo(sudo::Call::sudo { call }).encode();
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(&expected));

    // A sender that supports version 2 only sends version 2.
    type Oldest = xcm::Call<oldest::VersionedLocation, oldest::VersionedXcm>;
    let sudo = chain::part("Sudo", 7, meta_type::<sudo::Call<Oldest>>());
    let xcm = chain::part("XcmPallet", 99, meta_type::<Oldest>());
    let relay = chain::target("relay", 14, vec![chain::system(), sudo, xcm]);
    let proposal = propose(&chain::para(), Some(&relay), Options::default()).expect("a proposal");
    assert_eq!(proposal.xcm_version.as_deref(), Some("V2"));
    let interior = OldJunctions::X1(Junction::Parachain(1000));
    let transact = OldestInstruction::Transact {
        origin_type: OriginKind::Superuser,
        require_weight_at_most: 10_000_000_000,
        call: DoubleEncoded { encoded: authorize::<Oldest>().encode() },
    };
    let send = Oldest::send {
        dest: Box::new(oldest::VersionedLocation::V2(Location { parents: 0, interior })),
        message: Box::new(oldest::VersionedXcm::V2(Xcm(vec![transact]))),
    };
    let call = Box::new(RuntimeCall::XcmPallet(send));
    let expected = RuntimeCall::<Oldest>::Sudo(sudo::Call::sudo { call }).encode();
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(&expected));

    // A parachain that supports at most version 4 receives version 4.
    type Middle = xcm::Call<VersionedLocation, middle::VersionedXcm>;
    let para = chain::target(
        "para",
        15,
        vec![chain::system(), chain::parachain_system(), chain::part("PolkadotXcm", 31, meta_type::<Middle>())],
    );
    let proposal = propose(&para, Some(&chain::relay()), Options::default()).expect("a proposal");
    assert_eq!(proposal.xcm_version.as_deref(), Some("V4"));
    assert!(proposal.calls[0].bytes.contains("04000100a10f"), "{}", proposal.calls[0].bytes);
}

#[test]
fn an_old_parachain_authorizes_in_parachain_system() {
    let old = chain::part("System", 0, meta_type::<system::OldCall>());
    let para = chain::target("para", 14, vec![old, chain::parachain_system(), chain::sudo_part()]);
    let options = Options { without_checks: true, ..Options::default() };
    let proposal = propose(&para, None, options).expect("a proposal");
    let call = parachain_system::Call::authorize_upgrade { code_hash: H256(code_hash()), check_version: false };
    let call = Box::new(RuntimeCall::ParachainSystem(call));
    let expected = RuntimeCall::<NewXcm>::Sudo(sudo::Call::sudo { call }).encode();
    assert_eq!(proposal.calls[0].bytes, hex::encode_prefixed(&expected));
    let apply = proposal.apply.expect("an apply step");
    assert_eq!((apply.name.as_str(), apply.rejected_event), ("enact_authorized_upgrade", None));
}

#[test]
fn the_oldest_parachains_never_check_versions() {
    let system = chain::part("System", 0, meta_type::<system::OldCall>());
    let parachain = chain::part("ParachainSystem", 1, meta_type::<parachain_system::OldCall>());
    let para = chain::target("para", 14, vec![system, parachain, chain::part("Sudo", 7, meta_type::<sudo::OldCall>())]);
    for without_checks in [false, true] {
        let proposal = propose(&para, None, Options { without_checks, ..Options::default() }).expect("a proposal");
        assert_eq!(proposal.calls[0].bytes, format!("0x07000102{}", hex::encode(code_hash())));
        let noted = proposal.notes.iter().any(|note| note.contains("does not compare versions"));
        assert_eq!(noted, !without_checks, "{:?}", proposal.notes);
    }
}

#[test]
fn a_chain_without_authorization_gets_the_code_itself() {
    let system = chain::part("System", 0, meta_type::<system::OldCall>());
    let sudo = chain::part("Sudo", 7, meta_type::<sudo::OldCall>());
    let solo = chain::target("solo", 14, vec![system.clone(), sudo]);
    let set_code = [&[0, 2, (CODE.len() as u8) << 2], CODE].concat();
    let proposal = propose(&solo, None, Options::default()).expect("a proposal");
    // The last two bytes are the weight: two compact zeros.
    assert_eq!(proposal.calls[0].bytes, format!("0x0701{}0000", hex::encode(&set_code)));
    assert_eq!(proposal.apply, None);
    assert!(propose(&solo, None, Options { without_checks: true, ..Options::default() }).is_err());

    // A call with real code is only in the file.
    let code = vec![9; 100_000];
    let release = Release { code: &code, spec_name: "solo".into(), spec_version: 101 };
    let chains = Chains { target: &solo, relay: None, para_id: None };
    let proposal = upgrade(chains, &release, &Options::default()).expect("a proposal");
    let call = &proposal.calls[0];
    assert_eq!((call.bytes.as_str(), proposal.links.len()), ("", 0));
    assert!(call.length > 100_000 && call.encoded.len() == call.length && call.decoded.len() < 400);

    // The call is too large for an XCM message.
    let failure = propose(&solo, Some(&chain::relay()), Options::default()).expect_err("too large");
    assert!(failure.expected.as_deref().is_some_and(|text| text.contains("authorize_upgrade")), "{failure}");

    let mute =
        chain::target("solo", 14, vec![chain::part("System", 0, meta_type::<preimage::Call>()), chain::sudo_part()]);
    assert_eq!(propose(&mute, None, Options::default()).expect_err("no route").kind, Kind::Input);
}

#[test]
fn a_pallet_under_another_name_is_found_by_its_crate() {
    let sudo = chain::part("Governor", 50, meta_type::<sudo::PublishedCall<NewXcm>>());
    let target = chain::target("solo", 16, vec![chain::system(), sudo.clone()]);
    let proposal = propose(&target, None, Options::default()).expect("a proposal");
    assert!(proposal.calls[0].bytes.starts_with("0x32030009"), "{}", proposal.calls[0].bytes);
    assert!(proposal.calls[0].decoded.starts_with("Governor.sudo {"), "{}", proposal.calls[0].decoded);
    // With two such pallets there is no default.
    let other = chain::Part { name: "Deputy", index: 51, ..sudo.clone() };
    let target = chain::target("solo", 16, vec![chain::system(), sudo, other]);
    assert!(propose(&target, None, Options::default()).is_err());
}

#[test]
fn without_checks_uses_another_call() {
    let options = Options { without_checks: true, ..Options::default() };
    let proposal = propose(&chain::solo(), None, options).expect("a proposal");
    assert!(proposal.calls[0].bytes.starts_with("0x0700000a"), "{}", proposal.calls[0].bytes);
}

#[test]
fn an_impossible_route_lists_the_possible_ones() {
    let (para, relay) = (chain::para(), chain::relay());
    let failure = propose(&para, None, Options::default()).expect_err("governed by its relay");
    assert_eq!(failure.kind, Kind::Input);
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("--relay")), "{failure:?}");
    assert!(failure.found.as_deref().is_some_and(|found| found.contains("ParachainSystem")), "{failure:?}");

    let failure = propose(&para, Some(&relay), by(Route::Sudo)).expect_err("no sudo of its own");
    assert!(failure.expected.as_deref().is_some_and(|text| text.contains("the pallet Sudo on para")), "{failure:?}");
    let hint = failure.hint.unwrap_or_default();
    assert!(hint.contains("relay-superuser-sudo, relay-superuser-referendum"), "{hint}");

    let release = Release { code: CODE, spec_name: "para".into(), spec_version: 101 };
    let chains = Chains { target: &para, relay: Some(&relay), para_id: None };
    let failure = upgrade(chains, &release, &Options::default()).expect_err("no para id");
    assert!(failure.expected.as_deref().is_some_and(|text| text.contains("the para id of para")), "{failure:?}");
}

#[test]
fn versions_are_checked_as_the_chain_does() {
    let target = chain::solo();
    let chains = Chains { target: &target, relay: None, para_id: None };
    for (name, version) in [("other", 101), ("solo", 100), ("solo", 99)] {
        let release = Release { code: CODE, spec_name: name.into(), spec_version: version };
        let failure = upgrade(chains, &release, &Options::default()).expect_err("the chain would reject it");
        assert_eq!(failure.kind, Kind::Check, "{failure}");
        let unchecked = Options { without_checks: true, ..Options::default() };
        let proposal = upgrade(chains, &release, &unchecked).expect("the chain does not check");
        assert!(proposal.notes[0].contains("without checks"), "{:?}", proposal.notes);
    }
}

#[test]
fn a_number_too_large_for_its_type_is_an_error() {
    let options = Options { enactment: Enactment::After(1 << 32), ..by(Route::RootReferendum) };
    let failure = propose(&chain::solo(), None, options).expect_err("block numbers are u32 here");
    assert!(failure.message.contains("Referenda.submit.enactment_moment"), "{failure}");
}

#[test]
fn links_use_the_given_node() {
    let mut proposal = propose(&chain::solo(), None, Options::default()).expect("a proposal");
    proposal.links = links(&proposal.calls, Some("ws://127.0.0.1:9944/a b"));
    let bytes = &proposal.calls[0].bytes;
    let expected =
        format!("https://polkadot.js.org/apps/?rpc=ws%3A%2F%2F127.0.0.1%3A9944%2Fa%20b#/extrinsics/decode/{bytes}");
    assert_eq!(proposal.links, [expected]);
}

#[test]
fn referendum_options_are_rejected_on_other_routes() {
    let solo = chain::target("solo", 16, vec![chain::system(), chain::sudo_part()]);
    for options in [
        Options { enactment: Enactment::After(10), ..Options::default() },
        Options { enactment: Enactment::At(10), ..Options::default() },
        Options { note_preimage: true, ..Options::default() },
        Options { referendum_index: Some(1), ..Options::default() },
    ] {
        let failure = propose(&solo, None, options).expect_err("refused");
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.message.contains("sudo"), "{failure}");
    }
    // The default value is accepted.
    propose(&solo, None, Options { enactment: Enactment::After(0), ..Options::default() }).expect("a proposal");
}
