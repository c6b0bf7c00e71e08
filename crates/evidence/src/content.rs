// SPDX-License-Identifier: Apache-2.0
//! Checks that a step's result supports its verdict, and that the files it names are what it says.
//!
//! Somebody could edit a result and assemble the manifest again; every hash would then be right. So
//! assembling, signing and verifying all inspect the results. A dry run passed only if its checks
//! passed. The files of a proposal must be the calls that it names, and these calls must do what the
//! words beside them say ([`calls`]).

use crate::{
    calls::{self, Pallets, Refusal},
    digest, step,
};
use protocol::{
    CHECKS, Check, RuntimeIdentity, StateIdentity, Status, Verdict,
    build::{BuildResult, SizeVerdict},
    checks::TABLE,
    diff::{Change, ChangeKind, DiffOutcome},
    dry_run::DryRunReport,
    format::{DIFF, DRY_RUN, REHEARSAL, WEIGHTS},
    inspect::RuntimeFacts,
    manifest::{RuntimeBlob, SourceIdentity, StepSummary},
    proposal::{Call, Proposal, ProposeOutcome},
    rehearse::{RehearsalReport, RehearseOutcome},
    step::{Step, StepResult},
    weights::check as weights,
};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};
use worker::Failure;

/// The file that failed a check, and the reason.
pub type FailedFile = (String, Refusal);

impl Refusal {
    /// Returns the failure of a file that is not accepted.
    pub fn of_file(self, file: &str) -> Failure {
        match self {
            Self::Wrong(reason) => {
                Failure::check(format!("{file} {reason}")).hint("run the step again, then assemble the bundle again")
            }
            Self::NotJudged(reason) => Failure::not_judged(format!("{file}: {reason}"))
                .hint("this version of Cutover cannot read the call: take the version that made it"),
        }
    }
}

