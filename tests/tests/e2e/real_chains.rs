// SPDX-License-Identifier: Apache-2.0
//! Upgrades of chains of others.

use cutover_tests::{Xtask, patch, registry_package};

#[test]
fn paseo_passes_sessions_without_a_new_era() {
    let Some(service) = registry_package("polkadot-service", "42.0.0") else { return };
    let spec = service.join("chain-specs/paseo.json");
    let state = state::State::read(&spec).expect("a chain spec");
    // The chain's own runtime with a higher version. An upgrade without changes must pass.
    let wasm = patch::wasm(state.get(b":code").expect("a runtime"));
    let directory = tempfile::tempdir().expect("a directory");
    let blob = directory.path().join("paseo.wasm");
    std::fs::write(&blob, patch::deployed(&patch::spec_version(&wasm, 1_001_003))).expect("written");
    let (blob, spec) = (blob.display().to_string(), spec.display().to_string());
    let dry_run = Xtask::new(["dry-run", "--json", "--runtime", &blob, "--state", &spec]);
    let report = dry_run.run().expect_code_of_verdict().json();
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == "sessions").expect("the check");
    assert_eq!(check["status"], "pass", "{check:#}");
    // Without a submitted solution of the election no era starts, under either code.
    let detail = check["detail"].as_str().expect("a detail");
    assert!(detail.contains("11 sessions ended") && detail.contains("none does either"), "{check:#}");
}

#[test]
fn validators_would_accept_the_blocks_of_real_parachains() {
    let Some(package) = registry_package("polkadot-parachain-bin", "5.0.0") else { return };
    // Runtimes of 2022 and 2023. Their code must accept the seals, relay proofs and compact proofs.
    for name in ["collectives-westend", "contracts-rococo"] {
        let spec = package.join(format!("chain-specs/{name}.json")).display().to_string();
        let dry_run = Xtask::new(["dry-run", "--json", "--runtime", &spec, "--state", &spec, "--blocks", "2"]);
        // The runtime is the chain's current one, so the check of its version fails.
        let report = dry_run.run().expect_code(1).json();
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "validator-execution").expect("the check");
        assert_eq!(check["status"], "pass", "{name}: {check:#}");
        let detail = check["detail"].as_str().expect("a detail");
        assert!(detail.contains("a block after the migrations"), "{name}: {check:#}");
    }
}
