// SPDX-License-Identifier: Apache-2.0
//! What the configuration says about releases.

use super::{Runtime, Workspace};
use crate::cli::{Group, Profile};
use cargo_metadata::DependencyKind;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use worker::{Failure, Result};

/// What makes a parachain of a runtime.
const OF_PARACHAINS: &str = "cumulus-pallet-parachain-system";

/// `[workspace.metadata.cutover.release]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rules {
    /// How tags are made [v{version}{suffix}].
    pub tag: Option<String>,
    /// How blobs are called [{name}_runtime-v{spec}{variant}.compact.compressed.wasm].
    pub asset_name: Option<String>,
    /// The file of changes [CHANGELOG.md, else CHANGELOG].
    pub changelog: Option<PathBuf>,
    /// How a release is called [Runtimes {tag}].
    pub title: Option<String>,
    /// Built for every runtime that has one of their features.
    pub variants: BTreeMap<String, Variant>,
}

/// `[package.metadata.cutover.release]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OfRuntime {
    /// `relay` or `parachains`, where the rule is wrong about it.
    pub group: Option<String>,
    /// Further blobs of this runtime; they overrule those of the workspace by their names.
    pub variants: BTreeMap<String, Variant>,
}

/// A blob beside the one that goes on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// Exactly these features.
    pub features: Vec<String>,
    /// production, release or dev [production].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the release waits for it: one that is not required never blocks.
    #[serde(default)]
    pub required: bool,
}

impl Variant {
    pub fn profile(&self, name: &str) -> Result<Profile> {
        let Some(text) = &self.profile else { return Ok(Profile::Production) };
        Profile::from_str(text, false).map_err(|_| {
            Failure::input(format!("the variant {name:?} has a profile that is none"))
                .found(text)
                .expected("production, release or dev")
        })
    }
}

impl Workspace {
    /// The variants that are declared for a runtime, by name.
    pub fn variants(&self, runtime: &Runtime) -> BTreeMap<String, Variant> {
        let applies = |variant: &Variant| variant.features.iter().any(|feature| runtime.features.contains(feature));
        let of_all = self.config.release.variants.iter().filter(|(_, variant)| applies(variant));
        of_all.chain(&runtime.config.release.variants).map(|(name, variant)| (name.clone(), variant.clone())).collect()
    }

    pub fn group(&self, runtime: &Runtime) -> Result<Group> {
        if let Some(name) = &runtime.config.release.group {
            return Group::from_str(name, false).map_err(|_| {
                Failure::input(format!(
                    "[package.metadata.cutover.release] of {} names a group that is none",
                    runtime.package
                ))
                .found(name)
                .expected("relay or parachains")
            });
        }
        let depends = self.metadata.packages.iter().filter(|package| package.id == runtime.id).any(|package| {
            let normal = |kind: DependencyKind| kind == DependencyKind::Normal;
            package.dependencies.iter().any(|one| one.name == OF_PARACHAINS && normal(one.kind))
        });
        let said = runtime.matrix.as_ref().and_then(|matrix| matrix.is_relay);
        let parachain = said.map_or(depends || runtime.config.para_id.is_some(), |is_relay| !is_relay);
        Ok(if parachain { Group::Parachains } else { Group::Relay })
    }
}
