// SPDX-License-Identifier: Apache-2.0
//! Finds the runtimes of a workspace.
//!
//! A package is a runtime if it has a library, depends on FRAME or on the runtime API
//! (`frame-support`, `sp-api`, or an umbrella crate of both), and its build script builds Wasm (a
//! build dependency on `substrate-wasm-builder`, optional or not). Packages of the workspace count,
//! and packages from a registry that a package of the workspace depends on directly: a workspace
//! may consist of one manifest that depends on a published runtime. Names do not matter.
//! Runtimes that only tests use (dev-dependencies, and dependencies of packages with an emulator)
//! are not shipped: they are found by name alone.
//! `[package.metadata.cutover] runtime = true|false` overrides the rule.
//! A package may be built for several chains: each is a runtime of its own (see `chains`).

mod chains;
mod configured;
pub mod release;

pub use chains::ChainConfig;
pub use configured::{HostFunctions, configured_allowances, configured_host_functions, networks};

use crate::{
    context::Context,
    metadata::{Unread, members, metadata},
    networks::{self, Network, Networks},
};
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// The package with which build scripts build runtimes to Wasm.
pub const BUILDER: &str = "substrate-wasm-builder";
/// The crates that run several chains in one test. A package that depends on one is a test.
const EMULATORS: [&str; 3] = ["xcm-emulator", "xcm-simulator", "emulated-integration-tests-common"];
const UMBRELLAS: [&str; 2] = ["polkadot-sdk", "polkadot-sdk-frame"];
/// The extension that checks the metadata hash, and the feature that makes build scripts compile
/// the hash in. The names are those of the runtimes of polkadot-sdk and the Fellowship.
const HASH_EXTENSION: &str = "frame-metadata-hash-extension";
/// The feature that makes a runtime's build script compile the metadata hash in.
pub const HASH_FEATURE: &str = "metadata-hash";
/// `max_code_size` of relay chains, in bytes. For solo chains the limit is their block length,
/// which is larger.
const RELAY_CODE_LIMIT: u64 = 5 * 1024 * 1024;
/// `max_code_size` that relay chains set for parachains, in bytes.
const PARACHAIN_CODE_LIMIT: u64 = 3 * 1024 * 1024;
/// The paths of the runtime matrix in the Fellowship's workspace and elsewhere.
pub const MATRIX_PLACES: [&str; 4] = [
    ".github/workflows/runtimes-matrix.json",
    ".github/runtimes-matrix.json",
    "runtimes-matrix.json",
    "scripts/runtimes-matrix.json",
];
const MATRIX_LIMIT: u64 = 4 * 1024 * 1024;

/// A runtime of the workspace.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// The name on the command line.
    pub name: String,
    /// The name of its cargo package.
    pub package: String,
    /// The version of its cargo package.
    pub version: String,
    /// The package's id in cargo's metadata of the workspace.
    pub id: PackageId,
    /// The directory of its manifest.
    pub directory: PathBuf,
    /// The name of the library and the blob.
    pub library: String,
    /// The features that the package declares.
    pub features: BTreeSet<String>,
    /// The features that compile the metadata hash in, directly or through other features; empty if
    /// nothing checks the hash.
    pub hash_features: BTreeSet<String>,
    /// The package of the workspace that depends on the runtime; `None` if the runtime is in the
    /// workspace.
    pub through: Option<String>,
    /// `[package.metadata.cutover]` of the package with what is configured for the chain, or the
    /// defaults.
    pub config: Config,
    /// The runtime's entry in `runtimes-matrix.json`, matched by its package.
    pub matrix: Option<Matrix>,
    /// The network whose runtime the package is, with its name.
    pub network: Option<(String, Network)>,
    /// Whether several runtimes are built from the package, one for each chain.
    pub shares_package: bool,
}

