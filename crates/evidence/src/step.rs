// SPDX-License-Identifier: Apache-2.0
//! Reads and writes the evidence of one step: a [`protocol::step::Step`] in `<step>.json`.
//!
//! Two people who run the same step on the same inputs must be able to compare the results. Fields
//! that differ from run to run (durations, the number of requests: [`protocol::VOLATILE`]) are not
//! written by `upgrade`. If a file has such a field, the file's hash covers it, but [`digest`],
//! which the manifest records for each step, does not.

use crate::{canonical, digest};
use protocol::{
    Verdict,
    format::STEP,
    step::{Step, StepResult},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use std::path::{Path, PathBuf};
use worker::{Code, Failure, Result};

/// The common prefix of the format names of all versions.
#[cfg(feature = "signatures")]
pub(crate) const FORMATS: &str = "cutover/step/";

/// The greatest size of an evidence file, in bytes. A step with more data writes a separate file.
pub const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// Returns the evidence of a step without inputs and outputs, and without the fields that differ
/// from run to run.
pub fn of<T: StepResult>(verdict: Verdict, result: &T) -> Result<Step> {
    let mut step = Step::new(verdict, result).map_err(|error| not_json(T::STEP, &error))?;
    step.result = protocol::without_volatile(step.result);
    Ok(step)
}

fn not_json(step: &str, error: &serde_json::Error) -> Failure {
    Failure::internal(format!("the evidence of {step} cannot be written")).found(error.to_string())
}

/// Writes `<step>.json` atomically into a directory and returns its path.
pub fn write(step: &Step, directory: &Path) -> Result<PathBuf> {
    let path = directory.join(format!("{}.json", step.step));
    let mut text = serde_json::to_vec_pretty(step).map_err(|error| not_json(&step.step, &error))?;
    text.push(b'\n');
    files::write_whole(&path, &text)?;
    Ok(path)
}

/// Reads the evidence of the step that the file is named after.
pub fn read(path: &Path) -> Result<Step> {
    parse(&files::read_bounded(path, SIZE_LIMIT)?, &path.display().to_string())
}

/// The fields that every version of the format has. They identify the version of a file.
#[derive(Deserialize)]
struct Header {
    format: String,
    step: String,
}

/// Parses a step's evidence. `name` is the file's name in error messages.
pub fn parse(text: &[u8], name: &str) -> Result<Step> {
    let unfinished = |error: serde_json::Error| {
        Failure::input(format!("{name} is not the complete evidence of a step"))
            .found(error.to_string())
            .expected(format!("a document of the format {STEP}"))
            .hint("run the step again")
    };
    // Report another format version by its name, whatever other fields differ.
    let header: Header = serde_json::from_slice(text).map_err(unfinished)?;
    if header.format != STEP {
        return Err(Failure::input(format!("{name} has an unknown format"))
            .code(Code::OtherVersion)
            .found(header.format)
            .expected(STEP)
            .hint("run the upgrade again, or take the version of Cutover that wrote it"));
    }
    let stem = name.rsplit('/').next().and_then(|file| file.strip_suffix(".json")).unwrap_or(name);
    if header.step != stem {
        return Err(Failure::input(format!("{name} contains the evidence of another step"))
            .found(header.step)
            .expected(stem));
    }
    serde_json::from_slice(text).map_err(unfinished)
}

/// Returns the result of a step as the type of that step.
pub fn result<T: StepResult>(step: &Step) -> Result<T> {
    step.result().map_err(|error| {
        Failure::input(format!("the evidence of {} has a result of another type", step.step))
            .found(error.to_string())
            .hint("run the step again")
    })
}

/// A blob that a step refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobClaim {
    /// The name of the runtime, if the step states one.
    pub runtime: Option<String>,
    /// The BLAKE2-256 hash of the blob, as the step states it.
    pub blake2_256: String,
}

/// The fields of a result that may name blobs: `blob`, and `blob` of each entry of `runtimes`.
#[derive(Deserialize)]
struct BlobFields {
    #[serde(default)]
    blob: Lenient<HashedBlob>,
    #[serde(default)]
    runtimes: Lenient<Vec<Lenient<RuntimeFields>>>,
}

#[derive(Deserialize)]
struct RuntimeFields {
    #[serde(default)]
    name: Lenient<String>,
    #[serde(default)]
    runtime: Lenient<String>,
    #[serde(default)]
    package: Lenient<String>,
    #[serde(default)]
    blob: Lenient<HashedBlob>,
}

