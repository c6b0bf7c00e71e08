// SPDX-License-Identifier: Apache-2.0
//! The embedded runtimes have the APIs that nodes and tools need.

use artifact::sections::Sections;
use cutover_tests::{Runtime, built, snapshot};
use inspect::inspect;
use protocol::{
    Source,
    inspect::{HeldFacts, Token},
};
use source::ReadSource;
use std::{collections::BTreeSet, path::PathBuf};

/// Returns the runtime APIs of a blob, or of the code in a snapshot, from its exported functions.
fn apis(path: PathBuf) -> BTreeSet<String> {
    let name = path.display().to_string();
    let blob = Source::File(path).blob().expect("a blob");
    let sections = Sections::read(&name, &blob).expect("sections");
    sections.exports.iter().filter_map(|export| export.split_once('_')).map(|(api, _)| api.to_owned()).collect()
}

fn expect(found: &BTreeSet<String>, wanted: &[&str]) {
    let missing: Vec<_> = wanted.iter().filter(|api| !found.contains(**api)).collect();
    assert!(missing.is_empty(), "{missing:?} are missing from {found:?}");
}

const OF_EVERY_NODE: [&str; 9] = [
    "Core",
    "Metadata",
    "BlockBuilder",
    "TaggedTransactionQueue",
    "OffchainWorkerApi",
    "SessionKeys",
    "AccountNonceApi",
    "TransactionPaymentApi",
    "GenesisBuilder",
];

#[test]
fn the_standalone_runtime_has_the_apis_of_a_solo_chain() {
    let found = apis(built(Runtime::Standalone, &[]));
    expect(&found, &OF_EVERY_NODE);
    expect(&found, &["AuraApi", "GrandpaApi"]);
    expect(&apis(built(Runtime::Standalone, &["try-runtime"])), &["TryRuntime"]);
}

/// The APIs in the trait bounds of `polkadot-omni-node` 0.24, and `validate_block` for validators.
/// Two more APIs there are for chains with stored transactions and with authority discovery.
#[test]
fn the_parachain_runtime_has_the_apis_of_the_omni_node() {
    let found = apis(built(Runtime::Parachain, &[]));
    expect(&found, &OF_EVERY_NODE);
    expect(
        &found,
        &[
            "AuraApi",
            "CollectCollationInfo",
            "GetParachainInfo",
            "RelayParentOffsetApi",
            "SchedulingV3EnabledApi",
            "AuraUnincludedSegmentApi",
            "validate",
        ],
    );
}

/// The previous release is read from its snapshot: a build of the runtime for this alone would take
/// minutes. Both releases have the same APIs.
#[test]
fn the_relay_runtime_has_the_apis_of_a_relay_chain() {
    let found = apis(snapshot(Runtime::Relay));
    expect(&found, &OF_EVERY_NODE);
    expect(&found, &["BabeApi", "GrandpaApi", "ParachainHost"]);
}

/// Released blobs are compiled with the hash of their metadata. Test builds are not, because that
/// takes twice as long.
#[test]
fn the_released_blob_contains_the_metadata_hash() {
    for runtime in [Runtime::Standalone, Runtime::Parachain] {
        let token = Token { symbol: "CUT".into(), decimals: 12 };
        let facts = inspect(&Source::File(built(runtime, &[])), true, Some(token)).expect("read");
        let hash = facts.metadata_hash.expect("asked for");
        assert_eq!((hash.held, hash.unknown.as_slice()), (HeldFacts::Present, &[][..]), "{hash:?}");
        assert!(hash.computed.is_some() && hash.hash == hash.computed, "{hash:?}");
        assert_eq!(hash.computed_from_16 == hash.computed, hash.differences.is_empty(), "{hash:?}");
        let token = Token { symbol: "CUT".into(), decimals: 10 };
        let other = inspect(&Source::File(built(runtime, &[])), true, Some(token)).expect("read").metadata_hash;
        assert!(other.is_some_and(|other| other.computed != hash.computed && other.hash == hash.hash));
    }
    let tested = inspect(&Source::File(built(Runtime::Standalone, &["try-runtime"])), true, None).expect("read");
    let hash = tested.metadata_hash.expect("asked for");
    assert_eq!((hash.held, hash.hash, hash.computed), (HeldFacts::Missing, None, None));
}
