// SPDX-License-Identifier: Apache-2.0
//! Collects the log of runtimes. It contains the reason why a hook failed; the error does not.
//!
//! The host functions find the log as an extension of the externalities, so that each executor of a
//! process has its own. What the libraries of the node log about themselves is not collected.

#![allow(unexpected_cfgs, reason = "what the macro writes asks whether a runtime is compiled")]

use log::Level;
use sp_core::{LogLevelFilter, RuntimeInterfaceLogLevel};
use sp_externalities::{Extensions, ExternalitiesExt as _, decl_extension};
use sp_runtime_interface::{
    pass_by::{PassAs, PassFatPointerAndRead, ReturnAs},
    runtime_interface,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The number of lines kept: enough to see the cause of a failure. A runtime that logs without end
/// does not fill the memory.
const KEPT: usize = 2_000;
/// The maximum length of a line in bytes.
const LINE_LIMIT: usize = 4_000;
/// The most verbose level that is collected by default.
const LEVEL: Level = Level::Info;

/// The last lines that the runtimes of an executor logged. Clones share their content.
#[derive(Clone, Default)]
pub struct RuntimeLog(Arc<Mutex<Lines>>);

struct Lines {
    lines: VecDeque<(Level, String)>,
    level: Level,
}

impl Default for Lines {
    fn default() -> Self {
        Self { lines: VecDeque::new(), level: LEVEL }
    }
}

/// The log of one call into a runtime.
#[derive(Clone, Default)]
pub struct CallLog {
    lines: RuntimeLog,
    /// Kept apart from the lines because errors quote it.
    panic: Arc<Mutex<Option<String>>>,
}

decl_extension! {
    /// Gives the host functions the log of the call.
    struct CallLogExt(CallLog);
}

impl RuntimeLog {
    /// Registers the log of a call. It replaces the one of an earlier call.
    pub fn begin_call(&self, extensions: &mut Extensions) -> CallLog {
        let call = CallLog { lines: self.clone(), panic: Arc::default() };
        extensions.register(CallLogExt(call.clone()));
        call
    }

    /// Returns the lines logged since the last call, oldest first.
    pub fn take(&self) -> Vec<(Level, String)> {
        self.lock().lines.drain(..).collect()
    }

    /// Collects lines up to this level from now on.
    pub fn collect_up_to(&self, level: Level) {
        self.lock().level = level;
    }

    fn level(&self) -> Level {
        self.lock().level
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, level: Level, line: String) {
        let lines = &mut self.lock().lines;
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back((level, line));
    }
}

impl CallLog {
    /// Returns the message of the last panic in this call.
    pub fn panic(&self) -> Option<String> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, level: Level, target: &str, message: &str) {
        let mut line = format!("{level} {target}: {message}");
        line.truncate(line.floor_char_boundary(LINE_LIMIT));
        if let Some((_, message)) = line.split_once("panicked at ") {
            let message = format!("a panic at {message}");
            *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
        }
        self.lines.push(level, line);
    }
}

/// The host functions for logging, as in `sp-io`, which write into the log of the call. Without one
/// they do nothing.
#[runtime_interface]
pub trait Logging {
    /// Writes a line into the log of the call.
    fn log(
        level: PassAs<RuntimeInterfaceLogLevel, u8>,
        target: PassFatPointerAndRead<&str>,
        message: PassFatPointerAndRead<&[u8]>,
    ) {
        let level = Level::from(level);
        let Ok(message) = std::str::from_utf8(message) else { return };
        sp_externalities::with_externalities(|mut externalities| {
            if let Some(log) = externalities.extension::<CallLogExt>().filter(|log| level <= log.lines.level()) {
                log.write(level, target, message);
            }
        });
    }

    /// Returns the highest level that is kept.
    fn max_level() -> ReturnAs<LogLevelFilter, u8> {
        let level = sp_externalities::with_externalities(|mut externalities| {
            externalities.extension::<CallLogExt>().map(|log| log.lines.level())
        });
        level.flatten().unwrap_or(LEVEL).to_level_filter().into()
    }
}

