// SPDX-License-Identifier: Apache-2.0
//! Keeps Binaryen compiled, which the builder of Wasm uses.
//!
//! The package `wasm-opt-sys` compiles Binaryen from C++: ten minutes on two cores. Cargo does so in each target directory,
//! and once more for the Wasm project of a runtime whose feature `metadata-hash` names `substrate-wasm-builder` without a
//! question mark. So the library is compiled once, in a directory of its own, and kept in the cache. Builds take it through
//! cargo's own setting for a library that exists already (`target.<triple>.<links>`), in the place of the build script.
//!
//! The library is compiled without optimisation, whatever the workspace's profile says. That changes the time that it takes
//! and not what it does.

use console::printer::Task;
use process::Tool;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use worker::{Failure, Result};
use workspace::{
    cargo::{self, building},
    context::Context,
    inputs,
    inputs::Digester,
    runtimes::Workspace,
};

/// The package that compiles Binaryen.
const PACKAGE: &str = "wasm-opt-sys";
/// The name of the library in the package's manifest, `links`.
const LINKS: &str = "binaryen";
/// The packages whose versions decide what is compiled: the C++ sources, and the compilation.
const COMPILES: [&str; 4] = [PACKAGE, "cxx", "cxx-build", "cc"];
/// What the build script printed, in cargo's directory of a script that ran.
const OUTPUT: &str = "output";
/// The directory for which the script was run, in the same place.
const ROOT: &str = "root-output";
/// The sizes of the files of a kept library.
const SIZES: &str = "sizes";
/// The size limit of these files, in bytes. The longest has some sixty lines.
const LIMIT: u64 = 1024 * 1024;
/// The time without use after which a kept library is removed. Each takes 280 MB.
const OUTDATED: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// The time after which a half-written one is removed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The variables that a program inherits.
type Environment = Vec<(OsString, OsString)>;

/// Binaryen of one version, compiled by one C++ compiler for one target.
pub struct Binaryen {
    /// The directory in the cache.
    kept: PathBuf,
    /// The directory in which cargo runs the build scripts of the workspace.
    scripts: PathBuf,
    /// The directory of the package with the sources.
    sources: PathBuf,
    /// The target that the library is compiled for.
    target: String,
    /// The lock file of the workspace.
    lock: PathBuf,
    /// The package as a dependency in a manifest, if it may be compiled alone.
    dependency: Option<String>,
}

/// The settings for cargo under which a kept library is used, as values of its option `--config`.
#[derive(Debug, Default)]
pub struct Settings {
    /// For the build of the workspace. There are none if its target directory has a library of its own: other calls of
    /// cargo use that one, and would then compile it again.
    pub workspace: Vec<String>,
    /// For the Wasm project.
    pub project: Vec<String>,
}

impl Binaryen {
    /// Returns the Binaryen of a workspace. `rustc` is the output of `rustc -vV`. Returns `None` if the workspace uses none,
    /// or one that no version names.
    pub fn of(context: &Context, workspace: &Workspace, rustc: &str) -> Result<Option<Self>> {
        let metadata = &workspace.metadata;
        let compiling = || metadata.packages.iter().filter(|package| COMPILES.contains(&package.name.as_str()));
        let mut found = compiling().filter(|package| package.name.as_str() == PACKAGE);
        let (Some(package), None) = (found.next(), found.next()) else { return Ok(None) };
        let Some(target) = crate::toolchain::field(rustc, "host") else { return Ok(None) };
        if package.links.as_deref() != Some(LINKS) {
            return Ok(None);
        }
        let environment = building(&context.cache)?;
        let compiler = Tool::new("c++").arg("--version").only_env(environment).timeout(Duration::from_secs(60));
        let Ok(compiler) = compiler.output() else { return Ok(None) };
        let mut digest = Digester::new();
        digest.word("target", target);
        digest.word("c++", compiler);
        // The kept headers are links to the package's own directory.
        digest.word("directory", package.manifest_path.as_str());
        for package in compiling() {
            let Some(source) = &package.source else { return Ok(None) };
            digest.word(&package.name, format!("{} {source}", package.version));
        }
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let node = nodes.into_iter().find(|node| node.id == package.id);
        let features: Vec<_> = node.iter().flat_map(|node| &node.features).map(|feature| feature.as_str()).collect();
        digest.word("features", features.join(","));
        for path in configurations(metadata.workspace_root.as_std_path())? {
            digest.word("configuration", inputs::file_digest(&path)?);
        }
        // In Cutover's own workspace the tests and the linter need the library in the target directory too, so it is
        // compiled there.
        let is_own = metadata.workspace_root.as_std_path() == context.home;
        let features: Vec<_> = features.iter().map(|feature| format!("\"{feature}\"")).collect();
        let version = format!("version = \"={}\", default-features = false", package.version);
        let dependency = (!is_own).then(|| format!("{{ {version}, features = [{}] }}", features.join(", ")));
        let directory = metadata.build_directory.as_ref().unwrap_or(&metadata.target_directory);
        let kept = context.cache.join(LINKS).join(digest.finish().trim_start_matches("0x"));
        let scripts = directory.as_std_path().join("debug/build");
        let sources = package.manifest_path.as_std_path().with_file_name("");
        let lock = metadata.workspace_root.as_std_path().join("Cargo.lock");
        Ok(Some(Self { kept, scripts, sources, target: target.to_owned(), lock, dependency }))
    }

