// SPDX-License-Identifier: Apache-2.0
//! The file that keeps the blocks of a fork's chains, so that a later fork is one of the same blocks.

use fork::Chain;
use protocol::{
    Source,
    fork::{Pin, PinRequest, PinnedChain},
};
use serde::Deserialize;
use std::path::Path;
use worker::{Code, Failure, Kind, Result};

/// The version of the file.
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const SIZE_LIMIT: u64 = 1 << 20;
/// The most letters of a text of the file that a message shows.
const SHOWN: usize = 100;

/// The blocks of the chains of this fork, in the order in which the chains are read.
pub struct Pins<'a> {
    /// Nothing without `--pin`.
    request: Option<&'a PinRequest>,
    /// What the file holds, if there is one.
    kept: Option<Pin>,
    /// The chains that were read.
    read: Vec<PinnedChain>,
}

impl<'a> Pins<'a> {
    /// Reads the file if it exists. `at` is the block of the first chain that the command line names.
    ///
    /// # Errors
    ///
    /// If the file is none of this kind or of other chains, or if the command line names another block.
    pub fn open(request: Option<&'a PinRequest>, at: Option<&str>) -> Result<Self> {
        let kept = request.map(|request| of_file(request, at)).transpose()?.flatten();
        Ok(Self { request, kept, read: Vec::new() })
    }

    /// Returns the block that the next chain is read at, if its source is a node and its block is in the file.
    pub fn block(&self, source: &Source) -> Option<String> {
        let pinned = self.next().filter(|_| matches!(source, Source::Node(_)));
        pinned.map(|pinned| pinned.block_hash.clone())
    }

    /// Adds to a failure to read a chain of a node at the block in the file where the block is from.
    pub fn explain(&self, failure: Failure) -> Failure {
        let Some(request) = self.request.filter(|_| failure.kind == Kind::Input) else { return failure };
        let what = failure.hint.clone().unwrap_or_else(|| "use an archive node of that chain".to_owned());
        let file = request.file.display();
        failure.hint(format!("the block is from {file}: {what}; or delete the file to fork the newest block"))
    }

    /// Notes the next chain, which was read.
    ///
    /// # Errors
    ///
    /// If the file has another block for it.
    pub fn note(&mut self, chain: &Chain) -> Result<()> {
        let Some(request) = self.request else { return Ok(()) };
        let found = PinnedChain {
            source: request.names.get(self.read.len()).cloned().unwrap_or_default(),
            genesis: chain.genesis_hash()?.map(|hash| hex::encode_prefixed(hash.as_bytes())),
            number: chain.number(),
            block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        };
        if let Some(pinned) = self.next().filter(|pinned| **pinned != found) {
            return Err(Failure::input(format!("{} is not at its block in {}", found.source, request.file.display()))
                .found(described(&found))
                .expected(described(pinned))
                .hint("name the chain at that block, or delete the file to write it anew"));
        }
        self.read.push(found);
        Ok(())
    }

    /// Writes the file if it did not exist.
    pub fn keep(self) -> Result<()> {
        let (Some(request), None) = (self.request, self.kept) else { return Ok(()) };
        let pin = Pin { version: VERSION, chains: self.read };
        let mut text = serde_json::to_vec_pretty(&pin)
            .map_err(|error| Failure::internal("the blocks cannot be written as JSON").found(error.to_string()))?;
        text.push(b'\n');
        if request.file.exists() {
            return Err(Failure::input(format!("{} appeared while the chains were read", request.file.display()))
                .found("a file that another run wrote")
                .hint("run the same command again: it reads the chains at the blocks in the file"));
        }
        files::write_whole(&request.file, &text)
    }

    fn next(&self) -> Option<&PinnedChain> {
        self.kept.as_ref().and_then(|pin| pin.chains.get(self.read.len()))
    }
}

