// SPDX-License-Identifier: Apache-2.0
//! The state of a chain at rest: read from files as entries, and as a trie.
//!
//! Three kinds of files are read: raw chain specs, snapshots of try-runtime, and snapshots of
//! Cutover. The first bytes of a file tell its kind. No file is trusted: sizes are bounded while
//! reading, and a state with a root is proven against it.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod chain_spec;
mod excerpt;
mod file;
pub mod header;
mod snapshot;
mod stream;
pub mod trie;
mod try_runtime;

pub use chain_spec::{CodeSubstitute, code_substitutes};
pub use excerpt::{StateExcerpt, genesis_hash_keys};
pub use file::{StateFile, check_root};
pub use snapshot::{Facts as SnapshotFacts, MAGIC as SNAPSHOT_MAGIC, Writer as SnapshotWriter};

use crate::{
    header::Header,
    trie::{CHILD_PREFIX, Entries},
};
use artifact::{Blob, Version, version_of};
use protocol::inspect::{StateOrigin, StateSummary};
use std::{
    io::{Cursor, Read},
    path::Path,
};
use worker::{Failure, Result};

/// The storage key of the runtime: `:code`.
pub const CODE: &[u8] = b":code";
/// The largest size of a state in bytes. States of the largest chains are smaller.
pub(crate) const SIZE_LIMIT: u64 = 16 * 1024 * 1024 * 1024;

/// The whole state of a block, or the part of it that a file contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The kind of file that the state was read from.
    pub origin: StateOrigin,
    /// The name of the chain, as in its chain spec.
    pub chain: Option<String>,
    /// The spec name of the runtime under `:code`, if there is one.
    pub spec_name: Option<String>,
    /// The spec version of the runtime under `:code`, if there is one.
    pub spec_version: Option<u32>,
    /// The layout of the trie: 0 or 1.
    pub state_version: u8,
    /// The root of the entries below. It differs from the header's if the file contains a part of
    /// the state.
    pub state_root: Option<[u8; 32]>,
    /// The block of the state.
    pub block: Option<Block>,
    /// The SCALE-encoded header of the block.
    pub header: Option<Vec<u8>>,
    /// The entries of the main trie, ordered by key, without the roots of child tries. Those follow
    /// from `children`.
    pub top: Entries,
    /// The child tries by their key without its prefix, ordered by key. None is empty.
    pub children: Vec<(Vec<u8>, Entries)>,
}

/// A block of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The block number.
    pub number: u64,
    /// The block hash.
    pub hash: [u8; 32],
}

/// The number of bytes at the start of a file that tell its kind.
pub const HEAD_LENGTH: usize = 16;

impl State {
    /// Creates a state from entries in memory, ordered by key, without a block and without the name
    /// of a chain.
    pub fn of_entries(state_version: u8, top: Entries, children: Vec<(Vec<u8>, Entries)>) -> Self {
        Self {
            origin: StateOrigin::Memory,
            chain: None,
            spec_name: None,
            spec_version: None,
            state_version,
            state_root: None,
            block: None,
            header: None,
            top,
            children,
        }
    }

    /// Reads a state file of any kind.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|error| Failure::io("read", path, &error))?;
        Self::from_reader(&name, file)
    }

    /// Reads a state of any kind. `name` is its name in messages.
    pub fn from_reader(name: &str, mut reader: impl Read) -> Result<Self> {
        let head = stream::head(name, &mut reader, HEAD_LENGTH)?;
        let rest = Cursor::new(head.clone()).chain(reader);
        match FileKind::of(&head) {
            Some(FileKind::ChainSpec) => chain_spec::read(name, rest),
            Some(FileKind::TryRuntime) => try_runtime::read(name, rest),
            Some(FileKind::Snapshot) => snapshot::read(name, rest),
            None if head.is_empty() => Err(Failure::input(format!("{name} is empty")).expected(EXPECTED)),
            None => Err(Failure::input(format!("{name} is not a state file"))
                .found(format!("a file that begins with {}", hex::encode_prefixed(&head)))
                .expected(EXPECTED)),
        }
    }

    /// Returns the value under a key of the main trie.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let index = self.top.binary_search_by(|(candidate, _)| candidate.as_slice().cmp(key)).ok()?;
        self.top.get(index).map(|(_, value)| value.as_slice())
    }

    /// Returns the runtime in this state. `name` is the state's name in messages.
    pub fn code(&self, name: &str) -> Result<Blob> {
        code_of(name, self.get(CODE))
    }

    /// Computes the state root from the entries, child tries included.
    ///
    /// Returns `None` if the keys are not in order, or if the trie is deeper than any real chain's.
    pub fn compute_root(&self) -> Option<[u8; 32]> {
        if self.children.is_empty() {
            return trie::root(&self.top, self.state_version);
        }
        let mut top = self.top.clone();
        for (key, entries) in self.children.iter().filter(|(_, entries)| !entries.is_empty()) {
            let root = trie::root(entries, self.state_version)?;
            top.push(([CHILD_PREFIX, key.as_slice()].concat(), root.to_vec()));
        }
        top.sort();
        trie::root(&top, self.state_version)
    }

    /// Returns whether this is the whole state of its block, or `None` if the header or the root is
    /// missing.
    pub fn complete(&self) -> Option<bool> {
        let header = Header::decode(self.header.as_deref()?)?;
        Some(header.state_root == self.state_root?)
    }

    /// Writes the state as a snapshot file, atomically.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_whole(path, &self.to_snapshot()?)
    }

    /// Encodes the state as a snapshot. The same state gives the same bytes.
    pub fn to_snapshot(&self) -> Result<Vec<u8>> {
        snapshot::to_bytes(self)
    }

    /// Returns the summary that `inspect` shows of a state file.
    pub fn summary(&self) -> StateSummary {
        let size = |entries: &Entries| entries.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
        let code = self.get(CODE);
        StateSummary {
            kind: self.origin,
            chain: self.chain.clone(),
            spec_name: self.spec_name.clone(),
            spec_version: self.spec_version,
            state_version: self.state_version,
            state_root: self.state_root.map(hex::encode_prefixed),
            verified: self.state_root.is_some() && self.compute_root() == self.state_root,
            complete: self.complete(),
            block_number: self.block.map(|block| block.number),
            block_hash: self.block.map(|block| hex::encode_prefixed(block.hash)),
            entries: self.top.len() as u64,
            child_tries: self.children.len() as u64,
            child_entries: self.children.iter().map(|(_, entries)| entries.len() as u64).sum(),
            bytes: size(&self.top) + self.children.iter().map(|(_, entries)| size(entries)).sum::<u64>(),
            code_size: code.map(|code| code.len() as u64),
            code_blake2_256: code.map(|code| hex::encode_prefixed(artifact::hashes::blake2_256(code))),
        }
    }

    /// Sets the spec name and version to those of the runtime under `:code`, and returns that
    /// runtime's version.
    fn read_code_version(&mut self, name: &str) -> Result<Option<Version>> {
        if self.get(CODE).is_none() {
            return Ok(None);
        }
        let version = version_of(&format!("the runtime in {name}"), &self.code(name)?)?;
        self.spec_name = Some(version.spec_name.clone());
        self.spec_version = Some(version.spec_version);
        Ok(Some(version))
    }
}

