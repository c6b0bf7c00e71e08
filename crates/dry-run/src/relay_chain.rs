// SPDX-License-Identifier: Apache-2.0
//! The upgrade of a parachain as the runtime of its relay chain decides about it, on forks of both.

use crate::{
    authorization::{self, Authorization},
    enactment::{self, Application},
    input::Runtime,
    journeys::{self, Comparison},
    messages::{Counterpart, Place},
    orders::BothUpgrades,
    outcome::{errors_logged, kept},
    parachains::{self, Step, excluded},
    queues, relay_move,
    sites::{Earlier, Site},
    timeline,
};
use fork::{Author, Chain, Code, Executor, LoadOptions};
use network::{
    Agreement, Network, ParaId, Parachain, Relay,
    boundaries::{self, Cooldown},
    control, onboard,
    relay_upgrade::{self, RelayCode},
    upgrade::{self, Journey, Plan, not_of_the_parachain},
};
use protocol::{
    CheckOutcome, Finding, RuntimeIdentity, Source, Status,
    dry_run::{RelayRequest, Timeline},
};
use source::ReadSource;
use std::path::Path;
use worker::{Failure, Kind, Reporter, Result};

/// Candidates of the new code that must be included.
pub const HEADS: u32 = 10;
/// Sessions of the relay chain that end under the new code.
pub const SESSIONS: u32 = 2;

/// The relay chain of the parachain, before the upgrade.
pub struct RelayChain<'a> {
    relay: Relay<'a>,
    executor: &'a Executor,
    runtime: Runtime,
    /// Its own new runtime if both upgrades are rehearsed, or why it cannot be rehearsed.
    to: Option<Result<Runtime>>,
    id: ParaId,
    /// Whether the relay chain knows the parachain.
    known: bool,
    /// Whether a fork onboards parachains that the relay chain does not know.
    onboards: bool,
    /// Why blocks of the relay chain cannot be built here.
    unable: Option<Failure>,
    identity: protocol::dry_run::Counterpart,
}

