// SPDX-License-Identifier: Apache-2.0
//! The snapshot format of Cutover.
//!
//! | Bytes | Content |
//! |---|---|
//! | 8 | the magic |
//! | 4 | the version of the format, little-endian |
//! | … | the body in one zstd frame |
//! | 32 | the BLAKE2-256 hash of all bytes before |
//!
//! The body is SCALE-encoded and consists of these fields, with strictly ascending keys:
//!
//! - `chain: Option<String>`
//! - `spec_name: Option<String>`
//! - `spec_version: Option<u32>`
//! - `block: Option<(u64, [u8; 32])>`: number and hash
//! - `header: Option<Vec<u8>>`
//! - `state_root: Option<[u8; 32]>`
//! - `state_version: u8`
//! - `top: Vec<(Vec<u8>, Vec<u8>)>`: keys and values
//! - `children: Vec<(Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>)>`: child tries by their keys
//!
//! The hash at the end detects truncated and changed files. The order of the keys makes the same
//! state the same bytes.

use super::{Block, State, stream::Stream};
use crate::{header::Header, trie::Entries};
use artifact::hashes::Blake2b;
use codec::{Compact, Encode};
use protocol::inspect::StateOrigin;
use std::{
    cell::Cell,
    io::{self, BufReader, Read, Write},
    rc::Rc,
};
use worker::{Code, Failure, Result};

/// The first bytes of a snapshot. No other kind of source begins with them, and they are not text.
pub const MAGIC: [u8; 8] = *b"\x93CUTOVER";
const VERSION: u32 = 1;
const HASH: usize = 32;
/// The level of zstd: fast, with a ratio close to the best one on hashes and balances.
const LEVEL: i32 = 3;

pub(super) fn to_bytes(state: &State) -> Result<Vec<u8>> {
    let mut writer = Writer::begin(
        Vec::new(),
        &Facts {
            chain: state.chain.as_deref(),
            spec_name: state.spec_name.as_deref(),
            spec_version: state.spec_version,
            block: state.block,
            header: state.header.as_deref(),
            state_root: state.state_root,
            state_version: state.state_version,
        },
    )?;
    writer.entries(&state.top)?;
    writer.children(state.children.len())?;
    let mut children: Vec<_> = state.children.iter().collect();
    children.sort();
    for (key, entries) in children {
        writer.child(key)?;
        writer.entries(entries)?;
    }
    writer.finish()
}

/// The facts of a state that a snapshot contains before the entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The name of the chain.
    pub chain: Option<&'a str>,
    /// The spec name of the runtime.
    pub spec_name: Option<&'a str>,
    /// The spec version of the runtime.
    pub spec_version: Option<u32>,
    /// The block of the state.
    pub block: Option<Block>,
    /// The SCALE-encoded header of the block.
    pub header: Option<&'a [u8]>,
    /// The root of the entries.
    pub state_root: Option<[u8; 32]>,
    /// The layout of the trie: 0 or 1.
    pub state_version: u8,
}

/// Writes a snapshot as a stream of entries. Only the number of entries must be known in advance.
///
/// The order of the calls: [`list`](Self::list) and its entries; [`children`](Self::children); for
/// each child trie, ordered by key, [`child`](Self::child), [`list`](Self::list) and its entries;
/// [`finish`](Self::finish).
pub struct Writer<W: Write> {
    encoder: zstd::Encoder<'static, HashingWriter<W>>,
    /// The number of entries of the list that are not written yet.
    remaining: usize,
    /// The key of the last entry.
    last: Option<Vec<u8>>,
}

impl<W: Write> Writer<W> {
    /// Writes the facts.
    pub fn begin(sink: W, facts: &Facts<'_>) -> Result<Self> {
        let mut writer = HashingWriter { sink, hasher: Blake2b::new() };
        writer.write_all(&MAGIC).map_err(write_error)?;
        writer.write_all(&VERSION.to_le_bytes()).map_err(write_error)?;
        let mut encoder = zstd::Encoder::new(writer, LEVEL).map_err(write_error)?;
        let block = facts.block.map(|block| (block.number, block.hash));
        let body = (facts.chain, facts.spec_name, facts.spec_version, block, facts.header, facts.state_root);
        encoder.write_all(&body.encode()).map_err(write_error)?;
        encoder.write_all(&[facts.state_version]).map_err(write_error)?;
        Ok(Self { encoder, remaining: 0, last: None })
    }

