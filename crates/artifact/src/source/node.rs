// SPDX-License-Identifier: Apache-2.0
//! The runtime of a live chain, from a node, at its last finalized block.
//!
//! The node is not trusted further than its answers agree with each other; proving what it says against a header is
//! the fork's business.

use crate::{Blob, blob::CODE_LIMIT, header::Header, inspect::version_of};
use jsonrpsee::{
    core::{ClientError, client::ClientT, params::ArrayParams, traits::ToRpcParams},
    http_client::{HttpClient, HttpClientBuilder},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::BTreeMap, future::Future, time::Duration};
use worker::{Failure, Result, hex_prefixed};

const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(90);
/// The largest runtime in hex, and what stands around it.
const RESPONSE_LIMIT: u32 = 2 * CODE_LIMIT as u32 + 65_536;

/// What a node said of its runtime.
#[derive(Clone, Debug)]
pub struct Node {
    pub url: String,
    pub blob: Blob,
    /// The finalized block the answers are of.
    pub hash: [u8; 32],
    pub number: u64,
    pub state_root: [u8; 32],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcHeader {
    parent_hash: String,
    number: String,
    state_root: String,
    extrinsics_root: String,
    digest: RpcDigest,
    /// What headers of other chains carry beside.
    #[serde(flatten)]
    more: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RpcDigest {
    logs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcVersion {
    spec_name: String,
    spec_version: u32,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<(String, Option<String>)>,
}

/// A connection to a node, over WebSocket or HTTP.
pub enum Client {
    Ws(WsClient),
    Http(HttpClient),
}

impl Node {
    /// Asks for the runtime at the last finalized block.
    pub fn fetch(url: &str) -> Result<Self> {
        on_a_runtime(url, Self::fetch_async(url))?
    }

    async fn fetch_async(url: &str) -> Result<Self> {
        let client = Client::connect(url).await?;
        let hash_text: String = client.ask(url, "chain_getFinalizedHead", rpc_params![]).await?;
        let hash: [u8; 32] = bytes(url, "chain_getFinalizedHead", &hash_text)?;
        let header: RpcHeader = client.ask(url, "chain_getHeader", rpc_params![&hash_text]).await?;
        let (number, state_root, _) = check(url, &hash, &header)?;
        let version: RpcVersion = client.ask(url, "state_getRuntimeVersion", rpc_params![&hash_text]).await?;
        let code: Option<String> = client.ask(url, "state_getStorage", rpc_params!["0x3a636f6465", &hash_text]).await?;
        let code = code.ok_or_else(|| {
            Failure::input(format!("{url} has no runtime")).found("no value under :code").expected("a runtime")
        })?;
        let code = hex::decode(code.trim_start_matches("0x"))
            .map_err(|error| senseless(url, "state_getStorage").found(error.to_string()))?;
        let blob = Blob::from_deployed(&format!("the runtime of {url}"), code)?;
        let own = version_of(&format!("the runtime of {url}"), &blob)?;
        if (own.spec_name.as_str(), own.spec_version) != (version.spec_name.as_str(), version.spec_version) {
            return Err(Failure::input(format!("{url} contradicts itself"))
                .found(format!("state_getRuntimeVersion says {} {}", version.spec_name, version.spec_version))
                .expected(format!("{} {} as its :code says", own.spec_name, own.spec_version))
                .hint("the node may replace the runtime by a code substitute: ask another one"));
        }
        Ok(Self { url: url.to_owned(), blob, hash, number, state_root })
    }

    /// The values of some keys in the state of the block, as far as the node gives them. They only add to the facts,
    /// so that a node which refuses does not keep anyone from the others.
    pub fn values(&self, keys: &[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let keys: Vec<String> = keys.iter().map(|key| hex_prefixed(key)).collect();
        let asked = on_a_runtime(&self.url, async {
            let client = Client::connect(&self.url).await?;
            let params = rpc_params![keys, hex_prefixed(&self.hash)];
            client.ask::<Vec<Changes>>(&self.url, "state_queryStorageAt", params).await
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

impl Client {
    pub async fn connect(url: &str) -> Result<Self> {
        let unreachable = |error: ClientError| {
            Failure::environment(format!("cannot reach the node {url}"))
                .found(error.to_string())
                .expected("a Polkadot SDK node that answers JSON-RPC there")
                .hint("check the address and the network, or use another node")
        };
        if url.starts_with("ws") {
            let builder = WsClientBuilder::default()
                .connection_timeout(CONNECT)
                .request_timeout(ANSWER)
                .max_response_size(RESPONSE_LIMIT)
                .max_frame_size(RESPONSE_LIMIT);
            return builder.build(url).await.map(Self::Ws).map_err(unreachable);
        }
        let builder = HttpClientBuilder::default()
            .connect_timeout(CONNECT)
            .request_timeout(ANSWER)
            .max_response_size(RESPONSE_LIMIT);
        builder.build(url).map(Self::Http).map_err(unreachable)
    }

    pub async fn ask<T: DeserializeOwned>(&self, url: &str, method: &str, params: ArrayParams) -> Result<T> {
        self.request(method, params).await.map_err(|error| failure_of(url, method, error))
    }

    /// Asks once, for those who decide by the kind of error what comes next.
    pub async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: ArrayParams,
    ) -> std::result::Result<T, ClientError> {
        match self {
            Self::Ws(client) => request(client, method, params).await,
            Self::Http(client) => request(client, method, params).await,
        }
    }
}

/// An error of a connection, in the words of the tool.
pub fn failure_of(url: &str, method: &str, error: ClientError) -> Failure {
    match error {
        ClientError::Call(error) => Failure::input(format!("the node {url} refuses {method}"))
            .found(format!("error {}: {}", error.code(), error.message()))
            .expected("a Polkadot SDK node with the state of the block"),
        ClientError::ParseError(error) => senseless(url, method).found(error.to_string()),
        ClientError::RequestTimeout => Failure::environment(format!("the node {url} does not answer {method}"))
            .expected(format!("an answer within {} s", ANSWER.as_secs()))
            .hint("try again, or use another node"),
        error => Failure::environment(format!("the connection to the node {url} broke during {method}"))
            .found(error.to_string())
            .hint("try again, or use another node"),
    }
}

/// A block that a node was asked for, its header proven by its hash.
pub struct RpcBlock {
    pub number: u64,
    pub hash: [u8; 32],
    pub state_root: [u8; 32],
    /// As it was hashed.
    pub header: Vec<u8>,
    /// Whether the node holds it for final.
    pub finalized: bool,
    /// How many requests it took to know this.
    pub requests: u64,
}

impl Client {
    /// Finds a block: `finalized`, a number or a hash.
    pub async fn block(&self, url: &str, at: &str) -> Result<RpcBlock> {
        let finalized: String = self.ask(url, "chain_getFinalizedHead", rpc_params![]).await?;
        let text = if at == "finalized" {
            finalized.clone()
        } else if let Ok(number) = at.parse::<u64>() {
            let found: Option<String> = self.ask(url, "chain_getBlockHash", rpc_params![number]).await?;
            found.ok_or_else(|| {
                Failure::input(format!("{url} has no block {number}")).hint("take a lower number, or `finalized`")
            })?
        } else if at.len() == 66 && at.starts_with("0x") {
            at.to_owned()
        } else {
            return Err(Failure::usage(format!("{at} names no block")).expected("a number, a hash or `finalized`"));
        };
        let hash: [u8; 32] = bytes(url, "chain_getBlockHash", &text)?;
        let header = self.header(url, &hash).await?;
        let (number, state_root, encoded) = check(url, &hash, &header)?;
        // Final is what is not above the last final block and on its chain.
        let last: [u8; 32] = bytes(url, "chain_getFinalizedHead", &finalized)?;
        let (final_number, _, _) = check(url, &last, &self.header(url, &last).await?)?;
        let canonical: Option<String> = self.ask(url, "chain_getBlockHash", rpc_params![number]).await?;
        let finalized = number <= final_number && canonical.is_some_and(|found| found.eq_ignore_ascii_case(&text));
        // The last final block, a hash for a number, the header, the last final header, the hash for its number.
        let requests = 4 + u64::from(at.parse::<u64>().is_ok());
        Ok(RpcBlock { number, hash, state_root, header: encoded, finalized, requests })
    }

    async fn header(&self, url: &str, hash: &[u8; 32]) -> Result<RpcHeader> {
        let found: Option<RpcHeader> = self.ask(url, "chain_getHeader", rpc_params![hex_prefixed(hash)]).await?;
        found.ok_or_else(|| {
            Failure::input(format!("{url} does not know the block {}", hex_prefixed(hash)))
                .expected("a block of its chain")
        })
    }

    /// Whether the connection still stands; HTTP makes a new one for each request.
    pub fn is_connected(&self) -> bool {
        match self {
            Self::Ws(client) => client.is_connected(),
            Self::Http(_) => true,
        }
    }
}

async fn request<T: DeserializeOwned>(
    client: &impl ClientT,
    method: &str,
    params: impl ToRpcParams + Send,
) -> std::result::Result<T, ClientError> {
    client.request(method, params).await
}

/// A header belongs to a block only if it has the block's hash. Rebuilt from its fields, the answer proves that.
fn check(url: &str, hash: &[u8; 32], header: &RpcHeader) -> Result<(u64, [u8; 32], Vec<u8>)> {
    let method = "chain_getHeader";
    let number = u64::from_str_radix(header.number.trim_start_matches("0x"), 16)
        .map_err(|error| senseless(url, method).found(error.to_string()))?;
    let state_root = bytes(url, method, &header.state_root)?;
    let decoded = Header {
        parent_hash: bytes(url, method, &header.parent_hash)?,
        number,
        state_root,
        extrinsics_root: bytes(url, method, &header.extrinsics_root)?,
    };
    let mut digest = codec::Encode::encode(&codec::Compact(header.digest.logs.len() as u64));
    for log in &header.digest.logs {
        let log = hex::decode(log.trim_start_matches("0x"))
            .map_err(|error| senseless(url, method).found(error.to_string()))?;
        digest.extend(log);
    }
    let encoded = decoded.encode(&digest);
    let found = Header::hash(&encoded);
    if found != *hash {
        let more: Vec<_> = header.more.keys().map(String::as_str).collect();
        if !more.is_empty() {
            return Err(Failure::input(format!("the headers of the chain of {url} are unlike those of other chains"))
                .found(format!("they carry {} too", more.join(", ")))
                .expected("parent, number, state root, extrinsics root and digest, whose hash is the block's"));
        }
        return Err(Failure::input(format!("the node {url} gives another header than asked for"))
            .found(hex_prefixed(&found))
            .expected(hex_prefixed(hash))
            .hint("unless the chain's headers are not hashed by BLAKE2-256: such chains cannot be read, as nothing can be proven"));
    }
    Ok((number, state_root, encoded))
}

fn bytes(url: &str, method: &str, text: &str) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).map_err(|error| {
        senseless(url, method).found(format!("{:?}: {error}", text.chars().take(80).collect::<String>()))
    })?;
    Ok(bytes)
}

fn senseless(url: &str, method: &str) -> Failure {
    Failure::input(format!("the answer of {url} to {method} makes no sense"))
        .expected("the answer of a Polkadot SDK node")
}

/// What a node says of its chain's token, as far as it does.
pub(super) fn properties(url: &str) -> Option<serde_json::Value> {
    let asked = on_a_runtime(url, async {
        let client = Client::connect(url).await?;
        client.ask::<serde_json::Value>(url, "system_properties", rpc_params![]).await
    });
    asked.ok()?.ok()
}

/// Runs on a thread of its own: the caller may be inside a runtime already, where a second one must not start.
fn on_a_runtime<T: Send>(url: &str, future: impl Future<Output = T> + Send) -> Result<T> {
    let failed = |found: String| Failure::internal(format!("cannot talk to the node {url}")).found(found);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(future)).map_err(|error| failed(error.to_string()))
        });
        thread.join().unwrap_or_else(|_| Err(failed("a panic on the way".into())))
    })
}
