// SPDX-License-Identifier: Apache-2.0
//! Sessions against local HTTP servers that behave as real endpoints do.

use crate::{
    RetryPolicy, Session, TransportError,
    session::{RpcBlock, with_session_policy},
};
use jsonrpsee::rpc_params;
use protocol::Live;
use serde_json::{Value, json};
use state::header::Header;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use worker::{Kind, Result};

const SHORT: RetryPolicy = RetryPolicy {
    response_timeout: Duration::from_secs(5),
    request_timeout: Duration::from_secs(5),
    block_timeout: Duration::from_millis(300),
    first_pause: Duration::from_millis(2),
};
const TOKEN: &str = "0123456789abcdef";

/// How the node replies to a request.
enum Reply {
    Result(Value),
    Error(i32, &'static str),
    /// An HTTP status, and the value of `Retry-After`.
    Status(u16, Option<&'static str>),
    /// The connection is closed without a response.
    Close,
    /// There is no response for a minute.
    Hang,
}

struct Node {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Node {
    /// `reply` gets the number of earlier requests and the method.
    fn new(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/{TOKEN}?key={TOKEN}", listener.local_addr().expect("an address"));
        let requests = Arc::new(AtomicUsize::new(0));
        let (reply, count) = (Arc::new(reply), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reply, count) = (reply.clone(), count.clone());
                std::thread::spawn(move || converse(stream, &*reply, &count));
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn converse(stream: TcpStream, reply: &dyn Fn(usize, &str) -> Reply, count: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let request = request(&mut reader)?;
        let id = &request["id"];
        let (head, body) = match reply(count.fetch_add(1, Ordering::SeqCst), request["method"].as_str()?) {
            Reply::Result(result) => ("200 OK".to_owned(), json!({"jsonrpc": "2.0", "id": id, "result": result})),
            Reply::Error(code, message) => {
                let error = json!({"code": code, "message": message});
                ("200 OK".to_owned(), json!({"jsonrpc": "2.0", "id": id, "error": error}))
            }
            Reply::Status(status, None) => (format!("{status} Whatever"), json!("")),
            Reply::Status(status, Some(after)) => (format!("{status} Whatever\r\nretry-after: {after}"), json!("")),
            Reply::Close => return None,
            Reply::Hang => {
                std::thread::sleep(Duration::from_secs(60));
                return None;
            }
        };
        let body = body.to_string();
        let text = format!(
            "HTTP/1.1 {head}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        reader.get_mut().write_all(text.as_bytes()).ok()?;
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
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// Returns the header of the only block of the nodes, as JSON-RPC returns it, and the block's hash.
fn header() -> (Value, String) {
    let header = Header { parent_hash: [0; 32], number: 7, state_root: [1; 32], extrinsics_root: [2; 32] };
    let hash = Header::hash(&header.encode(&[0]));
    let json = json!({
        "parentHash": hex::encode_prefixed(header.parent_hash),
        "number": "0x7",
        "stateRoot": hex::encode_prefixed(header.state_root),
        "extrinsicsRoot": hex::encode_prefixed(header.extrinsics_root),
        "digest": {"logs": []},
    });
    (json, hex::encode_prefixed(hash))
}

fn honest(method: &str) -> Reply {
    let (header, hash) = header();
    Reply::Result(if method == "chain_getHeader" { header } else { json!(hash) })
}

fn ask<T: Send>(nodes: &[&Node], policy: RetryPolicy, requests: impl AsyncFnOnce(&mut Session) -> T + Send) -> T {
    let urls: Vec<_> = nodes.iter().map(|node| node.url.as_str()).collect();
    let live: Live = urls.join(",").parse().expect("addresses");
    with_session_policy(&live, policy, requests).expect("a runtime")
}

fn block(nodes: &[&Node], at: &str) -> Result<RpcBlock> {
    ask(nodes, SHORT, async |session| session.block(at).await)
}

/// Sends one request whose result is a string.
fn word(nodes: &[&Node], divisible: bool) -> std::result::Result<String, TransportError> {
    ask(nodes, SHORT, async |session| {
        let answer = session.request("state_getStorage", rpc_params![], divisible).await?;
        session.read("state_getStorage", &answer).map_err(TransportError::Failed)
    })
}

fn failed(answer: std::result::Result<String, TransportError>) -> worker::Failure {
    let Err(TransportError::Failed(failure)) = answer else { panic!("{answer:?}") };
    assert!(!format!("{failure:?}").contains(TOKEN), "{failure:?}");
    failure
}

fn refused(answer: std::result::Result<String, TransportError>) {
    assert!(matches!(answer, Err(TransportError::Refused(_))), "{answer:?}");
}

#[test]
fn an_unknown_block_is_requested_again() {
    // The second node of a load balancer is some seconds behind the one that named the block.
    let node = Node::new(|requests, method| match method {
        "chain_getHeader" if requests < 4 => Reply::Result(Value::Null),
        _ => honest(method),
    });
    let found = block(&[&node], "finalized").expect("found in the end");
    assert_eq!((found.number, found.finalized, hex::encode_prefixed(found.hash)), (7, true, header().1));
    let node = Node::new(|requests, _| match requests {
        0..3 => Reply::Error(4003, "Client error: UnknownBlock: Header was not found in the database: 0x12"),
        _ => Reply::Result(json!("word")),
    });
    assert_eq!(word(&[&node], false).expect("an answer"), "word");
}

#[test]
fn the_error_names_a_block_that_stays_unknown() {
    let nowhere = Node::new(|_, method| match method {
        "chain_getHeader" => Reply::Result(Value::Null),
        _ => honest(method),
    });
    let failure = block(&[&nowhere], &header().1).expect_err("it never comes");
    assert_eq!(failure.kind, Kind::Input);
    assert!(failure.message.contains("does not know the block"), "{failure}");
    assert!(!format!("{failure:?}").contains(TOKEN));
    // A number above the last block is not waited for.
    let began = Instant::now();
    let above = Node::new(|requests, method| match method {
        // The first such request is for the genesis block.
        "chain_getBlockHash" if requests > 2 => Reply::Result(Value::Null),
        _ => honest(method),
    });
    let patient = RetryPolicy { block_timeout: Duration::from_secs(60), ..SHORT };
    let failure = ask(&[&above], patient, async |session| session.block("4000000000").await).expect_err("none");
    assert!(failure.message.contains("has no block 4000000000"), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(20), "there was no wait");
}

#[test]
fn retry_after_is_respected() {
    let node = Node::new(|requests, _| match requests {
        0 => Reply::Status(429, Some("1")),
        1 => Reply::Status(503, None),
        2 => Reply::Error(-32999, "RPC rate limit exceeded"),
        _ => Reply::Result(json!("word")),
    });
    let began = Instant::now();
    assert_eq!(word(&[&node], true).expect("an answer"), "word");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(node.requests(), 4);

    let tomorrow = Node::new(|_, _| Reply::Status(429, Some("86400")));
    let failure = failed(word(&[&tomorrow], false));
    assert_eq!((failure.kind, tomorrow.requests()), (Kind::Environment, 1));
}

#[test]
fn a_response_that_is_too_large_is_refused_without_a_retry() {
    let replies: [fn() -> Reply; 3] = [
        || Reply::Status(413, None),
        || Reply::Error(-32008, "Response is too big"),
        || Reply::Error(-32007, "Request is too big"),
    ];
    for reply in replies {
        let node = Node::new(move |_, _| reply());
        refused(word(&[&node], true));
        assert_eq!(node.requests(), 1, "no retry");
    }
}

#[test]
fn a_request_that_breaks_connections_twice_is_refused() {
    let node = Node::new(|_, _| Reply::Close);
    refused(word(&[&node], true));
    let failure = failed(word(&[&node], false));
    assert_eq!(failure.kind, Kind::Environment);
    assert!(failure.hint.is_some_and(|hint| hint.contains("another node")));
    // After one broken connection the request is sent again.
    let node = Node::new(|requests, _| if requests == 0 { Reply::Close } else { Reply::Result(json!("word")) });
    assert_eq!(word(&[&node], true).expect("an answer"), "word");
}

#[test]
fn a_node_that_hangs_is_not_waited_for_beyond_the_limit() {
    let (node, good) = (Node::new(|_, _| Reply::Hang), Node::new(|_, _| Reply::Result(json!("word"))));
    let (response_timeout, request_timeout) = (Duration::from_millis(400), Duration::from_secs(1));
    let policy = RetryPolicy { response_timeout, request_timeout, ..SHORT };
    let word = |nodes: &[&Node]| {
        ask(nodes, policy, async |session| session.ask::<String>("state_getStorage", rpc_params![]).await)
    };
    let began = Instant::now();
    let failure = word(&[&node]).expect_err("no answer");
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("tried")), "{failure:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(word(&[&node, &good]).expect("the other one answers"), "word");
}

#[test]
fn the_next_node_is_used_if_one_fails() {
    let good = Node::new(|_, _| Reply::Result(json!("word")));
    let gone = Node { url: format!("http://127.0.0.1:9/{TOKEN}"), requests: Arc::default() };
    let replies: [fn() -> Reply; 4] = [
        || Reply::Close,
        || Reply::Status(429, Some("86400")),
        || Reply::Error(4003, "Client error: UnknownBlock: State already discarded for 0x12"),
        || Reply::Error(-32601, "Method not found"),
    ];
    for reply in replies {
        let bad = Node::new(move |_, _| reply());
        assert_eq!(word(&[&bad, &good], false).expect("the other one answers"), "word");
        assert_eq!(bad.requests(), 1);
    }
    assert_eq!(word(&[&gone, &good], false).expect("the other one answers"), "word");
    let discarded = || Node::new(|_, _| Reply::Error(4003, "UnknownBlock: State already discarded for 0x12"));
    let failure = failed(word(&[&discarded(), &discarded()], false));
    assert!(failure.hint.is_some_and(|hint| hint.contains("archive node")));
    let failure = failed(word(&[&gone], false));
    assert!(failure.message.contains("http://127.0.0.1:9"), "{failure}");
}
