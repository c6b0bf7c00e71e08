// SPDX-License-Identifier: Apache-2.0
//! A bundle while it is made: evidence files, and what is remembered of a job to know that it need not be done again.

use crate::inputs::{Digester, file_digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result, Verdict};

pub const EVIDENCE_LIMIT: u64 = 16 * 1024 * 1024;

pub struct Bundle {
    pub directory: PathBuf,
    pub logs: PathBuf,
    pub work: PathBuf,
}

/// What a job was made from and what it made.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    inputs: String,
    outputs: BTreeMap<String, String>,
}

impl Bundle {
    /// The directory, made if it is not there. One that holds something else is refused: files in it that no step wrote
    /// would have to be deleted or be signed.
    /// `carried`: what earlier jobs wrote may have come from another machine.
    pub fn open(directory: &Path, carried: bool) -> Result<Self> {
        let beside = |ending: &str| {
            let name = directory.file_name().unwrap_or_default().to_string_lossy();
            directory.with_file_name(format!("{name}.{ending}"))
        };
        let bundle = Self { directory: directory.to_path_buf(), logs: beside("logs"), work: beside("work") };
        let io = |error: std::io::Error| Failure::io("use", directory, &error);
        std::fs::create_dir_all(directory).map_err(io)?;
        // Where jobs share the directory it may be one that is being written.
        if !carried {
            bundle.tidy()?;
        }
        let mut foreign = None;
        for entry in std::fs::read_dir(directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            if !is_partial(&entry) {
                foreign = Some(entry.file_name());
            }
        }
        let known = bundle.work.is_dir() || (carried && bundle.path("build.json").is_file());
        if let Some(name) = foreign.filter(|_| !known) {
            return Err(Failure::usage(format!(
                "{} is not empty and no bundle of an earlier run",
                directory.display()
            ))
            .found(name.to_string_lossy())
            .hint("name an empty or a new directory with --out"));
        }
        for directory in [&bundle.logs, &bundle.work] {
            std::fs::create_dir_all(directory).map_err(io)?;
        }
        Ok(bundle)
    }

    /// Removes what a killed job left of files that it was writing.
    pub fn tidy(&self) -> Result<()> {
        let mut directories = vec![self.directory.clone()];
        while let Some(directory) = directories.pop() {
            let io = |error: std::io::Error| Failure::io("tidy", &directory, &error);
            for entry in std::fs::read_dir(&directory).map_err(io)? {
                let entry = entry.map_err(io)?;
                if entry.file_type().map_err(io)?.is_dir() {
                    directories.push(entry.path());
                } else if is_partial(&entry) {
                    std::fs::remove_file(entry.path()).map_err(io)?;
                }
            }
        }
        Ok(())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Whether a job with these inputs was done before and what it wrote is still there.
    pub fn is_done(&self, job: &str, inputs: &str) -> bool {
        let Ok(text) = std::fs::read(self.stamp(job)) else { return false };
        let Ok(stamp) = serde_json::from_slice::<Stamp>(&text) else { return false };
        let same = |(name, digest): (&String, &String)| file_digest(&self.path(name)).is_ok_and(|now| now == *digest);
        stamp.inputs == inputs && stamp.outputs.iter().all(same)
    }

    /// Remembers a finished job.
    pub fn done(&self, job: &str, inputs: &str, outputs: &[String]) -> Result<()> {
        let outputs =
            outputs.iter().map(|name| Ok((name.clone(), file_digest(&self.path(name))?))).collect::<Result<_>>()?;
        let stamp = Stamp { inputs: inputs.to_owned(), outputs };
        worker::write_whole(&self.stamp(job), &pretty(&serde_json::to_value(&stamp).map_err(not_json)?)?)
    }

    fn stamp(&self, job: &str) -> PathBuf {
        self.work.join(format!("{job}.json"))
    }

    /// Writes `<step>.json` in the format that `docs/evidence.md` describes.
    pub fn write_step(&self, step: Step<'_>) -> Result<()> {
        let outputs = step
            .outputs
            .iter()
            .map(|name| Ok((name.clone(), json!(file_digest(&self.path(name))?))))
            .collect::<Result<serde_json::Map<_, _>>>()?;
        let mut document = json!({
            "format": "cutover/step/v1",
            "step": step.name,
            "runtime": step.runtime,
            "inputs": step.inputs,
            // The same step on the same inputs gives the same bytes, on whatever machine it ran.
            "result": worker::without_volatile(step.result),
            "verdict": step.verdict,
        });
        if let (false, Some(fields)) = (outputs.is_empty(), document.as_object_mut()) {
            fields.insert("outputs".into(), Value::Object(outputs));
        }
        worker::write_whole(&self.path(&format!("{}.json", step.name)), &pretty(&document)?)
    }

    /// The evidence of a step that was done.
    pub fn read_step(&self, step: &str) -> Result<Value> {
        let path = self.path(&format!("{step}.json"));
        serde_json::from_slice(&worker::read_bounded(&path, EVIDENCE_LIMIT)?)
            .map_err(|error| Failure::input(format!("{} is no JSON", path.display())).found(error.to_string()))
    }
}

pub struct Step<'step> {
    pub name: &'step str,
    pub runtime: &'step str,
    /// Name to what identifies it: a `digest` and whatever helps.
    pub inputs: Value,
    pub result: Value,
    pub verdict: Verdict,
    /// Files of the bundle that the step wrote beside its evidence.
    pub outputs: Vec<String>,
}

