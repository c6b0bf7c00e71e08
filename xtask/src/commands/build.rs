// SPDX-License-Identifier: Apache-2.0
use super::utf8;
use crate::{
    cli::{self, BuildOptions, Profile},
    context::Context,
    engines::{self, Engine, Purpose},
    git,
    inputs::Variant,
    jobs::{self, Done, Job},
    runtimes::{HASH_FEATURE, Runtime, Workspace},
    workers,
    workers::Worker,
};
use protocol::{Source, inspect::Request};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Instant,
};
use worker::{Failure, Result};

/// A digest is a few kilobytes.
const DIGEST_LIMIT: u64 = 4 * 1024 * 1024;

/// Of the network's limit, in hundredths: from the first on there is a warning, from the second on a failure. What is
/// left must hold the next release too.
const SIZE_WARNS: u64 = 80;
const SIZE_FAILS: u64 = 95;

/// A blob at its place, and what is said about it.
pub struct Built {
    pub path: PathBuf,
    pub document: Value,
    /// Whether the network has room for it.
    pub fits: bool,
}

pub fn run(context: &Context, options: &cli::Build) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let selected = workspace.select(&options.runtimes)?;
    one_name_each(&selected)?;
    let purpose = if options.anew { Purpose::Verification } else { Purpose::Blob };
    let engine = engines::open(context, &workspace, &options.options.engine, purpose)?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out).map_err(|error| Failure::io("use", out, &error))?,
        None => default_out(&workspace),
    };
    let all = build_all(&*engine, &selected, &options.options, &out)?;
    let fit = all.iter().all(|built| built.fits);
    let documents: Vec<Value> = all.into_iter().map(|built| built.document).collect();
    let document = json!({"version": 1, "runtimes": documents});
    context.printer.result(&document, || report::terminal::build(&document))?;
    Ok(fit)
}

/// Side by side where the engine can, else one after the other. Results are in the order of `selected`.
fn build_all(engine: &dyn Engine, selected: &[&Runtime], options: &BuildOptions, out: &Path) -> Result<Vec<Built>> {
    if !engine.parallel() || selected.len() < 2 {
        let build = |runtime: &&Runtime| build_one(engine, runtime, &variant(runtime, options), out);
        return selected.iter().map(build).collect();
    }
    // Once, before anything runs side by side.
    let task = engine.context().printer.task("build");
    workers::locate(engine.context(), Worker::Inspect, &task)?;
    drop(task);
    let done: Mutex<Vec<(usize, Built)>> = Mutex::new(Vec::new());
    let jobs = selected.iter().enumerate().map(|(index, runtime)| {
        let done = &done;
        Job::new(format!("build-{}", runtime.package), move |desk| {
            let built = build_into(engine, runtime, &variant(runtime, options), out, desk.task, desk.log)?;
            let cached = built.document.get("cached").and_then(Value::as_bool).unwrap_or_default();
            done.lock().map_err(|_| Failure::internal("a build panicked"))?.push((index, built));
            Ok(if cached { Done::Unchanged } else { Done::Now("built".into()) })
        })
    });
    let limit = std::thread::available_parallelism().map_or(2, |count| count.get());
    let logs = engine.context().cache.join("logs");
    jobs::run(&engine.context().printer, &logs, limit, jobs.collect())?;
    let mut done = done.into_inner().map_err(|_| Failure::internal("a build panicked"))?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, built)| built).collect())
}

/// Two blobs of one name would overwrite each other.
fn one_name_each(selected: &[&Runtime]) -> Result<()> {
    for (index, runtime) in selected.iter().enumerate() {
        if let Some(other) = selected[..index].iter().find(|other| other.library == runtime.library) {
            return Err(Failure::input(format!("two runtimes of the workspace are called {}", runtime.package))
                .found(format!(
                    "{} in {}\n{} in {}",
                    other.version,
                    other.directory.display(),
                    runtime.version,
                    runtime.directory.display()
                ))
                .expected("one blob of each name")
                .hint("set `runtime = false` in the [package.metadata.cutover] of the one that is not meant"));
        }
    }
    Ok(())
}

/// Where blobs are put when nobody says where.
pub fn default_out(workspace: &Workspace) -> PathBuf {
    workspace.metadata.target_directory.as_std_path().join("cutover")
}

/// What goes on chain.
pub fn release_variant(runtime: &Runtime, profile: Profile) -> Variant {
    Variant { profile: profile.name(), features: runtime.release_features(), default_features: true, native: false }
}

