// SPDX-License-Identifier: Apache-2.0
//! The executor that nodes use, with the host functions of relay chain and parachain nodes.

use crate::{
    runtime_log::{self, RuntimeLog},
    signatures::{self, SignatureExt, SignatureMemory},
    watchdog::Watchdog,
};
use sc_executor::{HeapAllocStrategy, WasmExecutor, error::Error};
use sp_core::traits::{
    CallContext, CodeExecutor, ReadRuntimeVersion, ReadRuntimeVersionExt, RuntimeCode, WrappedRuntimeCode,
};
use sp_externalities::{Extensions, Externalities};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{Backend, Ext, OverlayedChanges};
use sp_trie::{proof_size_extension::ProofSizeExt, recorder::Recorder};
use sp_wasm_interface::{ExtendedHostFunctions, HostFunctions};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};
use worker::{Failure, Result};

/// The host functions of nodes of relay chains, solo chains and parachains without custom host
/// functions. What runtimes log is collected.
type NodeHostFunctions = ExtendedHostFunctions<
    (sp_io::SubstrateHostFunctions, cumulus_primitives_proof_size_hostfunction::storage_proof_size::HostFunctions),
    runtime_log::HostFunctions,
>;

/// Where a host function comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Today's nodes without custom host functions.
    Nodes,
    /// The chain's own node, as the workspace declares.
    Workspace,
}

/// The maximum heap of a runtime in pages of 64 KiB: 128 MiB, the default of nodes and validators
/// for executing a block.
const HEAP_PAGES: u32 = 2048;
pub(crate) const HEAP: HeapAllocStrategy = HeapAllocStrategy::Dynamic { maximum_pages: Some(HEAP_PAGES) };

/// A runtime's code as stored on chain, with the hash under which the executor caches the compiled
/// form.
#[derive(Clone)]
pub struct Code {
    bytes: std::sync::Arc<Vec<u8>>,
    hash: Vec<u8>,
}

impl Code {
    /// Creates a code from the bytes stored on chain.
    pub fn new(bytes: Vec<u8>) -> Self {
        let hash = artifact::hashes::blake2_256(&bytes).to_vec();
        Self { bytes: std::sync::Arc::new(bytes), hash }
    }

    /// Returns the bytes as stored on chain, compressed or not.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the blake2-256 hash of the bytes.
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// The host functions of this process: those of nodes and registered custom ones.
struct HostFunctionSet {
    names: fn() -> Vec<String>,
    as_nodes: fn(Option<&Path>, HeapAllocStrategy) -> Wasm,
    /// Also remembers valid signatures from one runtime to the next.
    replaying_signatures: fn(Option<&Path>, HeapAllocStrategy) -> Wasm,
}

impl HostFunctionSet {
    fn of<Own: HostFunctions>() -> Self {
        type WithOwn<Own> = ExtendedHostFunctions<NodeHostFunctions, Own>;
        Self {
            names: names::<Own>,
            as_nodes: Wasm::of::<WithOwn<Own>>,
            replaying_signatures: Wasm::of::<ExtendedHostFunctions<WithOwn<Own>, signatures::HostFunctions>>,
        }
    }

    fn registered() -> &'static Self {
        HOST_FUNCTIONS.get_or_init(Self::of::<()>)
    }
}

static HOST_FUNCTIONS: OnceLock<HostFunctionSet> = OnceLock::new();

/// Registers custom host functions for every executor of this process. They replace functions of
/// the same names.
///
/// Only the first registration counts, and it must come before the first executor is created.
pub fn register_host_functions<Own: HostFunctions>() {
    HOST_FUNCTIONS.get_or_init(HostFunctionSet::of::<Own>);
}

fn names<H: HostFunctions>() -> Vec<String> {
    H::host_functions().iter().map(|function| function.name().to_owned()).collect()
}

/// A Wasm executor with any set of host functions.
#[derive(Clone)]
pub struct Wasm(Arc<dyn CallWasm>);

trait CallWasm: ReadRuntimeVersion {
    fn run(
        &self,
        externalities: &mut dyn Externalities,
        code: &RuntimeCode,
        method: &str,
        arguments: &[u8],
        context: CallContext,
    ) -> std::result::Result<Vec<u8>, Error>;
}

impl<H: HostFunctions> CallWasm for WasmExecutor<H> {
    fn run(
        &self,
        externalities: &mut dyn Externalities,
        code: &RuntimeCode,
        method: &str,
        arguments: &[u8],
        context: CallContext,
    ) -> std::result::Result<Vec<u8>, Error> {
        self.call(externalities, code, method, arguments, context).0
    }
}

impl Wasm {
    /// Creates an executor with the registered host functions. `cache` is a directory for compiled
    /// runtimes that are kept between runs.
    pub fn new(cache: Option<&Path>, heap: HeapAllocStrategy) -> Self {
        (HostFunctionSet::registered().as_nodes)(cache, heap)
    }

    fn of<H: HostFunctions>(cache: Option<&Path>, heap: HeapAllocStrategy) -> Self {
        let mut builder = WasmExecutor::<H>::builder()
            .with_onchain_heap_alloc_strategy(heap)
            .with_offchain_heap_alloc_strategy(heap)
            // Missing host functions have a check of their own. A runtime that never calls them may
            // still run.
            .with_allow_missing_host_functions(true)
            .with_max_runtime_instances(2)
            .with_runtime_cache_size(4);
        if let Some(cache) = cache {
            builder = builder.with_cache_path(cache);
        }
        Self(Arc::new(builder.build()))
    }
}

impl ReadRuntimeVersion for Wasm {
    fn read_runtime_version(
        &self,
        code: &[u8],
        externalities: &mut dyn Externalities,
    ) -> std::result::Result<Vec<u8>, String> {
        self.0.read_runtime_version(code, externalities)
    }
}

