// SPDX-License-Identifier: Apache-2.0
//! Builds a runtime to Wasm with the compilers of this machine, without its native half.
//!
//! A runtime's build script builds the blob. The host build that follows only embeds the blob. So
//! cargo only builds build scripts and procedural macros, which runs the script and stops. The
//! environment is fixed. The build sees the workspace at `/build` if this machine allows it (see
//! `build_root`), and the paths of srtool in any case (see `rustc_wrapper`). A blob that was built
//! before from the same inputs comes from the cache.

use super::{
    Blob, Engine,
    binaryen::{self, Binaryen},
    explain, fetch, fetch_std,
    record::Record,
    sccache::{self, Sccache},
    wasm_builder,
};
use crate::{
    build_root::{self, BuildRoot},
    fingerprints,
    options::Symbols,
    part::{self, Part},
    passes::{self, Passes},
    rustc_wrapper,
    toolchain::{self, WasmToolchain, rustup},
};
use console::printer::Task;
use process::{Tool, interrupt};
use std::{
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use worker::{Failure, Kind, Result};
use workers::Worker;
use workspace::{
    cargo::{self, building},
    context::Context,
    inputs::{self, Variant},
    metadata,
    runtimes::{Runtime, Workspace},
};

/// The variable that lets a stable cargo accept an unstable option. It changes nothing else in
/// cargo.
const CHANNEL: &str = "__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS";
/// The target directories of Wasm projects: with srtool's symbols and with canonical ones, each also
/// for builds that take nothing from earlier ones.
const SHARED: [&str; 4] = ["wasm", "wasm-anew", "wasm-canonical", "wasm-canonical-anew"];

/// The engine for the compilers of this machine, shared by all builds of a command.
pub struct Builder<'context> {
    /// The context of the workspace that is built.
    pub context: &'context Context,
    /// The workspace that is built.
    pub workspace: &'context Workspace,
    /// The compiler that builds Wasm.
    pub toolchain: WasmToolchain,
    active: rustup::ActiveToolchain,
    host: String,
    /// Whether everything is compiled again, without earlier results.
    anew: bool,
    /// Whether only the blob is needed, and no worker that shares dependencies with its build.
    alone: bool,
    sccache: Option<Sccache>,
    /// The way to build in `/build`, or the reason why this machine has none.
    build_root: std::result::Result<BuildRoot, String>,
    /// The requested hashes in symbols.
    symbols: Option<Symbols>,
}

impl<'context> Builder<'context> {
    /// Returns the engine. Installs the Wasm target if no toolchain has it.
    pub fn new(context: &'context Context, workspace: &'context Workspace) -> Result<Self> {
        let active = rustup::active(context)?;
        let toolchain = match wasm_builder::older_toolchain(workspace, &active)? {
            Some(toolchain) => toolchain,
            None => toolchain::ensure(context)?,
        };
        let host = toolchain::verbose_version(&active.directory.join("bin/rustc"))?;
        let build_root = BuildRoot::find(&context.cache, workspace.metadata.workspace_root.as_std_path())?;
        Ok(Self {
            context,
            workspace,
            toolchain,
            active,
            host,
            anew: false,
            alone: false,
            sccache: None,
            build_root,
            symbols: None,
        })
    }

    /// Builds with these hashes in symbols or not at all. By default they are those of srtool if
    /// that is possible.
    pub fn with_symbols(self, symbols: Option<Symbols>) -> Self {
        Self { symbols, ..self }
    }

    /// Compiles all Wasm code again, to verify that the source gives the blob.
    pub fn anew(self) -> Self {
        Self { anew: true, ..self }
    }

    /// Declares that only the blob is needed.
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Shares compiled crates through sccache.
    pub fn with_sccache(self) -> Result<Self> {
        Ok(Self { sccache: Some(Sccache::start()?), ..self })
    }

