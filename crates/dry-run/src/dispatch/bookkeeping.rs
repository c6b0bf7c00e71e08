// SPDX-License-Identifier: Apache-2.0
//! Entries that follow from other changes: a message that is sent changes queues, counters and heads on both sides.

/// Storage items of the pallet System that each block writes.
const OF_BLOCKS: [&str; 9] = [
    "System.Events",
    "System.EventCount",
    "System.EventTopics",
    "System.Digest",
    "System.BlockHash",
    "System.ParentHash",
    "System.BlockWeight",
    "System.BlockSize",
    "System.ExtrinsicData",
];
/// Storage items of queues of messages, by their names in the SDK: pallets have other names on some chains.
const OF_MESSAGES: [&str; 24] = [
    // polkadot-runtime-parachains, `dmp`
    "DownwardMessageQueues",
    "DownwardMessageQueueHeads",
    "DownwardMessageQueueMeta",
    "DownwardMessageQueuePages",
    "DownwardMessageQueueLazyDelete",
    "DeliveryFeeFactor",
    // polkadot-runtime-parachains, `paras`: each candidate changes them
    "Heads",
    "MostRecentContext",
    // pallet-message-queue
    "BookStateFor",
    "ServiceHead",
    "Pages",
    // cumulus-pallet-parachain-system
    "LastDmqMqcHead",
    "LastHrmpMqcHeads",
    "ProcessedDownwardMessages",
    "PendingUpwardMessages",
    "UpwardMessages",
    "UpwardDeliveryFeeFactor",
    "HrmpWatermark",
    "HrmpOutboundMessages",
    // cumulus-pallet-xcmp-queue
    "OutboundXcmpStatus",
    "OutboundXcmpMessages",
    // pallet-xcm: which version of XCM others speak
    "SupportedVersion",
    "VersionDiscoveryQueue",
    "VersionNotifyTargets",
];
/// The counter of queries of pallet-xcm, and the queries themselves.
const QUERIES: [&str; 3] = ["QueryCounter", "Queries", "VersionNotifiers"];

/// Returns whether entries of a storage item only follow from other changes: `Dmp.DownwardMessageQueueHeads`.
pub fn is_about(item: &str) -> bool {
    let name = item.rsplit('.').next().unwrap_or(item);
    OF_BLOCKS.contains(&item) || OF_MESSAGES.contains(&name) || QUERIES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::control;

    #[test]
    fn what_somebody_must_judge_is_no_bookkeeping() {
        for item in ["Dmp.DownwardMessageQueueHeads", "System.Events", "PolkadotXcm.QueryCounter"] {
            assert!(is_about(item), "{item}");
        }
        for item in ["System.Account", "Balances.TotalIssuance", "Hrmp.HrmpChannels", ":code", "Scheduler.Agenda"] {
            assert!(!is_about(item), "{item}");
        }
        let names = OF_BLOCKS.iter().map(|item| (*item).to_owned());
        for item in names.chain(OF_MESSAGES.iter().chain(&QUERIES).map(|name| format!("Pallet.{name}"))) {
            assert!(!control::is_about(&item), "{item}");
        }
    }
}
