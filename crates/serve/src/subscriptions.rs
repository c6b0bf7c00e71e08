// SPDX-License-Identifier: Apache-2.0
//! Subscriptions: to heads, values, the runtime's version and the status of an extrinsic.

use super::{
    rpc::{Bytes, Notifications, Queue},
    state::StorageChangeSet,
};
use fork::Header;
use serde::Serialize;
use sp_core::H256;
use sp_version::RuntimeVersion;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// The delay between the notifications that an extrinsic is in a block and that the block is final.
/// Without it, clients that read the block before they report the first (`@polkadot/api`) would
/// report only the second.
pub const FINALITY_DELAY: Duration = Duration::from_millis(250);

/// The subscriptions of all clients.
#[derive(Default)]
pub struct Subscriptions {
    active: BTreeMap<u64, Subscription>,
    next: u64,
    /// The last notifications of subscriptions, in the order of the time they are due.
    last: VecDeque<(Instant, u64, TransactionStatus)>,
}

struct Subscription {
    to: Watcher,
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

/// The status of an extrinsic that is watched.
#[derive(Clone, Debug)]
pub enum TransactionStatus {
    Ready,
    InBlock(BlockPosition),
    Finalized(BlockPosition),
    Invalid(String),
}

/// The position of an extrinsic in the chain.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BlockPosition {
    hash: H256,
    index: usize,
}