    /// Returns the blob of these inputs from the cache, or builds it.
    pub fn build(&self, runtime: &Runtime, variant: &Variant, task: &Task, log: &Path) -> Result<Blob> {
        super::check_features(runtime, variant)?;
        self.check_symbols(runtime, variant, task)?;
        let key = self.key(runtime, variant)?;
        if let Some(blob) = self.known(&key) {
            return Ok(blob);
        }
        wasm_builder::check(self.workspace, runtime, &self.toolchain)?;
        // All variants of a runtime are built in one directory, and all Wasm in another. No other
        // build may run until the blob is in the cache.
        let _lock = self.lock(task)?;
        if let Some(blob) = self.known(&key) {
            return Ok(blob);
        }
        let before = SystemTime::now();
        let in_two_passes = self.has_two_passes(runtime, variant);
        let passes = Passes::of(&self.shared(runtime));
        let complete = match self.drive(runtime, variant, in_two_passes.then_some(&passes), task, log) {
            Ok(()) => passes.are_complete(wasm_builder::count_blobs(&self.project(runtime))?)?,
            // Perhaps less optimised code needs more than the executor gives it.
            Err(_) if !interrupt::happened() && passes.ended_with_the_first()? => false,
            Err(failure) => return Err(failure),
        };
        if !complete {
            self.drive(runtime, variant, None, task, log)?;
        }
        passes.remove()?;
        if self.has_paths_of_others(runtime, variant)? {
            self.remove_shared(runtime)?;
            self.drive(runtime, variant, None, task, log)?;
        }
        let seconds = before.elapsed().unwrap_or_default().as_secs_f64();
        let (blob, file_name) = wasm_builder::blob(&self.project(runtime), runtime, variant.profile)?;
        // The key does not cover a source that changed during the build.
        if self.key(runtime, variant)? != key {
            return Err(Failure::input(format!("the sources of {} changed while it was built", runtime.package))
                .hint("run the command again"));
        }
        let record = Record {
            file_name,
            rustc: self.toolchain.version().into(),
            sources: self.extra_sources(runtime, variant)?,
            seconds,
            compiler_cache: self.sccache.as_ref().map(|sccache| sccache.version.clone()),
            ..Record::default()
        };
        record.keep(&self.context.cache, &key, &blob)
    }

