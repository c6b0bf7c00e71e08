// SPDX-License-Identifier: Apache-2.0
//! Prepares the files of a release: blobs, variants, notes, parameters, bundles, checksums.
//!
//! Slow results are cached in `<directory>.work`, under a digest of their inputs. A second run
//! repeats only what changed and writes the same bytes.

use crate::{
    cli::{self, Profile, ReleasePrepare},
    commands::{
        build::{self, Built},
        diff, expect_source, root_file, sign,
        upgrade::{
            self,
            bundle::pretty,
            place::{MANIFEST, Manifest},
        },
        utf8,
    },
    sources::{self, SourceLocation},
};
use engines::{Engine, Purpose};
use process::interrupt;
use protocol::{
    Status, Verdict,
    diff::{DiffReport, ParametersReport, Request},
    inspect::{self, RuntimeFacts},
    release::{
        PlannedRuntime, PrepareDryRunReport, PrepareReport, PreviousComparison, ReleasedBundle, ReleasedRuntime,
        ReleasedVariant, SignersFile, VERSION, VariantBuild,
    },
    signers::{RootSummary, VerifyRootRequest},
    upgrade::RuntimeUpgrade,
    verify::EvidenceRequest,
};
use release::{
    archive, bundle, cache,
    directory::{self, FILE_LIMIT, Files, UnknownFields},
    names,
    plan::{self, Plan},
    record,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};
use worker::{Code, Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    inputs::{Digester, Variant, file_digest},
    runtimes::{Runtime, Workspace},
};

pub fn run(context: &Context, options: &ReleasePrepare) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let plan = plan::make(&context.workspace, &workspace, &options.selection.selection())?;
    let released = plan.released(&workspace)?;
    let sources = Sources::of(context, &released, options)?;
    let keys = options.sign_with.iter().map(|key| sign::parse_key(key)).collect::<Result<Vec<_>>>()?;
    sign::expect_keys(context, &keys)?;
    let root = root_file(context, options.root.as_deref())?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out).map_err(|error| Failure::io("use", out, &error))?,
        None => {
            let name = plan.report.release.tag.replace('/', "-");
            workspace.metadata.target_directory.as_std_path().join("releases").join(name)
        }
    };
    if options.dry_run {
        return print_dry_run(context, plan, &sources, &out);
    }
    if !plan.report.passed() {
        return Err(Failure::check("there is nothing to release")
            .found(plan.report.problems.join("\n"))
            .hint("cargo xtask release plan"));
    }
    if plan.report.release.dirty && !options.engine.allow_dirty {
        return Err(Failure::check("the work tree differs from its commit")
            .expected("a release that everybody can build from its commit")
            .hint("commit the changes, or add --allow-dirty: such a release cannot be published"));
    }
    directory::check_place(&out)?;
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let engine = engines::open(context, &workspace, &options.engine, Purpose::Rehearsal)?;
    let work = out.with_file_name(format!("{name}.work"));
    let builder = ReleaseBuilder { context, workspace: &workspace, plan: &plan, options, engine: &*engine, work, root };
    builder.run(&released, &sources, &out)
}

/// The sources of the released runtimes, in the order of the plan.
struct Sources(Vec<Source>);

/// The state that a runtime's upgrade starts from, and the runtime that it is compared with.
#[derive(Default)]
struct Source {
    /// The state as given by the user, and the hash of its block.
    state: Option<(String, Option<String>)>,
    previous: Option<SourceLocation>,
}

impl Sources {
    fn of(context: &Context, released: &[(&PlannedRuntime, &Runtime)], options: &ReleasePrepare) -> Result<Self> {
        let names: Vec<&str> = released.iter().map(|(planned, _)| planned.name.as_str()).collect();
        let states = sources_by_runtime("--state", &options.states, &names)?;
        let previous = sources_by_runtime("--previous", &options.previous, &names)?;
        let mut all = Vec::new();
        for ((_, runtime), (state, previous)) in released.iter().zip(states.into_iter().zip(previous)) {
            if let Some(note) = runtime.network_note().filter(|_| state.is_none()) {
                context.printer.status(&note);
            }
            let configured = || runtime.state().map(|state| runtime.configured_source(&state));
            let state = state.or_else(configured);
            let previous = previous.or_else(|| state.clone());
            for text in previous.iter().chain(state.iter().filter(|_| !options.no_bundle)) {
                expect_source(context, text)?;
            }
            // A dry run connects to no node. Any other run resolves one block of the chain.
            let block = |text: &String| match (options.dry_run, SourceLocation::parse(text)?) {
                (false, SourceLocation::Live(_)) => {
                    sources::pinned(context, text, None).map(|pinned| pinned.pin.block_hash)
                }
                _ => Ok(None),
            };
            let state = match state {
                Some(text) => Some((block(&text)?, text)).map(|(at, text)| (text, at)),
                None => None,
            };
            let at = |text: &str| state.as_ref().filter(|(other, _)| other == text).and_then(|(_, at)| at.as_deref());
            let previous = match previous {
                Some(text) if options.dry_run => Some(SourceLocation::File(text)),
                Some(text) => Some(sources::source_at(context, &text, at(&text))?),
                None => None,
            };
            all.push(Source { state: state.filter(|_| !options.no_bundle), previous });
        }
        Ok(Self(all))
    }
}

