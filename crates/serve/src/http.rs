// SPDX-License-Identifier: Apache-2.0
//! HTTP and WebSocket on loopback.
//!
//! Any page in a browser can send requests to this machine. Therefore the `Host` must be loopback:
//! a page whose name resolves to this machine (DNS rebinding) still has its own name there. The
//! `Origin`, which browsers always send, must be loopback or one that the user named. The content
//! type of a body must be JSON, which a page cannot send without a preflight request.

use super::{
    origins::{Origins, is_loopback},
    rpc::QUEUE_LIMIT,
};
use http::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use jsonrpsee::{
    Methods,
    core::{
        BoxError,
        http_helpers::{Body, Request, Response},
    },
    server::{BatchRequestConfig, PingConfig, RandomStringIdProvider, ServerBuilder, ServerConfig},
};
use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Service, ServiceBuilder};
use worker::{Failure, Result};

/// The largest request in bytes: a runtime in hex, in an extrinsic.
const REQUEST_LIMIT: u32 = 32 << 20;
/// The largest answer in bytes, to a batch or to one call.
const ANSWER_LIMIT: u32 = 1 << 30;
const CONNECTION_LIMIT: u32 = 128;
/// The maximum number of calls in one batch.
const BATCH_LIMIT: u32 = 1_000;
/// The maximum number of subscriptions of one client.
const SUBSCRIPTION_LIMIT: u32 = 1_024;

/// The interval of pings to a client, as nodes send them: polkadot-api disconnects from a silent
/// node after 40 s.
const PING_INTERVAL: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(20) };

/// A bound port that is not served yet.
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
    origins: Origins,
}

impl Listener {
    /// Binds a port of 127.0.0.1; port 0 selects a free one. Pages of the named origins may use the
    /// fork, besides those of this machine.
    pub fn bind(port: u16, origins: &[String]) -> Result<Self> {
        let origins = Origins::new(origins)?;
        let failed = |error: std::io::Error| {
            Failure::environment(format!("cannot listen on 127.0.0.1:{port}"))
                .found(error.to_string())
                .hint("use another port, or 0 for a free one")
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, origins })
    }

    /// Returns the URL for clients. `http://` with the same address works too.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Serves the methods on a thread of its own.
    pub(super) fn start(self, methods: impl Into<Methods>) -> Result<()> {
        let failed = |error: std::io::Error| Failure::environment("cannot start the server").found(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        // A client that does not answer pings stays connected: it may be stopped in a debugger.
        let pings = PingConfig::new().ping_interval(PING_INTERVAL).max_failures(usize::MAX);
        let config = ServerConfig::builder()
            .max_request_body_size(REQUEST_LIMIT)
            .max_response_body_size(ANSWER_LIMIT)
            .max_connections(CONNECTION_LIMIT)
            .max_subscriptions_per_connection(SUBSCRIPTION_LIMIT)
            .set_batch_request_config(BatchRequestConfig::Limit(BATCH_LIMIT))
            .set_message_buffer_capacity(QUEUE_LIMIT as u32)
            .set_id_provider(RandomStringIdProvider::new(16))
            .enable_ws_ping(pings)
            .build();
        let origins = Arc::new(self.origins);
        let filter = ServiceBuilder::new()
            .layer(tower::layer::layer_fn(move |inner| OriginFilter { inner, origins: origins.clone() }));
        let builder = ServerBuilder::with_config(config).set_http_middleware(filter);
        let server = {
            let _entered = runtime.enter();
            builder.build_from_tcp(self.listener).map_err(failed)?
        };
        let methods = methods.into();
        std::thread::Builder::new()
            .name("rpc".into())
            .spawn(move || runtime.block_on(async { server.start(methods).stopped().await }))
            .map_err(failed)?;
        Ok(())
    }
}

/// Refuses requests that come from another machine or from pages of other origins, before they are
/// read.
#[derive(Clone)]
struct OriginFilter<S> {
    inner: S,
    origins: Arc<Origins>,
}

impl<S> Service<Request> for OriginFilter<S>
where
    S: Service<Request, Response = Response, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let page = match check_origin(request.headers(), &self.origins) {
            Ok(page) => page,
            Err(refusal) => return Box::pin(async move { Ok(plain(StatusCode::FORBIDDEN, refusal)) }),
        };
        let Some(page) = page else { return Box::pin(self.inner.call(request)) };
        let answer: Self::Future = match *request.method() {
            Method::OPTIONS => Box::pin(async { Ok(preflight()) }),
            _ => Box::pin(self.inner.call(request)),
        };
        Box::pin(async move {
            let mut answer = answer.await?;
            let headers = answer.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
            Ok(answer)
        })
    }
}

