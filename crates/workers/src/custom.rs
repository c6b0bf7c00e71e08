// SPDX-License-Identifier: Apache-2.0
//! Builds workers that contain the host functions of a chain's own node, if the workspace's
//! configuration names a type with them.
//!
//! Such a worker is a small package that calls Cutover's worker with that type. It is in a separate
//! workspace in the cache: Cutover's manifest and lock file with one more member, and links to
//! Cutover's sources. So the sources have the same paths and settings as in Cutover's workspace,
//! and cargo reuses their compiled crates in the same target directory. Only the named crate is
//! compiled, and the worker is linked.

use super::Worker;
use console::printer::Task;
use process::Tool;
use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use toml_edit::{DocumentMut, Item, Value};
use worker::{Code, Failure, Result};
use workspace::{
    cargo as environment,
    context::Context,
    inputs::Digester,
    runtimes::{self, HostFunctions},
};

/// The crate that defines host functions. The executor must use the same version.
const INTERFACE: &str = "sp-wasm-interface";
/// The requirement for `sp-crypto-ec-utils`, of polkadot-sdk 2609.
const CURVES_SOURCE: &str = "version = \"=0.24.0\", features = [\"all-curves\", \"rfc163\"]";
/// Other variables that decide whether cargo reuses compiled dependencies.
const SETTINGS: [&str; 2] = ["CARGO_INCREMENTAL", "RUSTFLAGS"];
const LIMIT: u64 = 16 * 1024 * 1024;

/// A worker with the chain's own host functions.
pub struct CustomWorker {
    /// The name of the program and its package.
    pub name: String,
    /// The directory of the workspace in the cache.
    pub root: PathBuf,
    worker: Worker,
    functions: HostFunctions,
}

impl CustomWorker {
    /// Returns the custom worker, if the workspace configures host functions and the worker
    /// executes runtimes.
    pub fn of(context: &Context, worker: Worker) -> Result<Option<Self>> {
        if !matches!(worker, Worker::Benchmark | Worker::DryRun | Worker::Fork) {
            return Ok(None);
        }
        let Some(functions) = runtimes::configured_host_functions(context)? else { return Ok(None) };
        let mut digest = Digester::new();
        let of = functions.directory.as_deref().unwrap_or(Path::new(&functions.package));
        digest.word("crate", of.as_os_str().as_encoded_bytes());
        digest.word("type", &functions.path);
        let key: String = digest.finish().trim_start_matches("0x").chars().take(16).collect();
        let name = format!("{}-{key}", worker.name());
        let root = context.cache.join("host-functions").join(&name);
        Ok(Some(Self { name, root, worker, functions }))
    }

    /// Returns the directories with sources outside Cutover's workspace.
    pub fn sources<'a>(&'a self, context: &'a Context) -> Vec<&'a Path> {
        self.functions.directory.as_deref().into_iter().chain([context.workspace.as_path()]).collect()
    }

    /// Writes the files of the workspace that are missing or out of date.
    pub fn prepare(&self, context: &Context) -> Result<()> {
        let home = |name: &str| context.home.join(name);
        let manifest = text(&home("Cargo.toml"))?;
        let (manifest, folders) = with_own(&manifest, &home("Cargo.toml"))?;
        let package = self.root.join("own");
        std::fs::create_dir_all(package.join("src")).map_err(|error| Failure::io("make", &package, &error))?;
        for name in folders.iter().map(String::as_str).chain(["rust-toolchain.toml"]) {
            link(&home(name), &self.root.join(name))?;
        }
        refresh(&self.root.join("Cargo.toml"), &manifest)?;
        refresh(&package.join("Cargo.toml"), &self.manifest(context)?)?;
        refresh(&package.join("src/main.rs"), &self.program())?;
        // In this copy of the lock file cargo adds the dependencies of the crate.
        let (lock, taken) = (text(&home("Cargo.lock"))?, self.root.join("Cargo.lock"));
        if refresh(&self.root.join("Cargo.lock.of-cutover"), &lock)? || !taken.is_file() {
            refresh(&taken, &lock)?;
        }
        Ok(())
    }

    fn manifest(&self, context: &Context) -> Result<String> {
        let string = |text: &str| Value::from(text).to_string();
        let folder = self.worker.name().trim_start_matches("cutover-");
        Ok(format!(
            "# Made by Cutover, which overwrites it.\n[package]\nname = {}\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             publish = false\n\n[dependencies]\nworker = {{ package = {}, path = {} }}\n\
             host-functions = {{ package = {}, {} }}\n",
            string(&self.name),
            string(self.worker.name()),
            string(&format!("../crates/{folder}")),
            string(&self.functions.package),
            self.source(context)?,
        ))
    }

