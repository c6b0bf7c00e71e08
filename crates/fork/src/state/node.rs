// SPDX-License-Identifier: Apache-2.0
//! A synchronous client of a live node. The connection runs on a thread of its own.

use super::{Traffic, Transport, TransportError, lazy::method};
use crate::header::Header;
use jsonrpsee::{core::params::ArrayParams, rpc_params};
use node::{RetryPolicy, RpcBlock, Session, invalid_response};
use protocol::{Endpoint, Live};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
    mpsc as blocking,
};
use tokio::sync::mpsc;
use worker::{Failure, Result};

/// The prefix of a child trie's storage key in RPC parameters.
const CHILD_PREFIX: &[u8] = sp_core::storage::well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX;

/// The state of one block at the nodes of a chain.
pub struct RemoteNode {
    /// The nodes' names without secrets.
    name: String,
    at: String,
    requests: mpsc::UnboundedSender<RpcRequest>,
    counts: Arc<Counts>,
    policy: RetryPolicy,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    bytes: AtomicU64,
}

type Answer = std::result::Result<Box<RawValue>, TransportError>;

struct RpcRequest {
    method: &'static str,
    parameters: ArrayParams,
    /// Whether a smaller request is possible.
    divisible: bool,
    answer: blocking::Sender<Answer>,
}

impl RemoteNode {
    /// Connects and finds a block: `finalized`, a number or a hash.
    pub fn connect(nodes: &[Endpoint], at: &str) -> Result<(Self, RpcBlock)> {
        Self::connect_with(nodes, at, RetryPolicy::default())
    }

    /// Connects with other time limits.
    pub fn connect_with(nodes: &[Endpoint], at: &str, policy: RetryPolicy) -> Result<(Self, RpcBlock)> {
        let (found, block) = blocking::channel();
        let (requests, received) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let session = Session::new(nodes, policy);
        let connection = Connection { session, counts: counts.clone() };
        let at = at.to_owned();
        std::thread::Builder::new()
            .name("node".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(connection.serve(&at, &found, received)),
                    Err(error) => {
                        let _ = found.send(Err(
                            Failure::environment("cannot start the network runtime").found(error.to_string())
                        ));
                    }
                }
            })
            .map_err(|error| Failure::environment("cannot start a thread").found(error.to_string()))?;
        let name = Live { nodes: nodes.to_vec(), at: None }.to_string();
        let timed_out = |_| Err(no_answer(&name, "chain_getHeader", policy));
        let block: RpcBlock =
            block.recv_timeout(policy.request_timeout + policy.block_timeout).unwrap_or_else(timed_out)?;
        let at = hex::encode_prefixed(block.hash);
        Ok((Self { name, at, requests, counts, policy }, block))
    }

    /// Returns the header and the extrinsics that the node has for the block. They are not
    /// verified.
    pub fn block(&self) -> Result<Option<RemoteBlock>> {
        let answer: Option<SignedBlock> =
            self.request("chain_getBlock", rpc_params![&self.at]).map_err(TransportError::into_failure)?;
        let Some(SignedBlock { block }) = answer else { return Ok(None) };
        let extrinsics = block.extrinsics.iter().map(|extrinsic| self.bytes("chain_getBlock", extrinsic));
        let extrinsics = extrinsics.collect::<std::result::Result<_, _>>().map_err(TransportError::into_failure)?;
        Ok(Some(RemoteBlock { header: block.header, extrinsics }))
    }

    fn request<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: ArrayParams,
    ) -> std::result::Result<T, TransportError> {
        let text = self.request_text(method, parameters, false)?;
        self.read(method, &text)
    }

    fn request_text(&self, method: &'static str, parameters: ArrayParams, divisible: bool) -> Answer {
        let unanswered = || TransportError::Failed(no_answer(&self.name, method, self.policy));
        let (answer, answered) = blocking::channel();
        self.requests.send(RpcRequest { method, parameters, divisible, answer }).map_err(|_| unanswered())?;
        let text = answered
            .recv_timeout(self.policy.request_timeout + 2 * self.policy.response_timeout)
            .map_err(|_| unanswered())??;
        self.counts.bytes.fetch_add(text.get().len() as u64, Ordering::Relaxed);
        Ok(text)
    }

    fn read<'a, T: Deserialize<'a>>(&self, method: &str, text: &'a RawValue) -> std::result::Result<T, TransportError> {
        serde_json::from_str(text.get()).map_err(|error| {
            // The answer may contain the node's address, and the error may quote the answer.
            TransportError::Failed(
                invalid_response(&self.name, method).found(protocol::hide_addresses(&error.to_string())),
            )
        })
    }

    /// Decodes the parts of a large answer without copying their hex.
    fn decode_parts(&self, method: &str, parts: &[&str]) -> std::result::Result<Vec<Vec<u8>>, TransportError> {
        parts.iter().map(|part| self.bytes(method, part)).collect()
    }

    fn bytes(&self, method: &str, text: &str) -> std::result::Result<Vec<u8>, TransportError> {
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| {
            TransportError::Failed(
                Failure::input(format!("invalid response from {} to {method}", self.name))
                    .found(error.to_string())
                    .expected("hex"),
            )
        })
    }
}

