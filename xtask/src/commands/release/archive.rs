// SPDX-License-Identifier: Apache-2.0
//! A directory as one file: a POSIX tar archive (ustar) whose bytes depend on names and contents alone.

use std::path::{Path, PathBuf};
use worker::{Failure, Result};

const BLOCK: usize = 512;
const FILE_LIMIT: u64 = 256 << 20;
const FILES: usize = 10_000;

/// All files below `directory`, under the name `top`, sorted; owned by nobody, dated 1970.
pub fn tar(directory: &Path, top: &str) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    for path in files(directory)? {
        let inside = path.strip_prefix(directory).unwrap_or(&path);
        let name = format!("{top}/{}", super::super::utf8(inside)?);
        let content = files::read_bounded(&path, FILE_LIMIT)?;
        archive.extend_from_slice(&header(&name, content.len() as u64)?);
        archive.extend_from_slice(&content);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive)
}

/// Unpacks an archive that [`tar`] made, byte for byte, and no other. Returns the directory that was in it.
pub fn unpack(archive: &[u8], into: &Path) -> Result<PathBuf> {
    let wrong =
        |found: String| Failure::input("the archive of a bundle is none that `release prepare` made").found(found);
    let short = || wrong("it is cut short".into());
    let mut top: Option<String> = None;
    let mut rest = archive;
    loop {
        let (block, after) = rest.split_at_checked(BLOCK).ok_or_else(short)?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let text = |bytes: &[u8]| {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        let (name, size) = (text(&block[..100]), text(&block[124..136]));
        let size = u64::from_str_radix(&size, 8).map_err(|_| wrong(format!("a file of the size {size:?}")))?;
        let plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.chars().any(|c| c.is_control() || c == '\\')
        };
        let inside = name.split_once('/').filter(|_| name.split('/').all(plain));
        let (own, _) = inside.ok_or_else(|| wrong(format!("a file named {name:?}")))?;
        if top.get_or_insert_with(|| own.to_owned()) != own {
            return Err(wrong(format!("{name}, beside another directory")));
        }
        let length = usize::try_from(size).ok().filter(|length| *length as u64 <= FILE_LIMIT).ok_or_else(short)?;
        let (content, _) = after.split_at_checked(length).ok_or_else(short)?;
        files::write_whole(&into.join(&name), content)?;
        rest = after.get(length.next_multiple_of(BLOCK)..).ok_or_else(short)?;
    }
    let top = top.ok_or_else(|| wrong("nothing in it".into()))?;
    let directory = into.join(&top);
    match tar(&directory, &top)? == archive {
        true => Ok(directory),
        false => Err(wrong("other bytes than its files make".into())),
    }
}

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

fn header(name: &str, size: u64) -> Result<[u8; BLOCK]> {
    let mut block = [0u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = block.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    if name.len() > 100 {
        return Err(Failure::input(format!("the name {name} is too long for an archive")).expected("100 bytes"));
    }
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_itself_reads_it_and_dates_make_no_difference() {
        let directory = tempfile::tempdir().expect("a directory");
        let from = directory.path().join("from");
        std::fs::create_dir_all(from.join("calls")).expect("made");
        std::fs::write(from.join("a.json"), "{}").expect("written");
        std::fs::write(from.join("calls/x.hex"), "y".repeat(1000)).expect("written");
        let archive = tar(&from, "bundle").expect("archived");
        assert_eq!(archive.len() % BLOCK, 0);
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
    fn only_what_was_made_here_is_unpacked() {
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
        let escaping = [header("bundle/../../x", 0).expect("a header").to_vec(), vec![0; 2 * BLOCK]].concat();
        let longer = [&archive[..], b"x"].concat();
        for wrong in
            [changed(0, b'/'), changed(124, b'x'), changed(257, 0), archive[..700].to_vec(), escaping, longer, vec![]]
        {
            assert_eq!(unpacked(&wrong).expect_err("refused").kind, worker::Kind::Input);
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).expect("linked");
        assert_eq!(tar(directory.path(), "x").expect_err("refused").kind, worker::Kind::Input);
    }
}