    /// Returns the crate's source as a requirement in a manifest.
    fn source(&self, context: &Context) -> Result<String> {
        let Some(directory) = &self.functions.directory else { return Ok(CURVES_SOURCE.to_owned()) };
        // A member of Cutover's own workspace is also a member of this workspace.
        let directory = match directory.strip_prefix(&context.home) {
            Ok(inside) if !context.foreign() => Path::new("..").join(inside),
            _ => directory.clone(),
        };
        let directory = directory.to_str().ok_or_else(|| {
            Failure::environment(format!("{} cannot be used in a manifest", directory.display()))
                .expected("a path in UTF-8")
        })?;
        Ok(format!("path = {}", Value::from(directory)))
    }

    fn program(&self) -> String {
        format!(
            "//! Made by Cutover, which overwrites it.\nfn main() -> std::process::ExitCode {{\n    \
             worker::main::<host_functions::{}>()\n}}\n",
            self.functions.path
        )
    }

    /// Fetches missing sources with the network, without running any of their code. Then builds
    /// without the network.
    pub fn build(&self, context: &Context, target: &Path, task: &Task) -> Result<()> {
        let named = format!("{}::{}", self.functions.package, self.functions.path);
        let log = context.log(&format!("build-{}", self.name));
        let _ = std::fs::remove_file(&log);
        let cargo = |environment: Vec<_>| {
            let program = if context.adopted { "cargo".into() } else { super::program() };
            let mut tool = Tool::new(program).only_env(environment).directory(&self.root);
            let kept = SETTINGS.into_iter().chain((!context.adopted).then_some("RUSTUP_TOOLCHAIN"));
            for (name, value) in kept.filter_map(|name| Some((name, std::env::var_os(name)?))) {
                tool = tool.env(name, value);
            }
            tool
        };
        task.say(&format!("building {} with {named} (log in {})", self.worker.name(), log.display()));
        let fetched = cargo(environment::fetching()).args(["fetch", "--target", "host-tuple"]).logged(&log, |_| {});
        if let Err(failure) = fetched {
            process::interrupt::check()?;
            // The sources that were fetched before may be enough. If not, the build names what is
            // missing.
            task.warning(&format!("{failure}; building with what was fetched before"));
        }
        self.expect_one_interface()?;
        let mut compiled = 0;
        let built = cargo(environment::building(&context.cache)?)
            .args(["build", "--offline", "--package", &self.name])
            .env("SKIP_WASM_BUILD", "1")
            .env("CARGO_TARGET_DIR", target)
            .logged(&log, |line| {
                if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
                    compiled += 1;
                    task.tick(&format!("building {}: {compiled} compiled, now {name}", self.worker.name()));
                }
            });
        self.expect_one_interface()?;
        built.map_err(|failure| {
            let errors = std::fs::File::open(&log).map(environment::build_errors).unwrap_or_default();
            if !failure.is(Code::ProgramFailed) || errors.is_empty() {
                return failure;
            }
            Failure { hint: failure.hint, ..Failure::input(format!("cannot build a worker with {named}")) }
                .found(errors)
                .expected("a public type that implements sp_wasm_interface::HostFunctions")
        })
    }

    /// Checks that there is only one version of `sp-wasm-interface`. Host functions of another
    /// version do not work with the executor. The compiler would report it only after 15 minutes,
    /// and less clearly.
    fn expect_one_interface(&self) -> Result<()> {
        let versions = |name: &str| text(&self.root.join(name)).map(|text| versions(&text, INTERFACE));
        let executors = versions("Cargo.lock.of-cutover")?;
        let others: Vec<_> = versions("Cargo.lock")?.difference(&executors).cloned().collect();
        if others.is_empty() {
            return Ok(());
        }
        let executors = executors.into_iter().collect::<Vec<_>>().join(", ");
        Err(Failure::input(format!(
            "the host functions of {} are not those of Cutover's executor",
            self.functions.package
        ))
        .found(format!("{INTERFACE} {}", others.join(", ")))
        .expected(format!("{INTERFACE} {executors}, of polkadot-sdk 2609"))
        .hint(format!(
            "use crates of that release in {} and its dependencies, or move its `#[runtime_interface]` traits into a \
                 separate crate that uses them",
            self.functions.package
        )))
    }
}

