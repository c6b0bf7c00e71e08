// SPDX-License-Identifier: Apache-2.0
//! SS58 addresses, as wallets show public keys. Only accounts of 32 bytes are accepted. The network
//! prefix is ignored.

use super::{NAME_THE_PUBLIC_KEY, described};
use blake2::{Blake2b512, Digest};
use worker::{Failure, Result};

/// The generic Substrate prefix.
const ANY_NETWORK: u8 = 42;

/// Encodes a public key as an address with the generic prefix.
pub fn encode(key: &[u8; 32]) -> String {
    let mut bytes = [&[ANY_NETWORK][..], key].concat();
    bytes.extend_from_slice(&checksum(&bytes));
    bs58::encode(bytes).into_string()
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new().chain_update(b"SS58PRE").chain_update(body).finalize();
    [hash[0], hash[1]]
}

/// Decodes the public key of an address of any network. Errors never repeat the text: it may be a
/// secret.
pub fn decode(address: &str) -> Result<[u8; 32]> {
    let invalid = |found: &str| {
        Failure::input("it is not the address of a key")
            .found(format!("{}: {found}", described(address)))
            .expected("an SS58 address, or 32 bytes as 0x and 64 hex digits")
            .hint(NAME_THE_PUBLIC_KEY)
    };
    // No address of a 32-byte key is longer. The time of base58 decoding is quadratic in the
    // length.
    if address.len() > 64 {
        return Err(invalid("too many characters"));
    }
    // Do not repeat the library's error: it contains a character of the text and its position.
    let bytes = bs58::decode(address).into_vec().map_err(|_| invalid("characters that an address does not have"))?;
    let prefix = match bytes.first() {
        Some(0..=63) => 1,
        Some(64..=127) => 2,
        _ => return Err(invalid("a reserved prefix")),
    };
    let (body, sum) = bytes.split_at_checked(prefix + 32).ok_or_else(|| invalid("too few bytes"))?;
    if sum != checksum(body) {
        return Err(invalid("a wrong checksum").hint("copy the whole address again"));
    }
    body.get(prefix..).and_then(|key| key.try_into().ok()).ok_or_else(|| invalid("too few bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The development account Alice on four networks: prefixes 42, 0, 2 and a two-byte prefix.
    const ALICE: &str = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

    fn encode(prefix: u16, key: &[u8; 32]) -> String {
        let mut bytes = match prefix {
            0..=63 => vec![prefix as u8],
            _ => vec![((prefix & 0xfc) >> 2) as u8 | 0x40, (prefix >> 8) as u8 | ((prefix & 3) << 6) as u8],
        };
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&checksum(&bytes));
        bs58::encode(bytes).into_string()
    }

    #[test]
    fn known_addresses_of_one_key() {
        for address in [
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
            "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F",
        ] {
            assert_eq!(hex::encode(decode(address).expect(address)), ALICE);
        }
        let alice = decode("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY").expect("an address");
        assert_eq!(super::encode(&alice), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
    }

    #[test]
    fn one_wrong_character_is_noticed() {
        for address in
            ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", "5Grwva", "", "0OIl", &"5".repeat(65), "5Grwv\u{e9}"]
        {
            assert_eq!(decode(address).expect_err(address).kind, worker::Kind::Input);
        }
    }

    proptest! {
        #[test]
        fn every_prefix_is_read(prefix in 0u16..16384, key in any::<[u8; 32]>()) {
            prop_assert_eq!(decode(&encode(prefix, &key)).expect("an address"), key);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = decode(&text);
        }
    }
}
