// SPDX-License-Identifier: Apache-2.0
//! What a runtime's `substrate-wasm-builder` needs, known from the lock file before anything is
//! compiled, and the blobs that it writes.

use crate::toolchain::{self, Origin, TARGET, WasmToolchain, rustup::ActiveToolchain};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::{
    inputs,
    runtimes::{BUILDER, Runtime, Workspace},
};

/// The first major version of the builder that builds for [`TARGET`] (polkadot-sdk, pull request
/// 7008, released with stable2503).
const FIRST_FOR_TARGET: u64 = 26;
/// The first major version of the builder that compiles Rust's standard library itself, without
/// instructions that nodes refuse. It needs the library's sources.
const FIRST_WITH_STD: u64 = 16;
/// The target of older builders.
pub const OLD_TARGET: &str = "wasm32-unknown-unknown";
/// The first compiler whose precompiled standard library for [`OLD_TARGET`] makes the linker write
/// references that builders and nodes cannot read (`reference-types`; srtool-actions, pull request
/// 31).
const FIRST_WITH_REFERENCES: (u64, u64) = (1, 82);
/// The last compiler before it.
const LAST_COMPILER: &str = "1.81.0";
/// The first compiler that links host functions only if their declaration names the module that
/// they are imported from (polkadot-sdk, pull request 12440).
const FIRST_WITHOUT_UNDEFINED: (u64, u64) = (1, 96);
/// The package that declares a runtime's host functions.
const INTERFACE: &str = "sp-runtime-interface-proc-macro";
/// The size limit of a source file that is searched, in bytes.
const SOURCE_LIMIT: u64 = 4 << 20;

/// The builder of a runtime, the oldest one in its dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WasmBuilder {
    major: u64,
    version: String,
}

impl WasmBuilder {
    fn of(workspace: &Workspace, runtime: &Runtime) -> Option<Self> {
        let packages = inputs::closure(&workspace.metadata, &runtime.id);
        let builders = packages.iter().filter(|package| *package.name == BUILDER);
        let oldest = builders.map(|package| &package.version).min()?;
        Some(Self { major: oldest.major, version: oldest.to_string() })
    }

    fn is_older(&self) -> bool {
        self.major < FIRST_FOR_TARGET
    }

    fn compiles_std(&self) -> bool {
        (FIRST_WITH_STD..FIRST_FOR_TARGET).contains(&self.major)
    }
}

/// Returns the workspace's own toolchain if the builders of all its runtimes build for
/// [`OLD_TARGET`] and the toolchain has that target. A newer one would be installed in vain.
pub fn older_toolchain(workspace: &Workspace, active: &ActiveToolchain) -> Result<Option<WasmToolchain>> {
    let is_older = |runtime| WasmBuilder::of(workspace, runtime).is_some_and(|builder| builder.is_older());
    let all = !workspace.runtimes.is_empty() && workspace.runtimes.iter().all(is_older);
    if !all || !has_old_target(&active.directory) {
        return Ok(None);
    }
    let rustc = toolchain::verbose_version(&active.directory.join("bin/rustc"))?;
    Ok(Some(WasmToolchain { name: active.name.clone(), sysroot: active.directory.clone(), rustc, by: Origin::Rustup }))
}

/// Returns whether the runtime's builder compiles Rust's standard library, whose dependencies must
/// be fetched too.
pub fn compiles_std(workspace: &Workspace, runtime: &Runtime) -> bool {
    WasmBuilder::of(workspace, runtime).is_some_and(|builder| builder.compiles_std())
}

/// Checks that the runtime's builder and its host functions can be built with a toolchain.
pub fn check(workspace: &Workspace, runtime: &Runtime, toolchain: &WasmToolchain) -> Result<()> {
    if let Some(builder) = WasmBuilder::of(workspace, runtime) {
        check_builder(&runtime.package, &builder, toolchain)?;
    }
    // A team can pass the linker's option itself.
    let root = workspace.metadata.workspace_root.as_std_path();
    let places = [runtime.directory.join("build.rs"), root.join(".cargo/config.toml"), root.join(".cargo/config")];
    if places.iter().any(|path| mentions(path, "undefined")) {
        return Ok(());
    }
    for package in inputs::closure(&workspace.metadata, &runtime.id) {
        let directory = package.manifest_path.parent().filter(|_| *package.name == INTERFACE);
        if directory.is_some_and(|directory| !names_module(directory.as_std_path())) {
            check_link(&runtime.package, &package.version.to_string(), toolchain)?;
        }
    }
    Ok(())
}