pub fn variant(runtime: &Runtime, options: &BuildOptions) -> Variant {
    // As cargo takes them: with commas, with spaces, or given several times.
    let words = options.features.iter().flat_map(|list| list.split([',', ' ']));
    let features: Vec<String> = words.filter(|feature| !feature.is_empty()).map(str::to_owned).collect();
    let features = if features.is_empty() { runtime.release_features() } else { features };
    Variant {
        profile: options.profile.name(),
        features,
        default_features: !options.no_default_features,
        native: options.with_native,
    }
}

/// Builds one runtime, or takes it as it was built before, and writes blob and digest.
pub fn build_one(engine: &dyn Engine, runtime: &Runtime, variant: &Variant, out: &Path) -> Result<Built> {
    let context = engine.context();
    let task = context.printer.task(&format!("build {}", runtime.name));
    let log = context.log(&format!("build-{}", runtime.package));
    // It is appended to while the build runs; what is of interest is the last one.
    let _ = std::fs::remove_file(&log);
    let built = build_into(engine, runtime, variant, out, &task, &log)?;
    let cached = built.document.get("cached").and_then(Value::as_bool).unwrap_or_default();
    task.done(if cached { "nothing changed" } else { "built" });
    Ok(built)
}

pub fn build_into(
    engine: &dyn Engine,
    runtime: &Runtime,
    variant: &Variant,
    out: &Path,
    task: &crate::printer::Task,
    log: &Path,
) -> Result<Built> {
    let context = engine.context();
    let started = Instant::now();
    // Before the build: what is committed or changed while it runs is not in the blob.
    let source = git::source(&context.workspace);
    let blob = engine.build(runtime, variant, task, log)?;
    let path = engines::place(&blob, out, &blob.file_name)?;
    let digest_file = out.join(format!("{}-srtool-digest.json", runtime.library));
    let digest = digest(engine, runtime, variant, &source, &blob, &digest_file, task, log)?;
    let version = |name: &str| {
        let kinds = ["compressed", "compact"].iter();
        let found =
            kinds.filter_map(|kind| digest.pointer(&format!("/runtimes/{kind}/subwasm/core_version/{name}"))).next();
        found.cloned().unwrap_or_default()
    };
    let size = std::fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or_default();
    let limit = runtime.max_code_size();
    // What is not compressed goes on no chain, and neither does what was built to be tested or measured.
    let tested =
        variant.features.iter().any(|feature| ["runtime-benchmarks", "try-runtime"].contains(&feature.as_str()));
    let deployable = !tested && variant.profile != Profile::Dev.name();
    let verdict = if deployable { size_verdict(size, limit) } else { "not applicable" };
    let share = format!("{} bytes, {} % of the network's limit of {limit}", size, size * 100 / limit.max(1));
    match verdict {
        "warn" => task.warning(&format!("{} has {share}", runtime.package)),
        "fail" => {
            task.warning(&format!("{} is too large: it has {share}, and {SIZE_FAILS} % is the most", runtime.package))
        }
        _ => {}
    }
    let metadata_hash = match deployable {
        true => metadata_hash(engine, &path, &blob.blake2_256, task, log)?,
        false => Value::Null,
    };
    if metadata_hash.get("held").and_then(Value::as_str) == Some("missing") {
        task.warning(&without_hash(runtime, variant));
    }
    let document = json!({
        "package": runtime.package,
        "name": runtime.name,
        "blob": utf8(&path)?,
        "blake2_256": blob.blake2_256,
        "size": size,
        "size_limit": limit,
        "size_verdict": verdict,
        "spec_name": version("specName"),
        "spec_version": version("specVersion"),
        "digest": digest,
        "digest_file": utf8(&digest_file)?,
        "engine": engine.name(),
        "plain": engine.plain(),
        "image": engine.image().map(|image| &image.reference),
        "image_digest": engine.image().map(|image| &image.digest),
        "profile": variant.profile,
        "metadata_hash": metadata_hash,
        "features": variant.features,
        "default_features": variant.default_features,
        "rustc": blob.rustc,
        "compiler_cache": blob.compiler_cache,
        "commit": source.commit,
        "dirty": source.dirty,
        "cached": blob.cached,
        "seconds": (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    });
    Ok(Built { path, document, fits: verdict != "fail" })
}

/// Whether the blob was compiled with the hash of its metadata, asked once for each blob.
fn metadata_hash(
    engine: &dyn Engine,
    blob: &Path,
    blake2_256: &str,
    task: &crate::printer::Task,
    log: &Path,
) -> Result<Value> {
    let stamp = engine.context().cache.join("metadata-hashes").join(blake2_256.trim_start_matches("0x"));
    if let Ok(text) = files::read_bounded(&stamp, DIGEST_LIMIT)
        && let Ok(known) = serde_json::from_slice(&text)
    {
        return Ok(known);
    }
    let request = Request::MetadataHash { source: Source::File(blob.to_owned()) };
    let held = workers::call(engine.context(), Worker::Inspect, &request, task, log)?.value;
    files::write_whole(&stamp, held.to_string().as_bytes())?;
    Ok(held)
}

/// What is said of a blob that checks the hash of its metadata and was compiled without.
fn without_hash(runtime: &Runtime, variant: &Variant) -> String {
    let blob = format!("the blob of {} has CheckMetadataHash and no hash of its metadata", runtime.package);
    let who = "offline wallets (Ledger, Polkadot Vault) will be refused";
    if runtime.leaves_hash_out(&variant.features, variant.default_features) {
        let features = match variant.features.join(", ") {
            none if none.is_empty() => "no features were asked for".to_owned(),
            some => format!("the features asked for are {some}"),
        };
        return format!("{blob}: {who}. {features}, and {HASH_FEATURE} is what compiles it in");
    }
    format!("{blob}: {who}. Its build script does not compile it in with these features (`enable_metadata_hash`)")
}

fn size_verdict(size: u64, limit: u64) -> &'static str {
    match size.saturating_mul(100) {
        scaled if scaled >= limit.saturating_mul(SIZE_FAILS) => "fail",
        scaled if scaled >= limit.saturating_mul(SIZE_WARNS) => "warn",
        _ => "pass",
    }
}

