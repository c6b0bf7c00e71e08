// SPDX-License-Identifier: Apache-2.0
//! Makes a blob independent of the directory it is built in.
//!
//! Two things carry a path into a blob: file names in panic messages, and the hash that cargo
//! passes to rustc to tell crates apart. This program, under another name, is cargo's
//! `rustc-wrapper` in the Wasm build, and replaces the paths in file names.
//!
//! Cargo computes the hash from the absolute path of every package outside the Wasm project. In
//! `/build` (see `build_root`) the hash is the one of srtool's builds, and stays. Elsewhere symbols,
//! and with them the order of functions, would differ from one checkout to the next, so the wrapper
//! makes a hash without paths. It does not change packages from registries, whose hash contains no
//! path.

use crate::passes;
use blake2::{Blake2b, Digest, digest::consts::U8};
use std::{
    ffi::OsString,
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};

/// The variable with `from=to` pairs of paths, one a line, the more specific ones last.
pub const REMAP: &str = "CUTOVER_REMAP";
/// The variable that asks for hashes without paths. It has the directory of the runtime: the Wasm
/// project refers to it by path, even if it came from a registry.
pub const RUNTIME: &str = "CUTOVER_RUNTIME";
/// The variable with a compiler cache, a program that is called with rustc and its arguments.
pub const COMPILER_CACHE: &str = "CUTOVER_COMPILER_CACHE";
/// The variable with a file to which a line is added for every crate that is compiled.
pub const PROGRESS: &str = "CUTOVER_PROGRESS";

/// Becomes rustc, the first of the arguments, with the others changed.
pub fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(rustc) = arguments.next() else { return ExitCode::from(worker::Kind::Usage.exit_code()) };
    let arguments: Vec<OsString> = arguments.collect();
    let package = Package::from_environment(|name| std::env::var(name).ok());
    report(&arguments, &package);
    let arguments = rewrite(arguments, &package, &std::env::var(REMAP).unwrap_or_default());
    let arguments = match passes::arguments(arguments, &package.name, |name| std::env::var_os(name)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: cannot record the pass of the build: {error}");
            return ExitCode::from(worker::Kind::Environment.exit_code());
        }
    };
    let mut command = match std::env::var_os(COMPILER_CACHE) {
        None => Command::new(rustc),
        Some(cache) => {
            let mut command = Command::new(cache);
            command.arg(rustc);
            command
        }
    };
    let error = command.args(arguments).exec();
    let _ = writeln!(std::io::stderr(), "error: cannot start rustc: {error}");
    ExitCode::from(worker::Kind::Environment.exit_code())
}

/// The package that is compiled, from the variables that cargo sets.
#[derive(Clone, Debug, Default)]
struct Package {
    name: String,
    version: String,
    manifest: String,
    out: Option<String>,
    cargo_home: String,
    /// The directory of the runtime if hashes must contain no path.
    runtime: Option<String>,
}

impl Package {
    fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| variable(name).unwrap_or_default();
        Self {
            name: read("CARGO_PKG_NAME"),
            version: read("CARGO_PKG_VERSION"),
            manifest: read("CARGO_MANIFEST_DIR"),
            out: variable("OUT_DIR"),
            cargo_home: read("CARGO_HOME"),
            runtime: variable(RUNTIME),
        }
    }

    /// Returns whether cargo's hash of the package contains a path that must not be in it.
    fn has_path_in_hash(&self) -> bool {
        let Some(runtime) = &self.runtime else { return false };
        let from_registry = !self.cargo_home.is_empty() && Path::new(&self.manifest).starts_with(&self.cargo_home);
        !self.manifest.is_empty() && (!from_registry || self.manifest == *runtime)
    }
}

/// Adds the package to the progress file.
fn report(arguments: &[OsString], package: &Package) {
    let is_query =
        arguments.iter().any(|argument| argument == "-vV" || argument.to_string_lossy().starts_with("--print"));
    if is_query || package.name.is_empty() {
        return;
    }
    if let Some(path) = std::env::var_os(PROGRESS)
        && let Ok(mut file) = std::fs::File::options().append(true).open(path)
    {
        let _ = writeln!(file, "{} v{}", package.name, package.version);
    }
}

/// Returns the arguments that the wrapper passes to rustc.
fn rewrite(mut arguments: Vec<OsString>, package: &Package, remap: &str) -> Vec<OsString> {
    let is_wasm =
        arguments.windows(2).any(|pair| pair[0] == "--target" && pair[1].to_string_lossy().starts_with("wasm32"));
    // Build scripts and procedural macros run on this machine and are not in the blob.
    if !is_wasm {
        return arguments;
    }
    if package.has_path_in_hash() {
        let identity = identity(&arguments, package);
        for index in 1..arguments.len() {
            if arguments[index - 1] == "-C" && arguments[index].to_string_lossy().starts_with("metadata=") {
                arguments[index] = format!("metadata={identity}").into();
            }
        }
    }
    for pair in remap.lines().filter(|line| !line.is_empty()) {
        arguments.push(format!("--remap-path-prefix={pair}").into());
    }
    if let (Some(out), Some(_)) = (&package.out, &package.runtime) {
        arguments
            .push(format!("--remap-path-prefix={out}=/build/target/out/{}-{}", package.name, package.version).into());
    }
    arguments
}