/// Checks the results of the steps. `content` returns the bytes of a file of the bundle.
pub fn check_results(
    steps: &BTreeMap<String, Step>,
    runtimes: &[RuntimeBlob],
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(), FailedFile> {
    for (file, step) in steps {
        let about = |runtime: &&RuntimeBlob| step.is_of(&runtime.name);
        let blobs: Vec<_> = runtimes.iter().filter(about).collect();
        check_result(step, steps, &blobs, content).map_err(|reason| (file.clone(), reason))?;
    }
    Ok(())
}

/// Checks the result of a step that passed. Another verdict claims nothing that a result must
/// support.
fn check_result(
    step: &Step,
    steps: &BTreeMap<String, Step>,
    blobs: &[&RuntimeBlob],
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(), Refusal> {
    if !step.verdict.passed() {
        return Ok(());
    }
    let result = match step.step.as_str() {
        BuildResult::STEP => build(step),
        DryRunReport::STEP => of::<DryRunReport>(step).and_then(|result| dry_run(&result, blobs)),
        DiffOutcome::STEP => of::<DiffOutcome>(step).and_then(|result| diff(&result, blobs)),
        weights::StepResult::STEP => of::<weights::StepResult>(step).and_then(|result| check_weights(&result)),
        RuntimeFacts::STEP => of::<RuntimeFacts>(step).and_then(|result| inspect(&result, blobs)),
        ProposeOutcome::STEP => match of::<ProposeOutcome>(step).map_err(Refusal::Wrong)? {
            ProposeOutcome::Proposed(proposal) => return propose(&proposal, step, steps, blobs, content),
            ProposeOutcome::Refused { error } => {
                Err(format!("states that it passed, but its result is a refusal: {}", error.message))
            }
        },
        RehearseOutcome::STEP => of::<RehearseOutcome>(step).and_then(|result| match result {
            RehearseOutcome::Rehearsed(report) => rehearse(&report, step, steps),
            RehearseOutcome::NotDispatched { not_dispatched, .. } => {
                Err(format!("states that it passed, but its proposal was not dispatched: {not_dispatched}"))
            }
        }),
        _ => Ok(()),
    };
    result.map_err(Refusal::Wrong)
}

/// Returns the hash of all that the proposal changes, of a step that rehearsed one.
pub fn difference_hash(step: &Step) -> Option<String> {
    let outcome: RehearseOutcome = step.result().ok()?;
    outcome.report().map(|report| report.difference_hash.clone())
}

fn of<T: StepResult>(step: &Step) -> Result<T, String> {
    known_format(step)?;
    step.result().map_err(|error| format!("states that it passed, but has no valid result: {error}"))
}

/// Refuses a result of another format version by its name, whatever other fields differ.
fn known_format(step: &Step) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Header {
        format: String,
    }
    let expected = match step.step.as_str() {
        DryRunReport::STEP => DRY_RUN,
        DiffOutcome::STEP => DIFF,
        weights::StepResult::STEP => WEIGHTS,
        RehearseOutcome::STEP => REHEARSAL,
        _ => return Ok(()),
    };
    match Header::deserialize(&step.result) {
        Ok(Header { format }) if format != expected => Err(format!(
            "has a result of the format {format:?}; this version reads {expected}: run the upgrade again, or take the version of \
             Cutover that wrote it"
        )),
        _ => Ok(()),
    }
}

fn is_about(hash: &str, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    match blobs.iter().any(|blob| blob.blake2_256 == hash) {
        true => Ok(()),
        false => Err(format!("has a result about the blob {hash}, which does not ship")),
    }
}

fn build(step: &Step) -> Result<(), String> {
    let too_large = |built: BuildResult| built.record.size_verdict == SizeVerdict::Fail;
    match step.result().is_ok_and(too_large) {
        true => Err("states that it passed, but its blob is too large".into()),
        false => Ok(()),
    }
}

fn dry_run(result: &DryRunReport, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    is_about(&result.to.blake2_256, blobs)?;
    if !result.left_out.is_empty() {
        return Err(format!("states that it passed, but its dry run left out checks: {}", result.left_out.join(", ")));
    }
    if let Some(name) = CHECKS.iter().find(|name| !result.checks.iter().any(|check| check.name == **name)) {
        return Err(format!("states that it passed, but lacks the check {name}"));
    }
    let tried = result.try_runtime.is_some();
    let applying = |name: &str| TABLE.iter().any(|entry| entry.name == name && entry.always_applies(tried));
    let skipped = |check: &&Check| check.status == Status::Skip && applying(&check.name);
    if let Some(check) = result.checks.iter().find(skipped) {
        return Err(format!("states that it passed, but skips the check {}, which always applies", check.name));
    }
    follows(result.verdict, &result.checks)
}

/// Checks that a verdict follows from the checks, none of which blocks an upgrade.
fn follows(verdict: Verdict, checks: &[Check]) -> Result<(), String> {
    let blocking = |check: &&Check| matches!(check.status, Status::Fail | Status::NotJudged);
    if let Some(check) = checks.iter().find(blocking) {
        return Err(format!("states that it passed, but its check {} is {}", check.name, check.status));
    }
    let expected = Verdict::of(checks);
    match verdict == expected {
        true => Ok(()),
        false => Err(format!("has the verdict {verdict}, but its checks result in {expected}")),
    }
}

/// Checks that what was dispatched is the proposal of the same runtime.
fn rehearse(report: &RehearsalReport, step: &Step, steps: &BTreeMap<String, Step>) -> Result<(), String> {
    if report.checks.is_empty() {
        return Err("states that it passed, but has no checks".into());
    }
    follows(report.verdict, &report.checks)?;
    let proposed = steps.values().find(|other| other.step == ProposeOutcome::STEP && other.runtime == step.runtime);
    let outcome = proposed.and_then(|proposed| proposed.result::<ProposeOutcome>().ok());
    let calls = outcome.as_ref().and_then(ProposeOutcome::proposal).map(|proposal| &proposal.calls[..]);
    let mut hashes = calls.unwrap_or_default().iter().flat_map(|call| {
        let carried = call.carries.iter().map(|inner| &inner.hash);
        carried.chain([&call.hash]).chain(call.preimage.as_ref().map(|preimage| &preimage.hash))
    });
    match hashes.any(|hash| *hash == report.call.blake2_256) {
        true => Ok(()),
        false => Err(format!("is about the call {}, which is not that of the proposal", report.call.blake2_256)),
    }
}

fn diff(result: &DiffOutcome, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    let result = result.report().ok_or("states that it passed, but nothing was compared")?;
    is_about(&result.new.blake2_256, blobs)?;
    let not_kept = |rule: &Check| matches!(rule.status, Status::Fail | Status::NotJudged);
    match result.verdict.passed() && !result.rules.is_empty() && !result.rules.iter().any(not_kept) {
        true => Ok(()),
        false => Err("states that it passed, but a rule was not kept".into()),
    }
}

fn check_weights(result: &weights::StepResult) -> Result<(), String> {
    let failed = result.check.findings.iter().any(|finding| finding.severity == weights::Severity::Failure);
    match result.check.verdict.passed() && !failed {
        true => Ok(()),
        false => Err("states that it passed, but it has failures".into()),
    }
}

fn inspect(result: &RuntimeFacts, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    let same = |blob: &&&RuntimeBlob| blob.blake2_256 == result.blake2_256 && blob.sha256 == result.sha256;
    match blobs.iter().find(same) {
        Some(_) => Ok(()),
        None => Err(format!("has other hashes than the blob that ships: {} and {}", result.blake2_256, result.sha256)),
    }
}

fn propose(
    result: &Proposal,
    step: &Step,
    steps: &BTreeMap<String, Step>,
    blobs: &[&RuntimeBlob],
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(), Refusal> {
    is_about(&result.code_hash, blobs).map_err(Refusal::Wrong)?;
    let blob = blobs.iter().find(|blob| blob.blake2_256 == result.code_hash).and_then(|blob| content(&blob.file));
    let blob = blob.ok_or_else(|| Refusal::Wrong("is about a blob that cannot be read".into()))?;
    let pallets = pallets(step, steps, &blob)?;
    calls::check(result, &blob, pallets, |name, hash, files| bytes_of(name, hash, files, content))
}

/// Returns the pallets of the chain that a proposal upgrades: those of the new runtime, without
/// what the comparison says changed.
fn pallets(proposal: &Step, steps: &BTreeMap<String, Step>, code: &[u8]) -> Result<Pallets, Refusal> {
    let of_runtime = |name: &str| steps.values().find(|step| step.step == name && step.runtime == proposal.runtime);
    let facts = of_runtime(RuntimeFacts::STEP).and_then(|step| step.result::<RuntimeFacts>().ok());
    let facts = facts.and_then(|facts| Some((facts.pallets?, facts.set_code_hash)));
    let (pallets, set_code_hash) = facts
        .ok_or_else(|| Refusal::NotJudged("its calls are not judged: no inspect.json lists the pallets".into()))?;
    let mut known: BTreeMap<_, _> =
        pallets.into_iter().filter_map(|pallet| Some((pallet.name, pallet.index?))).collect();
    let diff = of_runtime(DiffOutcome::STEP).and_then(|step| step.result::<DiffOutcome>().ok());
    let report = diff.as_ref().and_then(DiffOutcome::report);
    let changes = report.map(|report| &report.changes[..]).unwrap_or_default();
    let fill_block = has_fill_block(known.get("System").copied(), &set_code_hash, changes, code);
    // A runtime that is too old to be compared can have further pallets.
    let Some(report) = report else { return Ok(Pallets::new(known, None).with_fill_block(fill_block)) };
    let mut others = Vec::new();
    for change in &report.changes {
        match change.kind {
            ChangeKind::PalletAdded => drop(known.remove(&change.name)),
            ChangeKind::PalletRemoved => others.push(change.name.clone()),
            ChangeKind::PalletMoved => {
                known.remove(&change.name);
                others.push(change.name.clone());
            }
            ChangeKind::PalletRenamed => {
                known.remove(&change.name);
                others.extend(change.old.clone());
            }
            _ => {}
        }
    }
    Ok(Pallets::new(known, Some(others)).with_fill_block(fill_block))
}

/// Returns whether the evidence says that the chain has `System.set_code` at the index 3, behind
/// `fill_block`: the comparison lists the call as moved from there, or, without a move, the new
/// runtime has it there too, by the hash of its call.
fn has_fill_block(system: Option<u8>, set_code_hash: &str, changes: &[Change], code: &[u8]) -> bool {
    let moves = |change: &&Change| {
        change.kind == ChangeKind::CallMoved && change.pallet.as_deref() == Some("System") && change.name == "set_code"
    };
    match (changes.iter().find(moves), system) {
        (Some(change), _) => change.old.as_deref() == Some("index 3"),
        (None, Some(system)) => digest::blake2_256(&calls::set_code(system, 3, code)) == set_code_hash,
        (None, None) => false,
    }
}

/// Returns a line for each call of the bundle's proposals: what it does, and its hash.
pub fn proposed_calls(bundle: &Path, steps: &[StepSummary]) -> Vec<String> {
    let proposal = |summary: &StepSummary| {
        let text = files::read_bounded(&bundle.join(&summary.file), step::SIZE_LIMIT).ok()?;
        let step = step::parse(&text, &summary.file).ok().filter(|step| step.step == ProposeOutcome::STEP)?;
        step.result::<ProposeOutcome>().ok()?.proposal().cloned()
    };
    let line = |call: &Call| format!("call on {}, blake2_256 {}: {}", call.chain, call.hash, call.decoded);
    let calls = steps.iter().filter_map(proposal).flat_map(|proposal| proposal.calls);
    calls.map(|call| line(&call)).collect()
}

/// Returns the bytes of a call. All its files must have these bytes, and their hash must be the
/// call hash that is voted on.
fn bytes_of(
    call: &str,
    hash: &str,
    files: &[String],
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, String> {
    let mut found = None;
    for file in files {
        let text = content(file).ok_or_else(|| format!("names {file}, which is missing"))?;
        let bytes = match file.ends_with(".hex") {
            true => {
                let text = text.strip_prefix(b"0x").unwrap_or(&text);
                hex::decode(text.trim_ascii_end()).map_err(|error| format!("{file} is invalid hex: {error}"))?
            }
            false => text,
        };
        if digest::blake2_256(&bytes) != hash {
            return Err(format!("{file} is not the call {call} with the hash {hash}"));
        }
        found = Some(bytes);
    }
    found.ok_or_else(|| format!("the call {call} has no file"))
}

/// The facts about an upgrade that the manifest copies from the evidence of the steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The commit and the lock file of the build.
    pub source: SourceIdentity,
    /// The state of the dry run; `None` without a valid dry run.
    pub chain: Option<StateIdentity>,
    /// The runtime before the upgrade; `None` without a valid dry run.
    pub previous: Option<RuntimeIdentity>,
}

impl Facts {
    /// Returns the facts that the first build and the first dry run state.
    pub fn of(steps: &BTreeMap<String, Step>) -> Self {
        let first = |name: &str| steps.values().find(|step| step.step == name);
        let build = first(BuildResult::STEP);
        let built = build.and_then(|step| step.result::<BuildResult>().ok());
        let lock_file = build.and_then(|step| step.inputs.get("lock_file")).map(|input| input.digest.clone());
        let (commit, dirty) = built.map(|built| (built.record.commit, built.record.dirty)).unwrap_or_default();
        let dry_run = first(DryRunReport::STEP).and_then(|step| step.result::<DryRunReport>().ok());
        let (chain, previous) = dry_run.map(|report| (report.state, report.from)).unzip();
        Self { source: SourceIdentity { commit, dirty, lock_file }, chain, previous }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bundle;
    use protocol::diff::Severity;
    use serde_json::{Value, json};

    fn refused(step: &str, change: impl FnOnce(&mut Value)) -> String {
        let bundle = Bundle::new();
        bundle.change_step(step, |step| change(&mut step.result));
        bundle.refused().to_string()
    }

    #[test]
    fn the_verdict_of_a_dry_run_follows_from_its_checks() {
        for (change, expected) in [
            (json!({"verdict": "fail"}), "has the verdict fail"),
            (json!({"verdict": "pass_with_hazards"}), "but its checks result in pass"),
            (json!({"checks": []}), "lacks the check versions"),
            (json!({"format": "cutover/dry-run/v1"}), "\"cutover/dry-run/v1\"; this version reads cutover/dry-run/v2"),
            (json!({"left_out": ["weights"]}), "left out checks: weights"),
        ] {
            let message = refused("dry-run", |result| {
                for (name, value) in change.as_object().expect("fields") {
                    result[name] = value.clone();
                }
            });
            assert!(message.contains("dry-run.json") && message.contains(expected), "{message}");
        }
        let message = refused("dry-run", |result| result["to"]["blake2_256"] = json!("0x12"));
        assert!(message.contains("which does not ship"), "{message}");
        for (status, expected) in [
            ("fail", "its check migrations is fail"),
            ("not_judged", "its check migrations is not judged"),
            ("unheard of", "has no valid result"),
        ] {
            let message = refused("dry-run", |result| result["checks"][6]["status"] = json!(status));
            assert!(message.contains(expected), "{message}");
        }
        assert!(refused("dry-run", |result| *result = json!({})).contains("has no valid result"));
    }

    #[test]
    fn a_rehearsal_is_that_of_the_proposal_and_its_verdict_follows_from_its_checks() {
        let check = |status: &str| json!([{"name": "dispatch", "status": status, "detail": "", "findings": []}]);
        for (change, expected) in [
            (json!({"verdict": "not_judged"}), "has the verdict not judged, but its checks result in pass"),
            (json!({"checks": []}), "has no checks"),
            (json!({"checks": check("fail")}), "its check dispatch is fail"),
            (json!({"call": {"blake2_256": "0x12"}}), "is about the call 0x12"),
            (json!({"format": "cutover/rehearsal/v0"}), "this version reads cutover/rehearsal/v1"),
            (json!({"not_dispatched": "no state", "applies": false}), "was not dispatched: no state"),
        ] {
            let message = refused("rehearse", |result| {
                for (name, value) in change.as_object().expect("an object") {
                    match (&mut result[name.as_str()], value) {
                        (Value::Object(fields), Value::Object(changed)) => fields.extend(changed.clone()),
                        (field, value) => *field = value.clone(),
                    }
                }
            });
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }

    #[test]
    fn the_manifest_has_the_hash_of_what_the_proposal_changes() {
        let bundle = Bundle::new();
        let assembled = bundle.assemble();
        let hashes: Vec<_> = assembled.steps.iter().filter_map(|step| step.difference_hash.as_deref()).collect();
        assert_eq!(hashes, ["0x07"]);
    }

    #[test]
    fn the_evidence_says_whether_set_code_is_behind_fill_block() {
        let code = b"runtime";
        let hash = |call| digest::blake2_256(&calls::set_code(5, call, code));
        assert!(has_fill_block(Some(5), &hash(3), &[], code));
        // The twins: today's index, another pallet, other code, no index.
        assert!(!has_fill_block(Some(5), &hash(2), &[], code));
        assert!(!has_fill_block(Some(6), &hash(3), &[], code));
        assert!(!has_fill_block(Some(5), &hash(3), &[], b"other"));
        assert!(!has_fill_block(None, &hash(3), &[], code));

        let moved = |pallet: &str, name: &str, old: &str| {
            [Change::new(ChangeKind::CallMoved, Severity::Breaking, &[], name).within(pallet).old(old)]
        };
        assert!(has_fill_block(Some(5), &hash(2), &moved("System", "set_code", "index 3"), code));
        assert!(!has_fill_block(Some(5), &hash(3), &moved("System", "set_code", "index 2"), code));
        assert!(!has_fill_block(Some(5), &hash(2), &moved("System", "remark", "index 3"), code));
        assert!(!has_fill_block(Some(5), &hash(2), &moved("Other", "set_code", "index 3"), code));
    }

    #[test]
    fn checks_that_always_apply_are_not_skipped() {
        let skip = |result: &mut Value, names: &[&str]| {
            for (position, name) in CHECKS.iter().enumerate().filter(|(_, name)| names.contains(name)) {
                result["checks"][position] = json!(Check::skip(*name, ""));
            }
        };
        assert!(refused("dry-run", |result| skip(result, &CHECKS)).contains("skips the check versions"));
        assert!(refused("dry-run", |result| skip(result, &["migrations"])).contains("skips the check migrations"));
        let message = refused("dry-run", |result| {
            result["try_runtime"] = json!("try.wasm");
            skip(result, &["try-state"]);
        });
        assert!(message.contains("skips the check try-state"), "{message}");
        // A solo chain without sessions, rehearsed without a try-runtime build.
        let bundle = Bundle::new();
        bundle.change_step("dry-run", |step| {
            skip(&mut step.result, &["sessions", "async-backing", "try-state", "storage-layout"])
        });
        assert_eq!(bundle.assemble().verdict, protocol::Verdict::Pass);
    }

    #[test]
    fn a_hazard_counts_unless_it_is_allowed() {
        let with = |check: Value, verdict: &str| {
            let bundle = Bundle::new();
            bundle.change_step("dry-run", |step| {
                step.result["checks"][3] = check;
                step.result["verdict"] = json!(verdict);
            });
            bundle.try_assemble().is_ok()
        };
        let warned = json!({"name": "transaction-signing", "status": "warn", "detail": ""});
        let allowed =
            json!({"name": "transaction-signing", "status": "warn", "detail": "", "allowed": "wallets know it"});
        assert!(with(warned.clone(), "pass_with_hazards") && !with(warned, "pass"));
        assert!(with(allowed.clone(), "pass") && !with(allowed, "pass_with_hazards"));
    }

    #[test]
    fn rules_findings_and_hashes_support_their_verdicts() {
        assert!(refused("build", |result| result["size_verdict"] = json!("fail")).contains("too large"));
        assert!(refused("diff", |result| result["rules"][0]["status"] = json!("fail")).contains("diff.json"));
        assert!(refused("diff", |result| result["rules"] = json!([])).contains("diff.json"));
        assert!(refused("inspect", |result| result["sha256"] = json!("0x00")).contains("other hashes"));
    }

    #[test]
    fn the_files_of_a_proposal_are_its_calls_and_hold_the_blob() {
        let hash = |bytes: &[u8]| json!(digest::blake2_256(bytes));
        let message = refused("propose", |result| result["code_hash"] = hash(b"another blob"));
        assert!(message.contains("which does not ship"), "{message}");
        let message = refused("propose", |result| result["calls"][0]["hash"] = hash(b"another call"));
        assert!(message.contains("is not the call"), "{message}");
        // All parts are consistent, but the call has another hash than the blob's.
        let other = [&[12, 0, 0, 9][..], &[7; 32]].concat();
        let bundle = Bundle::new();
        bundle.write("calls/authorize_upgrade.hex", format!("0x{}\n", hex::encode(&other)).as_bytes());
        bundle.change_step("propose", |step| step.result["calls"][0]["hash"] = hash(&other));
        let failure = bundle.refused();
        assert_eq!(failure.kind, worker::Kind::Check);
        assert!(failure.message.contains("has a wrong call sudo: it authorizes other code"), "{failure}");
        // The twin: this version does not know what the last byte is.
        let unknown = [&other[..4], &[7; 33]].concat();
        bundle.write("calls/authorize_upgrade.hex", format!("0x{}\n", hex::encode(&unknown)).as_bytes());
        bundle.change_step("propose", |step| {
            step.result["calls"][0]["hash"] = hash(&unknown);
            step.result["calls"][0]["length"] = json!(unknown.len());
        });
        let failure = bundle.refused();
        assert_eq!(failure.kind, worker::Kind::NotJudged);
        assert!(failure.message.contains("is not judged"), "{failure}");
    }
}