/// What became of the upgrade.
#[derive(Default)]
pub struct Decision<'a> {
    pub journey: Journey,
    /// What came of the move to this relay chain; nothing where the parachain could not be onboarded.
    pub relay_move: Option<CheckOutcome>,
    /// How the code was authorized; nothing where the upgrade could not begin.
    pub authorization: Option<Authorization>,
    /// What both chains know after it, where it came to its end.
    pub agreement: Option<Result<Agreement>>,
    /// The sessions and the cooldown that ended after that.
    pub boundaries: Option<Boundaries>,
    /// The messages between the chains, before the upgrade and after all that.
    pub messages: Option<Comparison>,
    /// The queues of messages after the upgrade, beside those before it.
    pub queues: Option<Result<queues::Comparison>>,
    /// What both upgrades need to be rehearsed, where the relay chain is upgraded too and this one went through.
    pub both: Option<BothUpgrades<'a>>,
    /// The relay blocks of the upgrade.
    pub timeline: Option<Timeline>,
    /// What was done to the chains that nobody does to live ones.
    pub notes: Vec<String>,
    /// The other parachains that take no part, each with the reason.
    absent: Vec<String>,
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
    /// Whether both upgrades are rehearsed in each order, if the relay chain is upgraded too.
    pub tries_orders: bool,
    /// Whether the move is tried of a parachain that the relay chain does not know.
    pub tries_move: bool,
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
        let to = request.runtime.as_ref().map(|blob| upgraded(blob, &runtime, &chain, executor)).transpose()?;
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
        Ok(Self { relay, executor, runtime, to, id, known, onboards, unable, identity })
    }

    /// Returns the relay chain, its block and its runtime, for the report.
    pub fn identity(&self) -> protocol::dry_run::Counterpart {
        self.identity.clone()
    }

    /// Returns the relay chain's new runtime, for the report.
    pub fn new_runtime(&self) -> Option<RuntimeIdentity> {
        self.to.as_ref()?.as_ref().ok().map(Runtime::identity)
    }

    /// Includes what is pending of another parachain if that can be had, and returns the block hash of its head then;
    /// nothing if the relay chain does not know it.
    pub fn settle(&mut self, id: u32) -> Result<Option<[u8; 32]>> {
        Ok(parachains::settle(&mut self.relay, id)?.map(|(head, _)| head))
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

    /// Rehearses the upgrade on the chains. `author` builds the parachains' blocks, and `others` are other chains, of
    /// which the parachains of this relay chain send and get messages too.
    pub fn decide(self, others: &[Counterpart], author: Author<'a>, subject: Subject<'_>) -> Result<Decision<'a>> {
        let executor = author.executor();
        let stays = || CheckOutcome::skip("the relay chain knows the parachain, so it does not move");
        let mut decision = Decision { relay_move: self.known.then(stays), ..Decision::default() };
        let decided = self.attempt(others, author, subject, &mut decision);
        // Errors that refused blocks logged belong to no later check.
        let _ = errors_logged(executor.log());
        match decided {
            // The upgrade could not even begin on the forks, which is no fault of it.
            Err(failure) if failure.is_verdict() && decision.journey.backed.is_none() => {
                decision.journey.obstacle = Some(not_of_the_parachain(failure));
            }
            decided => decided?,
        }
        Ok(decision)
    }

    fn attempt(
        self,
        others: &[Counterpart],
        mut author: Author<'a>,
        subject: Subject<'_>,
        decision: &mut Decision<'a>,
    ) -> Result<()> {
        let Self { mut relay, executor, runtime, to: relay_to, id, known, onboards, unable, .. } = self;
        let Subject { chain, from, to, cache, ends_sessions, reporter, .. } = subject;
        if let Some(failure) = unable {
            return Err(failure);
        }
        let application = kept(enactment::application(&mut author, chain, &to.code))?;
        let beside = author.fresh();
        let mut parachain = Parachain::new(id, author, chain.clone(), cache.map(Path::to_path_buf));
        if !known {
            onboard::onboard(&mut relay, &parachain, reporter)?;
            decision.notes.push("the parachain was onboarded on the fork of the relay chain first".to_owned());
        }
        // Another code than the state's own may have been put into it.
        parachain.set(&mut relay, Vec::new())?;
        let mut network = Network { relay, parachains: vec![parachain] };
        if !known && subject.tries_move {
            decision.relay_move = Some(relay_move::rehearse(&network, id, (&runtime, from), reporter)?);
        }
        // The move needs no upgrade.
        let application = application?;
        reporter.status("rehearsing the upgrade with the relay chain");
        control(&mut network, id, reporter)?;
        let mut siblings = join_siblings(&mut network, (id, others), onboards, (&beside, cache), decision, reporter)?;
        if !siblings.is_empty() {
            control(&mut network, id, reporter)?;
        }
        let mut unended = None;
        if ends_sessions {
            let all: Vec<_> = std::iter::once(id).chain(siblings.iter().copied()).collect();
            for (para, step) in relay_upgrade::end_sessions(&mut network, &all, 1, RelayCode::Present, reporter)? {
                match step {
                    Ok(_) => {}
                    Err(failure) if para == id => unended = Some(failure),
                    Err(failure) => {
                        siblings.retain(|sibling| *sibling != para);
                        network.parachains.retain(|parachain| parachain.id() != para);
                        decision.absent.push(format!("{} takes no part: {failure}", Place::Parachain(para.into())));
                    }
                }
            }
        }
        if unended.is_some() {
            control(&mut network, id, reporter)?;
        }
        let sites = |of_parachain| {
            let mut sites = parachains::sites(&runtime, &runtime, others, &siblings);
            sites.push(Site { place: Place::Parachain(id.into()), runtime: of_parachain, present: from });
            sites
        };
        let before = match subject.sends_messages {
            true => Some(journeys::attempt(&network, &sites(from), reporter)?),
            false => None,
        };
        decision.messages = before.map(|before| Comparison { before, after: None });
        network.relay.settle(id)?;
        let earlier = network.twin();
        let waited = subject.measures_queues.then(|| queues::before(&network, &sites(from))).transpose()?;
        network = authorize(network, id, (&runtime, from), (&to.code, &application), decision)?;
        let plan = Plan { para: id, code: &to.code, heads: HEADS, relay: None };
        decision.journey = upgrade::rehearse(&mut network, &plan, reporter)?;
        let blocks = (earlier.relay.chain().number(), network.relay.chain().number());
        decision.timeline = Some(timeline::of(blocks, &network.relay.take_diary(), decision.milestones()));
        if decision.journey.obstacle.is_some() {
            return Ok(());
        }
        let both = |relay_to| BothUpgrades { network: earlier.among(&[id]), executor, id, relay_to, application };
        decision.both = relay_to.filter(|_| subject.tries_orders).map(both);
        decision.agreement = Some(network.compare(id));
        if ends_sessions {
            decision.boundaries = Some(match &unended {
                Some(failure) => Boundaries::unjudged(failure),
                None => Boundaries::of(&mut network, id, reporter)?,
            });
        }
        let boundaries = decision.boundaries.as_ref().filter(|_| unended.is_none());
        if boundaries.is_some_and(|boundaries| boundaries.sessions.is_err()) {
            return Ok(());
        }
        let earlier = Earlier { network: &earlier, sites: &sites(from), going: &[id] };
        if let Some(waited) = waited {
            decision.queues = Some(queues::after(waited, &network, &sites(to), earlier, reporter)?);
        }
        if let Some(messages) = &mut decision.messages {
            messages.add(&network, &sites(to), earlier, reporter)?;
        }
        Ok(())
    }
}