    /// Returns the settings under which the kept library is used. Compiles and keeps it first if that saves time.
    pub fn settings(&self, context: &Context, toolchain: &str, task: &Task) -> Result<Settings> {
        let own = compiled(&self.scripts)?;
        let mut settings = self.kept_settings()?;
        if settings.is_empty() {
            let _lock = super::lock(&self.kept.with_extension("lock"), task)?;
            // Another build may have kept it in the meantime.
            settings = self.kept_settings()?;
            if settings.is_empty() {
                self.fill(own.as_slice(), context, toolchain, task)?;
                settings = self.kept_settings()?;
            }
        }
        Ok(match own.is_empty() {
            true => Settings { workspace: settings.clone(), project: settings },
            false => Settings { workspace: Vec::new(), project: settings },
        })
    }

    /// Keeps the library that the workspace has compiled, or compiles one.
    fn fill(&self, own: &[PathBuf], context: &Context, toolchain: &str, task: &Task) -> Result<()> {
        match own {
            [script] => self.keep(script),
            [] => match &self.dependency {
                Some(dependency) => {
                    let mut environment = building(&context.cache)?;
                    environment.push(("RUSTUP_TOOLCHAIN".into(), toolchain.into()));
                    self.compile(dependency, &context.log("build-binaryen"), environment, task)
                }
                None => Ok(()),
            },
            // Which of them belongs to these sources is not known.
            _ => Ok(()),
        }
    }

    /// Compiles the library in a package of its own, with the versions of the workspace's lock file, and keeps it. Cargo
    /// compiles no package alone that only build scripts of a workspace depend on.
    fn compile(&self, dependency: &str, log: &Path, environment: Environment, task: &Task) -> Result<()> {
        let parent = self.parent()?;
        let io = |error: std::io::Error| Failure::own_io("write into", parent, &error);
        let scratch = tempfile::Builder::new().prefix(".partial-").tempdir_in(parent).map_err(io)?;
        let manifest = format!(
            "[package]\nname = \"cutover-binaryen\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[dependencies]\n\
             {PACKAGE} = {dependency}\n\n[profile.dev]\nopt-level = 0\ndebug = false\n\n[workspace]\n"
        );
        files::write_whole(&scratch.path().join("Cargo.toml"), manifest.as_bytes())?;
        files::write_whole(&scratch.path().join("src/lib.rs"), b"")?;
        if self.lock.is_file() {
            std::fs::copy(&self.lock, scratch.path().join("Cargo.lock")).map_err(io)?;
        }
        task.say("compiling Binaryen, which is kept for later builds");
        let target = scratch.path().join("target");
        let tool = Tool::new("cargo").args(["build", "--offline"]).directory(scratch.path());
        tool.only_env(environment).env("CARGO_TARGET_DIR", &target).logged(log, |line| task.tick(line))?;
        match compiled(&target.join("debug/build"))?.as_slice() {
            [script] => self.keep(script),
            _ => Ok(()),
        }
    }

