// SPDX-License-Identifier: Apache-2.0
//! Registers methods and subscriptions, and passes their work to the thread that owns the chains.

use super::Fork;
use jsonrpsee::{
    Extensions,
    core::RegisterMethodError,
    server::{ConnectionId, PendingSubscriptionSink, RpcModule},
    types::{ErrorCode, ErrorObjectOwned, ParamsSequence},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use sp_core::H256;
use std::{fmt, sync::mpsc as blocking};
use tokio::sync::{mpsc, oneshot};
use worker::Failure;

/// The maximum number of waiting notifications of one subscription.
pub const QUEUE_LIMIT: usize = 4_096;

/// A job for the thread that owns the chains.
pub type Job = Box<dyn FnOnce(&mut Fork<'_>) + Send>;

/// Sends jobs about one chain to the thread that owns the chains.
#[derive(Clone)]
pub struct ChainThread {
    /// The place of the chain among those of the thread.
    place: usize,
    jobs: blocking::Sender<(usize, Job)>,
}

impl ChainThread {
    /// Creates a handle from the place of a chain and the sender of jobs.
    pub fn new(place: usize, jobs: blocking::Sender<(usize, Job)>) -> Self {
        Self { place, jobs }
    }

    /// Runs `work` on the thread and returns its result, or an error if the fork has ended.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Fork<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let ended = || Error::new(-32000, "the fork has ended");
        let (result, receiver) = oneshot::channel();
        let job = move |fork: &mut Fork<'_>| {
            // The client may have disconnected.
            let _ = result.send(work(fork));
        };
        self.jobs.send((self.place, Box::new(job))).map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())
    }
}

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(ErrorObjectOwned);

impl Error {
    /// Creates an error without data.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self(ErrorObjectOwned::owned(code, message, None::<()>))
    }

    /// Creates an error with details in `data`.
    pub fn with_data(code: i32, message: &str, data: String) -> Self {
        Self(ErrorObjectOwned::owned(code, message, Some(data)))
    }

    /// Creates an error for invalid parameters.
    pub fn parameters(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParams.code(), message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.message())?;
        match self.0.data() {
            Some(data) => write!(formatter, ": {}", data.get()),
            None => Ok(()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(-32000, failure.to_string())
    }
}

impl From<ErrorObjectOwned> for Error {
    fn from(error: ErrorObjectOwned) -> Self {
        Self(error)
    }
}

impl From<Error> for ErrorObjectOwned {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// Parameters by position: `next` and `optional_next` return them in order.
pub type Params<'a> = ParamsSequence<'a>;

/// Reads an optional block hash.
pub fn at(params: &mut Params<'_>) -> Result<Option<H256>, Error> {
    Ok(params.optional_next()?)
}

/// Bytes in hex: written with `0x`, read with or without it, as nodes do.
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

/// The subscriber.
pub struct Subscriber {
    /// The subscription's name on its connection.
    pub id: String,
    /// The connection of the client.
    pub connection: ConnectionId,
}

/// The sending end of a subscription, for the thread that owns the chain.
#[derive(Clone)]
pub struct Notifications(mpsc::Sender<Box<RawValue>>);

/// The receiving end. It is read after the client knows its subscription.
pub type Queue = mpsc::Receiver<Box<RawValue>>;

impl Notifications {
    /// Creates both ends of a subscription.
    pub fn channel() -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(QUEUE_LIMIT);
        (Self(sender), receiver)
    }

    /// Sends a notification without waiting. Returns whether there was room; otherwise it is lost.
    pub fn send(&self, notification: &impl Serialize) -> bool {
        serde_json::value::to_raw_value(notification).is_ok_and(|text| self.0.try_send(text).is_ok())
    }

    /// Returns whether at most one more notification fits.
    pub fn is_nearly_full(&self) -> bool {
        self.0.capacity() <= 1
    }

    /// Returns whether the client disconnected or unsubscribed.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The result of registering a method.
pub type Registered = Result<(), RegisterMethodError>;

/// The methods of a fork.
pub struct Methods(RpcModule<ChainThread>);

impl Methods {
    /// Creates an empty module.
    pub fn new(chain: ChainThread) -> Self {
        Self(RpcModule::new(chain))
    }

    /// Returns the names of all methods in order.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.method_names().collect();
        names.sort_unstable();
        names
    }

    /// Returns the module, for methods of other kinds.
    pub fn module(&mut self) -> &mut RpcModule<ChainThread> {
        &mut self.0
    }

    /// Returns the module.
    pub fn into_module(self) -> RpcModule<ChainThread> {
        self.0
    }

    /// Adds a method that runs on the thread of the chain.
    pub fn method<T: Serialize + Clone + Send + 'static>(
        &mut self,
        name: &'static str,
        answer: fn(&mut Fork<'_>, Params<'_>) -> Result<T, Error>,
    ) -> Registered {
        self.0.register_async_method(name, move |params, chain, _| async move {
            chain.run(move |fork| answer(fork, params.sequence())).await.flatten()
        })?;
        Ok(())
    }

    /// Adds a method whose answer depends on the client's connection.
    pub fn connection_method<T: Serialize + Clone + Send + 'static>(
        &mut self,
        name: &'static str,
        answer: fn(&mut Fork<'_>, ConnectionId, Params<'_>) -> Result<T, Error>,
    ) -> Registered {
        self.0.register_async_method(name, move |params, chain, extensions| async move {
            let connection = connection(&extensions)?;
            chain.run(move |fork| answer(fork, connection, params.sequence())).await.flatten()
        })?;
        Ok(())
    }

    /// Adds another name of a method.
    pub fn alias(&mut self, alias: &'static str, name: &'static str) -> Registered {
        self.0.register_alias(alias, name)
    }

    /// Adds a subscription with the names `[subscribe, notification, unsubscribe]`. The thread of
    /// the chain accepts or refuses it. Notifications come after the answer, in order.
    pub fn subscription(
        &mut self,
        [subscribe, notification, unsubscribe]: [&'static str; 3],
        accept: fn(&mut Fork<'_>, Subscriber, Params<'_>) -> Result<Queue, Error>,
    ) -> Registered {
        self.0.register_subscription(
            subscribe,
            notification,
            unsubscribe,
            move |params, pending, chain, _| async move {
                let Ok(id) = serde_json::to_value(pending.subscription_id()) else { return };
                // Text, except without a server in tests, where ids are numbers.
                let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
                let subscriber = Subscriber { id, connection: pending.connection_id() };
                match chain.run(move |fork| accept(fork, subscriber, params.sequence())).await.flatten() {
                    Ok(queue) => forward(pending, queue).await,
                    Err(error) => pending.reject(error).await,
                }
            },
        )?;
        Ok(())
    }
}

/// Forwards notifications until the client unsubscribes or the subscription ends.
async fn forward(pending: PendingSubscriptionSink, mut queue: Queue) {
    let Ok(sink) = pending.accept().await else { return };
    loop {
        let notification = tokio::select! {
            () = sink.closed() => return,
            notification = queue.recv() => notification,
        };
        let Some(notification) = notification else { return };
        if sink.send(notification).await.is_err() {
            return;
        }
    }
}

/// Returns the connection of a request. Each request has one.
pub fn connection(extensions: &Extensions) -> Result<ConnectionId, Error> {
    let connection = extensions.get::<ConnectionId>().copied();
    connection.ok_or_else(|| Error::new(ErrorCode::InternalError.code(), "a request without a connection"))
}