/// Returns the origin of the requesting page if there is one, or why the request is refused.
fn check_origin(headers: &HeaderMap, origins: &Origins) -> std::result::Result<Option<HeaderValue>, &'static str> {
    let is = |value: &HeaderValue, wanted: &dyn Fn(&str) -> bool| value.to_str().is_ok_and(wanted);
    if headers.get_all(header::HOST).iter().any(|host| !is(host, &is_loopback)) {
        return Err("only for this machine: the Host header names another one");
    }
    if headers.get_all(header::ORIGIN).iter().any(|origin| !is(origin, &|origin| origins.allow(origin))) {
        return Err("only for this machine: the page has another origin; allow it with `--allow-origin`");
    }
    Ok(headers.get(header::ORIGIN).cloned())
}

/// Answers a browser's preflight request, which precedes JSON from a page.
fn preflight() -> Response {
    let mut answer = plain(StatusCode::NO_CONTENT, "");
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    // Requested when a page of a public network accesses a private one.
    headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonrpsee::server::RpcModule;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Returns a module with one method, and the number of its calls.
    fn counted() -> (RpcModule<()>, Arc<AtomicUsize>) {
        let (count, mut methods) = (Arc::new(AtomicUsize::new(0)), RpcModule::new(()));
        let counter = count.clone();
        let count_up = move |_: jsonrpsee::types::Params<'_>, _: &(), _: &_| {
            counter.fetch_add(1, Ordering::SeqCst);
        };
        methods.register_method("count", count_up).expect("registered");
        (methods, count)
    }

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    fn is_allowed(of: &[(&'static str, &str)]) -> bool {
        let named = Origins::new(&["https://apps.example.org".to_string()]).expect("an origin");
        check_origin(&headers(of), &named).is_ok()
    }

    #[test]
    fn only_requests_to_loopback_are_accepted() {
        for host in ["127.0.0.1:9944", "localhost", "LOCALHOST:1", "[::1]:9944"] {
            assert!(is_allowed(&[("host", host)]), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org:80", "evil:9944", "0.0.0.0:9944", "\u{e9}.org", ""] {
            assert!(!is_allowed(&[("host", host)]), "{host}");
            // A page whose name resolves to this machine sends its own origin too, or an allowed
            // one.
            assert!(!is_allowed(&[("host", host), ("origin", "http://localhost:3000")]), "{host}");
        }
        assert!(!is_allowed(&[("host", "localhost"), ("host", "example.org")]));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let host = ("host", "127.0.0.1:9944");
        assert!(is_allowed(&[host]), "only browsers send an origin");
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:80", "https://apps.example.org"] {
            assert!(is_allowed(&[host, ("origin", origin)]), "{origin}");
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
            assert!(!is_allowed(&[host, ("origin", origin)]), "{origin}");
        }
    }

    /// Returns the head of the answer to a request with this head. The body is one call.
    fn status(address: SocketAddr, head: &str) -> String {
        use std::io::{BufRead, Write};
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"count"}"#;
        let request = format!("{head}\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("sent");
        let lines = std::io::BufReader::new(stream).lines().map_while(std::result::Result::ok);
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_foreign_page_can_call_nothing_by_http_or_websocket() {
        let listener = Listener::bind(0, &["https://apps.example.org".to_string()]).expect("bound");
        let (address, (methods, count)) = (listener.address, counted());
        listener.start(methods).expect("started");
        let post = "POST / HTTP/1.1\r\ncontent-type: application/json";
        let socket = "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
        let options = "OPTIONS / HTTP/1.1\r\naccess-control-request-method: POST";
        for head in [post, socket, options] {
            let refused = status(address, &format!("{head}\r\norigin: https://example.org"));
            assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        }
        // Content types that a form or a page may send without a preflight request.
        for kind in ["text/plain", "text/plain; application/json", "multipart/form-data", "application/jsonp", ""] {
            let plain = status(address, &format!("POST / HTTP/1.1\r\ncontent-type: {kind}"));
            assert!(plain.starts_with("HTTP/1.1 415 "), "{kind}: {plain}");
        }
        assert!(status(address, "POST / HTTP/1.1").starts_with("HTTP/1.1 415 "));
        assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was called");

        let named = "origin: https://apps.example.org";
        let allowed = "access-control-allow-origin: https://apps.example.org";
        for (head, code) in [(options, "204"), (post, "200"), (socket, "101")] {
            let answer = status(address, &format!("{head}\r\n{named}"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")) && answer.contains(allowed), "{answer}");
        }
        assert!(status(address, post).starts_with("HTTP/1.1 200 "), "other clients are answered too");
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=utf-8"] {
            let answer = status(address, &format!("POST / HTTP/1.1\r\ncontent-type: {kind}"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{kind}: {answer}");
        }
        assert_eq!(count.load(Ordering::SeqCst), 5);
    }

    #[test]
    fn an_idle_client_receives_pings() {
        use std::io::{Read, Write};
        let listener = Listener::bind(0, &[]).expect("bound");
        let (address, (methods, _)) = (listener.address, counted());
        listener.start(methods).expect("started");
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
