// SPDX-License-Identifier: Apache-2.0
use super::*;
use cargo_metadata::MetadataCommand;

/// A package in the output of `cargo metadata`.
struct TestPackage {
    name: &'static str,
    build: Vec<serde_json::Value>,
    normal: Vec<&'static str>,
    cutover: serde_json::Value,
    member: bool,
    directory: String,
    features: serde_json::Value,
    /// How the first package depends on it, if it is no member.
    kind: Option<&'static str>,
}

fn test_package(name: &'static str) -> TestPackage {
    TestPackage {
        name,
        build: vec![dependency(BUILDER, "build", &[])],
        normal: vec!["frame-support"],
        cutover: serde_json::Value::Null,
        member: true,
        directory: format!("/w/{name}"),
        features: serde_json::json!({"std": [], "try-runtime": []}),
        kind: None,
    }
}

fn dependency(name: &str, kind: &str, features: &[&str]) -> serde_json::Value {
    let kind = if kind == "normal" { serde_json::Value::Null } else { kind.into() };
    serde_json::json!({
        "name": name, "source": null, "req": "*", "kind": kind, "rename": null, "optional": false,
        "uses_default_features": true, "features": features, "target": null, "registry": null,
    })
}

/// Builds a workspace in which the first package depends on all packages that are not members.
fn workspace(test_packages: &[TestPackage], root: &Path) -> Result<Workspace> {
    configured(test_packages, root, serde_json::Value::Null)
}

/// Builds such a workspace with `[workspace.metadata.cutover]`.
fn configured(test_packages: &[TestPackage], root: &Path, cutover: serde_json::Value) -> Result<Workspace> {
    let id = |test_package: &TestPackage| format!("path+file://{}#{}@1.0.0", test_package.directory, test_package.name);
    let packages: Vec<_> = test_packages
        .iter()
        .map(|test_package| {
            let target = |kind: &str| {
                serde_json::json!({"name": test_package.name, "kind": [kind], "crate_types": [if kind == "custom-build" { "bin" } else { kind }],
                    "src_path": format!("{}/x.rs", test_package.directory), "edition": "2021", "doc": true, "doctest": true, "test": true})
            };
            let normal = test_package.normal.iter().map(|name| dependency(name, "normal", &[]));
            serde_json::json!({
                "name": test_package.name, "version": "1.0.0", "id": id(test_package), "source": null, "description": null, "license": null,
                "license_file": null, "dependencies": test_package.build.iter().cloned().chain(normal).collect::<Vec<_>>(),
                "targets": [target("lib"), target("custom-build")],
                "features": test_package.features,
                "manifest_path": format!("{}/Cargo.toml", test_package.directory),
                "metadata": {"cutover": test_package.cutover}, "publish": null, "authors": [], "categories": [], "keywords": [],
                "readme": null, "repository": null, "homepage": null, "documentation": null, "edition": "2021", "links": null,
                "default_run": null, "rust_version": null,
            })
        })
        .collect();
    let outside: Vec<_> = test_packages
        .iter()
        .filter(|test_package| !test_package.member)
        .map(|test_package| serde_json::json!({"name": test_package.name.replace('-', "_"), "pkg": id(test_package), "dep_kinds": [{"kind": test_package.kind, "target": null}]}))
        .collect();
    let nodes: Vec<_> = test_packages
        .iter()
        .enumerate()
        .map(|(index, test_package)| {
            let deps = if index == 0 { outside.clone() } else { Vec::new() };
            serde_json::json!({"id": id(test_package), "dependencies": [], "deps": deps, "features": []})
        })
        .collect();
    let members: Vec<_> = test_packages.iter().filter(|test_package| test_package.member).map(id).collect();
    let metadata = serde_json::json!({
        "packages": packages, "workspace_members": members, "workspace_default_members": members,
        "resolve": {"nodes": nodes, "root": null}, "target_directory": "/w/target", "version": 1,
        "workspace_root": "/w", "metadata": {"cutover": cutover},
    });
    Workspace::of(MetadataCommand::parse(metadata.to_string()).expect("metadata"), root)
}

fn names(workspace: &Workspace) -> Vec<&str> {
    workspace.runtimes.iter().map(|runtime| runtime.name.as_str()).collect()
}

fn nowhere() -> &'static Path {
    Path::new("/no/such/workspace")
}

