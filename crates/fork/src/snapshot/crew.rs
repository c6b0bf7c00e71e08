// SPDX-License-Identifier: Apache-2.0
//! Those who ask: some connections to each node, each on a thread of its own, and one queue for all of them.

use super::{Unit, one_line, trouble};
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

/// Places that are missing, of one trie and in the order of their keys.
#[derive(Debug)]
pub(super) struct Task {
    pub units: Vec<Unit>,
    pub child: Option<Arc<Vec<u8>>>,
    /// How many keys may be asked for at once.
    pub keys: usize,
    /// Whether all that is below them is wanted too.
    pub bulk: bool,
}

pub(super) enum Answer {
    Done {
        task: Task,
        nodes: Vec<Vec<u8>>,
        keys: Option<usize>,
        from: Endpoint,
    },
    /// Perhaps less would be given.
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
    /// A connection less.
    Gone,
}

pub(super) struct Crew {
    shared: Arc<Shared>,
    answers: Mutex<mpsc::Receiver<Answer>>,
}

struct Shared {
    board: Mutex<Board>,
    changed: Condvar,
    alive: AtomicUsize,
}

#[derive(Default)]
struct Board {
    tasks: VecDeque<Task>,
    closed: bool,
    /// Connections that are made, and not given up again.
    at_work: usize,
    /// Connections to each node that may still come to be.
    hoped_for: BTreeMap<Endpoint, usize>,
    /// Nodes that are not asked any more, with the reason.
    dropped: BTreeMap<Endpoint, Failure>,
    warnings: Vec<String>,
    traffic: Traffic,
}

impl Crew {
    /// `first` is connected already, to the first of the nodes; the others and more connections to it are made here.
    pub fn start(first: RemoteNode, urls: &[Endpoint], block: &str, connections: usize) -> Self {
        let total = urls.len() * connections;
        let (sender, answers) = mpsc::channel();
        let shared = Arc::new(Shared {
            board: Mutex::new(Board {
                hoped_for: urls.iter().map(|url| (url.clone(), connections)).collect(),
                ..Board::default()
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
                    let _ = sender.send(Answer::Gone);
                }
            };
            let started = std::thread::Builder::new().name("snapshot".into()).spawn(work);
            if started.is_err() {
                shared.alive.fetch_sub(1, Ordering::SeqCst);
            }
        }
        Self { shared, answers: Mutex::new(answers) }
    }

    /// Connections that may still answer.
    pub fn size(&self) -> usize {
        self.shared.alive.load(Ordering::SeqCst).max(1)
    }

    pub fn give(&self, task: Task) {
        self.shared.board().tasks.push_back(task);
        self.shared.changed.notify_all();
    }

    /// Waits for one; fails when there is nobody left to answer.
    pub fn answer(&self) -> Result<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.recv() {
            Ok(Answer::Gone) | Err(_) if self.shared.alive.load(Ordering::SeqCst) == 0 => Err(self.nobody()),
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.nobody()),
        }
    }

    fn nobody(&self) -> Failure {
        let board = self.shared.board();
        let mut failures: Vec<_> = board.dropped.values().cloned().collect();
        match failures.len() {
            0 => Failure::environment("no connection to a node could be made"),
            1 => failures.remove(0),
            _ => Failure::environment("every node failed")
                .found(board.dropped.iter().map(|(url, why)| told(url, why)).collect::<Vec<_>>().join("\n"))
                .hint("what was fetched is kept: the same command goes on where this one ended"),
        }
    }

    pub fn drop_node(&self, url: &Endpoint, failure: &Failure) {
        self.shared.drop_node(url, failure);
    }

    pub fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.board().warnings)
    }

    pub fn dropped(&self) -> Vec<String> {
        self.shared.board().dropped.iter().map(|(url, why)| told(url, why)).collect()
    }

    /// Sends everyone home, and says what they moved. Nobody waits for those that are not connected yet: they may try for
    /// long, and have moved nothing.
    pub fn end(self) -> Traffic {
        let mut board = self.shared.board();
        board.closed = true;
        self.shared.changed.notify_all();
        while board.at_work > 0 {
            board = self.shared.wait(board);
        }
        board.traffic
    }
}

