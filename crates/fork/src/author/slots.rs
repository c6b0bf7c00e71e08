// SPDX-License-Identifier: Apache-2.0
//! Slots: the next slot of a chain and the digest that announces it.

use crate::{
    chain::Chain,
    executor::{Code, Executor},
    header::{HeaderFormat, NIMBUS, engines},
    layout::Layout,
};
use artifact::{
    Version,
    metadata::{Pallet, foreign_header},
};
use codec::{Compact, Decode, Encode};
use sp_runtime::{ConsensusEngineId, Digest, DigestItem};
use std::collections::BTreeSet;
use worker::{Failure, Result};

/// The time of the first block on a state without a clock, genesis, in milliseconds. It is fixed,
/// so that the same input gives the same blocks.
const FIRST_TIMESTAMP: u64 = 1_767_225_600_000;

/// The slot duration of the relay chain in milliseconds. It is used if the chain has no consensus
/// with slots.
pub(super) const RELAY_SLOT_DURATION: u64 = 6_000;

const AURA: ConsensusEngineId = *b"aura";
const BABE: ConsensusEngineId = *b"BABE";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Aura,
    Babe,
    Nimbus,
    /// The slots of Aura and the authors of Nimbus.
    NimbusWithAura,
    /// No known consensus: the runtime accepts any digest.
    Free,
}

impl Kind {
    fn engines(self) -> &'static [ConsensusEngineId] {
        match self {
            Self::Aura => &[AURA],
            Self::Babe => &[BABE],
            Self::Nimbus => &[NIMBUS],
            Self::NimbusWithAura => &[AURA, NIMBUS],
            Self::Free => &[],
        }
    }

    /// Returns whether the digest names the author.
    pub fn has_author(self) -> bool {
        matches!(self, Self::Nimbus | Self::NimbusWithAura)
    }
}

/// A way to announce a block: the consensus and its slot duration in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthoringScheme {
    pub kind: Kind,
    pub slot_duration: u64,
}

/// What a runtime demands of blocks.
#[derive(Clone, Debug)]
pub(super) struct Consensus {
    /// The schemes by which it may accept them, the most likely first. A runtime that migrates from
    /// one consensus to another implements the APIs of both.
    pub schemes: Vec<AuthoringScheme>,
    pub header_format: HeaderFormat,
}

/// The slot of a block. Times are in milliseconds.
pub(super) struct Slot {
    kind: Kind,
    /// The index of its author among Babe's authorities.
    authority: u32,
    pub number: u64,
    pub timestamp: u64,
    pub duration: u64,
}

impl Consensus {
    /// Reads the consensus and the slot duration from the runtime's APIs, so that no option is
    /// needed.
    pub fn of(chain: &Chain, executor: &Executor, code: &Code, layout: &Layout) -> Result<Self> {
        let header_format = header_format(layout)?;
        let version = Version::decode("the runtime", &chain.call(executor, code, "Core_version", &[])?)?;
        let offers = |api: &str| version.api(api).is_some();
        let slot_duration_of =
            |function: &str, constant: Option<u64>| duration(chain, executor, code, function, constant);
        let nimbus = layout.pallets.iter().any(|pallet| pallet.call("kick_off_authorship_validation").is_some());
        let mut schemes = Vec::new();
        if let Some(pallet) = babe(layout)
            && offers("BabeApi")
        {
            let constant = number(layout.constant(&pallet.name, "ExpectedBlockTime"));
            schemes.push(AuthoringScheme {
                kind: Kind::Babe,
                slot_duration: slot_duration_of("BabeApi_configuration", constant)?,
            });
        }
        if offers("AuraApi") {
            let slot_duration = slot_duration_of("AuraApi_slot_duration", aura_slots(layout))?;
            // The runtime refuses the author inherent if the digest names no author.
            let kind = if nimbus { Kind::NimbusWithAura } else { Kind::Aura };
            schemes.push(AuthoringScheme { kind, slot_duration });
        }
        if nimbus {
            let slot_duration = aura_slots(layout).unwrap_or(RELAY_SLOT_DURATION);
            schemes.insert(0, AuthoringScheme { kind: Kind::Nimbus, slot_duration });
        }
        let carried = engines(chain.header());
        if schemes.is_empty() {
            if offers("DifficultyApi") {
                return Err(cannot_author("its consensus is proof of work"));
            }
            if let Some(engine) = carried.first() {
                return Err(cannot_author(format!(
                    "they carry a digest of the unsupported consensus engine {:?}",
                    name(engine)
                )));
            }
            schemes.push(AuthoringScheme { kind: Kind::Free, slot_duration: RELAY_SLOT_DURATION });
        }
        by_likelihood(&mut schemes, &carried);
        Ok(Self { schemes, header_format })
    }