#[test]
fn the_name_of_a_package_does_not_matter() {
    let named_only = TestPackage { build: Vec::new(), ..test_package("pretender-runtime") };
    let builds_other_wasm = TestPackage { normal: vec!["wasm-bindgen"], ..test_package("page") };
    let umbrella = TestPackage {
        build: vec![dependency("polkadot-sdk", "build", &[BUILDER])],
        normal: vec!["polkadot-sdk"],
        ..test_package("umbrella")
    };
    let found =
        workspace(&[test_package("solo-chain"), named_only, builds_other_wasm, umbrella], nowhere()).expect("read");
    assert_eq!(names(&found), ["solo-chain", "umbrella"]);
}

#[test]
fn a_published_runtime_counts_if_a_member_depends_on_it() {
    let member = TestPackage { build: Vec::new(), ..test_package("try-it") };
    let published = TestPackage { member: false, ..test_package("collectives-westend-runtime") };
    let found = workspace(&[member, published], nowhere()).expect("read");
    assert_eq!(names(&found), ["collectives-westend"]);
    assert_eq!(found.find("collectives-westend").expect("found").through.as_deref(), Some("try-it"));
}

#[test]
fn runtimes_that_only_tests_use_are_found_by_name_alone() {
    let member = || TestPackage { build: Vec::new(), ..test_package("tests") };
    let penpal = |kind| TestPackage { member: false, kind, ..test_package("penpal-runtime") };
    let emulator = TestPackage { normal: vec!["frame-support", "xcm-emulator"], ..member() };
    for packages in [[member(), penpal(Some("dev"))], [emulator, penpal(None)]] {
        let [first, second] = packages;
        let found = workspace(&[first, second, test_package("own-runtime")], nowhere()).expect("read");
        assert_eq!(names(&found), ["own"]);
        assert_eq!(found.select(&[]).expect("selected").len(), 1);
        assert_eq!(found.default_runtime().expect("the only one").name, "own");
        assert_eq!(found.test_runtimes.iter().map(|runtime| &*runtime.name).collect::<Vec<_>>(), ["penpal"]);
        assert_eq!(found.find("penpal").expect("by name").through.as_deref(), Some("tests"));
    }
    let built = workspace(&[member(), penpal(Some("build"))], nowhere()).expect("read");
    assert!(built.runtimes.is_empty() && built.test_runtimes.is_empty());
}

#[test]
fn the_configuration_overrides_the_rule() {
    let off = TestPackage { cutover: serde_json::json!({"runtime": false}), ..test_package("off-runtime") };
    let on =
        TestPackage { cutover: serde_json::json!({"runtime": true}), build: Vec::new(), ..test_package("on-runtime") };
    let found = workspace(&[off, on], nowhere()).expect("read");
    assert_eq!(names(&found), ["on"]);
    let wrong = TestPackage { cutover: serde_json::json!({"runtme": false}), ..test_package("a-runtime") };
    let failure = workspace(&[wrong], nowhere()).err().expect("refused");
    assert!(failure.message.contains("a-runtime") && failure.found.unwrap_or_default().contains("runtme"));
}

#[test]
fn names_are_packages_with_or_without_their_suffix() {
    let found = workspace(&[test_package("solo-runtime"), test_package("para-runtime")], nowhere()).expect("read");
    for name in ["solo", "solo-runtime"] {
        assert_eq!(found.find(name).expect("found").package, "solo-runtime");
    }
    let both = found.select(&["para".into(), "para-runtime".into(), "solo".into()]).expect("selected");
    assert_eq!(both.iter().map(|runtime| runtime.name.as_str()).collect::<Vec<_>>(), ["para", "solo"]);
}

#[test]
fn for_an_unknown_name_the_nearest_is_suggested() {
    let found =
        workspace(&[test_package("standalone-runtime"), test_package("parachain-runtime")], nowhere()).expect("read");
    let failure = found.find("standalon").expect_err("unknown");
    assert_eq!(failure.kind, worker::Kind::Usage);
    assert_eq!(failure.hint.as_deref(), Some("did you mean standalone?"));
    let failure = found.find("qqqqqqqqq").expect_err("unknown");
    assert_eq!(failure.hint.as_deref(), Some("cargo xtask list"));
}

