// SPDX-License-Identifier: Apache-2.0
//! Entries that only follow from other changes: a message that is sent changes queues, counters and heads on both sides.
//!
//! What a call can be about is never one of them. So `Paras.Heads` and `Paras.MostRecentContext` are not: the root sets them
//! by calls, and where they follow from blocks alone, any other call changes them too.

use super::{control, entry::Entry};
use crate::types::interface::Pallet;
use artifact::hashes::twox_128;
use compat::value::Part;

/// Storage items of the pallet System that each block writes: its events and hashes follow from all else in it.
const OF_BLOCKS: [&str; 9] = [
    "Events",
    "EventCount",
    "EventTopics",
    "Digest",
    "BlockHash",
    "ParentHash",
    "BlockWeight",
    "BlockSize",
    "ExtrinsicData",
];

/// A pallet of the SDK that passes messages.
struct Passes {
    /// A storage item that no other pallet has. Pallets have other names on some chains.
    has: &'static str,
    /// The storage items that follow from messages.
    items: &'static [&'static str],
}

const OF_MESSAGES: [Passes; 6] = [
    // `dmp` of polkadot-runtime-parachains: messages to parachains, the head of their hash chain, and the price of the next.
    Passes {
        has: "DownwardMessageQueueHeads",
        items: &[
            "DownwardMessageQueues",
            "DownwardMessageQueueHeads",
            "DownwardMessageQueueMeta",
            "DownwardMessageQueuePages",
            "DownwardMessageQueueLazyDelete",
            "DeliveryFeeFactor",
        ],
    },
    // `hrmp` of polkadot-runtime-parachains: messages between parachains, and up to where these were taken.
    Passes { has: "HrmpChannelContents", items: &["HrmpChannelContents", "HrmpChannelDigests", "HrmpWatermarks"] },
    // pallet-message-queue: messages that wait, and whose turn it is.
    Passes { has: "BookStateFor", items: &["BookStateFor", "ServiceHead", "Pages"] },
    // cumulus-pallet-parachain-system: messages of a block, and how far those of the relay chain were taken.
    Passes {
        has: "LastDmqMqcHead",
        items: &[
            "LastDmqMqcHead",
            "LastHrmpMqcHeads",
            "LastProcessedDownwardMessage",
            "LastProcessedHrmpMessage",
            "ProcessedDownwardMessages",
            "PendingUpwardMessages",
            "UpwardMessages",
            "UpwardDeliveryFeeFactor",
            "RelevantMessagingState",
            "HrmpWatermark",
            "HrmpOutboundMessages",
        ],
    },
    // cumulus-pallet-xcmp-queue: pages of messages to other parachains, and the price of the next.
    Passes { has: "OutboundXcmpStatus", items: &["OutboundXcmpStatus", "OutboundXcmpMessages", "DeliveryFeeFactor"] },
    // pallet-xcm: chains ask each other for their version of XCM with the first message.
    Passes {
        has: "VersionDiscoveryQueue",
        items: &[
            "QueryCounter",
            "Queries",
            "SupportedVersion",
            "VersionDiscoveryQueue",
            "VersionNotifiers",
            "VersionNotifyTargets",
        ],
    },
];

/// The item of the channels between parachains (`hrmp`), and the parts of an entry that count the messages in it. The others
/// are its terms and deposits.
const CHANNELS: (&str, [&str; 3]) = ("HrmpChannels", ["msg_count", "total_size", "mqc_head"]);

/// What a relay chain tells each parachain of its queue: `relay_dispatch_queue_remaining_capacity` of polkadot-primitives.
const CAPACITY: &[u8] = b":relay_dispatch_queue_remaining_capacity";
/// The older form of it, below the prefix of a pallet that is gone.
const SIZE: (&str, &str) = ("Ump", "RelayDispatchQueueSize");

/// What is known of the call that changed the entries.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Whether messages were seen that are there because of it. Without any, queues change because the call says so.
    pub sends: bool,
    /// Whether it writes entries by their storage keys: then it may be about any of them.
    pub writes: bool,
}

impl Cause {
    /// Returns whether an entry only follows from other changes. `item` is its name. `parts` are those in which its values
    /// differ, if it has both and they decode.
    pub fn explains(self, item: &str, key: &[u8], entry: Option<&Entry<'_, '_, '_>>, parts: Option<&[Part]>) -> bool {
        if self.writes || control::is_about(item) {
            return false;
        }
        let Some(entry) = entry else { return self.sends && is_size_of_queue(key) };
        let (pallet, item) = (entry.pallet, entry.item.name);
        is_of_blocks(pallet, item)
            || self.sends && (is_of_messages(pallet, item) || parts.is_some_and(|parts| counts_messages(item, parts)))
    }
}

fn is_of_blocks(pallet: &Pallet<'_>, item: &str) -> bool {
    pallet.name == "System" && OF_BLOCKS.contains(&item)
}

fn is_of_messages(pallet: &Pallet<'_>, item: &str) -> bool {
    OF_MESSAGES.iter().any(|known| known.items.contains(&item) && pallet.item(known.has).is_some())
}

/// Returns whether only the messages in a channel were counted anew.
fn counts_messages(item: &str, parts: &[Part]) -> bool {
    let (channels, counters) = CHANNELS;
    item == channels && parts.iter().all(|part| counters.contains(&part.path.as_str()))
}