    /// Moves the scheme that the runtime accepted to the front.
    pub fn prefer(&mut self, scheme: usize) {
        if let Some(front) = self.schemes.get_mut(..=scheme) {
            front.rotate_right(1);
        }
    }
}

/// Returns the format of the headers.
///
/// A relay chain and its parachains decode each other's headers. How they would with headers of their
/// own is not known.
fn header_format(layout: &Layout) -> Result<HeaderFormat> {
    let Some(metadata) = &layout.metadata else { return Ok(HeaderFormat::default()) };
    let unknown = |why: String| cannot_author(format!("its headers have an unknown format: {why}"));
    let format = HeaderFormat::of(metadata).map_err(unknown)?;
    let stands_alone = layout.parachain_system().is_none() && layout.pallet_with(&["OnChainVotes"], None).is_none();
    match foreign_header(metadata) {
        Some(why) if format.is_own() && !stands_alone => Err(unknown(why)),
        _ => Ok(format),
    }
}

/// Sorts the schemes: those of the engines in the last block's digest come first.
fn by_likelihood(schemes: &mut [AuthoringScheme], carried: &[ConsensusEngineId]) {
    schemes.sort_by_key(|scheme| {
        let engines = scheme.kind.engines();
        let known = engines.iter().filter(|engine| carried.contains(engine)).count();
        // First as many engines of the digest as possible, then as few other engines as possible.
        (usize::MAX - known, engines.len() - known)
    });
}

pub(super) fn name(engine: &ConsensusEngineId) -> String {
    String::from_utf8_lossy(engine).into_owned()
}

/// Returns the failure for a chain whose blocks cannot be authored here. It is a limit of this
/// tool, not a fault of the chain.
pub(super) fn cannot_author(why: impl std::fmt::Display) -> Failure {
    Failure::not_judged(format!("blocks of this chain cannot be authored here: {why}")).code(worker::Code::CannotAuthor)
}

/// Reads a slot duration in milliseconds, the first value of the answer of both APIs.
///
/// If the call traps, because its pallet is initialized only in the first block, the metadata's
/// constant is used.
fn duration(chain: &Chain, executor: &Executor, code: &Code, function: &str, constant: Option<u64>) -> Result<u64> {
    let answer = match (chain.call(executor, code, function, &[]), constant) {
        (Ok(answer), _) => answer,
        (Err(failure), Some(constant)) if failure.kind == worker::Kind::Check => return Ok(constant),
        (Err(failure), _) => return Err(failure),
    };
    match (u64::decode(&mut &answer[..]), constant) {
        (Ok(duration), _) if duration > 0 => Ok(duration),
        (_, Some(constant)) => Ok(constant),
        _ => Err(Failure::check("the runtime returned no slot duration").found(hex::encode_prefixed(&answer))),
    }
}

fn number(constant: Option<&[u8]>) -> Option<u64> {
    constant.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()).filter(|number| *number > 0)
}

/// Returns Aura's slot duration from the constants: its own, or twice the minimum period of the
/// timestamp pallet.
fn aura_slots(layout: &Layout) -> Option<u64> {
    let own = aura(layout).and_then(|pallet| number(layout.constant(&pallet.name, "SlotDuration")));
    own.or_else(|| {
        let clock = clock(layout)?;
        number(layout.constant(&clock.name, "MinimumPeriod")).map(|period| period.saturating_mul(2))
    })
}

fn babe(layout: &Layout) -> Option<&Pallet> {
    layout.pallet_with(&["CurrentSlot", "EpochIndex"], None)
}

/// Returns the pallet that counts slots but no epochs.
fn aura(layout: &Layout) -> Option<&Pallet> {
    layout.pallets.iter().find(|pallet| pallet.has_item("CurrentSlot") && !pallet.has_item("EpochIndex"))
}

