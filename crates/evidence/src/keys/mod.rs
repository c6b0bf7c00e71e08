// SPDX-License-Identifier: Apache-2.0
//! The kinds of keys that can sign, and how their signatures are checked.

mod chain;
mod secret;
mod ss58;
mod ssh;

pub use secret::{ChainSecret, read_private};
pub use ssh::{
    armor as ssh_armor, dearmor as ssh_dearmor, encode as encode_ssh_signature, signed_data as ssh_signed_data,
    supported as ssh_supported,
};

use crate::envelope;
use protocol::{manifest::Signature, signers::KeyType};
use worker::{Failure, Result};

/// The prefix of the key id of an ephemeral key, which was made for one signature and never stored.
const THROW_AWAY: &str = "throw-away:";

/// A public key of one of the supported kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// An OpenSSH key.
    Ssh(ssh_key::PublicKey),
    /// An ed25519 key of a chain account.
    Ed25519([u8; 32]),
    /// An sr25519 key of a chain account.
    Sr25519([u8; 32]),
}

impl PublicKey {
    /// Parses an OpenSSH public key line, or a chain key given as 32 bytes in hex or as an SS58
    /// address.
    pub fn parse(key_type: KeyType, text: &str) -> Result<Self> {
        match key_type {
            KeyType::Ssh => ssh::parse(text).map(Self::Ssh),
            KeyType::Ed25519 => {
                let key = chain::parse(text)?;
                chain::check_ed25519(&key).map(|()| Self::Ed25519(key))
            }
            KeyType::Sr25519 => {
                let key = chain::parse(text)?;
                chain::check_sr25519(&key).map(|()| Self::Sr25519(key))
            }
        }
    }

    /// Returns the kind of the key.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Ssh(_) => KeyType::Ssh,
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::Sr25519(_) => KeyType::Sr25519,
        }
    }

    /// Returns the key id: the kind, and the ssh fingerprint or the chain key in hex.
    pub fn key_id(&self) -> String {
        match self {
            Self::Ssh(key) => format!("ssh:{}", key.fingerprint(ssh_key::HashAlg::Sha256)),
            Self::Ed25519(key) => format!("ed25519:{}", hex::encode_prefixed(key)),
            Self::Sr25519(key) => format!("sr25519:{}", hex::encode_prefixed(key)),
        }
    }

    /// Returns the key as a file of signers writes it.
    pub fn to_text(&self) -> Result<String> {
        match self {
            Self::Ssh(key) => key
                .to_openssh()
                .map_err(|error| Failure::internal("an ssh key cannot be written").found(error.to_string())),
            Self::Ed25519(key) | Self::Sr25519(key) => Ok(hex::encode_prefixed(key)),
        }
    }

    /// Returns the key material without the encoding of its type. One secret behind an ssh key and
    /// a chain key is one signer, not two.
    pub fn material(&self) -> Vec<u8> {
        match self {
            Self::Ssh(key) => ssh::material(key),
            Self::Ed25519(key) | Self::Sr25519(key) => key.to_vec(),
        }
    }

    /// Returns whether both keys are known to be derived from one seed: an sr25519 key reveals the
    /// ed25519 key of its seed.
    pub fn shares_seed_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sr25519(_), Self::Sr25519(_)) => false,
            (Self::Sr25519(sr25519), ed25519) | (ed25519, Self::Sr25519(sr25519)) => {
                chain::ed25519_of_same_seed(sr25519).is_some_and(|key| ed25519.material() == key)
            }
            _ => false,
        }
    }

    /// Returns the SS58 address of a chain key, as wallets show it.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Ssh(_) => None,
            Self::Ed25519(key) | Self::Sr25519(key) => Some(ss58::encode(key)),
        }
    }

    fn same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ssh(left), Self::Ssh(right)) => left.key_data() == right.key_data(),
            _ => self == other,
        }
    }
}

/// Describes a text that was given as a public key, without repeating it: it may be the secret.
fn described(text: &str) -> String {
    match text.split_whitespace().count() {
        0 | 1 => format!("one word of {} characters", text.trim().chars().count()),
        words => format!("{words} words"),
    }
}

/// The hint for a text that is not a public key.
const NAME_THE_PUBLIC_KEY: &str =
    "name the public key, never the secret: `cargo xtask signers key FILE` shows that of a key file";

/// Returns the public key inside an SSHSIG blob.
pub fn ssh_key_of(blob: &[u8]) -> std::result::Result<PublicKey, String> {
    ssh::decode(blob).map(|(key, _)| PublicKey::Ssh(key))
}

/// A signature and the result of its verification.
#[derive(Clone, Debug)]
pub struct CheckedSignature {
    /// The key id of the signature, as the envelope contains it.
    pub key_id: String,
    /// The key that the signature names, if its kind is supported.
    pub key: Option<PublicKey>,
    /// Whether the key was ephemeral: made for this signature and never stored.
    pub throw_away: bool,
    /// The reason why the signature is invalid.
    pub invalid_reason: Option<String>,
}

