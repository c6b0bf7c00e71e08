// SPDX-License-Identifier: Apache-2.0
//! A pool of workers that request proofs. Each has a connection and a thread; all share one queue.

use super::{TrieItem, one_line, split_transport_error};
use crate::state::{RemoteNode, Traffic, Transport};
use protocol::Endpoint;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};
use worker::{Failure, Result};

/// Missing items of one trie, in the order of their keys.
#[derive(Debug)]
pub(super) struct Task {
    pub items: Vec<TrieItem>,
    pub child: Option<Arc<Vec<u8>>>,
    /// The maximum number of keys in the request.
    pub keys: usize,
    /// Whether everything below the items is needed too.
    pub bulk: bool,
}

/// What a worker reports.
pub(super) enum Answer {
    Done {
        task: Task,
        nodes: Vec<Vec<u8>>,
        keys: Option<usize>,
        from: Endpoint,
    },
    /// A smaller request may succeed.
    Refused {
        task: Task,
        failure: Failure,
        from: Endpoint,
    },
    Failed {
        task: Task,
        failure: Failure,
        from: Endpoint,
    },
    /// A worker has ended.
    Disconnected,
}

/// The workers of a download.
pub(super) struct WorkerPool {
    shared: Arc<Shared>,
    answers: Mutex<mpsc::Receiver<Answer>>,
}

struct Shared {
    state: Mutex<PoolState>,
    changed: Condvar,
    alive: AtomicUsize,
}

#[derive(Default)]
struct PoolState {
    tasks: VecDeque<Task>,
    closed: bool,
    /// The number of connections in use.
    connected: usize,
    /// The number of connections to each node that may still be made.
    pending: BTreeMap<Endpoint, usize>,
    /// Nodes that are no longer used, with the reason.
    dropped: BTreeMap<Endpoint, Failure>,
    warnings: Vec<String>,
    traffic: Traffic,
}

impl WorkerPool {
    /// Starts the workers. `first` is a connection to the first node; the workers make the others.
    pub fn start(first: RemoteNode, urls: &[Endpoint], block: &str, connections: usize) -> Self {
        let total = urls.len() * connections;
        let (sender, answers) = mpsc::channel();
        let shared = Arc::new(Shared {
            state: Mutex::new(PoolState {
                pending: urls.iter().map(|url| (url.clone(), connections)).collect(),
                ..PoolState::default()
            }),
            changed: Condvar::new(),
            alive: AtomicUsize::new(total),
        });
        let mut first = Some(first);
        let places = (0..connections).flat_map(|_| urls.iter());
        for url in places {
            let (url, block, shared, sender) = (url.clone(), block.to_owned(), shared.clone(), sender.clone());
            let node = first.take();
            let work = {
                let shared = shared.clone();
                move || {
                    shared.work(node, &url, &block, &sender);
                    shared.alive.fetch_sub(1, Ordering::SeqCst);
                    let _ = sender.send(Answer::Disconnected);
                }
            };
            let started = std::thread::Builder::new().name("snapshot".into()).spawn(work);
            if started.is_err() {
                shared.alive.fetch_sub(1, Ordering::SeqCst);
            }
        }
        Self { shared, answers: Mutex::new(answers) }
    }

    /// Returns the number of workers that may still answer, at least 1.
    pub fn size(&self) -> usize {
        self.shared.alive.load(Ordering::SeqCst).max(1)
    }

    /// Adds a task to the queue.
    pub fn submit(&self, task: Task) {
        self.shared.state().tasks.push_back(task);
        self.shared.changed.notify_all();
    }

    /// Waits for the next answer. Fails if all workers have ended.
    pub fn answer(&self) -> Result<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.recv() {
            Ok(Answer::Disconnected) | Err(_) if self.shared.alive.load(Ordering::SeqCst) == 0 => {
                Err(self.all_failed())
            }
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.all_failed()),
        }
    }

    fn all_failed(&self) -> Failure {
        let state = self.shared.state();
        let mut failures: Vec<_> = state.dropped.values().cloned().collect();
        match failures.len() {
            0 => Failure::environment("no connection to a node could be made"),
            1 => failures.remove(0),
            _ => Failure::environment("every node failed")
                .found(state.dropped.iter().map(|(url, why)| describe(url, why)).collect::<Vec<_>>().join("\n"))
                .hint("what was fetched is kept: run the same command again to continue"),
        }
    }

    /// Stops using a node. A warning is recorded.
    pub fn drop_node(&self, url: &Endpoint, failure: &Failure) {
        self.shared.drop_node(url, failure);
    }

    /// Returns the warnings since the last call.
    pub fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().warnings)
    }

    /// Returns the dropped nodes, each with the reason.
    pub fn dropped(&self) -> Vec<String> {
        self.shared.state().dropped.iter().map(|(url, why)| describe(url, why)).collect()
    }

    /// Stops the workers and returns their traffic. It does not wait for workers that are still
    /// connecting, which may take long and have no traffic.
    pub fn finish(self) -> Traffic {
        let mut state = self.shared.state();
        state.closed = true;
        self.shared.changed.notify_all();
        while state.connected > 0 {
            state = self.shared.wait(state);
        }
        state.traffic
    }
}

