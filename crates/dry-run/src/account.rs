// SPDX-License-Identifier: Apache-2.0
//! Accounts as wallets show them.

use sp_core::crypto::{AccountId32, Ss58AddressFormat, Ss58Codec};
use worker::{Failure, Result};

/// The prefix of the addresses of a chain that has none.
pub const GENERIC: u16 = 42;

/// Returns an account as wallets show it: by SS58, or in hex where it has 20 bytes.
pub fn address(account: &[u8], prefix: u16) -> String {
    match <[u8; 32]>::try_from(account) {
        Ok(account) => AccountId32::from(account).to_ss58check_with_version(Ss58AddressFormat::custom(prefix)),
        Err(_) => hex::encode_prefixed(account),
    }
}

/// Reads an account: an SS58 address of any network, or `0x` and hex.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    let invalid = |found: String| {
        Failure::usage("it is no account").found(found).expected("an SS58 address, or 32 or 20 bytes as 0x and hex")
    };
    if text.starts_with("0x") {
        let bytes = hex::decode(text).map_err(|error| invalid(format!("{text:.80}: {error}")))?;
        return match bytes.len() {
            32 | 20 => Ok(bytes),
            length => Err(invalid(format!("{length} bytes"))),
        };
    }
    // The time of base58 decoding is quadratic in the length.
    if text.len() > 64 {
        return Err(invalid(format!("{} characters", text.len())));
    }
    let account = AccountId32::from_ss58check_with_version(text);
    account.map(|(account, _)| <[u8; 32]>::from(account).to_vec()).map_err(|error| invalid(format!("{text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn accounts_are_read_as_wallets_show_them() {
        let alice = parse(ALICE).expect("an address");
        assert_eq!(hex::encode(&alice), "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
        assert_eq!(address(&alice, GENERIC), ALICE);
        // The same account on another network.
        assert_eq!(parse(&address(&alice, 0)).expect("an address"), alice);
        assert_eq!(parse(&hex::encode_prefixed(&alice)).expect("in hex"), alice);
        assert_eq!(address(&[7; 20], 0), format!("0x{}", "07".repeat(20)));
        for wrong in ["", "0x", "0x07", "0xzz", &ALICE[..47], "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ"] {
            assert_eq!(parse(wrong).expect_err(wrong).kind, worker::Kind::Usage);
        }
        assert!(parse(&"5".repeat(100_000)).is_err());
    }
}
