// SPDX-License-Identifier: Apache-2.0
//! The runtimes of a dry run with what is known of them.

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
    /// Bytes of the Wasm, unpacked.
    pub unpacked: usize,
}

impl Runtime {
    /// What can be said of a runtime that cannot be run: its sections, if they tell a version.
    pub fn unrun(name: &str, blob: Blob) -> Result<Option<Self>> {
        let sections = Sections::read(name, &blob)?;
        let unpacked = blob.wasm.len();
        let Some(version) = sections.version.clone() else { return Ok(None) };
        let (code, layout) = (Code::new(blob.deployed), Layout::default());
        Ok(Some(Self { code, version, sections, layout, unpacked }))
    }

    /// `chain` is where the metadata is asked for: some runtimes read state to answer.
    pub fn read(name: &str, blob: Blob, chain: &Chain, executor: &Executor) -> Result<Self> {
        let sections = Sections::read(name, &blob)?;
        let unpacked = blob.wasm.len();
        let code = Code::new(blob.deployed);
        let layout = Layout::of(chain, executor, &code)?;
        let version = match &sections.version {
            Some(version) => version.clone(),
            // Runtimes of before 2021 have no such section and tell their version when called.
            None => {
                let answer = chain.call(executor, &code, "Core_version", &[])?;
                Version::decode(name, &answer)?
            }
        };
        Ok(Self { code, version, sections, layout, unpacked })
    }

    /// What the metadata tells with types, where it has them.
    pub fn interface(&self) -> Option<Interface<'_>> {
        self.layout.metadata.as_deref().and_then(Interface::of)
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

    /// The try-runtime build must be of the same runtime, and be one.
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
