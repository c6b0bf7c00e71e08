// SPDX-License-Identifier: Apache-2.0
//! Hashes of files of any size in constant memory.

use blake2::{Blake2b, Digest, digest::consts::U32};
use protocol::manifest::Digests;
use sha2::Sha256;
use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};
use worker::{Failure, Result};

pub(crate) type Blake2b256 = Blake2b<U32>;

/// The greatest size of a file of a bundle, in bytes.
const SIZE_LIMIT: u64 = 1 << 30;

/// Returns the digests of bytes: blake2-256, which runtimes use, and sha256, for which every system
/// has a tool.
pub fn of(bytes: &[u8]) -> Digests {
    Digests {
        size: bytes.len() as u64,
        sha256: hex::encode_prefixed(Sha256::digest(bytes)),
        blake2_256: blake2_256(bytes),
    }
}

/// Returns the digests of a file. Reads it once, 64 KiB at a time. Refuses a file above the size
/// limit without reading it.
pub fn of_file(path: &Path) -> Result<Digests> {
    let failed = |error: &std::io::Error| Failure::io("read", path, error);
    let mut file = open_regular(path)?;
    let length = file.metadata().map_err(|error| failed(&error))?.len();
    if length > SIZE_LIMIT {
        return Err(Failure::input(format!("{} is too large", path.display()))
            .found(format!("{length} bytes"))
            .expected(format!("at most {SIZE_LIMIT}")));
    }
    let (mut sha256, mut blake2) = (Sha256::new(), Blake2b256::new());
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(&error)),
        };
        let chunk = buffer.get(..read).unwrap_or_default();
        sha256.update(chunk);
        blake2.update(chunk);
        size += read as u64;
    }
    Ok(Digests {
        size,
        sha256: hex::encode_prefixed(sha256.finalize()),
        blake2_256: hex::encode_prefixed(blake2.finalize()),
    })
}

/// Opens a regular file. Refuses links, which could be changed between two reads, and pipes, which
/// may never end.
pub(crate) fn open_regular(path: &Path) -> Result<File> {
    let failed = |error: std::io::Error| Failure::io("read", path, &error);
    let seen = std::fs::symlink_metadata(path).map_err(failed)?;
    let irregular = || Failure::input(format!("{} is not a regular file", path.display())).expected("a regular file");
    if !seen.is_file() {
        return Err(irregular());
    }
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let opened = file.metadata().map_err(failed)?;
        if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
            return Err(irregular());
        }
    }
    Ok(file)
}

/// Reads a file that the user named. Follows links and refuses pipes, which may never end.
#[cfg(feature = "signatures")]
pub(crate) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let seen = std::fs::metadata(path).map_err(|error| Failure::io("read", path, &error))?;
    match seen.is_file() {
        true => files::read_bounded(path, limit),
        false => Err(Failure::input(format!("{} is not a regular file", path.display())).expected("a regular file")),
    }
}

/// Returns the blake2-256 hash of bytes in hex with `0x`.
pub fn blake2_256(bytes: &[u8]) -> String {
    hex::encode_prefixed(Blake2b256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests_of_nothing_and_of_abc() {
        let nothing = of(b"");
        assert_eq!(nothing.sha256, "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(nothing.blake2_256, "0x0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!(of(b"abc").blake2_256, "0xbddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    }

    #[test]
    fn a_file_and_its_bytes_agree_around_the_buffer_size() {
        let directory = tempfile::tempdir().expect("a directory");
        for size in [0, 1, 65535, 65536, 65537, 200_000] {
            let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let path = directory.path().join("file");
            std::fs::write(&path, &bytes).expect("written");
            assert_eq!(of_file(&path).expect("hashed"), of(&bytes), "{size}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).expect("linked");
        assert!(of_file(&link).expect_err("refused").message.contains("link"));
    }

    #[test]
    fn a_file_that_no_bundle_has_is_refused_unread() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("large");
        let file = File::create(&path).expect("made");
        // The file is sparse: it uses no disk space, but reading it would take minutes.
        file.set_len(SIZE_LIMIT + 1).expect("long");
        assert!(of_file(&path).expect_err("refused").message.contains("too large"));
    }
}