    /// Returns the digest of the inputs of the blob.
    pub fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String> {
        let symbols = if self.in_build_root(runtime).is_ok() { "srtool" } else { "canonical" };
        let mut compilers =
            vec![("rustc", self.toolchain.rustc.as_str()), ("host rustc", self.host.as_str()), ("symbols", symbols)];
        // What else reaches the build from outside of the workspace.
        let variables = cargo::TOOLS.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?)));
        let variables: Vec<_> = variables.collect();
        compilers.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
        let configuration = cargo::home()?.join("config.toml");
        let configuration = match configuration.is_file() {
            true => Some(inputs::file_digest(&configuration)?),
            false => None,
        };
        compilers.extend(configuration.iter().map(|digest| ("cargo's configuration", digest.as_str())));
        inputs::key(&self.workspace.metadata, runtime, &compilers, variant)
    }

    /// Returns the way to build a runtime in `/build`, or the reason why it is built in its own
    /// directory, with canonical symbols.
    fn in_build_root(&self, runtime: &Runtime) -> std::result::Result<&BuildRoot, String> {
        if self.symbols == Some(Symbols::Canonical) {
            return Err("canonical symbols were requested".into());
        }
        if std::env::consts::ARCH != "x86_64" {
            return Err(format!("srtool's images are for x86_64, and this machine is {}", std::env::consts::ARCH));
        }
        if self.sccache.is_some() {
            return Err("the server of sccache compiles outside of the build's mounts".into());
        }
        if runtime.through.is_some() {
            return Err(format!("{} is not in the workspace, so its path contains cargo's home", runtime.package));
        }
        // Cargo reads the manifests of all packages, not only those of the runtime.
        let local = self.workspace.metadata.packages.iter().filter(|package| package.source.is_none());
        if let Some(outside) = local.map(|package| &package.manifest_path).find(|path| !path.starts_with(self.root())) {
            return Err(format!("the package in {outside} is outside of the workspace"));
        }
        let build = Path::new(build_root::WORKSPACE);
        let hidden = |path: &Path| self.root() != build && path.starts_with(build);
        if hidden(self.target()) || hidden(&self.context.cache) {
            return Err(format!("the target directory or the cache is below {}", build.display()));
        }
        if [cargo::home(), cargo::rustup_home()].into_iter().flatten().any(|home| hidden(&home)) {
            return Err(format!("the home of cargo or rustup is below {}", build.display()));
        }
        self.build_root.as_ref().map_err(Clone::clone)
    }

    /// Reports that a blob for a chain will not be the one that srtool builds.
    fn check_symbols(&self, runtime: &Runtime, variant: &Variant, task: &Task) -> Result<()> {
        let Err(reason) = self.in_build_root(runtime) else { return Ok(()) };
        match self.symbols {
            Some(Symbols::Srtool) => Err(Failure::environment(format!(
                "{} cannot be built here with the symbols of srtool",
                runtime.package
            ))
            .found(reason)
            .expected(format!("a build of the workspace in {}", build_root::WORKSPACE))
            .hint("--engine podman or docker; or --symbols canonical, which gives another blob")),
            None if variant.profile != "dev" => {
                task.warning(&format!("the blob of {} will differ from srtool's: {reason}", runtime.package));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn root(&self) -> &Path {
        self.workspace.metadata.workspace_root.as_std_path()
    }

    fn target(&self) -> &Path {
        self.workspace.metadata.target_directory.as_std_path()
    }

    /// Returns the target directory that all Wasm projects share. The wrapper's paths are not in
    /// cargo's fingerprints, so each kind of symbols has a directory of its own.
    fn shared(&self, runtime: &Runtime) -> PathBuf {
        let kind = if self.in_build_root(runtime).is_ok() { 0 } else { 2 };
        self.target().join(SHARED[kind + usize::from(self.anew)])
    }

    /// Returns the directory of the Wasm project that the build script creates.
    fn project(&self, runtime: &Runtime) -> PathBuf {
        self.target().join("debug/wbuild").join(&runtime.package)
    }

    /// Returns the blob of an earlier build, if there is one.
    fn known(&self, key: &str) -> Option<Blob> {
        let blob = Record::find(&self.context.cache, key, self.root()).filter(|_| !self.anew)?;
        Some(Blob { rustc: self.toolchain.version().into(), ..blob })
    }

    fn lock(&self, task: &Task) -> Result<File> {
        super::lock(&self.target().join("debug/wbuild/.cutover.lock"), task)
    }

    /// Returns whether the builder is expected to compile the runtime twice, the first time for the
    /// hash of its metadata alone. Builds that verify a blob are compiled without such savings.
    fn has_two_passes(&self, runtime: &Runtime, variant: &Variant) -> bool {
        let hashes_metadata = runtime.compiles_metadata_hash(&variant.features, variant.default_features);
        hashes_metadata && !self.anew && !variant.native
    }

    fn drive(
        &self,
        runtime: &Runtime,
        variant: &Variant,
        passes: Option<&Passes>,
        task: &Task,
        log: &Path,
    ) -> Result<()> {
        self.prepare(runtime)?;
        self.forget_other_workspace()?;
        self.forget_first_passes(runtime)?;
        // The sources that were fetched before may be enough. If not, the build names what is
        // missing.
        let std = wasm_builder::compiles_std(self.workspace, runtime).then_some(self.toolchain.name.as_str());
        let fetched = fetch(self.context, Some(&self.active.name), task);
        if let Err(failure) = fetched.and_then(|()| std.map_or(Ok(()), |name| fetch_std(self.context, name, task))) {
            interrupt::check()?;
            if failure.kind == Kind::Input {
                return Err(failure);
            }
            task.warning(&format!("{failure}; building with what was fetched before"));
        }
        let without_native = !variant.native && self.knows_compile_time_deps()?;
        let binaryen = self.binaryen(task)?;
        let progress = tempfile::NamedTempFile::new()
            .map_err(|error| Failure::environment("cannot make a temporary file").found(error.to_string()))?;
        task.say(&format!("building {} (log in {})", runtime.package, log.display()));
        let outcome = std::thread::scope(|scope| {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            let path = progress.path();
            scope.spawn(move || follow(path, task, &stopped));
            let tool = self.cargo(runtime, variant, passes, progress.path(), without_native, &binaryen)?;
            let outcome = tool.logged(log, |_| {});
            drop(stop);
            outcome
        });
        outcome.map_err(|failure| explain(failure, runtime, self.root(), log))
    }

    /// Returns the settings under which Binaryen is not compiled again.
    fn binaryen(&self, task: &Task) -> Result<binaryen::Settings> {
        let settings = || match Binaryen::of(self.context, self.workspace, &self.host)? {
            Some(binaryen) => binaryen.settings(self.context, &self.active.name, task),
            None => Ok(binaryen::Settings::default()),
        };
        settings().or_else(|failure| {
            interrupt::check()?;
            // The build then compiles it, and says what is wrong if that fails too.
            task.warning(&format!("{failure}; the build compiles Binaryen itself"));
            Ok(binaryen::Settings::default())
        })
    }

    /// Returns whether the workspace's cargo can stop after the build scripts. Older ones compile the
    /// native half too.
    fn knows_compile_time_deps(&self) -> Result<bool> {
        let tool = Tool::new("cargo").args(["check", "--compile-time-deps", "--help"]).directory(self.root());
        let tool = tool.only_env(building(&self.context.cache)?).env("RUSTUP_TOOLCHAIN", &self.active.name);
        Ok(tool.timeout(Duration::from_secs(60)).capture()?.status.success())
    }

    fn cargo(
        &self,
        runtime: &Runtime,
        variant: &Variant,
        passes: Option<&Passes>,
        progress: &Path,
        without_native: bool,
        binaryen: &binaryen::Settings,
    ) -> Result<Tool> {
        let wrapper = toml_string(&part::install(&self.context.cache, Part::RustcWrapper)?)?;
        let (tool, root) = match self.in_build_root(runtime) {
            Ok(build_root) => (build_root.run(self.root(), "cargo"), Path::new(build_root::WORKSPACE)),
            Err(_) => (Tool::new("cargo"), self.root()),
        };
        let mut tool = tool.arg(if variant.native { "build" } else { "check" }).arg("--locked").directory(self.root());
        tool = tool.only_env(building(&self.context.cache)?).env("RUSTUP_TOOLCHAIN", &self.active.name);
        if without_native {
            tool = tool.args(["--compile-time-deps", "-Zunstable-options"]).env(CHANNEL, "nightly");
            // Only for this cargo: the cargo that builds the Wasm must not see it.
            for setting in ["value=\"stable\"", "force=true"] {
                tool = tool.arg("--config").arg(format!("env.{CHANNEL}.{setting}"));
            }
        }
        for setting in &binaryen.workspace {
            tool = tool.arg("--config").arg(setting);
        }
        if self.tools_run_once() {
            // A setting for all packages does not reach those with settings of their own.
            for package in metadata::profiled_packages(&self.context.home)? {
                tool = tool.args(["--config", &format!("profile.dev.package.\"{package}\".opt-level=0")]);
            }
        }
        tool = match &runtime.through {
            None => tool.args(["--package", &runtime.package]).args(features(variant, None)),
            Some(member) => tool.args(["--package", member]).args(features(variant, Some(&runtime.package))),
        };
        let profile = match variant.profile {
            "dev" => "debug",
            other => other,
        };
        if let Some(sccache) = &self.sccache {
            // Cargo passes its wrapper to build scripts, where it overrides the one that is
            // configured for the Wasm build. So both get the same wrapper, which calls sccache.
            tool = tool.arg("--config").arg(format!("build.rustc-wrapper={wrapper}"));
            tool = tool.env(rustc_wrapper::COMPILER_CACHE, &sccache.program);
            for name in sccache::CLIENT {
                if let Some(value) = std::env::var_os(name) {
                    tool = tool.env(name, value);
                }
            }
        }
        if self.in_build_root(runtime).is_err() {
            tool = tool.env(rustc_wrapper::RUNTIME, &runtime.directory);
        }
        if let Some(passes) = passes {
            tool = tool.env(passes::TWO_PASSES, &runtime.package).env(passes::RECORD, passes.record());
        }
        let project = [format!("build.rustc-wrapper={wrapper}")].into_iter().chain(binaryen.project.iter().cloned());
        let project: Vec<_> = project.map(|it| format!("--config '{}'", it.replace('\'', r"'\''"))).collect();
        Ok(tool
            .env("CARGO_TARGET_DIR", self.target())
            .env("WASM_BUILD_TYPE", profile)
            .env("WASM_BUILD_TOOLCHAIN", &self.toolchain.name)
            .env("WASM_BUILD_WORKSPACE_HINT", root)
            .env("WASM_BUILD_NO_COLOR", "1")
            .env("WASM_BUILD_CARGO_ARGS", project.join(" "))
            // The script must run even if cargo sees no change: the last build may have been
            // another variant.
            .env("FORCE_WASM_BUILD", nonce())
            .env(rustc_wrapper::REMAP, self.remap(runtime, variant)?)
            .env(rustc_wrapper::PROGRESS, progress))
    }

    /// Returns whether it is a waste to optimise the code that runs during the build. Cutover's own
    /// workspace optimises it for the worker of the dry run, which shares the executor with the
    /// build scripts. That takes ten minutes, and the scripts run for seconds. If the worker was
    /// built before, the optimised code exists already.
    fn tools_run_once(&self) -> bool {
        let own = self.workspace.metadata.workspace_root.as_std_path() == self.context.home;
        self.alone && own && !workers::is_built(self.context, Worker::DryRun)
    }

    /// Returns the path remapping, with the paths of srtool's builds.
    fn remap(&self, runtime: &Runtime, variant: &Variant) -> Result<String> {
        let pair = |from: &Path, to: &Path| format!("{}={}", from.display(), to.display());
        let cargo_home = cargo::home()?;
        let home = pair(&cargo_home, Path::new("/home/builder/cargo"));
        let build = Path::new(build_root::WORKSPACE);
        Ok(match self.in_build_root(runtime) {
            Ok(_) => [home, pair(&self.project(runtime).join("target"), &self.generated(runtime, variant))].join("\n"),
            // The last prefix that fits counts, so the longer ones come last.
            Err(_) => {
                let (root, target) = (self.root(), self.target());
                let mut pairs = vec![(cargo_home.as_os_str().len(), home)];
                pairs.push((root.as_os_str().len(), pair(root, build)));
                pairs.push((target.as_os_str().len(), pair(target, &build.join("target"))));
                pairs.sort_by_key(|(length, _)| *length);
                pairs.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>().join("\n")
            }
        })
    }

    /// Returns the target directory of the Wasm project in a container of srtool.
    fn generated(&self, runtime: &Runtime, variant: &Variant) -> PathBuf {
        let directory = runtime.directory.strip_prefix(self.root()).unwrap_or(&runtime.directory);
        let target = Path::new(build_root::WORKSPACE).join(directory).join("target/srtool");
        target.join(variant.profile).join("wbuild").join(&runtime.package).join("target")
    }

    /// Returns whether the blob contains the path of code that was generated for another runtime:
    /// the runtimes of a workspace share compiled crates, and srtool's builds do not.
    fn has_paths_of_others(&self, runtime: &Runtime, variant: &Variant) -> Result<bool> {
        let is_blob = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(".compact.wasm"));
        let project = self.project(runtime);
        let entries = std::fs::read_dir(&project).map_err(|error| Failure::io("read", &project, &error))?;
        let Some(blob) = entries.flatten().map(|entry| entry.path()).find(is_blob) else { return Ok(false) };
        if self.in_build_root(runtime).is_err() {
            return Ok(false);
        }
        let blob = files::read_bounded(&blob, super::BLOB_LIMIT)?;
        let own = self.generated(runtime, variant);
        let (own, any) = (own.as_os_str().as_encoded_bytes(), b"/target/srtool/".as_slice());
        let count = |wanted: &[u8]| blob.windows(wanted.len()).filter(|bytes| *bytes == wanted).count();
        Ok(count(any) > count(own))
    }

    /// Removes the compiled packages of the workspace, if another workspace was built last in this
    /// target directory. In `/build` their paths are the same, and cargo compares only the times of
    /// files, so it would take the other workspace's for this one's.
    fn forget_other_workspace(&self) -> Result<()> {
        let record = self.target().join("debug/wbuild/.cutover.workspace");
        let root = self.root().as_os_str().as_encoded_bytes();
        if std::fs::read(&record).is_ok_and(|last| last == root) {
            return Ok(());
        }
        // All packages of the workspace, also those of other runtimes: the record is about all.
        let packages = self.workspace.metadata.packages.iter();
        let local = packages.filter(|package| package.source.is_none()).map(|package| package.name.to_string());
        fingerprints::forget(self.target(), &SHARED, &local.collect())?;
        files::write_whole(&record, root)
    }

    /// Removes what builds that did not come to their end compiled for their first pass: cargo would
    /// take it for finished.
    fn forget_first_passes(&self, runtime: &Runtime) -> Result<()> {
        let passes = Passes::of(&self.shared(runtime));
        fingerprints::forget(self.target(), &SHARED, &passes.packages()?)?;
        passes.remove()
    }

    /// Removes the blobs of earlier builds. The build script would take incomplete ones for
    /// finished, and those of another chain must not be taken for this one's. All Wasm projects then
    /// compile into one directory, so that dependencies are compiled once and not once for each
    /// runtime.
    fn prepare(&self, runtime: &Runtime) -> Result<()> {
        let project = self.project(runtime);
        let io = |error: std::io::Error| Failure::io("prepare", &project, &error);
        std::fs::create_dir_all(&project).map_err(io)?;
        wasm_builder::remove_blobs(&project)?;
        if self.anew {
            self.remove_shared(runtime)?;
        }
        share(&project.join("target"), &self.shared(runtime))
    }

    /// Removes all compiled Wasm code.
    fn remove_shared(&self, runtime: &Runtime) -> Result<()> {
        let shared = self.shared(runtime);
        match std::fs::remove_dir_all(&shared) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("empty", &shared, &error)),
            _ => Ok(()),
        }
    }

    /// Returns the files outside the packages that were compiled into the blob (for example with
    /// `include_bytes!`), with their digests.
    fn extra_sources(&self, runtime: &Runtime, variant: &Variant) -> Result<Vec<(PathBuf, String)>> {
        let profile = if variant.profile == "dev" { "debug" } else { variant.profile };
        // Older builders build for another target.
        let targets = [toolchain::TARGET, wasm_builder::OLD_TARGET];
        let dep_info = targets
            .map(|target| self.shared(runtime).join(target).join(profile).join(format!("{}.d", runtime.library)));
        let Some(text) = dep_info.iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
            return Ok(Vec::new());
        };
        let seen = match self.in_build_root(runtime) {
            Ok(_) => Path::new(build_root::WORKSPACE),
            Err(_) => self.root(),
        };
        super::extra_sources(self.workspace, runtime, &text, seen, self.target())
    }
}

