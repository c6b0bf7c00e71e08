// SPDX-License-Identifier: Apache-2.0
//! The environments in which cargo fetches and builds, and readers of cargo's output.

use process::for_each_line;
use std::{
    collections::VecDeque,
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
};
use worker::{Code, Failure, Result};

/// The variables that a build inherits.
const FOR_BUILDING: [&str; 5] = ["PATH", "USER", "TMPDIR", "RUSTUP_AUTO_INSTALL", "CARGO_BUILD_JOBS"];

/// The variables in which build scripts with `prost-build` or `bindgen` look for `protoc` and
/// `libclang`. A build inherits them, and they belong to its inputs.
pub const TOOLS: [&str; 3] = ["PROTOC", "PROTOC_INCLUDE", "LIBCLANG_PATH"];

/// The variables that only fetching inherits in addition: network settings and credentials.
const FOR_FETCHING: [&str; 19] = [
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_DIST_SERVER",
    "CARGO_NET_OFFLINE",
    "CARGO_HTTP_CAINFO",
    "CARGO_HTTP_PROXY",
    "CARGO_NET_GIT_FETCH_WITH_CLI",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "all_proxy",
];

/// Returns the environment for fetching sources. No code of a dependency runs in it.
pub fn fetching() -> Vec<(OsString, OsString)> {
    let allowed = FOR_BUILDING.iter().chain(&TOOLS).chain(&FOR_FETCHING);
    let allowed = allowed.filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    allowed.chain(fixed()).collect()
}

/// Returns the environment of a build, before the variables that the build itself sets. The build
/// scripts of all dependencies run in it, in a command that may sign. So they get no ssh agent, no
/// home directory and no network. Everything they need was fetched before.
pub fn building(cache: &Path) -> Result<Vec<(OsString, OsString)>> {
    let empty = cache.join("home");
    std::fs::create_dir_all(&empty).map_err(|error| Failure::io("make", &empty, &error))?;
    let allowed =
        FOR_BUILDING.iter().chain(&TOOLS).filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    let own = [
        ("HOME", empty.into_os_string()),
        ("CARGO_HOME", home()?.into_os_string()),
        ("RUSTUP_HOME", rustup_home()?.into_os_string()),
        ("CARGO_NET_OFFLINE", "true".into()),
    ];
    Ok(allowed.chain(own.map(|(name, value)| (name.into(), value))).chain(fixed()).collect())
}

fn fixed() -> impl Iterator<Item = (OsString, OsString)> {
    let fixed = [("LANG", "C"), ("LC_ALL", "C"), ("TZ", "UTC"), ("CARGO_TERM_COLOR", "never")];
    fixed.into_iter().map(|(name, value)| (name.into(), value.into()))
}

/// Returns cargo's home: `CARGO_HOME`, or `.cargo` in the home directory.
pub fn home() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cargo")))
        .ok_or_else(|| Failure::environment("cargo has no home directory").found("neither CARGO_HOME nor HOME is set"))
}

/// Returns rustup's home: `RUSTUP_HOME`, or `.rustup` in the home directory.
pub fn rustup_home() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("RUSTUP_HOME").or_else(|| set("HOME").map(|home| home.join(".rustup"))).ok_or_else(|| {
        Failure::environment("rustup has no home directory").found("neither RUSTUP_HOME nor HOME is set")
    })
}

/// The reason why cargo did not read or fetch a workspace. Cargo has one exit status for all errors,
/// so the reason is taken from its messages. No other code looks at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The lock file is missing or does not fit the manifests.
    LockFile,
    /// The lock file is damaged, or of a version that this cargo does not read.
    LockFileFormat,
    /// The sources of a dependency cannot be fetched.
    Sources {
        /// The dependency, if cargo names it.
        dependency: Option<String>,
        /// The first line of cargo's error.
        line: String,
    },
    /// A manifest is invalid.
    Manifest,
    /// Any other failure.
    Other,
}

