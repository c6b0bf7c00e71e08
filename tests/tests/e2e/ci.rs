// SPDX-License-Identifier: Apache-2.0
//! Commands for pull requests: the matrix of jobs, the affected runtimes, steps on several machines
//! that are joined, comments, annotations, and the checks of the workflows.

use cutover_tests::{Runtime, Xtask, built, bundle, copy, programs, repository, snapshot};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
    let output =
        Command::new("git").arg("-C").arg(directory).args(identity).args(arguments).output().expect("git starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// A machine, as a separate clone of the repository.
struct Machine {
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = directory();
        let source = repository();
        git(directory.path(), &["clone", "--quiet", &source.display().to_string(), "clone"]);
        Self { directory }
    }

    fn clone(&self) -> PathBuf {
        self.directory.path().join("clone")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn xtask(&self, arguments: &[&str]) -> Xtask {
        // The clone contains Cutover. Its workers are already built, as if from a cache.
        Xtask::new(arguments)
            .env("CARGO_MANIFEST_DIR", self.clone().join("xtask"))
            .env("CUTOVER_WORKERS", programs())
            .directory(&self.clone())
    }

    fn change(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.clone().join(file);
        let text = fs::read_to_string(&path).expect("read");
        let changed = change(text.clone());
        assert_ne!(text, changed, "{file} stayed the same");
        fs::write(path, changed).expect("written");
    }

    fn commit(&self) -> String {
        git(&self.clone(), &["commit", "--quiet", "--no-verify", "--all", "-m", "change"]);
        git(&self.clone(), &["rev-parse", "HEAD"])
    }

    /// Returns the names of the affected runtimes, each with its reasons in one text.
    fn affected(&self, base: &str) -> Vec<(String, String)> {
        let document = self.xtask(&["ci", "changed", "--base", base, "--json"]).run().expect_code(0).json();
        let runtimes = document["runtimes"].as_array().expect("a list").iter();
        let affected = runtimes.filter(|runtime| runtime["affected"] == true);
        affected
            .map(|runtime| (runtime["name"].as_str().expect("a name").to_owned(), runtime["reasons"].to_string()))
            .collect()
    }
}

fn names(affected: &[(String, String)]) -> Vec<&str> {
    affected.iter().map(|(name, _)| name.as_str()).collect()
}

/// Writes a script that replaces a program.
fn mock_program(directory: &Path, name: &str, script: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
}

fn with_path(xtask: Xtask, first: &Path) -> Xtask {
    let path = std::env::var("PATH").expect("a PATH");
    xtask.env("PATH", format!("{}:{path}", first.display()))
}

#[test]
fn the_matrix_names_the_jobs_of_every_runtime_in_stages() {
    let document = Xtask::new(["ci", "matrix", "--json"]).run().expect_code(0).json();
    let jobs = document["include"].as_array().expect("a list");
    let of = |runtime: &str, stage: &str| -> Vec<&str> {
        let those = jobs.iter().filter(|job| job["runtime"] == runtime && job["stage"] == stage);
        those.map(|job| job["only"].as_str().expect("jobs")).collect()
    };
    for runtime in ["standalone", "parachain", "relay"] {
        assert_eq!(of(runtime, "build"), ["build,inspect"]);
        assert_eq!(of(runtime, "check"), ["diff", "build-try-runtime,dry-run", "propose,rehearse", "weights"]);
        assert_eq!(of(runtime, "join"), ["report,manifest,sign,verify"]);
    }
    // GitHub's matrix must contain only the list.
    assert_eq!(document.as_object().expect("an object").len(), 1);
    let arguments = ["ci", "matrix", "--runtime", "standalone", "--stage", "build,join"];
    let table = Xtask::new(arguments).run().expect_code(0).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[test]
fn invalid_options_of_a_matrix_are_refused() {
    Xtask::new(["ci", "matrix", "--runtime", "standalon"]).run().expect_code(2).mentions(&["standalon", "standalone"]);
    let none = Xtask::new(["ci", "matrix", "--base", "no-such-branch"]).run();
    none.expect_code(4).mentions(&["no-such-branch", "git fetch"]);
    let none = Xtask::new(["ci", "changed", "--base", "--help-me"]).run();
    assert_eq!(none.code, Some(2));
    Xtask::new(["ci", "matrix", "--format", "kubernetes"]).run().expect_code(2).mentions(&["--image"]);
    Xtask::new(["ci", "matrix", "--format", "github", "--json"]).run().expect_code(2);
}

#[test]
fn the_matrix_has_the_format_of_each_ci_engine() {
    let github = Xtask::new(["ci", "matrix", "--format", "github"]).run().expect_code(0).stdout;
    let outputs: Vec<(&str, &str)> = github.lines().map(|line| line.split_once('=').expect("name=value")).collect();
    assert_eq!(outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["build", "check", "join", "any"]);
    for (name, value) in &outputs[..3] {
        let matrix: Value = serde_json::from_str(value).expect("JSON on one line");
        assert!(matrix["include"].as_array().is_some_and(|jobs| jobs.len() >= 2), "{name}");
    }
    assert_eq!(outputs[3].1, "true");

    let image = "registry.example/cutover:1";
    let text = Xtask::new(["ci", "matrix", "--format", "gitlab", "--image", image]).run().expect_code(0).stdout;
    let pipeline: Value = serde_yaml_ng::from_str(&text).expect("YAML");
    assert_eq!(pipeline["stages"], serde_json::json!(["build", "check", "join"]));
    assert_eq!(pipeline["default"]["image"], image);
    let join = &pipeline["join standalone"];
    let needs: Vec<&str> = join["needs"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(
        needs,
        ["build standalone", "diff standalone", "dry-run standalone", "propose standalone", "weights standalone"]
    );
    let script = join["script"][0].as_str().expect("a script");
    assert!(script.starts_with("cargo xtask upgrade --runtime standalone --only report,"), "{script}");

    let text = Xtask::new(["ci", "matrix", "--format", "kubernetes", "--image", image]).run().expect_code(0).stdout;
    let mut found = 0;
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let job: Value = serde::Deserialize::deserialize(document).expect("YAML");
        assert_eq!((&job["kind"], &job["apiVersion"]), (&"Job".into(), &"batch/v1".into()));
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], image);
        assert_eq!(pod["containers"][0]["command"][0], "cargo");
        found += 1;
    }
    assert_eq!(found, 18, "six jobs for each runtime");
}

