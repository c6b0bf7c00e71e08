// SPDX-License-Identifier: Apache-2.0
//! The job `rehearse`: the proposal of the upgrade, dispatched on forks until its code is live.

use super::{
    super::{dry_run, rehearse::proposal, utf8},
    bundle::inputs,
    plan::Plan,
};
use crate::sources::{self, SourceLocation};
use console::jobs::{JobContext, JobOutcome};
use protocol::{
    Verdict,
    dry_run::{RelayRequest, Request},
    proposal::{ProposeOutcome, Route},
    rehearse::{RehearsalReport, RehearseOutcome, RehearseRequest},
    step::{Input, StepResult},
};
use worker::{Kind, Result};
use workers::Worker;
use workspace::inputs::file_digest;

/// The input that names the state of another chain which takes part.
const OTHERS: &str = "others";

/// The chains of a rehearsal.
struct Chains {
    /// The one that dispatches the proposal.
    main: SourceLocation,
    /// Its relay chain, if it is a parachain.
    relay: Option<SourceLocation>,
    /// The chain that is upgraded, if another one dispatches the proposal.
    with: Option<SourceLocation>,
}

impl Plan<'_> {
    /// Dispatches the proposal on forks and writes what it did as evidence.
    pub(super) fn rehearse(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let outcome: ProposeOutcome = self.bundle.result()?;
        let Some(proposed) = outcome.proposal() else {
            let why = "the chain would refuse the upgrade";
            return self.not_dispatched(true, why, None);
        };
        if proposed.apply.is_none() {
            let why = "the proposal has the code itself, which the dry run applies as the chain does";
            return self.not_dispatched(false, why, None);
        }
        let chains = match self.rehearsed_chains(proposed.route)? {
            Ok(chains) => chains,
            Err(why) => return self.not_dispatched(false, why, None),
        };
        let onboard = self.runtime.config.dry_run.onboard;
        let others = [&chains.relay, &chains.with].into_iter().flatten();
        let others = others.chain([&chains.main]).map(|place| self.digest_of(place)).collect::<Result<Vec<_>>>()?;
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("proposal", &file_digest(&self.bundle.path(&format!("{}.json", ProposeOutcome::STEP)))?),
            ("state", &self.state_digest()?),
            ("others", &others.join(" ")),
            ("onboard", &onboard.to_string()),
            ("tool", &self.tool(Worker::DryRun, job_context)?),
        ]);
        if self.bundle.is_up_to_date(RehearseOutcome::STEP, &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let given = proposal::of_proposal(proposed, &self.bundle.directory)?;
        let request = Request::Rehearse(Box::new(RehearseRequest {
            after: Vec::new(),
            proposal: given.proposed,
            source: given.source,
            state: chains.main.source(),
            at: match &chains.main {
                SourceLocation::File(_) => self.options.at.clone().filter(|_| chains.with.is_none()),
                SourceLocation::Live(_) => None,
            },
            relay: chains.relay.as_ref().map(|relay| RelayRequest { state: relay.source(), at: None, runtime: None }),
            with: chains.with.iter().map(SourceLocation::source).collect(),
            onboard,
            origin: None,
            codes: vec![utf8(&self.blob())?.to_owned()],
            known_codes: Vec::new(),
            blocks: 0,
            sessions: 0,
            cache: Some(self.context.cache.join("executor")),
            nodes: Some(self.context.nodes.clone()),
        }));
        let answer = workers::ask(self.context, Worker::DryRun, &request, job_context.task, job_context.log);
        let report: RehearsalReport = match answer {
            Ok(outcome) => outcome.value,
            // No chain of the upgrade is at fault where nothing is known that dispatches its proposal.
            Err(failure) if failure.kind == Kind::NotJudged => {
                return self.not_dispatched(true, &failure.to_string(), Some(&key));
            }
            Err(failure) if chains.with.is_some() && [Kind::Usage, Kind::Input].contains(&failure.kind) => {
                let why = format!("the chain that governs the upgrade cannot be forked: {failure}");
                return self.not_dispatched(false, &why, Some(&key));
            }
            Err(failure) => return Err(failure),
        };
        let told = match report.verdict {
            Verdict::Fail => "FAILED".to_owned(),
            verdict => report::terminal::with_hazards(verdict, report.hazards),
        };
        self.write_rehearsal(&RehearseOutcome::Rehearsed(Box::new(report)), Some(&key))?;
        Ok(JobOutcome::Completed(told))
    }

    /// Returns the chains of the rehearsal, or why there are none.
    fn rehearsed_chains(&self, route: Route) -> Result<std::result::Result<Chains, &'static str>> {
        let own_relay = self.runtime.rehearsal_relay();
        let source = |name: &str| sources::source(self.context, name);
        let relay = own_relay.as_deref().map(source).transpose()?;
        let is_governed = matches!(route, Route::RelaySuperuserSudo | Route::RelaySuperuserReferendum);
        if !is_governed {
            return Ok(Ok(Chains { main: self.state.place.clone(), relay, with: None }));
        }
        let Some(governing) = self.route().relay else {
            return Ok(Err("no state of the chain that governs the upgrade is known"));
        };
        // Another parachain may govern it, such as Asset Hub.
        let relay = relay.filter(|_| own_relay.as_deref() != Some(&governing));
        Ok(Ok(Chains { main: source(&governing)?, relay, with: Some(self.state.place.clone()) }))
    }

    /// Writes why the proposal was not dispatched. `applies` says that it could have been.
    fn not_dispatched(&self, applies: bool, why: &str, key: Option<&str>) -> Result<JobOutcome> {
        self.write_rehearsal(&RehearseOutcome::NotDispatched { not_dispatched: why.to_owned(), applies }, key)?;
        Ok(JobOutcome::Completed(format!("not dispatched: {why}")))
    }

    fn write_rehearsal(&self, outcome: &RehearseOutcome, key: Option<&str>) -> Result<()> {
        let states = outcome.report().map(|report| {
            let roots = report.chains.iter().filter(|chain| chain.absent.is_none());
            roots.map(|chain| chain.identity.state_root.as_str()).collect::<Vec<_>>().join(" ")
        });
        let verdict = match outcome.verdict() {
            Verdict::Skip => Verdict::Skip,
            verdict => dry_run::verdict(verdict),
        };
        let mut step = self.step(verdict, outcome)?.input("state", self.state.input()?);
        if let Some(states) = states {
            step = step.input(OTHERS, Input::new(states));
        }
        self.bundle.write_step(step, &[])?;
        match key {
            Some(key) => self.bundle.record_job(RehearseOutcome::STEP, key, &["rehearse.json".into()]),
            None => Ok(()),
        }
    }
}
