// SPDX-License-Identifier: Apache-2.0
//! The runtime of a live chain, from its nodes, at one block.
//!
//! A node is not trusted further than its answers agree with each other; proving what it says against a header is
//! the fork's business.

use crate::{
    client::invalid_response,
    session::{RpcBlock, with_session},
};
use artifact::{Blob, version_of};
use jsonrpsee::rpc_params;
use protocol::Live;
use serde::Deserialize;
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// What the nodes said of their chain's runtime.
#[derive(Clone, Debug)]
pub struct NodeRuntime {
    /// Who said it, at this block.
    pub live: Live,
    pub blob: Blob,
    /// The block the answers are of.
    pub block: RpcBlock,
}

/// The runtime at a block, as a node names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcVersion {
    pub spec_name: String,
    pub spec_version: u32,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<(String, Option<String>)>,
}

impl NodeRuntime {
    /// Asks for the runtime at the block that is meant.
    pub fn fetch(live: &Live) -> Result<Self> {
        with_session(live, async |session| {
            let block = session.block(live.block()).await?;
            let at = hex::encode_prefixed(block.hash);
            let version: RpcVersion = session.ask("state_getRuntimeVersion", rpc_params![&at]).await?;
            let code: Option<String> = session.ask("state_getStorage", rpc_params!["0x3a636f6465", &at]).await?;
            let code = code.ok_or_else(|| {
                Failure::input(format!("{live} has no runtime")).found("no value under :code").expected("a runtime")
            })?;
            let code = hex::decode(code.trim_start_matches("0x"))
                .map_err(|error| invalid_response(live, "state_getStorage").found(error.to_string()))?;
            let blob = Blob::from_deployed(&format!("the runtime of {live}"), code)?;
            let own = version_of(&format!("the runtime of {live}"), &blob)?;
            if (own.spec_name.as_str(), own.spec_version) != (version.spec_name.as_str(), version.spec_version) {
                return Err(Failure::input(format!("{live} contradicts itself"))
                    .found(format!("state_getRuntimeVersion says {} {}", version.spec_name, version.spec_version))
                    .expected(format!("{} {} as its :code says", own.spec_name, own.spec_version))
                    .hint("the node may replace the runtime by a code substitute: ask another one"));
            }
            Ok(Self { live: Live { at: Some(at), ..live.clone() }, blob, block })
        })?
    }

    /// The values of some keys in the state of the block, as far as the node gives them. They only add to the facts,
    /// so that a node which refuses does not keep anyone from the others.
    pub fn values(&self, keys: &[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let keys: Vec<String> = keys.iter().map(hex::encode_prefixed).collect();
        let at = hex::encode_prefixed(self.block.hash);
        let asked = with_session(&self.live, async |session| {
            session.ask::<Vec<Changes>>("state_queryStorageAt", rpc_params![keys, at]).await
        });
        let decode = |text: &str| hex::decode(text.trim_start_matches("0x")).ok();
        let mut values = BTreeMap::new();
        if let Ok(Ok(sets)) = asked {
            for (key, value) in sets.into_iter().flat_map(|set| set.changes) {
                if let (Some(key), Some(value)) = (decode(&key), value.as_deref().and_then(decode)) {
                    values.insert(key, value);
                }
            }
        }
        values
    }
}

/// Asks for the block that is meant, and for the name and version of its runtime.
pub fn block_and_version(live: &Live) -> Result<(RpcBlock, RpcVersion)> {
    with_session(live, async |session| {
        let block = session.block(live.block()).await?;
        let version = session.ask("state_getRuntimeVersion", rpc_params![hex::encode_prefixed(block.hash)]).await?;
        Ok((block, version))
    })?
}

/// What the nodes say of their chain's token, as far as they do.
pub fn properties(live: &Live) -> Option<serde_json::Value> {
    let asked =
        with_session(live, async |session| session.ask::<serde_json::Value>("system_properties", rpc_params![]).await);
    asked.ok()?.ok()
}
