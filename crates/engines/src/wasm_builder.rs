// SPDX-License-Identifier: Apache-2.0
//! What a runtime's `substrate-wasm-builder` needs, known from the lock file before anything is
//! compiled.

use crate::toolchain::TARGET;
use std::path::Path;
use worker::{Failure, Result};
use workspace::{
    inputs,
    runtimes::{BUILDER, Runtime, Workspace},
};

/// The first major version of the builder that builds for [`TARGET`] (polkadot-sdk, pull request
/// 7008, released with stable2503).
const FIRST_FOR_TARGET: u64 = 26;
/// The target of older builders.
pub const OLD_TARGET: &str = "wasm32-unknown-unknown";
/// The last compiler whose code for [`OLD_TARGET`] has no instructions that nodes refuse.
const LAST_COMPILER: &str = "1.81.0";

/// Checks that a toolchain has the target of the runtime's builder.
pub fn check(workspace: &Workspace, runtime: &Runtime, sysroot: &Path) -> Result<()> {
    let packages = inputs::closure(&workspace.metadata, &runtime.id);
    let builders = packages.iter().filter(|package| *package.name == BUILDER);
    let Some(oldest) = builders.map(|package| &package.version).min() else { return Ok(()) };
    check_target(&runtime.package, (oldest.major, &oldest.to_string()), sysroot)
}

fn check_target(package: &str, (major, version): (u64, &str), sysroot: &Path) -> Result<()> {
    if major >= FIRST_FOR_TARGET || sysroot.join("lib/rustlib").join(OLD_TARGET).is_dir() {
        return Ok(());
    }
    Err(Failure::environment(format!("{package} cannot be built with the toolchain for Wasm"))
        .found(format!("its {BUILDER} {version} builds for {OLD_TARGET}, which {} lacks", sysroot.display()))
        .expected(format!("{BUILDER} {FIRST_FOR_TARGET} or newer, which builds for {TARGET}"))
        .hint(format!(
            "build it as it was built then, with a compiler whose instructions nodes accept: --engine podman --image docker.io/paritytech/srtool:{LAST_COMPILER} --allow-moving-tag; or update to polkadot-sdk stable2503 or newer"
        )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_builder_needs_the_old_target() {
        let sysroot = tempfile::tempdir().expect("a directory");
        assert_eq!(check_target("own-runtime", (26, "26.0.1"), sysroot.path()), Ok(()));
        let failure = check_target("own-runtime", (24, "24.0.1"), sysroot.path()).expect_err("too old");
        assert_eq!(failure.kind, worker::Kind::Environment);
        assert!(failure.found.unwrap_or_default().contains("substrate-wasm-builder 24.0.1"));
        assert!(failure.hint.unwrap_or_default().contains("srtool:1.81.0"));
        std::fs::create_dir_all(sysroot.path().join("lib/rustlib").join(OLD_TARGET)).expect("made");
        assert_eq!(check_target("own-runtime", (24, "24.0.1"), sysroot.path()), Ok(()));
    }
}
