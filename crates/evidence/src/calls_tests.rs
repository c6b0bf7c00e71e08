// SPDX-License-Identifier: Apache-2.0
//! The calls of every route, with the bytes that the tests of `proposal` take from derived types.

use super::*;
use protocol::proposal::{Preimage, Route};

const CODE: &[u8] = b"\0asm runtime";

fn hash() -> String {
    digest::blake2_256(CODE)
}

fn bare_hash() -> String {
    hash()[2..].to_owned()
}

/// Returns the bytes of a text in hex, in which spaces separate parts.
fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).expect("hex")
}

fn authorize() -> (String, Vec<u8>) {
    let words = format!("System.authorize_upgrade {{ code_hash: {} }}", hash());
    (words, bytes(&format!("00 09 {}", bare_hash())))
}

fn inner(chain: &str, words: &str, bytes: &[u8]) -> InnerCall {
    InnerCall {
        chain: chain.into(),
        bytes: hex::encode_prefixed(bytes),
        hash: digest::blake2_256(bytes),
        length: bytes.len(),
        decoded: words.into(),
    }
}

fn call(name: &str, chain: &str, words: &str, bytes: &[u8], carries: Vec<InnerCall>) -> Call {
    let preimage = carries.first().filter(|_| ["note_preimage", "submit"].contains(&name));
    Call {
        name: name.into(),
        chain: chain.into(),
        description: String::new(),
        bytes: hex::encode_prefixed(bytes),
        hash: digest::blake2_256(bytes),
        length: bytes.len(),
        preimage: preimage.map(|voted| Preimage { hash: voted.hash.clone(), length: voted.length }),
        decoded: words.into(),
        carries,
        files: Vec::new(),
        encoded: bytes.to_vec(),
    }
}

fn proposal(route: Route, calls: Vec<Call>) -> Proposal {
    Proposal {
        route,
        possible_routes: vec![route],
        chain: "solo".into(),
        from_spec_version: 1,
        to_spec_version: 2,
        code_hash: hash(),
        code_length: CODE.len(),
        without_checks: false,
        xcm_version: None,
        calls,
        apply: None,
        notes: Vec::new(),
        links: Vec::new(),
    }
}

fn pallets() -> Pallets {
    let known = [
        ("System", 0),
        ("Sudo", 7),
        ("Preimage", 10),
        ("Referenda", 21),
        ("Origins", 22),
        ("Whitelist", 44),
        ("Utility", 50),
    ];
    Pallets::new(known.map(|(name, index)| (name.to_owned(), index)), Some(vec!["Governor".to_owned()]))
}

/// Checks a proposal whose files have the bytes in `encoded`.
fn checked(proposal: &Proposal) -> Read {
    checked_with(proposal, CODE)
}

/// Checks a proposal of a bundle that ships `code`.
fn checked_with(proposal: &Proposal, code: &[u8]) -> Read {
    refusal_of(proposal, code).map_err(|refusal| match refusal {
        Refusal::Wrong(reason) | Refusal::NotJudged(reason) => reason,
    })
}

fn refusal_of(proposal: &Proposal, code: &[u8]) -> Checked {
    check(proposal, code, pallets(), |name, hash, _| {
        let apply = proposal.apply.iter().map(|apply| (&apply.hash, &apply.encoded));
        let mut all = proposal.calls.iter().map(|call| (&call.hash, &call.encoded)).chain(apply);
        let (_, encoded) = all.find(|(known, _)| *known == hash).ok_or(format!("{name} has no file"))?;
        Ok(encoded.clone())
    })
}

fn by_sudo(words: &str, bytes: &[u8]) -> Read {
    checked(&proposal(Route::Sudo, vec![call("sudo", "solo", words, bytes, Vec::new())]))
}

/// Fails if one of the bytes can be changed in the first call alone.
fn every_byte_counts(proposal: &Proposal) {
    for position in 0..proposal.calls[0].encoded.len() {
        let mut other = proposal.clone();
        let changed = &mut other.calls[0];
        changed.encoded[position] ^= 1;
        changed.bytes = hex::encode_prefixed(&changed.encoded);
        changed.hash = digest::blake2_256(&changed.encoded);
        assert!(checked(&other).is_err(), "byte {position} of {}", proposal.calls[0].decoded);
    }
}

