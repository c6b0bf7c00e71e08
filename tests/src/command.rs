// SPDX-License-Identifier: Apache-2.0
use serde_json::Value;
use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Returns the root of this repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// A `cargo xtask` command, run without Cargo.
pub struct Xtask(Command);

/// The output of a command that ended.
pub struct Output {
    /// The exit code; `None` if a signal ended the command.
    pub code: Option<i32>,
    /// The text of the standard output.
    pub stdout: String,
    /// The text of the standard error.
    pub stderr: String,
}

impl Xtask {
    /// Returns a command in the root of this repository, without standard input and without colors.
    pub fn new<I, S>(arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(repository()).stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("CI");
        Self(command)
    }

    /// Returns a command that is started by another program. The program's first arguments are
    /// `words`.
    pub fn behind(program: &str, words: impl IntoIterator<Item = String>, arguments: Vec<String>) -> Self {
        let mut this = Self::new(arguments);
        let mut command = Command::new(program);
        command.args(words).arg(this.0.get_program()).args(this.0.get_args());
        command.current_dir(repository()).stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("CI");
        this.0 = command;
        this
    }

    /// Returns the command of a program that starts a copy of `xtask`.
    pub fn started_by(program: &str, words: impl IntoIterator<Item = String>) -> Self {
        let mut command = Command::new(program);
        command.args(words).current_dir(repository()).stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("CI");
        Self(command)
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Sets the working directory.
    pub fn directory(mut self, directory: &Path) -> Self {
        self.0.current_dir(directory);
        self
    }

    /// Runs the command to its end.
    pub fn run(mut self) -> Output {
        let output = self.0.output().expect("xtask starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts the command in a new process group, as a shell does, so that a test can interrupt it.
    pub fn spawn_group(mut self) -> Child {
        self.0.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("xtask starts")
    }
}

impl Output {
    /// Asserts the exit code, and that nothing panicked. The failure shows the command's output.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- standard output\n{}\n--- standard error\n{}",
            self.stdout,
            self.stderr
        );
        // The panic of a build script is quoted, indented, in the error of a build.
        let panicked = |line: &str| line.starts_with("thread '") && line.contains("panicked");
        assert!(!self.stderr.lines().any(panicked), "a panic is a defect:\n{}", self.stderr);
        self
    }

    /// Asserts that the exit code belongs to the verdict of a dry run's report.
    pub fn expect_code_of_verdict(self) -> Self {
        let code = match self.json()["verdict"].as_str() {
            Some("pass" | "pass_with_hazards") => 0,
            Some("fail") => 1,
            Some("not_judged") => 6,
            other => panic!("no verdict: {other:?}"),
        };
        self.expect_code(code)
    }

    /// Parses standard output as one JSON document, as `--json` writes it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is no JSON document: {error}\n{}", self.stdout))
    }

    /// Asserts that standard error contains all of these words.
    pub fn mentions(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "standard error lacks {word:?}:\n{}", self.stderr);
        }
        self
    }
}

/// Runs a command with this node store. Returns its document and the peak memory of its largest process, in KiB.
pub fn with_peak<'a>(arguments: impl IntoIterator<Item = &'a &'a str>, nodes: &Path) -> (Value, u64) {
    let peak = tempfile::NamedTempFile::new().expect("a file");
    let words = ["-f", "%M", "-o", peak.path().to_str().expect("UTF-8")].map(String::from);
    let arguments = arguments.into_iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let command = Xtask::behind("/usr/bin/time", words, arguments).env("CUTOVER_NODES", nodes);
    let document = command.run().expect_code(0).json();
    let peak = std::fs::read_to_string(peak.path()).expect("a figure");
    (document, peak.trim().parse().expect("a number"))
}

/// Returns the command of a worker, for tests that start and end it themselves.
pub fn worker(name: &str) -> Command {
    Command::new(programs().join(name))
}

/// Returns the directory of the built programs, including the workers.
pub fn programs() -> PathBuf {
    binary().parent().map(Path::to_path_buf).expect("a program is in a directory")
}

/// Returns the path of `xtask`, in the directory of the profile's binaries.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("CUTOVER_XTASK") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test has a path");
    let directory = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let path = directory.join("xtask");
    assert!(path.exists(), "{} is not built: run the tests by `cargo xtask test`", path.display());
    path
}
