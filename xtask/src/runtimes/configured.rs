// SPDX-License-Identifier: Apache-2.0
//! Parts of `[workspace.metadata.cutover]` that are asked for without the runtimes.

use super::{WorkspaceConfig, explain, metadata, section};
use crate::{context::Context, networks::Networks, process::tool};
use cargo_metadata::{Metadata, MetadataCommand, Package};
use std::{collections::BTreeMap, path::PathBuf};
use worker::{Failure, Result};

/// The networks that the workspace's configuration defines.
pub fn configured_networks(context: &Context) -> Result<Networks> {
    let metadata = metadata(context)?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    Ok(config.unwrap_or_default().networks)
}

/// The rules of `diff` that the workspace allows to be broken, each with the reason.
pub fn configured_allowances(context: &Context) -> Result<BTreeMap<String, String>> {
    let metadata = members(context)?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    Ok(config.unwrap_or_default().allow)
}

/// The type that has the host functions of the chain's own node, by `host-functions`.
#[derive(Debug, PartialEq, Eq)]
pub struct HostFunctions {
    pub package: String,
    /// Where the package's manifest is; nothing for Polkadot SDK's own, which any workspace may name.
    pub directory: Option<PathBuf>,
    /// The type's path within the crate.
    pub path: String,
}

/// Polkadot SDK's own host functions for elliptic curves, which some teams' nodes have.
const CURVES: &str = "sp-crypto-ec-utils";

pub fn configured_host_functions(context: &Context) -> Result<Option<HostFunctions>> {
    let members = members(context)?;
    let config: Option<WorkspaceConfig> = section(&members.workspace_metadata, "[workspace.metadata.cutover]")?;
    let Some(named) = config.and_then(|config| config.host_functions) else { return Ok(None) };
    let (name, path) = type_of_crate(&named)?;
    let path = path.to_owned();
    if name.replace('_', "-") == CURVES {
        return Ok(Some(HostFunctions { package: CURVES.into(), directory: None, path }));
    }
    let found = match crate_named(&members.packages, name)? {
        Some(found) => Some(found),
        // Not a member: one that the lock file has.
        None => crate_named(&metadata(context)?.packages, name)?,
    };
    let (package, directory) = found.ok_or_else(|| {
        Failure::input("`host-functions` in [workspace.metadata.cutover] names a crate that is not there")
            .found(format!("{name} of {named:?}"))
            .expected(format!("a package with a library among those of {}", context.workspace.display()))
            .hint("add the crate to the workspace, or to the dependencies of a member")
    })?;
    Ok(Some(HostFunctions { package, directory: Some(directory), path }))
}

/// `crate::path::of::Type`: the crate, and the rest. It becomes source code, so nothing else is let through.
fn type_of_crate(named: &str) -> Result<(&str, &str)> {
    const LONGEST: usize = 256;
    let word = |word: &str, more: &[char]| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || more.contains(&letter))
    };
    named
        .split_once("::")
        .filter(|(name, path)| {
            named.len() <= LONGEST && word(name, &['-']) && path.split("::").all(|part| word(part, &[]))
        })
        .ok_or_else(|| {
            Failure::input("`host-functions` in [workspace.metadata.cutover] names no type of a crate")
                .found(format!("{:?}", named.chars().take(LONGEST).collect::<String>()))
                .expected("the crate and the path of the type in it, as in \"my-host-functions::HostFunctions\"")
        })
}

/// The package of that name, or whose library has it.
fn crate_named(packages: &[Package], name: &str) -> Result<Option<(String, PathBuf)>> {
    let library = name.replace('-', "_");
    let is_it = |package: &&Package| {
        let mut libraries = package.targets.iter().filter(|target| target.is_lib() || target.is_rlib());
        libraries.any(|target| target.name.replace('-', "_") == library || package.name == name)
    };
    let found: Vec<_> = packages.iter().filter(is_it).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => {
            let directory = one.manifest_path.parent().map(Into::into).unwrap_or_default();
            Ok(Some((one.name.to_string(), directory)))
        }
        several => {
            let list = several.iter().map(|package| format!("{} {}", package.name, package.version));
            Err(Failure::input("`host-functions` in [workspace.metadata.cutover] may mean several crates")
                .found(list.collect::<Vec<_>>().join(", "))
                .expected("a name that one crate of the workspace has"))
        }
    }
}

/// What cargo knows about the workspace without its dependencies: they take a second, and a lock file.
pub fn members(context: &Context) -> Result<Metadata> {
    let manifest = context.workspace.join("Cargo.toml");
    let cargo = tool!("cargo metadata --format-version 1 --no-deps --manifest-path {manifest}")?;
    let mut cargo = cargo.directory(&context.workspace);
    if context.foreign() {
        cargo = cargo.env_remove("RUSTUP_TOOLCHAIN");
    }
    MetadataCommand::parse(cargo.output().map_err(|failure| explain(failure, context))?)
        .map_err(|error| Failure::environment("`cargo metadata` gave something unknown").found(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_functions_are_a_type_of_a_crate() {
        assert_eq!(type_of_crate("my-chain::HostFunctions").expect("one"), ("my-chain", "HostFunctions"));
        assert_eq!(type_of_crate("my_chain::bridge::All").expect("one"), ("my_chain", "bridge::All"));
        let long = format!("a::{}", "b".repeat(300));
        for wrong in ["", "Type", "::Type", "my-chain::", "a::b-c", "a::B<C>", "a::b;c", "a b::C", "1a::B", &long] {
            let failure = type_of_crate(wrong).expect_err(wrong);
            assert_eq!(failure.kind, worker::Kind::Input, "{wrong}");
            assert!(failure.message.contains("`host-functions`"), "{failure}");
        }
    }
}
