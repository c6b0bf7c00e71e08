// SPDX-License-Identifier: Apache-2.0
//! Loads a blob with benchmarks and calls them over a benchmarking state.

use artifact::{Version, hashes::blake2_256, sections::Sections};
use codec::{Decode, Encode};
use fork::{Code, executor::Wasm, genesis, runtime_log::RuntimeLog};
use frame_benchmarking::{BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::StorageInfo;
use protocol::{Source, benchmark::Settings};
use sc_client_db::BenchmarkingState;
use sc_executor::{DEFAULT_HEAP_ALLOC_STRATEGY, HeapAllocStrategy};
use source::ReadSource;
use sp_core::{
    offchain::{
        OffchainDbExt, OffchainWorkerExt, TransactionPoolExt,
        testing::{TestOffchainExt, TestTransactionPoolExt},
    },
    traits::{CallContext, ReadRuntimeVersionExt, RuntimeCode, WrappedRuntimeCode},
};
use sp_externalities::Extensions;
use sp_keystore::{KeystoreExt, testing::MemoryKeystore};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{OverlayedChanges, StateMachine};
use sp_storage::Storage;
use std::{borrow::Cow, path::Path};
use worker::{Failure, Result};

type State = BenchmarkingState<BlakeTwo256>;

/// The runtime API of benchmarks.
const API: &str = "Benchmark";

/// A runtime that was built with benchmarks, and its genesis state.
pub struct Runtime {
    pub version: Version,
    /// The BLAKE2-256 hash of the deployed blob.
    pub hash: [u8; 32],
    code: Code,
    /// The version of the runtime API. From version 2 a benchmark is called with its pallet's
    /// instance.
    api: u32,
    genesis: Storage,
}

/// Executes benchmarks over two copies of the genesis state: one for the time, and one that records
/// every access.
pub struct BenchmarkExecutor<'a> {
    runtime: &'a Runtime,
    executor: Wasm,
    timing: State,
    tracking: State,
    heap_pages: Option<u32>,
}

/// One benchmark with the values of its components.
pub struct BenchmarkCall<'a> {
    pub pallet: &'a str,
    pub instance: &'a str,
    pub extrinsic: &'a str,
    pub components: &'a [(frame_benchmarking::BenchmarkParameter, u32)],
}

impl Runtime {
    /// Reads a blob and builds its genesis state from the preset. Fails if the blob has no
    /// benchmarks.
    pub fn load(source: &str, preset: &str, cache: Option<&Path>) -> Result<Self> {
        let blob = source.parse::<Source>()?.blob()?;
        let version = Sections::read(source, &blob)?.version.ok_or_else(|| {
            Failure::input(format!("{source} does not contain its version")).expected("a runtime_version section")
        })?;
        let api = version.api(API).ok_or_else(|| {
            Failure::input(format!("{source} has no benchmarks"))
                .found(format!("{} {} without the runtime API {API}", version.spec_name, version.spec_version))
                .expected("a blob built with the feature `runtime-benchmarks`")
                .hint("omit --blob: `cargo xtask weights run --runtime NAME` builds one")
        })?;
        let hash = blake2_256(&blob.deployed);
        let code = Code::new(blob.deployed);
        let state = genesis::of_preset(&fork::Executor::new(cache), &code, version.effective_state_version(), preset)?;
        let genesis = Storage { top: state.top.into_iter().collect(), children_default: Default::default() };
        Ok(Self { version, hash, code, api, genesis })
    }

    /// Returns the blob as it is deployed.
    pub fn blob(&self) -> &[u8] {
        self.code.bytes()
    }

    /// Returns an executor of this runtime's benchmarks. `cache` is the directory of compiled
    /// runtimes.
    pub fn benchmark_executor(&self, settings: &Settings, cache: Option<&Path>) -> Result<BenchmarkExecutor<'_>> {
        let state = |record_proof, track| {
            State::new(self.genesis.clone(), None, record_proof, track)
                .map_err(|error| Failure::internal("the state of the benchmarks cannot be created").found(error))
        };
        let heap = settings
            .heap_pages
            .map_or(DEFAULT_HEAP_ALLOC_STRATEGY, |extra_pages| HeapAllocStrategy::Static { extra_pages });
        Ok(BenchmarkExecutor {
            runtime: self,
            executor: Wasm::new(cache, heap),
            timing: state(settings.record_proof, false)?,
            tracking: state(true, true)?,
            heap_pages: settings.heap_pages,
        })
    }
}

