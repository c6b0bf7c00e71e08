// SPDX-License-Identifier: Apache-2.0
//! The command `propose network`: the upgrades of the relay chain and of its parachain by one proposal, which is then
//! rehearsed on both.

use cutover_tests::{
    Output,
    Runtime::{self, Parachain, Relay},
    Xtask,
    incident::{Before, sound},
    patch, snapshot,
};
use serde_json::Value;
use std::{fs, path::Path};

/// The chains with their new runtimes, in files.
struct Case {
    directory: tempfile::TempDir,
    relay: String,
    parachain: String,
    relay_code: String,
    parachain_code: String,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, wasm: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, patch::deployed(wasm)).expect("written");
            path.display().to_string()
        };
        // The same runtime with a higher version.
        let relay_code = write("relay.wasm", &patch::spec_version(&Before::of(Relay).code(), 1_001_000));
        let parachain_code = write("parachain.wasm", &sound(Parachain));
        let state = |runtime: Runtime| snapshot(runtime).display().to_string();
        Self { relay: state(Relay), parachain: state(Parachain), directory, relay_code, parachain_code }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Proposes both upgrades on the relay chain.
    fn propose(&self, more: &[&str]) -> Output {
        let relay = format!("{}={}", self.relay, self.relay_code);
        let parachain = format!("{}={}", self.parachain, self.parachain_code);
        let words = ["propose", "network", "--json", "--on", &self.relay, "--upgrade", &parachain, "--upgrade", &relay];
        Xtask::new([&words[..], more].concat()).run()
    }
}

fn texts<'d>(document: &'d Value, list: &str, name: &str) -> Vec<&'d str> {
    let list = document[list].as_array().expect("a list");
    list.iter().map(|one| one[name].as_str().expect("text")).collect()
}

#[test]
fn one_proposal_upgrades_the_relay_chain_and_its_parachain() {
    let case = Case::new();
    let out = case.path().join("out").display().to_string();
    let proposal = case.propose(&["--out", &out]).expect_code(0).json();
    assert_eq!((&proposal["route"], &proposal["batch"]), (&"sudo".into(), &"force_batch".into()), "{proposal:#}");
    // The relay chain comes first, in whatever order they are given.
    let names = ["cutover-relay", "cutover-parachain"];
    assert_eq!(texts(&proposal, "upgrades", "chain"), names);
    assert_eq!(texts(&proposal, "applies", "chain"), names);
    assert_eq!(proposal["upgrades"][1]["para_id"], 2000, "{proposal:#}");
    let sudo = &proposal["calls"][0];
    let decoded = sudo["decoded"].as_str().expect("text");
    assert!(
        decoded.starts_with("Sudo.sudo { call: Utility.force_batch { calls: [System.authorize_upgrade"),
        "{decoded}"
    );
    assert_eq!(fs::read_to_string(format!("{out}/calls/01-sudo.hex")).expect("read").trim_end(), sudo["bytes"]);
    for (position, apply) in proposal["applies"].as_array().expect("a list").iter().enumerate() {
        let file = format!("calls/{:02}-apply_authorized_upgrade.scale", position + 2);
        assert_eq!(apply["files"][1], file, "{apply:#}");
        let bytes = fs::read(Path::new(&out).join(file)).expect("read");
        assert_eq!(apply["hash"], hex::encode_prefixed(artifact::hashes::blake2_256(&bytes)));
    }

    // What the key of Sudo signs authorizes both codes, and both chains come to run them.
    let words = ["rehearse", "--json", &out, "--state", &case.relay, "--with", &case.parachain, "--onboard"];
    let codes = ["--code", &case.relay_code, "--code", &case.parachain_code];
    let rehearsed = Xtask::new([&words[..], &codes].concat()).run().expect_code_of_verdict().json();
    assert_eq!(rehearsed["call"]["blake2_256"], sudo["hash"]);
    let status = |name: &str| {
        let checks = rehearsed["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}"))["status"].clone()
    };
    for check in ["dispatch", "inner-results", "messages", "upgrades"] {
        assert_eq!(status(check), "pass", "{check}: {rehearsed:#}");
    }
    let live: Vec<_> = rehearsed["upgrades"].as_array().expect("upgrades").iter().map(|it| &it["live"]).collect();
    assert_eq!(live, [true, true], "{:#}", rehearsed["upgrades"]);

    // The keys are found for it as for any call of Sudo. On this state alone the relay chain knows no parachain, so the
    // message cannot be sent: an event of the batch says so, and the extrinsic succeeds.
    let keys = Xtask::new(["propose", "keys", &out, "--state", &case.relay, "--json"]).run().expect_code(1).json();
    assert_eq!((&keys["blake2_256"], &keys["keys"][0]["suffices"]), (&sudo["hash"], &true.into()));
    assert!(keys["keys"][0]["told"].as_str().is_some_and(|told| told.contains("SendFailure")), "{keys:#}");
}

