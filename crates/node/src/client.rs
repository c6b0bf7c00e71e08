// SPDX-License-Identifier: Apache-2.0
//! One connection to one node, and what its refusals mean.

use jsonrpsee::{
    core::{ClientError, client::ClientT, params::ArrayParams, traits::ToRpcParams},
    http_client::{
        HttpClient, HttpClientBuilder, HttpRequest, HttpResponse, RpcLogger, RpcService,
        transport::{Error as HttpError, HttpBackend},
    },
    types::error::{
        METHOD_NOT_FOUND_CODE, OVERSIZED_REQUEST_CODE, OVERSIZED_RESPONSE_CODE, SERVER_IS_BUSY_CODE,
        TOO_BIG_BATCH_RESPONSE_CODE,
    },
    ws_client::{WsClient, WsClientBuilder},
};
use protocol::Endpoint;
use serde::de::DeserializeOwned;
use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service, ServiceBuilder};
use worker::{Failure, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer: a runtime in hex, and what stands around it.
const RESPONSE_LIMIT: u32 = 2 * artifact::blob::CODE_LIMIT as u32 + 65_536;
/// What a Polkadot SDK node says once its `--rpc-rate-limit` is used up.
const RATE_LIMIT_CODE: i32 = -32999;
const TOO_LARGE: u16 = 413;
const TOO_MANY_REQUESTS: u16 = 429;
const UNAVAILABLE: u16 = 503;

/// Why a node did not give what it was asked for.
#[derive(Debug)]
pub(crate) enum RpcErrorKind {
    /// The answer, or the question, is larger than the node or what is before it lets pass.
    TooLarge,
    /// It wants to be asked later: after this long, where it says so.
    Busy(Option<Duration>),
    /// It does not know the block: its database may be some seconds behind that of another node under the same address.
    UnknownBlock,
    /// It had the state of the block and dropped it.
    StateDiscarded,
    MethodNotFound,
    /// The connection could not be made.
    Unreachable,
    /// The connection broke after the question was sent, or no answer came in time.
    ConnectionClosed,
    InvalidResponse,
    Other,
}

/// A connection to a node, over WebSocket or HTTP.
pub(crate) struct Client {
    endpoint: Endpoint,
    connection: Connection,
}

enum Connection {
    Ws(WsClient),
    Http(HttpClient<RpcLogger<RpcService<RetryAfterService<HttpBackend>>>>, RetryAfter),
}

impl Client {
    pub async fn connect(endpoint: &Endpoint, answer: Duration) -> std::result::Result<Self, (RpcErrorKind, Failure)> {
        let url = endpoint.expose();
        let unreachable = |error: ClientError| {
            let failure = Failure::environment(format!("cannot reach the node {endpoint}"))
                .found(endpoint.hide(&error.to_string()))
                .expected("a Polkadot SDK node that answers JSON-RPC there")
                .hint("check the address and the network, or use another node");
            (RpcErrorKind::Unreachable, failure)
        };
        let connection = if endpoint.is_websocket() {
            let builder = WsClientBuilder::default()
                .connection_timeout(CONNECT_TIMEOUT)
                .request_timeout(answer)
                .max_response_size(RESPONSE_LIMIT)
                .max_frame_size(RESPONSE_LIMIT);
            Connection::Ws(builder.build(url).await.map_err(unreachable)?)
        } else {
            let retry_after = RetryAfter::default();
            let builder = HttpClientBuilder::default()
                .set_http_middleware(ServiceBuilder::new().layer(RetryAfterLayer(retry_after.clone())))
                .connect_timeout(CONNECT_TIMEOUT)
                .request_timeout(answer)
                .max_response_size(RESPONSE_LIMIT);
            Connection::Http(builder.build(url).map_err(unreachable)?, retry_after)
        };
        Ok(Self { endpoint: endpoint.clone(), connection })
    }

    pub async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: ArrayParams,
    ) -> std::result::Result<T, (RpcErrorKind, Failure)> {
        let answer = match &self.connection {
            Connection::Ws(client) => request(client, method, params).await,
            Connection::Http(client, retry_after) => {
                retry_after.set(None);
                request(client, method, params).await
            }
        };
        answer.map_err(|error| {
            let refusal = match (RpcErrorKind::of(&error), &self.connection) {
                (RpcErrorKind::Busy(_), Connection::Http(_, retry_after)) => RpcErrorKind::Busy(retry_after.get()),
                (refusal, _) => refusal,
            };
            (refusal, to_failure(&self.endpoint, method, error))
        })
    }

    /// Whether the connection still stands; HTTP makes a new one for each request.
    pub fn is_connected(&self) -> bool {
        match &self.connection {
            Connection::Ws(client) => client.is_connected(),
            Connection::Http(..) => true,
        }
    }
}

