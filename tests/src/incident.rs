// SPDX-License-Identifier: Apache-2.0
//! Small reproductions of failed upgrades: the embedded runtimes and their recorded states, with
//! one fault each.

use crate::{
    Runtime, Xtask, built,
    faults::{
        Action,
        Condition::{Has, Lacks},
        Faults,
    },
    patch, snapshot,
};
use artifact::{Blob, Metadata, hashes};
use codec::{Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v16::RuntimeMetadataV16};
use serde_json::Value;
use state::State;
use std::path::PathBuf;

/// The key that the first block of the new code writes. Without it the state is not migrated.
const MIGRATED: &[u8] = b":test:migrated";

/// The iterations of a loop that takes seconds even on the fastest machine.
pub const LONG: i64 = 13_000_000_000;

/// A fault of the runtime of [`faulty`]. A key of the state switches it on.
#[derive(Clone, Copy)]
pub enum Fault {
    /// The new code's migration loops for seconds.
    Slow,
    /// The new code's migration reads a value of six megabytes.
    Proof,
    /// An API that RPC nodes call fails until the migration has run.
    NonceUnmigrated,
    /// The list of authorities is empty until the migration has run.
    NoAuthorities,
    /// The API returns twice the slot duration.
    SlotDuration,
    /// Calls have almost no weight and no proof size.
    Weights,
    /// The cursor of the multi-block migration cannot be decoded.
    Migration,
    /// A block without migrations processes messages of the relay chain only at its end.
    NoMessages,
    /// Messages of the relay chain are never processed.
    Refused,
    /// Every value that a node requests has an additional byte.
    LongAnswer,
    /// The migration writes the unchanged policy, and reports that it ran.
    Unmigrated,
}

impl Fault {
    fn key(self) -> Vec<u8> {
        format!(":test:fault:{}", self as u8).into_bytes()
    }
}

/// Returns the key of a storage item.
pub fn item(pallet: &str, item: &str) -> Vec<u8> {
    [hashes::twox_128(pallet.as_bytes()), hashes::twox_128(item.as_bytes())].concat()
}

fn released(runtime: Runtime) -> Vec<u8> {
    patch::wasm(&std::fs::read(built(runtime, &[])).expect("the blob"))
}

/// Returns the release with all faults. Each is off until its key is in the state.
pub fn faulty(runtime: Runtime) -> Vec<u8> {
    let on = |fault: Fault| Has(fault.key());
    let first = |fault: Fault| vec![on(fault), Lacks(MIGRATED.to_vec())];
    let mut faults = Faults::new()
        .step("AccountNonceApi_account_nonce", first(Fault::NonceUnmigrated), Action::Trap)
        .step("AuraApi_authorities", first(Fault::NoAuthorities), Action::Answer(vec![0]))
        .step("AuraApi_slot_duration", vec![on(Fault::SlotDuration)], Action::Answer(12_000u64.encode()))
        // Weight, class, fee.
        .step(
            "TransactionPaymentCallApi_query_call_info",
            vec![on(Fault::Weights)],
            Action::Answer([vec![4, 0, 0], vec![0; 16]].concat()),
        )
        .step(
            "AuraApi_slot_duration",
            vec![on(Fault::LongAnswer)],
            Action::Answer([6_000u64.encode(), vec![0]].concat()),
        );
    if runtime == Runtime::Parachain {
        let served = || Action::Clear(item("MessageQueue", "ServiceHead"));
        for export in ["Core_initialize_block", "Core_execute_block", "BlockBuilder_finalize_block"] {
            faults = faults.step(export, vec![on(Fault::Refused)], served());
        }
    }
    let cursor = (0u8, 0u32, Some(Vec::<u8>::new()), 0u32).encode();
    for export in ["Core_initialize_block", "Core_execute_block"] {
        faults = faults
            .step(export, first(Fault::Slow), Action::Burn(LONG))
            .step(export, first(Fault::Proof), Action::Read(b":test:large".to_vec()))
            .step(
                export,
                first(Fault::Unmigrated),
                Action::Set(item("Attestations", ":__STORAGE_VERSION__:"), 1u16.encode()),
            )
            .step(
                export,
                vec![on(Fault::Migration), Has(MIGRATED.to_vec())],
                Action::Set(item("MultiBlockMigrations", "Cursor"), cursor.clone()),
            )
            .step(export, vec![on(Fault::NoMessages)], Action::Clear(item("MessageQueue", "ServiceHead")))
            .step(export, Vec::new(), Action::Set(MIGRATED.to_vec(), vec![1]));
    }
    faults.apply(&released(runtime))
}