#[derive(Deserialize)]
struct HashedBlob {
    blake2_256: String,
}

/// A value, or `None` if it has another type. Results of other types may use the same field name
/// for something else.
pub(crate) struct Lenient<T>(pub(crate) Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Self(T::deserialize(Value::deserialize(deserializer)?).ok()))
    }
}

/// Returns the blobs that a step refers to: its input `blob`, and those that its result names.
pub fn blobs(step: &Step) -> Vec<BlobClaim> {
    let mut claims = Vec::new();
    let mut claim = |runtime: Option<String>, blake2_256: String| claims.push(BlobClaim { runtime, blake2_256 });
    if let Some(input) = step.inputs.get("blob") {
        claim(step.runtime.clone(), input.blake2_256.as_ref().unwrap_or(&input.digest).clone());
    }
    let Ok(result) = BlobFields::deserialize(&step.result) else { return claims };
    if let Some(blob) = result.blob.0 {
        claim(step.runtime.clone(), blob.blake2_256);
    }
    for runtime in result.runtimes.0.into_iter().flatten().filter_map(|one| one.0) {
        let name = runtime.name.0.or(runtime.runtime.0).or(runtime.package.0).or_else(|| step.runtime.clone());
        if let Some(blob) = runtime.blob.0 {
            claim(name, blob.blake2_256);
        }
    }
    claims
}

/// Returns the blake2-256 hash of a step's canonical JSON without its [`protocol::VOLATILE`] keys.
/// Two runs of a step can be compared by this hash.
pub fn digest(text: &[u8]) -> Result<String> {
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| Failure::input("a step's evidence is not JSON").found(error.to_string()))?;
    Ok(digest::blake2_256(&canonical::to_bytes_any_number(&protocol::without_volatile(value))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::step::Input;
    use serde_json::json;

    #[test]
    fn a_step_is_written_and_read_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut step = Step::with_result("dry-run", Verdict::Pass, json!({"blocks": 3}))
            .of_runtime("standalone")
            .input("blob", Input::blob("standalone.wasm", "0x12"))
            .input("toolchain", Input::new("rustc 1.95.0"));
        step.seconds = Some(1.5);
        let path = write(&step, directory.path()).expect("written");
        assert!(path.ends_with("dry-run.json"));
        assert_eq!(read(&path).expect("read"), step);
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
            ("x.json", "{\"format\": \"cutover/step/v9\", \"step\": \"x\", \"result\": 1, \"verdict\": \"pass\"}"),
            ("y.json", "{\"format\": \"cutover/step/v1\", \"step\": \"x\", \"result\": 1, \"verdict\": \"pass\"}"),
            ("x.json", ""),
        ] {
            let failure = parse(text.as_bytes(), name).expect_err(text);
            assert!(failure.message.contains(name), "{failure}");
            assert_eq!(failure.kind, worker::Kind::Input);
        }
    }

    #[test]
    fn evidence_of_an_older_version_is_refused_by_its_name() {
        let text = "{\"format\": \"cutover/step/v0\", \"step\": \"x\", \"verdict\": \"passed\"}";
        let failure = parse(text.as_bytes(), "x.json").expect_err("an older version");
        assert!(failure.is(Code::OtherVersion));
        assert_eq!(failure.found.as_deref(), Some("cutover/step/v0"));
        assert!(failure.hint.is_some_and(|hint| hint.contains("run the upgrade again")));
    }

    #[test]
    fn blobs_are_found_in_inputs_and_results() {
        let result = json!({
            "blob": {"blake2_256": "0x02"},
            "runtimes": [
                {"package": "other", "blob": {"blake2_256": "0x03"}},
                {"package": "none", "blob": "path"},
                {"name": "both", "package": "p", "blob": {"blake2_256": "0x04"}},
                7,
            ],
        });
        let step = Step::with_result("build", Verdict::Pass, result)
            .of_runtime("one")
            .input("blob", Input::blob("one.wasm", "0x01"));
        let claim = |runtime: &str, hash: &str| BlobClaim { runtime: Some(runtime.into()), blake2_256: hash.into() };
        let expected = [claim("one", "0x01"), claim("one", "0x02"), claim("other", "0x03"), claim("both", "0x04")];
        assert_eq!(blobs(&step), expected);
        assert_eq!(blobs(&Step::with_result("x", Verdict::Pass, json!(null))), []);
    }
}
