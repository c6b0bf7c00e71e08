// SPDX-License-Identifier: Apache-2.0
//! The command `propose call`: any call by the routes of an upgrade, which `rehearse` then dispatches.

use cutover_tests::{
    Runtime::{Parachain, Relay, Standalone},
    Xtask, snapshot,
};
use serde_json::json;
use std::fs;

const WHO: &str = "0x0707070707070707070707070707070707070707070707070707070707070707";

fn propose(words: &[&str]) -> cutover_tests::Output {
    Xtask::new([&["propose", "call", "--json"][..], words].concat()).run()
}

#[test]
fn a_call_is_proposed_from_its_name_and_rehearsed() {
    let state = snapshot(Standalone).display().to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("out").display().to_string();
    let arguments = json!({"who": WHO, "new_free": "1152921504606846976"}).to_string();
    let given = ["Balances.force_set_balance", "--args", &arguments, "--target", &state];
    let proposal = propose(&[&given[..], &["--out", &out]].concat()).expect_code(0).json();
    assert_eq!(proposal["route"], "sudo", "{proposal:#}");
    let inner = &proposal["call"];
    assert_eq!(
        inner["decoded"],
        format!("Balances.force_set_balance {{ who: Id({WHO}), new_free: 1152921504606846976 }}")
    );
    let sudo = &proposal["calls"][0];
    assert!(sudo["decoded"].as_str().is_some_and(|text| text.starts_with("Sudo.sudo { call: Balances.")), "{sudo:#}");
    assert_eq!(fs::read_to_string(format!("{out}/calls/01-sudo.hex")).expect("read").trim_end(), sudo["bytes"]);

    // The encoded call gives the same.
    let encoded = inner["bytes"].as_str().expect("bytes");
    let again = propose(&[encoded, "--target", &state]).expect_code(0).json();
    assert_eq!(again["calls"][0]["bytes"], sudo["bytes"]);

    // What is signed is what is rehearsed: the key of Sudo dispatches it.
    let rehearsed = Xtask::new(["rehearse", "--json", &out, "--state", &state]).run().expect_code(0).json();
    assert_eq!(rehearsed["call"]["blake2_256"], sudo["hash"]);
    let balances = rehearsed["balances"].as_array().expect("balances");
    let of = |account: Option<&str>| balances.iter().find(|it| it["account"].as_str() == account);
    let account = of(Some("5CDEXpcmCBgYwNCYTHZYhDYpzYxNaqB6TJVzUZ8xNsUeQGPW"));
    let changed = account.or_else(|| balances.iter().find(|it| it["account"].is_string())).expect("the account");
    assert_eq!((&changed["without"], &changed["with"]), (&json!("0"), &json!("1152921504606846976")), "{balances:#?}");
    assert!(of(None).is_some(), "the total issuance: {balances:#?}");
}

#[test]
fn the_relay_chains_root_dispatches_a_call_on_a_parachain() {
    let [relay, parachain] = [Relay, Parachain].map(|runtime| snapshot(runtime).display().to_string());
    let remark = json!({"remark": "0x010203"}).to_string();
    let chains = ["--target", &parachain, "--relay", &relay];
    let proposal = propose(&[&["System.remark", "--args", &remark][..], &chains].concat()).expect_code(0).json();
    assert_eq!(proposal["call"]["bytes"], "0x00000c010203", "{proposal:#}");
    assert!(proposal["route"].as_str().is_some_and(|route| route.starts_with("relay-superuser")), "{proposal:#}");
    let call = &proposal["calls"][0];
    let decoded = call["decoded"].as_str().expect("a call");
    assert!(decoded.contains("XcmPallet.send") && decoded.contains("Parachain(2000)"), "{call:#}");
    assert!(call["carries"].as_array().is_some_and(|carried| carried.iter().any(|it| it["bytes"] == "0x00000c010203")));
}

#[test]
fn wrong_calls_are_refused_with_their_place() {
    let state = snapshot(Standalone).display().to_string();
    let run = |call: &str, more: &[&str]| {
        Xtask::new([&["propose", "call", call, "--target", &state][..], more].concat()).run()
    };
    run("Nope.call", &[]).expect_code(2).mentions(&["has no pallet \"Nope\"", "Balances"]);
    run("Balances.nope", &[]).expect_code(2).mentions(&["has no call \"nope\"", "force_set_balance"]);
    run("System.remark", &[]).expect_code(2).mentions(&["System.remark lacks \"remark\""]);
    run("System.remark", &["--args", "{"]).expect_code(2).mentions(&["--args is no JSON"]);
    let short = r#"{"who": "0x07", "new_free": 1}"#;
    run("Balances.force_set_balance", &["--args", short])
        .expect_code(2)
        .mentions(&["Balances.force_set_balance.who", "32 bytes, 0x and hex"]);
    run("0x0000", &[]).expect_code(4).mentions(&["the bytes end in the middle of a value"]);
    run("0x000000", &["--args", "{}"]).expect_code(2).mentions(&["leave --args out"]);
    run("0x000000", &["--origin", "GeneralAdmin"]).expect_code(2).mentions(&["needs a referendum"]);
}