async fn request<T: DeserializeOwned>(
    client: &impl ClientT,
    method: &str,
    params: impl ToRpcParams + Send,
) -> std::result::Result<T, ClientError> {
    client.request(method, params).await
}

impl RpcErrorKind {
    /// By codes and kinds of errors where there are some.
    fn of(error: &ClientError) -> Self {
        match error {
            ClientError::Call(error) => match error.code() {
                METHOD_NOT_FOUND_CODE => Self::MethodNotFound,
                OVERSIZED_REQUEST_CODE | OVERSIZED_RESPONSE_CODE | TOO_BIG_BATCH_RESPONSE_CODE => Self::TooLarge,
                SERVER_IS_BUSY_CODE | RATE_LIMIT_CODE => Self::Busy(None),
                _ => Self::from_message(error.message()),
            },
            ClientError::Transport(error) => match error.downcast_ref::<HttpError>() {
                Some(HttpError::Rejected { status_code: TOO_LARGE }) | Some(HttpError::RequestTooLarge) => {
                    Self::TooLarge
                }
                Some(HttpError::Rejected { status_code: TOO_MANY_REQUESTS | UNAVAILABLE }) => Self::Busy(None),
                _ => Self::ConnectionClosed,
            },
            ClientError::ParseError(_) => Self::InvalidResponse,
            _ => Self::ConnectionClosed,
        }
    }

    /// By what an error says, where JSON-RPC gives nothing else: a node has one code for all that its database cannot do, and
    /// providers put codes of their own before texts of their own. A text that is not known is an ordinary refusal.
    fn from_message(text: &str) -> Self {
        let text = text.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // `UnknownBlock: State already discarded for 0x…` is the second.
        if says(&["discarded"]) {
            Self::StateDiscarded
        } else if says(&["unknown block", "unknownblock", "header was not found"]) {
            Self::UnknownBlock
        } else if says(&["too many requests", "rate limit", "try again"]) {
            Self::Busy(None)
        } else if says(&["too big", "too large"]) {
            Self::TooLarge
        } else {
            Self::Other
        }
    }
}

/// An error of a connection, in the words of the tool.
fn to_failure(endpoint: &Endpoint, method: &str, error: ClientError) -> Failure {
    match error {
        ClientError::Call(error) => Failure::input(format!("the node {endpoint} refuses {method}"))
            .found(endpoint.hide(&format!("error {}: {}", error.code(), error.message())))
            .expected("a Polkadot SDK node with the state of the block"),
        ClientError::ParseError(error) => invalid_response(endpoint, method).found(endpoint.hide(&error.to_string())),
        ClientError::RequestTimeout => no_response(endpoint, method),
        error => Failure::environment(format!("the connection to the node {endpoint} broke during {method}"))
            .found(endpoint.hide(&error.to_string()))
            .hint("try again, or use another node"),
    }
}

pub(crate) fn no_response(endpoint: &Endpoint, method: &str) -> Failure {
    Failure::environment(format!("the node {endpoint} does not answer {method}")).hint("try again, or use another node")
}

/// `node`: what errors call it.
pub fn invalid_response(node: &impl std::fmt::Display, method: &str) -> Failure {
    Failure::input(format!("the answer of {node} to {method} makes no sense"))
        .expected("the answer of a Polkadot SDK node")
}

