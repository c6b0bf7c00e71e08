// SPDX-License-Identifier: Apache-2.0
//! Builds in containers, with stand-ins for docker, podman and srtool: what each of them may do wrong has its own error
//! and exit code, and leaves nothing half-written.

mod machine;

use machine::{Machine, TARGET, wait_for};
use protocol::{
    build::BuildDigest,
    bytes::BlobDifference,
    inspect::{MetadataHashFacts, RuntimeFacts, StatePin},
};
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

const DIGEST: &str = "sha256:abababababababababababababababababababababababababababababababab";

/// A machine with one or more runtimes, a cargo that knows them, and a worker that digests anything.
fn machine(runtimes: &[&str]) -> Machine {
    let machine = Machine::new();
    let workspace = machine.path("workspace");
    let id = |name: &str| format!("path+file://{}/{name}#{name}@1.0.0", workspace.display());
    let packages: Vec<Value> = runtimes
        .iter()
        .map(|name| {
            let directory = workspace.join(name);
            json!({
                "name": name, "version": "1.0.0", "id": id(name), "license": null, "license_file": null,
                "description": null, "source": null, "dependencies": [], "features": {"std": [], "extra": [], "more": []},
                "manifest_path": directory.join("Cargo.toml"), "metadata": {"cutover": {"runtime": true, "features": []}},
                "publish": null, "authors": [], "categories": [], "keywords": [], "readme": null, "repository": null,
                "homepage": null, "documentation": null, "edition": "2024", "links": null, "default_run": null,
                "rust_version": null,
                "targets": [{
                    "kind": ["lib"], "crate_types": ["lib"], "name": name.replace('-', "_"),
                    "src_path": directory.join("src/lib.rs"), "edition": "2024", "doc": true, "doctest": true, "test": true,
                }],
            })
        })
        .collect();
    let nodes: Vec<Value> =
        runtimes.iter().map(|name| json!({"id": id(name), "dependencies": [], "deps": [], "features": []})).collect();
    let ids: Vec<String> = runtimes.iter().map(|name| id(name)).collect();
    let metadata = json!({
        "packages": packages, "workspace_members": ids, "workspace_default_members": ids,
        "resolve": {"nodes": nodes, "root": null}, "target_directory": workspace.join("target"),
        "version": 1, "workspace_root": workspace, "metadata": null,
    });
    machine.write("metadata.json", &metadata.to_string());
    machine.write("workspace/Cargo.lock", "version = 4\n");
    for name in runtimes {
        machine.write(&format!("workspace/{name}/Cargo.toml"), "[package]\n");
        machine.write(&format!("workspace/{name}/src/lib.rs"), "");
    }
    machine.program("rustc", "echo 'host: here'");
    let metadata = machine.path("metadata.json");
    machine.program("cargo", &format!("case $1 in metadata) /bin/cat '{}';; *) exit 0;; esac", metadata.display()));
    // It writes what it was asked for into the file it was asked for.
    let done = |value: Value| json!({"event": "done", "passed": true, "value": value}).to_string();
    let pin =
        StatePin { state_root: Some("0x01".into()), spec_name: "solo".into(), spec_version: 1, ..StatePin::default() };
    let digest = json!(BuildDigest::default());
    let script = format!(
        r#"read request
case $request in
*'"command":"pin"'*) echo '{pin}' ;;
*'"command":"metadata_hash"'*) echo '{hash}' ;;
*'"command":"inspect"'*) echo '{facts}' ;;
*'"command":"diff_bytes"'*) echo '{difference}' ;;
*)
    out=${{request#*'"out":"'}}
    out=${{out%%'"'*}}
    echo '{digest}' > "$out"
    echo '{digested}' ;;
esac"#,
        pin = done(json!(pin)),
        hash = done(json!(MetadataHashFacts::default())),
        facts = done(json!(RuntimeFacts::default())),
        difference = done(json!(BlobDifference::default())),
        digested = done(digest.clone()),
    );
    machine.program("cutover-inspect", &script);
    machine
}

/// An engine that runs, has the image, and does `run` when a container is started. `$out` is then what is at `/out`.
fn engine(machine: &Machine, name: &str, run: &str) {
    let calls = machine.path("calls");
    let script = format!(
        r#"echo "$@" >> '{calls}'
case "$1" in
info) exit 0 ;;
image) echo '[{{"Id":"{DIGEST}","RepoDigests":["r/builder@{DIGEST}"]}}]' ;;
run)
    name=; package=; out=
    for word in "$@"; do
        case $word in
        type=bind,source=*,target=/out) out=${{word#type=bind,source=}}; out=${{out%,target=/out}} ;;
        PACKAGE=*) package=$(echo "${{word#PACKAGE=}}" | /usr/bin/tr - _) ;;
        cutover-*) name=$word ;;
        esac
    done
    {run}
    ;;
