// SPDX-License-Identifier: Apache-2.0
//! The entries of a parachain's state that are of its old relay chain, and that a new one contradicts.

use artifact::{metadata::Pallet, pace::counted};
use codec::{Compact, Decode, Encode};
use fork::Layout;
use network::schedule::Changes;
use protocol::Finding;
use worker::Result;

/// The length of a slot of relay chains, in milliseconds.
const RELAY_SLOT: u64 = 6_000;

/// What the new relay chain has.
#[derive(Clone, Copy)]
pub struct Destination {
    /// The number of its last block.
    pub number: u32,
    /// The slot of that block.
    pub slot: u64,
    /// The head of its messages to the parachain, before those that wait. Zeros before the first message.
    pub downward: [u8; 32],
}

/// An entry, or several that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `ParachainSystem.LastRelayChainBlockNumber`.
    pub name: String,
    /// Its value, and what the relay chain has.
    pub told: String,
    /// What mends it, in words; nothing if it follows the clock, which is the same for live chains.
    pub mend: Option<String>,
    /// What mends it.
    pub changes: Changes,
}

/// Returns the entries that the relay chain contradicts. `read` reads the parachain's state.
pub fn contradicted(
    layout: &Layout,
    destination: Destination,
    read: impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
) -> Result<Vec<Entry>> {
    let Some(system) = layout.parachain_system() else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    let stored = |pallet, item| Stored::of(pallet, item, &read);
    let is_at = format!("the relay chain is at block {}", destination.number);
    // pallet-author-inherent of Nimbus may count relay blocks as slots.
    let nimbus = layout.pallet_with(&["HighestSlotSeen"], None);
    let numbers =
        [(Some(system), "LastRelayChainBlockNumber"), (Some(system), "HrmpWatermark"), (nimbus, "HighestSlotSeen")];
    for (pallet, item) in numbers {
        let Some(stored) = stored(pallet, item)? else { continue };
        if let Some(number) = stored.decoded::<u32>().filter(|number| *number > destination.number) {
            entries.push(stored.entry(format!("{number} here, {is_at}"), Some(0u32.encode())));
        }
    }
    for item in ["LastProcessedDownwardMessage", "LastProcessedHrmpMessage"] {
        let Some(stored) = stored(Some(system), item)? else { continue };
        // `InboundMessageId { sent_at, reverse_idx }`. Messages that were sent before it are dropped.
        let decoded = stored.decoded::<(u32, u32)>();
        if let Some((sent, _)) = decoded.filter(|(sent, _)| *sent > destination.number) {
            entries.push(stored.entry(format!("sent in relay block {sent} here, {is_at}"), None));
        }
    }
    entries.extend(downward(system, destination, &read)?);
    if let Some(stored) = stored(Some(system), "LastHrmpMqcHeads")?
        && let Some(heads) = stored.count().filter(|heads| *heads > 0)
    {
        let heads = counted(heads.into(), "queue");
        entries.push(stored.entry(format!("the heads of {heads} of the old relay chain here"), None));
    }
    let segment = ["UnincludedSegment", "AggregatedUnincludedSegment"].map(|item| stored(Some(system), item));
    entries.extend(unincluded(segment)?);
    entries.extend(clock(layout, destination, &read)?);
    Ok(entries)
}

/// Returns the changes of all these entries.
pub fn changes(entries: &[Entry]) -> Changes {
    entries.iter().flat_map(|entry| entry.changes.iter().cloned()).collect()
}

/// Returns the head of the messages from the relay chain, if the parachain has another one.
fn downward(
    system: &Pallet,
    destination: Destination,
    read: &impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
) -> Result<Option<Entry>> {
    const ITEM: &str = "LastDmqMqcHead";
    const NONE: [u8; 32] = [0; 32];
    if !system.has_item(ITEM) {
        return Ok(None);
    }
    let stored = Stored::of(Some(system), ITEM, read)?;
    let own = stored.and_then(|stored| stored.decoded()).unwrap_or(NONE);
    if own == destination.downward {
        return Ok(None);
    }
    let named = |head: [u8; 32]| if head == NONE { "none".to_owned() } else { hex::encode_prefixed(head) };
    let stored = Stored::at(system, ITEM, own.to_vec());
    let told = format!("{} here, {} on the relay chain", named(own), named(destination.downward));
    let head = Some(destination.downward).filter(|head| *head != NONE);
    Ok(Some(stored.entry(told, head.map(|head| head.to_vec()))))
}

/// Returns the blocks that the parachain takes for not included, with the bandwidth that they use.
fn unincluded([segment, aggregated]: [Result<Option<Stored>>; 2]) -> Result<Option<Entry>> {
    let (segment, aggregated) = (segment?, aggregated?);
    let blocks = counted(segment.as_ref().and_then(Stored::count).unwrap_or(0).into(), "block");
    let stored: Vec<_> = [segment, aggregated].into_iter().flatten().collect();
    if stored.is_empty() {
        return Ok(None);
    }
    Ok(Some(Entry {
        name: names(&stored),
        told: format!("{blocks} here that the old relay chain was to include"),
        mend: Some("remove them".to_owned()),
        changes: stored.into_iter().map(|stored| (stored.key, None)).collect(),
    }))
}

