// SPDX-License-Identifier: Apache-2.0
//! `chainHead_v1_*`: following the head of the chain, and reading pinned blocks.
//!
//! A request about a block starts an operation: the answer contains its name, and the results are
//! notifications of the subscription that follows the chain. Specified in
//! `paritytech/json-rpc-interface-spec`.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Notifications, Params, Queue, Registered, Subscriber, connection},
    state,
    storage_query::{StorageItem, StorageQuery, StorageReader},
    subscriptions::FINALITY_DELAY,
};
use codec::Encode;
use jsonrpsee::{ResponsePayload, server::ConnectionId};
use serde::{Deserialize, Serialize};
use sp_core::H256;
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::{Duration, Instant},
};
use worker::{Failure, Kind};

/// The maximum number of subscriptions of one connection that follow the chain, the limit of nodes.
const FOLLOW_LIMIT: usize = 4;
/// The maximum number of running operations of one subscription. Each key that is read counts.
const OPERATION_LIMIT: usize = 16;
/// The maximum number of pinned blocks of one subscription.
const PIN_LIMIT: usize = 1_024;
/// The maximum number of blocks that a subscription starts with.
const FIRST_BLOCKS: usize = 16;

const TOO_MANY_FOLLOWS: i32 = -32800;
const BLOCK_NOT_PINNED: i32 = -32801;
const WITHOUT_RUNTIME: i32 = -32802;
const NOT_WAITING: i32 = -32803;
const DUPLICATE_HASHES: i32 = -32804;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.subscription(["chainHead_v1_follow", "chainHead_v1_followEvent", "chainHead_v1_unfollow"], follow)?;
    methods.connection_method("chainHead_v1_continue", continue_operation)?;
    methods.connection_method("chainHead_v1_header", header)?;
    methods.connection_method("chainHead_v1_stopOperation", stop_operation)?;
    methods.connection_method("chainHead_v1_unpin", unpin)?;
    operation(methods, "chainHead_v1_body", body)?;
    operation(methods, "chainHead_v1_call", call)?;
    operation(methods, "chainHead_v1_storage", storage)
}

/// Adds a method that starts an operation. It runs after the answer with its name was sent.
fn operation(
    methods: &mut Methods,
    name: &'static str,
    begin: fn(&mut Fork<'_>, ConnectionId, Params<'_>) -> Result<OperationStart, Error>,
) -> Registered {
    methods.module().register_async_method(name, move |params, chain, extensions| async move {
        let start = match connection(&extensions) {
            Ok(connection) => chain.run(move |fork| begin(fork, connection, params.sequence())).await.flatten(),
            Err(error) => Err(error),
        };
        match start {
            Err(error) => ResponsePayload::error(error),
            Ok(OperationStart::LimitReached) => ResponsePayload::success(OperationAnswer::LimitReached),
            Ok(OperationStart::Started { operation, discarded_items }) => {
                let operation_id = operation.id.to_string();
                let answer = OperationAnswer::Started { operation_id, discarded_items };
                let (answer, sent) = ResponsePayload::success(answer).notify_on_completion();
                tokio::spawn(async move {
                    // The result of sending is not needed: the operation of a disconnected client
                    // does nothing.
                    let _ = sent.await;
                    let _ = chain.run(move |fork| advance(fork, &operation)).await;
                });
                answer
            }
        }
    })?;
    Ok(())
}

/// The result of starting an operation.
enum OperationStart {
    Started { operation: OperationId, discarded_items: Option<usize> },
    LimitReached,
}

/// The answer with the name of an operation.
#[derive(Clone, Serialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum OperationAnswer {
    Started {
        operation_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        discarded_items: Option<usize>,
    },
    LimitReached,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum FollowEvent<'a> {
    Initialized {
        finalized_block_hashes: Vec<H256>,
        #[serde(skip_serializing_if = "Option::is_none")]
        finalized_block_runtime: Option<Runtime>,
    },
    NewBlock {
        block_hash: H256,
        parent_block_hash: H256,
        /// Absent if the runtime is not followed, null if it is the parent's.
        #[serde(skip_serializing_if = "Option::is_none")]
        new_runtime: Option<Option<&'a Runtime>>,
    },
    BestBlockChanged {
        best_block_hash: H256,
    },
    Finalized {
        finalized_block_hashes: Vec<H256>,
        pruned_block_hashes: [H256; 0],
    },
    OperationBodyDone {
        operation_id: String,
        value: Vec<Bytes>,
    },
    OperationCallDone {
        operation_id: String,
        output: Bytes,
    },
    OperationStorageItems {
        operation_id: String,
        items: Vec<StorageItem>,
    },
    OperationWaitingForContinue {
        operation_id: String,
    },
    OperationStorageDone {
        operation_id: String,
    },
    /// Another attempt may succeed.
    OperationInaccessible {
        operation_id: String,
    },
    OperationError {
        operation_id: String,
        error: String,
    },
    Stop,
}

