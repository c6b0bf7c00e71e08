// SPDX-License-Identifier: Apache-2.0
//! A block of a live chain, executed once more on the state of its parent, and compared with its
//! header. Another runtime can be compared too.

mod other;
pub(crate) mod records;

use crate::{
    input::Runtime,
    outcome::errors_logged,
    types::{Interface, read},
    weight,
};
use codec::{Compact, Decode, Encode};
use fork::{Chain, Executor, Header, LiveBlock, LoadOptions, LoadedChain, Store};
use protocol::{
    RpcUsage, Source, StateIdentity,
    block::{
        BlockIdentity, BlockReport, BlockRequest, DispatchOutcome, Execution, Extrinsic, FailedDispatch,
        HeaderDifference, OtherRuntime,
    },
    format,
};
use records::{Class, Record};
use sp_runtime::OpaqueExtrinsic;
use std::time::Instant;
use worker::{Failure, Kind, Reporter, Result};

pub fn replay(request: &BlockRequest, reporter: &Reporter) -> Result<BlockReport> {
    let began = Instant::now();
    let source = &request.state;
    let Source::Node(live) = source else {
        return Err(Failure::usage(format!("{source} is no node: a state does not hold the extrinsics of its block"))
            .expected("a ws:// or http:// address, or the name of a network"));
    };
    reporter.status(format!("taking block {} from {live}", request.block));
    let block = LiveBlock::fetch(live, &request.block)?;
    let number = block.header.number;
    if number == 0 {
        return Err(Failure::usage("block 0 has no parent: no extrinsics made it").expected("a later block"));
    }
    let parent = hex::encode_prefixed(block.header.parent_hash.as_bytes());
    let store = Store::new(request.nodes.as_deref());
    let how = LoadOptions { at: Some(&parent), store: Some(&store), ..LoadOptions::default() };
    let loaded = fork::load(source, how, reporter)?;
    let mut chain = loaded.chain.clone();

    let executor = Executor::new(request.cache.as_deref());
    executor.signatures().record();
    reporter.status("reading the chain's runtime");
    let code = chain.next_code()?;
    let blob = artifact::Blob::from_deployed(&live.to_string(), code.bytes().to_vec())?;
    let runtime = Runtime::read(&live.to_string(), blob, &chain, &executor)?;
    chain.set_state_version(runtime.version.effective_state_version());
    chain.prefetch(crate::input::known_keys(&[&runtime]))?;

    reporter.status(format!("executing block {number}"));
    let header = block.unsealed();
    let (executed, after) = execute(&chain, &executor, &runtime, &block, &header)?;
    let records = match (&after, runtime.interface()) {
        (Some(after), Some(interface)) => records::of(after, &interface)?,
        _ => None,
    };
    let extrinsics = extrinsics(&runtime, &block, records.as_deref());
    let other = match (&request.runtime, executed.holds) {
        (Some(name), true) => {
            let replayed =
                other::Replayed { chain: &chain, executor: &executor, block: &block, extrinsics: &extrinsics };
            Some(other::under(name, &replayed, request.migration_blocks, reporter)?)
        }
        _ => None,
    };
    for (level, line) in executor.log().take() {
        reporter.log(format!("{level} {line}"));
    }
    // A part of the state that could not be read makes every verdict void, whatever used it as an
    // answer.
    chain.checked(Ok(()))?;
    for warning in chain.take_warnings() {
        reporter.warning(warning);
    }
    let traffic = loaded.traffic();
    let failed = !executed.holds || other.as_ref().is_some_and(OtherRuntime::is_worse);
    Ok(BlockReport {
        format: format::BLOCK.into(),
        block: BlockIdentity {
            number,
            hash: hex::encode_prefixed(block.hash.as_bytes()),
            parent_hash: parent,
            state_root: hex::encode_prefixed(header.state_root.as_bytes()),
            extrinsics_root: hex::encode_prefixed(header.extrinsics_root.as_bytes()),
            sealed: header.digest != block.header.digest,
            finalized: block.finalized,
        },
        state: state(source, &loaded)?,
        runtime: runtime.identity(),
        failed_dispatches: records.as_deref().map(failed_dispatches).unwrap_or_default(),
        executed,
        extrinsics,
        other,
        rpc: RpcUsage {
            requests: traffic.requests + block.traffic.requests,
            bytes: traffic.bytes + block.traffic.bytes,
        },
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        verdict: (!failed).into(),
    })
}

/// Returns the state of the parent of the block.
fn state(source: &Source, loaded: &LoadedChain) -> Result<StateIdentity> {
    let chain = &loaded.chain;
    Ok(StateIdentity {
        source: source.to_string(),
        genesis_hash: chain.genesis_hash()?.map(|hash| hex::encode_prefixed(hash.as_bytes())),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        number: chain.number(),
        state_root: hex::encode_prefixed(chain.root().as_bytes()),
        code: None,
        verified: loaded.verified,
        finalized: loaded.finalized,
        mode: loaded.mode,
        entries: loaded.entries,
    })
}

