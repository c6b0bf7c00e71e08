// SPDX-License-Identifier: Apache-2.0
//! HTTP and WebSocket on loopback.

use super::{
    Job,
    rpc::{Client, Socket},
};
use base64::Engine;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use soketto::connection::{Builder, Mode};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as blocking,
    },
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::compat::TokioAsyncReadCompatExt;
use worker::{Failure, Result};

/// The largest message: a runtime in hex, in an extrinsic.
const MESSAGE_LIMIT: usize = 32 << 20;
const CONNECTION_LIMIT: usize = 128;
/// Answers and notifications that wait for one client.
const QUEUE: usize = 4_096;

/// A bound port that nobody serves yet.
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

type Answer = Response<Full<Bytes>>;

#[derive(Clone)]
struct Server {
    jobs: blocking::Sender<Job>,
    connections: Arc<AtomicU64>,
}

impl Listener {
    /// Port 0 takes one that is free.
    pub fn bind(port: u16) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Failure::environment(format!("cannot listen on 127.0.0.1:{port}"))
                .found(error.to_string())
                .hint("take another port, or 0 for one that is free")
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where clients connect to; `http://` with the same address works too.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(super) fn start(self, jobs: blocking::Sender<Job>) -> Result<()> {
        let failed = |error: std::io::Error| Failure::environment("cannot start the server").found(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let server = Server { jobs, connections: Arc::default() };
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
    // Pages of other hosts that a browser was made to take for this one are not let in.
    if !is_local(&request) {
        return plain(StatusCode::FORBIDDEN, "only for this machine: the Host header names another");
    }
    if let Some(key) = socket_key(&request) {
        return upgrade(server, request, &key, permit);
    }
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC by POST or WebSocket");
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
                .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json; charset=utf-8"));
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

fn is_local<B>(request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| name.eq_ignore_ascii_case(local))
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
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
    let Ok(accepted) = header::HeaderValue::from_str(&accept_key(key)) else {
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
        while let Some(text) = waiting.recv().await {
            if sender.send_text_owned(text).await.is_err() || sender.flush().await.is_err() {
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

    #[test]
    fn only_this_machine_is_let_in() {
        let request = |host: &str| Request::builder().header(header::HOST, host).body(()).expect("a request");
        for host in ["127.0.0.1:9944", "localhost", "LOCALHOST:1", "[::1]:9944"] {
            assert!(is_local(&request(host)), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org:80", "evil:9944"] {
            assert!(!is_local(&request(host)), "{host}");
        }
    }
}
