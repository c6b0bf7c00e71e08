// SPDX-License-Identifier: Apache-2.0
//! The executor that nodes use, with the host functions that nodes of a relay chain or a parachain offer.

use crate::{signatures, watch::Watch};
use sc_executor::{HeapAllocStrategy, WasmExecutor};
use sp_core::traits::{CallContext, CodeExecutor, ReadRuntimeVersionExt, RuntimeCode, WrappedRuntimeCode};
use sp_externalities::Extensions;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{Backend, Ext, OverlayedChanges};
use sp_trie::{proof_size_extension::ProofSizeExt, recorder::Recorder};
use sp_wasm_interface::{ExtendedHostFunctions, HostFunctions as _};
use std::{borrow::Cow, collections::BTreeSet, path::Path};
use worker::{Failure, Result};

pub type HostFunctions =
    (sp_io::SubstrateHostFunctions, cumulus_primitives_proof_size_hostfunction::storage_proof_size::HostFunctions);

/// 64 KiB pages a runtime's heap may take: 128 MiB, what nodes and validators give a block's execution by default.
const HEAP_PAGES: u32 = 2048;

/// A runtime as it stands on chain, with the hash the executor caches its compiled form under.
#[derive(Clone)]
pub struct Code {
    bytes: std::sync::Arc<Vec<u8>>,
    hash: Vec<u8>,
}

impl Code {
    pub fn new(bytes: Vec<u8>) -> Self {
        let hash = artifact::hashes::blake2_256(&bytes).to_vec();
        Self { bytes: std::sync::Arc::new(bytes), hash }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn hash(&self) -> &[u8] {
        &self.hash
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// The same with signatures that are remembered from one runtime to the next.
type Remembering = ExtendedHostFunctions<HostFunctions, signatures::HostFunctions>;

pub struct Executor {
    wasm: Wasm,
}

enum Wasm {
    AsNodes(WasmExecutor<HostFunctions>),
    Remembering(WasmExecutor<Remembering>),
}

impl Executor {
    /// `cache` is where compiled runtimes are kept between runs, if anywhere.
    pub fn new(cache: Option<&Path>) -> Self {
        Self { wasm: Wasm::AsNodes(executor(cache)) }
    }

    /// One that remembers which signatures were good: see [`signatures`].
    pub fn remembering_signatures(cache: Option<&Path>) -> Self {
        Self { wasm: Wasm::Remembering(executor(cache)) }
    }

    /// The names of the host functions this executor offers, which are those of today's nodes.
    pub fn host_functions() -> BTreeSet<String> {
        HostFunctions::host_functions().iter().map(|function| function.name().to_string()).collect()
    }

    /// What host functions find beside the state: how large the proof is so far, and how to read a blob's version.
    pub fn extensions(&self, recorder: Recorder<BlakeTwo256>) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.register(ProofSizeExt::new(recorder));
        extensions.register(match &self.wasm {
            Wasm::AsNodes(wasm) => ReadRuntimeVersionExt::new(wasm.clone()),
            Wasm::Remembering(wasm) => ReadRuntimeVersionExt::new(wasm.clone()),
        });
        extensions
    }

    /// Calls one function of a runtime; what it writes stays in `overlay`.
    pub fn call<B: Backend<BlakeTwo256>>(
        &self,
        backend: &B,
        overlay: &mut OverlayedChanges<BlakeTwo256>,
        extensions: &mut Extensions,
        code: &Code,
        method: &str,
        arguments: &[u8],
    ) -> Result<Vec<u8>> {
        let fetcher = WrappedRuntimeCode(Cow::Borrowed(code.bytes()));
        let runtime_code = RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash: code.hash.clone() };
        overlay.enter_runtime().map_err(|_| Failure::internal("a runtime was called from within a runtime"))?;
        crate::runtime_log::forget_panic();
        let watch = Watch::start(method, code);
        let result = {
            let mut externalities = Ext::new(overlay, backend, Some(extensions));
            let context = CallContext::Onchain { import: false };
            match &self.wasm {
                Wasm::AsNodes(wasm) => wasm.call(&mut externalities, &runtime_code, method, arguments, context).0,
                Wasm::Remembering(wasm) => wasm.call(&mut externalities, &runtime_code, method, arguments, context).0,
            }
        };
        drop(watch);
        overlay.exit_runtime().map_err(|_| Failure::internal("a runtime left a storage transaction open"))?;
        result.map_err(|error| {
            let trapped = matches!(error, sc_executor::error::Error::AbortedDueToTrap(_));
            // A backtrace of addresses helps nobody; why the runtime panicked stands in its log.
            let error = error.to_string();
            let first_line = error.lines().next().unwrap_or_default().to_string();
            let failure = Failure::check(format!("{method} failed in the runtime"));
            match crate::runtime_log::last_panic() {
                Some(panic) => failure.found(panic),
                None if trapped => failure.found(first_line).code(worker::Code::Trap),
                None => failure.found(first_line),
            }
        })
    }
}

fn executor<H: sp_wasm_interface::HostFunctions>(cache: Option<&Path>) -> WasmExecutor<H> {
    let heap = HeapAllocStrategy::Dynamic { maximum_pages: Some(HEAP_PAGES) };
    let mut builder = WasmExecutor::builder()
        .with_onchain_heap_alloc_strategy(heap)
        .with_offchain_heap_alloc_strategy(heap)
        // What is missing is a check of its own with a verdict; a runtime that never calls it may still run.
        .with_allow_missing_host_functions(true)
        .with_max_runtime_instances(2)
        .with_runtime_cache_size(4);
    if let Some(cache) = cache {
        builder = builder.with_cache_path(cache);
    }
    builder.build()
}