#[test]
fn a_name_of_two_runtimes_is_refused() {
    let found = workspace(&[test_package("solo"), test_package("solo-runtime")], nowhere()).expect("read");
    let failure = found.find("solo").expect_err("refused");
    let text = failure.found.unwrap_or_default();
    assert!(text.contains("/w/solo\n") && text.ends_with("/w/solo-runtime"), "{text}");
}

#[test]
fn the_network_of_a_package_is_its_state_if_none_is_named() {
    let found = workspace(&[test_package("people-paseo-runtime")], nowhere()).expect("read");
    let runtime = found.find("people-paseo").expect("found");
    assert_eq!(runtime.state().as_deref(), Some("paseo/people"));
    assert_eq!(runtime.para_id(), Some(1004));
    let note = "people-paseo: the state is that of paseo/people, the network of people-paseo-runtime";
    assert_eq!(runtime.network_note().as_deref(), Some(note));
    let cutover = serde_json::json!({"state": "own.snapshot"});
    let found = workspace(&[TestPackage { cutover, ..test_package("people-paseo-runtime") }], nowhere()).expect("read");
    let runtime = found.find("people-paseo").expect("found");
    assert_eq!(runtime.state().as_deref(), Some("own.snapshot"));
    assert_eq!((runtime.para_id(), runtime.network_note()), (None, None));
}

#[test]
fn the_default_is_the_only_one_or_the_configured_one() {
    let one = workspace(&[test_package("solo-runtime")], nowhere()).expect("read");
    assert_eq!(one.default_runtime().expect("the only one").name, "solo");
    let mut two = workspace(&[test_package("solo-runtime"), test_package("para-runtime")], nowhere()).expect("read");
    assert_eq!(two.default_runtime().expect_err("ambiguous").kind, worker::Kind::Usage);
    two.config.default = Some("para".into());
    assert_eq!(two.default_runtime().expect("configured").name, "para");
    let none = workspace(&[TestPackage { build: Vec::new(), ..test_package("x") }], nowhere()).expect("read");
    assert_eq!(none.default_runtime().expect_err("none").kind, worker::Kind::Input);
}

#[test]
fn the_matrix_of_the_fellowship_names_runtimes() {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path().join(".github/workflows/runtimes-matrix.json");
    let matrix = r#"[{"name": "kusama", "package": "staging-kusama-runtime", "path": "relay/kusama", "uris": ["wss://a"],
        "is_relay": true, "max_code_size": 5242880, "build_extra_features": "fast-runtime", "unknown": {"x": 1}}]"#;
    files::write_whole(&path, matrix.as_bytes()).expect("written");
    let found = workspace(&[test_package("staging-kusama-runtime")], root.path()).expect("read");
    assert_eq!(names(&found), ["kusama"]);
    let runtime = found.find("staging-kusama").expect("found");
    assert_eq!(runtime.release_features(), ["fast-runtime"]);
    files::write_whole(&path, b"{}").expect("written");
    let failure = workspace(&[test_package("staging-kusama-runtime")], root.path()).err().expect("refused");
    assert!(failure.message.contains("runtimes-matrix.json"));
}

#[test]
fn each_entry_of_the_matrix_is_a_runtime() {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path().join("scripts/runtimes-matrix.json");
    let matrix = r#"[{"name": "own-kusama", "package": "own-kusama-runtime", "uri": "wss://kusama", "is_relay": false},
        {"name": "own-paseo", "package": "own-kusama-runtime", "build_extra_features": "paseo",
         "try_runtime": {"extra_flags": "x", "instances": [{"name": "a", "uris": ["wss://paseo"]}, {"name": "b"}]}}]"#;
    files::write_whole(&path, matrix.as_bytes()).expect("written");
    let cutover = serde_json::json!({"state": "own.snapshot", "features": ["fast"], "para-id": 2015});
    let own = || TestPackage { cutover: cutover.clone(), ..test_package("own-kusama-runtime") };
    let found = workspace(&[own()], root.path()).expect("read");
    assert_eq!(names(&found), ["own-kusama", "own-paseo"]);
    let kusama = found.find("own-kusama").expect("by its name, although it is also the package's");
    let paseo = found.find("own-paseo").expect("by its name");
    assert_eq!((kusama.state().as_deref(), paseo.state().as_deref()), (Some("wss://kusama"), Some("wss://paseo")));
    assert_eq!((kusama.release_features(), paseo.release_features()), (vec!["fast".into()], vec!["paseo".into()]));
    assert_eq!((kusama.para_id(), paseo.para_id()), (Some(2015), Some(2015)));
    assert_ne!(kusama.blob_directory(Path::new("/out")), paseo.blob_directory(Path::new("/out")));
    let failure = found.find("own-kusama-runtime").expect_err("two");
    assert_eq!(failure.found.as_deref(), Some("own-kusama, own-paseo"));
    assert_eq!(found.select(&["own-paseo".into(), "own-kusama".into()]).expect("both").len(), 2);
}