/// Returns a hash that identifies a crate within a build, without any path.
fn identity(arguments: &[OsString], package: &Package) -> String {
    let after = |flag: &'static str| {
        let pairs = arguments.windows(2).filter(move |pair| pair[0] == flag);
        pairs.map(|pair| pair[1].to_string_lossy().into_owned())
    };
    let mut words: Vec<String> = after("--cfg").collect();
    words.sort();
    let mut hash = Blake2b::<U8>::new();
    for word in
        [&package.name, &package.version].into_iter().chain(&after("--crate-name").collect::<Vec<_>>()).chain(&words)
    {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(manifest: &str) -> Package {
        Package {
            name: "runtime".into(),
            version: "1.0.0".into(),
            manifest: manifest.into(),
            out: None,
            cargo_home: "/home/me/.cargo".into(),
            runtime: Some(String::new()),
        }
    }

    fn arguments(metadata: &str, extra: &[&str]) -> Vec<OsString> {
        let fixed = [
            "--crate-name",
            "runtime",
            "lib.rs",
            "-C",
            metadata,
            "-C",
            "extra-filename=-12",
            "--target",
            "wasm32v1-none",
        ];
        fixed.iter().chain(extra).map(OsString::from).collect()
    }

    fn metadata_of(arguments: &[OsString]) -> String {
        let found = arguments.iter().find(|argument| argument.to_string_lossy().starts_with("metadata="));
        found.map(|argument| argument.to_string_lossy().into_owned()).unwrap_or_default()
    }

    #[test]
    fn one_package_in_two_directories_is_one_crate() {
        let one = rewrite(arguments("metadata=aa", &[]), &package("/one/runtime"), "");
        let two = rewrite(arguments("metadata=bb", &[]), &package("/two/runtime"), "");
        assert_eq!(metadata_of(&one), metadata_of(&two));
        assert_ne!(metadata_of(&one), "metadata=aa");
    }

    #[test]
    fn versions_and_features_still_tell_crates_apart() {
        let plain = rewrite(arguments("metadata=aa", &[]), &package("/one"), "");
        let feature = rewrite(arguments("metadata=aa", &["--cfg", "feature=\"try-runtime\""]), &package("/one"), "");
        let newer = Package { version: "1.0.1".into(), ..package("/one") };
        let newer = rewrite(arguments("metadata=aa", &[]), &newer, "");
        assert_ne!(metadata_of(&plain), metadata_of(&feature));
        assert_ne!(metadata_of(&plain), metadata_of(&newer));
    }

    #[test]
    fn packages_from_a_registry_keep_cargos_hash() {
        let kept = rewrite(arguments("metadata=aa", &[]), &package("/home/me/.cargo/registry/src/x/runtime-1.0.0"), "");
        assert_eq!(metadata_of(&kept), "metadata=aa");
    }

    #[test]
    fn a_runtime_from_a_registry_gets_a_hash_without_its_path() {
        let directory = "/home/me/.cargo/registry/src/x/runtime-1.0.0";
        let runtime = Package { runtime: Some(directory.into()), ..package(directory) };
        let changed = rewrite(arguments("metadata=aa", &[]), &runtime, "");
        assert_ne!(metadata_of(&changed), "metadata=aa");
    }

    #[test]
    fn paths_are_remapped_the_specific_ones_last() {
        let package = Package { out: Some("/w/target/build/x-9/out".into()), ..package("/w") };
        let all = rewrite(arguments("metadata=aa", &[]), &package, "/home=/h\n/w=/build");
        let remaps: Vec<_> = all.iter().filter(|word| word.to_string_lossy().starts_with("--remap")).collect();
        assert_eq!(
            remaps,
            [
                "--remap-path-prefix=/home=/h",
                "--remap-path-prefix=/w=/build",
                "--remap-path-prefix=/w/target/build/x-9/out=/build/target/out/runtime-1.0.0",
            ]
        );
    }

    #[test]
    fn hashes_of_builds_in_one_directory_are_cargos() {
        let package = Package { runtime: None, out: Some("/t/wbuild/r/target/x-9/out".into()), ..package("/build/r") };
        let kept = rewrite(arguments("metadata=aa", &[]), &package, "/t/wbuild/r/target=/build/r/target");
        assert_eq!(metadata_of(&kept), "metadata=aa");
        let remaps: Vec<_> = kept.iter().filter(|word| word.to_string_lossy().starts_with("--remap")).collect();
        assert_eq!(remaps, ["--remap-path-prefix=/t/wbuild/r/target=/build/r/target"]);
    }

    #[test]
    fn code_for_the_host_is_unchanged() {
        let host: Vec<OsString> =
            ["--crate-name", "build_script_build", "-C", "metadata=aa"].map(OsString::from).to_vec();
        assert_eq!(rewrite(host.clone(), &package("/one"), "/one=/build"), host);
    }
}
