// SPDX-License-Identifier: Apache-2.0
//! What the commands print and write, held against the published schemas in `docs/schema`.

use base64::{Engine, engine::general_purpose::STANDARD};
use cutover_tests::{
    Checkout, Runtime, Tiny, Xtask, built, bundle,
    fork::Fork,
    keys, repository,
    schema::{Documents, published},
    snapshot,
    transaction::{self, Signer},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

#[test]
fn every_schema_accepts_what_the_commands_print_and_write() {
    let mut documents = Documents::default();
    upgrade(&mut documents);
    runtimes(&mut documents);
    weights(&mut documents);
    block(&mut documents);
    workspace(&mut documents);
    pull_requests(&mut documents);
    builds(&mut documents);
    // The documents of releases are validated in `release.rs`, where a release is prepared.
    let others = published().into_iter().filter(|name| !name.starts_with("release")).collect::<BTreeSet<_>>();
    assert_eq!(documents.schemas(), others, "every schema has a document");
    if let Err(errors) = documents.validate() {
        panic!("documents that their schemas refuse:\n{errors}");
    }
}

#[test]
fn a_renamed_field_and_a_wrong_type_are_refused_at_their_place() {
    let list = Xtask::new(["list", "--json"]).run().expect_code(0).json();
    let errors = |change: &dyn Fn(&mut Value)| {
        let mut document = list.clone();
        change(&mut document);
        let mut documents = Documents::default();
        documents.add("list", document.to_string());
        documents.validate().err().unwrap_or_default()
    };
    assert_eq!(errors(&|_| {}), "");
    let renamed = errors(&|document| {
        let runtime = document["runtimes"][1].as_object_mut().expect("a runtime");
        let name = runtime.remove("package").expect("a package");
        runtime.insert("crate".into(), name);
    });
    for error in [
        "0-list.json: at '/runtimes/1': missing properties 'package'\n",
        "0-list.json: at '/runtimes/1': additionalProperties 'crate' not allowed\n",
    ] {
        assert!(renamed.contains(error), "{error}\n{renamed}");
    }
    let wrong = errors(&|document| document["runtimes"][0]["package_version"] = json!(1));
    assert_eq!(wrong, "0-list.json: at '/runtimes/0/package_version': want string, but got number\n");
    // The version of the format is a part of the schema.
    let other = errors(&|document| document["format"] = json!("cutover/list/v0"));
    assert_eq!(other, "0-list.json: at '/format': value must be 'cutover/list/v1'\n");
}

#[test]
fn the_result_of_a_step_has_the_type_that_its_name_gives() {
    let evidence = fs::read(bundle().join("dry-run.json")).expect("read");
    let mut step: Value = serde_json::from_slice(&evidence).expect("JSON");
    let errors = |step: &Value| {
        let mut documents = Documents::default();
        documents.add("step", step.to_string());
        documents.validate().err().unwrap_or_default()
    };
    assert_eq!(errors(&step), "");
    step["result"]["blocks"] = json!("many");
    let wrong = errors(&step);
    assert!(wrong.starts_with("0-step.json: at '/result/blocks': want "), "{wrong}");
    // Nothing is known about the results of steps that Cutover does not have.
    step["step"] = json!("audit");
    assert_eq!(errors(&step), "");
}

#[test]
fn the_page_of_schemas_names_all_of_them() {
    let page = fs::read_to_string(repository().join("docs/schemas.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| [")?.split_once(']')).map(|(name, _)| name.into());
    assert_eq!(rows.collect::<BTreeSet<String>>(), published());
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().expect("UTF-8").to_owned()
}

/// Runs a command with `--json` and returns the document that it prints.
fn printed(code: i32, arguments: &[&str]) -> String {
    Xtask::new(arguments.iter().chain(&["--json", "--quiet"])).run().expect_code(code).stdout
}

/// An upgrade, its bundle, and those who sign it.
fn upgrade(documents: &mut Documents) {
    let bundle = bundle();
    let path = text(&*bundle);
    documents.add("upgrade", printed(0, &["upgrade", "--out", &path]));
    documents.add("upgrade", printed(0, &["upgrade", "--out", &path, "--only", "report"]));
    let read = |name: &str| fs::read(bundle.join(name)).expect("read");
    for step in ["state", "build", "inspect", "diff", "dry-run", "propose", "rehearse", "weights"] {
        let evidence: Value = serde_json::from_slice(&read(&format!("{step}.json"))).expect("JSON");
        documents.add("step", evidence.to_string());
        let schema = match step {
            "inspect" | "diff" | "dry-run" => step,
            "propose" => "proposal",
            "rehearse" => "rehearsal",
            _ => continue,
        };
        documents.add(schema, evidence["result"].to_string());
    }
    let build: Value = serde_json::from_slice(&read("build.json")).expect("JSON");
    documents.add("build-digest", read(build["result"]["digest_file"].as_str().expect("a name")));

    let people = directory();
    let root = text(people.path().join("signers.json"));
    let alice = format!("alice={}", keys::ALICE);
    let key = keys::key(people.path(), "Alice");
    let init = ["signers", "init", &root, "--threshold", "1", "--signer", &alice, "--expires", "2999-01-01"];
    documents.add("signers-summary", printed(0, &init));
    documents.add("signers", fs::read(&root).expect("read"));
    documents.add("signers-summary", printed(0, &["signers", "sign", &root, "--with", &key]));
    documents.add("signers-summary", printed(0, &["signers", "verify", &root]));
    documents.add("signers", fs::read(&root).expect("read"));
    documents.add("public-keys", printed(0, &["signers", "key", &key]));
    documents.add("verify", printed(1, &["verify", &path]));
    let message = text(people.path().join("message"));
    documents.add("sign-message", printed(0, &["sign", &path, "--message", &message]));
    documents.add("sign", printed(0, &["sign", &path, "--with", &key, "--root", &root]));
    documents.add("verify", printed(0, &["verify", &path, "--root", &root]));
    let manifest = read("manifest.json");
    let envelope: Value = serde_json::from_slice(&manifest).expect("JSON");
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("text")).expect("base64");
    documents.add("manifest", manifest);
    documents.add("manifest-statement", payload);

    documents.add("comment", printed(0, &["ci", "comment", &path]));
    let out = text(people.path().join("comment.md"));
    documents.add("comment", printed(0, &["ci", "comment", &path, "--out", &out]));
}