#[test]
fn two_entries_of_a_package_with_the_same_name_are_refused() {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path().join("runtimes-matrix.json");
    let matrix = r#"[{"name": "own", "package": "own-runtime", "uri": "wss://a"},
        {"name": "own", "package": "own-runtime", "uri": "wss://b"}]"#;
    files::write_whole(&path, matrix.as_bytes()).expect("written");
    let failure = workspace(&[test_package("own-runtime")], root.path()).err().expect("refused");
    assert_eq!((failure.kind, failure.found.as_deref()), (worker::Kind::Input, Some("own")));
}

#[test]
fn chains_of_a_package_are_configured_in_the_root_manifest() {
    let chains = |testnet: serde_json::Value| {
        let mainnet = serde_json::json!({"package": "own-runtime", "features": ["mainnet"], "blob": "own_mainnet"});
        serde_json::json!({"runtimes": {"own-mainnet": mainnet, "own-testnet": testnet}})
    };
    let testnet =
        serde_json::json!({"package": "own-runtime", "state": "testnet.snapshot", "relay": "paseo", "para-id": 7});
    let cutover = serde_json::json!({"state": "wss://mainnet", "features": ["fast"], "para-id": 2015});
    let own = || TestPackage { cutover: cutover.clone(), ..test_package("own-runtime") };
    let found = configured(&[own(), test_package("solo-runtime")], nowhere(), chains(testnet)).expect("read");
    assert_eq!(names(&found), ["own-mainnet", "own-testnet", "solo"]);
    let (mainnet, testnet) = (found.find("own-mainnet").expect("one"), found.find("own-testnet").expect("one"));
    assert_eq!((mainnet.release_features(), testnet.release_features()), (vec!["mainnet".into()], vec!["fast".into()]));
    assert_eq!((mainnet.config.blob.as_deref(), testnet.config.blob.as_deref()), (Some("own_mainnet"), None));
    assert_eq!(mainnet.state().as_deref(), Some("wss://mainnet"));
    assert_eq!(testnet.state().as_deref(), Some("/no/such/workspace/testnet.snapshot"), "beside the root manifest");
    assert_eq!((mainnet.para_id(), testnet.para_id()), (Some(2015), Some(7)));
    assert_eq!(testnet.configured_relay().as_deref(), Some("paseo"));
    assert!(mainnet.shares_package && testnet.shares_package);
    assert_eq!(found.find("own").expect_err("two").found.as_deref(), Some("own-mainnet, own-testnet"));

    let other = configured(&[own()], nowhere(), chains(serde_json::json!({"package": "own-rutnime"})));
    let failure = other.err().expect("no such package");
    assert_eq!((failure.kind, failure.expected.as_deref()), (worker::Kind::Input, Some("one of own-runtime")));
    let path =
        serde_json::json!({"runtimes": {"../own": {"package": "own-runtime"}, "own": {"package": "own-runtime"}}});
    let failure = configured(&[own()], nowhere(), path).err().expect("not a directory");
    assert_eq!(failure.found.as_deref(), Some("\"../own\""));
}

