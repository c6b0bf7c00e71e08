// SPDX-License-Identifier: Apache-2.0
//! Signatures by account keys of the chain.

use super::{NAME_THE_PUBLIC_KEY, ss58};
use ed25519_dalek::VerifyingKey;
use hex::FromHexError;
use num_bigint_dig::BigUint;
use worker::{Failure, Result};

/// The signing context of sr25519 in Substrate.
pub(super) const SR25519_CONTEXT: &[u8] = b"substrate";

type CheckResult = std::result::Result<(), String>;

/// Parses a public key in hex or as an SS58 address.
pub fn parse(text: &str) -> Result<[u8; 32]> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => {
            let mut key = [0; 32];
            hex::decode_to_slice(digits, &mut key).map_err(|error| {
                // Do not repeat the text, or the library's error that quotes a part of it: it may
                // be a secret.
                let found = match error {
                    FromHexError::InvalidHexCharacter { .. } => "0x and invalid hex".to_owned(),
                    _ => format!("0x and {} digits", digits.len()),
                };
                Failure::input("it is not a public key")
                    .found(found)
                    .expected("0x and 64 hex digits")
                    .hint(NAME_THE_PUBLIC_KEY)
            })?;
            Ok(key)
        }
        None => ss58::decode(text),
    }
}

/// Parses a public key as key ids write it: `0x` and 64 lower-case hex digits.
pub fn parse_exact(text: &str) -> std::result::Result<[u8; 32], String> {
    parse(text)
        .ok()
        .filter(|key| hex::encode_prefixed(key) == text)
        .ok_or_else(|| "names a key that is not 0x and 64 lower-case hex digits".into())
}

/// Refuses bytes that are not a canonical ed25519 public key, and weak keys.
pub fn check_ed25519(key: &[u8; 32]) -> Result<()> {
    match VerifyingKey::from_bytes(key) {
        // Accept only the canonical encoding, so that a key has one key id.
        Ok(point) if !point.is_weak() && point.to_edwards().compress().as_bytes() == key => Ok(()),
        _ => Err(invalid_key("ed25519")),
    }
}

/// Refuses bytes that are not an sr25519 public key, and the neutral element.
pub fn check_sr25519(key: &[u8; 32]) -> Result<()> {
    match schnorrkel::PublicKey::from_bytes(key) {
        // For the neutral element, anyone can make a signature.
        Ok(_) if key != &[0; 32] => Ok(()),
        _ => Err(invalid_key("sr25519")),
    }
}

/// Returns the error for an invalid key. It does not repeat the bytes, because they may be a seed.
fn invalid_key(kind: &str) -> Failure {
    Failure::input(format!("it is not an {kind} public key"))
        .found("32 bytes that are not a point of its curve, or a weak key")
        .hint("check the key's type: addresses of ed25519 and sr25519 keys look the same; a seed is not a public key")
}

/// Returns the ed25519 key of the seed of an sr25519 key that has no derivation path. Both use the
/// same scalar from the seed. sr25519 divides it by the cofactor 8.
pub fn ed25519_of_same_seed(sr25519: &[u8; 32]) -> Option<[u8; 32]> {
    // RFC 9496, section 4.3.1: s encodes the point with y = (1 - s²) / (1 + s²) and an even x.
    let prime = (BigUint::from(1u8) << 255usize) - 19u8;
    let s = BigUint::from_bytes_le(sr25519);
    let square = &s * &s % &prime;
    let inverse = (&square + 1u8).modpow(&(&prime - 2u8), &prime);
    let mut y = ((&prime + 1u8 - square) * inverse % &prime).to_bytes_le();
    y.resize(32, 0);
    let point = VerifyingKey::from_bytes(&y.try_into().ok()?).ok()?;
    Some(point.to_edwards().mul_by_cofactor().compress().to_bytes())
}

