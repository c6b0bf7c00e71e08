// SPDX-License-Identifier: Apache-2.0
//! Requests to the nodes of one chain. Nodes may be behind load balancers, limit requests, or be
//! unreachable.
//!
//! A request goes to one node, and to the next one if that node fails. After a temporary error it
//! is sent again after a pause. A response that is too large is an error for the caller, which can
//! then request less.

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
use worker::{Code, Failure, Result};

/// How often a request is sent again after its connection broke, for each node.
const RETRIES: usize = 4;
/// After this many broken connections during one request, the request itself is taken for the
/// cause.
const CLOSED_LIMIT: usize = 2;
/// A request that takes longer than this reports each retry.
const QUIET: Duration = Duration::from_secs(5);
/// The limit of the growing pauses between retries.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The timeouts of requests and the pauses between retries.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// For one response.
    pub response_timeout: Duration,
    /// For one request, retries included.
    pub request_timeout: Duration,
    /// For a block that no node knows yet.
    pub block_timeout: Duration,
    /// Before the first retry. Each later pause is twice as long.
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

/// The error of a request to the nodes of a chain.
#[derive(Debug)]
pub enum TransportError {
    /// The nodes refused this request. A smaller one may succeed.
    Refused(Failure),
    /// The request failed. Retries did not help, or cannot.
    Failed(Failure),
}

impl TransportError {
    /// Returns the failure, whichever kind of error it is.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Refused(failure) | Self::Failed(failure) => failure,
        }
    }
}

/// A block that a node returned, with its header proven by the block's hash.
#[derive(Clone, Debug)]
pub struct RpcBlock {
    /// The block number.
    pub number: u64,
    /// The block hash.
    pub hash: [u8; 32],
    /// The state root in the header.
    pub state_root: [u8; 32],
    /// The SCALE-encoded header.
    pub header: Vec<u8>,
    /// Whether the node reports the block as finalized.
    pub finalized: bool,
    /// The genesis hash that the node returned. It is not proven.
    pub genesis: Option<[u8; 32]>,
    /// The number of requests that were sent to find the block.
    pub requests: u64,
}

/// A sequence of requests to the nodes of one chain, over one connection at a time.
pub struct Session {
    nodes: Vec<Endpoint>,
    /// The index of the node in use.
    current: usize,
    client: Option<Client>,
    policy: RetryPolicy,
    requests: u64,
}

impl Session {
    /// Creates a session. It connects with the first request.
    pub fn new(nodes: &[Endpoint], policy: RetryPolicy) -> Self {
        Self { nodes: nodes.to_vec(), current: 0, client: None, policy, requests: 0 }
    }

