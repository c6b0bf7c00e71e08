// SPDX-License-Identifier: Apache-2.0
//! What clients want to be told of.

use super::{
    Fork,
    fork::header_json,
    rpc::{Bytes, Client, Error, Parameters, Reply, Socket},
    state,
};
use crate::chain::Header;
use serde_json::{Value, json};
use sp_core::H256;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Subscriptions of one client.
const LIMIT: usize = 1_024;

/// Between the word that an extrinsic is in a block and the one that the block is final. Clients that look into the block
/// before they pass on the first (`@polkadot/api`) would pass on the second alone.
const PAUSE: Duration = Duration::from_millis(250);

/// To subscribe, to unsubscribe, and what the notification is called.
pub const METHODS: &[(&str, &str, &str)] = &[
    ("author_submitAndWatchExtrinsic", "author_unwatchExtrinsic", "author_extrinsicUpdate"),
    ("chain_subscribeAllHeads", "chain_unsubscribeAllHeads", "chain_allHead"),
    ("chain_subscribeFinalisedHeads", "chain_unsubscribeFinalisedHeads", "chain_finalizedHead"),
    ("chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads", "chain_finalizedHead"),
    ("chain_subscribeNewHead", "chain_unsubscribeNewHead", "chain_newHead"),
    ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads", "chain_newHead"),
    ("state_subscribeRuntimeVersion", "state_unsubscribeRuntimeVersion", "state_runtimeVersion"),
    ("state_subscribeStorage", "state_unsubscribeStorage", "state_storage"),
];

#[derive(Default)]
pub struct Subscriptions {
    active: BTreeMap<u64, Subscription>,
    next: u64,
    /// Told when the answer that gave rise to it is on its way.
    queue: Vec<(Socket, String)>,
    /// The last words of subscriptions, and when they are due, in that order.
    last: VecDeque<(Instant, u64, Value)>,
}

struct Subscription {
    to: Socket,
    notification: &'static str,
    subject: Subject,
}

enum Subject {
    Heads,
    RuntimeVersion,
    Storage(Vec<Vec<u8>>),
    Extrinsic(Vec<u8>),
    /// An extrinsic that is in a block.
    Included,
}

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters, client: &Client) -> Reply {
    let Some(socket) = client.socket() else {
        return Err(Error::new(-32000, "subscriptions need a WebSocket"));
    };
    let Some((_, _, notification)) = METHODS.iter().find(|(subscribe, _, _)| *subscribe == method) else {
        return Ok(json!(fork.subscriptions.remove(socket, &parameters.required::<Value>(0, "subscription")?)));
    };
    match method {
        "author_submitAndWatchExtrinsic" => {
            let extrinsic: Bytes = parameters.required(0, "extrinsic")?;
            fork.submit(extrinsic.0.clone())?;
            let id = fork.subscriptions.add(socket, notification, Subject::Extrinsic(extrinsic.0))?;
            fork.subscriptions.notify(id, json!("ready"));
            Ok(json!(id.to_string()))
        }
        "state_subscribeStorage" => {
            let keys: Vec<Bytes> = parameters.required(0, "keys")?;
            let head = fork.head();
            let chain = fork.chain(None)?;
            let changes = keys
                .iter()
                .map(|key| Ok((key.clone(), chain.storage(&key.0)?.map(Bytes))))
                .collect::<Result<Vec<_>, Error>>()?;
            let keys = keys.into_iter().map(|key| key.0).collect();
            let id = fork.subscriptions.add(socket, notification, Subject::Storage(keys))?;
            fork.subscriptions.notify(id, json!({"block": head, "changes": changes}));
            Ok(json!(id.to_string()))
        }
        "state_subscribeRuntimeVersion" => {
            let version = state::runtime_version(fork, None)?;
            let id = fork.subscriptions.add(socket, notification, Subject::RuntimeVersion)?;
            fork.subscriptions.notify(id, version);
            Ok(json!(id.to_string()))
        }
        _ => {
            let header = header_json(fork.chain(None)?.header());
            let id = fork.subscriptions.add(socket, notification, Subject::Heads)?;
            fork.subscriptions.notify(id, header);
            Ok(json!(id.to_string()))
        }
    }
}

impl Subscriptions {
    fn add(&mut self, to: &Socket, notification: &'static str, subject: Subject) -> Result<u64, Error> {
        if self.active.values().filter(|subscription| subscription.to.id == to.id).count() >= LIMIT {
            return Err(Error::new(-32006, format!("Too many subscriptions: at most {LIMIT} are allowed")));
        }
        self.next += 1;
        self.active.insert(self.next, Subscription { to: to.clone(), notification, subject });
        Ok(self.next)
    }

    fn remove(&mut self, socket: &Socket, id: &Value) -> bool {
        let id = id.as_u64().or_else(|| id.as_str().and_then(|id| id.parse().ok()));
        let own = |id: &u64| self.active.get(id).is_some_and(|subscription| subscription.to.id == socket.id);
        id.filter(own).is_some_and(|id| self.active.remove(&id).is_some())
    }

