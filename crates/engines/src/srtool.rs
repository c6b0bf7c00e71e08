// SPDX-License-Identifier: Apache-2.0
//! Builds with an installed `srtool` (the crate srtool-cli 0.13), for teams whose process requires
//! it. It builds in the work tree, and prints text before its JSON. It gives every container the
//! name `srtool`, and takes the newest tag of its image unless `SRTOOL_TAG` names one. Options that
//! it cannot pass on exactly are refused.

use super::{
    Blob, Engine, Image, check_features,
    container::{ContainerRemoved, ResultReader, image, open_to_container, program::Program},
    explain, host,
    record::Record,
};
use crate::options::EngineOptions;
use console::printer::Task;
use process::{Tool, in_path, interrupt};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    inputs::{self, Variant},
    runtimes::{Runtime, Workspace},
    toolchain_file,
};

/// The variables that srtool-cli reads instead of options. They are removed from its environment.
const HIDDEN: [&str; 7] = ["PACKAGE", "RUNTIME_DIR", "BUILD_OPTS", "DEFAULT_FEATURES", "PROFILE", ENGINE, TAG];
/// The variable that chooses docker or podman.
const ENGINE: &str = "ENGINE";
/// The variable that chooses the image's tag. srtool-cli has no option for it.
const TAG: &str = "SRTOOL_TAG";
/// The name of every container of srtool-cli.
const CONTAINER: &str = "srtool";

/// The number of lines after which the container's id is no longer searched.
const SEARCHES: u32 = 50;

/// The engine for an installed srtool.
pub struct Srtool<'context> {
    context: &'context Context,
    workspace: &'context Workspace,
    program: PathBuf,
    /// The version, for example `srtool 0.13.2`.
    version: String,
    /// Docker or podman, which srtool calls.
    engine: Program,
    /// The image, if its tag is known before the build.
    image: Option<Image>,
    /// The name of the image without a tag, if it is not srtool's own.
    name: Option<String>,
}

impl<'context> Srtool<'context> {
    /// Opens the engine. Fails if srtool is not installed, if docker or podman does not work, if
    /// the image is named with a digest, or if the work tree has changes that the options do not
    /// allow.
    pub fn open(context: &'context Context, workspace: &'context Workspace, options: &EngineOptions) -> Result<Self> {
        let program = in_path("srtool").ok_or_else(|| {
            Failure::environment("srtool is not installed")
                .found("no srtool in PATH")
                .hint("cargo install --locked srtool-cli@0.13.2")
        })?;
        let configured = options.image.as_ref().or(workspace.config.image.as_ref());
        if configured.is_some_and(|image| image.contains('@') || image.starts_with("sha256:")) {
            return Err(Failure::usage("srtool accepts no image digest: it adds a tag to the name")
                .hint("name the image with its tag, or build with --engine podman or docker"));
        }
        let engine = Program::find(context, chosen(std::env::var(ENGINE).ok().as_deref())?)?;
        engine.check()?;
        super::container::check_clean(context, options.allow_dirty)?;
        let version = Tool::new(&program).arg("--version").timeout(Duration::from_secs(60)).output()?;
        let version = version.lines().next().unwrap_or_default().to_owned();
        let (name, tag) = match configured {
            Some(reference) => {
                let (name, tag, _) = image::split(reference);
                (Some(name), tag)
            }
            // Without a full version in the toolchain file srtool takes its newest image.
            None => {
                let own = image::srtool_image(toolchain_file::find(&context.workspace).as_ref()).ok();
                (None, own.and_then(|reference| image::split(&reference).1))
            }
        };
        let image = match &tag {
            Some(tag) => {
                let task = context.printer.task("srtool");
                Some(image::tagged(&engine, name.as_deref().unwrap_or(image::SRTOOL), tag, &task)?)
            }
            None => None,
        };
        Ok(Self { context, workspace, program, version, engine, image, name })
    }

    /// Returns the id of srtool's container, if it exists.
    fn container(&self) -> Option<String> {
        let inspect = ["container", "inspect", "--format", "{{.Id}}", CONTAINER];
        let found = self.engine.tool().args(inspect).timeout(Duration::from_secs(60)).capture().ok()?;
        let id = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        (found.status.success() && !id.is_empty()).then_some(id)
    }

    /// Fails if a container of srtool exists. It cannot start a second one, and this one belongs to
    /// another build.
    fn check_free(&self) -> Result<()> {
        let found = self.container();
        interrupt::check()?;
        let Some(id) = found else { return Ok(()) };
        Err(Failure::environment("a container of srtool exists already")
            .found(format!("the container {CONTAINER} in {}: {id}", self.engine.name))
            .expected("no other build: srtool gives this name to each container")
            .hint(format!("wait until it ends, or remove it: {} rm --force {CONTAINER}", self.engine.name)))
    }

