// SPDX-License-Identifier: Apache-2.0
//! A snapshot that is read as a stream instead of into memory: its state as the nodes of a trie.
//!
//! The first pass checks that the file is complete and in order, and reads the facts of its state.
//! The second pass returns the nodes, each with its hash. Both need memory for one entry, the nodes
//! on the path to it, and the roots of child tries.

use super::{CODE, FileKind, HEAD_LENGTH, State, code_of, snapshot, stream, try_runtime};
use crate::trie::{Builder, CHILD_PREFIX, NodeVisitor};
use artifact::{hashes::blake2_256, version_of};
use protocol::inspect::StateSummary;
use std::{
    collections::{BTreeMap, btree_map},
    fs::File,
    io::{BufReader, Cursor, Read},
    path::{Path, PathBuf},
};
use worker::{Code, Failure, Kind, Result};

/// The size in bytes up to which [`check_root`] compares a snapshot. It takes a fraction of a second.
const CHECKED_LIMIT: u64 = 16 << 20;

/// A snapshot file whose content was checked and which can be read again as trie nodes.
pub struct StateFile {
    path: PathBuf,
    kind: FileKind,
    facts: State,
    entries: Option<usize>,
    tally: Tally,
    /// The roots of the child tries, by their keys in the main trie.
    roots: BTreeMap<Vec<u8>, [u8; 32]>,
}

impl StateFile {
    /// Reads a snapshot once and checks it.
    ///
    /// Returns `None` if the file is not a snapshot, is smaller than `at_least` bytes, or cannot be
    /// opened.
    pub fn open(path: &Path, at_least: u64) -> Result<Option<Self>> {
        // Only a regular file can be read twice. The error for a missing file comes from the
        // caller, which then reads it whole.
        if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() >= at_least) {
            return Ok(None);
        }
        let (Some(kind), reader) = open_file(path)? else { return Ok(None) };
        let (name, mut first_pass) = (path.display().to_string(), FirstPass::default());
        let facts = match kind {
            FileKind::Snapshot => snapshot::visit_entries(&name, reader, &mut first_pass)?,
            FileKind::TryRuntime => try_runtime::visit_nodes(&name, reader, &mut |_, _, _| Ok(()))?,
            FileKind::ChainSpec => return Ok(None),
        };
        first_pass.finish_child()?;
        // A file of trie nodes does not tell how often a node occurs in the trie.
        let entries = (kind == FileKind::Snapshot).then_some(first_pass.tally.entries());
        let FirstPass { tally, roots, .. } = first_pass;
        Ok(Some(Self { path: path.to_owned(), kind, facts, entries, tally, roots }))
    }

    /// Returns the summary of a snapshot of Cutover, without its entries in memory. `None` for a
    /// file of another kind.
    ///
    /// Fails if the file states another spec name or version than those of its runtime.
    pub fn summary(path: &Path) -> Result<Option<StateSummary>> {
        let Some(file) = Self::open_snapshot(path)? else { return Ok(None) };
        check_label(&path.display().to_string(), &file)?;
        // Without a root to compare with there is no need to compute one.
        let verified = file.facts.state_root.is_some() && file.has_its_root()?;
        let Self { facts, tally, roots, .. } = file;
        let code = tally.code.as_deref();
        Ok(Some(StateSummary {
            verified,
            entries: tally.top as u64,
            child_tries: roots.len() as u64,
            child_entries: tally.in_children as u64,
            bytes: tally.bytes,
            code_size: code.map(|code| code.len() as u64),
            code_blake2_256: code.map(|code| hex::encode_prefixed(blake2_256(code))),
            ..facts.summary()
        }))
    }

    /// Opens a snapshot of Cutover. `None` for a file of another kind.
    fn open_snapshot(path: &Path) -> Result<Option<Self>> {
        let is_snapshot = path.is_file() && open_file(path)?.0 == Some(FileKind::Snapshot);
        if is_snapshot { Self::open(path, 0) } else { Ok(None) }
    }

    /// Returns whether the entries have the root that the file states.
    fn has_its_root(&self) -> Result<bool> {
        match self.nodes(&mut |_, _| Ok(())) {
            Ok(root) => Ok(self.facts.state_root == Some(root)),
            // Its trie cannot be that of a chain.
            Err(failure) if failure.kind == Kind::Input => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Returns the state without its entries.
    pub fn facts(&self) -> &State {
        &self.facts
    }

    /// Returns the number of entries, including those of child tries. A snapshot of try-runtime
    /// does not tell it.
    pub fn entries(&self) -> Option<usize> {
        self.entries
    }

    /// Calls the visitor for every trie node, and for every value that is stored outside of its
    /// node.
    ///
    /// Returns the root of the visited trie, which the caller compares with the expected root: the
    /// file may have changed since [`StateFile::open`].
    pub fn nodes(&self, visitor: &mut NodeVisitor<'_>) -> Result<[u8; 32]> {
        let (name, (kind, reader)) = (self.path.display().to_string(), open_file(&self.path)?);
        if kind != Some(self.kind) {
            return Err(Failure::input(format!("{name} was replaced while it was read")));
        }
        if self.kind == FileKind::TryRuntime {
            let facts = try_runtime::visit_nodes(&name, reader, &mut |_, hash, node| {
                let found = blake2_256(&node);
                if found != hash {
                    return Err(Failure::input(format!("a trie node in {name} does not match its hash"))
                        .found(hex::encode_prefixed(found))
                        .expected(hex::encode_prefixed(hash))
                        .hint("the file is damaged or forged: make it again"));
                }
                visitor(hash, &node)
            })?;
            return Ok(facts.state_root.unwrap_or_default());
        }
        let version = self.facts.state_version;
        let roots = self.roots.iter().peekable();
        let mut second_pass = SecondPass { visitor, version, trie: Builder::new(version), main: None, roots };
        snapshot::visit_entries(&name, reader, &mut second_pass)?;
        second_pass.end()
    }
}

/// Compares the entries of a snapshot of Cutover with the state root that it states. Returns whether
/// they were compared: a file without a root and a large one are not. There is nothing to compare in
/// a file of another kind.
///
/// Fails if the entries have another root.
pub fn check_root(path: &Path) -> Result<bool> {
    let large = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > CHECKED_LIMIT);
    if large {
        return Ok(!path.is_file() || open_file(path)?.0 != Some(FileKind::Snapshot));
    }
    let Some(file) = StateFile::open_snapshot(path)? else { return Ok(true) };
    let Some(root) = file.facts.state_root else { return Ok(false) };
    match file.has_its_root()? {
        true => Ok(true),
        false => Err(Failure::input(format!("{} contradicts itself", path.display()))
            .code(Code::Damaged)
            .found("entries with another state root")
            .expected(format!("{}, the state root that it states", hex::encode_prefixed(root)))
            .hint("make or download the file again")),
    }
}

