// SPDX-License-Identifier: Apache-2.0
//! Nodes of one chain, asked as they are: behind load balancers, with limits of their own, and not always there.
//!
//! A question goes to one of them, and to the next where that one fails. What the nodes refuse for now is asked again after a
//! pause; what they will not give at once is left to the caller, who asks for less.

use crate::client::{Client, RpcErrorKind, invalid_response, no_response, parse_hash};
use jsonrpsee::{core::params::ArrayParams, rpc_params};
use protocol::{Endpoint, Live};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use state::header::Header;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use worker::{Failure, Result};

/// So often a question whose connection broke is asked again, at each node.
const RETRIES: usize = 4;
/// A connection that breaks this often over one question breaks because of it.
const CLOSED_LIMIT: usize = 2;
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// For one answer.
    pub response_timeout: Duration,
    /// For that to one question, with all repetitions.
    pub request_timeout: Duration,
    /// For a node that does not know a block yet.
    pub block_timeout: Duration,
    /// Before the first repetition; each later pause is twice as long.
    pub first_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            response_timeout: Duration::from_secs(45),
            request_timeout: Duration::from_secs(120),
            block_timeout: Duration::from_secs(60),
            first_pause: Duration::from_millis(250),
        }
    }
}

/// Why the nodes did not give what they were asked for.
#[derive(Debug)]
pub enum TransportError {
    /// They refused this request; they may grant a smaller one.
    Refused(Failure),
    /// There is no use in asking on.
    Failed(Failure),
}

impl TransportError {
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Refused(failure) | Self::Failed(failure) => failure,
        }
    }
}

/// A block that a node was asked for, its header proven by its hash.
#[derive(Clone, Debug)]
pub struct RpcBlock {
    pub number: u64,
    pub hash: [u8; 32],
    pub state_root: [u8; 32],
    /// As it was hashed.
    pub header: Vec<u8>,
    /// Whether the node holds it for final.
    pub finalized: bool,
    /// What the node says of the chain's first block. Nothing proves it.
    pub genesis: Option<[u8; 32]>,
    /// How many requests it took to know this.
    pub requests: u64,
}

pub struct Session {
    nodes: Vec<Endpoint>,
    /// Which of them is asked.
    current: usize,
    client: Option<Client>,
    policy: RetryPolicy,
    requests: u64,
}

impl Session {
    pub fn new(nodes: &[Endpoint], policy: RetryPolicy) -> Self {
        Self { nodes: nodes.to_vec(), current: 0, client: None, policy, requests: 0 }
    }

