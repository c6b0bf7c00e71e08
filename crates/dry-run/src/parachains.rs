// SPDX-License-Identifier: Apache-2.0
//! The parachains of a relay chain on forks, while the upgrade of the relay chain is rehearsed.

use crate::{
    enactment,
    input::Runtime,
    journeys::{self, Comparison},
    messages::{Counterpart, Place},
    outcome::{errors_logged, kept},
    queues,
    relay_chain::{HEADS, SESSIONS, Subject},
    sites::{Earlier, Site},
    timeline,
};
use fork::{Author, Chain, Executor};
use network::{
    Course, Network, ParaId, Parachain, Relay, control, onboard,
    relay_upgrade::{self, RelayCode},
    upgrade::not_of_the_parachain,
};
use protocol::{CheckOutcome, Finding, dry_run::Timeline};
use std::path::Path;
use worker::{Failure, Kind, Reporter, Result};

/// The relay chain before its upgrade, with nothing of its parachains pending.
pub struct Parachains<'a> {
    relay: Relay<'a>,
    /// Why what is pending cannot be included here.
    unable: Option<Failure>,
}

/// What came of a step: in words, or why it was not taken.
pub type Step = std::result::Result<String, Failure>;

/// How the parachains went on.
#[derive(Default)]
pub struct Continuation {
    pub fates: Vec<Fate>,
    /// The messages between all chains, before the upgrade and after it.
    pub messages: Option<Comparison>,
    /// The queues of messages after the upgrade, beside those before it.
    pub queues: Option<Result<queues::Comparison>>,
    /// The relay blocks of the upgrade, where it was rehearsed.
    pub timeline: Option<Timeline>,
}

/// What became of a parachain.
pub struct Fate {
    /// The parachain with its number, which no other has.
    pub name: String,
    /// Whether ten candidates were included under the new code of the relay chain.
    pub heads: Step,
    /// Whether more were after sessions had ended.
    pub sessions: Step,
    /// Whether both chains know the same then.
    pub agreement: Step,
}

impl<'a> Parachains<'a> {
    /// Begins with the state of a relay chain. `executor` must serve no other chain.
    pub fn of(chain: &Chain, executor: &'a Executor) -> Self {
        Self { relay: Relay::new(Author::new(executor), chain.clone()), unable: None }
    }

    /// Includes what is pending of a parachain, and returns the hash of its head then; nothing if the
    /// relay chain does not know the parachain.
    pub fn settle(&mut self, id: u32) -> Result<Option<[u8; 32]>> {
        let Some((head, unable)) = settle(&mut self.relay, id)? else { return Ok(None) };
        self.unable = unable.or(self.unable.take());
        Ok(Some(head))
    }

    /// Rehearses the upgrade of the relay chain. `author` builds the parachains' blocks, and `onboards`
    /// says whether a parachain that the relay chain does not know is onboarded first.
    pub fn rehearse(
        self,
        named: &[Counterpart],
        onboards: bool,
        author: Author<'_>,
        subject: Subject<'_>,
    ) -> Result<Continuation> {
        let executor = author.executor();
        let mut continuation = Continuation::default();
        let attempted = self.attempt(named, onboards, author, subject, &mut continuation);
        // Errors that refused blocks logged belong to no later check.
        let _ = errors_logged(executor.log());
        match attempted {
            Err(failure) if failure.is_verdict() => {
                // Those that were left out before have their reasons.
                let others: Vec<_> = parachains(named)
                    .map(|(_, of)| Fate::of(of, &failure))
                    .filter(|fate| continuation.fates.iter().all(|known| known.name != fate.name))
                    .collect();
                continuation.fates.extend(others);
            }
            attempted => attempted?,
        }
        Ok(continuation)
    }