/// `[package.metadata.cutover]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Overrides the discovery.
    pub runtime: Option<bool>,
    /// The features of the blob for the chain.
    pub features: Option<Vec<String>>,
    /// The name that the build script gives to the blob (`set_file_name`), if it writes several.
    pub blob: Option<String>,
    /// The state from which an upgrade starts: a file relative to the manifest, or a node.
    pub state: Option<String>,
    /// The chain whose root governs this one, in the forms of `state`.
    pub relay: Option<String>,
    /// The parachain's id on its relay chain. A runtime with an id counts as a parachain.
    pub para_id: Option<u32>,
    /// The route of `propose`, if the command line names none.
    pub route: Option<String>,
    /// The size limit of a blob on the network, in bytes.
    pub max_code_size: Option<u64>,
    /// The options of dry runs.
    #[serde(default)]
    pub dry_run: DryRun,
    /// The options of benchmarks and checks of weights.
    #[serde(default)]
    pub weights: Weights,
    /// The options of releases.
    #[serde(default)]
    pub release: release::RuntimeReleaseConfig,
}

/// `[package.metadata.cutover.dry-run]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DryRun {
    /// Checks that may fail, each with the reason.
    pub allow: BTreeMap<String, String>,
    /// Checks whose hazards count as failures.
    pub deny: Vec<String>,
    /// The hazards of every check count as failures.
    pub strict: bool,
    /// The chains that this one exchanges messages with, in the forms of `state`.
    pub with: Vec<String>,
    /// The relay chain whose runtime decides about the upgrade, in the forms of `state`.
    pub relay: Option<String>,
    /// Whether the parachain is onboarded on the fork of a relay chain that does not know it.
    pub onboard: bool,
}

/// `[package.metadata.cutover.weights]`: how the runtime's weights are measured and where they are
/// stored. Paths are relative to the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Weights {
    /// The directory of the weight files [src/weights].
    pub directory: Option<PathBuf>,
    /// A file whose text is at the top of each weight file.
    pub header: Option<PathBuf>,
    /// The hardware profile with which the machine is compared.
    pub profile: Option<PathBuf>,
    /// The genesis preset of the benchmarks' state [development].
    pub preset: Option<String>,
    /// A Handlebars template for the files of all pallets, and templates for single pallets.
    pub template: Option<PathBuf>,
    /// The templates for single pallets, by pallet.
    pub templates: BTreeMap<String, PathBuf>,
    /// `pallet` or `pallet::extrinsic`, never measured.
    pub exclude: Vec<String>,
    /// The exceptions of `weights check`, by `pallet` or `pallet::extrinsic`, with the reason.
    pub allow: BTreeMap<String, String>,
    /// The settings of benchmarks: `steps`, `repeat-min`, `repeat-max`, `tolerance`, `heap-pages`
    /// and the others in docs/weights.md.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The settings of single pallets that differ.
    pub per_pallet: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    /// `warmup`, `repeat-min`, `repeat-max`, `tolerance`, `record-proof`, `max-extrinsics` of blocks and extrinsics.
    pub overhead: serde_json::Map<String, serde_json::Value>,
    /// `warmup`, `keys`, `seed`, `batch`, `record-proof` of a database.
    pub database: serde_json::Map<String, serde_json::Value>,
}

/// `[workspace.metadata.cutover]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WorkspaceConfig {
    /// The default runtime of commands.
    pub default: Option<String>,
    /// The runtimes of packages that are built for several chains, by their names.
    #[serde(default)]
    pub runtimes: BTreeMap<String, ChainConfig>,
    /// Chains by name, which extend or override the built-in ones.
    #[serde(default)]
    pub networks: Networks,
    /// The default engine: host, docker, podman or srtool.
    pub engine: Option<String>,
    /// The image of container builds, by its digest.
    pub image: Option<String>,
    /// Digests (`sha256:…`) of trusted builder images. `verify --rebuild` only uses these images of
    /// a bundle.
    #[serde(default)]
    pub images: Vec<String>,
    /// The type with the host functions of the chain's own node: `crate::Type`.
    pub host_functions: Option<String>,
    /// Rules of `diff` that this workspace violates on purpose, each with the reason.
    #[serde(default)]
    pub allow: BTreeMap<String, String>,
    /// The options of releases.
    #[serde(default)]
    pub release: release::ReleaseConfig,
}

