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
/// The content is written to a temporary file in the same directory, synced and renamed.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(content).map_err(|error| Failure::io("write", path, &error))?;
    file.commit().map(drop)
}

/// A file that is written in parts and gets its name when it is complete. If it is dropped before,
/// the temporary file is removed.
pub struct WholeFile {
    file: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
}

impl WholeFile {
    /// Creates a temporary file in the directory of `path`. Creates the directory if it is missing.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Failure::io("write", path, &error);
        let directory = directory_of(path);
        std::fs::create_dir_all(directory).map_err(failed)?;
        let file = tempfile::Builder::new().prefix(".partial-").tempfile_in(directory).map_err(failed)?;
        Ok(Self { file: BufWriter::new(file), path: path.to_path_buf() })
    }

    /// Syncs the file, renames it to its name and returns its length in bytes.
    pub fn commit(self) -> Result<u64> {
        let Self { file, path } = self;
        let failed = |error: std::io::Error| Failure::io("write", &path, &error);
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        #[cfg(unix)]
        {
            // `tempfile` creates private files; everybody may read the result.
            use std::os::unix::fs::PermissionsExt;
            let _ = file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644));
        }
        let length = file.as_file().metadata().map_err(failed)?.len();
        file.persist(&path).map_err(|error| failed(error.error))?;
        // The rename is durable only after the directory is synced.
        if let Ok(directory) = File::open(directory_of(&path)) {
            let _ = directory.sync_all();
        }
        Ok(length)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
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