fn told(url: &Endpoint, why: &Failure) -> String {
    format!("{url}: {}", one_line(why))
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node may grant fewer connections than are wished for; it is dropped if it grants none.
    fn not_connected(&self, url: &Endpoint, failure: &Failure) {
        let none = {
            let mut board = self.board();
            let left = board.hoped_for.entry(url.clone()).or_default();
            *left = left.saturating_sub(1);
            *left == 0
        };
        if none {
            self.drop_node(url, failure);
        }
    }

    fn drop_node(&self, url: &Endpoint, failure: &Failure) {
        let mut board = self.board();
        if !board.dropped.contains_key(url) {
            let warning = format!("{url} is not asked any more: {}", one_line(failure));
            board.warnings.push(warning);
            board.dropped.insert(url.clone(), failure.clone());
        }
        drop(board);
        self.changed.notify_all();
    }

    fn wait<'a>(&self, board: MutexGuard<'a, Board>) -> MutexGuard<'a, Board> {
        self.changed.wait(board).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something of the board that a node may have, until there is nothing more to do for it.
    fn await_of<T>(&self, url: &Endpoint, wanted: impl Fn(&mut Board) -> Option<T>) -> Option<T> {
        let mut board = self.board();
        loop {
            if board.closed || board.dropped.contains_key(url) {
                return None;
            }
            if let Some(found) = wanted(&mut board) {
                return Some(found);
            }
            board = self.wait(board);
        }
    }

    /// A connection once there is something to do. It holds no task meanwhile: one that is long in coming keeps nobody
    /// from doing it.
    fn connected(&self, url: &Endpoint, block: &str) -> Option<RemoteNode> {
        self.await_of(url, |board| board.tasks.front().map(|_| ()))?;
        match RemoteNode::connect(std::slice::from_ref(url), block) {
            Ok((node, _)) => Some(node),
            Err(failure) => {
                self.not_connected(url, &failure);
                None
            }
        }
    }

    /// Answers until there is nothing more to do.
    fn work(&self, node: Option<RemoteNode>, url: &Endpoint, block: &str, answers: &mpsc::Sender<Answer>) {
        let Some(node) = node.or_else(|| self.connected(url, block)) else { return };
        self.board().at_work += 1;
        while let Some(task) = self.await_of(url, |board| board.tasks.pop_front()) {
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
        let moved = node.traffic();
        let mut board = self.board();
        board.traffic.requests += moved.requests;
        board.traffic.bytes += moved.bytes;
        board.at_work -= 1;
        drop(board);
        self.changed.notify_all();
    }
}

type Got = (Vec<Vec<u8>>, Option<usize>);

fn perform(node: &dyn Transport, task: &Task) -> std::result::Result<Got, (bool, Failure)> {
    let child = task.child.as_ref().map(|name| name.as_slice());
    let (Some(first), Some(last)) = (task.units.first(), task.units.last()) else { return Ok((Vec::new(), None)) };
    let mut keys = Vec::new();
    let page = task.bulk && task.units.iter().any(|unit| !unit.is_value);
    if page {
        let (start, end) = (first.lowest_key(), last.lowest_key());
        let common = start.iter().zip(&end).take_while(|(one, other)| one == other).count();
        // The last byte may be half a one: then it is no prefix.
        let whole = last.path.len() / 2;
        let prefix = &end[..common.min(whole).min(first.path.len() / 2)];
        let count = u32::try_from(task.keys).unwrap_or(u32::MAX);
        keys = node.keys_after(child, prefix, &start, count).map_err(trouble)?;
        // What is behind the last place is another task's.
        let not_behind = |key: &[u8]| {
            let nibbles = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(last.path.len());
            nibbles.cmp(last.path.iter().copied()).is_le()
        };
        keys.retain(|key| key.len() <= super::NIBBLES / 2 && key > &start && not_behind(key));
        keys.truncate(task.keys);
        keys.sort();
    }
    let found = keys.len();
    for unit in &task.units {
        let lowest = unit.lowest_key();
        // A key below it has it on its way.
        let at = keys.partition_point(|key| *key < lowest);
        let covered = !unit.is_value
            && keys.get(at).is_some_and(|key| {
                let half = unit.path.len() % 2 == 1;
                let whole = &lowest[..unit.path.len() / 2];
                key.starts_with(whole)
                    && (!half || key.get(whole.len()).is_some_and(|byte| byte >> 4 == unit.path[unit.path.len() - 1]))
            });
        if !covered {
            keys.insert(at, lowest);
        }
    }
    keys.dedup();
    let nodes = node.read_proof(child, &keys).map_err(trouble)?;
    Ok((nodes, page.then_some(found)))
}
