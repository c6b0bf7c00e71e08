// SPDX-License-Identifier: Apache-2.0
//! Tests of the repository's conventions: how pages begin, that every ignored test has a job, that
//! every fuzz target has a bounded run among the tests, that documents are read as their types, that
//! crates import what docs/architecture.md says, that dependencies are compiled once, and that
//! `rust-version` is correct.

use crate::mentions::{files, home, is_cfg_test, skip_item};
use cargo_metadata::{MetadataCommand, Package, semver::Version};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// Ignored tests that another test starts.
const STARTED_BY_ANOTHER: [&str; 1] = ["writes_until_it_is_killed"];

/// The sources that read or write a field by its name, with the reason.
const BY_NAME: [(&str, &str); 1] =
    [("xtask/src/commands/ci/render.rs", "pipelines of GitLab are not documents of ours")];

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

/// Collects the index expressions with a string literal, such as `document["field"]`, without those
/// of tests.
fn read_by_name(tokens: TokenStream, into: &mut Vec<String>) {
    let mut tokens = tokens.into_iter();
    let mut before = None;
    while let Some(token) = tokens.next() {
        if let TokenTree::Group(group) = &token {
            let bracket = group.delimiter() == Delimiter::Bracket;
            if bracket && is_cfg_test(&group.stream()) {
                skip_item(&mut tokens);
            } else if bracket && before.as_ref().is_some_and(ends_a_value) && is_text(&group.stream()) {
                into.push(format!("{}{group}", before.map(|before| before.to_string()).unwrap_or_default()));
            }
            read_by_name(group.stream(), into);
        }
        before = Some(token);
    }
}

/// Returns whether a bracket after this token is an index, and not an array.
fn ends_a_value(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(name) => !["break", "else", "in", "match", "mut", "return"].iter().any(|word| name == word),
        TokenTree::Group(group) => group.delimiter() != Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == '?',
        TokenTree::Literal(_) => false,
    }
}

fn is_text(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter();
    let first = tokens.next().is_some_and(|token| match token {
        TokenTree::Literal(literal) => literal.to_string().contains('"'),
        _ => false,
    });
    first && tokens.next().is_none()
}

/// The lint `disallowed_methods` finds `get` and `pointer`, but no index expressions.
#[test]
fn documents_are_read_as_their_types() {
    let mut paths = Vec::new();
    files(&home().join("crates"), ".rs", &mut paths);
    files(&home().join("xtask/src"), ".rs", &mut paths);
    let (mut found, mut excused) = (Vec::new(), BTreeSet::new());
    for path in &paths {
        let name = path.strip_prefix(home()).expect("a source").display().to_string();
        let mut fields = Vec::new();
        read_by_name(std::fs::read_to_string(path).expect("a source").parse().expect("Rust"), &mut fields);
        match BY_NAME.iter().find(|(source, _)| name.starts_with(source)) {
            Some((source, _)) if !fields.is_empty() => drop(excused.insert(*source)),
            _ => found.extend(fields.into_iter().map(|field| format!("{name}: {field}"))),
        }
    }
    assert!(found.is_empty(), "read the documents into their types: {found:#?}");
    assert_eq!(excused, BY_NAME.map(|(source, _)| source).into(), "each exception is still needed");
}