#[test]
fn a_change_affects_runtimes_with_the_reasons() {
    let machine = Machine::new();
    let base = git(&machine.clone(), &["rev-parse", "HEAD"]);
    assert_eq!(machine.affected(&base), []);

    machine.change("README.md", |text| text + "\n");
    fs::write(machine.clone().join("new-file"), "x").expect("written");
    assert_eq!(machine.affected(&base), []);

    // Uncommitted changes count too.
    machine.change("runtimes/standalone/src/lib.rs", |text| text + "\n");
    let affected = machine.affected(&base);
    assert_eq!(names(&affected), ["standalone"]);
    assert!(affected[0].1.contains("runtimes/standalone/src/lib.rs"), "{affected:?}");
    let matrix = machine.xtask(&["ci", "matrix", "--json", "--base", &base]).run().expect_code(0).json();
    let jobs = matrix["include"].as_array().expect("a list");
    assert!(!jobs.is_empty() && jobs.iter().all(|job| job["runtime"] == "standalone"), "{matrix}");
    let base = machine.commit();
    assert_eq!(machine.affected(&base), []);
    let nothing = machine.xtask(&["ci", "matrix", "--format", "github", "--base", &base]).run().expect_code(0);
    assert!(nothing.stdout.ends_with("any=false\n"), "{}", nothing.stdout);

    machine.change("runtimes/pallets/attestations/src/lib.rs", |text| text + "\n");
    let affected = machine.affected(&base);
    assert_eq!(names(&affected), ["parachain", "standalone"]);
    assert!(affected.iter().all(|(_, reasons)| reasons.contains("attestations/src/lib.rs")), "{affected:?}");
    let base = machine.commit();

    let state = machine.clone().join("runtimes/parachain/previous-release.snapshot");
    let mut bytes = fs::read(&state).expect("read");
    bytes.push(0);
    fs::write(&state, bytes).expect("written");
    let affected = machine.affected(&base);
    // The relay chain's dry run names it too.
    assert_eq!(names(&affected), ["parachain", "relay"]);
    assert!(affected.iter().all(|(_, reasons)| reasons.contains("\"state\"")), "{affected:?}");
    let base = machine.commit();

    // Settings for all packages.
    machine.change("Cargo.toml", |text| text.replace("[profile.production]", "[profile.production]\nopt-level = 3"));
    let affected = machine.affected(&base);
    assert_eq!(names(&affected), ["parachain", "relay", "standalone"]);
    assert!(affected[0].1.contains("profiles"), "{affected:?}");
    let base = machine.commit();

    // A dependency of only one runtime, in the workspace's manifest and in the lock file. The
    // current lock file must be valid, so the previous one is changed.
    let inherited = "staging-parachain-info = { version = \"";
    machine.change("Cargo.toml", |text| text.replace(inherited, "staging-parachain-info = {version = \""));
    assert_eq!(machine.affected(&base), [], "the same values, formatted differently");
    let inherited = "staging-parachain-info = {version = \"";
    machine.change("Cargo.toml", |text| text.replace(inherited, &format!("{inherited}^")));
    let affected = machine.affected(&base);
    assert_eq!(names(&affected), ["parachain"]);
    assert!(affected[0].1.contains("staging-parachain-info in [workspace.dependencies]"), "{affected:?}");
    machine.commit();
    let lock = fs::read_to_string(machine.clone().join("Cargo.lock")).expect("read");
    let entry = "name = \"staging-parachain-info\"\n";
    machine.change("Cargo.lock", |text| text.replace(entry, &format!("{entry}# was another\n")));
    let base = machine.commit();
    fs::write(machine.clone().join("Cargo.lock"), lock).expect("written");
    let affected = machine.affected(&base);
    assert_eq!(names(&affected), ["parachain"]);
    assert!(affected[0].1.contains("lock_file") && affected[0].1.contains("staging-parachain-info"), "{affected:?}");

    // Two histories without a common commit.
    git(&machine.clone(), &["checkout", "--quiet", "--force", "--orphan", "other"]);
    machine.commit();
    let output = machine.xtask(&["ci", "changed", "--base", &base]).run();
    output.expect_code(4).mentions(&["in common", "fetch-depth"]);
}