fn describe(url: &Endpoint, why: &Failure) -> String {
    format!("{url}: {}", one_line(why))
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a failed connection. A node may grant fewer connections than requested; it is
    /// dropped if it grants none.
    fn not_connected(&self, url: &Endpoint, failure: &Failure) {
        let none = {
            let mut state = self.state();
            let left = state.pending.entry(url.clone()).or_default();
            *left = left.saturating_sub(1);
            *left == 0
        };
        if none {
            self.drop_node(url, failure);
        }
    }

    fn drop_node(&self, url: &Endpoint, failure: &Failure) {
        let mut state = self.state();
        if !state.dropped.contains_key(url) {
            let warning = format!("{url} is no longer used: {}", one_line(failure));
            state.warnings.push(warning);
            state.dropped.insert(url.clone(), failure.clone());
        }
        drop(state);
        self.changed.notify_all();
    }

    fn wait<'a>(&self, state: MutexGuard<'a, PoolState>) -> MutexGuard<'a, PoolState> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `wanted` returns something. Returns `None` if the pool is closed or the node is
    /// dropped.
    fn wait_for<T>(&self, url: &Endpoint, wanted: impl Fn(&mut PoolState) -> Option<T>) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.closed || state.dropped.contains_key(url) {
                return None;
            }
            if let Some(found) = wanted(&mut state) {
                return Some(found);
            }
            state = self.wait(state);
        }
    }

    /// Connects once there is a task. The task stays in the queue meanwhile, so that a slow
    /// connection does not delay it.
    fn connect_when_needed(&self, url: &Endpoint, block: &str) -> Option<RemoteNode> {
        self.wait_for(url, |state| state.tasks.front().map(|_| ()))?;
        match RemoteNode::connect(std::slice::from_ref(url), block) {
            Ok((node, _)) => Some(node),
            Err(failure) => {
                self.not_connected(url, &failure);
                None
            }
        }
    }

    /// Performs tasks until the pool is closed or the node is dropped.
    fn work(&self, node: Option<RemoteNode>, url: &Endpoint, block: &str, answers: &mpsc::Sender<Answer>) {
        let Some(node) = node.or_else(|| self.connect_when_needed(url, block)) else { return };
        self.state().connected += 1;
        while let Some(task) = self.wait_for(url, |state| state.tasks.pop_front()) {
            let from = url.clone();
            let answer = match perform(&node, &task) {
                Ok((nodes, keys)) => Answer::Done { task, nodes, keys, from },
                Err((true, failure)) => Answer::Refused { task, failure, from },
                Err((false, failure)) => Answer::Failed { task, failure, from },
            };
            if answers.send(answer).is_err() {
                break;
            }
        }
        let traffic = node.traffic();
        let mut state = self.state();
        state.traffic.requests += traffic.requests;
        state.traffic.bytes += traffic.bytes;
        state.connected -= 1;
        drop(state);
        self.changed.notify_all();
    }
}

type ProofAnswer = (Vec<Vec<u8>>, Option<usize>);

fn perform(node: &dyn Transport, task: &Task) -> std::result::Result<ProofAnswer, (bool, Failure)> {
    let child = task.child.as_ref().map(|name| name.as_slice());
    let (Some(first), Some(last)) = (task.items.first(), task.items.last()) else { return Ok((Vec::new(), None)) };
    let mut keys = Vec::new();
    let page = task.bulk && task.items.iter().any(|item| !item.is_value);
    if page {
        let (start, end) = (first.lowest_key(), last.lowest_key());
        let common = start.iter().zip(&end).take_while(|(one, other)| one == other).count();
        // A last single nibble cannot be part of the prefix.
        let whole = last.path.len() / 2;
        let prefix = &end[..common.min(whole).min(first.path.len() / 2)];
        let count = u32::try_from(task.keys).unwrap_or(u32::MAX);
        keys = node.keys_after(child, prefix, &start, count).map_err(split_transport_error)?;
        // Keys after the last item belong to another task.
        let not_behind = |key: &[u8]| {
            let nibbles = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(last.path.len());
            nibbles.cmp(last.path.iter().copied()).is_le()
        };
        keys.retain(|key| key.len() <= super::MAX_NIBBLES / 2 && key > &start && not_behind(key));
        keys.truncate(task.keys);
        keys.sort();
    }
    let found = keys.len();
    for item in &task.items {
        let lowest = item.lowest_key();
        // The path of a key below the item contains the item.
        let at = keys.partition_point(|key| *key < lowest);
        let covered = !item.is_value
            && keys.get(at).is_some_and(|key| {
                let half = item.path.len() % 2 == 1;
                let whole = &lowest[..item.path.len() / 2];
                key.starts_with(whole)
                    && (!half || key.get(whole.len()).is_some_and(|byte| byte >> 4 == item.path[item.path.len() - 1]))
            });
        if !covered {
            keys.insert(at, lowest);
        }
    }
    keys.dedup();
    let nodes = node.read_proof(child, &keys).map_err(split_transport_error)?;
    Ok((nodes, page.then_some(found)))
}
