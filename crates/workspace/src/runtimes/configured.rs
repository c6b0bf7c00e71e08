// SPDX-License-Identifier: Apache-2.0
//! Reads the parts of `[workspace.metadata.cutover]` that do not need the runtimes.

use super::{WorkspaceConfig, section};
use crate::{
    context::Context,
    metadata::{members, metadata},
    networks::{self, Networks},
};
use cargo_metadata::Package;
use std::{collections::BTreeMap, path::PathBuf};
use worker::{Failure, Result};

/// Returns the built-in networks and those of the workspace's configuration.
pub fn networks(context: &Context) -> Result<Networks> {
    let metadata = members(context)?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    networks::with_built_in(config.unwrap_or_default().networks)
}

/// Returns the rules of `diff` that the workspace may violate, each with the reason.
pub fn configured_allowances(context: &Context) -> Result<BTreeMap<String, String>> {
    let metadata = members(context)?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    Ok(config.unwrap_or_default().allow)
}

/// The type with the host functions of the chain's own node, from `host-functions`.
#[derive(Debug, PartialEq, Eq)]
pub struct HostFunctions {
    /// The name of the package that contains the type.
    pub package: String,
    /// The directory of the package's manifest; `None` for Polkadot SDK's own crate, which needs no
    /// dependency.
    pub directory: Option<PathBuf>,
    /// The type's path within the crate.
    pub path: String,
}

/// Polkadot SDK's own host functions for elliptic curves, which some chains' nodes include.
const CURVES: &str = "sp-crypto-ec-utils";

/// Returns the host functions of the workspace's configuration, if there are any.
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
        // It is not a member, but may be in the lock file.
        None => crate_named(&metadata(context)?.packages, name)?,
    };
    let (package, directory) = found.ok_or_else(|| {
        Failure::input("`host-functions` in [workspace.metadata.cutover] names an unknown crate")
            .found(format!("{name} of {named:?}"))
            .expected(format!("a package with a library in {}", context.workspace.display()))
            .hint("add the crate to the workspace, or to the dependencies of a member")
    })?;
    Ok(Some(HostFunctions { package, directory: Some(directory), path }))
}

/// Splits `crate::path::of::Type` into the crate and the rest. The type becomes source code, so all
/// other text is refused.
fn type_of_crate(named: &str) -> Result<(&str, &str)> {
    const MAX_LENGTH: usize = 256;
    let word = |word: &str, more: &[char]| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || more.contains(&letter))
    };
    named
        .split_once("::")
        .filter(|(name, path)| {
            named.len() <= MAX_LENGTH && word(name, &['-']) && path.split("::").all(|part| word(part, &[]))
        })
        .ok_or_else(|| {
            Failure::input("`host-functions` in [workspace.metadata.cutover] is not a type of a crate")
                .found(format!("{:?}", named.chars().take(MAX_LENGTH).collect::<String>()))
                .expected("the crate and the path of the type in it, for example \"my-host-functions::HostFunctions\"")
        })
}

/// Returns the package with that name or with a library of that name.
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
            Err(Failure::input("`host-functions` in [workspace.metadata.cutover] matches several crates")
                .found(list.collect::<Vec<_>>().join(", "))
                .expected("a name that one crate of the workspace has"))
        }
    }
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