#[test]
fn the_root_manifest_precedes_the_matrix_and_names_a_single_chain() {
    let root = tempfile::tempdir().expect("a directory");
    let matrix = r#"[{"name": "own-a", "package": "own-runtime", "uri": "wss://a", "build_extra_features": "a"},
        {"name": "own-b", "package": "own-runtime", "uri": "wss://b"}]"#;
    files::write_whole(&root.path().join("runtimes-matrix.json"), matrix.as_bytes()).expect("written");
    let cutover = serde_json::json!({"runtimes": {
        "own-a": {"package": "own-runtime", "features": ["more"]},
        "own-c": {"package": "own-runtime", "state": "wss://c"},
        "solo-chain": {"package": "solo-runtime", "features": ["one"]},
    }});
    let packages = [test_package("own-runtime"), test_package("solo-runtime")];
    let found = configured(&packages, root.path(), cutover).expect("read");
    assert_eq!(names(&found), ["own-a", "own-b", "own-c", "solo-chain"]);
    let a = found.find("own-a").expect("one");
    assert_eq!((a.release_features(), a.state().as_deref()), (vec!["more".into()], Some("wss://a")));
    assert_eq!(found.find("own-c").expect("one").state().as_deref(), Some("wss://c"));
    let solo = found.find("solo-runtime").expect("by its package");
    assert_eq!((solo.release_features(), solo.shares_package), (vec!["one".into()], false));
}

#[test]
fn an_entry_of_several_has_no_network_by_its_package() {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path().join("runtimes-matrix.json");
    let matrix = r#"[{"name": "people-paseo", "package": "people-paseo-runtime", "uri": "wss://paseo"},
        {"name": "people-own", "package": "people-paseo-runtime"}]"#;
    files::write_whole(&path, matrix.as_bytes()).expect("written");
    let found = workspace(&[test_package("people-paseo-runtime")], root.path()).expect("read");
    let own = found.find("people-own").expect("by its name");
    assert_eq!((own.state(), own.para_id()), (None, None), "the public chain is not this one");
}

#[test]
fn files_of_the_configuration_are_relative_to_the_manifest() {
    let found = workspace(&[test_package("solo-runtime")], nowhere()).expect("read");
    let runtime = found.find("solo").expect("found");
    assert_eq!(runtime.configured_source("a.snapshot"), "/w/solo-runtime/a.snapshot");
    assert_eq!(runtime.configured_source("wss://node"), "wss://node");
}

#[test]
fn the_hash_of_the_metadata_is_not_left_out() {
    let with = |features: serde_json::Value, normal: &[&'static str]| {
        let mut normal = normal.to_vec();
        normal.push("frame-support");
        let test_package = TestPackage { features, normal, ..test_package("own-runtime") };
        workspace(&[test_package], nowhere()).expect("a workspace").runtimes.remove(0)
    };
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    // A separate feature that no other feature enables.
    let plain = with(serde_json::json!({"std": [], "metadata-hash": []}), &[HASH_EXTENSION]);
    assert_eq!(plain.release_features(), ["metadata-hash"]);
    assert!(plain.omits_metadata_hash(&named(&["std"]), true));
    assert!(!plain.omits_metadata_hash(&named(&["own-runtime/metadata-hash"]), true));
    assert!(plain.omits_metadata_hash(&named(&["pallet/metadata-hash"]), true), "the feature of a dependency");
    // Through another feature, and through the default.
    let features =
        serde_json::json!({"metadata-hash": [], "on-chain-release-build": ["full"], "full": ["metadata-hash"]});
    let through = with(features, &[HASH_EXTENSION]);
    assert_eq!(through.release_features(), ["on-chain-release-build"]);
    assert!(!through.omits_metadata_hash(&named(&["full"]), false));
    let default = with(serde_json::json!({"metadata-hash": [], "default": ["metadata-hash"]}), &[HASH_EXTENSION]);
    assert!(default.release_features().is_empty() && default.omits_metadata_hash(&[], false));
    // No extension checks a hash, or no feature compiles one in.
    for runtime in [with(serde_json::json!({"metadata-hash": []}), &[]), with(serde_json::json!({}), &[HASH_EXTENSION])]
    {
        assert!(runtime.release_features().is_empty() && !runtime.omits_metadata_hash(&[], true));
    }
}

#[test]
fn an_invalid_key_of_a_section_is_named() {
    let read = |section: serde_json::Value| {
        super::section::<Config>(&serde_json::json!({ "cutover": section }), "[package.metadata.cutover] of x")
    };
    read(serde_json::json!({"runtime": true, "features": ["a"]})).expect("valid").expect("there");
    for (key, value) in [("features", serde_json::json!("a, b")), ("runtim", serde_json::json!(true))] {
        let failure = read(serde_json::json!({"runtime": true, key: value})).expect_err(key);
        assert_eq!(failure.message, format!("{key} in [package.metadata.cutover] of x is invalid"));
    }
}
