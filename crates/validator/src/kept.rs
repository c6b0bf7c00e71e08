// SPDX-License-Identifier: Apache-2.0
//! Prepared code that is kept between runs. To prepare a parachain's code takes longer than all
//! checks together, and gives the same machine code on the same machine.
//!
//! Each entry is one file: a line of JSON, then the machine code. Its name is a digest of all that
//! decides about the machine code and about the measured time: the code, this program, which
//! contains the executor and its parameters, and the processor.

use crate::Prepared;
use artifact::hashes::blake2_256;
use serde::{Deserialize, Serialize};
use std::{
    fs::{DirEntry, File},
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The number of kept codes. That of the embedded parachain takes 21 MB.
const KEPT: usize = 8;
/// The largest file that is read, in bytes.
const LIMIT: u64 = 1 << 30;

/// The first line of an entry.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    prepared: Prepared,
    /// The BLAKE2b-256 hash of the machine code, in hex.
    artifact: String,
}

/// The place of one code among those that are kept.
pub struct KeptCode {
    directory: PathBuf,
    file: PathBuf,
    /// The program, and the digest that it had.
    program: (PathBuf, [u8; 32]),
}

impl KeptCode {
    /// Returns the place of a code below the cache of compiled runtimes. Nothing is kept where the
    /// program or the processor cannot be told apart from others.
    pub fn of(code: &[u8], program: &Path, cache: &Path) -> Option<Self> {
        let program = (program.to_path_buf(), digest(program)?);
        let threads = std::thread::available_parallelism().ok()?.get();
        let mut identity = Vec::new();
        for part in [&blake2_256(code), &program.1, &blake2_256(processor()?.as_bytes())] {
            identity.extend_from_slice(part);
        }
        // More threads take more memory.
        identity.extend_from_slice(&(threads as u64).to_le_bytes());
        let directory = cache.join("prepared");
        let file = directory.join(hex::encode(blake2_256(&identity)));
        Some(Self { directory, file, program })
    }

    /// Writes the machine code to `artifact` and returns what was measured when it was made.
    /// Returns nothing if it is not kept, or not as it was written.
    pub fn restore(&self, artifact: &Path) -> Option<Prepared> {
        let entry = files::read_bounded(&self.file, LIMIT).ok()?;
        let end = entry.iter().position(|byte| *byte == b'\n')?;
        let (heading, code) = (&entry[..end], &entry[end + 1..]);
        let heading: Heading = serde_json::from_slice(heading).ok()?;
        if heading.artifact != hex::encode(blake2_256(code)) {
            return None;
        }
        std::fs::write(artifact, code).ok()?;
        // The entries that were used last are kept.
        let _ = File::open(&self.file).and_then(|file| file.set_modified(SystemTime::now()));
        Some(heading.prepared)
    }

    /// Keeps the machine code in `artifact`, if the program is still the one that it was. A cache
    /// that cannot be written to is no reason to fail: the next run prepares the code again.
    pub fn keep(&self, artifact: &Path, prepared: &Prepared) {
        let (program, before) = &self.program;
        if digest(program).as_ref() != Some(before) {
            return;
        }
        let Ok(code) = files::read_bounded(artifact, LIMIT) else { return };
        let heading = Heading { prepared: prepared.clone(), artifact: hex::encode(blake2_256(&code)) };
        let Ok(heading) = serde_json::to_vec(&heading) else { return };
        let written = files::WholeFile::create(&self.file).and_then(|mut file| {
            let io = |error: std::io::Error| worker::Failure::io("write", &self.file, &error);
            file.write_all(&heading).and_then(|()| file.write_all(b"\n")).map_err(io)?;
            file.write_all(&code).map_err(io)?;
            file.commit()
        });
        if written.is_ok() {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&self) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        let used = |entry: DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
        let mut entries: Vec<_> = entries.flatten().filter_map(used).collect();
        entries.sort();
        for (_, oldest) in entries.iter().rev().skip(KEPT) {
            let _ = std::fs::remove_file(oldest);
        }
    }
}

fn digest(program: &Path) -> Option<[u8; 32]> {
    files::read_bounded(program, LIMIT).ok().map(|bytes| blake2_256(&bytes))
}

