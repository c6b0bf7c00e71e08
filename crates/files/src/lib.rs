// SPDX-License-Identifier: Apache-2.0
//! Writes files atomically, and reads files with a size limit.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
};
pub use walkdir::DirEntry;
use walkdir::WalkDir;
use worker::{Failure, Result};

/// Writes a file atomically: its name has either the old content or the complete new content.
///
/// The content is written to a temporary file in the same directory, synced and renamed. The
/// details are those of [`WholeFile`].
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(content).map_err(|error| Failure::io("write", path, &error))?;
    file.commit().map(drop)
}

/// A file that is written in parts and gets its name when it is complete. If it is dropped before,
/// the temporary file is removed.
///
/// A symlink stays, and its target is replaced. A replaced file keeps its mode. A FIFO or a
/// character device, such as `/dev/stdout`, is written to directly: it has no old content.
pub struct WholeFile {
    output: Output,
    path: PathBuf,
    length: u64,
}

enum Output {
    /// A temporary file beside the target, and the mode that the complete file gets.
    Beside { file: BufWriter<tempfile::NamedTempFile>, target: PathBuf, mode: u32 },
    /// A FIFO or a character device.
    Stream(BufWriter<File>),
}

/// The mode of a new file. `tempfile` creates private files; everybody may read the result.
const MODE: u32 = 0o644;

impl WholeFile {
    /// Creates a temporary file in the directory of `path`. Creates the directory if it is missing.
    ///
    /// Fails if `path` is a directory, a block device, a socket, or a symlink without a target.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Failure::io("write", path, &error);
        let output = match existing(path)? {
            Existing::Stream => Output::Stream(BufWriter::new(File::options().write(true).open(path).map_err(failed)?)),
            Existing::File { target, mode } => Output::beside(target, mode).map_err(failed)?,
            Existing::Nothing => {
                std::fs::create_dir_all(directory_of(path)).map_err(failed)?;
                Output::beside(path.to_path_buf(), MODE).map_err(failed)?
            }
        };
        Ok(Self { output, path: path.to_path_buf(), length: 0 })
    }

    /// Syncs the file, renames it to its name and returns its length in bytes.
    pub fn commit(self) -> Result<u64> {
        let Self { output, path, length } = self;
        let failed = |error: std::io::Error| Failure::io("write", &path, &error);
        let (file, target, mode) = match output {
            Output::Beside { file, target, mode } => (file, target, mode),
            Output::Stream(mut stream) => return stream.flush().map(|()| length).map_err(failed),
        };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        set_mode(file.as_file(), mode);
        file.persist(&target).map_err(|error| failed(error.error))?;
        // The rename is durable only after the directory is synced.
        if let Ok(directory) = File::open(directory_of(&target)) {
            let _ = directory.sync_all();
        }
        Ok(length)
    }
}

impl Output {
    fn beside(target: PathBuf, mode: u32) -> std::io::Result<Self> {
        let file = tempfile::Builder::new().prefix(".partial-").tempfile_in(directory_of(&target))?;
        Ok(Self::Beside { file: BufWriter::new(file), target, mode })
    }
}

/// What a path names before it is written.
enum Existing {
    Nothing,
    /// A regular file with its path without symlinks and its mode.
    File {
        target: PathBuf,
        mode: u32,
    },
    /// A FIFO or a character device.
    Stream,
}

fn existing(path: &Path) -> Result<Existing> {
    let failed = |error: std::io::Error| Failure::io("write", path, &error);
    let refused = |found: &str| {
        Err(Failure::input(format!("cannot write {}", path.display()))
            .found(found)
            .expected("a path without a file, a regular file, a FIFO or a character device"))
    };
    let seen = match std::fs::metadata(path) {
        Ok(seen) => seen,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match std::fs::symlink_metadata(path) {
                Ok(_) => refused("a symlink without a target"),
                Err(_) => Ok(Existing::Nothing),
            };
        }
        Err(error) => return Err(failed(error)),
    };
    if seen.is_file() {
        return Ok(Existing::File { target: path.canonicalize().map_err(failed)?, mode: mode_of(&seen) });
    }
    if seen.is_dir() {
        return refused("a directory");
    }
    match is_stream(&seen) {
        true => Ok(Existing::Stream),
        false => refused("a block device or a socket"),
    }
}

#[cfg(unix)]
fn is_stream(seen: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    seen.file_type().is_fifo() || seen.file_type().is_char_device()
}