/// Executes the block as a node that imports it. Also returns the chain after it, if the result
/// agrees with its header.
fn execute(
    chain: &Chain,
    executor: &Executor,
    runtime: &Runtime,
    block: &LiveBlock,
    header: &Header,
) -> Result<(Execution, Option<Chain>)> {
    let code = &runtime.code;
    match fork::block::execute(chain, executor, code, header, &block.extrinsics) {
        Ok(imported) => {
            let root = imported.changes.transaction_storage_root;
            let differences = differences(&[("state root", header.state_root, root)]);
            let declared = weight::declared(&runtime.layout, fork::block_weight(&imported.changes));
            let executed = Execution {
                holds: differences.is_empty(),
                differences,
                failure: None,
                ref_time: Some(declared.ref_time),
                proof_size: Some(imported.proof_size),
                compact_proof_size: Some(imported.proof.encoded_size() as u64),
                declared_proof_size: Some(declared.proof_size),
                import_seconds: Some((imported.took.clock * 1e6).round() / 1e6),
            };
            let mut after = chain.clone();
            after.advance(block.header.clone(), imported.changes);
            Ok((executed, Some(after)))
        }
        // The runtime stops at the first difference and may not name it: a built block shows the
        // expected values.
        Err(failure) if failure.kind == Kind::Check => {
            let mut told = vec![failure.to_string()];
            told.extend(errors_logged(executor.log()));
            let differences = match fork::block::header_of(chain, executor, code, header, &block.extrinsics) {
                Ok(computed) => compared(header, &computed),
                Err(failure) if failure.kind == Kind::Check => {
                    told.push(failure.to_string());
                    Vec::new()
                }
                Err(failure) => return Err(failure),
            };
            Ok((Execution { differences, failure: Some(told.join("; ")), ..Execution::default() }, None))
        }
        Err(failure) => Err(failure),
    }
}

fn compared(header: &Header, computed: &Header) -> Vec<HeaderDifference> {
    let mut found = differences(&[
        ("state root", header.state_root, computed.state_root),
        ("extrinsics root", header.extrinsics_root, computed.extrinsics_root),
        ("parent hash", header.parent_hash, computed.parent_hash),
    ]);
    if header.digest != computed.digest {
        let text = |header: &Header| hex::encode_prefixed(header.digest.encode());
        found.push(HeaderDifference { what: "digest".into(), header: text(header), computed: text(computed) });
    }
    found
}

fn differences(pairs: &[(&'static str, sp_core::H256, sp_core::H256)]) -> Vec<HeaderDifference> {
    let differing = pairs.iter().filter(|(_, header, computed)| header != computed);
    differing
        .map(|(what, header, computed)| HeaderDifference {
            what: what.to_string(),
            header: hex::encode_prefixed(header.as_bytes()),
            computed: hex::encode_prefixed(computed.as_bytes()),
        })
        .collect()
}

fn extrinsics(runtime: &Runtime, block: &LiveBlock, records: Option<&[Record]>) -> Vec<Extrinsic> {
    let interface = runtime.interface();
    let listed = block.extrinsics.iter().enumerate();
    listed
        .map(|(index, extrinsic)| {
            let own = records.unwrap_or_default().iter().filter(|record| record.extrinsic == Some(index as u32));
            Extrinsic {
                index,
                call: interface.as_ref().and_then(|interface| call_name(interface, extrinsic)),
                inherent: own.clone().any(|record| record.class == Some(Class::Mandatory)),
                outcome: outcome(own),
            }
        })
        .collect()
}

/// Returns an extrinsic's `Pallet.call`; nothing for unknown formats, and for signed ones under metadata 14, which
/// does not describe the types before the call.
fn call_name(interface: &Interface<'_>, extrinsic: &OpaqueExtrinsic) -> Option<String> {
    let encoded = extrinsic.encode();
    let mut input = encoded.as_slice();
    Compact::<u32>::decode(&mut input).ok()?;
    let preamble = u8::decode(&mut input).ok()?;
    let mut before = Vec::new();
    match (preamble & 0b1100_0000, preamble & 0b0011_1111) {
        // Bare.
        (0, 4 | 5) => {}
        // Signed.
        (0b1000_0000, 4) => before.extend([interface.address?, interface.signature?]),
        // General: the version of its extensions first.
        (0b0100_0000, 5) => {
            u8::decode(&mut input).ok().filter(|version| *version == 0)?;
        }
        _ => return None,
    }
    if preamble & 0b1100_0000 != 0 {
        before.extend(interface.extensions.iter().map(|extension| extension.explicit));
    }
    for id in before {
        input = read::skip(interface.types, id, input).ok()?;
    }
    let [index, call, ..] = input else { return None };
    let pallet = interface.pallets.iter().find(|pallet| pallet.index == *index)?;
    let call = interface.calls(pallet).iter().find(|known| known.index == *call)?;
    Some(format!("{}.{}", pallet.name, call.name))
}

/// Returns what the events of an extrinsic report of it.
fn outcome<'a>(mut own: impl Iterator<Item = &'a Record>) -> DispatchOutcome {
    own.find_map(|record| match (record.pallet.as_str(), record.name.as_str()) {
        ("System", "ExtrinsicSuccess") => Some(DispatchOutcome::Success),
        ("System", "ExtrinsicFailed") => Some(DispatchOutcome::Failed(record.error.clone().unwrap_or_default())),
        _ => None,
    })
    .unwrap_or(DispatchOutcome::Unknown)
}

fn failed_dispatches(records: &[Record]) -> Vec<FailedDispatch> {
    let failed = records.iter().filter_map(|record| Some((record, record.error.clone()?)));
    failed
        .map(|(record, error)| FailedDispatch {
            phase: record.phase.clone(),
            extrinsic: record.extrinsic,
            event: format!("{}.{}", record.pallet, record.name),
            error,
        })
        .collect()
}
