// SPDX-License-Identifier: Apache-2.0
//! The commands. Each has a module with a function `run`.

pub mod build;
pub mod ci;
pub mod completions;
pub mod diff;
pub mod dist;
pub mod dry_run;
pub mod dry_run_block;
pub mod fork;
pub mod init;
pub mod inspect;
pub mod list;
pub mod propose;
pub mod rebuild;
pub mod rehearse;
pub mod release;
pub mod reports;
pub mod setup;
pub mod sign;
pub mod signers;
pub mod signing;
pub mod snapshot;
pub mod support;
pub mod target;
pub mod test;
pub mod upgrade;
pub mod verify;
pub mod verify_build;
pub mod verify_referendum;
pub mod weights;
pub mod xcm;

use ::release::names::{NOTES, RECORD, SUMS};
pub use files::utf8;
use std::path::Path;
use worker::{Failure, Result};
use workspace::context::Context;

/// Checks that a source exists, before long-running work starts: a file, a node's address or a
/// network.
pub fn expect_source(context: &Context, text: &str) -> Result<()> {
    let is_file = Path::new(text).metadata().is_ok_and(|metadata| !metadata.is_dir());
    if text == "-" || protocol::Live::is_meant_by(text) || is_file {
        return Ok(());
    }
    match workspace::networks::find(&workspace::runtimes::networks(context)?, text) {
        Ok(_) => Ok(()),
        Err(unknown) => Err(crate::sources::no_source(text, unknown)),
    }
}

/// Returns the directory of a bundle. Returns an error for a file, such as the archive of a
/// released bundle, and for the directory of a release.
pub fn bundle_directory(path: &Path) -> Result<&Path> {
    let shown = path.display();
    let expected = "the directory that holds manifest.json";
    if path.is_file() {
        return Err(Failure::input(format!("{shown} is a file, not the directory of a bundle"))
            .expected(expected)
            .hint(format!("unpack it: tar xf {shown}")));
    }
    if path.join(RECORD).is_file() && !path.join(upgrade::place::MANIFEST).exists() {
        return Err(Failure::input(format!("{shown} is the directory of a release, not of a bundle"))
            .found(format!("{RECORD} in it"))
            .expected(expected)
            .hint(format!(
                "sign it with `cargo xtask release sign {shown} --with KEY`; its {NOTES} says how to check its files \
                 and bundles: `sha256sum --check {SUMS}`, then `tar xf` and `cargo xtask verify` for each bundle"
            )));
    }
    Ok(path)
}

/// Returns the file of signers: the named one, else `signers.json` in the workspace, if it exists.
pub fn root_file(context: &Context, named: Option<&Path>) -> Result<Option<std::path::PathBuf>> {
    if let Some(named) = named {
        if let Err(error) = named.metadata() {
            return Err(Failure::io("read the file of signers", named, &error).hint(
                "--root names the file that lists who signs, usually signers.json of the repository; \
                 `cargo xtask signers init` writes a first one",
            ));
        }
        return Ok(Some(named.to_path_buf()));
    }
    // Only the usual name: reading the configuration would need cargo.
    let conventional = context.workspace.join("signers.json");
    Ok(conventional.is_file().then_some(conventional))
}

/// Returns the directory that records the files of signers accepted on this machine.
pub fn accepted_signers(context: &Context) -> std::path::PathBuf {
    context.cache.join("signers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_and_an_archive_are_no_bundle() {
        let directory = tempfile::tempdir().expect("a directory");
        bundle_directory(directory.path()).expect("may be one");
        let record = directory.path().join(RECORD);
        std::fs::write(&record, "{}").expect("written");
        let hint = |path: &Path| bundle_directory(path).expect_err("no bundle").hint.unwrap_or_default();
        assert!(hint(&record).contains("tar xf"));
        let release = hint(directory.path());
        assert!(release.contains("release sign") && release.contains("sha256sum --check SHA256SUMS"), "{release}");
        std::fs::write(directory.path().join("manifest.json"), "{}").expect("written");
        bundle_directory(directory.path()).expect("a bundle that keeps a file of that name");
    }
}
