// SPDX-License-Identifier: Apache-2.0
//! Runs named jobs in the order of their dependencies, up to a limit at the same time.

use crate::printer::{Printer, Task};
use process::interrupt;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::mpsc,
};
use worker::{Failure, Result};

/// The progress display and the log file of a running job.
pub struct JobContext<'run> {
    /// The progress display of the job.
    pub task: &'run Task,
    /// The file for the output of the job's programs.
    pub log: &'run Path,
}

/// The result of a job that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// The job ran; a short summary of the result.
    Completed(String),
    /// The job did not run: its inputs are the same as last time.
    Unchanged,
}

type JobFn<'scope> = Box<dyn FnOnce(&JobContext<'_>) -> Result<JobOutcome> + Send + 'scope>;

/// A named job and the names of the jobs that must finish before it.
pub struct Job<'scope> {
    name: String,
    after: Vec<String>,
    work: JobFn<'scope>,
}

impl<'scope> Job<'scope> {
    /// Returns a job that depends on no other. `name` identifies it in a run.
    pub fn new(
        name: impl Into<String>,
        work: impl FnOnce(&JobContext<'_>) -> Result<JobOutcome> + Send + 'scope,
    ) -> Self {
        Self { name: name.into(), after: Vec::new(), work: Box::new(work) }
    }

    /// Adds jobs that must finish before this one.
    pub fn after(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.after.extend(names.into_iter().map(Into::into));
        self
    }
}

/// A job that succeeded, with its result and duration in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedJob {
    /// The name of the job.
    pub name: String,
    /// What the job did.
    pub outcome: JobOutcome,
    /// The duration in seconds of real time.
    pub seconds: f64,
}

/// Runs all jobs, at most `limit` at the same time. After a failure no new job is started. Running
/// jobs finish, and the first failure is returned.
pub fn run(printer: &Printer, logs: &Path, limit: usize, jobs: Vec<Job<'_>>) -> Result<Vec<FinishedJob>> {
    check(&jobs)?;
    let mut waiting: BTreeMap<String, Job<'_>> = jobs.into_iter().map(|job| (job.name.clone(), job)).collect();
    let mut finished: Vec<FinishedJob> = Vec::new();
    let mut failure: Option<Failure> = None;
    let (sender, receiver) = mpsc::channel::<(String, Result<JobOutcome>, f64)>();
    std::thread::scope(|scope| {
        let mut running = 0;
        loop {
            if failure.is_none() && interrupt::happened() {
                failure = Some(interrupt::failure());
            }
            while failure.is_none()
                && running < limit.max(1)
                && let Some(job) = take_ready(&mut waiting, &finished)
            {
                running += 1;
                let sender = sender.clone();
                let printer = printer.clone();
                let log = log_file(logs, &job.name);
                scope.spawn(move || {
                    let _ = std::fs::remove_file(&log);
                    let task = printer.task(&job.name);
                    let outcome = (job.work)(&JobContext { task: &task, log: &log });
                    let seconds = task.seconds();
                    match &outcome {
                        Ok(JobOutcome::Completed(what)) => task.done(what),
                        Ok(JobOutcome::Unchanged) => task.done("nothing changed"),
                        Err(_) => drop(task),
                    }
                    let _ = sender.send((job.name, outcome, seconds));
                });
            }
            if running == 0 {
                break;
            }
            let Ok((name, outcome, seconds)) = receiver.recv() else { break };
            running -= 1;
            match outcome {
                Ok(outcome) => finished.push(FinishedJob { name, outcome, seconds }),
                Err(error) => failure = failure.take().or(Some(in_job(&name, error))),
            }
        }
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(finished),
    }
}

/// Checks that names are unique and that every job comes after the jobs it depends on. So there is
/// no cycle, and every job can run.
fn check(jobs: &[Job<'_>]) -> Result<()> {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for job in jobs {
        if let Some(missing) = job.after.iter().find(|name| !known.contains(name.as_str())) {
            return Err(Failure::internal(format!(
                "the job {} depends on {missing}, which is not before it",
                job.name
            )));
        }
        if !known.insert(&job.name) {
            return Err(Failure::internal(format!("there are two jobs with the name {}", job.name)));
        }
    }
    Ok(())
}

fn take_ready<'scope>(waiting: &mut BTreeMap<String, Job<'scope>>, finished: &[FinishedJob]) -> Option<Job<'scope>> {
    let is_done = |name: &String| finished.iter().any(|finished| finished.name == *name);
    let name = waiting.values().find(|job| job.after.iter().all(is_done))?.name.clone();
    waiting.remove(&name)
}

fn log_file(logs: &Path, name: &str) -> PathBuf {
    logs.join(format!("{}.log", name.replace('/', "-")))
}

fn in_job(name: &str, failure: Failure) -> Failure {
    Failure { message: format!("{name}: {}", failure.message), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::PrinterOptions;
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        time::{Duration, Instant},
    };

    fn printer() -> Printer {
        Printer::new(&PrinterOptions { quiet: true, ..PrinterOptions::default() })
    }

    fn run_in_temporary(limit: usize, jobs: Vec<Job<'_>>) -> Result<Vec<FinishedJob>> {
        let directory = tempfile::tempdir().expect("a directory");
        run(&printer(), directory.path(), limit, jobs)
    }

    #[test]
    fn a_job_starts_when_all_before_it_are_done() {
        let order = Mutex::new(Vec::new());
        let note = |name: &'static str| {
            let order = &order;
            move |_: &JobContext<'_>| {
                order.lock().expect("not poisoned").push(name);
                Ok(JobOutcome::Unchanged)
            }
        };
        let jobs = vec![
            Job::new("b-build", note("build")),
            Job::new("a-inspect", note("inspect")).after(["b-build"]),
            Job::new("c-dry-run", note("dry-run")).after(["b-build"]),
            Job::new("0-report", note("report")).after(["a-inspect", "c-dry-run"]),
        ];
        let finished = run_in_temporary(4, jobs).expect("all well");
        let order = order.into_inner().expect("not poisoned");
        assert_eq!((order.first(), order.last()), (Some(&"build"), Some(&"report")));
        assert_eq!(finished.len(), 4);
    }

    #[test]
    fn no_more_than_the_limit_run_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let began = Instant::now();
        let work = |_: &JobContext<'_>| {
            let running = now.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(running, Ordering::SeqCst);
            // The second may be slow to start.
            while most.load(Ordering::SeqCst) < 2 && began.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(1));
            }
            // Long enough for a third job to start, if it could.
            std::thread::sleep(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(JobOutcome::Unchanged)
        };
        let jobs = (0..6).map(|index| Job::new(format!("job-{index}"), work)).collect();
        run_in_temporary(2, jobs).expect("all well");
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failure_names_its_job_and_stops_later_jobs() {
        let ran = AtomicUsize::new(0);
        let jobs = vec![
            Job::new("first", |_| Err(Failure::input("no blob").hint("build one"))),
            Job::new("second", |_| {
                ran.fetch_add(1, Ordering::SeqCst);
                Ok(JobOutcome::Unchanged)
            })
            .after(["first"]),
        ];
        let failure = run_in_temporary(2, jobs).expect_err("it failed");
        assert_eq!((failure.message.as_str(), failure.hint.as_deref()), ("first: no blob", Some("build one")));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_dependency_on_a_missing_job_is_a_defect() {
        let failure =
            run_in_temporary(1, vec![Job::new("a", |_| Ok(JobOutcome::Unchanged)).after(["b"])]).expect_err("refused");
        assert_eq!(failure.kind, worker::Kind::Internal);
    }
}
