// SPDX-License-Identifier: Apache-2.0
//! The requests that the worker handles.

use crate::{
    assemble::assemble,
    bundle, digest,
    envelope::Manifest,
    root_change,
    sign::{check_key, public_keys, sign},
    verify::verify,
};
use protocol::{
    manifest::Digests,
    signers::PublicKeys,
    verify::{EvidenceRequest, EvidenceResult, Message, MessageRequest},
};
use worker::{Outcome, Reporter, Result};

/// Handles one request.
pub fn handle(request: EvidenceRequest, reporter: &Reporter) -> Result<Outcome<EvidenceResult>> {
    let (passed, value) = match request {
        EvidenceRequest::Assemble(request) => {
            let assembled = assemble(&request, reporter)?;
            (assembled.verdict.passed(), EvidenceResult::Assembled(assembled))
        }
        EvidenceRequest::Sign(request) => (true, EvidenceResult::Signed(Box::new(sign(&request, reporter)?))),
        EvidenceRequest::Verify(request) => {
            let verified = verify(&request, reporter)?;
            (verified.passed, EvidenceResult::Verified(Box::new(verified.value)))
        }
        EvidenceRequest::Message(request) => (true, EvidenceResult::Message(message(request)?)),
        EvidenceRequest::InitRoot(request) => (true, EvidenceResult::Root(root_change::init(&request)?)),
        EvidenceRequest::SignRoot(request) => {
            let summary = root_change::sign(&request.root, &request.with, request.previous.as_deref())?;
            (true, EvidenceResult::Root(summary))
        }
        EvidenceRequest::VerifyRoot(request) => {
            let (previous, accepted) = (request.previous.as_deref(), request.accepted.as_deref());
            let verified = root_change::verify(&request.root, previous, accepted, reporter)?;
            (verified.passed, EvidenceResult::Root(verified.value))
        }
        EvidenceRequest::Key(request) => (true, EvidenceResult::Keys(PublicKeys { keys: public_keys(&request.with)? })),
        EvidenceRequest::ExpectKey(request) => check_key(&request.with).map(|()| (true, EvidenceResult::Expected))?,
    };
    Ok(Outcome { passed, value })
}

fn message(request: MessageRequest) -> Result<Message> {
    let message = Manifest::read(&bundle::manifest(&request.bundle)?)?.signed_bytes();
    files::write_whole(&request.out, &message)?;
    let Digests { size, sha256, .. } = digest::of(&message);
    Ok(Message { message: request.out, size, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MANIFEST, testing::Bundle};
    use serde_json::{Value, json};

    fn send(request: Value) -> Result<Outcome<Value>> {
        let request = serde_json::from_value(request).expect("a request");
        let Outcome { passed, value } = handle(request, &Reporter::silent())?;
        Ok(Outcome { passed, value: json!(value) })
    }

    #[test]
    fn the_documented_requests_and_results() {
        let bundle = Bundle::new();
        let path = bundle.root_directory();
        let assembled = send(json!({
            "command": "assemble",
            "bundle": path,
            "steps": ["build", "inspect", "diff", "dry-run", "propose", "rehearse"],
            "files": ["report.md", "calls/"],
            "runtimes": [{"name": "standalone", "file": "blobs/standalone.wasm", "spec_version": 2}],
        }))
        .expect("assembled");
        assert!(assembled.passed);
        assert_eq!(assembled.value["runtimes"][0]["spec_version"], 2);
        assert_eq!(assembled.value["subjects"].as_array().expect("a list").len(), 9);

        let unsigned = send(json!({"command": "verify", "bundle": path})).expect("verified");
        assert!(!unsigned.passed);
        assert_eq!(unsigned.value["signatures"], json!([]));

        let signed = send(json!({"command": "sign", "bundle": path, "with": "throw_away"})).expect("signed");
        assert_eq!((&signed.value["throw_away"], &signed.value["satisfied"]), (&json!(true), &json!(false)));

        let verified = send(json!({"command": "verify", "bundle": path})).expect("verified");
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

        let undamaged = send(json!({"command": "verify", "bundle": path, "integrity_only": true})).expect("verified");
        assert!(undamaged.passed && undamaged.value["verdict"] == "pass", "{:#}", undamaged.value);
    }

    #[test]
    fn the_signed_bytes_can_be_exported() {
        let bundle = Bundle::assembled();
        let out = bundle.beside("message");
        send(json!({"command": "message", "bundle": bundle.root_directory(), "out": out})).expect("written");
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
            assert!(serde_json::from_value::<EvidenceRequest>(request.clone()).is_err(), "{request}");
        }
        let missing = send(json!({"command": "verify", "bundle": "/no/such"})).err().expect("missing");
        assert_eq!(missing.kind, worker::Kind::Input);
    }
}
