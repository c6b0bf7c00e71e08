// SPDX-License-Identifier: Apache-2.0
//! The main function of workers, and the reporter of their events.

use crate::{Event, Failure, Kind, Progress, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{Read, Write},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The most bytes of a request. Real requests are small: paths and flags.
const REQUEST_LIMIT: u64 = 16 * 1024 * 1024;

/// How often a worker checks whether its parent process still runs.
const PARENT_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The result of a worker that completed its work, with any verdict.
pub struct Outcome<T> {
    /// Whether the verdict is positive.
    pub passed: bool,
    /// The result.
    pub value: T,
}

impl<T> Outcome<T> {
    /// Returns an outcome with a positive verdict.
    pub fn passed(value: T) -> Self {
        Self { passed: true, value }
    }
}

/// Receives the events of a worker.
pub struct Reporter {
    sink: Mutex<Box<dyn FnMut(Event) + Send>>,
}

impl Reporter {
    /// Returns a reporter that passes each event to `sink`.
    pub fn new(sink: impl FnMut(Event) + Send + 'static) -> Self {
        Self { sink: Mutex::new(Box::new(sink)) }
    }

    /// Returns a reporter that drops all events, for tests and for use as a library.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Reports an event.
    pub fn send(&self, event: Event) {
        if let Ok(mut sink) = self.sink.lock() {
            sink(event);
        }
    }

    /// Reports the current activity.
    pub fn status(&self, message: impl Into<String>) {
        self.send(Event::Status { message: message.into() });
    }

    /// Reports a warning to the user, which does not change the verdict.
    pub fn warning(&self, message: impl Into<String>) {
        self.send(Event::Warning { message: message.into() });
    }

    /// Reports a line for the log file.
    pub fn log(&self, message: impl Into<String>) {
        self.send(Event::Log { message: message.into() });
    }

    /// Reports how much of a task is done. `unit`: what is counted.
    pub fn progress(&self, task: &str, done: u64, total: Option<u64>, unit: &str) {
        self.send(Event::Progress(Progress { task: task.into(), done, total, unit: unit.into() }));
    }
}

/// Whether [`serve`] runs in this process.
static SERVING: AtomicBool = AtomicBool::new(false);

/// Reports the current activity where no reporter is at hand, such as a pause before a request is
/// sent again. Without [`serve`] in this process nothing is reported.
pub fn status(message: impl Into<String>) {
    if SERVING.load(Ordering::Relaxed) {
        write_event(&Event::Status { message: message.into() });
    }
}

/// Writes an event to standard output. Write errors are ignored: after Ctrl-C in xtask nobody reads
/// the events, and the worker ends soon.
fn write_event(event: &Event) {
    if let Ok(mut line) = serde_json::to_vec(event) {
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

/// Runs a worker: reads one request, passes it to `handle` and reports the events and the outcome.
/// Returns the exit code.
pub fn serve<Request, Value>(handle: impl FnOnce(Request, &Reporter) -> Result<Outcome<Value>>) -> ExitCode
where
    Request: DeserializeOwned,
    Value: Serialize,
{
    exit_with_parent();
    SERVING.store(true, Ordering::Relaxed);
    let reporter = Reporter::new(|event| write_event(&event));
    let result = read_request().and_then(|request| handle(request, &reporter)).and_then(|outcome| {
        let value = serde_json::to_value(&outcome.value)
            .map_err(|error| Failure::internal("the result cannot be written as JSON").found(error.to_string()))?;
        Ok((outcome.passed, value))
    });
    match result {
        Ok((passed, value)) => {
            reporter.send(Event::Done { passed, value });
            ExitCode::from(if passed { 0 } else { Kind::Check.exit_code() })
        }
        Err(failure) => {
            let code = failure.kind.exit_code();
            reporter.send(Event::Failed(failure));
            ExitCode::from(code)
        }
    }
}

/// Ends this process when its parent process has ended. The worker's result has no reader then, and
/// a store or a file that it keeps open would block the next run.
fn exit_with_parent() {
    #[cfg(unix)]
    {
        use std::os::unix::process::parent_id;
        let parent = parent_id();
        std::thread::spawn(move || {
            while parent_id() == parent {
                std::thread::sleep(PARENT_POLL_INTERVAL);
            }
            std::process::exit(i32::from(Kind::Environment.exit_code()));
        });
    }
}

fn read_request<Request: DeserializeOwned>() -> Result<Request> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(REQUEST_LIMIT)
        .read_to_end(&mut text)
        .map_err(|error| Failure::usage("cannot read the request from standard input").found(error.to_string()))?;
    // Parse to a `Value` first: with arbitrary precision, serde_json passes numbers within a tagged
    // enum as maps, and floats cannot be deserialized from a map.
    serde_json::from_slice::<serde_json::Value>(&text).and_then(serde_json::from_value).map_err(
        |error: serde_json::Error| {
            Failure::usage("standard input does not contain a request for this worker")
                .found(error.to_string())
                .hint("workers are started by `cargo xtask`; run that instead")
        },
    )
}