#[test]
fn sudo_of_something_else_is_not_judged() {
    let (words, inner) = authorize();
    let words = format!("Sudo.sudo {{ call: {words} }}");
    let good = [&[7, 0][..], &inner].concat();
    assert_eq!(by_sudo(&words, &good), Ok(()));
    every_byte_counts(&proposal(Route::Sudo, vec![call("sudo", "solo", &words, &good, Vec::new())]));
    // The words hold, and the bytes are `System.kill_storage` of a key that is the blob's hash.
    let hash = bare_hash();
    for other in [
        format!("07 00 00 05 04 80 {hash}"),
        format!("07 00 00 0a {hash}"),
        format!("07 00 32 09 {hash}"),
        format!("32 00 00 09 {hash}"),
        format!("07 00 00 09 {hash} 00"),
        format!("00 09 {hash}"),
        String::new(),
    ] {
        let reason = by_sudo(&words, &bytes(&other)).expect_err(&other);
        assert!(reason.contains("the call sudo is not judged"), "{reason}");
    }
    // The words are others.
    for other in [
        words.replace("System.", "Balances."),
        words.replace("authorize_upgrade", "remark"),
        words.replace("Sudo", "Origins"),
        words.replace(&hash, &"12".repeat(32)),
        format!("{words}, and more"),
        "Sudo.sudo { call: ".repeat(100_000),
        "Sudo".into(),
        String::new(),
    ] {
        assert!(by_sudo(&other, &good).is_err(), "{other:.100}");
    }
    assert!(checked(&proposal(Route::Sudo, Vec::new())).is_err(), "no call at all");
}

#[test]
fn a_call_that_is_read_and_wrong_is_not_one_that_cannot_be_read() {
    let sudo = |inner: &str| {
        let words = format!("Sudo.sudo {{ call: System.authorize_upgrade {{ code_hash: {} }} }}", hash());
        let calls = vec![call("sudo", "solo", &words, &bytes(&format!("07 00 {inner}")), Vec::new())];
        refusal_of(&proposal(Route::Sudo, calls), CODE)
    };
    let bare_hash = bare_hash();
    assert_eq!(sudo(&format!("00 09 {bare_hash}")), Ok(()));
    let other_hash = format!("00 09 {}", "12".repeat(32));
    assert!(matches!(sudo(&other_hash), Err(Refusal::Wrong(reason)) if reason.contains("has a wrong call sudo")));
    for unknown in [format!("00 0a {bare_hash}"), format!("00 09 {bare_hash} 00"), "00 09".into()] {
        assert!(matches!(sudo(&unknown), Err(Refusal::NotJudged(_))), "{unknown}");
    }
}

#[test]
fn a_removed_pallet_has_any_index_that_no_other_has() {
    let (words, inner) = authorize();
    let words = format!("Governor.sudo {{ call: {words} }}");
    assert_eq!(by_sudo(&words, &[&[99, 0][..], &inner].concat()), Ok(()));
    let reason = by_sudo(&words, &[&[50, 0][..], &inner].concat()).expect_err("the index of Utility");
    assert!(reason.contains("utility"), "{reason}");
}

#[test]
fn what_a_document_says_beside_the_words_is_compared() {
    let (words, authorized) = authorize();
    let words = format!("Sudo.sudo {{ call: {words} }}");
    let sudo = call("sudo", "solo", &words, &[&[7, 0][..], &authorized].concat(), Vec::new());
    let good = proposal(Route::Sudo, vec![sudo]);
    let refused = |change: fn(&mut Proposal)| {
        let mut other = good.clone();
        change(&mut other);
        checked(&other).is_err()
    };
    assert!(refused(|other| other.calls[0].bytes.push_str("00")));
    assert!(refused(|other| other.calls[0].length += 1));
    assert!(refused(|other| other.calls[0].name = "submit".into()));
    assert!(refused(|other| other.calls[0].chain = "other".into()));
    assert!(refused(|other| other.calls[0].carries = vec![inner("solo", "", b"")]));
    assert!(refused(|other| other.links = vec!["https://polkadot.js.org/apps/#/extrinsics/decode/0x00".into()]));
    assert!(refused(|other| other.links = vec![format!("https://evil/{}", other.calls[0].bytes)]));
    let mut linked = good.clone();
    linked.links =
        vec![format!("https://polkadot.js.org/apps/?rpc=wss%3A%2F%2Fx#/extrinsics/decode/{}", good.calls[0].bytes)];
    assert_eq!(checked(&linked), Ok(()));
}

