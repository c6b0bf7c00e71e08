// SPDX-License-Identifier: Apache-2.0
//! Builds with an installed `srtool` (the crate srtool-cli 0.13), for teams whose process requires
//! it. It chooses image and tag itself, builds in the work tree, and prints text before its JSON.
//! Options that it cannot pass on exactly are refused.

use super::{Blob, Engine, check_features, container::ResultReader, explain, host, record::Record};
use crate::options::EngineOptions;
use console::printer::Task;
use process::{Tool, in_path};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    inputs::{self, Variant},
    runtimes::{Runtime, Workspace},
};

/// The variables that srtool-cli reads instead of options. They are removed from its environment.
const HIDDEN: [&str; 6] = ["PACKAGE", "RUNTIME_DIR", "BUILD_OPTS", "DEFAULT_FEATURES", "PROFILE", "ENGINE"];

/// The engine for an installed srtool.
pub struct Srtool<'context> {
    context: &'context Context,
    workspace: &'context Workspace,
    program: PathBuf,
    /// The version, for example `srtool 0.13.2`.
    version: String,
    image: Option<String>,
}

impl<'context> Srtool<'context> {
    /// Opens the engine. Fails if srtool is not installed, if the image is named with a digest, or
    /// if the work tree has changes that the options do not allow.
    pub fn open(context: &'context Context, workspace: &'context Workspace, options: &EngineOptions) -> Result<Self> {
        let program = in_path("srtool").ok_or_else(|| {
            Failure::environment("srtool is not installed")
                .found("no srtool in PATH")
                .hint("cargo install --locked srtool-cli@0.13.2")
        })?;
        super::container::check_clean(context, options.allow_dirty)?;
        let version = Tool::new(&program).arg("--version").timeout(Duration::from_secs(60)).output()?;
        if options.image.as_ref().is_some_and(|image| image.contains('@')) {
            return Err(Failure::usage("srtool accepts no image digest: it adds a tag of its own choice")
                .hint("name the image without a digest, or build with --engine podman or docker"));
        }
        let version = version.lines().next().unwrap_or_default().to_owned();
        Ok(Self { context, workspace, program, version, image: options.image.clone() })
    }

    fn arguments(&self, runtime: &Runtime, variant: &Variant) -> Result<Vec<String>> {
        let root = self.workspace.metadata.workspace_root.as_std_path();
        let directory = runtime.directory.strip_prefix(root).ok().filter(|_| runtime.through.is_none());
        let directory = directory.and_then(Path::to_str).ok_or_else(|| {
            Failure::usage(format!("srtool cannot build {}: it is not a package of the workspace", runtime.package))
                .hint("--engine host, podman or docker")
        })?;
        let mut words: Vec<String> = Vec::new();
        if let Some(image) = &self.image {
            words.extend(["--image".into(), image.clone()]);
        }
        words.extend(["build", "--package", &runtime.package, "--runtime-dir"].map(String::from));
        words.push(if directory.is_empty() { ".".into() } else { directory.into() });
        words.extend(["--profile", variant.profile, "--app", "--json"].map(String::from));
        // It passes options to a shell without quotes, so an option ends at a space.
        let options = match host::features(variant, None).as_slice() {
            [] => None,
            [flag, features] if flag == "--features" => Some(format!("--features={features}")),
            [flag] => Some(flag.clone()),
            _ => {
                return Err(Failure::usage("srtool can pass only one option to cargo")
                    .found("features and --no-default-features")
                    .hint("--engine host, podman or docker"));
            }
        };
        words.extend(options.map(|options| format!("--build-opts={options}")));
        words.push(root.to_string_lossy().into_owned());
        Ok(words)
    }
}

impl Engine for Srtool<'_> {
    fn context(&self) -> &Context {
        self.context
    }

    fn name(&self) -> &'static str {
        "srtool"
    }

    /// Returns a unique key for each build. The image that srtool uses is not known for sure, so no
    /// blob comes from the cache.
    fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String> {
        let nonce = format!("{:?} {}", std::time::SystemTime::now(), std::process::id());
        inputs::key(&self.workspace.metadata, runtime, &[("srtool", &self.version), ("at", &nonce)], variant)
    }

    fn build(&self, runtime: &Runtime, variant: &Variant, task: &Task, log: &Path) -> Result<Blob> {
        check_features(runtime, variant)?;
        if variant.profile == "dev" || variant.native {
            return Err(Failure::usage("srtool only builds blobs for chains")
                .expected("the profile production or release, without --with-native")
                .hint("--engine host"));
        }
        let started = Instant::now();
        let root = self.workspace.metadata.workspace_root.as_std_path();
        let arguments = self.arguments(runtime, variant)?;
        let mut tool = Tool::new(&self.program).args(arguments).directory(root);
        for name in HIDDEN {
            tool = tool.env_remove(name);
        }
        task.say(&format!("building {} with {} (log in {})", runtime.package, self.version, log.display()));
        let mut listener = ResultReader::default();
        let ended = tool.logged_status(log, |line| {
            listener.line(line);
            task.tick(line);
        })?;
        if !ended.status.success() {
            return Err(explain(ended.failure(log), runtime, root, log));
        }
        // It exits with 0 even if it was cut short. Without its JSON document there was no build.
        let answer = listener.result("srtool")?;
        let directory = runtime.directory.join("target/srtool").join(variant.profile).join("wbuild");
        let blob = directory.join(&runtime.package).join(format!("{}.compact.compressed.wasm", runtime.library));
        if !blob.is_file() {
            return Err(Failure::input(format!("srtool built {} and left no blob", runtime.package))
                .found(format!("no {}", blob.display())));
        }
        answer.check("srtool", &inputs::file_digest(&blob)?)?;
        let key = self.key(runtime, variant)?;
        let record = Record { rustc: answer.rustc, seconds: started.elapsed().as_secs_f64(), ..Record::default() };
        record.keep(&self.context.cache, &key, &blob)
    }
}