    /// Returns the settings for the kept library; none if there is none, or not all of it.
    fn kept_settings(&self) -> Result<Vec<String>> {
        if !self.kept.is_dir() {
            return Ok(Vec::new());
        }
        let read = |name: &str| files::read_bounded(&self.kept.join(name), LIMIT);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let printed = read(OUTPUT).ok().and_then(|bytes| Printed::read(&text(bytes)));
        let is_whole = read(SIZES).is_ok_and(|known| sizes(&self.kept).is_ok_and(|sizes| sizes == text(known)));
        let Some(printed) = printed.filter(|printed| is_whole && printed.exists()) else {
            remove(&self.kept);
            return Ok(Vec::new());
        };
        // So that it is seen to be used.
        let _ = std::fs::File::open(self.kept.join(OUTPUT)).and_then(|file| file.set_modified(SystemTime::now()));
        let name = format!("target.{}.{LINKS}", self.target);
        let lists = printed.lists.iter().map(|(key, values)| format!("{name}.{key}={}", toml_list(values)));
        let values = printed.values.iter().map(|(key, value)| format!("{name}.{key}={}", toml_text(value)));
        Ok(lists.chain(values).collect())
    }

    fn parent(&self) -> Result<&Path> {
        let parent = self.kept.parent().unwrap_or(&self.kept);
        std::fs::create_dir_all(parent).map_err(|error| Failure::own_io("make", parent, &error))?;
        remove_outdated(parent);
        Ok(parent)
    }

    /// Keeps what a build script has compiled.
    fn keep(&self, script: &Path) -> Result<()> {
        let parent = self.parent()?;
        let io = |error: std::io::Error| Failure::own_io("write into", parent, &error);
        let text = |name: &str| -> Result<String> {
            let bytes = files::read_bounded(&script.join(name), LIMIT)?;
            Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
        };
        // Cargo does not run a script again whose target directory moved. It replaces the directory in what was printed.
        let (output, root) = (text(OUTPUT)?, text(ROOT)?);
        let own = |text: &str| text.replace(&root, &self.kept.to_string_lossy());
        let out = script.join("out");
        let printed = Printed::read(&output.replace(&root, &out.to_string_lossy()));
        // A vendored package in a build that sees another root has paths that nobody else sees. An old script may be that
        // of another version.
        if printed.is_none_or(|printed| !printed.exists() || !printed.names(&self.sources)) {
            return Ok(());
        }
        let fresh = tempfile::Builder::new().prefix(".partial-").tempdir_in(parent).map_err(io)?;
        for entry in files::below(&out).min_depth(1) {
            let entry = files::listed(entry)?;
            let to = fresh.path().join(entry.path().strip_prefix(&out).unwrap_or(entry.path()));
            let kind = entry.file_type();
            if kind.is_dir() {
                std::fs::create_dir_all(&to).map_err(io)?;
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).map_err(io)?;
                std::os::unix::fs::symlink(own(&target.to_string_lossy()), &to).map_err(io)?;
            } else if entry.path().extension().is_none_or(|extension| extension != "o") {
                std::fs::copy(entry.path(), &to).map_err(io)?;
            }
        }
        files::write_whole(&fresh.path().join(OUTPUT), own(&output).as_bytes())?;
        files::write_whole(&fresh.path().join(SIZES), sizes(fresh.path())?.as_bytes())?;
        match std::fs::rename(fresh.path(), &self.kept) {
            // Another build kept the same library in the meantime.
            Err(_) if self.kept.is_dir() => Ok(()),
            renamed => renamed.map_err(io),
        }
    }
}

/// Returns cargo's configuration files for a directory. They may name another compiler, or flags for it.
fn configurations(root: &Path) -> Result<Vec<PathBuf>> {
    let homes = root.ancestors().map(|directory| directory.join(".cargo")).chain([cargo::home()?]);
    let files = homes.flat_map(|home| [home.join("config.toml"), home.join("config")]);
    let mut found: Vec<_> = files.filter(|path| path.is_file()).collect();
    found.dedup();
    Ok(found)
}

