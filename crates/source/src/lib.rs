// SPDX-License-Identifier: Apache-2.0
//! Reads the sources of runtimes and states. Every command takes the same kinds of sources.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod pin;
mod properties;

pub use pin::pin;
pub use properties::Properties;

use artifact::{Blob, blob::FILE_LIMIT, hashes::blake2_256};
use node::NodeRuntime;
use protocol::Source;
use state::{CodeSubstitute, FileKind, HEAD_LENGTH, State, StateExcerpt};
use std::{
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};
use worker::{Failure, Reporter, Result};

const STDIN: &str = "standard input";

/// Opens the file that holds the standard input of the calling process.
fn standard_input() -> Result<std::fs::File> {
    let kept = std::env::var_os(worker::STANDARD_INPUT).map(PathBuf::from);
    let kept =
        kept.ok_or_else(|| Failure::usage("standard input is not a source for a worker that is started by hand"))?;
    std::fs::File::open(&kept).map_err(|error| missing(&kept, &error))
}

/// The content of a source, by its kind.
pub enum Content {
    /// A runtime blob.
    Blob(Blob),
    /// A state file: a chain spec or a snapshot.
    State(StateExcerpt),
    /// A live chain.
    Node(Box<NodeRuntime>),
}

/// Reads what a [`Source`] names.
pub trait ReadSource {
    /// Detects the kind of the source and reads it.
    fn open(&self) -> Result<Content>;

    /// Returns the runtime: the blob itself, or the value under `:code` in the state.
    fn blob(&self) -> Result<Blob>;

    /// Returns the code substitutes of a chain spec. Other sources have none.
    fn code_substitutes(&self) -> Result<Vec<CodeSubstitute>>;

    /// Returns a runtime that replaces the one in this source's state.
    ///
    /// `named` is the block or the BLAKE2-256 hash of a code substitute in the chain spec, or
    /// another source.
    fn code(&self, named: &str) -> Result<Blob>;

    /// Returns the state in a file. Crate `fork` reads the state of a node.
    fn state(&self) -> Result<State>;

    /// Returns the properties of the chain's token, as far as the source has them.
    fn properties(&self) -> Properties;
}

impl ReadSource for Source {
    fn open(&self) -> Result<Content> {
        match self {
            Self::File(path) => {
                let file = std::fs::File::open(path).map_err(|error| missing(path, &error))?;
                read(&self.to_string(), file)
            }
            Self::Stdin => read(STDIN, standard_input()?),
            Self::Node(live) => Ok(Content::Node(Box::new(NodeRuntime::fetch(live)?))),
        }
    }

    fn blob(&self) -> Result<Blob> {
        match self.open()? {
            Content::Blob(blob) => Ok(blob),
            Content::State(state) => state.code(&self.to_string()),
            Content::Node(node) => Ok(node.blob),
        }
    }

    fn code_substitutes(&self) -> Result<Vec<CodeSubstitute>> {
        let Self::File(path) = self else { return Ok(Vec::new()) };
        let mut file = std::fs::File::open(path).map_err(|error| missing(path, &error))?;
        let name = self.to_string();
        let mut head = Vec::new();
        file.by_ref()
            .take(HEAD_LENGTH as u64)
            .read_to_end(&mut head)
            .map_err(|error| Failure::io("read", path, &error))?;
        match FileKind::of(&head) {
            Some(FileKind::ChainSpec) => state::code_substitutes(&name, Cursor::new(head).chain(file)),
            _ => Ok(Vec::new()),
        }
    }

    fn code(&self, named: &str) -> Result<Blob> {
        let substitutes = self.code_substitutes()?;
        let is_named = |substitute: &&CodeSubstitute| {
            substitute.at == named || hex::encode_prefixed(blake2_256(&substitute.code)).eq_ignore_ascii_case(named)
        };
        if let Some(substitute) = substitutes.iter().find(is_named) {
            return Blob::from_deployed(
                &format!("the code substitute {} of {self}", substitute.at),
                substitute.code.clone(),
            );
        }
        let by_name = named.bytes().all(|byte| byte.is_ascii_digit())
            || (named.len() == 66 && named.starts_with("0x") && !Path::new(named).exists());
        if by_name {
            let known: Vec<_> = substitutes.iter().map(|one| one.at.as_str()).collect();
            let known = if known.is_empty() { "no code substitutes".into() } else { known.join(", ") };
            return Err(Failure::usage(format!("{self} has no code substitute {named}"))
                .found(known)
                .expected("the block or the blake2-256 of one, or a file with a runtime"));
        }
        named.parse::<Self>()?.blob()
    }

    fn state(&self) -> Result<State> {
        match self {
            Self::File(path) => {
                let file = std::fs::File::open(path).map_err(|error| missing(path, &error))?;
                State::from_reader(&self.to_string(), file)
            }
            Self::Stdin => State::from_reader(STDIN, standard_input()?),
            Self::Node(live) => Err(Failure::usage(format!("{live} is a node, not a state file"))
                .expected("a raw chain spec or a snapshot")
                .hint("cargo xtask snapshot create NODE --out FILE")),
        }
    }

    fn properties(&self) -> Properties {
        properties::of_source(self)
    }
}

