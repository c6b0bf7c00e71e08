// SPDX-License-Identifier: Apache-2.0
//! Workers that were built on another machine: an archive of them, and its installation.
//!
//! An archive is named by its digest, as a builder image is. Its workers are used only by a command
//! line whose sources and lock file are those that the workers were built from, on a machine of the
//! same kind. In all other cases the workers are built here.

use crate::Worker;
use files::WholeFile;
use flate2::{Compression, GzBuilder, read::GzDecoder};
use process::Tool;
use protocol::{Event, format, prebuilt::WorkersManifest};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use tar::{Archive, Builder, Entry, EntryType, Header};
use worker::{Failure, Result};
use workspace::context::Context;

/// The name of the manifest in the archive.
const MANIFEST: &str = "workers.json";
/// The size limit of an archive, in bytes.
pub const ARCHIVE_LIMIT: u64 = 512 << 20;
/// The size limit of a program, in bytes.
const PROGRAM_LIMIT: u64 = 256 << 20;
/// The size limit of the manifest, in bytes.
const MANIFEST_LIMIT: u64 = 64 << 10;

/// Returns the architecture, the operating system and the C library of this program.
pub fn target() -> String {
    let library = if cfg!(target_env = "gnu") {
        "-gnu"
    } else if cfg!(target_env = "musl") {
        "-musl"
    } else {
        ""
    };
    format!("{}-{}{library}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Returns the SHA-256 of everything that workers are compiled from, as `0x` and hex digits: the
/// crates, the manifests, the lock file and the pinned compiler.
pub fn sources(home: &Path) -> Result<String> {
    let mut paths: Vec<PathBuf> =
        ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml"].iter().map(|name| home.join(name)).collect();
    let belongs = |entry: &files::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !name.starts_with('.') && name != "target"
    };
    for entry in files::below(&home.join("crates")).sort_by_file_name().into_iter().filter_entry(belongs) {
        let entry = files::listed(entry)?;
        if entry.file_type().is_file() {
            paths.push(entry.into_path());
        }
    }
    let mut hash = Sha256::new();
    for path in paths {
        let content = files::read_bounded(&path, PROGRAM_LIMIT)?;
        let name = files::utf8(path.strip_prefix(home).unwrap_or(&path))?;
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hex::encode_prefixed(hash.finalize()))
}

/// Writes an archive of programs. Its bytes depend only on the programs and the manifest.
pub fn pack(home: &Path, programs: &[(Worker, PathBuf)], file: &Path) -> Result<WorkersManifest> {
    let mut contents = BTreeMap::new();
    for (worker, path) in programs {
        contents.insert(worker.name().to_owned(), files::read_bounded(path, PROGRAM_LIMIT)?);
    }
    let manifest = WorkersManifest {
        format: format::WORKERS.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        sources: sources(home)?,
        target: target(),
        workers: contents.iter().map(|(name, content)| (name.clone(), sha256(content))).collect(),
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::internal("the manifest of workers cannot be written").found(error.to_string()))?;
    let io = |error: std::io::Error| Failure::io("write", file, &error);
    let mut whole = WholeFile::create(file)?;
    // The header of gzip gets neither a name nor a time.
    let compressed = GzBuilder::new().mtime(0).write(&mut whole, Compression::default());
    let mut archive = Builder::new(compressed);
    append(&mut archive, MANIFEST, 0o644, &text).map_err(io)?;
    for (name, content) in &contents {
        append(&mut archive, name, 0o755, content).map_err(io)?;
    }
    archive.into_inner().and_then(|compressed| compressed.finish()).map_err(io)?;
    whole.commit()?;
    Ok(manifest)
}

fn append(archive: &mut Builder<impl Write>, name: &str, mode: u32, content: &[u8]) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    archive.append(&header, content)
}

/// Returns the digest of an archive: `sha256:` and hex digits.
pub fn digest(file: &Path) -> Result<String> {
    let content = files::read_bounded(file, ARCHIVE_LIMIT)?;
    Ok(format!("sha256:{}", sha256(&content).trim_start_matches("0x")))
}