/// Returns the model and the instructions of this machine's processor.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    // One processor is described like the others, up to its number and its present frequency.
    let first = text.split("\n\n").next()?;
    let fixed =
        ["vendor_id", "cpu family", "model", "stepping", "microcode", "cache size", "flags", "CPU ", "Features"];
    let lines: Vec<&str> = first.lines().filter(|line| fixed.iter().any(|name| line.starts_with(name))).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fork::processor::MeasuredTime;

    fn prepared() -> Prepared {
        let took = MeasuredTime { clock: 4.0, processor: Some(7.0) };
        Prepared { took, peak_memory: Some(1 << 28), artifact_size: 3 }
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().expect("a directory"));
            std::fs::write(place.program(), "a program").expect("written");
            std::fs::write(place.artifact(), [1, b'\n', 3]).expect("written");
            place
        }

        fn program(&self) -> PathBuf {
            self.0.path().join("program")
        }

        fn artifact(&self) -> PathBuf {
            self.0.path().join("artifact")
        }

        fn restored(&self) -> PathBuf {
            self.0.path().join("restored")
        }

        fn kept(&self, code: &[u8]) -> KeptCode {
            KeptCode::of(code, &self.program(), &self.0.path().join("cache")).expect("a place")
        }
    }

    #[test]
    fn kept_code_is_restored_with_its_figures() {
        let place = Place::new();
        let kept = place.kept(b"code");
        assert_eq!(kept.restore(&place.restored()), None);
        kept.keep(&place.artifact(), &prepared());
        assert_eq!(place.kept(b"code").restore(&place.restored()), Some(prepared()));
        assert_eq!(std::fs::read(place.restored()).expect("restored"), [1, b'\n', 3]);
        assert_eq!(place.kept(b"other code").restore(&place.restored()), None);
        std::fs::write(place.program(), "a newer program").expect("written");
        assert_eq!(place.kept(b"code").restore(&place.restored()), None, "another program may prepare it otherwise");
    }

    #[test]
    fn an_entry_that_was_changed_or_cut_is_not_taken() {
        let place = Place::new();
        let kept = place.kept(b"code");
        kept.keep(&place.artifact(), &prepared());
        let whole = std::fs::read(&kept.file).expect("kept");
        let mut changed = whole.clone();
        *changed.last_mut().expect("not empty") ^= 1;
        for entry in [&changed[..], &whole[..whole.len() - 1], &whole[..10], b"", b"\n", b"{}\n"] {
            std::fs::write(&kept.file, entry).expect("written");
            assert_eq!(kept.restore(&place.restored()), None);
            assert!(!place.restored().exists());
        }
    }

    #[test]
    fn the_entries_that_were_used_last_stay() {
        let place = Place::new();
        let code = |number: usize| [u8::try_from(number).expect("small")];
        for number in 0..=KEPT {
            let kept = place.kept(&code(number));
            kept.keep(&place.artifact(), &prepared());
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
            File::open(&kept.file).and_then(|file| file.set_modified(at)).expect("a file");
        }
        // The last entry removed the first one.
        place.kept(&code(KEPT + 1)).keep(&place.artifact(), &prepared());
        let entries = std::fs::read_dir(place.0.path().join("cache/prepared")).expect("kept").count();
        assert_eq!(entries, KEPT);
        assert_eq!(place.kept(&code(0)).restore(&place.restored()), None);
        assert_eq!(place.kept(&code(KEPT)).restore(&place.restored()), Some(prepared()));
    }

    #[test]
    fn nothing_is_kept_of_a_program_that_was_replaced_meanwhile() {
        let place = Place::new();
        let kept = place.kept(b"code");
        std::fs::write(place.program(), "a newer program").expect("written");
        kept.keep(&place.artifact(), &prepared());
        assert_eq!(kept.restore(&place.restored()), None);
    }

    #[test]
    fn a_cache_that_cannot_be_written_to_is_no_failure() {
        let place = Place::new();
        std::fs::write(place.0.path().join("cache"), "a file").expect("written");
        let kept = place.kept(b"code");
        kept.keep(&place.artifact(), &prepared());
        assert_eq!(kept.restore(&place.restored()), None);
    }
}
