// SPDX-License-Identifier: Apache-2.0
//! The embedded runtimes offer what nodes and tools ask of a runtime.

#![allow(clippy::expect_used, reason = "tests")]

use artifact::{Source, sections::Sections};
use cutover_tests::{Runtime, built};
use std::collections::BTreeSet;

/// The runtime APIs of a blob, by the functions it exports.
fn apis(runtime: Runtime, features: &[&str]) -> BTreeSet<String> {
    let path = built(runtime, features);
    let blob = Source::File(path).blob().expect("a blob");
    let sections = Sections::read(runtime.name(), &blob).expect("sections");
    sections.exports.iter().filter_map(|export| export.split_once('_')).map(|(api, _)| api.to_owned()).collect()
}

fn expect(found: &BTreeSet<String>, wanted: &[&str]) {
    let missing: Vec<_> = wanted.iter().filter(|api| !found.contains(**api)).collect();
    assert!(missing.is_empty(), "{missing:?} are missing from {found:?}");
}

const OF_EVERY_NODE: [&str; 10] = [
    "Core",
    "Metadata",
    "BlockBuilder",
    "TaggedTransactionQueue",
    "OffchainWorkerApi",
    "SessionKeys",
    "AuraApi",
    "AccountNonceApi",
    "TransactionPaymentApi",
    "GenesisBuilder",
];

#[test]
fn the_standalone_runtime_has_the_apis_of_a_solo_chain() {
    let found = apis(Runtime::Standalone, &[]);
    expect(&found, &OF_EVERY_NODE);
    expect(&found, &["GrandpaApi"]);
    expect(&apis(Runtime::Standalone, &["try-runtime"]), &["TryRuntime"]);
}

/// What `polkadot-omni-node` 0.24 names in the bounds of a node's runtime, and `validate_block` for validators. Two more
/// that it names belong to chains with stored transactions and with authority discovery.
#[test]
fn the_parachain_runtime_has_the_apis_of_the_omni_node() {
    let found = apis(Runtime::Parachain, &[]);
    expect(&found, &OF_EVERY_NODE);
    expect(
        &found,
        &[
            "CollectCollationInfo",
            "GetParachainInfo",
            "RelayParentOffsetApi",
            "SchedulingV3EnabledApi",
            "AuraUnincludedSegmentApi",
            "validate",
        ],
    );
}
