// SPDX-License-Identifier: Apache-2.0
//! A bundle under construction: evidence files, and a record of each finished job.
//!
//! A job whose record has the same inputs and outputs is not repeated. Jobs write to a working
//! directory beside the bundle's final directory. The finished bundle replaces the existing one as
//! a whole; an interrupted run leaves the existing bundle and its signatures unchanged.

use super::place::{self, MANIFEST, Manifest};
use evidence::step;
use protocol::step::{Step, StepResult};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workspace::inputs::{Digester, file_digest};

/// The maximum size of an evidence file, in bytes.
pub const EVIDENCE_LIMIT: u64 = 16 * 1024 * 1024;

/// The directories of a bundle under construction.
pub struct Bundle {
    /// The directory that jobs write to.
    pub directory: PathBuf,
    /// The final directory of the bundle.
    pub place: PathBuf,
    pub logs: PathBuf,
    pub work: PathBuf,
    /// The manifest in the final directory when the run began.
    previous_manifest: Option<Vec<u8>>,
    /// The lock on the working directory. The operating system releases it when the process ends.
    _lock: Option<File>,
}

/// The record of a finished job: a digest of its inputs, and the digest of each output file.
#[derive(Debug, Serialize, Deserialize)]
struct JobRecord {
    inputs: String,
    outputs: BTreeMap<String, String>,
}

impl Bundle {
    /// Prepares the directories that the jobs write to. Returns an error if `place` contains
    /// anything but a bundle: files that no step wrote would have to be deleted or signed.
    ///
    /// With `carried`, earlier jobs may have run on another machine. Other runs may write to the
    /// same directory at the same time, so jobs write to it directly and not to a copy.
    pub fn open(place: &Path, carried: bool) -> Result<Self> {
        let io = |error: std::io::Error| Failure::io("use", place, &error);
        let place = if place.is_symlink() { std::fs::canonicalize(place).map_err(io)? } else { place.to_path_buf() };
        let (logs, work) = (sibling(&place, "logs"), sibling(&place, "work"));
        if carried {
            std::fs::create_dir_all(&place).map_err(io)?;
        }
        let foreign = if place.exists() { first_entry(&place)? } else { None };
        let known = work.is_dir() || (carried && place.join("build.json").is_file());
        if let Some(name) = foreign.filter(|_| !known) {
            return Err(not_resumable(&place, &work, &name));
        }
        for directory in [&logs, &work] {
            std::fs::create_dir_all(directory).map_err(io)?;
        }
        let mut bundle = Self { directory: place.clone(), place, logs, work, previous_manifest: None, _lock: None };
        if !carried {
            bundle.begin()?;
        }
        Ok(bundle)
    }

    /// Fills the working directory: what an interrupted run left, or a copy of the bundle. The
    /// manifest is the current one, with its signatures.
    fn begin(&mut self) -> Result<()> {
        self._lock = Some(self.lock()?);
        self.directory = self.work.join("bundle");
        match (self.directory.is_dir(), self.place.is_dir()) {
            (true, _) => self.remove_partial_files()?,
            (false, true) => place::copy(&self.place, &self.directory)?,
            (false, false) => std::fs::create_dir_all(&self.directory)
                .map_err(|error| Failure::io("make", &self.directory, &error))?,
        }
        self.previous_manifest = std::fs::read(self.place.join(MANIFEST)).ok();
        match &self.previous_manifest {
            Some(manifest) => files::write_whole(&self.directory.join(MANIFEST), manifest),
            None => Ok(()),
        }
    }