/// A digest of what a job is made from.
pub fn inputs(words: &[(&str, &str)]) -> String {
    let mut digester = Digester::new();
    for (name, value) in words {
        digester.word(name, value);
    }
    digester.finish()
}

pub fn pretty(value: &Value) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value).map_err(not_json)?;
    text.push(b'\n');
    Ok(text)
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::internal("a document cannot be written as JSON").found(error.to_string())
}

fn is_partial(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(".partial-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> (tempfile::TempDir, Bundle) {
        let directory = tempfile::tempdir().expect("a directory");
        let bundle = Bundle::open(&directory.path().join("bundle"), false).expect("opened");
        (directory, bundle)
    }

    #[test]
    fn a_job_is_done_while_inputs_and_outputs_are_the_same() {
        let (_directory, bundle) = bundle();
        worker::write_whole(&bundle.path("out"), b"one").expect("written");
        assert!(!bundle.is_done("job", "a"));
        bundle.done("job", "a", &["out".into()]).expect("stamped");
        assert!(bundle.is_done("job", "a"));
        assert!(!bundle.is_done("job", "b"), "other inputs");
        worker::write_whole(&bundle.path("out"), b"two").expect("written");
        assert!(!bundle.is_done("job", "a"), "another output");
    }

    #[test]
    fn a_directory_with_other_files_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path().join("home");
        std::fs::create_dir_all(&home).expect("made");
        std::fs::write(home.join("letter"), "").expect("written");
        for carried in [false, true] {
            let failure = Bundle::open(&home, carried).err().expect("refused");
            assert_eq!((failure.kind, failure.found.as_deref()), (worker::Kind::Usage, Some("letter")));
        }
        // What another machine's build left is a bundle, where that is asked for.
        std::fs::write(home.join("build.json"), "{}").expect("written");
        assert!(Bundle::open(&home, false).is_err());
        assert!(Bundle::open(&home, true).is_ok());
    }

    #[test]
    fn a_bundle_is_opened_again_without_what_was_half_written() {
        let (directory, bundle) = bundle();
        worker::write_whole(&bundle.path("report.md"), b"x").expect("written");
        std::fs::create_dir(bundle.path("calls")).expect("made");
        let partial = [".partial-abc", "calls/.partial-def"];
        partial.iter().for_each(|name| std::fs::write(bundle.path(name), "x").expect("written"));
        let again = Bundle::open(&directory.path().join("bundle"), false).expect("opened");
        assert!(again.path("report.md").is_file());
        assert!(partial.iter().all(|name| !again.path(name).exists()));
    }

    #[test]
    fn a_step_has_the_documented_shape() {
        let (_directory, bundle) = bundle();
        worker::write_whole(&bundle.path("a.wasm"), b"").expect("written");
        let step = Step {
            name: "build",
            runtime: "solo",
            inputs: json!({"blob": {"digest": "0x1"}}),
            result: json!({"x": 1, "seconds": 2.5, "checks": [{"measured": "2.5 s"}]}),
            verdict: Verdict::Passed,
            outputs: vec!["a.wasm".into()],
        };
        bundle.write_step(step).expect("written");
        let read = bundle.read_step("build").expect("read");
        assert_eq!(read["format"], "cutover/step/v1");
        assert_eq!(read["outputs"]["a.wasm"], "0x0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!(read["result"], json!({"x": 1, "checks": [{}]}));
        assert_eq!((&read["verdict"], &read["runtime"]), (&json!("passed"), &json!("solo")));
    }
}
