// SPDX-License-Identifier: Apache-2.0
//! Joins the files of a bundle and the evidence of its steps into a manifest, and refuses files
//! that do not belong together.

use crate::{
    MANIFEST, bundle, canonical,
    content::{Facts, check_results, difference_hash},
    digest,
    envelope::{self, Manifest, STATEMENT_PAYLOAD},
    statement::{PREDICATE_TYPE, STATEMENT_TYPE, check_blobs, check_complete, check_states, subject},
    step,
};
use protocol::{
    Verdict,
    manifest::{Digests, Predicate, RuntimeBlob, Signature, Statement, StepSummary},
    step::Step,
    verify::{AssembleRequest, Assembled, ShippedRuntime, SubjectFile},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use worker::{Failure, Reporter, Result};

/// Assembles a bundle: checks its files and steps, and writes the manifest.
pub fn assemble(request: &AssembleRequest, reporter: &Reporter) -> Result<Assembled> {
    let bundle = &request.bundle;
    let listing = bundle::list(bundle)?;
    if let Some((name, reason)) = listing.refused.first_key_value() {
        return Err(Failure::check(format!("{name} in {} {reason}", bundle.display()))
            .expected("regular, finished files only")
            .hint("remove it, or run the step that writes it again"));
    }
    let mut digests = BTreeMap::new();
    for (name, path) in &listing.files {
        reporter.progress("hashing the bundle", digests.len() as u64, Some(listing.files.len() as u64), "files");
        digests.insert(name.clone(), digest::of_file(path)?);
    }

    let (steps, summaries) = read_steps(request, &listing.files)?;
    check_accounted(request, &steps, &digests)?;
    let runtimes = match request.runtimes.is_empty() {
        true => find_runtimes(&steps, &digests)?,
        false => request.runtimes.iter().map(|shipped| blob(shipped, &digests)).collect::<Result<_>>()?,
    };
    check_blobs(&steps, &runtimes)?;
    check_complete(&steps, &runtimes)?;
    check_states(&steps)?;
    let content = |name: &str| bundle::content(listing.files.get(name)?);
    check_results(&steps, &runtimes, &content).map_err(|(file, refusal)| refusal.of_file(&file))?;
    let facts = Facts::of(&steps);

    let any = |verdict: Verdict| summaries.iter().any(|step| step.verdict == verdict);
    let verdict = match (any(Verdict::Fail), any(Verdict::NotJudged)) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::NotJudged,
        (false, false) => Verdict::Pass,
    };
    let statement = Statement {
        kind: STATEMENT_TYPE.into(),
        subject: digests.iter().map(|(name, digests)| subject(name, digests)).collect(),
        predicate_type: PREDICATE_TYPE.into(),
        predicate: Predicate {
            verdict,
            steps: summaries,
            runtimes,
            source: facts.source,
            chain: facts.chain,
            versions: request.versions.clone(),
            previous: facts.previous,
        },
    };
    let value = serde_json::to_value(&statement)
        .map_err(|error| Failure::internal("a statement cannot be written").found(error.to_string()))?;
    let payload = canonical::to_bytes(&value)?;

    let path = bundle.join(MANIFEST);
    let mut envelope = envelope::unsigned(STATEMENT_PAYLOAD, &payload);
    envelope.signatures = previous_signatures(&path, &payload, reporter);
    // Do not rewrite an unchanged manifest, because another process may be reading it.
    if std::fs::read(&path).ok().as_deref() != Some(&envelope::to_bytes(&envelope)?[..]) {
        envelope::write(&envelope, &path)?;
    }
    let predicate = statement.predicate;
    Ok(Assembled {
        manifest: path,
        payload_sha256: digest::of(&payload).sha256,
        verdict: predicate.verdict,
        runtimes: predicate.runtimes,
        steps: predicate.steps,
        subjects: digests.into_iter().map(|(name, digests)| SubjectFile { name, digests }).collect(),
        signatures_kept: envelope.signatures.len(),
    })
}

