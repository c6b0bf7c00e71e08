// SPDX-License-Identifier: Apache-2.0
//! Signatures by ssh keys, in the SSHSIG format of `ssh-keygen -Y sign`.
//!
//! This module encodes the blob itself instead of using the library. The signature of a FIDO key
//! from an agent must be written unchanged, including its trailer.

use super::described;
use crate::NAMESPACE;
use base64::{Engine, engine::general_purpose::STANDARD};
use ssh_key::{Algorithm, HashAlg, PublicKey, Signature, SshSig, public::KeyData};
use worker::{Failure, Result};

const VERSION: u32 = 1;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The flag in a FIDO signature that says that the user touched the key.
const USER_PRESENT: u8 = 1;
/// The length of the flags and counter after the signature of a FIDO key, in bytes.
const HARDWARE_TRAILER: usize = 5;

/// Parses an OpenSSH public key line.
pub fn parse(line: &str) -> Result<PublicKey> {
    let line = line.trim();
    let invalid = |found: String| {
        Failure::input("a signer's ssh key is not an OpenSSH public key line")
            .found(found)
            .expected("one line such as: ssh-ed25519 AAAA… name@host")
            .hint("it is the content of the key's .pub file")
    };
    if line.contains("PRIVATE KEY") {
        return Err(invalid("a private key".into()).hint("never put it here; take the content of the .pub file"));
    }
    if line.contains('\n') || line.len() > 16 * 1024 {
        return Err(invalid(format!("{} bytes on {} lines", line.len(), line.lines().count())));
    }
    // Do not repeat other text in the error: it may be a secret.
    let is_key_line = ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| line.starts_with(kind));
    let shown = if is_key_line { format!("{:?}", shorten(line)) } else { described(line) };
    let key = PublicKey::from_openssh(line).map_err(|error| invalid(format!("{shown}: {error}")))?;
    match supported(key.key_data()) {
        Ok(()) => Ok(key),
        Err(reason) => Err(invalid(format!("{}: {reason}", shorten(line)))),
    }
}

fn shorten(line: &str) -> String {
    line.chars().take(40).collect()
}

