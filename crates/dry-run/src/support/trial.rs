// SPDX-License-Identifier: Apache-2.0
//! A repair on a fork of both chains: its calls are dispatched, sessions end, and candidates are included.

use super::{
    case::Case,
    diagnosis,
    plans::{self, Action, Mend, Plan},
    tasks::accounts,
};
use crate::block::records;
use codec::Encode;
use fork::Code;
use network::{
    Network, ParaId, include, include_first,
    onboard::{self, Dispatcher},
    upgrade::MOST_DELAY,
};
use protocol::support::CauseKind;
use std::collections::BTreeSet;
use worker::{Failure, Reporter, Result};

/// The most sessions that are ended for a repair.
const MOST_SESSIONS: u32 = 4;
/// The relay blocks in which a session ends that is about to, and in which calls are dispatched.
const ENDS_WITHIN: u32 = 8;
/// The relay blocks in which validators vote on a code, and their votes are counted.
pub const VOTES: u32 = 3;

/// A repair that is tried.
pub struct Trial<'a> {
    pub network: Network<'a>,
    /// What was dispatched.
    pub done: onboard::Dispatched,
    /// The code that nodes execute, from the child of the block with this number on.
    pub substitute: Option<(u32, Code)>,
    /// The candidates that were included.
    pub included: u32,
    /// What is wrong besides, as seen once the parachain was at the relay chain's head.
    pub besides: Vec<CauseKind>,
    /// The repairs for that.
    pub more: Vec<Plan>,
}

impl<'a> Trial<'a> {
    pub fn of(case: &Case<'a>) -> Self {
        Self {
            network: case.network.twin(),
            done: onboard::Dispatched::default(),
            substitute: None,
            included: 0,
            besides: Vec::new(),
            more: Vec::new(),
        }
    }

    /// Takes all steps of a repair, and waits for candidates. `mended` is what repairs are known for: none of that may be
    /// wrong after it.
    ///
    /// # Errors
    ///
    /// A verdict says why the repair does not work.
    pub fn run(
        &mut self,
        case: &mut Case<'a>,
        plan: &Plan,
        (mend, heads, mended): (Option<&Mend>, u32, &BTreeSet<CauseKind>),
        reporter: &Reporter,
    ) -> Result<()> {
        for action in &plan.actions {
            self.take(case, action, reporter)?;
        }
        case.settle(&mut self.network, reporter)?;
        if let Some(code) = plan.actions.iter().find_map(Action::substitute) {
            check_substitute(case, mend)?;
            let (_, parachain) = self.network.both(case.para)?;
            self.substitute = Some((parachain.chain().number(), code.clone()));
            parachain.substitute(code.clone());
        }
        if !case.is_at_head {
            // Messages could not be compared before.
            (self.besides, self.more) = case.on(&mut self.network, |case| {
                let mut besides = diagnosis::broken(case)?;
                besides.retain(|cause| !mended.contains(&cause.kind));
                let kinds: Vec<_> = besides.iter().map(|cause| cause.kind).collect();
                Ok((kinds, plans::of(case, &besides, mend)?))
            })?;
        }
        let waits = plan.actions.iter().any(|action| matches!(action, Action::Wait));
        self.go_on(case.para, heads, waits, reporter)?;
        self.expect_mended(case, mended)
    }

    /// Takes a step of a repair or a task.
    pub fn take(&mut self, case: &Case<'a>, action: &Action, reporter: &Reporter) -> Result<()> {
        match action {
            Action::Calls(calls) => {
                self.done.calls.extend(calls.iter().map(|call| (Dispatcher::Root, call.clone())));
                self.dispatch(case, Dispatcher::Root, calls)
            }
            Action::Submit(call) => {
                self.done.calls.push((Dispatcher::Anyone, call.clone()));
                self.dispatch(case, Dispatcher::Anyone, std::slice::from_ref(call))
            }
            Action::Fund => accounts::fund(case, &mut self.network.relay),
            Action::Register => {
                let (relay, parachain) = self.network.both(case.para)?;
                let done = onboard::onboard(relay, parachain, reporter)?;
                self.add(done);
                Ok(())
            }
            Action::AssignCore => {
                let done = onboard::assign_core(&mut self.network.relay, case.para)?;
                self.add(done);
                Ok(())
            }
            // Nodes of the parachain take it, and nothing happens on the relay chain.
            Action::Substitute(_) | Action::Wait => Ok(()),
        }
    }

