// SPDX-License-Identifier: Apache-2.0
//! Outgoing messages of a chain, as its pallets store them.

use super::Place;
use artifact::metadata::Pallet;
use codec::{Compact, Decode};
use fork::{Chain, Layout, sample};
use std::collections::BTreeMap;
use worker::Result;

/// The most receivers that are read.
const MOST_QUEUES: usize = 4_096;
/// The most pages of all channels, and downward messages in a page each, that are read.
const MOST_PAGES: usize = 65_536;

/// How messages are stored and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Single messages: an encoded `VersionedXcm` each.
    Single,
    /// Several in a page, as in channels between parachains: `XcmpMessageFormat`, then one after
    /// the other.
    Page,
}

/// The messages to one receiver, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub form: Form,
    pub parts: Vec<Vec<u8>>,
}

pub type Queues = BTreeMap<Place, Queue>;

impl Queue {
    fn new(form: Form) -> Self {
        Self { form, parts: Vec::new() }
    }

    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// Returns the messages that wait to be sent.
pub fn waiting(layout: &Layout, chain: &Chain) -> Result<Queues> {
    let mut queues = Queues::new();
    if let Some(pallet) = layout.parachain_system().filter(|pallet| pallet.has_item("PendingUpwardMessages")) {
        let parts = list(&chain.storage(&pallet.key("PendingUpwardMessages"))?.unwrap_or_default());
        add(&mut queues, Place::RelayChain, Form::Single, parts.unwrap_or_default());
    }
    if let Some(pallet) = layout.pallet_with(&["OutboundXcmpMessages", "OutboundXcmpStatus"], None) {
        // `Blake2_128Concat` in front of the receiver's number.
        for (para, page) in by_parachain(chain, pallet, "OutboundXcmpMessages", 16, MOST_PAGES)? {
            // The page is a `BoundedVec` of its bytes.
            let page = Vec::<u8>::decode(&mut &page[..]).unwrap_or_default();
            add(&mut queues, Place::Parachain(para), Form::Page, vec![page]);
        }
    }
    if let Some(pallet) = layout.pallet_with(&["DownwardMessageQueuePages", "DownwardMessageQueueHeads"], None) {
        for (para, message) in by_parachain(chain, pallet, "DownwardMessageQueuePages", 16, MOST_PAGES)? {
            add(&mut queues, Place::Parachain(para), Form::Single, downward(&mut &message[..]).into_iter().collect());
        }
    } else if let Some(pallet) = layout.pallet_with(&["DownwardMessageQueues", "DownwardMessageQueueHeads"], None) {
        for (para, messages) in by_parachain(chain, pallet, "DownwardMessageQueues", 8, MOST_QUEUES)? {
            let mut input = &messages[..];
            let count = Compact::<u32>::decode(&mut input).map_or(0, |count| count.0);
            let parts = (0..count).map_while(|_| downward(&mut input)).collect();
            add(&mut queues, Place::Parachain(para), Form::Single, parts);
        }
    }
    Ok(queues)
}

/// Returns the messages that a parachain sent in its last block.
pub fn left(layout: &Layout, chain: &Chain) -> Result<Queues> {
    let mut queues = Queues::new();
    let Some(pallet) = layout.parachain_system() else { return Ok(queues) };
    let upward = list(&chain.storage(&pallet.key("UpwardMessages"))?.unwrap_or_default()).unwrap_or_default();
    // Signals to validators follow an empty message.
    let upward = upward.into_iter().take_while(|message| !message.is_empty()).collect();
    add(&mut queues, Place::RelayChain, Form::Single, upward);
    let horizontal = chain.storage(&pallet.key("HrmpOutboundMessages"))?.unwrap_or_default();
    // `OutboundHrmpMessage { recipient, data }`.
    for (recipient, page) in Vec::<(u32, Vec<u8>)>::decode(&mut &horizontal[..]).unwrap_or_default() {
        add(&mut queues, Place::Parachain(recipient), Form::Page, vec![page]);
    }
    Ok(queues)
}

/// Appends the one to the other.
pub fn join(queues: &mut Queues, more: Queues) {
    for (to, queue) in more {
        add(queues, to, queue.form, queue.parts);
    }
}

/// Removes the messages that waited before.
pub fn without(queues: &mut Queues, before: &Queues) {
    for (to, known) in before {
        let Some(queue) = queues.get_mut(to) else { continue };
        for part in &known.parts {
            if let Some(at) = queue.parts.iter().position(|other| other == part) {
                queue.parts.remove(at);
            }
        }
    }
}

fn add(queues: &mut Queues, to: Place, form: Form, parts: Vec<Vec<u8>>) {
    if !parts.is_empty() {
        queues.entry(to).or_insert_with(|| Queue::new(form)).parts.extend(parts);
    }
}

/// Returns the entries of a map by parachain, whose hash has that many bytes, in the order of the
/// entries of each parachain.
fn by_parachain(chain: &Chain, pallet: &Pallet, item: &str, hash: usize, most: usize) -> Result<Vec<(u32, Vec<u8>)>> {
    let prefix = pallet.key(item);
    let (entries, _) = sample::entries(chain, &prefix, most)?;
    let mut found: Vec<_> = entries
        .into_iter()
        .filter_map(|(key, value)| {
            let mut rest = key.get(prefix.len() + hash..)?;
            let para = u32::decode(&mut rest).ok()?;
            // A second key follows, the number of the page, behind eight bytes of its hash.
            let page = rest.get(8..).map(|page| page.iter().rev().copied().collect::<Vec<_>>()).unwrap_or_default();
            Some((para, page, value))
        })
        .collect();
    found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    Ok(found.into_iter().map(|(para, _, value)| (para, value)).collect())
}

/// Returns the message of an `InboundDownwardMessage { sent_at, msg }`. Relay chains count blocks
/// in 32 bits.
fn downward(input: &mut &[u8]) -> Option<Vec<u8>> {
    <(u32, Vec<u8>)>::decode(input).ok().map(|(_, message)| message)
}

/// Returns a list of messages; nothing where the bytes are not such a list.
fn list(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    match bytes {
        [] => Some(Vec::new()),
        bytes => Vec::<Vec<u8>>::decode(&mut &bytes[..]).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;

    #[test]
    fn a_list_that_is_none_is_not_taken_for_an_empty_one() {
        let messages = vec![vec![1u8; 5], vec![2u8; 70]];
        assert_eq!(list(&messages.encode()), Some(messages.clone()));
        assert_eq!(list(&[]), Some(Vec::new()));
        assert_eq!(list(&messages.encode()[..20]), None);
    }

    #[test]
    fn downward_messages_are_taken_out_of_what_the_relay_chain_keeps_with_them() {
        let kept = vec![(7u32, vec![5u8, 4]), (8u32, vec![5u8, 8, 1])].encode();
        let mut input = &kept[1..];
        assert_eq!(downward(&mut input), Some(vec![5, 4]));
        assert_eq!(downward(&mut input), Some(vec![5, 8, 1]));
        assert_eq!(downward(&mut input), None);
    }

    #[test]
    fn queues_to_the_same_chain_are_joined() {
        let queue = |parts: &[u8]| {
            let mut queues = Queues::new();
            add(&mut queues, Place::RelayChain, Form::Single, parts.iter().map(|byte| vec![*byte]).collect());
            queues
        };
        let mut all = queue(&[1]);
        join(&mut all, queue(&[2, 3]));
        assert_eq!(all[&Place::RelayChain].parts, [vec![1], vec![2], vec![3]]);
        assert_eq!(queue(&[]), Queues::new(), "nothing to a chain is no queue");
        without(&mut all, &queue(&[2, 9]));
        assert_eq!(all[&Place::RelayChain].parts, [vec![1], vec![3]], "what waited before is not of the upgrade");
    }
}
