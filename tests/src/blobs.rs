// SPDX-License-Identifier: Apache-2.0
use crate::{Xtask, locked, repository, shared};
use std::path::PathBuf;

/// A runtime of this repository.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// `runtimes/standalone`, a solo chain.
    Standalone,
    /// `runtimes/parachain`.
    Parachain,
    /// `runtimes/relay`, a relay chain.
    Relay,
}

impl Runtime {
    /// Returns the runtime's name in the workspace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Parachain => "parachain",
            Self::Relay => "relay",
        }
    }
}

/// Returns the path of the recorded state of the previous release.
pub fn snapshot(runtime: Runtime) -> PathBuf {
    repository().join("runtimes").join(runtime.name()).join("previous-release.snapshot")
}

/// Builds the release blob of a runtime, or one with other features. Returns its path. The first
/// test builds it, and the others wait.
pub fn built(runtime: Runtime, features: &[&str]) -> PathBuf {
    let label = if features.is_empty() { "release".to_string() } else { features.join("-") };
    let out = shared(&format!("blobs/{}-{label}", runtime.name()));
    let _lock = locked(out.join(".lock"));
    let mut arguments: Vec<String> = ["build", "--json", "--quiet", "--runtime", runtime.name(), "--out"]
        .iter()
        .map(|argument| argument.to_string())
        .collect();
    arguments.push(out.display().to_string());
    if !features.is_empty() {
        arguments.extend(["--features".into(), features.join(",")]);
    }
    let document = Xtask::new(&arguments).run().expect_code(0).json();
    let blob = document["runtimes"][0]["blob"].as_str().expect("the path of the blob");
    PathBuf::from(blob)
}
