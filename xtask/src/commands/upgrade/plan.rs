// SPDX-License-Identifier: Apache-2.0
//! The jobs of one runtime's upgrade.

use super::{
    super::{
        build, dry_run, propose,
        reports::{self, PAGE, REPORT},
        sign, target, utf8, verify,
    },
    bundle::{Bundle, EVIDENCE_LIMIT, inputs},
    place::{MANIFEST, Manifest},
    verdict_of,
};
use crate::{
    cli::{self, Profile, RouteOptions, UpgradeJob},
    sources::{self, PinnedState, SourceLocation},
};
use clap::ValueEnum;
use console::jobs::{Job, JobContext, JobOutcome};
use engines::Engine;
use evidence::step;
use protocol::{
    Live, Source, Verdict,
    build::{BlobFile, BuildRecord, BuildResult},
    dry_run::{DryRunReport, RelayRequest, Request},
    inspect::{self, RuntimeFacts},
    manifest::ToolVersions,
    proposal::{BrowserNodes, Proposal, ProposalRequest, ProposeOutcome},
    signers::KeySource,
    step::{Input, Step, StepResult},
    verify::{AssembleRequest, Assembled, EvidenceRequest, ShippedRuntime},
    weights::check::Benchmarked,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use worker::{Failure, Kind, Outcome, Result};
use workers::Worker;
use workspace::{
    context::Context,
    git,
    inputs::file_digest,
    runtimes::{Runtime, Workspace},
};

/// The steps whose evidence forms the bundle. Each of them can fail the upgrade.
const STEPS: [&str; 7] = [super::state::STEP, "build", "inspect", "diff", "dry-run", "propose", "rehearse"];

/// The input of a dry run that upgraded the relay chain too.
pub(super) const RELAY_RUNTIME: &str = "relay_runtime";

/// The record of the last signatures: a manifest with the same inputs is not signed again.
#[derive(Serialize, Deserialize)]
struct Signed {
    inputs: String,
    key_ids: Vec<String>,
}

/// The upgrade of a runtime's relay chain in the same run.
pub struct RelayUpgrade {
    /// The blob of the relay chain's new runtime, once it is built.
    pub blob: PathBuf,
    /// The job that builds it, if this run does.
    pub build: Option<String>,
}

/// The plan of one runtime's upgrade.
pub struct Plan<'run> {
    pub context: &'run Context,
    pub workspace: &'run Workspace,
    /// `None` if this run builds nothing.
    pub engine: Option<&'run (dyn Engine + 'run)>,
    pub runtime: &'run Runtime,
    pub bundle: &'run Bundle,
    pub state: &'run PinnedState,
    pub options: &'run cli::Upgrade,
    pub keys: &'run [KeySource],
    pub root: Option<&'run Path>,
    /// The benchmark results, if the weights were measured for this upgrade.
    pub measured: Option<Benchmarked>,
    /// The upgrade of its relay chain, if this run makes it too.
    pub relay: Option<RelayUpgrade>,
    /// The prefix of the job names. Empty if there is one runtime.
    pub prefix: String,
}

