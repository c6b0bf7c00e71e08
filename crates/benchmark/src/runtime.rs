// SPDX-License-Identifier: Apache-2.0
//! A blob with benchmarks in it, over the state that they wipe and fill.

use artifact::{Version, hashes::blake2_256, sections::Sections};
use codec::{Decode, Encode};
use fork::{Code, executor::Wasm, genesis};
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

const API: &str = "Benchmark";

pub struct Runtime {
    pub version: Version,
    pub hash: [u8; 32],
    code: Code,
    /// The API's version tells whether benchmarks are named with their pallet's instance.
    api: u32,
    genesis: Storage,
}

/// The state that benchmarks of one pallet run on, twice: once as a block sees it, once counting every access.
pub struct Bench<'a> {
    runtime: &'a Runtime,
    executor: Wasm,
    timing: State,
    tracking: State,
    heap_pages: Option<u32>,
}

/// What is to be run.
pub struct Case<'a> {
    pub pallet: &'a str,
    pub instance: &'a str,
    pub extrinsic: &'a str,
    pub components: &'a [(frame_benchmarking::BenchmarkParameter, u32)],
}

impl Runtime {
    /// Reads the blob and builds its genesis state from the preset.
    pub fn load(source: &str, preset: &str, cache: Option<&Path>) -> Result<Self> {
        let blob = source.parse::<Source>()?.blob()?;
        let version = Sections::read(source, &blob)?.version.ok_or_else(|| {
            Failure::input(format!("{source} does not tell its version")).expected("a runtime_version section")
        })?;
        let api = version.api(API).ok_or_else(|| {
            Failure::input(format!("{source} has no benchmarks"))
                .found(format!("{} {} without the runtime API {API}", version.spec_name, version.spec_version))
                .expected("a blob built with the feature `runtime-benchmarks`")
                .hint("leave the blob away: `cargo xtask weights run --runtime NAME` builds it")
        })?;
        let hash = blake2_256(&blob.deployed);
        let code = Code::new(blob.deployed);
        let state = genesis::of_preset(&fork::Executor::new(cache), &code, version.effective_state_version(), preset)?;
        let genesis = Storage { top: state.top.into_iter().collect(), children_default: Default::default() };
        Ok(Self { version, hash, code, api, genesis })
    }

    pub fn bench(&self, settings: &Settings, cache: Option<&Path>) -> Result<Bench<'_>> {
        let state = |record_proof, track| {
            State::new(self.genesis.clone(), None, record_proof, track)
                .map_err(|error| Failure::internal("the benchmarks' state cannot be made").found(error))
        };
        let heap = settings
            .heap_pages
            .map_or(DEFAULT_HEAP_ALLOC_STRATEGY, |extra_pages| HeapAllocStrategy::Static { extra_pages });
        Ok(Bench {
            runtime: self,
            executor: Wasm::new(cache, heap),
            timing: state(settings.record_proof, false)?,
            tracking: state(true, true)?,
            heap_pages: settings.heap_pages,
        })
    }
}

impl Bench<'_> {
    /// The pallets with benchmarks, and what the runtime says about its storage.
    pub fn list(&self, extra: bool) -> Result<(Vec<BenchmarkList>, Vec<StorageInfo>)> {
        let answer = self.call(&self.timing, "Benchmark_benchmark_metadata", &extra.encode())?;
        Decode::decode(&mut &answer[..]).map_err(|error| {
            Failure::input("the list of benchmarks cannot be decoded")
                .found(error.to_string())
                .expected("what frame-benchmarking 50 answers")
        })
    }

    /// Runs a benchmark with its own verification, whose time means nothing.
    pub fn verify(&self, case: &Case<'_>) -> Result<()> {
        self.dispatch(&self.timing, case, true, 1).map(|_| ())
    }

    /// Runs it once, counting what it reads and writes.
    pub fn track(&self, case: &Case<'_>) -> Result<Vec<BenchmarkBatch>> {
        self.dispatch(&self.tracking, case, false, 1)
    }

    /// Runs it so many times for its time.
    pub fn time(&self, case: &Case<'_>, repeat: u32) -> Result<Vec<BenchmarkBatch>> {
        self.dispatch(&self.timing, case, false, repeat)
    }

    fn dispatch(&self, state: &State, case: &Case<'_>, verify: bool, repeats: u32) -> Result<Vec<BenchmarkBatch>> {
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
            // Before instances were named.
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
            Failure::check(format!("{} failed", name())).found(why).hint("`--continue-on-fail` goes on with the others")
        })
    }

    fn call(&self, state: &State, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        let code = &self.runtime.code;
        let watch = fork::watchdog::Watchdog::start(method, code);
        let fetcher = WrappedRuntimeCode(Cow::Borrowed(code.bytes()));
        let code = RuntimeCode {
            code_fetcher: &fetcher,
            heap_pages: self.heap_pages.map(u64::from),
            hash: code.hash().to_vec(),
        };
        let mut overlay = OverlayedChanges::default();
        let mut extensions = self.extensions(state);
        fork::runtime_log::forget_panic();
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
            let found = fork::runtime_log::last_panic().unwrap_or(first_line);
            Failure::check(format!("{method} failed in the runtime")).found(found)
        })
    }

    /// What host functions find beside the state.
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
