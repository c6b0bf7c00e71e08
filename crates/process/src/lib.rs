// SPDX-License-Identifier: Apache-2.0
//! Runs other programs: with argument vectors and never a shell, the quoted command line in every
//! error, output in a log file, no standard input, and a process group that an interruption ends.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod interrupt;
pub mod stdin;

use interrupt::Group;
use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use worker::{Code, Failure, Result};

/// The limit of captured output, in bytes. No program whose output is captured writes more.
const CAPTURE_LIMIT: u64 = 256 * 1024 * 1024;
/// The length at which a line of output is cut, in bytes.
const LINE_LIMIT: usize = 16 * 1024;
/// The number of last lines of a failed program that its error shows.
const LAST_LINES: usize = 12;

/// Returns the path of a program in `PATH`.
pub fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|candidate| candidate.is_file())
}

/// A program to run, with its arguments and environment.
pub struct Tool {
    command: Command,
    uninterruptible: bool,
    cleanup: bool,
    timeout: Option<Duration>,
}

/// The exit status and last lines of a program whose output went to a log.
pub struct LoggedExit {
    /// The exit status.
    pub status: ExitStatus,
    /// The last lines it wrote.
    pub last_lines: String,
    argv: String,
}

impl LoggedExit {
    /// Returns the failure for an unsuccessful exit status.
    pub fn failure(&self, log: &Path) -> Failure {
        failed(&self.argv, self.status, &self.last_lines).hint(format!("its whole output is in {}", log.display()))
    }
}

/// The exit status and the output of a program.
pub struct CapturedOutput {
    /// The exit status.
    pub status: ExitStatus,
    /// The bytes of the standard output.
    pub stdout: Vec<u8>,
    /// The text of the standard error.
    pub stderr: String,
}

impl CapturedOutput {
    /// Returns the failure for an unsuccessful exit status.
    pub fn failure(&self, argv: &str) -> Failure {
        let lines = self.stderr.lines().rev().take(LAST_LINES).collect::<Vec<_>>();
        let lines = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        failed(argv, self.status, &lines)
    }
}

/// A command written as for a shell, each `{value}` one word of it and `{values...}` several:
/// `tool!("git -C {repository} merge-base {commit} HEAD")?`. No shell is started.
#[macro_export]
macro_rules! tool {
    ($words:literal) => {
        $crate::shell().map(|shell| $crate::Tool::from($crate::xshell::cmd!(shell, $words)))
    };
}
#[doc(hidden)]
pub use xshell;

/// What [`tool`] writes commands with.
pub fn shell() -> Result<xshell::Shell> {
    xshell::Shell::new()
        .map_err(|error| Failure::environment("the working directory cannot be used").found(error.to_string()))
}

impl From<xshell::Cmd<'_>> for Tool {
    fn from(command: xshell::Cmd<'_>) -> Self {
        Self { command: command.into(), uninterruptible: false, cleanup: false, timeout: None }
    }
}

impl Tool {
    /// Returns the program without arguments, with the environment of this process.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { command: Command::new(program), uninterruptible: false, cleanup: false, timeout: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable from the environment.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Replaces the environment with exactly these variables.
    pub fn only_env(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.command.env_clear().envs(variables);
        self
    }

    /// Sets the working directory.
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Lets the program finish at the first interruption, because it would leave things broken.
    pub fn uninterruptible(mut self) -> Self {
        self.uninterruptible = true;
        self
    }

    /// Starts the program even after an interruption and lets it finish, for cleaning up.
    pub fn for_cleanup(mut self) -> Self {
        self.cleanup = true;
        self.uninterruptible()
    }

    /// Sets the time after which the program is ended.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the command line, quoted for a shell.
    pub fn argv(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(quote).collect::<Vec<_>>().join(" ")
    }

