// SPDX-License-Identifier: Apache-2.0
//! Workspaces as others have them: their runtimes are found, and built as plain cargo builds them.
//! Each test changes a copy of the small workspace. All share the target directory of the tests, so
//! that the Wasm builder is compiled once.

use cutover_tests::Tiny;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

fn tiny() -> (tempfile::TempDir, Tiny) {
    let directory = tempfile::tempdir().expect("a directory");
    let tiny = Tiny::copy(&directory.path().join("w"), Tiny::nonce());
    (directory, tiny)
}

/// Returns the names of the runtimes that `list` shows.
fn names(tiny: &Tiny, arguments: &[&str]) -> Vec<String> {
    let name = |runtime: &Value| runtime["name"].as_str().expect("a name").to_owned();
    tiny.list(arguments).iter().map(name).collect()
}

#[test]
fn a_patched_dependency_is_a_source_of_the_blob() {
    let (_directory, tiny) = tiny();
    tiny.patch_a_dependency();
    assert_eq!(names(&tiny, &[]), ["tiny"]);
    let patched = tiny.hash(&[], &[]);
    tiny.edit("patches/byteorder/src/lib.rs", "+ 11", "+ 12");
    assert_ne!(tiny.hash(&[], &[]), patched);
}

#[test]
fn a_build_script_gets_variables_from_cargos_configuration_alone() {
    let (_directory, tiny) = tiny();
    tiny.before_the_blob(
        "    println!(\"cargo:rerun-if-env-changed=TINY_FLAVOUR\");\n    \
         std::env::var(\"TINY_FLAVOUR\").expect(\"TINY_FLAVOUR names the chain\");\n",
    );
    assert_eq!(names(&tiny, &[]), ["tiny"]);
    let cause = ["cannot be built to Wasm\n", "TINY_FLAVOUR names the chain: NotPresent\n"];
    let refused = tiny.try_build(&[], &[("TINY_FLAVOUR", "vanilla")]).expect_code(4).mentions(&cause);
    assert!(!refused.stderr.contains("RUST_BACKTRACE"), "{}", refused.stderr);
    tiny.write(".cargo/config.toml", "[env]\nTINY_FLAVOUR = \"vanilla\"\n");
    tiny.hash(&[], &[]);
}

#[test]
fn a_missing_protoc_is_named() {
    let (_directory, tiny) = tiny();
    // As the crate `prost-build` does.
    tiny.before_the_blob(
        "    let protoc = std::env::var(\"PROTOC\").unwrap_or_else(|_| \"protoc\".into());\n    \
         if let Err(error) = std::process::Command::new(&protoc).output() {\n        \
         panic!(\"Could not find `{protoc}`: {error}\");\n    }\n",
    );
    assert_eq!(names(&tiny, &[]), ["tiny"]);
    tiny.try_build(&[], &[("PROTOC", "/nowhere/protoc")])
        .expect_code(4)
        .mentions(&["Could not find `/nowhere/protoc`: No such file or directory"]);
    tiny.hash(&[], &[("PROTOC", "/bin/true")]);
}

#[test]
fn vendored_dependencies_are_read_without_the_network() {
    let (_directory, tiny) = tiny();
    tiny.vendor();
    let variables = [("CARGO_NET_OFFLINE", "true"), ("CARGO_HOME", tiny.out().to_str().expect("UTF-8"))];
    let mut command = tiny.xtask(&["list"]);
    for (name, value) in variables {
        command = command.env(name, value);
    }
    let document = command.run().expect_code(0).json();
    assert_eq!(document["runtimes"][0]["name"], "tiny");
}

#[test]
#[ignore = "compiles the Wasm builder once more, minutes: \
            cargo xtask test --run-ignored only -E 'test(a_runtime_with_vendored_dependencies_is_built)'"]
fn a_runtime_with_vendored_dependencies_is_built() {
    let (directory, tiny) = tiny();
    let plain = tiny.hash(&[], &[]);
    tiny.vendor();
    let target = directory.path().join("target");
    let target = [("CARGO_TARGET_DIR", target.to_str().expect("UTF-8"))];
    assert_eq!(tiny.hash(&["--anew"], &target), plain, "the sources are the same");
}

