// SPDX-License-Identifier: Apache-2.0
//! Where a runtime or a state is taken from, given the same way to every command.

mod node;
mod properties;

pub use node::{Client, Node, RpcBlock, failure_of};
pub use properties::Properties;

use crate::{
    Blob, State,
    blob::FILE_LIMIT,
    state::{Brief, HEAD, Kind},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fmt,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
    str::FromStr,
};
use worker::{Failure, Result};

/// A file, standard input or a node. What a file is shows in its content, never in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Stdin,
    Node(String),
}

/// What a source turned out to be.
pub enum Content {
    Blob(Blob),
    State(Brief),
    Node(Box<Node>),
}

impl Source {
    /// Finds out what the source is and reads it.
    pub fn open(&self) -> Result<Content> {
        match self {
            Self::File(path) => {
                let file = std::fs::File::open(path).map_err(|error| missing(path, &error))?;
                read(&self.to_string(), file)
            }
            Self::Stdin => read("standard input", io::stdin().lock()),
            Self::Node(url) => Ok(Content::Node(Box::new(Node::fetch(url)?))),
        }
    }

    /// The runtime: the blob itself, or the one that the state has under `:code`.
    pub fn blob(&self) -> Result<Blob> {
        match self.open()? {
            Content::Blob(blob) => Ok(blob),
            Content::State(state) => state.code(&self.to_string()),
            Content::Node(node) => Ok(node.blob),
        }
    }

    /// The state in a file. A node's state is not read here: it is taken piece by piece, and proven.
    pub fn state(&self) -> Result<State> {
        match self {
            Self::File(path) => {
                let file = std::fs::File::open(path).map_err(|error| missing(path, &error))?;
                State::from_reader(&self.to_string(), file)
            }
            Self::Stdin => State::from_reader("standard input", io::stdin().lock()),
            Self::Node(url) => Err(Failure::usage(format!("{url} is a node, not a state file"))
                .expected("a raw chain spec or a snapshot")
                .hint(format!("cargo xtask snapshot {url}"))),
        }
    }
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
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
    if Kind::of(&head).is_some() {
        return Brief::from_reader(name, Cursor::new(head).chain(reader)).map(Content::State);
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

impl FromStr for Source {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once("://") {
            _ if text == "-" => Ok(Self::Stdin),
            _ if text.is_empty() => Err(Failure::usage("a source is empty").expected("a file, a node's address, or -")),
            Some(("ws" | "wss" | "http" | "https", rest)) if !rest.is_empty() => Ok(Self::Node(text.to_owned())),
            Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Err(Failure::usage(format!("{text} is no source"))
                    .found(format!("an address with {scheme}://"))
                    .expected("ws://, wss://, http:// or https:// and a host"))
            }
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdin => formatter.write_str("-"),
            Self::Node(url) => formatter.write_str(url),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{state::tests::sample, test_runtime};
    use worker::Kind as Exit;

    #[test]
    fn sources_are_told_apart_by_how_they_are_written() {
        assert_eq!("-".parse(), Ok(Source::Stdin));
        assert_eq!("wss://host:443/path".parse(), Ok(Source::Node("wss://host:443/path".into())));
        assert_eq!("a/b.wasm".parse(), Ok(Source::File("a/b.wasm".into())));
        for bad in ["", "ftp://host", "ws://"] {
            assert_eq!(bad.parse::<Source>().expect_err("refused").kind, Exit::Usage, "{bad:?}");
        }
    }

    #[test]
    fn what_a_file_is_shows_in_its_content() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("anything.at.all");
        let source = Source::File(path.clone());
        let blob = test_runtime::blob();
        worker::write_whole(&path, hex::encode(&blob.deployed).as_bytes()).expect("written");
        assert_eq!(source.blob().expect("read"), blob);
        let mut state = sample();
        state.top.push((b":code".to_vec(), blob.deployed.clone()));
        state.top.sort();
        state.write(&path).expect("written");
        assert_eq!(source.blob().expect("read"), blob);
        assert_eq!(source.state().expect("read").top, state.top);
        sample().write(&path).expect("written");
        assert!(source.blob().expect_err("no code").message.contains("has no runtime"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = Source::File(directory.path().join("missing.wasm"));
        let failure = missing.blob().expect_err("missing");
        assert_eq!(failure.kind, Exit::Input);
        assert!(failure.message.contains("missing.wasm") && failure.expected.is_some(), "{failure}");
        let failure = Source::File(directory.path().to_owned()).blob().expect_err("a directory");
        assert_eq!(failure.kind, Exit::Input, "{failure}");
        assert_eq!(Source::Node("ws://x".into()).state().expect_err("a node").kind, Exit::Usage);
    }
}
