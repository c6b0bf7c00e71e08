// SPDX-License-Identifier: Apache-2.0
//! The state of a chain at rest: as a file holds it, read to plain entries, and as a trie.
//!
//! Three kinds of file are read, told apart by how they begin: raw chain specs, try-runtime's snapshots, and snapshots
//! of our own. None is trusted: sizes are bounded while reading, and what carries a root is proven against it.

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
pub use file::StateFile;
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

/// The key of the runtime.
pub const CODE: &[u8] = b":code";
/// States of the largest chains stay below this; a larger file is none.
pub(crate) const SIZE_LIMIT: u64 = 16 * 1024 * 1024 * 1024;

/// A whole state, or the part of one that a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub origin: StateOrigin,
    /// What the chain calls itself.
    pub chain: Option<String>,
    /// Of the runtime under `:code`, where there is one.
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    /// The layout of the trie: 0 or 1.
    pub state_version: u8,
    /// The root of the entries below. It differs from the header's when the file holds a part of the state.
    pub state_root: Option<[u8; 32]>,
    pub block: Option<Block>,
    pub header: Option<Vec<u8>>,
    /// Ordered by key. The roots of child tries are not among them: they follow from `children`.
    pub top: Entries,
    /// Child tries by their key without its prefix, ordered; none is empty.
    pub children: Vec<(Vec<u8>, Entries)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub number: u64,
    pub hash: [u8; 32],
}

/// How much of a file's beginning tells its kind.
pub const HEAD_LENGTH: usize = 16;

impl State {
    /// Of entries that a program has, ordered by key: of no block, and nothing said of its chain.
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

    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|error| Failure::io("read", path, &error))?;
        Self::from_reader(&name, file)
    }

    /// Reads a state of any kind. `name` is what errors call it.
    pub fn from_reader(name: &str, mut reader: impl Read) -> Result<Self> {
        let head = stream::head(name, &mut reader, HEAD_LENGTH)?;
        let rest = Cursor::new(head.clone()).chain(reader);
        match FileKind::of(&head) {
            Some(FileKind::ChainSpec) => chain_spec::read(name, rest),
            Some(FileKind::TryRuntime) => try_runtime::read(name, rest),
            Some(FileKind::Snapshot) => snapshot::read(name, rest),
            None if head.is_empty() => Err(Failure::input(format!("{name} is empty")).expected(EXPECTED)),
            None => Err(Failure::input(format!("{name} is no state"))
                .found(format!("a file that begins with {}", hex::encode_prefixed(&head)))
                .expected(EXPECTED)),
        }
    }

    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let index = self.top.binary_search_by(|(candidate, _)| candidate.as_slice().cmp(key)).ok()?;
        self.top.get(index).map(|(_, value)| value.as_slice())
    }

    /// The runtime in this state.
    pub fn code(&self, name: &str) -> Result<Blob> {
        code_of(name, self.get(CODE))
    }

    /// The root of the entries, child tries included. Nothing where the keys are of no real chain.
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

    /// Whether this is the whole state of its block. Not known without header and root.
    pub fn complete(&self) -> Option<bool> {
        let header = Header::decode(self.header.as_deref()?)?;
        Some(header.state_root == self.state_root?)
    }

    /// Writes our own snapshot, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_whole(path, &self.to_snapshot()?)
    }

    /// Our own snapshot. The same state gives the same bytes.
    pub fn to_snapshot(&self) -> Result<Vec<u8>> {
        snapshot::to_bytes(self)
    }

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

    /// Takes the runtime's own account of itself from the entries.
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

fn code_of(name: &str, code: Option<&[u8]>) -> Result<Blob> {
    let code = code.ok_or_else(|| {
        Failure::input(format!("{name} has no runtime"))
            .found("no value under :code")
            .expected("a state with the runtime in it")
    })?;
    Blob::from_deployed(&format!("the runtime in {name}"), code.to_vec())
}

const EXPECTED: &str = "a raw chain spec, a try-runtime snapshot or a snapshot of Cutover";

/// What a file is, told from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    ChainSpec,
    TryRuntime,
    Snapshot,
}

impl FileKind {
    /// Returns the kind of a file that begins with these bytes. Nothing where it is no state.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(&SNAPSHOT_MAGIC) {
            return Some(Self::Snapshot);
        }
        match head.trim_ascii_start() {
            [b'{', ..] => return Some(Self::ChainSpec),
            // A mark that some editors put in front of text.
            [0xef, 0xbb, 0xbf, b'{', ..] => return Some(Self::ChainSpec),
            _ => {}
        }
        match head {
            // A compact number from 1 to 15, then a state version: of any version, to say which it is.
            [version, 0 | 1, ..] if version % 4 == 0 && (4..=60).contains(version) => Some(Self::TryRuntime),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small whole state with a child trie, at a block.
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
    fn the_kind_of_a_file_is_in_its_beginning() {
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
    fn what_is_no_state_is_named() {
        let failure = State::from_reader("file", &b"\0asm\x01\0\0\0"[..]).expect_err("refused");
        assert_eq!(failure.message, "file is no state");
        let failure = State::from_reader("file", &b""[..]).expect_err("refused");
        assert_eq!(failure.message, "file is empty");
    }
}