    /// Locks the working directory, so that two runs do not mix their files in one bundle.
    fn lock(&self) -> Result<File> {
        let path = self.work.join("lock");
        let io = |error: std::io::Error| Failure::io("lock", &path, &error);
        let file = File::create(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::Error(error)) => Err(io(error)),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::environment(format!("another run writes {}", self.place.display()))
                    .hint("wait until it has ended, or name another directory with --out"))
            }
        }
    }

    /// Moves the bundle to its final directory, unless the same bundle is there already. Returns
    /// the directory that keeps the replaced bundle, if that was of another upgrade and signed by
    /// people.
    pub fn finish(&self) -> Result<Option<PathBuf>> {
        if self.directory == self.place {
            return Ok(None);
        }
        // `sign` locks the directory while it writes.
        let directory = File::open(&self.place).ok();
        let _lock = directory.as_ref().map(File::lock);
        if std::fs::read(self.place.join(MANIFEST)).ok() != self.previous_manifest {
            return Err(Failure::environment(format!("{} was changed during the run", self.place.display()))
                .found("another manifest.json than at the beginning, or one that was signed")
                .hint("run the command again: finished jobs are not repeated, and signatures are kept"));
        }
        if place::same(&self.directory, &self.place)? {
            place::remove(&self.directory)?;
            return Ok(None);
        }
        let now = Manifest::parse(&std::fs::read(self.path(MANIFEST)).unwrap_or_default());
        let previous = self.previous_manifest.as_deref().map(Manifest::parse).unwrap_or_default();
        let backup =
            (previous.by_people() > 0 && previous.payload != now.payload).then(|| sibling(&self.place, "before"));
        let old = backup.clone().unwrap_or_else(|| self.work.join("previous"));
        place::put(&self.directory, &self.place, &old)?;
        if backup.is_none() {
            place::remove(&old)?;
        }
        Ok(backup)
    }

    /// Removes the partial files that killed jobs left behind.
    pub fn remove_partial_files(&self) -> Result<()> {
        for entry in files::below(&self.directory) {
            let entry = files::listed(entry)?;
            if !entry.file_type().is_dir() && is_partial(entry.file_name()) {
                std::fs::remove_file(entry.path()).map_err(|error| Failure::io("remove", entry.path(), &error))?;
            }
        }
        Ok(())
    }

    /// Returns the path of a file in the working directory of the bundle.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Returns whether the job ran before with these inputs and its outputs are unchanged.
    pub fn is_up_to_date(&self, job: &str, inputs: &str) -> bool {
        let Ok(text) = std::fs::read(self.record_path(job)) else { return false };
        let Ok(record) = serde_json::from_slice::<JobRecord>(&text) else { return false };
        let same = |(name, digest): (&String, &String)| file_digest(&self.path(name)).is_ok_and(|now| now == *digest);
        record.inputs == inputs && record.outputs.iter().all(same)
    }

    /// Records a finished job.
    pub fn record_job(&self, job: &str, inputs: &str, outputs: &[String]) -> Result<()> {
        let outputs =
            outputs.iter().map(|name| Ok((name.clone(), file_digest(&self.path(name))?))).collect::<Result<_>>()?;
        let record = JobRecord { inputs: inputs.to_owned(), outputs };
        files::write_whole(&self.record_path(job), &pretty(&record)?)
    }

    /// Returns the path of a job's record.
    fn record_path(&self, job: &str) -> PathBuf {
        self.work.join(format!("{job}.json"))
    }

    /// Writes `<step>.json`. `outputs` names the other files of the bundle that the step wrote.
    pub fn write_step(&self, mut step: Step, outputs: &[String]) -> Result<()> {
        for name in outputs {
            step.outputs.insert(name.clone(), file_digest(&self.path(name))?);
        }
        step::write(&step, &self.directory).map(drop)
    }

    /// Reads the evidence of a finished step.
    pub fn read_step(&self, step: &str) -> Result<Step> {
        step::read(&self.path(&format!("{step}.json")))
    }

    /// Reads the result of a finished step.
    pub fn result<T: StepResult>(&self) -> Result<T> {
        step::result(&self.read_step(T::STEP)?)
    }
}

/// Returns a digest of a job's inputs, given as pairs of name and value.
pub fn inputs(words: &[(&str, &str)]) -> String {
    let mut digester = Digester::new();
    for (name, value) in words {
        digester.word(name, value);
    }
    digester.finish()
}

/// Returns the value as indented JSON with a newline at the end.
pub fn pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::internal("a document cannot be written as JSON").found(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

/// Returns the directory `<bundle>.<ending>` beside a bundle.
fn sibling(place: &Path, ending: &str) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!("{name}.{ending}"))
}

