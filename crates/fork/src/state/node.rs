// SPDX-License-Identifier: Apache-2.0
//! A live node, asked from code that cannot wait asynchronously: the connection lives on a thread of its own.

use super::{Traffic, Transport, Trouble, lazy::method};
use artifact::source::{Client, RpcBlock, failure_of};
use jsonrpsee::{
    core::{ClientError, params::ArrayParams},
    rpc_params,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as blocking,
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use worker::{Failure, Kind, Result, hex_prefixed};

const RETRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// One answer, and one question with all its repetitions.
const ANSWER: Duration = Duration::from_secs(45);
const PATIENCE: Duration = Duration::from_secs(120);
/// JSON-RPC's code for a method that is not there.
const METHOD_NOT_FOUND: i32 = -32601;
/// The storage key of a child trie as the RPC takes it.
const CHILD_PREFIX: &[u8] = sp_core::storage::well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX;

/// The state of one block at a node.
pub struct RemoteNode {
    url: String,
    at: String,
    questions: mpsc::UnboundedSender<Question>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    bytes: AtomicU64,
}

type Answer = std::result::Result<Box<RawValue>, Trouble>;

struct Question {
    method: &'static str,
    parameters: ArrayParams,
    answer: blocking::Sender<Answer>,
}

impl RemoteNode {
    /// Connects and finds a block: `finalized`, a number or a hash.
    pub fn connect(url: &str, at: &str) -> Result<(Self, RpcBlock)> {
        let (found, block) = blocking::channel();
        let (questions, asked) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let mut connection = Connection { url: url.to_owned(), client: None, counts: counts.clone() };
        let at = at.to_owned();
        std::thread::Builder::new()
            .name("node".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(connection.serve(&at, &found, asked)),
                    Err(error) => {
                        let _ = found.send(Err(
                            Failure::environment("cannot start the network runtime").found(error.to_string())
                        ));
                    }
                }
            })
            .map_err(|error| Failure::environment("cannot start a thread").found(error.to_string()))?;
        let block: RpcBlock = block.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(silent(url, "chain_getHeader")))?;
        let at = hex_prefixed(&block.hash);
        Ok((Self { url: url.to_owned(), at, questions, counts }, block))
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: ArrayParams,
    ) -> std::result::Result<T, Trouble> {
        let gone = || Trouble::Failed(silent(&self.url, method));
        let (answer, answered) = blocking::channel();
        self.questions.send(Question { method, parameters, answer }).map_err(|_| gone())?;
        let text = answered.recv_timeout(PATIENCE + 2 * ANSWER).map_err(|_| gone())??;
        self.counts.bytes.fetch_add(text.get().len() as u64, Ordering::Relaxed);
        serde_json::from_str(text.get())
            .map_err(|error| Trouble::Failed(failure_of(&self.url, method, ClientError::ParseError(error))))
    }

    fn bytes(&self, method: &str, text: &str) -> std::result::Result<Vec<u8>, Trouble> {
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| {
            Trouble::Failed(
                Failure::input(format!("the answer of {} to {method} makes no sense", self.url))
                    .found(error.to_string())
                    .expected("hex"),
            )
        })
    }
}

fn silent(url: &str, method: &str) -> Failure {
    Failure::environment(format!("the node {url} does not answer {method}"))
        .expected(format!("an answer within {} s", PATIENCE.as_secs()))
        .hint("try again, or use another node")
}

#[derive(serde::Deserialize)]
struct ReadProof {
    proof: Vec<String>,
}

impl Transport for RemoteNode {
    fn name(&self) -> String {
        self.url.clone()
    }

    fn read_proof(&self, child: Option<&[u8]>, keys: &[Vec<u8>]) -> std::result::Result<Vec<Vec<u8>>, Trouble> {
        let names: Vec<_> = keys.iter().map(|key| hex_prefixed(key)).collect();
        let parameters = match child {
            None => rpc_params![names, &self.at],
            Some(child) => rpc_params![hex_prefixed(&[CHILD_PREFIX, child].concat()), names, &self.at],
        };
        let answer: ReadProof = self.ask(method(child), parameters)?;
        answer.proof.iter().map(|node| self.bytes(method(child), node)).collect()
    }

