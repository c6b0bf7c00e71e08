// SPDX-License-Identifier: Apache-2.0
//! The evidence of one step of an upgrade: `<step>.json` in a bundle.

use crate::{
    Verdict,
    build::BuildResult,
    diff::DiffOutcome,
    dry_run::DryRunReport,
    format,
    inspect::{RuntimeFacts, StatePin},
    proposal::ProposeOutcome,
    rehearse::RehearseOutcome,
    weights,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// What went into a step, what came out of it, and whether it is good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The format of the document: `cutover/step/v1`.
    #[schemars(schema_with = "format::step")]
    pub format: String,
    /// The step's name, which is also its file's, without the ending.
    pub step: String,
    /// The runtime that it is about, by its name in the workspace. Left out where a bundle has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// What the step was given, by the name of its part in it: `blob`, `state`, `toolchain`.
    #[serde(default)]
    pub inputs: BTreeMap<String, Input>,
    /// The result of the step. The name of the step gives its type.
    pub result: Value,
    /// The verdict of the step.
    pub verdict: Verdict,
    /// Other files of the bundle that the step wrote: name in the bundle to blake2-256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// How long the step took, by the clock. `upgrade` does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// A document that is the result of a step.
pub trait StepResult: Serialize + DeserializeOwned {
    /// The name of the step.
    const STEP: &'static str;
}

macro_rules! results {
    ($($step:literal $result:ty)*) => {
        $(impl StepResult for $result {
            const STEP: &'static str = $step;
        })*

        /// Returns the schema of each step's result, on the condition of the step's name.
        fn results(generator: &mut SchemaGenerator) -> Vec<Schema> {
            vec![$({
                let result = generator.subschema_for::<$result>();
                json_schema!({
                    "if": {"properties": {"step": {"const": $step}}},
                    "then": {"properties": {"result": result}},
                })
            }),*]
        }
    };
}

results! {
    "state" StatePin
    "build" BuildResult
    "inspect" RuntimeFacts
    "diff" DiffOutcome
    "dry-run" DryRunReport
    "propose" ProposeOutcome
    "rehearse" RehearseOutcome
    "weights" weights::check::StepResult
}

impl Step {
    /// Returns the JSON schema of all steps. The results of known steps have their types.
    pub fn schema() -> Schema {
        let mut generator = SchemaGenerator::default();
        let results = results(&mut generator).into_iter().map(Value::from).collect();
        let mut schema = generator.into_root_schema_for::<Self>();
        schema.insert("allOf".into(), Value::Array(results));
        schema
    }

    /// Returns the evidence of a step without its inputs and outputs.
    pub fn new<T: StepResult>(verdict: Verdict, result: &T) -> serde_json::Result<Self> {
        Ok(Self::with_result(T::STEP, verdict, serde_json::to_value(result)?))
    }

    /// Returns the same for a result whose type nobody here knows.
    pub fn with_result(step: impl Into<String>, verdict: Verdict, result: Value) -> Self {
        Self {
            format: format::STEP.into(),
            step: step.into(),
            runtime: None,
            inputs: BTreeMap::new(),
            result,
            verdict,
            outputs: BTreeMap::new(),
            seconds: None,
        }
    }

    /// Sets the runtime that the step is about, by its name in the workspace.
    pub fn of_runtime(mut self, runtime: impl Into<String>) -> Self {
        self.runtime = Some(runtime.into());
        self
    }

    /// Adds an input, or replaces the one of the same name.
    pub fn input(mut self, name: impl Into<String>, input: Input) -> Self {
        self.inputs.insert(name.into(), input);
        self
    }

    /// Returns the result, which is that of the step `T::STEP` and of no other.
    pub fn result<T: StepResult>(&self) -> serde_json::Result<T> {
        use serde::de::Error;
        match self.step == T::STEP {
            true => T::deserialize(&self.result),
            false => Err(Error::custom(format!("the result of the step {} was asked for {}", self.step, T::STEP))),
        }
    }

    /// Returns whether the step is about that runtime, or about the only one.
    pub fn is_of(&self, runtime: &str) -> bool {
        self.runtime.as_deref().is_none_or(|own| own == runtime)
    }
}

/// One thing that a step was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// What identifies it: a hash where there is one, else the exact text, such as a toolchain's version line.
    pub digest: String,
    /// Of a file: where it lies in the bundle or in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of a runtime blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake2_256: Option<String>,
    /// Of a container image or a revision: as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a source: whether it has changes that are in no commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Of a state: the chain, by the hash of its first block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_hash: Option<String>,
    /// Of a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<String>,
    /// Of a state's block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Of a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_root: Option<String>,
    /// Of the runtime of a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name: Option<String>,
    /// Of the runtime of a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_version: Option<u32>,
}

impl Input {
    /// Returns an input that only its digest identifies.
    pub fn new(digest: impl Into<String>) -> Self {
        Self { digest: digest.into(), ..Self::default() }
    }

    /// Returns the input `blob`: the runtime blob that the step is about. Steps are compared by it.
    pub fn blob(path: impl Into<String>, blake2_256: impl Into<String>) -> Self {
        let blake2_256 = blake2_256.into();
        Self { path: Some(path.into()), blake2_256: Some(blake2_256.clone()), ..Self::new(blake2_256) }
    }

    /// Returns the input `state`: what the step starts from. The digest is the state's root, or the hash of its file.
    pub fn state(digest: impl Into<String>, pin: &StatePin) -> Self {
        Self {
            genesis_hash: pin.genesis_hash.clone(),
            block_hash: pin.block_hash.clone(),
            number: pin.number,
            state_root: pin.state_root.clone(),
            spec_name: Some(pin.spec_name.clone()),
            spec_version: Some(pin.spec_version),
            ..Self::new(digest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_wire_form_is_the_documented_one() {
        let step =
            Step::with_result("inspect", Verdict::Skip, json!(null)).input("blob", Input::blob("a.wasm", "0xab"));
        let expected = json!({
            "format": "cutover/step/v1",
            "step": "inspect",
            "inputs": {"blob": {"digest": "0xab", "blake2_256": "0xab", "path": "a.wasm"}},
            "result": null,
            "verdict": "skip",
        });
        assert_eq!(json!(step), expected);
        assert_eq!(Step::deserialize(&expected).expect("a step"), step);
    }

    #[test]
    fn a_result_is_that_of_its_step_alone() {
        let step = Step::with_result("diff", Verdict::Pass, json!({}));
        let error = step.result::<DryRunReport>().expect_err("another step").to_string();
        assert!(error.contains("the step diff"), "{error}");
    }
}
