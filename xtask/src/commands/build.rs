// SPDX-License-Identifier: Apache-2.0
use super::utf8;
use crate::{
    cli::{self, BuildOptions, Profile},
    context::Context,
    git,
    inputs::Variant,
    runtimes::{Runtime, Workspace},
    wasm::{self, Builder},
    workers,
    workers::Worker,
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};
use worker::{Failure, Result};

/// A digest is a few kilobytes.
const DIGEST_LIMIT: u64 = 4 * 1024 * 1024;

/// A blob at its place, and what is said about it.
pub struct Built {
    pub path: PathBuf,
    pub document: Value,
}

pub fn run(context: &Context, options: &cli::Build) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let selected = workspace.select(&options.runtimes)?;
    let builder = Builder::new(context, &workspace)?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out).map_err(|error| Failure::io("use", out, &error))?,
        None => default_out(&workspace),
    };
    let mut documents = Vec::new();
    for runtime in selected {
        let variant = variant(runtime, &options.options);
        documents.push(build_one(&builder, runtime, &variant, &out)?.document);
    }
    let document = json!({"version": 1, "runtimes": documents});
    context.printer.result(&document, || report::terminal::build(&document))?;
    Ok(true)
}

/// Where blobs are put when nobody says where.
pub fn default_out(workspace: &Workspace) -> PathBuf {
    workspace.metadata.target_directory.as_std_path().join("cutover")
}

/// What goes on chain.
pub fn release_variant(runtime: &Runtime, profile: Profile) -> Variant {
    Variant { profile: profile.name(), features: runtime.release_features(), default_features: true, native: false }
}

fn variant(runtime: &Runtime, options: &BuildOptions) -> Variant {
    let features = if options.features.is_empty() { runtime.release_features() } else { options.features.clone() };
    Variant {
        profile: options.profile.name(),
        features,
        default_features: !options.no_default_features,
        native: options.with_native,
    }
}

/// Builds one runtime, or takes it as it was built before, and writes blob and digest.
pub fn build_one(builder: &Builder<'_>, runtime: &Runtime, variant: &Variant, out: &Path) -> Result<Built> {
    let context = builder.context;
    let task = context.printer.task(&format!("build {}", runtime.name));
    let log = context.log(&format!("build-{}", runtime.package));
    // It is appended to while the build runs; what is of interest is the last one.
    let _ = std::fs::remove_file(&log);
    let built = build_into(builder, runtime, variant, out, &task, &log)?;
    let cached = built.document.get("cached").and_then(Value::as_bool).unwrap_or_default();
    task.done(if cached { "nothing changed" } else { "built" });
    Ok(built)
}

pub fn build_into(
    builder: &Builder<'_>,
    runtime: &Runtime,
    variant: &Variant,
    out: &Path,
    task: &crate::printer::Task,
    log: &Path,
) -> Result<Built> {
    let context = builder.context;
    let started = Instant::now();
    let blob = builder.build(runtime, variant, task, log)?;
    let path = wasm::place(&blob, out, &blob.file_name)?;
    let source = git::source(&context.workspace);
    let digest_file = out.join(format!("{}-srtool-digest.json", runtime.library));
    let digest = digest(builder, runtime, variant, &source, &blob.file_name, &digest_file, task, log)?;
    let version = |name: &str| {
        let kinds = ["compressed", "compact"].iter();
        let found =
            kinds.filter_map(|kind| digest.pointer(&format!("/runtimes/{kind}/subwasm/core_version/{name}"))).next();
        found.cloned().unwrap_or_default()
    };
    let document = json!({
        "package": runtime.package,
        "name": runtime.name,
        "blob": utf8(&path)?,
        "blake2_256": blob.blake2_256,
        "size": std::fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or_default(),
        "spec_name": version("specName"),
        "spec_version": version("specVersion"),
        "digest": digest,
        "digest_file": utf8(&digest_file)?,
        "engine": "host",
        "image_digest": null,
        "profile": variant.profile,
        "features": variant.features,
        "default_features": variant.default_features,
        "rustc": builder.toolchain.version(),
        "commit": source.commit,
        "dirty": source.dirty,
        "cached": blob.cached,
        "seconds": (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    });
    Ok(Built { path, document })
}

/// The srtool document of a blob, made anew only if something in it would change.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the document is made from")]
fn digest(
    builder: &Builder<'_>,
    runtime: &Runtime,
    variant: &Variant,
    source: &git::Source,
    file_name: &str,
    digest_file: &Path,
    task: &crate::printer::Task,
    log: &Path,
) -> Result<Value> {
    let out = digest_file.parent().unwrap_or(Path::new("."));
    let directory = runtime.directory.strip_prefix(&builder.context.workspace).unwrap_or(&runtime.directory);
    let kind = if variant.profile == Profile::Dev.name() { "compact" } else { "compressed" };
    let mut request = json!({
        "command": "digest",
        "context": {
            "package": runtime.package,
            "version": runtime.version,
            "runtime_dir": if runtime.through.is_some() { Path::new("") } else { directory },
            "rustc": builder.toolchain.version(),
            "profile": variant.profile,
            // Of the source, not of this moment: the same source gives the same document.
            "timestamp": rfc3339(source.time.unwrap_or_default()),
            "commit": source.commit,
            "tag": source.tag,
            "branch": source.branch,
        },
        "out": digest_file.file_name().unwrap_or_default().to_string_lossy(),
    });
    if let Some(fields) = request.as_object_mut() {
        fields.insert(kind.into(), json!(file_name));
    }
    let mut inputs = crate::inputs::Digester::new();
    inputs.word("request", request.to_string());
    inputs.word("blob", crate::inputs::file_digest(&out.join(file_name))?);
    let stamp = builder.context.cache.join("digests").join(inputs.finish().trim_start_matches("0x"));
    if let Ok(text) = worker::read_bounded(&stamp, DIGEST_LIMIT)
        && let Ok(digest) = serde_json::from_slice(&text)
    {
        if std::fs::read(digest_file).ok().as_ref() != Some(&text) {
            worker::write_whole(digest_file, &text)?;
        }
        return Ok(digest);
    }
    let outcome = workers::call_in(builder.context, Worker::Artifact, &request, task, log, out)?;
    worker::write_whole(&stamp, &worker::read_bounded(digest_file, DIGEST_LIMIT)?)?;
    Ok(outcome.value)
}

/// Seconds since 1970 as RFC 3339 has them, in UTC.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let mut year = 1970;
    let mut days = days;
    let length = |year: u64| {
        if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) { 366 } else { 365 }
    };
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let mut month = 1;
    for of_month in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < of_month {
            break;
        }
        days -= of_month;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), expected);
        }
    }
}