/// Returns the name of the first entry of a directory. `None` if it is empty.
fn first_entry(directory: &Path) -> Result<Option<String>> {
    let io = |error: std::io::Error| Failure::io("use", directory, &error);
    let entries = std::fs::read_dir(directory).map_err(io)?.collect::<std::io::Result<Vec<_>>>().map_err(io)?;
    let names = entries.iter().map(std::fs::DirEntry::file_name).filter(|name| !is_partial(name));
    Ok(names.min().map(|name| name.to_string_lossy().into_owned()))
}

/// Returns the error for a directory that is not a bundle this run can continue.
fn not_resumable(place: &Path, work: &Path, found: &str) -> Failure {
    if place.join(MANIFEST).is_file() {
        return Failure::usage(format!("{} is a bundle, but its working directory is missing", place.display()))
            .found(format!("no directory {}", work.display()))
            .hint("copy that directory too, or name an empty or a new directory with --out");
    }
    Failure::usage(format!("{} is not empty and not a bundle of an earlier run", place.display()))
        .found(found)
        .hint("name an empty or a new directory with --out")
}

/// Returns whether a name is that of a partially written file.
fn is_partial(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(".partial-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Check, CheckOutcome, Verdict, dry_run::DryRunReport, step::Input};
    use serde_json::json;

    fn bundle() -> (tempfile::TempDir, Bundle) {
        let directory = tempfile::tempdir().expect("a directory");
        let bundle = Bundle::open(&directory.path().join("bundle"), false).expect("opened");
        (directory, bundle)
    }

    #[test]
    fn a_job_is_up_to_date_while_inputs_and_outputs_are_the_same() {
        let (_directory, bundle) = bundle();
        files::write_whole(&bundle.path("out"), b"one").expect("written");
        assert!(!bundle.is_up_to_date("job", "a"));
        bundle.record_job("job", "a", &["out".into()]).expect("recorded");
        assert!(bundle.is_up_to_date("job", "a"));
        assert!(!bundle.is_up_to_date("job", "b"), "other inputs");
        files::write_whole(&bundle.path("out"), b"two").expect("written");
        assert!(!bundle.is_up_to_date("job", "a"), "another output");
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
        // With `carried`, a directory with the build of another machine counts as a bundle.
        std::fs::write(home.join("build.json"), "{}").expect("written");
        assert!(Bundle::open(&home, false).is_err());
        assert!(Bundle::open(&home, true).is_ok());
    }

    #[test]
    fn a_bundle_is_opened_again_without_partial_files() {
        let (_directory, bundle) = bundle();
        files::write_whole(&bundle.path("report.md"), b"x").expect("written");
        std::fs::create_dir(bundle.path("calls")).expect("made");
        let partial = [".partial-abc", "calls/.partial-def"];
        partial.iter().for_each(|name| std::fs::write(bundle.path(name), "x").expect("written"));
        let place = bundle.place.clone();
        drop(bundle);
        let again = Bundle::open(&place, false).expect("opened");
        assert!(again.path("report.md").is_file());
        assert!(partial.iter().all(|name| !again.path(name).exists()));
    }

    #[test]
    fn a_step_has_its_outputs_and_no_volatile_fields() {
        let (_directory, bundle) = bundle();
        files::write_whole(&bundle.path("a.wasm"), b"").expect("written");
        let check = CheckOutcome::pass("").measured("2.5 s").named("versions");
        let report = DryRunReport { seconds: 2.5, checks: vec![check], ..DryRunReport::default() };
        let step = step::of(Verdict::Pass, &report).expect("a step").of_runtime("solo");
        let step = step.input("blob", Input::new("0x1"));
        bundle.write_step(step, &["a.wasm".into()]).expect("written");
        let read = bundle.read_step("dry-run").expect("read");
        assert_eq!(read.outputs["a.wasm"], "0x0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!((read.verdict, read.runtime.as_deref()), (Verdict::Pass, Some("solo")));
        assert!(read.result.get("seconds").is_none());
        let result: DryRunReport = bundle.result().expect("the result");
        assert_eq!((result.seconds, result.checks), (0.0, vec![Check::pass("versions", "")]));
    }

    /// Returns a manifest with signatures by these keys.
    fn manifest(payload: &str, key_ids: &[&str]) -> String {
        let signatures: Vec<_> = key_ids.iter().map(|id| json!({"keyid": id, "sig": ""})).collect();
        json!({"payload": payload, "signatures": signatures}).to_string()
    }

    fn write(bundle: &Bundle, files: &[(&str, &str)]) {
        for (name, text) in files {
            files::write_whole(&bundle.path(name), text.as_bytes()).expect("written");
        }
    }

    #[test]
    fn an_interrupted_run_leaves_the_bundle_unchanged() {
        let (directory, bundle) = bundle();
        let place = directory.path().join("bundle");
        write(&bundle, &[("diff.json", "1"), (MANIFEST, "1")]);
        assert!(!place.exists(), "nothing is written before the bundle is complete");
        assert_eq!(bundle.finish().expect("put"), None);
        drop(bundle);
        assert_eq!(std::fs::read(place.join("diff.json")).expect("there"), b"1");
        let bundle = Bundle::open(&place, false).expect("opened");
        write(&bundle, &[("diff.json", "2")]);
        drop(bundle);
        assert_eq!(std::fs::read(place.join("diff.json")).expect("there"), b"1");
        // The next run continues with the finished jobs.
        let bundle = Bundle::open(&place, false).expect("opened");
        assert_eq!(std::fs::read(bundle.path("diff.json")).expect("read"), b"2");
    }

    #[test]
    fn signatures_added_during_a_run_are_not_lost() {
        let (directory, bundle) = bundle();
        let place = directory.path().join("bundle");
        write(&bundle, &[(MANIFEST, &manifest("x", &[]))]);
        bundle.finish().expect("put");
        drop(bundle);
        let bundle = Bundle::open(&place, false).expect("opened");
        let signed = manifest("x", &["ssh:SHA256:a"]);
        std::fs::write(place.join(MANIFEST), &signed).expect("signed");
        assert_eq!(bundle.finish().expect_err("refused").kind, worker::Kind::Environment);
        drop(bundle);
        let bundle = Bundle::open(&place, false).expect("opened");
        assert_eq!(std::fs::read_to_string(bundle.path(MANIFEST)).expect("taken along"), signed);
        assert_eq!(bundle.finish().expect("the same"), None);
    }

    #[test]
    fn a_bundle_that_people_signed_is_kept_when_another_replaces_it() {
        for (key, is_kept) in [("throw-away:ed25519:0x1", false), ("ssh:SHA256:a", true)] {
            let (directory, bundle) = bundle();
            let place = directory.path().join("bundle");
            write(&bundle, &[(MANIFEST, &manifest("one", &[key]))]);
            bundle.finish().expect("put");
            drop(bundle);
            let bundle = Bundle::open(&place, false).expect("opened");
            write(&bundle, &[(MANIFEST, &manifest("two", &[]))]);
            let kept = bundle.finish().expect("put");
            assert_eq!(kept.is_some(), is_kept, "{key}");
            assert_eq!(directory.path().join("bundle.before").exists(), is_kept);
            assert_eq!(std::fs::read_to_string(place.join(MANIFEST)).expect("put"), manifest("two", &[]));
        }
    }

    #[test]
    fn two_runs_do_not_write_one_bundle() {
        let (directory, bundle) = bundle();
        let again = || Bundle::open(&directory.path().join("bundle"), false);
        assert_eq!(again().err().expect("refused").kind, worker::Kind::Environment);
        drop(bundle);
        again().expect("opened");
    }

    #[test]
    fn a_bundle_without_its_working_directory_is_reported() {
        let directory = tempfile::tempdir().expect("a directory");
        let copy = directory.path().join("copy");
        std::fs::create_dir(&copy).expect("made");
        std::fs::write(copy.join(MANIFEST), "{}").expect("written");
        let failure = Bundle::open(&copy, false).err().expect("refused");
        assert!(failure.message.contains("is a bundle") && failure.found.unwrap_or_default().contains("copy.work"));
    }
}