/// The format of a transaction's status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Of `author_submitAndWatchExtrinsic`.
    Author,
    /// Of `transactionWatch_v1_submitAndWatch`.
    TransactionWatch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum AuthorStatus<'a> {
    Ready,
    InBlock(&'a H256),
    Finalized(&'a H256),
    Invalid,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
enum TransactionEvent<'a> {
    Validated,
    BestChainBlockIncluded { block: &'a BlockPosition },
    Finalized { block: &'a BlockPosition },
    Invalid { error: &'a str },
}

/// The sending end of a subscription, with the format of its status.
pub struct Watcher {
    to: Notifications,
    format: Format,
}

impl Format {
    /// Creates both ends of a subscription.
    pub fn channel(self) -> (Watcher, Queue) {
        let (to, queue) = Notifications::channel();
        (Watcher { to, format: self }, queue)
    }
}

impl Watcher {
    /// Sends a status without waiting. If the client does not read, it is lost.
    pub fn send(&self, status: &TransactionStatus) {
        match self.format {
            Format::Author => self.to.send(&match status {
                TransactionStatus::Ready => AuthorStatus::Ready,
                TransactionStatus::InBlock(block) => AuthorStatus::InBlock(&block.hash),
                TransactionStatus::Finalized(block) => AuthorStatus::Finalized(&block.hash),
                TransactionStatus::Invalid(_) => AuthorStatus::Invalid,
            }),
            Format::TransactionWatch => self.to.send(&match status {
                TransactionStatus::Ready => TransactionEvent::Validated,
                TransactionStatus::InBlock(block) => TransactionEvent::BestChainBlockIncluded { block },
                TransactionStatus::Finalized(block) => TransactionEvent::Finalized { block },
                TransactionStatus::Invalid(error) => TransactionEvent::Invalid { error },
            }),
        };
    }
}

impl Subscriptions {
    /// Adds a subscription to heads.
    pub fn heads(&mut self, to: Notifications) {
        self.add(to, Subject::Heads);
    }

    /// Adds a subscription to the runtime's version.
    pub fn runtime_version(&mut self, to: Notifications) {
        self.add(to, Subject::RuntimeVersion);
    }

    /// Adds a subscription to the values of some keys.
    pub fn storage(&mut self, to: Notifications, keys: Vec<Vec<u8>>) {
        self.add(to, Subject::Storage(keys));
    }

    /// Adds a subscription to the status of an extrinsic.
    pub fn watch(&mut self, to: Watcher, extrinsic: Vec<u8>) {
        self.insert(to, Subject::Extrinsic(extrinsic));
    }

    fn add(&mut self, to: Notifications, subject: Subject) {
        self.insert(Watcher { to, format: Format::Author }, subject);
    }

    fn insert(&mut self, to: Watcher, subject: Subject) {
        self.forget_closed();
        self.active.insert(self.next, Subscription { to, subject });
        self.next += 1;
    }

    /// Removes the subscriptions of clients that disconnected or unsubscribed.
    fn forget_closed(&mut self) {
        self.active.retain(|_, subscription| !subscription.to.to.is_closed());
    }

    fn notify<T: Serialize>(&mut self, mut notification: impl FnMut(&Subject) -> Option<T>) {
        self.forget_closed();
        for subscription in self.active.values() {
            if let Some(notification) = notification(&subscription.subject) {
                subscription.to.to.send(&notification);
            }
        }
    }

    /// Returns the time until the next notification is due.
    pub fn due_in(&self) -> Duration {
        self.last.front().map_or(Duration::MAX, |(due, ..)| due.saturating_duration_since(Instant::now()))
    }

    /// Sends the notifications that are due at `now`.
    pub fn notify_due(&mut self, now: Instant) {
        while self.last.front().is_some_and(|(due, ..)| *due <= now)
            && let Some((_, id, status)) = self.last.pop_front()
        {
            if let Some(subscription) = self.active.remove(&id) {
                subscription.to.send(&status);
            }
        }
    }

    /// Reports a new head.
    pub fn new_head(&mut self, header: &Header) {
        self.notify(|subject| matches!(subject, Subject::Heads).then_some(header));
    }

    /// Reports a new version of the runtime.
    pub fn new_runtime_version(&mut self, version: &RuntimeVersion) {
        self.notify(|subject| matches!(subject, Subject::RuntimeVersion).then_some(version));
    }

    /// Reports the changed values to the subscriptions of their keys.
    pub fn new_values(&mut self, block: H256, changed: &[Vec<u8>], read: impl Fn(&[u8]) -> Option<Bytes>) {
        self.notify(|subject| {
            let Subject::Storage(wanted) = subject else { return None };
            let changes: Vec<_> =
                wanted.iter().filter(|key| changed.contains(key)).map(|key| (Bytes(key.clone()), read(key))).collect();
            (!changes.is_empty()).then_some(StorageChangeSet { block, changes })
        });
    }

    /// Reports the extrinsics of a block. The block is final at once, which is reported after a
    /// delay.
    pub fn included(&mut self, hash: H256, extrinsics: &[Vec<u8>]) {
        let due = Instant::now() + FINALITY_DELAY;
        for (id, subscription) in &mut self.active {
            let Subject::Extrinsic(watched) = &subscription.subject else { continue };
            let Some(index) = extrinsics.iter().position(|extrinsic| extrinsic == watched) else { continue };
            let block = BlockPosition { hash, index };
            subscription.to.send(&TransactionStatus::InBlock(block));
            subscription.subject = Subject::Included;
            self.last.push_back((due, *id, TransactionStatus::Finalized(block)));
        }
    }

    /// Reports extrinsics that the runtime refused.
    pub fn dropped(&mut self, extrinsics: &[Vec<u8>]) {
        self.active.retain(|_, subscription| {
            let Subject::Extrinsic(watched) = &subscription.subject else { return true };
            let dropped = extrinsics.contains(watched);
            if dropped {
                let why = "the runtime refused it when a block was built".to_owned();
                subscription.to.send(&TransactionStatus::Invalid(why));
            }
            !dropped
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn next(queue: &mut Queue) -> Option<Value> {
        queue.try_recv().ok().map(|text| serde_json::from_str(text.get()).expect("JSON"))
    }

    #[test]
    fn inclusion_is_reported_before_finality() {
        let mut subscriptions = Subscriptions::default();
        let watch = |subscriptions: &mut Subscriptions, format: Format, extrinsic: &[u8]| {
            let (to, queue) = format.channel();
            subscriptions.watch(to, extrinsic.to_vec());
            queue
        };
        let (block, began) = (H256::repeat_byte(1), Instant::now());
        let mut first = watch(&mut subscriptions, Format::Author, b"first");
        let mut modern = watch(&mut subscriptions, Format::TransactionWatch, b"second");
        let mut abandoned = watch(&mut subscriptions, Format::Author, b"second");
        assert_eq!(subscriptions.due_in(), Duration::MAX);
        subscriptions.included(block, &[b"first".to_vec(), b"second".to_vec()]);
        subscriptions.notify_due(began);
        assert_eq!([next(&mut first), next(&mut first)], [Some(json!({"inBlock": block})), None]);
        let position = json!({"hash": block, "index": 1});
        let included = json!({"event": "bestChainBlockIncluded", "block": position});
        assert_eq!([next(&mut modern), next(&mut modern)], [Some(included), None]);
        assert_eq!(next(&mut abandoned), Some(json!({"inBlock": block})));
        assert!(subscriptions.due_in() <= FINALITY_DELAY);

        // It is in a block, so the same bytes elsewhere do not change its status.
        subscriptions.dropped(&[b"first".to_vec()]);
        drop(abandoned);
        subscriptions.notify_due(Instant::now() + FINALITY_DELAY);
        assert_eq!([next(&mut first), next(&mut first)], [Some(json!({"finalized": block})), None]);
        assert_eq!(next(&mut modern), Some(json!({"event": "finalized", "block": position})));
        assert!(subscriptions.active.is_empty());
        assert_eq!(subscriptions.due_in(), Duration::MAX);
    }

    #[test]
    fn a_refused_extrinsic_is_reported_as_invalid() {
        let mut subscriptions = Subscriptions::default();
        let (to, mut author) = Format::Author.channel();
        subscriptions.watch(to, b"one".to_vec());
        let (to, mut modern) = Format::TransactionWatch.channel();
        subscriptions.watch(to, b"one".to_vec());
        subscriptions.dropped(&[b"another".to_vec()]);
        assert_eq!([next(&mut author), next(&mut modern)], [None, None]);
        subscriptions.dropped(&[b"one".to_vec()]);
        assert_eq!(next(&mut author), Some(json!("invalid")));
        assert_eq!(next(&mut modern).map(|event| event["event"].clone()), Some(json!("invalid")));
        assert!(subscriptions.active.is_empty());
    }
}
