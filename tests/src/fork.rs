// SPDX-License-Identifier: Apache-2.0
//! A served fork, and a proxy that does to its answers what networks and liars do.

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

/// `cargo xtask fork`, interrupted when it is dropped.
pub struct Fork {
    child: Child,
    ended: bool,
    /// Nothing that other runs took of the chain is to be found.
    _nodes: TempDir,
    /// What it said of itself.
    pub document: Value,
}

impl Fork {
    pub fn of(source: impl AsRef<OsStr>) -> Self {
        Self::with(source, &[])
    }

    /// One that builds blocks only when it is asked for one.
    pub fn manual(source: impl AsRef<OsStr>) -> Self {
        Self::with(source, &["--manual"])
    }

    fn with(source: impl AsRef<OsStr>, more: &[&str]) -> Self {
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
        Self { child, ended: false, document, _nodes: nodes }
    }

    pub fn url(&self) -> &str {
        self.document["url"].as_str().expect("a URL")
    }

    /// `host:port`
    pub fn address(&self) -> &str {
        self.url().strip_prefix("ws://").expect("a WebSocket's URL")
    }

    /// The result of a call over HTTP.
    pub fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub fn ask(&self, method: &str, params: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let body = forward(self.address(), body.as_bytes()).expect("an answer");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Interrupts it as Ctrl-C does and gives its exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        self.signal();
        self.ended = true;
        self.child.wait().expect("ended").code()
    }

    fn signal(&self) {
        let _ = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
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

/// What the proxy does with an answer.
pub enum Answer {
    Pass(Vec<u8>),
    /// Promises this and breaks off in the middle.
    BreakOff(Vec<u8>),
    /// Another status than 200.
    Status(u16),
}

/// Stands before a fork and answers over HTTP; gives its URL. `change` gets the number of the request, counted from 0,
/// what was asked and what the fork answered.
pub fn proxy(fork: &Fork, change: impl Fn(usize, &str, Vec<u8>) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let target = fork.address().to_owned();
    let change = Arc::new(change);
    let count = Arc::new(AtomicUsize::new(0));
    // It ends with the test's process.
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

/// A line to a fork on which every answer is so much later, and bytes are counted: for WebSocket as for HTTP.
pub struct Line {
    pub address: String,
    bytes: Arc<AtomicU64>,
}

impl Line {
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

    /// What went over it so far, both ways.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

/// Later, and not slower: what comes together arrives together.
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

/// One request to a fork by HTTP, on a connection of its own.
pub fn forward(address: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok()?;
    message(&mut BufReader::new(stream))
}

/// The body of an HTTP message.
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