/// Returns the unchanged release.
pub fn sound(runtime: Runtime) -> Vec<u8> {
    released(runtime)
}

/// Returns the blob with altered metadata. It returns them for every requested version.
pub fn with_metadata(wasm: &[u8], alter: impl FnOnce(&mut RuntimeMetadataV16)) -> Vec<u8> {
    let blob = Blob::parse("the blob", wasm.to_vec()).expect("a blob");
    let metadata = Metadata::read_version("the blob", &blob, Some(16)).expect("metadata");
    let RuntimeMetadataPrefixed(magic, decoded) =
        RuntimeMetadataPrefixed::decode(&mut metadata.bytes.as_slice()).expect("decoded");
    let RuntimeMetadata::V16(mut decoded) = decoded else { panic!("metadata 16 was asked for") };
    alter(&mut decoded);
    let bytes = RuntimeMetadataPrefixed(magic, RuntimeMetadata::V16(decoded)).encode();
    Faults::new()
        .answer("Metadata_metadata_at_version", Some(&bytes).encode())
        .answer("Metadata_metadata", bytes.encode())
        .apply(wasm)
}

/// The recorded state of the previous release, which can be altered.
pub struct Before {
    state: State,
}

impl Before {
    /// Reads the recorded state of a runtime.
    pub fn of(runtime: Runtime) -> Self {
        Self { state: State::read(&snapshot(runtime)).expect("the snapshot") }
    }

    /// Switches on a fault of the new code.
    pub fn with(self, fault: Fault) -> Self {
        self.set(&fault.key(), Some(vec![1]))
    }

    /// Sets a value of the state, or removes it.
    pub fn set(mut self, key: &[u8], value: Option<Vec<u8>>) -> Self {
        self.state.top.retain(|(known, _)| known != key);
        if let Some(value) = value {
            self.state.top.push((key.to_vec(), value));
            self.state.top.sort();
        }
        self
    }

    /// Returns the account with the largest free balance, of those that the checks inspect.
    pub fn richest(&self) -> [u8; 32] {
        let prefix = item("System", "Account");
        let accounts = self.state.top.iter().filter(|(key, _)| key.starts_with(&prefix));
        // `AccountInfo`: a nonce and three counters of 32 bits, then the free balance.
        let free = |info: &[u8]| u128::from_le_bytes(info[16..32].try_into().expect("16 bytes"));
        let (key, _) = accounts.max_by_key(|(_, info)| free(info)).expect("an account");
        key[key.len() - 32..].try_into().expect("32 bytes")
    }

    /// Returns the chain's current code.
    pub fn code(&self) -> Vec<u8> {
        patch::wasm(self.state.get(b":code").expect("a runtime"))
    }

    /// Alters the chain's current code.
    pub fn with_code(self, alter: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        let altered = patch::deployed(&alter(&self.code()));
        self.set(b":code", Some(altered))
    }

    /// Writes the state with a matching header.
    pub fn write(mut self, path: &std::path::Path) {
        let root = self.state.compute_root().expect("a root");
        let header = self.state.header.as_mut().expect("a header");
        // The parent's hash, a block number below 64 in one byte, then the root.
        header[33..65].copy_from_slice(&root);
        let hash = hashes::blake2_256(header);
        self.state.state_root = Some(root);
        if let Some(block) = &mut self.state.block {
            block.hash = hash;
        }
        self.state.write(path).expect("written");
    }
}

/// Returns the release with a first block that writes these values, as migrations do.
pub fn migrating(wasm: &[u8], values: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut faults = Faults::new();
    for export in ["Core_initialize_block", "Core_execute_block"] {
        for (key, value) in values {
            let first = vec![Lacks(MIGRATED.to_vec())];
            faults = faults.step(export, first, Action::Set(key.clone(), value.clone()));
        }
        faults = faults.step(export, Vec::new(), Action::Set(MIGRATED.to_vec(), vec![1]));
    }
    faults.apply(wasm)
}

