// SPDX-License-Identifier: Apache-2.0
//! Calls, origins and messages as pallets declare them, with the indices of current chains.
#![allow(non_camel_case_types, dead_code, clippy::large_enum_variant)]

use codec::Encode;
use scale_info::TypeInfo;

#[derive(Encode, TypeInfo)]
pub struct RuntimeVersion {
    pub spec_name: String,
    pub impl_name: String,
    pub authoring_version: u32,
    pub spec_version: u32,
    pub impl_version: u32,
    pub apis: Vec<([u8; 8], u32)>,
    pub transaction_version: u32,
    pub system_version: u8,
}

#[derive(Encode, TypeInfo)]
pub struct H256(pub [u8; 32]);

#[derive(Encode, TypeInfo)]
#[scale_info(bounds(X: TypeInfo + 'static))]
#[codec(encode_bound(X: Encode))]
pub enum RuntimeCall<X> {
    #[codec(index = 0)]
    System(system::Call),
    #[codec(index = 1)]
    ParachainSystem(parachain_system::Call),
    #[codec(index = 7)]
    Sudo(sudo::Call<X>),
    #[codec(index = 10)]
    Preimage(preimage::Call),
    #[codec(index = 21)]
    Referenda(referenda::Call),
    #[codec(index = 26)]
    Utility(utility::Call<X>),
    #[codec(index = 44)]
    Whitelist(whitelist::Call<X>),
    #[codec(index = 99)]
    XcmPallet(X),
}

#[derive(Encode, TypeInfo)]
pub enum OldRuntimeCall {
    System(system::OldCall),
    ParachainSystem(parachain_system::OldCall),
}

pub mod system {
    use super::*;

    #[derive(Encode, TypeInfo)]
    pub enum Call {
        #[codec(index = 0)]
        remark { remark: Vec<u8> },
        #[codec(index = 9)]
        authorize_upgrade { code_hash: H256 },
        #[codec(index = 10)]
        authorize_upgrade_without_checks { code_hash: H256 },
        #[codec(index = 11)]
        apply_authorized_upgrade { code: Vec<u8> },
    }

    /// The calls of a release without authorization of upgrades.
    #[derive(Encode, TypeInfo)]
    pub enum OldCall {
        #[codec(index = 2)]
        set_code { code: Vec<u8> },
    }

    #[derive(Encode, TypeInfo)]
    pub enum Event {
        CodeUpdated,
        RejectedInvalidAuthorizedUpgrade,
    }
}

pub mod parachain_system {
    use super::*;

    #[derive(Encode, TypeInfo)]
    pub enum Call {
        #[codec(index = 2)]
        authorize_upgrade { code_hash: H256, check_version: bool },
        #[codec(index = 3)]
        enact_authorized_upgrade { code: Vec<u8> },
    }

    /// The calls of a release that does not compare versions.
    #[derive(Encode, TypeInfo)]
    pub enum OldCall {
        #[codec(index = 2)]
        authorize_upgrade { code_hash: H256 },
        #[codec(index = 3)]
        enact_authorized_upgrade { code: Vec<u8> },
    }

    #[derive(Encode, TypeInfo)]
    pub enum Event {
        ValidationFunctionStored,
        ValidationFunctionApplied,
    }
}

pub mod sudo {
    use super::*;

    #[derive(Encode, TypeInfo)]
    #[scale_info(bounds(X: TypeInfo + 'static))]
    #[codec(encode_bound(X: Encode))]
    pub enum Call<X> {
        sudo { call: Box<RuntimeCall<X>> },
    }

    #[derive(Encode, TypeInfo)]
    pub enum OldCall {
        sudo { call: Box<OldRuntimeCall> },
        sudo_unchecked_weight { call: Box<OldRuntimeCall>, weight: xcm::Weight },
    }

    /// The same pallet under its published name.
    #[derive(Encode, TypeInfo)]
    #[scale_info(bounds(X: TypeInfo + 'static), replace_segment("cutover_proposal", "pallet_sudo"))]
    #[codec(encode_bound(X: Encode))]
    pub enum PublishedCall<X> {
        #[codec(index = 3)]
        sudo { call: Box<RuntimeCall<X>> },
    }
}

pub mod preimage {
    use super::*;

    #[derive(Encode, TypeInfo)]
    pub enum Call {
        note_preimage { bytes: Vec<u8> },
    }
}

pub mod marker {
    use super::*;

    #[derive(TypeInfo)]
    pub enum Call {
        mark,
    }
}

pub mod utility {
    use super::*;

    #[derive(Encode, TypeInfo)]
    #[scale_info(bounds(X: TypeInfo + 'static))]
    #[codec(encode_bound(X: Encode))]
    pub enum Call<X> {
        #[codec(index = 2)]
        batch_all { calls: Vec<RuntimeCall<X>> },
        #[codec(index = 4)]
        force_batch { calls: Vec<RuntimeCall<X>> },
    }
}

pub mod whitelist {
    use super::*;

    #[derive(Encode, TypeInfo)]
    #[scale_info(bounds(X: TypeInfo + 'static))]
    #[codec(encode_bound(X: Encode))]
    pub enum Call<X> {
        #[codec(index = 0)]
        whitelist_call { call_hash: H256 },
        #[codec(index = 3)]
        dispatch_whitelisted_call_with_preimage { call: Box<RuntimeCall<X>> },
    }
}

pub mod referenda {
    use super::*;

    #[derive(Encode, TypeInfo)]
    pub enum Call {
        submit { proposal_origin: Box<OriginCaller>, proposal: Bounded, enactment_moment: DispatchTime },
        place_decision_deposit { index: u32 },
    }

