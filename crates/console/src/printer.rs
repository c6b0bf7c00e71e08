// SPDX-License-Identifier: Apache-2.0
//! The only module that prints. Data goes to standard output, and status to standard error. Text
//! for people, the JSON document and quiet mode are handlers of the same values and events.

pub mod github;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use process::interrupt;
use protocol::{FailureDocument, Verdict};
use serde::Serialize;
use serde_json::Value;
use std::{
    ffi::OsString,
    io::{BufRead, IsTerminal, Read, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use worker::{Event, Failure, Kind, Result};

/// What a printer prints, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrinterOptions {
    /// Whether the result is one JSON document.
    pub json: bool,
    /// Whether only results and errors are printed.
    pub quiet: bool,
    /// When the labels have a color.
    pub color: Color,
    /// Whether a GitHub runner reads the output.
    pub github: bool,
}

/// When the labels on standard error have a color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// In all cases.
    Always,
    /// In no case.
    Never,
}

/// Prints results, status and errors as its options request.
#[derive(Clone)]
pub struct Printer(Arc<Settings>);

struct Settings {
    json: bool,
    quiet: bool,
    color: bool,
    /// Whether a GitHub runner reads the output.
    github: bool,
    /// The command, for the heading of a summary.
    title: String,
    /// Whether the JSON document was already printed.
    written: AtomicBool,
    /// The progress lines; only on a terminal.
    bars: Option<MultiProgress>,
}

/// The most bytes of a message. A message can quote a file or the answer of a node.
const LONGEST_MESSAGE: usize = 16 * 1024;

const RED: &str = "\u{1b}[31;1m";
const YELLOW: &str = "\u{1b}[33;1m";
const CYAN: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

