// SPDX-License-Identifier: Apache-2.0
//! Calls into a runtime that do not end.
//!
//! Compiled Wasm cannot be interrupted from outside, so the process ends. Before it does, whoever asked to be told gets
//! the failure and decides what is said last: a dry run finishes its report. Only execution counts: the time that a call
//! waits for parts of a state from a node is the node's, not the runtime's.

use crate::executor::Code;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};
use worker::{Event, Failure, Kind};

/// A call that runs longer than this is taken for endless. The slowest known block took a minute on slow machines.
const CALL_LIMIT: Duration = Duration::from_secs(300);

/// How often the calls are looked at.
const PERIOD: Duration = Duration::from_millis(500);

struct State {
    /// How long a call may execute now.
    limit: Duration,
    call: Option<Call>,
    handler: Option<Box<dyn FnOnce(OverdueCall) -> Event + Send>>,
    watched: bool,
}

struct Call {
    method: String,
    code: Vec<u8>,
    clock: Clock,
}

/// A call that did not end, and the blake2-256 of the code that it ran in.
pub struct OverdueCall {
    pub failure: Failure,
    pub code: Vec<u8>,
}

/// Time that stands still while somebody else is waited for.
struct Clock {
    spent: Duration,
    since: Option<Instant>,
    /// How many wait: several threads may, and pauses may lie in each other.
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

static STATE: Mutex<State> = Mutex::new(State { limit: CALL_LIMIT, call: None, handler: None, watched: false });

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    act(&mut STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// While this lives, calls have less time than a block: for what nodes ask in passing.
pub struct CallTimeLimit;

impl CallTimeLimit {
    pub fn set(limit: Duration) -> Self {
        with(|state| state.limit = limit);
        Self
    }
}

impl Drop for CallTimeLimit {
    fn drop(&mut self) {
        with(|state| state.limit = CALL_LIMIT);
    }
}

/// While this lives, the call under way is waiting for somebody else and its time stands still.
pub struct ClockPause;

impl ClockPause {
    pub fn begin() -> Self {
        with(|state| state.call.iter_mut().for_each(|call| call.clock.pause(Instant::now())));
        Self
    }
}

impl Drop for ClockPause {
    fn drop(&mut self) {
        with(|state| state.call.iter_mut().for_each(|call| call.clock.resume(Instant::now())));
    }
}

/// While this lives, a call that does not end has the process end with the event that `rescue` makes of it.
pub struct TimeoutHandler;

impl TimeoutHandler {
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

/// Ends the process when the call that it stands for does not end.
pub struct Watchdog;

impl Watchdog {
    pub fn start(method: &str, code: &Code) -> Self {
        let first = with(|state| {
            let clock = Clock::started(Instant::now());
            state.call = Some(Call { method: method.to_owned(), code: code.hash().to_vec(), clock });
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
        with(|state| state.call = None);
    }
}

fn overdue(state: &mut State) -> Option<OverdueCall> {
    let call = state.call.as_ref().filter(|call| call.clock.spent(Instant::now()) > state.limit)?;
    let failure = Failure::check(format!("{} does not end", call.method))
        .code(worker::Code::Timeout)
        .found(format!("still executing after {} s", state.limit.as_secs()))
        .expected("an answer, or a block, within a slot")
        .hint("a migration or an API that loops, or does too much at once; see the last lines of the log");
    Some(OverdueCall { failure, code: call.code.clone() })
}

/// The only way out of an endless runtime: say so in the worker's own protocol, and end.
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
    fn time_stands_still_while_a_node_is_waited_for() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut clock = Clock::started(began);
        clock.pause(at(10));
        clock.pause(at(20));
        clock.resume(at(400));
        assert_eq!(clock.spent(at(500)), Duration::from_secs(10), "one of two still waits");
        clock.resume(at(600));
        assert_eq!(clock.spent(at(605)), Duration::from_secs(15));
    }

    #[test]
    fn a_call_is_overdue_by_what_it_executed_alone() {
        let limit = Duration::from_millis(10);
        let long_ago = Instant::now();
        std::thread::sleep(limit * 2);
        let call = |clock: Clock| Call { method: "Core_execute_block".into(), code: vec![7], clock };
        let state = |clock| State { limit, call: Some(call(clock)), handler: None, watched: false };
        let overdue = super::overdue(&mut state(Clock::started(long_ago))).expect("overdue");
        assert!(overdue.failure.is(worker::Code::Timeout));
        assert_eq!(overdue.code, [7]);
        let mut waiting = Clock::started(long_ago);
        waiting.pause(long_ago + Duration::from_millis(1));
        assert!(super::overdue(&mut state(waiting)).is_none(), "all of it was the node's");
    }
}