fn no_answer(name: &str, method: &str, policy: RetryPolicy) -> Failure {
    Failure::environment(format!("the node {name} does not answer {method}"))
        .expected(format!("an answer within {} s", policy.request_timeout.as_secs_f64()))
        .hint("try again, or use another node")
}

/// A block as a node returns it, with encoded extrinsics.
pub struct RemoteBlock {
    /// The header with its seal.
    pub header: Header,
    /// The encoded extrinsics.
    pub extrinsics: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct SignedBlock {
    block: Body,
}

#[derive(Deserialize)]
struct Body {
    header: Header,
    extrinsics: Vec<String>,
}

#[derive(Deserialize)]
struct ReadProof<'a> {
    #[serde(borrow)]
    proof: Vec<&'a str>,
}

impl Transport for RemoteNode {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read_proof(&self, child: Option<&[u8]>, keys: &[Vec<u8>]) -> std::result::Result<Vec<Vec<u8>>, TransportError> {
        let names: Vec<_> = keys.iter().map(hex::encode_prefixed).collect();
        let parameters = match child {
            None => rpc_params![names, &self.at],
            Some(child) => rpc_params![hex::encode_prefixed([CHILD_PREFIX, child].concat()), names, &self.at],
        };
        let text = self.request_text(method(child), parameters, keys.len() > 1)?;
        let answer: ReadProof<'_> = self.read(method(child), &text)?;
        self.decode_parts(method(child), &answer.proof)
    }

    fn keys_after(
        &self,
        child: Option<&[u8]>,
        prefix: &[u8],
        after: &[u8],
        count: u32,
    ) -> std::result::Result<Vec<Vec<u8>>, TransportError> {
        let (prefix, after) = (hex::encode_prefixed(prefix), hex::encode_prefixed(after));
        let (method, parameters) = match child {
            None => ("state_getKeysPaged", rpc_params![prefix, count, after, &self.at]),
            Some(child) => {
                let child = hex::encode_prefixed([CHILD_PREFIX, child].concat());
                ("childstate_getKeysPaged", rpc_params![child, prefix, count, after, &self.at])
            }
        };
        let text = self.request_text(method, parameters, count > 1)?;
        let keys: Vec<&str> = self.read(method, &text)?;
        self.decode_parts(method, &keys)
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.counts.requests.load(Ordering::Relaxed),
            bytes: self.counts.bytes.load(Ordering::Relaxed),
        }
    }
}

/// The side of the thread.
struct Connection {
    session: Session,
    counts: Arc<Counts>,
}

