// SPDX-License-Identifier: Apache-2.0
//! What the worker can be asked.

use crate::{
    assemble::{Assemble, assemble},
    bundle,
    digest::Digests,
    envelope::Manifest,
    root_change::{self, InitRoot},
    sign::{Sign, With, expect, public_halves, sign},
    verify::{Verify, verify},
};
use protocol::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use worker::{Failure, Outcome, Reporter, Result};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Write a bundle's manifest.
    Assemble(Assemble),
    /// Add a signature to it.
    Sign(Sign),
    /// Check a bundle.
    Verify(Verify),
    /// Write the bytes to sign elsewhere.
    Message { bundle: PathBuf, out: PathBuf },
    /// Write a root file.
    InitRoot(InitRoot),
    /// Add a signature to a root file.
    SignRoot {
        root: PathBuf,
        with: With,
        #[serde(default)]
        previous: Option<PathBuf>,
    },
    /// Check that a root file was agreed to.
    VerifyRoot {
        root: PathBuf,
        #[serde(default)]
        previous: Option<PathBuf>,
        /// Where the files of signers that were accepted before are remembered.
        #[serde(default)]
        accepted: Option<PathBuf>,
    },
    /// Show what is public of a key file.
    Key { with: With },
    /// Look at a key that is to sign later.
    ExpectKey { with: With },
}

pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<Value>> {
    match request {
        Request::Assemble(request) => {
            let assembled = assemble(&request, reporter)?;
            outcome(assembled.verdict == Verdict::Pass, assembled)
        }
        Request::Sign(request) => outcome(true, sign(&request, reporter)?),
        Request::Verify(request) => {
            let verified = verify(&request, reporter)?;
            outcome(verified.passed, verified.value)
        }
        Request::Message { bundle, out } => message(&bundle, &out),
        Request::InitRoot(request) => outcome(true, root_change::init(&request)?),
        Request::SignRoot { root, with, previous } => {
            outcome(true, root_change::sign(&root, &with, previous.as_deref())?)
        }
        Request::Key { with } => outcome(true, json!({"keys": public_halves(&with)?})),
        Request::ExpectKey { with } => expect(&with).map(|()| Outcome::passed(Value::Null)),
        Request::VerifyRoot { root, previous, accepted } => {
            let verified = root_change::verify(&root, previous.as_deref(), accepted.as_deref(), reporter)?;
            outcome(verified.passed, verified.value)
        }
    }
}

fn outcome(passed: bool, value: impl Serialize) -> Result<Outcome<Value>> {
    let value = serde_json::to_value(value)
        .map_err(|error| Failure::internal("a result cannot be written").found(error.to_string()))?;
    Ok(Outcome { passed, value })
}

fn message(bundle: &Path, out: &Path) -> Result<Outcome<Value>> {
    let message = Manifest::read(&bundle::manifest(bundle)?)?.signed_bytes();
    files::write_whole(out, &message)?;
    let digests = Digests::of(&message);
    Ok(Outcome::passed(json!({"message": out, "size": digests.size, "sha256": digests.sha256})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MANIFEST, testing::Bundle};

    fn ask(request: Value) -> Result<Outcome<Value>> {
        handle(serde_json::from_value(request).expect("a request"), &Reporter::silent())
    }

    #[test]
    fn the_documented_requests_and_results() {
        let bundle = Bundle::new();
        let path = bundle.root_directory();
        let assembled = ask(json!({
            "command": "assemble",
            "bundle": path,
            "steps": ["build", "inspect", "diff", "dry-run", "propose"],
            "files": ["report.md", "calls/"],
            "runtimes": [{"name": "standalone", "file": "blobs/standalone.wasm", "spec_version": 2}],
        }))
        .expect("assembled");
        assert!(assembled.passed);
        assert_eq!(assembled.value["runtimes"][0]["spec_version"], 2);
        assert_eq!(assembled.value["subjects"].as_array().expect("a list").len(), 8);

        let unsigned = ask(json!({"command": "verify", "bundle": path})).expect("verified");
        assert!(!unsigned.passed);
        assert_eq!(unsigned.value["signatures"], json!([]));

        let signed = ask(json!({"command": "sign", "bundle": path, "with": "throw_away"})).expect("signed");
        assert_eq!((&signed.value["throw_away"], &signed.value["satisfied"]), (&json!(true), &json!(false)));

        let verified = ask(json!({"command": "verify", "bundle": path})).expect("verified");
        assert!(!verified.passed, "{:#}", verified.value);
        let value = verified.value;
        for (field, expected) in [
            ("verdict", json!("fail")),
            ("integrity", json!(true)),
            ("signed_off", json!(false)),
            ("threshold", Value::Null),
            ("needed", Value::Null),
            ("counted", json!(0)),
            ("missing", json!([])),
            ("satisfied", json!(false)),
            ("rebuilt", Value::Null),
        ] {
            assert_eq!(value.get(field), Some(&expected), "{field}");
        }
        assert_eq!(value["root"]["source"], "none");
        assert_eq!(value["subjects"][0]["name"], MANIFEST);
        assert_eq!((&value["steps"][3]["name"], &value["steps"][3]["verdict"]), (&json!("dry-run"), &json!("pass")));
        assert_eq!(value["signatures"][0]["valid"], true);
        assert_eq!(value["signatures"][0]["key_type"], "ed25519");
        assert!(value["warnings"][0].as_str().expect("a warning").contains("throw-away"));

        let undamaged = ask(json!({"command": "verify", "bundle": path, "integrity_only": true})).expect("verified");
        assert!(undamaged.passed && undamaged.value["verdict"] == "pass", "{:#}", undamaged.value);
    }

    #[test]
    fn what_is_signed_can_be_taken_elsewhere() {
        let bundle = Bundle::assembled();
        let out = bundle.beside("message");
        ask(json!({"command": "message", "bundle": bundle.root_directory(), "out": out})).expect("written");
        let message = std::fs::read(&out).expect("read");
        assert!(message.starts_with(b"DSSEv1 28 application/vnd.in-toto+json "));
    }

    #[test]
    fn bad_requests_are_refused() {
        for request in [
            json!({"command": "verify"}),
            json!({"command": "sing", "bundle": "x"}),
            json!({"command": "sign", "bundle": "x", "with": "passphrase"}),
            json!({"command": "sign", "bundle": "x", "with": {"ssh": {"key_file": "k", "passphrase": "p"}}}),
        ] {
            assert!(serde_json::from_value::<Request>(request.clone()).is_err(), "{request}");
        }
        let missing = ask(json!({"command": "verify", "bundle": "/no/such"})).err().expect("missing");
        assert_eq!(missing.kind, worker::Kind::Input);
    }
}
