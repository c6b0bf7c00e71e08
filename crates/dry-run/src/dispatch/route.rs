// SPDX-License-Identifier: Apache-2.0
//! How a call gets into a block without votes and signatures: as a task of the chain's scheduler, or by Sudo.

use super::{
    call::remark,
    origin::Origin,
    stage::{Member, Stage},
};
use crate::{
    transaction::{Sender, funds},
    types::Interface,
};
use artifact::hashes::blake2_256;
use codec::{Decode, Encode};
use fork::{BlockRequest, Chain, Executor, keys};
use frame_metadata::v14::StorageHasher;
use network::{
    schedule::{self, Changes, Task},
    upgrade::not_of_the_parachain,
};
use worker::{Failure, Result};

/// How calls are dispatched on a chain.
pub enum Route {
    /// By a task of its scheduler for this block.
    Scheduler {
        block: u32,
        /// Whether the scheduler counts blocks of the relay chain. It is then told to look at past ones.
        by_relay: bool,
    },
    /// By a transaction of an account of the fork that has become the key of Sudo. The chain has no scheduler.
    Sudo { sudo: [u8; 2] },
}

/// A call that the next block dispatches.
pub enum Dispatch {
    /// The task of the scheduler with this block and this index.
    Task(u32, u32),
    /// The encoded transaction.
    Transaction(Vec<u8>),
}

impl Route {
    /// Finds how the chain dispatches calls.
    ///
    /// # Errors
    ///
    /// A chain with neither a scheduler nor Sudo is not judged.
    pub fn of<'a>(stage: &Stage<'a>, member: &Member, executor: &'a Executor) -> Result<Self> {
        let interface = member.interface()?;
        let chain = stage.chain(member)?;
        let agenda = interface.pallet("Scheduler").and_then(|pallet| pallet.item("Agenda"));
        // By numbers of 32 bits.
        if agenda.is_some_and(|item| item.hashers == [StorageHasher::Twox64Concat]) && chain.number_width()? == 4 {
            return by_scheduler(stage, member, &interface, executor);
        }
        let sudo = interface.pallet("Sudo").filter(|pallet| pallet.item("Key").is_some());
        let call = sudo.and_then(|pallet| {
            let call = interface.calls(pallet).iter().find(|call| call.name == "sudo")?;
            Some([pallet.index, call.index])
        });
        call.map(|sudo| Self::Sudo { sudo }).ok_or_else(|| {
            Failure::not_judged(format!("nothing of {} is known here that dispatches a call", member.name))
                .expected("the pallet Scheduler or Sudo")
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Scheduler { .. } => "scheduler",
            Self::Sudo { .. } => "sudo",
        }
    }

    /// Returns what this does to the chain that nobody does to a live one.
    pub fn note(&self, member: &Member) -> String {
        let chain = &member.name;
        match self {
            Self::Scheduler { block, .. } => {
                format!("the call was put into the agenda of the scheduler of {chain}, as a task for block {block}")
            }
            Self::Sudo { .. } => {
                format!(
                    "{chain} has no scheduler: the key of Sudo was replaced by that of an account of the fork, with funds"
                )
            }
        }
    }

