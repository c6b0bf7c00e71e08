// SPDX-License-Identifier: Apache-2.0
//! `--runtime NAME|BLOB`: a file is a blob, everything else is the name of a runtime that is built first.

use super::build::{Built, build_one, default_out, release_variant};
use crate::{
    cli::{EngineOptions, Profile},
    context::Context,
    engines::{self, Purpose},
    inputs::Variant,
    runtimes::{Runtime, Workspace},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// A runtime that was named or given.
pub struct Target {
    pub blob: PathBuf,
    /// Present where the runtime was built.
    pub try_runtime: Option<PathBuf>,
    /// What the runtime's configuration says the state is.
    pub state: Option<String>,
    pub relay: Option<String>,
    pub para_id: Option<u32>,
    pub route: Option<String>,
    /// Checks of the dry run that may fail, each with the reason.
    pub allow: BTreeMap<String, String>,
    /// Checks of the dry run whose hazards count as failures, and whether those of all do.
    pub deny: Vec<String>,
    pub strict: bool,
    /// Chains that this one exchanges messages with.
    pub with: Vec<String>,
}

/// `name` as a file, or built; with its try-runtime variant if that is asked for and the runtime has one.
pub fn resolve(context: &Context, name: Option<&str>, try_runtime: bool) -> Result<Target> {
    if let Some(name) = name
        && is_file(name)
    {
        return Ok(Target {
            blob: name.into(),
            try_runtime: None,
            state: None,
            relay: None,
            para_id: None,
            route: None,
            allow: BTreeMap::new(),
            deny: Vec::new(),
            strict: false,
            with: Vec::new(),
        });
    }
    let workspace = Workspace::load(context)?;
    let runtime = match name {
        Some(name) => workspace.find(name)?,
        None => workspace.default_runtime()?,
    };
    let engine = engines::open(context, &workspace, &EngineOptions::default(), Purpose::Rehearsal)?;
    let out = default_out(&workspace);
    let shipping = build_one(&*engine, runtime, &release_variant(runtime, Profile::Production), &out)?;
    let try_runtime = match try_runtime {
        true => try_runtime_variant(runtime)
            .map(|variant| build_one(&*engine, runtime, &variant, &out.join("try-runtime")))
            .transpose()?,
        false => None,
    };
    let source = |source: &Option<String>| source.as_ref().map(|source| runtime.configured_source(source));
    Ok(Target {
        blob: shipping.path,
        try_runtime: try_runtime.map(|built: Built| built.path),
        state: source(&runtime.config.state),
        relay: source(&runtime.config.relay),
        para_id: runtime.config.para_id,
        route: runtime.config.route.clone(),
        allow: runtime.config.dry_run.allow.clone(),
        deny: runtime.config.dry_run.deny.clone(),
        strict: runtime.config.dry_run.strict,
        with: runtime.with(),
    })
}

/// The shipping build with the hooks that check it: all else must be the same, or the blob that is tested is not the
/// blob that ships. The same profile too, which has most dependencies compiled already.
pub fn try_runtime_variant(runtime: &Runtime) -> Option<Variant> {
    if !runtime.features.contains("try-runtime") {
        return None;
    }
    let mut variant = release_variant(runtime, Profile::Production);
    // These change no state. The hash of its own metadata would cost a second compilation, and without logging the hooks
    // cannot say what they found.
    variant.features.retain(|feature| !["on-chain-release-build", "metadata-hash"].contains(&feature.as_str()));
    variant.features.push("try-runtime".into());
    Some(variant)
}

fn is_file(name: &str) -> bool {
    Path::new(name).is_file() || name == "-"
}

/// A name that looks like a path and is none deserves to be called a missing file.
pub fn check_path(name: &str) -> Result<()> {
    let looks_like_path =
        name.contains(['/', '\\']) || [".wasm", ".hex", ".json"].iter().any(|ending| name.ends_with(ending));
    if looks_like_path && !is_file(name) {
        return Err(Failure::input(format!("there is no file {name}")).expected("a blob, or the name of a runtime"));
    }
    Ok(())
}