/// Fails if a snapshot states another spec name or version than those of its runtime.
fn check_label(name: &str, file: &StateFile) -> Result<()> {
    let stated = (&file.facts.spec_name, file.facts.spec_version);
    if stated == (&None, None) {
        return Ok(());
    }
    let version = version_of(&format!("the runtime in {name}"), &code_of(name, file.tally.code.as_deref())?)?;
    let differs = stated.0.as_ref().is_some_and(|stated| *stated != version.spec_name)
        || stated.1.is_some_and(|stated| stated != version.spec_version);
    if !differs {
        return Ok(());
    }
    let shown = |name: Option<&str>, number: Option<u32>| {
        format!("{} {}", name.unwrap_or("-"), number.map_or("-".into(), |number| number.to_string()))
    };
    Err(Failure::input(format!("{name} contradicts itself"))
        .code(Code::Damaged)
        .found(format!("the label {}", shown(stated.0.as_deref(), stated.1)))
        .expected(format!("{}, as its runtime says", shown(Some(&version.spec_name), Some(version.spec_version))))
        .hint("make or download the file again"))
}

/// Opens a file. Returns its kind and a reader from its beginning.
fn open_file(path: &Path) -> Result<(Option<FileKind>, impl Read)> {
    let mut file = File::open(path).map_err(|error| Failure::io("read", path, &error))?;
    let head = stream::head(&path.display().to_string(), &mut file, HEAD_LENGTH)?;
    Ok((FileKind::of(&head), BufReader::with_capacity(1 << 16, Cursor::new(head).chain(file))))
}

/// Counts the entries and computes the roots of the child tries. The main trie contains these
/// roots; the file does not.
#[derive(Default)]
struct FirstPass {
    version: u8,
    tally: Tally,
    child: Option<(Vec<u8>, Builder)>,
    roots: BTreeMap<Vec<u8>, [u8; 32]>,
}

/// The numbers of entries, their size, and the runtime.
#[derive(Default)]
struct Tally {
    /// The entries of the main trie.
    top: usize,
    /// The entries of all child tries.
    in_children: usize,
    /// The size of all keys and values.
    bytes: u64,
    code: Option<Vec<u8>>,
}

