// SPDX-License-Identifier: Apache-2.0
//! Tries repairs on forks, by the relay chain's own rules, until one works.

use super::{
    case::Case,
    diagnosis::is_broken,
    plans::{self, Mend, Plan},
    trial::Trial,
};
use crate::{dispatch::value, outcome::kept};
use fork::Code;
use network::onboard::Dispatcher;
use proposal::{Value, decode, files::remove_others};
use protocol::{
    Source, Status, Verdict, format,
    support::{
        Attempt, CauseKind, CodeSubstitute, CodeSubstitutes, Diagnosis, RepairCall, RepairOptions, RepairReport,
    },
};
use source::ReadSource;
use std::{
    collections::{BTreeSet, VecDeque},
    path::Path,
    time::Instant,
};
use worker::{Failure, Kind, Reporter, Result};

/// The longest call that a document holds, in bytes.
const LONGEST: usize = 64 * 1024;
/// The file with the code substitutes of the parachain's chain spec.
const SUBSTITUTES: &str = "code-substitutes.json";

/// An attempt, and what it says.
struct Tried {
    attempt: Attempt,
    /// The calls, in their order.
    calls: Vec<Vec<u8>>,
    substitute: Option<Code>,
    /// Why it does not work.
    obstacle: Option<Failure>,
}

/// Repairs that are tried one after the other.
struct Trials<'r> {
    mend: Option<Mend>,
    heads: u32,
    /// What repairs are known for, of what was found.
    mended: BTreeSet<CauseKind>,
    /// The repair of each cause that was found, before and during the trials.
    single: Vec<Plan>,
    tried: Vec<Tried>,
    /// The names of those that were tried.
    names: Vec<Vec<&'static str>>,
    reporter: &'r Reporter,
}

/// Tries repairs for what a diagnosis found, and reports them.
pub fn attempt(
    case: &mut Case<'_>,
    diagnosis: Diagnosis,
    options: &RepairOptions,
    reporter: &Reporter,
) -> Result<RepairReport> {
    let began = Instant::now();
    let mend = options.code.as_deref().map(read).transpose()?;
    if let Some(out) = options.out.as_deref().filter(|out| out.is_dir()) {
        clear(out, &[])?;
    }
    let report = |diagnosis: Diagnosis, attempts: Vec<Attempt>, proposed, verdict| RepairReport {
        format: format::REPAIR.into(),
        attempts,
        proposed,
        verdict,
        seconds: ((diagnosis.seconds + began.elapsed().as_secs_f64()) * 1000.0).round() / 1000.0,
        diagnosis,
    };
    if case.parachain.is_none() {
        return Ok(report(diagnosis, Vec::new(), None, Verdict::NotJudged));
    }
    let goes_on = diagnosis.checks.iter().any(|check| check.name == "next-block" && check.status == Status::Pass);
    if goes_on && !is_broken(&diagnosis.checks) {
        return Ok(report(diagnosis, Vec::new(), None, Verdict::Pass));
    }
    let mut trials = Trials {
        mend,
        heads: options.heads,
        mended: BTreeSet::new(),
        single: Vec::new(),
        tried: Vec::new(),
        names: Vec::new(),
        reporter,
    };
    let found = trials.all(case, &diagnosis)?;
    let mut tried = trials.tried;
    if let (true, Some(last), Some(out)) = (found, tried.last_mut(), &options.out) {
        last.attempt.files = write(last, out)?;
    }
    let failed = |one: &Tried| one.obstacle.as_ref().is_some_and(|obstacle| obstacle.kind == Kind::Check);
    let verdict = match found {
        true => Verdict::Pass,
        false if tried.is_empty() && is_broken(&diagnosis.checks) || tried.iter().any(failed) => Verdict::Fail,
        false => Verdict::NotJudged,
    };
    let proposed = found.then(|| tried.len().saturating_sub(1));
    Ok(report(diagnosis, tried.into_iter().map(|one| one.attempt).collect(), proposed, verdict))
}

fn read(name: &str) -> Result<Mend> {
    let blob = name.parse::<Source>()?.blob()?;
    let spec_version = artifact::version_of(name, &blob)?.spec_version;
    Ok(Mend { code: Code::new(blob.deployed), spec_version })
}

