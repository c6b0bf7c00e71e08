// SPDX-License-Identifier: Apache-2.0
//! Prepares the files of a release: blobs, variants, notes, parameters, bundles, checksums.
//!
//! Slow results are cached in `<directory>.work`, under a digest of their inputs. A second run
//! repeats only what changed and writes the same bytes.

use super::{
    archive,
    directory::{self, FILE_LIMIT, FORMAT, Files, NOTES, RECORD},
    plan::{self, Plan, PlannedRuntime, PlannedVariant},
    signed,
};
use crate::{
    cli::{self, Profile, ReleasePrepare},
    commands::{
        build::{self, Built},
        diff, expect_source, root_file, sign,
        upgrade::{
            self,
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
    inspect,
    signers::{RootSummary, VerifyRootRequest},
    upgrade::RuntimeUpgrade,
    verify::EvidenceRequest,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use worker::{Code, Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    inputs::{self, Digester, file_digest},
    runtimes::{Runtime, Workspace},
};

/// The maximum size of a cached result, in bytes.
const CACHE_LIMIT: u64 = 64 << 20;

pub fn run(context: &Context, options: &ReleasePrepare) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let plan = plan::make(context, &workspace, &options.selection)?;
    let released = plan.released(&workspace)?;
    let sources = Sources::of(context, &released, options)?;
    let keys = options.sign_with.iter().map(|key| sign::parse_key(key)).collect::<Result<Vec<_>>>()?;
    sign::expect_keys(context, &keys)?;
    let root = root_file(context, options.root.as_deref())?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out).map_err(|error| Failure::io("use", out, &error))?,
        None => workspace.metadata.target_directory.as_std_path().join("releases").join(plan.tag.replace('/', "-")),
    };
    if options.dry_run {
        return print_dry_run(context, &plan, &sources, &out);
    }
    if !plan.passed() {
        return Err(Failure::check("there is nothing to release")
            .found(plan.problems.join("\n"))
            .hint("cargo xtask release plan"));
    }
    if plan.dirty && !options.engine.allow_dirty {
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
            let configured = || runtime.config.state.as_ref().map(|state| runtime.configured_source(state));
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
fn print_dry_run(context: &Context, plan: &Plan, sources: &Sources, out: &Path) -> Result<bool> {
    let mut files = vec![directory::SUMS.to_owned(), NOTES.to_owned(), RECORD.to_owned()];
    let released = plan.runtimes.iter().filter(|planned| planned.released);
    for (planned, source) in released.zip(&sources.0) {
        files.push(planned.asset.clone());
        files.push(digest_name(&planned.name));
        files.extend(planned.variants.values().map(|variant| variant.asset.clone()));
        if source.state.is_some() {
            files.push(bundle_name(planned));
        }
        if source.previous.is_some() {
            files.extend([diff_name(planned), parameters_name(planned)]);
        }
    }
    files.sort();
    let mut document = plan.document()?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("dry_run".into(), json!(true));
        fields.insert("directory".into(), json!(utf8(out)?));
        // A release with problems has no files.
        fields.insert("files".into(), if plan.passed() { json!(files) } else { json!([]) });
    }
    context.printer.result(&document, || report::release::intended(&document))?;
    Ok(plan.passed())
}

fn digest_name(name: &str) -> String {
    format!("{name}-srtool-digest.json")
}

fn bundle_name(planned: &PlannedRuntime) -> String {
    format!("{}-upgrade-v{}.tar", planned.name, planned.spec_version)
}

fn diff_name(planned: &PlannedRuntime) -> String {
    format!("{}-changes-v{}.json", planned.name, planned.spec_version)
}

fn parameters_name(planned: &PlannedRuntime) -> String {
    format!("{}-parameters-v{}.md", planned.name, planned.spec_version)
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

/// The result of preparing one runtime.
struct PreparedRuntime {
    /// The runtime's entry in the notes and in `release.json`.
    document: Value,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl ReleaseBuilder<'_> {
    fn run(&self, released: &[(&PlannedRuntime, &Runtime)], sources: &Sources, out: &Path) -> Result<bool> {
        let mut files = Files::default();
        let mut runtimes = Vec::new();
        let (mut problems, mut warnings) = (Vec::new(), self.plan.warnings.clone());
        for ((planned, runtime), source) in released.iter().zip(&sources.0) {
            let prepared = self.runtime(planned, runtime, source, out, &mut files)?;
            problems.extend(prepared.problems);
            warnings.extend(prepared.warnings);
            runtimes.push(prepared.document);
        }
        let mut document = self.document_of_all(&runtimes, &warnings)?;
        let assets = files.seal(&mut document)?;
        let passed = problems.is_empty();
        // A failed release is not written, so that it cannot be published by mistake.
        let placed = if passed { files.place(out)? } else { false };
        if !passed && out.exists() {
            warnings.push(format!("{} is from an earlier run", out.display()));
        }
        let summary = json!({
            "version": 1,
            "tag": self.plan.tag,
            "directory": if passed { json!(utf8(out)?) } else { Value::Null },
            "unchanged": passed && !placed,
            "assets": assets,
            "runtimes": document.get("runtimes"),
            "warnings": warnings,
            "problems": problems,
            "verdict": if passed { "pass" } else { "fail" },
        });
        self.context.printer.result(&summary, || report::release::prepared(&summary))?;
        Ok(passed)
    }

    /// Returns the document that the notes are rendered from and that becomes `release.json`.
    fn document_of_all(&self, runtimes: &[Value], warnings: &[String]) -> Result<Value> {
        let mut document = self.plan.document()?;
        let signers = self.root.as_deref().map(|root| {
            let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let request = VerifyRootRequest { root: utf8(root)?.into(), ..VerifyRootRequest::default() };
            let request = EvidenceRequest::VerifyRoot(request);
            let (_, summary): (_, RootSummary) = self.ask("signers", Worker::Evidence, &request)?;
            Ok::<_, Failure>(
                json!({"file": name, "sha256": directory::sha256(&read(root)?), "lineage": summary.lineage}),
            )
        });
        let signers = signers.transpose()?;
        if let Some(fields) = document.as_object_mut() {
            fields.remove("version");
            fields.remove("problems");
            fields.insert("format".into(), json!(FORMAT));
            fields.insert("runtimes".into(), json!(runtimes));
            fields.insert("warnings".into(), json!(warnings));
            fields.insert("signers".into(), json!(signers));
            fields.insert("section_text".into(), json!(self.plan.section_text));
        }
        Ok(document)
    }

    /// Builds, inspects and compares one runtime, and adds its files.
    fn runtime(
        &self,
        planned: &PlannedRuntime,
        runtime: &Runtime,
        source: &Source,
        out: &Path,
        files: &mut Files,
    ) -> Result<PreparedRuntime> {
        let mut prepared = PreparedRuntime { document: Value::Null, problems: Vec::new(), warnings: Vec::new() };
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
            prepared.problems.push(format!("{}: {size} bytes are too large for the limit of {limit}", planned.name));
        }
        files.add(&planned.asset, read(&built.path)?)?;
        files.add(digest_name(&planned.name), read(Path::new(&record.digest_file))?)?;
        let facts = self.facts(&planned.name, &built.path)?;
        let variants = self.variants(planned, runtime, files, &mut prepared)?;
        prepared.warnings.extend(unchanged_variants(&planned.name, &json!(built.runtime.blake2_256), &variants));
        let compared = self.compare(planned, &built.path, source, files, &mut prepared)?;
        let bundle = self.bundle(planned, &built, source, out, files, &mut prepared)?;
        prepared.document = self.document(planned, &built, &facts, variants, compared, bundle);
        Ok(prepared)
    }

    /// Returns the runtime's entry in the release document.
    fn document(
        &self,
        planned: &PlannedRuntime,
        built: &Built,
        facts: &Value,
        variants: Value,
        compared: Value,
        bundle: Value,
    ) -> Value {
        let record = &built.runtime.record;
        let fact = |name: &str| facts.get(name).cloned().unwrap_or_default();
        json!({
            "name": planned.name,
            "package": planned.package,
            "released": true,
            "reason": planned.reason,
            "asset": planned.asset,
            "digest_asset": digest_name(&planned.name),
            "spec_name": fact("spec_name"),
            "impl_name": fact("impl_name"),
            "spec_version": fact("spec_version"),
            "impl_version": fact("impl_version"),
            "transaction_version": fact("transaction_version"),
            "authoring_version": fact("authoring_version"),
            "state_version": fact("state_version"),
            "last_spec_version": planned.last_spec_version,
            "size": fact("size"),
            "size_decompressed": fact("size_decompressed"),
            "metadata_versions": fact("metadata_versions"),
            "pace": fact("pace"),
            "blake2_256": fact("blake2_256"),
            "sha256": fact("sha256"),
            "ipfs_cid": fact("ipfs_cid"),
            "set_code_hash": fact("set_code_hash"),
            "authorize_upgrade_call": fact("authorize_upgrade_call"),
            "authorize_upgrade_hash": built.runtime.digest.authorize_upgrade_prop,
            "rustc": record.rustc,
            "engine": record.engine,
            "image": record.image,
            "image_digest": record.image_digest,
            "profile": record.profile,
            "features": record.features,
            "variants": variants,
            "compared": compared,
            "bundle": bundle,
        })
    }

    /// Returns the facts that the blob states. `name` is the runtime's, with the variant's appended
    /// for a variant.
    fn facts(&self, name: &str, blob: &Path) -> Result<Value> {
        let key = self.key(Worker::Inspect, &[("blob", &file_digest(blob)?)])?;
        self.cached(&format!("{name}-facts"), Some(key), || {
            let source = protocol::Source::File(blob.to_owned());
            let request = inspect::Request::Inspect { source, metadata: true, token: None };
            let (_, facts): (_, inspect::RuntimeFacts) =
                self.ask(&format!("inspect {name}"), Worker::Inspect, &request)?;
            Ok(json!(facts))
        })
    }

    /// Builds the runtime's variants. If one that is not required fails, a warning names it and the
    /// release continues without it.
    fn variants(
        &self,
        planned: &PlannedRuntime,
        runtime: &Runtime,
        files: &mut Files,
        prepared: &mut PreparedRuntime,
    ) -> Result<Value> {
        let mut documents = Vec::new();
        for (name, planned_variant) in &planned.variants {
            let outcome = self.variant(planned, runtime, name, planned_variant);
            let outcome = outcome.and_then(|built| {
                let facts = self.facts(&format!("{}-{name}", planned.name), &built.path)?;
                Ok((built, facts))
            });
            interrupt::check()?;
            let mut document = json!({
                "name": name,
                "features": planned_variant.variant.features,
                "asset": planned_variant.asset,
                "profile": planned_variant.variant.profile(name)?.name(),
                "required": planned_variant.variant.required,
            });
            let error = match outcome {
                Ok((built, facts)) => {
                    document["blake2_256"] = json!(built.runtime.blake2_256);
                    document["pace"] = facts.get("pace").cloned().unwrap_or_default();
                    files.add(&planned_variant.asset, read(&built.path)?)?;
                    None
                }
                Err(failure) => Some(failure),
            };
            if let Some(failure) = error {
                let message = format!("{}: the variant {name} was not built: {failure}", planned.name);
                match planned_variant.variant.required {
                    true => prepared.problems.push(message),
                    false => {
                        self.context.printer.warning(&message);
                        prepared.warnings.push(message);
                    }
                }
                document["asset"] = Value::Null;
                document["error"] = json!(failure.message);
            }
            documents.push(document);
        }
        Ok(Value::Array(documents))
    }

    /// Builds one variant.
    fn variant(
        &self,
        planned: &PlannedRuntime,
        runtime: &Runtime,
        name: &str,
        planned_variant: &PlannedVariant,
    ) -> Result<Built> {
        let variant = inputs::Variant {
            profile: planned_variant.variant.profile(name)?.name(),
            features: planned_variant.variant.features.clone(),
            default_features: true,
            native: false,
        };
        let out = self.work.join("blobs").join(&planned.name).join(name);
        build::build_one(self.engine, runtime, &variant, &out)
    }

    /// Compares the blob with the previous runtime: metadata changes and parameters.
    fn compare(
        &self,
        planned: &PlannedRuntime,
        blob: &Path,
        source: &Source,
        files: &mut Files,
        prepared: &mut PreparedRuntime,
    ) -> Result<Value> {
        let Some(previous) = &source.previous else { return Ok(Value::Null) };
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
                prepared.warnings.push(format!("{}: not compared with the runtime before: {error}", planned.name));
                return Ok(json!({"error": error}));
            }
        };
        files.add(diff_name(planned), directory::pretty(&changes)?)?;
        files.add(parameters_name(planned), report::diff::parameters(&parameters).into_bytes())?;
        // A build for fast rehearsals has the name and version of the production build, but another
        // pace.
        let pace = changes.rules.iter().filter(|rule| rule.name == "consensus" && rule.status == Status::Warn);
        for finding in pace.flat_map(|rule| &rule.findings) {
            prepared.warnings.push(format!("{}: {}", planned.name, finding.text));
        }
        if !passed {
            let broken = changes.rules.iter().filter(|rule| rule.status == Status::Fail);
            let broken: Vec<_> = broken.map(|rule| rule.name.as_str()).collect();
            prepared.problems.push(format!("{}: broken rules of `diff`: {}", planned.name, broken.join(", ")));
        }
        Ok(json!({
            "old": {"spec_name": changes.old.spec_name, "spec_version": changes.old.spec_version,
                "blake2_256": changes.old.blake2_256},
            "changes": changes.changes.len(),
            "parameters": parameters.parameters.len(),
            "verdict": changes.verdict,
            "changes_asset": diff_name(planned),
            "parameters_asset": parameters_name(planned),
        }))
    }

    /// Rehearses and signs the upgrade, and adds the bundle as one archive.
    fn bundle(
        &self,
        planned: &PlannedRuntime,
        built: &Built,
        source: &Source,
        place: &Path,
        files: &mut Files,
        prepared: &mut PreparedRuntime,
    ) -> Result<Value> {
        let Some((state, at)) = &source.state else {
            if !self.options.no_bundle {
                prepared.warnings.push(format!(
                    "{}: no state is known to rehearse the upgrade on, so there is no bundle",
                    planned.name
                ));
            }
            return Ok(Value::Null);
        };
        let out = self.work.join("bundles").join(&planned.name);
        keep_signatures(&place.join(bundle_name(planned)), &out)?;
        let options = cli::Upgrade {
            only: Vec::new(),
            engine: self.options.engine.clone(),
            runtimes: vec![planned.package.clone()],
            state: Some(state.clone()),
            network: None,
            at: at.clone(),
            blocks: 3,
            route: cli::RouteOptions::default(),
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
            prepared.problems.push(format!(
                "{}: the upgrade was rehearsed with the blob {tried}, but {ships} is released",
                planned.name
            ));
        }
        if verdict != Verdict::Pass {
            let failed = upgraded.checks.iter().filter(|check| check.status == Status::Fail);
            let failed: Vec<_> = failed.map(|check| check.name.as_str()).collect();
            prepared.problems.push(format!("{}: the upgrade failed in {}", planned.name, failed.join(", ")));
        }
        let top = format!("{}-upgrade-v{}", planned.name, planned.spec_version);
        files.add(bundle_name(planned), archive::tar(&out, &top)?)?;
        Ok(json!({
            "asset": bundle_name(planned),
            "from_spec_version": upgraded.from_spec_version,
            "verdict": upgraded.verdict,
            "signatures": upgraded.signing.signatures,
            "signed_off": upgraded.signing.signed_off,
            "needed": upgraded.signing.needed,
            "counted": upgraded.signing.counted,
            "missing": upgraded.signing.missing,
            "proposal": upgraded.proposal,
        }))
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
        let path = self.work.join(format!("{name}.json"));
        if let Some(key) = &key
            && let Ok(text) = files::read_bounded(&path, CACHE_LIMIT)
            && let Ok(cached) = serde_json::from_slice::<CachedResult<T>>(&text)
            && cached.inputs == *key
        {
            return Ok(cached.value);
        }
        let value = make()?;
        match key {
            Some(inputs) => {
                let made = CachedResult { inputs, value };
                files::write_whole(&path, &directory::pretty(&made)?)?;
                Ok(made.value)
            }
            None => Ok(value),
        }
    }
}

