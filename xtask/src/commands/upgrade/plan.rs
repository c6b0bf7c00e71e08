// SPDX-License-Identifier: Apache-2.0
//! The jobs of one runtime's upgrade.

use super::{
    super::{
        build, dry_run, propose,
        reports::{self, PAGE, REPORT},
        sign, target, utf8, verify,
    },
    bundle::{Bundle, EVIDENCE_LIMIT, Step, inputs},
    place::{MANIFEST, Manifest},
    result_of, verdict_of,
};
use crate::{
    cli::{self, Profile, RouteOptions, UpgradeJob},
    context::Context,
    engines::Engine,
    git,
    inputs::file_digest,
    jobs::{Desk, Done, Job},
    networks::{self, Pinned, Place},
    runtimes::{Runtime, Workspace},
    workers::{self, Worker},
};
use clap::ValueEnum;
use protocol::{Live, Source, Verdict, dry_run::Request, inspect, weights::check::Benchmarked};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use worker::{Failure, Kind, Result};

/// Those whose evidence makes the bundle, and each of which can refuse it.
const STEPS: [&str; 6] = [super::state::STEP, "build", "inspect", "diff", "dry-run", "propose"];

pub struct Plan<'run> {
    pub context: &'run Context,
    pub workspace: &'run Workspace,
    /// Only where something is built.
    pub engine: Option<&'run (dyn Engine + 'run)>,
    pub runtime: &'run Runtime,
    pub bundle: &'run Bundle,
    pub state: &'run Pinned,
    pub options: &'run cli::Upgrade,
    pub keys: &'run [Value],
    pub root: Option<&'run Path>,
    /// What was measured for this upgrade, where its weights were made anew.
    pub measured: Option<Benchmarked>,
    /// Before the names of its jobs, where several runtimes are upgraded.
    pub prefix: String,
}