impl Printer {
    /// Returns a printer. The terminal and the environment decide about colors and progress lines.
    pub fn new(options: &PrinterOptions) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let smart = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let color = match options.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && smart && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let bars = (terminal && smart && !options.quiet).then(MultiProgress::new);
        Self(Arc::new(Settings {
            json: options.json,
            quiet: options.quiet,
            color,
            github: options.github,
            title: title(std::env::args_os().skip(1)),
            written: AtomicBool::new(false),
            bars,
        }))
    }

    /// Returns whether the result is printed as JSON.
    pub fn is_json(&self) -> bool {
        self.0.json
    }

    /// Prints a status message, unless `--quiet` is set.
    pub fn status(&self, message: &str) {
        if !self.0.quiet {
            self.line(&one_message(message));
        }
    }

    /// Asks for confirmation. Returns `false` if there is no terminal or the answer is not yes.
    pub fn confirm(&self, question: &str) -> bool {
        if self.0.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return false;
        }
        self.line(&format!("{} [y/N]", clean(question)));
        let mut answer = String::new();
        let read = std::io::stdin().lock().take(64).read_line(&mut answer);
        read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
    }

    /// Prints a warning to standard error, also with `--quiet`.
    pub fn warning(&self, message: &str) {
        self.labelled("warning", YELLOW, message);
    }

    /// Prints the result of a command: the JSON document with `--json`, else the text.
    pub fn result(&self, document: &impl Serialize, human: impl FnOnce() -> String) -> Result<()> {
        let not_json = |error: serde_json::Error| {
            Failure::internal("the result cannot be written as JSON").found(error.to_string())
        };
        let value = &serde_json::to_value(document).map_err(not_json)?;
        if self.0.json {
            let text = serde_json::to_string_pretty(value).map_err(not_json)?;
            self.0.written.store(true, Ordering::Relaxed);
            if self.0.github {
                self.report_to_github(value, &human())?;
                return self.data(&github::json_without_commands(&text));
            }
            return self.data(&text);
        }
        let text = human();
        if self.0.github {
            self.report_to_github(value, &text)?;
        }
        self.data(&github::without_commands(&clean(&text)))
    }

    /// Prints annotations for failures and adds to the step's summary.
    fn report_to_github(&self, value: &Value, human: &str) -> Result<()> {
        for annotation in github::failed(value) {
            self.command(&annotation);
        }
        match std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) {
            Some(file) => github::summarize(std::path::Path::new(&file), &self.0.title, human),
            None => Ok(()),
        }
    }

    /// Prints a workflow command to standard error, which the runner also reads. Standard output is
    /// only for one document.
    fn command(&self, annotation: &github::Annotation) {
        self.write(&annotation.command());
    }

    /// Prints text to standard output unchanged.
    pub fn data(&self, text: &str) -> Result<()> {
        if let Some(bars) = &self.0.bars {
            let _ = bars.clear();
        }
        let mut out = std::io::stdout().lock();
        let end: &[u8] = if text.ends_with('\n') || text.is_empty() { b"" } else { b"\n" };
        match out.write_all(text.as_bytes()).and_then(|()| out.write_all(end)).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            // The reader, such as `head`, has closed the pipe.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::environment("cannot write to standard output").found(error.to_string())),
        }
    }

    /// Starts a named task, whose progress is shown.
    pub fn task(&self, name: &str) -> Task {
        let bar = self.0.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(clean(name));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Task { printer: self.clone(), name: name.to_owned(), bar, started: Instant::now() }
    }

    /// Prints the outcome of the command and returns the exit code.
    pub fn finish(&self, outcome: Result<Verdict>) -> ExitCode {
        let code = match outcome {
            Ok(Verdict::Pass | Verdict::PassWithHazards | Verdict::Skip) => 0,
            Ok(Verdict::Fail) => Kind::Check.exit_code(),
            Ok(Verdict::NotJudged) => Kind::NotJudged.exit_code(),
            Err(_) if interrupt::happened() => {
                self.failure(&interrupt::failure());
                interrupt::EXIT_CODE
            }
            Err(failure) => {
                self.failure(&failure);
                failure.kind.exit_code()
            }
        };
        ExitCode::from(code)
    }

    fn failure(&self, failure: &Failure) {
        if self.0.github {
            self.command(&github::Annotation::of_failure(failure));
        }
        self.failure_document(failure);
        self.labelled("error", RED, &failure.message);
        let rest = [("found", &failure.found), ("expected", &failure.expected), ("hint", &failure.hint)];
        for (label, text) in rest {
            if let Some(text) = text {
                self.labelled(label, CYAN, text);
            }
        }
    }

    /// Prints the document of a failure with `--json`, unless the result was printed.
    pub fn failure_document(&self, failure: &Failure) {
        if self.0.json && !self.0.written.load(Ordering::Relaxed) {
            let document = FailureDocument { error: failure.clone() };
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            let _ = self.data(&if self.0.github { github::json_without_commands(&text) } else { text.into() });
        }
    }

    fn labelled(&self, label: &str, color: &str, message: &str) {
        let message = one_message(message);
        if self.0.color {
            self.line(&format!("{color}{label}:{PLAIN} {message}"));
        } else {
            self.line(&format!("{label}: {message}"));
        }
    }

    /// Writes a line. A runner can read the log of any command, so it contains no commands.
    fn line(&self, line: &str) {
        self.write(&github::without_commands(line));
    }

    fn write(&self, line: &str) {
        let write = || {
            let mut err = std::io::stderr().lock();
            let _ = writeln!(err, "{line}");
        };
        match &self.0.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// A running task: a progress line on a terminal, single status lines elsewhere.
pub struct Task {
    printer: Printer,
    name: String,
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Task {
    /// Shows a step of the task.
    pub fn say(&self, message: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(clean(message)),
            None => self.printer.status(&format!("{}: {message}", self.name)),
        }
    }

    /// Shows a detail that changes often, only on a terminal.
    pub fn tick(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(clean(message));
        }
    }

    /// Prints a warning that names the task.
    pub fn warning(&self, message: &str) {
        self.printer.warning(&format!("{}: {message}", self.name));
    }

    /// Shows an event of a worker. Events for the log are left to the caller.
    pub fn event(&self, event: &Event) {
        match event {
            Event::Status { message } => self.say(message),
            Event::Warning { message } => self.warning(message),
            Event::Progress(progress) => {
                let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
                self.tick(&format!("{} {}{total} {}", progress.task, progress.done, progress.unit));
            }
            Event::Log { .. } | Event::Ready { .. } | Event::Done { .. } | Event::Failed(_) => {}
        }
    }

    /// Returns the duration of the task so far, in seconds.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Ends the task and prints its result.
    pub fn done(self, message: &str) {
        self.clear();
        self.printer.status(&format!("{}: {message} ({})", self.name, seconds(self.seconds())));
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Formats a duration for people.
pub fn seconds(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

/// Returns the subcommands of the command line, without its options. Those may be long and are in
/// the log.
fn title(arguments: impl Iterator<Item = OsString>) -> String {
    let arguments = arguments.map(|word| word.to_string_lossy().into_owned());
    let plain = |word: &String| !word.is_empty() && word.chars().all(|one| one.is_ascii_lowercase() || one == '-');
    let words = arguments.skip_while(|word| word.starts_with('-')).take_while(|word| !word.starts_with('-'));
    let words: Vec<_> = words.take_while(plain).take(2).collect();
    format!("cargo xtask {}", words.join(" "))
}

/// Replaces control characters and marks of text direction. Text from files and nodes is not
/// trusted, and must not control the terminal.
pub fn clean(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// Returns the text of one message: cleaned, and cut after [`LONGEST_MESSAGE`] bytes. Further lines
/// are indented, so that none of them looks like another message.
fn one_message(text: &str) -> String {
    let text = text.trim_end();
    let end = (0..=LONGEST_MESSAGE.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let (shown, rest) = text.split_at(end);
    let cut = if rest.is_empty() { String::new() } else { format!("… (and {} more bytes)", rest.len()) };
    clean(shown).replace('\n', "\n    ") + &cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\n\tc"), "a\u{fffd}[2Jb\u{fffd}\n\tc");
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200b}d\u{2028}e"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e");
        assert_eq!(clean("Zürich – 5 µs, 東京"), "Zürich – 5 µs, 東京");
    }

    #[test]
    fn a_message_is_one_message() {
        assert_eq!(one_message("not found: x\nerror: forged\n"), "not found: x\n    error: forged");
        let long = one_message(&"é".repeat(LONGEST_MESSAGE));
        assert!(long.len() < LONGEST_MESSAGE + 40 && long.ends_with(" more bytes)"), "{}", long.len());
        assert_eq!(one_message(&"x".repeat(LONGEST_MESSAGE)), "x".repeat(LONGEST_MESSAGE));
    }

    #[cfg(unix)]
    #[test]
    fn an_argument_that_is_not_utf8_ends_the_title() {
        use std::os::unix::ffi::OsStringExt;
        let of = |words: &[&[u8]]| title(words.iter().map(|word| OsString::from_vec(word.to_vec())));
        assert_eq!(of(&[b"--quiet", b"snapshot", b"verify", b"file"]), "cargo xtask snapshot verify");
        assert_eq!(of(&[b"inspect", b"k\xff\xfe.wasm"]), "cargo xtask inspect");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(seconds(3.16), "3.2 s");
        assert_eq!(seconds(125.0), "2 min 5 s");
    }
}