#[test]
fn finding_changes_needs_a_repository() {
    let outside = directory();
    copy(&repository().join("tests/fixtures/foreign-workspace"), outside.path());
    let output = Xtask::new(["--workspace", &outside.path().display().to_string(), "ci", "changed", "--base", "HEAD"]);
    output.run().expect_code(4).mentions(&["git repository"]);
}

#[test]
fn steps_of_several_machines_are_joined_to_the_manifest_of_one_machine() {
    let keys = directory();
    let key = keys.path().join("key");
    fs::write(&key, format!("0x{}\n", "17".repeat(32))).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("made private");
    // Signatures of such a key are deterministic, so the whole files can be compared.
    let sign_with = format!("ed25519:{}", key.display());
    let upgrade = |machine: &Machine, only: Option<&str>| {
        let out = machine.path("bundle").display().to_string();
        let mut arguments =
            vec!["upgrade", "--json", "--runtime", "standalone", "--out", &out, "--sign-with", &sign_with];
        arguments.extend(only.iter().flat_map(|only| ["--only", *only]));
        machine.xtask(&arguments).run()
    };
    let alone = Machine::new();
    upgrade(&alone, None).expect_code(0);

    let builder = Machine::new();
    let built = upgrade(&builder, Some("build,inspect")).expect_code(0).json();
    assert_eq!(built["runtimes"][0]["steps"].as_array().map(Vec::len), Some(2), "{built}");
    let join = Machine::new();
    for only in ["build-try-runtime,dry-run", "diff", "propose,rehearse", "weights"] {
        let machine = Machine::new();
        copy(&builder.path("bundle"), &machine.path("bundle"));
        let document = upgrade(&machine, Some(only)).expect_code(0).json();
        assert_eq!(document["verdict"], "pass", "{document}");
        copy(&machine.path("bundle"), &join.path("bundle"));
    }
    let joined = upgrade(&join, Some("report,manifest,sign,verify")).expect_code(0).json();
    assert_eq!(joined["runtimes"][0]["verdict"], "pass");

    let files = |machine: &Machine| -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut pending = vec![machine.path("bundle")];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => pending.push(path),
                    false => {
                        let name = path.strip_prefix(machine.path("bundle")).expect("within").display().to_string();
                        found.push((name, fs::read(&path).expect("read")));
                    }
                }
            }
        }
        found.sort();
        found
    };
    let (one, many) = (files(&alone), files(&join));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&many));
    for ((name, left), (_, right)) in one.iter().zip(&many) {
        assert!(
            left == right,
            "{name} differs:\n{}\n{}",
            String::from_utf8_lossy(left),
            String::from_utf8_lossy(right)
        );
    }
    let manifest = fs::read(alone.path("bundle/manifest.json")).expect("read");
    assert_eq!(manifest, fs::read(join.path("bundle/manifest.json")).expect("read"));

    expect_refused_joins(&join, &upgrade);
}

