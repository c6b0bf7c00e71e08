// SPDX-License-Identifier: Apache-2.0
use crate::{Event, Failure, Kind, Progress, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{Read, Write},
    process::ExitCode,
    sync::Mutex,
};

/// A request is small: paths and flags. Anything beyond this is not one.
const REQUEST_LIMIT: u64 = 16 * 1024 * 1024;

/// What a worker gives back when it could do its work, whatever the verdict.
pub struct Outcome<T> {
    pub passed: bool,
    pub value: T,
}

impl<T> Outcome<T> {
    pub fn passed(value: T) -> Self {
        Self { passed: true, value }
    }
}

/// Where a worker's logic reports what it is doing.
pub struct Reporter {
    sink: Mutex<Box<dyn FnMut(Event) + Send>>,
}

impl Reporter {
    pub fn new(sink: impl FnMut(Event) + Send + 'static) -> Self {
        Self { sink: Mutex::new(Box::new(sink)) }
    }

    /// For tests and for logic called as a library: nobody listens.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    pub fn send(&self, event: Event) {
        if let Ok(mut sink) = self.sink.lock() {
            sink(event);
        }
    }

    pub fn status(&self, message: impl Into<String>) {
        self.send(Event::Status { message: message.into() });
    }

    pub fn warning(&self, message: impl Into<String>) {
        self.send(Event::Warning { message: message.into() });
    }

    pub fn log(&self, message: impl Into<String>) {
        self.send(Event::Log { message: message.into() });
    }

    pub fn progress(&self, task: &str, done: u64, total: Option<u64>, unit: &str) {
        self.send(Event::Progress(Progress { task: task.into(), done, total, unit: unit.into() }));
    }
}

/// The `main` of a worker: one request in, events out, the exit code of the outcome.
pub fn serve<Request, Value>(handle: impl FnOnce(Request, &Reporter) -> Result<Outcome<Value>>) -> ExitCode
where
    Request: DeserializeOwned,
    Value: Serialize,
{
    crate::parent::exit_with_parent();
    // A reader that went away (Ctrl-C in xtask) is no reason to panic: the worker ends at its own pace.
    let reporter = Reporter::new(|event| {
        if let Ok(mut line) = serde_json::to_vec(&event) {
            line.push(b'\n');
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
    });
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

fn read_request<Request: DeserializeOwned>() -> Result<Request> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(REQUEST_LIMIT)
        .read_to_end(&mut text)
        .map_err(|error| Failure::usage("cannot read the request from standard input").found(error.to_string()))?;
    // By way of a value: serde_json gives a number of unlimited precision as a map where a tagged enum is read, and no float
    // is read from a map.
    serde_json::from_slice::<serde_json::Value>(&text).and_then(serde_json::from_value).map_err(
        |error: serde_json::Error| {
            Failure::usage("standard input holds no request for this worker")
                .found(error.to_string())
                .hint("workers are started by `cargo xtask`; run that instead")
        },
    )
}
