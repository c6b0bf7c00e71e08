// SPDX-License-Identifier: Apache-2.0
//! Builds a block as a collator or validator does, and imports it as every node does.

use crate::{
    chain::{Chain, unreadable},
    executor::{Code, Executor},
    header::{Header, HeaderFormat},
    keys,
    processor::{CpuScope, MeasuredTime, Stopwatch},
};
use codec::{Compact, Decode, Encode};
use sp_core::H256;
use sp_inherents::InherentData;
use sp_runtime::{
    Digest, OpaqueExtrinsic,
    traits::{BlakeTwo256, Header as _},
};
use sp_state_machine::{OverlayedChanges, StorageChanges};
use sp_trie::{CompactProof, recorder::Recorder};
use worker::{Failure, Result};

/// The contents of the next block, apart from the chain that it is built on.
pub struct Plan {
    /// The items of the digest before execution.
    pub digest: Digest,
    /// The data for the runtime's inherents.
    pub inherents: InherentData,
    /// Encoded extrinsics to apply after the inherents.
    pub extrinsics: Vec<Vec<u8>>,
    /// Encoded extrinsics to apply after these. Those that the runtime refuses are left out.
    pub optional: Vec<Vec<u8>>,
    /// How the runtime encodes the header.
    pub header_format: HeaderFormat,
    /// Whether the block is not imported after it was built, so that its proof is empty.
    pub unproven: bool,
}

impl Plan {
    /// Returns the header with which the block begins, as the argument of `Core_initialize_block`.
    pub fn unfinished_header(&self, number: u32, parent: H256) -> Vec<u8> {
        let header = Header::new(number, H256::zero(), H256::zero(), parent, self.digest.clone());
        self.header_format.encode(&header)
    }
}

/// A block that was built and imported.
pub struct BuiltBlock {
    /// The header, without a seal.
    pub header: Header,
    /// The header as the runtime returned it.
    encoded_header: Vec<u8>,
    /// The inherents, then the applied extrinsics.
    pub extrinsics: Vec<OpaqueExtrinsic>,
    /// The size in bytes of the storage proof that importing the block needs: its PoV without the
    /// extrinsics. Zero if the block was not imported.
    pub proof_size: u64,
    /// The same proof in the compact form that parachain blocks carry.
    pub proof: CompactProof,
    /// Whether the runtime accepts inherents only, because a multi-block migration is in progress.
    pub only_inherents: bool,
    /// How long the import took on this machine.
    pub took: MeasuredTime,
    /// The changes of the block to the state.
    pub changes: StorageChanges<BlakeTwo256>,
    /// The extrinsics that the runtime refused. Only a block from a pool, or with optional extrinsics, has any.
    pub refused: RefusedExtrinsics,
}

impl BuiltBlock {
    /// Returns the hash of the header.
    pub fn hash(&self) -> H256 {
        self.header.hash()
    }

    /// Encodes the block as the argument of `Core_execute_block`.
    pub fn encode(&self) -> Vec<u8> {
        encoded(&self.encoded_header, &self.extrinsics)
    }
}

/// Encodes a block, a header and a list of extrinsics.
fn encoded(header: &[u8], extrinsics: &[OpaqueExtrinsic]) -> Vec<u8> {
    [header, &extrinsics.encode()].concat()
}

/// Builds the next block of `chain` with `code`.
///
/// The block is then imported from the same state with the proof recorded, unless the plan says otherwise. This finds
/// blocks that their author can build but nobody can import.
pub fn build(chain: &Chain, executor: &Executor, code: &Code, plan: Plan) -> Result<BuiltBlock> {
    build_with_policy(chain, executor, code, plan, ExtrinsicPolicy::RequireSuccess)
}

/// Builds the next block from a pool of extrinsics, as a node does.
///
/// An extrinsic that the runtime refuses is left out; one that fails to dispatch stays in the
/// block.
pub fn build_from_pool(chain: &Chain, executor: &Executor, code: &Code, plan: Plan) -> Result<BuiltBlock> {
    build_with_policy(chain, executor, code, plan, ExtrinsicPolicy::SkipRefused)
}