impl Refusal {
    /// Returns the reason in what cargo wrote.
    pub fn of(text: &str) -> Self {
        if text.contains("--locked was passed") {
            return Self::LockFile;
        }
        if first_error(text).starts_with("failed to parse lock file") {
            return Self::LockFileFormat;
        }
        // Cargo shows the position of the error. Older versions named the failed step.
        let points = text.lines().any(|line| line.trim_start().starts_with("--> ") && line.contains("Cargo.toml:"));
        if points || text.contains("failed to parse manifest") || text.contains("TOML parse error") {
            return Self::Manifest;
        }
        let steps =
            ["failed to load source for dependency", "failed to get", "failed to download", "unable to get packages"];
        match steps.iter().any(|step| first_error(text).starts_with(step)) {
            true => Self::sources(text),
            false => Self::Other,
        }
    }

    /// Returns the reason of a call that failed only because of the dependencies.
    pub fn sources(text: &str) -> Self {
        let line = first_error(text);
        Self::Sources { dependency: quoted(line), line: line.to_owned() }
    }

    /// Returns the reason of a failed call of cargo.
    pub fn of_failure(failure: &Failure) -> Self {
        match (&failure.found, failure.is(Code::ProgramFailed)) {
            (Some(found), true) => Self::of(found),
            _ => Self::Other,
        }
    }
}

/// Returns the first line of cargo's error.
pub fn first_error(text: &str) -> &str {
    text.lines().find_map(|line| line.trim_start().strip_prefix("error: ")).unwrap_or_default()
}

/// Returns the package in the first backticks of a line, without its version.
fn quoted(line: &str) -> Option<String> {
    let name = line.split('`').nth(1)?.split(' ').next()?;
    (!name.is_empty() && !name.contains([':', '/'])).then(|| name.to_owned())
}

/// The maximum number of lines of an error that are shown.
const ERROR_LINES: usize = 24;
/// The maximum number of characters of such a line. The command of a linker has thousands.
const LINE_LENGTH: usize = 400;
/// The beginning of cargo's error for a build script that failed.
const SCRIPT_FAILED: &str = "error: failed to run custom build command";

/// A failed build script, as cargo shows it.
struct FailedScript {
    /// The number of spaces before cargo's error.
    indent: usize,
    /// Cargo's error, without `error: `.
    command: String,
    /// The last lines that the script wrote.
    written: VecDeque<String>,
    /// Whether the lines of a backtrace follow.
    traced: bool,
    /// Whether all of its output was seen.
    ended: bool,
}

impl FailedScript {
    /// Returns the script if a line is cargo's error for one.
    fn announced(line: &str) -> Option<Self> {
        let command = line.trim_start();
        command.starts_with(SCRIPT_FAILED).then(|| Self {
            indent: line.len() - command.len(),
            command: command.trim_start_matches("error: ").trim_end().to_owned(),
            written: VecDeque::new(),
            traced: false,
            ended: false,
        })
    }

    /// Reads a line after cargo's error. What the script wrote is indented below it.
    fn line(&mut self, line: &str) {
        let indent = line.len() - line.trim_start().len();
        let text = line.get(self.indent + 2..).filter(|_| indent >= self.indent + 2).unwrap_or_default();
        match text {
            "" => {}
            // Cargo shows standard output first. Where a script writes errors, they come last.
            "--- stdout" | "--- stderr" => {
                self.written.clear();
                self.traced = false;
            }
            "stack backtrace:" => self.traced = true,
            _ if self.ended || self.traced || text.starts_with("note: run with `RUST_BACKTRACE") => {}
            _ => {
                self.written.push_back(shortened(text));
                if self.written.len() > ERROR_LINES {
                    self.written.pop_front();
                }
            }
        }
    }
}

