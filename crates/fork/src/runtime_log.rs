// SPDX-License-Identifier: Apache-2.0
//! Runtimes explain themselves through the logger: why a hook failed stands there, not in the error.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::{collections::VecDeque, sync::Mutex};

/// Enough to see what led to a failure; a runtime that logs without end does not fill the memory.
const KEPT: usize = 2_000;
const LINE_LIMIT: usize = 4_000;

struct Collector;

static LINES: Mutex<VecDeque<(Level, String)>> = Mutex::new(VecDeque::new());

/// Collects what runtimes log from now on.
pub fn install() {
    if log::set_logger(&Collector).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// What has been logged since the last call, oldest first.
pub fn take() -> Vec<(Level, String)> {
    LINES.lock().map(|mut lines| lines.drain(..).collect()).unwrap_or_default()
}

/// The message of the last panic, kept apart from the lines: it is what an error is about.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

pub fn last_panic() -> Option<String> {
    PANIC.lock().ok().and_then(|panic| panic.clone())
}

pub fn forget_panic() {
    if let Ok(mut panic) = PANIC.lock() {
        *panic = None;
    }
}

impl Log for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The executor's own libraries talk a lot and say nothing about the upgrade.
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