/// Refused extrinsics, each with the answer of `BlockBuilder_apply_extrinsic`.
pub type RefusedExtrinsics = Vec<(Vec<u8>, Vec<u8>)>;

/// The answer `InvalidTransaction::ExhaustsResources`, for an extrinsic that a later block has room for.
pub const NO_ROOM: [u8; 3] = [1, 0, 6];

/// What happens with extrinsics that the runtime refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExtrinsicPolicy {
    /// Every extrinsic must succeed.
    RequireSuccess,
    /// Refused extrinsics are left out.
    SkipRefused,
}

fn build_with_policy(
    chain: &Chain,
    executor: &Executor,
    code: &Code,
    plan: Plan,
    policy: ExtrinsicPolicy,
) -> Result<BuiltBlock> {
    let number = chain.number().checked_add(1).ok_or_else(|| Failure::input("the chain has no next block number"))?;
    // The proof is recorded as authors record it. A parachain's runtime asks for the proof size so
    // far and reclaims unused weight. Without the recorder it would reach another state than the
    // nodes that import the block with the proof recorded.
    let recorder = Recorder::<BlakeTwo256>::default();
    let backend = chain.recording_backend(recorder.clone());
    let mut overlay = OverlayedChanges::default();
    let mut extensions = executor.extensions(recorder.clone());
    let mut call = |overlay: &mut OverlayedChanges<BlakeTwo256>, method: &str, arguments: &[u8]| {
        chain.checked(executor.call(&backend, overlay, &mut extensions, code, method, arguments))
    };

    let unfinished = plan.unfinished_header(number, chain.header().hash());
    let mode = call(&mut overlay, "Core_initialize_block", &unfinished).map_err(|failure| in_block(failure, number))?;
    // Runtimes before version 5 of the Core API return nothing.
    let only_inherents = mode.first() == Some(&1);

    // Creating the inherents is not part of the block.
    begin_transaction(&mut overlay, &recorder);
    let inherents = call(&mut overlay, "BlockBuilder_inherent_extrinsics", &plan.inherents.encode())
        .map_err(|failure| in_block(failure, number))?;
    end_transaction(&mut overlay, &recorder, false)?;
    let mut extrinsics = Vec::<OpaqueExtrinsic>::decode(&mut &inherents[..])
        .map_err(|error| undecodable("BlockBuilder_inherent_extrinsics", error))?;
    for (index, inherent) in extrinsics.iter().enumerate() {
        let result = call(&mut overlay, "BlockBuilder_apply_extrinsic", &inherent.encode())
            .map_err(|failure| in_block(failure, number))?;
        check_applied(&result, index, true).map_err(|failure| in_block(failure, number))?;
    }
    let mut refused = RefusedExtrinsics::new();
    let extrinsics_by_policy = plan.extrinsics.into_iter().map(|extrinsic| (extrinsic, policy));
    let optional = plan.optional.into_iter().map(|extrinsic| (extrinsic, ExtrinsicPolicy::SkipRefused));
    for (extrinsic, policy) in extrinsics_by_policy.chain(optional) {
        if only_inherents && policy == ExtrinsicPolicy::SkipRefused {
            // Applying it would succeed, and then nobody could import the block.
            refused.push((extrinsic, NO_ROOM.to_vec()));
            continue;
        }
        let opaque = OpaqueExtrinsic::decode(&mut &extrinsic[..])
            .map_err(|error| Failure::internal("an extrinsic to apply cannot be decoded").found(error.to_string()))?;
        // What a refused extrinsic wrote is rolled back.
        begin_transaction(&mut overlay, &recorder);
        let result = call(&mut overlay, "BlockBuilder_apply_extrinsic", &extrinsic)
            .map_err(|failure| in_block(failure, number))?;
        if policy == ExtrinsicPolicy::RequireSuccess {
            check_applied(&result, extrinsics.len(), false).map_err(|failure| in_block(failure, number))?;
        }
        let applied = result.first() == Some(&0);
        match applied {
            true => extrinsics.push(opaque),
            false => refused.push((extrinsic, result)),
        }
        end_transaction(&mut overlay, &recorder, applied)?;
    }
    let encoded_header =
        call(&mut overlay, "BlockBuilder_finalize_block", &[]).map_err(|failure| in_block(failure, number))?;
    let header = plan.header_format.decode(&encoded_header);
    let header = header.map_err(|why| undecodable("BlockBuilder_finalize_block", why))?;
    let changes = overlay.drain_storage_changes(&backend, chain.state_version()).map_err(unreadable);
    let changes = chain.checked(changes)?;
    if changes.transaction_storage_root != *header.state_root() {
        return Err(Failure::check(format!("the state root of block {number} is not the root of its changes"))
            .found(format!("{:?}", header.state_root()))
            .expected(format!("{:?}", changes.transaction_storage_root)));
    }

    let (proof_size, proof, took) = match plan.unproven {
        true => (0, CompactProof { encoded_nodes: Vec::new() }, MeasuredTime::default()),
        false => {
            let block = encoded(&encoded_header, &extrinsics);
            let imported = import(chain, executor, code, &block).map_err(|failure| in_block(failure, number))?;
            (imported.proof_size, imported.proof, imported.took)
        }
    };
    Ok(BuiltBlock { header, encoded_header, extrinsics, proof_size, proof, only_inherents, took, changes, refused })
}