/// Asserts that steps which do not belong together are not joined. Each case alters a copy of the
/// machine's complete bundle.
fn expect_refused_joins(machine: &Machine, upgrade: &dyn Fn(&Machine, Option<&str>) -> cutover_tests::Output) {
    let whole = machine.path("whole");
    copy(&machine.path("bundle"), &whole);
    let spoiled = |spoil: &dyn Fn(&Path)| {
        for name in ["bundle", "bundle.work", "bundle.logs"] {
            fs::remove_dir_all(machine.path(name)).expect("removed");
        }
        copy(&whole, &machine.path("bundle"));
        spoil(&machine.path("bundle"));
    };
    let evidence: Value = serde_json::from_slice(&fs::read(whole.join("build.json")).expect("read")).expect("JSON");
    let hash = evidence["result"]["blob"]["blake2_256"].as_str().expect("a hash");
    let replace = |file: PathBuf, from: &str, to: &str| {
        let text = fs::read_to_string(&file).expect("read");
        assert!(text.contains(from), "{} lacks {from}", file.display());
        fs::write(file, text.replace(from, to)).expect("written");
    };
    let join = Some("report,manifest,sign,verify");

    let other = format!("0x{}", "12".repeat(32));
    spoiled(&|bundle| replace(bundle.join("diff.json"), hash, &other));
    upgrade(machine, join).expect_code(1).mentions(&["diff.json", "blob", &other]);

    spoiled(&|bundle| {
        replace(bundle.join("dry-run.json"), "\"runtime\": \"standalone\"", "\"runtime\": \"parachain\"")
    });
    upgrade(machine, join).expect_code(4).mentions(&["dry-run.json", "parachain", "another runtime"]);

    spoiled(&|bundle| fs::remove_file(bundle.join("weights.json")).expect("removed"));
    upgrade(machine, join).expect_code(4).mentions(&["weights", "missing", "--only weights"]);

    spoiled(&|bundle| {
        let blob = bundle.join("standalone_runtime.compact.compressed.wasm");
        let mut bytes = fs::read(&blob).expect("read");
        bytes.push(0);
        fs::write(blob, bytes).expect("written");
    });
    upgrade(machine, Some("inspect")).expect_code(1).mentions(&["not the blob", "build.json"]);

    spoiled(&|_| {});
    upgrade(machine, Some("dry-run")).expect_code(4).mentions(&["try-runtime", "build-try-runtime,dry-run"]);

    // Another commit, so the steps that read the source would check another source.
    machine.change("README.md", |text| text + "\n");
    machine.commit();
    upgrade(machine, Some("weights")).expect_code(1).mentions(&["another source", "check out"]);
    upgrade(machine, join).expect_code(0);
}

#[test]
fn a_single_step_needs_a_bundle_and_its_earlier_evidence() {
    Xtask::new(["upgrade", "--only", "diff"]).run().expect_code(2).mentions(&["--out"]);
    let directory = directory();
    let out = directory.path().join("bundle").display().to_string();
    Xtask::new(["upgrade", "--only", "diff", "--out", &out]).run().expect_code(4).mentions(&["evidence of build"]);
    Xtask::new(["upgrade", "--only", "dif", "--out", &out]).run().expect_code(2).mentions(&["diff"]);
}

#[test]
fn a_comment_contains_the_facts_for_reviewers_and_is_reproducible() {
    let whole = bundle();
    let bundle = whole.display().to_string();
    let comment = Xtask::new(["ci", "comment", &bundle]).run().expect_code(0).stdout;
    assert!(comment.starts_with("<!-- cutover: upgrade report -->\n## Runtime upgrades: passed\n"), "{comment}");
    for wanted in
        ["`standalone`", "`1000000` → `1001000`", "blake2_256", "breaking", "`call-arguments`", "% of the limit"]
    {
        assert!(comment.contains(wanted), "{wanted} is missing:\n{comment}");
    }
    let directory = directory();
    let out = directory.path().join("comment.md");
    Xtask::new(["ci", "comment", &bundle, "--out", &out.display().to_string()]).run().expect_code(0);
    assert_eq!(fs::read_to_string(out).expect("read"), comment);
}

