// SPDX-License-Identifier: Apache-2.0
//! Tests that the `rust-version` of the workspace is true.
//!
//! That our own code uses nothing newer is clippy's `incompatible_msrv`, an error in CI. These tests look at the rest: what
//! the locked dependencies ask for, and that every package says it.

use cargo_metadata::{MetadataCommand, Package, semver::Version};
use std::path::Path;

/// Those of the runtimes are compiled to Wasm with the pinned toolchain, and a change of their manifests changes what is
/// built.
fn is_runtime(package: &Package) -> bool {
    package.manifest_path.components().any(|part| part.as_str() == "runtimes")
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_is_promised() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
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
