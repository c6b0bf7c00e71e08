// SPDX-License-Identifier: Apache-2.0
//! What a parachain keeps of its old relay chain that stops no block, and that people must know.

use crate::messages::{Place, outbound};
use codec::Decode;
use fork::{Chain, Layout};
use std::collections::BTreeSet;
use worker::Result;

/// A channel, by the other parachain: `AbridgedHrmpChannel` of cumulus-primitives-core.
type Channel = (u32, (u32, u32, u32, u32, u32, Option<[u8; 32]>));

/// Returns in words what is left over. `number` is that of the new relay chain's last block.
pub fn of(layout: &Layout, chain: &Chain, number: u32) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (to, queue) in outbound::waiting(layout, chain)? {
        let parts = queue.parts.len();
        found.push(match to {
            Place::RelayChain => {
                format!("messages to the relay chain that wait to be sent: {parts}. The new one gets them")
            }
            Place::Parachain(_) => format!(
                "pages of messages to {to} that wait to be sent: {parts}. Whoever has this number on the new relay \
                 chain gets them, once a channel is open"
            ),
        });
    }
    let Some(system) = layout.parachain_system() else { return Ok(found) };
    let stored = |item: &str| chain.storage(&system.key(item));
    if let Some(code) = stored("PendingValidationCode")? {
        found.push(format!(
            "{}.PendingValidationCode: {} bytes of code that wait for the go-ahead of the old relay chain. The new one \
             never gives it, and the chain schedules no other code until they are removed",
            system.name,
            Vec::<u8>::decode(&mut &code[..]).map_or(code.len(), |code| code.len())
        ));
    }
    let channels = channels(&stored("RelevantMessagingState")?.unwrap_or_default());
    if !channels.is_empty() {
        let ids: Vec<_> = channels.iter().map(u32::to_string).collect();
        found.push(format!(
            "channels of the old relay chain, with parachains {}: nothing goes to or from them until channels are open \
             on the new one",
            ids.join(", ")
        ));
    }
    let last = stored("LastRelayChainBlockNumber")?.and_then(|last| u32::decode(&mut &last[..]).ok());
    if let Some(last) = last.filter(|last| *last > number) {
        found.push(format!(
            "relay blocks have lower numbers: {last} was the last one, and the new relay chain is at {number}. What \
             the chain stores as a relay block's number comes due that much later. The metadata does not tell which \
             pallets store any"
        ));
    }
    Ok(found)
}

/// Returns the parachains with a channel to or from this one.
fn channels(state: &[u8]) -> BTreeSet<u32> {
    // `MessagingStateSnapshot`: the head of the downward queue, two numbers of the upward queue, then the channels.
    let decoded = <([u8; 32], (u32, u32), Vec<Channel>, Vec<Channel>)>::decode(&mut &state[..]);
    let (ingress, egress) = decoded.map_or_else(|_| Default::default(), |(_, _, ingress, egress)| (ingress, egress));
    ingress.into_iter().chain(egress).map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;

    #[test]
    fn channels_of_both_directions_are_found_once() {
        let channel = |id: u32| (id, (8u32, 1_024u32, 1_024u32, 0u32, 0u32, Some([1u8; 32])));
        let state = ([0u8; 32], (1u32, 2u32), vec![channel(1_000), channel(1_002)], vec![channel(1_000)]).encode();
        assert_eq!(channels(&state), BTreeSet::from([1_000, 1_002]));
        assert_eq!(channels(&[]), BTreeSet::new());
        assert_eq!(channels(&state[..50]), BTreeSet::new());
    }
}
