// SPDX-License-Identifier: Apache-2.0
//! The costs of an upgrade of the embedded relay chain as the number of its parachains grows. This is a measurement:
//! `bash .ci/ignored the_cost_of_many_parachains`.

use codec::Encode;
use cutover_tests::{
    Runtime::{Parachain, Relay},
    incident::{Before, item},
    patch, with_peak,
};
use std::time::Instant;

/// The validators of the relay chain: two for each of ten cores.
const VALIDATORS: u8 = 20;

/// Returns the relay chain with more validators from the next session on.
fn with_validators() -> Before {
    // `SessionKeys`: those of Babe, Grandpa, and of a validator of parachains twice.
    let keys = |index: u8| [0x10 + index, 0x30 + index, 0x50 + index, 0x70 + index].map(|byte| [byte; 32]);
    let validator = |index: u8| [0x90 + index; 32];
    let queued: Vec<_> = (0..VALIDATORS).map(|index| (validator(index), keys(index))).collect();
    let mut before = Before::of(Relay)
        .set(&item("Session", "QueuedKeys"), Some(queued.encode()))
        .set(&item("Session", "QueuedChanged"), Some(vec![1]));
    for index in 0..VALIDATORS {
        let account = validator(index);
        let key =
            [item("Session", "NextKeys"), artifact::hashes::twox_64(&account).to_vec(), account.to_vec()].concat();
        before = before.set(&key, Some(keys(index).encode()));
    }
    before
}

#[test]
#[ignore = "a measurement that takes minutes"]
fn the_cost_of_many_parachains() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (relay, blob) = (path("relay.snapshot"), path("relay.wasm"));
    with_validators().write(relay.as_ref());
    let code = patch::spec_version(&Before::of(Relay).code(), 1_001_000);
    std::fs::write(&blob, patch::deployed(&code)).expect("written");
    let parachains: Vec<_> = (0..10u32)
        .map(|index| {
            let path = path(&format!("{index}.snapshot"));
            let id = (2_000 + index).encode();
            Before::of(Parachain).set(&item("ParachainInfo", "ParachainId"), Some(id)).write(path.as_ref());
            path
        })
        .collect();
    println!("parachains | seconds | of the run | relay blocks | peak of a process, MiB");
    for count in [1, 1, 5, 10] {
        let with = parachains.iter().take(count).flat_map(|path| ["--with", path]);
        let words = ["dry-run", "--json", "--runtime", &blob, "--state", &relay, "--onboard", "--only", "ten-heads"];
        let words: Vec<_> = words.into_iter().chain(with).collect();
        let began = Instant::now();
        let (report, peak) = with_peak(&words, directory.path());
        let check = &report["checks"][0];
        assert_eq!(check["status"], "pass", "{check:#}");
        let blocks = report["timeline"]["ended"].as_u64().expect("a number");
        println!("{count} | {:.1} | {} | {blocks} | {}", began.elapsed().as_secs_f64(), report["seconds"], peak / 1024);
    }
}