impl BenchmarkExecutor<'_> {
    /// Lists the pallets with benchmarks, and the storage items of the runtime with their bounds.
    pub fn list(&self, extra: bool) -> Result<(Vec<BenchmarkList>, Vec<StorageInfo>)> {
        let answer = self.call(&self.timing, "Benchmark_benchmark_metadata", &extra.encode())?;
        Decode::decode(&mut &answer[..]).map_err(|error| {
            Failure::input("the list of benchmarks cannot be decoded")
                .found(error.to_string())
                .expected("the result type of frame-benchmarking 50")
        })
    }

    /// Runs a benchmark with its own verification. The time of this run is not used.
    pub fn verify(&self, case: &BenchmarkCall<'_>) -> Result<()> {
        self.dispatch(&self.timing, case, true, 1).map(|_| ())
    }

    /// Runs a benchmark once, and records its reads and writes.
    pub fn track(&self, case: &BenchmarkCall<'_>) -> Result<Vec<BenchmarkBatch>> {
        self.dispatch(&self.tracking, case, false, 1)
    }

    /// Runs a benchmark `repeat` times, and measures the time.
    pub fn time(&self, case: &BenchmarkCall<'_>, repeat: u32) -> Result<Vec<BenchmarkBatch>> {
        self.dispatch(&self.timing, case, false, repeat)
    }

    fn dispatch(
        &self,
        state: &State,
        case: &BenchmarkCall<'_>,
        verify: bool,
        repeats: u32,
    ) -> Result<Vec<BenchmarkBatch>> {
        let config = BenchmarkConfig {
            pallet: case.pallet.into(),
            instance: case.instance.into(),
            benchmark: case.extrinsic.into(),
            selected_components: case.components.to_vec(),
            verify,
            internal_repeats: repeats,
        };
        let arguments = if self.runtime.api >= 2 {
            config.encode()
        } else {
            // Version 1 of the API has no instances.
            (&config.pallet, &config.benchmark, &config.selected_components, verify, repeats).encode()
        };
        let name = || format!("the benchmark {}::{}", case.pallet, case.extrinsic);
        let answer = self.call(state, "Benchmark_dispatch_benchmark", &arguments).map_err(|failure| {
            Failure::check(format!("{} failed", name())).found(failure.found.unwrap_or(failure.message))
        })?;
        let decoded: std::result::Result<Vec<BenchmarkBatch>, String> =
            Decode::decode(&mut &answer[..]).map_err(|error| {
                Failure::input(format!("the result of {} cannot be decoded", name())).found(error.to_string())
            })?;
        decoded.map_err(|why| {
            Failure::check(format!("{} failed", name()))
                .found(why)
                .hint("`--continue-on-fail` continues with the other benchmarks")
        })
    }

    fn call(&self, state: &State, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        let code = &self.runtime.code;
        let watch = fork::watchdog::Watchdog::start(method, code.hash());
        let fetcher = WrappedRuntimeCode(Cow::Borrowed(code.bytes()));
        let code = RuntimeCode {
            code_fetcher: &fetcher,
            heap_pages: self.heap_pages.map(u64::from),
            hash: code.hash().to_vec(),
        };
        let mut overlay = OverlayedChanges::default();
        let mut extensions = self.extensions(state);
        let log = RuntimeLog::default().begin_call(&mut extensions);
        let result = StateMachine::new(
            state,
            &mut overlay,
            &self.executor,
            method,
            arguments,
            &mut extensions,
            &code,
            CallContext::Offchain,
        )
        .execute();
        drop(watch);
        result.map_err(|error| {
            let error = error.to_string();
            let first_line = error.lines().next().unwrap_or_default().to_string();
            let found = log.panic().unwrap_or(first_line);
            Failure::check(format!("{method} failed in the runtime")).found(found)
        })
    }

    /// Returns the extensions that host functions need in addition to the state.
    fn extensions(&self, state: &State) -> Extensions {
        let mut extensions = Extensions::default();
        let (offchain, _) = TestOffchainExt::new();
        let (pool, _) = TestTransactionPoolExt::new();
        extensions.register(KeystoreExt::new(MemoryKeystore::new()));
        extensions.register(OffchainWorkerExt::new(offchain.clone()));
        extensions.register(OffchainDbExt::new(offchain));
        extensions.register(TransactionPoolExt::new(pool));
        extensions.register(ReadRuntimeVersionExt::new(self.executor.clone()));
        if let Some(recorder) = state.recorder() {
            extensions.register(sp_trie::proof_size_extension::ProofSizeExt::new(recorder));
        }
        extensions
    }
}