/// What commands say of runtimes and states.
fn runtimes(documents: &mut Documents) {
    let (standalone, parachain) = (text(built(Runtime::Standalone, &[])), text(built(Runtime::Parachain, &[])));
    let state = text(snapshot(Runtime::Standalone));
    documents.add("inspect", printed(0, &["inspect", &state]));
    documents.add("inspect", printed(0, &["inspect", &parachain]));
    documents.add("inspect", printed(0, &["inspect", &parachain, "--no-metadata"]));
    documents.add("state", printed(0, &["snapshot", "info", &state]));
    let directory = directory();
    let out = text(directory.path().join("genesis.snapshot"));
    documents.add("snapshot-genesis", printed(0, &["snapshot", "genesis", "--runtime", &standalone, "--out", &out]));
    documents.add("diff", printed(1, &["diff", &state, &parachain]));
    documents.add("parameters", printed(0, &["diff", "--parameters", &state, &parachain]));
    documents.add("blob-difference", printed(1, &["diff", "--bytes", &standalone, &parachain]));
    // Another chain's runtime has many findings. The upgrade of the bundle has none.
    documents.add("dry-run", printed(1, &["dry-run", "--runtime", &parachain, "--state", &state]));
    // An empty `System.remark`.
    documents.add("rehearsal", printed(0, &["rehearse", "0x000000", "--state", &state]));
    // A `System.authorize_upgrade` of a code that nothing names.
    let authorize = format!("0x0009{}", "01".repeat(32));
    let words = ["verify", "referendum", &authorize, "--state", &state];
    documents.add("referendum-verification", printed(6, &words));
    documents.add("explanation", printed(0, &["propose", "explain", &authorize, "--target", &state]));
    let [relay, para] = [Runtime::Relay, Runtime::Parachain].map(|runtime| text(snapshot(runtime)));
    let case = ["--para", "2000", "--relay", &relay, "--state", &para];
    documents.add("diagnosis", printed(1, &[&["support", "diagnose"][..], &case].concat()));
    documents.add("repair", printed(0, &[&["support", "repair", "--heads", "1"][..], &case].concat()));
    // The relay chain does not know the parachain: whether it goes on is not judged.
    documents.add("support-task", printed(6, &[&["support", "set-cores", "4"][..], &case].concat()));
    // `UnpaidExecution` and a `Transact` of an empty `System.remark`.
    let message = ["xcm", "explain", "0x05082f00000602000c000000", "--to", &para, "--from", "parent"];
    documents.add("xcm-explanation", printed(0, &message));
    documents.add("proposal", printed(0, &["propose", "upgrade", "--runtime", &standalone, "--target", &state]));
    let call = ["propose", "call", "System.remark", "--args", r#"{"remark": "0x00"}"#, "--target", &state];
    let call = printed(0, &call);
    let proposal: Value = serde_json::from_str(&call).expect("JSON");
    let sudo = proposal["calls"][0]["bytes"].as_str().expect("the bytes of a call").to_owned();
    documents.add("call-proposal", call);
    let upgrade = format!("{state}={standalone}");
    let network = ["propose", "network", "--on", &state, "--upgrade", &upgrade];
    documents.add("network-proposal", printed(0, &network));
    documents.add("keys", printed(0, &["propose", "keys", &sudo, "--state", &state]));
    documents.add("error", printed(4, &["inspect", "/no/such/file"]));
    documents.add("error", printed(2, &["diff", "-", "-"]));
}

/// Benchmarks with few repetitions, and the files that are made of them.
fn weights(documents: &mut Documents) {
    let directory = directory();
    let at = |name: &str| text(directory.path().join(name));
    let (raw, files) = (at("raw"), at("files"));
    let released = text(built(Runtime::Standalone, &[]));
    let blob = text(built(Runtime::Standalone, &["runtime-benchmarks"]));
    let state = text(snapshot(Runtime::Standalone));
    let run = |more: &[&str]| {
        let fixed = ["weights", "run", "--runtime", "standalone", "--any-machine", "--raw", &raw, "--output", &files];
        printed(0, &[&fixed, more].concat())
    };
    let pallet = ["--blob", &blob, "--pallet", "pallet_attestations", "--steps", "2", "--repeat", "3"];
    documents.add("benchmarks", run(&pallet));
    documents.add("benchmarks", run(&["--blob", &blob, "--list"]));
    let overhead = ["--overhead", "--blob", &released, "--repeat", "3", "--max-extrinsics", "20"];
    documents.add("benchmarks", run(&overhead));
    documents.add("benchmarks", run(&["--database", &state]));
    let measured = text(Path::new(&raw).join("pallet_attestations.Attestations.json"));
    documents.add("raw-weights", fs::read(&measured).expect("raw results"));
    for (schema, name) in [("raw-overhead", "overhead.json"), ("raw-database", "database.json")] {
        documents.add(schema, fs::read(Path::new(&raw).join(name)).expect("raw results"));
    }
    documents.add("weight-files", printed(0, &["weights", "render", &measured, "--output", &at("rendered")]));
    let ours = "runtimes/standalone/src/weights/pallet_attestations.rs";
    let compared = printed(0, &["weights", "compare", ours, &measured, "--threshold", "1000000"]);
    documents.add("weights-comparison", compared);
    let checks = Xtask::new(["weights", "check", "--json", "--base", "HEAD"]).run();
    documents.add("weights", checks.json()["runtimes"][0].to_string());
    documents.add("weights-checks", checks.stdout);
    documents.add("machine", printed(0, &["weights", "machine", "--directory", &text(directory.path())]));
}

/// Served forks, one with development accounts and a file of its block. A block with a transfer, and with one that exceeds the balance, executed again by
/// two runtimes, and a snapshot of the chain.
fn block(documents: &mut Documents) {
    let node = Fork::manual(snapshot(Runtime::Standalone));
    documents.add("fork", node.document.to_string());
    let pin = directory();
    let pin = text(pin.path().join("pin.json"));
    let with_accounts = Fork::with(snapshot(Runtime::Standalone), &["--dev", "--pin", &pin]);
    documents.add("fork", with_accounts.document.to_string());
    documents.add("fork-pin", fs::read_to_string(&pin).expect("written"));
    let bob = hex::decode(transaction::BOB).expect("hex").try_into().expect("an account");
    for (nonce, amount) in [(0, 1_000_000_000_000), (1, u128::MAX / 2)] {
        let transfer = transaction::transfer(&node, &Signer::alice(), nonce, bob, amount);
        node.call("author_submitExtrinsic", json!([transfer]));
    }
    let head = node.call("dev_newBlock", json!([]));
    let head = head.as_str().expect("a hash");
    let blob = text(built(Runtime::Standalone, &[]));
    documents.add("block", printed(0, &["dry-run", "block", head, "--state", node.url(), "--runtime", &blob]));
    let (nodes, directory) = (directory(), directory());
    let out = text(directory.path().join("live.snapshot"));
    let json = |arguments: &[&str]| {
        let command = Xtask::new(arguments.iter().chain(&["--json"])).env("CUTOVER_NODES", nodes.path());
        command.run().expect_code(0).stdout
    };
    documents.add("snapshot", json(&["snapshot", "create", node.url(), "--out", &out]));
    documents.add("snapshot-prune", json(&["snapshot", "prune"]));
}

/// An archive of workers, and its installation into a cache of its own.
fn prebuilt(documents: &mut Documents) {
    let directory = directory();
    let archive = printed(0, &["dist", "--out", &text(directory.path())]);
    let document: Value = serde_json::from_str(&archive).expect("JSON");
    documents.add("workers", document["manifest"].to_string());
    let word = |field: &str| document[field].as_str().expect("text").to_owned();
    let arguments = ["setup", "--json", "--workers", &word("file"), "--digest", &word("digest")];
    let installed = Xtask::new(arguments).env("CUTOVER_CACHE", directory.path()).run().expect_code(0);
    documents.add("installed-workers", installed.stdout);
    documents.add("dist", archive);
}

/// What commands say of a workspace, and change in it.
fn workspace(documents: &mut Documents) {
    documents.add("list", printed(0, &["list"]));
    documents.add("matrix", printed(0, &["ci", "matrix"]));
    documents.add("setup", printed(0, &["setup", "--check"]));
    prebuilt(documents);
    documents.add("build", printed(0, &["build", "--runtime", "standalone", "--out", &text(directory().path())]));
    let (directory, checkout) = (directory(), Checkout::copy());
    checkout.commit("before");
    checkout.edit("runtimes/standalone/src/lib.rs", "//", "// Changed. ");
    documents.add("changed", checkout.run(&["ci", "changed", "--base", "HEAD", "--json"]).expect_code(0).stdout);
    let workspace = directory.path().join("w");
    Tiny::copy(&workspace, 0);
    let init = |more: &[&str]| printed(0, &[&["init", "--workspace", &text(&workspace)], more].concat());
    documents.add("init", init(&[]));
    documents.add("init", init(&["--yes"]));
}

/// Programs of others, made of shell scripts, before those of this machine.
struct StandIns(TempDir);

impl StandIns {
    fn new(programs: &[(&str, &str)]) -> Self {
        let directory = directory();
        for (name, script) in programs {
            let path = directory.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
        }
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Returns a command that prints JSON and has a cache of its own.
    fn xtask(&self, arguments: &[&str]) -> Xtask {
        let path = format!("{}:{}", self.path().display(), std::env::var("PATH").expect("a PATH"));
        let command = Xtask::new(arguments.iter().chain(&["--json", "--quiet"]));
        command.env("PATH", path).env("CUTOVER_CACHE", self.path().join("cache"))
    }
}

/// The checks of workflows, and a comment that is posted.
fn pull_requests(documents: &mut Documents) {
    let lint =
        StandIns::new(&[("npm", "exit 0"), ("node", "echo \"$2:1:2: a finding\"; exit 1"), ("python3", "exit 1")]);
    documents.add("checks", lint.xtask(&["ci", "lint"]).run().expect_code(1).stdout);

    let commit = "0123456789abcdef0123456789abcdef01234567";
    for pulls in [format!(r#"[{{"number": 7, "head": {{"sha": "{commit}"}}}}]"#), "[]".into()] {
        let script = format!(
            "case \"$*\" in\n*GET*/pulls*) echo '{pulls}' ;;\n*GET*) echo '[]' ;;\n\
             *) echo '{{\"html_url\": \"https://github.example/1\"}}' ;;\nesac"
        );
        let gh = StandIns::new(&[("gh", &script)]);
        let comment = gh.path().join("comment.md");
        fs::write(&comment, "<!-- cutover: upgrade report -->\n## all is well\n").expect("written");
        let of = ["--repository", "o/r", "--commit", commit, "--head", "fork:branch"];
        let post = gh.xtask(&[&["ci", "post", &text(&comment)], &of[..]].concat());
        documents.add("post", post.run().expect_code(0).stdout);
    }
}

/// A builder image, and a blob that is built again and is another one.
fn builds(documents: &mut Documents) {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let podman =
        format!(r#"case $1 in image) echo '[{{"Id":"{digest}"}}]' ;; run) echo '{{"rustc":"rustc 1.96.0"}}' ;; esac"#);
    let image = StandIns::new(&[
        ("rustup", "echo '1.95.0-here (default)'"),
        ("runc", "exit 0"),
        ("mmdebstrap", "for word in \"$@\"; do case $word in *.tar) echo root > \"$word\" ;; esac; done"),
        ("podman", &podman),
    ]);
    let toolchain = image.path().join("rustup-home/toolchains/1.95.0-here");
    let rustc = toolchain.join("bin/rustc");
    let linker = toolchain.join("lib/rustlib/here/bin/rust-lld");
    for file in [&rustc, &linker] {
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        fs::write(file, "#!/bin/sh\necho 'host: here'\n").expect("written");
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("made executable");
    }
    let setup = image.xtask(&["setup", "--builder-image"]).env("RUSTUP_HOME", image.path().join("rustup-home"));
    documents.add("builder-image", setup.run().expect_code(0).stdout);

    // A container that builds the standalone runtime, whatever it is given.
    let (made, expected) = (text(built(Runtime::Standalone, &[])), text(built(Runtime::Parachain, &[])));
    let script = format!(
        r#"case $1 in
image) echo '[{{"Id":"{digest}","RepoDigests":["r/builder@{digest}"]}}]' ;;
run)
    for word in "$@"; do
        case $word in
        type=bind,source=*,target=/out) out=${{word#type=bind,source=}}; out=${{out%,target=/out}} ;;
        esac
    done
    cp '{made}' "$out/tiny_runtime.compact.compressed.wasm"
    echo '{{}}' ;;
esac"#
    );
    let container = StandIns::new(&[("podman", &script)]);
    let workspace = container.path().join("w");
    Tiny::copy(&workspace, 0);
    let (image, workspace) = (format!("r/builder@{digest}"), text(workspace));
    let options = ["--engine", "podman", "--image", &image, "--allow-dirty", "--workspace", &workspace];
    let verify = container.xtask(&[&["verify", "build", "--blob", &expected], &options[..]].concat());
    documents.add("verify-build", verify.run().expect_code(1).stdout);
}