#[test]
fn a_comment_on_an_incomplete_bundle_is_refused() {
    let whole = bundle();
    let directory = directory();
    let spoiled = |name: &str, spoil: &dyn Fn(&Path)| {
        let copied = directory.path().join(name);
        copy(&whole, &copied);
        spoil(&copied);
        Xtask::new(["ci", "comment", &copied.display().to_string()]).run()
    };
    let missing = spoiled("missing", &|bundle| fs::remove_file(bundle.join("diff.json")).expect("removed"));
    missing.expect_code(4).mentions(&["incomplete", "diff.json"]);
    let foreign = spoiled("foreign", &|bundle| {
        let path = bundle.join("inspect.json");
        let mut evidence: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        evidence["inputs"]["blob"]["blake2_256"] = "0x12".into();
        fs::write(path, evidence.to_string()).expect("written");
    });
    foreign.expect_code(1).mentions(&["inspect.json", "another blob", "0x12"]);
    let broken = spoiled("broken", &|bundle| fs::write(bundle.join("propose.json"), "{").expect("written"));
    broken.expect_code(4).mentions(&["propose.json", "EOF while parsing"]);
    let renamed = spoiled("renamed", &|bundle| {
        fs::copy(bundle.join("build.json"), bundle.join("dry-run.json")).map(|_| ()).expect("copied");
    });
    renamed.expect_code(4).mentions(&["dry-run.json", "another step"]);
    let reworded = spoiled("reworded", &|bundle| {
        let path = bundle.join("dry-run.json");
        let text = fs::read_to_string(&path).expect("read");
        fs::write(path, text + "\n").expect("written");
    });
    reworded.expect_code(1).mentions(&["dry-run.json", "does not match its manifest"]);
    let two = spoiled("two", &|bundle| {
        let path = bundle.join("dry-run.json");
        let mut evidence: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        evidence["verdict"] = "fail".into();
        fs::write(path, evidence.to_string()).expect("written");
    });
    two.expect_code(1).mentions(&["dry-run.json", "has two verdicts"]);
    Xtask::new(["ci", "comment", "/no/such/bundle"]).run().expect_code(4).mentions(&["/no/such/bundle"]);
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("made");
    Xtask::new(["ci", "comment", &empty.display().to_string()]).run().expect_code(4).mentions(&["is not a bundle"]);
}

#[test]
fn failures_are_annotated_on_github_with_a_summary() {
    let directory = directory();
    let summary = directory.path().join("summary.md");
    let (blob, state) = (built(Runtime::Parachain, &[]), snapshot(Runtime::Standalone));
    let (blob, state) = (blob.display().to_string(), state.display().to_string());
    let arguments = ["--github", "--json", "dry-run", "--runtime", &blob, "--state", &state];
    let output = Xtask::new(arguments).env("GITHUB_STEP_SUMMARY", &summary).run().expect_code(1);
    let annotations: Vec<_> = output.stderr.lines().filter(|line| line.starts_with("::error title=")).collect();
    assert!(annotations.iter().any(|line| line.starts_with("::error title=versions::")), "{annotations:?}");
    assert!(annotations.len() <= 10, "{annotations:?}");
    assert_eq!(output.json()["verdict"], "fail");
    let text = fs::read_to_string(&summary).expect("a summary");
    assert!(text.starts_with("### cargo xtask dry-run\n\n```text\n"), "{text}");
    assert!(text.contains("FAIL") && text.contains("versions"), "{text}");

    // A failure is one annotation on one line. Without the option there is none.
    let missing = Xtask::new(["--github", "ci", "comment", "/no/such\nbundle"]).run().expect_code(4);
    let lines: Vec<_> = missing.stderr.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(lines.len(), 1, "{}", missing.stderr);
    assert!(lines[0].contains("/no/such%0Abundle"), "{}", lines[0]);
    let silent = Xtask::new(["ci", "comment", "/no/such"]).run().expect_code(4);
    assert!(!silent.stderr.contains("::error"), "{}", silent.stderr);

    // Text of others cannot contain workflow commands.
    let forged = Xtask::new(["--github", "inspect", "/no/such\n::add-mask::x\n##[error]y"]).run().expect_code(4);
    let commands: Vec<_> = forged.stderr.lines().filter(|line| line.trim_start().starts_with("::")).collect();
    assert!(commands.iter().all(|line| line.starts_with("::error title=cargo xtask::")), "{commands:?}");
    assert!(
        forged.stderr.lines().all(|line| line.starts_with("::error") || !line.contains("##[")),
        "{}",
        forged.stderr
    );
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A mock of `gh` that records its calls and responds from files.
struct Gh(TempDir);

impl Gh {
    fn new(pulls: &str, comments: &str) -> Self {
        let this = Self(directory());
        let at = this.0.path();
        fs::write(at.join("pulls"), pulls).expect("written");
        fs::write(at.join("comments"), comments).expect("written");
        fs::write(at.join("comment.md"), "<!-- cutover: upgrade report -->\n## all is well\n").expect("written");
        let script = format!(
            "echo \"$@\" >> {0}/asked\ncase \"$*\" in\n*GET*/pulls*) cat {0}/pulls ;;\n*GET*) cat {0}/comments ;;\n\
             *) echo '{{\"html_url\": \"https://github.example/1\"}}' ;;\nesac",
            at.display()
        );
        mock_program(at, "gh", &script);
        this
    }

    fn post(&self, head: &str) -> cutover_tests::Output {
        let comment = self.0.path().join("comment.md").display().to_string();
        let arguments = ["ci", "post", "--json", &comment, "--repository", "o/r", "--commit", COMMIT, "--head", head];
        with_path(Xtask::new(arguments), self.0.path()).run()
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.0.path().join("asked")).unwrap_or_default()
    }
}

