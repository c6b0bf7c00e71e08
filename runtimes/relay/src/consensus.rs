// SPDX-License-Identifier: Apache-2.0
//! Who makes and finalizes blocks, and for how long.

use alloc::vec::Vec;

use frame_support::traits::{ConstU32, ConstU64, ValidatorSet, ValidatorSetWithIdentification};
use polkadot_primitives::{AuthorityDiscoveryId, SessionIndex};
use polkadot_runtime_parachains::session_info::AuthorityDiscoveryConfig;
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use crate::{AccountId, Babe, Balances, Runtime, RuntimeEvent, SLOT_DURATION, Session, SessionKeys};

/// The slots of a session, an epoch of Babe's: room for three rotations of the groups of validators.
pub const EPOCH_DURATION: u64 = 60;

/// A quarter of the slots has an author by its own lot; in the rest a hash of the slot names one.
pub const EPOCH_CONFIG: BabeEpochConfiguration =
    BabeEpochConfiguration { c: (1, 4), allowed_slots: AllowedSlots::PrimaryAndSecondaryVRFSlots };

type MaxAuthorities = ConstU32<32>;

impl pallet_babe::Config for Runtime {
    type DisabledValidators = Session;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type EpochDuration = ConstU64<EPOCH_DURATION>;
    // Who equivocates cannot be slashed: there is no staking.
    type EquivocationReportSystem = ();
    type ExpectedBlockTime = ConstU64<SLOT_DURATION>;
    type KeyOwnerProof = sp_core::Void;
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type WeightInfo = ();
}

impl pallet_grandpa::Config for Runtime {
    type EquivocationReportSystem = ();
    type KeyOwnerProof = sp_core::Void;
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<0>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
}

impl pallet_authorship::Config for Runtime {
    type EventHandler = ();
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
}

impl pallet_session::Config for Runtime {
    type Currency = Balances;
    type DisablingStrategy = ();
    type KeyDeposit = ();
    type Keys = SessionKeys;
    type NextSessionRotation = Babe;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    // Nobody new: the validators are those of the genesis.
    type SessionManager = ();
    type ShouldEndSession = Babe;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = ();
}

/// The session's validators, each of which its account identifies.
pub struct Validators;

impl ValidatorSet<AccountId> for Validators {
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;

    fn session_index() -> SessionIndex {
        Session::current_index()
    }

    fn validators() -> Vec<AccountId> {
        Session::validators()
    }
}

impl ValidatorSetWithIdentification<AccountId> for Validators {
    type Identification = AccountId;
    type IdentificationOf = ConvertInto;
}

/// Validators have no keys to be found by: no network is run on this.
impl AuthorityDiscoveryConfig for Runtime {
    fn authorities() -> Vec<AuthorityDiscoveryId> {
        Vec::new()
    }
}
