// SPDX-License-Identifier: Apache-2.0
//! Calls that make the queue of messages from the relay chain fit what the parachain has received. No call of a pallet does.

use super::{case::Case, plans::call};
use codec::{DecodeAll, Encode};
use compat::interface::Pallet;
use network::Relay;
use worker::Result;

/// The most waiting messages that are looked through for those that were received. Each is hashed once for each of them.
const MOST_MESSAGES: usize = 128;
/// The storage items of the relay chain's pallet for these messages, of its older and its newer form.
const QUEUES: &str = "DownwardMessageQueues";
const META: &str = "DownwardMessageQueueMeta";
const PAGES: &str = "DownwardMessageQueuePages";

/// The calls for a queue.
pub struct Mended {
    pub calls: Vec<Vec<u8>>,
    /// The messages that are removed since the parachain has received them.
    pub received: usize,
    /// The messages that stay.
    pub kept: usize,
}

/// Returns the calls that make the queue fit, or nothing where none are known.
pub fn mend(case: &mut Case<'_>) -> Result<Option<Mended>> {
    let para = case.para;
    let waiting = case.network.relay.downward_messages(para)?;
    if waiting.len() > MOST_MESSAGES {
        return Ok(None);
    }
    let head = case.network.relay.last_downward_message(para)?;
    let (_, parachain) = case.network.both(para)?;
    // If the chain of the last messages ends in the relay chain's head, the parachain has received those before them.
    let mut received = None;
    for count in (1..=waiting.len()).rev().filter(|_| head.is_some()) {
        let rest = waiting.get(count..).unwrap_or_default();
        if parachain.last_downward_message(rest)? == head {
            received = Some((count, rest));
            break;
        }
    }
    let Some((received, rest)) = received else {
        // The messages that wait stay: their chain begins at the last one that the parachain received.
        let head = parachain.last_downward_message(&waiting)?.unwrap_or_default();
        let call = call(&case.relay, "set_storage", vec![(Relay::key_of_downward_head(para), head.encode())]);
        return Ok(call.map(|call| Mended { calls: vec![call], received: 0, kept: waiting.len() }));
    };
    let calls = without_first(case, received, rest)?;
    Ok(calls.map(|calls| Mended { calls, received, kept: rest.len() }))
}

/// Returns the calls that remove the first messages. `rest` is the others.
pub fn without_first<M: Encode>(case: &Case<'_>, count: usize, rest: &[M]) -> Result<Option<Vec<Vec<u8>>>> {
    let chain = case.network.relay.chain();
    let interface = case.relay.interface()?;
    let id = case.para.encode();
    let Some(pallet) = interface.pallets.iter().find(|pallet| pallet.item("DownwardMessageQueueHeads").is_some())
    else {
        return Ok(None);
    };
    let read = |key: Option<Vec<u8>>| key.map_or(Ok(None), |key| chain.storage(&key));
    let set = |key: Vec<u8>, value: Vec<u8>| call(&case.relay, "set_storage", vec![(key, value)]);
    let kill = |keys: Vec<Vec<u8>>| call(&case.relay, "kill_storage", keys);
    let list = pallet.entry(QUEUES, &id);
    let has_list = read(list.clone())?.is_some();
    let meta = pallet.entry(META, &id);
    let pages = read(meta.clone())?.and_then(|stored| <(u64, u64)>::decode_all(&mut &stored[..]).ok());
    let pages = pages.filter(|(first, end)| first < end);
    Ok(match (list, meta, pages) {
        (Some(list), _, None) if has_list => {
            let call = if rest.is_empty() { kill(vec![list]) } else { set(list, rest.encode()) };
            call.map(|call| vec![call])
        }
        // `InboundDownwardQueueMeta`: the first page, and the one after the last. Each page is a message.
        (_, Some(meta), Some((first, end))) if !has_list => {
            let after = first.saturating_add(count as u64).min(end);
            let keys: Option<Vec<_>> = (first..after).map(|page| page_key(pallet, &id, page)).collect();
            set(meta, (after, end).encode()).zip(keys.and_then(kill)).map(|(set, kill)| vec![set, kill])
        }
        // Messages in both forms, while the relay chain migrates.
        _ => None,
    })
}

/// Returns the key of a page; nothing if a page has other keys.
fn page_key(pallet: &Pallet<'_>, id: &[u8], page: u64) -> Option<Vec<u8>> {
    pallet.entry_of(PAGES, &[id.to_vec(), page.encode()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::interface::Item;
    use frame_metadata::v14::StorageHasher;
    use network::ParaId;

    #[test]
    fn a_page_has_the_key_that_the_metadata_says() {
        fn pallet(hashers: &[StorageHasher]) -> Pallet<'_> {
            let items = vec![Item { name: PAGES, hashers, ..Item::default() }];
            Pallet { name: "Dmp", items, ..Pallet::default() }
        }
        let hashers = [StorageHasher::Blake2_128Concat, StorageHasher::Twox64Concat];
        let id = ParaId::from(2_000).encode();
        let key = page_key(&pallet(&hashers), &id, 3).expect("a key");
        assert_eq!(key.len(), 32 + 16 + 4 + 8 + 8);
        assert!(key.ends_with(&3u64.encode()) && key.get(48..52) == Some(&id[..]));
        assert_eq!(page_key(&pallet(&hashers[..1]), &id, 3), None, "another form");
    }
}
