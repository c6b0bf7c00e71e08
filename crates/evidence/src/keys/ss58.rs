// SPDX-License-Identifier: Apache-2.0
//! Addresses, as wallets show public keys. Only accounts of 32 bytes are keys; any network's prefix will do.

use super::{NAME_THE_PUBLIC_KEY, described};
use blake2::{Blake2b512, Digest};
use worker::{Failure, Result};

/// The prefix of no network in particular.
const ANY_NETWORK: u8 = 42;

pub fn encode(key: &[u8; 32]) -> String {
    let mut bytes = [&[ANY_NETWORK][..], key].concat();
    bytes.extend_from_slice(&checksum(&bytes));
    bs58::encode(bytes).into_string()
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new().chain_update(b"SS58PRE").chain_update(body).finalize();
    [hash[0], hash[1]]
}

pub fn decode(address: &str) -> Result<[u8; 32]> {
    let wrong = |found: &str| {
        Failure::input("it is no address of a key")
            .found(format!("{}: {found}", described(address)))
            .expected("an SS58 address, or 32 bytes as 0x and 64 hex digits")
            .hint(NAME_THE_PUBLIC_KEY)
    };
    // No address of a key is longer; base58 takes quadratic time.
    if address.len() > 64 {
        return Err(wrong("too many characters"));
    }
    // The error repeats a character and its place.
    let bytes = bs58::decode(address).into_vec().map_err(|_| wrong("characters that an address does not have"))?;
    let prefix = match bytes.first() {
        Some(0..=63) => 1,
        Some(64..=127) => 2,
        _ => return Err(wrong("a reserved prefix")),
    };
    let (body, sum) = bytes.split_at_checked(prefix + 32).ok_or_else(|| wrong("too few bytes"))?;
    if sum != checksum(body) {
        return Err(wrong("a checksum that does not fit").hint("copy the address again, whole"));
    }
    body.get(prefix..).and_then(|key| key.try_into().ok()).ok_or_else(|| wrong("too few bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The well-known development account Alice on four networks: prefixes 42, 0, 2 and one of two bytes.
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
        fn no_text_crashes_it(text in any::<String>()) {
            let _ = decode(&text);
        }
    }
}
