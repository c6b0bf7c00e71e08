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
use std::collections::BTreeMap;

/// Subscriptions of one client.
const LIMIT: usize = 1_024;

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

    /// Sends what is due. Who does not read loses it, and is not waited for.
    pub fn flush(&mut self) {
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

    /// Blocks are final at once.
    pub fn included(&mut self, block: H256, extrinsics: &[Vec<u8>]) {
        for state in ["inBlock", "finalized"] {
            self.notify_all(|subject| match subject {
                Subject::Extrinsic(extrinsic) if extrinsics.contains(extrinsic) => Some(json!({state: block})),
                _ => None,
            });
        }
        self.end(extrinsics);
    }

    pub fn dropped(&mut self, extrinsics: &[Vec<u8>]) {
        self.notify_all(|subject| match subject {
            Subject::Extrinsic(extrinsic) if extrinsics.contains(extrinsic) => Some(json!("invalid")),
            _ => None,
        });
        self.end(extrinsics);
    }

    fn end(&mut self, extrinsics: &[Vec<u8>]) {
        self.active.retain(|_, subscription| match &subscription.subject {
            Subject::Extrinsic(extrinsic) => !extrinsics.contains(extrinsic),
            _ => true,
        });
    }
}