/// The srtool document of a blob, made anew only if something in it would change.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the document is made from")]
fn digest(
    engine: &dyn Engine,
    runtime: &Runtime,
    variant: &Variant,
    source: &git::Source,
    blob: &engines::Blob,
    digest_file: &Path,
    task: &crate::printer::Task,
    log: &Path,
) -> Result<Value> {
    let out = digest_file.parent().unwrap_or(Path::new("."));
    let directory = runtime.directory.strip_prefix(&engine.context().workspace).unwrap_or(&runtime.directory);
    let kind = if variant.profile == Profile::Dev.name() { "compact" } else { "compressed" };
    let mut request = json!({
        "command": "digest",
        "context": {
            "package": runtime.package,
            "version": runtime.version,
            "runtime_dir": if runtime.through.is_some() { Path::new("") } else { directory },
            "rustc": blob.rustc,
            "profile": variant.profile,
            // Of the source, not of this moment: the same source gives the same document.
            "timestamp": source.time.as_deref().unwrap_or("1970-01-01T00:00:00Z"),
            "commit": source.commit,
            "tag": source.tag,
            "branch": source.branch,
            "image": engine.image().map(|image| format!("{}@{}", image.name, image.digest)),
            "image_tag": engine.image().and_then(|image| image.tag.as_ref()),
        },
        "out": digest_file.file_name().unwrap_or_default().to_string_lossy(),
    });
    if let Some(fields) = request.as_object_mut() {
        fields.insert(kind.into(), json!(blob.file_name));
    }
    let mut inputs = crate::inputs::Digester::new();
    inputs.word("request", request.to_string());
    inputs.word("blob", crate::inputs::file_digest(&out.join(&blob.file_name))?);
    let stamp = engine.context().cache.join("digests").join(inputs.finish().trim_start_matches("0x"));
    if let Ok(text) = files::read_bounded(&stamp, DIGEST_LIMIT)
        && let Ok(digest) = serde_json::from_slice(&text)
    {
        if std::fs::read(digest_file).ok().as_ref() != Some(&text) {
            files::write_whole(digest_file, &text)?;
        }
        return Ok(digest);
    }
    let outcome = workers::call_in(engine.context(), Worker::Inspect, &request, task, log, out)?;
    files::write_whole(&stamp, &files::read_bounded(digest_file, DIGEST_LIMIT)?)?;
    Ok(outcome.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_needs_room_for_the_next_release() {
        for (size, verdict) in [(0, "pass"), (799, "pass"), (800, "warn"), (949, "warn"), (950, "fail"), (2000, "fail")]
        {
            assert_eq!(size_verdict(size, 1000), verdict, "{size}");
        }
    }
}