    /// Begins a list of `count` entries with ascending keys.
    pub fn list(&mut self, count: usize) -> Result<()> {
        self.check_list_end()?;
        (self.remaining, self.last) = (count, None);
        self.encoder.write_all(&length(count)?).map_err(write_error)
    }

    /// Writes one entry of the list.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.remaining == 0 || self.last.as_deref().is_some_and(|last| last >= key) {
            return Err(Failure::internal("a state's keys are not in order"));
        }
        self.remaining -= 1;
        self.last = Some(key.to_vec());
        self.encoder.write_all(&key.encode()).map_err(write_error)?;
        self.encoder.write_all(&value.encode()).map_err(write_error)
    }

    /// Writes the number of child tries.
    pub fn children(&mut self, count: usize) -> Result<()> {
        self.check_list_end()?;
        self.encoder.write_all(&length(count)?).map_err(write_error)
    }

    /// Begins a child trie. `key` is without the prefix.
    pub fn child(&mut self, key: &[u8]) -> Result<()> {
        self.check_list_end()?;
        self.encoder.write_all(&key.encode()).map_err(write_error)
    }

    fn entries(&mut self, entries: &Entries) -> Result<()> {
        self.list(entries.len())?;
        entries.iter().try_for_each(|(key, value)| self.entry(key, value))
    }

    /// Fails if entries of the list are missing.
    fn check_list_end(&self) -> Result<()> {
        match self.remaining {
            0 => Ok(()),
            remaining => Err(Failure::internal(format!("{remaining} entries of a state are missing"))),
        }
    }

    /// Writes the hash and returns the sink.
    pub fn finish(self) -> Result<W> {
        self.check_list_end()?;
        let HashingWriter { mut sink, hasher } = self.encoder.finish().map_err(write_error)?;
        sink.write_all(&hasher.finish()).map_err(write_error)?;
        Ok(sink)
    }
}

fn write_error(error: io::Error) -> Failure {
    let failure = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::environment("the disk is full"),
        _ => Failure::environment("a snapshot cannot be written"),
    };
    failure.found(error.to_string())
}

/// A writer that computes the hash of the written bytes.
struct HashingWriter<W> {
    sink: W,
    hasher: Blake2b<HASH>,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

fn length(length: usize) -> Result<Vec<u8>> {
    let length = u32::try_from(length).map_err(|_| Failure::input("a state has too many entries for a snapshot"))?;
    Ok(Compact(length).encode())
}

/// Receives the parts of a snapshot in the order of the file.
pub(super) trait SnapshotVisitor {
    /// The facts before the entries.
    fn begin(&mut self, _facts: &State) {}
    /// An entry of the current trie: the main trie first, then the child trie of the last call of
    /// `child`.
    fn entry(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()>;
    /// The start of a child trie. `name` is its key without the prefix.
    fn child(&mut self, name: Vec<u8>) -> Result<()>;
}

pub(super) fn read(name: &str, reader: impl Read) -> Result<State> {
    let mut all = CollectAll::default();
    let facts = visit_entries(name, reader, &mut all)?;
    Ok(State { top: all.top, children: all.children, ..facts })
}

/// Collects all entries.
#[derive(Default)]
struct CollectAll {
    top: Entries,
    children: Vec<(Vec<u8>, Entries)>,
}

impl SnapshotVisitor for CollectAll {
    fn entry(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.children.last_mut().map_or(&mut self.top, |(_, entries)| entries).push((key, value));
        Ok(())
    }

