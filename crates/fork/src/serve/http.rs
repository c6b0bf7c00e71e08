// SPDX-License-Identifier: Apache-2.0
//! HTTP and WebSocket on loopback.
//!
//! Any page that a browser shows can send requests to this machine. So the `Host` has to be loopback (a page whose name was
//! made to resolve to this machine still names itself there), the `Origin`, which browsers always give, has to be loopback or
//! one that the user named, and a body has to say that it is JSON, which no page may send unasked.

use super::{
    Job,
    origins::{Origins, is_loopback},
    rpc::{Client, Socket},
};
use base64::Engine;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderMap, HeaderValue},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use soketto::{
    connection::{Builder, Mode},
    data::ByteSlice125,
};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as blocking,
    },
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::compat::TokioAsyncReadCompatExt;
use worker::{Failure, Result};

/// The largest message: a runtime in hex, in an extrinsic.
const MESSAGE_LIMIT: usize = 32 << 20;
const CONNECTION_LIMIT: usize = 128;
/// Answers and notifications that wait for one client.
const QUEUE: usize = 4_096;

/// A client that hears nothing for so long is sent a ping, as nodes do it: polkadot-api gives a silent node up after 40 s.
const SILENCE: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(20) };

/// A bound port that nobody serves yet.
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
    origins: Origins,
}

type Answer = Response<Full<Bytes>>;

#[derive(Clone)]
struct Server {
    jobs: blocking::Sender<Job>,
    connections: Arc<AtomicU64>,
    origins: Arc<Origins>,
}

impl Listener {
    /// Port 0 takes one that is free. Pages of the named origins may use the fork, besides those of this machine.
    pub fn bind(port: u16, origins: &[String]) -> Result<Self> {
        let origins = Origins::new(origins)?;
        let failed = |error: std::io::Error| {
            Failure::environment(format!("cannot listen on 127.0.0.1:{port}"))
                .found(error.to_string())
                .hint("take another port, or 0 for one that is free")
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, origins })
    }

    /// Where clients connect to; `http://` with the same address works too.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(super) fn start(self, jobs: blocking::Sender<Job>) -> Result<()> {
        let failed = |error: std::io::Error| Failure::environment("cannot start the server").found(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let server = Server { jobs, connections: Arc::default(), origins: Arc::new(self.origins) };
        std::thread::Builder::new()
            .name("rpc".into())
            .spawn(move || runtime.block_on(accept(self.listener, server)))
            .map_err(failed)?;
        Ok(())
    }
}