    fn add(&mut self, more: onboard::Dispatched) {
        self.done.calls.extend(more.calls);
        self.done.sessions += more.sessions;
    }

    /// Has the relay chain's scheduler dispatch calls.
    ///
    /// # Errors
    ///
    /// If one of them ends with an error, or is not seen to be dispatched.
    fn dispatch(&mut self, case: &Case<'a>, by: Dispatcher, calls: &[Vec<u8>]) -> Result<()> {
        let block = self.network.relay.chain().number().saturating_add(1);
        self.network.relay.schedule_by(by, calls)?;
        let mut open: BTreeSet<Vec<u8>> = (0..calls.len() as u32).map(|index| (block, index).encode()).collect();
        for _ in 0..ENDS_WITHIN {
            let round = self.network.advance(|_| false)?;
            let events = records::whole(&round.block.block.after, &case.relay.interface()?)?.ok_or_else(|| {
                Failure::not_judged("the events of the relay chain cannot be decoded by its metadata")
            })?;
            for event in events.iter().filter(|event| event.pallet == "Scheduler") {
                // Each event about a task names it. A task without a call, or one that is too heavy, is lost.
                let Some(task) = event.field("task").filter(|task| open.contains(&task.value)) else { continue };
                match (event.name.as_str(), &event.error) {
                    ("Dispatched", None) => {
                        open.remove(&task.value);
                    }
                    ("Dispatched", Some(error)) => {
                        let message = match by {
                            Dispatcher::Root => "the relay chain's root cannot dispatch the call",
                            Dispatcher::Anyone => "no account can submit the call",
                        };
                        return Err(Failure::check(message).found(error.clone()));
                    }
                    ("CallUnavailable" | "PermanentlyOverweight", _) => {
                        return Err(Failure::not_judged(
                            "the scheduler of the relay chain cannot dispatch the call here",
                        )
                        .found(format!("Scheduler.{}", event.name)));
                    }
                    _ => {}
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(Failure::not_judged("the relay chain's scheduler has not dispatched the call")
            .found(format!("no event of it in {ENDS_WITHIN} relay blocks")))
    }

    /// Builds relay blocks until as many candidates are included as are asked for. A session ends first where the parachain
    /// has no core yet, or where the repair waits for one. Counts sessions and candidates.
    pub fn go_on(&mut self, para: ParaId, heads: u32, waits: bool, reporter: &Reporter) -> Result<()> {
        if waits {
            self.await_go_ahead(para, reporter)?;
        }
        let mut last = Failure::not_judged("the parachain has no core")
            .found(format!("no claim on one after {MOST_SESSIONS} sessions"))
            .expected("a core in the claim queue");
        for session in 0..=MOST_SESSIONS {
            if self.network.relay.has_core(para)? {
                // The first one tells how candidates name their cores.
                let mut course = include_first(&mut self.network, para, reporter)?;
                self.included = course.heads;
                if course.obstacle.is_none() && heads > course.heads {
                    let more = include(&mut self.network, &[para], heads - course.heads, reporter)?;
                    course = more.into_iter().next().ok_or_else(|| Failure::internal("no parachain was asked"))?;
                    self.included += course.heads;
                }
                match course.obstacle {
                    None => return Ok(()),
                    Some(obstacle) if !waits => return Err(obstacle),
                    Some(obstacle) => last = obstacle,
                }
            }
            if session < MOST_SESSIONS {
                self.end_session()?;
            }
        }
        Err(last)
    }

    /// Builds relay blocks until the one of the go-ahead for a scheduled code. Sessions that end bring no block closer.
    fn await_go_ahead(&mut self, para: ParaId, reporter: &Reporter) -> Result<()> {
        for _ in 0..VOTES {
            if self.network.relay.foretold(para)?.is_some() {
                break;
            }
            self.network.advance(|_| false)?;
        }
        let Some(at) = self.network.relay.foretold(para)? else { return Ok(()) };
        let began = self.network.relay.chain().number();
        let delay = at.saturating_sub(began);
        if delay > MOST_DELAY {
            return Err(Failure::not_judged("the relay chain gives the go-ahead too far ahead to be rehearsed")
                .found(format!("{delay} relay blocks"))
                .expected(format!("at most {MOST_DELAY}")));
        }
        self.pass(delay, "relay blocks until the go-ahead", reporter)
    }

    /// Builds this many relay blocks without candidates.
    pub fn pass(&mut self, blocks: u32, told: &str, reporter: &Reporter) -> Result<()> {
        for block in 0..blocks {
            reporter.progress(told, u64::from(block), Some(u64::from(blocks)), "blocks");
            self.network.advance(|_| false)?;
        }
        Ok(())
    }

    /// Makes what the relay chain's present code cannot do a failure, and not a limit of the rehearsal.
    pub fn judge_relay(&mut self) -> Result<()> {
        let code = self.network.relay.chain().next_code()?;
        self.network.relay.judge(code);
        Ok(())
    }

    /// Ends the session of the relay chain.
    pub fn end_session(&mut self) -> Result<()> {
        let (session, slots) = (self.network.relay.session()?, self.network.relay.slots_left()?);
        self.network.advance_after(slots, |_| false)?;
        for _ in 0..ENDS_WITHIN {
            if self.network.relay.session()? != session {
                self.done.sessions += 1;
                return Ok(());
            }
            self.network.advance(|_| false)?;
        }
        Err(Failure::not_judged("the relay chain does not end its session on this fork"))
    }

    /// Fails if something is still wrong that a repair is known for. A parachain may go on all the same.
    fn expect_mended(&mut self, case: &mut Case<'a>, mended: &BTreeSet<CauseKind>) -> Result<()> {
        self.network.relay.settle(case.para)?;
        self.network.follow(case.para)?;
        let left = case.on(&mut self.network, diagnosis::broken)?;
        let left: Vec<_> = left
            .into_iter()
            // With a substitute, the code in the state is another one by design.
            .filter(|cause| mended.contains(&cause.kind))
            .filter(|cause| cause.kind != CauseKind::OtherCode || self.substitute.is_none())
            .map(|cause| cause.told)
            .collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(Failure::check("the parachain goes on, and something is still wrong").found(left.join("; "))),
        }
    }
}

/// Checks that nodes take a code as a substitute: they look for one with the spec_version of the code in the state
/// (`wasm_substitutes` of sc-service).
fn check_substitute(case: &Case<'_>, mend: Option<&Mend>) -> Result<()> {
    let present = case.parachain.as_ref().map(|member| member.runtime.version.spec_version);
    match present.zip(mend) {
        Some((present, mend)) => of_same_version(present, mend.spec_version),
        None => Ok(()),
    }
}

fn of_same_version(present: u32, given: u32) -> Result<()> {
    if present == given {
        return Ok(());
    }
    Err(Failure::check("the parachain's nodes ignore the given code")
        .found(format!("spec_version {given}"))
        .expected(format!("spec_version {present}, that of the code in the state"))
        .hint("build the blob with the mend and that spec_version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_take_a_substitute_of_the_same_version_alone() {
        assert!(of_same_version(7, 7).is_ok());
        let failure = of_same_version(7, 8).expect_err("ignored");
        assert_eq!((failure.kind, failure.found.as_deref()), (worker::Kind::Check, Some("spec_version 8")));
    }
}