/// An entry of the Fellowship's `runtimes-matrix.json`. Other fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// The name of the runtime on the command line.
    pub name: String,
    /// The cargo package of the runtime.
    pub package: String,
    /// The directory of the runtime in the workspace. Cutover does not use it.
    #[serde(default)]
    pub path: String,
    /// The nodes of the chain. The first one is used if there is no `uri`.
    #[serde(default)]
    pub uris: Vec<String>,
    /// The node whose state an upgrade starts from, if none is configured.
    #[serde(default)]
    pub uri: Option<String>,
    /// Whether the runtime is that of a relay chain. It decides the group of releases and the usual
    /// size limit.
    #[serde(default)]
    pub is_relay: Option<bool>,
    /// The size limit of a blob on the network, in bytes.
    #[serde(default)]
    pub max_code_size: Option<u64>,
    /// The block time, as the matrix states it. Cutover does not use it.
    #[serde(default)]
    pub blocktime: Option<u64>,
    /// More features of the blob for the chain, separated by commas or spaces.
    #[serde(default)]
    pub build_extra_features: Option<String>,
    /// The chains that run the runtime, if the entry has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub try_runtime: Option<TryRuntime>,
    /// Of benchmarks; files are relative to the workspace.
    #[serde(default)]
    pub header: Option<PathBuf>,
    /// The Handlebars template for the weight files of all pallets.
    #[serde(default)]
    pub template: Option<PathBuf>,
    /// By pallet.
    #[serde(default)]
    pub benchmarks_templates: Option<BTreeMap<String, PathBuf>>,
    /// By pallet, the names of its benchmarks.
    #[serde(default)]
    pub benchmarks_exclude_extrinsics: Option<BTreeMap<String, Vec<String>>>,
}

/// The chains of an entry, as in the matrix of Bulletin's workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryRuntime {
    /// The chains, in the order of the matrix.
    #[serde(default)]
    pub instances: Vec<Instance>,
}

/// A chain that runs the runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The name of the chain.
    #[serde(default)]
    pub name: String,
    /// The addresses of its nodes.
    #[serde(default)]
    pub uris: Vec<String>,
}

impl Matrix {
    /// Returns a node of the chain; of the first one if the entry has several.
    pub fn node(&self) -> Option<&String> {
        let instances = self.try_runtime.iter().flat_map(|try_runtime| &try_runtime.instances);
        self.uri.iter().chain(&self.uris).chain(instances.flat_map(|instance| &instance.uris)).next()
    }
}

/// A workspace with its runtimes and configuration.
pub struct Workspace {
    /// Cargo's metadata: of all packages, or of the members only after `load_members`.
    pub metadata: Metadata,
    /// The runtimes that are shipped, sorted by name.
    pub runtimes: Vec<Runtime>,
    /// The runtimes that only tests use, sorted by name.
    pub test_runtimes: Vec<Runtime>,
    /// `[workspace.metadata.cutover]`, or the defaults.
    pub config: WorkspaceConfig,
}

impl Workspace {
    /// Loads the workspace with its dependencies.
    pub fn load(context: &Context) -> Result<Self> {
        let metadata = metadata(context)?;
        Self::of(metadata, &context.workspace)
    }

    /// Loads the workspace for commands that build nothing. If the sources of a dependency cannot be
    /// fetched, only its members are read.
    pub fn read(context: &Context) -> Result<Self> {
        let metadata = match metadata(context) {
            Ok(metadata) => metadata,
            Err(Unread::Failed(failure)) => return Err(failure),
            Err(Unread::Sources(failure)) => {
                context.printer.warning(&format!(
                    "{} ({}); only the manifests of the workspace are read, so runtimes from elsewhere are not found",
                    failure.message,
                    failure.found.unwrap_or_default()
                ));
                members(context)?
            }
        };
        Self::of(metadata, &context.workspace)
    }

    /// Loads only the workspace's members, which needs no lock file. Runtimes from a registry are
    /// not found.
    pub fn load_members(context: &Context) -> Result<Self> {
        Self::of(members(context)?, &context.workspace)
    }