*) exit 0 ;;
esac"#,
        calls = calls.display()
    );
    machine.program(name, &script);
}

const BLOB: &str = r#"echo blob > "$out/$package.compact.compressed.wasm""#;
const ANSWER: &str = r#"echo '{"rustc":"rustc 1.96.0 (stand-in)"}'"#;

fn build(machine: &Machine, arguments: &[&str]) -> Command {
    let mut command = machine.in_workspace(&["build", "--allow-dirty"]);
    command.args(arguments).env("CUTOVER_WORKERS", machine.path("bin"));
    command
}

fn with_image(machine: &Machine, name: &str, arguments: &[&str]) -> Command {
    let image = format!("r/builder@{DIGEST}");
    build(machine, &[&["--engine", name, "--image", &image], arguments].concat())
}

/// Nothing in the place of results, and no sources or results of a container left in the cache.
fn nothing_half_written(machine: &Machine) {
    assert!(!machine.path("workspace/target/cutover").exists(), "results");
    let sources = machine.path("cache/sources");
    let left = std::fs::read_dir(sources).map(|entries| entries.count()).unwrap_or_default();
    assert_eq!(left, 0, "sources were left");
    assert!(!machine.path("cache/blobs").exists(), "a blob was kept");
}

fn calls(machine: &Machine) -> String {
    std::fs::read_to_string(machine.path("calls")).unwrap_or_default()
}

#[test]
fn an_engine_that_is_not_installed_is_named() {
    let machine = machine(&["solo-runtime"]);
    for name in ["docker", "podman", "srtool"] {
        let (code, _, stderr) = machine.seen(build(&machine, &["--engine", name]));
        assert_eq!(code, Some(3), "{stderr}");
        assert!(stderr.starts_with(&format!("error: {name} is not installed\n")), "{stderr}");
        assert!(stderr.contains("hint: "), "{stderr}");
    }
    nothing_half_written(&machine);
}

#[test]
fn broken_and_missing_engines_give_different_errors() {
    let machine = machine(&["solo-runtime"]);
    machine.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
    let (code, _, stderr) = machine.seen(with_image(&machine, "docker", &[]));
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: docker is installed but does not work\nfound: Cannot connect"), "{stderr}");
}

#[test]
fn a_missing_image_is_named_with_the_command_that_makes_one() {
    let machine = machine(&["solo-runtime"]);
    machine.program("podman", "case \"$1\" in info) exit 0;; *) echo 'no such image' >&2; exit 125;; esac");
    let (code, _, stderr) = machine.seen(build(&machine, &["--engine", "podman", "--image", "localhost/mine:1"]));
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: there is no image localhost/mine:1\n"), "{stderr}");
    assert!(stderr.contains("hint: cargo xtask setup --builder-image"), "{stderr}");
    let (code, _, stderr) = machine.seen(build(&machine, &["--engine", "podman", "--image", "r/mine:1"]));
    assert_eq!(code, Some(3));
    assert!(stderr.contains("no such image"), "{stderr}");
}

// srtool-cli takes the newest tag, whatever the workspace's compiler is.
#[test]
fn the_image_is_that_of_the_workspaces_compiler_and_never_just_a_tag() {
    let machine = machine(&["solo-runtime"]);
    machine.write("workspace/rust-toolchain.toml", "[toolchain]\nchannel = \"1.93.0\"\n");
    engine(&machine, "podman", "exit 1");
    let (code, _, stderr) = machine.seen(build(&machine, &["--engine", "podman"]));
    assert_eq!(code, Some(2));
    assert!(
        stderr.starts_with("error: docker.io/paritytech/srtool:1.93.0 is a tag, which may move to another image\n"),
        "{stderr}"
    );
    assert!(stderr.contains(&format!("image = \"docker.io/paritytech/srtool@{DIGEST}\"")), "{stderr}");
    assert!(!calls(&machine).contains("run "), "nothing was run");
}

#[test]
fn a_toolchain_without_an_image_of_srtool_is_named() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", "exit 1");
    let refused = || {
        let (code, _, stderr) = machine.seen(build(&machine, &["--engine", "podman"]));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.starts_with("error: no builder image is given\n"), "{stderr}");
        assert!(stderr.contains("cargo xtask setup --builder-image"), "{stderr}");
        stderr
    };
    assert!(refused().contains("found: no toolchain file that names a channel\n"));
    for (file, text, channel) in [
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.90\"\n", "1.90"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"stable\"\n", "stable"),
        ("rust-toolchain", "nightly-2025-03-10\n", "nightly-2025-03-10"),
    ] {
        machine.write(&format!("workspace/{file}"), text);
        let found = format!("found: MACHINE/workspace/{file} names {channel}\n");
        let stderr = refused();
        assert!(stderr.contains(&found), "{stderr}");
    }
}

