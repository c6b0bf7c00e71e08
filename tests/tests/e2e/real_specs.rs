// SPDX-License-Identifier: Apache-2.0
//! Chain specs, snapshots and metadata of real chains, from packages in Cargo's registry.

use cutover_tests::registry_package;
use inspect::inspect;
use protocol::{
    Source,
    inspect::{HeldFacts, IndicesFrom, RuntimeFacts, SourceKind, VersionFrom},
};
use source::ReadSource;
use state::State;
use std::path::Path;

fn facts(path: &Path, metadata: bool) -> RuntimeFacts {
    inspect(&Source::File(path.to_owned()), metadata, None).unwrap_or_else(|failure| panic!("{failure}"))
}

struct Expected {
    file: &'static str,
    spec: (&'static str, u32),
    from: VersionFrom,
    /// The genesis hash of the network. It depends on every entry of the state.
    genesis: &'static str,
    metadata: &'static [u32],
    pallets: usize,
}

const RELAYS: [Expected; 5] = [
    Expected {
        file: "kusama.json",
        spec: ("kusama", 1020),
        from: VersionFrom::Call,
        genesis: "0xb0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe",
        metadata: &[9],
        pallets: 28,
    },
    Expected {
        file: "polkadot.json",
        spec: ("polkadot", 0),
        from: VersionFrom::Call,
        genesis: "0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3",
        metadata: &[11],
        pallets: 31,
    },
    Expected {
        file: "westend.json",
        spec: ("westend", 1),
        from: VersionFrom::Call,
        genesis: "0xe143f23803ac50e8f6f8e62695d1ce9e4e1d68aa36c1cd2cfd15340213f3423e",
        metadata: &[11],
        pallets: 25,
    },
    Expected {
        file: "rococo.json",
        spec: ("rococo", 9190),
        from: VersionFrom::Call,
        genesis: "0x6408de7737c59c238890533af25896a2c20608d8b380bb01029acb392781063e",
        metadata: &[14],
        pallets: 49,
    },
    Expected {
        file: "paseo.json",
        spec: ("paseo", 1_001_002),
        from: VersionFrom::Section,
        genesis: "0x77afd6190f1554ad45fd0d31aee62aacc33c6db0ea801129acb813f913e0764f",
        metadata: &[14, 15],
        pallets: 57,
    },
];

#[test]
fn the_genesis_hash_of_every_relay_chain_is_computed() {
    let Some(package) = registry_package("polkadot-service", "42.0.0") else { return };
    for expected in RELAYS {
        let facts = facts(&package.join("chain-specs").join(expected.file), true);
        assert_eq!((facts.spec_name.as_str(), facts.spec_version), expected.spec);
        assert_eq!(facts.version_from, expected.from, "{}", expected.file);
        assert_eq!(facts.block_hash.as_deref(), Some(expected.genesis), "{}", expected.file);
        assert_eq!(facts.metadata_versions.as_deref(), Some(expected.metadata), "{}", expected.file);
        assert_eq!(facts.pallets.map(|pallets| pallets.len()), Some(expected.pallets), "{}", expected.file);
        assert_eq!(facts.source_kind, SourceKind::ChainSpec);
        assert_eq!(facts.call_indices_from.set_code, IndicesFrom::Metadata);
        // The call was added in 2024, after all of these.
        assert_eq!(facts.call_indices_from.authorize_upgrade, IndicesFrom::Missing, "{}", expected.file);
    }
}

#[test]
fn the_genesis_of_paseo_is_read_in_full() {
    let Some(package) = registry_package("polkadot-service", "42.0.0") else { return };
    let path = package.join("chain-specs/paseo.json");
    let state = State::read(&path).expect("read");
    assert_eq!(state.top.len(), 386);
    let summary = state.summary();
    assert!(summary.verified);
    assert_eq!(summary.complete, Some(true));
    assert_eq!(summary.code_size, Some(1_596_037));
    let facts = facts(&path, true);
    assert!(facts.compressed);
    let pallets = facts.pallets.expect("asked for");
    let index = |name: &str| pallets.iter().find(|pallet| pallet.name == name).and_then(|pallet| pallet.index);
    assert_eq!((index("System"), index("Sudo")), (Some(0), Some(255)));
    assert_eq!(facts.authorize_upgrade_call, None, "it is older than the call");
    assert!(facts.imports.iter().any(|import| import.name == "ext_storage_get_version_1"));
    // Written as a snapshot and read again, the state is the same.
    let bytes = state.to_snapshot().expect("written");
    let again = State::from_reader("snapshot", bytes.as_slice()).expect("read back");
    assert_eq!((again.top, again.state_root, again.block), (state.top, state.state_root, state.block));
}

#[test]
fn the_specs_of_the_system_chains_are_read_whatever_their_age() {
    let Some(package) = registry_package("polkadot-parachain-bin", "5.0.0") else { return };
    let expected = [
        ("asset-hub-kusama.json", "shell", "0x48239ef607d7928874027a43a67689209727dfb3d3dc5e5b03a39bdc2eda771a"),
        ("asset-hub-polkadot.json", "shell", "0x68d56f15f85d3136970ec16946040bc1752654e906147f7e43e9d539d7c3de2f"),
        (
            "bridge-hub-kusama.json",
            "bridge-hub-kusama",
            "0x00dcb981df86429de8bbacf9803401f09485366c44efbf53af9ecfab03adc7e5",
        ),
    ];
    let mut seen = 0;
    for entry in std::fs::read_dir(package.join("chain-specs")).expect("listed").flatten() {
        let facts = facts(&entry.path(), true);
        assert!(facts.pallets.is_some_and(|pallets| pallets.len() >= 4), "{}", entry.path().display());
        let name = entry.file_name();
        if let Some((_, spec, genesis)) = expected.iter().find(|(file, ..)| name == *file) {
            assert_eq!((facts.spec_name.as_str(), facts.block_hash.as_deref()), (*spec, Some(*genesis)));
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len());
}

#[test]
fn a_snapshot_of_try_runtime_is_read() {
    let Some(package) = registry_package("frame-remote-externalities", "0.63.0") else { return };
    let path = package.join("test_data/test.snap");
    let state = State::read(&path).expect("read");
    assert_eq!((state.spec_name.as_deref(), state.spec_version), (Some("bridge-hub-rococo"), Some(1_011_000)));
    assert_eq!(state.block.map(|block| block.number), Some(3_351_281));
    assert!(state.summary().verified, "the root follows from the entries");
    assert_eq!(state.complete(), Some(false), "it holds a part of the state only");
    let facts = facts(&path, true);
    assert_eq!(facts.source_kind, SourceKind::TryRuntimeSnapshot);
    assert_eq!(facts.call_indices_from.authorize_upgrade, IndicesFrom::Metadata);
    assert_eq!(hex::encode_prefixed(state.state_root.expect("a root")).len(), 66);
}

#[test]
fn a_plain_chain_spec_has_a_runtime_and_no_state() {
    let Some(package) = registry_package("zombienet-orchestrator", "0.7.1") else { return };
    let path = package.join("testing/rococo-penpal-local-plain.json");
    let facts = facts(&path, true);
    assert_eq!((facts.source_kind, facts.block_hash), (SourceKind::ChainSpec, None));
    assert!(facts.pallets.is_some_and(|pallets| pallets.len() > 10), "{}", facts.spec_name);
    // It has the extension, and was compiled without the hash.
    assert_eq!(facts.metadata_hash.map(|hash| hash.held), Some(HeldFacts::Missing));
    // The other form has the code in the configuration of System; in this file it is a placeholder
    // of one byte.
    let other = Source::File(package.join("testing/rococo-local-plain.json")).blob().expect_err("refused");
    assert!(other.message.contains("is not a runtime"), "{other}");
    let failure = Source::File(path).state().expect_err("refused");
    assert_eq!(failure.kind, worker::Kind::Input);
    assert!(failure.message.contains("plain chain spec"), "{failure}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("raw")));
}

#[test]
fn the_code_substitute_of_polkadot_is_listed() {
    let Some(package) = registry_package("polkadot-service", "42.0.0") else { return };
    let path = package.join("chain-specs/polkadot.json");
    let substitutes = facts(&path, false).code_substitutes;
    let [substitute] = substitutes.as_slice() else { panic!("one: {substitutes:?}") };
    assert_eq!((substitute.at.as_str(), substitute.spec_name.as_str()), ("5203203", "polkadot"));
    assert_eq!((substitute.spec_version, substitute.size), (30, 2_030_359));
    let code = Source::File(path.clone()).code("5203203").expect("read");
    assert_eq!(hex::encode_prefixed(artifact::hashes::blake2_256(&code.deployed)), substitute.blake2_256);
    assert_eq!(Source::File(path).code(&substitute.blake2_256), Ok(code));
}

#[test]
fn metadata_of_every_old_version_is_read() {
    let Some(package) = registry_package("frame-metadata", "23.0.1") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(package.join("test_data")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(version) = name.strip_prefix("ksm_metadata_v").and_then(|rest| rest.strip_suffix(".bin")) else {
            continue;
        };
        let bytes = std::fs::read(entry.path()).expect("read");
        let metadata = artifact::Metadata::from_bytes(&name, bytes.clone()).expect("decoded");
        assert_eq!(metadata.version.to_string(), version);
        // Kusama's System has the index 0 in every version.
        assert_eq!(metadata.pallets.call("System", "set_code").map(|(pallet, _)| pallet), Some(0), "{name}");
        assert!(metadata.pallets.constant("Babe", "EpochDuration").is_some(), "{name}");
        assert!(artifact::Metadata::from_bytes(&name, bytes[..bytes.len() - 1].to_vec()).is_err());
        seen += 1;
    }
    assert_eq!(seen, 6);
}