    fn child(&mut self, name: Vec<u8>) -> Result<()> {
        self.children.push((name, Entries::new()));
        Ok(())
    }
}

/// Reads a snapshot and passes its parts to a visitor. Returns the state without entries.
///
/// The hash is at the end of the file, so the visited parts are valid only if this succeeds.
pub(super) fn visit_entries(name: &str, reader: impl Read, visitor: &mut dyn SnapshotVisitor) -> Result<State> {
    let consumed = Rc::new(Cell::new(0));
    let mut content = TrailerReader::new(reader, consumed.clone());
    let mut start = [0; 12];
    content.read_exact(&mut start).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Stream::new(name, io::empty()).truncated(),
        _ => super::stream::read_error(name, &error),
    })?;
    let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
    if version != VERSION {
        return Err(Failure::input(format!("{name} is a snapshot of another version"))
            .found(version.to_string())
            .expected(VERSION.to_string())
            .hint("make the snapshot again, or read it with the version of Cutover that wrote it"));
    }
    let decoder = zstd::Decoder::new(content)
        .map_err(|error| Failure::internal("zstd cannot be started").found(error.to_string()))?;
    let mut stream = Stream::decompressed(name, BufReader::with_capacity(1 << 16, decoder), consumed);
    let facts = facts(&mut stream)?;
    visitor.begin(&facts);
    entries(&mut stream, visitor)?;
    let mut last = None;
    for _ in 0..stream.compact()? {
        let key = stream.bytes()?;
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Err(stream.broken("child tries out of order"));
        }
        visitor.child(key.clone())?;
        last = Some(key);
        entries(&mut stream, visitor)?;
    }
    stream.end()?;
    let (expected, found) = stream.into_inner().into_inner().finish().into_inner().finish();
    if expected != found {
        return Err(Failure::input(format!("{name} was changed after it was written"))
            .code(Code::Damaged)
            .found(hex::encode_prefixed(found))
            .expected(format!("{} as in its last 32 bytes", hex::encode_prefixed(expected)))
            .hint("make or download the file again"));
    }
    check(name, &facts)?;
    Ok(facts)
}

/// Reads the facts before the entries.
fn facts<R: Read>(stream: &mut Stream<'_, R>) -> Result<State> {
    let chain = stream.option(Stream::text)?;
    let spec_name = stream.option(Stream::text)?;
    let spec_version = stream.option(Stream::u32)?;
    let block = stream.option(|stream| Ok(Block { number: stream.u64()?, hash: stream.array()? }))?;
    let header = stream.option(Stream::bytes)?;
    let state_root = stream.option(Stream::array)?;
    let state_version = stream.byte()?;
    let (top, children) = Default::default();
    let origin = StateOrigin::Snapshot;
    Ok(State { origin, chain, spec_name, spec_version, state_version, state_root, block, header, top, children })
}

/// Reads a list of entries. Strictly ascending keys also bound the number of entries by their size.
fn entries<R: Read>(stream: &mut Stream<'_, R>, visitor: &mut dyn SnapshotVisitor) -> Result<()> {
    let mut last: Option<Vec<u8>> = None;
    for _ in 0..stream.compact()? {
        let key = stream.bytes()?;
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Err(stream.broken("keys out of order"));
        }
        let value = stream.bytes()?;
        last = Some(key.clone());
        visitor.entry(key, value)?;
    }
    Ok(())
}

/// Checks that the facts agree with each other. A correct hash does not prove that.
fn check(name: &str, state: &State) -> Result<()> {
    let contradiction =
        |found: String| Failure::input(format!("{name} contradicts itself")).code(Code::Damaged).found(found);
    if state.state_version > 1 {
        return Err(contradiction(format!("state version {}", state.state_version)).expected("0 or 1"));
    }
    if let Some(bytes) = &state.header {
        let header = Header::decode(bytes)
            .ok_or_else(|| contradiction("an invalid header".into()).expected("a SCALE-encoded header"))?;
        let expected = Block { number: header.number, hash: Header::hash(bytes) };
        if state.block != Some(expected) {
            return Err(contradiction("a header of another block".into()).expected("the header of its block"));
        }
    }
    Ok(())
}

/// A reader that withholds the last 32 bytes and computes the hash of the others.
struct TrailerReader<R> {
    reader: R,
    hasher: Blake2b<HASH>,
    pending: Vec<u8>,
    consumed: Rc<Cell<u64>>,
}

impl<R: Read> TrailerReader<R> {
    fn new(reader: R, consumed: Rc<Cell<u64>>) -> Self {
        Self { reader, hasher: Blake2b::new(), pending: Vec::new(), consumed }
    }

    /// Returns the withheld hash, and the computed one.
    fn finish(self) -> ([u8; HASH], [u8; HASH]) {
        (<[u8; HASH]>::try_from(self.pending).unwrap_or_default(), self.hasher.finish())
    }
}

