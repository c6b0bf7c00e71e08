// SPDX-License-Identifier: Apache-2.0
//! The hash of RFC-78, computed as in `substrate-wasm-builder`: from metadata 15 and the chain's
//! token.

use crate::{Metadata, Version, metadata::RuntimeMetadata};
use frame_metadata::{
    v15::{self, RuntimeMetadataV15},
    v16,
};
use merkleized_metadata::{ExtraInfo, FrameMetadataPrepared, TypeInformation, generate_metadata_digest};
use protocol::inspect::Token;
use scale_info::{PortableRegistry, TypeDef, form::PortableForm};

/// The largest number of types. The largest real runtimes have about three thousand, with ten
/// thousand fields. The computation visits the types of all fields by recursion.
const TYPE_LIMIT: usize = 8192;
/// The largest number of fields.
const FIELD_LIMIT: usize = 100_000;
/// The stack of the thread that computes the hash, in bytes.
const STACK_SIZE: usize = 128 * 1024 * 1024;
/// The number of differing types that are listed.
const DIFFERENCE_LIMIT: usize = 6;

/// Computes the hash from metadata 15, as the Wasm builder does, or from metadata 16, as a tool
/// that supports only 16 would.
///
/// The error says why it cannot be computed.
pub fn compute(metadata: &Metadata, version: &Version, token: &Token) -> std::result::Result<[u8; 32], String> {
    let prefix = metadata.pallets.constant("System", "SS58Prefix").ok_or("it has no constant System.SS58Prefix")?;
    let prefix: [u8; 2] = prefix.try_into().map_err(|_| "its constant System.SS58Prefix is not a 16-bit number")?;
    let extra = ExtraInfo {
        spec_version: version.spec_version,
        spec_name: version.spec_name.clone(),
        base58_prefix: u16::from_le_bytes(prefix),
        decimals: token.decimals,
        token_symbol: token.symbol.clone(),
    };
    let metadata = as_version_15(metadata)?;
    with_large_stack(move || Ok(generate_metadata_digest(&metadata, extra)?.hash()))
}

/// Describes the differences of metadata 15 and 16 in the data of the hash. The list is empty if
/// there are none.
pub fn differences(of_15: &Metadata, of_16: &Metadata) -> std::result::Result<Vec<String>, String> {
    let (left, right) = (as_version_15(of_15)?, as_version_15(of_16)?);
    with_large_stack(move || {
        let information = |metadata| FrameMetadataPrepared::prepare(metadata)?.as_type_information();
        Ok(describe_differences(&information(&left)?, &information(&right)?))
    })
}

/// Describes the differences of two metadata, each as one line.
fn describe_differences(left: &TypeInformation, right: &TypeInformation) -> Vec<String> {
    let mut lines = Vec::new();
    let (extrinsic, other) = (&left.extrinsic_metadata, &right.extrinsic_metadata);
    if extrinsic.version != other.version {
        lines.push(format!(
            "the transaction version is {} in metadata 15 and {} in 16",
            extrinsic.version, other.version
        ));
    }
    let names = |extrinsic: &merkleized_metadata::types::ExtrinsicMetadata| {
        extrinsic.signed_extensions.iter().map(|one| one.identifier.clone()).collect::<Vec<_>>()
    };
    let (names, others) = (names(extrinsic), names(other));
    if names != others {
        lines.push(format!("the extensions are {} in metadata 15 and {} in 16", names.join(", "), others.join(", ")));
    }
    let (types, others): (Vec<_>, Vec<_>) = (left.types.values().collect(), right.types.values().collect());
    if types.len() != others.len() {
        lines.push(format!("{} type parts are reachable in metadata 15 and {} in 16", types.len(), others.len()));
    }
    let path = |ty: &merkleized_metadata::types::Type| match ty.path.is_empty() {
        true => "a type without a name".to_owned(),
        false => ty.path.join("::"),
    };
    let differing: Vec<_> = types.iter().zip(&others).filter(|(ty, other)| ty != other).collect();
    lines.extend(differing.iter().take(DIFFERENCE_LIMIT).map(|(ty, other)| match ty.path == other.path {
        true => format!("{} has another definition", path(ty)),
        false => format!("where metadata 15 has {}, 16 has {}", path(ty), path(other)),
    }));
    if let Some(more) = differing.len().checked_sub(DIFFERENCE_LIMIT + 1) {
        lines.push(format!("and {} more", more + 1));
    }
    lines
}

