// SPDX-License-Identifier: Apache-2.0
//! JSON-RPC 2.0: messages in, answers out.

use super::{Fork, author, chain, child_state, dev, payment, state, subscriptions, system};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Value, json};
use sp_core::H256;
use tokio::sync::{mpsc, oneshot};
use worker::Failure;

/// Calls in one batch.
const BATCH_LIMIT: usize = 1_000;

/// Who asked, and where the answer goes.
pub enum Client {
    /// Gets one answer.
    Http(std::sync::Mutex<Option<oneshot::Sender<String>>>),
    /// Stays, and can be told more later.
    Socket(Socket),
}

#[derive(Clone)]
pub struct Socket {
    pub id: u64,
    pub out: mpsc::Sender<String>,
}

impl Client {
    pub fn http(answer: oneshot::Sender<String>) -> Self {
        Self::Http(std::sync::Mutex::new(Some(answer)))
    }

    pub fn socket(&self) -> Option<&Socket> {
        match self {
            Self::Http(_) => None,
            Self::Socket(socket) => Some(socket),
        }
    }

    pub fn answer(&self, text: String) {
        match self {
            Self::Http(sender) => {
                if let Some(sender) = sender.lock().ok().and_then(|mut sender| sender.take()) {
                    let _ = sender.send(text);
                }
            }
            // A client that does not read what it asked for loses it.
            Self::Socket(socket) => {
                let _ = socket.out.try_send(text);
            }
        }
    }
}

/// An error as JSON-RPC has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Error {
    pub code: i64,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

pub type Reply = Result<Value, Error>;

impl Error {
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub fn parameters(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    fn unknown(method: &str) -> Self {
        Self::new(-32601, format!("Method not found: {method}"))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(-32000, failure.to_string())
    }
}

/// Parameters by position.
pub struct Parameters(Vec<Value>);

impl Parameters {
    fn new(value: Option<Value>) -> Result<Self, Error> {
        match value {
            None | Some(Value::Null) => Ok(Self(Vec::new())),
            Some(Value::Array(values)) => Ok(Self(values)),
            Some(_) => Err(Error::parameters("parameters are given by position, in an array")),
        }
    }

    pub fn optional<T: DeserializeOwned>(&self, index: usize, name: &str) -> Result<Option<T>, Error> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value)
                .map(Some)
                .map_err(|error| Error::parameters(format!("parameter {index} ({name}): {error}"))),
        }
    }

    pub fn required<T: DeserializeOwned>(&self, index: usize, name: &str) -> Result<T, Error> {
        self.optional(index, name)?.ok_or_else(|| Error::parameters(format!("parameter {index} ({name}) is missing")))
    }

    /// The hash of the block that is meant, where there is one.
    pub fn at(&self, index: usize) -> Result<Option<H256>, Error> {
        self.optional(index, "block hash")
    }
}

/// Bytes in hex: written with `0x`, read with and without it, as nodes do it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        sp_core::bytes::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_prefixed(&self.0))
    }
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Option<Value>,
}

/// Answers a message, then tells what the answer gave rise to.
pub fn answer(fork: &mut Fork<'_>, text: &str, client: &Client) {
    let answer = match serde_json::from_str::<Value>(text) {
        Err(error) => Some(failed(Value::Null, Error::new(-32700, format!("Parse error: {error}")))),
        Ok(Value::Array(calls)) if calls.is_empty() => Some(failed(Value::Null, invalid("an empty batch"))),
        Ok(Value::Array(calls)) if calls.len() > BATCH_LIMIT => {
            Some(failed(Value::Null, invalid(&format!("more than {BATCH_LIMIT} calls in a batch"))))
        }
        Ok(Value::Array(calls)) => {
            let answers: Vec<_> = calls.into_iter().filter_map(|call| one(fork, call, client)).collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        Ok(call) => one(fork, call, client),
    };
    // A notification has no answer; HTTP still wants one.
    if answer.is_some() || client.socket().is_none() {
        client.answer(answer.map(|answer| answer.to_string()).unwrap_or_default());
    }
    fork.subscriptions.flush();
}

fn one(fork: &mut Fork<'_>, call: Value, client: &Client) -> Option<Value> {
    let id = call.get("id").cloned();
    let call = match Call::deserialize(call) {
        Ok(call) => call,
        Err(error) => return Some(failed(id.unwrap_or_default(), invalid(&error.to_string()))),
    };
    let reply = Parameters::new(call.params).and_then(|parameters| dispatch(fork, &call.method, &parameters, client));
    // Another try may find the node again that the state is taken from.
    fork.forget_failure();
    let id = call.id?;
    Some(match reply {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => failed(id, error),
    })
}

fn failed(id: Value, error: Error) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

fn invalid(why: &str) -> Error {
    Error::new(-32600, format!("Invalid request: {why}"))
}

/// Answers the methods that it has.
type Namespace = fn(&mut Fork<'_>, &str, &Parameters) -> Option<Reply>;

fn dispatch(fork: &mut Fork<'_>, method: &str, parameters: &Parameters, client: &Client) -> Reply {
    if method == "rpc_methods" {
        return Ok(json!({"methods": methods()}));
    }
    if subscriptions::METHODS.iter().any(|(subscribe, unsubscribe, _)| [*subscribe, *unsubscribe].contains(&method)) {
        return subscriptions::call(fork, method, parameters, client);
    }
    let namespaces: [Namespace; 7] =
        [chain::call, state::call, child_state::call, system::call, author::call, payment::call, dev::call];
    namespaces
        .into_iter()
        .find_map(|namespace| namespace(fork, method, parameters))
        .unwrap_or_else(|| Err(Error::unknown(method)))
}

/// Every method there is.
pub fn methods() -> Vec<&'static str> {
    let lists = [
        chain::METHODS,
        state::METHODS,
        child_state::METHODS,
        system::METHODS,
        author::METHODS,
        payment::METHODS,
        dev::METHODS,
    ];
    let subscriptions =
        subscriptions::METHODS.iter().flat_map(|(subscribe, unsubscribe, _)| [*subscribe, *unsubscribe]);
    let mut methods: Vec<_> = lists.concat().into_iter().chain(subscriptions).chain(["rpc_methods"]).collect();
    methods.sort_unstable();
    methods
}
