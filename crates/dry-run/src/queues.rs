// SPDX-License-Identifier: Apache-2.0
//! The messages that wait in the queues of a network.
//!
//! A message may wait for a moment: the chains send some by themselves. So a queue is measured by the fewest messages that
//! wait in it during some relay blocks, in which nobody ssites anything. A queue that is longer after the upgrade is
//! compared with a twin of the network, which took as many relay blocks under the present code.

use crate::{
    journeys::{Site, chain_at},
    messages::{Place, outbound},
    relay_chain::not_reached,
    types::read,
};
use artifact::pace::counted;
use codec::Decode;
use fork::sample;
use network::{Network, ParaId, Parachain, relay_upgrade, upgrade::not_of_the_parachain};
use protocol::{CheckOutcome, Finding, Rank};
use std::collections::BTreeMap;
use worker::{Failure, Kind, Reporter, Result};

/// The relay blocks in which queues are measured, at least.
const BLOCKS: u32 = 4;
/// The candidates of each parachain that are included meanwhile, at least.
const INCLUDED: u32 = 2;
/// The most relay blocks that are waited for that.
const MOST_BLOCKS: u32 = 40;
/// The most queues of one chain that are read.
const MOST_QUEUES: usize = 4_096;

/// A queue: which messages wait in it, and on which chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    /// To be taken into a block of the receiver.
    Delivery { from: Place, to: Place },
    /// To be executed on the chain that they came to. Chains name the origins of their queues themselves.
    Execution { at: Place, origin: String },
    /// To be sent.
    Sending { from: Place, to: Place },
}

type Lengths = BTreeMap<Queue, u64>;

/// The queues before an upgrade.
pub struct Before<'a> {
    network: Network<'a>,
    lengths: Lengths,
}

/// A queue that is longer after the upgrade.
struct Grown {
    queue: Queue,
    before: u64,
    after: u64,
    /// After as many relay blocks under the present code.
    control: u64,
}

/// The queues after an upgrade.
pub struct Comparison {
    queues: usize,
    blocks: u32,
    grown: Vec<Grown>,
}