    fn of(metadata: Metadata, root: &Path) -> Result<Self> {
        let config: WorkspaceConfig =
            section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?.unwrap_or_default();
        let networks = networks::with_built_in(config.networks.clone())?;
        let matrix = read_matrix(root)?;
        let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
        let packages: BTreeMap<&PackageId, &Package> =
            metadata.packages.iter().map(|package| (&package.id, package)).collect();
        // Members come before dependencies, so that a package that is both is a member. Those that
        // only tests use come last.
        let mut candidates: Vec<(&Package, Option<String>)> =
            members.iter().filter_map(|id| packages.get(id)).map(|package| (*package, None)).collect();
        let mut tested: Vec<(&Package, Option<String>)> = Vec::new();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).filter(|node| members.contains(&node.id))
        {
            let member = packages.get(&node.id);
            let through = member.map(|package| package.name.to_string());
            for dep in node.deps.iter().filter(|dep| !members.contains(&dep.pkg)) {
                let has = |kind: DependencyKind| dep.dep_kinds.iter().any(|dependency| dependency.kind == kind);
                let Some(package) = packages.get(&dep.pkg) else { continue };
                match has(DependencyKind::Normal) && !member.is_some_and(|member| is_test(member)) {
                    true => candidates.push((*package, through.clone())),
                    false if has(DependencyKind::Normal) || has(DependencyKind::Development) => {
                        tested.push((*package, through.clone()));
                    }
                    false => {}
                }
            }
        }
        let shipped = candidates.len();
        candidates.extend(tested);
        let mut runtimes: Vec<Runtime> = Vec::new();
        let mut test_runtimes: Vec<Runtime> = Vec::new();
        for (index, (package, through)) in candidates.into_iter().enumerate() {
            if runtimes.iter().chain(&test_runtimes).any(|runtime| runtime.id == package.id) {
                continue;
            }
            let package_config: Config =
                section(&package.metadata, &format!("[package.metadata.cutover] of {}", package.name))?
                    .unwrap_or_default();
            if package_config.runtime.unwrap_or_else(|| is_runtime(package))
                && let Some(library) = library(package)
            {
                let chains = chains::of_package(&package.name, &matrix, &config.runtimes)?;
                let shares_package = chains.len() > 1;
                let list = if index < shipped { &mut runtimes } else { &mut test_runtimes };
                list.extend(chains.into_iter().map(|chain| {
                    Runtime {
                        name: chain.name().unwrap_or_else(|| short_name(&package.name)).to_owned(),
                        package: package.name.to_string(),
                        version: package.version.to_string(),
                        id: package.id.clone(),
                        directory: package.manifest_path.parent().map(|path| path.into()).unwrap_or_default(),
                        library: library.clone(),
                        features: package.features.keys().cloned().collect(),
                        hash_features: hash_features(package),
                        through: through.clone(),
                        config: chain.configure(&package_config, shares_package, root),
                        matrix: chain.matrix.cloned(),
                        // Of several chains of one package it is not known which one is meant.
                        network: networks::of_package(&networks, &package.name)
                            .filter(|_| !shares_package)
                            .map(|(name, network)| (name.to_owned(), network.clone())),
                        shares_package,
                    }
                }));
            }
        }
        // Without the dependencies, a published runtime is not found.
        if metadata.resolve.is_some() {
            chains::expect_runtimes(&config.runtimes, runtimes.iter().chain(&test_runtimes))?;
        }
        runtimes.sort_by(|left, right| left.name.cmp(&right.name));
        test_runtimes.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self { metadata, runtimes, test_runtimes, config })
    }

    /// Returns the named runtimes; all that are shipped if there are no names.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Runtime>> {
        if names.is_empty() {
            if self.runtimes.is_empty() {
                return Err(self.none());
            }
            return Ok(self.runtimes.iter().collect());
        }
        let mut selected: Vec<&Runtime> = Vec::new();
        for name in names {
            let runtime = self.find(name)?;
            if !selected.iter().any(|other| std::ptr::eq(*other, runtime)) {
                selected.push(runtime);
            }
        }
        Ok(selected)
    }

    /// Returns the runtime with a name.
    pub fn find(&self, name: &str) -> Result<&Runtime> {
        let mut matches: Vec<_> = self.runtimes.iter().filter(|runtime| runtime.has_name(name)).collect();
        if matches.is_empty() {
            matches.extend(self.test_runtimes.iter().filter(|runtime| runtime.has_name(name)));
        }
        // The name of one runtime may be the package of several.
        if matches.len() > 1 && matches.iter().filter(|runtime| runtime.name == name).count() == 1 {
            matches.retain(|runtime| runtime.name == name);
        }
        match matches.as_slice() {
            [one] => Ok(one),
            [] if self.runtimes.is_empty() => Err(self.none()),
            [] => {
                let failure = Failure::usage(format!("there is no runtime {name:?} in the workspace"))
                    .expected(format!("one of {}", self.names()));
                Err(match nearest(name, self.runtimes.iter().flat_map(|runtime| [&runtime.name, &runtime.package])) {
                    Some(near) => failure.hint(format!("did you mean {near}?")),
                    None => failure.hint("cargo xtask list"),
                })
            }
            [first, ..] if matches.iter().all(|runtime| runtime.id == first.id) => {
                Err(Failure::usage(format!("{name:?} is the package of several runtimes"))
                    .found(matches.iter().map(|runtime| runtime.name.as_str()).collect::<Vec<_>>().join(", "))
                    .hint("give the name of one"))
            }
            several => {
                let list = several.iter().map(|runtime| {
                    format!("{} {} in {}", runtime.package, runtime.version, runtime.directory.display())
                });
                Err(Failure::usage(format!("{name:?} matches several runtimes"))
                    .found(list.collect::<Vec<_>>().join("\n"))
                    .hint("give the full name of the package, or set `runtime = false` in the [package.metadata.cutover] of the other"))
            }
        }
    }

    /// Returns the default runtime.
    pub fn default_runtime(&self) -> Result<&Runtime> {
        if let Some(name) = &self.config.default {
            return self.find(name);
        }
        match self.runtimes.as_slice() {
            [] => Err(self.none()),
            [one] => Ok(one),
            _ => Err(Failure::usage("no runtime is given, and the workspace has several")
                .found(self.names())
                .hint("give one with --runtime, or set `default` in [workspace.metadata.cutover]")),
        }
    }

    fn names(&self) -> String {
        self.runtimes.iter().map(|runtime| runtime.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn none(&self) -> Failure {
        Failure::input(format!("the workspace {} has no runtime", self.metadata.workspace_root))
            .expected(format!("a package with a library that depends on frame-support or sp-api and has {BUILDER} among its build dependencies"))
    }
}

impl Runtime {
    fn has_name(&self, name: &str) -> bool {
        [self.package.as_str(), self.name.as_str(), short_name(&self.package)].contains(&name)
    }

    /// Returns the name of its builds. Runtimes of one package have different blobs.
    pub fn build_name(&self) -> &str {
        if self.shares_package { &self.name } else { &self.package }
    }

    /// Returns the directory of its blob within an output directory, as runtimes of one package have
    /// blobs of the same file name.
    pub fn blob_directory(&self, out: &Path) -> PathBuf {
        if self.shares_package { out.join(&self.name) } else { out.to_path_buf() }
    }

    /// Returns the features of the blob for the chain.
    pub fn release_features(&self) -> Vec<String> {
        if let Some(features) = &self.config.features {
            return features.clone();
        }
        let mut features: Vec<String> = Vec::new();
        if self.features.contains("on-chain-release-build") {
            features.push("on-chain-release-build".into());
        }
        if let Some(extra) = self.matrix.as_ref().and_then(|matrix| matrix.build_extra_features.as_ref()) {
            features.extend(extra.split([',', ' ']).filter(|feature| !feature.is_empty()).map(str::to_owned));
        }
        if self.omits_metadata_hash(&features, true) {
            features.push(HASH_FEATURE.into());
        }
        features
    }

    /// Returns whether a build with these features lacks the metadata hash, although the runtime
    /// checks it and has a feature that compiles it in.
    pub fn omits_metadata_hash(&self, features: &[String], default_features: bool) -> bool {
        !self.hash_features.is_empty() && !self.compiles_metadata_hash(features, default_features)
    }

    /// Returns whether a build with these features compiles the metadata hash in.
    pub fn compiles_metadata_hash(&self, features: &[String], default_features: bool) -> bool {
        let by_default = default_features && self.hash_features.contains("default");
        by_default || features.iter().any(|feature| self.hash_features.contains(self.own_feature(feature)))
    }

    /// Returns a feature without the name of this package before it. The feature of a dependency
    /// keeps its name.
    pub fn own_feature<'feature>(&self, feature: &'feature str) -> &'feature str {
        feature.strip_prefix(&*self.package).and_then(|rest| rest.strip_prefix('/')).unwrap_or(feature)
    }

    /// Returns the state from which an upgrade starts: the configured one, else a node of the
    /// matrix, else the network whose runtime this is.
    pub fn state(&self) -> Option<String> {
        self.own_state().or_else(|| self.network.as_ref().map(|(name, _)| name.clone()))
    }

    /// Returns the state that the workspace names.
    fn own_state(&self) -> Option<String> {
        let node = || self.matrix.as_ref().and_then(|matrix| matrix.node().cloned());
        self.config.state.clone().or_else(node)
    }

    /// Returns the network that gives the state, because the workspace names none.
    pub fn default_network(&self) -> Option<(&str, &Network)> {
        let network = self.network.as_ref().filter(|_| self.own_state().is_none());
        network.map(|(name, network)| (name.as_str(), network))
    }

    /// Returns the sentence that tells where the state is from, if the workspace names none.
    pub fn network_note(&self) -> Option<String> {
        let (name, _) = self.default_network()?;
        Some(format!("{}: the state is that of {name}, the network of {}", self.name, self.package))
    }

    /// Returns the configured chain whose root governs this one.
    pub fn configured_relay(&self) -> Option<String> {
        self.config.relay.as_ref().map(|relay| self.configured_source(relay))
    }

    /// Returns the para id: the configured one, else that of its network.
    pub fn para_id(&self) -> Option<u32> {
        self.config.para_id.or_else(|| self.default_network().and_then(|(_, network)| network.para_id))
    }

    /// Returns the size limit of a blob in bytes: the configured one, else the usual limit of relay
    /// chains or parachains.
    pub fn max_code_size(&self) -> u64 {
        let configured = self.config.max_code_size.or(self.matrix.as_ref().and_then(|matrix| matrix.max_code_size));
        let is_parachain =
            self.para_id().is_some() || self.matrix.as_ref().is_some_and(|matrix| matrix.is_relay == Some(false));
        configured.unwrap_or(if is_parachain { PARACHAIN_CODE_LIMIT } else { RELAY_CODE_LIMIT })
    }

    /// Returns the chains that it exchanges messages with.
    pub fn with(&self) -> Vec<String> {
        self.config.dry_run.with.iter().map(|source| self.configured_source(source)).collect()
    }

    /// Returns the relay chain whose runtime decides about upgrades in dry runs.
    pub fn rehearsal_relay(&self) -> Option<String> {
        self.config.dry_run.relay.as_ref().map(|source| self.configured_source(source))
    }

    /// Returns a source of its configuration. A file is relative to the manifest.
    pub fn configured_source(&self, source: &str) -> String {
        source_in(&self.directory, source)
    }
}