/// The runtime at a block.
#[derive(PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Runtime {
    Valid { spec: RuntimeSpec },
    Invalid { error: String },
}

/// The version of a runtime.
#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeSpec {
    spec_name: String,
    impl_name: String,
    spec_version: u32,
    impl_version: u32,
    transaction_version: u32,
    /// The version of each API, by the hash of its name.
    apis: BTreeMap<String, u32>,
}

impl Runtime {
    /// Returns the runtime at a block.
    pub fn at(fork: &Fork<'_>, block: H256) -> Self {
        match state::runtime_version(fork, Some(block)) {
            Ok(version) => Self::Valid {
                spec: RuntimeSpec {
                    spec_name: version.spec_name.into(),
                    impl_name: version.impl_name.into(),
                    spec_version: version.spec_version,
                    impl_version: version.impl_version,
                    transaction_version: version.transaction_version,
                    apis: version.apis.iter().map(|(api, version)| (hex::encode_prefixed(api), *version)).collect(),
                },
            },
            Err(error) => Self::Invalid { error: error.to_string() },
        }
    }
}

/// The subscriptions that follow the chain, by their names.
#[derive(Default)]
pub struct Follows {
    active: BTreeMap<String, Follow>,
    next_operation: u64,
}

struct Follow {
    connection: ConnectionId,
    with_runtime: bool,
    to: Notifications,
    pinned: HashSet<H256>,
    /// The blocks to report as final, each with the time.
    finalizing: VecDeque<(Instant, H256)>,
    operations: BTreeMap<u64, Operation>,
}

/// Identifies an operation.
#[derive(Clone)]
struct OperationId {
    follow: String,
    id: u64,
}

struct Operation {
    block: H256,
    task: Task,
    /// The number of operations that it counts for.
    weight: usize,
    is_waiting: bool,
}

enum Task {
    Body,
    Call { function: String, arguments: Vec<u8> },
    Storage(StorageReader),
}

impl Follow {
    /// Sends an event. Returns whether there was room for it and one more.
    fn send(&self, event: &FollowEvent<'_>) -> bool {
        !self.to.is_nearly_full() && self.to.send(event)
    }

    /// Reports a new block. Returns whether the subscription continues.
    fn new_block(&mut self, block: H256, parent: H256, new_runtime: Option<&Runtime>) -> bool {
        let event = FollowEvent::NewBlock {
            block_hash: block,
            parent_block_hash: parent,
            new_runtime: self.with_runtime.then_some(new_runtime),
        };
        let has_room = self.pinned.len() < PIN_LIMIT
            && self.send(&event)
            && self.send(&FollowEvent::BestBlockChanged { best_block_hash: block });
        self.pinned.insert(block);
        self.finalizing.push_back((Instant::now() + FINALITY_DELAY, block));
        has_room
    }

    /// Reports the blocks that are final by now. Returns whether the subscription continues.
    fn finalize(&mut self, now: Instant) -> bool {
        let mut blocks = Vec::new();
        while self.finalizing.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, block)) = self.finalizing.pop_front()
        {
            blocks.push(block);
        }
        blocks.is_empty()
            || self.send(&FollowEvent::Finalized { finalized_block_hashes: blocks, pruned_block_hashes: [] })
    }

    fn expect_pinned(&self, block: H256) -> Result<(), Error> {
        match self.pinned.contains(&block) {
            true => Ok(()),
            false => Err(Error::new(BLOCK_NOT_PINNED, format!("the block {block:?} is not pinned"))),
        }
    }

    fn room_for_operations(&self) -> usize {
        let used: usize = self.operations.values().map(|operation| operation.weight).sum();
        OPERATION_LIMIT.saturating_sub(used)
    }
}

impl Follows {
    /// Returns a subscription of the connection, unless it has ended.
    fn get(&mut self, connection: ConnectionId, id: &str) -> Option<&mut Follow> {
        self.active.get_mut(id).filter(|follow| follow.connection == connection && !follow.to.is_closed())
    }

    /// Keeps the subscriptions that continue. The others receive a stop event.
    fn keep(&mut self, mut continues: impl FnMut(&mut Follow) -> bool) {
        self.active.retain(|_, follow| {
            let kept = !follow.to.is_closed() && continues(follow);
            if !kept {
                follow.to.send(&FollowEvent::Stop);
            }
            kept
        });
    }

    /// Stops all subscriptions, because what was reported about the chain is no longer true.
    pub fn stop(&mut self) {
        self.keep(|_| false);
    }

    /// Returns whether any subscription follows the runtime.
    pub fn want_runtime(&self) -> bool {
        self.active.values().any(|follow| follow.with_runtime)
    }