impl Tally {
    fn entries(&self) -> usize {
        self.top + self.in_children
    }
}

impl FirstPass {
    /// Computes the root of the child trie that was read last.
    fn finish_child(&mut self) -> Result<()> {
        if let Some((name, trie)) = self.child.take() {
            self.roots.insert([CHILD_PREFIX, &name].concat(), trie.finish(&mut |_, _| Ok(()))?);
        }
        Ok(())
    }
}

impl snapshot::SnapshotVisitor for FirstPass {
    fn begin(&mut self, facts: &State) {
        self.version = facts.state_version;
    }

    fn entry(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        let tally = &mut self.tally;
        tally.bytes += (key.len() + value.len()) as u64;
        match &mut self.child {
            Some((_, trie)) => {
                tally.in_children += 1;
                trie.push(&key, value, &mut |_, _| Ok(()))
            }
            None => {
                tally.top += 1;
                if key == CODE {
                    tally.code = Some(value);
                }
                Ok(())
            }
        }
    }

    fn child(&mut self, name: Vec<u8>) -> Result<()> {
        self.finish_child()?;
        self.child = Some((name, Builder::new(self.version)));
        Ok(())
    }
}

/// Builds all tries in the order of the file: the main trie, then the child tries.
struct SecondPass<'a, 'b> {
    visitor: &'a mut NodeVisitor<'b>,
    version: u8,
    trie: Builder,
    /// The root of the main trie, once it is complete.
    main: Option<[u8; 32]>,
    /// The roots of child tries that are not yet inserted into the main trie.
    roots: std::iter::Peekable<btree_map::Iter<'a, Vec<u8>, [u8; 32]>>,
}

impl SecondPass<'_, '_> {
    /// Completes the current trie and starts the next one. Returns the root of the main trie.
    fn end(&mut self) -> Result<[u8; 32]> {
        if self.main.is_none() {
            for (key, root) in self.roots.by_ref() {
                self.trie.push(key, root.to_vec(), self.visitor)?;
            }
        }
        let trie = std::mem::replace(&mut self.trie, Builder::new(self.version));
        let root = trie.finish(self.visitor)?;
        Ok(*self.main.get_or_insert(root))
    }
}

impl snapshot::SnapshotVisitor for SecondPass<'_, '_> {
    fn entry(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        if self.main.is_none() {
            while let Some((child, root)) = self.roots.next_if(|(child, _)| **child < key) {
                self.trie.push(child, root.to_vec(), self.visitor)?;
            }
        }
        self.trie.push(&key, value, self.visitor)
    }

