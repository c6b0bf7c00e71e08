// SPDX-License-Identifier: Apache-2.0
//! Downloads the whole state of a block from a node over JSON-RPC.
//!
//! Keys come in pages, values in batches that are halved if a node refuses them. The node is not
//! trusted: a missing key, a missing value or an altered one gives another root than the header's,
//! and the header is verified by its hash.

use jsonrpsee::{core::params::ArrayParams, rpc_params};
use node::{RetryPolicy, RpcBlock, Session, TransportError};
use protocol::Live;
use state::{Block, State};
use worker::{Failure, Reporter, Result};

/// Keys in one page, the limit of nodes.
const PAGE: u32 = 1_000;
/// Values in the first batch.
const BATCH: usize = 500;
const CHILD_PREFIX: &[u8] = b":child_storage:default:";

/// A whole state, and what downloading it took.
pub struct FullState {
    /// The state of the block.
    pub state: State,
    /// Whether the node reports the block as final.
    pub finalized: bool,
    /// The number of requests.
    pub requests: u64,
    /// The size of the received hex in bytes.
    pub bytes: u64,
}

/// Downloads the state of the block `at`: `finalized`, a number or a hash.
pub fn state(live: &Live, at: &str, reporter: &Reporter) -> Result<FullState> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::environment("cannot start the network runtime").found(error.to_string()))?;
    runtime.block_on(download(live, at, reporter))
}

async fn download(live: &Live, at: &str, reporter: &Reporter) -> Result<FullState> {
    let name = live.to_string();
    let mut node = StateReader { session: Session::new(&live.nodes, RetryPolicy::default()), name: &name, bytes: 0 };
    let block = node.session.block(at).await?;
    reporter.status(format!("downloading the state of block {} from {live}", block.number));
    let keys = node.keys(&block, None, "keys", reporter).await?;
    let top = node.values(&block, None, &keys, reporter).await?;
    let mut children = Vec::new();
    for key in keys.iter().filter(|key| key.starts_with(CHILD_PREFIX)) {
        let child = node.keys(&block, Some(key), "keys of child tries", reporter).await?;
        let entries = node.values(&block, Some(key), &child, reporter).await?;
        children.push((key[CHILD_PREFIX.len()..].to_vec(), entries));
    }
    // The roots of child tries follow from the child tries, so the node's values are not needed.
    let top = top.into_iter().filter(|(key, _)| !key.starts_with(CHILD_PREFIX)).collect();
    let mut state = State {
        state_root: Some(block.state_root),
        block: Some(Block { number: block.number, hash: block.hash }),
        header: Some(block.header.clone()),
        ..State::of_entries(0, top, children)
    };
    state.top.sort();
    let version = artifact::sections::Sections::read(&name, &state.code(&name)?)?.version;
    state.state_version = version.map_or(0, |version| version.effective_state_version());
    Ok(FullState { state, finalized: block.finalized, requests: node.session.requests(), bytes: node.bytes })
}

struct StateReader<'a> {
    session: Session,
    /// The nodes' names in error messages.
    name: &'a str,
    bytes: u64,
}

impl StateReader<'_> {
    async fn keys(
        &mut self,
        block: &RpcBlock,
        child: Option<&Vec<u8>>,
        task: &str,
        reporter: &Reporter,
    ) -> Result<Vec<Vec<u8>>> {
        let at = hex::encode_prefixed(block.hash);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        loop {
            let last = keys.last().map(hex::encode_prefixed);
            let page: Vec<String> = match child {
                None => self.request("state_getKeysPaged", rpc_params!["0x", PAGE, last, &at]).await?,
                Some(child) => {
                    let child = hex::encode_prefixed(child);
                    self.request("childstate_getKeysPaged", rpc_params![child, "0x", PAGE, last, &at]).await?
                }
            };
            let count = page.len();
            for key in page {
                let key = self.decode("a key", &key)?;
                // A node that repeats keys would never end the list.
                if keys.last().is_some_and(|last| *last >= key) {
                    return Err(Failure::input(format!("{} returned keys that are not in order", self.name))
                        .found(hex::encode_prefixed(&key))
                        .expected("each key once, ascending"));
                }
                keys.push(key);
            }
            reporter.progress(task, keys.len() as u64, None, "keys");
            if count < PAGE as usize {
                return Ok(keys);
            }
        }
    }

    async fn values(
        &mut self,
        block: &RpcBlock,
        child: Option<&Vec<u8>>,
        keys: &[Vec<u8>],
        reporter: &Reporter,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let at = hex::encode_prefixed(block.hash);
        let mut entries = Vec::with_capacity(keys.len());
        let mut batch = BATCH;
        while entries.len() < keys.len() {
            let part = &keys[entries.len()..keys.len().min(entries.len() + batch)];
            let names: Vec<_> = part.iter().map(hex::encode_prefixed).collect();
            let (method, parameters) = match child {
                None => ("state_queryStorageAt", rpc_params![&names, &at]),
                Some(child) => ("childstate_getStorageEntries", rpc_params![hex::encode_prefixed(child), &names, &at]),
            };
            let answer = match self.session.request(method, parameters, part.len() > 1).await {
                Ok(answer) if child.is_none() => {
                    let sets: Vec<Changes> = self.session.read(method, &answer)?;
                    Ok(sets.into_iter().flat_map(|set| set.changes).map(|(_, value)| value).collect())
                }
                Ok(answer) => Ok(self.session.read::<Vec<Option<String>>>(method, &answer)?),
                Err(trouble) => Err(trouble),
            };
            match answer {
                Ok(values) if values.len() == part.len() => {
                    for (key, value) in part.iter().zip(values) {
                        let value = value.ok_or_else(|| {
                            Failure::input(format!("{} returned a key without a value", self.name))
                                .found(hex::encode_prefixed(key))
                        })?;
                        entries.push((key.clone(), self.decode("a value", &value)?));
                    }
                    reporter.progress("values", entries.len() as u64, Some(keys.len() as u64), "keys");
                }
                Ok(values) => {
                    return Err(Failure::input(format!(
                        "{} returned another number of values than requested",
                        self.name
                    ))
                    .found(values.len().to_string())
                    .expected(part.len().to_string()));
                }
                // The answer was probably too large.
                Err(TransportError::Refused(_)) if part.len() > 1 => batch = (part.len() / 2).max(1),
                Err(trouble) => return Err(trouble.into_failure()),
            }
        }
        Ok(entries)
    }

    async fn request<T: serde::de::DeserializeOwned>(&mut self, method: &str, parameters: ArrayParams) -> Result<T> {
        self.session.ask(method, parameters).await
    }

    fn decode(&mut self, what: &str, text: &str) -> Result<Vec<u8>> {
        self.bytes += text.len() as u64;
        hex::decode(text.trim_start_matches("0x")).map_err(|error| {
            Failure::input(format!("{} returned {what} that is invalid hex", self.name)).found(error.to_string())
        })
    }
}

#[derive(serde::Deserialize)]
struct Changes {
    changes: Vec<(String, Option<String>)>,
}
