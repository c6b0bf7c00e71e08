// SPDX-License-Identifier: Apache-2.0
//! The in-toto statement that joins a bundle's files and steps.

use crate::step::{self, Lenient};
use protocol::{
    Verdict,
    manifest::{Digests, RuntimeBlob, StepSummary, Subject, SubjectDigest},
    step::{Input, Step},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use worker::{Failure, Result};

/// The type of an in-toto statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The predicate type of an upgrade.
pub const PREDICATE_TYPE: &str = "https://cutover.dev/upgrade/v1";

/// Returns a file of the bundle as a subject of the statement.
pub fn subject(name: impl Into<String>, digests: &Digests) -> Subject {
    Subject { name: name.into(), digest: subject_digest(digests) }
}

/// Converts digests to those of a subject. in-toto writes digests without `0x`.
pub fn subject_digest(digests: &Digests) -> SubjectDigest {
    let bare = |hash: &str| hash.trim_start_matches("0x").to_owned();
    SubjectDigest { blake2_256: bare(&digests.blake2_256), sha256: bare(&digests.sha256) }
}

/// The steps that every upgrade must have. Some runtimes have further steps, such as `weights`.
pub const MANDATORY: [&str; 6] = ["build", "inspect", "diff", "dry-run", "propose", "rehearse"];

/// The mandatory steps that may be skipped: a runtime can be too old to be compared, and the state of the chain that
/// governs an upgrade may not be given.
const SKIPPABLE: [&str; 2] = ["diff", "rehearse"];

/// Returns whether a step blocks an upgrade: it failed, was not judged, or was skipped although it
/// must not be.
pub fn blocks_upgrade(step: &StepSummary) -> bool {
    let name = step.name.rsplit('/').next().unwrap_or_default();
    match step.verdict {
        Verdict::Pass | Verdict::PassWithHazards => false,
        Verdict::Skip => MANDATORY.contains(&name) && !SKIPPABLE.contains(&name),
        Verdict::Fail | Verdict::NotJudged => true,
    }
}

/// Checks that every runtime that ships has every mandatory step.
pub fn check_complete(steps: &BTreeMap<String, Step>, runtimes: &[RuntimeBlob]) -> Result<()> {
    if runtimes.is_empty() {
        return Err(Failure::check("the upgrade ships no runtime").hint("cargo xtask upgrade"));
    }
    for runtime in runtimes {
        let is_about = |step: &Step| {
            step::blobs(step).iter().any(|claim| {
                let named = claim.runtime.as_ref().is_none_or(|name| *name == runtime.name);
                let same = |other: &&RuntimeBlob| other.name == runtime.name && other.blake2_256 == claim.blake2_256;
                named && runtimes.iter().any(|other| same(&other))
            })
        };
        let lacks = |name: &&&str| !steps.values().any(|step| step.step == **name && is_about(step));
        if let Some(name) = MANDATORY.iter().find(lacks) {
            return Err(Failure::check(format!("the step {name} is missing for {}", runtime.name))
                .found("no evidence of this step about the blob that ships")
                .expected(MANDATORY.join(", "))
                .hint("run the step, then assemble the bundle again"));
        }
    }
    Ok(())
}

/// Checks that every step refers to the blobs that ship. Steps that refer to different blobs prove
/// nothing together.
pub fn check_blobs(steps: &BTreeMap<String, Step>, runtimes: &[RuntimeBlob]) -> Result<()> {
    // One name may stand for a compact and a compressed blob, but each must be a file of the
    // bundle.
    let mut shipped: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for runtime in runtimes {
        shipped.entry(&runtime.name).or_default().insert(&runtime.blake2_256);
    }
    for (file, step) in steps {
        if let Some(input) = step.inputs.get("blob")
            && let Some(hash) = input.blake2_256.as_ref().filter(|hash| **hash != input.digest)
        {
            return Err(Failure::check(format!("{file} states two hashes of its blob"))
                .found(input.digest.as_str())
                .expected(hash.as_str())
                .hint("run the step again, then assemble the bundle again"));
        }
        for claim in step::blobs(step) {
            let expected: BTreeSet<&str> = match &claim.runtime {
                Some(name) => shipped.get(name.as_str()).cloned().unwrap_or_default(),
                None => shipped.values().flatten().copied().collect(),
            };
            if !expected.contains(claim.blake2_256.as_str()) {
                let runtime = claim.runtime.map(|name| format!(" of {name}")).unwrap_or_default();
                let expected: Vec<_> = expected.into_iter().collect();
                return Err(Failure::check(format!("{file} is about another blob than the one that ships{runtime}"))
                    .found(claim.blake2_256)
                    .expected(if expected.is_empty() {
                        "a runtime of this bundle".into()
                    } else {
                        expected.join(" or ")
                    })
                    .hint("run the steps again on one build, then assemble the bundle again"));
            }
        }
    }
    Ok(())
}

/// Checks that all steps of a runtime start from the same state. A diff with one state and a dry
/// run on another prove nothing together.
pub fn check_states(steps: &BTreeMap<String, Step>) -> Result<()> {
    // The file that states a fact first, by runtime and name of the fact.
    let mut first_stated: BTreeMap<(Option<&str>, &str), (&str, String)> = BTreeMap::new();
    for (file, step) in steps {
        for (fact, value) in states(step) {
            let (first, expected) =
                first_stated.entry((step.runtime.as_deref(), fact)).or_insert((file, value.clone()));
            if value != *expected {
                return Err(Failure::check(format!("{file} is about another state than {first}"))
                    .found(format!("the {} {value}", fact.replace('_', " ")))
                    .expected(expected.as_str())
                    .hint(
                        "run the steps again on one state, named by its block with --at, then assemble the bundle again",
                    ));
            }
        }
    }
    Ok(())
}

/// The values that identify a state. A step may leave out some of them.
#[derive(Default, Deserialize)]
struct StateFacts {
    #[serde(default)]
    state_root: Lenient<String>,
    #[serde(default)]
    genesis_hash: Lenient<String>,
    #[serde(default)]
    block_hash: Lenient<String>,
    #[serde(default)]
    number: Lenient<u64>,
}

impl StateFacts {
    fn named(self) -> impl Iterator<Item = (&'static str, String)> {
        let facts = [
            ("state_root", self.state_root),
            ("genesis_hash", self.genesis_hash),
            ("block_hash", self.block_hash),
            ("block_number", Lenient(self.number.0.map(|number| number.to_string()))),
        ];
        facts.into_iter().filter_map(|(name, fact)| Some((name, fact.0?)))
    }
}

/// A result with a field `state`, such as that of a dry run.
#[derive(Deserialize)]
struct StateField {
    state: StateFacts,
}

/// Returns what a step states about its initial state: in its inputs, and in the result of a dry
/// run or of `state`.
fn states(step: &Step) -> Vec<(&'static str, String)> {
    let mut states = Vec::new();
    if let Some(input) = step.inputs.get("state") {
        states.push(("digest", input.digest.clone()));
        let Input { state_root, genesis_hash, block_hash, number, .. } = input.clone();
        let [state_root, genesis_hash, block_hash] = [state_root, genesis_hash, block_hash].map(Lenient);
        states.extend(StateFacts { state_root, genesis_hash, block_hash, number: Lenient(number) }.named());
    }
    let facts = match step.step.as_str() {
        // The step `state` resolves the state for all other steps.
        "state" => StateFacts::deserialize(&step.result),
        _ => StateField::deserialize(&step.result).map(|result| result.state),
    };
    states.extend(facts.unwrap_or_default().named());
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn runtime(name: &str, hash: &str) -> RuntimeBlob {
        let file = format!("{name}.wasm");
        RuntimeBlob { name: name.into(), file, blake2_256: hash.into(), ..RuntimeBlob::default() }
    }

    fn steps(claims: &[(&str, Option<&str>, &str)]) -> BTreeMap<String, Step> {
        let step = |(name, runtime, hash): &(&str, Option<&str>, &str)| {
            let mut step = Step::with_result(*name, Verdict::Pass, json!(null)).input("blob", Input::blob("b", *hash));
            step.runtime = runtime.map(str::to_owned);
            (format!("{name}.json"), step)
        };
        claims.iter().map(step).collect()
    }

    #[test]
    fn steps_about_one_blob_agree() {
        let shipped = [runtime("one", "0x01"), runtime("two", "0x02")];
        let steps = steps(&[("build", Some("one"), "0x01"), ("dry-run", Some("two"), "0x02"), ("any", None, "0x02")]);
        check_blobs(&steps, &shipped).expect("agreed");
    }

    #[test]
    fn steps_of_one_runtime_are_about_one_state() {
        let state = |root: &str, genesis: Option<&str>| Input {
            state_root: Some(root.to_owned()),
            genesis_hash: genesis.map(str::to_owned),
            ..Input::new(root)
        };
        let step = |name: &str, input: Input, result: serde_json::Value| {
            let mut step = Step::with_result(name, Verdict::Pass, result).input("state", input);
            step.runtime = Some("one".into());
            (format!("{name}.json"), step)
        };
        let dry_run = json!({"state": {"state_root": "0x01", "genesis_hash": "0x09", "block_hash": "0x05"}});
        let diff = step("diff", state("0x01", None), json!(null));
        let agreed = [diff.clone(), step("dry-run", state("0x01", Some("0x09")), dry_run.clone())];
        check_states(&agreed.into()).expect("one state, as far as each tells it");
        let other_result = json!({"state": {"state_root": "0x02"}});
        for (input, result, found) in
            [(state("0x02", None), json!(null), "0x02"), (state("0x01", None), other_result, "the state root 0x02")]
        {
            let steps = [diff.clone(), step("dry-run", input, result)];
            let failure = check_states(&steps.into()).expect_err("two states");
            assert_eq!((failure.kind, failure.expected.as_deref()), (worker::Kind::Check, Some("0x01")));
            assert!(failure.message.contains("dry-run.json is about another state than diff.json"), "{failure}");
            assert!(failure.found.as_ref().is_some_and(|text| text.contains(found)), "{failure}");
        }
        let number = |number: u64| {
            let result = json!({"state": {"number": number}});
            check_states(
                &[
                    step("diff", Input { number: Some(7), ..state("0x01", None) }, json!(null)),
                    step("dry-run", state("0x01", None), result),
                ]
                .into(),
            )
        };
        number(7).expect("one block");
        assert!(number(8).expect_err("two blocks").found.is_some_and(|found| found == "the block number 8"));
        let (file, mut other) = step("dry-run", state("0x02", None), json!(null));
        other.runtime = Some("two".into());
        check_states(&[diff, (file, other)].into()).expect("another runtime is on another chain");
    }

    #[test]
    fn a_step_about_another_blob_is_named() {
        let shipped = [runtime("one", "0x01"), runtime("two", "0x02")];
        for claim in [Some("one"), Some("three")] {
            let steps = steps(&[("build", Some("one"), "0x01"), ("dry-run", claim, "0x02")]);
            let failure = check_blobs(&steps, &shipped).expect_err("they differ");
            assert_eq!(failure.kind, worker::Kind::Check);
            assert!(failure.message.contains("dry-run.json"), "{failure}");
            assert_eq!(failure.found.as_deref(), Some("0x02"));
        }
        let mut two = steps(&[("build", Some("one"), "0x01")]);
        check_blobs(&two, &shipped).expect("one hash");
        two.values_mut().flat_map(|step| step.inputs.values_mut()).for_each(|input| input.digest = "0x02".into());
        assert!(check_blobs(&two, &shipped).expect_err("two hashes").message.contains("two hashes"));
        let failure = check_blobs(&steps(&[("any", None, "0x03")]), &shipped).expect_err("neither");
        assert_eq!(failure.expected.as_deref(), Some("0x01 or 0x02"));
    }
}