/// Returns a configured source. A file is relative to `directory`.
fn source_in(directory: &Path, source: &str) -> String {
    let file = directory.join(source);
    // A text that is neither a file nor an address may be the name of a network. A missing file is
    // reported later.
    let is_file = !source.contains("://") && source != "-" && (file.exists() || source.contains('.'));
    if is_file { file.to_string_lossy().into_owned() } else { source.to_owned() }
}

/// Returns whether a package is a test with an emulator of several chains.
fn is_test(package: &Package) -> bool {
    let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.into_iter().any(|dependency| EMULATORS.contains(&dependency.name.as_str()))
}

fn is_runtime(package: &Package) -> bool {
    let builds_wasm =
        package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Build).any(|dependency| {
            dependency.name == BUILDER
                || (UMBRELLAS.contains(&dependency.name.as_str())
                    && dependency.features.iter().any(|feature| feature == BUILDER))
        });
    let is_frame =
        package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal).any(|dependency| {
            ["frame-support", "sp-api"].contains(&dependency.name.as_str())
                || UMBRELLAS.contains(&dependency.name.as_str())
        });
    builds_wasm && is_frame && package.targets.iter().any(|target| target.is_custom_build())
}

/// Returns the features that enable [`HASH_FEATURE`], if the runtime has an extension that checks
/// the hash.
fn hash_features(package: &Package) -> BTreeSet<String> {
    let checks = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .any(|dependency| dependency.name == HASH_EXTENSION || UMBRELLAS.contains(&dependency.name.as_str()));
    let mut leading = BTreeSet::new();
    if !checks || !package.features.contains_key(HASH_FEATURE) {
        return leading;
    }
    leading.insert(HASH_FEATURE.to_owned());
    loop {
        let more = package
            .features
            .iter()
            .filter(|(name, parts)| !leading.contains(*name) && parts.iter().any(|part| leading.contains(part)));
        let more: Vec<_> = more.map(|(name, _)| name.clone()).collect();
        if more.is_empty() {
            return leading;
        }
        leading.extend(more);
    }
}