impl Trials<'_> {
    /// Tries the repair of each cause, and then all together. Returns whether one works, which is then the last.
    fn all(&mut self, case: &mut Case<'_>, diagnosis: &Diagnosis) -> Result<bool> {
        self.single = plans::of(case, &diagnosis.causes, self.mend.as_ref())?;
        self.mended = diagnosis.causes.iter().map(|cause| cause.kind).filter(|kind| has_repair(*kind)).collect();
        let mut queue: VecDeque<_> = plans::in_order(self.single.clone()).into();
        while let Some(plan) = queue.pop_front() {
            let (works, more) = self.try_plan(case, &plan)?;
            if works {
                return Ok(true);
            }
            // What was seen only after the head was set is mended together with it.
            let together = plans::all(&[&[plan][..], &more].concat());
            if !more.is_empty() && !self.names.contains(&together.names) {
                queue.push_front(together);
                self.single.extend(more);
            }
        }
        let together = plans::all(&self.single);
        if self.single.len() < 2 || self.names.contains(&together.names) {
            return Ok(false);
        }
        self.try_plan(case, &together).map(|(works, _)| works)
    }

    /// Tries a repair on a fork of its own. Returns whether it works, and the repairs of what was found wrong besides.
    fn try_plan(&mut self, case: &mut Case<'_>, plan: &Plan) -> Result<(bool, Vec<Plan>)> {
        self.reporter.status(format!("trying the repair {}", plan.name()));
        let mut trial = Trial::of(case);
        let how = (self.mend.as_ref(), self.heads, &self.mended);
        let mut obstacle = kept(trial.run(case, plan, how, self.reporter))?.err();
        self.mended.extend(trial.besides.iter().copied().filter(|kind| has_repair(*kind)));
        let calls = trial.done.calls.iter().map(|(by, call)| told(case, *by, call)).collect::<Result<Vec<_>>>();
        let calls = match kept(calls)? {
            Ok(calls) => calls,
            Err(failure) => {
                obstacle = obstacle.or(Some(failure));
                Vec::new()
            }
        };
        let substitute = trial.substitute.as_ref();
        let attempt = Attempt {
            name: plan.name(),
            told: plan.told.clone(),
            costs: plan.costs.clone(),
            calls,
            substitute: substitute
                .map(|(block, code)| CodeSubstitute { block: *block, blake2_256: hex::encode_prefixed(code.hash()) }),
            sessions: trial.done.sessions,
            heads: trial.included,
            works: obstacle.is_none(),
            obstacle: obstacle.as_ref().map(Failure::to_string),
            files: Vec::new(),
        };
        let works = attempt.works;
        let calls = trial.done.calls.into_iter().map(|(_, call)| call).collect();
        let substitute = trial.substitute.map(|(_, code)| code);
        self.tried.push(Tried { attempt, calls, substitute, obstacle });
        self.names.push(plan.names.clone());
        Ok((works, trial.more))
    }
}

/// Returns whether a repair changes what the states show. Nothing is known for a full queue.
fn has_repair(kind: CauseKind) -> bool {
    kind != CauseKind::UpwardQueue
}

/// Returns a call in words.
///
/// # Errors
///
/// A call that the metadata of the relay chain does not describe is not judged.
pub fn told(case: &Case<'_>, by: Dispatcher, bytes: &[u8]) -> Result<RepairCall> {
    let decoded = decode::call(case.relay.target.types(), bytes).map_err(|failure| {
        Failure::not_judged("the metadata of the relay chain does not describe a call of the repair")
            .found(failure.to_string())
    })?;
    let name = match &decoded {
        Value::Call { pallet, name, .. } => format!("{pallet}.{name}"),
        _ => return Err(Failure::internal("a repair has something that is no call")),
    };
    let is_short = bytes.len() <= LONGEST;
    Ok(RepairCall {
        chain: case.relay.name.clone(),
        origin: match by {
            Dispatcher::Root => "root".into(),
            Dispatcher::Anyone => "anyone".into(),
        },
        name,
        bytes: if is_short { hex::encode_prefixed(bytes) } else { String::new() },
        length: bytes.len() as u64,
        hash: hex::encode_prefixed(artifact::hashes::blake2_256(bytes)),
        decoded: if is_short { value::pretty(&decoded) } else { String::new() },
    })
}

/// Writes the calls of a repair, and the entry of the chain spec, and returns the names of the files.
fn write(tried: &Tried, out: &Path) -> Result<Vec<String>> {
    let mut more = Vec::new();
    if let (Some(code), Some(substitute)) = (&tried.substitute, &tried.attempt.substitute) {
        let codes = [(substitute.block.to_string(), hex::encode_prefixed(code.bytes()))].into();
        let document = serde_json::to_vec(&CodeSubstitutes { codes }).map_err(|error| {
            Failure::internal("a code substitute cannot be written as JSON").found(error.to_string())
        })?;
        more.push((SUBSTITUTES.to_owned(), document));
    }
    write_calls(&tried.attempt.calls, &tried.calls, more, out)
}

/// Writes calls and more files, removes those of an earlier run, and returns the names of the files.
pub fn write_calls(
    calls: &[RepairCall],
    encoded: &[Vec<u8>],
    more: Vec<(String, Vec<u8>)>,
    out: &Path,
) -> Result<Vec<String>> {
    std::fs::create_dir_all(out).map_err(|error| Failure::io("make", out, &error))?;
    let mut names = Vec::new();
    let mut put = |name: String, content: &[u8]| -> Result<()> {
        files::write_whole(&out.join(&name), content)?;
        names.push(name);
        Ok(())
    };
    for (position, (call, bytes)) in calls.iter().zip(encoded).enumerate() {
        let name = format!("{:02}-{}", position + 1, call.name);
        put(format!("{name}.hex"), format!("{}\n", hex::encode_prefixed(bytes)).as_bytes())?;
        put(format!("{name}.scale"), bytes)?;
    }
    for (name, content) in more {
        put(name, &content)?;
    }
    clear(out, &names)?;
    Ok(names)
}

/// Removes the files of an earlier repair, so that nobody signs the calls of two, or those of one that no longer works.
pub fn clear(out: &Path, keep: &[String]) -> Result<()> {
    let earlier = out.join(SUBSTITUTES);
    if earlier.is_file() && !keep.iter().any(|name| name == SUBSTITUTES) {
        std::fs::remove_file(&earlier).map_err(|error| Failure::io("remove", &earlier, &error))?;
    }
    remove_others(out, keep)
}