#[test]
fn the_apply_step_holds_the_code() {
    let (words, authorized) = authorize();
    let words = format!("Sudo.sudo {{ call: {words} }}");
    let encoded = [&[0, 11, (CODE.len() as u8) << 2][..], CODE].concat();
    let apply = Apply {
        name: "apply_authorized_upgrade".into(),
        chain: "solo".into(),
        hash: digest::blake2_256(&encoded),
        length: encoded.len(),
        decoded: format!("System.apply_authorized_upgrade {{ code: {} }}", hex::encode_prefixed(CODE)),
        encoded,
        ..Apply::default()
    };
    let calls = vec![call("sudo", "solo", &words, &[&[7, 0][..], &authorized].concat(), Vec::new())];
    let good = Proposal { apply: Some(apply), ..proposal(Route::Sudo, calls) };
    assert_eq!(checked(&good), Ok(()));
    for position in [0, 1, 2, 5] {
        let mut other = good.clone();
        let apply = other.apply.as_mut().expect("an apply step");
        apply.encoded[position] ^= 1;
        apply.hash = digest::blake2_256(&apply.encoded);
        assert!(checked(&other).is_err(), "{position}");
    }
}

#[test]
fn a_chain_without_authorization_gets_the_code_itself() {
    let code = hex::encode(CODE);
    let words = format!(
        "Sudo.sudo_unchecked_weight {{ call: System.set_code {{ code: 0x{code} }}, \
         weight: {{ ref_time: 0, proof_size: 0 }} }}"
    );
    let encoded = bytes(&format!("07 01 00 02 {:02x} {code} 00 00", CODE.len() << 2));
    let good = proposal(Route::Sudo, vec![call("sudo_unchecked_weight", "solo", &words, &encoded, Vec::new())]);
    assert_eq!(checked(&good), Ok(()));
    every_byte_counts(&good);
}

#[test]
fn set_code_has_another_index_in_old_runtimes() {
    for (name, index, old_index) in [("set_code", 2, 3), ("set_code_without_checks", 3, 4)] {
        let words = format!("Sudo.sudo {{ call: System.{name} {{ code: {} }} }}", hex::encode_prefixed(CODE));
        for (index, fill_block) in [(index, false), (index, true), (old_index, false), (old_index, true)] {
            let encoded = [&[7, 0][..], &set_code(0, index, CODE)].concat();
            let calls = vec![call("sudo", "solo", &words, &encoded, Vec::new())];
            let sudo = Proposal { without_checks: true, ..proposal(Route::Sudo, calls) };
            let pallets = pallets().with_fill_block(fill_block);
            let checked = check(&sudo, CODE, pallets, |_, _, _| Ok(encoded.clone()));
            assert_eq!(checked.is_ok(), fill_block == (index == old_index), "{name} at {index}: {checked:?}");
        }
    }
}