/// Returns the directories of the scripts that have compiled the library.
fn compiled(scripts: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(scripts) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io("read", scripts, &error)),
    };
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(PACKAGE).is_some_and(|rest| rest.starts_with('-')) && path.join(OUTPUT).is_file()
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(named).collect())
}

/// Returns the sizes of all files in a kept library. A crash may leave files without their content.
fn sizes(directory: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for entry in files::below(directory).min_depth(1) {
        let entry = files::listed(entry)?;
        let name = entry.path().strip_prefix(directory).unwrap_or(entry.path()).display().to_string();
        if entry.file_type().is_file() && ![OUTPUT, SIZES].contains(&name.as_str()) {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            lines.push(format!("{size} {name}\n"));
        }
    }
    lines.sort();
    Ok(lines.concat())
}

/// Removes a library. What cannot be removed only wastes disk space.
fn remove(directory: &Path) {
    // So that no build takes one of which half is removed.
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let aside = directory.with_file_name(format!(".partial-{name}-{}", std::process::id()));
    if std::fs::rename(directory, &aside).is_ok() {
        let _ = std::fs::remove_dir_all(&aside);
    }
}

fn remove_outdated(directory: &Path) {
    let age = |path: &Path| std::fs::metadata(path).and_then(|it| it.modified()).ok()?.elapsed().ok();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        let path = entry.path();
        let is_half = entry.file_name().to_string_lossy().starts_with(".partial-");
        let (age, limit) = if is_half { (age(&path), ABANDONED) } else { (age(&path.join(OUTPUT)), OUTDATED) };
        if age.is_some_and(|age| age > limit) {
            remove(&path);
        }
    }
}

/// What the build script told cargo.
#[derive(Debug, Default, PartialEq, Eq)]
struct Printed {
    /// The libraries, and the directories in which they are.
    lists: BTreeMap<String, Vec<String>>,
    /// The values for the build scripts of dependent packages.
    values: BTreeMap<String, String>,
}

impl Printed {
    /// Reads the instructions to cargo. Returns `None` if there is one that the settings cannot have.
    fn read(output: &str) -> Option<Self> {
        let mut printed = Self::default();
        let instructions = output.lines().filter_map(|line| line.strip_prefix("cargo:"));
        for instruction in instructions.map(|line| line.strip_prefix(':').unwrap_or(line)) {
            let (key, value) = instruction.split_once('=')?;
            let (key, value) = if key == "metadata" { value.split_once('=')? } else { (key, value) };
            match key {
                "rerun-if-changed" | "rerun-if-env-changed" | "warning" => continue,
                "rustc-link-lib" | "rustc-link-search" => {
                    printed.lists.entry(key.to_owned()).or_default().push(value.to_owned());
                }
                _ if key.starts_with("rustc-") || key == "error" => return None,
                _ if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => return None,
                _ => drop(printed.values.insert(key.to_owned(), value.to_owned())),
            }
            if value.contains(['"', '\\', '\'']) || value.contains(char::is_control) {
                return None;
            }
        }
        Some(printed)
    }

    /// Returns whether the package in this directory printed it: it names the directory of its headers.
    fn names(&self, sources: &Path) -> bool {
        self.values.values().any(|value| Path::new(value).starts_with(sources))
    }

    /// Returns whether all paths among the values are there.
    fn exists(&self) -> bool {
        self.values.values().map(Path::new).all(|path| path.is_relative() || path.exists())
    }
}

fn toml_text(value: &str) -> String {
    format!("\"{value}\"")
}

