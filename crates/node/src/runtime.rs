// SPDX-License-Identifier: Apache-2.0
//! The runtime of a live chain at one block, fetched from its nodes.
//!
//! The answers of a node are compared with each other. They are not proven against the block's
//! header: crate `fork` does that.

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

/// The runtime of a chain at one block, as a node returned it.
#[derive(Clone, Debug)]
pub struct NodeRuntime {
    /// The nodes, with the hash of the block.
    pub live: Live,
    /// The value under `:code`.
    pub blob: Blob,
    /// The block from whose state the runtime was read.
    pub block: RpcBlock,
}

/// The result of `state_getRuntimeVersion`, reduced to name and version.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcVersion {
    /// The name of the runtime.
    pub spec_name: String,
    /// The version of the runtime.
    pub spec_version: u32,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<(String, Option<String>)>,
}

impl NodeRuntime {
    /// Fetches the runtime at the block that `live` names.
    ///
    /// Fails if the runtime's own version differs from the one that the node returns for the block.
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
                    .found(format!("state_getRuntimeVersion returns {} {}", version.spec_name, version.spec_version))
                    .expected(format!("{} {} as in its :code", own.spec_name, own.spec_version))
                    .hint("the node may run a code substitute: use another node"));
            }
            Ok(Self { live: Live { at: Some(at), ..live.clone() }, blob, block })
        })?
    }

    /// Returns the values of some keys in the state of the block.
    ///
    /// Returns an empty map if the node refuses the request: the values are optional facts.
    pub fn values(&self, keys: &[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let keys: Vec<String> = keys.iter().map(hex::encode_prefixed).collect();
        let at = hex::encode_prefixed(self.block.hash);
        let response = with_session(&self.live, async |session| {
            session.ask::<Vec<Changes>>("state_queryStorageAt", rpc_params![keys, at]).await
        });
        let decode = |text: &str| hex::decode(text.trim_start_matches("0x")).ok();
        let mut values = BTreeMap::new();
        if let Ok(Ok(sets)) = response {
            for (key, value) in sets.into_iter().flat_map(|set| set.changes) {
                if let (Some(key), Some(value)) = (decode(&key), value.as_deref().and_then(decode)) {
                    values.insert(key, value);
                }
            }
        }
        values
    }
}

/// Fetches the block that `live` names, and the name and version of its runtime.
pub fn block_and_version(live: &Live) -> Result<(RpcBlock, RpcVersion)> {
    with_session(live, async |session| {
        let block = session.block(live.block()).await?;
        let version = session.ask("state_getRuntimeVersion", rpc_params![hex::encode_prefixed(block.hash)]).await?;
        Ok((block, version))
    })?
}

/// Returns the result of `system_properties`, or `None` if the nodes do not return any.
pub fn properties(live: &Live) -> Option<serde_json::Value> {
    let response =
        with_session(live, async |session| session.ask::<serde_json::Value>("system_properties", rpc_params![]).await);
    response.ok()?.ok()
}