fn begin_transaction(overlay: &mut OverlayedChanges<BlakeTwo256>, recorder: &Recorder<BlakeTwo256>) {
    overlay.start_transaction();
    recorder.start_transaction();
}

/// Keeps what was written and read since the transaction began, or discards both.
fn end_transaction(
    overlay: &mut OverlayedChanges<BlakeTwo256>,
    recorder: &Recorder<BlakeTwo256>,
    keep: bool,
) -> Result<()> {
    let in_order = match keep {
        true => overlay.commit_transaction().is_ok() && recorder.commit_transaction().is_ok(),
        false => overlay.rollback_transaction().is_ok() && recorder.rollback_transaction().is_ok(),
    };
    if in_order { Ok(()) } else { Err(Failure::internal("a runtime left a storage transaction open")) }
}

/// The result of importing a block.
pub struct ImportedBlock {
    /// The size in bytes of the storage proof.
    pub proof_size: u64,
    /// The storage proof in compact form.
    pub proof: CompactProof,
    /// How long the import took.
    pub took: MeasuredTime,
    /// The changes of the block to the state.
    pub changes: StorageChanges<BlakeTwo256>,
}

/// Executes a block that was built elsewhere on the state of its parent. The header must have no
/// seal.
pub fn execute(
    chain: &Chain,
    executor: &Executor,
    code: &Code,
    header: &Header,
    extrinsics: &[OpaqueExtrinsic],
) -> Result<ImportedBlock> {
    import(chain, executor, code, &(header, extrinsics).encode()).map_err(|failure| in_block(failure, header.number))
}

/// Returns the header that executing the extrinsics gives, whatever the block's own header says.
/// The difference shows which part of the header is wrong.
pub fn header_of(
    chain: &Chain,
    executor: &Executor,
    code: &Code,
    header: &Header,
    extrinsics: &[OpaqueExtrinsic],
) -> Result<Header> {
    let number = header.number;
    let backend = chain.backend();
    let mut overlay = OverlayedChanges::default();
    let mut extensions = executor.extensions(Default::default());
    let mut call = |method: &str, arguments: &[u8]| {
        let answer = executor.call(&backend, &mut overlay, &mut extensions, code, method, arguments);
        chain.checked(answer).map_err(|failure| in_block(failure, number))
    };
    // Executing the block deposits the other items.
    let logs = header.digest.logs.iter().filter(|item| item.as_pre_runtime().is_some()).cloned().collect();
    let unfinished = Header::new(number, H256::zero(), H256::zero(), header.parent_hash, Digest { logs });
    call("Core_initialize_block", &unfinished.encode())?;
    for (index, extrinsic) in extrinsics.iter().enumerate() {
        let result = call("BlockBuilder_apply_extrinsic", &extrinsic.encode())?;
        if result.first() != Some(&0) {
            check_applied(&result, index, false).map_err(|failure| in_block(failure, number))?;
        }
    }
    let answer = call("BlockBuilder_finalize_block", &[])?;
    Header::decode(&mut &answer[..]).map_err(|error| undecodable("BlockBuilder_finalize_block", error))
}

