// SPDX-License-Identifier: Apache-2.0
//! Copies of the small runtime that tests of builds compare.

use crate::{Output, Xtask, copy, locked, repository};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// A copy of the workspace of the small runtime.
pub struct Tiny {
    /// The directory of the copy.
    pub workspace: PathBuf,
    out: tempfile::TempDir,
}

impl Tiny {
    /// Copies the workspace into `directory`. Copies with different nonces have different sources,
    /// so the blob of a new nonce is in no cache.
    pub fn copy(directory: &Path, nonce: u32) -> Self {
        copy(&repository().join("tests/fixtures/tiny-runtime"), directory);
        let text = format!("pub const NONCE: u32 = {nonce};\n");
        fs::write(directory.join("runtime/src/nonce.rs"), text).expect("written");
        Self { workspace: directory.to_path_buf(), out: tempfile::tempdir().expect("a directory") }
    }

    /// Writes a file of the workspace.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.workspace.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Replaces the first occurrence of a text in a file of the workspace.
    ///
    /// # Panics
    ///
    /// If the file does not contain it.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.workspace.join(name)).expect("read");
        assert!(text.contains(from), "{name} lacks {from:?}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Runs cargo in the workspace, without the network. Returns its standard output.
    pub fn cargo(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("cargo");
        command.args(arguments).arg("--offline").current_dir(&self.workspace).env_remove("CARGO_MANIFEST_DIR");
        let done = command.output().expect("cargo starts");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8")
    }

    /// Fits the lock file to the manifests. Packages that are locked already stay.
    pub fn lock(&self) {
        self.cargo(&["metadata", "--format-version", "1"]);
    }

    /// Returns the runtimes that `list` shows.
    pub fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let document = self.xtask(&[&["list"], arguments].concat()).run().expect_code(0).json();
        document["runtimes"].as_array().expect("runtimes").clone()
    }

    /// Returns a number that no other test and no other run uses.
    pub fn nonce() -> u32 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        now.subsec_nanos() ^ std::process::id().rotate_left(16)
    }

    /// Returns a `cargo xtask` command on this workspace. It uses the target directory of the
    /// tests, which has a compiled Wasm builder.
    pub fn xtask(&self, arguments: &[&str]) -> Xtask {
        let workspace = self.workspace.to_str().expect("UTF-8");
        Xtask::new(arguments.iter().copied().chain(["--json", "--quiet", "--workspace", workspace]))
            .env("CARGO_TARGET_DIR", target_directory())
    }

    /// Returns the directory that blobs are built into.
    pub fn out(&self) -> &Path {
        self.out.path()
    }

    /// Builds with the profile `release` and returns the document of the runtime.
    pub fn build(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
        let output = self.try_build(arguments, variables).expect_code(0);
        output.json()["runtimes"][0].clone()
    }

    /// Builds with the profile `release` and returns the output of the command, which may have
    /// failed. `variables` are added to the environment.
    pub fn try_build(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let _alone = alone();
        let out = self.out().to_str().expect("UTF-8");
        let fixed = ["build", "--profile", "release", "--out", out];
        let mut command = self.xtask(&[&fixed, arguments].concat());
        for (name, value) in variables {
            command = command.env(name, value);
        }
        command.run()
    }

    /// Builds the runtime and returns the hash of its blob.
    pub fn hash(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let document = self.build(arguments, variables);
        assert_eq!(document["cached"], false, "it was to be compiled: {document}");
        document["blake2_256"].as_str().expect("a hash").to_owned()
    }
}

/// Returns the lock for builds. All copies share one target directory, and the build script writes
/// into one place there.
pub fn alone() -> File {
    locked(target_directory().join(".tiny-runtime.lock"))
}

/// Returns the target directory, from the test's path `<target>/<profile>/deps/<test>`.
pub fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(3).expect("a target directory").to_path_buf()
}
