// SPDX-License-Identifier: Apache-2.0
//! Keeps Binaryen compiled, which every runtime's build script uses.
//!
//! The package `wasm-opt-sys` compiles Binaryen from C++: ten minutes on two cores, in each target
//! directory again. The result depends on the sources and the C++ compiler alone. So it is copied
//! into the cache, and the next target directory takes it through cargo's own setting for a library
//! that exists already (`target.<triple>.<links>`), which takes the place of the build script.

use process::tool;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Failure, Result};
use workspace::{
    cargo,
    inputs::{self, Digester},
    runtimes::Workspace,
};

/// The package that compiles Binaryen.
const PACKAGE: &str = "wasm-opt-sys";
/// The name of the library in the package's manifest, `links`.
const LINKS: &str = "binaryen";
/// What the build script printed, in cargo's directory of a script that ran.
const OUTPUT: &str = "output";
/// The size limit of that file, in bytes. It has some sixty lines.
const OUTPUT_LIMIT: u64 = 1024 * 1024;
/// The age after which a kept library is removed. Each takes 300 MB.
const OUTDATED: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// Binaryen of one version, compiled by one C++ compiler for one target.
pub struct Binaryen {
    /// The directory in the cache.
    kept: PathBuf,
    /// The directory in which cargo runs build scripts.
    scripts: PathBuf,
    /// The target that the library is compiled for.
    target: String,
}

impl Binaryen {
    /// Returns the Binaryen of a workspace. `rustc` is the output of `rustc -vV`. Returns `None` if
    /// the workspace uses none, or one that no version names.
    pub fn of(cache: &Path, workspace: &Workspace, rustc: &str) -> Result<Option<Self>> {
        let metadata = &workspace.metadata;
        let mut packages = metadata.packages.iter().filter(|package| package.name.as_str() == PACKAGE);
        let (Some(package), None) = (packages.next(), packages.next()) else { return Ok(None) };
        let Some(target) = crate::toolchain::field(rustc, "host") else { return Ok(None) };
        if package.links.as_deref() != Some(LINKS) || package.source.is_none() {
            return Ok(None);
        }
        let Ok(compiler) = tool!("c++ --version")?.timeout(Duration::from_secs(60)).output() else { return Ok(None) };
        let mut digest = Digester::new();
        digest.word("target", target);
        digest.word("c++", compiler);
        // The kept headers are links to the package's own directory.
        digest.word("directory", package.manifest_path.as_str());
        let packages = inputs::closure(metadata, &package.id);
        for package in &packages {
            let source = package.source.as_ref().map(|source| source.repr.as_str()).unwrap_or_default();
            digest.word(&package.name, format!("{} {source}", package.version));
        }
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        for node in nodes.filter(|node| packages.iter().any(|package| package.id == node.id)) {
            let features = node.features.iter().map(|feature| feature.as_str()).collect::<Vec<_>>();
            digest.word("features", features.join(","));
        }
        // They may name another compiler, or flags for it.
        let configurations = [metadata.workspace_root.as_std_path().join(".cargo"), cargo::home()?];
        for path in configurations.map(|directory| directory.join("config.toml")).iter().filter(|path| path.is_file()) {
            digest.word("configuration", inputs::file_digest(path)?);
        }
        let scripts = metadata.target_directory.as_std_path().join("debug/build");
        let kept = cache.join(LINKS).join(digest.finish().trim_start_matches("0x"));
        Ok(Some(Self { kept, scripts, target: target.to_owned() }))
    }