fn toml_list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| toml_text(value)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn binaryen(root: &Path, target: &str) -> Binaryen {
        let rustc = crate::toolchain::verbose_version(Path::new("rustc")).expect("a compiler");
        let host = crate::toolchain::field(&rustc, "host").expect("a host");
        let scripts = root.join(target).join("debug/build");
        let sources = root.join(PACKAGE);
        let dependency = Some(format!("{{ path = \"{}\" }}", sources.display()));
        let (kept, lock) = (root.join("kept/one"), root.join("Cargo.lock"));
        Binaryen { kept, scripts, sources, target: host.into(), lock, dependency }
    }

    /// A package that compiles a library, and one whose build script uses it, as `wasm-opt-sys` and
    /// the packages above it do.
    fn packages(root: &Path) {
        let manifest = |name: &str, rest: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n{rest}")
        };
        let of = |name: &str, file: &str| root.join(name).join(file);
        write(&of(PACKAGE, "Cargo.toml"), &manifest(PACKAGE, "links = \"binaryen\"\n"));
        write(&of(PACKAGE, "src/lib.rs"), "unsafe extern \"C\" { pub safe fn answer() -> u32; }\n");
        let script = r##"use std::{env::var, fs, path::Path, process::Command};
            fn main() {
                let out = var("OUT_DIR").unwrap();
                let out = Path::new(&out);
                fs::write(out.join("answer.rs"), "#[unsafe(no_mangle)] pub extern \"C\" fn answer() -> u32 { 42 }").unwrap();
                fs::write(out.join("one.o"), "an object").unwrap();
                fs::create_dir_all(out.join("include")).unwrap();
                fs::write(out.join("include/answer.h"), "answer").unwrap();
                let _ = fs::remove_file(out.join("link.h"));
                std::os::unix::fs::symlink(out.join("include/answer.h"), out.join("link.h")).unwrap();
                let built = Command::new(var("RUSTC").unwrap())
                    .args(["--crate-type=staticlib", "-Cpanic=abort", "--crate-name=answer"])
                    .arg(out.join("answer.rs")).arg("--out-dir").arg(out).status();
                assert!(built.unwrap().success());
                println!("cargo:rerun-if-changed=build.rs\nsome words\ncargo:warning=a \"warning\"");
                println!("cargo:rustc-link-lib=static=answer");
                println!("cargo:rustc-link-search=native={}", out.display());
                println!("cargo:INCLUDE={}", out.join("include").display());
                println!("cargo::metadata=NAME=answers");
                println!("cargo:SOURCES={}/src", var("CARGO_MANIFEST_DIR").unwrap());
            }"##;
        write(&of(PACKAGE, "build.rs"), script);
        let dependency = format!("[dependencies]\n{PACKAGE} = {{ path = \"../{PACKAGE}\" }}\n[workspace]\n");
        write(&of("user", "Cargo.toml"), &manifest("user", &dependency));
        let reads = "fn main() { for name in [\"INCLUDE\", \"NAME\"] {\n\
            println!(\"cargo:rustc-env={name}={}\", std::env::var(format!(\"DEP_BINARYEN_{name}\")).unwrap()); } }";
        write(&of("user", "build.rs"), reads);
        let prints = "fn main() { println!(\"{} {} {}\", wasm_opt_sys::answer(), env!(\"INCLUDE\"), env!(\"NAME\")) }";
        write(&of("user", "src/main.rs"), prints);
    }

    fn run(root: &Path, target: &str, settings: &[String]) -> String {
        let mut tool = Tool::new("cargo").args(["run", "--quiet", "--offline"]).directory(&root.join("user"));
        for setting in settings {
            tool = tool.arg("--config").arg(setting);
        }
        tool.env("CARGO_TARGET_DIR", root.join(target)).output().expect("it runs").trim().to_owned()
    }

    fn keep_of(library: &Binaryen) {
        for script in compiled(&library.scripts).expect("read") {
            library.keep(&script).expect("kept, or not");
        }
    }

    #[test]
    fn another_target_directory_takes_the_kept_library() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        packages(root);
        let first = binaryen(root, "first");
        assert!(first.kept_settings().expect("read").is_empty());
        assert!(run(root, "first", &[]).starts_with("42 "));
        keep_of(&first);
        assert!(!first.kept.join("one.o").exists(), "the library has the objects");
        assert_eq!(std::fs::read_link(first.kept.join("link.h")).expect("a link"), first.kept.join("include/answer.h"));

        let second = binaryen(root, "second");
        let settings = second.kept_settings().expect("read");
        assert_eq!(settings.len(), 5, "{settings:?}");
        std::fs::remove_dir_all(root.join("first")).expect("removed");
        let printed = run(root, "second", &settings);
        assert_eq!(printed, format!("42 {} answers", second.kept.join("include").display()));
        assert!(compiled(&second.scripts).expect("read").is_empty(), "the build script did not run");
        // Again: nothing changes.
        assert_eq!(second.kept_settings().expect("read"), settings);
    }

    #[test]
    fn a_library_that_nobody_has_compiled_is_compiled_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        packages(root);
        let library = binaryen(root, "target");
        let printer = console::printer::Printer::new(&console::printer::PrinterOptions {
            quiet: true,
            ..console::printer::PrinterOptions::default()
        });
        let dependency = library.dependency.clone().expect("a package");
        let environment = std::env::vars_os().collect();
        library.compile(&dependency, &root.join("log"), environment, &printer.task("test")).expect("compiled");
        let settings = library.kept_settings().expect("read");
        assert!(run(root, "target", &settings).starts_with("42 "));
        assert!(compiled(&library.scripts).expect("read").is_empty(), "the build script did not run");
        let left: Vec<_> = std::fs::read_dir(root.join("kept")).expect("listed").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_damaged_library_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let library = binaryen(directory.path(), "target");
        std::fs::create_dir_all(library.sources.join("src")).expect("made");
        let sources = format!("cargo:SOURCES={}/src\n", library.sources.display());
        let damages: [&dyn Fn(); 3] = [
            &|| std::fs::remove_file(library.kept.join(OUTPUT)).expect("removed"),
            &|| std::fs::write(library.kept.join("libwasm-opt-cc.a"), "obj").expect("cut"),
            &|| std::fs::remove_dir_all(library.kept.join("include")).expect("removed"),
        ];
        for damage in damages {
            let script = library.scripts.join("wasm-opt-sys-1");
            write(&script.join(ROOT), "/before/out");
            let output = "cargo:rustc-link-lib=static=wasm-opt-cc\ncargo:DIR=/before/out/include\n";
            write(&script.join(OUTPUT), &format!("{output}{sources}"));
            write(&script.join("out/libwasm-opt-cc.a"), "objects");
            write(&script.join("out/include/x.h"), "x");
            keep_of(&library);
            let settings = library.kept_settings().expect("read");
            assert!(
                settings[1].ends_with(&format!("DIR=\"{}\"", library.kept.join("include").display())),
                "{settings:?}"
            );
            damage();
            assert!(library.kept_settings().expect("read").is_empty());
            assert!(!library.kept.exists(), "the next build makes it again");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let library = binaryen(directory.path(), "target");
        let script = library.scripts.join("wasm-opt-sys-1");
        write(&script.join(ROOT), "/before/out");
        write(&script.join("out/libwasm-opt-cc.a"), "objects");
        std::fs::create_dir_all(&library.sources).expect("made");
        let sources = format!("cargo:SOURCES={}\n", library.sources.display());
        let vendored = format!("{sources}cargo:DIR=/build/vendor/binaryen\n");
        let other = "cargo:SOURCES=/\n".to_owned();
        for output in [format!("{sources}cargo:rustc-cfg=wide\n"), vendored, other] {
            write(&script.join(OUTPUT), &format!("cargo:rustc-link-lib=static=wasm-opt-cc\n{output}"));
            keep_of(&library);
            assert!(!library.kept.exists(), "{output}");
        }
    }

    #[test]
    fn values_that_would_end_the_setting_are_refused() {
        assert_eq!(Printed::read("cargo:NAME=a\"b"), None);
        assert_eq!(Printed::read("cargo:NAME=a'b"), None);
        assert_eq!(Printed::read("cargo:NA.ME=a"), None);
        assert_eq!(Printed::read("cargo:nothing"), None);
        assert_eq!(Printed::read("cargo::error=no"), None);
        assert_eq!(Printed::read("CXX = None\ncargo:rerun-if-changed=\"x\""), Some(Printed::default()));
    }
}
