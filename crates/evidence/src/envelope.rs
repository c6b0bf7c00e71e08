// SPDX-License-Identifier: Apache-2.0
//! The DSSE envelope: a payload, its type, and signatures over both.
//!
//! What stands in the envelope beside the payload is not signed. So that no byte of the file can change unnoticed, a
//! manifest has one spelling: a file that is not byte for byte what [`Envelope::to_bytes`] writes is refused.

use crate::{MANIFEST, canonical, statement};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::path::Path;
use worker::{Failure, Result};

pub const STATEMENT_PAYLOAD: &str = "application/vnd.in-toto+json";

pub(crate) const SIZE_LIMIT: u64 = 16 * 1024 * 1024;
const MOST_SIGNATURES: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    pub payload: String,
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    pub signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `ssh:SHA256:…` (what `ssh-keygen -l` prints), `ed25519:0x…`, `sr25519:0x…`, `throw-away:ed25519:0x…`.
    pub keyid: String,
    /// Base64: the SSHSIG blob of an ssh key, the 64 bytes of a chain key.
    pub sig: String,
}

impl Signature {
    pub fn new(keyid: impl Into<String>, signature: &[u8]) -> Self {
        Self { keyid: keyid.into(), sig: STANDARD.encode(signature) }
    }

    pub fn bytes(&self) -> std::result::Result<Vec<u8>, String> {
        STANDARD.decode(&self.sig).map_err(|error| format!("is no base64: {error}"))
    }
}

/// The bytes that are signed: DSSE's pre-authentication encoding.
pub fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    pub fn new(payload_type: &str, payload: &[u8]) -> Self {
        Self { payload: STANDARD.encode(payload), payload_type: payload_type.into(), signatures: Vec::new() }
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::internal("an envelope cannot be written").found(error.to_string()))?;
        text.push(b'\n');
        Ok(text)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_whole(path, &self.to_bytes()?)
    }

    /// A signature replaces the former one by the same key and leaves all others.
    pub fn add(&mut self, signature: Signature) -> bool {
        add(&mut self.signatures, signature)
    }
}

/// See [`Envelope::add`]. True if a former signature was replaced.
pub fn add(signatures: &mut Vec<Signature>, signature: Signature) -> bool {
    let before = signatures.len();
    signatures.retain(|former| former.keyid != signature.keyid);
    let replaced = signatures.len() < before;
    signatures.push(signature);
    replaced
}

/// A manifest that was read: the envelope, what is signed, and what that says.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub envelope: Envelope,
    pub payload: Vec<u8>,
    pub statement: statement::Statement,
}

impl Manifest {
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(&self.envelope.payload_type, &self.payload)
    }

    pub fn read(path: &Path) -> Result<Self> {
        let seen = std::fs::symlink_metadata(path).map_err(|error| {
            Failure::io("read", path, &error).hint("`cargo xtask upgrade` writes a bundle with its manifest")
        })?;
        if !seen.is_file() {
            return Err(Failure::input(format!("{} is no regular file", path.display())).expected("a regular file"));
        }
        Self::parse(&files::read_bounded(path, SIZE_LIMIT)?, &path.display().to_string())
    }

    /// Parses a manifest; `name` is how the file is called in messages.
    pub fn parse(text: &[u8], name: &str) -> Result<Self> {
        let wrong = |what: &str, found: String| Failure::input(format!("{name} {what}")).found(found);
        let envelope: Envelope =
            serde_json::from_slice(text).map_err(|error| wrong("is no DSSE envelope", error.to_string()))?;
        if envelope.payload_type != STATEMENT_PAYLOAD {
            return Err(wrong("has a payload of another type", envelope.payload_type).expected(STATEMENT_PAYLOAD));
        }
        if envelope.signatures.len() > MOST_SIGNATURES {
            return Err(wrong("has too many signatures", envelope.signatures.len().to_string()));
        }
        if envelope.to_bytes()? != text {
            return Err(wrong("is not written as Cutover writes it", "other white space, order or spelling".into())
                .hint("take the manifest as it was published"));
        }
        let payload = STANDARD
            .decode(&envelope.payload)
            .map_err(|error| wrong("has a payload that is no base64", error.to_string()))?;
        let value: Value = parse_payload(&payload, name)?;
        if canonical::to_bytes(&value)? != payload {
            return Err(
                wrong("has a payload that is not canonical JSON", "another spelling".into()).expected("RFC 8785")
            );
        }
        let statement: statement::Statement = parse_payload(&payload, name)?;
        let kinds = (statement.kind.as_str(), statement.predicate_type.as_str());
        if kinds != (statement::STATEMENT_TYPE, statement::PREDICATE_TYPE) {
            return Err(wrong("states something else than an upgrade", format!("{} {}", kinds.0, kinds.1))
                .expected(format!("{} {}", statement::STATEMENT_TYPE, statement::PREDICATE_TYPE)));
        }
        if !statement.subject.is_sorted_by(|left, right| left.name < right.name) {
            return Err(wrong(
                "lists its subjects out of order or twice",
                "a name that is not above the one before".into(),
            ));
        }
        // Names and key ids are shown to people: what could move a terminal's cursor has no place in them.
        if let Some(subject) = statement.subject.iter().find(|subject| !is_plain_name(&subject.name)) {
            return Err(wrong("has a subject that cannot be a file of a bundle", format!("{:?}", subject.name)));
        }
        let is_plain_id = |id: &str| id.len() <= 200 && id.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(signature) = envelope.signatures.iter().find(|signature| !is_plain_id(&signature.keyid)) {
            return Err(wrong("has a key id that is none", format!("{:?}", signature.keyid)));
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
        Failure::input(format!("{name} has a payload that is no statement of an upgrade")).found(error.to_string())
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
        let mut envelope = Envelope::new("t", b"p");
        assert!(!envelope.add(Signature::new("a", b"1")));
        assert!(!envelope.add(Signature::new("b", b"2")));
        assert!(envelope.add(Signature::new("a", b"3")));
        assert_eq!(envelope.signatures, [Signature::new("b", b"2"), Signature::new("a", b"3")]);
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
        Envelope::new(STATEMENT_PAYLOAD, payload).to_bytes().expect("written")
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
        let mut strange = Envelope::new(STATEMENT_PAYLOAD, &canonical);
        strange.add(Signature::new("\u{1b}[2J", b""));
        named.push(strange.to_bytes().expect("written"));
        let cut = &text[..text.len() / 2];
        let single = [&spaced[..], &loose, &other, &twice, b"{}", b"", cut];
        for text in single.into_iter().chain(named.iter().map(Vec::as_slice)) {
            let failure = Manifest::parse(text, "manifest.json").expect_err("refused");
            assert!(failure.message.starts_with("manifest.json "), "{failure}");
            assert_eq!(failure.kind, worker::Kind::Input);
        }
    }
}
