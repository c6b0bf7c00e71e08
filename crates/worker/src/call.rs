// SPDX-License-Identifier: Apache-2.0
use crate::{Event, Failure, Result, Outcome};
use serde::Serialize;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

/// Runs a worker: hands it `request`, passes its events to `on_event`, and gives its outcome back.
pub fn call(
    mut command: Command,
    request: &impl Serialize,
    mut on_event: impl FnMut(Event),
) -> Result<Outcome<serde_json::Value>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let broken = |what: &str, found: String| Failure::internal(format!("the worker {program} {what}")).found(found);
    let request =
        serde_json::to_vec(request).map_err(|error| broken("got a request that is no JSON", error.to_string()))?;

    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| {
        Failure::environment(format!("cannot start the worker {program}")).found(error.to_string())
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A worker that ends before it has read its request explains itself through its events.
        let _ = stdin.write_all(&request);
    }

    let mut last = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|error| broken("broke off", error.to_string()))?;
            match serde_json::from_str::<Event>(&line) {
                Ok(Event::Done { passed, value }) => last = Some(Ok(Outcome { passed, value })),
                Ok(Event::Failed(failure)) => last = Some(Err(failure)),
                Ok(event) => on_event(event),
                // A library that prints is a nuisance, not a reason to lose the work.
                Err(_) => on_event(Event::Log { message: line }),
            }
        }
    }
    let status = child.wait().map_err(|error| broken("cannot be waited for", error.to_string()))?;
    match last {
        Some(result) => result,
        None => Err(broken("ended without a result", status.to_string())
            .hint("the last lines on standard error or in its log say more; please report this")),
    }
}