fn import(chain: &Chain, executor: &Executor, code: &Code, block: &[u8]) -> Result<ImportedBlock> {
    let recorder = Recorder::<BlakeTwo256>::default();
    let recording = chain.recording_backend(recorder.clone());
    let mut overlay = OverlayedChanges::default();
    let mut extensions = executor.extensions(recorder.clone());
    let watch = Stopwatch::start(CpuScope::Thread);
    let result = executor.call(&recording, &mut overlay, &mut extensions, code, "Core_execute_block", block);
    chain.checked(result)?;
    // Computing the root is part of what a validator does with the proof.
    let changes = overlay.drain_storage_changes(&recording, chain.state_version()).map_err(unreadable);
    let changes = chain.checked(changes)?;
    let took = watch.stop();
    let proof = recorder.drain_storage_proof();
    let proof_size = proof.encoded_size() as u64;
    let proof = proof
        .into_compact_proof::<BlakeTwo256>(chain.root())
        .map_err(|_| Failure::internal("the storage proof of a block cannot be made compact"))?;
    Ok(ImportedBlock { proof_size, proof, took, changes })
}

/// Checks that an extrinsic was applied: `Result<Result<(), DispatchError>,
/// TransactionValidityError>`.
fn check_applied(result: &[u8], index: usize, inherent: bool) -> Result<()> {
    let kind = if inherent { "inherent" } else { "extrinsic" };
    match result {
        [0, 0, ..] => Ok(()),
        [0, 1, error @ ..] => Err(Failure::check(format!("{kind} {index} failed to dispatch"))
            .code(worker::Code::Dispatch)
            .found(format!("DispatchError {}", hex::encode_prefixed(error)))),
        [1, error @ ..] => Err(Failure::check(format!("{kind} {index} is not valid in this block"))
            .found(format!("TransactionValidityError {}", hex::encode_prefixed(error)))),
        _ => Err(Failure::check("BlockBuilder_apply_extrinsic returned an invalid result")
            .found(hex::encode_prefixed(result))),
    }
}

/// Returns `System.BlockWeight` after the block, the weight that the block declares as used,
/// encoded with the types of its runtime.
pub fn block_weight(changes: &StorageChanges<BlakeTwo256>) -> Option<&[u8]> {
    let key = keys::item("System", "BlockWeight");
    changes.main_storage_changes.iter().find(|(name, _)| *name == key).and_then(|(_, value)| value.as_deref())
}

/// Encodes an unsigned extrinsic, as `system.apply_authorized_upgrade` may be sent: extrinsic
/// format 4, bare.
pub fn bare_extrinsic(call: &[u8]) -> Vec<u8> {
    let mut extrinsic = Compact((call.len() + 1) as u32).encode();
    extrinsic.push(4);
    extrinsic.extend_from_slice(call);
    extrinsic
}

fn in_block(mut failure: Failure, number: u32) -> Failure {
    failure.message = format!("block {number}: {}", failure.message);
    failure
}

fn undecodable(method: &str, error: impl std::fmt::Display) -> Failure {
    Failure::check(format!("the answer of {method} cannot be decoded"))
        .found(error.to_string())
        .expected("a block with blake2-256 hashes and a number below 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_extrinsics_are_distinguished() {
        assert!(check_applied(&[0, 0], 0, true).is_ok());
        let failure = check_applied(&[0, 1, 2], 1, true).expect_err("a dispatch error");
        assert!(failure.message.contains("inherent 1 failed to dispatch"));
        let failure = check_applied(&[1, 0, 3], 2, false).expect_err("not valid");
        assert!(failure.message.contains("extrinsic 2 is not valid"));
        assert!(check_applied(&[], 0, false).is_err());
    }

    #[test]
    fn a_bare_extrinsic_carries_its_length() {
        assert_eq!(bare_extrinsic(&[7, 8]), [12, 4, 7, 8]);
        assert!(OpaqueExtrinsic::decode(&mut &bare_extrinsic(&[7; 100])[..]).is_ok());
    }
}