/// Rehearses the upgrade of the chain to this blob, without special options.
pub fn rehearse(before: Before, wasm: &[u8]) -> Report {
    rehearse_with(before, wasm, &[])
}

/// Rehearses the upgrade of a parachain without what its validators do. To prepare the code takes
/// longer than all that most incidents are about.
pub fn rehearse_without_validators(before: Before, wasm: &[u8]) -> Report {
    rehearse_with(before, wasm, &["--skip", "validator-preparation", "--skip", "validator-execution"])
}

/// Rehearses the upgrade with more options.
pub fn rehearse_with(before: Before, wasm: &[u8], more: &[&str]) -> Report {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (blob, state): (PathBuf, PathBuf) =
        (directory.path().join("runtime.compact.compressed.wasm"), directory.path().join("state.snapshot"));
    std::fs::write(&blob, patch::deployed(wasm)).expect("written");
    before.write(&state);
    let arguments =
        ["dry-run", "--json", "--runtime", blob.to_str().expect("UTF-8"), "--state", state.to_str().expect("UTF-8")];
    let output = Xtask::new(arguments.iter().chain(more)).run();
    Report { code: output.code, document: output.json() }
}

/// The exit code and the report of a dry run.
pub struct Report {
    code: Option<i32>,
    document: Value,
}

impl Report {
    fn check(&self, name: &str) -> &Value {
        let checks = self.document["checks"].as_array();
        checks
            .and_then(|checks| checks.iter().find(|check| check["name"] == name))
            .unwrap_or_else(|| panic!("no check {name} in {:#}", self.document))
    }

    /// Asserts that this check fails the upgrade, with these words in its findings.
    pub fn stopped_by(&self, check: &str, words: &[&str]) -> &Self {
        let found = self.check(check);
        assert_eq!(found["status"], "fail", "{check}: {found:#}");
        let told = found.to_string();
        for word in words {
            assert!(told.contains(word), "{check} does not say {word:?}: {found:#}");
        }
        assert_eq!(self.document["verdict"], "fail");
        assert_eq!(self.code, Some(1), "the exit code of a failed check");
        self
    }

    /// Asserts that this check warns of a hazard, with these words in its findings.
    pub fn warned_by(&self, check: &str, words: &[&str]) -> &Self {
        let found = self.check(check);
        assert_eq!(found["status"], "warn", "{check}: {found:#}");
        let told = found.to_string();
        for word in words {
            assert!(told.contains(word), "{check} does not say {word:?}: {found:#}");
        }
        let hazards = found["findings"].as_array().is_some_and(|all| all.iter().any(|one| one["rank"] == "hazard"));
        assert!(hazards, "{check}: no hazard among {found:#}");
        self
    }

    /// Asserts the verdict.
    pub fn verdict(&self, verdict: &str) -> &Self {
        assert_eq!(self.document["verdict"], verdict, "{:#}", self.document["checks"]);
        self
    }

    /// Asserts the verdict `not_judged`.
    pub fn not_judged(&self) -> &Self {
        assert_eq!(self.document["verdict"], "not_judged", "{:#}", self.document["checks"]);
        assert_eq!(self.code, Some(6), "the exit code of what was not judged");
        self
    }

    /// Asserts the status of a check.
    pub fn status(&self, check: &str, status: &str) -> &Self {
        assert_eq!(self.check(check)["status"], status, "{:#}", self.check(check));
        self
    }

    /// Asserts that these words are in a check's part of the report.
    pub fn says(&self, check: &str, words: &str) -> &Self {
        let found = self.check(check).to_string();
        assert!(found.contains(words), "{check} does not say {words:?}: {found}");
        self
    }

    /// Asserts that these words are not in a check's part of the report.
    pub fn says_not(&self, check: &str, words: &str) -> &Self {
        let found = self.check(check).to_string();
        assert!(!found.contains(words), "{check} says {words:?}: {found}");
        self
    }

    /// Asserts the verdict `pass`.
    pub fn passed(&self) -> &Self {
        assert_eq!(self.document["verdict"], "pass", "{:#}", self.document["checks"]);
        self
    }
}