    #[derive(Encode, TypeInfo)]
    pub enum OriginCaller {
        #[codec(index = 22)]
        Origins(CustomOrigin),
        #[codec(index = 3)]
        OtherRoot(RawOrigin),
        #[codec(index = 0)]
        system(RawOrigin),
    }

    #[derive(Encode, TypeInfo)]
    pub enum RawOrigin {
        Root,
        Signed([u8; 32]),
        None,
    }

    #[derive(Encode, TypeInfo)]
    pub enum CustomOrigin {
        StakingAdmin,
        #[codec(index = 13)]
        WhitelistedCaller,
    }

    #[derive(Encode, TypeInfo)]
    pub enum Bounded {
        Legacy { hash: H256 },
        Inline(Vec<u8>),
        Lookup { hash: H256, len: u32 },
    }

    #[derive(Encode, TypeInfo)]
    pub enum DispatchTime {
        At(u32),
        After(u32),
    }
}

pub mod xcm {
    use super::*;

    #[derive(Encode, TypeInfo)]
    pub enum Call<Location, Message> {
        #[codec(index = 0)]
        send { dest: Box<Location>, message: Box<Message> },
    }

    #[derive(Encode, TypeInfo)]
    pub struct Weight {
        #[codec(compact)]
        pub ref_time: u64,
        #[codec(compact)]
        pub proof_size: u64,
    }

    #[derive(Encode, TypeInfo)]
    pub enum WeightLimit {
        Unlimited,
        Limited(Weight),
    }

    #[derive(Encode, TypeInfo)]
    pub enum OriginKind {
        Native,
        SovereignAccount,
        Superuser,
        Xcm,
    }

    #[derive(Encode, TypeInfo)]
    pub struct DoubleEncoded {
        pub encoded: Vec<u8>,
    }

    #[derive(Encode, TypeInfo)]
    pub enum Junction {
        Parachain(#[codec(compact)] u32),
        PalletInstance(u8),
    }

    /// The junctions of version 3.
    #[derive(Encode, TypeInfo)]
    pub enum OldJunctions {
        Here,
        X1(Junction),
        X2(Junction, Junction),
    }

    #[derive(Encode, TypeInfo)]
    pub enum Junctions {
        Here,
        X1([Junction; 1]),
        X2([Junction; 2]),
    }

    #[derive(Encode, TypeInfo)]
    pub struct Location<Interior> {
        pub parents: u8,
        pub interior: Interior,
    }

    #[derive(Encode, TypeInfo)]
    pub struct Xcm<Instruction>(pub Vec<Instruction>);

    /// The instructions of versions 3 and 4.
    #[derive(Encode, TypeInfo)]
    pub enum OldInstruction {
        #[codec(index = 6)]
        Transact { origin_kind: OriginKind, require_weight_at_most: Weight, call: DoubleEncoded },
        #[codec(index = 47)]
        UnpaidExecution { weight_limit: WeightLimit, check_origin: Option<Location<Junctions>> },
    }

    /// The instructions of version 2.
    #[derive(Encode, TypeInfo)]
    pub enum OldestInstruction {
        #[codec(index = 6)]
        Transact {
            origin_type: OriginKind,
            #[codec(compact)]
            require_weight_at_most: u64,
            call: DoubleEncoded,
        },
    }

    #[derive(Encode, TypeInfo)]
    pub enum Instruction {
        #[codec(index = 6)]
        Transact { origin_kind: OriginKind, fallback_max_weight: Option<Weight>, call: DoubleEncoded },
        #[codec(index = 47)]
        UnpaidExecution { weight_limit: WeightLimit, check_origin: Option<Location<Junctions>> },
    }

    #[derive(Encode, TypeInfo)]
    pub enum VersionedLocation {
        #[codec(index = 3)]
        V3(Location<OldJunctions>),
        #[codec(index = 4)]
        V4(Location<Junctions>),
        #[codec(index = 5)]
        V5(Location<Junctions>),
    }

    #[derive(Encode, TypeInfo)]
    pub enum VersionedXcm {
        #[codec(index = 3)]
        V3(Xcm<OldInstruction>),
        #[codec(index = 4)]
        V4(Xcm<OldInstruction>),
        #[codec(index = 5)]
        V5(Xcm<Instruction>),
    }

    /// The types of an older chain.
    pub mod old {
        use super::*;

        #[derive(Encode, TypeInfo)]
        pub enum VersionedLocation {
            #[codec(index = 3)]
            V3(Location<OldJunctions>),
        }

        #[derive(Encode, TypeInfo)]
        pub enum VersionedXcm {
            #[codec(index = 2)]
            V2(Xcm<u8>),
            #[codec(index = 3)]
            V3(Xcm<OldInstruction>),
        }
    }

    pub mod oldest {
        use super::*;

        #[derive(Encode, TypeInfo)]
        pub enum VersionedLocation {
            #[codec(index = 1)]
            V2(Location<OldJunctions>),
        }

        #[derive(Encode, TypeInfo)]
        pub enum VersionedXcm {
            #[codec(index = 2)]
            V2(Xcm<OldestInstruction>),
        }
    }

    pub mod middle {
        use super::*;

        #[derive(Encode, TypeInfo)]
        pub enum VersionedXcm {
            #[codec(index = 3)]
            V3(Xcm<OldInstruction>),
            #[codec(index = 4)]
            V4(Xcm<OldInstruction>),
        }
    }
}
