// SPDX-License-Identifier: Apache-2.0
//! Resolves `--runtime NAME|BLOB`. A file is a blob; any other value is the name of a runtime to build.

use super::build::{Built, build_one, default_out, release_variant};
use crate::cli::{EngineOptions, Profile, RouteOptions};
use engines::Purpose;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    inputs::Variant,
    runtimes::{Runtime, Workspace},
};

/// The runtime that an option selects, with its configuration.
pub struct Target {
    pub blob: PathBuf,
    /// The sentence that tells where `state` is from, if the configuration names none.
    pub note: Option<String>,
    /// The try-runtime build. `None` if the runtime was given as a file.
    pub try_runtime: Option<PathBuf>,
    /// The state from which an upgrade of the runtime starts.
    pub state: Option<String>,
    /// The checks of the dry run that may fail, each with the reason.
    pub allow: BTreeMap<String, String>,
    /// The checks of the dry run whose hazards count as failures.
    pub deny: Vec<String>,
    /// Whether the hazards of all checks count as failures.
    pub strict: bool,
    /// The chains that this one exchanges messages with.
    pub with: Vec<String>,
    /// The relay chain that decides about the upgrade.
    pub relay: Option<String>,
    /// Whether the parachain is onboarded on a fork of a relay chain that does not know it.
    pub onboard: bool,
}

/// Returns the blob `name`, or builds the runtime `name` (default: the default runtime). With
/// `try_runtime`, builds the try-runtime variant too, if the runtime has that feature.
pub fn resolve(context: &Context, name: Option<&str>, try_runtime: bool) -> Result<Target> {
    if let Some(name) = name
        && is_file(name)
    {
        return Ok(Target {
            blob: name.into(),
            note: None,
            try_runtime: None,
            state: None,
            allow: BTreeMap::new(),
            deny: Vec::new(),
            strict: false,
            with: Vec::new(),
            relay: None,
            onboard: false,
        });
    }
    let workspace = Workspace::load(context)?;
    let runtime = match name {
        Some(name) => workspace.find(name)?,
        None => workspace.default_runtime()?,
    };
    let engine = engines::open(context, &workspace, &EngineOptions::default(), Purpose::Rehearsal)?;
    let out = runtime.blob_directory(&default_out(&workspace));
    let shipping = build_one(&*engine, runtime, &release_variant(runtime, Profile::Production), &out)?;
    let try_runtime = match try_runtime {
        true => try_runtime_variant(runtime)
            .map(|variant| build_one(&*engine, runtime, &variant, &out.join("try-runtime")))
            .transpose()?,
        false => None,
    };
    Ok(Target {
        blob: shipping.path,
        note: runtime.network_note(),
        try_runtime: try_runtime.map(|built: Built| built.path),
        state: runtime.state().map(|state| runtime.configured_source(&state)),
        allow: runtime.config.dry_run.allow.clone(),
        deny: runtime.config.dry_run.deny.clone(),
        strict: runtime.config.dry_run.strict,
        with: runtime.with(),
        relay: runtime.rehearsal_relay(),
        onboard: runtime.config.dry_run.onboard,
    })
}

/// Returns the state and the other chains that the configuration of the runtime `name` names. A blob
/// has no configuration.
pub fn configured_sources(context: &Context, name: Option<&str>) -> Result<Vec<String>> {
    if name.is_some_and(is_file) {
        return Ok(Vec::new());
    }
    let workspace = Workspace::load(context)?;
    let runtime = match name {
        Some(name) => workspace.find(name)?,
        None => workspace.default_runtime()?,
    };
    let mut sources = runtime.with();
    sources.extend(runtime.rehearsal_relay());
    sources.extend(runtime.state().map(|state| runtime.configured_source(&state)));
    Ok(sources)
}

/// Returns the production variant with the feature `try-runtime`. Everything else is the same, so
/// that the tested code is the code that ships. The same profile also reuses compiled dependencies.
pub fn try_runtime_variant(runtime: &Runtime) -> Option<Variant> {
    if !runtime.features.contains("try-runtime") {
        return None;
    }
    let mut variant = release_variant(runtime, Profile::Production);
    // These features do not affect the state. `metadata-hash` would need a second compilation, and
    // `on-chain-release-build` disables the log output of the hooks.
    variant.features.retain(|feature| !["on-chain-release-build", "metadata-hash"].contains(&feature.as_str()));
    variant.features.push("try-runtime".into());
    Some(variant)
}

/// Returns the options with what the runtime's configuration says about its route. Options given on
/// the command line take precedence. A blob has no configuration.
pub fn with_configured_route(context: &Context, name: &str, given: &RouteOptions) -> Result<RouteOptions> {
    let mut route = given.clone();
    if !is_file(name) {
        let workspace = Workspace::load(context)?;
        let runtime = workspace.find(name)?;
        route.relay = route.relay.or(runtime.configured_relay());
        route.para_id = route.para_id.or(runtime.config.para_id);
        route.route = route.route.or(runtime.config.route.clone());
    }
    Ok(route)
}

/// Returns whether a name is that of a blob, which is not built.
pub fn is_file(name: &str) -> bool {
    Path::new(name).is_file() || name == "-"
}

/// Returns an error if a name looks like a path but no such file exists.
pub fn check_path(name: &str) -> Result<()> {
    let looks_like_path =
        name.contains(['/', '\\']) || [".wasm", ".hex", ".json"].iter().any(|ending| name.ends_with(ending));
    if looks_like_path && !is_file(name) {
        return Err(Failure::input(format!("there is no file {name}")).expected("a blob, or the name of a runtime"));
    }
    Ok(())
}
