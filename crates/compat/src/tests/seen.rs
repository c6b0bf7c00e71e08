// SPDX-License-Identifier: Apache-2.0
//! Snapshots of the rendered reports. `INSTA_UPDATE=always` rewrites them.

use super::parts::*;
use crate::{
    Runtime, diff,
    parameters::{Tokens, parameters},
    testing::{Pallet, RuntimeBuilder, ty},
};
use codec::Encode;
use protocol::diff::AllowedRules;

fn both() -> (Runtime, Runtime) {
    let constants = |deposit: u128, period: u32| {
        vec![("VotingPeriod", ty::<u32>(), period.encode()), ("MinimumDeposit", ty::<u128>(), deposit.encode())]
    };
    let of = |builder: RuntimeBuilder, deposit, period| {
        let time = vec![("ExpectedBlockTime", ty::<u64>(), 6000u64.encode())];
        builder.with(Pallet { name: "Babe", index: 2, constants: time, ..Pallet::default() }).with(Pallet {
            name: "Democracy",
            index: 14,
            constants: constants(deposit, period),
            ..Pallet::default()
        })
    };
    let new = of(base(), 20_000_000_000, 100_800).change(|s| {
        s.version.spec_version = 2;
        s.pallets[0].calls = Some(ty::<calls::moved::Call>());
        s.pallets[0].items[1].value = ty::<values::Account>();
        s.host_functions.push("ext_storage_proof_size_storage_proof_size_version_1");
        s.pallets[2].constants.push(("MaxVotes", ty::<u32>(), 100u32.encode()));
    });
    // The hashes are fixed, so that the snapshots do not depend on the encoding.
    let named = |mut runtime: Runtime, byte: &str| {
        runtime.blake2_256 = format!("0x{}", byte.repeat(32));
        runtime
    };
    (named(of(base(), 10_000_000_000, 403_200).runtime(15), "01"), named(new.runtime(16), "02"))
}

#[test]
fn a_comparison_on_a_terminal() {
    let (old, new) = both();
    let allowed = AllowedRules::from([("storage-migration".into(), Some("it is migrated by hand".into()))]);
    let document = diff(&old, &new, &allowed).expect("compared");
    insta::assert_snapshot!(report::diff::difference(&document));
}

#[test]
fn the_parameters_of_a_release() {
    let (old, new) = both();
    let tokens = Tokens { decimals: Some(10), symbol: Some("PAS".into()), from: "the command line".into() };
    let document = parameters(&old, &new, &tokens, None).expect("compared");
    insta::assert_snapshot!(report::diff::parameters(&document));
}