    fn attempt(
        self,
        named: &[Counterpart],
        onboards: bool,
        author: Author<'_>,
        subject: Subject<'_>,
        continuation: &mut Continuation,
    ) -> Result<()> {
        let Subject { chain, from, to, cache, ends_sessions, sends_messages, measures_queues, reporter, .. } = subject;
        let code = &to.code;
        let Continuation { fates, messages, queues, timeline } = continuation;
        if let Some(unable) = self.unable {
            return Err(unable);
        }
        let application = enactment::application(&mut author.fresh(), chain, code).map_err(not_of_the_parachain)?;
        let mut network = Network { relay: self.relay, parachains: Vec::new() };
        for (id, of) in parachains(named) {
            let parachain = Parachain::new(id, author.fresh(), of.chain.clone(), cache.map(Path::to_path_buf));
            match excluded(join(&mut network.relay, &parachain, onboards, reporter))? {
                Some(failure) => fates.push(Fate::of(of, &failure)),
                None => network.parachains.push(parachain),
            }
        }
        reporter.status("rehearsing the upgrade with the parachains");
        let mut going: Vec<_> = network.parachains.iter().map(Parachain::id).collect();
        exclude(&mut network, &mut going, named, fates, reporter)?;
        let unended = match ends_sessions && !going.is_empty() {
            true => relay_upgrade::end_sessions(&mut network, &going, 1, RelayCode::Present, reporter)?,
            false => Vec::new(),
        };
        if unended.iter().any(|(_, step)| step.is_err()) {
            exclude(&mut network, &mut going, named, fates, reporter)?;
        }
        if going.is_empty() {
            let none = || Failure::not_judged("none of the parachains goes on under the present code");
            *messages = Some(Comparison { before: Err(none()), after: None });
            *queues = Some(Err(none()));
            return Ok(());
        }
        network.parachains.retain(|parachain| going.contains(&parachain.id()));
        let present = sites(from, from, named, &going);
        if sends_messages {
            let before = journeys::attempt(&network, &present, reporter)?;
            *messages = Some(Comparison { before, after: None });
        }
        let waited = measures_queues.then(|| queues::before(&network, &present)).transpose()?;
        let plan = relay_upgrade::Plan {
            code,
            authorization: application.authorization,
            extrinsic: application.extrinsic,
            paras: &going,
            heads: HEADS,
        };
        let before = network.twin();
        network.relay.begin_diary();
        let began = network.relay.chain().number();
        let applied = relay_upgrade::rehearse(&mut network, &before, &plan, reporter)?;
        let going_on: Vec<_> =
            applied.courses.iter().filter(|course| course.obstacle.is_none()).map(|course| course.para).collect();
        let ended = match ends_sessions {
            true => {
                let code = RelayCode::Rehearsed(&before);
                relay_upgrade::end_sessions(&mut network, &going_on, SESSIONS, code, reporter)?
            }
            false => Vec::new(),
        };
        let blocks = (began, network.relay.chain().number());
        let went_on = applied.courses.iter().filter(|course| course.obstacle.is_none());
        let milestones = [
            (Some(applied.applied), "new code"),
            (went_on.filter_map(|course| course.ended).max(), "ten heads of each that goes on"),
        ];
        *timeline = Some(timeline::of(blocks, &network.relay.take_diary(), milestones));
        let going_on: Vec<_> =
            going_on.into_iter().filter(|id| ended.iter().all(|(para, step)| para != id || step.is_ok())).collect();
        if !going_on.is_empty() {
            let (network, sites) = (network.among(&going_on), sites(to, from, named, &going_on));
            let earlier = Earlier { network: &before, sites: &present, going: &going_on };
            if let Some(waited) = waited {
                *queues = Some(queues::after(waited, &network, &sites, earlier, reporter)?);
            }
            if let Some(messages) = messages {
                messages.add(&network, &sites, earlier, reporter)?;
            }
        }
        for course in &applied.courses {
            let Some((_, of)) = parachains(named).find(|(id, _)| *id == course.para) else { continue };
            let before = unended.iter().find(|(para, _)| *para == course.para).map(|(_, step)| step);
            let after = ended.iter().find(|(para, _)| *para == course.para).map(|(_, step)| step);
            fates.push(Fate {
                name: of.to_string(),
                heads: heads(course, applied.applied),
                sessions: sessions(before, after),
                agreement: agreement(&mut network, course, after)?,
            });
        }
        Ok(())
    }
}

