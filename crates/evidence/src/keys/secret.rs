// SPDX-License-Identifier: Apache-2.0
//! Secret chain keys from a file: a seed in hex or a secret phrase, followed by an optional
//! derivation path as wallets write it.

use super::{KeyType, PublicKey, chain::SR25519_CONTEXT};
use crate::{digest::Blake2b256, envelope};
use blake2::Digest;
use protocol::manifest::Signature;
use schnorrkel::{
    ExpansionMode, Keypair, MiniSecretKey,
    derive::{ChainCode, Derivation},
};
use std::path::Path;
use worker::{Failure, Result};
use zeroize::Zeroizing;

const SIZE_LIMIT: u64 = 64 * 1024;

/// Reads a file that holds a secret. Refuses a file that other users can read, because the secret
/// may be known already.
pub fn read_private(path: &Path) -> Result<Zeroizing<String>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(path).map_err(|error| Failure::io("read", path, &error))?.mode();
        if mode & 0o077 != 0 {
            return Err(Failure::input(format!("the key file {} can be read by others", path.display()))
                .found(format!("mode {:03o}", mode & 0o777))
                .expected("mode 600")
                .hint(format!("chmod 600 {}", path.display())));
        }
    }
    let content = Zeroizing::new(files::read_bounded(path, SIZE_LIMIT)?);
    std::str::from_utf8(&content)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| Failure::input(format!("{} is not a key file", path.display())).found("bytes that are not text"))
}

/// A secret key of a chain account.
pub enum ChainSecret {
    /// An ed25519 key.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// An sr25519 key.
    Sr25519(Box<Keypair>),
}

impl ChainSecret {
    /// Reads a secret key from a file that only its owner can read.
    pub fn read(key_type: KeyType, path: &Path) -> Result<Self> {
        Self::parse(key_type, &read_private(path)?).map_err(|mut failure| {
            failure.message = format!("{}: {}", path.display(), failure.message);
            failure
        })
    }

    /// Parses a seed or phrase with an optional derivation path. Errors never repeat the text,
    /// because it is the secret.
    pub fn parse(key_type: KeyType, text: &str) -> Result<Self> {
        let uri = Uri::parse(text.trim())?;
        let seed = uri.seed()?;
        match key_type {
            KeyType::Ed25519 => derive_ed25519(seed, &uri.path).map(|key| Self::Ed25519(Box::new(key))),
            KeyType::Sr25519 => derive_sr25519(&seed, &uri.path).map(|key| Self::Sr25519(Box::new(key))),
            KeyType::Ssh => Err(Failure::internal("an ssh key is no chain key")),
        }
    }

    /// Returns the public key.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key().to_bytes()),
            Self::Sr25519(key) => PublicKey::Sr25519(key.public.to_bytes()),
        }
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let signature = match self {
            Self::Ed25519(key) => ed25519_dalek::Signer::sign(key.as_ref(), message).to_bytes(),
            Self::Sr25519(key) => key.sign_simple(SR25519_CONTEXT, message).to_bytes(),
        };
        envelope::signature(self.public_key().key_id(), &signature)
    }
}

/// A secret URI as Substrate defines it: a seed or phrase, `//hard` and `/soft` junctions, and
/// `///password`.
struct Uri<'a> {
    root: &'a str,
    path: Vec<Junction>,
    password: &'a str,
}

#[derive(Clone, Copy)]
enum Junction {
    Hard([u8; 32]),
    Soft([u8; 32]),
}

fn no_secret(found: &str) -> Failure {
    Failure::input("not the secret of a chain key").found(found).expected(
        "a seed as 0x and 64 hex digits, or a secret phrase of 12 to 24 words, then its derivation path if any",
    )
}

impl<'a> Uri<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        if text.starts_with('{') {
            return Err(no_secret("an encrypted export of a wallet")
                .hint("sign in the wallet and import its signature, or export the secret phrase into a file"));
        }
        let (text, password) = text.split_once("///").unwrap_or((text, ""));
        let (root, mut rest) = text.split_at(text.find('/').unwrap_or(text.len()));
        if root.trim().is_empty() {
            return Err(no_secret("nothing before the derivation path, as in public development keys"));
        }
        let mut path = Vec::new();
        while let Some(after) = rest.strip_prefix('/') {
            let (hard, after) = after.strip_prefix('/').map_or((false, after), |after| (true, after));
            let (name, remaining) = after.split_at(after.find('/').unwrap_or(after.len()));
            if name.is_empty() {
                return Err(no_secret("an empty part in its derivation path"));
            }
            path.push(if hard { Junction::Hard(chain_code(name)) } else { Junction::Soft(chain_code(name)) });
            rest = remaining;
        }
        Ok(Self { root: root.trim(), path, password })
    }

    fn seed(&self) -> Result<Zeroizing<[u8; 32]>> {
        let mut seed = Zeroizing::new([0; 32]);
        let digits = self.root.strip_prefix("0x").unwrap_or(self.root);
        if digits.len() == 64 && hex::decode_to_slice(digits, seed.as_mut_slice()).is_ok() {
            return match self.password {
                "" => Ok(seed),
                _ => Err(no_secret("a seed with a password, which only phrases have")),
            };
        }
        let phrase = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, self.root)
            .map_err(|_| no_secret("neither 64 hex digits nor words of a phrase with a valid checksum"))?;
        let (entropy, length) = phrase.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let entropy = entropy.get(..length).unwrap_or_default();
        // Substrate derives the seed from the BIP39 entropy, not from the words as BIP39 does.
        let secret = substrate_bip39::mini_secret_from_entropy(entropy, self.password)
            .map_err(|_| no_secret("a phrase of an unusual length"))?;
        seed.copy_from_slice(secret.as_bytes());
        Ok(seed)
    }
}

