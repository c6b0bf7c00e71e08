// SPDX-License-Identifier: Apache-2.0
//! Collects the log of runtimes. It contains the reason why a hook failed; the error does not.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::{collections::VecDeque, sync::Mutex};

/// The number of lines kept: enough to see the cause of a failure. A runtime that logs without end
/// does not fill the memory.
const KEPT: usize = 2_000;
const LINE_LIMIT: usize = 4_000;

struct Collector;

static LINES: Mutex<VecDeque<(Level, String)>> = Mutex::new(VecDeque::new());

/// Starts collecting the log of runtimes.
pub fn install() {
    if log::set_logger(&Collector).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Returns the lines logged since the last call, oldest first.
pub fn take() -> Vec<(Level, String)> {
    LINES.lock().map(|mut lines| lines.drain(..).collect()).unwrap_or_default()
}

/// The message of the last panic. It is kept apart from the lines because errors quote it.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Returns the message of the last panic.
pub fn last_panic() -> Option<String> {
    PANIC.lock().ok().and_then(|panic| panic.clone())
}

/// Clears the message of the last panic.
pub fn forget_panic() {
    if let Ok(mut panic) = PANIC.lock() {
        *panic = None;
    }
}

impl Log for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The executor's own libraries log a lot that is not about the upgrade.
        !["wasmtime", "cranelift", "trie", "state", "regalloc", "wasm_overrides"]
            .iter()
            .any(|target| metadata.target().starts_with(target))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut line = format!("{} {}: {}", record.level(), record.target(), record.args());
        if line.len() > LINE_LIMIT {
            let end = (0..=LINE_LIMIT).rev().find(|index| line.is_char_boundary(*index)).unwrap_or(0);
            line.truncate(end);
        }
        if let (Some((_, message)), Ok(mut panic)) = (line.split_once("panicked at "), PANIC.lock()) {
            *panic = Some(format!("a panic at {message}"));
        }
        if let Ok(mut lines) = LINES.lock() {
            if lines.len() == KEPT {
                lines.pop_front();
            }
            lines.push_back((record.level(), line));
        }
    }

    fn flush(&self) {}
}
