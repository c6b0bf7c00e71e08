// SPDX-License-Identifier: Apache-2.0
//! A served fork, and a proxy that changes its responses as faulty networks and dishonest nodes do.

use crate::Xtask;
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A running `cargo xtask fork`. It is interrupted when it is dropped.
pub struct Fork {
    child: Child,
    ended: bool,
    /// The empty cache of trie nodes, so that other runs have no influence.
    _nodes: TempDir,
    node: Node,
    /// The parachains that are served with the chain.
    pub parachains: Vec<Node>,
}

/// A chain that a fork serves.
pub struct Node {
    /// The JSON document that the command printed.
    pub document: Value,
}

impl std::ops::Deref for Fork {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl Fork {
    /// Starts a fork of a state, which builds a block for every extrinsic.
    pub fn of(source: impl AsRef<OsStr>) -> Self {
        Self::with(source, &[])
    }

    /// Starts a fork that builds blocks only on request.
    pub fn manual(source: impl AsRef<OsStr>) -> Self {
        Self::with(source, &["--manual"])
    }

    /// Starts a fork with more options.
    pub fn with(source: impl AsRef<OsStr>, more: &[&str]) -> Self {
        let nodes = tempfile::tempdir().expect("a directory");
        let fixed = ["fork".as_ref(), "--json".as_ref(), source.as_ref()];
        let command = Xtask::new(fixed.into_iter().chain(more.iter().map(AsRef::as_ref)));
        let mut child = command.env("CUTOVER_NODES", nodes.path()).spawn_group();
        let stdout = child.stdout.take().expect("piped");
        let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
        let Some(Ok(document)) = documents.next() else {
            let mut stderr = String::new();
            let _ = child.stderr.take().expect("piped").read_to_string(&mut stderr);
            panic!("the fork does not serve:\n{stderr}");
        };
        let with = document["with"].as_array().cloned().unwrap_or_default();
        let parachains = with.into_iter().map(|document| Node { document }).collect();
        Self { child, ended: false, _nodes: nodes, node: Node { document }, parachains }
    }

    /// Interrupts the fork like Ctrl-C and returns its exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        self.signal();
        self.ended = true;
        self.child.wait().expect("ended").code()
    }

    fn signal(&self) {
        let _ = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
    }
}

impl Node {
    /// Returns the WebSocket URL that the command printed.
    pub fn url(&self) -> &str {
        self.document["url"].as_str().expect("a URL")
    }

    /// Returns `host:port`.
    pub fn address(&self) -> &str {
        self.url().strip_prefix("ws://").expect("a WebSocket's URL")
    }

    /// Calls a method over HTTP and returns its result.
    ///
    /// # Panics
    ///
    /// If the response is an error.
    pub fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Calls a method over HTTP and returns the whole response, which may be an error.
    pub fn ask(&self, method: &str, params: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let body = forward(self.address(), body.as_bytes()).expect("an answer");
        serde_json::from_slice(&body).expect("JSON")
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        if !self.ended {
            self.signal();
            let _ = self.child.wait();
        }
    }
}

/// The proxy's handling of a response.
pub enum Answer {
    /// Sends the body.
    Pass(Vec<u8>),
    /// Sends the first half of the body and closes the connection.
    BreakOff(Vec<u8>),
    /// Sends a status other than 200.
    Status(u16),
}

/// Starts an HTTP proxy of a fork and returns its URL. The arguments of `change` are the number of
/// the request, starting from 0, the request, and the fork's response.
pub fn proxy(fork: &Fork, change: impl Fn(usize, &str, Vec<u8>) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let target = fork.address().to_owned();
    let change = Arc::new(change);
    let count = Arc::new(AtomicUsize::new(0));
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (target, change, count) = (target.clone(), change.clone(), count.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                while let Some(body) = message(&mut reader) {
                    let number = count.fetch_add(1, Ordering::SeqCst);
                    let Some(answer) = forward(&target, &body) else { return };
                    let stream = reader.get_mut();
                    let passed = match change(number, &String::from_utf8_lossy(&body), answer) {
                        Answer::Pass(body) => respond(stream, 200, &body, body.len()),
                        Answer::BreakOff(body) => {
                            let _ = respond(stream, 200, &body[..body.len() / 2], body.len());
                            None
                        }
                        Answer::Status(status) => respond(stream, status, b"", 0),
                    };
                    if passed.is_none() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// A connection to a fork that delays responses and counts bytes, for WebSocket and HTTP.
pub struct DelayedConnection {
    /// The local `host:port` that clients connect to.
    pub address: String,
    bytes: Arc<AtomicU64>,
}

impl DelayedConnection {
    /// Starts a connection to the fork that delays each of its responses by `latency`.
    pub fn to(fork: &Fork, latency: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let bytes = Arc::new(AtomicU64::new(0));
        let (target, counted) = (fork.address().to_owned(), bytes.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&target) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (Ok(to_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { continue };
                carry(client, to_server, Duration::ZERO, counted.clone());
                carry(server, to_client, latency, counted.clone());
            }
        });
        Self { address, bytes }
    }

    /// Returns the number of bytes transferred so far, in both directions.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

/// Forwards bytes with a latency, without a limit of the bandwidth.
fn carry(mut from: TcpStream, mut to: TcpStream, latency: Duration, bytes: Arc<AtomicU64>) {
    let (sender, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            bytes.fetch_add(count as u64, Ordering::SeqCst);
            if sender.send((Instant::now() + latency, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, part) in arriving {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&part).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn respond(stream: &mut TcpStream, status: u16, body: &[u8], length: usize) -> Option<()> {
    let head =
        format!("HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok()
}

/// Sends an HTTP request to a fork on a new connection. Returns the body of the response.
pub fn forward(address: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok()?;
    message(&mut BufReader::new(stream))
}

/// Reads an HTTP message and returns its body.
fn message(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