/// Checks that signatures by keys of this kind can be verified. Otherwise the error says why.
pub fn supported(key: &KeyData) -> std::result::Result<(), String> {
    match key {
        KeyData::Ed25519(_) | KeyData::Ecdsa(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => Ok(()),
        KeyData::Rsa(rsa) => {
            let modulus = rsa.n.as_positive_bytes().unwrap_or_default();
            let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
            match RSA_BITS.contains(&bits) {
                true => Ok(()),
                false => Err(format!("an RSA key of {bits} bits; those of 2048 to 4096 can be used")),
            }
        }
        other => Err(format!("keys of the kind {} cannot be used", other.algorithm())),
    }
}

/// Returns the key material. See [`super::PublicKey::material`].
pub fn material(key: &PublicKey) -> Vec<u8> {
    match key.key_data() {
        KeyData::Ed25519(key) => key.0.to_vec(),
        KeyData::SkEd25519(key) => key.public_key().0.to_vec(),
        KeyData::Ecdsa(key) => key.as_sec1_bytes().to_vec(),
        KeyData::SkEcdsaSha2NistP256(key) => key.ec_point().as_bytes().to_vec(),
        KeyData::Rsa(key) => key.n.as_bytes().to_vec(),
        _ => key.to_bytes().unwrap_or_default(),
    }
}

/// Returns the bytes that an agent has to sign to make an SSHSIG of `message`.
pub fn signed_data(message: &[u8]) -> Result<Vec<u8>> {
    SshSig::signed_data(NAMESPACE, HashAlg::Sha512, message)
        .map_err(|error| Failure::internal("an ssh signature cannot be prepared").found(error.to_string()))
}

/// Encodes an SSHSIG blob from a public key and a signature, both in OpenSSH wire format.
pub fn encode(public_key: &[u8], signature: &[u8]) -> Vec<u8> {
    encode_hashed(public_key, HashAlg::Sha512, signature)
}

fn encode_hashed(public_key: &[u8], hash: HashAlg, signature: &[u8]) -> Vec<u8> {
    let mut blob = b"SSHSIG".to_vec();
    blob.extend_from_slice(&VERSION.to_be_bytes());
    for field in [public_key, NAMESPACE.as_bytes(), b"", hash.as_str().as_bytes(), signature] {
        blob.extend_from_slice(&string(field));
    }
    blob
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// Encodes a signature in wire format. The library's encoder loses the trailer of ECDSA hardware
/// keys.
fn wire(signature: &Signature) -> Vec<u8> {
    let trailer = if is_hardware(&signature.algorithm()) { HARDWARE_TRAILER } else { 0 };
    let bytes = signature.as_bytes();
    let (own, trailer) = bytes.split_at(bytes.len().saturating_sub(trailer));
    [string(signature.algorithm().as_str().as_bytes()), string(own), trailer.to_vec()].concat()
}

fn is_hardware(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256)
}

type CheckResult<T> = std::result::Result<T, String>;

/// Decodes an SSHSIG blob. Refuses another namespace, and any encoding but that of OpenSSH.
pub fn decode(blob: &[u8]) -> CheckResult<(PublicKey, SshSig)> {
    let signature = SshSig::from_pem(armor(blob)).map_err(|error| format!("is not an ssh signature: {error}"))?;
    let key = PublicKey::new(signature.public_key().clone(), "");
    if signature.namespace() != NAMESPACE {
        return Err(format!("was made for the namespace {:?}, not for {NAMESPACE:?}", signature.namespace()));
    }
    // The signature does not cover the lengths and the version, and the library accepts some
    // invalid ones. So the blob must equal its own encoding.
    let wire_key = key.to_bytes().map_err(|error| format!("contains no valid ssh key: {error}"))?;
    if encode_hashed(&wire_key, signature.hash_alg(), &wire(signature.signature())) != blob {
        return Err("is not encoded as OpenSSH encodes it".into());
    }
    Ok((key, signature))
}

/// Armors a blob as `ssh-keygen` does: base64 between two markers.
pub fn armor(blob: &[u8]) -> String {
    let mut text = String::from("-----BEGIN SSH SIGNATURE-----\n");
    for (index, character) in STANDARD.encode(blob).chars().enumerate() {
        if index > 0 && index % 70 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END SSH SIGNATURE-----\n");
    text
}

/// Returns the blob of an armored signature.
pub fn dearmor(text: &str) -> Option<Vec<u8>> {
    let body =
        text.trim().strip_prefix("-----BEGIN SSH SIGNATURE-----")?.strip_suffix("-----END SSH SIGNATURE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// Verifies an ssh signature of `message` with the key inside the signature.
pub fn verify(signature: &SshSig, message: &[u8]) -> CheckResult<()> {
    let key = PublicKey::new(signature.public_key().clone(), "");
    supported(key.key_data())?;
    key.verify(NAMESPACE, message, signature).map_err(|_| "does not match the signed bytes")?;
    let bytes = signature.signature_bytes();
    let flags = bytes.len().checked_sub(HARDWARE_TRAILER).and_then(|at| bytes.get(at));
    match is_hardware(&signature.algorithm()) && flags.is_none_or(|flags| flags & USER_PRESENT == 0) {
        true => Err("was made by a hardware key that was not touched".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use ssh_key::PrivateKey;

    fn private(algorithm: Algorithm) -> PrivateKey {
        PrivateKey::random(&mut rand_core::OsRng, algorithm).expect("a key")
    }

    #[test]
    fn our_blob_is_the_librarys() {
        let key = private(Algorithm::Ed25519);
        let theirs = key.sign(NAMESPACE, HashAlg::Sha512, b"message").expect("signed");
        let signature = Vec::<u8>::try_from(theirs.signature().clone()).expect("written");
        let ours = encode(&key.public_key().to_bytes().expect("written"), &signature);
        assert_eq!(armor(&ours), theirs.to_pem(ssh_key::LineEnding::LF).expect("written"));
        assert_eq!(dearmor(&armor(&ours)), Some(ours.clone()));
        let (public, signature) = decode(&ours).expect("read");
        assert_eq!(public.key_data(), key.public_key().key_data());
        verify(&signature, b"message").expect("valid");
        verify(&signature, b"another").expect_err("another message");
    }

    #[test]
    fn no_byte_of_a_blob_can_change() {
        let software = |algorithm| {
            let key = private(algorithm);
            let signature = key.sign(NAMESPACE, HashAlg::Sha512, b"message").expect("signed");
            encode(&key.public_key().to_bytes().expect("written"), &wire(signature.signature()))
        };
        let accepted = |blob: &[u8]| decode(blob).is_ok_and(|(_, signature)| verify(&signature, b"message").is_ok());
        let ecdsa = Algorithm::Ecdsa { curve: ssh_key::EcdsaCurve::NistP256 };
        for blob in [software(Algorithm::Ed25519), software(ecdsa), by_hardware(1)] {
            assert!(accepted(&blob));
            for index in 0..blob.len() {
                for bit in 0..8 {
                    let mut blob = blob.clone();
                    blob[index] ^= 1 << bit;
                    assert!(!accepted(&blob), "byte {index} bit {bit}");
                }
                assert!(!accepted(&blob[..index]), "cut at {index}");
            }
            assert!(!accepted(&[&blob[..], b"\0"].concat()), "a byte more");
        }
    }

    #[test]
    fn another_namespace_does_not_count() {
        let signature = private(Algorithm::Ed25519).sign("git", HashAlg::Sha512, b"message").expect("signed");
        let pem = signature.to_pem(ssh_key::LineEnding::LF).expect("written");
        let reason = decode(&dearmor(&pem).expect("armored")).expect_err("refused");
        assert!(reason.contains("\"git\""), "{reason}");
    }

    #[test]
    fn the_other_hash_of_ssh_signatures_is_accepted() {
        let signature = private(Algorithm::Ed25519).sign(NAMESPACE, HashAlg::Sha256, b"message").expect("signed");
        let pem = signature.to_pem(ssh_key::LineEnding::LF).expect("written");
        let (_, signature) = decode(&dearmor(&pem).expect("armored")).expect("read");
        verify(&signature, b"message").expect("valid");
    }

    /// Signs as a FIDO key does: an ed25519 signature of the application, flags, a counter and the
    /// message.
    fn by_hardware(flags: u8) -> Vec<u8> {
        let secret = ed25519_dalek::SigningKey::generate(&mut rand_core::OsRng);
        let application = b"ssh:";
        let public =
            [string(b"sk-ssh-ed25519@openssh.com"), string(&secret.verifying_key().to_bytes()), string(application)]
                .concat();
        let trailer = [flags, 0, 0, 0, 9];
        let message = signed_data(b"message").expect("prepared");
        let signed = [&Sha256::digest(application)[..], &trailer, &Sha256::digest(message)[..]].concat();
        let signature = ed25519_dalek::Signer::sign(&secret, &signed).to_bytes();
        let signature = [string(b"sk-ssh-ed25519@openssh.com"), string(&signature), trailer.to_vec()].concat();
        encode(&public, &signature)
    }

    #[test]
    fn a_hardware_key_counts_when_it_was_touched() {
        let (key, signature) = decode(&by_hardware(1)).expect("read");
        verify(&signature, b"message").expect("valid");
        parse(&key.to_openssh().expect("written")).expect("a usable key");
        let (_, signature) = decode(&by_hardware(0)).expect("read");
        assert!(verify(&signature, b"message").expect_err("untouched").contains("touched"));
    }

    #[test]
    fn an_invalid_public_key_line_is_refused() {
        for line in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "ssh-dss AAAAB3NzaC1kc3MAAACB me",
            "a\nb",
        ] {
            assert_eq!(parse(line).expect_err(line).kind, worker::Kind::Input);
        }
    }
}
