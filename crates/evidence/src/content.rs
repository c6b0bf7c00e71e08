// SPDX-License-Identifier: Apache-2.0
//! Whether a step's result bears out its verdict, and its files what it says of them.
//!
//! A manifest that is made anew over a result that was edited is whole in every other respect. So whoever joins, signs and
//! verifies looks into the results: a dry run passed if its checks did, the files of a proposal are the calls that it names, and
//! these hold the hash of the blob that ships.

use crate::{digest, statement::RuntimeBlob, step::Step};
use protocol::{CHECKS, Verdict, format::WEIGHTS, weights::check as weights};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// The formats of results whose verdicts are read here.
const DRY_RUN: &str = protocol::format::DRY_RUN;
const DIFF: &str = protocol::format::DIFF;

/// What is wrong, and the file that it is held against.
pub type Wrong = (String, String);

#[derive(Deserialize)]
struct DryRun {
    format: String,
    verdict: String,
    checks: Vec<Check>,
    #[serde(default)]
    left_out: Vec<String>,
    to: Identity,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    status: String,
    #[serde(default)]
    allowed: Option<String>,
}

#[derive(Deserialize)]
struct Identity {
    blake2_256: String,
}

#[derive(Deserialize)]
struct Diff {
    format: String,
    verdict: String,
    rules: Vec<Rule>,
    new: Identity,
}

#[derive(Deserialize)]
struct Rule {
    status: String,
}

