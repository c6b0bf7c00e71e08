// SPDX-License-Identifier: Apache-2.0
//! The chains that one package is built for. Each entry of the runtime matrix is one, and each
//! `[workspace.metadata.cutover.runtimes.NAME]`. Features of the package choose the chain.

use super::{Config, Matrix, Runtime, source_in};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use worker::{Failure, Result};

/// `[workspace.metadata.cutover.runtimes.NAME]`. A key that is absent has the value of the matrix
/// entry of that name, else of the package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChainConfig {
    /// The cargo package of the runtime.
    pub package: String,
    /// The features of the blob for the chain.
    pub features: Option<Vec<String>>,
    /// The name that the build script gives to the blob, if it writes several.
    pub blob: Option<String>,
    /// The state from which an upgrade starts: a file relative to the workspace, or a node.
    pub state: Option<String>,
    /// The chain whose root governs this one, in the forms of `state`.
    pub relay: Option<String>,
    /// The parachain's id on its relay chain.
    pub para_id: Option<u32>,
    /// The route of `propose`, if the command line names none.
    pub route: Option<String>,
    /// The size limit of a blob on the network, in bytes.
    pub max_code_size: Option<u64>,
}

/// A chain that a package is built for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain<'workspace> {
    /// Its entry in the matrix.
    pub matrix: Option<&'workspace Matrix>,
    /// Its name and its configuration in the root manifest.
    config: Option<(&'workspace str, &'workspace ChainConfig)>,
}

/// Returns the chains of a package: those of the matrix, then those that only the root manifest
/// names. A package of which neither says anything has one.
pub fn of_package<'workspace>(
    package: &str,
    matrix: &'workspace [Matrix],
    configured: &'workspace BTreeMap<String, ChainConfig>,
) -> Result<Vec<Chain<'workspace>>> {
    let configured: BTreeMap<&str, &ChainConfig> = configured
        .iter()
        .filter(|(_, config)| config.package == package)
        .map(|(name, config)| (name.as_str(), config))
        .collect();
    let entries: Vec<&Matrix> = matrix.iter().filter(|entry| entry.package == package).collect();
    let in_matrix: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    if in_matrix.len() < entries.len() {
        let mut names = BTreeSet::new();
        let twice = entries.iter().find(|entry| !names.insert(&entry.name)).map(|entry| entry.name.clone());
        return Err(Failure::input(format!("two entries of the runtime matrix for {package} have the same name"))
            .found(twice.unwrap_or_default())
            .expected("a name for each chain, as each is a runtime of its own"));
    }
    let of_matrix = entries.iter().map(|entry| Chain {
        matrix: Some(entry),
        config: configured.get_key_value(entry.name.as_str()).map(|(name, config)| (*name, *config)),
    });
    let others = configured.iter().filter(|(name, _)| !in_matrix.contains(*name));
    let mut chains: Vec<Chain<'_>> =
        of_matrix.chain(others.map(|(name, config)| Chain { matrix: None, config: Some((name, config)) })).collect();
    if chains.len() > 1 {
        chains.iter().filter_map(Chain::name).try_for_each(|name| expect_directory_name(package, name))?;
    }
    if chains.is_empty() {
        chains.push(Chain::default());
    }
    Ok(chains)
}

/// Checks that a name can be a directory. Blobs of one package have the same file name, so each is
/// in a directory with the name of its runtime.
fn expect_directory_name(package: &str, name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match name.bytes().all(plain) && name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        true => Ok(()),
        false => Err(Failure::input(format!("a runtime of {package} has a name that cannot be a directory"))
            .found(format!("{name:?}"))
            .expected("letters, digits, `-`, `_` and `.`, a letter or digit first")),
    }
}

/// Checks that the root manifest configures only packages that are runtimes.
pub fn expect_runtimes<'workspace>(
    configured: &BTreeMap<String, ChainConfig>,
    runtimes: impl Iterator<Item = &'workspace Runtime>,
) -> Result<()> {
    let packages: BTreeSet<&str> = runtimes.map(|runtime| runtime.package.as_str()).collect();
    match configured.iter().find(|(_, config)| !packages.contains(config.package.as_str())) {
        None => Ok(()),
        Some((name, config)) => Err(Failure::input(format!(
            "[workspace.metadata.cutover.runtimes.{name}] names a package that is not a runtime"
        ))
        .found(format!("package = {:?}", config.package))
        .expected(format!("one of {}", packages.into_iter().collect::<Vec<_>>().join(", ")))),
    }
}

impl<'workspace> Chain<'workspace> {
    /// Returns the name of its runtime, if the workspace gives it one.
    pub fn name(&self) -> Option<&'workspace str> {
        self.matrix.map(|entry| entry.name.as_str()).or(self.config.map(|(name, _)| name))
    }

    /// Returns the configuration of its runtime. The root manifest precedes the matrix. If the
    /// package has several chains, the matrix precedes the package's manifest.
    pub fn configure(&self, package: &Config, shares_package: bool, root: &Path) -> Config {
        let own = self.config.map(|(_, config)| config.clone()).unwrap_or_default();
        let in_matrix = |says: fn(&Matrix) -> bool| shares_package && self.matrix.is_some_and(says);
        let has_node = in_matrix(|entry| entry.node().is_some());
        let has_features = in_matrix(|entry| entry.build_extra_features.is_some());
        let source = |source: String| source_in(root, &source);
        Config {
            features: own.features.or_else(|| package.features.clone().filter(|_| !has_features)),
            blob: own.blob.or_else(|| package.blob.clone()),
            state: own.state.map(source).or_else(|| package.state.clone().filter(|_| !has_node)),
            relay: own.relay.map(source).or_else(|| package.relay.clone()),
            para_id: own.para_id.or(package.para_id),
            route: own.route.or_else(|| package.route.clone()),
            max_code_size: own.max_code_size.or(package.max_code_size),
            ..package.clone()
        }
    }
}