#[test]
fn referenda_hold_what_they_list() {
    let (words, voted) = authorize();
    let carried = inner("solo", &words, &voted);
    let inline = format!(
        "Referenda.submit {{ proposal_origin: system(Root), proposal: Inline({}), enactment_moment: After(10) }}",
        carried.bytes
    );
    let encoded = [&bytes("15 00 00 00 01 88")[..], &voted, &bytes("01 0a000000")].concat();
    let submitted =
        proposal(Route::RootReferendum, vec![call("submit", "solo", &inline, &encoded, vec![carried.clone()])]);
    assert_eq!(checked(&submitted), Ok(()));
    every_byte_counts(&submitted);

    let note = format!("Preimage.note_preimage {{ bytes: {} }}", carried.bytes);
    let noted = call("note_preimage", "solo", &note, &[&[10, 0, 0x88][..], &voted].concat(), vec![carried.clone()]);
    let lookup = format!(
        "Referenda.submit {{ proposal_origin: system(Root), proposal: Lookup {{ hash: {}, len: 34 }}, \
         enactment_moment: At(70000) }}",
        carried.hash
    );
    let encoded = bytes(&format!("15 00 00 00 02 {} 22000000 00 70110100", &carried.hash[2..]));
    let submit = call("submit", "solo", &lookup, &encoded, vec![carried.clone()]);
    let deposit = "Referenda.place_decision_deposit { index: 5 }";
    let deposit = call("place_decision_deposit", "solo", deposit, &bytes("15 01 05000000"), Vec::new());
    let by_preimage = proposal(Route::RootReferendum, vec![noted, submit, deposit]);
    assert_eq!(checked(&by_preimage), Ok(()));

    let refused = |change: fn(&mut Proposal)| {
        let mut other = by_preimage.clone();
        change(&mut other);
        checked(&other).is_err()
    };
    assert!(refused(|other| other.calls[1].carries.clear()));
    assert!(refused(|other| other.calls[1].carries[0].decoded = "System.remark { remark: 0x }".into()));
    assert!(refused(|other| other.calls[1].carries[0].bytes = "0x0000".into()));
    assert!(!refused(|other| other.calls[0].preimage = None), "a proposal need not repeat it");
    assert!(refused(|other| other.calls[0].preimage.as_mut().expect("one").length += 1));
}

#[test]
fn a_whitelisted_call_is_the_one_that_is_dispatched() {
    let (words, authorized) = authorize();
    let carried = inner("solo", &words, &authorized);
    let whitelist = format!("Whitelist.whitelist_call {{ call_hash: {} }}", carried.hash);
    let encoded = bytes(&format!("2c 00 {}", &carried.hash[2..]));
    let whitelist = call("whitelist_call", "solo", &whitelist, &encoded, vec![carried]);
    let words = format!("Whitelist.dispatch_whitelisted_call_with_preimage {{ call: {words} }}");
    let dispatched = [&[0x2c, 3][..], &authorized].concat();
    let voted = inner("solo", &words, &dispatched);
    let submit = format!(
        "Referenda.submit {{ proposal_origin: Origins(WhitelistedCaller), proposal: Inline({}), \
         enactment_moment: After(0) }}",
        voted.bytes
    );
    let encoded = [&bytes("15 00 16 0d 01 90")[..], &dispatched, &bytes("01 00000000")].concat();
    let submit = call("submit", "solo", &submit, &encoded, vec![voted]);
    let good = proposal(Route::WhitelistedReferendum, vec![whitelist, submit]);
    assert_eq!(checked(&good), Ok(()));
    every_byte_counts(&good);
}

/// Returns a whitelisted referendum that calls `System.set_code` with the bytes `[0, index]`. As in
/// `propose`, calls this long are not shown.
fn whitelisted_set_code(index: u8, code: &[u8]) -> Proposal {
    let not_shown = |words: &str, bytes: &[u8]| InnerCall { bytes: String::new(), ..inner("solo", words, bytes) };
    let set_code = set_code(0, index, code);
    let set_code_words = format!("System.set_code {{ code: {} }}", shown(code));
    let carried = not_shown(&set_code_words, &set_code);

    let words = format!("Whitelist.whitelist_call {{ call_hash: {} }}", carried.hash);
    let encoded = bytes(&format!("2c 00 {}", &carried.hash[2..]));
    let whitelist = call("whitelist_call", "solo", &words, &encoded, vec![carried]);

    let words = format!("Whitelist.dispatch_whitelisted_call_with_preimage {{ call: {set_code_words} }}");
    let dispatched = [&[0x2c, 3][..], &set_code].concat();
    let voted = not_shown(&words, &dispatched);
    let words = format!("Preimage.note_preimage {{ bytes: {} }}", shown(&dispatched));
    let encoded = [&[10, 0][..], &compact(dispatched.len() as u128), &dispatched].concat();
    let note = call("note_preimage", "solo", &words, &encoded, vec![voted.clone()]);

    let words = format!(
        "Referenda.submit {{ proposal_origin: Origins(WhitelistedCaller), proposal: Lookup {{ hash: {}, len: {} }}, \
         enactment_moment: After(0) }}",
        voted.hash, voted.length
    );
    let length = hex::encode((voted.length as u32).to_le_bytes());
    let encoded = bytes(&format!("15 00 16 0d 02 {} {length} 01 00000000", &voted.hash[2..]));
    let submit = call("submit", "solo", &words, &encoded, vec![voted]);
    let calls = vec![whitelist, note, submit];
    Proposal { code_hash: digest::blake2_256(code), ..proposal(Route::WhitelistedReferendum, calls) }
}

