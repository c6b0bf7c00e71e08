// SPDX-License-Identifier: Apache-2.0
//! Checks that a bundle is intact: its files match the manifest, and its steps meet the rules of
//! assembling.
//!
//! Those who sign or verify received the bundle from somebody else. So both repeat all checks of
//! assembling.

use crate::{
    MANIFEST, bundle,
    calls::Refusal,
    content::{Facts, check_results, difference_hash},
    digest,
    envelope::Manifest,
    statement::{blocks_upgrade, check_blobs, check_complete, check_states, subject_digest},
    step,
};
use protocol::{
    Verdict,
    inspect::RuntimeFacts,
    manifest::{Digests, Predicate, StepSummary},
    step::Step,
    verify::SubjectCheck,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
};
use worker::{Reporter, Result};

/// Returns a failed check of a file without its digests.
pub fn failed_subject(name: &str, reason: impl Into<String>) -> SubjectCheck {
    SubjectCheck { name: name.into(), ok: false, reason: Some(reason.into()), sha256: None, blake2_256: None }
}

/// Records a failure of a file, unless the file has failed already.
pub fn fail_subject(subjects: &mut Vec<SubjectCheck>, name: &str, reason: String) {
    match subjects.iter_mut().find(|subject| subject.name == name) {
        Some(subject) if subject.ok => {
            subject.ok = false;
            subject.reason = Some(reason);
        }
        Some(_) => {}
        None => subjects.push(failed_subject(name, reason)),
    }
}

/// Compares the files of the bundle with the manifest in both directions, and the steps' evidence
/// with what the manifest states about it.
pub fn check_files(bundle: &Path, manifest: &Manifest, reporter: &Reporter) -> Result<Vec<SubjectCheck>> {
    let mut listing = bundle::list(bundle)?;
    let mut checks =
        vec![SubjectCheck { name: MANIFEST.into(), ok: true, reason: None, sha256: None, blake2_256: None }];
    let mut found = BTreeMap::new();
    let total = manifest.statement.subject.len() as u64;
    for subject in &manifest.statement.subject {
        reporter.progress("checking the files", checks.len() as u64, Some(total), "files");
        let Some(path) = listing.files.remove(&subject.name) else {
            let reason = listing.refused.remove(&subject.name).unwrap_or("is missing");
            checks.push(failed_subject(&subject.name, reason));
            continue;
        };
        match digest::of_file(&path) {
            Ok(digests) => {
                let ok = subject_digest(&digests) == subject.digest;
                checks.push(SubjectCheck {
                    name: subject.name.clone(),
                    ok,
                    reason: (!ok).then(|| {
                        let found = digests.sha256.trim_start_matches("0x");
                        format!("was changed: its sha256 is {found}, but the manifest has {}", subject.digest.sha256)
                    }),
                    sha256: Some(digests.sha256.clone()),
                    blake2_256: Some(digests.blake2_256.clone()),
                });
                found.insert(subject.name.clone(), (path, digests));
            }
            Err(failure) => checks.push(failed_subject(&subject.name, failure.to_string())),
        }
    }
    checks.extend(listing.files.keys().map(|name| failed_subject(name, "is not in the manifest")));
    checks.extend(listing.refused.iter().map(|(name, reason)| failed_subject(name, *reason)));
    // The statements can be compared only if all files are intact.
    if checks.iter().all(|check| check.ok) {
        let predicate = &manifest.statement.predicate;
        let checked = check_statements(predicate, &found).map_err(|(name, reason)| (name, Refusal::Wrong(reason)));
        let content = |name: &str| bundle::content(&found.get(name)?.0);
        match checked.and_then(|steps| check_results(&steps, &predicate.runtimes, &content)) {
            Ok(()) => {}
            Err((name, Refusal::Wrong(reason))) => fail_subject(&mut checks, &name, reason),
            Err((name, refusal @ Refusal::NotJudged(_))) => return Err(refusal.of_file(&name)),
        }
    }
    Ok(checks)
}

type FoundFiles = BTreeMap<String, (PathBuf, Digests)>;