/// Returns the cause of a failed build from its log, up to 24 lines: the first errors of the
/// compiler, else what a failed build script wrote last. Later errors often follow from the first
/// ones. The build script of a runtime runs cargo again: if a script fails there, that one is the
/// cause.
pub fn build_errors(log: impl Read) -> String {
    let mut errors: Vec<String> = Vec::new();
    let mut within = false;
    let mut script: Option<FailedScript> = None;
    for_each_line(log, |line| {
        if let Some(found) = FailedScript::announced(line) {
            match &mut script {
                Some(outer) if found.indent <= outer.indent => outer.ended = true,
                Some(outer) if outer.ended => {}
                _ => script = Some(found),
            }
            within = false;
            return;
        }
        if let Some(script) = &mut script {
            script.line(line);
        }
        let text = line.strip_prefix("  ").unwrap_or(line);
        let is_error = text.starts_with("error: ") || text.starts_with("error[");
        if is_error && !text.starts_with("error: could not compile") {
            within = true;
        } else if text.trim().is_empty() {
            within = false;
        }
        if within && errors.len() < ERROR_LINES {
            errors.push(shortened(text));
        }
    });
    match (errors.is_empty(), script) {
        (true, Some(script)) => std::iter::once(script.command).chain(script.written).collect::<Vec<_>>().join("\n"),
        _ => errors.join("\n"),
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Returns the source files in cargo's `<binary>.d`, where a space inside a path is escaped.
pub fn dep_info_sources(text: &str) -> Vec<PathBuf> {
    let Some((_, list)) = text.lines().next().and_then(|line| line.split_once(": ")) else { return Vec::new() };
    let mut paths = vec![String::new()];
    let mut characters = list.chars();
    while let Some(character) = characters.next() {
        match (character, paths.last_mut()) {
            ('\\', Some(path)) => path.extend(characters.next()),
            (' ', _) => paths.push(String::new()),
            (other, Some(path)) => path.push(other),
            (_, None) => {}
        }
    }
    paths.into_iter().filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: Vec<(OsString, OsString)>) -> Vec<String> {
        variables.into_iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_build_inherits_no_variable_that_could_change_it() {
        let names = names(fetching());
        for name in [
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "CARGO_ENCODED_RUSTFLAGS",
            "SKIP_WASM_BUILD",
            "RUSTUP_TOOLCHAIN",
            "CARGO_MANIFEST_DIR",
        ] {
            assert!(!names.contains(&name.to_owned()), "{name}");
        }
        assert!(names.contains(&"LC_ALL".to_owned()));
    }

    #[test]
    fn build_scripts_get_no_agent_no_home_and_no_network() {
        let cache = tempfile::tempdir().expect("a directory");
        let building = building(cache.path()).expect("an environment");
        let value = |name: &str| building.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        assert_eq!(value("HOME"), Some(cache.path().join("home").into_os_string()), "an empty one");
        assert_eq!(value("CARGO_NET_OFFLINE"), Some("true".into()));
        let names = names(building);
        for name in FOR_FETCHING
            .iter()
            .filter(|name| !["HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_NET_OFFLINE"].contains(name))
        {
            assert!(!names.contains(&(*name).to_owned()), "{name}");
        }
    }

    #[test]
    fn the_reason_of_a_refusal_is_read_from_its_text() {
        let sources = |dependency: Option<&str>, line: &str| Refusal::Sources {
            dependency: dependency.map(str::to_owned),
            line: line.to_owned(),
        };
        let git = "    Updating git repository `https://host/r`\nwarning: spurious network error (3 tries remaining)\n\
            error: failed to load source for dependency `ring`\n\nCaused by:\n  unable to update https://host/r\n";
        assert_eq!(Refusal::of(git), sources(Some("ring"), "failed to load source for dependency `ring`"));
        let resolving = "error: failed to get `sp-api` as a dependency of package `a v1.0.0 (/w/a)`\n";
        assert_eq!(
            Refusal::of(resolving),
            sources(Some("sp-api"), "failed to get `sp-api` as a dependency of package `a v1.0.0 (/w/a)`")
        );
        let registry = "error: failed to download `serde v1.0.0`\n";
        assert_eq!(Refusal::of(registry), sources(Some("serde"), "failed to download `serde v1.0.0`"));
        let index = "error: failed to download from `https://host/crates/serde/1.0.0/download`\n";
        assert!(matches!(Refusal::of(index), Refusal::Sources { dependency: None, .. }));
        assert_eq!(Refusal::of("error: cannot update the lock file because --locked was passed"), Refusal::LockFile);
        let newer =
            "error: failed to parse lock file at: /w/Cargo.lock\n\nCaused by:\n  lock file version `9` was found\n";
        assert_eq!(Refusal::of(newer), Refusal::LockFileFormat);
        assert_eq!(Refusal::of("error: failed to parse manifest at `/w/Cargo.toml`\n"), Refusal::Manifest);
        assert_eq!(Refusal::of("error: expected `.`\n --> a/Cargo.toml:3:4\n"), Refusal::Manifest);
        let offline = "error: no matching package named `sp-api` found\nlocation searched: crates.io index\n";
        assert_eq!(Refusal::of(offline), Refusal::Other);
        assert_eq!(Refusal::sources(offline), sources(Some("sp-api"), "no matching package named `sp-api` found"));
        assert_eq!(Refusal::of("error: no such command: `metadat`\n"), Refusal::Other);
    }

    #[test]
    fn the_first_errors_of_a_long_log_are_kept() {
        let log = "  warning: x\n\n  error[E0433]: no Vec\n    --> /build/a.rs:1:2\n     |\n\n  error: could not compile `a`\n";
        assert_eq!(build_errors(log.as_bytes()), "error[E0433]: no Vec\n  --> /build/a.rs:1:2\n   |");
        assert_eq!(build_errors("all is well\n".as_bytes()), "");
        let many = "error: one\ntwo\n".repeat(100);
        assert_eq!(build_errors(many.as_bytes()).lines().count(), 24);
    }

    #[test]
    fn the_cause_of_a_failed_build_script_is_what_it_wrote() {
        let log = "   Compiling x v1.0.0\nerror: failed to run custom build command for `x v1.0.0 (/w/x)`\n\n\
            Caused by:\n  process didn't exit successfully: `/t/build` (exit status: 1)\n  --- stdout\n  cargo:rerun\n\
            \n  --- stderr\n  Cannot compile the WASM runtime: no target wasm32-unknown-unknown\n\
            warning: build failed, waiting for other jobs to finish...\n";
        assert_eq!(
            build_errors(log.as_bytes()),
            "failed to run custom build command for `x v1.0.0 (/w/x)`\n\
             Cannot compile the WASM runtime: no target wasm32-unknown-unknown"
        );
        let compiler = log.replace("Cannot compile", "error[E0433]: no Vec\n\n  Cannot compile");
        assert_eq!(build_errors(compiler.as_bytes()), "error[E0433]: no Vec", "the compiler's error comes first");
    }

    /// The output of cargo 1.95 for a build script that wrote these lines, each behind two spaces.
    fn script_log(written: &str) -> String {
        let indented = written.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") });
        format!(
            "   Compiling own-runtime v1.0.0 (/w)\n\
             error: failed to run custom build command for `own-runtime v1.0.0 (/w)`\n\
             note: To improve backtraces for build dependencies, set the CARGO_PROFILE_DEV_BUILD_OVERRIDE_DEBUG=true \
             environment variable to enable debug information generation.\n\nCaused by:\n  process didn't exit \
             successfully: `/t/debug/build/own-runtime-82fb/build-script-build` (exit status: 101)\n{}\n",
            indented.collect::<Vec<_>>().join("\n")
        )
    }

    fn script_cause(written: &str) -> String {
        build_errors(script_log(written).as_bytes())
    }

    const FAILED: &str = "failed to run custom build command for `own-runtime v1.0.0 (/w)`\n";

    #[test]
    fn a_panic_of_a_build_script_is_shown_without_its_backtrace() {
        let panic = "--- stdout\ncargo:rerun-if-changed=build.rs\nsome words\n\n--- stderr\n\n\
            thread 'main' (27300) panicked at build.rs:1:82:\n\
            Either the mainnet or testnet runtime must be enabled.\n";
        let cause = "thread 'main' (27300) panicked at build.rs:1:82:\n\
            Either the mainnet or testnet runtime must be enabled.";
        let trace =
            "stack backtrace:\n   0: __rustc::rust_begin_unwind\n             at /rustc/5980/library/std:689:5\n";
        let note = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        for end in [trace, note, ""] {
            assert_eq!(script_cause(&format!("{panic}{end}")), format!("{FAILED}{cause}"));
        }
        let protoc = "--- stderr\nError: Custom { kind: NotFound, error: \"Could not find `protoc`.\" }";
        assert!(
            script_cause(protoc).ends_with("\nError: Custom { kind: NotFound, error: \"Could not find `protoc`.\" }")
        );
        let killed = script_log("").replace("exit status: 101", "signal: 9, SIGKILL: kill");
        assert!(build_errors(killed.as_bytes()).ends_with("(signal: 9, SIGKILL: kill)"));
    }

    #[test]
    fn the_cause_is_the_innermost_build_script() {
        let inner = "--- stdout\nInformation that should be included in a bug report.\n\n--- stderr\n   \
            Compiling own-runtime-blob v1.0.0 (/t/n)\n\
            error: failed to run custom build command for `secp v1.0.0`\n\n\
            Caused by:\n  process didn't exit successfully: `/t2/build-script-build` (exit status: 3)\n  \
            --- stdout\n  more\n\n  --- stderr\n  protoc is missing";
        let cause = "failed to run custom build command for `secp v1.0.0`\nprotoc is missing";
        assert_eq!(script_cause(inner), cause);
        // Another crate failed at the same time.
        let both = format!("{}{}", script_log(inner), script_log("--- stderr\nanother"));
        assert_eq!(build_errors(both.as_bytes()), cause);
    }

    #[test]
    fn the_linkers_own_error_is_shown_and_not_all_of_its_command() {
        let link = format!(
            "--- stderr\nerror: linking with `rust-lld` failed: exit status: 1\n  |\n  = note:  \"rust-lld\" {}\n  \
             = note: rust-lld: error: /t/blob.rcgu.o: undefined symbol: ext_storage_get_version_1\n          \n\n\
             error: could not compile `own-runtime-blob` (lib) due to 1 previous error",
            "\"-z\" ".repeat(1000)
        );
        let cause = script_cause(&link);
        assert!(cause.starts_with("error: linking with `rust-lld` failed"), "{cause}");
        assert!(cause.ends_with("undefined symbol: ext_storage_get_version_1"), "{cause}");
        assert!(cause.len() < 700, "{cause}");
    }

    #[test]
    fn a_package_that_is_missing_offline_is_named() {
        let missing = "--- stderr\n    Blocking waiting for file lock on package cache\n\
            error: no matching package named `nothing` found\nlocation searched: crates.io index\n\
            required by package `own-runtime-blob v1.0.0 (/t/n)`";
        let cause = "error: no matching package named `nothing` found\nlocation searched: crates.io index\n\
            required by package `own-runtime-blob v1.0.0 (/t/n)`";
        assert_eq!(script_cause(missing), cause);
    }

    #[test]
    fn dep_info_is_unescaped() {
        let paths = dep_info_sources("/t/debug/w: /a/src/main.rs /b\\ c/lib.rs /d\\\\e.rs\n");
        assert_eq!(paths, ["/a/src/main.rs", "/b c/lib.rs", "/d\\e.rs"].map(PathBuf::from));
        assert!(dep_info_sources("").is_empty());
    }
}
