// SPDX-License-Identifier: Apache-2.0
//! Deterministic tar archives (ustar): the bytes depend only on the names and contents of the
//! files.

use std::{
    io::Read,
    path::{Path, PathBuf},
};
use tar::{Archive, Builder, Entry, EntryType, Header};
use worker::{Failure, Result};

const FILE_LIMIT: u64 = 256 << 20;
const FILES: usize = 10_000;

/// Archives all files below `directory` under the name `top`. Entries are sorted, without owner and
/// dated 1970.
pub fn tar(directory: &Path, top: &str) -> Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for path in files(directory)? {
        let inside = path.strip_prefix(directory).unwrap_or(&path);
        let name = format!("{top}/{}", files::utf8(inside)?);
        let content = files::read_bounded(&path, FILE_LIMIT)?;
        let header = header(&name, content.len() as u64)?;
        archive.append(&header, content.as_slice()).map_err(|error| cannot_archive(&name, &error))?;
    }
    archive.into_inner().map_err(|error| cannot_archive(top, &error))
}

/// Unpacks an archive made by [`tar`] and returns its directory. Any other archive is an error: the
/// files must give the same bytes when archived again.
pub fn unpack(archive: &[u8], into: &Path) -> Result<PathBuf> {
    let wrong = |found: String| Failure::input("the archive is not a bundle made by `release prepare`").found(found);
    let broken = |error: std::io::Error| wrong(error.to_string());
    let mut top: Option<String> = None;
    // Raw mode: an extension of the format, such as a sparse file, could state more data than the
    // archive contains.
    for entry in Archive::new(archive).entries().map_err(broken)?.raw(true) {
        let mut entry: Entry<'_, &[u8]> = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.chars().any(|c| c.is_control() || c == '\\')
        };
        let is_file = entry.header().entry_type() == EntryType::Regular;
        let inside = name.split_once('/').filter(|_| is_file && name.split('/').all(plain));
        let (own, _) = inside.ok_or_else(|| wrong(format!("a file named {name:?}")))?;
        if top.get_or_insert_with(|| own.to_owned()) != own {
            return Err(wrong(format!("{name}, in addition to another directory")));
        }
        let mut content = Vec::new();
        entry.by_ref().take(FILE_LIMIT).read_to_end(&mut content).map_err(broken)?;
        files::write_whole(&into.join(&name), &content)?;
    }
    let top = top.ok_or_else(|| wrong("nothing in it".into()))?;
    let directory = into.join(&top);
    match tar(&directory, &top)? == archive {
        true => Ok(directory),
        false => Err(wrong("its files give other bytes when archived again".into())),
    }
}

/// Returns all files below a directory, sorted. Anything but files and directories is an error.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in files::below(directory).sort_by_file_name() {
        let entry = files::listed(entry)?;
        let kind = entry.file_type();
        if kind.is_file() && found.len() < FILES {
            found.push(entry.into_path());
        } else if !kind.is_dir() {
            return Err(Failure::input(format!("{} cannot be archived", entry.path().display())));
        }
    }
    Ok(found)
}

/// Returns the header of a file: mode 644, no owner, dated 1970.
fn header(name: &str, size: u64) -> Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name).map_err(|error| cannot_archive(name, &error))?;
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    // The checksum as POSIX defines it and as earlier archives have it: six digits, a NUL and a
    // space.
    let sum = header.cksum().map_err(|error| cannot_archive(name, &error))?;
    header.as_old_mut().cksum.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

fn cannot_archive(name: &str, error: &std::io::Error) -> Failure {
    Failure::input(format!("{name} cannot be archived")).found(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_tar_command_reads_it_and_time_stamps_make_no_difference() {
        let directory = tempfile::tempdir().expect("a directory");
        let from = directory.path().join("from");
        std::fs::create_dir_all(from.join("calls")).expect("made");
        std::fs::write(from.join("a.json"), "{}").expect("written");
        std::fs::write(from.join("calls/x.hex"), "y".repeat(1000)).expect("written");
        let archive = tar(&from, "bundle").expect("archived");
        assert_eq!(
            hex::encode(Sha256::digest(&archive)),
            "dd20dad42931f072a6c10fb9c02be7b1b4f41df711bbd101ae3a67ac94cb9464",
            "later versions must be able to unpack a published archive"
        );
        let file = directory.path().join("x.tar");
        std::fs::write(&file, &archive).expect("written");
        let listed = std::process::Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(directory.path()).output();
        assert!(listed.expect("tar").status.success());
        for name in ["a.json", "calls/x.hex"] {
            let read = |base: &str| std::fs::read(directory.path().join(base).join(name)).expect("read");
            assert_eq!(read("bundle"), read("from"));
        }
        let again = std::fs::File::options().write(true).open(from.join("a.json")).expect("opened");
        again.set_modified(std::time::UNIX_EPOCH).expect("dated");
        assert_eq!(tar(&from, "bundle").expect("archived"), archive);
    }

    #[test]
    fn only_archives_made_by_release_prepare_are_unpacked() {
        let from = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(from.path().join("calls")).expect("made");
        for name in ["manifest.json", "calls/x.hex"] {
            std::fs::write(from.path().join(name), name.repeat(100)).expect("written");
        }
        let archive = tar(from.path(), "bundle").expect("archived");
        let unpacked = |archive: &[u8]| {
            let into = tempfile::tempdir().expect("a directory");
            unpack(archive, into.path()).map(|directory| tar(&directory, "bundle").expect("archived"))
        };
        assert_eq!(unpacked(&archive).expect("unpacked"), archive);
        let changed = |at: usize, byte: u8| {
            let mut changed = archive.clone();
            changed[at] = byte;
            changed
        };
        let mut up = header("bundle/xx/xx/x", 0).expect("a header");
        up.as_old_mut().name[..14].copy_from_slice(b"bundle/../../x");
        up.set_cksum();
        let escaping = [&up.as_bytes()[..], &[0; 1024]].concat();
        let longer = [&archive[..], b"x"].concat();
        for wrong in
            [changed(0, b'/'), changed(124, b'x'), changed(257, 0), archive[..700].to_vec(), escaping, longer, vec![]]
        {
            assert_eq!(unpacked(&wrong).expect_err("refused").kind, worker::Kind::Input);
        }
    }

    #[test]
    fn symbolic_links_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).expect("linked");
        assert_eq!(tar(directory.path(), "x").expect_err("refused").kind, worker::Kind::Input);
    }
}
