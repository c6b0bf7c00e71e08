// SPDX-License-Identifier: Apache-2.0
//! One command, one file, one `run`.

pub mod build;
pub mod ci;
pub mod completions;
pub mod diff;
pub mod dry_run;
pub mod dry_run_block;
pub mod fork;
pub mod init;
pub mod inspect;
pub mod list;
pub mod propose;
pub mod rebuild;
pub mod release;
pub mod reports;
pub mod setup;
pub mod sign;
pub mod signers;
pub mod signing;
pub mod snapshot;
pub mod target;
pub mod test;
pub mod upgrade;
pub mod verify;
pub mod verify_build;
pub mod weights;

use crate::context::Context;
use std::path::Path;
use worker::{Failure, Result};

/// A path as text for a request, which is JSON.
pub fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Failure::input(format!("{} is not UTF-8", path.display())).expected("a path in UTF-8"))
}

/// A source that is to be there when it is needed, half an hour from now: a file, a node's address or a network.
pub fn expect_source(context: &Context, text: &str) -> Result<()> {
    if text == "-" || protocol::Live::is_meant_by(text) || Path::new(text).is_file() {
        return Ok(());
    }
    match crate::networks::find(context, text) {
        Ok(_) => Ok(()),
        Err(unknown) => Err(Failure::input(format!("{text} is neither a file nor a network"))
            .expected(format!("a file, the address of a node, or one of {}", unknown.expected.unwrap_or_default()))),
    }
}

/// The directory of a bundle. A released one is in an archive.
pub fn bundle_directory(path: &Path) -> Result<&Path> {
    match path.is_file() {
        false => Ok(path),
        true => Err(Failure::input(format!("{} is a file, and no bundle's directory", path.display()))
            .expected("the directory that holds manifest.json")
            .hint(format!("unpack it: tar xf {}", path.display()))),
    }
}

/// The file of signers: the one named, else the one that the workspace's configuration names.
pub fn root_file(context: &Context, named: Option<&Path>) -> Result<Option<std::path::PathBuf>> {
    if let Some(named) = named {
        return Ok(Some(named.to_path_buf()));
    }
    // Not worth asking cargo for more than this.
    let conventional = context.workspace.join("signers.json");
    Ok(conventional.is_file().then_some(conventional))
}

/// Where the files of signers that were accepted on this machine are remembered.
pub fn accepted_signers(context: &Context) -> std::path::PathBuf {
    context.cache.join("signers")
}