/// Installs the workers of an archive for this command line, and returns their directory and
/// manifest. Fails if the archive has another digest than `expected`, if its workers are of other
/// sources or for another kind of machine, or if they do not run here.
pub fn install(context: &Context, file: &Path, expected: &str) -> Result<(PathBuf, WorkersManifest)> {
    let name = file.display();
    // Read once: a file that is replaced in between must not be unpacked.
    let content = files::read_bounded(file, ARCHIVE_LIMIT)?;
    let found = format!("sha256:{}", sha256(&content).trim_start_matches("0x"));
    if found != expected {
        return Err(Failure::check(format!("{name} is another archive")).found(found).expected(expected));
    }
    let parent = directory(context);
    let io = |error: std::io::Error| Failure::io("write into", &parent, &error);
    std::fs::create_dir_all(&parent).map_err(io)?;
    let fresh = tempfile::Builder::new().prefix(".partial-").tempdir_in(&parent).map_err(io)?;
    let manifest = unpack(&content, file, fresh.path())?;
    let own = sources(&context.home)?;
    let same = |what: &str, found: &str, expected: &str| match found == expected {
        true => Ok(()),
        false => Err(Failure::environment(format!("the workers in {name} cannot be used: they have another {what}"))
            .found(found)
            .expected(expected)
            .hint("take the archive of this version; without one, the workers are built on first use")),
    };
    same("target", &manifest.target, &target())?;
    same("version", &manifest.version, env!("CARGO_PKG_VERSION"))?;
    same("source", &manifest.sources, &own)?;
    for worker in manifest.workers.keys() {
        try_to_start(&fresh.path().join(worker))?;
    }
    let place = place(&parent, &manifest.sources);
    let there = |(name, expected): (&String, &String)| {
        files::read_bounded(&place.join(name), PROGRAM_LIMIT).is_ok_and(|content| sha256(&content) == *expected)
    };
    // Programs that a command may be using are not replaced by the same ones.
    if !manifest.workers.iter().all(there) {
        if place.exists() {
            let aside = tempfile::Builder::new().prefix(".partial-").tempdir_in(&parent).map_err(io)?;
            std::fs::rename(&place, aside.path().join("old")).map_err(io)?;
        }
        std::fs::rename(fresh.path(), &place).map_err(io)?;
    }
    Ok((place, manifest))
}

/// Returns an installed worker of the sources of this command line.
pub(crate) fn find(context: &Context, worker: Worker) -> Option<PathBuf> {
    let parent = directory(context);
    // Without any installed workers, no source needs to be read.
    if !parent.is_dir() {
        return None;
    }
    let sources = sources(&context.home).ok()?;
    let program = place(&parent, &sources).join(worker.name());
    program.is_file().then_some(program)
}

fn directory(context: &Context) -> PathBuf {
    context.cache.join("workers")
}

/// Returns the directory of the workers of these sources, for machines of this kind.
fn place(parent: &Path, sources: &str) -> PathBuf {
    parent.join(format!("{}-{}", target(), sources.trim_start_matches("0x")))
}

