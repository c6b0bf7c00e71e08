// SPDX-License-Identifier: Apache-2.0
//! The evidence of one step: what went in, what came out, and whether it is good.
//!
//! Two people who run the same step on the same inputs must be able to compare. What differs from run to run (how long
//! it took, how many requests it needed: [`protocol::VOLATILE`]) is not written by `upgrade`; where it stands in a file, the
//! file's digest protects it like every byte, but [`digest`], which the manifest records for each step, leaves it out.

use crate::{canonical, digest};
use protocol::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

pub const FORMAT: &str = "cutover/step/v1";

/// How the format of every version begins.
pub(crate) const FORMATS: &str = "cutover/step/";

/// Evidence is facts, not data: a step that has more to say writes a file of its own.
pub(crate) const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// One thing a step was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What identifies it: a hash where there is one, else the exact text (a toolchain's version line).
    pub digest: String,
    /// What else helps to find it: `path` in the bundle, `blake2_256`, `number`, `url`.
    #[serde(flatten)]
    pub detail: Map<String, Value>,
}

impl Input {
    pub fn new(digest: impl Into<String>) -> Self {
        Self { digest: digest.into(), detail: Map::new() }
    }

    /// The runtime blob a step is about, to be inserted as `blob`: steps are compared by it.
    pub fn blob(path: impl Into<String>, blake2_256: impl Into<String>) -> Self {
        let blake2_256 = blake2_256.into();
        Self::new(blake2_256.clone()).with("blake2_256", blake2_256).with("path", path.into())
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.into(), value.into());
        self
    }
}

/// `<step>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub format: String,
    /// The step's name, which is also its file's.
    pub step: String,
    /// Which runtime it is about, where a bundle carries several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    #[serde(default)]
    pub inputs: BTreeMap<String, Input>,
    pub result: Value,
    pub verdict: Verdict,
    /// Other files of the bundle that this step wrote: name in the bundle to blake2-256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// A blob that a step says it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobClaim {
    pub runtime: Option<String>,
    pub blake2_256: String,
}

impl Step {
    pub fn new(step: impl Into<String>, verdict: Verdict, result: Value) -> Self {
        Self {
            format: FORMAT.into(),
            step: step.into(),
            runtime: None,
            inputs: BTreeMap::new(),
            result,
            verdict,
            outputs: BTreeMap::new(),
            seconds: None,
        }
    }

    pub fn of_runtime(mut self, runtime: impl Into<String>) -> Self {
        self.runtime = Some(runtime.into());
        self
    }

    pub fn input(mut self, name: &str, input: Input) -> Self {
        self.inputs.insert(name.into(), input);
        self
    }

    /// Writes `<step>.json` into a directory, all of it or nothing.
    pub fn write(&self, directory: &Path) -> Result<PathBuf> {
        let path = directory.join(format!("{}.json", self.step));
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| {
            Failure::internal(format!("the evidence of {} cannot be written", self.step)).found(error.to_string())
        })?;
        text.push(b'\n');
        files::write_whole(&path, &text)?;
        Ok(path)
    }

    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&files::read_bounded(path, SIZE_LIMIT)?, &path.display().to_string())
    }

    /// Parses a step's evidence; `name` is how the file is called in messages.
    pub fn parse(text: &[u8], name: &str) -> Result<Self> {
        let step: Self = serde_json::from_slice(text).map_err(|error| {
            Failure::input(format!("{name} is no finished evidence of a step"))
                .found(error.to_string())
                .expected(format!("a document of the format {FORMAT}"))
                .hint("run the step again")
        })?;
        if step.format != FORMAT {
            return Err(Failure::input(format!("{name} has a format this version does not know"))
                .found(step.format)
                .expected(FORMAT));
        }
        let stem = name.rsplit('/').next().and_then(|file| file.strip_suffix(".json")).unwrap_or(name);
        if step.step != stem {
            return Err(Failure::input(format!("{name} holds the evidence of another step"))
                .found(step.step)
                .expected(stem));
        }
        Ok(step)
    }

    /// Whether it is about that runtime, or about the only one.
    pub fn is_of(&self, runtime: &str) -> bool {
        self.runtime.as_deref().is_none_or(|own| own == runtime)
    }

    /// The blobs this step is about: `inputs.blob`, `result.blob`, and `blob` of each of `result.runtimes`.
    pub fn blobs(&self) -> Vec<BlobClaim> {
        let mut claims = Vec::new();
        if let Some(input) = self.inputs.get("blob") {
            let blake2_256 = input.detail.get("blake2_256").and_then(Value::as_str).unwrap_or(&input.digest);
            claims.push(BlobClaim { runtime: self.runtime.clone(), blake2_256: blake2_256.into() });
        }
        let mut claim = |runtime: Option<String>, within: &Value| {
            if let Some(blake2_256) = within.pointer("/blob/blake2_256").and_then(Value::as_str) {
                claims.push(BlobClaim { runtime, blake2_256: blake2_256.into() });
            }
        };
        claim(self.runtime.clone(), &self.result);
        for runtime in self.result.get("runtimes").and_then(Value::as_array).into_iter().flatten() {
            let name = ["name", "runtime", "package"].iter().find_map(|key| runtime.get(key)?.as_str());
            claim(name.map(str::to_owned).or_else(|| self.runtime.clone()), runtime);
        }
        claims
    }
}

