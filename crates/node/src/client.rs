// SPDX-License-Identifier: Apache-2.0
//! One connection to one node, and the kinds of errors that its requests end with.

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
/// The largest response in bytes: a runtime in hex, and the JSON around it.
const RESPONSE_LIMIT: u32 = 2 * artifact::blob::CODE_LIMIT as u32 + 65_536;
/// The error code of a Polkadot SDK node whose `--rpc-rate-limit` is exceeded.
const RATE_LIMIT_CODE: i32 = -32999;
const TOO_LARGE: u16 = 413;
const TOO_MANY_REQUESTS: u16 = 429;
const UNAVAILABLE: u16 = 503;

/// The kinds of errors of a request. They decide whether the request is sent again.
#[derive(Debug)]
pub(crate) enum RpcErrorKind {
    /// The request or the response exceeds a size limit of the node or of its gateway.
    TooLarge,
    /// The node is busy or limits the rate of requests. Carries the `Retry-After` duration, if the
    /// node sent one.
    Busy(Option<Duration>),
    /// The node does not know the block. Behind a load balancer, its database may lag behind that
    /// of another node.
    UnknownBlock,
    /// The node pruned the state of the block.
    StateDiscarded,
    /// The node does not offer the method.
    MethodNotFound,
    /// The connection could not be established.
    Unreachable,
    /// The connection broke after the request was sent, or no response came in time.
    ConnectionClosed,
    /// The response is not what a Polkadot SDK node returns.
    InvalidResponse,
    /// Any other error.
    Other,
}

/// A connection to a node, over WebSocket or HTTP.
pub(crate) struct Client {
    endpoint: Endpoint,
    connection: Connection,
}

/// The transport of a connection.
enum Connection {
    Ws(WsClient),
    Http(HttpClient<RpcLogger<RpcService<RetryAfterService<HttpBackend>>>>, RetryAfter),
}

impl Client {
    /// Connects to a node. `timeout` bounds each response.
    pub async fn connect(endpoint: &Endpoint, timeout: Duration) -> std::result::Result<Self, (RpcErrorKind, Failure)> {
        let url = endpoint.expose();
        let unreachable = |error: ClientError| {
            let failure = Failure::environment(format!("cannot reach the node {endpoint}"))
                .found(endpoint.hide(&error.to_string()))
                .expected("a Polkadot SDK node that serves JSON-RPC at this address")
                .hint("check the address and the network, or use another node");
            (RpcErrorKind::Unreachable, failure)
        };
        let connection = if endpoint.is_websocket() {
            let builder = WsClientBuilder::default()
                .connection_timeout(CONNECT_TIMEOUT)
                .request_timeout(timeout)
                .max_response_size(RESPONSE_LIMIT)
                .max_frame_size(RESPONSE_LIMIT);
            Connection::Ws(builder.build(url).await.map_err(unreachable)?)
        } else {
            let retry_after = RetryAfter::default();
            let builder = HttpClientBuilder::default()
                .set_http_middleware(ServiceBuilder::new().layer(RetryAfterLayer(retry_after.clone())))
                .connect_timeout(CONNECT_TIMEOUT)
                .request_timeout(timeout)
                .max_response_size(RESPONSE_LIMIT);
            Connection::Http(builder.build(url).map_err(unreachable)?, retry_after)
        };
        Ok(Self { endpoint: endpoint.clone(), connection })
    }

    /// Sends one request.
    pub async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: ArrayParams,
    ) -> std::result::Result<T, (RpcErrorKind, Failure)> {
        let response = match &self.connection {
            Connection::Ws(client) => request(client, method, params).await,
            Connection::Http(client, retry_after) => {
                retry_after.set(None);
                request(client, method, params).await
            }
        };
        response.map_err(|error| {
            let kind = match (RpcErrorKind::of(&error), &self.connection) {
                (RpcErrorKind::Busy(_), Connection::Http(_, retry_after)) => RpcErrorKind::Busy(retry_after.get()),
                (kind, _) => kind,
            };
            (kind, to_failure(&self.endpoint, method, error))
        })
    }

    /// Returns whether the connection is open. HTTP opens one for each request.
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
    /// Classifies an error by its code and type, and by its text only where neither says more.
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

    /// Classifies an error by its text.
    ///
    /// Nodes use one code for all errors of their database, and providers use codes of their own.
    /// An unknown text counts as an ordinary error.
    fn from_message(text: &str) -> Self {
        let text = text.to_lowercase();
        let contains = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // Checked first: `UnknownBlock: State already discarded for 0x…` is about the state.
        if contains(&["discarded"]) {
            Self::StateDiscarded
        } else if contains(&["unknown block", "unknownblock", "header was not found"]) {
            Self::UnknownBlock
        } else if contains(&["too many requests", "rate limit", "try again"]) {
            Self::Busy(None)
        } else if contains(&["too big", "too large"]) {
            Self::TooLarge
        } else {
            Self::Other
        }
    }
}

/// Converts an error of the client into a failure, with secrets of the endpoint removed.
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

/// Returns the failure for a request without a response.
pub(crate) fn no_response(endpoint: &Endpoint, method: &str) -> Failure {
    Failure::environment(format!("the node {endpoint} does not answer {method}")).hint("try again, or use another node")
}

/// Returns the failure for a response that cannot be decoded. `node` is the node's name in
/// messages.
pub fn invalid_response(node: &impl std::fmt::Display, method: &str) -> Failure {
    Failure::input(format!("invalid response from {node} to {method}")).expected("the response of a Polkadot SDK node")
}

/// Parses a hash of 32 bytes in hex.
pub(crate) fn parse_hash(node: &impl std::fmt::Display, method: &str, text: &str) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).map_err(|error| {
        let shown = protocol::hide_addresses(&text.chars().take(80).collect::<String>());
        invalid_response(node, method).found(format!("{shown:?}: {error}"))
    })?;
    Ok(bytes)
}

/// The `Retry-After` header of the last response. The HTTP client's error carries the status code
/// only.
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

/// Wraps the HTTP service in a [`RetryAfterService`].
struct RetryAfterLayer(RetryAfter);

impl<S> Layer<S> for RetryAfterLayer {
    type Service = RetryAfterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryAfterService { inner, retry_after: self.0.clone() }
    }
}

/// An HTTP service that stores the `Retry-After` header of each response.
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
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            // In seconds. The header's other form, a date, is not used by gateways of nodes.
            let seconds =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
            retry_after.set(seconds.map(Duration::from_secs));
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonrpsee::types::ErrorObject;

    /// The errors as nodes and gateways write them. What is not in this list counts as an ordinary
    /// error.
    #[test]
    fn errors_are_classified() {
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
    fn errors_contain_no_secret() {
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
