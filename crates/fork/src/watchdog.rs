// SPDX-License-Identifier: Apache-2.0
//! Ends the process if a call into a runtime does not end.
//!
//! Compiled Wasm cannot be interrupted from outside. Before the process ends, an installed handler
//! receives the failure and returns the last event: a dry run completes its report. Only execution
//! time counts. The time that a call waits for a node is paused.

use std::{
    sync::Mutex,
    thread::ThreadId,
    time::{Duration, Instant},
};
use worker::{Event, Failure, Kind};

/// The default time limit of a call. The slowest known block took a minute on slow machines.
const CALL_LIMIT: Duration = Duration::from_secs(300);

/// The interval at which calls are checked.
const PERIOD: Duration = Duration::from_millis(500);

/// The calls of this process. Ending the process ends them all, so there is one state for all.
struct State {
    /// The time limit of a call on the threads that set one.
    limits: Vec<(ThreadId, Duration)>,
    /// At most one for each thread.
    calls: Vec<Call>,
    handler: Option<Box<dyn FnOnce(OverdueCall) -> Event + Send>>,
    watched: bool,
}

struct Call {
    thread: ThreadId,
    limit: Duration,
    method: String,
    code: Vec<u8>,
    clock: Clock,
}

impl State {
    fn own_calls(&mut self) -> impl Iterator<Item = &mut Call> {
        self.calls.iter_mut().filter(|call| call.thread == this_thread())
    }
}

/// A call that exceeded its time limit.
pub struct OverdueCall {
    /// The failure to report.
    pub failure: Failure,
    /// The blake2-256 hash of the code that was called.
    pub code: Vec<u8>,
}

/// A clock that can be paused.
struct Clock {
    spent: Duration,
    since: Option<Instant>,
    /// The number of active pauses, which may be nested.
    paused: u32,
}

impl Clock {
    fn started(now: Instant) -> Self {
        Self { spent: Duration::ZERO, since: Some(now), paused: 0 }
    }

    fn pause(&mut self, now: Instant) {
        self.paused += 1;
        if let Some(since) = self.since.take() {
            self.spent += now.saturating_duration_since(since);
        }
    }

    fn resume(&mut self, now: Instant) {
        self.paused = self.paused.saturating_sub(1);
        if self.paused == 0 && self.since.is_none() {
            self.since = Some(now);
        }
    }