/// Compares the entries of a snapshot with the state root that it states, if that is quick. Warns
/// where it does not compare them.
///
/// Fails if the entries have another root. Then its block and its facts say nothing about them.
pub fn check_root(source: &Source, reporter: &Reporter) -> Result<()> {
    let Source::File(path) = source else { return Ok(()) };
    if !state::check_root(path)? {
        reporter.warning(format!(
            "{source} is not verified: its entries were not compared with the state root of a block; \
             `cargo xtask snapshot verify` compares them"
        ));
    }
    Ok(())
}

fn missing(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io("read", path, error);
    match error.kind() {
        io::ErrorKind::NotFound => {
            failure.expected("a file (blob, chain spec, snapshot), a node's ws:// or http:// address, or -")
        }
        _ => failure,
    }
}

fn read(name: &str, mut reader: impl Read) -> Result<Content> {
    let unreadable = |error: io::Error| Failure::io("read", Path::new(name), &error);
    let mut head = Vec::new();
    reader.by_ref().take(HEAD_LENGTH as u64).read_to_end(&mut head).map_err(unreadable)?;
    if FileKind::of(&head).is_some() {
        return StateExcerpt::from_reader(name, Cursor::new(head).chain(reader)).map(Content::State);
    }
    let mut bytes = head;
    reader.take(FILE_LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(Failure::input(format!("{name} is too large to be a runtime"))
            .found(format!("more than {FILE_LIMIT} bytes"))
            .expected("a runtime of at most 50 MiB"));
    }
    Blob::parse(name, bytes).map(Content::Blob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use worker::Kind;

    #[test]
    fn a_snapshot_with_another_root_is_refused_and_one_without_a_root_warned_of() {
        let directory = tempfile::tempdir().expect("a directory");
        let checked = |root: Option<[u8; 32]>| {
            let path = directory.path().join("state.snapshot");
            let mut state = State::of_entries(1, vec![(b"key".to_vec(), vec![7])], Vec::new());
            state.state_root = root;
            state.write(&path).expect("written");
            let warnings = std::sync::Arc::new(std::sync::Mutex::new(0));
            let counted = warnings.clone();
            let reporter = Reporter::new(move |_| *counted.lock().expect("unpoisoned") += 1);
            let outcome = check_root(&Source::File(path), &reporter);
            let warnings = *warnings.lock().expect("unpoisoned");
            (outcome.is_ok(), warnings)
        };
        let root = State::of_entries(1, vec![(b"key".to_vec(), vec![7])], Vec::new()).compute_root();
        assert_eq!(checked(root), (true, 0));
        assert_eq!(checked(None), (true, 1));
        assert_eq!(checked(Some([9; 32])), (false, 0));
        check_root(&Source::File("/nowhere".into()), &Reporter::silent()).expect("left to the reader");
    }

    #[test]
    fn the_kind_of_a_file_follows_from_its_content() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("anything.at.all");
        let source = Source::File(path.clone());
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        files::write_whole(&path, hex::encode(&blob.deployed).as_bytes()).expect("written");
        assert_eq!(source.blob().expect("read"), blob);
        let mut state = State::of_entries(1, vec![(vec![1], vec![7; 40])], Vec::new());
        state.top.push((b":code".to_vec(), blob.deployed.clone()));
        state.top.sort();
        state.write(&path).expect("written");
        assert_eq!(source.blob().expect("read"), blob);
        assert_eq!(source.state().expect("read").top, state.top);
        State::of_entries(1, Vec::new(), Vec::new()).write(&path).expect("written");
        assert!(source.blob().expect_err("no code").message.contains("has no runtime"));
    }

    #[test]
    fn a_code_is_named_by_its_block_its_hash_or_its_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, other) = (directory.path().join("spec.json"), directory.path().join("blob.wasm"));
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        let spec = serde_json::json!({"genesis": {}, "codeSubstitutes": {"900": hex::encode_prefixed(&blob.deployed)}});
        files::write_whole(&path, spec.to_string().as_bytes()).expect("written");
        files::write_whole(&other, &blob.wasm).expect("written");
        let source = Source::File(path);
        let hash = hex::encode_prefixed(blake2_256(&blob.deployed));
        assert_eq!((source.code("900"), source.code(&hash)), (Ok(blob.clone()), Ok(blob.clone())));
        assert_eq!(source.code(&other.to_string_lossy()).expect("read").wasm, blob.wasm);
        for (named, source) in
            [("901", &source), ("900", &Source::File(other.clone())), (&hash.replace('a', "b"), &source)]
        {
            let failure = source.code(named).expect_err("none");
            assert_eq!(failure.kind, Kind::Usage, "{failure}");
        }
        assert_eq!(source.code("missing.wasm").expect_err("none").kind, Kind::Input);
    }

    #[test]
    fn errors_name_the_source() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = Source::File(directory.path().join("missing.wasm"));
        let failure = missing.blob().expect_err("missing");
        assert_eq!(failure.kind, Kind::Input);
        assert!(failure.message.contains("missing.wasm") && failure.expected.is_some(), "{failure}");
        let failure = Source::File(directory.path().to_owned()).blob().expect_err("a directory");
        assert_eq!(failure.kind, Kind::Input, "{failure}");
        assert_eq!(Source::Node("ws://x".parse().expect("an address")).state().expect_err("a node").kind, Kind::Usage);
    }
}