/// Joins the parachains among other chains to the network, and returns those that go on in it. The decision has the
/// reasons why others do not.
fn join_siblings<'a>(
    network: &mut Network<'a>,
    (own, others): (ParaId, &[Counterpart]),
    onboards: bool,
    (author, cache): (&Author<'a>, Option<&Path>),
    decision: &mut Decision<'_>,
    reporter: &Reporter,
) -> Result<Vec<ParaId>> {
    let mut joined = Vec::new();
    for (id, of) in parachains::parachains(others).filter(|(id, _)| *id != own) {
        let parachain = Parachain::new(id, author.fresh(), of.chain.clone(), cache.map(Path::to_path_buf));
        let mut join = || {
            let site = Site { place: of.place, runtime: &of.runtime, present: &of.runtime };
            site.interface()?;
            journeys::expect_no_migration(&of.chain, site)?;
            parachains::join(&mut network.relay, &parachain, onboards, reporter)
        };
        let mut obstacle = excluded(join())?;
        if obstacle.is_none() {
            network.parachains.push(parachain);
            obstacle = excluded(control(network, id, reporter))?;
        }
        match obstacle {
            None => joined.push(id),
            Some(failure) => {
                network.parachains.retain(|parachain| parachain.id() != id);
                decision.absent.push(format!("{of} takes no part: {failure}"));
            }
        }
    }
    Ok(joined)
}

/// Authorizes the upgrade by the relay chain's root if the parachain obeys it, else in the state. Submits the extrinsic
/// that applies it, and returns the network. No candidate may be pending.
fn authorize<'a>(
    mut network: Network<'a>,
    id: ParaId,
    present: (&Runtime, &Runtime),
    (code, application): (&Code, &Application),
    decision: &mut Decision<'_>,
) -> Result<Network<'a>> {
    network.relay.begin_diary();
    let (ahead, authorization) = authorization::by_the_relay_chain(&network, id, present, (code, application))?;
    decision.authorization = Some(authorization);
    match ahead {
        Some(mut ahead) => {
            let (_, parachain) = ahead.both(id)?;
            parachain.submit(application.extrinsic.clone());
            Ok(ahead)
        }
        None => {
            network.prepare(id, vec![application.authorization.clone()], application.extrinsic.clone())?;
            let note = "the upgrade was authorized in the state, and the relay chain's head of the parachain with it";
            decision.notes.push(note.to_owned());
            Ok(network)
        }
    }
}

