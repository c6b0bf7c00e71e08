// SPDX-License-Identifier: Apache-2.0
//! Tests the worker as xtask starts it: a request on standard input, events on standard output, and
//! the exit code of the outcome.

use cutover_evidence::digest;
use protocol::{
    CHECKS, Check, RuntimeIdentity, Verdict,
    build::{BlobFile, BuildRecord, BuildResult},
    diff::{ComparedRuntime, DiffReport},
    dry_run::DryRunReport,
    format::{DIFF, DRY_RUN, REHEARSAL},
    inspect::{PalletFacts, RuntimeFacts},
    manifest::Digests,
    rehearse::{RehearsalReport, RehearsedCall},
};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

fn send(request: &Value) -> (Option<i32>, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cutover-evidence"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("a pipe").write_all(request.to_string().as_bytes()).expect("sent");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{request}");
    let last = output.stdout.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().expect("an event");
    (output.status.code(), serde_json::from_slice(last).expect("JSON"))
}

const STEPS: [&str; 6] = ["build", "inspect", "diff", "dry-run", "propose", "rehearse"];
/// The blake2-256 hash of the three bytes `abc`.
const BLOB: &str = "0xbddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";

/// Returns the result of a passed step.
fn result(step: &str, call: &[u8]) -> Value {
    let Digests { blake2_256, sha256, .. } = digest::of(b"abc");
    match step {
        "build" => json!(BuildResult {
            blob: BlobFile { path: "blob.wasm".into(), blake2_256 },
            record: BuildRecord::default(),
        }),
        "inspect" => json!(RuntimeFacts {
            spec_name: "solo".into(),
            spec_version: 2,
            blake2_256,
            sha256,
            pallets: Some(vec![PalletFacts { name: "System".into(), index: Some(0), storage_version: None }]),
            ..RuntimeFacts::default()
        }),
        "diff" => json!(DiffReport {
            format: DIFF.into(),
            verdict: Verdict::Pass,
            new: ComparedRuntime { blake2_256, ..ComparedRuntime::default() },
            rules: vec![Check::pass("spec-name", "")],
            ..DiffReport::default()
        }),
        "dry-run" => json!(dry_run(&blake2_256)),
        "propose" => json!({
            "route": "sudo", "possible_routes": ["sudo"], "chain": "solo", "from_spec_version": 1, "to_spec_version": 2,
            "code_hash": blake2_256, "code_length": 3, "without_checks": false, "apply": null, "notes": [], "links": [],
            "calls": [{"name": "authorize_upgrade", "chain": "solo", "description": "",
                "decoded": format!("System.authorize_upgrade {{ code_hash: {blake2_256} }}"), "length": call.len(),
                "hash": digest::of(call).blake2_256, "files": ["call.scale"]}],
        }),
        "rehearse" => json!(RehearsalReport {
            format: REHEARSAL.into(),
            call: RehearsedCall { blake2_256: digest::of(call).blake2_256, ..RehearsedCall::default() },
            checks: vec![Check::pass("dispatch", "")],
            verdict: Verdict::Pass,
            ..RehearsalReport::default()
        }),
        _ => Value::Null,
    }
}

fn dry_run(blake2_256: &str) -> DryRunReport {
    let runtime = |spec_version: u32| RuntimeIdentity {
        spec_name: "solo".into(),
        spec_version,
        blake2_256: blake2_256.into(),
        ..RuntimeIdentity::default()
    };
    DryRunReport {
        format: DRY_RUN.into(),
        verdict: Verdict::Pass,
        from: runtime(1),
        to: runtime(2),
        checks: CHECKS.iter().map(|name| Check::pass(*name, "")).collect(),
        ..DryRunReport::default()
    }
}

fn bundle(directory: &Path) -> Value {
    std::fs::write(directory.join("blob.wasm"), "abc").expect("written");
    let call = [&[0, 9][..], &hex::decode(&BLOB[2..]).expect("hex")].concat();
    std::fs::write(directory.join("call.scale"), &call).expect("written");
    for step in STEPS {
        let inputs = json!({"blob": {"digest": BLOB, "path": "blob.wasm"}});
        let result = result(step, &call);
        let step =
            json!({"format": "cutover/step/v1", "step": step, "inputs": inputs, "result": result, "verdict": "pass"});
        let name = format!("{}.json", step["step"].as_str().expect("a name"));
        std::fs::write(directory.join(name), step.to_string()).expect("written");
    }
    let (code, event) = send(
        &json!({"command": "assemble", "bundle": directory, "steps": STEPS, "files": ["blob.wasm", "call.scale"]}),
    );
    assert_eq!((code, &event["event"]), (Some(0), &json!("done")), "{event}");
    event["value"].clone()
}

#[test]
fn a_bundle_from_assembly_to_a_negative_verdict() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    assert_eq!(bundle(path)["subjects"][0]["name"], "blob.wasm");

    let verify = json!({"command": "verify", "bundle": path});
    let (code, event) = send(&verify);
    assert_eq!((code, &event["value"]["satisfied"]), (Some(1), &json!(false)), "unsigned: {event}");

    let (code, event) = send(&json!({"command": "sign", "bundle": path, "with": "throw_away"}));
    assert_eq!(code, Some(0), "{event}");
    let (code, event) = send(&verify);
    assert_eq!((code, &event["value"]["integrity"]), (Some(1), &json!(true)), "nobody signed it off: {event}");
    let integrity = json!({"command": "verify", "bundle": path, "integrity_only": true});
    assert_eq!(send(&integrity).0, Some(0));

    std::fs::write(path.join("inspect.json"), "{}").expect("damaged");
    let (code, event) = send(&integrity);
    assert_eq!(code, Some(1));
    let subject = event["value"]["subjects"].as_array().expect("a list").iter().find(|one| one["ok"] == false);
    assert_eq!(subject.expect("one failed")["name"], "inspect.json");
    assert_eq!(event["value"]["verdict"], "fail");
}

#[test]
fn errors_have_their_exit_codes() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    assert_eq!(send(&json!({"command": "verify", "bundle": path})).0, Some(4), "no manifest");
    assert_eq!(send(&json!({"command": "nothing"})).0, Some(2), "no such command");
    bundle(path);
    let agent = json!({"agent": {"socket": path.join("none")}});
    assert_eq!(send(&json!({"command": "sign", "bundle": path, "with": agent})).0, Some(3), "no agent");
    let (code, event) = send(&json!({"command": "assemble", "bundle": path, "steps": ["release"]}));
    assert_eq!(code, Some(1), "a step is missing");
    assert!(event["message"].as_str().expect("a message").contains("release"), "{event}");
}