/// Returns the extensions of a transaction of version 4: those of the extension version 0.
pub(super) fn signed_extensions(
    extrinsic: &v16::ExtrinsicMetadata<PortableForm>,
) -> std::result::Result<impl Iterator<Item = &v16::TransactionExtensionMetadata<PortableForm>>, String> {
    let all = &extrinsic.transaction_extensions;
    let indices: Vec<usize> = match extrinsic.transaction_extensions_by_version.get(&0) {
        Some(indices) => indices.iter().map(|index| index.0 as usize).collect(),
        None => (0..all.len()).collect(),
    };
    match indices.iter().find(|index| **index >= all.len()) {
        Some(index) => Err(format!("its transaction extension {index} does not exist")),
        None => Ok(indices.into_iter().filter_map(|index| all.get(index))),
    }
}

/// Returns the data of the hash in the form of metadata 15.
fn as_version_15(metadata: &Metadata) -> std::result::Result<RuntimeMetadata, String> {
    let metadata = match &metadata.decoded {
        RuntimeMetadata::V15(metadata) => {
            check_size(&metadata.types)?;
            metadata.clone()
        }
        RuntimeMetadata::V16(metadata) => {
            check_size(&metadata.types)?;
            let extrinsic = &metadata.extrinsic;
            let extensions = signed_extensions(extrinsic)?.map(|one| v15::SignedExtensionMetadata {
                identifier: one.identifier.clone(),
                ty: one.ty,
                additional_signed: one.implicit,
            });
            let any = extrinsic.call_ty;
            RuntimeMetadataV15 {
                types: metadata.types.clone(),
                pallets: Vec::new(),
                extrinsic: v15::ExtrinsicMetadata {
                    // The version that a runtime with both versions has in metadata 15.
                    version: extrinsic.versions.iter().min().copied().unwrap_or_default(),
                    address_ty: extrinsic.address_ty,
                    call_ty: extrinsic.call_ty,
                    signature_ty: extrinsic.signature_ty,
                    extra_ty: any,
                    signed_extensions: extensions.collect(),
                },
                ty: any,
                apis: Vec::new(),
                outer_enums: v15::OuterEnums { call_enum_ty: any, event_enum_ty: any, error_enum_ty: any },
                custom: v15::CustomMetadata { map: Default::default() },
            }
        }
        other => {
            return Err(format!(
                "its metadata has version {}, and the hash is computed from version 15",
                other.version()
            ));
        }
    };
    Ok(RuntimeMetadata::V15(metadata))
}

/// Fails if the metadata has too many types or fields.
fn check_size(types: &PortableRegistry) -> std::result::Result<(), String> {
    let fields = |ty: &TypeDef<PortableForm>| match ty {
        TypeDef::Composite(composite) => composite.fields.len(),
        TypeDef::Variant(variant) => variant.variants.iter().map(|variant| 1 + variant.fields.len()).sum(),
        TypeDef::Tuple(tuple) => tuple.fields.len(),
        _ => 1,
    };
    let count: usize = types.types.iter().map(|ty| fields(&ty.ty.type_def)).sum();
    match types.types.len() > TYPE_LIMIT || count > FIELD_LIMIT {
        true => {
            Err(format!("its metadata has {} types with {count} fields, more than any real runtime", types.types.len()))
        }
        false => Ok(()),
    }
}

/// Runs work on a thread with a large stack: the recursion can be as deep as the number of types.
fn with_large_stack<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> std::result::Result<T, String> {
    let thread = std::thread::Builder::new().stack_size(STACK_SIZE).spawn(work);
    let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    thread.join().unwrap_or_else(|_| Err("the computation panicked: its types refer to missing types".into()))
}