    fn keys_after(
        &self,
        child: Option<&[u8]>,
        prefix: &[u8],
        after: &[u8],
        count: u32,
    ) -> std::result::Result<Vec<Vec<u8>>, Trouble> {
        let (prefix, after) = (hex_prefixed(prefix), hex_prefixed(after));
        let (method, parameters) = match child {
            None => ("state_getKeysPaged", rpc_params![prefix, count, after, &self.at]),
            Some(child) => {
                let child = hex_prefixed(&[CHILD_PREFIX, child].concat());
                ("childstate_getKeysPaged", rpc_params![child, prefix, count, after, &self.at])
            }
        };
        let keys: Vec<String> = self.ask(method, parameters)?;
        keys.iter().map(|key| self.bytes(method, key)).collect()
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
    url: String,
    client: Option<Client>,
    counts: Arc<Counts>,
}

impl Connection {
    async fn serve(
        &mut self,
        at: &str,
        found: &blocking::Sender<Result<RpcBlock>>,
        mut asked: mpsc::UnboundedReceiver<Question>,
    ) {
        let block = self.found_block(at).await;
        let failed = block.is_err();
        if found.send(block).is_err() || failed {
            return;
        }
        while let Some(question) = asked.recv().await {
            let answer = self.answer(question.method, question.parameters).await;
            // Who asked may have given up.
            let _ = question.answer.send(answer);
        }
    }

    async fn found_block(&mut self, at: &str) -> Result<RpcBlock> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..RETRIES {
            match self.block(at).await {
                Err(failure) if failure.kind == Kind::Environment => tokio::time::sleep(pause).await,
                block => return block,
            }
            pause *= 2;
        }
        self.block(at).await
    }

    async fn block(&mut self, at: &str) -> Result<RpcBlock> {
        let client = Client::connect(&self.url).await?;
        let block = client.block(&self.url, at).await?;
        self.counts.requests.fetch_add(block.requests, Ordering::Relaxed);
        self.client = Some(client);
        Ok(block)
    }

    /// Asks, and again with growing pauses where the connection broke or the node asks for patience.
    async fn answer(&mut self, method: &'static str, parameters: ArrayParams) -> Answer {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            self.counts.requests.fetch_add(1, Ordering::Relaxed);
            let failure = match self.attempt(method, parameters.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Attempt::Refused(failure)) => return Err(Trouble::Refused(failure)),
                Err(Attempt::Hopeless(failure)) => return Err(Trouble::Failed(failure)),
                Err(Attempt::Broken(failure)) => failure,
            };
            if attempt == RETRIES || began.elapsed() > PATIENCE {
                let hint = format!("tried {} times; try again later, or use another node", attempt + 1);
                return Err(Trouble::Failed(failure.hint(hint)));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(Trouble::Failed(silent(&self.url, method)))
    }

    async fn attempt(
        &mut self,
        method: &'static str,
        parameters: ArrayParams,
    ) -> std::result::Result<Box<RawValue>, Attempt> {
        let client = match self.client.take().filter(Client::is_connected) {
            Some(client) => client,
            None => Client::connect(&self.url).await.map_err(Attempt::Broken)?,
        };
        let answer = tokio::time::timeout(ANSWER, client.request(method, parameters)).await;
        match answer {
            Ok(Ok(answer)) => {
                self.client = Some(client);
                Ok(answer)
            }
            Ok(Err(ClientError::Call(error))) => {
                self.client = Some(client);
                let code = error.code();
                let text = error.message().to_lowercase();
                let failure = failure_of(&self.url, method, ClientError::Call(error));
                if text.contains("too many requests") || text.contains("rate limit") || text.contains("try again") {
                    return Err(Attempt::Broken(failure));
                }
                if code == METHOD_NOT_FOUND && method.ends_with("ReadProof") {
                    return Err(Attempt::Hopeless(without_proofs(failure, method)));
                }
                if text.contains("discarded") || text.contains("unknown block") {
                    return Err(Attempt::Hopeless(
                        failure.hint("the node has dropped that block's state: take an archive node, or a later block"),
                    ));
                }
                Err(Attempt::Refused(failure))
            }
            // The connection is not used again: what came last may be half an answer.
            Ok(Err(error)) => Err(Attempt::Broken(failure_of(&self.url, method, error))),
            Err(_) => Err(Attempt::Broken(failure_of(&self.url, method, ClientError::RequestTimeout))),
        }
    }
}

/// What came of asking once.
enum Attempt {
    Refused(Failure),
    Hopeless(Failure),
    Broken(Failure),
}

fn without_proofs(failure: Failure, method: &str) -> Failure {
    failure.expected(format!("{method}, by which every value is proven")).hint(
        "take another node; or read the whole state by --state-mode full, which still compares its root; or take it \
         as it comes by --unverified",
    )
}