/// Returns the time and the slots, if they are ahead of those of the relay chain.
fn clock(
    layout: &Layout,
    destination: Destination,
    read: &impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
) -> Result<Option<Entry>> {
    let time = destination.slot.saturating_mul(RELAY_SLOT);
    let aura = layout.pallets.iter().find(|pallet| pallet.has_item("CurrentSlot") && !pallet.has_item("EpochIndex"));
    let now = Stored::of(layout.pallet_with(&["Now", "DidUpdate"], None), "Now", read)?;
    let milliseconds = now.as_ref().and_then(Stored::decoded::<u64>).unwrap_or(0);
    let mut is_ahead = milliseconds > time;
    let mut clock: Vec<_> = [now, Stored::of(aura, "CurrentSlot", read)?].into_iter().flatten().collect();
    for pallet in layout.pallets.iter() {
        for item in ["RelaySlotInfo", "SlotInfo"] {
            let Some(stored) = Stored::of(Some(pallet), item, read)? else { continue };
            // A slot, and the blocks in it. Only the one is a slot of the relay chain.
            let slot = stored.decoded::<(u64, u32)>().map_or(0, |(slot, _)| slot);
            is_ahead |= item == "RelaySlotInfo" && slot > destination.slot;
            clock.push(stored);
        }
    }
    Ok(is_ahead.then(|| Entry {
        name: names(&clock),
        told: format!("{milliseconds} ms here, {time} ms on the relay chain"),
        mend: None,
        changes: clock.into_iter().map(|stored| (stored.key, None)).collect(),
    }))
}

fn names(stored: &[Stored]) -> String {
    stored.iter().map(|stored| stored.name.as_str()).collect::<Vec<_>>().join(", ")
}

impl Entry {
    /// Returns the finding that a parachain stands on this entry.
    pub fn finding(&self) -> Finding {
        let Self { name, told, mend, .. } = self;
        match mend {
            Some(mend) => Finding::seen(format!("{name}: {told}; {mend}")),
            None => Finding::not_judged(format!(
                "{name}: {told}. Live chains have one clock, so these states are of different times: take states of \
                 the same time"
            )),
        }
    }
}