/// Unpacks an archive that [`pack`] wrote. It must contain the manifest first, and then exactly the
/// programs of the manifest.
fn unpack(content: &[u8], file: &Path, into: &Path) -> Result<WorkersManifest> {
    let wrong = |found: String| {
        Failure::input(format!("{} is not an archive of workers", file.display()))
            .found(found)
            .expected("an archive that `cargo xtask dist` wrote")
    };
    let broken = |error: std::io::Error| wrong(error.to_string());
    // A small archive could unpack to any size. Raw mode: an extension of the format could state
    // more data than there is.
    let limit = PROGRAM_LIMIT * Worker::SHIPPED.len() as u64;
    let mut archive = Archive::new(GzDecoder::new(content).take(limit));
    let mut entries = archive.entries().map_err(broken)?.raw(true);
    let mut next = |name: &str, limit: u64| -> Result<Vec<u8>> {
        let entry = entries.next().ok_or_else(|| wrong(format!("no {name}")))?;
        let mut entry: Entry<'_, _> = entry.map_err(broken)?;
        let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if found != name || entry.header().entry_type() != EntryType::Regular || entry.size() > limit {
            return Err(wrong(format!("an entry {found:?} of {} bytes in place of {name}", entry.size())));
        }
        let mut content = Vec::new();
        entry.by_ref().take(limit).read_to_end(&mut content).map_err(broken)?;
        Ok(content)
    };
    let manifest: WorkersManifest =
        serde_json::from_slice(&next(MANIFEST, MANIFEST_LIMIT)?).map_err(|error| wrong(error.to_string()))?;
    if manifest.format != format::WORKERS {
        return Err(wrong(manifest.format));
    }
    let known: Vec<&str> = Worker::SHIPPED.iter().map(|worker| worker.name()).collect();
    let listed: Vec<&str> = manifest.workers.keys().map(String::as_str).collect();
    if !same_names(&known, &listed) {
        return Err(wrong(format!("the programs {}", listed.join(", "))));
    }
    for (name, expected) in &manifest.workers {
        let content = next(name, PROGRAM_LIMIT)?;
        let found = sha256(&content);
        if found != *expected {
            return Err(wrong(format!("{name} with the sha256 {found}, which the manifest does not list")));
        }
        let path = into.join(name);
        files::write_whole(&path, &content)?;
        executable(&path)?;
    }
    match entries.next() {
        None => Ok(manifest),
        Some(_) => Err(wrong("more than the programs of its manifest".into())),
    }
}

fn same_names(one: &[&str], other: &[&str]) -> bool {
    let sorted = |names: &[&str]| {
        let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    sorted(one) == sorted(other)
}

fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| Failure::io("make executable", path, &error))
}

/// Starts a worker without a request, which it answers with an event. A program for an older or a
/// newer system ends before that.
fn try_to_start(program: &Path) -> Result<()> {
    let captured = Tool::new(program).timeout(Duration::from_secs(60)).capture()?;
    let answered = captured
        .stdout
        .split(|byte| *byte == b'\n')
        .any(|line| serde_json::from_slice::<Event>(line).is_ok_and(|event| matches!(event, Event::Failed(_))));
    if answered {
        return Ok(());
    }
    Err(Failure::environment(format!("{} does not run on this machine", program.display()))
        .found(captured.stderr.trim())
        .expected("an answer to an empty request")
        .hint("build the workers here: leave --workers out"))
}

