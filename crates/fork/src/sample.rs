// SPDX-License-Identifier: Apache-2.0
//! Bounded reads below a prefix: a map of a live chain may have millions of entries.

use crate::chain::{Chain, Entries, unreadable};
use sp_state_machine::{Backend, IterArgs};
use worker::Result;

/// Returns the first entries under `prefix`, at most `most`, and whether these are all.
pub fn entries(chain: &Chain, prefix: &[u8], most: usize) -> Result<(Entries, bool)> {
    chain.checked(first(chain, prefix, most))
}

fn first(chain: &Chain, prefix: &[u8], most: usize) -> Result<(Entries, bool)> {
    let backend = chain.backend();
    let mut arguments = IterArgs::default();
    arguments.prefix = Some(prefix);
    let mut found = Entries::new();
    for entry in backend.pairs(arguments).map_err(unreadable)? {
        if found.len() == most {
            return Ok((found, false));
        }
        found.push(entry.map_err(unreadable)?);
    }
    Ok((found, true))
}

/// Counts the keys under `prefix`, up to `most`.
pub fn count(chain: &Chain, prefix: &[u8], most: usize) -> Result<usize> {
    chain.checked(counted(chain, prefix, most))
}

fn counted(chain: &Chain, prefix: &[u8], most: usize) -> Result<usize> {
    let backend = chain.backend();
    let mut arguments = IterArgs::default();
    arguments.prefix = Some(prefix);
    let mut count = 0;
    for key in backend.keys(arguments).map_err(unreadable)?.take(most) {
        key.map_err(unreadable)?;
        count += 1;
    }
    Ok(count)
}