impl Engine for Builder<'_> {
    fn context(&self) -> &Context {
        self.context
    }

    fn name(&self) -> &'static str {
        "host"
    }

    fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String> {
        Builder::key(self, runtime, variant)
    }

    fn plain(&self, runtime: &Runtime) -> bool {
        self.in_build_root(runtime).is_ok()
    }

    fn build(&self, runtime: &Runtime, variant: &Variant, task: &Task, log: &Path) -> Result<Blob> {
        Builder::build(self, runtime, variant, task, log)
    }
}

/// Makes `own` a link to `shared`. If `shared` does not exist yet, it becomes the old directory
/// with its compiled results.
fn share(own: &Path, shared: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("prepare", own, &error);
    if !std::fs::read_link(own).is_ok_and(|to| to == shared) {
        match std::fs::symlink_metadata(own) {
            Err(_) => {}
            Ok(metadata) if metadata.is_dir() && !shared.exists() => std::fs::rename(own, shared).map_err(io)?,
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(own).map_err(io)?,
            Ok(_) => std::fs::remove_file(own).map_err(io)?,
        }
        std::os::unix::fs::symlink(shared, own).map_err(io)?;
    }
    std::fs::create_dir_all(shared).map_err(io)
}

pub(super) fn features(variant: &Variant, dependency: Option<&str>) -> Vec<String> {
    let mut arguments = Vec::new();
    if !variant.features.is_empty() {
        let prefix = dependency.map(|name| format!("{name}/")).unwrap_or_default();
        let features = variant.features.iter().map(|feature| match feature.starts_with(&prefix) {
            true => feature.clone(),
            false => format!("{prefix}{feature}"),
        });
        arguments.extend(["--features".to_owned(), features.collect::<Vec<_>>().join(",")]);
    }
    if !variant.default_features && dependency.is_none() {
        arguments.push("--no-default-features".into());
    }
    arguments
}

