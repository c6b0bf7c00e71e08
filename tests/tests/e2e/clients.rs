// SPDX-License-Identifier: Apache-2.0
//! Third-party clients on a served fork.

use cutover_tests::{
    Runtime, Xtask,
    fork::{Fork, Node},
    skipped, snapshot,
};
use serde_json::json;

fn used_by_clients(node: &Node) {
    // Chopsticks copies a parachain's inherents from the parent block, so that block must have
    // extrinsics.
    node.call("dev_newBlock", json!([]));
    let document = Xtask::new(["ci", "clients", "--json", node.url()]).run().expect_code(0).json();
    let checks = document["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), 3);
    for check in checks {
        if check["status"] == "skip" {
            skipped(&format!("{}: {}", check["name"], check["detail"]));
            continue;
        }
        assert_eq!((&check["status"], &check["findings"]), (&json!("pass"), &json!(null)), "{check:#}");
    }
}

#[test]
fn front_ends_and_chopsticks_use_a_solo_chain() {
    used_by_clients(&Fork::of(snapshot(Runtime::Standalone)));
}

#[test]
fn front_ends_and_chopsticks_use_a_parachain() {
    used_by_clients(&Fork::of(snapshot(Runtime::Parachain)));
}

#[test]
fn front_ends_and_chopsticks_use_a_parachain_that_is_served_with_its_relay_chain() {
    let parachain = snapshot(Runtime::Parachain).display().to_string();
    let network = Fork::with(snapshot(Runtime::Relay), &["--with", &parachain, "--onboard"]);
    used_by_clients(&network.parachains[0]);
}
