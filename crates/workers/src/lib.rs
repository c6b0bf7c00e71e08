// SPDX-License-Identifier: Apache-2.0
//! Finds or builds the worker binaries, starts them with one request, and reads their events.
//!
//! Cargo builds a worker in Cutover's own workspace, in the target directory of this program, so
//! that tests and checks share its dependencies. Running cargo takes a second even if nothing
//! changed. So it only runs if a file of the worker is newer than the worker.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod custom;
pub mod prebuilt;

use console::printer::Task;
use custom::CustomWorker;
use process::{Tool, for_each_line, in_path, interrupt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};
use worker::{Event, Failure, Outcome, Result};
use workspace::{cargo::dep_info_sources, context::Context};

/// The worker binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    /// Runs benchmarks and measures the machine.
    Benchmark,
    /// Compares two runtimes.
    Compat,
    /// Rehearses upgrades and executes blocks again.
    DryRun,
    /// Assembles, signs and verifies bundles.
    Evidence,
    /// Serves forks and writes snapshots.
    Fork,
    /// The program that `Benchmark` starts for `weights run --engine frame-benchmarking-cli`. It
    /// has a workspace of its own.
    FrameBenchmarkingCli,
    /// Reads the facts of runtimes.
    Inspect,
    /// Encodes and decodes the calls of a proposal.
    Proposal,
    /// Compares, renders and checks weights.
    Weights,
}

impl Worker {
    /// The workers that commands start, and that an archive of workers contains.
    pub const SHIPPED: [Self; 8] = [
        Self::Benchmark,
        Self::Compat,
        Self::DryRun,
        Self::Evidence,
        Self::Fork,
        Self::Inspect,
        Self::Proposal,
        Self::Weights,
    ];

    /// Returns the name of the package and of its binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspect => "cutover-inspect",
            Self::Benchmark => "cutover-benchmark",
            Self::Compat => "cutover-compat",
            Self::DryRun => "cutover-dry-run",
            Self::Fork => "cutover-serve",
            Self::FrameBenchmarkingCli => "cutover-frame-benchmarking-cli",
            Self::Evidence => "cutover-evidence",
            Self::Proposal => "cutover-proposal",
            Self::Weights => "cutover-weights",
        }
    }
}

