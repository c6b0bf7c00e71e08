// SPDX-License-Identifier: Apache-2.0
//! The runtimes of a dry run.

use artifact::{Blob, Version, sections::Sections};
use fork::{Chain, Code, Executor, Layout};
use protocol::RuntimeIdentity;
use std::collections::BTreeSet;
use worker::{Failure, Result};

use crate::types::Interface;

pub struct Runtime {
    pub code: Code,
    pub version: Version,
    pub sections: Sections,
    pub layout: Layout,
    /// The size of the uncompressed Wasm, in bytes.
    pub unpacked: usize,
}

impl Runtime {
    /// Reads a runtime that cannot be executed, from its sections; nothing where they do not hold a
    /// version.
    pub fn unrun(name: &str, blob: Blob) -> Result<Option<Self>> {
        let sections = Sections::read(name, &blob)?;
        let unpacked = blob.wasm.len();
        let Some(version) = sections.version.clone() else { return Ok(None) };
        let (code, layout) = (Code::new(blob.deployed), Layout::default());
        Ok(Some(Self { code, version, sections, layout, unpacked }))
    }

    /// Reads a runtime. Its metadata is read on the state of `chain`, because some runtimes read
    /// state to give it.
    pub fn read(name: &str, blob: Blob, chain: &Chain, executor: &Executor) -> Result<Self> {
        let sections = Sections::read(name, &blob)?;
        let unpacked = blob.wasm.len();
        let code = Code::new(blob.deployed);
        let layout = Layout::of(chain, executor, &code)?;
        let version = match &sections.version {
            Some(version) => version.clone(),
            // Runtimes from before 2021 have no such section and give their version when called.
            None => {
                let answer = chain.call(executor, &code, "Core_version", &[])?;
                Version::decode(name, &answer)?
            }
        };
        Ok(Self { code, version, sections, layout, unpacked })
    }

    /// Returns the typed metadata; nothing before version 14.
    pub fn interface(&self) -> Option<Interface<'_>> {
        self.layout.metadata.as_deref().and_then(Interface::of)
    }

    /// Returns whether it is a relay chain's or a parachain's.
    pub fn exchanges_messages(&self) -> bool {
        let layout = &self.layout;
        layout.parachain_system().is_some() || layout.pallet_with(&["DownwardMessageQueueHeads"], None).is_some()
    }

    /// Returns the two first bytes of the call by which an origin sends a message of its own (pallet-xcm).
    pub fn send(&self) -> Option<[u8; 2]> {
        self.layout.pallets.iter().find_map(|pallet| {
            let is_of_xcm = pallet.call("limited_teleport_assets").is_some();
            pallet.call("send").filter(|_| is_of_xcm)
        })
    }

    pub fn host_functions(&self) -> BTreeSet<String> {
        self.sections.host_functions().map(|import| import.name.clone()).collect()
    }

    pub fn identity(&self) -> RuntimeIdentity {
        RuntimeIdentity {
            spec_name: self.version.spec_name.clone(),
            spec_version: self.version.spec_version,
            transaction_version: self.version.transaction_version,
            state_version: self.version.effective_state_version(),
            code_size: self.code.bytes().len(),
            blake2_256: hex::encode_prefixed(self.code.hash()),
        }
    }

    /// Fails unless this is a try-runtime build of the same runtime.
    pub fn expect_try_runtime_of(&self, shipping: &Runtime) -> Result<()> {
        let (tested, ships) = (&self.version, &shipping.version);
        if tested.spec_name != ships.spec_name || tested.spec_version != ships.spec_version {
            return Err(Failure::input("the try-runtime build is of another runtime")
                .found(format!("{} {}", tested.spec_name, tested.spec_version))
                .expected(format!("{} {}", ships.spec_name, ships.spec_version)));
        }
        if !self.sections.exports.iter().any(|export| export == "TryRuntime_on_runtime_upgrade") {
            return Err(Failure::input("the try-runtime build has no TryRuntime API")
                .expected("an export TryRuntime_on_runtime_upgrade")
                .hint("build it with the feature try-runtime"));
        }
        Ok(())
    }
}

/// Returns the keys of all storage items and versions, to be fetched from a node in one request.
/// Plain values are read by some check or block, and the trie nodes on the way to a map lie on the
/// way to its prefix.
pub fn known_keys(runtimes: &[&Runtime]) -> Vec<Vec<u8>> {
    let pallets = runtimes.iter().flat_map(|runtime| runtime.layout.pallets.iter());
    let mut keys: Vec<_> = pallets
        .flat_map(|pallet| {
            let items = pallet.items.iter().map(|item| pallet.key(item));
            items.chain([pallet.storage_version_key()]).collect::<Vec<_>>()
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}