/// The blake2-256 of a step's canonical JSON without its [`protocol::VOLATILE`] keys: what two runs compare.
pub fn digest(text: &[u8]) -> Result<String> {
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| Failure::input("a step's evidence is no JSON").found(error.to_string()))?;
    Ok(digest::blake2_256(&canonical::to_bytes_any_number(&protocol::without_volatile(value))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_is_written_and_read_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut step = Step::new("dry-run", Verdict::Pass, json!({"blocks": 3}))
            .of_runtime("standalone")
            .input("blob", Input::blob("standalone.wasm", "0x12"))
            .input("toolchain", Input::new("rustc 1.95.0"));
        step.seconds = Some(1.5);
        let path = step.write(directory.path()).expect("written");
        assert!(path.ends_with("dry-run.json"));
        assert_eq!(Step::read(&path).expect("read"), step);
    }

    #[test]
    fn the_shape_on_disk_is_the_documented_one() {
        let step = Step::new("inspect", Verdict::Skip, json!(null)).input("blob", Input::blob("a.wasm", "0xab"));
        assert_eq!(
            serde_json::to_value(&step).expect("JSON"),
            json!({
                "format": "cutover/step/v1",
                "step": "inspect",
                "inputs": {"blob": {"digest": "0xab", "blake2_256": "0xab", "path": "a.wasm"}},
                "result": null,
                "verdict": "skip",
            })
        );
    }

    #[test]
    fn time_does_not_change_the_compared_digest_and_results_do() {
        let fast = json!({"step": "x", "result": {"ok": 1, "phase": [{"seconds": 1.5}], "rpc": {"requests": 9}}});
        let slow = json!({"step": "x", "seconds": 7, "result": {"ok": 1, "phase": [{"seconds": 99}]}});
        let other = json!({"step": "x", "result": {"ok": 2, "phase": [{}]}});
        let of = |value: &Value| digest(value.to_string().as_bytes()).expect("a digest");
        assert_eq!(of(&fast), of(&slow));
        assert_ne!(of(&fast), of(&other));
    }

    #[test]
    fn unfinished_and_foreign_evidence_is_refused() {
        for (name, text) in [
            ("x.json", "{\"format\": \"cutover/step/v1\", \"step\": \"x\", \"result\""),
            ("x.json", "{\"format\": \"cutover/step/v1\", \"step\": \"x\", \"result\": 1}"),
            ("x.json", "{\"format\": \"cutover/step/v9\", \"step\": \"x\", \"result\": 1, \"verdict\": \"passed\"}"),
            ("y.json", "{\"format\": \"cutover/step/v1\", \"step\": \"x\", \"result\": 1, \"verdict\": \"passed\"}"),
            ("x.json", ""),
        ] {
            let failure = Step::parse(text.as_bytes(), name).expect_err(text);
            assert!(failure.message.contains(name), "{failure}");
            assert_eq!(failure.kind, worker::Kind::Input);
        }
    }

    #[test]
    fn blobs_are_found_in_inputs_and_results() {
        let step = Step::new(
            "build",
            Verdict::Pass,
            json!({
                "blob": {"blake2_256": "0x02"},
                "runtimes": [{"package": "other", "blob": {"blake2_256": "0x03"}}, {"package": "none", "blob": "path"}],
            }),
        )
        .of_runtime("one")
        .input("blob", Input::blob("one.wasm", "0x01"));
        let claim = |runtime: &str, hash: &str| BlobClaim { runtime: Some(runtime.into()), blake2_256: hash.into() };
        assert_eq!(step.blobs(), [claim("one", "0x01"), claim("one", "0x02"), claim("other", "0x03")]);
    }
}