    /// Returns the number of requests sent so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn node(&self) -> Result<Endpoint> {
        self.nodes.get(self.current).cloned().ok_or_else(|| Failure::usage("no node is given"))
    }

    /// Returns the name of the node in use, for messages.
    fn name(&self) -> String {
        self.nodes.get(self.current).map(Endpoint::to_string).unwrap_or_default()
    }

    /// Sends a request and decodes the result.
    pub async fn ask<T: DeserializeOwned>(&mut self, method: &str, params: ArrayParams) -> Result<T> {
        let answer = self.request(method, params, false).await.map_err(TransportError::into_failure)?;
        self.read(method, &answer)
    }

    /// Decodes the result of a request.
    pub fn read<T: DeserializeOwned>(&self, method: &str, answer: &RawValue) -> Result<T> {
        serde_json::from_str(answer.get()).map_err(|error| {
            let text = error.to_string();
            let shown = self.nodes.get(self.current).map_or(text.clone(), |node| node.hide(&text));
            invalid_response(&self.name(), method).found(shown)
        })
    }

    /// Sends a request, with retries and failover. `divisible`: whether the caller can request less
    /// at once.
    pub async fn request(
        &mut self,
        method: &str,
        params: ArrayParams,
        divisible: bool,
    ) -> std::result::Result<Box<RawValue>, TransportError> {
        let began = Instant::now();
        let mut pause = self.policy.first_pause;
        let (mut tries, mut closed) = (0, 0);
        // Nodes for which a retry cannot help.
        let mut permanent_errors = 0;
        loop {
            let sent = Instant::now();
            let (kind, failure) = match self.attempt(method, params.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries += 1;
            let retries = RETRIES * self.nodes.len();
            let others = tries < self.nodes.len();
            // A node that did not respond at all may not do so the next time either.
            let timed_out = sent.elapsed() >= self.policy.response_timeout && !others;
            let next = if timed_out { self.policy.response_timeout } else { Duration::ZERO };
            let in_time = began.elapsed() + next < self.policy.request_timeout;
            let mut wait = None;
            let retry = match kind {
                RpcErrorKind::TooLarge | RpcErrorKind::Other => return Err(TransportError::Refused(failure)),
                RpcErrorKind::MethodNotFound | RpcErrorKind::StateDiscarded => {
                    permanent_errors += 1;
                    if permanent_errors >= self.nodes.len() {
                        return Err(TransportError::Failed(with_hint(failure, &kind, method)));
                    }
                    true
                }
                RpcErrorKind::UnknownBlock => {
                    // A new connection to the same address may reach another node.
                    self.client = None;
                    began.elapsed() < self.policy.block_timeout
                }
                RpcErrorKind::Busy(retry_after) => {
                    // Another node may not be busy.
                    wait = retry_after.filter(|_| !others);
                    let longest = self.policy.request_timeout.saturating_sub(began.elapsed());
                    others || retry_after.unwrap_or(pause) <= longest
                }
                RpcErrorKind::Unreachable | RpcErrorKind::InvalidResponse => tries <= retries && in_time,
                RpcErrorKind::ConnectionClosed => {
                    closed += 1;
                    if divisible && closed >= CLOSED_LIMIT {
                        return Err(TransportError::Refused(failure));
                    }
                    tries <= retries && in_time
                }
            };
            if !retry {
                let hint = format!("tried {tries} times; try again later, or use another node");
                return Err(TransportError::Failed(failure.hint(hint)));
            }
            if began.elapsed() >= QUIET {
                worker::status(format!("{}, trying again after {} s", failure.message, began.elapsed().as_secs()));
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
            // A broken connection is not used again: its last response may be incomplete.
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

    /// Selects the next node, and pauses if all nodes were tried.
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

    /// Sends a request until its result is not `null`: behind a load balancer, some nodes may not
    /// have the block yet.
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
            // A new connection to the same address may reach another node.
            self.client = None;
            self.pause(&mut pause, None).await;
        }
    }

    /// Finds a block. `at` is `finalized`, a number or a hash.
    pub async fn block(&mut self, at: &str) -> Result<RpcBlock> {
        let before = self.requests;
        let by_number = at.parse::<u64>().ok();
        let by_hash = at.len() == 66 && at.starts_with("0x");
        if at != "finalized" && by_number.is_none() && !by_hash {
            return Err(Failure::usage(format!("invalid block {at}")).expected("a number, a hash or `finalized`"));
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
        // A block is final if it is an ancestor of the last finalized block, or that block itself.
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
            let failure = Failure::input(format!("{node} does not know the block {text}"));
            failure.code(Code::UnknownBlock).expected("a block of its chain")
        };
        let header: RpcHeader = self.request_until_found("chain_getHeader", rpc_params![&text], missing).await?;
        verify_header(&self.name(), hash, &header)
    }
}

fn no_block(node: &str, number: u64) -> Failure {
    Failure::input(format!("{node} has no block {number}")).hint("use a lower number, or `finalized`")
}

/// Adds a hint for errors that a retry cannot help.
fn with_hint(failure: Failure, kind: &RpcErrorKind, method: &str) -> Failure {
    match kind {
        RpcErrorKind::StateDiscarded => {
            failure.hint("the node pruned that block's state: use an archive node, or a later block")
        }
        _ if method.ends_with("ReadProof") => failure.expected(format!("{method}, which proves every value")).hint(
            "use another node; or --state-mode full, which reads the whole state and compares its root; or \
                 --unverified, which accepts it without a proof",
        ),
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
    /// Fields that only headers of some chains have.
    #[serde(flatten)]
    more: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RpcDigest {
    logs: Vec<String>,
}

/// Encodes a header again from its fields and compares its hash with the block's.
///
/// Returns the block number, the state root and the encoded header.
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
            return Err(Failure::input(format!("the block headers of {node} have an unknown format"))
                .found(format!("additional fields: {}", more.join(", ")))
                .expected("parent hash, number, state root, extrinsics root and digest, whose hash is the block's"));
        }
        return Err(Failure::input(format!("the node {node} returned another header than requested"))
            .found(hex::encode_prefixed(found))
            .expected(hex::encode_prefixed(hash))
            .hint("a chain whose headers are not hashed with BLAKE2-256 cannot be read: nothing of it can be proven"));
    }
    Ok((number, state_root, encoded))
}

/// Runs requests to the nodes of a chain from synchronous code.
///
/// They run on a thread of their own: the caller may already be inside a Tokio runtime, where a
/// second one cannot start.
pub fn with_session<T: Send>(live: &Live, requests: impl AsyncFnOnce(&mut Session) -> T + Send) -> Result<T> {
    with_session_policy(live, RetryPolicy::default(), requests)
}

/// Does the same as [`with_session`], with another policy.
pub(crate) fn with_session_policy<T: Send>(
    live: &Live,
    policy: RetryPolicy,
    requests: impl AsyncFnOnce(&mut Session) -> T + Send,
) -> Result<T> {
    let failed = |found: String| Failure::internal(format!("the requests to the node {live} failed")).found(found);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let mut session = Session::new(&live.nodes, policy);
            runtime.map(|runtime| runtime.block_on(requests(&mut session))).map_err(|error| failed(error.to_string()))
        });
        thread.join().unwrap_or_else(|_| Err(failed("the thread panicked".into())))
    })
}