/// Verifies an ed25519 signature of the message, plain or wrapped by a wallet.
pub fn verify_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> CheckResult {
    check_ed25519(key).map_err(|_| "names an invalid key")?;
    let point = VerifyingKey::from_bytes(key).map_err(|_| "names an invalid key")?;
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| "is not 64 bytes long")?;
    match plain_and_wrapped(message).iter().any(|message| point.verify_strict(message, &signature).is_ok()) {
        true => Ok(()),
        false => Err("does not match the signed bytes".into()),
    }
}

/// Verifies an sr25519 signature of the message, plain or wrapped by a wallet.
pub fn verify_sr25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> CheckResult {
    check_sr25519(key).map_err(|_| "names an invalid key")?;
    let point = schnorrkel::PublicKey::from_bytes(key).map_err(|_| "names an invalid key")?;
    let signature = schnorrkel::Signature::from_bytes(signature).map_err(|_| "is not an sr25519 signature")?;
    match plain_and_wrapped(message)
        .iter()
        .any(|message| point.verify_simple(SR25519_CONTEXT, message, &signature).is_ok())
    {
        true => Ok(()),
        false => Err("does not match the signed bytes".into()),
    }
}

/// Returns the message plain and in `<Bytes>`. Wallets wrap messages that are not transactions, so
/// that a user cannot be tricked into signing a transaction.
fn plain_and_wrapped(message: &[u8]) -> [Vec<u8>; 2] {
    [message.to_vec(), [b"<Bytes>", message, b"</Bytes>"].concat()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    /// Made by a wallet with the development key Alice.
    const BY_A_WALLET: &str = "0a7da2b631704cdcfe93c740e41217b9ac667a0c8755d8da1a8232db527f487c\
                               87e780d2edc1896aeb6b1bef0bc7c38d9df2135b633eab8bfb1777e82fad3a8f";
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn a_wallets_wrapped_sr25519_signature_is_accepted_with_and_without_the_wrapping_known() {
        let alice = parse(ALICE).expect("an address");
        let signature = bytes(BY_A_WALLET);
        verify_sr25519(&alice, b"0x46fb7408d4f285228f4af516ea25851b", &signature).expect("wrapped by the wallet");
        verify_sr25519(&alice, b"<Bytes>0x46fb7408d4f285228f4af516ea25851b</Bytes>", &signature).expect("as it stands");
        verify_sr25519(&alice, b"0x46fb7408d4f285228f4af516ea25851c", &signature).expect_err("another message");
        verify_ed25519(&alice, b"0x46fb7408d4f285228f4af516ea25851b", &signature).expect_err("another scheme");
        for index in 0..64 {
            let mut signature = signature.clone();
            signature[index] ^= 1;
            verify_sr25519(&alice, b"0x46fb7408d4f285228f4af516ea25851b", &signature).expect_err("a flipped bit");
        }
    }

    #[test]
    fn the_ed25519_vectors_of_rfc_8032() {
        for (key, message, signature) in [
            (
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                 d25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
                 387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let key: [u8; 32] = bytes(key).try_into().expect("32 bytes");
            verify_ed25519(&key, &bytes(message), &bytes(signature)).expect("a vector");
            verify_ed25519(&key, b"other", &bytes(signature)).expect_err("another message");
        }
    }

    #[test]
    fn keys_anyone_can_sign_for_are_refused() {
        let mut neutral = [0; 32];
        check_sr25519(&neutral).expect_err("the neutral element of ristretto");
        neutral[0] = 1;
        check_ed25519(&neutral).expect_err("the neutral element of ed25519");
        check_ed25519(&[0xff; 32]).expect_err("no point");
        check_sr25519(&[0xff; 32]).expect_err("no point");
        verify_sr25519(&[0; 32], b"m", &[0; 64]).expect_err("no key");
    }

    #[test]
    fn signatures_of_the_wrong_length_are_wrong() {
        let alice = parse(ALICE).expect("an address");
        for length in [0, 1, 63, 65, 1000] {
            verify_ed25519(&alice, b"m", &vec![0; length]).expect_err("length");
            verify_sr25519(&alice, b"m", &vec![0; length]).expect_err("length");
        }
    }
}
