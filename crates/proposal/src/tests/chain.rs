// SPDX-License-Identifier: Apache-2.0
//! Test chains of the types in `types.rs`, as metadata bytes of every version.

use super::types::{self, *};
use crate::{Release, Target, Value, named};
use codec::Encode;
use frame_metadata::{RuntimeMetadataPrefixed, v14, v15, v16};
use scale_info::{MetaType, meta_type};

pub type NewXcm = xcm::Call<xcm::VersionedLocation, xcm::VersionedXcm>;
pub type OldXcm = xcm::Call<xcm::old::VersionedLocation, xcm::old::VersionedXcm>;

#[derive(Clone)]
pub struct Part {
    pub name: &'static str,
    pub index: u8,
    pub calls: MetaType,
    pub events: Option<MetaType>,
}

pub fn part(name: &'static str, index: u8, calls: MetaType) -> Part {
    Part { name, index, calls, events: None }
}

pub fn system() -> Part {
    Part { events: Some(meta_type::<types::system::Event>()), ..part("System", 0, meta_type::<types::system::Call>()) }
}

pub fn parachain_system() -> Part {
    let events = Some(meta_type::<types::parachain_system::Event>());
    Part { events, ..part("ParachainSystem", 1, meta_type::<types::parachain_system::Call>()) }
}

pub fn governance() -> Vec<Part> {
    vec![
        part("Preimage", 10, meta_type::<preimage::Call>()),
        part("Referenda", 21, meta_type::<referenda::Call>()),
        part("Whitelist", 44, meta_type::<whitelist::Call<NewXcm>>()),
    ]
}

pub fn sudo_part() -> Part {
    part("Sudo", 7, meta_type::<sudo::Call<NewXcm>>())
}

pub fn utility_part() -> Part {
    part("Utility", 26, meta_type::<utility::Call<NewXcm>>())
}

pub fn xcm_part() -> Part {
    part("XcmPallet", 99, meta_type::<NewXcm>())
}

/// Returns a solo chain with sudo and governance.
pub fn solo() -> Target {
    target("solo", 16, [vec![system(), sudo_part()], governance()].concat())
}

/// Returns a pallet that only shows by its name what the chain is.
pub fn marker(name: &'static str, index: u8) -> Part {
    // A type has one path: the calls of Preimage would be those of this pallet.
    part(name, index, meta_type::<types::marker::Call>())
}

pub fn para() -> Target {
    target("para", 15, vec![system(), parachain_system(), marker("XcmpQueue", 30)])
}

pub fn relay() -> Target {
    let parts = vec![system(), sudo_part(), xcm_part(), marker("Paras", 56)];
    target("relay", 15, [parts, governance()].concat())
}

pub fn target(name: &str, version: u32, parts: Vec<Part>) -> Target {
    Target::from_metadata(&metadata(name, version, parts)).expect("metadata of the test's own making")
}

pub fn release(code: &[u8]) -> Release<'_> {
    Release { code, spec_name: "solo".into(), spec_version: 101 }
}

pub fn authorize(code_hash: [u8; 32]) -> Value {
    Value::Call {
        pallet: "System".into(),
        name: "authorize_upgrade".into(),
        fields: vec![named("code_hash", Value::bytes(code_hash))],
    }
}

pub fn runtime_version(name: &str) -> Vec<u8> {
    let version = RuntimeVersion {
        spec_name: name.into(),
        impl_name: "test".into(),
        authoring_version: 1,
        spec_version: 100,
        impl_version: 0,
        apis: vec![([1; 8], 2)],
        transaction_version: 3,
        system_version: 1,
    };
    version.encode()
}

/// Returns metadata bytes of spec_version 100.
pub fn metadata(name: &str, version: u32, parts: Vec<Part>) -> Vec<u8> {
    let value = runtime_version(name);
    let unit = meta_type::<()>;
    let prefixed: RuntimeMetadataPrefixed = match version {
        14 => {
            let pallets = parts.into_iter().map(|part| v14::PalletMetadata {
                name: part.name,
                storage: None,
                calls: Some(v14::PalletCallMetadata { ty: part.calls }),
                event: part.events.map(|ty| v14::PalletEventMetadata { ty }),
                constants: vec![v14::PalletConstantMetadata {
                    name: "Version",
                    ty: meta_type::<RuntimeVersion>(),
                    value: value.clone(),
                    docs: vec![],
                }],
                error: None,
                index: part.index,
            });
            let extrinsic = v14::ExtrinsicMetadata { ty: unit(), version: 4, signed_extensions: vec![] };
            v14::RuntimeMetadataV14::new(pallets.collect(), extrinsic, unit()).into()
        }
        15 => {
            let pallets = parts.into_iter().map(|part| v15::PalletMetadata {
                name: part.name,
                storage: None,
                calls: Some(v15::PalletCallMetadata { ty: part.calls }),
                event: part.events.map(|ty| v15::PalletEventMetadata { ty }),
                constants: vec![v15::PalletConstantMetadata {
                    name: "Version",
                    ty: meta_type::<RuntimeVersion>(),
                    value: value.clone(),
                    docs: vec![],
                }],
                error: None,
                index: part.index,
                docs: vec![],
            });
            let extrinsic = v15::ExtrinsicMetadata {
                version: 4,
                address_ty: unit(),
                call_ty: unit(),
                signature_ty: unit(),
                extra_ty: unit(),
                signed_extensions: vec![],
            };
            let outer = v15::OuterEnums { call_enum_ty: unit(), event_enum_ty: unit(), error_enum_ty: unit() };
            let custom = v15::CustomMetadata { map: Default::default() };
            v15::RuntimeMetadataV15::new(pallets.collect(), extrinsic, unit(), vec![], outer, custom).into()
        }
        16 => {
            let pallets = parts.into_iter().map(|part| v16::PalletMetadata {
                name: part.name,
                storage: None,
                calls: Some(v16::PalletCallMetadata {
                    ty: part.calls,
                    deprecation_info: v16::EnumDeprecationInfo::nothing_deprecated(),
                }),
                event: part.events.map(|ty| v16::PalletEventMetadata {
                    ty,
                    deprecation_info: v16::EnumDeprecationInfo::nothing_deprecated(),
                }),
                constants: vec![v16::PalletConstantMetadata {
                    name: "Version",
                    ty: meta_type::<RuntimeVersion>(),
                    value: value.clone(),
                    docs: vec![],
                    deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
                }],
                error: None,
                associated_types: vec![],
                view_functions: vec![],
                index: part.index,
                docs: vec![],
                deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
            });
            let extrinsic = v16::ExtrinsicMetadata {
                versions: vec![4],
                address_ty: unit(),
                call_ty: unit(),
                signature_ty: unit(),
                transaction_extensions_by_version: Default::default(),
                transaction_extensions: vec![],
            };
            let outer = v16::OuterEnums { call_enum_ty: unit(), event_enum_ty: unit(), error_enum_ty: unit() };
            let custom = v16::CustomMetadata { map: Default::default() };
            v16::RuntimeMetadataV16::new(pallets.collect(), extrinsic, vec![], outer, custom).into()
        }
        other => panic!("no such version: {other}"),
    };
    prefixed.encode()
}