#[cfg(not(unix))]
fn is_stream(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn mode_of(seen: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    seen.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode_of(_: &std::fs::Metadata) -> u32 {
    MODE
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let _ = file.set_permissions(std::fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) {}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = match &mut self.output {
            Output::Beside { file, .. } => file.write(bytes),
            Output::Stream(stream) => stream.write(bytes),
        }?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.output {
            Output::Beside { file, .. } => file.flush(),
            Output::Stream(stream) => stream.flush(),
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Reads a file of at most `limit` bytes, so that a hostile or wrong file does not fill the memory.
///
/// Fails if the file is larger or cannot be read.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |error: &std::io::Error| Failure::io("read", path, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content).map_err(|error| failed(&error))?;
    if content.len() as u64 > limit {
        return Err(Failure::input(format!("{} is too large", path.display()))
            .found("a larger file")
            .expected(format!("at most {limit} bytes")));
    }
    Ok(content)
}

/// Returns a path as text, for requests and arguments. Fails if the path is not UTF-8.
pub fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Failure::input(format!("{} is not UTF-8", path.display())).expected("a path in UTF-8"))
}

/// Returns an iterator over everything below a directory, in no order. Links are not followed.
pub fn below(directory: &Path) -> WalkDir {
    WalkDir::new(directory).min_depth(1)
}

/// Returns an entry of [`below`]. A failure names the directory that cannot be listed.
pub fn listed(entry: walkdir::Result<DirEntry>) -> Result<DirEntry> {
    entry.map_err(|error| {
        let path = error.path().unwrap_or(Path::new("")).to_path_buf();
        Failure::io("list", &path, &error.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_atomically_and_no_temporary_file_is_left() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("deep/er/file");
        write_whole(&path, b"one").expect("written");
        write_whole(&path, b"two").expect("written again");
        assert_eq!(std::fs::read(&path).expect("read back"), b"two");
        let beside = std::fs::read_dir(path.parent().expect("a parent")).expect("listed").count();
        assert_eq!(beside, 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_stays_and_its_target_keeps_its_mode() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (target, link) = (directory.path().join("elsewhere/target"), directory.path().join("link"));
        let mode = || std::fs::metadata(&target).expect("seen").permissions().mode() & 0o777;
        write_whole(&target, b"one").expect("written");
        assert_eq!(mode(), 0o644, "a new file");
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).expect("private");
        symlink("elsewhere/target", &link).expect("linked");
        write_whole(&link, b"two").expect("written");
        assert!(std::fs::symlink_metadata(&link).expect("seen").is_symlink());
        assert_eq!((std::fs::read(&target).expect("read"), mode()), (b"two".to_vec(), 0o600));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_replaced_by_one() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        write_whole(Path::new("/dev/null"), b"nothing").expect("written to");
        assert!(std::fs::metadata("/dev/null").expect("seen").file_type().is_char_device());

        let directory = tempfile::tempdir().expect("a temporary directory");
        let (socket, dangling) = (directory.path().join("socket"), directory.path().join("dangling"));
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
        symlink("nowhere", &dangling).expect("linked");
        for (path, found) in
            [(directory.path(), "a directory"), (&socket, "a block device or a socket"), (&dangling, "a symlink")]
        {
            let failure = write_whole(path, b"x").expect_err("refused");
            assert!(failure.kind == worker::Kind::Input && failure.found.expect("seen").contains(found), "{found}");
        }
        assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 2, "nothing is left");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_gets_the_content() {
        use std::os::fd::AsRawFd;
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        // The kernel shows the pipe as a FIFO under this name, as `/dev/stdout` is one.
        let mut file = WholeFile::create(&PathBuf::from(format!("/dev/fd/{}", writer.as_raw_fd()))).expect("opened");
        drop(writer);
        file.write_all(b"content").expect("written");
        assert_eq!(file.commit().expect("complete"), 7);
        let mut content = String::new();
        reader.read_to_string(&mut content).expect("read");
        assert_eq!(content, "content");
    }

    #[test]
    fn a_directory_that_cannot_be_listed_is_named() {
        let failure = below(Path::new("no/such")).into_iter().map(listed).next().expect("an entry").expect_err("none");
        assert_eq!((failure.kind, failure.message.as_str()), (worker::Kind::Input, "cannot list no/such"));
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("file");
        write_whole(&path, &[7; 10]).expect("written");
        assert_eq!(read_bounded(&path, 10).expect("fits"), [7; 10]);
        let failure = read_bounded(&path, 9).expect_err("one byte too long");
        assert_eq!(failure.kind, worker::Kind::Input);
    }
}
