// SPDX-License-Identifier: Apache-2.0
//! Makes the distribution's compiler able to build Wasm, without changing the distribution's files.
//!
//! Debian ships rustc and its sources, but no library for the target. The core library is compiled
//! once from those sources into a sysroot in the cache. The sysroot has links to the distribution's
//! host libraries and to the linker of the active rustup toolchain. The directory gets its name
//! only when it is complete.

use super::{TARGET, field, find_rlib, rustup::ActiveToolchain, verbose_version};
use console::printer::Task;
use process::{Tool, in_path, interrupt, quote, tool};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Failure, Result};
use workspace::context::Context;

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
/// The first version of rustc with the target.
const MIN_VERSION: (u32, u32) = (1, 84);
/// The packages of compiler, cargo and sources, the newer version first.
const PACKAGES: [[&str; 3]; 2] = [["rustc-web", "cargo-web", "rust-web-src"], ["rustc", "cargo", "rust-src"]];
const STAMP: &str = "cutover-toolchain.json";
/// The directory of apt-get's package lists.
const LISTS: &str = "/var/lib/apt/lists";

/// The file that is written last into a sysroot and marks it as complete.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// The version of the build steps, to be incremented when they change.
    recipe: u32,
    target: String,
    /// The output of `rustc -vV`. An upgrade of the distribution's packages makes the sysroot
    /// stale.
    rustc: String,
}

const RECIPE: u32 = 1;

/// Returns the newest complete sysroot and its compiler's version.
pub fn newest_complete(cache: &Path) -> Option<(PathBuf, String)> {
    let directories = std::fs::read_dir(cache.join("toolchain")).ok()?.flatten().map(|entry| entry.path());
    let mut whole: Vec<_> =
        directories.filter_map(|directory| Some((directory.clone(), complete_compiler(&directory)?))).collect();
    whole.sort_by_key(|(_, rustc)| release(rustc));
    whole.pop()
}

fn complete_compiler(directory: &Path) -> Option<String> {
    let stamp = std::fs::read(directory.join(STAMP)).ok()?;
    let stamp: Stamp = serde_json::from_slice(&stamp).ok()?;
    if stamp.recipe != RECIPE || stamp.target != TARGET || !super::has_target(directory) {
        return None;
    }
    // The linker is a link into a rustup toolchain, which may have been removed.
    let host = field(&stamp.rustc, "host")?;
    directory.join("lib/rustlib").join(host).join("bin/rust-lld").is_file().then_some(())?;
    let rustc = verbose_version(&directory.join("bin/rustc")).ok()?;
    (rustc == stamp.rustc).then_some(rustc)
}

fn release(rustc: &str) -> Vec<u32> {
    let release = field(rustc, "release").unwrap_or_default();
    release.split(['.', '-']).filter_map(|part| part.parse().ok()).collect()
}

/// Returns the packages that apt-get has to install, none if all are installed; or the reason why
/// they cannot be installed.
pub fn packages_to_install() -> std::result::Result<Vec<String>, String> {
    if Path::new(CARGO).is_file() && sources().is_some() {
        let rustc = verbose_version(Path::new(RUSTC)).map_err(|failure| failure.to_string())?;
        if new_enough(&rustc) {
            return Ok(Vec::new());
        }
    }
    let Some(_) = in_path("apt-get") else {
        return Err("apt-get is not installed, and no other package manager is supported".into());
    };
    may_install()?;
    let candidate = PACKAGES.iter().find(|names| apt_version(names[0]).is_some_and(|version| version >= MIN_VERSION));
    match candidate {
        Some(names) => Ok(names.iter().map(|name| (*name).to_owned()).collect()),
        // A fresh machine has no package lists yet. The packages are chosen again after the lists
        // are loaded.
        None if !has_lists(Path::new(LISTS)) => Ok(PACKAGES[0].iter().map(|name| (*name).to_owned()).collect()),
        None => Err(format!(
            "apt-get offers no rustc {}.{} or newer (if its lists are old, run apt-get update)",
            MIN_VERSION.0, MIN_VERSION.1
        )),
    }
}

/// Returns whether apt-get has package lists.
fn has_lists(directory: &Path) -> bool {
    let names = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_string_lossy().contains("_Packages"))
}

fn new_enough(rustc: &str) -> bool {
    matches!(release(rustc).as_slice(), [major, minor, ..] if (*major, *minor) >= MIN_VERSION)
}