/// Returns whether a key outside of pallets holds the size of a queue.
fn is_size_of_queue(key: &[u8]) -> bool {
    let (pallet, item) = SIZE;
    key.starts_with(CAPACITY) || key.starts_with(&[twox_128(pallet.as_bytes()), twox_128(item.as_bytes())].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dispatch::entry::{Items, PREFIX},
        types::{Interface, interface::Item},
    };
    use scale_info::PortableRegistry;

    const SENDS: Cause = Cause { sends: true, writes: false };

    fn pallet(name: &'static str, items: &[&'static str]) -> Pallet<'static> {
        let items = items.iter().map(|&name| Item { name, ..Item::default() }).collect();
        Pallet { name, items, ..Pallet::default() }
    }

    /// Returns whether a call explains an entry of a chain with these pallets: `Dmp.DownwardMessageQueueHeads`.
    fn explains(cause: Cause, pallets: &[(&'static str, &[&'static str])], item: &str) -> bool {
        let types = PortableRegistry { types: Vec::new() };
        let mut interface = Interface::empty(&types);
        interface.pallets = pallets.iter().map(|&(name, items)| pallet(name, items)).collect();
        let (name, own) = item.split_once('.').expect("a pallet and an item");
        let key = interface.pallet(name).expect("the pallet").key(own);
        let items = Items::of(&interface);
        cause.explains(item, &key, items.entry(&key).as_ref(), None)
    }

    fn part(path: &str) -> Part {
        Part { path: path.into(), types: Vec::new(), text: String::new(), number: None }
    }

    #[test]
    fn queues_follow_from_messages_and_nothing_else() {
        let dmp = ("Dmp", &["DownwardMessageQueueHeads", "DeliveryFeeFactor"][..]);
        let xcm = ("Messenger", &["VersionDiscoveryQueue", "Queries", "SafeXcmVersion", "XcmExecutionSuspended"][..]);
        let other = ("Oracle", &["Queries", "Pages", "HrmpChannels"][..]);
        let system = ("System", &["Events", "Account", "AuthorizedUpgrade"][..]);
        let all = [dmp, xcm, other, system];
        for item in ["Dmp.DownwardMessageQueueHeads", "Dmp.DeliveryFeeFactor", "Messenger.Queries", "System.Events"] {
            assert!(explains(SENDS, &all, item), "{item}");
        }
        // The twins: entries that say something themselves, and items of the same name elsewhere.
        for item in [
            "Messenger.SafeXcmVersion",
            "Messenger.XcmExecutionSuspended",
            "Oracle.Queries",
            "Oracle.Pages",
            "Oracle.HrmpChannels",
            "System.Account",
            "System.AuthorizedUpgrade",
        ] {
            assert!(!explains(SENDS, &all, item), "{item}");
        }
        // Without a message, the call is about the queue. So it may be if it writes by keys.
        let (alone, writes) = (Cause { sends: false, writes: false }, Cause { sends: true, writes: true });
        assert!(!explains(alone, &all, "Dmp.DownwardMessageQueueHeads") && explains(alone, &all, "System.Events"));
        assert!(!explains(writes, &all, "Dmp.DownwardMessageQueueHeads"));
        assert!(!explains(writes, &all, "System.Events"));
    }

    #[test]
    fn heads_of_parachains_are_what_a_call_is_about() {
        let paras = [("Paras", &["Heads", "MostRecentContext", "CurrentCodeHash"][..])];
        for item in ["Paras.Heads", "Paras.MostRecentContext", "Paras.CurrentCodeHash"] {
            assert!(!explains(SENDS, &paras, item), "{item}");
        }
    }

    #[test]
    fn a_channel_that_counts_its_messages_has_the_same_terms() {
        let counted = [part("msg_count"), part("total_size"), part("mqc_head")];
        assert!(counts_messages("HrmpChannels", &counted));
        // The twins.
        assert!(!counts_messages("HrmpChannels", &[part("msg_count"), part("max_capacity")]));
        assert!(!counts_messages("HrmpChannelRequests", &counted));
    }

    #[test]
    fn the_size_of_a_queue_is_known_by_its_key() {
        let size = hex::decode("f5207f03cfdce586301014700e2c2593fad157e461d71fd4c1f936839a5f1f3e").expect("hex");
        assert_eq!(size.len(), PREFIX);
        for key in [&[CAPACITY, &[1, 0, 0, 0]].concat(), &size] {
            assert!(SENDS.explains("", key, None, None), "{key:?}");
            assert!(!Cause { sends: false, writes: false }.explains("", key, None, None), "{key:?}");
        }
        assert!(!SENDS.explains(":code", b":code", None, None) && !SENDS.explains("", b":other", None, None));
    }

    #[test]
    fn what_somebody_must_judge_is_in_no_list() {
        let of_messages = OF_MESSAGES.iter().flat_map(|known| known.items.iter().copied()).chain([CHANNELS.0]);
        let names = OF_BLOCKS.iter().map(|item| format!("System.{item}"));
        for item in names.chain(of_messages.map(|item| format!("Pallet.{item}"))) {
            assert!(!control::is_about(&item), "{item}");
            assert!(!["Account", "TotalIssuance"].iter().any(|balance| item.ends_with(balance)), "{item}");
        }
    }
}