impl CodeExecutor for Wasm {
    type Error = Error;

    fn call(
        &self,
        externalities: &mut dyn Externalities,
        code: &RuntimeCode,
        method: &str,
        arguments: &[u8],
        context: CallContext,
    ) -> (std::result::Result<Vec<u8>, Error>, bool) {
        // The runtime is never native.
        (self.0.run(externalities, code, method, arguments, context), false)
    }
}

/// Executes runtime functions on a state.
pub struct Executor {
    wasm: Wasm,
    signatures: SignatureMemory,
    log: RuntimeLog,
}

impl Executor {
    /// Creates an executor. `cache` is a directory for compiled runtimes that are kept between
    /// runs.
    pub fn new(cache: Option<&Path>) -> Self {
        let wasm = (HostFunctionSet::registered().replaying_signatures)(cache, HEAP);
        Self { wasm, signatures: SignatureMemory::default(), log: RuntimeLog::default() }
    }

    /// Returns an executor for another thread or another chain. It shares the compiled runtimes, and
    /// has a log and signatures of its own.
    pub fn beside(&self) -> Self {
        Self { wasm: self.wasm.clone(), signatures: SignatureMemory::default(), log: RuntimeLog::default() }
    }

    /// Returns the signatures that the executor remembers and accepts: see [`signatures`].
    pub fn signatures(&self) -> &SignatureMemory {
        &self.signatures
    }

    /// Returns the log of the runtimes that the executor called.
    pub fn log(&self) -> &RuntimeLog {
        &self.log
    }

    /// Returns the names of all host functions of this process, each with its origin.
    pub fn host_functions() -> BTreeMap<String, Origin> {
        let own = (HostFunctionSet::registered().names)().into_iter().map(|name| (name, Origin::Workspace));
        let of_nodes = names::<NodeHostFunctions>().into_iter().map(|name| (name, Origin::Nodes));
        own.chain(of_nodes).collect()
    }

    /// Returns the externalities extensions of the host functions: the proof size so far, reading
    /// a blob's version, and the remembered signatures.
    pub fn extensions(&self, recorder: Recorder<BlakeTwo256>) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.register(ProofSizeExt::new(recorder));
        extensions.register(ReadRuntimeVersionExt::new(self.wasm.clone()));
        extensions.register(SignatureExt(self.signatures.clone()));
        extensions
    }

    /// Calls a runtime function. Its writes stay in `overlay`.
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
        let log = self.log.begin_call(extensions);
        let watch = Watchdog::start(method, code.hash());
        let result = {
            let mut externalities = Ext::new(overlay, backend, Some(extensions));
            let context = CallContext::Onchain { import: false };
            self.wasm.0.run(&mut externalities, &runtime_code, method, arguments, context)
        };
        drop(watch);
        overlay.exit_runtime().map_err(|_| Failure::internal("a runtime left a storage transaction open"))?;
        result.map_err(|error| {
            let trapped = matches!(error, sc_executor::error::Error::AbortedDueToTrap(_));
            // A backtrace of addresses is of no use. The log says why the runtime panicked.
            let error = error.to_string();
            let first_line = error.lines().next().unwrap_or_default().to_string();
            let failure = Failure::check(format!("{method} failed in the runtime"));
            match log.panic() {
                Some(panic) => failure.found(panic),
                None if trapped => failure.found(first_line).code(worker::Code::Trap),
                None => failure.found(first_line),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    mod of_a_workspace {
        #![allow(dead_code, unexpected_cfgs, reason = "the macro writes more than is asked for, some for runtimes")]

        use sp_runtime_interface::runtime_interface;

        #[runtime_interface]
        pub trait Bridge {
            fn height() -> u32 {
                7
            }
        }
    }

    /// A module with one function that returns the result of a host function.
    const CALLS_HOST_FUNCTION: &str = r#"(module
        (import "env" "memory" (memory 1))
        (import "env" "ext_bridge_height_version_1" (func $height (result i32)))
        (global (export "__heap_base") i32 (i32.const 1024))
        (func (export "ask") (param i32 i32) (result i64)
            (i32.store (i32.const 16) (call $height))
            (i64.or (i64.const 16) (i64.shl (i64.const 4) (i64.const 32)))))"#;

    #[test]
    fn each_host_function_has_its_origin() {
        register_host_functions::<of_a_workspace::bridge::HostFunctions>();
        let offered = Executor::host_functions();
        let origin = |name: &str| offered.get(name).copied();
        assert_eq!(origin("ext_storage_get_version_1"), Some(Origin::Nodes));
        assert_eq!(origin("ext_bridge_height_version_1"), Some(Origin::Workspace));
        assert_eq!(origin("ext_bridge_depth_version_1"), None);
    }

    #[test]
    fn every_executor_has_the_registered_host_functions() {
        register_host_functions::<of_a_workspace::bridge::HostFunctions>();
        let code = Code::new(wat::parse_str(CALLS_HOST_FUNCTION).expect("a module"));
        let answer = ask(&Executor::new(None), &code).expect("answered");
        assert_eq!(answer, 7u32.to_le_bytes());
    }

    #[test]
    fn a_missing_host_function_traps() {
        let code = Code::new(wat::parse_str(CALLS_HOST_FUNCTION.replace("height", "depth")).expect("a module"));
        assert!(ask(&Executor::new(None), &code).is_err());
    }

    fn ask(executor: &Executor, code: &Code) -> Result<Vec<u8>> {
        let backend = sp_state_machine::InMemoryBackend::<BlakeTwo256>::default();
        let mut overlay = OverlayedChanges::default();
        executor.call(&backend, &mut overlay, &mut Extensions::new(), code, "ask", &[])
    }
}