/// Returns Cutover's manifest with the member `own`, and the folders of the other members.
fn with_own(manifest: &str, path: &Path) -> Result<(String, BTreeSet<String>)> {
    let unknown = || Failure::internal(format!("{} lists no members", path.display()));
    let mut document: DocumentMut = manifest.parse().map_err(|_| unknown())?;
    let members = document.get_mut("workspace").and_then(|workspace| workspace.get_mut("members"));
    let members = members.and_then(Item::as_array_mut).ok_or_else(unknown)?;
    let folders = members.iter().filter_map(Value::as_str).filter_map(|member| member.split('/').next());
    let folders = folders.map(str::to_owned).collect();
    members.push("own");
    Ok((document.to_string(), folders))
}

/// Returns the versions of a package in a lock file, with their source unless that is a registry.
fn versions(lock: &str, package: &str) -> BTreeSet<String> {
    let document: DocumentMut = lock.parse().unwrap_or_default();
    let packages = document.get("package").and_then(Item::as_array_of_tables);
    let entries = packages.into_iter().flatten();
    let string = |table: &toml_edit::Table, key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    entries
        .filter(|table| string(table, "name").as_deref() == Some(package))
        .filter_map(|table| {
            let version = string(table, "version")?;
            Some(match string(table, "source") {
                Some(source) if source.starts_with("registry+") => version,
                Some(source) => format!("{version} of {}", protocol::hide_addresses(&source)),
                None => format!("{version} of a directory"),
            })
        })
        .collect()
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(files::read_bounded(path, LIMIT)?)
        .map_err(|_| Failure::input(format!("{} is not text", path.display())))
}

/// Writes the file unless it has this content. Returns whether it was written.
fn refresh(path: &Path, content: &str) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|present| present == content.as_bytes()) {
        return Ok(false);
    }
    files::write_whole(path, content.as_bytes()).map(|()| true)
}

fn link(to: &Path, at: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("make the link", at, &error);
    if std::fs::read_link(at).is_ok_and(|present| present == to) {
        return Ok(());
    }
    match std::fs::remove_file(at) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    match std::os::unix::fs::symlink(to, at) {
        // Another process created it first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(io),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_gets_one_more_member() {
        let manifest = "[workspace]\nmembers = [\n    \"crates/*\",\n    \"runtimes/pallets/*\",\n    \"xtask\",\n]\n\
                        [profile.dev]\nopt-level = 1\n";
        let (made, folders) = with_own(manifest, Path::new("Cargo.toml")).expect("made");
        assert_eq!(folders.into_iter().collect::<Vec<_>>(), ["crates", "runtimes", "xtask"]);
        assert!(made.contains("\"own\"") && made.contains("\"crates/*\""), "{made}");
        assert!(made.ends_with("[profile.dev]\nopt-level = 1\n"), "{made}");
        assert!(with_own("[package]\n", Path::new("Cargo.toml")).is_err());
    }

    #[test]
    fn host_functions_of_another_release_are_refused_with_both_versions() {
        let root = tempfile::tempdir().expect("a directory");
        let functions =
            HostFunctions { package: "own-functions".into(), directory: None, path: "HostFunctions".into() };
        let own =
            CustomWorker { name: "own".into(), root: root.path().to_path_buf(), worker: Worker::DryRun, functions };
        let entry = |version: &str| {
            format!("[[package]]\nname = \"{INTERFACE}\"\nversion = \"{version}\"\nsource = \"registry+https://x\"\n")
        };
        let write = |name: &str, text: &str| refresh(&root.path().join(name), text).expect("written");
        write("Cargo.lock.of-cutover", &entry("27.0.0"));
        write("Cargo.lock", &entry("27.0.0"));
        own.expect_one_interface().expect("one");
        write("Cargo.lock", &[entry("27.0.0"), entry("21.0.1")].concat());
        let failure = own.expect_one_interface().expect_err("two");
        assert_eq!(failure.kind, worker::Kind::Input);
        assert_eq!(failure.found.as_deref(), Some("sp-wasm-interface 21.0.1"));
        assert!(failure.expected.as_deref().is_some_and(|text| text.contains("27.0.0")), "{failure:?}");
        assert!(failure.hint.as_deref().is_some_and(|text| text.contains("own-functions")), "{failure:?}");
    }

    #[test]
    fn versions_are_listed_with_their_sources() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://x\"\n\
                    [[package]]\nname = \"a\"\nversion = \"2.0.0\"\n[[package]]\nname = \"b\"\nversion = \"3.0.0\"\n";
        assert_eq!(versions(lock, "a").into_iter().collect::<Vec<_>>(), ["1.0.0", "2.0.0 of a directory"]);
        assert!(versions("no lock file", "a").is_empty());
    }
}