/// Returns the source given for each runtime: `NAME=SOURCE`, or `SOURCE` if there is one runtime.
fn sources_by_runtime(option: &str, given: &[String], names: &[&str]) -> Result<Vec<Option<String>>> {
    let mut found: Vec<Option<String>> = names.iter().map(|_| None).collect();
    // The plan reports that nothing is released.
    if names.is_empty() {
        return Ok(found);
    }
    for text in given {
        let by_name = text
            .split_once('=')
            .and_then(|(name, source)| Some((names.iter().position(|known| *known == name)?, source)));
        let (place, source) = match (by_name, names) {
            (Some(found), _) => found,
            (None, [_]) => (0, text.as_str()),
            (None, _) => {
                return Err(Failure::usage(format!("{option} {text} does not say which runtime it is for"))
                    .expected(format!("NAME=SOURCE, with NAME one of {}", names.join(", "))));
            }
        };
        if let Some(slot) = found.get_mut(place)
            && slot.replace(source.to_owned()).is_some()
        {
            return Err(Failure::usage(format!("{option} is given twice for {}", names[place])));
        }
    }
    Ok(found)
}

/// Prints the files that a run would write.
fn print_dry_run(context: &Context, plan: Plan, sources: &Sources, out: &Path) -> Result<bool> {
    let optional = sources
        .0
        .iter()
        .map(|source| names::OptionalFiles { bundle: source.state.is_some(), comparison: source.previous.is_some() });
    let passed = plan.report.passed();
    // A release with problems has no files.
    let files = if passed { names::all(&plan.report, optional) } else { Vec::new() };
    let directory = utf8(out)?.to_owned();
    let report = PrepareDryRunReport { plan: plan.report, dry_run: true, directory, files };
    context.printer.result(&report, || report::release::intended(&report))?;
    Ok(passed)
}

/// Builds and checks the files of a release.
struct ReleaseBuilder<'run> {
    context: &'run Context,
    workspace: &'run Workspace,
    plan: &'run Plan,
    options: &'run ReleasePrepare,
    engine: &'run dyn Engine,
    work: PathBuf,
    /// The file of signers, if any.
    root: Option<PathBuf>,
}

/// What is found while a release is prepared.
#[derive(Default)]
struct Notices {
    /// The reasons why the release fails.
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl ReleaseBuilder<'_> {
    fn run(&self, released: &[(&PlannedRuntime, &Runtime)], sources: &Sources, out: &Path) -> Result<bool> {
        let mut files = Files::default();
        let mut runtimes = Vec::new();
        let mut notices = Notices { warnings: self.plan.report.warnings.clone(), ..Notices::default() };
        for ((planned, runtime), source) in released.iter().zip(&sources.0) {
            runtimes.push(self.runtime(planned, runtime, source, out, &mut files, &mut notices)?);
        }
        let Notices { problems, mut warnings } = notices;
        let mut record = record::record(self.plan, runtimes, warnings.clone(), self.signers()?);
        files.seal(&mut record, &UnknownFields::default())?;
        let passed = problems.is_empty();
        // A failed release is not written, so that it cannot be published by mistake.
        let placed = if passed { files.place(out)? } else { false };
        if !passed && out.exists() {
            warnings.push(format!("{} is from an earlier run", out.display()));
        }
        let report = PrepareReport {
            version: VERSION,
            tag: record.release.tag,
            directory: if passed { Some(utf8(out)?.to_owned()) } else { None },
            unchanged: passed && !placed,
            assets: record.assets,
            runtimes: record.runtimes,
            warnings,
            problems,
            verdict: passed.into(),
        };
        self.context.printer.result(&report, || report::release::prepared(&report, self.root.as_deref()))?;
        Ok(passed)
    }

