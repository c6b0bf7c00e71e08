// SPDX-License-Identifier: Apache-2.0
//! Whether a bundle is whole: its files are what the manifest says, and its steps are those that assembling demands.
//!
//! Who signs and who verifies has the bundle from somebody else, so both ask again for all that assembling asked for.

use crate::{
    MANIFEST, bundle,
    content::{Facts, check_results},
    digest::Digests,
    envelope::Manifest,
    statement::{Predicate, StepSummary, SubjectDigest, check_blobs, check_complete, check_states, objects},
    step::{self, Step},
};
use protocol::Verdict;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Reporter, Result};

/// A file of the bundle, or one that should be there.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectCheck {
    pub name: String,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digests found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake2_256: Option<String>,
}

impl SubjectCheck {
    pub fn wrong(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, reason: Some(reason.into()), sha256: None, blake2_256: None }
    }
}

/// Holds something against a file, unless something is already.
pub fn accuse(subjects: &mut Vec<SubjectCheck>, name: &str, reason: String) {
    match subjects.iter_mut().find(|subject| subject.name == name) {
        Some(subject) if subject.ok => {
            subject.ok = false;
            subject.reason = Some(reason);
        }
        Some(_) => {}
        None => subjects.push(SubjectCheck::wrong(name, reason)),
    }
}

/// Compares the files that are there with the manifest, both ways, and what the steps say with what the manifest says
/// they say.
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
            checks.push(SubjectCheck::wrong(&subject.name, reason));
            continue;
        };
        match Digests::of_file(&path) {
            Ok(digests) => {
                let ok = SubjectDigest::from(&digests) == subject.digest;
                checks.push(SubjectCheck {
                    name: subject.name.clone(),
                    ok,
                    reason: (!ok).then(|| {
                        let found = digests.sha256.trim_start_matches("0x");
                        format!("was changed: its sha256 is {found} where the manifest has {}", subject.digest.sha256)
                    }),
                    sha256: Some(digests.sha256.clone()),
                    blake2_256: Some(digests.blake2_256.clone()),
                });
                found.insert(subject.name.clone(), (path, digests));
            }
            Err(failure) => checks.push(SubjectCheck::wrong(&subject.name, failure.to_string())),
        }
    }
    checks.extend(listing.files.keys().map(|name| SubjectCheck::wrong(name, "is not in the manifest")));
    checks.extend(listing.refused.iter().map(|(name, reason)| SubjectCheck::wrong(name, *reason)));
    // With damaged files there is nothing to compare the statements with.
    if checks.iter().all(|check| check.ok)
        && let Err((name, reason)) = check_statements(&manifest.statement.predicate, &found)
    {
        accuse(&mut checks, &name, reason);
    }
    Ok(checks)
}

type Found = BTreeMap<String, (PathBuf, Digests)>;

/// A manifest that somebody signed may still have been joined carelessly, or by somebody who left out what failed.
fn check_statements(predicate: &Predicate, found: &Found) -> std::result::Result<(), (String, String)> {
    let mut steps = BTreeMap::new();
    for summary in &predicate.steps {
        let wrong = |reason: String| (summary.file.clone(), reason);
        let (path, _) =
            found.get(&summary.file).ok_or_else(|| wrong("is stated as a step and is no subject".into()))?;
        let read = files::read_bounded(path, step::SIZE_LIMIT).map_err(|failure| wrong(failure.to_string()))?;
        let step = Step::parse(&read, &summary.file).map_err(|failure| wrong(failure.to_string()))?;
        let digest = step::digest(&read).map_err(|failure| wrong(failure.to_string()))?;
        if (step.verdict, &step.runtime, &digest) != (summary.verdict, &summary.runtime, &summary.digest)
            || summary.file != format!("{}.json", summary.name)
        {
            return Err(wrong("says something else than the manifest says it does".into()));
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
            for fact in ["spec_name", "spec_version"] {
                if let (Some(stated), Some(seen)) = (runtime.detail.get(fact), inspect.result.get(fact))
                    && stated != seen
                {
                    return Err((
                        MANIFEST.into(),
                        format!("states the {fact} {stated}, where inspect.json has {seen}"),
                    ));
                }
            }
        }
    }
    let facts = Facts::of(&steps);
    let stated = [
        ("source", &predicate.source, &facts.source),
        ("chain", &predicate.chain, &facts.chain),
        ("previous", &predicate.previous, &facts.previous),
    ];
    if let Some((name, ..)) = stated.iter().find(|(_, stated, found)| stated != found) {
        return Err((MANIFEST.into(), format!("states another {name} than the evidence of its steps")));
    }
    if predicate.verdict == Verdict::Pass
        && let Some(step) = predicate.steps.iter().find(|step| objects(step))
    {
        return Err((MANIFEST.into(), format!("states that all is well, where the step {} {}", step.name, told(step))));
    }
    check_blobs(&steps, &predicate.runtimes)
        .and_then(|()| check_complete(&steps, &predicate.runtimes))
        .and_then(|()| check_states(&steps))
        .map_err(|failure| (MANIFEST.into(), format!("does not hold together: {failure}")))?;
    check_results(&steps, &predicate.runtimes, &|name| bundle::content(&found.get(name)?.0))
}

/// A step's verdict within a sentence.
pub fn told(step: &StepSummary) -> &'static str {
    match step.verdict {
        Verdict::Pass | Verdict::PassWithHazards => "passed",
        Verdict::Fail => "failed",
        Verdict::Skip => "was skipped",
        Verdict::NotJudged => "was not judged",
    }
}

/// What a file says of itself, if it is the evidence of a step of whatever version.
fn verdict_of_a_step(name: &str, path: &Path) -> Option<String> {
    let is_json = name.to_lowercase().ends_with(".json");
    let text = is_json.then(|| files::read_bounded(path, step::SIZE_LIMIT).ok())??;
    let value: Value = serde_json::from_slice(&text).ok()?;
    let of = |key: &str| value.get(key).and_then(Value::as_str);
    of("format")?.starts_with(step::FORMATS).then(|| of("verdict").unwrap_or("no verdict").escape_default().to_string())
}