impl Connection {
    async fn serve(
        mut self,
        at: &str,
        found: &blocking::Sender<Result<RpcBlock>>,
        mut received: mpsc::UnboundedReceiver<RpcRequest>,
    ) {
        let block = self.session.block(at).await;
        self.count();
        let failed = block.is_err();
        if found.send(block).is_err() || failed {
            return;
        }
        while let Some(RpcRequest { method, parameters, divisible, answer: wanted }) = received.recv().await {
            let answer = self.session.request(method, parameters, divisible).await;
            self.count();
            // The caller may have stopped waiting.
            let _ = wanted.send(answer);
        }
    }

    fn count(&self) {
        self.counts.requests.store(self.session.requests(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        sync::atomic::AtomicUsize,
        time::Duration,
    };
    use worker::Kind;

    const SHORT: RetryPolicy = RetryPolicy {
        response_timeout: Duration::from_millis(300),
        request_timeout: Duration::from_secs(120),
        block_timeout: Duration::from_millis(200),
        first_pause: Duration::from_millis(1),
    };

    /// Starts a node with one block that does not answer its first `ignored` proof requests.
    fn node(ignored: usize) -> [Endpoint; 1] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let proof_requests = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let proof_requests = proof_requests.clone();
                std::thread::spawn(move || answer_requests(stream, &proof_requests, ignored));
            }
        });
        [url.parse().expect("an address")]
    }

    fn answer_requests(stream: TcpStream, proof_requests: &AtomicUsize, ignored: usize) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = request(&mut reader) {
            let header = json!({
                "parentHash": format!("0x{}", "00".repeat(32)),
                "number": "0x7",
                "stateRoot": format!("0x{}", "01".repeat(32)),
                "extrinsicsRoot": format!("0x{}", "02".repeat(32)),
                "digest": {"logs": []},
            });
            let hash = serde_json::from_value::<Header>(header.clone()).expect("a header");
            let hash = hex::encode_prefixed(sp_runtime::traits::Header::hash(&hash).as_bytes());
            let result = match request["method"].as_str().expect("a method") {
                "chain_getHeader" => header,
                "state_getReadProof" if proof_requests.fetch_add(1, Ordering::SeqCst) < ignored => {
                    std::thread::sleep(Duration::from_secs(60));
                    return;
                }
                "state_getReadProof" => json!({"at": hash, "proof": ["0x1234"]}),
                _ => json!(hash),
            };
            let body = json!({"jsonrpc": "2.0", "id": request["id"], "result": result}).to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            if reader.get_mut().write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn request(reader: &mut BufReader<TcpStream>) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) =
                line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().unwrap_or_else(|_| panic!("{name}: {value}"));
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        serde_json::from_slice(&body).ok()
    }

    #[test]
    fn an_unanswered_request_is_repeated() {
        // On a busy machine an answer takes its time.
        let policy = RetryPolicy { response_timeout: Duration::from_secs(5), ..SHORT };
        let (node, block) = RemoteNode::connect_with(&node(2), "finalized", policy).expect("connected");
        assert_eq!(block.number, 7);
        let proof = node.read_proof(None, &[vec![1]]).map_err(TransportError::into_failure).expect("an answer");
        assert_eq!(proof, [vec![0x12, 0x34]]);
    }

    #[test]
    fn a_node_that_never_answers_is_named_in_the_failure() {
        let nodes = node(usize::MAX);
        let (node, _) = RemoteNode::connect_with(&nodes, "finalized", SHORT).expect("connected");
        let failure = node.read_proof(None, &[vec![1]]).map_err(TransportError::into_failure).expect_err("silence");
        assert_eq!(failure.kind, Kind::Environment);
        assert!(
            failure.message.contains(&nodes[0].to_string()) && failure.message.contains("state_getReadProof"),
            "{failure}"
        );
        assert!(failure.hint.is_some_and(|hint| hint.contains("another node")));
    }
}
