// SPDX-License-Identifier: Apache-2.0
//! Builds in a container, with the interface of srtool's images: sources in `/build`, cargo's home
//! in `/home/builder/cargo`, results in `/out`, an executable `build`, parameters in the
//! environment.
//!
//! It is stricter than srtool. Sources are fetched before and mounted read-only. The container has
//! no network and no capabilities. The image is identified by its digest. Every container has a
//! unique name and is removed at the end.

mod answer;
pub mod image;
pub mod program;
mod run;
mod sources;

pub use answer::ResultReader;
pub use run::{ContainerRemoved, open_to_container};
pub use sources::check_clean;

use super::{
    Blob, Engine, Image, build_root, check_features, explain, fetch, host, record::Record, toolchain, wasm_builder,
};
use crate::options::EngineOptions;
use console::printer::Task;
use program::Program;
use run::Run;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};
use worker::{Failure, Result};
use workspace::{
    cargo,
    context::Context,
    inputs::{self, Variant},
    runtimes::{Runtime, Workspace},
};

/// The engine for docker and podman.
pub struct Container<'context> {
    context: &'context Context,
    workspace: &'context Workspace,
    program: Program,
    image: Image,
    anew: bool,
}

impl<'context> Container<'context> {
    /// Opens the engine: finds the program, checks that it works, and resolves the image. `name` is
    /// `docker` or `podman`. With `anew`, earlier results are not used. Fails if the work tree has
    /// changes that the options do not allow.
    pub fn open(
        context: &'context Context,
        workspace: &'context Workspace,
        name: &'static str,
        options: &EngineOptions,
        anew: bool,
    ) -> Result<Self> {
        let program = Program::find(context, name)?;
        program.check()?;
        sources::check_clean(context, options.allow_dirty)?;
        let task = context.printer.task(name);
        let image = image::resolve(context, workspace, &program, options, &task)?;
        fetch(context, None, &task)?;
        Ok(Self { context, workspace, program, image, anew })
    }

    fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String> {
        let compilers = [("image", self.image.digest.as_str())];
        inputs::key(&self.workspace.metadata, runtime, &compilers, variant)
    }

    /// Returns the directory of the build: the runtime's own, or that of the package that depends
    /// on it.
    fn directory(&self, runtime: &Runtime) -> PathBuf {
        let root = self.workspace.metadata.workspace_root.as_std_path();
        let member = runtime.through.as_ref().and_then(|name| {
            let mut packages = self.workspace.metadata.packages.iter();
            let package = packages.find(|package| *package.name == *name && package.source.is_none())?;
            Some(package.manifest_path.parent()?.as_std_path().to_path_buf())
        });
        let directory = member.unwrap_or_else(|| runtime.directory.clone());
        directory.strip_prefix(root).map(Path::to_path_buf).unwrap_or_default()
    }

    /// Returns the target directory, which is kept between builds. There is one for each image and
    /// package, as several containers may run at once.
    fn target(&self, runtime: &Runtime) -> PathBuf {
        let image = self.image.digest.trim_start_matches("sha256:").get(..16).unwrap_or_default();
        self.context.cache.join("containers").join(image).join(runtime.build_name())
    }

