// SPDX-License-Identifier: Apache-2.0
//! The upgrade of a parachain as the runtime of its relay chain decides about it, on forks of both.

use crate::{
    enactment,
    input::Runtime,
    journeys::{self, Comparison},
    messages::{Counterpart, Place},
    outcome::errors_logged,
    parachains::Step,
    queues,
    sites::{Earlier, Site},
};
use fork::{Author, Chain, Executor, LoadOptions};
use network::{
    Agreement, Network, ParaId, Parachain, Relay,
    boundaries::{self, Cooldown},
    control, onboard,
    relay_upgrade::{self, RelayCode},
    upgrade::{self, Journey, Plan, not_of_the_parachain},
};
use protocol::{CheckOutcome, Source, dry_run::RelayRequest};
use std::path::Path;
use worker::{Failure, Kind, Reporter, Result};

/// Candidates of the new code that must be included.
pub const HEADS: u32 = 10;
/// Sessions of the relay chain that end under the new code.
pub const SESSIONS: u32 = 2;

/// The relay chain of the parachain, before the upgrade.
pub struct RelayChain<'a> {
    relay: Relay<'a>,
    runtime: Runtime,
    id: ParaId,
    /// Whether the relay chain knows the parachain.
    known: bool,
    /// Why blocks of the relay chain cannot be built here.
    unable: Option<Failure>,
    identity: protocol::dry_run::Counterpart,
}

/// What became of the upgrade.
pub struct Decision {
    pub journey: Journey,
    /// What both chains know after it, where it came to its end.
    pub agreement: Option<Result<Agreement>>,
    /// The sessions and the cooldown that ended after that.
    pub boundaries: Option<Boundaries>,
    /// The messages between both chains, before the upgrade and after all that.
    pub messages: Option<Comparison>,
    /// The queues of messages after the upgrade, beside those before it.
    pub queues: Option<Result<queues::Comparison>>,
    /// What was done to the relay chain that no relay chain does.
    pub notes: Vec<String>,
}

/// What ended after the upgrade, beside blocks.
pub struct Boundaries {
    /// The sessions of the relay chain.
    pub sessions: Step,
    /// The cooldown after the upgrade, where sessions ended. There may have been none.
    pub cooldown: Option<std::result::Result<Option<Cooldown>, Failure>>,
}

/// What is rehearsed, and how.
#[derive(Clone, Copy)]
pub struct Subject<'s> {
    /// The chain before the upgrade.
    pub chain: &'s Chain,
    /// The present runtime.
    pub from: &'s Runtime,
    /// The runtime that ships.
    pub to: &'s Runtime,
    /// A directory for prepared code that is kept between runs.
    pub cache: Option<&'s Path>,
    /// Whether sessions end under the new code too.
    pub ends_sessions: bool,
    /// Whether messages are sent before the upgrade and after it.
    pub sends_messages: bool,
    /// Whether the queues of messages are measured.
    pub measures_queues: bool,
    /// Reports the progress.
    pub reporter: &'s Reporter,
}

impl<'a> RelayChain<'a> {
    /// Reads the state of the relay chain, and checks that it knows the parachain, unless the fork
    /// onboards it. `executor` must serve no other chain.
    pub fn load(
        request: &RelayRequest,
        (id, onboards): (u32, bool),
        how: LoadOptions<'_>,
        executor: &'a Executor,
        reporter: &Reporter,
    ) -> Result<Self> {
        let source = &request.state;
        let counterpart =
            Counterpart::load(source, LoadOptions { at: request.at.as_deref(), ..how }, executor, reporter)?;
        if counterpart.place != Place::RelayChain {
            return Err(Failure::input(format!("{source} is no relay chain"))
                .found(counterpart.to_string())
                .expected("the relay chain of the parachain"));
        }
        let identity = counterpart.identity();
        let id = ParaId::from(id);
        let Counterpart { chain, runtime, .. } = counterpart;
        let mut relay = Relay::new(Author::new(executor), chain);
        let known = relay.head_of(id)?.is_some();
        if !known && !onboards {
            return Err(Failure::input(format!("{source} does not know the parachain {}", u32::from(id)))
                .found("no head of it")
                .expected("a parachain that is registered on its relay chain")
                .hint("name its own relay chain, or onboard it on the fork with --onboard"));
        }
        // What is pending on the live chain is included first: its collators built on it.
        let unable = match known.then(|| relay.settle(id)) {
            Some(Err(failure)) if failure.is_verdict() => Some(failure),
            Some(Err(failure)) => return Err(failure),
            Some(Ok(())) | None => None,
        };
        Ok(Self { relay, runtime, id, known, unable, identity })
    }

