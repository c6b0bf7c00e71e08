// SPDX-License-Identifier: Apache-2.0
//! The DSSE envelope: a payload, its type, and signatures over both.
//!
//! Other bytes of the envelope are not signed. So that no byte of the file can change unnoticed, a
//! manifest has one encoding: a file that differs from what [`to_bytes`] writes is refused.

use crate::{MANIFEST, canonical, statement};
use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::manifest::{Envelope, Signature, Statement};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use worker::{Failure, Result};

/// The DSSE payload type of an in-toto statement.
pub const STATEMENT_PAYLOAD: &str = "application/vnd.in-toto+json";

pub(crate) const SIZE_LIMIT: u64 = 16 * 1024 * 1024;
const SIGNATURE_LIMIT: usize = 1000;

/// Returns the signed bytes: the pre-authentication encoding of DSSE.
pub fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Returns an envelope without signatures.
pub fn unsigned(payload_type: &str, payload: &[u8]) -> Envelope {
    Envelope { payload: STANDARD.encode(payload), payload_type: payload_type.into(), signatures: Vec::new() }
}

/// Returns the only accepted encoding of an envelope.
pub fn to_bytes(envelope: &Envelope) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(envelope)
        .map_err(|error| Failure::internal("an envelope cannot be written").found(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

/// Writes an envelope atomically.
pub fn write(envelope: &Envelope, path: &Path) -> Result<()> {
    files::write_whole(path, &to_bytes(envelope)?)
}

/// Adds a signature and removes the previous one by the same key. Returns whether there was one.
pub fn add(signatures: &mut Vec<Signature>, signature: Signature) -> bool {
    let before = signatures.len();
    signatures.retain(|previous| previous.keyid != signature.keyid);
    let replaced = signatures.len() < before;
    signatures.push(signature);
    replaced
}

/// Returns a signature as an envelope contains it.
pub fn signature(keyid: impl Into<String>, bytes: &[u8]) -> Signature {
    Signature { keyid: keyid.into(), sig: STANDARD.encode(bytes) }
}

/// Decodes the bytes of a signature.
pub fn signature_bytes(signature: &Signature) -> std::result::Result<Vec<u8>, String> {
    STANDARD.decode(&signature.sig).map_err(|error| format!("is invalid base64: {error}"))
}

/// A parsed manifest: the envelope, the signed payload and the statement in it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The DSSE envelope with the signatures.
    pub envelope: Envelope,
    /// The bytes of the payload: the statement as canonical JSON (RFC 8785).
    pub payload: Vec<u8>,
    /// The parsed payload.
    pub statement: Statement,
}

impl Manifest {
    /// Returns the bytes that the signatures cover.
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(&self.envelope.payload_type, &self.payload)
    }

    /// Reads a manifest. Refuses a path that is not a regular file.
    pub fn read(path: &Path) -> Result<Self> {
        let seen = std::fs::symlink_metadata(path).map_err(|error| {
            Failure::io("read", path, &error).hint("`cargo xtask upgrade` writes a bundle with its manifest")
        })?;
        if !seen.is_file() {
            return Err(Failure::input(format!("{} is not a regular file", path.display())).expected("a regular file"));
        }
        Self::parse(&files::read_bounded(path, SIZE_LIMIT)?, &path.display().to_string())
    }

    /// Parses a manifest. `name` is the file's name in error messages.
    pub fn parse(text: &[u8], name: &str) -> Result<Self> {
        let invalid = |what: &str, found: String| Failure::input(format!("{name} {what}")).found(found);
        let envelope: Envelope =
            serde_json::from_slice(text).map_err(|error| invalid("is not a DSSE envelope", error.to_string()))?;
        if envelope.payload_type != STATEMENT_PAYLOAD {
            return Err(invalid("has a payload of another type", envelope.payload_type).expected(STATEMENT_PAYLOAD));
        }
        if envelope.signatures.len() > SIGNATURE_LIMIT {
            return Err(invalid("has too many signatures", envelope.signatures.len().to_string()));
        }
        if to_bytes(&envelope)? != text {
            return Err(invalid("is not written as Cutover writes it", "other white space, order or encoding".into())
                .hint("take the manifest as it was published"));
        }
        let payload = STANDARD
            .decode(&envelope.payload)
            .map_err(|error| invalid("has a payload of invalid base64", error.to_string()))?;
        let value: Value = parse_payload(&payload, name)?;
        if canonical::to_bytes(&value)? != payload {
            return Err(
                invalid("has a payload that is not canonical JSON", "another encoding".into()).expected("RFC 8785")
            );
        }
        let statement: Statement = parse_payload(&payload, name)?;
        let kinds = (statement.kind.as_str(), statement.predicate_type.as_str());
        if kinds != (statement::STATEMENT_TYPE, statement::PREDICATE_TYPE) {
            return Err(invalid("is not the statement of an upgrade", format!("{} {}", kinds.0, kinds.1))
                .expected(format!("{} {}", statement::STATEMENT_TYPE, statement::PREDICATE_TYPE)));
        }
        if !statement.subject.is_sorted_by(|left, right| left.name < right.name) {
            return Err(invalid(
                "lists its subjects out of order or twice",
                "a name that does not sort after the previous one".into(),
            ));
        }
        // Names and key ids are printed, so they must not contain terminal control characters.
        if let Some(subject) = statement.subject.iter().find(|subject| !is_plain_name(&subject.name)) {
            return Err(invalid("has a subject that cannot be a file of a bundle", format!("{:?}", subject.name)));
        }
        let is_plain_id = |id: &str| id.len() <= 200 && id.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(signature) = envelope.signatures.iter().find(|signature| !is_plain_id(&signature.keyid)) {
            return Err(invalid("has an invalid key id", format!("{:?}", signature.keyid)));
        }
        Ok(Self { envelope, payload, statement })
    }
}