/// Compares the manifest with the evidence, and returns the evidence of the steps. A signed manifest
/// can still be wrong, for example if a failed step was left out.
fn check_statements(
    predicate: &Predicate,
    found: &FoundFiles,
) -> std::result::Result<BTreeMap<String, Step>, (String, String)> {
    let mut steps = BTreeMap::new();
    for summary in &predicate.steps {
        let failed = |reason: String| (summary.file.clone(), reason);
        let (path, _) =
            found.get(&summary.file).ok_or_else(|| failed("is listed as a step, but not as a subject".into()))?;
        let read = files::read_bounded(path, step::SIZE_LIMIT).map_err(|failure| failed(failure.to_string()))?;
        let step = step::parse(&read, &summary.file).map_err(|failure| failed(failure.to_string()))?;
        let digest = step::digest(&read).map_err(|failure| failed(failure.to_string()))?;
        if (step.verdict, &step.runtime, &digest) != (summary.verdict, &summary.runtime, &summary.digest)
            || summary.file != format!("{}.json", summary.name)
            || summary.difference_hash != difference_hash(&step)
        {
            return Err(failed("differs from what the manifest states about it".into()));
        }
        for (name, blake2_256) in &step.outputs {
            if found.get(name).map(|(_, digests)| &digests.blake2_256) != Some(blake2_256) {
                return Err((name.clone(), format!("is not what {} says it wrote", summary.file)));
            }
        }
        steps.insert(summary.file.clone(), step);
    }
    for (name, (path, _)) in found.iter().filter(|(name, _)| !steps.contains_key(*name)) {
        if let Some(verdict) = verdict_of_a_step(name, path) {
            return Err((
                name.clone(),
                format!("is the evidence of a step ({verdict}) that the manifest does not list"),
            ));
        }
    }
    for runtime in &predicate.runtimes {
        let digests = found.get(&runtime.file).map(|(_, digests)| digests);
        let fits = |digests: &Digests| digests.blake2_256 == runtime.blake2_256 && digests.sha256 == runtime.sha256;
        if !digests.is_some_and(fits) {
            return Err((
                runtime.file.clone(),
                format!("is not the blob of {} that the manifest states", runtime.name),
            ));
        }
        for inspect in steps.values().filter(|step| step.step == "inspect" && step.is_of(&runtime.name)) {
            let Ok(seen) = inspect.result::<RuntimeFacts>() else { continue };
            let differs = |fact: &str, stated: &dyn Display, seen: &dyn Display| {
                Err((MANIFEST.into(), format!("states the {fact} {stated}, but inspect.json has {seen}")))
            };
            if let Some(stated) = runtime.spec_name.as_ref().filter(|stated| **stated != seen.spec_name) {
                return differs("spec_name", stated, &seen.spec_name);
            }
            if let Some(stated) = runtime.spec_version.filter(|stated| *stated != seen.spec_version) {
                return differs("spec_version", &stated, &seen.spec_version);
            }
        }
    }
    let facts = Facts::of(&steps);
    let stated = [
        ("source", predicate.source == facts.source),
        ("chain", predicate.chain == facts.chain),
        ("previous", predicate.previous == facts.previous),
    ];
    if let Some((name, _)) = stated.iter().find(|(_, same)| !same) {
        return Err((MANIFEST.into(), format!("states a {name} that differs from the evidence of its steps")));
    }
    if predicate.verdict.passed()
        && let Some(step) = predicate.steps.iter().find(|step| blocks_upgrade(step))
    {
        return Err((
            MANIFEST.into(),
            format!("states that every step passed, but the step {} {}", step.name, verdict_phrase(step)),
        ));
    }
    check_blobs(&steps, &predicate.runtimes)
        .and_then(|()| check_complete(&steps, &predicate.runtimes))
        .and_then(|()| check_states(&steps))
        .map_err(|failure| (MANIFEST.into(), format!("is inconsistent: {failure}")))?;
    Ok(steps)
}

/// Returns a step's verdict as a word within a sentence.
pub fn verdict_phrase(step: &StepSummary) -> &'static str {
    match step.verdict {
        Verdict::Pass | Verdict::PassWithHazards => "passed",
        Verdict::Fail => "failed",
        Verdict::Skip => "was skipped",
        Verdict::NotJudged => "was not judged",
    }
}

/// The fields that the evidence of a step has in every version.
#[derive(Deserialize)]
struct StepHeader {
    #[serde(default)]
    format: step::Lenient<String>,
    #[serde(default)]
    verdict: step::Lenient<String>,
}

/// Returns the verdict that a file states, if it is the evidence of a step of any version.
fn verdict_of_a_step(name: &str, path: &Path) -> Option<String> {
    let is_json = name.to_lowercase().ends_with(".json");
    let text = is_json.then(|| files::read_bounded(path, step::SIZE_LIMIT).ok())??;
    let header: StepHeader = serde_json::from_slice(&text).ok()?;
    let format = header.format.0?;
    let verdict = || header.verdict.0.unwrap_or_else(|| "no verdict".into()).escape_default().to_string();
    format.starts_with(step::FORMATS).then(verdict)
}
