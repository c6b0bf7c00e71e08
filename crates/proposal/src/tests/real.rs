// SPDX-License-Identifier: Apache-2.0
//! Tests with the metadata of real chains. That of Kusama comes with a dependency; the rest comes
//! from an npm package.

use crate::{Chains, Options, Release, Target, Value, decode, named, upgrade, verified, xcm};
use protocol::proposal::Route;
use scale_value::{Composite, ValueDef};
use std::path::{Path, PathBuf};

/// Returns a file of the source of `frame-metadata`.
fn kusama_v14() -> Vec<u8> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let manifest = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|package| package["name"] == "frame-metadata"))
        .and_then(|package| package["manifest_path"].as_str())
        .expect("frame-metadata is a dependency");
    let path = PathBuf::from(manifest).with_file_name("test_data").join("ksm_metadata_v14.bin");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn kusama_of_2021_is_read_and_has_no_route() {
    let bytes = kusama_v14();
    let target = Target::from_metadata(&bytes).expect("real metadata");
    assert_eq!((target.name(), target.metadata_version()), ("kusama", 14));
    assert_eq!(target.pallet("XcmPallet").map(|pallet| pallet.index), Some(99));
    let chains = Chains { target: &target, relay: None, para_id: None };
    assert_eq!(chains.possible(), []);
    let release =
        Release { code: b"code", spec_name: "kusama".into(), spec_version: target.version().spec_version + 1 };
    let failure = upgrade(chains, &release, &Options::default()).expect_err("democracy, not referenda");
    assert!(failure.found.as_deref().is_some_and(|found| found.contains("Democracy")), "{failure}");
    every_call_agrees_with_another_decoder(
        &target,
        &[
            Value::Call {
                pallet: "System".into(),
                name: "remark".into(),
                fields: vec![named("remark", Value::bytes(b"hello"))],
            },
            Value::Call {
                pallet: "Utility".into(),
                name: "batch".into(),
                fields: vec![named(
                    "calls",
                    Value::List(vec![
                        Value::Call {
                            pallet: "System".into(),
                            name: "set_heap_pages".into(),
                            fields: vec![named("pages", Value::Number(64))],
                        },
                        Value::Call {
                            pallet: "Timestamp".into(),
                            name: "set".into(),
                            fields: vec![named("now", Value::Number(1 << 40))],
                        },
                    ]),
                )],
            },
        ],
    );
}

/// Checks that `scale-value` decodes and encodes the same bytes by the same metadata.
fn every_call_agrees_with_another_decoder(target: &Target, calls: &[Value]) {
    for call in calls {
        let encoded = verified::encode(target, call.clone()).expect("encodes");
        agrees(target, &encoded.bytes);
    }
}

fn agrees(target: &Target, bytes: &[u8]) {
    let pallet = target.pallets().iter().find(|pallet| pallet.index == bytes[0]).expect("its pallet");
    let calls = pallet.calls.expect("with calls");
    let mut rest = &bytes[1..];
    let value =
        scale_value::scale::decode_as_type(&mut rest, calls, target.registry()).expect("scale-value decodes them");
    assert!(rest.is_empty(), "{} bytes left over", rest.len());
    let ValueDef::Variant(variant) = &value.value else { panic!("a call, not {value}") };
    let Value::Call { name, fields, .. } = decode::call(target.types(), bytes).expect("the decoder decodes them")
    else {
        panic!("a call")
    };
    assert_eq!(variant.name, name);
    let names: Vec<_> = fields.iter().filter_map(|field| field.name.clone()).collect();
    let Composite::Named(theirs) = &variant.values else { panic!("named arguments") };
    assert_eq!(theirs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names);
    let mut again = vec![bytes[0]];
    scale_value::scale::encode_as_type(&value, calls, target.registry(), &mut again).expect("scale-value encodes them");
    assert_eq!(hex::encode_prefixed(&again), hex::encode_prefixed(bytes));
}

/// Returns the directory of the npm package `@polkadot/types-support` that `scripts/types/` pins.
/// `cargo xtask test` installs it and sets the variable. Elsewhere the test is skipped, but never
/// in CI.
fn types_support() -> Option<PathBuf> {
    let root = std::env::var_os("CUTOVER_TYPES_SUPPORT").filter(|root| !root.is_empty());
    if root.is_none() {
        assert!(std::env::var_os("CI").is_none(), "in CI this is not skipped: run `cargo xtask test`");
        eprintln!("SKIPPED: CUTOVER_TYPES_SUPPORT is not set; `cargo xtask test` sets it where npm is reached");
    }
    root.map(PathBuf::from)
}