#[test]
fn a_whitelisted_call_holds_the_code_that_ships_though_it_is_not_shown() {
    let code = vec![7u8; 70_000];
    let good = whitelisted_set_code(2, &code);
    assert_eq!(checked_with(&good, &code), Ok(()));
    // Other code ships, or the call is another one.
    let reason = checked_with(&good, &[8u8; 70_000]).expect_err("other code");
    assert!(reason.contains("are nowhere"), "{reason}");
    checked_with(&whitelisted_set_code(1, &code), &code).expect_err("another call");
}

#[test]
fn an_xcm_message_is_one_of_superuser() {
    let (words, authorized) = authorize();
    let call_hex = hex::encode_prefixed(&authorized);
    let carried = inner("solo", &words, &authorized);
    let modern = "UnpaidExecution { weight_limit: Unlimited, check_origin: None }, Transact { origin_kind: Superuser, ";
    let weight = "require_weight_at_most: { ref_time: 10000000000, proof_size: 65536 }";
    // The bytes are those that the network's own tool makes, up to the indices of pallets.
    for (version, dest, message, encoded) in [
        (
            "V5",
            "{ parents: 0, interior: X1([Parachain(1000)]) }",
            format!("{modern}fallback_max_weight: None"),
            "63 00 05 00 01 00 a10f 05 08 2f0000 06 02 00 88",
        ),
        (
            "V5",
            "{ parents: 1, interior: Here }",
            format!("{modern}fallback_max_weight: None"),
            "63 00 05 01 00 05 08 2f0000 06 02 00 88",
        ),
        (
            "V3",
            "{ parents: 0, interior: X1(Parachain(1000)) }",
            format!("{modern}{weight}"),
            "63 00 03 00 01 00 a10f 03 08 2f0000 06 02 0700e40b5402 02000400 88",
        ),
        (
            "V2",
            "{ parents: 0, interior: X1(Parachain(1000)) }",
            "Transact { origin_type: Superuser, require_weight_at_most: 10000000000".into(),
            "63 00 01 00 01 00 a10f 02 04 06 02 0700e40b5402 88",
        ),
    ] {
        let words = format!(
            "Sudo.sudo {{ call: XcmPallet.send {{ dest: {version}({dest}), \
             message: {version}([{message}, call: {call_hex} }}]) }} }}"
        );
        let encoded = [&bytes("ff 00")[..], &bytes(encoded), &authorized].concat();
        let good =
            proposal(Route::RelaySuperuserSudo, vec![call("sudo", "relay", &words, &encoded, vec![carried.clone()])]);
        assert_eq!(checked(&good), Ok(()), "{version}");
        // The indices of the relay chain's pallets are not in the bundle.
        for position in (0..encoded.len()).filter(|position| ![0, 2].contains(position)) {
            let mut other = good.clone();
            other.calls[0].encoded[position] ^= 1;
            other.calls[0].bytes = hex::encode_prefixed(&other.calls[0].encoded);
            other.calls[0].hash = digest::blake2_256(&other.calls[0].encoded);
            assert!(checked(&other).is_err(), "{version}: byte {position}");
        }
    }
    // The relay chain's own upgrade is not that of the chain.
    let sudo = format!("Sudo.sudo {{ call: {words} }}");
    let own = call("sudo", "relay", &sudo, &[&[7, 0][..], &authorized].concat(), Vec::new());
    assert!(checked(&proposal(Route::RelaySuperuserSudo, vec![own])).is_err());
}

#[test]
fn compact_numbers_have_their_shortest_form() {
    for (number, encoded) in [
        (0, "00"),
        (63, "fc"),
        (64, "0101"),
        (1000, "a10f"),
        (65_536, "02000400"),
        (1 << 30, "0300000040"),
        (10_000_000_000, "0700e40b5402"),
    ] {
        assert_eq!(hex::encode(compact(number)), encoded, "{number}");
    }
    assert_eq!(little_endian::<1>(255), Ok([255]));
    assert!(little_endian::<1>(256).is_err());
}