/// Returns the signatures of the previous manifest if its payload is the same. An upgrade that ran
/// again with the same result does not have to be signed again.
fn previous_signatures(path: &Path, payload: &[u8], reporter: &Reporter) -> Vec<Signature> {
    match Manifest::read(path) {
        Ok(previous) if previous.payload == payload => previous.envelope.signatures,
        Ok(previous) if !previous.envelope.signatures.is_empty() => {
            let count = previous.envelope.signatures.len();
            reporter.warning(format!("the bundle changed: {count} signature(s) of the previous manifest were dropped"));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

type Steps = BTreeMap<String, Step>;

fn read_steps(request: &AssembleRequest, files: &BTreeMap<String, PathBuf>) -> Result<(Steps, Vec<StepSummary>)> {
    let mut steps = Steps::new();
    let mut summaries = Vec::new();
    for name in &request.steps {
        let file = format!("{name}.json");
        let path = files.get(&file).ok_or_else(|| {
            Failure::check(format!("the step {name} is missing from {}", request.bundle.display()))
                .found("no such file")
                .expected(&file)
                .hint("run the step, then assemble the bundle")
        })?;
        let text = files::read_bounded(path, step::SIZE_LIMIT)?;
        let step = step::parse(&text, &file)?;
        let summary = StepSummary {
            name: name.clone(),
            file: file.clone(),
            runtime: step.runtime.clone(),
            verdict: step.verdict,
            digest: step::digest(&text)?,
            difference_hash: difference_hash(&step),
        };
        if steps.insert(file, step).is_none() {
            summaries.push(summary);
        }
    }
    if steps.is_empty() {
        return Err(Failure::usage("a manifest needs the steps of an upgrade").found("no steps"));
    }
    Ok((steps, summaries))
}

/// Checks that every file was listed in the request or written by a step, and that it is what the
/// step wrote.
fn check_accounted(request: &AssembleRequest, steps: &Steps, digests: &BTreeMap<String, Digests>) -> Result<()> {
    let mut accounted: BTreeSet<&str> = steps.keys().map(String::as_str).collect();
    accounted.extend(request.runtimes.iter().map(|shipped| shipped.file.as_str()));
    for (step, evidence) in steps {
        for (name, blake2_256) in &evidence.outputs {
            let found = digests.get(name).map(|digests| digests.blake2_256.as_str());
            if found != Some(blake2_256) {
                return Err(Failure::check(format!("{name} is not what {step} says it wrote"))
                    .found(found.unwrap_or("no such file"))
                    .expected(blake2_256)
                    .hint("run the step again"));
            }
            accounted.insert(name);
        }
    }
    for name in &request.files {
        let present = match name.strip_suffix('/') {
            Some(_) => digests.keys().any(|file| file.starts_with(name)),
            None => digests.contains_key(name),
        };
        if !present {
            return Err(Failure::check(format!("{name} is missing from {}", request.bundle.display()))
                .hint("run the step that writes it"));
        }
        accounted.insert(name);
    }
    let directories: Vec<&str> = accounted.iter().filter(|name| name.ends_with('/')).copied().collect();
    let stray = |name: &&String| {
        !accounted.contains(name.as_str()) && !directories.iter().any(|directory| name.starts_with(directory))
    };
    match digests.keys().find(stray) {
        None => Ok(()),
        Some(name) => Err(Failure::check(format!("{name} in {} belongs to no step", request.bundle.display()))
            .hint("remove it: only files that the steps wrote are signed")),
    }
}

fn blob(shipped: &ShippedRuntime, digests: &BTreeMap<String, Digests>) -> Result<RuntimeBlob> {
    let digests = digests.get(&shipped.file).ok_or_else(|| {
        Failure::check(format!("the blob of {} is missing from the bundle", shipped.name)).expected(&shipped.file)
    })?;
    Ok(RuntimeBlob {
        name: shipped.name.clone(),
        file: shipped.file.clone(),
        blake2_256: digests.blake2_256.clone(),
        sha256: digests.sha256.clone(),
        package: shipped.package.clone(),
        spec_name: shipped.spec_name.clone(),
        spec_version: shipped.spec_version,
    })
}

/// Finds the blobs that the steps refer to. Each runtime has exactly one blob.
fn find_runtimes(steps: &Steps, digests: &BTreeMap<String, Digests>) -> Result<Vec<RuntimeBlob>> {
    let mut found: BTreeMap<String, RuntimeBlob> = BTreeMap::new();
    for (step, evidence) in steps {
        for claim in step::blobs(evidence) {
            let file = digests.iter().find(|(_, digests)| digests.blake2_256 == claim.blake2_256);
            let Some((file, digests)) = file else {
                return Err(Failure::check(format!("{step} is about a blob that is not in the bundle"))
                    .found(claim.blake2_256)
                    .expected("the hash of a file of the bundle")
                    .hint("run the steps again on one build, then assemble the bundle again"));
            };
            let name = claim.runtime.unwrap_or_else(|| "runtime".into());
            let blob = RuntimeBlob {
                name: name.clone(),
                file: file.clone(),
                blake2_256: digests.blake2_256.clone(),
                sha256: digests.sha256.clone(),
                ..RuntimeBlob::default()
            };
            let first = found.entry(name).or_insert_with(|| blob.clone());
            if first.blake2_256 != blob.blake2_256 {
                return Err(Failure::check(format!("{step} is about another blob than the steps before it"))
                    .found(blob.blake2_256)
                    .expected(&first.blake2_256)
                    .hint("run the steps again on one build, then assemble the bundle again"));
            }
        }
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bundle;
    use protocol::step::Input;

    #[test]
    fn a_bundle_is_joined_and_joining_again_gives_the_same_bytes() {
        let bundle = Bundle::new();
        let assembled = bundle.assemble();
        assert_eq!(assembled.verdict, Verdict::Pass);
        assert_eq!(assembled.runtimes[0].name, "standalone");
        assert_eq!(assembled.runtimes[0].file, "blobs/standalone.wasm");
        let names: Vec<_> = assembled.subjects.iter().map(|subject| subject.name.as_str()).collect();
        assert_eq!(names, bundle.files());
        let first = bundle.read(MANIFEST);
        bundle.assemble();
        assert_eq!(bundle.read(MANIFEST), first);
        let manifest = Manifest::parse(&first, MANIFEST).expect("read back");
        assert_eq!(manifest.statement.subject.len(), names.len());
    }

    #[test]
    fn a_step_that_took_longer_has_the_same_digest() {
        let bundle = Bundle::new();
        let before = bundle.assemble();
        let mut step = step::read(&bundle.path("dry-run.json")).expect("read");
        step.seconds = Some(99.0);
        step::write(&step, &bundle.root_directory()).expect("written");
        let after = bundle.assemble();
        assert_eq!(before.steps, after.steps);
        assert_ne!(before.payload_sha256, after.payload_sha256, "the file's own digest covers every byte");
    }

    fn refused(change: impl FnOnce(&Bundle, &mut AssembleRequest)) -> Failure {
        let bundle = Bundle::new();
        let mut request = bundle.request();
        change(&bundle, &mut request);
        let failure = assemble(&request, &Reporter::silent()).expect_err("refused");
        assert!(!bundle.path(MANIFEST).exists(), "a refused bundle has no manifest");
        failure
    }

    #[test]
    fn steps_about_different_blobs_are_refused() {
        let other = "0x".to_owned() + &"12".repeat(32);
        let failure = refused(|bundle, _| {
            bundle.write_step("dry-run", Verdict::Pass, |step| {
                step.inputs.insert("blob".into(), Input::blob("other.wasm", &other));
            });
        });
        assert!(failure.message.contains("dry-run.json"), "{failure}");
        assert_eq!(failure.found, Some(other.clone()));

        // This holds even if the bundle has the other blob, and if the request names the one that
        // ships.
        for named in [false, true] {
            let failure = refused(|bundle, request| {
                bundle.write("blobs/other.wasm", b"another blob");
                request.files.push("blobs/".into());
                let other = digest::of(b"another blob").blake2_256;
                bundle.write_step("dry-run", Verdict::Pass, |step| {
                    step.inputs.insert("blob".into(), Input::blob("blobs/other.wasm", &other));
                });
                if named {
                    request.runtimes = vec![ShippedRuntime {
                        name: "standalone".into(),
                        file: "blobs/standalone.wasm".into(),
                        ..ShippedRuntime::default()
                    }];
                }
            });
            assert!(failure.message.contains("about another blob"), "{failure}");
        }
    }

    #[test]
    fn steps_about_different_states_are_refused() {
        let failure = refused(|bundle, _| {
            for (step, root) in [("build", "0x01"), ("dry-run", "0x02")] {
                bundle.write_step(step, Verdict::Pass, |step| {
                    step.inputs.insert("state".into(), Input::new(root));
                });
            }
        });
        assert_eq!(failure.kind, worker::Kind::Check);
        assert!(failure.message.contains("about another state than"), "{failure}");
    }

    #[test]
    fn missing_and_unfinished_steps_are_refused_by_name() {
        let failure = refused(|_, request| request.steps.push("weights".into()));
        assert!(failure.message.contains("weights"), "{failure}");
        // A mandatory step is required even if the request does not list it.
        let failure = refused(|bundle, request| {
            request.steps.retain(|step| step != "propose");
            std::fs::remove_file(bundle.path("propose.json")).expect("removed");
        });
        assert!(failure.message.contains("propose"), "{failure}");
        let failure = refused(|bundle, _| bundle.write("dry-run.json", b"{\"format\": \"cutover/step/v1\""));
        assert!(failure.message.contains("dry-run.json"), "{failure}");
        assert_eq!(refused(|_, request| request.steps.clear()).kind, worker::Kind::Usage);
    }

    #[test]
    fn files_that_are_part_of_nothing_are_refused_by_name() {
        for name in ["stray.txt", "old-step.json", ".partial-abc", "blobs/.hidden", "calls2/x"] {
            let failure = refused(|bundle, _| bundle.write(name, b"x"));
            assert!(failure.message.contains(name), "{failure}");
            assert_eq!(failure.kind, worker::Kind::Check);
        }
        let failure = refused(|_, request| request.files.push("calls/none.hex".into()));
        assert!(failure.message.contains("calls/none.hex"), "{failure}");
    }

    #[test]
    fn an_output_that_changed_after_its_step_is_refused() {
        let failure = refused(|bundle, _| {
            bundle.write_step("build", Verdict::Pass, |step| {
                step.outputs.insert("report.md".into(), digest::of(b"other").blake2_256);
            });
        });
        assert!(failure.message.contains("report.md") && failure.message.contains("build.json"), "{failure}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let failure = refused(|bundle, _| {
            std::os::unix::fs::symlink("report.md", bundle.path("link.md")).expect("linked");
        });
        assert!(failure.message.contains("link.md"), "{failure}");
    }

    #[test]
    fn numbers_that_readers_round_are_refused() {
        let bundle = Bundle::new();
        bundle.change_step("dry-run", |step| step.result["state"]["entries"] = u64::MAX.into());
        let failure = bundle.refused();
        assert!(failure.message.contains("/predicate/chain/entries"), "{failure}");
    }

    #[test]
    fn a_failed_step_makes_a_failed_manifest() {
        let bundle = Bundle::new();
        bundle.write_step("dry-run", Verdict::Fail, |_| {});
        assert_eq!(bundle.assemble().verdict, Verdict::Fail);
    }
}