/// Sends a request to the worker and returns its result. Its events are shown on `task`, its log
/// lines go to `log`.
pub fn ask<Answer: DeserializeOwned>(
    context: &Context,
    worker: Worker,
    request: &impl Serialize,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Answer>> {
    ask_in(context, worker, request, task, log, Path::new("."))
}

/// Does the same in another working directory, to which the files of the request are relative.
pub fn ask_in<Answer: DeserializeOwned>(
    context: &Context,
    worker: Worker,
    request: &impl Serialize,
    task: &Task,
    log: &Path,
    directory: &Path,
) -> Result<Outcome<Answer>> {
    let program = locate(context, worker, task)?;
    let Outcome { passed, value } = exchange(&program, &written(request)?, task, log, directory, &mut |_| Ok(()))?;
    Ok(Outcome { passed, value: answer(worker, value)? })
}

/// Parses the result of a worker, which must have the same version as this program.
fn answer<Answer: DeserializeOwned>(worker: Worker, value: Value) -> Result<Answer> {
    serde_json::from_value(value).map_err(|error| {
        Failure::internal(format!("the result of the worker {} has an unknown form", worker.name()))
            .found(error.to_string())
            .expected("a worker of the same version as the command line")
            .hint("unset CUTOVER_WORKERS, or prebuild the workers again")
    })
}

/// Does the same for a worker that runs until it is ended. `ready` is called once it is reachable.
pub fn call_until_ended<Ready: DeserializeOwned>(
    context: &Context,
    worker: Worker,
    request: &impl Serialize,
    task: &Task,
    log: &Path,
    ready: &mut dyn FnMut(Ready) -> Result<()>,
) -> Result<Outcome<Value>> {
    let program = locate(context, worker, task)?;
    let mut read = |value: &Value| ready(answer(worker, value.clone())?);
    exchange(&program, &written(request)?, task, log, Path::new("."), &mut read)
}

fn written(request: &impl Serialize) -> Result<Value> {
    serde_json::to_value(request)
        .map_err(|error| Failure::internal("a request cannot be written as JSON").found(error.to_string()))
}

/// Returns the path of an up-to-date worker, and builds it if necessary.
pub fn locate(context: &Context, worker: Worker, task: &Task) -> Result<PathBuf> {
    let own = CustomWorker::of(context, worker)?;
    let name = own.as_ref().map_or(worker.name(), |own| &own.name);
    if let Some(directory) = std::env::var_os("CUTOVER_WORKERS").filter(|value| !value.is_empty()) {
        let program = PathBuf::from(directory).join(name);
        return match program.is_file() {
            true => Ok(program),
            false => Err(Failure::environment(format!("there is no {}", program.display()))
                .expected(format!("CUTOVER_WORKERS to be a directory with the prebuilt {name}"))
                .hint("unset CUTOVER_WORKERS to have the workers built")),
        };
    }
    let directory = target_profile_directory(context);
    let program = directory.join(name);
    let stamp = directory.join(format!(".{name}.fresh"));
    let fresh = match &own {
        Some(own) => {
            own.prepare(context)?;
            is_fresh(&own.root, &own.sources(context), &program, &stamp)
        }
        None => is_fresh(&context.home, &[], &program, &stamp),
    };
    if fresh {
        return Ok(program);
    }
    if own.is_none()
        && let Some(program) = prebuilt::find(context, worker)
    {
        return Ok(program);
    }
    let asked = SystemTime::now();
    match &own {
        Some(own) => own.build(context, &target_directory(context), task)?,
        None => build(context, worker, &directory, task)?,
    }
    // The stamp is written only now, so that a failed build is repeated. Files that changed while
    // cargo ran count as newer.
    let _ = File::create(&stamp).and_then(|file| file.set_modified(asked));
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::internal(format!("cargo built {name} in another directory")).expected(program.display().to_string()))
}

/// Returns whether a worker was built here, possibly from older sources.
pub fn is_built(context: &Context, worker: Worker) -> bool {
    target_profile_directory(context).join(worker.name()).is_file()
}

/// Builds workers and the rest of `selection` with the same cargo call that the tests use, so that
/// they share all dependencies.
pub fn build_all(context: &Context, workers: &[Worker], selection: &[String], task: &Task) -> Result<()> {
    if std::env::var_os("CUTOVER_WORKERS").is_some_and(|value| !value.is_empty()) {
        return Ok(());
    }
    let directory = target_profile_directory(context);
    let asked = SystemTime::now();
    let names = workers.iter().map(|worker| worker.name()).collect::<Vec<_>>().join(", ");
    cargo_build(context, &names, selection, &directory, task)?;
    for worker in workers {
        let stamp = directory.join(format!(".{}.fresh", worker.name()));
        let _ = File::create(&stamp).and_then(|file| file.set_modified(asked));
    }
    Ok(())
}

/// Builds only the worker.
fn build(context: &Context, worker: Worker, directory: &Path, task: &Task) -> Result<()> {
    let selection = match worker {
        Worker::FrameBenchmarkingCli => {
            expect_protoc()?;
            vec!["--manifest-path".to_owned(), "programs/frame-benchmarking-cli/Cargo.toml".to_owned()]
        }
        _ => ["--package", worker.name(), "--bin", worker.name()].map(String::from).to_vec(),
    };
    cargo_build(context, worker.name(), &selection, directory, task)
}

/// Checks that protoc is installed. A build without it fails only after minutes.
fn expect_protoc() -> Result<()> {
    let named = std::env::var_os("PROTOC").is_some_and(|value| !value.is_empty());
    match named || in_path("protoc").is_some() {
        true => Ok(()),
        false => Err(Failure::environment("protoc is not installed")
            .found("no protoc in PATH, and no variable PROTOC")
            .expected("protoc, because dependencies of frame-benchmarking-cli generate code with it")
            .hint("as root: apt-get install protobuf-compiler")),
    }
}