impl<R: Read> Read for TrailerReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut chunk = [0; 1 << 14];
        while self.pending.len() <= HASH {
            let count = self.reader.read(&mut chunk)?;
            if count == 0 {
                return Ok(0);
            }
            self.pending.extend_from_slice(&chunk[..count]);
        }
        let count = buffer.len().min(self.pending.len() - HASH);
        buffer[..count].copy_from_slice(&self.pending[..count]);
        self.hasher.update(&buffer[..count]);
        self.pending.drain(..count);
        self.consumed.set(self.consumed.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sample;
    use proptest::prelude::*;

    fn expected() -> State {
        State { origin: StateOrigin::Snapshot, ..sample() }
    }

    #[test]
    fn a_state_survives_writing_and_reading() {
        let bytes = sample().to_snapshot().expect("written");
        assert_eq!(State::from_reader("snap", bytes.as_slice()).expect("read"), expected());
        assert_eq!(expected().to_snapshot().expect("written"), bytes, "the same state, the same bytes");
        let bare = State { chain: None, block: None, header: None, state_root: None, children: vec![], ..expected() };
        let bytes = bare.to_snapshot().expect("written");
        assert_eq!(State::from_reader("snap", bytes.as_slice()).expect("read"), bare);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("state.snap");
        bare.write(&path).expect("written");
        assert_eq!(State::read(&path).expect("read"), bare);
    }

    #[test]
    fn truncation_and_changed_bytes_are_detected() {
        let bytes = sample().to_snapshot().expect("written");
        let failed = |bytes: &[u8], what: &str, at: usize, head: usize| {
            let failure = State::from_reader("snap", bytes).err().unwrap_or_else(|| panic!("{what} {at}"));
            // A file without the magic or with another version is not a damaged snapshot.
            assert_eq!(failure.is(Code::Damaged), at >= head, "{what} {at}: {failure}");
        };
        for length in 0..bytes.len() {
            failed(&bytes[..length], "cut to", length, MAGIC.len());
        }
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x10;
            failed(&changed, "changed at", position, MAGIC.len() + 4);
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(State::from_reader("snap", longer.as_slice()).is_err());
    }

    #[test]
    fn errors_name_another_version_and_keys_out_of_order() {
        let mut bytes = sample().to_snapshot().expect("written");
        bytes[8] = 2;
        let failure = State::from_reader("snap", bytes.as_slice()).expect_err("refused");
        assert_eq!((failure.found.as_deref(), failure.expected.as_deref()), (Some("2"), Some("1")));
        let mut state = sample();
        state.top.swap(0, 1);
        assert_eq!(state.to_snapshot().expect_err("refused").kind, worker::Kind::Internal);
    }

    #[test]
    fn a_decompression_bomb_is_refused() {
        // A valid file with one value of 200 MB of zeros.
        let failed = "zstd works";
        let mut encoder = zstd::Encoder::new([MAGIC.as_slice(), &VERSION.to_le_bytes()].concat(), 1).expect(failed);
        encoder.write_all(&[0, 0, 0, 0, 0, 0, 1]).expect(failed);
        encoder.write_all(&Compact(1u32).encode()).expect(failed);
        encoder.write_all(&b"key".to_vec().encode()).expect(failed);
        encoder.write_all(&Compact(200_000_000u32).encode()).expect(failed);
        for _ in 0..200 {
            encoder.write_all(&vec![0; 1_000_000]).expect(failed);
        }
        let mut bytes = encoder.finish().expect(failed);
        let hash = artifact::hashes::blake2_256(&bytes);
        bytes.extend(hash);
        let failure = State::from_reader("snap", bytes.as_slice()).expect_err("refused");
        assert!(failure.found.as_ref().is_some_and(|found| found.contains("far more than a state")), "{failure}");
    }

    proptest! {
        #[test]
        fn any_entries_survive(entries in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..300), 0..40)) {
            let mut state = State { header: None, children: vec![], ..expected() };
            state.top = entries.into_iter().collect();
            let bytes = state.to_snapshot().expect("written");
            prop_assert_eq!(State::from_reader("snap", bytes.as_slice()).expect("read"), state);
        }

        #[test]
        fn random_bytes_after_the_magic_are_refused(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [MAGIC.as_slice(), &VERSION.to_le_bytes(), &noise].concat();
            prop_assert!(State::from_reader("snap", bytes.as_slice()).is_err());
        }
    }
}