/// A cached value with a digest of its inputs.
#[derive(Serialize, Deserialize)]
struct CachedResult<T> {
    inputs: String,
    value: T,
}

/// The comparison of the blob with the previous runtime.
#[derive(Serialize, Deserialize)]
enum Comparison {
    Unavailable { error: String },
    Complete { passed: bool, changes: Box<DiffReport>, parameters: Box<ParametersReport> },
}

/// Returns a warning for each variant whose blob equals the production blob: its features had no
/// effect.
fn unchanged_variants<'a>(
    name: &'a str,
    blake2_256: &'a Value,
    variants: &'a Value,
) -> impl Iterator<Item = String> + 'a {
    let variants = variants.as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let same = variants.filter(move |variant| variant["blake2_256"] == *blake2_256);
    same.map(move |variant| {
        let which = variant["name"].as_str().unwrap_or_default();
        format!("{name}: the variant {which} has the same blob as the production build: its features have no effect")
    })
}

/// Copies the signatures that `release sign` added to the released bundle into the new one, if both
/// have the same payload.
fn keep_signatures(released: &Path, bundle: &Path) -> Result<()> {
    let ours = bundle.join(MANIFEST);
    if !released.is_file() || !ours.is_file() {
        return Ok(());
    }
    let theirs = read(&signed::unpack(released)?.directory.join(MANIFEST))?;
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
    fn a_variant_with_the_production_blob_is_reported() {
        let variants = json!([{"name": "fast", "blake2_256": "0x01"}, {"name": "trace", "blake2_256": "0x02"}]);
        let warnings: Vec<_> = unchanged_variants("paseo", &json!("0x01"), &variants).collect();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("variant fast"), "{warnings:?}");
        assert_eq!(unchanged_variants("paseo", &json!("0x03"), &variants).count(), 0);
    }

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
