// SPDX-License-Identifier: Apache-2.0
//! The `build` command: builds runtimes and describes their blobs.

use super::utf8;
use crate::cli::{self, BuildOptions, Profile};
use console::jobs::{self, Job, JobOutcome};
use engines::{Engine, Purpose};
use protocol::{
    Source,
    build::{BuildDigest, BuildRecord, BuildReport, BuiltRuntime, SizeVerdict},
    format,
    inspect::{DigestContext, DigestFiles, HeldFacts, MetadataHashFacts, Request},
};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Instant,
};
use worker::{Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    git,
    inputs::Variant,
    runtimes::{HASH_FEATURE, Runtime, Workspace},
};

/// The maximum size of a build digest, in bytes. Usual digests have a few kilobytes.
const DIGEST_LIMIT: u64 = 4 * 1024 * 1024;

/// The blob sizes that give a warning and a failure, in percent of the network's limit. The rest is
/// reserved for the next release.
const SIZE_WARN_PERCENT: u64 = 80;
const SIZE_FAIL_PERCENT: u64 = 95;

/// A built blob in the output directory, and its description.
pub struct Built {
    pub path: PathBuf,
    pub runtime: BuiltRuntime,
    /// Whether the blob is small enough for the network.
    pub fits: bool,
}

pub fn run(context: &Context, options: &cli::Build) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let selected = workspace.select(&options.runtimes)?;
    check_distinct_names(&selected)?;
    let purpose = if options.anew { Purpose::Verification } else { Purpose::Blob };
    let engine = engines::open(context, &workspace, &options.options.engine, purpose)?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out).map_err(|error| Failure::io("use", out, &error))?,
        None => default_out(&workspace),
    };
    let all = build_all(&*engine, &selected, &options.options, &out)?;
    let fit = all.iter().all(|built| built.fits);
    let runtimes = all.into_iter().map(|built| built.runtime).collect();
    let document = BuildReport { format: format::BUILD.into(), runtimes };
    context.printer.result(&document, || report::terminal::build(&document))?;
    Ok(fit)
}

/// Builds the runtimes, in parallel if the engine supports it. Results are in the order of
/// `selected`.
fn build_all(engine: &dyn Engine, selected: &[&Runtime], options: &BuildOptions, out: &Path) -> Result<Vec<Built>> {
    if !engine.parallel() || selected.len() < 2 {
        let build =
            |runtime: &&Runtime| build_one(engine, runtime, &variant(runtime, options), &runtime.blob_directory(out));
        return selected.iter().map(build).collect();
    }
    // The worker is built once, before the parallel builds start.
    let task = engine.context().printer.task("build");
    workers::locate(engine.context(), Worker::Inspect, &task)?;
    drop(task);
    let done: Mutex<Vec<(usize, Built)>> = Mutex::new(Vec::new());
    let jobs = selected.iter().enumerate().map(|(index, runtime)| {
        let done = &done;
        Job::new(format!("build-{}", runtime.build_name()), move |job_context| {
            let out = runtime.blob_directory(out);
            let built =
                build_into(engine, runtime, &variant(runtime, options), &out, job_context.task, job_context.log)?;
            let cached = built.runtime.cached;
            done.lock().map_err(|_| Failure::internal("a build panicked"))?.push((index, built));
            Ok(if cached { JobOutcome::Unchanged } else { JobOutcome::Completed("built".into()) })
        })
    });
    let limit = std::thread::available_parallelism().map_or(2, |count| count.get());
    let logs = engine.context().cache.join("logs");
    jobs::run(&engine.context().printer, &logs, limit, jobs.collect())?;
    let mut done = done.into_inner().map_err(|_| Failure::internal("a build panicked"))?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, built)| built).collect())
}

/// Checks that no two runtimes have the same blob name: one blob would overwrite the other.
fn check_distinct_names(selected: &[&Runtime]) -> Result<()> {
    for (index, runtime) in selected.iter().enumerate() {
        let is_same = |other: &&&Runtime| other.library == runtime.library && other.id != runtime.id;
        if let Some(other) = selected[..index].iter().find(is_same) {
            return Err(Failure::input(format!("two runtimes of the workspace are called {}", runtime.package))
                .found(format!(
                    "{} in {}\n{} in {}",
                    other.version,
                    other.directory.display(),
                    runtime.version,
                    runtime.directory.display()
                ))
                .expected("one blob of each name")
                .hint("set `runtime = false` in the [package.metadata.cutover] of the other one"));
        }
    }
    Ok(())
}

/// Returns the default output directory for blobs.
pub fn default_out(workspace: &Workspace) -> PathBuf {
    workspace.metadata.target_directory.as_std_path().join("cutover")
}

/// Returns the variant of the production blob, with the runtime's release features.
pub fn release_variant(runtime: &Runtime, profile: Profile) -> Variant {
    Variant { profile: profile.name(), features: runtime.release_features(), default_features: true, native: false }
}