    fn arguments(&self, runtime: &Runtime, variant: &Variant) -> Result<Vec<String>> {
        let root = self.workspace.metadata.workspace_root.as_std_path();
        let directory = runtime.directory.strip_prefix(root).ok().filter(|_| runtime.through.is_none());
        let directory = directory.and_then(Path::to_str).ok_or_else(|| {
            Failure::usage(format!("srtool cannot build {}: it is not a package of the workspace", runtime.package))
                .hint("--engine host, podman or docker")
        })?;
        let mut words: Vec<String> = ["--engine", self.engine.name].map(String::from).into();
        if let Some(name) = &self.name {
            words.extend(["--image".into(), name.clone()]);
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

    fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// Returns a unique key for each build. srtool names its image by a tag, which may move until
    /// the container starts, so no blob comes from the cache.
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
        super::refuse_blob_name(runtime)?;
        let started = Instant::now();
        let sources = inputs::key(&self.workspace.metadata, runtime, &[], variant)?;
        let root = self.workspace.metadata.workspace_root.as_std_path();
        let arguments = self.arguments(runtime, variant)?;
        self.check_free()?;
        let target = runtime.directory.join("target/srtool");
        open_to_container(&target)?;
        open_to_all(&target)?;
        let file_name = format!("{}.compact.compressed.wasm", runtime.library);
        let blob = target.join(variant.profile).join("wbuild").join(&runtime.package).join(file_name);
        // The blob of an earlier build must not be taken for this one's.
        match std::fs::remove_file(&blob) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::io("remove", &blob, &error));
            }
            _ => {}
        }
        let mut tool = self.engine.environment(Tool::new(&self.program)).args(arguments).directory(root);
        for name in HIDDEN {
            tool = tool.env_remove(name);
        }
        if let Some(tag) = self.image.as_ref().and_then(|image| image.tag.as_ref()) {
            tool = tool.env(TAG, tag);
        }
        task.say(&format!("building {} with {} (log in {})", runtime.package, self.version, log.display()));
        let mut listener = ResultReader::default();
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
        let id = directory.path().join("id");
        let mut searches = SEARCHES;
        let ended = {
            let _removed = ContainerRemoved::when_dropped(&self.engine, CONTAINER, id.clone());
            tool.logged_status(log, |line| {
                listener.line(line);
                task.tick(line);
                // The container exists once it prints something. The first lines are of srtool-cli.
                if searches > 0 {
                    searches -= 1;
                    if self.container().is_some_and(|found| std::fs::write(&id, found).is_ok()) {
                        searches = 0;
                    }
                }
            })?
        };
        if !ended.status.success() {
            if let Some(failure) = self.engine.ended_during(&runtime.package) {
                return Err(failure);
            }
            return Err(explain(ended.failure(log), runtime, root, log));
        }
        // It exits with 0 even if it was cut short. Without its JSON document there was no build.
        let answer = listener.result("srtool")?;
        if !blob.is_file() {
            return Err(Failure::input(format!("srtool built {} and left no blob", runtime.package))
                .found(format!("no {}", blob.display())));
        }
        answer.check("srtool", &inputs::file_digest(&blob)?)?;
        answer.check_compiler("srtool", self.context, &blob, task, log)?;
        if inputs::key(&self.workspace.metadata, runtime, &[], variant)? != sources {
            return Err(Failure::input(format!("the sources of {} changed while it was built", runtime.package))
                .hint("run the command again"));
        }
        let key = self.key(runtime, variant)?;
        let record = Record { rustc: answer.rustc, seconds: started.elapsed().as_secs_f64(), ..Record::default() };
        record.keep(&self.context.cache, &key, &blob)
    }
}

/// Returns the program that srtool calls: the one of the variable `ENGINE`, else podman if it is
/// installed, else docker.
fn chosen(variable: Option<&str>) -> Result<&'static str> {
    match variable.filter(|name| !name.is_empty() && *name != "auto") {
        Some("docker") => Ok("docker"),
        Some("podman") => Ok("podman"),
        None if in_path("podman").is_some() => Ok("podman"),
        None => Ok("docker"),
        Some(other) => Err(Failure::usage("the variable ENGINE names an unknown container engine")
            .found(other)
            .expected("docker or podman, as srtool-cli reads it")),
    }
}

/// Lets the user of srtool's images write into a directory, if this is another user. srtool-cli
/// runs the container as the image's user.
fn open_to_all(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777))
        .map_err(|error| Failure::io("open to the container's user", directory, &error))
}