pub(super) fn clock(layout: &Layout) -> Option<&Pallet> {
    layout.pallet_with(&["Now", "DidUpdate"], None)
}

impl AuthoringScheme {
    /// Returns the slot of the next block. With `again` it is the slot of the last block.
    pub fn next_slot(self, chain: &Chain, layout: &Layout, ahead: u64, again: bool) -> Result<Slot> {
        let read = |pallet: Option<&Pallet>, item: &str| -> Result<u64> {
            let Some(pallet) = pallet else { return Ok(0) };
            let stored = chain.storage(&pallet.key(item))?;
            Ok(stored.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()).unwrap_or(0))
        };
        // Two consensuses have slots of different lengths, so only this one's slots are counted.
        let counted = match self.kind {
            Kind::Babe => babe(layout),
            Kind::Aura | Kind::NimbusWithAura => aura(layout),
            Kind::Nimbus | Kind::Free => None,
        };
        let (last, now) = (read(counted, "CurrentSlot")?, read(clock(layout), "Now")?);
        let duration = self.slot_duration;
        let authority = match self.kind {
            Kind::Babe => first_enabled(chain, layout)?,
            _ => 0,
        };
        if again {
            return Ok(Slot { kind: self.kind, authority, number: now / duration, timestamp: now, duration });
        }
        let earliest = if now == 0 { FIRST_TIMESTAMP } else { now.saturating_add(duration) };
        let number = (earliest / duration).max(last.saturating_add(1)).saturating_add(ahead);
        let timestamp = number.saturating_mul(duration);
        Ok(Slot { kind: self.kind, authority, number, timestamp, duration })
    }
}

/// Returns the index of the first validator of the session that is not disabled. Babe refuses blocks
/// of a disabled one.
fn first_enabled(chain: &Chain, layout: &Layout) -> Result<u32> {
    let Some(pallet) = layout.pallet_with(&["DisabledValidators", "CurrentIndex"], None) else { return Ok(0) };
    let stored = chain.storage(&pallet.key("DisabledValidators"))?;
    Ok(first_absent(&disabled(stored.as_deref().unwrap_or_default())))
}

/// Returns the indices in `Session.DisabledValidators`. Each stands alone, or with the severity of its
/// offence since pallet-session 41.
fn disabled(stored: &[u8]) -> BTreeSet<u32> {
    let input = &mut &stored[..];
    let Ok(Compact(count)) = Compact::<u32>::decode(input) else { return BTreeSet::new() };
    let size = input.len().checked_div(count as usize).unwrap_or_default();
    if size < size_of::<u32>() {
        return BTreeSet::new();
    }
    input.chunks_exact(size).filter_map(|mut entry| u32::decode(&mut entry).ok()).collect()
}

/// Returns the smallest number that is not in the set.
fn first_absent(set: &BTreeSet<u32>) -> u32 {
    (0..).find(|index| !set.contains(index)).unwrap_or_default()
}

impl AuthoringScheme {
    /// Returns the slot at a time in milliseconds, whatever the slot of the last block was.
    pub fn slot_at(self, timestamp: u64) -> Slot {
        let duration = self.slot_duration;
        Slot { kind: self.kind, authority: 0, number: timestamp / duration, timestamp, duration }
    }
}