/// 32 bytes in hex.
pub(crate) fn parse_hash(node: &impl std::fmt::Display, method: &str, text: &str) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).map_err(|error| {
        let shown = protocol::hide_addresses(&text.chars().take(80).collect::<String>());
        invalid_response(node, method).found(format!("{shown:?}: {error}"))
    })?;
    Ok(bytes)
}

/// What the last response said of when to come back. The client gives the status of a refused request alone.
#[derive(Clone, Default)]
struct RetryAfter(Arc<Mutex<Option<Duration>>>);

impl RetryAfter {
    fn get(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, retry_after: Option<Duration>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = retry_after;
    }
}

struct RetryAfterLayer(RetryAfter);

impl<S> Layer<S> for RetryAfterLayer {
    type Service = RetryAfterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryAfterService { inner, retry_after: self.0.clone() }
    }
}

#[derive(Clone)]
struct RetryAfterService<S> {
    inner: S,
    retry_after: RetryAfter,
}

impl<S, B> Service<HttpRequest> for RetryAfterService<S>
where
    S: Service<HttpRequest, Response = HttpResponse<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = std::result::Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let retry_after = self.retry_after.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // Seconds; the other form, a date, is of no node's gateway.
            let seconds =
                answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
            retry_after.set(seconds.map(Duration::from_secs));
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonrpsee::types::ErrorObject;

    /// As nodes and gateways are known to write it. What is not here counts as an ordinary error.
    #[test]
    fn refusals_are_told_apart() {
        let call =
            |code: i32, text: &str| RpcErrorKind::of(&ClientError::Call(ErrorObject::owned(code, text, None::<()>)));
        let http = |error: HttpError| RpcErrorKind::of(&ClientError::Transport(error.into()));
        let cases = [
            (call(-32601, "Method not found"), "MethodNotFound"),
            (call(-32008, "Response is too big"), "TooLarge"),
            (call(-32007, "Request is too big"), "TooLarge"),
            (call(-32000, "query response is too large"), "TooLarge"),
            (call(-32999, "RPC rate limit exceeded"), "Busy(None)"),
            (call(-32009, "Server is busy, try again later"), "Busy(None)"),
            (call(4003, "Client error: UnknownBlock: Header was not found in the database: 0x12"), "UnknownBlock"),
            (call(-32000, "Client error: Api called for an unknown Block: State already discarded"), "StateDiscarded"),
            (call(4003, "Client error: UnknownBlock: State already discarded for 0x12"), "StateDiscarded"),
            (call(4003, "Client error: Execution failed"), "Other"),
            (http(HttpError::Rejected { status_code: 413 }), "TooLarge"),
            (http(HttpError::Rejected { status_code: 429 }), "Busy(None)"),
            (http(HttpError::Rejected { status_code: 503 }), "Busy(None)"),
            (http(HttpError::Rejected { status_code: 502 }), "ConnectionClosed"),
            (RpcErrorKind::of(&ClientError::RequestTimeout), "ConnectionClosed"),
        ];
        for (found, expected) in cases {
            assert_eq!(format!("{found:?}"), expected);
        }
    }

    #[test]
    fn an_error_repeats_no_key() {
        let endpoint: Endpoint = "https://host/0123456789abcdef?key=fedcba9876543210".parse().expect("an address");
        let errors = [
            ClientError::Call(ErrorObject::owned(-32000, "invalid key fedcba9876543210", None::<()>)),
            ClientError::Custom(format!("GET {} failed", endpoint.expose())),
            ClientError::Transport(HttpError::Url("/0123456789abcdef".into()).into()),
        ];
        for error in errors {
            let failure = format!("{:?}", to_failure(&endpoint, "chain_getHeader", error));
            assert!(failure.contains("https://host"), "{failure}");
            assert!(!failure.contains("0123456789abcdef") && !failure.contains("fedcba9876543210"), "{failure}");
        }
    }
}