    /// How often a node was asked.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn node(&self) -> Result<Endpoint> {
        self.nodes.get(self.current).cloned().ok_or_else(|| Failure::usage("no node is given to ask"))
    }

    /// What errors call the nodes.
    fn name(&self) -> String {
        self.nodes.get(self.current).map(Endpoint::to_string).unwrap_or_default()
    }

    pub async fn ask<T: DeserializeOwned>(&mut self, method: &str, params: ArrayParams) -> Result<T> {
        let answer = self.request(method, params, false).await.map_err(TransportError::into_failure)?;
        self.read(method, &answer)
    }

    pub fn read<T: DeserializeOwned>(&self, method: &str, answer: &RawValue) -> Result<T> {
        serde_json::from_str(answer.get()).map_err(|error| {
            let text = error.to_string();
            let shown = self.nodes.get(self.current).map_or(text.clone(), |node| node.hide(&text));
            invalid_response(&self.name(), method).found(shown)
        })
    }

    /// Asks, and again as long as that may help. `divisible`: whether the caller can ask for less.
    pub async fn request(
        &mut self,
        method: &str,
        params: ArrayParams,
        divisible: bool,
    ) -> std::result::Result<Box<RawValue>, TransportError> {
        let began = Instant::now();
        let mut pause = self.policy.first_pause;
        let (mut tries, mut closed) = (0, 0);
        // Nodes that will not give it whenever they are asked.
        let mut permanent_errors = 0;
        loop {
            let (refusal, failure) = match self.attempt(method, params.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries += 1;
            let retries = RETRIES * self.nodes.len();
            let mut wait = None;
            let retry = match refusal {
                RpcErrorKind::TooLarge | RpcErrorKind::Other => return Err(TransportError::Refused(failure)),
                RpcErrorKind::MethodNotFound | RpcErrorKind::StateDiscarded => {
                    permanent_errors += 1;
                    if permanent_errors >= self.nodes.len() {
                        return Err(TransportError::Failed(with_hint(failure, &refusal, method)));
                    }
                    true
                }
                RpcErrorKind::UnknownBlock => {
                    // The same address may lead to another node over another connection.
                    self.client = None;
                    began.elapsed() < self.policy.block_timeout
                }
                RpcErrorKind::Busy(retry_after) => {
                    // Another node may have time now.
                    let others = tries < self.nodes.len();
                    wait = retry_after.filter(|_| !others);
                    let longest = self.policy.request_timeout.saturating_sub(began.elapsed());
                    others || retry_after.unwrap_or(pause) <= longest
                }
                RpcErrorKind::Unreachable | RpcErrorKind::InvalidResponse => {
                    tries <= retries && began.elapsed() < self.policy.request_timeout
                }
                RpcErrorKind::ConnectionClosed => {
                    closed += 1;
                    if divisible && closed >= CLOSED_LIMIT {
                        return Err(TransportError::Refused(failure));
                    }
                    tries <= retries && began.elapsed() < self.policy.request_timeout
                }
            };
            if !retry {
                let hint = format!("tried {tries} times; try again later, or use another node");
                return Err(TransportError::Failed(failure.hint(hint)));
            }
            self.pause(&mut pause, wait).await;
        }
    }

    async fn attempt(
        &mut self,
        method: &str,
        params: ArrayParams,
    ) -> std::result::Result<Box<RawValue>, (RpcErrorKind, Failure)> {
        let node = self.node().map_err(|failure| (RpcErrorKind::InvalidResponse, failure))?;
        self.requests += 1;
        let client = match self.client.take().filter(Client::is_connected) {
            Some(client) => client,
            None => Client::connect(&node, self.policy.response_timeout).await?,
        };
        match tokio::time::timeout(self.policy.response_timeout, client.request(method, params)).await {
            Ok(Ok(answer)) => {
                self.client = Some(client);
                Ok(answer)
            }
            // After a broken connection it is not used again: what came last may be half an answer.
            Ok(Err((RpcErrorKind::ConnectionClosed, failure))) => Err((RpcErrorKind::ConnectionClosed, failure)),
            Ok(Err(refused)) => {
                self.client = Some(client);
                Err(refused)
            }
            Err(_) => {
                let within = format!("an answer within {} s", self.policy.response_timeout.as_secs_f64());
                Err((RpcErrorKind::ConnectionClosed, no_response(&node, method).expected(within)))
            }
        }
    }

    /// Turns to the next node, at once; where all were asked, after a pause.
    async fn pause(&mut self, pause: &mut Duration, retry_after: Option<Duration>) {
        if self.nodes.len() > 1 {
            self.client = None;
            self.current = (self.current + 1) % self.nodes.len();
        }
        if self.current == 0 || self.nodes.len() == 1 {
            tokio::time::sleep(retry_after.unwrap_or(*pause)).await;
            *pause = (*pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks for what is there, though not yet under every node of an address: `null` is asked again.
    async fn request_until_found<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: ArrayParams,
        missing: impl Fn(&str) -> Failure,
    ) -> Result<T> {
        let began = Instant::now();
        let mut pause = self.policy.first_pause;
        loop {
            if let Some(found) = self.ask::<Option<T>>(method, params.clone()).await? {
                return Ok(found);
            }
            if began.elapsed() >= self.policy.block_timeout {
                return Err(missing(&self.name()));
            }
            // The same address may lead to another node over another connection.
            self.client = None;
            self.pause(&mut pause, None).await;
        }
    }

    /// Finds a block: `finalized`, a number or a hash.
    pub async fn block(&mut self, at: &str) -> Result<RpcBlock> {
        let before = self.requests;
        let by_number = at.parse::<u64>().ok();
        let by_hash = at.len() == 66 && at.starts_with("0x");
        if at != "finalized" && by_number.is_none() && !by_hash {
            return Err(Failure::usage(format!("{at} names no block")).expected("a number, a hash or `finalized`"));
        }
        let last: String = self.ask("chain_getFinalizedHead", rpc_params![]).await?;
        let last = parse_hash(&self.name(), "chain_getFinalizedHead", &last)?;
        let (final_number, final_root, final_header) = self.header(&last).await?;
        let genesis: Option<String> = self.ask("chain_getBlockHash", rpc_params![0]).await?;
        let genesis = genesis.map(|hash| parse_hash(&self.name(), "chain_getBlockHash", &hash)).transpose()?;
        let hash = match by_number {
            Some(number) if number <= final_number => self.hash_of(number).await?,
            Some(number) => {
                let found: Option<String> = self.ask("chain_getBlockHash", rpc_params![number]).await?;
                let found = found.ok_or_else(|| no_block(&self.name(), number))?;
                parse_hash(&self.name(), "chain_getBlockHash", &found)?
            }
            None if by_hash => parse_hash(&self.name(), "chain_getBlockHash", at)?,
            None => last,
        };
        let (number, state_root, header) = match hash == last {
            true => (final_number, final_root, final_header),
            false => self.header(&hash).await?,
        };
        // Final is what is not above the last final block and on its chain.
        let finalized = hash == last || number <= final_number && self.hash_of(number).await? == hash;
        let requests = self.requests - before;
        Ok(RpcBlock { number, hash, state_root, header, finalized, genesis, requests })
    }

    async fn hash_of(&mut self, number: u64) -> Result<[u8; 32]> {
        let found: String =
            self.request_until_found("chain_getBlockHash", rpc_params![number], |node| no_block(node, number)).await?;
        parse_hash(&self.name(), "chain_getBlockHash", &found)
    }

    async fn header(&mut self, hash: &[u8; 32]) -> Result<(u64, [u8; 32], Vec<u8>)> {
        let text = hex::encode_prefixed(hash);
        let missing = |node: &str| {
            Failure::input(format!("{node} does not know the block {text}")).expected("a block of its chain")
        };
        let header: RpcHeader = self.request_until_found("chain_getHeader", rpc_params![&text], missing).await?;
        verify_header(&self.name(), hash, &header)
    }
}

fn no_block(node: &str, number: u64) -> Failure {
    Failure::input(format!("{node} has no block {number}")).hint("take a lower number, or `finalized`")
}

fn with_hint(failure: Failure, refusal: &RpcErrorKind, method: &str) -> Failure {
    match refusal {
        RpcErrorKind::StateDiscarded => {
            failure.hint("the node has dropped that block's state: take an archive node, or a later block")
        }
        _ if method.ends_with("ReadProof") => {
            failure.expected(format!("{method}, by which every value is proven")).hint(
                "take another node; or read the whole state by --state-mode full, which still compares its root; or take \
                 it as it comes by --unverified",
            )
        }
        _ => failure,
    }
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

/// A header belongs to a block only if it has the block's hash. Rebuilt from its fields, the answer proves that.
fn verify_header(node: &str, hash: &[u8; 32], header: &RpcHeader) -> Result<(u64, [u8; 32], Vec<u8>)> {
    let method = "chain_getHeader";
    let number = u64::from_str_radix(header.number.trim_start_matches("0x"), 16)
        .map_err(|error| invalid_response(&node, method).found(error.to_string()))?;
    let state_root = parse_hash(&node, method, &header.state_root)?;
    let decoded = Header {
        parent_hash: parse_hash(&node, method, &header.parent_hash)?,
        number,
        state_root,
        extrinsics_root: parse_hash(&node, method, &header.extrinsics_root)?,
    };
    let mut digest = codec::Encode::encode(&codec::Compact(header.digest.logs.len() as u64));
    for log in &header.digest.logs {
        let log = hex::decode(log.trim_start_matches("0x"))
            .map_err(|error| invalid_response(&node, method).found(error.to_string()))?;
        digest.extend(log);
    }
    let encoded = decoded.encode(&digest);
    let found = Header::hash(&encoded);
    if found != *hash {
        let more: Vec<_> = header.more.keys().map(String::as_str).collect();
        if !more.is_empty() {
            return Err(Failure::input(format!("the headers of the chain of {node} are unlike those of other chains"))
                .found(format!("they carry {} too", more.join(", ")))
                .expected("parent, number, state root, extrinsics root and digest, whose hash is the block's"));
        }
        return Err(Failure::input(format!("the node {node} gives another header than asked for"))
            .found(hex::encode_prefixed(found))
            .expected(hex::encode_prefixed(hash))
            .hint("unless the chain's headers are not hashed by BLAKE2-256: such chains cannot be read, as nothing can be proven"));
    }
    Ok((number, state_root, encoded))
}

/// Asks the nodes of a chain from code that cannot wait asynchronously. It runs on a thread of its own: the caller may be inside
/// a runtime already, where a second one must not start.
pub fn with_session<T: Send>(live: &Live, asked: impl AsyncFnOnce(&mut Session) -> T + Send) -> Result<T> {
    with_session_policy(live, RetryPolicy::default(), asked)
}

pub(crate) fn with_session_policy<T: Send>(
    live: &Live,
    policy: RetryPolicy,
    asked: impl AsyncFnOnce(&mut Session) -> T + Send,
) -> Result<T> {
    let failed = |found: String| Failure::internal(format!("cannot talk to the node {live}")).found(found);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let mut session = Session::new(&live.nodes, policy);
            runtime.map(|runtime| runtime.block_on(asked(&mut session))).map_err(|error| failed(error.to_string()))
        });
        thread.join().unwrap_or_else(|_| Err(failed("a panic on the way".into())))
    })
}
