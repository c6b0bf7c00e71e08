// SPDX-License-Identifier: Apache-2.0
//! The configuration of releases.

use super::{Runtime, Workspace};
use cargo_metadata::DependencyKind;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use worker::{Failure, Result};

/// The pallet that only parachains have.
const PARACHAIN_PALLET: &str = "cumulus-pallet-parachain-system";

/// How a blob is optimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Optimised across all crates: for the chain
    #[default]
    Production,
    /// Optimised, faster to build
    Release,
    /// Not optimised, not compacted and not compressed
    Dev,
}

impl Profile {
    /// Returns the name of the cargo profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }
}

/// The part of a network that is released. Each part has its own tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Relay chains and solo chains; the tag ends with `-relay`
    Relay,
    /// Parachains; the tag ends with `-parachains`
    Parachains,
}

impl Group {
    /// Returns the name on the command line and in the configuration.
    pub fn name(self) -> &'static str {
        protocol::release::Group::from(self).name()
    }
}

impl From<Group> for protocol::release::Group {
    fn from(group: Group) -> Self {
        match group {
            Group::Relay => Self::Relay,
            Group::Parachains => Self::Parachains,
        }
    }
}

/// `[workspace.metadata.cutover.release]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ReleaseConfig {
    /// The template of tags [v{version}{suffix}].
    pub tag: Option<String>,
    /// The template of blob names [{name}_runtime-v{spec}{variant}.compact.compressed.wasm].
    pub asset_name: Option<String>,
    /// The changelog [CHANGELOG.md, else CHANGELOG].
    pub changelog: Option<PathBuf>,
    /// The template of titles [Runtimes {tag}].
    pub title: Option<String>,
    /// The variants for every runtime that has one of their features.
    pub variants: BTreeMap<String, Variant>,
}

/// `[package.metadata.cutover.release]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RuntimeReleaseConfig {
    /// `relay` or `parachains`, if the default rule is wrong.
    pub group: Option<String>,
    /// More variants of this runtime, which override those of the workspace with the same name.
    pub variants: BTreeMap<String, Variant>,
}

/// An additional blob of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// Exactly these features.
    pub features: Vec<String>,
    /// production, release or dev [production].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the release needs this variant. The build of an optional variant may fail.
    #[serde(default)]
    pub required: bool,
}

impl Variant {
    /// Returns the profile, by default production. Fails if the configuration names an unknown one.
    /// `name` is the variant's name in the message.
    pub fn profile(&self, name: &str) -> Result<Profile> {
        let Some(text) = &self.profile else { return Ok(Profile::Production) };
        Profile::from_str(text, false).map_err(|_| {
            Failure::input(format!("the variant {name:?} has an unknown profile"))
                .found(text)
                .expected("production, release or dev")
        })
    }
}

impl Workspace {
    /// Returns the variants of a runtime, by name.
    pub fn variants(&self, runtime: &Runtime) -> BTreeMap<String, Variant> {
        let applies = |variant: &Variant| variant.features.iter().any(|feature| runtime.features.contains(feature));
        let of_all = self.config.release.variants.iter().filter(|(_, variant)| applies(variant));
        of_all.chain(&runtime.config.release.variants).map(|(name, variant)| (name.clone(), variant.clone())).collect()
    }

    /// Returns the group of a runtime: the configured one, else `Parachains` if its matrix entry,
    /// its dependencies or its parachain id say so. Fails if the configuration names an unknown
    /// group.
    pub fn group(&self, runtime: &Runtime) -> Result<Group> {
        if let Some(name) = &runtime.config.release.group {
            return Group::from_str(name, false).map_err(|_| {
                Failure::input(format!(
                    "[package.metadata.cutover.release] of {} names an unknown group",
                    runtime.package
                ))
                .found(name)
                .expected("relay or parachains")
            });
        }
        let depends = self.metadata.packages.iter().filter(|package| package.id == runtime.id).any(|package| {
            let normal = |kind: DependencyKind| kind == DependencyKind::Normal;
            package.dependencies.iter().any(|one| one.name == PARACHAIN_PALLET && normal(one.kind))
        });
        let said = runtime.matrix.as_ref().and_then(|matrix| matrix.is_relay);
        let parachain = said.map_or(depends || runtime.para_id().is_some(), |is_relay| !is_relay);
        Ok(if parachain { Group::Parachains } else { Group::Relay })
    }
}
