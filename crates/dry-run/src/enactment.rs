// SPDX-License-Identifier: Apache-2.0
//! Puts the new code in place the way the chain itself would.
//!
//! `system.apply_authorized_upgrade` may be sent by anyone once the upgrade is authorized. So the authorization is
//! written into the fork's state, the extrinsic goes into a block of the old code, and a parachain then gets its relay
//! chain's go-ahead. The chain's own code checks names, versions and limits on the way.

use crate::{block::records, timed_block::TimedBlock, types::Interface};
use codec::{Compact, Encode};
use fork::{Author, BlockRequest, Chain, Code, Layout, Signal, block, runtime_log::RuntimeLog};
use protocol::{CheckOutcome, dry_run::Phase};
use worker::{Code as Failed, Failure, Kind, Reporter, Result};

/// The most blocks between the extrinsic and the new code. A go-ahead and a delay of two blocks
/// were seen on chains.
const MOST_BLOCKS: u32 = 8;

pub struct Enacted {
    /// The chain whose next block is the first of the new code.
    pub chain: Chain,
    pub blocks: Vec<TimedBlock>,
    pub outcome: CheckOutcome,
    /// Whether the chain applied the code by its own rules. Otherwise `:code` was replaced in the
    /// state.
    pub by_the_chain: bool,
}

/// Why a chain does not run a code that was authorized.
#[derive(Debug)]
pub enum Obstacle {
    /// The runtime has no call that applies an authorized upgrade. Such a chain takes code by other
    /// calls.
    OlderThanTheCall(Failure),
    /// The chain refuses the code, or its present runtime cannot build the blocks of the upgrade.
    Refused(Failure),
    /// The tool cannot author its blocks.
    NotJudged(Failure),
}

impl Obstacle {
    pub fn failure(&self) -> &Failure {
        match self {
            Self::OlderThanTheCall(failure) | Self::Refused(failure) | Self::NotJudged(failure) => failure,
        }
    }

    /// Returns the obstacle of a failure. A failure that is not about the chain is an error of the
    /// run.
    fn of(failure: Failure) -> Result<Self> {
        match failure.kind {
            Kind::Check => Ok(Self::Refused(failure)),
            Kind::NotJudged => Ok(Self::NotJudged(failure)),
            _ => Err(failure),
        }
    }
}

pub fn enact(chain: &Chain, author: &mut Author<'_>, code: &Code, reporter: &Reporter) -> Result<Enacted> {
    reporter.status("applying the upgrade as the chain would");
    let obstacle = match apply(chain, author, code, Versions::MustRise)? {
        Ok(Applied { chain, blocks, detail }) => {
            return Ok(Enacted { chain, blocks, outcome: CheckOutcome::pass(detail), by_the_chain: true });
        }
        Err(obstacle) => obstacle,
    };
    // The new code is still worth a rehearsal: it is put into the state by hand.
    let mut replaced = chain.clone();
    replaced.set(vec![(sp_core::storage::well_known_keys::CODE.to_vec(), Some(code.bytes().to_vec()))])?;
    Ok(Enacted {
        chain: replaced,
        blocks: Vec::new(),
        outcome: judged(&obstacle, author.executor().log()),
        by_the_chain: false,
    })
}

/// Returns the outcome of an upgrade that the chain did not apply. Only a chain that is older than
/// the call is helped by hand, which is a hazard.
fn judged(obstacle: &Obstacle, log: &RuntimeLog) -> CheckOutcome {
    let detail = format!("{}; the checks below ran with :code replaced in the state", obstacle.failure());
    let findings = crate::outcome::errors_logged(log);
    match obstacle {
        Obstacle::OlderThanTheCall(_) => CheckOutcome::warn(detail),
        Obstacle::Refused(_) => CheckOutcome::fail(detail),
        Obstacle::NotJudged(_) => CheckOutcome::not_judged(detail),
    }
    .with(findings)
}

/// Whether the chain compares spec_name and spec_version before it takes the code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    MustRise,
    /// As `system.authorize_upgrade_without_checks` does.
    Unchecked,
}

/// The chain after the block in which its own rules put the code in place.
pub struct Applied {
    pub chain: Chain,
    pub blocks: Vec<TimedBlock>,
    pub detail: String,
}