fn check_builder(package: &str, builder: &WasmBuilder, toolchain: &WasmToolchain) -> Result<()> {
    let WasmToolchain { name, sysroot, .. } = toolchain;
    let refused = |found: String| {
        Failure::environment(format!("{package} cannot be built with the toolchain {name}"))
            .found(format!("its {BUILDER} {} {found}", builder.version))
    };
    let srtool = "or build with the srtool image of that time";
    if !builder.is_older() {
        return Ok(());
    }
    if !has_old_target(sysroot) {
        return Err(refused(format!("builds for {OLD_TARGET}, which {} lacks", sysroot.display()))
            .expected(match builder.compiles_std() {
                true => format!("a toolchain with {OLD_TARGET} and the component rust-src; {BUILDER} {FIRST_FOR_TARGET} and newer build for {TARGET}"),
                false => format!("a toolchain up to {LAST_COMPILER} with {OLD_TARGET}; {BUILDER} {FIRST_FOR_TARGET} and newer build for {TARGET}"),
            })
            .hint(match builder.compiles_std() {
                true => format!(
                    "name a compiler of that time in rust-toolchain.toml, with targets = [\"{OLD_TARGET}\"] and components = [\"rust-src\"]; {srtool}: --engine srtool"
                ),
                false => format!(
                    "name {LAST_COMPILER} or older in rust-toolchain.toml, with targets = [\"{OLD_TARGET}\"]; {srtool}: --engine podman --image docker.io/paritytech/srtool:{LAST_COMPILER} --allow-moving-tag"
                ),
            }));
    }
    if builder.compiles_std() {
        let sources = sysroot.join("lib/rustlib/src/rust/library");
        return match sources.is_dir() {
            true => Ok(()),
            false => Err(refused(format!("compiles the standard library, and there is no {}", sources.display()))
                .expected("a toolchain with the component rust-src")
                .hint(format!("rustup component add rust-src --toolchain {name}"))),
        };
    }
    match release(&toolchain.rustc) {
        Some(release) if release >= FIRST_WITH_REFERENCES => Err(refused(format!(
            "takes the compiler's standard library, which has references to tables in {}",
            toolchain.version()
        ))
        .expected(format!("{LAST_COMPILER} or older, or {BUILDER} {FIRST_WITH_STD} or newer; nodes refuse such a blob"))
        .hint(format!(
            "name {LAST_COMPILER} or older in rust-toolchain.toml; {srtool}: --engine podman --image docker.io/paritytech/srtool:{LAST_COMPILER} --allow-moving-tag"
        ))),
        _ => Ok(()),
    }
}

fn check_link(package: &str, interface: &str, toolchain: &WasmToolchain) -> Result<()> {
    let (major, minor) = FIRST_WITHOUT_UNDEFINED;
    match release(&toolchain.rustc) {
        Some(release) if release >= FIRST_WITHOUT_UNDEFINED => {
            let last = format!("{major}.{}", minor - 1);
            Err(Failure::environment(format!(
                "{package} cannot be built with the toolchain {}",
                toolchain.name
            ))
            .found(format!(
                "its {INTERFACE} {interface} declares host functions without their module, which {} does not link",
                toolchain.version()
            ))
            .expected(format!("a compiler up to {last}, or {INTERFACE} 21.0.1 or newer"))
            .hint(format!(
                "name {last} or older in rust-toolchain.toml, and add its target: rustup target add {TARGET} --toolchain {last}; or build with the srtool image of that compiler"
            )))
        }
        _ => Ok(()),
    }
}

fn has_old_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(OLD_TARGET).join("lib").is_dir()
}

/// Returns whether the source of [`INTERFACE`] names the module of host functions. Its version does
/// not tell: forks and patch releases have the change too. Sources that cannot be read are not
/// judged.
fn names_module(directory: &Path) -> bool {
    let sources = files::below(directory).into_iter().flatten().map(|entry| entry.into_path());
    let mut sources = sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).peekable();
    sources.peek().is_none() || sources.any(|path| mentions(&path, "wasm_import_module"))
}