/// Builds with cargo. Its output goes to a log, and its progress is shown.
fn cargo_build(context: &Context, what: &str, selection: &[String], directory: &Path, task: &Task) -> Result<()> {
    let log = context.log(&format!("build-{}", what.split(',').next().unwrap_or(what)));
    let _ = std::fs::remove_file(&log);
    task.say(&format!("building {what} (on first use or after a change; log in {})", log.display()));
    let mut tool = if context.adopted { without_package_variables("cargo".into()) } else { cargo() }
        .args(["build", "--locked"])
        .args(selection)
        .directory(&context.home)
        // This build needs no Wasm, and a partly set environment would change fingerprints.
        .env("SKIP_WASM_BUILD", "1");
    if context.adopted {
        // Cutover's sources are compiled by the compiler that they pin, not by that of the
        // workspace.
        tool = tool.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
    }
    if let Some(target) = directory.parent() {
        tool = tool.env("CARGO_TARGET_DIR", target);
    }
    let mut compiled = 0;
    tool.logged(&log, |line| {
        if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
            compiled += 1;
            task.tick(&format!("building {what}: {compiled} compiled, now {name}"));
        }
    })
}

/// Returns the directory of this program if it is cargo's `<target>/debug`, else the default.
fn target_profile_directory(context: &Context) -> PathBuf {
    let own = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
    match own {
        // A test binary is in `deps`.
        Some(directory) if directory.ends_with("debug/deps") => {
            directory.parent().map(Path::to_path_buf).unwrap_or(directory)
        }
        Some(directory) if directory.ends_with("debug") => directory,
        // The cargo alias builds this program in its own profile. Workers are built in the profile
        // of tests and checks.
        Some(directory) if directory.ends_with("xtask") => directory.with_file_name("debug"),
        _ => context.home.join("target/debug"),
    }
}

/// Returns cargo's target directory for workers.
pub fn target_directory(context: &Context) -> PathBuf {
    let directory = target_profile_directory(context);
    directory.parent().map(Path::to_path_buf).unwrap_or(directory)
}

/// Returns the cargo that runs this program.
pub fn cargo() -> Tool {
    without_package_variables(program())
}

/// Removes the package variables that `cargo run` set for this program. Build scripts would inherit
/// them, and one that reads them (ring's) would cause all its dependents to be compiled again in
/// each checkout.
fn without_package_variables(cargo: std::ffi::OsString) -> Tool {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let variables = variables.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
    variables.fold(Tool::new(cargo), |tool, name| tool.env_remove(&name))
}

fn program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Returns whether no source of the worker is newer than the worker or the last cargo build. `home`
/// is its workspace; `beside` are other directories with sources.
fn is_fresh(home: &Path, beside: &[&Path], program: &Path, stamp: &Path) -> bool {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(built) = modified(program) else { return false };
    let asked: SystemTime = modified(stamp).map_or(built, |stamp| stamp.max(built));
    let Ok(dep_info) = std::fs::read_to_string(program.with_extension("d")) else { return false };
    let mut sources = dep_info_sources(&dep_info);
    if sources.is_empty() {
        return false;
    }
    // The dep-info lists only sources. The manifests can also change the worker.
    let places = || beside.iter().copied().chain([home]);
    let manifests = sources.iter().flat_map(|path| places().filter_map(move |place| manifest_of(path, place)));
    let manifests = manifests.collect::<Vec<_>>();
    sources.extend(manifests);
    sources.extend(beside.iter().map(|place| place.join("Cargo.toml")));
    sources.extend(["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"].map(|name| home.join(name)));
    sources.iter().all(|path| modified(path).is_some_and(|changed| changed <= asked))
}

fn manifest_of(source: &Path, home: &Path) -> Option<PathBuf> {
    let inside = source.ancestors().skip(1).take_while(|directory| directory.starts_with(home));
    inside.map(|directory| directory.join("Cargo.toml")).find(|path| path.is_file())
}