    fn start(&mut self) -> Result<(Child, Group)> {
        if !self.cleanup {
            interrupt::check()?;
        }
        let child = self.command.stdin(Stdio::null()).process_group(0).spawn().map_err(|error| {
            let program = self.command.get_program().to_string_lossy();
            let failure = Failure::environment(format!("cannot start {program}"))
                .found(format!("{error} (running `{}`)", self.argv()));
            match (error.kind(), self.command.get_current_dir()) {
                // The system has one error for both.
                (std::io::ErrorKind::NotFound, Some(directory)) if !directory.is_dir() => {
                    failure.expected(format!("the directory {}, in which it runs", directory.display()))
                }
                (std::io::ErrorKind::NotFound, _) => failure.expected(format!("{program} to be installed and in PATH")),
                _ => failure,
            }
        })?;
        let group = Group::register(child.id(), self.uninterruptible);
        Ok((child, group))
    }

    /// Runs the program and returns its output, with any exit status.
    pub fn capture(mut self) -> Result<CapturedOutput> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut child, group) = self.start()?;
        let finished = watch(&group, self.timeout);
        let stderr = child.stderr.take();
        let (stdout, stderr) = std::thread::scope(|scope| {
            let reader = scope.spawn(move || read_all(stderr));
            let stdout = read_all(child.stdout.take());
            (stdout, reader.join().unwrap_or_default())
        });
        let status = self.wait(&mut child)?;
        drop(finished);
        Ok(CapturedOutput { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }

    /// Runs the program and returns its standard output. An exit status other than zero is a
    /// failure.
    pub fn output(self) -> Result<String> {
        let argv = self.argv();
        let captured = self.capture()?;
        interrupt::check()?;
        if captured.status.success() {
            return Ok(String::from_utf8_lossy(&captured.stdout).into_owned());
        }
        Err(captured.failure(&argv))
    }

    /// Runs the program with its output in `log`, and calls `on_line` with every line. An exit
    /// status other than zero is a failure.
    pub fn logged(self, log: &Path, on_line: impl FnMut(&str)) -> Result<()> {
        let ended = self.logged_status(log, on_line)?;
        if ended.status.success() { Ok(()) } else { Err(ended.failure(log)) }
    }

    /// Does the same as [`logged`](Self::logged), but returns the exit status and the last lines.
    pub fn logged_status(mut self, log: &Path, mut on_line: impl FnMut(&str)) -> Result<LoggedExit> {
        let argv = self.argv();
        let io = |error: std::io::Error| Failure::own_io("write the log", log, &error);
        if let Some(parent) = log.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        let mut file = File::options().create(true).append(true).open(log).map_err(io)?;
        writeln!(file, "$ {argv}").map_err(io)?;

        let pipe = |error: std::io::Error| Failure::environment("cannot make a pipe").found(error.to_string());
        let (reader, writer) = std::io::pipe().map_err(pipe)?;
        self.command.stdout(writer.try_clone().map_err(pipe)?).stderr(writer);
        let (mut child, group) = self.start()?;
        // The pipe ends when its last writer is closed, and the command holds two.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let finished = watch(&group, self.timeout);
        let mut last = VecDeque::new();
        let mut log_error = None;
        for_each_line(reader, |line| {
            if let Err(error) = writeln!(file, "{line}")
                && log_error.is_none()
            {
                log_error = Some(error);
            }
            if !line.trim().is_empty() {
                last.push_back(line.to_owned());
                if last.len() > LAST_LINES {
                    last.pop_front();
                }
            }
            on_line(line);
        });
        let status = self.wait(&mut child)?;
        drop(finished);
        if let Some(error) = log_error {
            return Err(io(error));
        }
        interrupt::check()?;
        Ok(LoggedExit { status, last_lines: last.into_iter().collect::<Vec<_>>().join("\n"), argv })
    }

    /// Runs the program with its output on standard error, for programs whose output is the result.
    /// Standard output is only for data.
    pub fn attached(mut self) -> Result<ExitStatus> {
        self.command.stdout(std::io::stderr()).stderr(Stdio::inherit());
        let (mut child, group) = self.start()?;
        let status = self.wait(&mut child)?;
        drop(group);
        interrupt::check()?;
        Ok(status)
    }

    /// Starts a worker with pipes for its request and its events, and its standard error in `log`.
    pub fn spawn_piped(mut self, log: Option<File>) -> Result<(Child, Group)> {
        interrupt::check()?;
        let stderr = log.map_or_else(Stdio::inherit, Stdio::from);
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).process_group(0);
        let argv = self.argv();
        let child = self.command.spawn().map_err(|error| {
            Failure::environment(format!("cannot start the worker `{argv}`")).found(error.to_string())
        })?;
        let group = Group::register(child.id(), self.uninterruptible);
        Ok((child, group))
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        child
            .wait()
            .map_err(|error| Failure::internal(format!("cannot wait for `{}`", self.argv())).found(error.to_string()))
    }
}

