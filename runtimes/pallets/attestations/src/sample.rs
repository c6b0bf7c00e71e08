// SPDX-License-Identifier: Apache-2.0
//! What the previous release has in storage on a development chain: enough that moving it takes several blocks.

use alloc::vec::Vec;

use sp_core::{H160, H256, crypto::AccountId32, hashing::blake2_256};

const REBUILDERS: u32 = 40;
const CODES: u32 = 10;

/// The rebuilders, and who attested which commit to which code hash. Nobody has the keys of these accounts.
pub fn attestations() -> (Vec<AccountId32>, Vec<(AccountId32, H256, H160)>) {
    let rebuilders = (0..REBUILDERS).map(|n| AccountId32::new(digest("rebuilder", n))).collect::<Vec<_>>();
    let attestations = (0..CODES)
        .flat_map(|code| {
            let (code_hash, commit) = (H256(digest("code", code)), digest("commit", code));
            rebuilders.iter().map(move |who| (who.clone(), code_hash, H160::from_slice(&commit[..20])))
        })
        .collect();
    (rebuilders, attestations)
}

fn digest(what: &str, number: u32) -> [u8; 32] {
    blake2_256(&[what.as_bytes(), &number.to_le_bytes()].concat())
}