    /// Returns the settings for cargo under which the kept library is used, as values of its option
    /// `--config`. There are none if no library is kept, or if the target directory has a compiled
    /// one of its own: other calls of cargo use that one, and would then compile it again.
    pub fn settings(&self) -> Result<Vec<String>> {
        if !self.kept.is_dir() || !self.compiled()?.is_empty() {
            return Ok(Vec::new());
        }
        let text = files::read_bounded(&self.kept.join(OUTPUT), OUTPUT_LIMIT)?;
        let Some(printed) = Printed::read(&String::from_utf8_lossy(&text)) else { return Ok(Vec::new()) };
        // The headers of the packages are where they were, unless cargo's home was emptied.
        if printed.directories().any(|path| !path.exists()) {
            return Ok(Vec::new());
        }
        let name = format!("target.{}.{LINKS}", self.target);
        let lists = printed.lists.iter().map(|(key, values)| format!("{name}.{key}={}", toml_list(values)));
        let values = printed.values.iter().map(|(key, value)| format!("{name}.{key}={}", toml_text(value)));
        Ok(lists.chain(values).collect())
    }

    /// Returns whether this target directory has yet to compile the library.
    pub fn is_missing(&self) -> Result<bool> {
        Ok(!self.kept.is_dir() && self.compiled()?.is_empty())
    }

    /// Keeps the library that the target directory has compiled. Does nothing if there are several:
    /// which of them belongs to these sources is then unknown.
    pub fn keep(&self) -> Result<()> {
        let compiled = self.compiled()?;
        let ([script], false) = (compiled.as_slice(), self.kept.is_dir()) else { return Ok(()) };
        let out = script.join("out");
        let text = String::from_utf8_lossy(&files::read_bounded(&script.join(OUTPUT), OUTPUT_LIMIT)?).into_owned();
        let parent = self.kept.parent().unwrap_or(&self.kept);
        let io = |error: std::io::Error| Failure::own_io("write into", parent, &error);
        std::fs::create_dir_all(parent).map_err(io)?;
        remove_outdated(parent);
        // Cargo runs the script again if the target directory moved, so the paths are those of `out`.
        let own = |text: &str| text.replace(&*out.to_string_lossy(), &self.kept.to_string_lossy());
        let moved = own(&text);
        if Printed::read(&moved).is_none() {
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
        files::write_whole(&fresh.path().join(OUTPUT), moved.as_bytes())?;
        match std::fs::rename(fresh.path(), &self.kept) {
            // Another build kept the same library in the meantime.
            Err(_) if self.kept.is_dir() => Ok(()),
            renamed => renamed.map_err(io),
        }
    }

    /// Returns the directories of the scripts that have compiled the library.
    fn compiled(&self) -> Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.scripts) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io("read", &self.scripts, &error)),
        };
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix(PACKAGE).is_some_and(|rest| rest.starts_with('-')) && path.join(OUTPUT).is_file()
        };
        Ok(entries.flatten().map(|entry| entry.path()).filter(named).collect())
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
    /// Reads the instructions to cargo. Returns `None` if there is one that the settings cannot
    /// have.
    fn read(output: &str) -> Option<Self> {
        let mut printed = Self::default();
        let instructions = output.lines().filter_map(|line| line.strip_prefix("cargo:"));
        for instruction in instructions.map(|line| line.strip_prefix(':').unwrap_or(line)) {
            let (key, value) = instruction.split_once('=')?;
            let (key, value) = if key == "metadata" { value.split_once('=')? } else { (key, value) };
            match key {
                "rerun-if-changed" | "rerun-if-env-changed" => {}
                "rustc-link-lib" | "rustc-link-search" => {
                    printed.lists.entry(key.to_owned()).or_default().push(value.to_owned());
                }
                _ if key.starts_with("rustc-") || ["warning", "error"].contains(&key) => return None,
                _ if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => return None,
                _ => drop(printed.values.insert(key.to_owned(), value.to_owned())),
            }
            if value.contains(['"', '\\']) || value.contains(char::is_control) {
                return None;
            }
        }
        Some(printed)
    }

    /// Returns the paths among the values.
    fn directories(&self) -> impl Iterator<Item = &Path> {
        self.values.values().map(Path::new).filter(|path| path.is_absolute())
    }
}

fn toml_text(value: &str) -> String {
    format!("\"{value}\"")
}

fn toml_list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| toml_text(value)).collect::<Vec<_>>().join(", "))
}