/// Returns the 32-byte chain code of a junction: a number in little-endian, or a SCALE-encoded
/// name, which is hashed if it is longer than 32 bytes.
fn chain_code(name: &str) -> [u8; 32] {
    let encoded = match name.parse::<u64>() {
        Ok(number) => number.to_le_bytes().to_vec(),
        Err(_) => scale_string(name.as_bytes()),
    };
    let mut code = [0; 32];
    match code.get_mut(..encoded.len()) {
        Some(start) => start.copy_from_slice(&encoded),
        None => code = Blake2b256::digest(&encoded).into(),
    }
    code
}

/// SCALE-encodes a string. A key file is far below the next size class (2^30 bytes).
fn scale_string(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u32;
    let mut encoded = match length {
        0..=0x3f => vec![(length << 2) as u8],
        0x40..=0x3fff => ((length << 2) as u16 | 1).to_le_bytes().to_vec(),
        _ => (length << 2 | 2).to_le_bytes().to_vec(),
    };
    encoded.extend_from_slice(bytes);
    encoded
}

fn derive_ed25519(mut seed: Zeroizing<[u8; 32]>, path: &[Junction]) -> Result<ed25519_dalek::SigningKey> {
    for junction in path {
        let Junction::Hard(code) = junction else {
            return Err(no_secret("a soft junction, which ed25519 does not have").hint("write it with two slashes"));
        };
        let encoded = Zeroizing::new([&scale_string(b"Ed25519HDKD"), seed.as_slice(), code].concat());
        *seed = Blake2b256::digest(encoded.as_slice()).into();
    }
    Ok(ed25519_dalek::SigningKey::from_bytes(&seed))
}

fn derive_sr25519(seed: &[u8; 32], path: &[Junction]) -> Result<Keypair> {
    let mut secret =
        MiniSecretKey::from_bytes(seed).map_err(|_| no_secret("an invalid seed"))?.expand(ExpansionMode::Ed25519);
    for junction in path {
        secret = match junction {
            Junction::Hard(code) => {
                secret.hard_derive_mini_secret_key(Some(ChainCode(*code)), b"").0.expand(ExpansionMode::Ed25519)
            }
            Junction::Soft(code) => secret.derived_key_simple(ChainCode(*code), b"").0,
        };
    }
    Ok(secret.to_keypair())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::check;

    /// The published development phrase.
    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    fn id(key_type: KeyType, secret: &str) -> String {
        ChainSecret::parse(key_type, secret).expect("a secret").public_key().key_id()
    }

    #[test]
    fn the_published_development_keys_come_out() {
        for (key_type, path, key) in [
            (KeyType::Sr25519, "", "sr25519:0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a"),
            (KeyType::Sr25519, "//Alice", "sr25519:0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"),
            (KeyType::Sr25519, "//Bob", "sr25519:0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"),
            (KeyType::Ed25519, "//Alice", "ed25519:0x88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"),
            (KeyType::Ed25519, "//Bob", "ed25519:0xd17c2d7823ebf260fd138f2d7e27d114c0145d968b5ff5006125f2414fadae69"),
        ] {
            assert_eq!(id(key_type, &format!("{PHRASE}{path}")), key, "{path}");
        }
        let seed = "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
        assert_eq!(id(KeyType::Sr25519, seed), id(KeyType::Sr25519, PHRASE), "the phrase's seed");
        assert_eq!(id(KeyType::Sr25519, &format!(" {}\n", &seed[2..])), id(KeyType::Sr25519, PHRASE));
    }

    #[test]
    fn every_part_of_the_path_and_the_password_matter() {
        let mut seen = std::collections::BTreeSet::new();
        let long = format!("//{}", "x".repeat(100));
        for path in ["", "//0", "/0", "//0//1", "//0/1", "//x", "///pass", "//0///pass", &long] {
            assert!(seen.insert(id(KeyType::Sr25519, &format!("{PHRASE}{path}"))), "{path}");
        }
    }

    #[test]
    fn both_kinds_sign_what_verifies() {
        for key_type in [KeyType::Ed25519, KeyType::Sr25519] {
            let secret = ChainSecret::parse(key_type, &format!("{PHRASE}//release")).expect("a secret");
            let signature = secret.sign(b"message");
            let checked = check(&signature, b"message");
            assert!(checked.is_valid() && checked.is_by(&secret.public_key()), "{checked:?}");
            assert!(!check(&signature, b"massage").is_valid());
        }
    }

    #[test]
    fn an_invalid_secret_is_refused_without_repeating_it() {
        let wrong_checksum = PHRASE.replace("walk", "drive");
        for (text, key_type) in [
            ("", KeyType::Sr25519),
            ("//Alice", KeyType::Sr25519),
            ("hunter2", KeyType::Sr25519),
            ("0x1234", KeyType::Ed25519),
            (wrong_checksum.as_str(), KeyType::Ed25519),
            ("{\"encoded\": \"…\"}", KeyType::Sr25519),
            (&format!("{PHRASE}//"), KeyType::Sr25519),
            (&format!("{PHRASE}/soft"), KeyType::Ed25519),
            (&format!("0x{}///pass", "11".repeat(32)), KeyType::Ed25519),
        ] {
            let failure = ChainSecret::parse(key_type, text).err().expect("refused");
            assert!(text.is_empty() || !format!("{failure:?}").contains(text), "{failure:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        std::fs::write(&path, PHRASE).expect("written");
        for (mode, accepted) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(ChainSecret::read(KeyType::Sr25519, &path).is_ok(), accepted, "{mode:o}");
        }
    }
}