/// Reads the relay chain's own new runtime. What stands in the way of its rehearsal is kept, to be judged.
///
/// # Errors
///
/// If the blob is none, or that of another chain.
fn upgraded(blob: &str, present: &Runtime, chain: &Chain, executor: &Executor) -> Result<Result<Runtime>> {
    let new = match kept(Runtime::read(blob, blob.parse::<Source>()?.blob()?, chain, executor))? {
        Ok(new) => new,
        Err(failure) => return Ok(Err(failure)),
    };
    let [old_name, new_name] = [present, &new].map(|runtime| &runtime.version.spec_name);
    if old_name != new_name {
        return Err(Failure::input("the relay chain's new code is that of another chain")
            .found(format!("spec_name {new_name}"))
            .expected(old_name.clone()));
    }
    if present.code == new.code {
        return Ok(Err(Failure::not_judged("the relay chain's new code is the one that it runs already")));
    }
    Ok(Ok(new))
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

impl Decision<'_> {
    /// Returns the outcome of a check of all chains. It is not judged of those that take no part.
    pub fn with_absent(&self, outcome: CheckOutcome) -> CheckOutcome {
        if self.absent.is_empty() {
            return outcome;
        }
        let status = if outcome.status == Status::Fail { Status::Fail } else { Status::NotJudged };
        let absent = self.absent.iter().cloned().map(Finding::not_judged);
        CheckOutcome { status, findings: outcome.findings.into_iter().chain(absent).collect(), ..outcome }
    }

    /// Returns the steps that were taken, each with its relay block.
    fn milestones(&self) -> [(Option<u32>, &'static str); 8] {
        let execution = match &self.authorization {
            Some(Authorization::Message(execution)) => Some(execution),
            _ => None,
        };
        let journey = &self.journey;
        [
            (execution.map(|execution| execution.sent), "authorization sent"),
            (execution.map(|execution| execution.backed), "authorized"),
            (journey.backed, "code backed"),
            (journey.included, "code included"),
            (journey.accepted, "code accepted"),
            (journey.go_ahead, "go-ahead"),
            (journey.promoted, "promoted"),
            (journey.ended.filter(|_| journey.obstacle.is_none()), "ten heads"),
        ]
    }

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

/// Returns the outcome of a check whose step could not begin.
pub fn not_begun() -> CheckOutcome {
    CheckOutcome::not_judged("the upgrade could not begin on the forks; `code-backed` says why")
}

/// Returns the outcome of a check whose step comes after one that was not taken.
pub fn not_reached() -> CheckOutcome {
    CheckOutcome::not_judged("an earlier step of the upgrade was not taken on the relay chain")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended_by(obstacle: Failure) -> Decision<'static> {
        let journey = Journey { backed: Some(7), obstacle: Some(obstacle), ..Journey::default() };
        Decision { journey, ..Decision::default() }
    }

    #[test]
    fn only_the_first_step_that_was_not_taken_fails() {
        let decision = ended_by(Failure::check("the parachain stands"));
        assert_eq!(decision.judge(&[], Some("in block 7".into())).status, Status::Pass);
        assert_eq!(decision.judge(&[true], None).status, Status::Fail);
        assert_eq!(decision.judge(&[true, false], None).status, Status::NotJudged);
    }

    #[test]
    fn what_a_chain_that_takes_no_part_would_do_is_not_judged() {
        let decision = Decision { absent: vec!["parachain 1000 takes no part".into()], ..Decision::default() };
        let status = |outcome| decision.with_absent(outcome).status;
        assert_eq!(status(CheckOutcome::pass("all as before")), Status::NotJudged);
        assert_eq!(status(CheckOutcome::fail("one is lost")), Status::Fail);
        assert_eq!(Decision::default().with_absent(CheckOutcome::pass("all")).status, Status::Pass);
    }

    #[test]
    fn a_limit_of_the_tool_is_no_failure() {
        let decision = ended_by(Failure::not_judged("no layout is known"));
        assert_eq!(decision.judge(&[true], None).status, Status::NotJudged);
    }
}