fn is_plain_name(name: &str) -> bool {
    let is_plain_part = |part: &str| !matches!(part, "" | "." | "..");
    name != MANIFEST && !name.chars().any(|one| one.is_control() || one == '\\') && name.split('/').all(is_plain_part)
}

fn parse_payload<T: DeserializeOwned>(payload: &[u8], name: &str) -> Result<T> {
    serde_json::from_slice(payload).map_err(|error| {
        Failure::input(format!("{name} has a payload that is not the statement of an upgrade")).found(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_signed_bytes_are_those_of_dsse() {
        // The example of the DSSE specification.
        let bytes = signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn signatures_are_kept_and_replaced_by_key() {
        let mut signatures = Vec::new();
        assert!(!add(&mut signatures, signature("a", b"1")));
        assert!(!add(&mut signatures, signature("b", b"2")));
        assert!(add(&mut signatures, signature("a", b"3")));
        assert_eq!(signatures, [signature("b", b"2"), signature("a", b"3")]);
    }

    fn sample() -> Value {
        json!({
            "_type": statement::STATEMENT_TYPE,
            "predicateType": statement::PREDICATE_TYPE,
            "subject": [],
            "predicate": {"verdict": "pass", "steps": [], "runtimes": []},
        })
    }

    fn envelope_of(payload: &[u8]) -> Vec<u8> {
        to_bytes(&unsigned(STATEMENT_PAYLOAD, payload)).expect("written")
    }

    #[test]
    fn a_manifest_has_one_spelling() {
        let canonical = canonical::to_bytes(&sample()).expect("canonical");
        let text = envelope_of(&canonical);
        Manifest::parse(&text, "manifest.json").expect("read");

        let mut spaced = text.clone();
        spaced.push(b'\n');
        let loose = envelope_of(&serde_json::to_vec_pretty(&sample()).expect("JSON"));
        let mut other = sample();
        other["predicateType"] = json!("https://example.com/other");
        let other = envelope_of(&canonical::to_bytes(&other).expect("canonical"));
        let mut twice = sample();
        let subject = json!({"name": "a", "digest": {"sha256": "", "blake2b-256": ""}});
        twice["subject"] = json!([subject, subject]);
        let twice = envelope_of(&canonical::to_bytes(&twice).expect("canonical"));
        let mut named = Vec::new();
        for name in ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "\u{1b}[2J", "a\\b", MANIFEST] {
            let mut statement = sample();
            statement["subject"] = json!([{"name": name, "digest": {"sha256": "", "blake2b-256": ""}}]);
            named.push(envelope_of(&canonical::to_bytes(&statement).expect("canonical")));
        }
        let mut strange = unsigned(STATEMENT_PAYLOAD, &canonical);
        strange.signatures.push(signature("\u{1b}[2J", b""));
        named.push(to_bytes(&strange).expect("written"));
        let cut = &text[..text.len() / 2];
        let single = [&spaced[..], &loose, &other, &twice, b"{}", b"", cut];
        for text in single.into_iter().chain(named.iter().map(Vec::as_slice)) {
            let failure = Manifest::parse(text, "manifest.json").expect_err("refused");
            assert!(failure.message.starts_with("manifest.json "), "{failure}");
            assert_eq!(failure.kind, worker::Kind::Input);
        }
    }
}