impl Plan<'_> {
    /// The jobs that are to be done, in an order in which each comes after those it needs.
    pub fn jobs(&self, after_build: Option<&str>) -> Vec<Job<'_>> {
        let chosen = UpgradeJob::value_variants().iter().copied().filter(|job| self.does(*job));
        chosen
            .map(|job| {
                let after = self.needs(job).into_iter().map(|needed| self.name(needed));
                let made = Job::new(self.name(job), move |desk| self.work(job, desk)).after(after);
                // Both builds wait: cargo builds one thing at a time in a target directory.
                match job {
                    UpgradeJob::Build | UpgradeJob::BuildTryRuntime => made.after(after_build),
                    _ => made,
                }
            })
            .collect()
    }

    fn work(&self, job: UpgradeJob, desk: &Desk<'_>) -> Result<Done> {
        match job {
            UpgradeJob::Build => self.build(desk),
            UpgradeJob::Inspect => self.inspect(desk),
            UpgradeJob::BuildTryRuntime => self.build_try_runtime(desk),
            UpgradeJob::Propose => self.propose(desk),
            UpgradeJob::Diff => self.diff(desk),
            UpgradeJob::Weights => self.weights(desk),
            UpgradeJob::DryRun => self.dry_run(desk),
            UpgradeJob::Report => self.report(desk),
            UpgradeJob::Manifest => self.manifest(desk),
            UpgradeJob::Sign => self.sign(desk),
            UpgradeJob::Verify => self.verify(desk),
        }
    }

    fn name(&self, job: UpgradeJob) -> String {
        format!("{}{}", self.prefix, job.name())
    }

    /// Whether a job is one of those that were asked for.
    pub fn does(&self, job: UpgradeJob) -> bool {
        self.options.only.is_empty() || self.options.only.contains(&job)
    }

    /// The jobs of this run that must be done before: in place of one that is not, those that it would come after.
    fn needs(&self, job: UpgradeJob) -> BTreeSet<UpgradeJob> {
        let mut needed = BTreeSet::new();
        for before in job.after() {
            match self.does(*before) {
                true => needed.extend([*before]),
                false => needed.extend(self.needs(*before)),
            }
        }
        needed
    }

    pub fn last_build(&self) -> Option<String> {
        [UpgradeJob::BuildTryRuntime, UpgradeJob::Build]
            .into_iter()
            .find(|job| self.does(*job))
            .map(|job| self.name(job))
    }

    pub fn blob(&self) -> PathBuf {
        self.bundle.path(&self.blob_name())
    }

    pub(super) fn blob_name(&self) -> String {
        format!("{}.compact.compressed.wasm", self.runtime.library)
    }

    fn engine(&self) -> Result<&dyn Engine> {
        self.engine.ok_or_else(|| Failure::internal("a build was planned without an engine"))
    }

    fn digest_name(&self) -> String {
        format!("{}-srtool-digest.json", self.runtime.library)
    }

    pub(super) fn try_runtime_blob(&self) -> PathBuf {
        self.bundle.work.join("try-runtime").join(self.blob_name())
    }

    pub(super) fn blob_input(&self) -> Result<Value> {
        let hash = file_digest(&self.blob())?;
        Ok(json!({"digest": hash, "blake2_256": hash, "path": self.blob_name()}))
    }

    fn build(&self, desk: &Desk<'_>) -> Result<Done> {
        let variant = build::release_variant(self.runtime, Profile::Production);
        let source = git::source(&self.context.workspace);
        let engine = self.engine()?;
        let key = inputs(&[("sources", &engine.key(self.runtime, &variant)?), ("commit", &format!("{source:?}"))]);
        if self.bundle.is_done("build", &key) {
            return Ok(Done::Unchanged);
        }
        let built = build::build_into(engine, self.runtime, &variant, &self.bundle.directory, desk.task, desk.log)?;
        if !built.fits {
            return Err(Failure::check(format!("{} is too large for the network", self.runtime.package))
                .found(format!("{} of {} bytes", built.document["size"], built.document["size_limit"])));
        }
        let mut result = built.document;
        if let Some(fields) = result.as_object_mut() {
            // Paths of this machine and what differs from run to run are no evidence.
            fields.insert("blob".into(), json!({"path": self.blob_name(), "blake2_256": file_digest(&built.path)?}));
            fields.insert("digest_file".into(), json!(self.digest_name()));
            for name in ["digest", "cached", "blake2_256"] {
                fields.remove(name);
            }
        }
        let lock = self.context.workspace.join("Cargo.lock");
        let mut inputs = json!({
            "lock_file": {"digest": file_digest(&lock)?, "path": "Cargo.lock"},
            "source": {"digest": source.commit.clone().unwrap_or_else(|| "no commit".into()), "dirty": source.dirty},
            "toolchain": {"digest": result.get("rustc").cloned().unwrap_or_default()},
        });
        if let (Some(image), Some(inputs)) = (engine.image(), inputs.as_object_mut()) {
            inputs.insert("image".into(), json!({"digest": image.digest, "name": image.name}));
        }
        let step = Step {
            name: "build",
            runtime: &self.runtime.name,
            inputs,
            result,
            verdict: true.into(),
            outputs: vec![self.blob_name(), self.digest_name()],
        };
        self.bundle.write_step(step)?;
        self.bundle.done("build", &key, &["build.json".into(), self.blob_name(), self.digest_name()])?;
        Ok(Done::Now("built".into()))
    }

    fn build_try_runtime(&self, desk: &Desk<'_>) -> Result<Done> {
        let Some(variant) = target::try_runtime_variant(self.runtime) else {
            return Ok(Done::Now("the runtime has no feature try-runtime".into()));
        };
        let out = self.bundle.work.join("try-runtime");
        let built = build::build_into(self.engine()?, self.runtime, &variant, &out, desk.task, desk.log)?;
        let cached = built.document.get("cached").and_then(Value::as_bool).unwrap_or_default();
        Ok(if cached { Done::Unchanged } else { Done::Now("built".into()) })
    }

    /// A worker's version is part of what its result is made from.
    pub(super) fn tool(&self, worker: Worker, desk: &Desk<'_>) -> Result<String> {
        let program = workers::locate(self.context, worker, desk.task)?;
        let metadata = std::fs::metadata(&program).map_err(|error| Failure::io("read", &program, &error))?;
        Ok(format!("{} {:?}", metadata.len(), metadata.modified().ok()))
    }

    /// What a job that reads a place is made from: a file by its digest, a block by its hash. What a node says without one
    /// changes by itself, so it is asked again, each time.
    pub(super) fn digest_of(&self, place: &Place) -> Result<String> {
        match place {
            Place::File(path) => file_digest(Path::new(path)),
            Place::Live(Live { at: Some(block), .. }) if block.starts_with("0x") => Ok(block.clone()),
            Place::Live(live) => Ok(format!("{live} {:?}", std::time::SystemTime::now())),
        }
    }

    pub(super) fn state_digest(&self) -> Result<String> {
        self.digest_of(&self.state.place)
    }

    fn inspect(&self, desk: &Desk<'_>) -> Result<Done> {
        let key = inputs(&[("blob", &file_digest(&self.blob())?), ("tool", &self.tool(Worker::Inspect, desk)?)]);
        if self.bundle.is_done("inspect", &key) {
            return Ok(Done::Unchanged);
        }
        let source = Source::File(self.blob_name().into());
        let request = inspect::Request::Inspect { source, metadata: true, token: None };
        let outcome =
            workers::call_in(self.context, Worker::Inspect, &request, desk.task, desk.log, &self.bundle.directory)?;
        let step = Step {
            name: "inspect",
            runtime: &self.runtime.name,
            inputs: json!({"blob": self.blob_input()?}),
            result: outcome.value,
            verdict: outcome.passed.into(),
            outputs: Vec::new(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done("inspect", &key, &["inspect.json".into()])?;
        Ok(Done::Now("read".into()))
    }

    fn dry_run(&self, desk: &Desk<'_>) -> Result<Done> {
        let try_runtime = Some(self.try_runtime_blob())
            .filter(|path| path.is_file() && self.runtime.features.contains("try-runtime"));
        let try_digest = try_runtime.as_deref().map(file_digest).transpose()?;
        let config = &self.runtime.config.dry_run;
        let with = self.runtime.with().into_iter().map(|source| networks::source(self.context, &source));
        let with = with.collect::<Result<Vec<_>>>()?;
        let beside = with.iter().map(|place| self.digest_of(place)).collect::<Result<Vec<_>>>()?;
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("try-runtime", try_digest.as_deref().unwrap_or_default()),
            ("state", &self.state_digest()?),
            ("with", &beside.join(" ")),
            ("options", &format!("{:?} {} {config:?}", self.options.at, self.options.blocks)),
            ("tool", &self.tool(Worker::DryRun, desk)?),
        ]);
        if self.bundle.is_done("dry-run", &key) {
            return Ok(Done::Unchanged);
        }
        let mut request = dry_run::request(
            self.context,
            &self.blob(),
            try_runtime.as_deref(),
            &self.state.place,
            match &self.state.place {
                Place::File(_) => self.options.at.as_deref(),
                Place::Live(_) => None,
            },
            self.options.blocks,
        )?;
        request.allow.clone_from(&config.allow);
        request.deny.clone_from(&config.deny);
        request.strict = config.strict;
        request.with = with.iter().map(Place::source).collect();
        let request = Request::DryRun(request);
        let outcome = workers::call(self.context, Worker::DryRun, &request, desk.task, desk.log)?;
        let mut result = outcome.value;
        let verdict = dry_run::verdict(&result);
        let told = match verdict {
            Verdict::Fail => "FAILED".into(),
            _ => report::terminal::verdict(&result),
        };
        name_source(&mut result, "/state/source", &self.state.place.name());
        if let (Some(path), Some(value)) = (&try_runtime, result.pointer_mut("/try_runtime")) {
            *value = json!(path.file_name().unwrap_or_default().to_string_lossy());
        }
        let step = Step {
            name: "dry-run",
            runtime: &self.runtime.name,
            inputs: json!({
                "blob": self.blob_input()?,
                "try_runtime": {"digest": try_digest.unwrap_or_else(|| "none".into())},
                "state": self.state.input()?,
            }),
            result,
            verdict,
            outputs: Vec::new(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done("dry-run", &key, &["dry-run.json".into()])?;
        Ok(Done::Now(told))
    }

    /// The command line first, then the runtime's own configuration.
    fn route(&self) -> RouteOptions {
        let mut route = self.options.route.clone();
        let config = &self.runtime.config;
        let configured = || config.relay.as_ref().map(|relay| self.runtime.configured_source(relay));
        route.relay = route.relay.or_else(configured);
        route.para_id = route.para_id.or(config.para_id);
        route.route = route.route.or_else(|| config.route.clone());
        route
    }

    fn propose(&self, desk: &Desk<'_>) -> Result<Done> {
        let mut route = self.route();
        let governs = route.relay.take();
        let relay = governs.as_deref().map(|relay| networks::source(self.context, relay)).transpose()?;
        let relay_digest = relay.as_ref().map(|relay| self.digest_of(relay)).transpose()?.unwrap_or_default();
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("state", &self.state_digest()?),
            ("relay", &relay_digest),
            ("route", &format!("{route:?}")),
            ("tool", &self.tool(Worker::Proposal, desk)?),
        ]);
        if self.bundle.is_done("propose", &key) {
            return Ok(Done::Unchanged);
        }
        let mut request =
            propose::request(&self.blob(), &self.state.place, relay.as_ref(), &route, Some(&self.bundle.directory))?;
        let genesis_hash = self.state.pin.genesis_hash.as_deref();
        request["browser"] = json!({
            "target": networks::public_node(None, genesis_hash)?,
            "relay": networks::public_node(governs.as_deref(), None)?,
        });
        let outcome = workers::call(self.context, Worker::Proposal, &request, desk.task, desk.log);
        let (passed, result) = match outcome {
            Ok(outcome) => (outcome.passed, outcome.value),
            // That a chain would refuse this upgrade is a verdict; the report shall carry it.
            Err(failure) if failure.kind == Kind::Check => (false, json!({"error": failure})),
            Err(failure) => return Err(failure),
        };
        let outputs = files_of(&result);
        let step = Step {
            name: "propose",
            runtime: &self.runtime.name,
            inputs: json!({"blob": self.blob_input()?, "state": self.state.input()?}),
            result,
            verdict: passed.into(),
            outputs: outputs.clone(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done("propose", &key, &[vec!["propose.json".into()], outputs].concat())?;
        Ok(Done::Now(if passed { "calls written" } else { "REFUSED" }.into()))
    }

    fn report(&self, _: &Desk<'_>) -> Result<Done> {
        let reports = reports::rendered(&self.runtime.name, |step| {
            match step == super::weights::STEP && !self.checks_weights() {
                true => Ok(Value::Null),
                false => self.bundle.read_step(step).map(|evidence| result_of(&evidence)),
            }
        })?;
        let mut done = Done::Unchanged;
        for (name, text) in reports {
            let path = self.bundle.path(name);
            if !std::fs::read(&path).is_ok_and(|former| former == text.as_bytes()) {
                files::write_whole(&path, text.as_bytes())?;
                done = Done::Now("written".into());
            }
        }
        Ok(done)
    }

    fn manifest(&self, desk: &Desk<'_>) -> Result<Done> {
        let build = self.bundle.read_step("build")?;
        let facts = result_of(&self.bundle.read_step("inspect")?);
        let request = json!({
            "command": "assemble",
            "bundle": utf8(&self.bundle.directory)?,
            "steps": self.steps(),
            "files": [REPORT, PAGE],
            "runtimes": [{
                "name": self.runtime.name,
                "file": self.blob_name(),
                "package": self.runtime.package,
                "spec_name": facts.get("spec_name"),
                "spec_version": facts.get("spec_version"),
            }],
            "versions": {"cutover": env!("CARGO_PKG_VERSION"), "rustc": build.pointer("/inputs/toolchain/digest")},
        });
        let outcome = workers::call(self.context, Worker::Evidence, &request, desk.task, desk.log)?;
        let kept = outcome.value.get("signatures_kept").and_then(Value::as_u64).unwrap_or_default();
        Ok(if kept > 0 { Done::Unchanged } else { Done::Now("joined".into()) })
    }

    /// The steps that leave evidence.
    pub fn steps(&self) -> Vec<&'static str> {
        let mut steps = STEPS.to_vec();
        steps.extend(self.checks_weights().then_some(super::weights::STEP));
        steps
    }

    /// What the steps come to, all together.
    pub fn verdict(&self) -> Result<Verdict> {
        let steps = self.steps().into_iter().map(|step| self.bundle.read_step(step));
        steps.map(|step| Ok::<_, Failure>(verdict_of(&step?))).try_fold(Verdict::Pass, |all, step| Ok(all.and(step?)))
    }

    /// What people signed is not signed once more by a key that nobody keeps, and each key signs a manifest once: another
    /// signature of the same would only change the file.
    fn sign(&self, desk: &Desk<'_>) -> Result<Done> {
        if self.verdict()? != Verdict::Pass {
            return Ok(Done::Now("not signed, as not everything passed".into()));
        }
        let manifest = Manifest::parse(&files::read_bounded(&self.bundle.path(MANIFEST), EVIDENCE_LIMIT)?);
        if self.keys.is_empty() {
            if !manifest.key_ids.is_empty() {
                return Ok(Done::Unchanged);
            }
            let throw_away = [json!("throw_away")];
            sign::sign(self.context, &self.bundle.directory, &throw_away, self.root, desk.task, desk.log)?;
            return Ok(Done::Now("signed with a key that was thrown away".into()));
        }
        let path = self.bundle.work.join("signed.json");
        let key = inputs(&[
            ("payload", &manifest.payload),
            ("keys", &Value::from(self.keys.to_vec()).to_string()),
            ("root", &self.root.map(file_digest).transpose()?.unwrap_or_default()),
        ]);
        let there = |id: &Value| id.as_str().is_some_and(|id| manifest.key_ids.iter().any(|there| there == id));
        if let Ok(text) = std::fs::read(&path)
            && let Ok(former) = serde_json::from_slice::<Value>(&text)
            && former.get("inputs") == Some(&json!(key))
            && former.get("key_ids").and_then(Value::as_array).is_some_and(|ids| ids.iter().all(there))
        {
            return Ok(Done::Unchanged);
        }
        let mut key_ids = Vec::new();
        for with in self.keys {
            let with = std::slice::from_ref(with);
            let signed = sign::sign(self.context, &self.bundle.directory, with, self.root, desk.task, desk.log)?;
            key_ids.push(signed.get("key_id").cloned().unwrap_or_default());
        }
        files::write_whole(&path, &super::bundle::pretty(&json!({"inputs": key, "key_ids": key_ids}))?)?;
        Ok(Done::Now("signed".into()))
    }

    fn verify(&self, desk: &Desk<'_>) -> Result<Done> {
        let outcome = verify::verify(self.context, &self.bundle.directory, self.root, desk.task, desk.log)?;
        files::write_whole(&self.bundle.work.join("verified.json"), &super::bundle::pretty(&outcome.value)?)?;
        Ok(Done::Now(if outcome.passed { "verified" } else { "not signed off" }.into()))
    }
}

/// Files that the worker says it wrote, relative to the bundle.
fn files_of(proposal: &Value) -> Vec<String> {
    let calls = proposal.get("calls").and_then(Value::as_array).into_iter().flatten();
    let all = calls.chain(proposal.get("apply"));
    all.filter_map(|call| call.get("files")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Where a file lies on this machine and which node was asked is nobody's business, and would make the evidence of two people
/// differ.
pub(in crate::commands) fn name_source(result: &mut Value, pointer: &str, name: &str) {
    if let Some(value) = result.pointer_mut(pointer) {
        *value = json!(name);
    }
}
