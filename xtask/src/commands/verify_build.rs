// SPDX-License-Identifier: Apache-2.0
//! The `verify build` command: rebuilds a given blob from source and compares them. Explains a
//! difference.

use super::{
    build::variant,
    rebuild::{RebuildRequest, Sources, rebuild},
    utf8,
};
use crate::cli::{self, BuildOptions, Profile};
use console::printer::Task;
use protocol::{
    bytes::BuildFacts,
    format,
    inspect::{Request, RuntimeFacts},
    rebuild::VerifyBuildReport,
};
use serde::Deserialize;
use std::path::Path;
use worker::{Failure, Result};
use workers::Worker;
use workspace::{context::Context, inputs::file_digest};

/// The maximum size of a build digest, in bytes.
const DIGEST_LIMIT: u64 = 4 * 1024 * 1024;

/// The expected result of the rebuild.
#[derive(Debug, Default)]
pub struct Expected {
    pub blake2_256: String,
    /// The blob's location, if known, to explain a difference.
    pub source: Option<String>,
    pub digest: Option<Digest>,
}

/// The build that a digest states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    pub package: Option<String>,
    pub commit: Option<String>,
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    profile: Option<String>,
    rustc: Option<String>,
    image: Option<String>,
}

/// The fields read from an srtool document. Versions of srtool differ, so each field is optional.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SrtoolDigest {
    pkg: Option<String>,
    commit: Option<String>,
    rustc: Option<String>,
    wasm: Option<String>,
    info: Option<SrtoolInfo>,
    context: Option<SrtoolContext>,
    runtimes: Option<DigestRuntimes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SrtoolInfo {
    pkg: Option<String>,
    profile: Option<String>,
    rustc: Option<String>,
    git: Option<SrtoolGit>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SrtoolGit {
    commit: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SrtoolContext {
    package: Option<String>,
    profile: Option<String>,
    docker: Option<SrtoolImage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SrtoolImage {
    image: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DigestRuntimes {
    compressed: Option<DigestRuntime>,
    compact: Option<DigestRuntime>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DigestRuntime {
    blake2_256: Option<String>,
    wasm: Option<String>,
    subwasm: Option<Subwasm>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subwasm {
    blake2_256: Option<String>,
    core_version: Option<CoreVersion>,
}

/// The version in the forms of subwasm. Older ones write a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum CoreVersion {
    #[serde(rename_all = "camelCase")]
    Fields { spec_name: String, spec_version: u32 },
    #[allow(dead_code, reason = "another form is read, and tells nothing")]
    Other(serde::de::IgnoredAny),
}

pub fn run(context: &Context, options: &cli::VerifyBuild) -> Result<bool> {
    let task = context.printer.task("verify build");
    let log = context.log("verify-build");
    let _ = std::fs::remove_file(&log);
    let expected = expected(context, options, &task, &log)?;
    let stated = expected.digest.as_ref().and_then(|digest| digest.commit.clone());
    let sources = Sources::open(context, options.commit.as_deref(), stated.as_deref(), &task)?;
    let package = expected.digest.as_ref().and_then(|digest| digest.package.clone());
    let runtime = match options.runtime.as_ref().or(package.as_ref()) {
        Some(name) => sources.workspace.find(name)?,
        None => sources.workspace.default_runtime()?,
    };
    let variant = variant(
        runtime,
        &BuildOptions {
            engine: options.engine.clone(),
            profile: profile(options, expected.digest.as_ref())?,
            features: options.features.clone(),
            no_default_features: options.no_default_features,
            with_native: false,
        },
    );
    let request = RebuildRequest {
        runtime,
        variant: &variant,
        blake2_256: &expected.blake2_256,
        blob: expected.source.as_deref().map(str::parse).transpose()?,
        stated: expected.digest.as_ref().map(stated_facts),
    };
    let engine = sources.engine(&options.engine)?;
    let rebuilt = rebuild(&*engine, &sources, &request, &task, &log)?;
    let same = rebuilt.same;
    let document = VerifyBuildReport { format: format::VERIFY_BUILD.into(), rebuilt, verdict: same.into() };
    drop(task);
    context.printer.result(&document, || report::bytes::verify_build(&document))?;
    Ok(same)
}

/// Returns the expected hash, from the code hash, digest, blob or source that the options name.
fn expected(context: &Context, options: &cli::VerifyBuild, task: &Task, log: &Path) -> Result<Expected> {
    if let Some(hash) = &options.code_hash {
        let hex = hash.strip_prefix("0x").unwrap_or(hash);
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Failure::usage(format!("{hash} is not a blake2-256 hash")).expected("0x and 64 hex digits"));
        }
        return Ok(Expected { blake2_256: format!("0x{}", hex.to_lowercase()), ..Expected::default() });
    }
    if let Some(path) = &options.digest {
        return read_digest(path);
    }
    let source = match (&options.blob, &options.source) {
        (Some(blob), _) => {
            if !blob.is_file() {
                return Err(Failure::input(format!("there is no blob {}", blob.display())));
            }
            utf8(blob)?.to_owned()
        }
        (None, Some(source)) => source.clone(),
        (None, None) => return Err(Failure::usage("there is nothing to compare the build with")),
    };
    let request = Request::Inspect { source: source.parse()?, metadata: false, token: None };
    let facts: RuntimeFacts = workers::ask(context, Worker::Inspect, &request, task, log)?.value;
    Ok(Expected { blake2_256: facts.blake2_256, source: Some(source), digest: None })
}

/// Reads the deployed blob's hash from a digest. The top-level fields of srtool describe the
/// compact blob; the compressed one is in `runtimes.compressed`.
pub fn read_digest(path: &Path) -> Result<Expected> {
    let text = files::read_bounded(path, DIGEST_LIMIT)?;
    let unlike = |found: String| {
        Failure::input(format!("{} is not a build digest", path.display()))
            .found(found)
            .expected("the JSON of `cargo xtask build` or of srtool")
    };
    let document: SrtoolDigest = serde_json::from_slice(&text).map_err(|error| match error.is_data() {
        true => unlike(error.to_string()),
        false => Failure::input(format!("{} is not valid JSON", path.display())).found(error.to_string()),
    })?;
    let DigestRuntimes { compressed, compact } = document.runtimes.unwrap_or_default();
    let (compressed, compact) = (compressed.unwrap_or_default(), compact.unwrap_or_default());
    let (info, context) = (document.info.unwrap_or_default(), document.context.unwrap_or_default());
    let first = |texts: Vec<Option<String>>| texts.into_iter().flatten().find(|text| !text.is_empty());
    let subwasm = compressed.subwasm.unwrap_or_default();
    let inside = subwasm.blake2_256;
    let (spec_name, spec_version) = match subwasm.core_version {
        Some(CoreVersion::Fields { spec_name, spec_version }) => (Some(spec_name), Some(spec_version)),
        Some(CoreVersion::Other(_)) | None => (None, None),
    };
    let hash = first(vec![compressed.blake2_256, inside, compact.blake2_256])
        .filter(|hash| hash.len() == 66 && hash.starts_with("0x"))
        .ok_or_else(|| unlike("no runtimes.compressed.blake2_256".into()))?;
    let blob = first(vec![compressed.wasm, document.wasm]);
    let digest = Digest {
        package: first(vec![info.pkg, document.pkg, context.package]),
        commit: first(vec![info.git.and_then(|git| git.commit), document.commit]),
        spec_name,
        spec_version,
        profile: first(vec![info.profile, context.profile]),
        rustc: first(vec![info.rustc, document.rustc]),
        image: first(vec![context.docker.and_then(|docker| docker.image)]),
    };
    // The blob is beside its digest. It is used only if it exists and has the stated hash.
    let neighbor = blob.map(|name| path.with_file_name(Path::new(&name).file_name().unwrap_or_default()));
    let neighbor = neighbor.filter(|blob| file_digest(blob).is_ok_and(|found| found == hash));
    let source = neighbor.as_deref().map(utf8).transpose()?.map(str::to_owned);
    Ok(Expected { blake2_256: hash.to_lowercase(), source, digest: Some(digest) })
}

/// Returns the profile to build with: the option's, else the digest's, else production.
fn profile(options: &cli::VerifyBuild, digest: Option<&Digest>) -> Result<Profile> {
    if let Some(profile) = options.profile {
        return Ok(profile);
    }
    match digest.and_then(|digest| digest.profile.as_deref()) {
        None => Ok(Profile::Production),
        Some(name) => [Profile::Production, Profile::Release, Profile::Dev]
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| {
                Failure::input("the digest names an unknown profile")
                    .found(name)
                    .expected("production, release or dev")
                    .hint("set the profile of the build with --profile")
            }),
    }
}

/// Returns the build facts that a digest states.
fn stated_facts(digest: &Digest) -> BuildFacts {
    BuildFacts {
        rustc: digest.rustc.clone(),
        profile: digest.profile.clone(),
        commit: digest.commit.clone(),
        image: digest.image.clone(),
        ..BuildFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::PathBuf;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("digest.json");
        std::fs::write(&path, text).expect("written");
        (directory, path)
    }

    // The top-level fields of srtool describe the compact blob, which is not deployed.
    #[test]
    fn the_hash_of_a_digest_is_that_of_the_deployed_blob() {
        let (compact, deployed) = (format!("0x{}", "11".repeat(32)), format!("0x{}", "AB".repeat(32)));
        let srtool = json!({
            "blake2_256": compact, "pkg": "solo-runtime", "rustc": "rustc 1.93.0",
            "info": {"git": {"commit": "abc"}, "profile": "release", "pkg": "solo-runtime"},
            "runtimes": {
                "compact": {"subwasm": {"blake2_256": compact}},
                "compressed": {
                    "subwasm": {"blake2_256": deployed, "core_version": {"specName": "solo", "specVersion": 7}},
                    "wasm": "x.wasm",
                },
            },
        });
        let (_directory, path) = written(&srtool.to_string());
        let expected = read_digest(&path).expect("read");
        assert_eq!(expected.blake2_256, deployed.to_lowercase());
        let digest = expected.digest.expect("a digest");
        assert_eq!((digest.commit.as_deref(), digest.profile.as_deref()), (Some("abc"), Some("release")));
        assert_eq!((digest.spec_name.as_deref(), digest.spec_version), (Some("solo"), Some(7)));
        assert_eq!(expected.source, None, "there is no blob beside it");
    }

    #[test]
    fn a_version_as_a_text_names_no_runtime() {
        let runtime = json!({"subwasm": {"blake2_256": format!("0x{}", "11".repeat(32)), "core_version": "solo-7"}});
        let (_directory, path) = written(&json!({"runtimes": {"compressed": runtime}}).to_string());
        let digest = read_digest(&path).expect("read").digest.expect("a digest");
        assert_eq!((digest.spec_name, digest.spec_version), (None, None));
    }

    #[test]
    fn an_invalid_digest_is_rejected() {
        let (_directory, path) = written("{}");
        assert!(read_digest(&path).expect_err("refused").message.ends_with("is not a build digest"));
        let (_directory, path) = written("{\"runtimes\":");
        assert!(read_digest(&path).expect_err("refused").message.ends_with("is not valid JSON"));
    }
}