#[test]
fn index_expressions_with_a_name_are_found() {
    let source = r#"
        fn f() -> Vec<&'static str> {
            let all = vec!["a"];
            for one in ["b"] { use_of(one, &["c"], list[0]) }
            #[doc = "d"]
            let x = document["e"].clone();
            let y = (document.first()["f"], read()?["g"], document["h"][0]["i"], map[key]);
            return ["j"].to_vec();
        }
        #[cfg(test)]
        mod tests { fn g() { document["k"]; } }
    "#;
    let mut found = Vec::new();
    read_by_name(source.parse().expect("Rust"), &mut found);
    assert_eq!(found, [r#"document["e"]"#, r#"()["f"]"#, r#"?["g"]"#, r#"document["h"]"#, r#"[0]["i"]"#]);
}

/// Returns the lines `name → imports` of the page, without those of the command line.
fn stated_imports(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let words = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect();
    let lines = page.lines().filter_map(|line| line.strip_prefix("    ")?.split_once('→'));
    let lines = lines.map(|(name, imports)| (name.trim().to_owned(), imports));
    lines
        .filter(|(name, _)| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') && name != "xtask")
        .map(|(name, imports)| match imports.trim() {
            "nothing of Cutover" => (name, BTreeSet::new()),
            imports => (name, words(imports)),
        })
        .collect()
}

#[test]
fn crates_import_what_the_page_of_the_architecture_says() {
    let stated = stated_imports(&read("docs/architecture.md"));
    let all: BTreeSet<String> = std::fs::read_dir(home().join("crates"))
        .expect("the crates")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    // Neither is part of the tool: one has no code, the other is a fixture.
    let expected: BTreeSet<&str> =
        all.iter().map(String::as_str).filter(|name| !["features", "test-runtime"].contains(name)).collect();
    assert_eq!(stated.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for (name, imports) in &stated {
        let manifest: toml_edit::DocumentMut = read(&format!("crates/{name}/Cargo.toml")).parse().expect("a manifest");
        let dependencies = manifest.get("dependencies").and_then(toml_edit::Item::as_table).expect("dependencies");
        let found: BTreeSet<String> =
            dependencies.iter().map(|(key, _)| key.to_owned()).filter(|key| all.contains(key)).collect();
        assert_eq!(&found, imports, "{name}: docs/architecture.md says what it imports");
    }
}

/// Returns the settings of the profile `dev`, by their keys: `package.NAME.opt-level`.
fn settings(manifest: &str) -> BTreeMap<String, String> {
    fn collect(item: &toml_edit::Item, path: &str, settings: &mut BTreeMap<String, String>) {
        match item.as_table_like() {
            Some(table) => table.iter().for_each(|(key, item)| collect(item, &format!("{path}.{key}"), settings)),
            None => drop(settings.insert(path.to_owned(), item.to_string().trim().to_owned())),
        }
    }
    let manifest: toml_edit::DocumentMut = read(manifest).parse().expect("a manifest");
    let mut settings = BTreeMap::new();
    let dev = ["profile", "dev"].iter().try_fold(manifest.as_item(), |item, key| item.get(key));
    collect(dev.expect("the profile dev"), "dev", &mut settings);
    settings
}

/// A Wasm builder is compiled for minutes. Cargo takes the one of the workers for another workspace
/// if its settings are the same.
#[test]
fn other_workspaces_compile_dependencies_as_the_workers_are() {
    let own = settings("Cargo.toml");
    for directory in ["programs/frame-benchmarking-cli", "tests/fixtures/tiny-runtime"] {
        let lock = read(&format!("{directory}/Cargo.lock"));
        let is_locked = |key: &str| match key.strip_prefix("dev.package.").and_then(|key| key.split('.').next()) {
            Some(package) => package == "*" || lock.contains(&format!("name = \"{package}\"\n")),
            None => true,
        };
        let expected: BTreeMap<_, _> =
            own.iter().filter(|(key, _)| is_locked(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(settings(&format!("{directory}/Cargo.toml")), expected, "{directory}");
    }
}

/// Returns whether a package is a runtime. Runtimes are compiled to Wasm with the pinned toolchain,
/// and a change of their manifests changes the build.
fn is_runtime(package: &Package) -> bool {
    package.manifest_path.components().any(|part| part.as_str() == "runtimes")
}

/// Clippy's `incompatible_msrv`, an error in CI, checks our own code. This test checks the rest: the
/// requirements of the locked dependencies, and that every package declares the version.
#[test]
fn no_dependency_needs_a_newer_compiler_than_declared() {
    let metadata = MetadataCommand::new()
        .manifest_path(home().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("the metadata of the workspace");
    let own = metadata.packages.iter().find(|package| package.name == "xtask").expect("xtask");
    let promised: &Version = own.rust_version.as_ref().expect("xtask has a rust-version");
    let members = metadata.workspace_packages();
    for member in members.iter().filter(|member| !is_runtime(member)) {
        assert_eq!(
            member.rust_version.as_ref(),
            Some(promised),
            "{}: `rust-version.workspace = true` is missing in its manifest",
            member.name
        );
    }
    let newer: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| package.rust_version.as_ref().is_some_and(|needed| needed > promised))
        .map(|package| format!("{} {} needs {:?}", package.name, package.version, package.rust_version))
        .collect();
    assert!(newer.is_empty(), "rust-version in Cargo.toml is {promised}, but {newer:#?}");
}
