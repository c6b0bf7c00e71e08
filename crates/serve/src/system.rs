// SPDX-License-Identifier: Apache-2.0
//! `system_*` and `chainSpec_v1_*`: the node and the chain.

use super::{
    Fork,
    rpc::{Error, Methods, Params, Registered},
};
use codec::{Decode, Encode};
use serde::Serialize;
use sp_core::crypto::{AccountId32, Ss58Codec};

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("system_accountNextIndex", next_index)?;
    methods.alias("account_nextIndex", "system_accountNextIndex")?;
    methods.method("system_chain", |fork, _| Ok(fork.name.clone()))?;
    methods.method("system_chainType", |_, _| Ok("Local"))?;
    methods.method("system_health", |_, _| Ok(Health { peers: 0, is_syncing: false, should_have_peers: false }))?;
    methods.method("system_name", |_, _| Ok("cutover"))?;
    methods.method("system_properties", |fork, _| properties(fork))?;
    methods.method("system_version", |_, _| Ok(env!("CARGO_PKG_VERSION")))?;
    methods.method("chainSpec_v1_chainName", |fork, _| Ok(fork.name.clone()))?;
    methods.method("chainSpec_v1_genesisHash", |fork, _| fork.genesis_hash())?;
    methods.method("chainSpec_v1_properties", |fork, _| properties(fork))
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    peers: u32,
    is_syncing: bool,
    should_have_peers: bool,
}

/// The properties that the runtime knows. The names of tokens are not among them.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(skip_serializing_if = "Option::is_none")]
    ss58_format: Option<u16>,
}

fn properties(fork: &mut Fork<'_>) -> Result<Properties, Error> {
    let chain = fork.chain(None)?.clone();
    Ok(Properties { ss58_format: fork.author.layout(&chain)?.address_prefix() })
}

fn next_index(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<u64, Error> {
    let account = account(params.next()?)?;
    let answer = fork.call(None, "AccountNonceApi_account_nonce", &account.encode())?;
    let index = match answer.len() {
        8 => u64::decode(&mut &answer[..]).ok(),
        _ => u32::decode(&mut &answer[..]).ok().map(u64::from),
    };
    index.ok_or_else(|| Error::new(-32000, "the runtime's answer is not an account index"))
}

fn account(text: String) -> Result<AccountId32, Error> {
    if text.starts_with("0x") {
        let bytes = sp_core::bytes::from_hex(&text).map_err(|error| Error::parameters(error.to_string()))?;
        let bytes: [u8; 32] =
            bytes.try_into().map_err(|_| Error::parameters("parameter 0 (account): 32 bytes are expected"))?;
        return Ok(bytes.into());
    }
    AccountId32::from_ss58check_with_version(&text)
        .map(|(account, _)| account)
        .map_err(|error| Error::parameters(format!("parameter 0 (account): not an SS58 address: {error:?}")))
}
