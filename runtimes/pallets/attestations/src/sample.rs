// SPDX-License-Identifier: Apache-2.0
//! What the previous release has in storage on a development chain: enough that moving it takes several blocks.

use alloc::vec::Vec;

use sp_core::{H160, H256, crypto::AccountId32};
use sp_runtime::traits::{BlakeTwo256, Hash};

const REBUILDERS: u32 = 40;
const CODES: u32 = 10;

/// The rebuilders, and who attested which commit to which code hash. Nobody has the keys of these accounts.
pub fn attestations() -> (Vec<AccountId32>, Vec<(AccountId32, H256, H160)>) {
    let rebuilders = (0..REBUILDERS).map(|n| AccountId32::new(digest("rebuilder", n).0)).collect::<Vec<_>>();
    let attestations = (0..CODES)
        .flat_map(|code| {
            let (code_hash, commit) = (digest("code", code), digest("commit", code));
            rebuilders.iter().map(move |who| (who.clone(), code_hash, H160::from(commit)))
        })
        .collect();
    (rebuilders, attestations)
}

fn digest(what: &str, number: u32) -> H256 {
    BlakeTwo256::hash(&[what.as_bytes(), &number.to_le_bytes()].concat())
}