pub use logging::HostFunctions;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Executor};
    use sp_runtime::traits::BlakeTwo256;
    use sp_state_machine::{InMemoryBackend, OverlayedChanges};

    /// A module that logs its argument as an error, returns the most verbose level, and traps where
    /// the argument begins with a `p`.
    const LOGS: &str = r#"(module
        (import "env" "memory" (memory 1))
        (import "env" "ext_logging_log_version_1" (func $log (param i32 i64 i64)))
        (import "env" "ext_logging_max_level_version_1" (func $level (result i32)))
        (global (export "__heap_base") i32 (i32.const 1024))
        (data (i32.const 16) "runtime")
        (func (export "say") (param $at i32) (param $length i32) (result i64)
            (call $log (i32.const 0) (i64.or (i64.const 16) (i64.shl (i64.const 7) (i64.const 32)))
                (i64.or (i64.extend_i32_u (local.get $at))
                    (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
            (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 112)) (then unreachable))
            (i32.store8 (i32.const 8) (call $level))
            (i64.or (i64.const 8) (i64.shl (i64.const 1) (i64.const 32)))))"#;

    fn say(executor: &Executor, code: &Code, message: &str) -> worker::Result<Vec<u8>> {
        let backend = InMemoryBackend::<BlakeTwo256>::default();
        let mut overlay = OverlayedChanges::default();
        executor.call(&backend, &mut overlay, &mut Extensions::new(), code, "say", message.as_bytes())
    }

    #[test]
    fn two_chains_of_one_process_do_not_share_their_log() {
        let code = Code::new(wat::parse_str(LOGS).expect("a module"));
        let lines = |chain: &str| (0..100).map(|number| format!("{chain} {number}")).collect::<Vec<_>>();
        let run = |chain: &str| {
            let executor = Executor::new(None);
            for line in lines(chain) {
                assert_eq!(say(&executor, &code, &line).expect("an answer"), [3], "up to info");
                let panic = format!("panicked at {line}");
                let failure = say(&executor, &code, &panic).expect_err("a trap");
                assert_eq!(failure.found, Some(format!("a panic at {line}")));
            }
            let taken = executor.log().take();
            assert!(taken.iter().all(|(level, _)| *level == Level::Error));
            taken.into_iter().map(|(_, line)| line).filter(|line| !line.contains("panicked")).collect::<Vec<_>>()
        };
        let run = &run;
        std::thread::scope(|scope| {
            let chains = ["relay", "asset hub"].map(|chain| (chain, scope.spawn(move || run(chain))));
            for (chain, thread) in chains {
                let taken = thread.join().expect("no panic");
                let expected: Vec<_> = lines(chain).iter().map(|line| format!("ERROR runtime: {line}")).collect();
                assert_eq!(taken, expected);
            }
        });
    }

    #[test]
    fn a_panic_belongs_to_its_call() {
        let code = Code::new(wat::parse_str(LOGS).expect("a module"));
        let executor = Executor::new(None);
        let found = |message| say(&executor, &code, message).expect_err("a trap").found.expect("a reason");
        assert_eq!(found("panicked at the first"), "a panic at the first");
        assert!(!found("pays no attention").contains("panic at"));
    }

    #[test]
    fn the_log_is_bounded() {
        let (log, mut extensions) = (RuntimeLog::default(), Extensions::new());
        let call = log.begin_call(&mut extensions);
        for number in 0..KEPT + 7 {
            call.write(Level::Info, "runtime", &format!("{number} {}", "ä".repeat(LINE_LIMIT)));
        }
        let lines = log.take();
        assert_eq!(lines.len(), KEPT);
        assert!(lines[0].1.starts_with("INFO runtime: 7 "));
        assert!(lines.iter().all(|(_, line)| line.len() <= LINE_LIMIT));
        assert!(log.take().is_empty());
    }

    #[test]
    fn a_call_without_a_log_may_write() {
        sp_state_machine::BasicExternalities::default()
            .execute_with(|| logging::log(RuntimeInterfaceLogLevel::Error, "runtime", b"nobody reads this"));
        logging::log(RuntimeInterfaceLogLevel::Error, "runtime", b"nor this");
    }

    #[test]
    fn the_host_functions_replace_those_of_nodes() {
        use sp_wasm_interface::HostFunctions as _;
        let known = Executor::host_functions();
        let own: Vec<_> = HostFunctions::host_functions().iter().map(|function| function.name()).collect();
        assert_eq!(own.len(), 2);
        assert!(own.iter().all(|name| known.contains_key(*name)), "{own:?}");
    }
}