async fn accept(listener: std::net::TcpListener, server: Server) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let permits = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Too many open files, or a client that was gone again: neither ends the server.
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let server = server.clone();
        tokio::spawn(async move {
            let permit = Arc::new(permit);
            let service = hyper::service::service_fn(|request| {
                let (server, permit) = (server.clone(), permit.clone());
                async move { Ok::<_, Infallible>(respond(server, request, permit).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // A client that breaks off is its own problem.
            let _ = connection.await;
        });
    }
}

type Permit = Arc<tokio::sync::OwnedSemaphorePermit>;

async fn respond(server: Server, request: Request<Incoming>, permit: Permit) -> Answer {
    let page = match page(request.headers(), &server.origins) {
        Ok(page) => page,
        Err(refusal) => return plain(StatusCode::FORBIDDEN, refusal),
    };
    let mut answer = if page.is_some() && request.method() == Method::OPTIONS {
        preflight()
    } else {
        talk_to(server, request, permit).await
    };
    if let Some(page) = page {
        let headers = answer.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    answer
}

/// The origin of the page that asks, where one does; or why it may not.
fn page(headers: &HeaderMap, origins: &Origins) -> std::result::Result<Option<HeaderValue>, &'static str> {
    let is = |value: &HeaderValue, wanted: &dyn Fn(&str) -> bool| value.to_str().is_ok_and(wanted);
    if headers.get_all(header::HOST).iter().any(|host| !is(host, &is_loopback)) {
        return Err("only for this machine: the Host header names another");
    }
    if headers.get_all(header::ORIGIN).iter().any(|origin| !is(origin, &|origin| origins.allow(origin))) {
        return Err("only for this machine: the page is of another origin; `--allow-origin` lets in one more");
    }
    Ok(headers.get(header::ORIGIN).cloned())
}

/// What a browser asks before it lets a page send JSON.
fn preflight() -> Answer {
    let mut answer = plain(StatusCode::NO_CONTENT, "");
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    // Asked for where a page of another network reaches into this one.
    headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    answer
}

fn is_json(headers: &HeaderMap) -> bool {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    stated.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

async fn talk_to(server: Server, request: Request<Incoming>, permit: Permit) -> Answer {
    if let Some(key) = socket_key(&request) {
        return upgrade(server, request, &key, permit);
    }
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC by POST or WebSocket");
    }
    if !is_json(request.headers()) {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type has to be application/json");
    }
    let body = match Limited::new(request.into_body(), MESSAGE_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large or was cut short"),
    };
    let Ok(text) = String::from_utf8(body.to_vec()) else {
        return plain(StatusCode::BAD_REQUEST, "the request is not UTF-8");
    };
    let (answer, answered) = oneshot::channel();
    if server.jobs.send(Job::Message { text, from: Client::http(answer) }).is_err() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the fork has ended");
    }
    match answered.await {
        Ok(text) => {
            let mut answer = Response::new(Full::new(Bytes::from(text)));
            answer
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
            answer
        }
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "the fork has ended"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}

/// The key of a WebSocket handshake, if that is what the request is.
fn socket_key<B>(request: &Request<B>) -> Option<String> {
    let value = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let upgrade = value(header::UPGRADE)?.eq_ignore_ascii_case("websocket");
    let version = value(header::SEC_WEBSOCKET_VERSION)? == "13";
    (request.method() == Method::GET && upgrade && version)
        .then(|| value(header::SEC_WEBSOCKET_KEY).map(str::to_owned))
        .flatten()
}

/// What proves that the handshake was understood, RFC 6455.
fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::engine::general_purpose::STANDARD.encode(hash.finalize())
}

fn upgrade(server: Server, mut request: Request<Incoming>, key: &str, permit: Permit) -> Answer {
    let mut answer = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let Ok(accepted) = HeaderValue::from_str(&accept_key(key)) else {
        return plain(StatusCode::BAD_REQUEST, "a handshake without sense");
    };
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(&mut request).await {
            talk(server, upgraded).await;
        }
        drop(permit);
    });
    answer
}

