// SPDX-License-Identifier: Apache-2.0
//! Tests of the repository's conventions: how pages begin, that every ignored test has a job, and
//! that every fuzz target has a bounded run among the tests.

use crate::mentions::{files, home};
use std::collections::BTreeSet;

/// Ignored tests that another test starts.
const STARTED_BY_ANOTHER: [&str; 1] = ["writes_until_it_is_killed"];

fn read(name: &str) -> String {
    std::fs::read_to_string(home().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the names of the functions with the attribute `#[ignore]`.
fn ignored(source: &str) -> impl Iterator<Item = &str> {
    source.split("#[ignore").skip(1).filter_map(|after| {
        let (_, name) = after.split_once("\nfn ").or_else(|| after.split_once(" fn "))?;
        name.split_once('(').map(|(name, _)| name)
    })
}

#[test]
fn every_ignored_test_has_a_job_that_runs_it() {
    let mut paths = Vec::new();
    files(&home().join("crates"), ".rs", &mut paths);
    files(&home().join("xtask/src"), ".rs", &mut paths);
    files(&home().join("tests/tests"), ".rs", &mut paths);
    paths.retain(|path| !path.ends_with("xtask/src/house.rs"));
    let mut expected = BTreeSet::new();
    for path in &paths {
        let source = std::fs::read_to_string(path).expect("a source");
        expected.extend(ignored(&source).map(str::to_owned));
    }
    let expected: BTreeSet<_> =
        expected.iter().map(String::as_str).filter(|name| !STARTED_BY_ANOTHER.contains(name)).collect();
    let script = read(".ci/ignored");
    let (_, list) = script.split_once("tests=(\n").expect("the list");
    let (list, _) = list.split_once("\n)").expect("the end of the list");
    let listed: BTreeSet<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, expected, ".ci/ignored lists the ignored tests");
    let workflow = read(".github/workflows/measurements.yml");
    let run: BTreeSet<_> = workflow
        .lines()
        .skip_while(|line| line.trim() != "test:")
        .skip(1)
        .map_while(|line| line.trim().strip_prefix("- "))
        .collect();
    assert_eq!(run, expected, "measurements.yml runs the ignored tests");
}

#[test]
fn every_page_says_what_it_is_for_and_shows_a_command() {
    let mut paths = Vec::new();
    files(&home().join("docs"), ".md", &mut paths);
    for path in &paths {
        let text = std::fs::read_to_string(path).expect("a page");
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("<!--"));
        assert!(lines.next().is_some_and(|line| line.starts_with("# ")), "{}: a title", path.display());
        let before: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("    ")).collect();
        let prose = !before.is_empty() && before.len() <= 6 && before.iter().all(|line| !line.starts_with(['#', '|']));
        assert!(prose, "{}: what it is for, then a command, after the title", path.display());
    }
}

/// Returns the names of the functions of the module `readers` that a text calls.
fn readers(text: &str) -> BTreeSet<&str> {
    let names = text.split("readers::").skip(1);
    names.filter_map(|after| after.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_').next()).collect()
}

#[test]
fn every_fuzz_target_has_a_bounded_run_among_the_tests() {
    let mut fuzzed = 0;
    for entry in std::fs::read_dir(home().join("crates")).expect("the crates") {
        let package = entry.expect("an entry").path();
        if !package.join("fuzz").is_dir() {
            continue;
        }
        let mut targets = Vec::new();
        files(&package.join("fuzz/fuzz_targets"), ".rs", &mut targets);
        let text = |path: &std::path::Path| std::fs::read_to_string(path).expect("a source");
        let bounded = text(&package.join("tests/hostile/main.rs"));
        let offered = text(&package.join("tests/hostile/readers.rs"));
        let manifest = text(&package.join("fuzz/Cargo.toml"));
        for path in &targets {
            let source = text(path);
            let called = readers(&source);
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            assert_eq!(called, BTreeSet::from([name]), "{}", path.display());
            assert!(readers(&bounded).contains(name), "{}: tests/hostile does not run it", path.display());
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{}", path.display());
        }
        let names: BTreeSet<_> = offered.split("pub fn ").skip(1).filter_map(|after| after.split('(').next()).collect();
        assert_eq!(names.len(), targets.len(), "{}: each reader has a fuzz target", package.display());
        fuzzed += targets.len();
    }
    assert!(fuzzed > 0);
}