fn mentions(path: &Path, word: &str) -> bool {
    path.is_file()
        && files::read_bounded(path, SOURCE_LIMIT).is_ok_and(|text| String::from_utf8_lossy(&text).contains(word))
}

/// Returns the major and minor version in the output of `rustc -vV`.
fn release(rustc: &str) -> Option<(u64, u64)> {
    let mut parts = toolchain::field(rustc, "release")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The endings of the files that the builder writes, the longest first.
const ENDINGS: [&str; 3] = [".compact.compressed.wasm", ".compact.wasm", ".wasm"];

/// Removes all blobs of earlier builds from the directory of a runtime.
pub fn remove_blobs(directory: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("prepare", directory, &error);
    for name in names(directory)? {
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            std::fs::remove_file(directory.join(name)).map_err(io)?;
        }
    }
    Ok(())
}

/// Returns the number of blobs that a build wrote into the directory of a runtime, each with its
/// compact and compressed forms.
pub fn count_blobs(directory: &Path) -> Result<usize> {
    let is_blob = |name: &&String| name.ends_with(".wasm") && !name.contains(".compact.");
    Ok(names(directory)?.iter().filter(is_blob).count())
}

/// Returns the blob that a build wrote into the directory of the runtime, and the name that it has
/// outside. The build script may give the blob another name than the library's, and may write
/// several.
pub fn blob(directory: &Path, runtime: &Runtime, profile: &str) -> Result<(PathBuf, String)> {
    choose(directory, &runtime.package, &runtime.library, runtime.config.blob.as_deref(), profile)
}

fn choose(
    directory: &Path,
    package: &str,
    library: &str,
    wanted: Option<&str>,
    profile: &str,
) -> Result<(PathBuf, String)> {
    let ending = if profile == "dev" { ENDINGS[2] } else { ENDINGS[0] };
    let names = names(directory)?;
    let ending_of = |name: &str| ENDINGS.into_iter().find(|ending| name.ends_with(ending));
    let mut blobs: Vec<&str> = names
        .iter()
        .filter(|name| ending_of(name) == Some(ending))
        .filter_map(|name| name.strip_suffix(ending))
        .collect();
    blobs.sort_unstable();
    let list = blobs.join(", ");
    let chosen = match (wanted, blobs.as_slice()) {
        (Some(wanted), _) => blobs.iter().find(|blob| **blob == wanted).ok_or_else(|| {
            Failure::input(format!("{package} was built without the blob {wanted:?}"))
                .found(if list.is_empty() { "no blob".to_owned() } else { list.clone() })
                .expected("a build script with `set_file_name` of that name, as the runtime's `blob` says")
        })?,
        (None, [one]) => one,
        (None, []) => {
            return Err(Failure::input(format!("{package} was built without a blob"))
                .found(format!("no *{ending} in {}", directory.display()))
                .expected(
                    "a build script that runs substrate-wasm-builder, which may need the runtime's `std` feature",
                ));
        }
        // The others are for tests, such as `fast_runtime_binary.rs` of relay chains.
        (None, _) => blobs.iter().find(|blob| **blob == library).ok_or_else(|| {
            Failure::input(format!("the build script of {package} wrote several blobs"))
                .found(list.clone())
                .expected(format!("one, or one that is called {library}"))
                .hint("name one as `blob` in its [package.metadata.cutover], or in [workspace.metadata.cutover.runtimes.NAME]")
        })?,
    };
    Ok((directory.join(format!("{chosen}{ending}")), format!("{library}{ending}")))
}