impl CheckedSignature {
    /// Returns whether the signature is valid and its key is of a supported kind.
    pub fn is_valid(&self) -> bool {
        self.invalid_reason.is_none() && self.key.is_some()
    }

    /// Returns whether the signature names this key.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        self.key.as_ref().is_some_and(|own| own.same_key(key))
    }
}

/// Verifies a signature with the key that it names. The file of signers decides whether that key
/// counts.
pub fn check(signature: &Signature, message: &[u8]) -> CheckedSignature {
    let (throw_away, key_id) = match signature.keyid.strip_prefix(THROW_AWAY) {
        Some(key_id) => (true, key_id),
        None => (false, signature.keyid.as_str()),
    };
    let mut checked = CheckedSignature { key_id: signature.keyid.clone(), key: None, throw_away, invalid_reason: None };
    let outcome = envelope::signature_bytes(signature).and_then(|bytes| match key_id.split_once(':') {
        Some(("ssh", _)) if !throw_away => {
            let (key, signature) = ssh::decode(&bytes)?;
            let key = PublicKey::Ssh(key);
            let fits = key.key_id() == key_id;
            let verified = ssh::verify(&signature, message);
            checked.key = Some(key);
            if fits { verified } else { Err("was made by another key than the one it names".into()) }
        }
        Some(("ed25519", hex)) => {
            let key = chain::parse_exact(hex)?;
            checked.key = Some(PublicKey::Ed25519(key));
            chain::verify_ed25519(&key, message, &bytes)
        }
        Some(("sr25519", hex)) if !throw_away => {
            let key = chain::parse_exact(hex)?;
            checked.key = Some(PublicKey::Sr25519(key));
            chain::verify_sr25519(&key, message, &bytes)
        }
        _ => Err("names an unknown kind of key".into()),
    });
    checked.invalid_reason = outcome.err();
    checked
}

/// Signs a message with a new ephemeral ed25519 key, which is not stored.
pub fn throw_away(message: &[u8]) -> Signature {
    let key = ed25519_dalek::SigningKey::generate(&mut rand_core::OsRng);
    let signature = ed25519_dalek::Signer::sign(&key, message);
    let key = PublicKey::Ed25519(key.verifying_key().to_bytes());
    envelope::signature(format!("{THROW_AWAY}{}", key.key_id()), &signature.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throw_away_signature_is_valid_and_marked() {
        let signature = throw_away(b"message");
        assert!(signature.keyid.starts_with("throw-away:ed25519:0x"));
        let checked = check(&signature, b"message");
        assert!(checked.is_valid() && checked.throw_away, "{checked:?}");
        assert!(!check(&signature, b"massage").is_valid());
        assert_ne!(throw_away(b"message").keyid, signature.keyid, "every key is a new one");
    }

    #[test]
    fn unknown_key_ids_are_invalid() {
        let sig = throw_away(b"message").sig;
        for keyid in [
            "",
            ":",
            "ssh:",
            "ed25519:",
            "ed25519:0x00",
            "sr25519:zz",
            "pgp:1",
            "throw-away:ssh:SHA256:x",
            "throw-away:sr25519:0x00",
            "Throw-away:ed25519:0x00",
        ] {
            let checked = check(&Signature { keyid: keyid.into(), sig: sig.clone() }, b"message");
            assert!(!checked.is_valid() && checked.invalid_reason.is_some(), "{keyid}");
        }
    }

    #[test]
    fn upper_case_hex_is_another_spelling_and_refused() {
        let mut signature = throw_away(b"message");
        let (head, digits) = signature.keyid.split_at("throw-away:ed25519:0x".len());
        let upper = format!("{head}{}", digits.to_uppercase());
        assert_ne!(upper, signature.keyid, "a key without letters cannot be spelt twice");
        signature.keyid = upper;
        assert!(!check(&signature, b"message").is_valid());
    }

    #[test]
    fn a_secret_given_as_a_public_key_is_never_repeated() {
        let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let seed = "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
        let cut = &seed[..40];
        for secret in [phrase, &format!("{phrase}//Alice///pass"), &seed[2..], seed, cut, "hunter2", "0xhunter2"] {
            for key_type in [KeyType::Ssh, KeyType::Ed25519, KeyType::Sr25519] {
                // About half of all seeds are also valid points and cannot be recognized as seeds.
                let Err(failure) = PublicKey::parse(key_type, secret) else {
                    assert!(secret.trim_start_matches("0x").len() == 64);
                    continue;
                };
                let shown = format!("{failure:?}");
                for word in secret.split([' ', '/']).filter(|word| word.len() > 3) {
                    assert!(!shown.contains(word), "{key_type:?}: {shown}");
                }
            }
        }
    }
}