async fn talk(server: Server, upgraded: Upgraded) {
    let mut builder = Builder::new(TokioIo::new(upgraded).compat(), Mode::Server);
    builder.set_max_message_size(MESSAGE_LIMIT);
    builder.set_max_frame_size(MESSAGE_LIMIT);
    let (mut sender, mut receiver) = builder.finish();
    let (out, mut waiting) = mpsc::channel::<String>(QUEUE);
    let id = server.connections.fetch_add(1, Ordering::Relaxed);
    let writer = tokio::spawn(async move {
        loop {
            let sent = match tokio::time::timeout(SILENCE, waiting.recv()).await {
                Ok(Some(text)) => sender.send_text_owned(text).await,
                Ok(None) => break,
                Err(_) => match ByteSlice125::try_from(&[][..]) {
                    Ok(nothing) => sender.send_ping(nothing).await,
                    Err(_) => Ok(()),
                },
            };
            if sent.is_err() || sender.flush().await.is_err() {
                return;
            }
        }
        let _ = sender.close().await;
    });
    let socket = Socket { id, out };
    loop {
        let mut message = Vec::new();
        if receiver.receive_data(&mut message).await.is_err() || writer.is_finished() {
            break;
        }
        let Ok(text) = String::from_utf8(message) else { break };
        if server.jobs.send(Job::Message { text, from: Client::Socket(socket.clone()) }).is_err() {
            break;
        }
    }
    let _ = server.jobs.send(Job::Closed(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_is_the_one_of_the_standard() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    fn is_let_in(of: &[(&'static str, &str)]) -> bool {
        let named = Origins::new(&["https://apps.example.org".to_string()]).expect("an origin");
        page(&headers(of), &named).is_ok()
    }

    #[test]
    fn only_this_machine_is_let_in() {
        for host in ["127.0.0.1:9944", "localhost", "LOCALHOST:1", "[::1]:9944"] {
            assert!(is_let_in(&[("host", host)]), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org:80", "evil:9944", "0.0.0.0:9944", "\u{e9}.org", ""] {
            assert!(!is_let_in(&[("host", host)]), "{host}");
            // A page whose name was made to resolve to this machine gives its own origin too, or one that is let in.
            assert!(!is_let_in(&[("host", host), ("origin", "http://localhost:3000")]), "{host}");
        }
        assert!(!is_let_in(&[("host", "localhost"), ("host", "example.org")]));
    }

    #[test]
    fn pages_of_other_origins_are_not_let_in() {
        let host = ("host", "127.0.0.1:9944");
        assert!(is_let_in(&[host]), "what is no browser gives no origin");
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:80", "https://apps.example.org"] {
            assert!(is_let_in(&[host, ("origin", origin)]), "{origin}");
        }
        for origin in [
            "https://example.org",
            "http://apps.example.org",
            "https://apps.example.org:8443",
            "http://localhost.example.org",
            "http://localhost@example.org",
            "null",
            "",
            "file://",
            "chrome-extension://localhost",
        ] {
            assert!(!is_let_in(&[host, ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn only_json_is_taken() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=utf-8"] {
            assert!(is_json(&headers(&[("content-type", good)])), "{good}");
        }
        // What a form or a page may send without being asked.
        for bad in ["text/plain", "text/plain; application/json", "multipart/form-data", "application/jsonp", ""] {
            assert!(!is_json(&headers(&[("content-type", bad)])), "{bad}");
        }
        assert!(!is_json(&headers(&[])));
    }

    /// What a served fork answers to the head of a request; its body is one call.
    fn status(address: SocketAddr, head: &str) -> String {
        use std::io::{BufRead, Write};
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        let body = r#"{"id":1,"method":"dev_setStorage"}"#;
        let request = format!("{head}\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("sent");
        let lines = std::io::BufReader::new(stream).lines().map_while(std::result::Result::ok);
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_foreign_page_reaches_nothing_by_http_or_websocket() {
        let listener = Listener::bind(0, &["https://apps.example.org".to_string()]).expect("bound");
        let (address, (jobs, asked)) = (listener.address, blocking::channel());
        listener.start(jobs).expect("started");
        let answered = std::thread::spawn(move || {
            // A socket that comes and goes is told as well; only messages count.
            let mut count = 0;
            while count < 2 {
                match asked.recv() {
                    Ok(Job::Message { from, .. }) => {
                        from.answer("{}".into());
                        count += 1;
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
            asked
        });
        let post = "POST / HTTP/1.1\r\ncontent-type: application/json";
        let socket = "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
        let options = "OPTIONS / HTTP/1.1\r\naccess-control-request-method: POST";
        for head in [post, socket, options] {
            let refused = status(address, &format!("{head}\r\norigin: https://example.org"));
            assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        }
        let plain = status(address, "POST / HTTP/1.1\r\ncontent-type: text/plain");
        assert!(plain.starts_with("HTTP/1.1 415 "), "{plain}");

        let named = "origin: https://apps.example.org";
        let let_in = "access-control-allow-origin: https://apps.example.org";
        for (head, code) in [(options, "204"), (post, "200"), (socket, "101")] {
            let answer = status(address, &format!("{head}\r\n{named}"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")) && answer.contains(let_in), "{answer}");
        }
        assert!(status(address, post).starts_with("HTTP/1.1 200 "), "what is no browser is answered as before");
        let asked = answered.join().expect("answered");
        let messages = asked.try_iter().filter(|job| matches!(job, Job::Message { .. }));
        assert_eq!(messages.count(), 0, "nothing else was handed on");
    }

    #[test]
    fn a_client_that_hears_nothing_is_sent_a_ping() {
        use std::io::{Read, Write};
        let listener = Listener::bind(0, &[]).expect("bound");
        let (address, (jobs, _asked)) = (listener.address, blocking::channel());
        listener.start(jobs).expect("started");
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        let upgrade = format!(
            "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes()).expect("sent");
        let mut received = Vec::new();
        // A ping without data: final, opcode 9, no mask, length 0.
        while !received.ends_with(b"\r\n\r\n\x89\0") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("more");
            received.push(byte[0]);
        }
    }
}