    fn child(&mut self, _: Vec<u8>) -> Result<()> {
        self.end().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tests::sample, trie};
    use proptest::prelude::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("state");
        std::fs::write(&path, bytes).expect("written");
        (directory, path)
    }

    /// Rebuilds the state from the nodes of a file.
    fn read_back(path: &Path) -> State {
        let file = StateFile::open(path, 0).expect("read").expect("a snapshot");
        let mut nodes = trie::Nodes::default();
        let root = file
            .nodes(&mut |hash, node| {
                assert_eq!(hash, blake2_256(node));
                nodes.insert(hash, node.to_vec());
                Ok(())
            })
            .expect("read");
        let (roots, top): (Vec<_>, Vec<_>) = nodes
            .entries("the nodes", root)
            .expect("whole")
            .into_iter()
            .partition(|(key, _)| key.starts_with(CHILD_PREFIX));
        let children: Vec<_> = roots
            .into_iter()
            .map(|(key, root)| {
                let root = root.try_into().expect("a hash");
                (key[CHILD_PREFIX.len()..].to_vec(), nodes.entries("the nodes", root).expect("whole"))
            })
            .collect();
        assert!(file.facts().top.is_empty() && file.facts().children.is_empty());
        let counted = top.len() + children.iter().map(|(_, entries)| entries.len()).sum::<usize>();
        assert!(file.entries().is_none_or(|entries| entries == counted));
        State { top, children, ..file.facts().clone() }
    }

    #[test]
    fn only_a_large_snapshot_is_streamed() {
        let bytes = sample().to_snapshot().expect("written");
        let (_directory, path) = file(&bytes);
        assert!(StateFile::open(&path, bytes.len() as u64).expect("read").is_some());
        assert!(StateFile::open(&path, bytes.len() as u64 + 1).expect("read").is_none());
        let (_directory, path) = file(b"{\"name\": \"a chain spec\"}");
        assert!(StateFile::open(&path, 0).expect("read").is_none());
        assert!(StateFile::open(Path::new("/nowhere"), 0).expect("left to others").is_none());
    }

    /// Returns the sample with the runtime of the tests.
    fn with_runtime() -> State {
        let mut state = State { header: None, block: None, ..sample() };
        state.top.push((CODE.to_vec(), test_runtime::deployed()));
        state.top.sort();
        state.origin = protocol::inspect::StateOrigin::Snapshot;
        state.state_root = state.compute_root();
        state
    }

    #[test]
    fn a_streamed_summary_is_that_of_the_whole_state() {
        let rootless = State { state_root: None, header: None, ..with_runtime() };
        let wrong = State { state_root: Some([9; 32]), ..with_runtime() };
        for (state, checked) in [(with_runtime(), Some(true)), (rootless, Some(false)), (wrong, None)] {
            let (_directory, path) = file(&state.to_snapshot().expect("written"));
            assert_eq!(StateFile::summary(&path).expect("read"), Some(state.summary()));
            assert_eq!(check_root(&path).ok(), checked);
        }
        let (_directory, path) = file(b"{\"name\": \"a chain spec\"}");
        assert_eq!((StateFile::summary(&path).expect("left to others"), check_root(&path).ok()), (None, Some(true)));
    }

    #[test]
    fn a_label_of_another_runtime_is_refused() {
        let version = version_of("x", &code_of("x", Some(&test_runtime::deployed())).expect("code")).expect("one");
        let (name, number) = (version.spec_name, version.spec_version);
        for (name, number, good) in
            [(name.clone(), number, true), ("polkadot".to_owned(), number, false), (name, number + 1, false)]
        {
            let state = State { spec_name: Some(name), spec_version: Some(number), ..with_runtime() };
            let (_directory, path) = file(&state.to_snapshot().expect("written"));
            let summary = StateFile::summary(&path);
            assert_eq!(summary.as_ref().is_ok_and(Option::is_some), good, "{summary:?}");
            assert!(good || summary.is_err_and(|failure| failure.is(Code::Damaged)));
        }
    }

    #[test]
    fn truncation_and_changed_bytes_are_detected_before_a_node_is_visited() {
        let bytes = sample().to_snapshot().expect("written");
        for position in (crate::SNAPSHOT_MAGIC.len()..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[position] ^= 4;
            for bytes in [&changed, &bytes[..position].to_vec()] {
                let (_directory, path) = file(bytes);
                assert!(StateFile::open(&path, 0).is_err(), "at {position}");
            }
        }
    }

    #[test]
    fn a_change_between_the_passes_is_detected() {
        let (_directory, path) = file(&sample().to_snapshot().expect("written"));
        let opened = StateFile::open(&path, 0).expect("read").expect("a snapshot");
        let mut other = sample();
        other.top[3].1 = vec![9; 5];
        std::fs::write(&path, other.to_snapshot().expect("written")).expect("written");
        let root = opened.nodes(&mut |_, _| Ok(())).expect("whole in itself");
        assert_ne!(Some(root), opened.facts().state_root, "another state has another root");
        std::fs::write(&path, b"{}").expect("written");
        assert!(opened.nodes(&mut |_, _| Ok(())).expect_err("refused").message.contains("replaced"));
    }

    #[test]
    fn an_error_of_the_visitor_ends_the_pass() {
        let (_directory, path) = file(&sample().to_snapshot().expect("written"));
        let opened = StateFile::open(&path, 0).expect("read").expect("a snapshot");
        let failure = opened.nodes(&mut |_, _| Err(Failure::environment("the disk is full"))).expect_err("ended");
        assert_eq!(failure.message, "the disk is full");
    }

    type Map = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

    fn entries(count: usize) -> impl Strategy<Value = Map> {
        let key = prop::collection::vec(prop::sample::select(vec![0x00u8, 0x01, b':', b'z']), 0..5);
        prop::collection::btree_map(key, prop::collection::vec(any::<u8>(), 0..60), count..20)
    }

    proptest! {
        #[test]
        fn the_streamed_state_equals_the_state_read_whole(
            top in entries(0),
            children in prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..3), entries(1), 0..4),
            state_version in 0u8..2,
        ) {
            let top = top.into_iter().collect();
            let children = children.into_iter().map(|(name, map)| (name, map.into_iter().collect())).collect();
            let mut state = State { top, children, state_version, header: None, block: None, ..sample() };
            state.state_root = state.compute_root();
            state.origin = protocol::inspect::StateOrigin::Snapshot;
            let (_directory, path) = file(&state.to_snapshot().expect("written"));
            prop_assert_eq!(read_back(&path), state);
        }
    }
}