#[test]
fn uncommitted_changes_are_refused_unless_allowed() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", "exit 1");
    let image = format!("r/builder@{DIGEST}");
    let command = machine.in_workspace(&["build", "--engine", "podman", "--image", &image]);
    let (code, _, stderr) = machine.seen(command);
    assert_eq!(code, Some(4));
    assert!(stderr.contains("is not in a git repository") && stderr.contains("--allow-dirty"), "{stderr}");
}

#[test]
fn a_container_that_does_what_it_should_leaves_blob_and_digest() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", &format!("echo Compiling x; {BLOB}; {ANSWER}; echo 'text after it'"));
    let (code, stdout, stderr) = machine.seen(with_image(&machine, "podman", &["--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    // srtool-cli's own words get into its JSON.
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    let runtime = &document["runtimes"][0];
    assert_eq!((&runtime["engine"], &runtime["image_digest"]), (&"podman".into(), &DIGEST.into()));
    assert_eq!((&runtime["rustc"], &runtime["cached"]), (&"rustc 1.96.0 (stand-in)".into(), &false.into()));
    // Of the file itself: `b2sum -l 256` of "blob\n".
    assert_eq!(runtime["blake2_256"].as_str().map(str::len), Some(66));
    assert!(machine.path("workspace/target/cutover/solo_runtime.compact.compressed.wasm").is_file());
    let calls = calls(&machine);
    assert!(calls.contains("--network=none") && calls.contains("rm --force cutover-solo-runtime-"), "{calls}");
    let (_, stdout, _) = machine.seen(with_image(&machine, "podman", &["--json"]));
    let again: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(
        (&again["runtimes"][0]["cached"], &again["runtimes"][0]["rustc"]),
        (&true.into(), &"rustc 1.96.0 (stand-in)".into())
    );
}

#[test]
fn several_runtimes_are_built_side_by_side() {
    let machine = machine(&["one-runtime", "two-runtime"]);
    // Each waits for the other: one after the other would never end.
    let place = machine.path("side-by-side");
    std::fs::create_dir(&place).expect("made");
    let place = place.display();
    engine(
        &machine,
        "podman",
        &format!(
            r#": > "{place}/$package"; count=0
while [ ! -e {place}/one_runtime ] || [ ! -e {place}/two_runtime ]; do count=$((count + 1)); [ $count -lt 600 ] || exit 1; /bin/sleep 0.05; done
{BLOB}; {ANSWER}"#
        ),
    );
    let (code, stdout, stderr) = machine.seen(with_image(&machine, "podman", &["--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    let names: Vec<_> =
        document["runtimes"].as_array().expect("two").iter().map(|runtime| &runtime["package"]).collect();
    assert_eq!(names, ["one-runtime", "two-runtime"]);
}

#[test]
fn container_failures_give_different_errors() {
    for (run, kind, message) in [
        ("echo 'exec: \"build\": not found' >&2; exit 127", 4, "does not have the interface of srtool"),
        ("echo 'permission denied' >&2; exit 125", 3, "podman cannot run the image"),
        ("exit 137", 3, "the container that built solo-runtime was killed"),
        ("kill -9 $$", 3, "the container that built solo-runtime was killed"),
        ("echo 'write: No space left on device' >&2; exit 101", 3, "the disk is full"),
        ("echo 'Could not resolve host: index.crates.io' >&2; exit 101", 4, "needs the network, which is disabled"),
        ("echo 'error[E0433]: no Vec'; exit 101", 4, "solo-runtime 1.0.0 cannot be built to Wasm"),
        ("echo '{\"rustc\":\"1\"}'", 4, "without a blob"),
        ("echo '{\"rustc\":\"1'", 4, "is cut short"),
        ("echo done", 4, "ended without a result"),
    ] {
        let machine = machine(&["solo-runtime"]);
        engine(&machine, "podman", run);
        let (code, stdout, stderr) = machine.seen(with_image(&machine, "podman", &[]));
        assert_eq!((code, stdout.as_str()), (Some(kind), ""), "{run}: {stderr}");
        assert!(stderr.contains(message), "{run}: {stderr}");
        nothing_half_written(&machine);
    }
}

#[test]
fn a_builder_that_lies_about_its_blob_is_caught() {
    let machine = machine(&["solo-runtime"]);
    let lie = format!(r#"{{"runtimes":{{"compressed":{{"blake2_256":"0x{}"}}}}}}"#, "00".repeat(32));
    engine(&machine, "podman", &format!("{BLOB}; echo '{lie}'"));
    let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &[]));
    assert_eq!(code, Some(4));
    assert!(stderr.contains("differs from the hash that it reports"), "{stderr}");
    nothing_half_written(&machine);
}

// srtool-cli exits with 0 and leaves its container running.
#[test]
fn an_interruption_removes_the_container_and_exits_with_130() {
    let machine = machine(&["solo-runtime"]);
    let ready = machine.path("ready");
    engine(
        &machine,
        "podman",
        &format!("echo \"$name\" > {}; trap '' TERM; while :; do /bin/sleep 0.05; done", ready.display()),
    );
    // The client does not end by itself: removing its container ends it.
    let script = std::fs::read_to_string(machine.path("bin/podman")).expect("the stand-in");
    let script =
        script.replace("run)\n", "rm) /bin/kill -9 $(/bin/cat client); exit 0 ;;\nrun)\n    echo $$ > client\n");
    let client = machine.path("client");
    machine.program("podman", &script.replace("client", &client.display().to_string()));
    let mut command = with_image(&machine, "podman", &[]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait_for(&ready);
    let pid = child.id().to_string();
    assert!(Command::new("/bin/kill").args(["-INT", &pid]).status().expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let name = std::fs::read_to_string(&ready).expect("the name");
    assert!(calls(&machine).contains(&format!("rm --force {}", name.trim())), "{}", calls(&machine));
    nothing_half_written(&machine);
}

// srtool-cli lets `--build-opts "--features x"` fall apart, and its own way of passing features knows two runtimes.
#[test]
fn features_reach_cargo_exactly() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", &format!("{BLOB}; {ANSWER}"));
    for features in
        [vec!["--features", "extra more"], vec!["--features", "extra,more"], vec!["-F", "extra", "-F", "more"]]
    {
        let _ = std::fs::remove_file(machine.path("calls"));
        let arguments = [features.as_slice(), &["--no-default-features", "--anew", "--profile", "release"]].concat();
        let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &arguments));
        assert_eq!(code, Some(0), "{stderr}");
        let calls = calls(&machine);
        assert!(calls.contains("BUILD_OPTS=--features extra,more --no-default-features"), "{calls}");
        assert!(calls.contains("PROFILE=release"), "{calls}");
    }
    let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &["--features", "'extra'"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("has no feature \"'extra'\""), "{stderr}");
}

#[test]
fn features_are_taken_as_they_are_given_and_recorded() {
    let machine = machine(&["solo-runtime"]);
    let metadata = std::fs::read_to_string(machine.path("metadata.json")).expect("read");
    let configured = metadata.replace(r#""cutover":{"features":[]"#, r#""cutover":{"features":["extra"]"#);
    assert_ne!(configured, metadata);
    machine.write("metadata.json", &configured);
    engine(&machine, "podman", &format!("{BLOB}; {ANSWER}"));
    for (arguments, features, by_default) in [
        (&[][..], json!(["extra"]), true),
        (&["--features", ""], json!([]), true),
        (&["--features", "solo-runtime/more,pallet/std"], json!(["solo-runtime/more", "pallet/std"]), true),
        (&["--features", "more", "--no-default-features"], json!(["more"]), false),
    ] {
        let arguments = [arguments, &["--json"]].concat();
        let (code, stdout, stderr) = machine.seen(with_image(&machine, "podman", &arguments));
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        let document: Value = serde_json::from_str(&stdout).expect("one document");
        let built = &document["runtimes"][0];
        assert_eq!((&built["features"], &built["default_features"]), (&features, &json!(by_default)), "{built}");
    }
    assert!(calls(&machine).contains("BUILD_OPTS=--features solo-runtime/more,pallet/std"), "{}", calls(&machine));
    let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &["--features", "solo-runtime/none"]));
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: solo-runtime has no feature \"solo-runtime/none\"\n"), "{stderr}");
}