    fn spent(&self, now: Instant) -> Duration {
        self.spent + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

static STATE: Mutex<State> = Mutex::new(State { limits: Vec::new(), calls: Vec::new(), handler: None, watched: false });

fn this_thread() -> ThreadId {
    std::thread::current().id()
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    act(&mut STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// While this guard lives, calls of this thread have a shorter time limit than a block, for example
/// runtime APIs that nodes call.
pub struct CallTimeLimit;

impl CallTimeLimit {
    /// Sets the time limit of a call.
    pub fn set(limit: Duration) -> Self {
        with(|state| {
            state.limits.retain(|(thread, _)| *thread != this_thread());
            state.limits.push((this_thread(), limit));
        });
        Self
    }
}

impl Drop for CallTimeLimit {
    fn drop(&mut self) {
        with(|state| state.limits.retain(|(thread, _)| *thread != this_thread()));
    }
}

/// While this guard lives, the clock of this thread's call is paused, because the call waits for a
/// node.
pub struct ClockPause;

impl ClockPause {
    /// Pauses the clock of this thread's call.
    pub fn begin() -> Self {
        with(|state| state.own_calls().for_each(|call| call.clock.pause(Instant::now())));
        Self
    }
}

impl Drop for ClockPause {
    fn drop(&mut self) {
        with(|state| state.own_calls().for_each(|call| call.clock.resume(Instant::now())));
    }
}

/// While this guard lives, the handler makes the last event of a process that ends because of an
/// overdue call.
pub struct TimeoutHandler;

impl TimeoutHandler {
    /// Installs the handler.
    pub fn install(handler: impl FnOnce(OverdueCall) -> Event + Send + 'static) -> Self {
        with(|state| state.handler = Some(Box::new(handler)));
        Self
    }
}

impl Drop for TimeoutHandler {
    fn drop(&mut self) {
        with(|state| state.handler = None);
    }
}

/// While this guard lives, a call into a runtime is watched.
pub struct Watchdog;

impl Watchdog {
    /// Starts to watch a call of `method` in the code with this blake2-256 hash.
    pub fn start(method: &str, code: &[u8]) -> Self {
        let first = with(|state| {
            let (thread, clock) = (this_thread(), Clock::started(Instant::now()));
            let limit = state.limits.iter().find(|(of, _)| *of == thread).map_or(CALL_LIMIT, |(_, limit)| *limit);
            state.calls.push(Call { thread, limit, method: method.to_owned(), code: code.to_vec(), clock });
            !std::mem::replace(&mut state.watched, true)
        });
        if first {
            std::thread::spawn(|| {
                loop {
                    std::thread::sleep(PERIOD);
                    let overdue = with(overdue).map(|overdue| (overdue, with(|state| state.handler.take())));
                    if let Some((overdue, handler)) = overdue {
                        end(overdue, handler);
                    }
                }
            });
        }
        Self
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        with(|state| state.calls.retain(|call| call.thread != this_thread()));
    }
}

fn overdue(state: &mut State) -> Option<OverdueCall> {
    let call = state.calls.iter().find(|call| call.clock.spent(Instant::now()) > call.limit)?;
    let failure = Failure::check(format!("{} does not end", call.method))
        .code(worker::Code::Timeout)
        .found(format!(
            "still executing after {} s, in the code with the blake2_256 {}",
            call.limit.as_secs(),
            hex::encode_prefixed(&call.code)
        ))
        .expected("an answer, or a block, within a slot")
        .hint("a migration or an API that loops, or does too much at once; see the last lines of the log");
    Some(OverdueCall { failure, code: call.code.clone() })
}

/// Writes the last event and ends the process. An endless call cannot be left in any other way.
fn end(overdue: OverdueCall, handler: Option<Box<dyn FnOnce(OverdueCall) -> Event + Send>>) -> ! {
    use std::io::Write;
    let event = match handler {
        Some(handler) => handler(overdue),
        None => Event::Failed(overdue.failure),
    };
    let code = match &event {
        Event::Failed(failure) => failure.kind.exit_code(),
        _ => Kind::Check.exit_code(),
    };
    if let Ok(mut line) = serde_json::to_vec(&event) {
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
    std::process::exit(i32::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_paused_while_a_call_waits_for_a_node() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut clock = Clock::started(began);
        clock.pause(at(10));
        clock.pause(at(20));
        clock.resume(at(400));
        assert_eq!(clock.spent(at(500)), Duration::from_secs(10), "one of two pauses is active");
        clock.resume(at(600));
        assert_eq!(clock.spent(at(605)), Duration::from_secs(15));
    }

    #[test]
    fn only_execution_time_counts_for_the_limit() {
        let limit = Duration::from_millis(10);
        let long_ago = Instant::now();
        std::thread::sleep(limit * 2);
        let thread = this_thread();
        let call = |clock: Clock| Call { thread, limit, method: "Core_execute_block".into(), code: vec![7], clock };
        let state = |clock| State { limits: Vec::new(), calls: vec![call(clock)], handler: None, watched: false };
        let overdue = super::overdue(&mut state(Clock::started(long_ago))).expect("overdue");
        assert!(overdue.failure.is(worker::Code::Timeout));
        assert_eq!(overdue.code, [7]);
        assert!(overdue.failure.found.is_some_and(|found| found.ends_with("the blake2_256 0x07")));
        let mut waiting = Clock::started(long_ago);
        waiting.pause(long_ago + Duration::from_millis(1));
        assert!(super::overdue(&mut state(waiting)).is_none(), "the call only waited");
    }
}