fn library(package: &Package) -> Option<String> {
    let is_library = |target: &&cargo_metadata::Target| target.is_lib() || target.is_rlib() || target.is_cdylib();
    // The Wasm builder names the blob after the package.
    package.targets.iter().find(is_library).map(|_| package.name.replace('-', "_"))
}

fn short_name(package: &str) -> &str {
    package.strip_suffix("-runtime").unwrap_or(package)
}

#[expect(clippy::disallowed_methods, reason = "other tools have sections of their own in the same metadata")]
fn section<T: for<'de> Deserialize<'de>>(metadata: &serde_json::Value, name: &str) -> Result<Option<T>> {
    let Some(section) = metadata.get("cutover").filter(|section| !section.is_null()) else { return Ok(None) };
    serde_json::from_value(section.clone()).map(Some).map_err(|error| {
        // A key that is invalid by itself. Every key of a section may be left out.
        let alone = |(key, value): &(&String, &serde_json::Value)| {
            serde_json::from_value::<T>([((*key).clone(), (*value).clone())].into_iter().collect()).is_err()
        };
        let key = section.as_object().and_then(|keys| keys.iter().find(alone)).map(|(key, _)| format!("{key} in "));
        Failure::input(format!("{}{name} is invalid", key.unwrap_or_default()))
            .found(protocol::hide_addresses(&error.to_string()))
            .hint("docs/commands.md lists its keys")
    })
}

fn read_matrix(root: &Path) -> Result<Vec<Matrix>> {
    let Some(path) = MATRIX_PLACES.iter().map(|place| root.join(place)).find(|path| path.is_file()) else {
        return Ok(Vec::new());
    };
    let text = files::read_bounded(&path, MATRIX_LIMIT)?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::input(format!("{} is not a runtime matrix", path.display()))
            .found(protocol::hide_addresses(&error.to_string()))
            .expected("a JSON array of objects with `name` and `package`")
    })
}

/// Returns the candidate that is most similar to the name.
pub(crate) fn nearest<'name>(name: &str, candidates: impl Iterator<Item = &'name String>) -> Option<&'name String> {
    let scored = candidates.map(|candidate| {
        let contained = candidate.contains(name) || name.contains(candidate.as_str());
        (if contained { 1 } else { strsim::levenshtein(name, candidate) }, candidate)
    });
    scored
        .filter(|(distance, _)| *distance <= 1 + name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
#[path = "runtimes_tests.rs"]
mod tests;