/// Sends one request and reads events. Unlike `worker::call`, it starts the worker in a process
/// group, which an interruption ends, and with a log file for its standard error.
fn exchange(
    program: &Path,
    request: &Value,
    task: &Task,
    log: &Path,
    directory: &Path,
    ready: &mut dyn FnMut(&Value) -> Result<()>,
) -> Result<Outcome<Value>> {
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let io = |error: std::io::Error| Failure::own_io("write the log", log, &error);
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let mut file = File::options().create(true).append(true).open(log).map_err(io)?;
    let text = request.to_string();
    // Full addresses of nodes are only for the worker.
    writeln!(file, "$ {name} <<< {}", protocol::without_addresses(request)).map_err(io)?;

    let mut tool = Tool::new(program).directory(directory);
    if request.as_object().is_some_and(|fields| fields.values().any(|value| value == "-")) {
        tool = tool.env(worker::STANDARD_INPUT, process::stdin::file()?);
    }
    let (mut child, group) = tool.spawn_piped(Some(file.try_clone().map_err(io)?))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If a worker ends before it has read its request, its events say why.
        let _ = stdin.write_all(text.as_bytes());
    }
    let mut last = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = std::io::BufReader::new(stdout);
        let mut line = Vec::new();
        // The final event contains the whole result, so unlike a log line it is not cut.
        while let Ok(count) = std::io::BufRead::read_until(&mut lines, b'\n', &mut line) {
            if count == 0 {
                break;
            }
            match serde_json::from_slice::<Event>(&line) {
                Ok(Event::Done { passed, value }) => last = Some(Ok(Outcome { passed, value })),
                Ok(Event::Failed(failure)) => last = Some(Err(failure)),
                Ok(Event::Ready { value }) => ready(&value)?,
                Ok(event) => {
                    if let Ok(text) = serde_json::to_string(&event) {
                        let _ = writeln!(file, "{text}");
                    }
                    task.event(&event);
                }
                // The output of a library that prints goes to the log; it must not fail the worker.
                Err(_) => {
                    let _ = file.write_all(&line);
                }
            }
            line.clear();
        }
    }
    let status = child
        .wait()
        .map_err(|error| Failure::internal(format!("cannot wait for the worker {name}")).found(error.to_string()))?;
    drop(group);
    interrupt::check()?;
    last.unwrap_or_else(|| {
        let mut lines = std::collections::VecDeque::new();
        if let Ok(file) = File::open(log) {
            for_each_line(file, |line| {
                lines.push_back(line.to_owned());
                if lines.len() > 4 {
                    lines.pop_front();
                }
            });
        }
        let lines = lines.into_iter().collect::<Vec<_>>().join("\n");
        Err(Failure::internal(format!("the worker {name} ended without a result"))
            .found(format!("{status}, after\n{lines}"))
            .hint(format!("its log is {}; please report this", log.display())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_fresh_until_a_source_or_a_manifest_changes() {
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path();
        let at = |name: &str, seconds: u64| {
            let path = home.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            let file = File::create(&path).expect("made");
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).expect("dated");
            path
        };
        let source = at("crates/x/src/main.rs", 10);
        for name in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "crates/x/Cargo.toml"] {
            at(name, 10);
        }
        let program = at("target/debug/w", 20);
        let stamp = home.join("target/debug/.w.fresh");
        assert!(!is_fresh(home, &[], &program, &stamp), "there is no dep-info");
        std::fs::write(program.with_extension("d"), format!("{}: {}\n", program.display(), source.display()))
            .expect("written");
        assert!(is_fresh(home, &[], &program, &stamp));
        at("crates/x/Cargo.toml", 30);
        assert!(!is_fresh(home, &[], &program, &stamp));
        at("target/debug/.w.fresh", 40);
        assert!(is_fresh(home, &[], &program, &stamp), "cargo has run since");
        at("crates/x/src/main.rs", 50);
        assert!(!is_fresh(home, &[], &program, &stamp));

        at("target/debug/.w.fresh", 60);
        let other = tempfile::tempdir().expect("a directory");
        let manifest = other.path().join("Cargo.toml");
        assert!(!is_fresh(home, &[other.path()], &program, &stamp), "there is no manifest");
        std::fs::write(&manifest, "").expect("written");
        assert!(!is_fresh(home, &[other.path()], &program, &stamp), "it is new");
        let file = File::options().write(true).open(&manifest).expect("opened");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("dated");
        assert!(is_fresh(home, &[other.path()], &program, &stamp));
    }
}