/// Includes what is pending of a parachain. Returns the hash of its head then, and why what is pending cannot be included;
/// nothing if the relay chain does not know the parachain.
pub fn settle(relay: &mut Relay<'_>, id: u32) -> Result<Option<([u8; 32], Option<Failure>)>> {
    let id = ParaId::from(id);
    if relay.head_of(id)?.is_none() {
        return Ok(None);
    }
    let unable = excluded(relay.settle(id))?;
    Ok(relay.head_of(id)?.map(|head| (artifact::hashes::blake2_256(&head), unable)))
}

/// Returns the parachains among the named chains, each once.
pub fn parachains(named: &[Counterpart]) -> impl Iterator<Item = (ParaId, &Counterpart)> {
    named.iter().enumerate().filter_map(|(index, of)| match of.place {
        Place::Parachain(id) if named.iter().take(index).all(|other| other.place != of.place) => {
            Some((ParaId::from(id), of))
        }
        Place::Parachain(_) | Place::RelayChain => None,
    })
}

/// Returns the chains that send messages to each other. `runtime` is that of the relay chain, and `present` its present
/// one.
pub fn sites<'r>(
    runtime: &'r Runtime,
    present: &'r Runtime,
    named: &'r [Counterpart],
    paras: &[ParaId],
) -> Vec<Site<'r>> {
    let parachains = parachains(named).filter(|(id, _)| paras.contains(id));
    let parachains = parachains.map(|(_, of)| Site { place: of.place, runtime: &of.runtime, present: &of.runtime });
    std::iter::once(Site { place: Place::RelayChain, runtime, present }).chain(parachains).collect()
}

/// Checks that the relay chain's head of a parachain is that of its state, or onboards it.
pub fn join(relay: &mut Relay<'_>, parachain: &Parachain<'_>, onboards: bool, reporter: &Reporter) -> Result<()> {
    let id = parachain.id();
    match relay.head_of(id)? {
        Some(head) if head == parachain.head() => Ok(()),
        Some(_) => Err(Failure::not_judged("the parachain and its relay chain are not at blocks that belong together")
            .found(format!(
                "the parachain at its block {}, which is not the relay chain's head of it",
                parachain.chain().number()
            ))
            .expected("the parachain at the head that the relay chain has")),
        None if onboards => onboard::onboard(relay, parachain, reporter).map(drop),
        None => Err(Failure::not_judged(format!("the relay chain does not know the parachain {}", u32::from(id)))
            .hint("onboard it on the fork with --onboard")),
    }
}

/// Removes the parachains of which no candidate is included under the present code.
fn exclude(
    network: &mut Network<'_>,
    going: &mut Vec<ParaId>,
    named: &[Counterpart],
    fates: &mut Vec<Fate>,
    reporter: &Reporter,
) -> Result<()> {
    for (id, of) in parachains(named) {
        if going.contains(&id)
            && let Some(failure) = excluded(control(network, id, reporter))?
        {
            going.retain(|para| *para != id);
            fates.push(Fate::of(of, &failure));
        }
    }
    Ok(())
}

/// Returns why a parachain cannot be judged. Before the upgrade that is no fault of it.
pub fn excluded(outcome: Result<()>) -> Result<Option<Failure>> {
    match outcome.map_err(not_of_the_parachain) {
        Ok(()) => Ok(None),
        Err(failure) if failure.is_verdict() => Ok(Some(failure)),
        Err(failure) => Err(failure),
    }
}

fn earlier() -> Failure {
    Failure::not_judged("the parachain stands before that")
}