/// Returns the variant that the options select.
pub fn variant(runtime: &Runtime, options: &BuildOptions) -> Variant {
    // As in cargo: separated by commas or spaces, or given several times. `--features ''` means none.
    let words = options.features.iter().flat_map(|list| list.split([',', ' ']));
    let features = match options.features.is_empty() {
        true => runtime.release_features(),
        false => words.filter(|feature| !feature.is_empty()).map(str::to_owned).collect(),
    };
    Variant {
        profile: options.profile.name(),
        features,
        default_features: !options.no_default_features,
        native: options.with_native,
    }
}

/// Builds one runtime, or takes it from the cache, and writes blob and digest.
pub fn build_one(engine: &dyn Engine, runtime: &Runtime, variant: &Variant, out: &Path) -> Result<Built> {
    let context = engine.context();
    let task = context.printer.task(&format!("build {}", runtime.name));
    let log = context.log(&format!("build-{}", runtime.build_name()));
    // The build appends to the log. Only the last build is of interest.
    let _ = std::fs::remove_file(&log);
    let built = build_into(engine, runtime, variant, out, &task, &log)?;
    task.done(if built.runtime.cached { "nothing changed" } else { "built" });
    Ok(built)
}

/// Builds one runtime into `out`, with the given task and log.
pub fn build_into(
    engine: &dyn Engine,
    runtime: &Runtime,
    variant: &Variant,
    out: &Path,
    task: &console::printer::Task,
    log: &Path,
) -> Result<Built> {
    let context = engine.context();
    let started = Instant::now();
    // Read before the build: commits and changes made during the build are not in the blob.
    let source = git::source(&context.workspace);
    let blob = engine.build(runtime, variant, task, log)?;
    let path = engines::copy_blob(&blob, out, &blob.file_name)?;
    let digest_file = out.join(format!("{}-srtool-digest.json", runtime.library));
    let digest = digest(engine, runtime, variant, &source, &blob, &digest_file, task, log)?;
    let digested = digest.runtimes.compressed.as_ref().or(digest.runtimes.compact.as_ref());
    let version = digested.map(|digested| &digested.subwasm.core_version);
    let size = std::fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or_default();
    let limit = runtime.max_code_size();
    // Uncompressed blobs and test or benchmark builds are not deployed.
    let tested =
        variant.features.iter().any(|feature| ["runtime-benchmarks", "try-runtime"].contains(&feature.as_str()));
    let deployable = !tested && variant.profile != Profile::Dev.name();
    let verdict = if deployable { size_verdict(size, limit) } else { SizeVerdict::NotApplicable };
    let share = format!("{} bytes, {} % of the network's limit of {limit}", size, size * 100 / limit.max(1));
    match verdict {
        SizeVerdict::Warn => task.warning(&format!("{} has {share}", runtime.package)),
        SizeVerdict::Fail => task.warning(&format!(
            "{} is too large: it has {share}; the maximum is {SIZE_FAIL_PERCENT} %",
            runtime.package
        )),
        _ => {}
    }
    let metadata_hash = match deployable {
        true => Some(metadata_hash(engine, &path, &blob.blake2_256, task, log)?),
        false => None,
    };
    if metadata_hash.as_ref().is_some_and(|hash| hash.held == HeldFacts::Missing) {
        task.warning(&without_hash(runtime, variant));
    }
    let record = BuildRecord {
        name: runtime.name.clone(),
        package: runtime.package.clone(),
        size,
        size_limit: limit,
        size_verdict: verdict,
        spec_name: version.map(|version| version.spec_name.clone()),
        spec_version: version.map(|version| version.spec_version),
        digest_file: utf8(&digest_file)?.to_owned(),
        engine: engine.name().to_owned(),
        plain: engine.plain(runtime),
        image: engine.image().map(|image| image.reference.clone()),
        image_digest: engine.image().map(|image| image.digest.clone()),
        profile: variant.profile.to_owned(),
        metadata_hash,
        features: variant.features.clone(),
        default_features: variant.default_features,
        rustc: blob.rustc,
        compiler_cache: blob.compiler_cache,
        commit: source.commit,
        dirty: source.dirty,
    };
    let built = BuiltRuntime {
        blob: utf8(&path)?.to_owned(),
        blake2_256: blob.blake2_256,
        digest,
        record,
        cached: blob.cached,
        seconds: (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    };
    Ok(Built { path, runtime: built, fits: verdict != SizeVerdict::Fail })
}

/// Returns whether the blob was compiled with the hash of its metadata. The result is cached per
/// blob.
fn metadata_hash(
    engine: &dyn Engine,
    blob: &Path,
    blake2_256: &str,
    task: &console::printer::Task,
    log: &Path,
) -> Result<MetadataHashFacts> {
    let cache_file = engine.context().cache.join("metadata-hashes").join(blake2_256.trim_start_matches("0x"));
    if let Ok(text) = files::read_bounded(&cache_file, DIGEST_LIMIT)
        && let Ok(known) = serde_json::from_slice(&text)
    {
        return Ok(known);
    }
    let request = Request::MetadataHash { source: Source::File(blob.to_owned()) };
    let held = workers::ask(engine.context(), Worker::Inspect, &request, task, log)?.value;
    files::write_whole(&cache_file, &serde_json::to_vec(&held).map_err(not_json)?)?;
    Ok(held)
}

/// Returns the warning for a blob with `CheckMetadataHash` that was compiled without the hash.
fn without_hash(runtime: &Runtime, variant: &Variant) -> String {
    let blob = format!("the blob of {} has CheckMetadataHash and no hash of its metadata", runtime.package);
    let consequence = "offline wallets (Ledger, Polkadot Vault) will be refused";
    if runtime.omits_metadata_hash(&variant.features, variant.default_features) {
        let features = match variant.features.join(", ") {
            none if none.is_empty() => "no features were given".to_owned(),
            some => format!("the given features are {some}"),
        };
        return format!("{blob}: {consequence}. {features}; the feature {HASH_FEATURE} compiles it in");
    }
    format!(
        "{blob}: {consequence}. Its build script does not compile it in with these features (`enable_metadata_hash`)"
    )
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::internal("a document cannot be written as JSON").found(error.to_string())
}

/// Returns the verdict on a blob's size.
fn size_verdict(size: u64, limit: u64) -> SizeVerdict {
    match size.saturating_mul(100) {
        scaled if scaled >= limit.saturating_mul(SIZE_FAIL_PERCENT) => SizeVerdict::Fail,
        scaled if scaled >= limit.saturating_mul(SIZE_WARN_PERCENT) => SizeVerdict::Warn,
        _ => SizeVerdict::Pass,
    }
}

/// Returns the srtool document of a blob. It is written only if its inputs changed.
#[allow(clippy::too_many_arguments, reason = "each is a separate input of the document")]
fn digest(
    engine: &dyn Engine,
    runtime: &Runtime,
    variant: &Variant,
    source: &git::Source,
    blob: &engines::Blob,
    digest_file: &Path,
    task: &console::printer::Task,
    log: &Path,
) -> Result<BuildDigest> {
    let out = digest_file.parent().unwrap_or(Path::new("."));
    let directory = runtime.directory.strip_prefix(&engine.context().workspace).unwrap_or(&runtime.directory);
    let file = Some(PathBuf::from(&blob.file_name));
    let files = match variant.profile == Profile::Dev.name() {
        true => DigestFiles { compact: file, compressed: None },
        false => DigestFiles { compact: None, compressed: file },
    };
    let directory = if runtime.through.is_some() { Path::new("") } else { directory };
    let context = DigestContext {
        package: runtime.package.clone(),
        version: runtime.version.clone(),
        runtime_dir: utf8(directory)?.to_owned(),
        rustc: blob.rustc.clone(),
        profile: variant.profile.to_owned(),
        // The time of the commit, not the current time: the same source gives the same document.
        timestamp: source.time.clone().unwrap_or_else(|| "1970-01-01T00:00:00Z".into()),
        commit: source.commit.clone(),
        tag: source.tag.clone(),
        branch: source.branch.clone(),
        image: engine.image().map(|image| format!("{}@{}", image.name, image.digest)),
        image_tag: engine.image().and_then(|image| image.tag.clone()),
    };
    let name = digest_file.file_name().unwrap_or_default();
    let request = Request::Digest { files, context: Box::new(context), out: PathBuf::from(name) };
    let mut inputs = workspace::inputs::Digester::new();
    inputs.word("request", serde_json::to_string(&request).map_err(not_json)?);
    inputs.word("blob", workspace::inputs::file_digest(&out.join(&blob.file_name))?);
    let cache_file = engine.context().cache.join("digests").join(inputs.finish().trim_start_matches("0x"));
    if let Ok(text) = files::read_bounded(&cache_file, DIGEST_LIMIT)
        && let Ok(digest) = serde_json::from_slice(&text)
    {
        if std::fs::read(digest_file).ok().as_ref() != Some(&text) {
            files::write_whole(digest_file, &text)?;
        }
        return Ok(digest);
    }
    let outcome = workers::ask_in(engine.context(), Worker::Inspect, &request, task, log, out)?;
    files::write_whole(&cache_file, &files::read_bounded(digest_file, DIGEST_LIMIT)?)?;
    Ok(outcome.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_needs_room_for_the_next_release() {
        use SizeVerdict::{Fail, Pass, Warn};
        for (size, verdict) in [(0, Pass), (799, Pass), (800, Warn), (949, Warn), (950, Fail), (2000, Fail)] {
            assert_eq!(size_verdict(size, 1000), verdict, "{size}");
        }
    }
}