/// Applies an authorized upgrade by the rules of the chain, or returns the obstacle.
pub fn apply(
    chain: &Chain,
    author: &mut Author<'_>,
    code: &Code,
    versions: Versions,
) -> Result<std::result::Result<Applied, Obstacle>> {
    match attempt(chain, author, code, versions) {
        Ok(applied) => Ok(Ok(applied)),
        Err(failure) if failure.is(Failed::OlderThanTheCall) => Ok(Err(Obstacle::OlderThanTheCall(failure))),
        Err(failure) => Obstacle::of(failure).map(Err),
    }
}

fn attempt(chain: &Chain, author: &mut Author<'_>, code: &Code, versions: Versions) -> Result<Applied> {
    if chain.next_code()? == *code {
        return Err(refused().found("the very code that the chain runs").expected("a higher spec_version"));
    }
    let layout = author.layout(chain)?.clone();
    let system = layout.pallet("System").ok_or_else(|| Failure::check("the chain's runtime has no System pallet"))?;
    let scheduled = layout.parachain_system().map(|pallet| pallet.key("PendingValidationCode"));
    let (Some(call), true) = (system.call("apply_authorized_upgrade"), system.has_item("AuthorizedUpgrade")) else {
        return Err(older());
    };
    if let Some(key) = scheduled.as_ref()
        && is_pending(chain, key)?
    {
        return Err(refused()
            .found("an upgrade that is pending already: PendingValidationCode is set")
            .expected("none, or OverlappingUpgrades refuses this one")
            .hint("rehearse it on a block after the pending one took effect"));
    }
    let authorized = system.key("AuthorizedUpgrade");

    let mut chain = chain.clone();
    let application = Application::of(call, authorized.clone(), code, versions);
    chain.set(vec![application.authorization])?;
    let extrinsics = vec![application.extrinsic];
    let mut blocks = vec![build(&mut chain, author, BlockRequest { extrinsics, ..Default::default() })?];
    let said = upgrade_events(&layout, &chain)?;

    for _ in 0..MOST_BLOCKS {
        if chain.next_code()? == *code {
            if scheduled.is_some() && blocks.len() == 1 {
                return Err(unasked("in the block that applies the authorized upgrade"));
            }
            let numbers =
                (blocks.first().map_or(0, |block| block.number), blocks.last().map_or(0, |block| block.number));
            let by = if scheduled.is_some() { ", the relay chain's go-ahead included" } else { "" };
            let detail = match numbers {
                (first, last) if first == last => format!("system.apply_authorized_upgrade in block {first}{by}"),
                (first, last) => format!("system.apply_authorized_upgrade in blocks {first} to {last}{by}"),
            };
            return Ok(Applied { chain, blocks, detail });
        }
        let pending = match &scheduled {
            Some(key) => is_pending(&chain, key)?,
            None => false,
        };
        if !pending && blocks.len() == 1 && (scheduled.is_some() || chain.storage(&authorized)?.is_none()) {
            let expected = match scheduled {
                Some(_) => "the same spec_name, a higher spec_version and a code within the relay chain's limit",
                None => "the same spec_name and a higher spec_version",
            };
            return Err(refused().found(said).expected(expected));
        }
        if let Some(key) = scheduled.as_ref().filter(|_| pending) {
            waits_for_its_relay_chain(&chain, author, code, key)?;
        }
        let signal = pending.then_some(Signal::GoAhead);
        blocks.push(build(&mut chain, author, BlockRequest { signal, ..Default::default() })?);
    }
    Err(Failure::check("the new code did not take effect")
        .found(format!("another :code {MOST_BLOCKS} blocks after system.apply_authorized_upgrade, which left {said}"))
        .expected("the new code"))
}

/// What applies an authorized upgrade: the authorization in the state, and the extrinsic that anyone may send.
pub struct Application {
    pub authorization: (Vec<u8>, Option<Vec<u8>>),
    pub extrinsic: Vec<u8>,
}

impl Application {
    fn of(call: [u8; 2], key: Vec<u8>, code: &Code, versions: Versions) -> Self {
        // `CodeUpgradeAuthorization { code_hash, check_version }` of frame-system.
        let authorization = (sp_core::H256::from_slice(code.hash()), versions == Versions::MustRise).encode();
        let extrinsic = block::bare_extrinsic(&(call, Compact(code.bytes().len() as u32), Raw(code.bytes())).encode());
        Self { authorization: (key, Some(authorization)), extrinsic }
    }
}

