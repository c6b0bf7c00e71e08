// SPDX-License-Identifier: Apache-2.0
//! The authorization of a parachain's code by the root of its relay chain, which sends the call in a message. The forks of
//! both chains deliver and execute it.

use crate::{
    enactment::Application,
    input::Runtime,
    messages::{Place, transfers},
    outcome::kept,
    superuser,
};
use fork::Code;
use network::{CollationOutcome, Network, ParaId, upgrade::not_of_the_parachain};
use protocol::CheckOutcome;
use worker::{Failure, Result};

/// The candidates of the parachain that are backed until it has executed the message. Idle chains need four.
const CANDIDATES: u32 = 12;
/// The most relay blocks that are waited for that.
const MOST_BLOCKS: u32 = 60;

/// How the code was authorized.
pub enum Authorization {
    /// It is in the state of the chain.
    Already,
    /// By a message of the relay chain's root.
    Message(Execution),
    /// By a change of the state, because no such message authorizes it.
    Written(&'static str),
    /// By a change of the state, because it is not known whether such a message would.
    Unknown(Failure),
}

/// How the parachain executed the message.
pub struct Execution {
    /// The relay block in which the root sent it.
    pub sent: u32,
    /// The relay block that backs the parachain's block which executed it.
    pub backed: u32,
    /// The number of this block.
    number: u32,
}

impl Authorization {
    /// Returns the outcome of the check.
    pub fn judge(&self) -> CheckOutcome {
        const WRITTEN: &str = "the authorization was written into the state";
        match self {
            Self::Already => CheckOutcome::pass("the chain has authorized this code already"),
            Self::Message(Execution { sent, backed, number }) => CheckOutcome::pass(format!(
                "the relay chain's root sends authorize_upgrade in relay block {sent}, and the parachain executes it in its \
                 block {number}, which relay block {backed} backs"
            )),
            Self::Written(why) => CheckOutcome::skip(format!("{why}, so {WRITTEN}")),
            Self::Unknown(failure) => CheckOutcome::not_judged(format!("{failure}; {WRITTEN}")),
        }
    }
}

/// Authorizes the code of a parachain by the root of its relay chain, on a twin of the network. Returns the network after
/// it, with no candidate pending, or nothing if the code must be written into the state. `relay` and `parachain` are the
/// present runtimes.
///
/// # Errors
///
/// An error of the run. That a chain does not obey its relay chain's root is no fault of it.
pub fn by_the_relay_chain<'a>(
    network: &Network<'a>,
    id: ParaId,
    (relay, parachain): (&Runtime, &Runtime),
    (code, application): (&Code, &Application),
) -> Result<(Option<Network<'a>>, Authorization)> {
    let (key, value) = &application.authorization;
    let mut twin = network.twin();
    if network.parachain(id)?.chain().storage(key)? == *value {
        return Ok((Some(twin), Authorization::Already));
    }
    let Some(message) = message(relay, parachain, id, code) else {
        let unknown = "no message is known here with which the relay chain's root authorizes an upgrade of this chain";
        return Ok((None, Authorization::Written(unknown)));
    };
    Ok(match kept(attempt(&mut twin, id, &message, (key, value)))? {
        Ok(Some(execution)) => (Some(twin), Authorization::Message(execution)),
        Ok(None) => {
            let unheard = "no message of the relay chain's root authorizes an upgrade of this chain";
            (None, Authorization::Written(unheard))
        }
        Err(failure) => (None, Authorization::Unknown(not_of_the_parachain(failure))),
    })
}

fn attempt(
    network: &mut Network<'_>,
    id: ParaId,
    message: &[u8],
    (key, value): (&[u8], &Option<Vec<u8>>),
) -> Result<Option<Execution>> {
    network.relay.schedule_as_root(&[message.to_vec()])?;
    let sent = network.relay.chain().number().saturating_add(1);
    let mut candidates = 0;
    for _ in 0..MOST_BLOCKS {
        let mut round = network.advance(|para| para == id)?;
        candidates += u32::from(matches!(round.take_outcome(id), CollationOutcome::Backed { .. }));
        let chain = network.parachain(id)?.chain();
        if chain.storage(key)? == *value {
            let (backed, number) = (network.relay.chain().number(), chain.number());
            network.relay.settle(id)?;
            network.follow(id)?;
            // The relay chain may have dropped the block when a session ended. The message then waits on.
            if network.parachain(id)?.chain().storage(key)? == *value {
                return Ok(Some(Execution { sent, backed, number }));
            }
        }
        if candidates >= CANDIDATES {
            return Ok(None);
        }
    }
    Err(Failure::not_judged("the message of the relay chain's root had too little time to be executed")
        .found(format!("{candidates} candidates of the parachain backed in {MOST_BLOCKS} relay blocks"))
        .expected(CANDIDATES.to_string()))
}

/// Returns the call of the relay chain's root that sends the message to the parachain; nothing where one of the chains
/// has no such call, or names locations in a form that is not known here.
fn message(relay: &Runtime, parachain: &Runtime, id: ParaId, code: &Code) -> Option<Vec<u8>> {
    let authorize = parachain.layout.pallet("System")?.call("authorize_upgrade")?;
    let call = [&authorize[..], code.hash()].concat();
    call_of_root(relay, id, |version| {
        superuser::superuser(&call).into_iter().find(|message| message.first() == Some(&version))
    })
}

/// Returns the call of the relay chain's root that sends a message to a parachain; nothing where the relay chain has
/// no such call, or names locations in a form that is not known here. `message` encodes it in a version of XCM.
pub fn call_of_root(relay: &Runtime, id: ParaId, message: impl FnOnce(u8) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let receiver = transfers::receiver(&relay.interface()?, Place::RelayChain, Place::Parachain(id.into()))?;
    let message = message(*receiver.first()?)?;
    Some([&relay.send()?[..], &receiver, &message].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn only_a_chain_that_is_governed_otherwise_skips_the_check() {
        assert_eq!(Authorization::Already.judge().status, Status::Pass);
        assert_eq!(Authorization::Written("no message does").judge().status, Status::Skip);
        let unknown = Authorization::Unknown(Failure::not_judged("no core"));
        assert_eq!(unknown.judge().status, Status::NotJudged);
    }
}
