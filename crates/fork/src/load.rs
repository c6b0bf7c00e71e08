// SPDX-License-Identifier: Apache-2.0
//! A chain from a file or a node.

use crate::{chain::Chain, remote};
use artifact::Source;
use worker::{Failure, Reporter, Result};

pub struct Loaded {
    pub chain: Chain,
    /// Whether the entries were held against a root that a header gives.
    pub verified: bool,
    /// Whether the block is final; a file does not tell.
    pub finalized: Option<bool>,
    pub entries: usize,
    pub requests: u64,
    pub bytes: u64,
}

/// Reads the whole state at a block: a number, a hash or `finalized`, which only a node can choose.
pub fn load(source: &Source, at: Option<&str>, reporter: &Reporter) -> Result<Loaded> {
    let (state, finalized, requests, bytes) = match source {
        Source::Node(url) => {
            let taken = remote::state(url, at.unwrap_or("finalized"), reporter)?;
            (taken.state, Some(taken.finalized), taken.requests, taken.bytes)
        }
        file => {
            let state = file.state()?;
            if let Some(at) = at {
                expect_block(file, &state, at)?;
            }
            (state, None, 0, 0)
        }
    };
    if state.complete() == Some(false) {
        return Err(Failure::input(format!("{source} holds only a part of the state of its block"))
            .found(format!(
                "a state root {}",
                state.state_root.map(|root| worker::hex_prefixed(&root)).unwrap_or_default()
            ))
            .expected("the one in the block's header")
            .hint("blocks cannot be built on a part: take the whole state"));
    }
    let entries = state.top.len() + state.children.iter().map(|(_, child)| child.len()).sum::<usize>();
    let verified = state.header.is_some() && state.state_root.is_some();
    Ok(Loaded { chain: Chain::from_state(state)?, verified, finalized, entries, requests, bytes })
}

/// A file is of one block; asking for another is a mistake worth a word.
fn expect_block(source: &Source, state: &artifact::State, at: &str) -> Result<()> {
    let Some(block) = state.block else {
        return Err(Failure::usage(format!("{source} does not say of which block it is"))
            .hint("leave --at out: it chooses a block of a node"));
    };
    if at == block.number.to_string() || at.eq_ignore_ascii_case(&worker::hex_prefixed(&block.hash)) {
        return Ok(());
    }
    Err(Failure::usage(format!("{source} is not of block {at}"))
        .found(format!("block {}, {}", block.number, worker::hex_prefixed(&block.hash)))
        .hint("leave --at out, or take the state of that block from a node"))
}
