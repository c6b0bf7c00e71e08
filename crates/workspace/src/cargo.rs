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

/// The variables that a build inherits: where tools are.
const FOR_BUILDING: [&str; 5] = ["PATH", "USER", "TMPDIR", "RUSTUP_AUTO_INSTALL", "CARGO_BUILD_JOBS"];

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
    let allowed = FOR_BUILDING.iter().chain(&FOR_FETCHING);
    let allowed = allowed.filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    allowed.chain(fixed()).collect()
}

/// Returns the environment of a build, before the variables that the build itself sets. The build
/// scripts of all dependencies run in it, in a command that may sign. So they get no ssh agent, no
/// home directory and no network. Everything they need was fetched before.
pub fn building(cache: &Path) -> Result<Vec<(OsString, OsString)>> {
    let empty = cache.join("home");
    std::fs::create_dir_all(&empty).map_err(|error| Failure::io("make", &empty, &error))?;
    let allowed = FOR_BUILDING.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
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
        // Cargo shows the position of the error. Older versions named the failed step.
        let points = text.lines().any(|line| line.trim_start().starts_with("--> ") && line.contains("Cargo.toml:"));
        if points || text.contains("failed to parse manifest") || text.contains("TOML parse error") {
            return Self::Manifest;
        }
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix("error: ")).unwrap_or_default();
        let steps =
            ["failed to load source for dependency", "failed to get", "failed to download", "unable to get packages"];
        match steps.iter().any(|step| line.starts_with(step)) {
            true => Self::Sources { dependency: quoted(line), line: line.to_owned() },
            false => Self::Other,
        }
    }

    /// Returns the reason of a failed call of cargo.
    pub fn of_failure(failure: &Failure) -> Self {
        match (&failure.found, failure.is(Code::ProgramFailed)) {
            (Some(found), true) => Self::of(found),
            _ => Self::Other,
        }
    }
}

/// Returns the package in the first backticks of a line, without its version.
fn quoted(line: &str) -> Option<String> {
    let name = line.split('`').nth(1)?.split(' ').next()?;
    (!name.is_empty() && !name.contains([':', '/'])).then(|| name.to_owned())
}

/// The maximum number of lines of an error that are shown.
const ERROR_LINES: usize = 24;
/// The beginning of cargo's error for a build script that failed.
const SCRIPT_FAILED: &str = "error: failed to run custom build command";

/// Returns the cause of a failed build from its log, up to 24 lines: the first errors of the
/// compiler, else what a failed build script wrote last. Later errors often follow from the first
/// ones.
pub fn build_errors(log: impl Read) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut within = false;
    let mut script = None;
    let mut written: VecDeque<String> = VecDeque::new();
    for_each_line(log, |line| {
        let text = line.strip_prefix("  ").unwrap_or(line);
        if script.is_none() && text.starts_with(SCRIPT_FAILED) {
            script = Some(text.trim_start_matches("error: ").to_owned());
            return;
        }
        match text {
            // Cargo shows standard output first. Where a script writes errors, they come last.
            "--- stdout" | "--- stderr" => written.clear(),
            _ if script.is_some() && text.len() < line.len() && !text.trim().is_empty() => {
                written.push_back(text.to_owned());
                if written.len() > ERROR_LINES {
                    written.pop_front();
                }
            }
            _ => {}
        }
        if text.starts_with("error")
            && !text.starts_with("error: could not compile")
            && !text.starts_with(SCRIPT_FAILED)
        {
            within = true;
        } else if text.trim().is_empty() {
            within = false;
        }
        if within && kept.len() < ERROR_LINES {
            kept.push(text.to_owned());
        }
    });
    match (kept.is_empty(), script) {
        (true, Some(script)) => std::iter::once(script).chain(written).collect::<Vec<_>>().join("\n"),
        _ => kept.join("\n"),
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
        assert_eq!(Refusal::of("error: failed to parse manifest at `/w/Cargo.toml`\n"), Refusal::Manifest);
        assert_eq!(Refusal::of("error: expected `.`\n --> a/Cargo.toml:3:4\n"), Refusal::Manifest);
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

    #[test]
    fn dep_info_is_unescaped() {
        let paths = dep_info_sources("/t/debug/w: /a/src/main.rs /b\\ c/lib.rs /d\\\\e.rs\n");
        assert_eq!(paths, ["/a/src/main.rs", "/b c/lib.rs", "/d\\e.rs"].map(PathBuf::from));
        assert!(dep_info_sources("").is_empty());
    }
}