fn of_file(request: &PinRequest, at: Option<&str>) -> Result<Option<Pin>> {
    let PinRequest { file, names } = request;
    if !file.try_exists().map_err(|error| Failure::io("read", file, &error))? {
        return Ok(None);
    }
    let pin = parse(&files::read_bounded(file, SIZE_LIMIT)?, file)?;
    let sources: Vec<_> = pin.chains.iter().map(|chain| chain.source.as_str()).collect();
    if sources != *names {
        return Err(Failure::input(format!("{} has the blocks of other chains", file.display()))
            .found(shown(&sources.join(", ")))
            .expected(names.join(", "))
            .hint("name the chains that are in the file, in their order; or delete it to write it anew"));
    }
    if let (Some(at), Some(first)) = (at, pin.chains.first())
        && at != first.number.to_string()
        && !at.eq_ignore_ascii_case(&first.block_hash)
    {
        return Err(Failure::usage(format!("--at is not the block in {}", file.display()))
            .found(at)
            .expected(described(first))
            .hint("leave --at out, or delete the file to write it anew"));
    }
    Ok(Some(pin))
}

/// Parses a file of blocks.
fn parse(text: &[u8], file: &Path) -> Result<Pin> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let none = |found: String| {
        Failure::input(format!("{} is no file of the blocks of a fork", file.display()))
            .found(shown(&found))
            .expected("what --pin writes")
            .hint("name another file, or delete it to write it anew")
    };
    // Another version is reported as one, whatever other fields differ.
    let head: Head = serde_json::from_slice(text).map_err(|error| none(error.to_string()))?;
    if head.version != VERSION {
        return Err(none(format!("version {}", head.version)).code(Code::OtherVersion));
    }
    let pin: Pin = serde_json::from_slice(text).map_err(|error| none(error.to_string()))?;
    let hashes = pin.chains.iter().flat_map(|chain| chain.genesis.iter().chain([&chain.block_hash]));
    for hash in hashes {
        if !hash.starts_with("0x") || hex::decode_to_array::<_, 32>(hash).is_err() {
            return Err(none(format!("{hash:?} in the place of a hash")));
        }
    }
    Ok(pin)
}

fn described(chain: &PinnedChain) -> String {
    let PinnedChain { genesis, number, block_hash, .. } = chain;
    let genesis = genesis.as_ref().map(|genesis| format!(" of the chain {genesis}")).unwrap_or_default();
    format!("block {number}, {block_hash}{genesis}")
}

