// SPDX-License-Identifier: Apache-2.0
//! What nodes and tools call.

use alloc::{
    collections::{btree_map::BTreeMap, vec_deque::VecDeque},
    vec::Vec,
};

use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    view_functions::{ViewFunctionDispatchError, ViewFunctionId},
    weights::Weight,
};
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use polkadot_primitives::{
    ApprovalVotingParams, AsyncBackingParams, CandidateCommitments, CandidateEvent, CandidateHash,
    CommittedCandidateReceiptV2, CoreIndex, CoreState, DisputeState, ExecutorParams, GroupRotationInfo, Id as ParaId,
    InboundDownwardMessage, InboundHrmpMessage, NodeFeatures, OccupiedCoreAssumption, PersistedValidationData,
    PvfCheckStatement, ScrapedOnChainVotes, SessionIndex, SessionInfo, ValidationCode, ValidationCodeHash, ValidatorId,
    ValidatorIndex, ValidatorSignature,
    async_backing::{BackingState, Constraints},
    slashing,
    vstaging::RelayParentInfo,
};
use polkadot_runtime_parachains::runtime_api_impl::{v13 as host, vstaging as newest_host};
use sp_api::impl_runtime_apis;
use sp_core::{OpaqueMetadata, crypto::KeyTypeId};
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;
use staging_xcm::{
    Version as XcmVersion, VersionedAssetId, VersionedAssets, VersionedLocation, VersionedXcm, latest::AssetId,
};
use xcm_runtime_apis::{
    dry_run::{CallDryRunEffects, Error as XcmDryRunApiError, XcmDryRunEffects},
    fees::Error as XcmPaymentApiError,
};