/// Parses the value under `:code`.
fn code_of(name: &str, code: Option<&[u8]>) -> Result<Blob> {
    let code = code.ok_or_else(|| {
        Failure::input(format!("{name} has no runtime"))
            .found("no value under :code")
            .expected("a state with a runtime")
    })?;
    Blob::from_deployed(&format!("the runtime in {name}"), code.to_vec())
}

const EXPECTED: &str = "a raw chain spec, a try-runtime snapshot or a snapshot of Cutover";

/// The kind of a state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A chain spec: JSON.
    ChainSpec,
    /// A snapshot of try-runtime.
    TryRuntime,
    /// A snapshot of Cutover.
    Snapshot,
}

impl FileKind {
    /// Returns the kind of a file that begins with these bytes, or `None` if it is not a state
    /// file.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(&SNAPSHOT_MAGIC) {
            return Some(Self::Snapshot);
        }
        match head.trim_ascii_start() {
            [b'{', ..] => return Some(Self::ChainSpec),
            // The UTF-8 byte order mark.
            [0xef, 0xbb, 0xbf, b'{', ..] => return Some(Self::ChainSpec),
            _ => {}
        }
        match head {
            // A compact number from 1 to 15, which is the version of the format, then a state
            // version. Versions that are not supported are recognized too, so that the error can
            // name them.
            [version, 0 | 1, ..] if version % 4 == 0 && (4..=60).contains(version) => Some(Self::TryRuntime),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a small, complete state with a child trie and a block.
    pub(crate) fn sample() -> State {
        let top = (0..50u8).map(|index| (vec![index, 7], vec![index; usize::from(index)])).collect();
        let children = vec![(b"child".to_vec(), vec![(b"a".to_vec(), vec![1; 40]), (b"b".to_vec(), vec![])])];
        let mut state = State { chain: Some("Sample".into()), ..State::of_entries(1, top, children) };
        state.state_root = state.compute_root();
        let header = Header {
            parent_hash: [1; 32],
            number: 12,
            state_root: state.state_root.expect("computed"),
            extrinsics_root: [2; 32],
        };
        let bytes = header.encode(&[0]);
        state.block = Some(Block { number: 12, hash: Header::hash(&bytes) });
        state.header = Some(bytes);
        state
    }

    #[test]
    fn the_first_bytes_tell_the_kind_of_a_file() {
        assert_eq!(FileKind::of(b"{\"name\""), Some(FileKind::ChainSpec));
        assert_eq!(FileKind::of(b"\n  {"), Some(FileKind::ChainSpec));
        assert_eq!(FileKind::of(&[16, 1, 20]), Some(FileKind::TryRuntime));
        assert_eq!(FileKind::of(&[12, 0, 20]), Some(FileKind::TryRuntime));
        assert_eq!(FileKind::of(&SNAPSHOT_MAGIC), Some(FileKind::Snapshot));
        assert_eq!(FileKind::of(b"\0asm"), None);
        assert_eq!(FileKind::of(b"0x00"), None);
        assert_eq!(FileKind::of(b""), None);
    }

    #[test]
    fn children_are_part_of_the_root() {
        let state = sample();
        assert_eq!(state.complete(), Some(true));
        assert!(state.summary().verified);
        let mut changed = state.clone();
        changed.children[0].1[0].1[0] ^= 1;
        assert_ne!(changed.compute_root(), state.compute_root());
        assert!(!changed.summary().verified);
    }

    #[test]
    fn errors_name_a_file_that_is_not_a_state() {
        let failure = State::from_reader("file", &b"\0asm\x01\0\0\0"[..]).expect_err("refused");
        assert_eq!(failure.message, "file is not a state file");
        let failure = State::from_reader("file", &b""[..]).expect_err("refused");
        assert_eq!(failure.message, "file is empty");
    }
}