impl Plan<'_> {
    /// Returns the jobs of this run. Each job comes after the jobs that it depends on.
    pub fn jobs(&self, after_build: Option<&str>) -> Vec<Job<'_>> {
        let chosen = UpgradeJob::value_variants().iter().copied().filter(|job| self.includes(*job));
        chosen
            .map(|job| {
                let after = self.dependencies(job).into_iter().map(|needed| self.name(needed));
                let made = Job::new(self.name(job), move |job_context| self.run_job(job, job_context)).after(after);
                // Both builds wait: cargo builds one thing at a time in a target directory.
                match job {
                    UpgradeJob::Build | UpgradeJob::BuildTryRuntime => made.after(after_build),
                    UpgradeJob::DryRun => made.after(self.relay.as_ref().and_then(|relay| relay.build.as_deref())),
                    _ => made,
                }
            })
            .collect()
    }

    /// Runs one job.
    fn run_job(&self, job: UpgradeJob, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        match job {
            UpgradeJob::Build => self.build(job_context),
            UpgradeJob::Inspect => self.inspect(job_context),
            UpgradeJob::BuildTryRuntime => self.build_try_runtime(job_context),
            UpgradeJob::Propose => self.propose(job_context),
            UpgradeJob::Rehearse => self.rehearse(job_context),
            UpgradeJob::Diff => self.diff(job_context),
            UpgradeJob::Weights => self.weights(job_context),
            UpgradeJob::DryRun => self.dry_run(job_context),
            UpgradeJob::Report => self.report(job_context),
            UpgradeJob::Manifest => self.manifest(job_context),
            UpgradeJob::Sign => self.sign(job_context),
            UpgradeJob::Verify => self.verify(job_context),
        }
    }

    /// Returns the name of a job in the log and in the report.
    fn name(&self, job: UpgradeJob) -> String {
        format!("{}{}", self.prefix, job.name())
    }

    /// Returns whether the job is part of this run.
    pub fn includes(&self, job: UpgradeJob) -> bool {
        self.options.only.is_empty() || self.options.only.contains(&job)
    }

    /// Returns the jobs of this run that `job` depends on. A dependency outside this run is
    /// replaced by its own dependencies.
    fn dependencies(&self, job: UpgradeJob) -> BTreeSet<UpgradeJob> {
        let mut needed = BTreeSet::new();
        for before in job.after() {
            match self.includes(*before) {
                true => needed.extend([*before]),
                false => needed.extend(self.dependencies(*before)),
            }
        }
        needed
    }

    /// Returns the name of the last build job of this run.
    pub fn last_build(&self) -> Option<String> {
        [UpgradeJob::BuildTryRuntime, UpgradeJob::Build]
            .into_iter()
            .find(|job| self.includes(*job))
            .map(|job| self.name(job))
    }

    /// Returns this upgrade as that of a parachain's relay chain.
    pub fn as_relay(&self) -> RelayUpgrade {
        let build = self.includes(UpgradeJob::Build).then(|| self.name(UpgradeJob::Build));
        RelayUpgrade { blob: self.blob(), build }
    }

    /// Returns the path of the production blob.
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

    /// Returns the evidence of a step about this runtime's blob.
    pub(super) fn step<T: StepResult>(&self, verdict: Verdict, result: &T) -> Result<Step> {
        let blob = Input::blob(self.blob_name(), file_digest(&self.blob())?);
        Ok(step::of(verdict, result)?.of_runtime(&self.runtime.name).input("blob", blob))
    }

    /// Builds the production blob and writes its evidence.
    fn build(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let variant = build::release_variant(self.runtime, Profile::Production);
        let source = git::source(&self.context.workspace);
        let engine = self.engine()?;
        let key = inputs(&[("sources", &engine.key(self.runtime, &variant)?), ("commit", &format!("{source:?}"))]);
        if self.bundle.is_up_to_date("build", &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let built = build::build_into(
            engine,
            self.runtime,
            &variant,
            &self.bundle.directory,
            job_context.task,
            job_context.log,
        )?;
        let record = built.runtime.record;
        if !built.fits {
            return Err(Failure::check(format!("{} is too large for the network", self.runtime.package))
                .found(format!("{} of {} bytes", record.size, record.size_limit)));
        }
        let result = BuildResult {
            blob: BlobFile { path: self.blob_name(), blake2_256: file_digest(&built.path)? },
            // Evidence contains no paths of this machine.
            record: BuildRecord { digest_file: self.digest_name(), ..record },
        };
        let lock_file = Input {
            path: Some("Cargo.lock".into()),
            ..Input::new(file_digest(&self.context.workspace.join("Cargo.lock"))?)
        };
        let mut step = step::of(Verdict::Pass, &result)?
            .of_runtime(&self.runtime.name)
            .input("lock_file", lock_file)
            .input("source", source_input(&source))
            .input("toolchain", Input::new(&result.record.rustc));
        if let Some(image) = engine.image() {
            step = step.input("image", Input { name: Some(image.name.clone()), ..Input::new(&image.digest) });
        }
        self.bundle.write_step(step, &[self.blob_name(), self.digest_name()])?;
        self.bundle.record_job("build", &key, &["build.json".into(), self.blob_name(), self.digest_name()])?;
        Ok(JobOutcome::Completed("built".into()))
    }

    /// Builds the try-runtime variant, if the runtime has that feature.
    fn build_try_runtime(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let Some(variant) = target::try_runtime_variant(self.runtime) else {
            return Ok(JobOutcome::Completed("the runtime has no feature try-runtime".into()));
        };
        let out = self.bundle.work.join("try-runtime");
        let built = build::build_into(self.engine()?, self.runtime, &variant, &out, job_context.task, job_context.log)?;
        Ok(if built.runtime.cached { JobOutcome::Unchanged } else { JobOutcome::Completed("built".into()) })
    }

    /// Returns the size and time stamp of a worker's program, which identify its version among a
    /// job's inputs.
    pub(super) fn tool(&self, worker: Worker, job_context: &JobContext<'_>) -> Result<String> {
        let program = workers::locate(self.context, worker, job_context.task)?;
        let metadata = std::fs::metadata(&program).map_err(|error| Failure::io("read", &program, &error))?;
        Ok(format!("{} {:?}", metadata.len(), metadata.modified().ok()))
    }

    /// Returns what identifies a source among a job's inputs: the digest of a file, or the hash of
    /// a block. A node without a block hash has a new state every time, so the job always runs.
    pub(super) fn digest_of(&self, place: &SourceLocation) -> Result<String> {
        match place {
            SourceLocation::File(path) => file_digest(Path::new(path)),
            SourceLocation::Live(Live { at: Some(block), .. }) if block.starts_with("0x") => Ok(block.clone()),
            SourceLocation::Live(live) => Ok(format!("{live} {:?}", std::time::SystemTime::now())),
        }
    }

    /// Returns what identifies the state among a job's inputs.
    pub(super) fn state_digest(&self) -> Result<String> {
        self.digest_of(&self.state.place)
    }

    /// Reads the facts of the blob and writes them as evidence.
    fn inspect(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let key = inputs(&[("blob", &file_digest(&self.blob())?), ("tool", &self.tool(Worker::Inspect, job_context)?)]);
        if self.bundle.is_up_to_date("inspect", &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let source = Source::File(self.blob_name().into());
        let request = inspect::Request::Inspect { source, metadata: true, token: None };
        let outcome = workers::ask_in::<RuntimeFacts>(
            self.context,
            Worker::Inspect,
            &request,
            job_context.task,
            job_context.log,
            &self.bundle.directory,
        )?;
        self.bundle.write_step(self.step(outcome.passed.into(), &outcome.value)?, &[])?;
        self.bundle.record_job("inspect", &key, &["inspect.json".into()])?;
        Ok(JobOutcome::Completed("read".into()))
    }

    /// Rehearses the upgrade and writes the report as evidence.
    fn dry_run(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let try_runtime = Some(self.try_runtime_blob())
            .filter(|path| path.is_file() && self.runtime.features.contains("try-runtime"));
        let try_digest = try_runtime.as_deref().map(file_digest).transpose()?;
        let config = &self.runtime.config.dry_run;
        let with = self.runtime.with().into_iter().map(|source| sources::source(self.context, &source));
        let with = with.collect::<Result<Vec<_>>>()?;
        let relay = self.runtime.rehearsal_relay().map(|relay| sources::source(self.context, &relay)).transpose()?;
        let relay_blob = self.relay.as_ref().filter(|_| relay.is_some()).map(|relay| relay.blob.as_path());
        let relay_digest = relay_blob.map(file_digest).transpose()?;
        let with_digests = with.iter().map(|place| self.digest_of(place)).collect::<Result<Vec<_>>>()?;
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("try-runtime", try_digest.as_deref().unwrap_or_default()),
            ("state", &self.state_digest()?),
            ("with", &with_digests.join(" ")),
            ("relay", &relay.as_ref().map(|place| self.digest_of(place)).transpose()?.unwrap_or_default()),
            ("relay runtime", relay_digest.as_deref().unwrap_or_default()),
            ("options", &format!("{:?} {} {config:?}", self.options.at, self.options.blocks)),
            ("tool", &self.tool(Worker::DryRun, job_context)?),
        ]);
        if self.bundle.is_up_to_date("dry-run", &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let mut request = dry_run::request(
            self.context,
            &self.blob(),
            try_runtime.as_deref(),
            &self.state.place,
            match &self.state.place {
                SourceLocation::File(_) => self.options.at.as_deref(),
                SourceLocation::Live(_) => None,
            },
            self.options.blocks,
        )?;
        request.allow.clone_from(&config.allow);
        request.deny.clone_from(&config.deny);
        request.strict = config.strict;
        request.with = with.iter().map(SourceLocation::source).collect();
        let relay_runtime = relay_blob.map(utf8).transpose()?.map(str::to_owned);
        request.relay = relay.map(|relay| RelayRequest { state: relay.source(), at: None, runtime: relay_runtime });
        request.onboard = config.onboard;
        let request = Request::DryRun(Box::new(request));
        let mut report: DryRunReport =
            workers::ask(self.context, Worker::DryRun, &request, job_context.task, job_context.log)?.value;
        let verdict = dry_run::verdict(report.verdict);
        let outcome = match verdict {
            Verdict::Fail => "FAILED".into(),
            _ => report::terminal::verdict(&report),
        };
        report.state.source = self.state.place.name();
        if let (Some(path), Some(name)) = (&try_runtime, &mut report.try_runtime) {
            *name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        }
        let mut step = self
            .step(verdict, &report)?
            .input("try_runtime", Input::new(try_digest.unwrap_or_else(|| "none".into())))
            .input("state", self.state.input()?);
        if let Some(digest) = relay_digest {
            step = step.input(RELAY_RUNTIME, Input::new(digest));
        }
        self.bundle.write_step(step, &[])?;
        self.bundle.record_job("dry-run", &key, &["dry-run.json".into()])?;
        Ok(JobOutcome::Completed(outcome))
    }

    /// Returns the route's options. The command line takes precedence over the runtime's
    /// configuration.
    pub(super) fn route(&self) -> RouteOptions {
        let mut route = self.options.route.clone();
        route.relay = route.relay.or_else(|| self.runtime.configured_relay());
        route.para_id = route.para_id.or(self.runtime.config.para_id);
        // The network of the package is used as a whole: its state, its relay chain and its para id.
        if let Some((_, network)) = self.runtime.default_network().filter(|_| self.options.state.is_none()) {
            route.relay = route.relay.or_else(|| network.relay.clone());
            route.para_id = route.para_id.or(network.para_id);
        }
        route.route = route.route.or_else(|| self.runtime.config.route.clone());
        route
    }

    /// Writes the calls that propose the upgrade, and their evidence.
    fn propose(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let mut route = self.route();
        let governs = route.relay.take();
        let relay = governs.as_deref().map(|relay| sources::source(self.context, relay)).transpose()?;
        let relay_digest = relay.as_ref().map(|relay| self.digest_of(relay)).transpose()?.unwrap_or_default();
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("state", &self.state_digest()?),
            ("relay", &relay_digest),
            ("route", &format!("{route:?} {}", self.options.without_checks)),
            ("tool", &self.tool(Worker::Proposal, job_context)?),
        ]);
        if self.bundle.is_up_to_date("propose", &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let mut request = propose::request(
            Source::File(self.blob()),
            &self.state.place,
            relay.as_ref(),
            &route,
            self.options.without_checks,
        )?;
        request.out = Some(self.bundle.directory.clone());
        let genesis_hash = self.state.pin.genesis_hash.as_deref();
        request.browser = BrowserNodes {
            target: workspace::networks::public_node(None, genesis_hash)?,
            relay: workspace::networks::public_node(governs.as_deref(), None)?,
        };
        let request = ProposalRequest::Propose(request);
        let outcome = workers::ask(self.context, Worker::Proposal, &request, job_context.task, job_context.log);
        let (passed, result) = match outcome {
            Ok(Outcome { passed, value }) => (passed, ProposeOutcome::Proposed(Box::new(value))),
            // A chain that would reject this upgrade is a verdict, which the report shows.
            Err(error) if error.kind == Kind::Check => (false, ProposeOutcome::Refused { error }),
            Err(failure) => return Err(failure),
        };
        let outputs: Vec<String> = result.proposal().into_iter().flat_map(Proposal::files).cloned().collect();
        let step = self.step(passed.into(), &result)?.input("state", self.state.input()?);
        self.bundle.write_step(step, &outputs)?;
        self.bundle.record_job("propose", &key, &[vec!["propose.json".into()], outputs].concat())?;
        Ok(JobOutcome::Completed(if passed { "calls written" } else { "REFUSED" }.into()))
    }

    /// Renders the reports from the evidence.
    fn report(&self, _: &JobContext<'_>) -> Result<JobOutcome> {
        let reports = reports::rendered(&self.runtime.name, |step| {
            match step == super::weights::STEP && !self.checks_weights() {
                true => Ok(None),
                false => self.bundle.read_step(step).map(Some),
            }
        })?;
        let mut done = JobOutcome::Unchanged;
        for (name, text) in reports {
            let path = self.bundle.path(name);
            if !std::fs::read(&path).is_ok_and(|current| current == text.as_bytes()) {
                files::write_whole(&path, text.as_bytes())?;
                done = JobOutcome::Completed("written".into());
            }
        }
        Ok(done)
    }

    /// Writes the manifest of the bundle.
    fn manifest(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let build = self.bundle.read_step(BuildResult::STEP)?;
        let facts: RuntimeFacts = self.bundle.result()?;
        let request = EvidenceRequest::Assemble(AssembleRequest {
            bundle: self.bundle.directory.clone(),
            steps: self.steps().into_iter().map(str::to_owned).collect(),
            files: vec![REPORT.into(), PAGE.into()],
            runtimes: vec![ShippedRuntime {
                name: self.runtime.name.clone(),
                file: self.blob_name(),
                package: Some(self.runtime.package.clone()),
                spec_name: Some(facts.spec_name),
                spec_version: Some(facts.spec_version),
            }],
            versions: ToolVersions {
                cutover: Some(env!("CARGO_PKG_VERSION").into()),
                rustc: build.inputs.get("toolchain").map(|toolchain| toolchain.digest.clone()),
            },
        });
        let assembled: Assembled =
            workers::ask(self.context, Worker::Evidence, &request, job_context.task, job_context.log)?.value;
        Ok(if assembled.signatures_kept > 0 { JobOutcome::Unchanged } else { JobOutcome::Completed("joined".into()) })
    }

    /// Returns the names of the steps that write evidence.
    pub fn steps(&self) -> Vec<&'static str> {
        let mut steps = STEPS.to_vec();
        steps.extend(self.checks_weights().then_some(super::weights::STEP));
        steps
    }

    /// Returns the combined verdict of all steps.
    pub fn verdict(&self) -> Result<Verdict> {
        let steps = self.steps().into_iter().map(|step| self.bundle.read_step(step));
        steps.map(|step| Ok::<_, Failure>(verdict_of(&step?))).try_fold(Verdict::Pass, |all, step| Ok(all.and(step?)))
    }

    /// Signs the manifest once with each key. Without keys, signs with a throw-away key, unless the
    /// manifest has signatures already.
    fn sign(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        if self.verdict()? != Verdict::Pass {
            return Ok(JobOutcome::Completed("not signed, as not everything passed".into()));
        }
        let manifest = Manifest::parse(&files::read_bounded(&self.bundle.path(MANIFEST), EVIDENCE_LIMIT)?);
        if self.keys.is_empty() {
            if !manifest.key_ids.is_empty() {
                return Ok(JobOutcome::Unchanged);
            }
            let throw_away = [KeySource::ThrowAway];
            sign::sign(
                self.context,
                &self.bundle.directory,
                &throw_away,
                self.root,
                job_context.task,
                job_context.log,
            )?;
            return Ok(JobOutcome::Completed("signed with a throw-away key".into()));
        }
        let path = self.bundle.work.join("signed.json");
        let key = inputs(&[
            ("payload", &manifest.payload),
            ("keys", &format!("{:?}", self.keys)),
            ("root", &self.root.map(file_digest).transpose()?.unwrap_or_default()),
        ]);
        if let Ok(text) = std::fs::read(&path)
            && let Ok(previous) = serde_json::from_slice::<Signed>(&text)
            && previous.inputs == key
            && previous.key_ids.iter().all(|id| manifest.key_ids.contains(id))
        {
            return Ok(JobOutcome::Unchanged);
        }
        let mut signed = Signed { inputs: key, key_ids: Vec::new() };
        for with in self.keys {
            let with = std::slice::from_ref(with);
            let last =
                sign::sign(self.context, &self.bundle.directory, with, self.root, job_context.task, job_context.log)?;
            signed.key_ids.extend(last.map(|last| last.key_id));
        }
        files::write_whole(&path, &super::bundle::pretty(&signed)?)?;
        Ok(JobOutcome::Completed("signed".into()))
    }

    /// Verifies the bundle and writes the result to the working directory.
    fn verify(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let outcome =
            verify::verify(self.context, &self.bundle.directory, self.root, job_context.task, job_context.log)?;
        files::write_whole(&self.bundle.work.join("verified.json"), &super::bundle::pretty(&outcome.value)?)?;
        Ok(JobOutcome::Completed(if outcome.passed { "verified" } else { "not signed off" }.into()))
    }
}

/// Returns the source revision as an input of a step.
pub(super) fn source_input(source: &git::Source) -> Input {
    Input { dirty: source.dirty, ..Input::new(source.commit.as_deref().unwrap_or("no commit")) }
}