fn sha256(content: &[u8]) -> String {
    hex::encode_prefixed(Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a home with one source, and programs that answer as workers do.
    fn home() -> (tempfile::TempDir, Vec<(Worker, PathBuf)>) {
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path();
        for name in ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "crates/x/src/lib.rs"] {
            files::write_whole(&home.join(name), name.as_bytes()).expect("written");
        }
        let failed = serde_json::to_string(&Event::Failed(Failure::usage("no request"))).expect("JSON");
        let programs = Worker::SHIPPED.map(|worker| {
            let path = home.join("built").join(worker.name());
            files::write_whole(&path, format!("#!/bin/sh\n# {}\necho '{failed}'\n", worker.name()).as_bytes())
                .expect("written");
            executable(&path).expect("executable");
            (worker, path)
        });
        (directory, programs.to_vec())
    }

    fn packed(home: &Path, programs: &[(Worker, PathBuf)]) -> (PathBuf, WorkersManifest) {
        let file = home.join("workers.tar.gz");
        let manifest = pack(home, programs, &file).expect("packed");
        (file, manifest)
    }

    #[test]
    fn an_archive_gives_its_programs_back() {
        let (home, programs) = home();
        let (file, manifest) = packed(home.path(), &programs);
        let into = home.path().join("unpacked");
        let content = std::fs::read(&file).expect("read");
        assert_eq!(unpack(&content, &file, &into).expect("unpacked"), manifest);
        for (worker, path) in &programs {
            let unpacked = into.join(worker.name());
            assert_eq!(std::fs::read(&unpacked).expect("there"), std::fs::read(path).expect("there"));
            try_to_start(&unpacked).expect("it answers");
        }
    }

    #[test]
    fn packing_twice_gives_the_same_bytes() {
        let (home, programs) = home();
        let first = std::fs::read(packed(home.path(), &programs).0).expect("read");
        let reversed: Vec<_> = programs.into_iter().rev().collect();
        assert!(first == std::fs::read(packed(home.path(), &reversed).0).expect("read"));
    }

    #[test]
    fn another_source_has_another_digest() {
        let (home, _) = home();
        let one = sources(home.path()).expect("read");
        assert_eq!(one, sources(home.path()).expect("read"));
        files::write_whole(&home.path().join("crates/x/src/lib.rs"), b"other").expect("written");
        let other = sources(home.path()).expect("read");
        assert_ne!(one, other);
        files::write_whole(&home.path().join("Cargo.lock"), b"other").expect("written");
        assert_ne!(other, sources(home.path()).expect("read"));
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let (home, programs) = home();
        let (file, _) = packed(home.path(), &programs);
        let whole = std::fs::read(&file).expect("read");
        let into = home.path().join("unpacked");
        for cut in [0, 10, whole.len() / 2] {
            assert_eq!(unpack(&whole[..cut], &file, &into).expect_err("cut").kind, worker::Kind::Input, "{cut} bytes");
        }
        for index in (20..whole.len()).step_by(whole.len() / 50) {
            let mut damaged = whole.clone();
            damaged[index] ^= 0x40;
            // A changed byte in the padding may leave every file as it was.
            if let Ok(manifest) = unpack(&damaged, &file, &into) {
                for (name, expected) in manifest.workers {
                    assert_eq!(sha256(&std::fs::read(into.join(name)).expect("there")), expected);
                }
            }
        }
    }

    /// Writes an archive of these entries.
    fn write(file: &Path, entries: &[(&str, EntryType, &[u8])]) {
        let compressed = GzBuilder::new().write(std::fs::File::create(file).expect("made"), Compression::fast());
        let mut archive = Builder::new(compressed);
        for (name, kind, content) in entries {
            let mut header = Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            header.set_cksum();
            archive.append(&header, *content).expect("appended");
        }
        archive.into_inner().and_then(|compressed| compressed.finish()).expect("written");
    }

    #[test]
    fn only_the_programs_of_the_manifest_are_unpacked() {
        let (home, programs) = home();
        let (file, manifest) = packed(home.path(), &programs);
        let into = home.path().join("deep/unpacked");
        let text = serde_json::to_vec(&manifest).expect("JSON");
        let whole = (MANIFEST, EntryType::Regular, text.as_slice());
        let refused = |entries: &[(&str, EntryType, &[u8])]| {
            write(&file, entries);
            let content = std::fs::read(&file).expect("read");
            let failure = unpack(&content, &file, &into).expect_err("refused");
            assert_eq!(failure.kind, worker::Kind::Input, "{failure}");
            failure.found.unwrap_or_default()
        };
        assert!(refused(&[whole]).contains("no cutover-benchmark"));
        assert!(refused(&[whole, ("../../evil", EntryType::Regular, b"x")]).contains("../../evil"));
        assert!(refused(&[whole, ("cutover-benchmark", EntryType::Symlink, b"")]).contains("cutover-benchmark"));
        assert!(refused(&[whole, ("cutover-benchmark", EntryType::Regular, b"x")]).contains("sha256"));
        let other = WorkersManifest { workers: BTreeMap::from([("sh".into(), sha256(b"x"))]), ..manifest.clone() };
        let other = serde_json::to_vec(&other).expect("JSON");
        assert!(refused(&[(MANIFEST, EntryType::Regular, &other)]).contains("the programs sh"));
        let large = vec![b' '; MANIFEST_LIMIT as usize + 1];
        assert!(refused(&[(MANIFEST, EntryType::Regular, &large)]).contains("bytes in place of"));
        assert!(!home.path().join("evil").exists() && !home.path().join("deep/evil").exists());
    }

    #[test]
    fn a_program_that_does_not_answer_is_no_worker() {
        let (home, _) = home();
        let silent = home.path().join("silent");
        std::fs::write(&silent, "#!/bin/sh\necho 'GLIBC_2.99 not found' >&2\nexit 1\n").expect("written");
        executable(&silent).expect("executable");
        let failure = try_to_start(&silent).expect_err("silent");
        assert_eq!(failure.kind, worker::Kind::Environment);
        assert_eq!(failure.found.as_deref(), Some("GLIBC_2.99 not found"));
    }
}