    fn build_anew(&self, runtime: &Runtime, variant: &Variant, key: &str, task: &Task, log: &Path) -> Result<Blob> {
        let started = Instant::now();
        let directory = self.directory(runtime);
        let target_place = directory.join("target");
        let target = self.target(runtime);
        // Before the sources are copied: cargo compares their times with those of the last build.
        let _lock = super::lock(&target.with_file_name(format!("{}.lock", runtime.build_name())), task)?;
        let sources = sources::export(self.workspace, &self.context.cache, std::slice::from_ref(&target_place))?;
        if self.key(runtime, variant)? != key {
            return Err(Failure::input(format!("the sources of {} changed while they were copied", runtime.package))
                .hint("run the command again"));
        }
        let unpacked = target.with_file_name(format!("{}.unpacked", runtime.build_name()));
        for directory in [&target, &unpacked] {
            if self.anew && directory.exists() {
                std::fs::remove_dir_all(directory).map_err(|error| Failure::io("empty", directory, &error))?;
            }
            open_to_container(directory)?;
        }
        let out = sources.path().with_extension("out");
        open_to_container(&out)?;
        let _remove = RemoveWhenDropped(out.clone());
        let built = target.join("srtool").join(variant.profile).join("wbuild").join(&runtime.package);
        let file_name = format!("{}.compact.compressed.wasm", runtime.library);
        // The results of an earlier build must not be taken for this one's.
        for ending in ["wasm", "compact.wasm", "compact.compressed.wasm"] {
            let _ = std::fs::remove_file(built.join(format!("{}.{ending}", runtime.library)));
        }
        let mut options: Vec<String> = host::features(variant, runtime.through.as_ref().map(|_| &*runtime.package));
        // Without any option, srtool's image turns on a feature of its choice for some packages.
        if options.is_empty() {
            options.push("--color=never".into());
        }
        if let Some(member) = &runtime.through {
            options.extend(["--package".into(), member.clone()]);
        }
        let run = Run {
            program: &self.program,
            image: &self.image,
            package: &runtime.package,
            directory: &directory,
            profile: variant.profile,
            options: &options.join(" "),
            sources: sources.path(),
            target: (&target, &target_place),
            out: &out,
            cargo_home: &cargo::home()?,
            unpacked: &unpacked,
        };
        task.say(&format!("building {} in {} (log in {})", runtime.package, self.image.reference, log.display()));
        let root = self.workspace.metadata.workspace_root.as_std_path();
        let answer = run.execute(task, log).map_err(|failure| explain(failure, runtime, root, log))?;
        let found = [out.join(&file_name), built.join(&file_name)].into_iter().find(|path| path.is_file());
        let found = found.ok_or_else(|| {
            Failure::input(format!("the image {} built {} without a blob", self.image.reference, runtime.package))
                .found(format!("no {file_name} in /out"))
                .expected("a package whose build script runs substrate-wasm-builder, and an image with the interface of srtool")
        })?;
        let hash = inputs::file_digest(&found)?;
        let who = format!("the image {}", self.image.reference);
        answer.check(&who, &hash)?;
        answer.check_compiler(&who, self.context, &found, task, log)?;
        let record = Record {
            rustc: answer.rustc,
            seconds: started.elapsed().as_secs_f64(),
            sources: self.extra_sources(runtime, variant, &built.join("target"))?,
            ..Record::default()
        };
        record.keep(&self.context.cache, key, &found)
    }

    /// Returns the files outside the packages that were compiled into the blob, with their digests.
    /// `compiled` is the target directory of the Wasm project.
    fn extra_sources(&self, runtime: &Runtime, variant: &Variant, compiled: &Path) -> Result<Vec<(PathBuf, String)>> {
        let file = format!("{}.d", runtime.library);
        let targets = [toolchain::TARGET, wasm_builder::OLD_TARGET];
        let dep_info = targets.map(|target| compiled.join(target).join(variant.profile).join(&file));
        let Some(text) = dep_info.iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
            return Ok(Vec::new());
        };
        let build = Path::new(build_root::WORKSPACE);
        let generated = build.join(self.directory(runtime)).join("target");
        // The packages of the registry are in the lock file, and their place is the container's.
        let home = Path::new("/home/builder/cargo");
        let sources = super::extra_sources(self.workspace, runtime, &text, build, &generated)?;
        Ok(sources.into_iter().filter(|(path, _)| !path.starts_with(home)).collect())
    }
}

impl Engine for Container<'_> {
    fn context(&self) -> &Context {
        self.context
    }

    fn name(&self) -> &'static str {
        self.program.name
    }

    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn parallel(&self) -> bool {
        true
    }

    fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String> {
        Container::key(self, runtime, variant)
    }

    fn build(&self, runtime: &Runtime, variant: &Variant, task: &Task, log: &Path) -> Result<Blob> {
        check_features(runtime, variant)?;
        if variant.profile == "dev" || variant.native {
            return Err(Failure::usage("a container only builds blobs for chains, with the interface of srtool")
                .expected("the profile production or release, without --with-native")
                .hint("--engine host"));
        }
        super::refuse_blob_name(runtime)?;
        let key = self.key(runtime, variant)?;
        if !self.anew
            && let Some(blob) =
                Record::find(&self.context.cache, &key, self.workspace.metadata.workspace_root.as_std_path())
        {
            return Ok(blob);
        }
        self.build_anew(runtime, variant, &key, task, log)
    }
}

struct RemoveWhenDropped(PathBuf);

impl Drop for RemoveWhenDropped {
    fn drop(&mut self) {
        // If it stays, only disk space is wasted.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
