// SPDX-License-Identifier: Apache-2.0
//! Tests that the `rust-version` of the workspace is correct.
//!
//! Clippy's `incompatible_msrv`, an error in CI, checks our own code. These tests check the rest:
//! the requirements of the locked dependencies, and that every package declares the version.

use cargo_metadata::{MetadataCommand, Package, semver::Version};
use std::path::Path;

/// Returns whether a package is a runtime. Runtimes are compiled to Wasm with the pinned toolchain,
/// and a change of their manifests changes the build.
fn is_runtime(package: &Package) -> bool {
    package.manifest_path.components().any(|part| part.as_str() == "runtimes")
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_declared() {
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