    /// Returns the relay chain, its block and its runtime, for the report.
    pub fn identity(&self) -> protocol::dry_run::Counterpart {
        self.identity.clone()
    }

    /// Returns the block hash of the parachain's head on the relay chain, if it has one.
    pub fn head(&self) -> Result<Option<[u8; 32]>> {
        Ok(self.relay.head_of(self.id)?.map(|head| artifact::hashes::blake2_256(&head)))
    }

    /// Fails unless the parachain is at the relay chain's head of it.
    pub fn expect_head(&self, chain: &Chain, state: &Source) -> Result<()> {
        if self.unable.is_some() {
            return Ok(());
        }
        let Some(head) = self.relay.head_of(self.id)? else { return Ok(()) };
        if head == codec::Encode::encode(chain.header()) {
            return Ok(());
        }
        Err(Relay::other_head(&head, chain, state).hint(match state {
            Source::Node(_) => format!(
                "take the state of the parachain at that block: --at {}",
                hex::encode_prefixed(artifact::hashes::blake2_256(&head))
            ),
            _ => "take a snapshot of that block, or choose the block of the relay chain with --relay-at".to_owned(),
        }))
    }

    /// Rehearses the upgrade on both chains. `author` builds the parachain's blocks.
    pub fn decide(self, author: Author<'_>, subject: Subject<'_>) -> Result<Decision> {
        let executor = author.executor();
        let mut notes = Vec::new();
        let decided = self.attempt(author, subject, &mut notes);
        // Errors that refused blocks logged belong to no later check.
        let _ = errors_logged(executor.log());
        match decided {
            Ok(decision) => Ok(Decision { notes, ..decision }),
            // The upgrade could not even begin on the forks, which is no fault of it.
            Err(failure) if failure.is_verdict() => {
                let obstacle = Some(not_of_the_parachain(failure));
                let journey = Journey { obstacle, ..Journey::default() };
                Ok(Decision { journey, agreement: None, boundaries: None, messages: None, queues: None, notes })
            }
            Err(failure) => Err(failure),
        }
    }

    fn attempt(self, mut author: Author<'_>, subject: Subject<'_>, notes: &mut Vec<String>) -> Result<Decision> {
        let Self { mut relay, runtime, id, known, unable, .. } = self;
        let Subject { chain, from, to, cache, ends_sessions, sends_messages, measures_queues, reporter } = subject;
        let code = &to.code;
        if let Some(failure) = unable {
            return Err(failure);
        }
        let application = enactment::application(&mut author, chain, code)?;
        let mut parachain = Parachain::new(id, author, chain.clone(), cache.map(Path::to_path_buf));
        if !known {
            onboard::onboard(&mut relay, &parachain, reporter)?;
            notes.push("the parachain was onboarded on the fork of the relay chain first".to_owned());
        }
        // Another code than the state's own may have been put into it.
        parachain.set(&mut relay, Vec::new())?;
        reporter.status("rehearsing the upgrade with the relay chain");
        let mut network = Network { relay, parachains: vec![parachain] };
        control(&mut network, id, reporter)?;
        let unended = match ends_sessions {
            true => ended(&mut network, id, 1, reporter)?.err(),
            false => None,
        };
        if unended.is_some() {
            control(&mut network, id, reporter)?;
        }
        let sites = |of_parachain| {
            let (here, there) = (Place::Parachain(id.into()), Place::RelayChain);
            let parachain = Site { place: here, runtime: of_parachain, present: from };
            [Site { place: there, runtime: &runtime, present: &runtime }, parachain]
        };
        let before = sends_messages.then(|| journeys::attempt(&network, &sites(from), reporter)).transpose()?;
        network.relay.settle(id)?;
        let earlier = network.twin();
        let waited = measures_queues.then(|| queues::before(&network, &sites(from))).transpose()?;
        network.prepare(id, vec![application.authorization], application.extrinsic)?;
        notes.push(
            "the upgrade was authorized in the state, and the relay chain's head of the parachain with it".to_owned(),
        );
        let journey = upgrade::rehearse(&mut network, &Plan { para: id, code, heads: HEADS }, reporter)?;
        let ends_as_before = unended.is_none();
        let messages = before.map(|before| Comparison { before, after: None });
        let mut decision =
            Decision { journey, agreement: None, boundaries: None, messages, queues: None, notes: Vec::new() };
        if decision.journey.obstacle.is_some() {
            return Ok(decision);
        }
        decision.agreement = Some(network.compare(id));
        if ends_sessions {
            decision.boundaries = Some(match unended {
                Some(failure) => Boundaries::unjudged(&failure),
                None => Boundaries::of(&mut network, id, reporter)?,
            });
        }
        let boundaries = decision.boundaries.as_ref().filter(|_| ends_as_before);
        if boundaries.is_some_and(|boundaries| boundaries.sessions.is_err()) {
            return Ok(decision);
        }
        let earlier = Earlier { network: &earlier, sites: &sites(from) };
        if let Some(waited) = waited {
            decision.queues = Some(queues::after(waited, &network, &sites(to), earlier, reporter)?);
        }
        if let Some(messages) = &mut decision.messages {
            messages.add(&network, &sites(to), earlier, reporter)?;
        }
        Ok(decision)
    }
}