impl Slot {
    /// Returns the digest that announces the slot.
    pub fn digest(&self, author: Option<&[u8; 32]>) -> Digest {
        let items = self.kind.engines().iter().filter_map(|engine| match *engine {
            // A secondary plain slot: variant 2, authority index, slot.
            BABE => Some((BABE, (2u8, self.authority, self.number).encode())),
            NIMBUS => author.map(|author| (NIMBUS, author.to_vec())),
            engine => Some((engine, self.number.encode())),
        });
        Digest { logs: items.map(|(engine, data)| DigestItem::PreRuntime(engine, data)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme(kind: Kind) -> AuthoringScheme {
        AuthoringScheme { kind, slot_duration: 6_000 }
    }

    fn sorted(kinds: &[Kind], carried: &[ConsensusEngineId]) -> Vec<Kind> {
        let mut schemes: Vec<_> = kinds.iter().copied().map(scheme).collect();
        by_likelihood(&mut schemes, carried);
        schemes.into_iter().map(|scheme| scheme.kind).collect()
    }

    #[test]
    fn the_last_digest_decides_between_two_consensuses() {
        use Kind::{Aura, Babe, Nimbus, NimbusWithAura};
        assert_eq!(sorted(&[Babe, Aura], &[AURA]), [Aura, Babe]);
        assert_eq!(sorted(&[Babe, Aura], &[BABE]), [Babe, Aura]);
        assert_eq!(sorted(&[Babe, Aura], &[]), [Babe, Aura], "genesis has no digest");
        // Manta implements AuraApi but its blocks name only the author. Tanssi's blocks have both.
        assert_eq!(sorted(&[Nimbus, NimbusWithAura], &[NIMBUS]), [Nimbus, NimbusWithAura]);
        assert_eq!(sorted(&[Nimbus, NimbusWithAura], &[AURA, NIMBUS]), [NimbusWithAura, Nimbus]);
        assert_eq!(sorted(&[Nimbus, NimbusWithAura], &[]), [Nimbus, NimbusWithAura]);
    }

    #[test]
    fn an_accepted_scheme_is_tried_first() {
        let schemes = vec![scheme(Kind::Babe), scheme(Kind::Aura), scheme(Kind::Free)];
        let mut consensus = Consensus { schemes, header_format: HeaderFormat::default() };
        consensus.prefer(1);
        assert_eq!(consensus.schemes, [scheme(Kind::Aura), scheme(Kind::Babe), scheme(Kind::Free)]);
        consensus.prefer(0);
        assert_eq!(consensus.schemes[0], scheme(Kind::Aura));
    }

    #[test]
    fn each_consensus_has_its_digest() {
        let author = [7; 32];
        let digest = |kind| {
            let slot = Slot { kind, authority: 3, number: 9, timestamp: 54_000, duration: 6_000 };
            slot.digest(Some(&author)).logs
        };
        let item = |engine, data: Vec<u8>| DigestItem::PreRuntime(engine, data);
        assert_eq!(digest(Kind::Aura), [item(AURA, 9u64.encode())]);
        assert_eq!(digest(Kind::Babe), [item(BABE, (2u8, 3u32, 9u64).encode())]);
        assert_eq!(digest(Kind::Nimbus), [item(NIMBUS, author.to_vec())], "the bare key of 32 bytes");
        assert_eq!(digest(Kind::NimbusWithAura), [item(AURA, 9u64.encode()), item(NIMBUS, author.to_vec())]);
        assert!(digest(Kind::Free).is_empty());
    }

    #[test]
    fn a_disabled_validator_is_no_author() {
        assert_eq!(first_absent(&disabled(&[])), 0);
        assert_eq!(first_absent(&disabled(&Vec::<u32>::new().encode())), 0);
        assert_eq!(first_absent(&disabled(&vec![1u32, 4].encode())), 0);
        assert_eq!(first_absent(&disabled(&vec![0u32, 1, 4].encode())), 2);
        let with_severity = vec![(0u32, 1_000_000_000u32), (1, 5)];
        assert_eq!(first_absent(&disabled(&with_severity.encode())), 2);
        assert!(disabled(&[0xff; 4]).is_empty(), "bytes that are no list");
    }

    #[test]
    fn only_a_chain_that_stands_alone_may_have_headers_of_its_own() {
        let layout = |items: &[&str]| {
            let items = items.iter().map(ToString::to_string).collect();
            let pallet = Pallet { name: "System".into(), items, ..Pallet::default() };
            let metadata = Some(crate::header::tests::with_own_headers());
            Layout { pallets: artifact::Pallets::from_iter([pallet]), metadata }
        };
        assert!(header_format(&layout(&[])).expect("supported").is_own());
        for items in [["PendingValidationCode", "ValidationData"].as_slice(), &["OnChainVotes"]] {
            let failure = header_format(&layout(items)).expect_err("not supported");
            assert_eq!(failure.kind, worker::Kind::NotJudged);
            assert!(failure.message.ends_with("additional fields: tree_root, extension"), "{failure}");
        }
        assert!(!header_format(&Layout::default()).expect("the usual one").is_own());
    }

    #[test]
    fn a_chain_that_cannot_be_authored_is_not_judged() {
        let failure = cannot_author("its consensus is proof of work");
        assert_eq!(failure.kind, worker::Kind::NotJudged);
        assert!(failure.is(worker::Code::CannotAuthor));
    }
}