#[test]
fn a_comment_is_posted_once_and_replaced_from_then_on() {
    let pulls = format!(r#"[{{"number": 7, "head": {{"sha": "{COMMIT}"}}}}]"#);
    let forged = r#"{"id": 1, "user": {"type": "User"}, "body": "<!-- cutover: upgrade report -->"}"#;
    let ours = r#"{"id": 2, "user": {"type": "Bot"}, "body": "<!-- cutover: upgrade report -->\nold"}"#;

    let first = Gh::new(&pulls, &format!("[[{forged}]]"));
    let document = first.post("fork:a branch; $(x)").expect_code(0).json();
    assert_eq!((&document["pull_request"], &document["replaced"]), (&7.into(), &false.into()));
    assert!(first.asked().contains("--method POST repos/o/r/issues/7/comments"), "{}", first.asked());
    assert!(first.asked().contains("head=fork:a branch; $(x)"), "{}", first.asked());

    let second = Gh::new(&pulls, &format!("[[{forged}], [{ours}]]"));
    assert_eq!(second.post("fork:branch").expect_code(0).json()["replaced"], true);
    assert!(second.asked().contains("--method PATCH repos/o/r/issues/comments/2"), "{}", second.asked());

    let gone = Gh::new(&pulls.replace(COMMIT, "another"), "[]");
    assert_eq!(gone.post("fork:branch").expect_code(0).json()["posted"], false);
    assert!(!gone.asked().contains("POST"), "{}", gone.asked());
}

#[test]
fn a_comment_that_cannot_be_posted_is_an_error_with_the_reason() {
    let gh = Gh::new("[]", "[]");
    gh.post("no-colon").expect_code(2).mentions(&["--head", "OWNER:BRANCH"]);
    mock_program(gh.0.path(), "gh", "echo 'HTTP 403: Resource not accessible' >&2; exit 1");
    gh.post("fork:branch").expect_code(3).mentions(&["403", "pull-requests: write"]);
    fs::write(gh.0.path().join("comment.md"), "anything").expect("written");
    gh.post("fork:branch").expect_code(4).mentions(&["not a comment of Cutover"]);
}

#[test]
fn the_workflows_are_checked_and_a_missing_tool_is_reported() {
    let directory = directory();
    let cache = directory.path().join("cache");
    let lint = |json: &[&str]| {
        let arguments = [&["ci", "lint"][..], json].concat();
        with_path(Xtask::new(arguments), directory.path()).env("CUTOVER_CACHE", &cache).run()
    };
    for name in ["npm", "python3"] {
        mock_program(directory.path(), name, "echo 'cannot reach the registry' >&2; exit 1");
    }
    let skipped = lint(&[]).expect_code(0).mentions(&["actionlint is SKIPPED", "zizmor is SKIPPED", "registry"]);
    assert!(skipped.stdout.contains("SKIP"), "{}", skipped.stdout);

    // The tool is installed and has a finding.
    mock_program(directory.path(), "npm", "exit 0");
    mock_program(directory.path(), "node", "echo \"$2:1:2: a finding\"; exit 1");
    let failed = lint(&["--json"]).expect_code(1).json();
    assert_eq!(failed["checks"][0]["status"], "fail", "{failed}");
    let finding = failed["checks"][0]["findings"][0]["text"].as_str().expect("a finding");
    assert!(finding.contains(".github/workflows/ci.yml:1:2: a finding"), "{finding}");
}