    /// Reports a new block to all subscriptions.
    pub fn new_block(&mut self, block: H256, parent: H256, new_runtime: Option<&Runtime>) {
        self.keep(|follow| follow.new_block(block, parent, new_runtime));
    }

    /// Returns the time until the next notification is due.
    pub fn due_in(&self) -> Duration {
        let due = self.active.values().filter_map(|follow| follow.finalizing.front()).map(|(due, _)| *due).min();
        due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Sends the notifications that are due at `now`.
    pub fn notify_due(&mut self, now: Instant) {
        self.keep(|follow| follow.finalize(now));
    }

    fn begin(&mut self, follow: String, block: H256, task: Task, weight: usize) -> OperationId {
        self.next_operation += 1;
        let id = self.next_operation;
        if let Some(follow) = self.active.get_mut(&follow) {
            follow.operations.insert(id, Operation { block, task, weight, is_waiting: false });
        }
        OperationId { follow, id }
    }
}

fn follow(fork: &mut Fork<'_>, subscriber: Subscriber, mut params: Params<'_>) -> Result<Queue, Error> {
    let with_runtime: bool = params.next()?;
    fork.follows.active.retain(|_, follow| !follow.to.is_closed());
    let own = fork.follows.active.values().filter(|follow| follow.connection == subscriber.connection);
    if own.count() >= FOLLOW_LIMIT {
        let message = format!("at most {FOLLOW_LIMIT} subscriptions of a connection follow the chain");
        return Err(Error::new(TOO_MANY_FOLLOWS, message));
    }
    let blocks = fork.last_blocks(FIRST_BLOCKS);
    let head = fork.head();
    let (to, queue) = Notifications::channel();
    to.send(&FollowEvent::Initialized {
        finalized_block_hashes: blocks.clone(),
        finalized_block_runtime: with_runtime.then(|| Runtime::at(fork, head)),
    });
    to.send(&FollowEvent::BestBlockChanged { best_block_hash: head });
    let follow = Follow {
        connection: subscriber.connection,
        with_runtime,
        to,
        pinned: blocks.into_iter().collect(),
        finalizing: VecDeque::new(),
        operations: BTreeMap::new(),
    };
    fork.follows.active.insert(subscriber.id, follow);
    Ok(queue)
}

fn header(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<Option<Bytes>, Error> {
    let (follow, block): (String, H256) = (params.next()?, params.next()?);
    let Some(follow) = fork.follows.get(connection, &follow) else { return Ok(None) };
    follow.expect_pinned(block)?;
    Ok(Some(Bytes(fork.chain(Some(block))?.header().encode())))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Hashes {
    One(H256),
    Many(Vec<H256>),
}

fn unpin(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<(), Error> {
    let (follow, hashes): (String, Hashes) = (params.next()?, params.next()?);
    let hashes = match hashes {
        Hashes::One(hash) => vec![hash],
        Hashes::Many(hashes) => hashes,
    };
    let Some(follow) = fork.follows.get(connection, &follow) else { return Ok(()) };
    // Either all blocks are unpinned or none.
    let mut seen = HashSet::new();
    for hash in &hashes {
        follow.expect_pinned(*hash)?;
        if !seen.insert(hash) {
            return Err(Error::new(DUPLICATE_HASHES, format!("the block {hash:?} is named twice")));
        }
    }
    follow.pinned.retain(|pinned| !seen.contains(pinned));
    Ok(())
}

fn body(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<OperationStart, Error> {
    let (id, block): (String, H256) = (params.next()?, params.next()?);
    let Some(follow) = fork.follows.get(connection, &id) else { return Ok(OperationStart::LimitReached) };
    follow.expect_pinned(block)?;
    begin(fork, id, block, Task::Body)
}

fn call(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<OperationStart, Error> {
    let (id, block): (String, H256) = (params.next()?, params.next()?);
    let (function, arguments): (String, Bytes) = (params.next()?, params.next()?);
    let Some(follow) = fork.follows.get(connection, &id) else { return Ok(OperationStart::LimitReached) };
    follow.expect_pinned(block)?;
    if !follow.with_runtime {
        return Err(Error::new(WITHOUT_RUNTIME, "the subscription does not follow the runtime"));
    }
    begin(fork, id, block, Task::Call { function, arguments: arguments.0 })
}

fn storage(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<OperationStart, Error> {
    let (id, block): (String, H256) = (params.next()?, params.next()?);
    let mut items: Vec<StorageQuery> = params.next()?;
    let child: Option<Bytes> = params.optional_next()?;
    let Some(follow) = fork.follows.get(connection, &id) else { return Ok(OperationStart::LimitReached) };
    follow.expect_pinned(block)?;
    let requested = items.len();
    items.truncate(follow.room_for_operations());
    if items.is_empty() && requested > 0 {
        return Ok(OperationStart::LimitReached);
    }
    let weight = items.len();
    let task = Task::Storage(StorageReader::new(items, child, false));
    let operation = fork.follows.begin(id, block, task, weight);
    Ok(OperationStart::Started { operation, discarded_items: Some(requested - weight) })
}

fn begin(fork: &mut Fork<'_>, follow: String, block: H256, task: Task) -> Result<OperationStart, Error> {
    let has_room = fork.follows.active.get(&follow).is_some_and(|follow| follow.room_for_operations() > 0);
    if !has_room {
        return Ok(OperationStart::LimitReached);
    }
    let operation = fork.follows.begin(follow, block, task, 1);
    Ok(OperationStart::Started { operation, discarded_items: None })
}

fn continue_operation(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<(), Error> {
    let (follow, id): (String, String) = (params.next()?, params.next()?);
    let Ok(id) = id.parse() else { return Ok(()) };
    let operation = fork.follows.get(connection, &follow).and_then(|follow| follow.operations.get_mut(&id));
    let Some(operation) = operation else { return Ok(()) };
    if !std::mem::take(&mut operation.is_waiting) {
        return Err(Error::new(NOT_WAITING, "the operation is not waiting to be continued"));
    }
    advance(fork, &OperationId { follow, id });
    Ok(())
}

fn stop_operation(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<(), Error> {
    let (follow, id): (String, String) = (params.next()?, params.next()?);
    if let (Some(follow), Ok(id)) = (fork.follows.get(connection, &follow), id.parse::<u64>()) {
        follow.operations.remove(&id);
    }
    Ok(())
}

/// Runs an operation, or the next page of it. A stopped operation is no longer there.
fn advance(fork: &mut Fork<'_>, operation: &OperationId) {
    let OperationId { follow, id } = operation;
    let removed = fork.follows.active.get_mut(follow).and_then(|follow| follow.operations.remove(id));
    let Some(mut operation) = removed else { return };
    let operation_id = id.to_string();
    let done = match &mut operation.task {
        Task::Body => read_body(fork, operation.block)
            .map(|value| vec![FollowEvent::OperationBodyDone { operation_id: operation_id.clone(), value }]),
        Task::Call { function, arguments } => fork.call_runtime(operation.block, function, arguments).map(|output| {
            let output = Bytes(output);
            vec![FollowEvent::OperationCallDone { operation_id: operation_id.clone(), output }]
        }),
        Task::Storage(reader) => read_page(fork, operation.block, reader).map(|(items, is_last)| {
            operation.is_waiting = !is_last;
            let mut events = Vec::new();
            if !items.is_empty() {
                events.push(FollowEvent::OperationStorageItems { operation_id: operation_id.clone(), items });
            }
            events.push(match is_last {
                true => FollowEvent::OperationStorageDone { operation_id: operation_id.clone() },
                false => FollowEvent::OperationWaitingForContinue { operation_id: operation_id.clone() },
            });
            events
        }),
    };
    let events = done.unwrap_or_else(|failure| {
        vec![match failure.kind {
            Kind::Environment => FollowEvent::OperationInaccessible { operation_id },
            _ => FollowEvent::OperationError { operation_id, error: failure.to_string() },
        }]
    });
    let Some(target) = fork.follows.active.get_mut(follow) else { return };
    if !events.iter().all(|event| target.send(event)) {
        target.to.send(&FollowEvent::Stop);
        fork.follows.active.remove(follow);
    } else if operation.is_waiting {
        target.operations.insert(*id, operation);
    }
}

fn read_body(fork: &Fork<'_>, block: H256) -> Result<Vec<Bytes>, Failure> {
    let entry = fork.block(block)?;
    Ok(entry.body()?.iter().map(|extrinsic| Bytes(extrinsic.encode())).collect())
}

fn read_page(fork: &Fork<'_>, block: H256, reader: &mut StorageReader) -> Result<(Vec<StorageItem>, bool), Failure> {
    let page = reader.page(&fork.block(block)?.chain)?;
    Ok((page.items, page.is_last))
}

/// Returns the error code of continuing an operation that was just started.
#[cfg(test)]
pub(super) fn continue_at_once(fork: &mut Fork<'_>, follow: &str, block: H256) -> Option<i32> {
    let OperationId { follow, id } = fork.follows.begin(follow.to_owned(), block, Task::Body, 1);
    let params = serde_json::json!([follow, id.to_string()]).to_string();
    let params = jsonrpsee::types::Params::new(Some(&params));
    let error = continue_operation(fork, ConnectionId(0), params.sequence()).err()?;
    Some(jsonrpsee::types::ErrorObjectOwned::from(error).code())
}
