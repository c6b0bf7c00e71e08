// SPDX-License-Identifier: Apache-2.0
//! The `upgrade` command. Every step is a named job that writes its evidence to the bundle.
//!
//! Directories beside the bundle that are not part of it:
//! - `<bundle>.logs`: a log for each job.
//! - `<bundle>.work`: the working directory of the jobs, from which an interrupted run resumes.
//! - `<bundle>.before`: a bundle that people had signed and that another upgrade replaced.

pub(super) mod bundle;
mod compare;
mod part;
pub(super) mod place;
pub(super) mod plan;
mod rehearse;
mod state;
mod summary;
mod weights;

use super::{
    expect_source, propose, root_file,
    sign::{expect_keys, parse_key},
};
use crate::cli::{self, UpgradeJob};
use bundle::Bundle;
use console::jobs;
use engines::Purpose;
use plan::Plan;
use protocol::{
    Verdict,
    diff::DiffOutcome,
    format,
    rehearse::RehearseOutcome,
    step::{Step, StepResult},
    upgrade::UpgradeReport,
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    networks, revision,
    runtimes::{self, Runtime, Workspace},
};

pub fn run(context: &Context, options: &cli::Upgrade) -> Result<Verdict> {
    let (verdict, document) = make(context, &Workspace::load(context)?, options)?;
    let root = root_file(context, options.root.as_deref())?;
    context.printer.result(&document, || report::terminal::upgrade(&document, root.as_deref()))?;
    Ok(verdict)
}

/// Returns whether the run finishes the bundle.
fn finishes_bundle(options: &cli::Upgrade) -> bool {
    options.only.is_empty() || options.only.contains(&UpgradeJob::Verify)
}

/// Makes the bundles of the selected runtimes. Returns the verdict and the report.
pub fn make(context: &Context, workspace: &Workspace, options: &cli::Upgrade) -> Result<(Verdict, UpgradeReport)> {
    let options = &with_network_defaults(context, options)?;
    let mut selected = match options.runtimes.as_slice() {
        [] => vec![workspace.default_runtime()?],
        names => workspace.select(names)?,
    };
    if options.state.is_none() {
        relay_chains_first(&mut selected);
    }
    for runtime in &selected {
        let route = options.route.route.clone().or(runtime.config.route.clone());
        propose::route(&cli::RouteOptions { route, ..options.route.clone() })?;
    }
    let keys = options.sign_with.iter().map(|key| parse_key(key)).collect::<Result<Vec<_>>>()?;
    // The keys are needed only at the end, but checked before anything starts.
    expect_keys(context, &keys)?;
    if let Some(base) = &options.weights_base {
        revision::commit(&context.workspace, base)?;
    }
    let root = root_file(context, options.root.as_deref())?;
    let states = selected.iter().map(|runtime| state_of(context, runtime, options)).collect::<Result<Vec<_>>>()?;
    let outs = directories(workspace, &selected, options.out.as_deref())?;
    let carried = !options.only.is_empty();
    let bundles = outs.iter().map(|out| Bundle::open(out, carried)).collect::<Result<Vec<_>>>()?;
    let pinned = selected.iter().zip(&states).zip(&bundles);
    let pinned = pinned.map(|((runtime, text), bundle)| state::pinned(context, runtime, text, bundle, options));
    let states = pinned.collect::<Result<Vec<_>>>()?;
    // The new weights are written first: the build and the checks use them.
    let measured = selected.iter().map(|runtime| match options.weights {
        true => weights::measure(context, workspace, runtime).map(Some),
        false => Ok(None),
    });
    let measured = measured.collect::<Result<Vec<_>>>()?;
    // The engine is opened once, before jobs run in parallel.
    let builds =
        !carried || [UpgradeJob::Build, UpgradeJob::BuildTryRuntime].iter().any(|job| options.only.contains(job));
    let only_builds =
        carried && options.only.iter().all(|job| [UpgradeJob::Build, UpgradeJob::BuildTryRuntime].contains(job));
    let purpose = if only_builds { Purpose::Blob } else { Purpose::Rehearsal };
    let engine = builds.then(|| engines::open(context, workspace, &options.engine, purpose)).transpose()?;

    let mut plans: Vec<Plan<'_>> = Vec::new();
    for (((runtime, state), bundle), measured) in selected.iter().zip(&states).zip(&bundles).zip(measured) {
        let relay = plans.iter().find(|plan| options.state.is_none() && is_relay_of(plan.runtime, runtime));
        plans.push(Plan {
            context,
            workspace,
            engine: engine.as_deref(),
            runtime,
            bundle,
            state,
            options,
            keys: &keys,
            root: root.as_deref(),
            measured,
            relay: relay.map(Plan::as_relay),
            prefix: if selected.len() > 1 { format!("{}/", runtime.name) } else { String::new() },
        });
    }
    for plan in plans.iter().filter(|_| carried) {
        plan.check_carried()?;
    }
    let mut all_jobs = Vec::new();
    let mut last_build = None;
    for plan in &plans {
        // Cargo builds one thing at a time in a target directory.
        all_jobs.extend(plan.jobs(last_build.as_deref()));
        last_build = plan.last_build().or(last_build);
    }
    let limit = options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, |count| count.get()));
    let logs = plans.first().map(|plan| plan.bundle.logs.clone()).unwrap_or_default();
    let started = std::time::Instant::now();
    let finished = jobs::run(&context.printer, &logs, limit, all_jobs);
    // All jobs have ended, some while writing a file. An error here would hide the cause of the
    // failure; the next run removes partial files too.
    if finished.is_err() && !carried {
        bundles.iter().for_each(|bundle| drop(bundle.remove_partial_files()));
    }
    let finished = finished?;

    let mut verdict = Verdict::Pass;
    let mut runtimes = Vec::new();
    let whole = finishes_bundle(options);
    for plan in &plans {
        let (runtime_verdict, summary) = if whole { plan.summary(&finished)? } else { plan.part(&finished)? };
        verdict = verdict.and(runtime_verdict);
        runtimes.push(summary);
    }
    // Bundles are replaced only after all jobs have finished.
    for bundle in &bundles {
        if let Some(backup) = bundle.finish()? {
            context.printer.warning(&format!(
                "{} now contains another upgrade; the signed bundle that was there is kept in {}",
                bundle.place.display(),
                backup.display()
            ));
        }
    }
    let document = UpgradeReport {
        format: format::UPGRADE.into(),
        runtimes,
        verdict,
        seconds: (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
    };
    Ok((verdict, document))
}

