// SPDX-License-Identifier: Apache-2.0
//! Node sources against local servers: correct ones, wrong ones, and ones that close the
//! connection.

use artifact::Version;
use base64::{Engine, prelude::BASE64_STANDARD};
use cutover_inspect::inspect;
use protocol::{Source, inspect::SourceKind};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use source::ReadSource;
use state::header::Header;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};
use worker::Kind;

/// Returns a runtime with a version section and no functions.
fn code(spec_version: u32) -> Vec<u8> {
    let version = Version {
        spec_name: "stand-in".into(),
        impl_name: "stand-in".into(),
        authoring_version: 1,
        spec_version,
        impl_version: 0,
        apis: Vec::new(),
        transaction_version: Some(1),
        state_version: Some(1),
    };
    let bytes = version.to_bytes();
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    let name = b"runtime_version";
    wasm.extend([0, (1 + name.len() + bytes.len()) as u8, name.len() as u8]);
    wasm.extend(name);
    wasm.extend(bytes);
    wasm
}

fn header() -> (Value, [u8; 32]) {
    let header = Header { parent_hash: [1; 32], number: 77, state_root: [2; 32], extrinsics_root: [3; 32] };
    // One digest item of three bytes, of the kind `Other`.
    let digest = [4, 0, 12, 7, 8, 9];
    let json = json!({
        "parentHash": hex::encode_prefixed([1; 32]), "number": "0x4d", "stateRoot": hex::encode_prefixed([2; 32]),
        "extrinsicsRoot": hex::encode_prefixed([3; 32]), "digest": {"logs": [hex::encode_prefixed(&digest[1..])]},
    });
    (json, Header::hash(&header.encode(&digest)))
}

fn honest(request: &Value) -> Value {
    let (header, hash) = header();
    match request["method"].as_str() {
        Some("chain_getFinalizedHead") => json!(hex::encode_prefixed(hash)),
        Some("chain_getHeader") => header,
        Some("state_getRuntimeVersion") => json!({"specName": "stand-in", "specVersion": 9}),
        Some("state_getStorage") => json!(hex::encode_prefixed(code(9))),
        _ => Value::Null,
    }
}

/// Serves HTTP until the test ends. `answer` returns the result, or `None` to close the connection.
fn http(answer: impl Fn(&Value) -> Option<Value> + Send + Sync + Clone + 'static) -> Source {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || serve(stream, answer));
        }
    });
    format!("http://{address}").parse().expect("a source")
}

fn serve(mut stream: TcpStream, answer: impl Fn(&Value) -> Option<Value>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let request: Value = serde_json::from_slice(&body).ok()?;
        let mut response = answer(&request)?;
        if response.get("error").is_none() {
            response = json!({"result": response});
        }
        response["jsonrpc"] = json!("2.0");
        response["id"] = request["id"].clone();
        let text = response.to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", text.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).ok()?;
    }
}

#[test]
fn an_honest_node_gives_its_runtime() {
    let source = http(|request| Some(honest(request)));
    let facts = inspect(&source, false, None).expect("read");
    assert_eq!((facts.spec_name.as_str(), facts.spec_version), ("stand-in", 9));
    assert_eq!(facts.source_kind, SourceKind::Node);
    assert_eq!((facts.block_number, facts.block_hash), (Some(77), Some(hex::encode_prefixed(header().1))));
    assert_eq!(source.blob().expect("read").deployed, code(9));
}

#[test]
fn contradictions_of_a_node_are_errors() {
    let other_version = http(|request| {
        Some(match request["method"].as_str() {
            Some("state_getStorage") => json!(hex::encode_prefixed(code(8))),
            _ => honest(request),
        })
    });
    let failure = other_version.blob().expect_err("refused");
    assert!(failure.message.contains("contradicts itself") && failure.kind == Kind::Input, "{failure}");

    let other_header = http(|request| {
        let mut answer = honest(request);
        if request["method"] == "chain_getHeader" {
            answer["number"] = json!("0x4e");
        }
        Some(answer)
    });
    let failure = other_header.blob().expect_err("refused");
    assert!(failure.message.contains("another header"), "{failure}");

    let no_code = http(|request| {
        Some(match request["method"].as_str() {
            Some("state_getStorage") => Value::Null,
            _ => honest(request),
        })
    });
    assert!(no_code.blob().expect_err("refused").message.contains("has no runtime"));
}

#[test]
fn the_error_quotes_a_node_that_refuses() {
    let source = http(|_| Some(json!({"error": {"code": -32601, "message": "Method not found"}})));
    let failure = source.blob().expect_err("refused");
    assert_eq!(failure.kind, Kind::Input);
    assert!(failure.found.as_ref().is_some_and(|found| found.contains("Method not found")), "{failure}");
    let nonsense = http(|_| Some(json!({"no": "hash"})));
    assert_eq!(nonsense.blob().expect_err("refused").kind, Kind::Input);
}

#[test]
fn an_unreachable_node_is_an_environment_error() {
    for scheme in ["ws", "wss", "http", "https"] {
        // Nothing listens on this port, and no other test is given it.
        let url = format!("{scheme}://127.0.0.1:1");
        let failure = url.parse::<Source>().expect("a source").blob().expect_err("nobody there");
        assert_eq!(failure.kind, Kind::Environment, "{failure}");
        assert!(failure.message.contains(&url), "{failure}");
    }
}

#[test]
fn a_closed_connection_is_an_environment_error() {
    let source = http(|request| (request["method"] != "state_getStorage").then(|| honest(request)));
    let failure = source.blob().expect_err("gone");
    assert_eq!(failure.kind, Kind::Environment, "{failure}");
    assert!(failure.message.contains("state_getStorage") && failure.message.contains("http://127.0.0.1"), "{failure}");

    // Over WebSocket: accepts the handshake, reads the first request, closes the connection.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut key = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("sec-websocket-key")
            {
                key = value.trim().to_owned();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let accept = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        let accept = BASE64_STANDARD.encode(accept);
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .expect("greeted");
        let _ = reader.read(&mut [0; 64]);
    });
    let failure = url.parse::<Source>().expect("a source").blob().expect_err("gone");
    server.join().expect("the server ended");
    assert_eq!(failure.kind, Kind::Environment, "{failure}");
    // The request is sent again, and the node is no longer reachable.
    assert!(failure.message.contains(&url), "{failure}");
}
