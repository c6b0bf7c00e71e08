// SPDX-License-Identifier: Apache-2.0
//! `system_*`

use super::{
    Fork,
    rpc::{Bytes, Error, Parameters, Reply},
};
use codec::{Decode, Encode};
use serde_json::{Value, json};
use sp_core::crypto::{AccountId32, Ss58Codec};

pub const METHODS: &[&str] = &[
    "account_nextIndex",
    "system_accountNextIndex",
    "system_chain",
    "system_chainType",
    "system_health",
    "system_name",
    "system_properties",
    "system_version",
];

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    Some(match method {
        "system_chain" => Ok(json!(fork.name)),
        "system_chainType" => Ok(json!("Local")),
        "system_name" => Ok(json!("cutover")),
        "system_version" => Ok(json!(env!("CARGO_PKG_VERSION"))),
        "system_properties" => properties(fork),
        "system_health" => Ok(json!({"peers": 0, "isSyncing": false, "shouldHavePeers": false})),
        "system_accountNextIndex" | "account_nextIndex" => next_index(fork, parameters),
        _ => return None,
    })
}

/// What the runtime itself tells; names of tokens are the wallet's business.
fn properties(fork: &mut Fork<'_>) -> Reply {
    let chain = fork.chain(None)?.clone();
    let layout = fork.author.layout(&chain)?;
    let prefix = layout.constant("System", "SS58Prefix").and_then(|bytes| u16::decode(&mut &bytes[..]).ok());
    Ok(prefix.map_or_else(|| json!({}), |prefix| json!({"ss58Format": prefix})))
}

fn next_index(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let text: Value = parameters.required(0, "account")?;
    let account = account(text.as_str().unwrap_or_default())?;
    let answer = fork.call(None, "AccountNonceApi_account_nonce", &account.encode())?;
    let index = match answer.len() {
        8 => u64::decode(&mut &answer[..]).ok(),
        _ => u32::decode(&mut &answer[..]).ok().map(u64::from),
    };
    index.map(|index| json!(index)).ok_or_else(|| Error::new(-32000, "the runtime's answer is no index"))
}

fn account(text: &str) -> Result<AccountId32, Error> {
    if text.starts_with("0x") {
        let bytes: Bytes = serde_json::from_value(json!(text)).map_err(|error| Error::parameters(error.to_string()))?;
        let bytes: [u8; 32] =
            bytes.0.try_into().map_err(|_| Error::parameters("parameter 0 (account): 32 bytes are expected"))?;
        return Ok(bytes.into());
    }
    AccountId32::from_ss58check_with_version(text)
        .map(|(account, _)| account)
        .map_err(|error| Error::parameters(format!("parameter 0 (account): no SS58 address: {error:?}")))
}