/// A value of the state.
struct Stored {
    name: String,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Stored {
    /// Reads a value; nothing where the runtime has no such item, or the state no value.
    fn of(
        pallet: Option<&Pallet>,
        item: &str,
        read: &impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
    ) -> Result<Option<Self>> {
        let Some(pallet) = pallet.filter(|pallet| pallet.has_item(item)) else { return Ok(None) };
        Ok(read(&pallet.key(item))?.map(|value| Self::at(pallet, item, value)))
    }

    fn at(pallet: &Pallet, item: &str, value: Vec<u8>) -> Self {
        Self { name: format!("{}.{item}", pallet.name), key: pallet.key(item), value }
    }

    fn decoded<T: Decode>(&self) -> Option<T> {
        T::decode(&mut &self.value[..]).ok()
    }

    /// Returns the length of a list or a map.
    fn count(&self) -> Option<u32> {
        self.decoded::<Compact<u32>>().map(|count| count.0)
    }

    /// Returns the entry that is mended by this value, or without one.
    fn entry(self, told: String, mended: Option<Vec<u8>>) -> Entry {
        let mend = match &mended {
            None => "remove it".to_owned(),
            Some(zero) if zero.iter().all(|byte| *byte == 0) => "write 0".to_owned(),
            Some(value) => format!("write {}", hex::encode_prefixed(value)),
        };
        Entry { name: self.name, told, mend: Some(mend), changes: vec![(self.key, mended)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Rank;
    use std::collections::BTreeMap;

    const DESTINATION: Destination = Destination { number: 120, slot: 300_000_000, downward: [0; 32] };

    fn layout(pallets: &[(&str, &[&str])]) -> Layout {
        let pallet = |(name, items): &(&str, &[&str])| Pallet {
            name: (*name).into(),
            storage_prefix: Some((*name).into()),
            items: items.iter().map(|item| (*item).into()).collect(),
            ..Pallet::default()
        };
        Layout { pallets: pallets.iter().map(pallet).collect(), metadata: None }
    }

    /// Returns the entries of a state with these values.
    fn of(destination: Destination, values: &[(&str, &str, Vec<u8>)]) -> Vec<Entry> {
        let system = [
            "PendingValidationCode",
            "ValidationData",
            "LastRelayChainBlockNumber",
            "HrmpWatermark",
            "LastProcessedDownwardMessage",
            "LastDmqMqcHead",
            "LastHrmpMqcHeads",
            "UnincludedSegment",
            "AggregatedUnincludedSegment",
        ];
        let layout = layout(&[
            ("ParachainSystem", &system),
            ("Timestamp", &["Now", "DidUpdate"]),
            ("Babe", &["CurrentSlot", "EpochIndex"]),
            ("Aura", &["CurrentSlot"]),
            ("AuraExt", &["RelaySlotInfo"]),
        ]);
        let key = |pallet: &str, item: &str| layout.pallet(pallet).expect("a pallet").key(item);
        let state: BTreeMap<_, _> =
            values.iter().map(|(pallet, item, value)| (key(pallet, item), value.clone())).collect();
        contradicted(&layout, destination, |key| Ok(state.get(key).cloned())).expect("read")
    }

    fn told(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(|entry| entry.finding().text).collect()
    }

    #[test]
    fn what_the_relay_chain_does_not_contradict_is_no_entry() {
        let values = [
            ("ParachainSystem", "LastRelayChainBlockNumber", 120u32.encode()),
            ("ParachainSystem", "HrmpWatermark", 7u32.encode()),
            ("ParachainSystem", "LastProcessedDownwardMessage", (100u32, 3u32).encode()),
            ("ParachainSystem", "LastDmqMqcHead", vec![0; 32]),
            ("ParachainSystem", "LastHrmpMqcHeads", vec![0]),
            ("Timestamp", "Now", 1_800_000_000_000u64.encode()),
            ("Aura", "CurrentSlot", 300_000_000u64.encode()),
            ("AuraExt", "RelaySlotInfo", (300_000_000u64, 1u32).encode()),
        ];
        assert_eq!(told(&of(DESTINATION, &values)), Vec::<String>::new());
        assert_eq!(told(&of(DESTINATION, &[])), Vec::<String>::new());
    }

    #[test]
    fn an_entry_tells_both_values_and_what_mends_it() {
        let values = [
            ("ParachainSystem", "LastRelayChainBlockNumber", 25_000_000u32.encode()),
            ("ParachainSystem", "LastProcessedDownwardMessage", (999u32, 0u32).encode()),
            ("ParachainSystem", "LastDmqMqcHead", vec![7; 32]),
            ("ParachainSystem", "LastHrmpMqcHeads", vec![(9u32, [1u8; 32])].encode()),
        ];
        let entries = of(DESTINATION, &values);
        let head = "07".repeat(32);
        let expected = [
            "LastRelayChainBlockNumber: 25000000 here, the relay chain is at block 120; write 0",
            "LastProcessedDownwardMessage: sent in relay block 999 here, the relay chain is at block 120; remove it",
            &format!("LastDmqMqcHead: 0x{head} here, none on the relay chain; remove it"),
            "LastHrmpMqcHeads: the heads of 1 queue of the old relay chain here; remove it",
        ];
        assert_eq!(told(&entries), expected.map(|told| format!("ParachainSystem.{told}")));
        assert!(entries.iter().all(|entry| entry.finding().rank == Rank::Seen));
        let written: Vec<_> = changes(&entries).into_iter().map(|(_, value)| value).collect();
        assert_eq!(written, [Some(vec![0; 4]), None, None, None]);
    }

    #[test]
    fn the_head_of_the_relay_chains_messages_is_written() {
        let destination = Destination { downward: [9; 32], ..DESTINATION };
        let entries = of(destination, &[]);
        let head = "09".repeat(32);
        let expected =
            format!("ParachainSystem.LastDmqMqcHead: none here, 0x{head} on the relay chain; write 0x{head}");
        assert_eq!(told(&entries), [expected]);
        let written: Vec<_> = changes(&entries).into_iter().map(|(_, value)| value).collect();
        assert_eq!(written, [Some(vec![9; 32])]);
    }

    #[test]
    fn the_unincluded_blocks_go_with_their_bandwidth() {
        let values = [
            ("ParachainSystem", "UnincludedSegment", vec![2 << 2, 1, 2, 3]),
            ("ParachainSystem", "AggregatedUnincludedSegment", vec![1]),
        ];
        let entries = of(DESTINATION, &values);
        assert_eq!(
            told(&entries),
            ["ParachainSystem.UnincludedSegment, ParachainSystem.AggregatedUnincludedSegment: 2 blocks here that the \
                 old relay chain was to include; remove them"]
        );
        assert_eq!(changes(&entries).len(), 2);
    }

    #[test]
    fn a_clock_that_is_ahead_says_nothing_about_live_chains() {
        let values = [
            ("Timestamp", "Now", 1_800_000_000_001u64.encode()),
            ("Aura", "CurrentSlot", 300_000_000u64.encode()),
            ("Babe", "CurrentSlot", 300_000_000u64.encode()),
        ];
        let entries = of(DESTINATION, &values);
        let finding = entries[0].finding();
        assert_eq!(finding.rank, Rank::NotJudged);
        assert!(finding.text.starts_with("Timestamp.Now, Aura.CurrentSlot: 1800000000001 ms here"), "{finding:?}");
        let slots = [("AuraExt", "RelaySlotInfo", (300_000_001u64, 1u32).encode())];
        assert_eq!(of(DESTINATION, &slots)[0].name, "AuraExt.RelaySlotInfo");
    }
}