fn remove_outdated(directory: &Path) {
    let old = |path: &PathBuf| {
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > OUTDATED))
    };
    for path in std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).filter(old) {
        // If it stays, only disk space is wasted.
        let _ = std::fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use process::Tool;

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn binaryen(root: &Path, target: &str) -> Binaryen {
        let rustc = crate::toolchain::verbose_version(Path::new("rustc")).expect("a compiler");
        let host = crate::toolchain::field(&rustc, "host").expect("a host");
        Binaryen { kept: root.join("kept/one"), scripts: root.join(target).join("debug/build"), target: host.into() }
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
                println!("cargo:rerun-if-changed=build.rs\nsome words");
                println!("cargo:rustc-link-lib=static=answer");
                println!("cargo:rustc-link-search=native={}", out.display());
                println!("cargo:INCLUDE={}", out.join("include").display());
                println!("cargo::metadata=NAME=answers");
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

    #[test]
    fn another_target_directory_takes_the_kept_library() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        packages(root);
        let first = binaryen(root, "first");
        assert!(first.is_missing().expect("read") && first.settings().expect("read").is_empty());
        assert!(run(root, "first", &[]).starts_with("42 "));
        first.keep().expect("kept");
        assert!(first.settings().expect("read").is_empty(), "this directory has a library of its own");
        assert!(!first.kept.join("one.o").exists(), "the library has the objects");
        assert_eq!(std::fs::read_link(first.kept.join("link.h")).expect("a link"), first.kept.join("include/answer.h"));

        let second = binaryen(root, "second");
        let settings = second.settings().expect("read");
        assert_eq!(settings.len(), 4, "{settings:?}");
        std::fs::remove_dir_all(root.join("first")).expect("removed");
        let printed = run(root, "second", &settings);
        assert_eq!(printed, format!("42 {} answers", second.kept.join("include").display()));
        assert!(second.compiled().expect("read").is_empty(), "the build script did not run");
        assert!(!second.is_missing().expect("read"));
        // Again: nothing changes.
        assert_eq!(second.settings().expect("read"), settings);

        std::fs::remove_dir_all(second.kept.join("include")).expect("removed");
        assert!(second.settings().expect("read").is_empty(), "its headers are gone");
    }

    #[test]
    fn what_is_not_understood_is_not_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let library = binaryen(root, "target");
        let script = |name: &str, output: &str| {
            write(&library.scripts.join(name).join(OUTPUT), output);
            write(&library.scripts.join(name).join("out/libwasm-opt-cc.a"), "objects");
        };
        script("wasm-opt-sys-1", "cargo:rustc-link-lib=static=wasm-opt-cc\ncargo:rustc-cfg=wide\n");
        library.keep().expect("nothing to keep");
        assert!(!library.kept.exists());
        script("wasm-opt-sys-1", "cargo:rustc-link-lib=static=wasm-opt-cc\n");
        script("wasm-opt-sys-2", "cargo:rustc-link-lib=static=wasm-opt-cc\n");
        library.keep().expect("nothing to keep");
        assert!(!library.kept.exists(), "which of the two?");
        std::fs::remove_dir_all(library.scripts.join("wasm-opt-sys-2")).expect("removed");
        library.keep().expect("kept");
        assert!(library.kept.join("libwasm-opt-cc.a").is_file());
    }

    #[test]
    fn values_that_would_end_the_setting_are_refused() {
        assert_eq!(Printed::read("cargo:NAME=a\"b"), None);
        assert_eq!(Printed::read("cargo:NA.ME=a"), None);
        assert_eq!(Printed::read("cargo:nothing"), None);
        assert_eq!(Printed::read("cargo::error=no"), None);
        assert_eq!(Printed::read("words\ncargo:rerun-if-changed=a\"b\\").map(|_| ()), None);
        assert_eq!(Printed::read("CXX = None\ncargo:rerun-if-changed=x"), Some(Printed::default()));
    }
}