/// Returns the names of the files in a directory.
fn names(directory: &Path) -> Result<Vec<String>> {
    let io = |error: std::io::Error| Failure::io("read", directory, &error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        if !entry.file_type().map_err(io)?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(sysroot: &Path, release: &str) -> WasmToolchain {
        let rustc = format!("rustc {release} (stand-in)\nrelease: {release}");
        WasmToolchain { name: "own".into(), sysroot: sysroot.into(), rustc, by: Origin::Rustup }
    }

    fn builder(major: u64) -> WasmBuilder {
        WasmBuilder { major, version: format!("{major}.0.1") }
    }

    fn make(sysroot: &Path, directory: &str) {
        std::fs::create_dir_all(sysroot.join(directory)).expect("made");
    }

    #[test]
    fn an_older_builder_needs_the_older_target_and_what_its_version_compiles() {
        let sysroot = tempfile::tempdir().expect("a directory");
        let check = |major, release: &str| {
            check_builder("own-runtime", &builder(major), &toolchain(sysroot.path(), release)).map_err(|failure| {
                assert_eq!(failure.kind, worker::Kind::Environment);
                (failure.found.unwrap_or_default(), failure.hint.unwrap_or_default())
            })
        };
        assert_eq!(check(26, "1.96.0"), Ok(()));
        for (major, mend) in [(24, "components = [\"rust-src\"]"), (15, "srtool:1.81.0")] {
            let (found, hint) = check(major, "1.75.0").expect_err("no target");
            assert!(
                found.contains(&format!("its substrate-wasm-builder {major}.0.1 builds for {OLD_TARGET}")),
                "{found}"
            );
            assert!(hint.contains(mend), "{hint}");
        }
        make(sysroot.path(), "lib/rustlib/wasm32-unknown-unknown/lib");
        let (found, hint) = check(24, "1.75.0").expect_err("no sources");
        assert!(found.contains("lib/rustlib/src/rust/library"), "{found}");
        assert_eq!(hint, "rustup component add rust-src --toolchain own");
        assert_eq!(check(15, "1.81.0"), Ok(()));
        let (found, _) = check(15, "1.82.0-nightly").expect_err("its library is not compiled again");
        assert!(found.contains("references to tables in rustc 1.82.0-nightly"), "{found}");
        make(sysroot.path(), "lib/rustlib/src/rust/library");
        assert_eq!(check(16, "1.84.1"), Ok(()));
        assert_eq!(check(25, "1.75.0"), Ok(()));
    }

    #[test]
    fn host_functions_without_their_module_need_an_older_compiler() {
        let directory = tempfile::tempdir().expect("a directory");
        let check = |release: &str| check_link("own-runtime", "18.0.0", &toolchain(directory.path(), release));
        assert_eq!(check("1.95.0"), Ok(()));
        assert_eq!(check("unknown"), Ok(()));
        let failure = check("1.96.0").expect_err("it does not link");
        assert!(failure.found.unwrap_or_default().contains("sp-runtime-interface-proc-macro 18.0.0"));
        assert!(failure.hint.unwrap_or_default().contains("1.95"));

        assert!(names_module(directory.path()), "no source: not judged");
        make(directory.path(), "src/inner");
        std::fs::write(directory.path().join("src/lib.rs"), "extern \"C\" {}").expect("written");
        assert!(!names_module(directory.path()));
        std::fs::write(directory.path().join("src/inner/x.rs"), "link(wasm_import_module = \"env\")").expect("written");
        assert!(names_module(directory.path()));
    }

    #[test]
    fn the_blob_is_found_whatever_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let find = |wanted: Option<&str>, profile: &str| {
            let found = choose(directory.path(), "own-runtime", "own_runtime", wanted, profile);
            found.map(|(path, name)| (path.file_name().expect("a name").to_owned(), name))
        };
        let write = |name: &str| std::fs::write(directory.path().join(name), "").expect("written");
        let failure = find(None, "release").expect_err("none");
        assert!(failure.found.unwrap_or_default().starts_with("no *.compact.compressed.wasm in "));
        for ending in ENDINGS {
            write(&format!("mainnet{ending}"));
        }
        write("Cargo.toml");
        let outside = || "own_runtime.compact.compressed.wasm".to_owned();
        assert_eq!(find(None, "release"), Ok(("mainnet.compact.compressed.wasm".into(), outside())));
        assert_eq!(find(None, "dev"), Ok(("mainnet.wasm".into(), "own_runtime.wasm".into())));
        write("fast.rs.compact.compressed.wasm");
        let failure = find(None, "release").expect_err("several");
        assert_eq!(failure.found.as_deref(), Some("fast.rs, mainnet"));
        assert_eq!(find(Some("fast.rs"), "release"), Ok(("fast.rs.compact.compressed.wasm".into(), outside())));
        let failure = find(Some("testnet"), "release").expect_err("no such");
        assert_eq!(failure.message, "own-runtime was built without the blob \"testnet\"");
        write("own_runtime.compact.compressed.wasm");
        assert_eq!(find(None, "release"), Ok((outside().into(), outside())));
        remove_blobs(directory.path()).expect("removed");
        assert_eq!(names(directory.path()).expect("listed"), ["Cargo.toml"]);
    }
}