    /// Ends what a client that went away had.
    pub fn forget(&mut self, client: u64) {
        self.active.retain(|_, subscription| subscription.to.id != client);
    }

    fn notify(&mut self, id: u64, result: Value) {
        if let Some(subscription) = self.active.get(&id) {
            let text = json!({
                "jsonrpc": "2.0",
                "method": subscription.notification,
                "params": {"subscription": id.to_string(), "result": result},
            });
            self.queue.push((subscription.to.clone(), text.to_string()));
        }
    }

    fn notify_all(&mut self, mut result: impl FnMut(&Subject) -> Option<Value>) {
        let due: Vec<_> = self
            .active
            .iter()
            .filter_map(|(id, subscription)| result(&subscription.subject).map(|result| (*id, result)))
            .collect();
        for (id, result) in due {
            self.notify(id, result);
        }
    }

    /// How long nothing is due.
    pub fn due_in(&self) -> Duration {
        self.last.front().map_or(Duration::MAX, |(due, ..)| due.saturating_duration_since(Instant::now()))
    }

    /// Sends what is due. Who does not read loses it, and is not waited for.
    pub fn flush(&mut self) {
        self.flush_at(Instant::now());
    }

    fn flush_at(&mut self, now: Instant) {
        while let Some((_, id, result)) = self.last.pop_front_if(|(due, ..)| *due <= now) {
            self.notify(id, result);
            self.active.remove(&id);
        }
        for (socket, text) in self.queue.drain(..) {
            let _ = socket.out.try_send(text);
        }
    }

    pub fn new_head(&mut self, header: &Header) {
        self.notify_all(|subject| matches!(subject, Subject::Heads).then(|| header_json(header)));
    }

    pub fn runtime_version(&mut self, version: &Value) {
        self.notify_all(|subject| matches!(subject, Subject::RuntimeVersion).then(|| version.clone()));
    }

    pub fn storage(&mut self, block: H256, changed: &[Vec<u8>], read: impl Fn(&[u8]) -> Option<Bytes>) {
        self.notify_all(|subject| {
            let Subject::Storage(wanted) = subject else { return None };
            let changes: Vec<_> =
                wanted.iter().filter(|key| changed.contains(key)).map(|key| (Bytes(key.clone()), read(key))).collect();
            (!changes.is_empty()).then(|| json!({"block": block, "changes": changes}))
        });
    }

    /// Blocks are final at once; that is told a little later.
    pub fn included(&mut self, block: H256, extrinsics: &[Vec<u8>]) {
        let due = Instant::now() + PAUSE;
        for id in self.watching(extrinsics) {
            self.notify(id, json!({"inBlock": block}));
            if let Some(subscription) = self.active.get_mut(&id) {
                subscription.subject = Subject::Included;
            }
            self.last.push_back((due, id, json!({"finalized": block})));
        }
    }

    pub fn dropped(&mut self, extrinsics: &[Vec<u8>]) {
        for id in self.watching(extrinsics) {
            self.notify(id, json!("invalid"));
            self.active.remove(&id);
        }
    }

    fn watching(&self, extrinsics: &[Vec<u8>]) -> Vec<u64> {
        let watches = |subject: &Subject| matches!(subject, Subject::Extrinsic(one) if extrinsics.contains(one));
        self.active.iter().filter(|(_, one)| watches(&one.subject)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[test]
    fn that_an_extrinsic_is_in_a_block_is_told_before_the_block_is_final() {
        let (out, mut told) = mpsc::channel(16);
        let socket = Socket { id: 1, out };
        let mut next = || {
            let text = told.try_recv().ok()?;
            let message: Value = serde_json::from_str(&text).expect("JSON");
            Some(message["params"]["result"].clone())
        };
        let mut subscriptions = Subscriptions::default();
        let watch = |subscriptions: &mut Subscriptions, extrinsic: &[u8]| {
            subscriptions
                .add(&socket, "author_extrinsicUpdate", Subject::Extrinsic(extrinsic.to_vec()))
                .expect("watched")
        };
        let (block, began) = (H256::repeat_byte(1), Instant::now());
        watch(&mut subscriptions, b"first");
        let given_up = watch(&mut subscriptions, b"second");
        assert_eq!(subscriptions.due_in(), Duration::MAX);
        subscriptions.included(block, &[b"first".to_vec(), b"second".to_vec()]);
        subscriptions.flush_at(began);
        assert_eq!([next(), next(), next()], [Some(json!({"inBlock": block})), Some(json!({"inBlock": block})), None]);
        assert!(subscriptions.due_in() <= PAUSE);

        // It is in a block: what happens to the same bytes elsewhere is not its fate.
        subscriptions.dropped(&[b"first".to_vec()]);
        assert!(subscriptions.remove(&socket, &json!(given_up.to_string())), "who has heard enough may go");
        subscriptions.flush_at(Instant::now() + PAUSE);
        assert_eq!([next(), next()], [Some(json!({"finalized": block})), None]);
        assert!(subscriptions.active.is_empty());
        assert_eq!(subscriptions.due_in(), Duration::MAX);
    }
}
