// SPDX-License-Identifier: Apache-2.0
//! A small bundle that tests sign, verify and damage.

use crate::{
    MANIFEST, assemble::assemble, digest, keys::ChainSecret, root::Root, sign::sign, statement::MANDATORY, step,
    verify::verify,
};
use protocol::{
    CHECKS, Check, RuntimeIdentity, StateIdentity, Verdict,
    build::{BlobFile, BuildRecord, BuildResult},
    diff::{ComparedRuntime, DiffReport},
    dry_run::DryRunReport,
    format::{DIFF, DRY_RUN, REHEARSAL, SIGNERS},
    inspect::{PalletFacts, RuntimeFacts},
    manifest::{Digests, ToolVersions},
    proposal::{Call, Proposal, Route},
    rehearse::{RehearsalReport, RehearsedCall},
    signers::{KeySource, KeyType, RootFile, SignerEntry},
    step::{Input, Step},
    verify::{AssembleRequest, Assembled, SignRequest, Signed, Verification, VerifyRequest},
};
use serde_json::{Value, json};
use std::path::PathBuf;
use worker::{Failure, Reporter, Result};

const BLOB: &[u8] = b"\0asm runtime";

/// Returns the call `system.authorize_upgrade` of the blob by sudo.
pub fn call() -> Vec<u8> {
    let hash = hex::decode(digest::of(BLOB).blake2_256.trim_start_matches("0x")).expect("hex");
    [&[12, 0, 0, 9][..], &hash].concat()
}

fn runtime(spec_version: u32, blake2_256: &str) -> RuntimeIdentity {
    RuntimeIdentity {
        spec_name: "standalone".into(),
        spec_version,
        transaction_version: Some(1),
        state_version: 1,
        code_size: BLOB.len(),
        blake2_256: blake2_256.into(),
    }
}

/// Returns a dry run with only passed checks.
fn dry_run() -> DryRunReport {
    DryRunReport {
        format: DRY_RUN.into(),
        state: StateIdentity {
            source: "state.snapshot".into(),
            genesis_hash: Some("0x09".into()),
            block_hash: "0x05".into(),
            number: 7,
            state_root: "0x01".into(),
            verified: true,
            entries: Some(12),
            ..StateIdentity::default()
        },
        from: runtime(1, "0xaa"),
        to: runtime(2, &digest::of(BLOB).blake2_256),
        checks: CHECKS.iter().map(|name| Check::pass(*name, "")).collect(),
        seconds: 1.5,
        verdict: Verdict::Pass,
        ..DryRunReport::default()
    }
}

fn proposal() -> Proposal {
    let code_hash = digest::of(BLOB).blake2_256;
    let call = Call {
        name: "sudo".into(),
        chain: "standalone".into(),
        hash: digest::of(&call()).blake2_256,
        length: call().len(),
        decoded: format!("Sudo.sudo {{ call: System.authorize_upgrade {{ code_hash: {code_hash} }} }}"),
        files: vec!["calls/authorize_upgrade.hex".into()],
        ..Call::default()
    };
    Proposal {
        route: Route::Sudo,
        possible_routes: vec![Route::Sudo],
        chain: "standalone".into(),
        from_spec_version: 1,
        to_spec_version: 2,
        code_hash,
        code_length: BLOB.len(),
        without_checks: false,
        xcm_version: None,
        calls: vec![call],
        apply: None,
        notes: Vec::new(),
        links: Vec::new(),
    }
}

fn pallet(name: &str, index: u8) -> PalletFacts {
    PalletFacts { name: name.into(), index: Some(index), storage_version: None }
}

/// Returns the result of a step that passed.
fn result(step: &str) -> Value {
    let Digests { blake2_256, sha256, .. } = digest::of(BLOB);
    match step {
        "build" => json!(BuildResult {
            blob: BlobFile { path: "blobs/standalone.wasm".into(), blake2_256 },
            record: BuildRecord { commit: Some("c0ffee".into()), dirty: Some(false), ..BuildRecord::default() },
        }),
        "inspect" => json!(RuntimeFacts {
            spec_name: "standalone".into(),
            spec_version: 2,
            blake2_256,
            sha256,
            pallets: Some(vec![pallet("System", 0), pallet("Sudo", 12)]),
            ..RuntimeFacts::default()
        }),
        "diff" => json!(DiffReport {
            format: DIFF.into(),
            verdict: Verdict::Pass,
            rules: vec![Check::pass("spec-name", "")],
            new: ComparedRuntime { blake2_256, ..ComparedRuntime::default() },
            ..DiffReport::default()
        }),
        "dry-run" => json!(dry_run()),
        "propose" => json!(proposal()),
        "rehearse" => json!(RehearsalReport {
            format: REHEARSAL.into(),
            call: RehearsedCall { blake2_256: digest::of(&call()).blake2_256, ..RehearsedCall::default() },
            checks: vec![Check::pass("dispatch", "")],
            difference_hash: "0x07".into(),
            verdict: Verdict::Pass,
            ..RehearsalReport::default()
        }),
        _ => Value::Null,
    }
}

pub struct Bundle {
    directory: tempfile::TempDir,
}

impl Bundle {
    pub fn new() -> Self {
        let bundle = Self { directory: tempfile::tempdir().expect("a directory") };
        bundle.write("blobs/standalone.wasm", BLOB);
        bundle.write("calls/authorize_upgrade.hex", format!("0x{}\n", hex::encode(call())).as_bytes());
        bundle.write("report.md", b"# report\n");
        for step in MANDATORY {
            bundle.write_step(step, Verdict::Pass, |_| {});
        }
        bundle
    }