/// Moves relay chains before the parachains that are rehearsed on them, because the blob of a relay chain is built first.
fn relay_chains_first(selected: &mut [&Runtime]) {
    let relays: Vec<_> = selected
        .iter()
        .filter(|runtime| selected.iter().any(|other| is_relay_of(runtime, other)))
        .map(|runtime| runtime.name.clone())
        .collect();
    selected.sort_by_key(|runtime| !relays.contains(&runtime.name));
}

/// Returns whether the state of a runtime is that of the relay chain on which another one is rehearsed.
pub(super) fn is_relay_of(runtime: &Runtime, other: &Runtime) -> bool {
    let state = runtime.state().map(|state| runtime.configured_source(&state));
    let relay = other.rehearsal_relay();
    match (&state, &relay) {
        (Some(state), Some(relay)) if runtime.name != other.name => {
            let path = |source: &str| std::fs::canonicalize(source).ok();
            state == relay || path(state).is_some_and(|state| path(relay) == Some(state))
        }
        _ => false,
    }
}

/// Returns the options with the defaults of `--network`: the runtime, its state, the relay chain
/// and the para id, or the runtimes of a network of several chains, each with its own configured
/// state. Options given on the command line take precedence.
fn with_network_defaults(context: &Context, options: &cli::Upgrade) -> Result<cli::Upgrade> {
    let mut options = options.clone();
    if let Some(name) = &options.network {
        let network = networks::find(&runtimes::networks(context)?, name)?.clone();
        if let Some(runtimes) = network.runtimes {
            if runtimes.is_empty() || !options.runtimes.is_empty() || options.state.is_some() || options.at.is_some() {
                return Err(Failure::usage(format!("{name} is a network of several runtimes"))
                    .found(match runtimes.is_empty() {
                        true => "none in the list `runtimes` of its configuration",
                        false => "--runtime, --state or --at, which are those of one runtime",
                    })
                    .expected("each runtime with its own configured state")
                    .hint("name the runtimes with --runtime instead of --network"));
            }
            options.runtimes = runtimes;
            return Ok(options);
        }
        if options.runtimes.is_empty() {
            options.runtimes.extend(network.package.clone());
        }
        options.state.get_or_insert_with(|| name.clone());
        options.route.relay = options.route.relay.or(network.relay);
        options.route.para_id = options.route.para_id.or(network.para_id);
    }
    Ok(options)
}

/// Returns the state that a runtime's upgrade starts from, as given by the user. Checks that it
/// exists.
fn state_of(context: &Context, runtime: &Runtime, options: &cli::Upgrade) -> Result<String> {
    if let Some(note) = runtime.network_note().filter(|_| options.state.is_none()) {
        context.printer.status(&note);
    }
    let configured = runtime.state().map(|state| runtime.configured_source(&state));
    let state = options.state.clone().or(configured).ok_or_else(|| {
        Failure::usage(format!("there is no state to upgrade {} from", runtime.name))
            .expected("a raw chain spec, a snapshot, a node or a network")
            .hint("name it with --state, or set `state` in the runtime's [package.metadata.cutover]")
    })?;
    expect_source(context, &state)?;
    Ok(state)
}

/// Returns the bundle directory of each selected runtime.
fn directories(workspace: &Workspace, selected: &[&Runtime], out: Option<&Path>) -> Result<Vec<PathBuf>> {
    let base = match out {
        Some(out) => std::path::absolute(out).map_err(|error| Failure::io("use", out, &error))?,
        None => workspace.metadata.target_directory.as_std_path().join("upgrade"),
    };
    if let ([_], Some(_)) = (selected, out) {
        return Ok(vec![base]);
    }
    Ok(selected.iter().map(|runtime| base.join(&runtime.name)).collect())
}

/// Returns a step's contribution to the upgrade's verdict. A skipped `diff` (the old runtime's
/// metadata is too old to compare) does not count against the upgrade, and neither does a skipped
/// `rehearse` (the state of the chain that governs it is not given). Any other skipped step makes it
/// `NotJudged`.
fn verdict_of(step: &Step) -> Verdict {
    match step.verdict {
        Verdict::Skip if [DiffOutcome::STEP, RehearseOutcome::STEP].contains(&step.step.as_str()) => Verdict::Pass,
        Verdict::Pass | Verdict::PassWithHazards => Verdict::Pass,
        Verdict::NotJudged | Verdict::Skip => Verdict::NotJudged,
        Verdict::Fail => Verdict::Fail,
    }
}