/// Returns the chain of a file of that package, for instance `v15/asset-hub-kusama`.
fn from_npm(root: &Path, name: &str) -> Target {
    let path = root.join("metadata").join(format!("{name}-hex.js"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let digits = text.split("0x").nth(1).expect("hex").split(|letter: char| !letter.is_ascii_hexdigit()).next();
    Target::from_metadata(&hex::decode(digits.expect("hex")).expect("hex")).expect("real metadata")
}

#[test]
fn every_possible_route_of_current_chains_is_encoded() {
    let Some(root) = types_support() else { return };
    let chains = [
        ("v14/kusama", "whitelisted-referendum root-referendum"),
        ("v14/polkadot", "whitelisted-referendum root-referendum"),
        ("v14/substrate", "sudo root-referendum"),
        ("v15/substrate", "sudo root-referendum"),
        ("v16/substrate", "sudo root-referendum"),
        ("v15/kusama", "whitelisted-referendum root-referendum"),
        ("v15/polkadot", "whitelisted-referendum root-referendum"),
        ("v15/asset-hub-kusama", "whitelisted-referendum root-referendum"),
        ("v15/asset-hub-polkadot", "whitelisted-referendum root-referendum"),
    ];
    let hub = from_npm(&root, "v15/asset-hub-kusama");
    for (name, routes) in chains {
        let governing = from_npm(&root, name);
        let own = Chains { target: &governing, relay: None, para_id: None };
        let other = Chains { target: &hub, relay: Some(&governing), para_id: Some(1000) };
        for route in routes.split(' ') {
            let possible = own.possible();
            assert!(possible.iter().any(|known| known.name() == route), "{name}: {route} not in {possible:?}");
        }
        let by_relay = other.possible().into_iter().filter(|route| route.by_relay()).map(|route| (other, route));
        for (chains, route) in own.possible().into_iter().map(|route| (own, route)).chain(by_relay) {
            let target = chains.target;
            for note_preimage in [false, true] {
                let options = match route.by_referendum() {
                    true => {
                        Options { route: Some(route), note_preimage, referendum_index: Some(1), ..Options::default() }
                    }
                    false => Options { route: Some(route), ..Options::default() },
                };
                let release = Release { code: b"code", spec_name: target.name().into(), spec_version: u32::MAX };
                let proposal = upgrade(chains, &release, &options).expect(name);
                for call in &proposal.calls {
                    agrees(&governing, &hex::decode(&call.bytes[2..]).expect("hex"));
                    println!("{name} {route} {} {}", call.bytes, call.decoded);
                }
                agrees(target, &proposal.apply.expect("an apply step").encoded);
            }
        }
    }
}

/// Compares with the bytes of the Fellowship's tool on Kusama's Asset Hub, which hosts its
/// governance.
#[test]
fn the_bytes_of_the_fellowships_tool() {
    let Some(root) = types_support() else { return };
    let hub = from_npm(&root, "v15/asset-hub-kusama");
    let pallet = xcm::pallet(&hub).expect("PolkadotXcm");
    let inner = [&[0, 9][..], &[0xab; 32]].concat();
    let send = |destination| {
        let call = xcm::send(pallet, xcm::XcmVersion::V5, destination, &inner);
        hex::encode(verified::encode(&hub, call).expect("encodes").bytes)
    };
    let tail = format!("05082f000006020088{}", hex::encode(&inner));
    for (para_id, compact) in [(1000, "a10f"), (1001, "a50f"), (1002, "a90f"), (1004, "b10f"), (1005, "b50f")] {
        assert_eq!(send(xcm::Destination::Sibling(para_id)), format!("1f0005010100{compact}{tail}"));
    }
    assert_eq!(send(xcm::Destination::Parent), format!("1f00050100{tail}"));
    let relay = from_npm(&root, "v15/kusama");
    let chains = Chains { target: &hub, relay: Some(&relay), para_id: Some(1000) };
    assert_eq!(
        chains.possible(),
        [Route::RootReferendum, Route::WhitelistedReferendum, Route::RelaySuperuserReferendum,]
    );
}
