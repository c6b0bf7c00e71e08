// SPDX-License-Identifier: Apache-2.0
//! The messages that wait in the queues of a network.
//!
//! A message may wait for a moment: the chains send some by themselves. So a queue is measured by the fewest messages that
//! wait in it during some relay blocks, in which nobody sends anything. A queue that is longer after the upgrade is
//! compared with a twin of the network, which took as many relay blocks under the present code.

use crate::{
    messages::{Place, outbound},
    outcome::kept,
    relay_chain::not_reached,
    sites::{Earlier, Site},
    types::read,
};
use artifact::pace::counted;
use codec::Decode;
use fork::sample;
use network::{Network, ParaId, upgrade::not_of_the_parachain};
use protocol::{CheckOutcome, Finding, Rank};
use std::collections::{BTreeMap, BTreeSet};
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
pub enum Queue {
    /// To be taken into a block of the receiver.
    Delivery { from: Place, to: Place },
    /// To be executed on the chain that they came to. Chains name the origins of their queues themselves.
    Execution { at: Place, origin: String },
    /// To be sent.
    Sending { from: Place, to: Place },
}

/// The messages that wait in each queue that is not empty.
pub type Lengths = BTreeMap<Queue, u64>;

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
pub fn before(network: &Network<'_>, sites: &[Site<'_>]) -> Result<Result<Lengths>> {
    kept(lengths(network, sites).map_err(not_of_the_parachain))
}

/// Measures the queues after it, and where one is longer those of the network without the upgrade.
pub fn after(
    before: Result<Lengths>,
    network: &Network<'_>,
    sites: &[Site<'_>],
    earlier: Earlier<'_, '_>,
    reporter: &Reporter,
) -> Result<Result<Comparison>> {
    reporter.status("measuring the queues of messages");
    match before {
        Ok(before) => kept(compare(&before, network, sites, earlier, reporter)),
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

fn compare(
    before: &Lengths,
    network: &Network<'_>,
    sites: &[Site<'_>],
    earlier: Earlier<'_, '_>,
    reporter: &Reporter,
) -> Result<Comparison> {
    let after = lengths(network, sites)?;
    let blocks = network.relay.chain().number().saturating_sub(earlier.network.relay.chain().number());
    let of = |lengths: &Lengths, queue: &Queue| lengths.get(queue).copied().unwrap_or(0);
    let longer: Vec<_> = after.iter().filter(|(queue, length)| **length > of(before, queue)).collect();
    let control = match longer.is_empty() {
        true => Lengths::new(),
        false => {
            let (control, sites) = earlier.at(network, reporter)?;
            lengths(&control, &sites).map_err(not_of_the_parachain)?
        }
    };
    let grown = longer.into_iter().map(|(queue, length)| Grown {
        queue: queue.clone(),
        before: of(before, queue),
        after: *length,
        control: of(&control, queue),
    });
    let grown = grown.collect();
    let queues = after.keys().chain(before.keys()).collect::<BTreeSet<_>>().len();
    Ok(Comparison { queues, blocks, grown })
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
        let chain = site.chain(network)?;
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
        let interface = site.interface()?;
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