/// Returns what applies the upgrade on a chain.
pub fn application(author: &mut Author<'_>, chain: &Chain, code: &Code) -> Result<Application> {
    let system = author.layout(chain)?.pallet("System");
    let (call, key) = system
        .and_then(|system| Some((system.call("apply_authorized_upgrade")?, system.key("AuthorizedUpgrade"))))
        .ok_or_else(older)?;
    Ok(Application::of(call, key, code, Versions::MustRise))
}

fn older() -> Failure {
    Failure::check("the chain's runtime is older than system.apply_authorized_upgrade").code(Failed::OlderThanTheCall)
}

fn refused() -> Failure {
    Failure::check("the chain does not take the code")
}

/// Returns what the events of the last block report of the upgrade: the error of a failed call, or
/// the state of the authorization.
fn upgrade_events(layout: &Layout, chain: &Chain) -> Result<String> {
    let interface = layout.metadata.as_deref().and_then(Interface::of);
    let records = match &interface {
        Some(interface) => records::of(chain, interface)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let told: Vec<_> = records
        .iter()
        .filter(|record| record.error.is_some() || record.name.contains("Upgrade"))
        .map(|record| match &record.error {
            Some(error) => format!("{}.{} ({error})", record.pallet, record.name),
            None => format!("{}.{}", record.pallet, record.name),
        })
        .collect();
    Ok(if told.is_empty() { "no event of an upgrade".into() } else { told.join(", ") })
}

/// Checks that a parachain changes its code only with the go-ahead of its relay chain, and gives a
/// code up that its relay chain refused. The relay chain decides which code checks a block: a
/// parachain that does otherwise produces blocks that no validator accepts.
fn waits_for_its_relay_chain(chain: &Chain, author: &mut Author<'_>, code: &Code, scheduled: &[u8]) -> Result<()> {
    let mut silent = chain.clone();
    build(&mut silent, author, BlockRequest::default())?;
    if silent.next_code()? == *code {
        return Err(unasked("in a block without a signal"));
    }
    let mut aborted = chain.clone();
    build(&mut aborted, author, BlockRequest { signal: Some(Signal::Abort), ..Default::default() })?;
    if aborted.next_code()? == *code {
        return Err(unasked("in the block with the signal to abort"));
    }
    if is_pending(&aborted, scheduled)? {
        return Err(Failure::check(
            "the relay chain aborts the upgrade, as it does where validators cannot prepare the code, and the chain does \
             not give the code up: it could never schedule another",
        )
        .found("PendingValidationCode is still there after the signal to abort")
        .expected("none, as cumulus has it"));
    }
    Ok(())
}

fn unasked(when: &str) -> Failure {
    Failure::check(
        "the chain puts the new code in place without its relay chain's go-ahead, and the relay chain refuses every block \
         of a code that it did not let in",
    )
    .found(format!("the new :code {when}"))
    .expected("the new :code in the block with the relay chain's go-ahead")
}

fn is_pending(chain: &Chain, scheduled: &[u8]) -> Result<bool> {
    Ok(chain.storage(scheduled)?.is_some_and(|code| code.len() > 1))
}

fn build(chain: &mut Chain, author: &mut Author<'_>, wish: BlockRequest) -> Result<TimedBlock> {
    let layout = author.layout(chain)?.clone();
    author.build(chain, wish).map(|built| TimedBlock::of(&built, Phase::Enactment, &layout))
}

/// Bytes that encode as themselves.
struct Raw<'a>(&'a [u8]);

impl Encode for Raw<'_> {
    fn encode_to<T: codec::Output + ?Sized>(&self, destination: &mut T) {
        destination.write(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn only_a_chain_older_than_the_call_is_helped_by_hand() {
        let log = RuntimeLog::default();
        let older = Failure::check("older").code(Failed::OlderThanTheCall);
        assert_eq!(judged(&Obstacle::OlderThanTheCall(older), &log).status, Status::Warn);
        for obstacle in [
            "the extrinsic is not valid",
            "ProhibitedByPolkadot",
            "OverlappingUpgrades",
            "the new code did not take effect",
        ] {
            let obstacle = Obstacle::of(Failure::check(obstacle)).expect("a verdict");
            assert_eq!(judged(&obstacle, &log).status, Status::Fail, "{obstacle:?}");
        }
        let unknown = Obstacle::of(Failure::not_judged("proof of work")).expect("a verdict");
        assert_eq!(judged(&unknown, &log).status, Status::NotJudged);
        assert!(Obstacle::of(Failure::environment("the node is gone")).is_err(), "an error of the run");
    }
}
