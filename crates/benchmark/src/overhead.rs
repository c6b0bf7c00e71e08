// SPDX-License-Identifier: Apache-2.0
//! Measures the overhead of a block and of an extrinsic by the method of `frame-benchmarking-cli`
//! 64.0.0 (`src/overhead/command.rs`, `src/extrinsic/bench.rs`). A block with inherents only is
//! executed repeatedly, and then a block that is filled with signed `System.remark` extrinsics. The
//! difference is divided by the number of extrinsics.

mod blocks;
mod signer;

use crate::{
    machine,
    state::{self, StateDatabase},
};
use artifact::{hashes::blake2_256, sections::Sections};
use blocks::{Block, BlockTimer};
use fork::{Author, BlockRequest, Chain, Code, Executor, genesis};
use protocol::{
    Source,
    benchmark::{OverheadRequest, OverheadSettings, OverheadSummary, Timing},
    format::RAW_OVERHEAD,
    weights::{
        constants::{Filled, Overhead, OverheadSettings as RecordedSettings, Timed},
        raw,
    },
};
use signer::Signer;
use source::ReadSource;
use weights::constants::{self, overhead::per_extrinsic, stats};
use worker::{Failure, Reporter, Result};

/// The call in the full block.
const CALL: &str = "System.remark";

/// Measures the overhead of blocks and extrinsics, and writes the raw results.
pub fn overhead(request: &OverheadRequest, reporter: &Reporter) -> Result<OverheadSummary> {
    let settings = &request.settings;
    check_settings(settings)?;
    reporter.status("reading the runtime");
    let blob = request.runtime.parse::<Source>()?.blob()?;
    let version = Sections::read(&request.runtime, &blob)?.version.ok_or_else(|| {
        Failure::input(format!("{} does not contain its version", request.runtime))
            .expected("a runtime_version section")
    })?;
    let hash = hex::encode_prefixed(blake2_256(&blob.deployed));
    let code = Code::new(blob.deployed);
    let executor = Executor::new(request.cache.as_deref());
    let genesis = genesis::of_preset(&executor, &code, version.effective_state_version(), &request.preset)?;
    let machine = machine::measure(&request.machine, reporter)?;
    let stored = StateDatabase::new(&genesis, &request.machine.directory)?;
    let chain = Chain::from_state(genesis)?;
    let mut author = Author::new(&executor);
    let layout = author.layout(&chain)?.clone();
    // Collators record a proof. On other chains no proof is recorded.
    let record_proof = settings.record_proof.unwrap_or(layout.parachain_system().is_some());
    let timer = BlockTimer { executor: &executor, code: &code, stored: &stored, settings, record_proof, reporter };

    reporter.status("executing an empty block");
    let plan = author.plan(&chain, &code, BlockRequest::default())?;
    let empty = Block::empty(&chain, &executor, &code, plan)?;
    let block = timer.measure("empty blocks", &empty, None)?;
    let base = stats(&block.time);

    let signed = Signer::of(&layout, &version, chain.header())
        .and_then(|signer| measure_extrinsics(&timer, &chain, &mut author, &signer, base.median));
    let (extrinsic, not_measured) = match signed {
        Ok(extrinsic) => (Some(extrinsic), None),
        // The cost of a block is known nevertheless.
        Err(failure) if failure.kind == worker::Kind::Check => {
            reporter.warning(failure.to_string());
            (None, Some(failure.found.map_or(failure.message.clone(), |found| format!("{}: {found}", failure.message))))
        }
        Err(failure) => return Err(failure),
    };
    let results = Overhead {
        format: RAW_OVERHEAD.into(),
        runtime: raw::Runtime {
            spec_name: version.spec_name.clone(),
            spec_version: version.spec_version,
            blob_blake2_256: hash.clone(),
        },
        settings: RecordedSettings {
            warmup: settings.warmup,
            repeat_min: settings.repeat_min,
            repeat_max: settings.repeat_max,
            tolerance: (settings.tolerance > 0.0).then_some(settings.tolerance),
            record_proof,
            preset: request.preset.clone(),
        },
        machine: machine.clone(),
        database: state::NAME.into(),
        block,
        extrinsic,
    };
    std::fs::create_dir_all(&request.out).map_err(|error| Failure::io("create", &request.out, &error))?;
    let path = request.out.join("overhead.json");
    constants::write(&results, &path)?;
    let timing = |times: &[u64]| {
        let stats = stats(times);
        Timing { time: stats.median, half_width: stats.half_width as u64, executions: times.len() }
    };
    Ok(OverheadSummary {
        spec_name: version.spec_name,
        spec_version: version.spec_version,
        blob_blake2_256: hash,
        machine,
        path,
        record_proof,
        block: timing(&results.block.time),
        extrinsics: results.extrinsic.as_ref().map(|filled| filled.count),
        extrinsic: results.extrinsic.as_ref().map(|filled| {
            let stats = per_extrinsic(&results, filled);
            Timing { time: stats.median, half_width: stats.half_width as u64, executions: filled.timed.time.len() }
        }),
        not_measured,
    })
}

/// Measures a full block. `empty` is the median time of an empty one, in nanoseconds.
fn measure_extrinsics(
    timer: &BlockTimer<'_>,
    chain: &Chain,
    author: &mut Author<'_>,
    signer: &Signer,
    empty: u64,
) -> Result<Filled> {
    timer.reporter.status(format!("filling a block with {CALL}"));
    let (full, count) = Block::full(timer, chain, author, signer)?;
    timer.reporter.status(format!("executing a block of {count} extrinsics"));
    let timed: Timed = timer.measure("full blocks", &full, Some(empty))?;
    Ok(Filled { call: CALL.into(), signer: signer::SIGNER.into(), count, timed })
}

/// Checks that the settings are in their ranges.
fn check_settings(settings: &OverheadSettings) -> Result<()> {
    let broken = |what: &str, expected: &str| Err(Failure::usage(what.to_string()).expected(expected.to_string()));
    if settings.repeat_min == 0 || settings.repeat_max < settings.repeat_min {
        return broken(
            "the numbers of repetitions are invalid",
            "`repeat-min` of at least 1, and `repeat-max` of at least `repeat-min`",
        );
    }
    if !(0.0..1.0).contains(&settings.tolerance) {
        return broken(
            "`tolerance` is not between 0 and 1",
            "0.02 for two percent, or 0 to always repeat `repeat-max` times",
        );
    }
    if settings.max_extrinsics == Some(0) {
        return broken("`max-extrinsics` is 0", "at least one extrinsic");
    }
    Ok(())
}