    /// Returns the file of signers that the release is prepared with.
    fn signers(&self) -> Result<Option<SignersFile>> {
        let Some(root) = &self.root else { return Ok(None) };
        let request = VerifyRootRequest { root: utf8(root)?.into(), ..VerifyRootRequest::default() };
        let request = EvidenceRequest::VerifyRoot(request);
        let (_, summary): (_, RootSummary) = self.ask("signers", Worker::Evidence, &request)?;
        Ok(Some(SignersFile {
            file: root.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            sha256: directory::sha256(&read(root)?),
            lineage: summary.lineage,
        }))
    }

    /// Builds, inspects and compares one runtime, and adds its files.
    fn runtime(
        &self,
        planned: &PlannedRuntime,
        runtime: &Runtime,
        source: &Source,
        out: &Path,
        files: &mut Files,
        notices: &mut Notices,
    ) -> Result<ReleasedRuntime> {
        let variant = build::release_variant(runtime, Profile::Production);
        let built = build::build_one(self.engine, runtime, &variant, &self.work.join("blobs").join(&planned.name))?;
        let (stated, record) = (built.runtime.record.spec_version, &built.runtime.record);
        if stated != Some(planned.spec_version) {
            return Err(Failure::input(format!(
                "the blob of {} has another spec_version than its source",
                planned.name
            ))
            .found(format!("{stated:?}"))
            .expected(planned.spec_version.to_string())
            .hint("write the number as a literal in the RuntimeVersion of the production build"));
        }
        if !built.fits {
            let (size, limit) = (record.size, record.size_limit);
            notices.problems.push(format!("{}: {size} bytes are too large for the limit of {limit}", planned.name));
        }
        files.add(&planned.asset, read(&built.path)?)?;
        files.add(names::digest(planned), read(Path::new(&record.digest_file))?)?;
        let facts = self.facts(&planned.name, &built.path)?;
        let variants = self.variants(planned, runtime, files, notices)?;
        let unchanged = record::unchanged_variants(&planned.name, &built.runtime.blake2_256, &variants);
        notices.warnings.extend(unchanged);
        let compared = self.compare(planned, &built.path, source, files, notices)?;
        let bundle = self.bundle(planned, &built, source, out, files, notices)?;
        Ok(ReleasedRuntime { variants, compared, bundle, ..record::runtime(planned, &built.runtime, facts) })
    }

    /// Returns the facts that the blob states. `name` is the runtime's, with the variant's appended
    /// for a variant.
    fn facts(&self, name: &str, blob: &Path) -> Result<RuntimeFacts> {
        let key = self.key(Worker::Inspect, &[("blob", &file_digest(blob)?)])?;
        self.cached(&format!("{name}-facts"), Some(key), || {
            let source = protocol::Source::File(blob.to_owned());
            let request = inspect::Request::Inspect { source, metadata: true, token: None };
            Ok(self.ask(&format!("inspect {name}"), Worker::Inspect, &request)?.1)
        })
    }

    /// Builds the runtime's variants. If one that is not required fails, a warning names it and the
    /// release continues without it.
    fn variants(
        &self,
        planned: &PlannedRuntime,
        runtime: &Runtime,
        files: &mut Files,
        notices: &mut Notices,
    ) -> Result<Vec<ReleasedVariant>> {
        let mut variants = Vec::new();
        for (name, variant) in &planned.variants {
            let build = plan::build_variant(name, variant)?;
            let built = self.variant(planned, runtime, name, &build);
            interrupt::check()?;
            let settings = VariantBuild {
                name: name.clone(),
                features: variant.features.clone(),
                profile: build.profile.to_owned(),
                required: variant.required,
            };
            variants.push(match built {
                Ok((built, facts)) => {
                    files.add(&variant.asset, read(&built.path)?)?;
                    ReleasedVariant::Built {
                        variant: settings,
                        asset: variant.asset.clone(),
                        blake2_256: built.runtime.blake2_256,
                        pace: record::pace(facts.pace),
                    }
                }
                Err(failure) => {
                    let message = format!("{}: the variant {name} was not built: {failure}", planned.name);
                    if variant.required {
                        notices.problems.push(message);
                    } else {
                        self.context.printer.warning(&message);
                        notices.warnings.push(message);
                    }
                    ReleasedVariant::Failed { variant: settings, asset: (), error: failure.message }
                }
            });
        }
        Ok(variants)
    }