    /// Returns an assembled bundle.
    pub fn assembled() -> Self {
        let bundle = Self::new();
        bundle.assemble();
        bundle
    }

    /// Returns the files that the manifest covers, in its order.
    pub fn files(&self) -> [&'static str; 9] {
        [
            "blobs/standalone.wasm",
            "build.json",
            "calls/authorize_upgrade.hex",
            "diff.json",
            "dry-run.json",
            "inspect.json",
            "propose.json",
            "rehearse.json",
            "report.md",
        ]
    }

    pub fn root_directory(&self) -> PathBuf {
        self.directory.path().join("bundle")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root_directory().join(name)
    }

    /// Returns the path of a file beside the bundle.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read")
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        files::write_whole(&self.path(name), content).expect("written");
    }

    pub fn write_step(&self, name: &str, verdict: Verdict, change: impl FnOnce(&mut Step)) {
        let blob = Input::blob("blobs/standalone.wasm", digest::of(BLOB).blake2_256);
        let mut step = Step::with_result(name, verdict, result(name)).of_runtime("standalone").input("blob", blob);
        change(&mut step);
        step::write(&step, &self.root_directory()).expect("written");
    }

    pub fn request(&self) -> AssembleRequest {
        AssembleRequest {
            bundle: self.root_directory(),
            steps: MANDATORY.map(str::to_owned).to_vec(),
            files: vec!["blobs/standalone.wasm".into(), "calls/".into(), "report.md".into()],
            runtimes: Vec::new(),
            versions: ToolVersions { cutover: Some("0.1.0".into()), rustc: None },
        }
    }

    pub fn assemble(&self) -> Assembled {
        self.try_assemble().expect("assembled")
    }

    pub fn try_assemble(&self) -> Result<Assembled> {
        assemble(&self.request(), &Reporter::silent())
    }

    /// Returns the error of assembling the bundle.
    pub fn refused(&self) -> Failure {
        self.try_assemble().expect_err("refused")
    }

    /// Writes a passed step after applying a change to it.
    pub fn change_step(&self, name: &str, change: impl FnOnce(&mut Step)) {
        self.write_step(name, Verdict::Pass, change);
    }

    /// Writes a file of signers beside the bundle.
    pub fn root(&self, threshold: u32, signers: &[(&str, KeyType, String)]) -> PathBuf {
        let entry = |(name, key_type, public_key): &(&str, KeyType, String)| SignerEntry {
            name: (*name).into(),
            key_type: *key_type,
            public_key: public_key.clone(),
        };
        let signers = signers.iter().map(entry).collect();
        let file = RootFile {
            format: SIGNERS.into(),
            version: 1,
            threshold,
            expires: None,
            lineage: None,
            signers,
            signatures: Vec::new(),
        };
        Root::new(file.clone()).expect("a root that makes sense");
        let path = self.beside("signers.json");
        files::write_whole(&path, &serde_json::to_vec(&file).expect("JSON")).expect("written");
        path
    }

    /// Writes the key file of a chain key and returns its entry in a file of signers.
    pub fn chain_key(&self, name: &'static str, key_type: KeyType) -> (KeySource, (&'static str, KeyType, String)) {
        let seed = digest::of(name.as_bytes()).sha256;
        let key_file = self.beside(&format!("{name}.key"));
        std::fs::write(&key_file, &seed).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).expect("private");
        }
        let public = ChainSecret::parse(key_type, &seed).expect("a key").public_key().to_text().expect("text");
        let with = match key_type {
            KeyType::Ed25519 => KeySource::Ed25519 { key_file },
            _ => KeySource::Sr25519 { key_file },
        };
        (with, (name, key_type, public))
    }

    pub fn sign(&self, with: KeySource) -> Result<Signed> {
        let request = SignRequest { bundle: self.root_directory(), with, root: None, accepted: None };
        sign(&request, &Reporter::silent())
    }

    pub fn verify(&self, root: Option<&PathBuf>) -> Verification {
        self.verify_with(root, false)
    }

    /// Verifies the integrity of the bundle only.
    pub fn verify_integrity(&self) -> Verification {
        self.verify_with(None, true)
    }

    fn verify_with(&self, root: Option<&PathBuf>, integrity_only: bool) -> Verification {
        let request =
            VerifyRequest { bundle: self.root_directory(), root: root.cloned(), accepted: None, integrity_only };
        verify(&request, &Reporter::silent()).expect("verified").value
    }

    /// Flips the bits of `mask` in one byte of a file.
    pub fn flip(&self, name: &str, index: usize, mask: u8) {
        let mut content = self.read(name);
        content[index] ^= mask;
        // Damage is not written atomically.
        std::fs::write(self.path(name), content).expect("written");
    }
}

/// Returns the names of the files that failed a verification.
pub fn failed_files(verification: &Verification) -> Vec<&str> {
    verification.subjects.iter().filter(|subject| !subject.ok).map(|subject| subject.name.as_str()).collect()
}

/// Returns all files of a bundle, including the manifest.
pub fn all_files(bundle: &Bundle) -> Vec<&'static str> {
    let mut files = bundle.files().to_vec();
    files.push(MANIFEST);
    files
}