/// Ends sessions of the relay chain, and returns how the parachain went on, or why it did not.
fn ended(network: &mut Network<'_>, id: ParaId, count: u32, reporter: &Reporter) -> Result<Step> {
    let steps = relay_upgrade::end_sessions(network, &[id], count, RelayCode::Present, reporter)?;
    steps.into_iter().next().map(|(_, step)| step).ok_or_else(|| Failure::internal("no parachain was asked"))
}

impl Boundaries {
    fn of(network: &mut Network<'_>, id: ParaId, reporter: &Reporter) -> Result<Self> {
        let sessions = ended(network, id, SESSIONS, reporter)?;
        let cooldown = match sessions.is_ok().then(|| boundaries::end_cooldown(network, id, reporter)) {
            Some(Err(failure)) if failure.is_verdict() => Some(Err(failure)),
            cooldown => cooldown.transpose()?.map(Ok),
        };
        Ok(Self { sessions, cooldown })
    }

    /// Where the parachain does not go on under its present code either.
    fn unjudged(failure: &Failure) -> Self {
        let failure = Failure::not_judged("no session ends under the present code either").found(failure.to_string());
        Self { sessions: Err(failure), cooldown: None }
    }
}

impl Decision {
    /// Judges a step of the journey: `reached` describes it if it was taken, and `before` are the
    /// steps before it.
    pub fn judge(&self, before: &[bool], reached: Option<String>) -> CheckOutcome {
        if let Some(reached) = reached {
            return CheckOutcome::pass(reached);
        }
        match &self.journey.obstacle {
            Some(obstacle) if obstacle.kind == Kind::NotJudged => CheckOutcome::not_judged(obstacle.to_string()),
            Some(obstacle) if before.iter().all(|step| *step) => CheckOutcome::fail(obstacle.to_string()),
            _ => not_reached(),
        }
    }
}

/// Returns the outcome of a check whose step comes after one that was not taken.
pub fn not_reached() -> CheckOutcome {
    CheckOutcome::not_judged("an earlier step of the upgrade was not taken on the relay chain")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn ended_by(obstacle: Failure) -> Decision {
        let journey = Journey { backed: Some(7), obstacle: Some(obstacle), ..Journey::default() };
        Decision { journey, agreement: None, boundaries: None, messages: None, queues: None, notes: Vec::new() }
    }

    #[test]
    fn only_the_first_step_that_was_not_taken_fails() {
        let decision = ended_by(Failure::check("the parachain stands"));
        assert_eq!(decision.judge(&[], Some("in block 7".into())).status, Status::Pass);
        assert_eq!(decision.judge(&[true], None).status, Status::Fail);
        assert_eq!(decision.judge(&[true, false], None).status, Status::NotJudged);
    }

    #[test]
    fn a_limit_of_the_tool_is_no_failure() {
        let decision = ended_by(Failure::not_judged("no layout is known"));
        assert_eq!(decision.judge(&[true], None).status, Status::NotJudged);
    }
}
