// SPDX-License-Identifier: Apache-2.0
//! Upgrades of the embedded parachain on which the runtime of a real relay chain decides: Paseo's,
//! from the chain spec in `polkadot-service`. It does not know the parachain, so each run onboards it.

#![allow(clippy::expect_used, reason = "tests")]

use codec::Encode;
use cutover_tests::{
    Runtime::Parachain,
    Xtask,
    faults::{Action, Condition::Has, Faults},
    incident::{Before, Report, item, rehearse_with, sound},
    patch, registry_package,
};

const CHECKS: [&str; 6] = ["code-backed", "pvf-votes", "go-ahead", "promoted", "ten-heads", "both-sides-agree"];

/// Returns the report of these checks alone, or nothing if the chain spec cannot be had.
fn decided(before: Before, blob: &[u8]) -> Option<Report> {
    let package = registry_package("polkadot-service", "42.0.0")?;
    let spec = package.join("chain-specs/paseo.json").display().to_string();
    let mut arguments = vec!["--relay", &spec, "--onboard"];
    for check in CHECKS {
        arguments.extend(["--only", check]);
    }
    Some(rehearse_with(before, blob, &arguments))
}

#[test]
fn a_relay_chain_takes_the_code_and_includes_ten_heads_of_it() {
    let Some(report) = decided(Before::of(Parachain), &sound(Parachain)) else { return };
    for check in CHECKS {
        report.status(check, "pass");
    }
    report
        .says("pvf-votes", "which foretells the go-ahead for block 23")
        .says("go-ahead", "in relay block 23, as foretold; the parachain applies the code in its block 9")
        .says("ten-heads", "10 candidates of the new code are included")
        .says("both-sides-agree", "on the head, the code, the messages from the relay chain");
}

#[test]
fn n04_code_applied_before_the_go_ahead_is_not_checked_by_the_relay_chain() {
    let blob = sound(Parachain);
    let scheduled = || vec![Has(item("ParachainSystem", "PendingValidationCode"))];
    let mut faults = Faults::new();
    for export in ["Core_initialize_block", "Core_execute_block"] {
        faults = faults.step(export, scheduled(), Action::Set(b":code".to_vec(), patch::deployed(&blob)));
    }
    let before = Before::of(Parachain).with_code(|code| faults.apply(code));
    let Some(report) = decided(before, &blob) else { return };
    report
        .stopped_by("go-ahead", &["the parachain stands", "validate_block refuses the block"])
        .status("pvf-votes", "pass")
        .status("promoted", "not_judged");
}

#[test]
fn n23_a_parachain_stands_whose_new_code_refuses_its_blocks() {
    let Some(report) = decided(Before::of(Parachain), &patch::trap(&sound(Parachain), "validate_block")) else {
        return;
    };
    report
        .stopped_by("ten-heads", &["the parachain stands", "validate_block refuses the block"])
        .status("promoted", "pass")
        .status("both-sides-agree", "not_judged");
}

#[test]
fn n35_a_parachain_stands_whose_collators_use_another_relay_parent_offset() {
    let blob = Faults::new().answer("RelayParentOffsetApi_relay_parent_offset", 1u32.encode()).apply(&sound(Parachain));
    let Some(report) = decided(Before::of(Parachain), &blob) else { return };
    report.stopped_by("ten-heads", &["the parachain stands"]).status("promoted", "pass");
}

#[test]
fn a_relay_chain_that_does_not_fit_is_an_error_of_the_input() {
    let Some(package) = registry_package("polkadot-service", "42.0.0") else { return };
    let spec = package.join("chain-specs/paseo.json").display().to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let [state, blob] = ["state.snapshot", "new.wasm"].map(|name| directory.path().join(name).display().to_string());
    Before::of(Parachain).write(std::path::Path::new(&state));
    std::fs::write(&blob, patch::deployed(&sound(Parachain))).expect("written");
    let run = |relay: &str| {
        let output = Xtask::new(["dry-run", "--runtime", &blob, "--state", &state, "--relay", relay]).run();
        output.expect_code(4).stderr
    };
    let unknown = run(&spec);
    assert!(unknown.contains("does not know the parachain 2000") && unknown.contains("--onboard"), "{unknown}");
    let other = run(&state);
    assert!(other.contains("is no relay chain"), "{other}");
}