fn failed(argv: &str, status: ExitStatus, last_lines: &str) -> Failure {
    let found = if last_lines.is_empty() { status.to_string() } else { format!("{status}, after\n{last_lines}") };
    Failure::environment(format!("`{argv}` failed")).code(Code::ProgramFailed).found(found)
}

/// Kills the process group after the timeout, unless the returned sender is dropped before.
fn watch(group: &Group, timeout: Option<Duration>) -> Option<std::sync::mpsc::Sender<()>> {
    let timeout = timeout?;
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let leader = group.leader();
    std::thread::spawn(move || {
        if receiver.recv_timeout(timeout) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            interrupt::kill(leader);
        }
    });
    Some(sender)
}

fn read_all(stream: Option<impl Read>) -> Vec<u8> {
    let mut content = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(CAPTURE_LIMIT).read_to_end(&mut content);
    }
    content
}

/// Calls `on_line` with each line, cut at [`LINE_LIMIT`]. So a program that writes one endless line
/// does not fill the memory.
pub fn for_each_line(stream: impl Read, mut on_line: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(buffer) = reader.fill_buf() {
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = LINE_LIMIT.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            on_line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            line.clear();
        }
    }
    if !line.is_empty() {
        on_line(&String::from_utf8_lossy(&line));
    }
}

/// Quotes a word for a POSIX shell.
pub fn quote(word: &OsStr) -> String {
    // A NUL cannot be quoted. No program can be started with one, so the word is only shown.
    let quoted = shlex::bytes::Quoter::new().allow_nul(true).quote(word.as_bytes());
    String::from_utf8_lossy(&quoted.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_whole_command_line() {
        let failure = Tool::new("no-such-program-at-all").args(["a b", "c"]).output().expect_err("it cannot start");
        assert_eq!(failure.kind, worker::Kind::Environment);
        assert!(failure.found.unwrap_or_default().contains("`no-such-program-at-all 'a b' c`"));
    }

    #[test]
    fn a_missing_directory_is_not_taken_for_a_missing_program() {
        let directory = tempfile::tempdir().expect("a directory").path().join("gone");
        let failure = Tool::new("true").directory(&directory).output().expect_err("it cannot start");
        assert_eq!(failure.expected, Some(format!("the directory {}, in which it runs", directory.display())));
    }

    #[test]
    fn a_failure_carries_status_and_last_lines() {
        let failure = Tool::new("sh").args(["-c", "echo first >&2; echo last >&2; exit 7"]).output().expect_err("7");
        let found = failure.found.unwrap_or_default();
        assert!(found.contains('7') && found.ends_with("first\nlast"), "{found}");
    }

    #[test]
    fn output_goes_to_the_log_and_to_the_listener() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("deep/log");
        let mut lines = Vec::new();
        let tool = Tool::new("sh").args(["-c", "echo one; echo two >&2; printf three"]);
        tool.logged(&log, |line| lines.push(line.to_owned())).expect("it runs");
        assert_eq!(lines, ["one", "two", "three"]);
        let text = std::fs::read_to_string(&log).expect("the log");
        assert!(text.starts_with("$ sh -c ") && text.ends_with("one\ntwo\nthree\n"), "{text}");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        let tool = Tool::new("sh").args(["-c", "sleep 600 & sleep 600"]).timeout(Duration::from_millis(50));
        let captured = tool.capture().expect("it ends");
        assert!(!captured.status.success());
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut lines = Vec::new();
        let text = [vec![b'x'; 3 * LINE_LIMIT], b"\nnext".to_vec()].concat();
        for_each_line(text.as_slice(), |line| lines.push(line.len()));
        assert_eq!(lines, [LINE_LIMIT, 4]);
    }
}
