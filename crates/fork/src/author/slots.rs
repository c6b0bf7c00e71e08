// SPDX-License-Identifier: Apache-2.0
//! Time on a chain: the next slot and the digest that announces it.

use crate::{
    chain::Chain,
    executor::{Code, Executor},
    layout::Layout,
};
use codec::{Decode, Encode};
use sp_runtime::DigestItem;
use worker::{Failure, Result};

/// A state without a clock, genesis, begins here: a fixed moment, so that the same input gives the same blocks.
const FIRST_TIMESTAMP: u64 = 1_767_225_600_000;

/// Without a slot-based consensus the relay chain's slot serves, in milliseconds.
pub(super) const RELAY_SLOT_DURATION: u64 = 6_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Aura,
    Babe,
    /// Neither: a runtime that takes any digest.
    None,
}

#[derive(Clone, Debug)]
pub(super) struct Consensus {
    kind: Kind,
    slot_duration: u64,
}

pub(super) struct Slot {
    kind: Kind,
    pub number: u64,
    pub timestamp: u64,
    pub duration: u64,
}

impl Consensus {
    /// Asks the runtime itself: its API tells the slot duration, so no flag has to be guessed.
    pub fn of(chain: &Chain, executor: &Executor, code: &Code, layout: &Layout) -> Result<Self> {
        let has_slot = layout.pallet_with(&["CurrentSlot"], None).is_some();
        if has_slot && let Ok(answer) = chain.call(executor, code, "BabeApi_configuration", &[]) {
            return Self::new(Kind::Babe, &answer);
        }
        if let Ok(answer) = chain.call(executor, code, "AuraApi_slot_duration", &[]) {
            return Self::new(Kind::Aura, &answer);
        }
        Ok(Self { kind: Kind::None, slot_duration: RELAY_SLOT_DURATION })
    }

    /// Both APIs answer with the slot duration in milliseconds first.
    fn new(kind: Kind, answer: &[u8]) -> Result<Self> {
        match u64::decode(&mut &answer[..]) {
            Ok(slot_duration) if slot_duration > 0 => Ok(Self { kind, slot_duration }),
            _ => Err(Failure::check("the runtime tells no slot duration").found(worker::hex_prefixed(answer))),
        }
    }

    pub fn next_slot(&self, chain: &Chain, layout: &Layout, ahead: u64) -> Result<Slot> {
        let read = |pallet: Option<&artifact::metadata::Pallet>, item: &str| -> Result<Option<u64>> {
            let Some(pallet) = pallet else { return Ok(None) };
            Ok(chain.storage(&pallet.key(item))?.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()))
        };
        let last = read(layout.pallet_with(&["CurrentSlot"], None), "CurrentSlot")?.unwrap_or(0);
        let now = read(layout.pallet_with(&["Now", "DidUpdate"], None), "Now")?.unwrap_or(0);
        let earliest = if now == 0 { FIRST_TIMESTAMP } else { now.saturating_add(self.slot_duration) };
        let number = (earliest / self.slot_duration).max(last.saturating_add(1)).saturating_add(ahead);
        Ok(Slot {
            kind: self.kind,
            number,
            timestamp: number.saturating_mul(self.slot_duration),
            duration: self.slot_duration,
        })
    }
}

impl Slot {
    pub fn digest_item(&self) -> Option<DigestItem> {
        match self.kind {
            Kind::Aura => Some(DigestItem::PreRuntime(*b"aura", self.number.encode())),
            // A secondary plain slot of the first authority: variant 2, authority index, slot.
            Kind::Babe => Some(DigestItem::PreRuntime(*b"BABE", (2u8, 0u32, self.number).encode())),
            Kind::None => None,
        }
    }
}