    /// Builds one variant and returns it with the facts that its blob states.
    fn variant(
        &self,
        planned: &PlannedRuntime,
        runtime: &Runtime,
        name: &str,
        variant: &Variant,
    ) -> Result<(Built, RuntimeFacts)> {
        let out = self.work.join("blobs").join(&planned.name).join(name);
        let built = build::build_one(self.engine, runtime, variant, &out)?;
        let facts = self.facts(&format!("{}-{name}", planned.name), &built.path)?;
        Ok((built, facts))
    }

    /// Compares the blob with the previous runtime: metadata changes and parameters.
    fn compare(
        &self,
        planned: &PlannedRuntime,
        blob: &Path,
        source: &Source,
        files: &mut Files,
        notices: &mut Notices,
    ) -> Result<Option<PreviousComparison>> {
        let Some(previous) = &source.previous else { return Ok(None) };
        let allow = diff::allowances(self.context, &[])?;
        let key = match previous {
            SourceLocation::File(path) if Path::new(path).is_file() => Some(self.key(
                Worker::Compat,
                &[
                    ("old", &file_digest(Path::new(path))?),
                    ("new", &file_digest(blob)?),
                    ("allow", &diff::text(&allow)),
                ],
            )?),
            // The content of a node or of standard input is not known in advance: not cached.
            _ => None,
        };
        let comparison = self.cached(&format!("{}-changes", planned.name), key, || {
            let (old, new) = (previous.source(), protocol::Source::File(blob.to_owned()));
            let request = Request::Diff { old: old.clone(), new: new.clone(), allow: allow.clone(), parameters: false };
            let title = format!("diff {}", planned.name);
            let (passed, mut changes): (_, DiffReport) = match self.ask(&title, Worker::Compat, &request) {
                // The metadata of the previous runtime is too old to describe its types. This is
                // not a problem of the new runtime.
                Err(failure) if failure.is(Code::OldMetadata) => {
                    return Ok(Comparison::Unavailable { error: failure.to_string() });
                }
                other => other?,
            };
            let parameters = Request::Parameters { old, new, decimals: None, symbol: None, block_time: None };
            let (_, mut parameters): (_, ParametersReport) = self.ask(&title, Worker::Compat, &parameters)?;
            (changes.old.source, changes.new.source) =
                (previous.name(), SourceLocation::File(utf8(blob)?.to_owned()).name());
            (parameters.old.source, parameters.new.source) = (changes.old.source.clone(), changes.new.source.clone());
            Ok(Comparison::Complete { passed, changes: Box::new(changes), parameters: Box::new(parameters) })
        })?;
        let (passed, changes, parameters) = match comparison {
            Comparison::Complete { passed, changes, parameters } => (passed, changes, parameters),
            Comparison::Unavailable { error } => {
                notices.warnings.push(format!("{}: not compared with the runtime before: {error}", planned.name));
                return Ok(Some(PreviousComparison::NotCompared { error }));
            }
        };
        files.add(names::changes(planned), pretty(&changes)?)?;
        files.add(names::parameters(planned), report::diff::parameters(&parameters).into_bytes())?;
        // A build for fast rehearsals has the name and version of the production build, but another
        // pace.
        let pace = changes.rules.iter().filter(|rule| rule.name == "consensus" && rule.status == Status::Warn);
        for finding in pace.flat_map(|rule| &rule.findings) {
            notices.warnings.push(format!("{}: {}", planned.name, finding.text));
        }
        if !passed {
            let broken = changes.rules.iter().filter(|rule| rule.status == Status::Fail);
            let broken: Vec<_> = broken.map(|rule| rule.name.as_str()).collect();
            notices.problems.push(format!("{}: broken rules of `diff`: {}", planned.name, broken.join(", ")));
        }
        Ok(Some(record::comparison(planned, &changes, &parameters)))
    }