#[test]
fn a_workspace_in_a_subdirectory_of_its_repository_is_built_at_its_commit() {
    let directory = tempfile::tempdir().expect("a directory");
    let repository = directory.path().join("repository");
    let tiny = Tiny::copy(&repository.join("chain/workspace"), Tiny::nonce());
    tiny.pin_the_toolchain(&repository);
    let git = |arguments: &[&str]| git(&repository, arguments);
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--no-verify", "--message", "one"]);
    assert_eq!(names(&tiny, &[]), ["tiny"]);
    let built = tiny.build(&[], &[]);
    let commit = git(&["rev-parse", "HEAD"]);
    assert_eq!((&built["commit"], &built["dirty"]), (&json!(commit), &json!(false)), "{built}");
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let fixed = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    let done = command.arg("-C").arg(repository).args(fixed).args(arguments).output().expect("git");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn a_path_with_a_space_gives_the_same_blob() {
    let (directory, plain) = tiny();
    let spaced = Tiny::copy(&directory.path().join("a path with/a space"), 0);
    fs::copy(plain.workspace.join("runtime/src/nonce.rs"), spaced.workspace.join("runtime/src/nonce.rs"))
        .expect("copied");
    assert_eq!(names(&spaced, &[]), ["tiny"]);
    assert_eq!(spaced.hash(&[], &[]), plain.hash(&["--anew"], &[]));
}

#[test]
fn lock_files_of_other_versions_are_read() {
    let (_directory, tiny) = tiny();
    tiny.edit("Cargo.lock", "version = 4", "version = 3");
    assert_eq!(names(&tiny, &[]), ["tiny"]);
    tiny.hash(&[], &[]);
    tiny.edit("Cargo.lock", "version = 3", "version = 9");
    let list = tiny.xtask(&["list"]).run();
    list.mentions(&["lock file version `9`"]);
}

#[test]
fn a_runtime_from_a_registry_is_built() {
    let (_directory, tiny) = tiny();
    tiny.publish(false);
    let listed = tiny.list(&[]);
    assert_eq!((&listed[0]["name"], &listed[0]["path"]), (&json!("tiny"), &json!("registry, through chain")));
    let built = tiny.build(&["--features", "extra"], &[]);
    assert_eq!((&built["features"], &built["cached"]), (&json!(["extra"]), &json!(false)), "{built}");
}

#[test]
fn a_runtime_that_only_tests_use_is_listed_on_request() {
    let (_directory, tiny) = tiny();
    tiny.publish(true);
    assert!(names(&tiny, &[]).is_empty());
    let all = tiny.list(&["--all"]);
    assert_eq!((&all[0]["name"], &all[0]["shipped"]), (&json!("tiny"), &json!(false)), "{all:?}");
}

#[test]
fn a_runtime_of_a_known_network_has_its_state() {
    let (_directory, tiny) = tiny();
    tiny.rename("people-paseo-runtime");
    let listed = tiny.list(&[]);
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&json!("people-paseo"), &json!("paseo/people")));
}

#[test]
fn each_chain_of_a_package_has_its_features_and_its_blob() {
    let (_directory, tiny) = tiny();
    tiny.build_for_two_chains();
    let listed = tiny.list(&[]);
    let field = |index: usize, name: &str| listed[index][name].clone();
    assert_eq!((field(0, "name"), field(0, "release_features")), (json!("tiny-mainnet"), json!(["mainnet"])));
    assert_eq!((field(1, "name"), field(1, "release_features")), (json!("tiny-testnet"), json!(["testnet"])));
    let document = tiny.try_build(&[], &[]).expect_code(0).json();
    let built = |index: usize| &document["runtimes"][index];
    assert_eq!((&built(0)["features"], &built(1)["features"]), (&json!(["mainnet"]), &json!(["testnet"])));
    assert_ne!(built(0)["blake2_256"], built(1)["blake2_256"]);
    for (index, name) in ["tiny-mainnet", "tiny-testnet"].into_iter().enumerate() {
        let path = tiny.out().join(name).join("tiny_runtime.compact.compressed.wasm");
        assert_eq!(built(index)["blob"], json!(path));
    }
    // The build script says what it lacks.
    tiny.try_build(&["--runtime", "tiny-testnet", "--features", ""], &[])
        .expect_code(4)
        .mentions(&["tiny-runtime 0.1.0 cannot be built to Wasm\n", "Either mainnet or testnet must be enabled.\n"]);
    tiny.try_build(&["--runtime", "tiny"], &[]).expect_code(2).mentions(&["tiny-mainnet, tiny-testnet"]);
}

#[test]
fn features_are_exactly_those_that_are_given() {
    let (_directory, tiny) = tiny();
    tiny.edit("runtime/Cargo.toml", "runtime = true", "runtime = true\nfeatures = [\"extra\"]");
    let configured = tiny.build(&[], &[]);
    assert_eq!(configured["features"], json!(["extra"]), "{configured}");
    let none = tiny.build(&["--features", ""], &[]);
    assert_eq!((&none["features"], &none["default_features"]), (&json!([]), &json!(true)), "{none}");
    assert_ne!(none["blake2_256"], configured["blake2_256"]);
    // A feature of a dependency, and no default features: the build script then builds no Wasm.
    let given = ["--features", "tiny-runtime/extra,byteorder/std", "--no-default-features"];
    tiny.try_build(&given, &[]).expect_code(4).mentions(&["tiny-runtime was built without a blob", "`std` feature"]);
}