use crate::{
    AccountId, Babe, Balance, Block, BlockNumber, Executive, Grandpa, Hash, InherentDataExt, Nonce, OriginCaller,
    Runtime, RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, SessionKeys, System, TransactionPayment, VERSION,
    XcmPallet,
    consensus::{EPOCH_CONFIG, EPOCH_DURATION},
    genesis,
    xcm_config::{HereLocation, LocationToAccountId, XcmConfig, XcmRouter},
};

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(id: ViewFunctionId, input: Vec<u8>) -> Result<Vec<u8>, ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(block: <Block as BlockT>::LazyBlock, data: InherentData) -> CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            transaction: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, transaction, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header);
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl sp_consensus_babe::BabeApi<Block> for Runtime {
        fn configuration() -> sp_consensus_babe::BabeConfiguration {
            let epoch = Babe::epoch_config().unwrap_or(EPOCH_CONFIG);
            sp_consensus_babe::BabeConfiguration {
                slot_duration: Babe::slot_duration(),
                epoch_length: EPOCH_DURATION,
                c: epoch.c,
                authorities: Babe::authorities().to_vec(),
                randomness: Babe::randomness(),
                allowed_slots: epoch.allowed_slots,
            }
        }

        fn current_epoch_start() -> sp_consensus_babe::Slot {
            Babe::current_epoch_start()
        }

        fn current_epoch() -> sp_consensus_babe::Epoch {
            Babe::current_epoch()
        }

        fn next_epoch() -> sp_consensus_babe::Epoch {
            Babe::next_epoch()
        }

        fn generate_key_ownership_proof(
            _slot: sp_consensus_babe::Slot,
            _authority_id: sp_consensus_babe::AuthorityId,
        ) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
            None
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            _proof: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
            _key_owner_proof: sp_consensus_babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            None
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            pallet_grandpa::CurrentSetId::<Runtime>::get()
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            _proof: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
            _key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            None
        }

        fn generate_key_ownership_proof(
            _set_id: sp_consensus_grandpa::SetId,
            _authority_id: sp_consensus_grandpa::AuthorityId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            None
        }
    }

    #[api_version(16)]
    impl polkadot_primitives::runtime_api::ParachainHost<Block> for Runtime {
        fn validators() -> Vec<ValidatorId> {
            host::validators::<Runtime>()
        }

        fn validator_groups() -> (Vec<Vec<ValidatorIndex>>, GroupRotationInfo<BlockNumber>) {
            host::validator_groups::<Runtime>()
        }

        fn availability_cores() -> Vec<CoreState<Hash, BlockNumber>> {
            host::availability_cores::<Runtime>()
        }

        fn persisted_validation_data(
            para: ParaId,
            assumption: OccupiedCoreAssumption,
        ) -> Option<PersistedValidationData<Hash, BlockNumber>> {
            host::persisted_validation_data::<Runtime>(para, assumption)
        }

        fn assumed_validation_data(
            para: ParaId,
            expected: Hash,
        ) -> Option<(PersistedValidationData<Hash, BlockNumber>, ValidationCodeHash)> {
            host::assumed_validation_data::<Runtime>(para, expected)
        }

        fn check_validation_outputs(para: ParaId, outputs: CandidateCommitments) -> bool {
            host::check_validation_outputs::<Runtime>(para, outputs)
        }

        fn session_index_for_child() -> SessionIndex {
            host::session_index_for_child::<Runtime>()
        }

        fn validation_code(para: ParaId, assumption: OccupiedCoreAssumption) -> Option<ValidationCode> {
            host::validation_code::<Runtime>(para, assumption)
        }

        #[allow(deprecated)]
        fn candidate_pending_availability(para: ParaId) -> Option<CommittedCandidateReceiptV2<Hash>> {
            host::candidate_pending_availability::<Runtime>(para)
        }

        fn candidate_events() -> Vec<CandidateEvent<Hash>> {
            host::candidate_events::<Runtime, _>(|event| match event {
                RuntimeEvent::ParaInclusion(event) => Some(event),
                _ => None,
            })
        }

        fn dmq_contents(recipient: ParaId) -> Vec<InboundDownwardMessage<BlockNumber>> {
            host::dmq_contents::<Runtime>(recipient)
        }

        fn inbound_hrmp_channels_contents(
            recipient: ParaId,
        ) -> BTreeMap<ParaId, Vec<InboundHrmpMessage<BlockNumber>>> {
            host::inbound_hrmp_channels_contents::<Runtime>(recipient)
        }

        fn validation_code_by_hash(hash: ValidationCodeHash) -> Option<ValidationCode> {
            host::validation_code_by_hash::<Runtime>(hash)
        }

        fn on_chain_votes() -> Option<ScrapedOnChainVotes<Hash>> {
            host::on_chain_votes::<Runtime>()
        }

        fn session_info(index: SessionIndex) -> Option<SessionInfo> {
            host::session_info::<Runtime>(index)
        }

        fn submit_pvf_check_statement(statement: PvfCheckStatement, signature: ValidatorSignature) {
            host::submit_pvf_check_statement::<Runtime>(statement, signature);
        }

        fn pvfs_require_precheck() -> Vec<ValidationCodeHash> {
            host::pvfs_require_precheck::<Runtime>()
        }

        fn validation_code_hash(para: ParaId, assumption: OccupiedCoreAssumption) -> Option<ValidationCodeHash> {
            host::validation_code_hash::<Runtime>(para, assumption)
        }

        fn disputes() -> Vec<(SessionIndex, CandidateHash, DisputeState<BlockNumber>)> {
            host::get_session_disputes::<Runtime>()
        }

        fn session_executor_params(index: SessionIndex) -> Option<ExecutorParams> {
            host::session_executor_params::<Runtime>(index)
        }

        fn unapplied_slashes() -> Vec<(SessionIndex, CandidateHash, slashing::LegacyPendingSlashes)> {
            Vec::new()
        }

        fn key_ownership_proof(_validator: ValidatorId) -> Option<slashing::OpaqueKeyOwnershipProof> {
            None
        }

        fn submit_report_dispute_lost(
            _dispute_proof: slashing::DisputeProof,
            _key_ownership_proof: slashing::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            None
        }

        fn minimum_backing_votes() -> u32 {
            host::minimum_backing_votes::<Runtime>()
        }

        #[allow(deprecated)]
        fn para_backing_state(para: ParaId) -> Option<BackingState<Hash, BlockNumber>> {
            host::backing_state::<Runtime>(para)
        }

        #[allow(deprecated)]
        fn async_backing_params() -> AsyncBackingParams {
            host::async_backing_params::<Runtime>()
        }

        fn disabled_validators() -> Vec<ValidatorIndex> {
            host::disabled_validators::<Runtime>()
        }

        fn node_features() -> NodeFeatures {
            host::node_features::<Runtime>()
        }

        fn approval_voting_params() -> ApprovalVotingParams {
            host::approval_voting_params::<Runtime>()
        }

        fn claim_queue() -> BTreeMap<CoreIndex, VecDeque<ParaId>> {
            host::claim_queue::<Runtime>()
        }

        fn candidates_pending_availability(para: ParaId) -> Vec<CommittedCandidateReceiptV2<Hash>> {
            host::candidates_pending_availability::<Runtime>(para)
        }

        fn validation_code_bomb_limit() -> u32 {
            host::validation_code_bomb_limit::<Runtime>()
        }

        fn backing_constraints(para: ParaId) -> Option<Constraints> {
            host::backing_constraints::<Runtime>(para)
        }

        fn scheduling_lookahead() -> u32 {
            host::scheduling_lookahead::<Runtime>()
        }

        fn para_ids() -> Vec<ParaId> {
            newest_host::para_ids::<Runtime>()
        }

        fn unapplied_slashes_v2() -> Vec<(SessionIndex, CandidateHash, slashing::PendingSlashes)> {
            Vec::new()
        }

        fn max_relay_parent_session_age() -> u32 {
            newest_host::max_relay_parent_session_age::<Runtime>()
        }

        fn ancestor_relay_parent_info(
            session: SessionIndex,
            relay_parent: Hash,
        ) -> Option<RelayParentInfo<Hash, BlockNumber>> {
            newest_host::ancestor_relay_parent_info::<Runtime>(session, relay_parent)
        }
    }

    impl xcm_runtime_apis::fees::XcmPaymentApi<Block> for Runtime {
        fn query_acceptable_payment_assets(version: XcmVersion) -> Result<Vec<VersionedAssetId>, XcmPaymentApiError> {
            XcmPallet::query_acceptable_payment_assets(version, alloc::vec![AssetId(HereLocation::get())])
        }

        fn query_weight_to_asset_fee(weight: Weight, asset: VersionedAssetId) -> Result<u128, XcmPaymentApiError> {
            XcmPallet::query_weight_to_asset_fee::<<XcmConfig as staging_xcm_executor::Config>::Trader>(weight, asset)
        }

        fn query_xcm_weight(message: VersionedXcm<()>) -> Result<Weight, XcmPaymentApiError> {
            XcmPallet::query_xcm_weight(message)
        }

        fn query_delivery_fees(
            destination: VersionedLocation,
            message: VersionedXcm<()>,
            asset_id: VersionedAssetId,
        ) -> Result<VersionedAssets, XcmPaymentApiError> {
            XcmPallet::query_delivery_fees::<<XcmConfig as staging_xcm_executor::Config>::AssetExchanger>(
                destination, message, asset_id,
            )
        }
    }

    impl xcm_runtime_apis::dry_run::DryRunApi<Block, RuntimeCall, RuntimeEvent, OriginCaller> for Runtime {
        fn dry_run_call(
            origin: OriginCaller,
            call: RuntimeCall,
            result_xcms_version: XcmVersion,
        ) -> Result<CallDryRunEffects<RuntimeEvent>, XcmDryRunApiError> {
            XcmPallet::dry_run_call::<Runtime, XcmRouter, OriginCaller, RuntimeCall>(origin, call, result_xcms_version)
        }

        fn dry_run_xcm(
            origin_location: VersionedLocation,
            xcm: VersionedXcm<RuntimeCall>,
        ) -> Result<XcmDryRunEffects<RuntimeEvent>, XcmDryRunApiError> {
            XcmPallet::dry_run_xcm::<XcmRouter>(origin_location, xcm)
        }
    }

    impl xcm_runtime_apis::conversions::LocationToAccountApi<Block, AccountId> for Runtime {
        fn convert_location(
            location: VersionedLocation,
        ) -> Result<AccountId, xcm_runtime_apis::conversions::Error> {
            xcm_runtime_apis::conversions::LocationToAccountHelper::<AccountId, LocationToAccountId>::convert_location(
                location,
            )
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(extrinsic: <Block as BlockT>::Extrinsic, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(extrinsic, len)
        }

        fn query_fee_details(extrinsic: <Block as BlockT>::Extrinsic, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_fee_details(extrinsic, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
        for Runtime
    {
        fn query_call_info(call: RuntimeCall, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(call: RuntimeCall, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis::get_preset)
        }

        fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
            genesis::preset_names()
        }
    }

    #[cfg(feature = "try-runtime")]
    impl frame_try_runtime::TryRuntime<Block> for Runtime {
        fn on_runtime_upgrade(checks: frame_try_runtime::UpgradeCheckSelect) -> (Weight, Weight) {
            crate::try_runtime::on_runtime_upgrade(checks)
        }

        fn execute_block(
            block: <Block as BlockT>::LazyBlock,
            state_root_check: bool,
            signature_check: bool,
            select: frame_try_runtime::TryStateSelect,
        ) -> Weight {
            crate::try_runtime::execute_block(block, state_root_check, signature_check, select)
        }
    }
}