    /// Rehearses and signs the upgrade, and adds the bundle as one archive.
    fn bundle(
        &self,
        planned: &PlannedRuntime,
        built: &Built,
        source: &Source,
        place: &Path,
        files: &mut Files,
        notices: &mut Notices,
    ) -> Result<Option<ReleasedBundle>> {
        let Some((state, at)) = &source.state else {
            if !self.options.no_bundle {
                notices.warnings.push(format!(
                    "{}: no state is known to rehearse the upgrade on, so there is no bundle",
                    planned.name
                ));
            }
            return Ok(None);
        };
        let out = self.work.join("bundles").join(&planned.name);
        keep_signatures(&place.join(names::bundle(planned)), &out)?;
        let options = cli::Upgrade {
            only: Vec::new(),
            engine: self.options.engine.clone(),
            runtimes: vec![planned.name.clone()],
            state: Some(state.clone()),
            network: None,
            at: at.clone(),
            blocks: 3,
            route: cli::RouteOptions::default(),
            without_checks: false,
            out: Some(out.clone()),
            sign_with: self.options.sign_with.clone(),
            root: self.root.clone(),
            allow: Vec::new(),
            jobs: None,
            weights: false,
            weights_base: None,
        };
        let (verdict, summary) = upgrade::make(self.context, self.workspace, &options)?;
        let Some(RuntimeUpgrade::Whole(upgraded)) = summary.runtimes.into_iter().next() else {
            return Err(Failure::internal("an upgrade of one runtime reports no runtime"));
        };
        let (tried, ships) = (&upgraded.blob.blake2_256, &built.runtime.blake2_256);
        if tried != ships {
            notices.problems.push(format!(
                "{}: the upgrade was rehearsed with the blob {tried}, but {ships} is released",
                planned.name
            ));
        }
        if verdict != Verdict::Pass {
            let failed = upgraded.checks.iter().filter(|check| check.status == Status::Fail);
            let failed: Vec<_> = failed.map(|check| check.name.as_str()).collect();
            notices.problems.push(format!("{}: the upgrade failed in {}", planned.name, failed.join(", ")));
        }
        files.add(names::bundle(planned), archive::tar(&out, &names::bundle_top(planned))?)?;
        Ok(Some(record::bundle(planned, *upgraded)))
    }

    /// Sends a request to a worker. Returns whether it passed, and its result.
    fn ask<T: DeserializeOwned>(&self, title: &str, worker: Worker, request: &impl Serialize) -> Result<(bool, T)> {
        let task = self.context.printer.task(title);
        let outcome = workers::ask(self.context, worker, request, &task, &self.context.log("release"))?;
        Ok((outcome.passed, outcome.value))
    }

    /// Returns a digest of a worker's inputs: the parts of the request and the worker's program.
    fn key(&self, worker: Worker, words: &[(&str, &str)]) -> Result<String> {
        let task = self.context.printer.task("release");
        let program = workers::locate(self.context, worker, &task)?;
        let mut digester = Digester::new();
        digester.word("worker", file_digest(&program)?);
        words.iter().for_each(|(name, value)| digester.word(name, value));
        Ok(digester.finish())
    }

    /// Returns the cached value of an earlier run with the same key, else makes it. No key: not
    /// cached.
    fn cached<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        key: Option<String>,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        cache::cached(&self.work.join(format!("{name}.json")), key, make)
    }
}

/// The comparison of the blob with the previous runtime.
#[derive(Serialize, Deserialize)]
enum Comparison {
    Unavailable { error: String },
    Complete { passed: bool, changes: Box<DiffReport>, parameters: Box<ParametersReport> },
}

/// Copies the signatures that `release sign` added to the released bundle into the new one, if both
/// have the same payload.
fn keep_signatures(released: &Path, bundle: &Path) -> Result<()> {
    let ours = bundle.join(MANIFEST);
    if !released.is_file() || !ours.is_file() {
        return Ok(());
    }
    let theirs = read(&bundle::unpack(released)?.directory.join(MANIFEST))?;
    match Manifest::parse(&theirs).payload == Manifest::parse(&read(&ours)?).payload {
        true => files::write_whole(&ours, &theirs),
        false => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    files::read_bounded(path, FILE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_assigned_to_the_named_runtime() {
        let given = |texts: &[&str], names: &[&str]| {
            sources_by_runtime("--state", &texts.iter().map(|text| text.to_string()).collect::<Vec<_>>(), names)
        };
        assert_eq!(given(&["x.snapshot"], &["a"]).expect("one"), [Some("x.snapshot".to_owned())]);
        assert_eq!(given(&["b=y"], &["a", "b"]).expect("named"), [None, Some("y".to_owned())]);
        // A file may have an equals sign in its name.
        assert_eq!(given(&["c=y"], &["a"]).expect("a file"), [Some("c=y".to_owned())]);
        for texts in [&["x"][..], &["c=y"], &["a=x", "a=y"]] {
            assert_eq!(given(texts, &["a", "b"]).expect_err("refused").kind, worker::Kind::Usage);
        }
    }
}