fn heads(course: &Course, applied: u32) -> Step {
    match (&course.obstacle, course.ended) {
        (None, Some(ended)) => Ok(format!(
            "{} candidates are included in relay blocks {} to {ended}",
            course.heads,
            applied.saturating_add(2)
        )),
        (Some(obstacle), _) => Err(obstacle.clone()),
        (None, None) => Err(Failure::internal("no candidate was asked for")),
    }
}

/// Judges sessions by how they ended under the present code and under the new one.
fn sessions(before: Option<&Step>, after: Option<&Step>) -> Step {
    match (before, after) {
        (Some(Err(failure)), _) => {
            Err(Failure::not_judged("no session ends under the present code either").found(failure.to_string()))
        }
        (_, Some(step)) => step.clone(),
        (_, None) => Err(earlier()),
    }
}

/// Compares a parachain and the relay chain, where the parachain went on.
fn agreement(network: &mut Network<'_>, course: &Course, after: Option<&Step>) -> Result<Step> {
    if course.obstacle.is_some() || after.is_some_and(Result::is_err) {
        return Ok(Err(earlier()));
    }
    let agreement = match kept(network.compare(course.para))? {
        Ok(agreement) => agreement,
        Err(failure) => return Ok(Err(failure)),
    };
    Ok(match agreement.different.is_empty() {
        true => Ok(format!("on {}", agreement.same.join(", "))),
        false => Err(Failure::check("the relay chain and the parachain differ").found(agreement.different.join("; "))),
    })
}

impl Fate {
    /// Where no step was taken.
    fn of(parachain: &Counterpart, failure: &Failure) -> Self {
        Self {
            name: parachain.to_string(),
            heads: Err(failure.clone()),
            sessions: Err(not_of_the_parachain(failure.clone())),
            agreement: Err(not_of_the_parachain(failure.clone())),
        }
    }
}

/// Returns the outcome of a check that asks for a step of each parachain.
pub fn judge(fates: &[Fate], step: impl Fn(&Fate) -> &Step, what: &str) -> CheckOutcome {
    let findings = fates.iter().map(|fate| match step(fate) {
        Ok(told) => Finding::note(format!("{}: {told}", fate.name)),
        Err(failure) if failure.kind == Kind::Check => Finding::seen(format!("{}: {failure}", fate.name)),
        Err(failure) => Finding::not_judged(format!("{}: {failure}", fate.name)),
    });
    let findings: Vec<_> = findings.collect();
    let taken = fates.iter().filter(|fate| step(fate).is_ok()).count();
    CheckOutcome::judged(format!("{taken} of {} parachains {what}", fates.len()), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn fate(heads: Step) -> Fate {
        Fate { name: "parachain 2000".into(), heads, sessions: Err(earlier()), agreement: Err(earlier()) }
    }

    #[test]
    fn one_parachain_that_stands_fails_the_check() {
        let judged = |fates: &[Fate]| judge(fates, |fate| &fate.heads, "go on");
        let good = || fate(Ok("ten".into()));
        assert_eq!(judged(&[good()]).status, Status::Pass);
        let unknown = fate(Err(Failure::not_judged("not known")));
        assert_eq!(judged(&[good(), unknown]).status, Status::NotJudged);
        let outcome = judged(&[good(), fate(Err(Failure::check("it stands")))]);
        assert_eq!((outcome.status, outcome.detail.as_str()), (Status::Fail, "1 of 2 parachains go on"));
    }

    #[test]
    fn a_session_that_does_not_end_under_the_present_code_is_not_judged() {
        let (ended, stands) = (Ok("ended".to_owned()), Err(Failure::check("it stands")));
        assert!(sessions(Some(&ended), Some(&ended)).is_ok());
        let kind = |step: Step| step.err().map(|failure| failure.kind);
        assert_eq!(kind(sessions(Some(&ended), Some(&stands))), Some(Kind::Check));
        assert_eq!(kind(sessions(Some(&stands), Some(&stands))), Some(Kind::NotJudged));
        assert_eq!(kind(sessions(Some(&ended), None)), Some(Kind::NotJudged));
    }
}
