// SPDX-License-Identifier: Apache-2.0
//! The runtime of a relay chain: Babe and Grandpa, a sudo key, and what backs, includes and upgrades parachains.
//!
//! Compact, but made of the pallets that relay chains run. Cores are assigned by sudo, as there is no chain that sells
//! them. The pallets that parachains send calls to have the numbers that they have on Rococo.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "512"]

extern crate alloc;

mod accounts;
mod apis;
mod consensus;
mod genesis;
mod messages;
mod migrations;
mod parachains;
mod release;
mod scheduled;
mod system;
#[cfg(feature = "try-runtime")]
mod try_runtime;
mod weights;
mod xcm_config;

// The macros below name it without a path.
use alloc::vec::Vec;

use sp_runtime::{
    MultiAddress, MultiSignature, generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};

pub use apis::RuntimeApi;
pub use release::VERSION;

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

pub type Signature = MultiSignature;
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
pub type Address = MultiAddress<AccountId, ()>;
pub type Balance = u128;
pub type BlockNumber = u32;
pub type Hash = sp_core::H256;
pub type Nonce = u32;
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// What a transaction carries beside its call.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// How blocks are executed.
pub type Executive =
    frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

impl_opaque_keys! {
    /// The keys of a validator.
    pub struct SessionKeys {
        pub babe: Babe,
        pub grandpa: Grandpa,
        pub para_validator: Initializer,
        pub para_assignment: ParaSessionInfo,
    }
}

/// The smallest unit is 10^-12 of the token CUT.
pub const UNIT: Balance = 1_000_000_000_000;
pub const MILLI: Balance = UNIT / 1_000;

/// The time between blocks, in milliseconds.
pub const SLOT_DURATION: u64 = 6_000;
pub const MINUTES: BlockNumber = 60_000 / SLOT_DURATION as BlockNumber;
pub const HOURS: BlockNumber = 60 * MINUTES;
pub const DAYS: BlockNumber = 24 * HOURS;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    // The order is that of the numbers. Before the sessions come Babe, which ends them, the configuration, which gives
    // the first one its cores, and authorship, as an author is one of the session that the block was made in.
    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(2)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(3)]
    pub type Configuration = polkadot_runtime_parachains::configuration;
    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(5)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(8)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(10)]
    pub type Grandpa = pallet_grandpa;

    #[runtime::pallet_index(24)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(29)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(32)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(33)]
    pub type TransactionPayment = pallet_transaction_payment;

    #[runtime::pallet_index(50)]
    pub type ParachainsOrigin = polkadot_runtime_parachains::origin;
    #[runtime::pallet_index(52)]
    pub type ParasShared = polkadot_runtime_parachains::shared;
    #[runtime::pallet_index(53)]
    pub type ParaInclusion = polkadot_runtime_parachains::inclusion;
    #[runtime::pallet_index(54)]
    pub type ParaInherent = polkadot_runtime_parachains::paras_inherent;
    #[runtime::pallet_index(55)]
    pub type ParaScheduler = polkadot_runtime_parachains::scheduler;
    #[runtime::pallet_index(56)]
    pub type Paras = polkadot_runtime_parachains::paras;
    #[runtime::pallet_index(57)]
    pub type Initializer = polkadot_runtime_parachains::initializer;
    #[runtime::pallet_index(58)]
    pub type Dmp = polkadot_runtime_parachains::dmp;
    #[runtime::pallet_index(60)]
    pub type Hrmp = polkadot_runtime_parachains::hrmp;
    #[runtime::pallet_index(61)]
    pub type ParaSessionInfo = polkadot_runtime_parachains::session_info;
    #[runtime::pallet_index(62)]
    pub type ParasDisputes = polkadot_runtime_parachains::disputes;
    #[runtime::pallet_index(64)]
    pub type MessageQueue = pallet_message_queue;
    #[runtime::pallet_index(66)]
    pub type OnDemand = polkadot_runtime_parachains::on_demand;

    #[runtime::pallet_index(70)]
    pub type Registrar = polkadot_runtime_common::paras_registrar;
    #[runtime::pallet_index(74)]
    pub type Coretime = polkadot_runtime_parachains::coretime;

    #[runtime::pallet_index(98)]
    pub type MultiBlockMigrations = pallet_migrations;
    #[runtime::pallet_index(99)]
    pub type XcmPallet = pallet_xcm;

    #[runtime::pallet_index(250)]
    pub type ParasSudoWrapper = polkadot_runtime_common::paras_sudo_wrapper;
    #[runtime::pallet_index(255)]
    pub type Sudo = pallet_sudo;
}