    /// Makes the next block of the chain dispatch a call. Without one, only what is the same for every call is done.
    /// Returns the keys that were written for the call alone.
    pub fn put(
        &self,
        stage: &mut Stage<'_>,
        member: &Member,
        call: Option<(&[u8], &Origin)>,
    ) -> Result<(Vec<Vec<u8>>, Option<Dispatch>)> {
        let interface = member.interface()?;
        match self {
            Self::Scheduler { block, by_relay } => {
                let chain = stage.chain(member)?;
                let (changes, index) = task(chain, &interface, *block, *by_relay, call)?;
                let mut own: Vec<_> =
                    changes.iter().map(|(key, _)| key.clone()).filter(|key| *key != incomplete_since()).collect();
                // The scheduler gives the preimage of the call back when it has run.
                let hash = call.map(|(call, _)| blake2_256(call)).unwrap_or_default();
                own.extend(
                    ["StatusFor", "RequestStatusFor"]
                        .map(|item| [keys::item("Preimage", item), hash.to_vec()].concat()),
                );
                stage.set(member, changes)?;
                Ok((own, call.map(|_| Dispatch::Task(*block, index))))
            }
            Self::Sudo { sudo } => {
                let unknown = || {
                    Failure::not_judged(format!("transactions of {} have a form that is not known here", member.name))
                        .found("an account, a signature or an extension that a wallet does not make")
                };
                let sender = Sender::new(0);
                let chain = stage.chain(member)?.clone();
                let (account, info) = funds(&interface, &chain, sender.account())?.ok_or_else(unknown)?;
                let key = keys::item("Sudo", "Key");
                let present = chain.storage(&key)?;
                stage.set(member, vec![(account, Some(info.clone())), (key, Some(sender.account().to_vec()))])?;
                let Some((call, origin)) = call else { return Ok((Vec::new(), None)) };
                let sent = match origin {
                    Origin::Root => [&sudo[..], call].concat(),
                    // The account of the fork is the key of Sudo now, and nothing else of what that account is.
                    Origin::Signed(account) if present.as_ref() == Some(account) && call.first() == sudo.first() => {
                        call.to_vec()
                    }
                    Origin::Signed(_) | Origin::Named(..) => {
                        return Err(Failure::not_judged(format!("{origin} dispatches no call on {}", member.name))
                            .found("a chain without a scheduler")
                            .expected("root, or the key of Sudo with a call of that pallet"));
                    }
                };
                let genesis = chain.genesis_hash()?.ok_or_else(unknown)?;
                let version = stage.version(member)?;
                let transaction =
                    sender.transaction(&interface, (genesis, &version), &info, &sent).ok_or_else(unknown)?;
                stage.offer(member, vec![transaction.clone()])?;
                Ok((Vec::new(), Some(Dispatch::Transaction(transaction))))
            }
        }
    }
}

fn incomplete_since() -> Vec<u8> {
    keys::item("Scheduler", "IncompleteSince")
}

/// Returns the changes of the state that make the scheduler dispatch a call for `block`, and the index of its task.
fn task(
    chain: &Chain,
    interface: &Interface<'_>,
    block: u32,
    by_relay: bool,
    call: Option<(&[u8], &Origin)>,
) -> Result<(Changes, u32)> {
    let (mut changes, mut index) = (Changes::new(), 0);
    if let Some((call, origin)) = call {
        let encoded = origin.encoded(interface)?;
        (changes, index) = schedule::appended(chain, block, Task { call, origin: &encoded })?;
        // An agenda that is longer than that does not decode, and all its tasks are lost.
        let constants = interface.pallet("Scheduler").map(|pallet| &pallet.constants);
        let most = constants.and_then(|all| all.iter().find(|it| it.name == "MaxScheduledPerBlock"));
        let most = most.and_then(|most| u32::decode(&mut &most.value[..]).ok());
        if most.is_some_and(|most| index >= most) {
            return Err(Failure::not_judged("the agenda of the next block is full").found(format!("{index} tasks")));
        }
    }
    if by_relay {
        changes.push((incomplete_since(), Some(block.encode())));
    }
    Ok((changes, index))
}

/// Finds the block for which the scheduler dispatches a task next. On a parachain it may count its own blocks or those of
/// the relay chain, which only a trial tells.
fn by_scheduler<'a>(
    stage: &Stage<'a>,
    member: &Member,
    interface: &Interface<'_>,
    executor: &'a Executor,
) -> Result<Route> {
    let chain = stage.chain(member)?;
    let next = chain.number().saturating_add(1);
    if member.runtime.layout.parachain_system().is_none() {
        return Ok(Route::Scheduler { block: next, by_relay: false });
    }
    let number = |pallet, item| -> Result<Option<u32>> {
        Ok(chain.storage(&keys::item(pallet, item))?.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()))
    };
    let relay = number("ParachainSystem", "LastRelayChainBlockNumber")?;
    // What the scheduler has not done yet it does first.
    let since = number("Scheduler", "IncompleteSince")?;
    let since = relay.map(|relay| since.map_or(relay, |since| since.min(relay)));
    let ways = [Some((next, false)), since.map(|since| (since, true))];
    let remark = remark(interface).ok_or_else(|| Failure::not_judged("the chain has no call System.remark"))?;
    for (block, by_relay) in ways.into_iter().flatten() {
        let mut trial = chain.clone();
        trial.set(task(&trial, interface, block, by_relay, Some((&remark, &Origin::Root)))?.0)?;
        let waiting = trial.storage(&schedule::agenda(block))?;
        stage.author(executor).build(&mut trial, BlockRequest::default()).map_err(not_of_the_parachain)?;
        if trial.storage(&schedule::agenda(block))? != waiting {
            return Ok(Route::Scheduler { block, by_relay });
        }
    }
    Err(Failure::not_judged(format!("the scheduler of {} dispatches no task in the next block", member.name))
        .found("the task stays in its agenda"))
}