/// Returns the sources that the distribution's compiler uses for `-Zbuild-std`.
fn sources() -> Option<PathBuf> {
    let library = PathBuf::from("/usr/lib/rustlib/src/rust/library");
    library.join("core/src/lib.rs").is_file().then_some(library)
}

/// Returns the version that apt-get would install.
fn apt_version(package: &str) -> Option<(u32, u32)> {
    let tool = tool!("apt-cache policy {package}").ok()?;
    parse_candidate(&tool.env("LC_ALL", "C").timeout(Duration::from_secs(60)).output().ok()?)
}

fn parse_candidate(policy: &str) -> Option<(u32, u32)> {
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    let upstream = candidate.split_once(':').map_or(candidate, |(_, rest)| rest);
    let mut parts = upstream.split(|character: char| !character.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Returns the command prefix for root rights: none for root, `sudo -n` if that needs no password;
/// or the reason why there is none.
pub fn may_install() -> std::result::Result<Vec<OsString>, String> {
    if rustix::process::geteuid().is_root() {
        return Ok(Vec::new());
    }
    let sudo = tool!("sudo -n true").and_then(|sudo| sudo.timeout(Duration::from_secs(10)).capture());
    match sudo {
        Ok(captured) if captured.status.success() => Ok(vec!["sudo".into(), "-n".into()]),
        _ => Err("installing packages needs root, and sudo would ask for a password".into()),
    }
}

/// Updates the package lists. If an archive cannot be reached, a warning says so, and the old lists
/// are used.
pub fn refresh_lists(log: &Path, task: &Task) -> Result<()> {
    let Ok(prefix) = may_install() else { return Ok(()) };
    task.say("updating the package lists (apt-get update)");
    if let Err(failure) = apt(&prefix, &["update"]).logged(log, |line| task.tick(line)) {
        interrupt::check()?;
        let found = failure.found.as_deref().unwrap_or_default();
        let why = found.lines().map(str::trim).find(|line| line.starts_with("E:")).unwrap_or("see the log");
        task.warning(&format!("{} ({why}); using the old lists", failure.message));
    }
    Ok(())
}

/// Installs packages. An interruption ends the download at any time, but unpacking is allowed to
/// finish.
pub fn install(packages: &[String], log: &Path, task: &Task) -> Result<()> {
    let prefix = may_install().map_err(|reason| {
        Failure::environment(format!("cannot install {}", packages.join(", ")))
            .found(reason)
            .hint(format!("as root: apt-get install --no-install-recommends {}", packages.join(" ")))
    })?;
    task.say(&format!("installing {} with apt-get (log in {})", packages.join(", "), log.display()));
    let install = || apt(&prefix, &["install", "--yes", "--no-install-recommends"]);
    install().arg("--download-only").args(packages).logged(log, |line| task.tick(line))?;
    install().args(packages).uninterruptible().logged(log, |line| task.tick(line))
}

/// Returns `apt-get` with the prefix for root rights.
fn apt(prefix: &[OsString], arguments: &[&str]) -> Tool {
    let mut words = prefix.iter().cloned().chain(["apt-get".into()]);
    let program = words.next().unwrap_or_default();
    Tool::new(program).args(words).args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C")
}

/// Builds the sysroot and moves it into place when it is complete.
pub fn make(context: &Context, active: &ActiveToolchain, log: &Path, task: &Task) -> Result<PathBuf> {
    let rustc = verbose_version(Path::new(RUSTC))?;
    let (Some(release), Some(host)) = (field(&rustc, "release"), field(&rustc, "host")) else {
        return Err(Failure::environment(format!("{RUSTC} does not print its version")).found(rustc));
    };
    if !new_enough(&rustc) {
        return Err(Failure::environment(format!("{RUSTC} is too old for {TARGET}"))
            .found(release)
            .expected(format!("{}.{} or newer", MIN_VERSION.0, MIN_VERSION.1)));
    }
    let linkers = active.directory.join("lib/rustlib").join(host).join("bin");
    if !linkers.join("rust-lld").is_file() {
        return Err(Failure::environment("there is no linker for Wasm")
            .found(format!("no rust-lld in {}", linkers.display()))
            .hint("install a Rust toolchain with rustup, which contains rust-lld"));
    }
    let parent = context.cache.join("toolchain");
    let io = |error: std::io::Error| Failure::own_io("write into", &parent, &error);
    std::fs::create_dir_all(&parent).map_err(io)?;
    let directory = parent.join(release);
    // The directory is removed when dropped. Directories of killed runs are removed after a day.
    remove_old_partials(&parent);
    let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(&parent).map_err(io)?;

    task.say(&format!("building the core library for {TARGET} with rustc {release} (log in {})", log.display()));
    let libraries = build_core(partial.path(), &linkers, log, task)?;
    interrupt::check()?;
    let sysroot = partial.path().join("sysroot");
    assemble(&sysroot, &directory, host, &libraries, &linkers, &rustc)?;
    put_in_place(&sysroot, &directory)?;
    Ok(directory)
}

fn remove_old_partials(parent: &Path) {
    let day = Duration::from_secs(24 * 60 * 60);
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > day));
        if old && entry.file_name().to_string_lossy().starts_with(".partial-") {
            // If it stays, only disk space is wasted.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Compiles core, alloc and compiler_builtins for the target.
fn build_core(directory: &Path, linkers: &Path, log: &Path, task: &Task) -> Result<Vec<PathBuf>> {
    let package = directory.join("build");
    let manifest =
        format!("[package]\nname = \"core-for-{TARGET}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n");
    files::write_whole(&package.join("Cargo.toml"), manifest.as_bytes())?;
    files::write_whole(&package.join("src/lib.rs"), b"#![no_std]\n")?;
    let target = package.join("target");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(linkers.to_path_buf()).chain(std::env::split_paths(&path)))
        .map_err(|error| Failure::environment("PATH cannot be extended").found(error.to_string()))?;
    Tool::new(CARGO)
        .args(["build", "--release", "-Zbuild-std=core,alloc", "--target", TARGET])
        .directory(&package)
        .only_env(workspace::cargo::fetching())
        .env("PATH", path)
        .env("RUSTC", RUSTC)
        // The sources belong to this compiler, so their unstable features are supported.
        .env("RUSTC_BOOTSTRAP", "1")
        // Without it, link-time optimisation of a runtime finds no bitcode in these libraries.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", &target)
        .logged(log, |line| task.tick(line))?;
    let built = target.join(TARGET).join("release/deps");
    ["libcore-", "liballoc-", "libcompiler_builtins-"]
        .iter()
        .map(|prefix| {
            find_rlib(&built, prefix).ok_or_else(|| {
                Failure::internal(format!("the core library for {TARGET} was built without {prefix}*.rlib"))
                    .expected(format!("it in {}", built.display()))
            })
        })
        .collect()
}

/// Assembles a sysroot in `sysroot`, which is later renamed to `final_directory`.
fn assemble(
    sysroot: &Path,
    final_directory: &Path,
    host: &str,
    libraries: &[PathBuf],
    linkers: &Path,
    rustc: &str,
) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let io = |error: std::io::Error| Failure::own_io("write into", sysroot, &error);
    let rustlib = sysroot.join("lib/rustlib");
    let target = rustlib.join(TARGET).join("lib");
    let host_bin = rustlib.join(host).join("bin");
    for directory in [&target, &host_bin, &sysroot.join("bin")] {
        std::fs::create_dir_all(directory).map_err(io)?;
    }
    for library in libraries {
        std::fs::copy(library, target.join(library.file_name().unwrap_or_default())).map_err(io)?;
    }
    // These are links, because the linker finds its shared libraries relative to its real path.
    for name in ["rust-lld", "gcc-ld"] {
        if linkers.join(name).exists() {
            symlink(linkers.join(name), host_bin.join(name)).map_err(io)?;
        }
    }
    symlink(Path::new("/usr/lib/rustlib").join(host).join("lib"), rustlib.join(host).join("lib")).map_err(io)?;
    symlink(CARGO, sysroot.join("bin/cargo")).map_err(io)?;
    let wrapper = sysroot.join("bin/rustc");
    let text = format!("#!/bin/sh\nexec {RUSTC} --sysroot {} \"$@\"\n", quote(final_directory.as_os_str()));
    files::write_whole(&wrapper, text.as_bytes())?;
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).map_err(io)?;
    let stamp = Stamp { recipe: RECIPE, target: TARGET.into(), rustc: rustc.into() };
    let stamp = serde_json::to_vec_pretty(&stamp).map_err(|error| {
        Failure::internal("the stamp file of a toolchain cannot be written").found(error.to_string())
    })?;
    files::write_whole(&sysroot.join(STAMP), &stamp)
}