#[derive(Deserialize)]
struct Inspect {
    blake2_256: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Propose {
    code_hash: String,
    calls: Vec<Call>,
    apply: Option<Call>,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    /// The blake2-256 of the call.
    hash: String,
    files: Vec<String>,
}

/// Checks the results of the steps. `content` gives the bytes of a file of the bundle.
pub fn check_results(
    steps: &BTreeMap<String, Step>,
    runtimes: &[RuntimeBlob],
    content: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(), Wrong> {
    for (file, step) in steps {
        let about = |runtime: &&RuntimeBlob| step.is_of(&runtime.name);
        let blobs: Vec<_> = runtimes.iter().filter(about).collect();
        check_result(step, &blobs, content).map_err(|reason| (file.clone(), reason))?;
    }
    Ok(())
}

/// One that failed, was skipped or was not judged stands in the way, whatever its result says.
fn check_result(step: &Step, blobs: &[&RuntimeBlob], content: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<(), String> {
    if step.verdict != Verdict::Pass {
        return Ok(());
    }
    match step.step.as_str() {
        "dry-run" => dry_run(&of(step)?, blobs),
        "diff" => diff(&of(step)?, blobs),
        "weights" => weights(&of(step)?),
        "inspect" => inspect(&of(step)?, blobs),
        "propose" => propose(&of(step)?, blobs, content),
        _ => Ok(()),
    }
}

fn of<T: DeserializeOwned>(step: &Step) -> Result<T, String> {
    T::deserialize(&step.result)
        .map_err(|error| format!("states that it passed, and has not the result for it: {error}"))
}

fn known(format: &str, expected: &str) -> Result<(), String> {
    match format == expected {
        true => Ok(()),
        false => Err(format!("has a result of the format {format:?}; this version knows {expected}")),
    }
}

fn is_about(hash: &str, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    match blobs.iter().any(|blob| blob.blake2_256 == hash) {
        true => Ok(()),
        false => Err(format!("has a result about the blob {hash}, which does not ship")),
    }
}

fn dry_run(result: &DryRun, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    known(&result.format, DRY_RUN)?;
    is_about(&result.to.blake2_256, blobs)?;
    if !result.left_out.is_empty() {
        return Err(format!("states that it passed, and its dry run left out checks: {}", result.left_out.join(", ")));
    }
    if let Some(name) = CHECKS.iter().find(|name| !result.checks.iter().any(|check| check.name == **name)) {
        return Err(format!("states that it passed, and lacks the check {name}"));
    }
    let stands = |check: &&Check| !["pass", "warn", "skip"].contains(&check.status.as_str());
    if let Some(check) = result.checks.iter().find(stands) {
        return Err(format!("states that it passed, where its check {} is {:?}", check.name, check.status));
    }
    let hazards = result.checks.iter().any(|check| check.status == "warn" && check.allowed.is_none());
    let expected = if hazards { "pass_with_hazards" } else { "pass" };
    match result.verdict == expected {
        true => Ok(()),
        false => Err(format!("has the verdict {:?}, where its checks come to {expected:?}", result.verdict)),
    }
}

fn diff(result: &Diff, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    known(&result.format, DIFF)?;
    is_about(&result.new.blake2_256, blobs)?;
    let broken = result.rules.is_empty() || result.rules.iter().any(|rule| rule.status == "fail");
    match result.verdict == "pass" && !broken {
        true => Ok(()),
        false => Err("states that it passed, and does not have every rule kept".into()),
    }
}

fn weights(result: &weights::StepResult) -> Result<(), String> {
    known(&result.check.format, WEIGHTS)?;
    let failed = result.check.findings.iter().any(|finding| finding.severity == weights::Severity::Failure);
    match result.check.verdict == Verdict::Pass && !failed {
        true => Ok(()),
        false => Err("states that it passed, and its findings do not".into()),
    }
}

fn inspect(result: &Inspect, blobs: &[&RuntimeBlob]) -> Result<(), String> {
    let same = |blob: &&&RuntimeBlob| blob.blake2_256 == result.blake2_256 && blob.sha256 == result.sha256;
    match blobs.iter().find(same) {
        Some(_) => Ok(()),
        None => Err(format!("has other hashes than the blob that ships: {} and {}", result.blake2_256, result.sha256)),
    }
}

fn propose(result: &Propose, blobs: &[&RuntimeBlob], content: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<(), String> {
    is_about(&result.code_hash, blobs)?;
    let code = hex::decode(result.code_hash.trim_start_matches("0x")).unwrap_or_default();
    let blob = blobs.iter().find(|blob| blob.blake2_256 == result.code_hash).and_then(|blob| content(&blob.file));
    let blob = blob.ok_or("is about a blob that cannot be read")?;
    let mut decided = false;
    for call in &result.calls {
        let bytes = bytes_of(call, content)?;
        decided |= contains(&bytes, &code) || bytes.ends_with(&blob);
    }
    if !decided {
        return Err("names no call that holds the code that ships, or its hash".into());
    }
    match &result.apply {
        Some(apply) if !bytes_of(apply, content)?.ends_with(&blob) => {
            Err(format!("the call {} does not hold the code that ships", apply.name))
        }
        _ => Ok(()),
    }
}

/// The bytes of a call, which all its files have, and whose hash is the one that is voted on.
fn bytes_of(call: &Call, content: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let mut found = None;
    for file in &call.files {
        let text = content(file).ok_or_else(|| format!("names {file}, which is not there"))?;
        let bytes = match file.ends_with(".hex") {
            true => {
                let text = text.strip_prefix(b"0x").unwrap_or(&text);
                hex::decode(text.trim_ascii_end()).map_err(|error| format!("{file} is no hex: {error}"))?
            }
            false => text,
        };
        if digest::blake2_256(&bytes) != call.hash {
            return Err(format!("{file} is not the call {} with the hash {}", call.name, call.hash));
        }
        found = Some(bytes);
    }
    found.ok_or_else(|| format!("the call {} has no file", call.name))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && bytes.windows(part.len()).any(|window| window == part)
}

/// What the manifest says of an upgrade beside its steps: all of it stands in their evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub source: Value,
    pub chain: Value,
    pub previous: Value,
}

impl Facts {
    /// Taken from the first build and the first dry run.
    pub fn of(steps: &BTreeMap<String, Step>) -> Self {
        let first = |name: &str| steps.values().find(|step| step.step == name);
        let result = |step: Option<&Step>, name: &str| step.and_then(|step| step.result.get(name)).cloned();
        let (build, dry_run) = (first("build"), first("dry-run"));
        let lock_file = build.and_then(|step| step.inputs.get("lock_file")).map(|input| input.digest.as_str());
        Self {
            source: serde_json::json!({
                "commit": result(build, "commit"),
                "dirty": result(build, "dirty"),
                "lock_file": lock_file,
            }),
            chain: result(dry_run, "state").unwrap_or_default(),
            previous: result(dry_run, "from").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bundle;
    use serde_json::json;

    fn refused(step: &str, change: impl FnOnce(&mut Value)) -> String {
        let bundle = Bundle::new();
        bundle.change_step(step, |step| change(&mut step.result));
        bundle.refused().to_string()
    }

    #[test]
    fn a_dry_run_is_what_its_checks_are() {
        for (change, told) in [
            (json!({"verdict": "fail"}), "has the verdict \"fail\""),
            (json!({"verdict": "pass_with_hazards"}), "where its checks come to \"pass\""),
            (json!({"checks": []}), "lacks the check versions"),
            (json!({"left_out": ["weights"]}), "left out checks: weights"),
            (json!({"format": "cutover/dry-run/v9"}), "format"),
            (json!({"to": {"blake2_256": "0x12"}}), "which does not ship"),
        ] {
            let said = refused("dry-run", |result| {
                for (name, value) in change.as_object().expect("fields") {
                    result[name] = value.clone();
                }
            });
            assert!(said.contains("dry-run.json") && said.contains(told), "{said}");
        }
        for status in ["fail", "not_judged", "unheard of"] {
            let said = refused("dry-run", |result| result["checks"][6]["status"] = json!(status));
            assert!(said.contains("its check migrations is"), "{said}");
        }
        assert!(refused("dry-run", |result| *result = json!({})).contains("has not the result for it"));
    }

    #[test]
    fn a_hazard_counts_unless_somebody_answers_for_it() {
        let with = |check: Value, verdict: &str| {
            let bundle = Bundle::new();
            bundle.change_step("dry-run", |step| {
                step.result["checks"][3] = check;
                step.result["verdict"] = json!(verdict);
            });
            bundle.try_assemble().is_ok()
        };
        let warned = json!({"name": "transaction-signing", "status": "warn"});
        let allowed = json!({"name": "transaction-signing", "status": "warn", "allowed": "wallets know it"});
        assert!(with(warned.clone(), "pass_with_hazards") && !with(warned, "pass"));
        assert!(with(allowed.clone(), "pass") && !with(allowed, "pass_with_hazards"));
    }

    #[test]
    fn rules_findings_and_hashes_bear_their_verdicts_out() {
        assert!(refused("diff", |result| result["rules"][0]["status"] = json!("fail")).contains("diff.json"));
        assert!(refused("diff", |result| result["rules"] = json!([])).contains("diff.json"));
        assert!(refused("inspect", |result| result["sha256"] = json!("0x00")).contains("other hashes"));
    }

    #[test]
    fn the_files_of_a_proposal_are_its_calls_and_hold_the_blob() {
        let hash = |bytes: &[u8]| json!(digest::blake2_256(bytes));
        let said = refused("propose", |result| result["code_hash"] = hash(b"another blob"));
        assert!(said.contains("which does not ship"), "{said}");
        let said = refused("propose", |result| result["calls"][0]["hash"] = hash(b"another call"));
        assert!(said.contains("is not the call"), "{said}");
        // All of it made to fit, but for the blob.
        let other = [&[0, 9][..], &[7; 32]].concat();
        let bundle = Bundle::new();
        bundle.write("calls/authorize_upgrade.hex", format!("0x{}\n", hex::encode(&other)).as_bytes());
        bundle.change_step("propose", |step| step.result["calls"][0]["hash"] = hash(&other));
        let said = bundle.refused().to_string();
        assert!(said.contains("holds the code that ships"), "{said}");
    }
}