/// Measures the queues before an upgrade.
pub fn before<'a>(network: &Network<'a>, sites: &[Site<'_>]) -> Result<Result<Before<'a>>> {
    let lengths = kept(lengths(network, sites).map_err(not_of_the_parachain))?;
    Ok(lengths.map(|lengths| Before { network: network.twin(), lengths }))
}

/// Measures the queues after it, and where that is needed those of the network without the upgrade. `present` are the
/// chains with their present runtimes, and `sites` with those that they have now.
pub fn after(
    before: Result<Before<'_>>,
    network: &Network<'_>,
    present: &[Site<'_>],
    sites: &[Site<'_>],
    reporter: &Reporter,
) -> Result<Result<Comparison>> {
    reporter.status("measuring the queues of messages");
    match before {
        Ok(before) => kept(before.compare(network, present, sites, reporter)),
        Err(failure) => Ok(Err(failure)),
    }
}

/// Judges the queues. There is no measurement if an earlier step of the upgrade was not taken.
pub fn judge(measured: Option<&Result<Comparison>>) -> CheckOutcome {
    match measured {
        None => not_reached(),
        Some(Err(failure)) if failure.kind == Kind::Check => CheckOutcome::fail(failure.to_string()),
        Some(Err(failure)) => CheckOutcome::not_judged(failure.to_string()),
        Some(Ok(comparison)) => comparison.judge(),
    }
}

/// Keeps what says something about the chains, to be judged.
fn kept<T>(measured: Result<T>) -> Result<Result<T>> {
    match measured {
        Err(failure) if failure.is_verdict() => Ok(Err(failure)),
        measured => measured.map(Ok),
    }
}

impl Before<'_> {
    fn compare(
        &self,
        network: &Network<'_>,
        present: &[Site<'_>],
        sites: &[Site<'_>],
        reporter: &Reporter,
    ) -> Result<Comparison> {
        let after = lengths(network, sites)?;
        let blocks = network.relay.chain().number().saturating_sub(self.network.relay.chain().number());
        let is_longer = |(queue, length): &(&Queue, &u64)| **length > self.lengths.get(*queue).copied().unwrap_or(0);
        let longer: Vec<_> = after.iter().filter(is_longer).collect();
        let mut control = Lengths::new();
        if !longer.is_empty() {
            let mut twin = self.network.twin();
            let paras: Vec<_> = network.parachains.iter().map(Parachain::id).collect();
            twin.parachains.retain(|parachain| paras.contains(&parachain.id()));
            if !relay_upgrade::catch_up(&mut twin, network, &paras, reporter).map_err(not_of_the_parachain)? {
                return Err(Failure::not_judged("no session ends under the present code either"));
            }
            let of_twin: Vec<_> = present.iter().copied().filter(|site| is_in(&twin, site.place)).collect();
            control = lengths(&twin, &of_twin).map_err(not_of_the_parachain)?;
        }
        let of = |lengths: &Lengths, queue: &Queue| lengths.get(queue).copied().unwrap_or(0);
        let grown = longer.into_iter().map(|(queue, length)| Grown {
            queue: queue.clone(),
            before: of(&self.lengths, queue),
            after: *length,
            control: of(&control, queue),
        });
        let grown = grown.collect();
        let queues = after.keys().chain(self.lengths.keys()).collect::<std::collections::BTreeSet<_>>().len();
        Ok(Comparison { queues, blocks, grown })
    }
}

impl Comparison {
    fn judge(&self) -> CheckOutcome {
        let blocks = counted(self.blocks.into(), "relay block");
        let findings = self.grown.iter().map(|Grown { queue, before, after, control }| {
            let told = format!("{queue}: {after} after {blocks}, {before} before");
            // Where it grows without the upgrade too, one message more or less depends on the time.
            match control.saturating_sub(*before).saturating_mul(2) >= after.saturating_sub(*before) {
                true => Finding::note(format!("{told}; {control} under the present code")),
                false => Finding::seen(format!("{told}; {control} under the present code in as many relay blocks")),
            }
        });
        let findings: Vec<_> = findings.collect();
        let piled = findings.iter().filter(|finding| finding.rank == Rank::Seen).count();
        let detail = match (piled, self.queues) {
            (0, 0) => "no message waits".to_owned(),
            (0, queues) => format!("nothing piles up in {}", counted(queues as u128, "queue")),
            (piled, _) => format!("messages pile up in {}", counted(piled as u128, "queue")),
        };
        CheckOutcome::judged(detail, findings)
    }
}

fn is_in(network: &Network<'_>, place: Place) -> bool {
    chain_at(network, place).is_ok()
}

/// Returns the fewest messages that wait in each queue during some relay blocks. Queues that are empty once are left out.
fn lengths(network: &Network<'_>, sites: &[Site<'_>]) -> Result<Lengths> {
    let mut twin = network.twin();
    let mut fewest = now(&twin, sites)?;
    let mut included: BTreeMap<ParaId, u32> = twin.parachains.iter().map(|parachain| (parachain.id(), 0)).collect();
    for block in 0..MOST_BLOCKS {
        // A parachain takes messages when it is included, and the relay chain its messages.
        if block >= BLOCKS && included.values().all(|count| *count >= INCLUDED) {
            return Ok(fewest);
        }
        let round = twin.advance(|_| true)?;
        for (para, count) in &mut included {
            *count += u32::from(round.block.includes(*para));
        }
        let lengths = now(&twin, sites)?;
        fewest = fewest
            .into_iter()
            .filter_map(|(queue, length)| Some((queue.clone(), length.min(*lengths.get(&queue)?))))
            .collect();
    }
    Err(Failure::not_judged("too few candidates are included to measure the queues of messages")
        .found(format!("fewer than {INCLUDED} of a parachain in {MOST_BLOCKS} relay blocks")))
}

/// Returns how many messages wait in each queue that is not empty.
fn now(network: &Network<'_>, sites: &[Site<'_>]) -> Result<Lengths> {
    let mut lengths = Lengths::new();
    for site in sites {
        let chain = chain_at(network, site.place)?;
        if let Place::Parachain(id) = site.place {
            let waiting = network.relay.waiting_for(ParaId::from(id))?;
            let senders = waiting.sideways.into_iter().map(|(sender, count)| (Place::Parachain(sender.into()), count));
            for (from, count) in std::iter::once((Place::RelayChain, waiting.downward)).chain(senders) {
                lengths.insert(Queue::Delivery { from, to: site.place }, count);
            }
            for (to, queue) in outbound::waiting(&site.runtime.layout, chain)? {
                lengths.insert(Queue::Sending { from: site.place, to }, queue.parts.len() as u64);
            }
        }
        let Some(pallet) = site.runtime.layout.pallet_with(&["BookStateFor", "ServiceHead"], None) else { continue };
        let interface = site
            .runtime
            .interface()
            .ok_or_else(|| Failure::not_judged(format!("the metadata of {} describes no types", site.place)))?;
        let item = interface.pallet(&pallet.name).and_then(|pallet| pallet.item("BookStateFor"));
        let Some(value) = item.map(|item| item.value) else { continue };
        let prefix = pallet.key("BookStateFor");
        let (books, _) = sample::entries(chain, &prefix, MOST_QUEUES)?;
        for (key, book) in books {
            // `Twox64Concat` in front of the origin.
            let origin = hex::encode_prefixed(key.get(prefix.len() + 8..).unwrap_or_default());
            let leaves = read::leaves(interface.types, value, &book).unwrap_or_default();
            let count = leaves.iter().find(|(path, ..)| path == "message_count");
            let count = count.and_then(|(_, _, bytes)| u64::decode(&mut &bytes[..]).ok()).ok_or_else(|| {
                Failure::not_judged(format!("a queue of {} cannot be read", site.place))
                    .found(format!("{}.BookStateFor without a message_count", pallet.name))
            })?;
            lengths.insert(Queue::Execution { at: site.place, origin }, count);
        }
    }
    lengths.retain(|_, length| *length > 0);
    Ok(lengths)
}

impl std::fmt::Display for Queue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Delivery { from, to } => write!(out, "messages from {from} that {to} has not taken"),
            Self::Execution { at, origin } => {
                write!(out, "messages that {at} has not executed, from the origin {origin}")
            }
            Self::Sending { from, to } => write!(out, "messages to {to} that {from} has not sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn judged(before: u64, after: u64, control: u64) -> CheckOutcome {
        let queue = Queue::Delivery { from: Place::RelayChain, to: Place::Parachain(7) };
        let grown = vec![Grown { queue, before, after, control }];
        Comparison { queues: 3, blocks: 40, grown }.judge()
    }

    #[test]
    fn a_queue_that_grows_under_the_present_code_too_is_no_fault_of_the_upgrade() {
        assert_eq!(judged(1, 9, 9).status, Status::Pass);
        assert_eq!(judged(1, 9, 12).status, Status::Pass);
        let outcome = judged(1, 9, 2);
        assert_eq!((outcome.status, outcome.detail.as_str()), (Status::Fail, "messages pile up in 1 queue"));
        assert_eq!(
            outcome.findings[0].text,
            "messages from the relay chain that parachain 7 has not taken: 9 after 40 relay blocks, 1 before; 2 under \
             the present code in as many relay blocks"
        );
    }

    #[test]
    fn what_could_not_be_measured_is_not_judged() {
        let measured = |outcome| judge(Some(&outcome)).status;
        assert_eq!(judge(None).status, Status::NotJudged);
        assert_eq!(measured(Err(Failure::not_judged("a form"))), Status::NotJudged);
        assert_eq!(measured(Err(Failure::check("a trap"))), Status::Fail);
        let comparison = Comparison { queues: 0, blocks: 1, grown: Vec::new() };
        assert_eq!(judge(Some(&Ok(comparison))).detail, "no message waits");
    }
}
