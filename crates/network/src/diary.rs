// SPDX-License-Identifier: Apache-2.0
//! What relay blocks did with the candidates of parachains, for a picture.

use crate::{ParaId, ParachainEvent};
use artifact::hashes::blake2_256;
use codec::Decode;

/// The most candidates that are kept. An upgrade with a long delay has some hundreds.
const MOST: usize = 4_096;

/// The candidates that a relay chain backed, in the order of the relay blocks.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    candidates: Vec<Entry>,
}

/// A candidate that the relay chain backed. Blocks are relay blocks.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The parachain.
    pub para: ParaId,
    /// The number of the parachain's block, if its head is a header of this SDK.
    pub number: Option<u32>,
    /// The block that backed it.
    pub backed: u32,
    /// The block that included it.
    pub included: Option<u32>,
    /// The hash of the head.
    head: [u8; 32],
}

impl Diary {
    /// Notes what happened to candidates in relay block `number`.
    pub(crate) fn note(&mut self, number: u32, events: &[ParachainEvent]) {
        for event in events {
            match event {
                ParachainEvent::Backed(para, head) if self.candidates.len() < MOST => self.candidates.push(Entry {
                    para: *para,
                    number: fork::Header::decode(&mut &head[..]).ok().map(|header| header.number),
                    backed: number,
                    included: None,
                    head: blake2_256(head),
                }),
                ParachainEvent::Backed(..) => {}
                ParachainEvent::Included(para, head) => {
                    let head = blake2_256(head);
                    let own = |entry: &&mut Entry| entry.para == *para && entry.head == head;
                    // One with the same head may have been dropped before.
                    if let Some(entry) = self.candidates.iter_mut().rev().find(own) {
                        entry.included = Some(number);
                    }
                }
            }
        }
    }

    /// Returns the candidates, in the order in which they were backed.
    pub fn candidates(&self) -> &[Entry] {
        &self.candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_that_was_dropped_and_offered_again_is_included_once() {
        let (para, head) = (ParaId::from(7), vec![1]);
        let mut diary = Diary::default();
        diary.note(3, &[ParachainEvent::Backed(para, head.clone())]);
        diary.note(6, &[ParachainEvent::Backed(para, head.clone())]);
        diary.note(7, &[ParachainEvent::Included(para, head), ParachainEvent::Included(para, vec![2])]);
        let blocks: Vec<_> = diary.candidates().iter().map(|entry| (entry.backed, entry.included)).collect();
        assert_eq!(blocks, [(3, None), (6, Some(7))]);
    }
}
