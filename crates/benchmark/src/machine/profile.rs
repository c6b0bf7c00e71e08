// SPDX-License-Identifier: Apache-2.0
//! Hardware profiles: the files in the directory `hardware/`.

use protocol::weights::raw::{Machine, Scores};
use serde::Deserialize;
use std::path::Path;
use worker::{Failure, Result};

/// The largest profile that is read, in bytes. A profile has a few lines.
const LIMIT: u64 = 64 << 10;

/// The minimum requirements of a reference machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub name: String,
    /// The source of the figures.
    #[serde(rename = "source")]
    _source: String,
    /// The share of a minimum by which a score may be lower: 0.1 is ten percent.
    #[serde(default)]
    tolerance: f64,
    /// A part of the processor's model name, if a certain model is required.
    #[serde(default)]
    cpu: Option<String>,
    #[serde(default)]
    cores: Option<u32>,
    #[serde(default)]
    memory_bytes: Option<u64>,
    /// The minimum scores.
    #[serde(default)]
    minimum: Minimum,
}

/// Minimum scores in MiB/s.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Minimum {
    blake2_256: Option<f64>,
    sr25519_verify: Option<f64>,
    memory_copy: Option<f64>,
    disk_sequential_write: Option<f64>,
    disk_random_write: Option<f64>,
}

impl Profile {
    /// Reads a profile from a TOML file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read_bounded(path, LIMIT)?;
        let broken = |found: String| {
            Failure::input(format!("{} is not a hardware profile", path.display()))
                .found(found)
                .expected("TOML with `name`, `source`, and minimums in MiB/s under [minimum]; see docs/weights.md")
        };
        let text = std::str::from_utf8(&text).map_err(|error| broken(error.to_string()))?;
        toml::from_str(text).map_err(|error| broken(error.message().to_string()))
    }

    /// Returns the requirements that this machine does not meet, in words.
    pub fn shortfalls(&self, facts: &Machine, scores: &Scores) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(cpu) = self.cpu.as_ref().filter(|cpu| !facts.cpu.contains(cpu.as_str())) {
            found.push(format!("the processor is {}, but the profile requires {cpu}", facts.cpu));
        }
        if let Some(cores) = self.cores.filter(|cores| facts.cores < *cores) {
            found.push(format!("{} cores, but the profile requires {cores}", facts.cores));
        }
        if let Some(memory) = self.memory_bytes.filter(|memory| facts.memory_bytes < *memory) {
            found.push(format!("{} bytes of memory, but the profile requires {memory}", facts.memory_bytes));
        }
        let minimum = &self.minimum;
        for (name, score, least) in [
            ("blake2_256", scores.blake2_256, minimum.blake2_256),
            ("sr25519_verify", scores.sr25519_verify, minimum.sr25519_verify),
            ("memory_copy", scores.memory_copy, minimum.memory_copy),
            ("disk_sequential_write", scores.disk_sequential_write, minimum.disk_sequential_write),
            ("disk_random_write", scores.disk_random_write, minimum.disk_random_write),
        ] {
            let Some(least) = least else { continue };
            match score {
                Some(score) if score >= least * (1.0 - self.tolerance) => (),
                Some(score) => found.push(format!("{name} {score:.2} MiB/s, but the profile requires {least}")),
                None => found.push(format!("{name} could not be measured, but the profile requires {least} MiB/s")),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Result<Profile> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.toml");
        std::fs::write(&path, text).expect("written");
        Profile::read(&path)
    }

    const TEXT: &str = "name = \"a\"\nsource = \"here\"\ntolerance = 0.1\ncpu = \"EPYC\"\ncores = 4\n\
        [minimum]\nblake2_256 = 1000\nmemory_copy = 10000.5\n";

    #[test]
    fn a_machine_within_the_tolerance_matches_the_profile() {
        let facts = Machine { cpu: "AMD EPYC 7763".into(), cores: 8, ..Machine::default() };
        let scores = Scores { blake2_256: Some(901.0), memory_copy: Some(20_000.0), ..Scores::default() };
        assert_eq!(profile(TEXT).expect("read").shortfalls(&facts, &scores), Vec::<String>::new());
    }

    #[test]
    fn every_shortfall_is_named() {
        let facts = Machine { cpu: "QEMU".into(), cores: 2, ..Machine::default() };
        let scores = Scores { blake2_256: Some(899.0), ..Scores::default() };
        let found = profile(TEXT).expect("read").shortfalls(&facts, &scores);
        assert_eq!(found.len(), 4);
        assert_eq!(found[2], "blake2_256 899.00 MiB/s, but the profile requires 1000");
    }

    #[test]
    fn invalid_profiles_are_refused() {
        for text in ["", "name = 1", "name = \"a\"\nsource = \"b\"\nspeed = 1\n", "\u{0}"] {
            let failure = profile(text).expect_err("refused");
            assert_eq!(failure.kind, worker::Kind::Input, "{text}");
        }
    }

    #[test]
    fn the_profiles_of_the_repository_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hardware");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("the folder") {
            Profile::read(&entry.expect("an entry").path()).expect("a profile");
            count += 1;
        }
        assert!(count >= 2);
    }
}