#[test]
fn each_chain_of_a_package_has_a_blob_of_its_own() {
    let machine = machine(&["solo-runtime"]);
    let matrix = json!([
        {"name": "solo-one", "package": "solo-runtime", "build_extra_features": "more"},
        {"name": "solo-two", "package": "solo-runtime", "build_extra_features": "extra"},
    ]);
    machine.write("workspace/scripts/runtimes-matrix.json", &matrix.to_string());
    let named = r#"echo "$*" > "$out/$package.compact.compressed.wasm""#;
    engine(&machine, "podman", &format!("{named}; {ANSWER}"));
    let (code, stdout, stderr) = machine.seen(with_image(&machine, "podman", &["--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    let of = |index: usize| (&document["runtimes"][index]["name"], &document["runtimes"][index]["features"]);
    assert_eq!(of(0), (&json!("solo-one"), &json!(["more"])));
    assert_eq!(of(1), (&json!("solo-two"), &json!(["extra"])));
    let blob = |name: &str| {
        let path = format!("workspace/target/cutover/{name}/solo_runtime.compact.compressed.wasm");
        std::fs::read_to_string(machine.path(&path)).expect("a blob")
    };
    assert!(blob("solo-one").contains("--features more") && blob("solo-two").contains("--features extra"));
    let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &["--runtime", "solo-runtime"]));
    assert_eq!(code, Some(2));
    let expected = "\"solo-runtime\" is the package of several runtimes\nfound: solo-one, solo-two\n";
    assert!(stderr.contains(expected), "{stderr}");
}

const TOOLCHAIN: &str = "home/.rustup/toolchains/1.95.0-here";

/// A machine whose compiler has the Wasm target, for builds without a container.
fn with_toolchain(runtimes: &[&str]) -> Machine {
    let machine = machine(runtimes);
    machine.rustup("exit 1");
    for library in ["core", "alloc", "compiler_builtins"] {
        machine.write(&format!("{TOOLCHAIN}/lib/rustlib/{TARGET}/lib/lib{library}-1.rlib"), "");
    }
    machine
}

/// Adds a package from the registry to the dependencies of the first runtime.
fn depend(machine: &Machine, name: &str, version: &str) {
    let text = std::fs::read_to_string(machine.path("metadata.json")).expect("read");
    let mut metadata: Value = serde_json::from_str(&text).expect("metadata");
    let directory = machine.path("registry").join(name);
    let mut package = metadata["packages"][0].clone();
    let id = format!("registry+https://github.com/rust-lang/crates.io-index#{name}@{version}");
    for (field, value) in [
        ("name", json!(name)),
        ("version", json!(version)),
        ("id", json!(id)),
        ("source", json!("registry+https://github.com/rust-lang/crates.io-index")),
        ("manifest_path", json!(directory.join("Cargo.toml"))),
        ("metadata", json!(null)),
    ] {
        package[field] = value;
    }
    let add = |list: &mut Value, entry: Value| list.as_array_mut().expect("a list").push(entry);
    add(&mut metadata["packages"], package);
    let nodes = &mut metadata["resolve"]["nodes"];
    add(nodes, json!({"id": id, "dependencies": [], "deps": [], "features": []}));
    let kinds = json!([{"kind": "build", "target": null}]);
    add(&mut nodes[0]["deps"], json!({"name": name.replace('-', "_"), "pkg": id, "dep_kinds": kinds}));
    machine.write("metadata.json", &metadata.to_string());
}

#[test]
fn an_older_wasm_builder_is_refused_before_anything_is_compiled() {
    let machine = with_toolchain(&["solo-runtime"]);
    depend(&machine, "substrate-wasm-builder", "24.0.1");
    let refused = || {
        let (code, _, stderr) = machine.seen(build(&machine, &[]));
        assert_eq!(code, Some(3), "{stderr}");
        let expected = "error: solo-runtime cannot be built with the toolchain 1.95.0-here\n\
                        found: its substrate-wasm-builder 24.0.1 ";
        assert!(stderr.starts_with(expected), "{stderr}");
        assert!(!machine.path("workspace/target").exists(), "nothing was prepared");
        stderr
    };
    let stderr = refused();
    let lacks = format!("builds for wasm32-unknown-unknown, which MACHINE/{TOOLCHAIN} lacks\n");
    assert!(stderr.contains(&lacks) && stderr.contains("components = [\"rust-src\"]"), "{stderr}");
    machine.write(&format!("{TOOLCHAIN}/lib/rustlib/wasm32-unknown-unknown/lib/libstd-1.rlib"), "");
    let stderr = refused();
    assert!(stderr.contains("hint: rustup component add rust-src --toolchain 1.95.0-here\n"), "{stderr}");
    machine.write(&format!("{TOOLCHAIN}/lib/rustlib/src/rust/library/core/Cargo.toml"), "");
    // It is taken, and what the builder compiles of the standard library is fetched.
    let metadata = machine.path("metadata.json");
    let calls = machine.path("calls");
    let script =
        format!("echo \"$*\" >> '{}'; case $1 in metadata) /bin/cat '{}';; esac", calls.display(), metadata.display());
    machine.program("cargo", &script);
    let (code, _, stderr) = machine.seen(build(&machine, &[]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("error: solo-runtime was built without a blob\n"), "{stderr}");
    assert!(self::calls(&machine).contains("fetch --locked -Zbuild-std "), "{}", self::calls(&machine));
}

#[test]
fn host_functions_that_the_compiler_would_not_link_are_refused_before_anything_is_compiled() {
    let machine = with_toolchain(&["solo-runtime"]);
    depend(&machine, "sp-runtime-interface-proc-macro", "18.0.0");
    machine.write("registry/sp-runtime-interface-proc-macro/src/lib.rs", "extern \"C\" {}\n");
    let answer = "echo 'rustc 1.96.0 (stand-in)'; echo 'host: here'; echo 'release: 1.96.0'";
    machine.script(&format!("{TOOLCHAIN}/bin/rustc"), answer);
    let (code, _, stderr) = machine.seen(build(&machine, &[]));
    assert_eq!(code, Some(3), "{stderr}");
    let found = "found: its sp-runtime-interface-proc-macro 18.0.0 declares host functions without their module, \
                 which rustc 1.96.0 (stand-in) does not link\n";
    assert!(stderr.contains(found) && stderr.contains("1.95 or older"), "{stderr}");
    // A build script that passes the linker's option itself.
    machine.write("workspace/solo-runtime/build.rs", "// -C link-arg=--allow-undefined\n");
    let (code, _, stderr) = machine.seen(build(&machine, &[]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("error: solo-runtime was built without a blob\n"), "{stderr}");
}

#[test]
fn a_blob_is_found_whatever_name_the_build_script_gives_it() {
    let machine = with_toolchain(&["solo-runtime"]);
    let metadata = machine.path("metadata.json");
    let write = |names: &str| {
        let script = format!(
            "case $1 in metadata) /bin/cat '{}';; check) for name in {names}; do \
             echo $name > \"$CARGO_TARGET_DIR/debug/wbuild/solo-runtime/$name.compact.compressed.wasm\"; done;; esac",
            metadata.display()
        );
        machine.program("cargo", &script);
    };
    write("solo_mainnet");
    let (code, stdout, stderr) = machine.seen(build(&machine, &["--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    let blob = "workspace/target/cutover/solo_runtime.compact.compressed.wasm";
    assert_eq!(document["runtimes"][0]["blob"], json!(format!("MACHINE/{blob}")));
    assert_eq!(std::fs::read_to_string(machine.path(blob)).expect("a blob"), "solo_mainnet\n");
    // Another chain: the blob of the last build is gone.
    write("solo_testnet");
    let (code, _, stderr) = machine.seen(build(&machine, &["--features", "extra"]));
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(std::fs::read_to_string(machine.path(blob)).expect("a blob"), "solo_testnet\n");
    write("fast_runtime.rs solo_testnet");
    let (code, _, stderr) = machine.seen(build(&machine, &["--features", "more"]));
    assert_eq!(code, Some(4));
    let expected =
        "error: the build script of solo-runtime wrote several blobs\nfound: fast_runtime.rs, solo_testnet\n";
    assert!(stderr.contains(expected) && stderr.contains("hint: name one as `blob`"), "{stderr}");
}

#[test]
fn two_runtimes_of_one_name_are_refused() {
    let machine = machine(&["solo-runtime", "other-runtime"]);
    let path = machine.path("metadata.json");
    let text = std::fs::read_to_string(&path)
        .expect("metadata")
        .replace("\"name\":\"other-runtime\"", "\"name\":\"solo-runtime\"");
    std::fs::write(&path, text).expect("written");
    let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &[]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.starts_with("error: two runtimes of the workspace are called solo-runtime\n"), "{stderr}");
}

#[test]
fn a_blob_too_large_for_its_network_fails_the_build() {
    let machine = machine(&["solo-runtime"]);
    let path = machine.path("metadata.json");
    let text = std::fs::read_to_string(&path).expect("metadata");
    let of = |limit: u32| text.replace("\"runtime\":true", &format!("\"runtime\":true,\"max-code-size\":{limit}"));
    engine(&machine, "podman", &format!("{BLOB}; {ANSWER}"));
    // The blob has five bytes.
    for (limit, code, verdict) in [(5, 1, "fail"), (6, 0, "warn"), (7, 0, "pass")] {
        std::fs::write(&path, of(limit)).expect("written");
        let (seen, stdout, stderr) = machine.seen(with_image(&machine, "podman", &["--json"]));
        assert_eq!(seen, Some(code), "{stderr}");
        let document: Value = serde_json::from_str(&stdout).expect("one document");
        assert_eq!(document["runtimes"][0]["size_verdict"], verdict, "{stderr}");
        assert_eq!(stderr.contains("of the network's limit"), verdict != "pass", "{stderr}");
    }
}

/// Makes the blob where srtool's image leaves it.
const SRTOOL_BLOB: &str = "/bin/mkdir -p solo-runtime/target/srtool/production/wbuild/solo-runtime; \
    echo blob > solo-runtime/target/srtool/production/wbuild/solo-runtime/solo_runtime.compact.compressed.wasm";

/// An srtool that prints progress, builds in the given directory and prints `answer`.
fn srtool(machine: &Machine, script: &str) {
    let calls = machine.path("calls");
    machine.program(
        "srtool",
        &format!(
            "case $1 in --version) echo 'srtool 0.13.2'; exit;; esac\necho \"$@\" >> '{}'\n{script}",
            calls.display()
        ),
    );
}

#[test]
fn srtools_text_does_not_break_our_json() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", "exit 1");
    srtool(&machine, &format!("echo 'Found image tag 1.93.0'; {SRTOOL_BLOB}; {ANSWER}"));
    let (code, stdout, stderr) =
        machine.seen(build(&machine, &["--engine", "srtool", "--json", "--features", "extra,more"]));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(document["runtimes"][0]["engine"], "srtool");
    // One word: its shell would split two.
    assert!(calls(&machine).contains("--build-opts=--features=extra,more"), "{}", calls(&machine));
    assert_eq!(document["runtimes"][0]["image"], Value::Null, "srtool chose the image");
}

// srtool-cli takes the newest tag, whatever the workspace's compiler is.
#[test]
fn srtool_is_given_the_tag_of_the_workspaces_compiler() {
    let machine = machine(&["solo-runtime"]);
    machine.write("workspace/rust-toolchain.toml", "[toolchain]\nchannel = \"1.93.0\"\n");
    engine(&machine, "docker", "exit 1");
    let calls = machine.path("calls");
    srtool(&machine, &format!("echo \"tag $SRTOOL_TAG\" >> '{}'; {SRTOOL_BLOB}; {ANSWER}", calls.display()));
    let (code, stdout, stderr) = machine.seen(build(&machine, &["--engine", "srtool", "--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    let runtime = &document["runtimes"][0];
    let image = "docker.io/paritytech/srtool:1.93.0";
    assert_eq!((&runtime["image"], &runtime["image_digest"]), (&image.into(), &DIGEST.into()));
    let (code, _, stderr) =
        machine.seen(build(&machine, &["--engine", "srtool", "--image", "localhost/cutover-builder:1"]));
    assert_eq!(code, Some(0), "{stderr}");
    let seen = std::fs::read_to_string(&calls).expect("calls");
    assert!(seen.contains("tag 1.93.0\n") && seen.contains("tag 1\n"), "{seen}");
    assert!(seen.contains("--engine docker --image localhost/cutover-builder build --package solo-runtime"), "{seen}");
}

#[test]
fn srtool_runs_one_build_at_a_time() {
    let machine = machine(&["solo-runtime"]);
    machine.program("podman", "case \"$1\" in container) echo 1234;; *) exit 0;; esac");
    srtool(&machine, &format!("{SRTOOL_BLOB}; {ANSWER}"));
    let (code, _, stderr) = machine.seen(build(&machine, &["--engine", "srtool"]));
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: a container of srtool exists already\n"), "{stderr}");
    assert!(stderr.contains("podman rm --force srtool"), "{stderr}");
    assert!(!calls(&machine).contains("build"), "nothing was run");
    let mut command = build(&machine, &["--engine", "srtool"]);
    command.env("ENGINE", "lxc");
    let (code, _, stderr) = machine.seen(command);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("the variable ENGINE names an unknown container engine"), "{stderr}");
}

#[test]
fn an_srtool_that_was_cut_short_and_exits_with_0_has_built_nothing() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", "exit 1");
    srtool(&machine, "echo 'Killing srtool container, your build was not finished...'");
    let (code, _, stderr) = machine.seen(build(&machine, &["--engine", "srtool"]));
    assert_eq!(code, Some(4));
    assert!(stderr.contains("srtool ended without a result"), "{stderr}");
    let arguments = ["--engine", "srtool", "--features", "extra", "--no-default-features"];
    let (code, _, stderr) = machine.seen(build(&machine, &arguments));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("can pass only one option to cargo"), "{stderr}");
    nothing_half_written(&machine);
}

#[test]
fn a_lock_file_out_of_date_is_the_inputs_fault() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", &format!("{BLOB}; {ANSWER}"));
    let metadata = machine.path("metadata.json");
    let script = format!(
        "case $1 in metadata) /bin/cat '{}';; fetch) echo 'error: the lock file needs to be updated but --locked was passed' >&2; exit 101;; esac",
        metadata.display()
    );
    machine.program("cargo", &script);
    let (code, _, stderr) = machine.seen(with_image(&machine, "podman", &[]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.starts_with("error: the lock file does not fit the manifests\n"), "{stderr}");
    assert!(!calls(&machine).contains("run "), "nothing was run");
}

#[test]
fn a_script_in_the_builder_image_is_executable_and_has_a_licence() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/builder");
    for name in ["build", "info", "version", "install"] {
        let path = directory.join(name);
        let mode = std::fs::metadata(&path).expect("the script").permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{name}");
        assert!(std::fs::read_to_string(&path).expect("text").contains("SPDX-License-Identifier: Apache-2.0"));
    }
}

#[test]
fn setup_makes_a_builder_image_even_where_podman_needs_another_configuration() {
    makes_a_builder_image("load", "crun: cannot set up cgroup");
    // What an image is for is to be run.
    makes_a_builder_image("run", "runc: error setting rlimit type 7: operation not permitted");
}

fn makes_a_builder_image(fails: &str, why: &str) {
    let machine = Machine::new();
    machine.rustup("exit 1");
    let toolchain = "home/.rustup/toolchains/1.95.0-here/lib";
    machine.write(&format!("{toolchain}/rustlib/here/bin/rust-lld"), "linker");
    machine.write(&format!("{toolchain}/libLLVM.so.22"), "library");
    machine.program("runc", "exit 0");
    machine.program(
        "mmdebstrap",
        "[ \"$SOURCE_DATE_EPOCH\" = 1767225600 ] || exit 1\nfor word in \"$@\"; do case $word in *.tar) echo root > \"$word\";; esac; done",
    );
    machine.program("tar", "for word in \"$@\"; do case $word in */image.tar) echo image > \"$word\";; esac; done");
    machine.program(
        "podman",
        &format!(
            r#"[ "$1" = {fails} ] && [ -z "$CONTAINERS_CONF" ] && {{ echo 'error: {why}' >&2; exit 126; }}
case "$1" in
image) echo '[{{"Id":"{DIGEST}","RepoDigests":["localhost/cutover-builder@{DIGEST}"]}}]' ;;
run) echo '{{"rustc":"rustc 1.96.0"}}' ;;
esac"#
        ),
    );
    let (code, stdout, stderr) = machine.seen(machine.in_workspace(&["setup", "--builder-image", "--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(document["pin"], format!("localhost/cutover-builder@{DIGEST}"));
    assert_eq!(document["rustc"], "rustc 1.96.0");
    assert!(stderr.contains("trying with runc and lower limits"), "{stderr}");
    let context = machine.path("cache/builder");
    assert!(!context.join("root.tar").exists(), "the layer is in the image");
    for file in ["srtool/build", "install", "lld/lib/libLLVM.so.22", "lld/lib/rustlib/here/bin/rust-lld"] {
        assert!(context.join(file).is_file(), "{file}");
    }
    // `sha256sum` of "root\n".
    let layer = "sha256:53175bcc0524f37b47062fafdda28e3f8eb91d519ca0a184ca71bbebe72f969a";
    let config: Value =
        serde_json::from_slice(&std::fs::read(context.join("config.json")).expect("written")).expect("JSON");
    assert_eq!(config["rootfs"]["diff_ids"], json!([layer]));
    assert_eq!(config["config"]["User"], "1001:1001");
    assert!(machine.path("cache/containers.conf").is_file());

    machine.program("podman", "echo 'no space' >&2; exit 1");
    let (code, _, _) = machine.seen(machine.in_workspace(&["setup", "--builder-image"]));
    assert_eq!(code, Some(3));
}

#[test]
fn an_upgrade_is_built_where_the_workspace_says() {
    let machine = machine(&["solo-runtime"]);
    engine(&machine, "podman", &format!("{BLOB}; {ANSWER}"));
    let written = std::fs::read_to_string(machine.path("metadata.json")).expect("written");
    let mut metadata: Value = serde_json::from_str(&written).expect("JSON");
    metadata["metadata"] = json!({"cutover": {"engine": "podman", "image": format!("r/builder@{DIGEST}")}});
    machine.write("metadata.json", &metadata.to_string());
    machine.write("state.snapshot", "not read by this job");
    let (out, state) = (machine.path("out"), machine.path("state.snapshot"));
    let mut command =
        machine.in_workspace(&["upgrade", "--only", "build", "--allow-dirty", "--runtime", "solo-runtime"]);
    command.args(["--out".as_ref(), out.as_os_str(), "--state".as_ref(), state.as_os_str()]);
    command.env("CUTOVER_WORKERS", machine.path("bin"));
    let (code, _, stderr) = machine.seen(command);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(calls(&machine).contains("--network=none"), "a container was run");
    let evidence: Value =
        serde_json::from_slice(&std::fs::read(out.join("build.json")).expect("evidence")).expect("JSON");
    assert_eq!(evidence["result"]["engine"], "podman");
    assert_eq!(evidence["inputs"]["image"]["digest"], DIGEST);
    assert_eq!(evidence["inputs"]["toolchain"]["digest"], "rustc 1.96.0 (stand-in)");
}