/// Returns the beginning of a text of unknown length.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::state::State;
    use std::{fs, path::PathBuf};

    /// Returns a chain at its first block.
    fn chain(entry: u8) -> Chain {
        Chain::from_state(State::of_entries(1, vec![(vec![entry], vec![1])], Vec::new())).expect("a chain")
    }

    fn request(file: PathBuf, names: &[&str]) -> PinRequest {
        PinRequest { file, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn the_blocks_are_kept_and_read_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let request = request(directory.path().join("pin.json"), &["paseo", "a.snapshot"]);
        let node: Source = "ws://host".parse().expect("a node");
        let mut first = Pins::open(Some(&request), Some("finalized")).expect("no file");
        assert_eq!(first.block(&node), None);
        first.note(&chain(1)).expect("noted");
        first.note(&chain(2)).expect("noted");
        assert!(!request.file.exists(), "it is written once all chains were read");
        first.keep().expect("written");
        let text = fs::read_to_string(&request.file).expect("written");

        let hash = |entry| hex::encode_prefixed(chain(entry).header().hash().as_bytes());
        for at in [None, Some("0"), Some(hash(1).to_uppercase().replace("0X", "0x").as_str())] {
            let mut second = Pins::open(Some(&request), at).expect("the same chains");
            assert_eq!(second.block(&node), Some(hash(1)));
            assert_eq!(second.block(&Source::Stdin), None, "a file has one block");
            second.note(&chain(1)).expect("the same block");
            assert_eq!(second.block(&node), Some(hash(2)));
            let failure = second.note(&chain(3)).expect_err("another block");
            assert_eq!(failure.kind, Kind::Input);
            let says = failure.to_string();
            assert!(says.contains("a.snapshot") && says.contains(&hash(2)) && says.contains(&hash(3)), "{says}");
            second.note(&chain(2)).expect("the same block");
            second.keep().expect("nothing to write");
        }
        assert_eq!(fs::read_to_string(&request.file).expect("unchanged"), text);
        let other = |at| Pins::open(Some(&request), Some(at)).map(drop).expect_err("another block").kind;
        assert_eq!([other("1"), other("finalized")], [Kind::Usage, Kind::Usage]);
    }

    #[test]
    fn a_file_that_another_run_wrote_meanwhile_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let request = request(directory.path().join("pin.json"), &["paseo"]);
        let [mut one, mut other] = [(); 2].map(|()| Pins::open(Some(&request), None).expect("no file"));
        one.note(&chain(1)).expect("noted");
        other.note(&chain(2)).expect("noted");
        one.keep().expect("written");
        let text = fs::read_to_string(&request.file).expect("written");
        let failure = other.keep().expect_err("another file");
        assert!(failure.kind == Kind::Input && failure.hint.is_some(), "{failure}");
        assert_eq!(fs::read_to_string(&request.file).expect("unchanged"), text);
    }

    #[test]
    fn a_block_that_cannot_be_read_is_said_to_be_from_the_file() {
        let request = request(PathBuf::from("pin.json"), &["paseo"]);
        let pins = Pins { request: Some(&request), kept: None, read: Vec::new() };
        let told = pins.explain(Failure::input("the state is pruned").hint("use an archive node"));
        assert!(told.hint.is_some_and(|hint| hint.contains("pin.json: use an archive node; or delete")));
        assert_eq!(pins.explain(Failure::environment("no answer")).hint, None);
    }

    #[test]
    fn a_file_of_other_chains_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pin.json");
        let request = |names: &[&str]| request(file.clone(), names);
        let both = request(&["paseo", "a.snapshot"]);
        let mut pins = Pins::open(Some(&both), None).expect("no file");
        pins.note(&chain(1)).expect("noted");
        pins.note(&chain(2)).expect("noted");
        pins.keep().expect("written");
        for names in [&["paseo"][..], &["a.snapshot", "paseo"], &["paseo", "a.snapshot", "b"], &["paseo", "b"]] {
            let failure = Pins::open(Some(&request(names)), None).map(drop).expect_err("other chains");
            assert_eq!(failure.kind, Kind::Input);
            assert!(failure.to_string().contains("paseo, a.snapshot"), "{failure}");
            assert!(failure.hint.is_some_and(|hint| hint.contains("delete")));
        }
    }

    #[test]
    fn a_hostile_file_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let request = request(directory.path().join("pin.json"), &["a"]);
        let hash = format!("0x{}", "ab".repeat(32));
        let of = |chain: &str| format!(r#"{{"version": 1, "chains": [{chain}]}}"#);
        let good = of(&format!(r#"{{"source": "a", "number": 1, "block_hash": "{hash}"}}"#));
        let opened = |text: &[u8]| {
            fs::write(&request.file, text).expect("written");
            Pins::open(Some(&request), None).map(drop)
        };
        opened(good.as_bytes()).expect("a good file");
        let long = "9".repeat(100_000);
        for bad in [
            String::new(),
            "[]".to_owned(),
            good[..good.len() - 1].to_owned(),
            good.replace("\"a\"", "\"a\", \"b\": 1"),
            good.replace("\"chains\"", "\"more\": 1, \"chains\""),
            good.replace("\"number\": 1", "\"number\": -1"),
            good.replace(&hash, "0xab"),
            good.replace(&hash, "finalized"),
            good.replace(&hash, &hash[2..]),
            good.replace(&hash, &long),
            good.replace("\"a\"", &format!("\"{long}\"")),
            "[".repeat(10_000),
        ] {
            let failure = opened(bad.as_bytes()).expect_err("no pin");
            assert_eq!(failure.kind, Kind::Input, "{failure}");
            assert!(failure.to_string().len() < 500, "{failure}");
        }
        assert!(opened(good.replace("1,", "2,").as_bytes()).expect_err("version 2").is(Code::OtherVersion));
        let large = [good.as_bytes(), &vec![b' '; SIZE_LIMIT as usize]].concat();
        assert_eq!(opened(&large).expect_err("too large").kind, Kind::Input);
        fs::remove_file(&request.file).expect("removed");
        fs::create_dir(&request.file).expect("a directory");
        assert_eq!(Pins::open(Some(&request), None).map(drop).expect_err("a directory").kind, Kind::Input);
    }

    #[test]
    fn without_the_option_nothing_is_kept() {
        let mut pins = Pins::open(None, Some("finalized")).expect("nothing to read");
        pins.note(&chain(1)).expect("nothing to compare");
        let failure = Failure::input("x");
        assert_eq!(pins.explain(failure.clone()), failure);
        pins.keep().expect("nothing to write");
    }
}