/// Renames the sysroot to its final name. An existing directory is moved aside, unless it has
/// become complete meanwhile.
fn put_in_place(sysroot: &Path, directory: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("put in place", directory, &error);
    if directory.exists() {
        if complete_compiler(directory).is_some() {
            return Ok(());
        }
        let aside = sysroot.with_extension("replaced");
        std::fs::rename(directory, &aside).map_err(io)?;
    }
    std::fs::rename(sysroot, directory).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidate_version_is_read() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1:1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(parse_candidate(policy), Some((1, 96)));
        assert_eq!(parse_candidate("rustc:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
    }

    #[test]
    fn missing_package_lists_are_detected() {
        let lists = tempfile::tempdir().expect("a directory");
        assert!(!has_lists(&lists.path().join("none")));
        std::fs::create_dir(lists.path().join("partial")).expect("made");
        assert!(!has_lists(lists.path()));
        std::fs::write(lists.path().join("deb.debian.org_dists_stable_main_binary-amd64_Packages.lz4"), "")
            .expect("written");
        assert!(has_lists(lists.path()));
    }

    #[test]
    fn old_compilers_are_refused() {
        assert!(new_enough("rustc 1.84.0\nrelease: 1.84.0"));
        assert!(new_enough("rustc 2.0.0\nrelease: 2.0.0-nightly"));
        assert!(!new_enough("rustc 1.63.0\nrelease: 1.63.0"));
        assert!(!new_enough("nonsense"));
    }

    /// Creates a sysroot with fake libraries, a fake linker, and a script as its compiler.
    fn fake_sysroot(parent: &Path, version: &str) -> (PathBuf, String) {
        let rustc = format!("rustc {version}\nhost: here\nrelease: {version}");
        let sources = parent.join("sources");
        std::fs::create_dir_all(&sources).expect("made");
        let libraries =
            ["libcore-1.rlib", "liballoc-1.rlib", "libcompiler_builtins-1.rlib"].map(|name| sources.join(name));
        for path in libraries.iter().chain([&sources.join("rust-lld")]) {
            std::fs::write(path, "").expect("written");
        }
        let directory = parent.join("toolchain").join(version);
        std::fs::create_dir_all(parent.join("toolchain")).expect("made");
        let partial = parent.join(format!("partial-{version}"));
        assemble(&partial, &directory, "here", &libraries, &sources, &rustc).expect("assembled");
        let script = format!("#!/bin/sh\ncat <<'END'\n{rustc}\nEND\n");
        std::fs::write(partial.join("bin/rustc"), script).expect("written");
        put_in_place(&partial, &directory).expect("in place");
        (directory, rustc)
    }

    #[test]
    fn the_newest_complete_sysroot_is_used() {
        let cache = tempfile::tempdir().expect("a directory");
        assert_eq!(newest_complete(cache.path()), None);
        let (older, _) = fake_sysroot(cache.path(), "1.9.0");
        let newer = fake_sysroot(cache.path(), "1.10.0");
        assert_eq!(newest_complete(cache.path()), Some(newer.clone()));
        std::fs::remove_file(newer.0.join(STAMP)).expect("removed");
        assert_eq!(newest_complete(cache.path()).map(|(directory, _)| directory), Some(older));
    }

    #[test]
    fn a_sysroot_is_stale_when_its_compiler_or_its_linker_changed() {
        let cache = tempfile::tempdir().expect("a directory");
        let (directory, rustc) = fake_sysroot(cache.path(), "1.90.0");
        assert_eq!(complete_compiler(&directory), Some(rustc));
        std::fs::remove_file(cache.path().join("sources/rust-lld")).expect("removed");
        assert_eq!(complete_compiler(&directory), None);
        std::fs::write(cache.path().join("sources/rust-lld"), "").expect("written");
        assert!(complete_compiler(&directory).is_some());
        std::fs::write(directory.join("bin/rustc"), "#!/bin/sh\necho rustc 1.91.0\n").expect("written");
        assert_eq!(complete_compiler(&directory), None);
    }

    #[test]
    fn an_incomplete_sysroot_is_replaced() {
        let cache = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(cache.path().join("toolchain/1.90.0/left-over")).expect("made");
        let (directory, _) = fake_sysroot(cache.path(), "1.90.0");
        assert!(complete_compiler(&directory).is_some());
        assert!(!directory.join("left-over").exists());
    }
}