#[test]
fn the_text_lists_the_chains_and_their_apply_steps() {
    let case = Case::new();
    let relay = format!("{}={}", case.relay, case.relay_code);
    let parachain = format!("{}={}", case.parachain, case.parachain_code);
    let words = ["propose", "network", "--on", &case.relay, "--upgrade", &relay, "--upgrade", &parachain, "--atomic"];
    let text = Xtask::new(words).run().expect_code(0).stdout;
    for part in [
        "batch_all of 2 authorizations",
        "cutover-parachain",
        "parachain 2000",
        "by XCM V5",
        "Then: Apply the authorized code on cutover-relay",
        "Then: Apply the authorized code on cutover-parachain",
        "Utility.batch_all takes back all calls",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn one_upgrade_needs_no_batch() {
    let case = Case::new();
    let one = format!("{}={}", case.parachain, case.parachain_code);
    let words = ["propose", "network", "--json", "--on", &case.relay, "--upgrade", &one];
    let network = Xtask::new(words).run().expect_code(0).json();
    let words = ["--runtime", &case.parachain_code, "--target", &case.parachain, "--relay", &case.relay, "--json"];
    let upgrade = Xtask::new([&["propose", "upgrade"][..], &words].concat()).run().expect_code(0).json();
    assert_eq!(network["calls"][0]["bytes"], upgrade["calls"][0]["bytes"]);
    assert_eq!(network["applies"][0]["hash"], upgrade["apply"]["hash"]);
    assert!(network["batch"].is_null(), "{network:#}");
}

#[test]
fn wrong_input_is_named() {
    let case = Case::new();
    case.propose(&["--route", "relay-superuser-sudo"]).expect_code(2).mentions(&["is not that of a governing chain"]);
    case.propose(&["--note-preimage", "--route", "sudo"]).expect_code(2).mentions(&["--note-preimage does not apply"]);
    let id = format!("{}=2001", case.parachain);
    case.propose(&["--para-id", &id]).expect_code(2).mentions(&["is not the parachain of --para-id", "2000"]);
    case.propose(&["--para-id", "other=1"]).expect_code(2).mentions(&["names no chain of the proposal"]);
    let again = format!("{}={}", case.parachain, case.relay_code);
    case.propose(&["--upgrade", &again]).expect_code(2).mentions(&["two upgrades are of the same chain"]);
    let run = |words: &[&str]| Xtask::new([&["propose", "network"][..], words].concat()).run();
    let swapped = format!("{}={}", case.parachain, case.relay_code);
    run(&["--on", &case.relay, "--upgrade", &swapped])
        .expect_code(1)
        .mentions(&["the new runtime is not of the chain cutover-parachain"]);
    run(&["--on", &case.relay, "--upgrade", &case.relay]).expect_code(2).mentions(&["--upgrade is not valid"]);
    run(&["--network", "paseo"]).expect_code(2).mentions(&["names a chain, and no runtimes"]);
    run(&["--on", &case.relay]).expect_code(2);
}