fn nonce() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", now.as_nanos(), std::process::id())
}

fn toml_string(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.contains(['"', '\\', '\n'])).ok_or_else(|| {
        Failure::environment(format!("{} cannot be used in cargo's configuration", path.display()))
            .expected("a path in UTF-8 without quotes and backslashes")
            .hint("set CUTOVER_CACHE to another directory")
    })?;
    Ok(format!("\"{text}\""))
}

/// Shows which crate is being compiled for Wasm. Cargo hides a build script's output until it
/// fails.
fn follow(progress: &Path, task: &Task, stopped: &std::sync::mpsc::Receiver<()>) {
    let Ok(mut file) = std::fs::File::open(progress) else { return };
    let mut read = 0;
    let mut crates = 0;
    loop {
        let ended = stopped.recv_timeout(Duration::from_millis(300)) != Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        let mut text = String::new();
        if file.seek(std::io::SeekFrom::Start(read)).is_ok() && file.read_to_string(&mut text).is_ok() {
            read += text.len() as u64;
            crates += text.lines().count();
            if let Some(last) = text.lines().last() {
                task.tick(&format!("{crates} crates compiled for Wasm, now {last}"));
            }
        }
        if ended || interrupt::happened() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compiled_before_sharing_is_shared() {
        let directory = tempfile::tempdir().expect("a directory");
        let (own, shared) = (directory.path().join("project/target"), directory.path().join("wasm"));
        std::fs::create_dir_all(own.join("release")).expect("made");
        share(&own, &shared).expect("shared");
        assert!(shared.join("release").is_dir() && own.join("release").is_dir());
        assert_eq!(std::fs::read_link(&own).expect("a link"), shared);
        share(&own, &shared).expect("shared already");

        // A second project has a directory of its own: the shared one stays.
        let second = directory.path().join("second");
        std::fs::create_dir_all(second.join("debug")).expect("made");
        share(&second, &shared).expect("shared");
        assert!(second.join("release").is_dir() && !second.join("debug").exists());

        let other = directory.path().join("other");
        share(&own, &other).expect("pointed elsewhere");
        assert_eq!(std::fs::read_link(&own).expect("a link"), other);
        assert!(other.is_dir() && shared.join("release").is_dir());
    }

    #[test]
    fn features_of_a_dependency_are_named_with_it() {
        let variant = Variant {
            profile: "release",
            features: vec!["a".into(), "b".into()],
            default_features: false,
            native: false,
        };
        assert_eq!(features(&variant, None), ["--features", "a,b", "--no-default-features"]);
        assert_eq!(features(&variant, Some("solo")), ["--features", "solo/a,solo/b"]);
        let variant = Variant { features: vec!["solo/a".into(), "pallet/b".into()], ..variant };
        assert_eq!(features(&variant, Some("solo"))[1], "solo/a,solo/pallet/b", "which `check_features` refuses");
        assert_eq!(features(&variant, None)[1], "solo/a,pallet/b");
    }

    #[test]
    fn a_path_that_would_end_the_configuration_is_refused() {
        assert_eq!(toml_string(Path::new("/a b")).expect("fine"), "\"/a b\"");
        assert!(toml_string(Path::new("/a\"b")).is_err());
    }
}
