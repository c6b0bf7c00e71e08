// SPDX-License-Identifier: Apache-2.0
//! The hash as RFC-78 has it, made as `substrate-wasm-builder` makes it: from metadata 15 and the chain's token.

use crate::{Metadata, Version, metadata::RuntimeMetadata};
use frame_metadata::{
    v15::{self, RuntimeMetadataV15},
    v16,
};
use merkleized_metadata::{ExtraInfo, FrameMetadataPrepared, TypeInformation, generate_metadata_digest};
use protocol::inspect::Token;
use scale_info::{PortableRegistry, TypeDef, form::PortableForm};

/// The largest real runtimes have some three thousand types, with ten thousand fields. Types are followed one within
/// another, and every field's type to its end.
const TYPE_LIMIT: usize = 8192;
const FIELD_LIMIT: usize = 100_000;
const STACK_SIZE: usize = 128 * 1024 * 1024;
/// Enough to understand where two metadata differ.
const DIFFERENCE_LIMIT: usize = 6;

/// Of metadata 15, which is what the builder takes; or of 16, as who knows only that would make it.
pub fn compute(metadata: &Metadata, version: &Version, token: &Token) -> std::result::Result<[u8; 32], String> {
    let prefix = metadata.pallets.constant("System", "SS58Prefix").ok_or("it has no constant System.SS58Prefix")?;
    let prefix: [u8; 2] = prefix.try_into().map_err(|_| "its System.SS58Prefix is no number of 16 bits")?;
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

/// Where metadata 15 and 16 differ in what the hash is made from, in words; nothing where they do not.
pub fn differences(of_15: &Metadata, of_16: &Metadata) -> std::result::Result<Vec<String>, String> {
    let (left, right) = (as_version_15(of_15)?, as_version_15(of_16)?);
    with_large_stack(move || {
        let information = |metadata| FrameMetadataPrepared::prepare(metadata)?.as_type_information();
        Ok(describe_differences(&information(&left)?, &information(&right)?))
    })
}

fn describe_differences(left: &TypeInformation, right: &TypeInformation) -> Vec<String> {
    let mut lines = Vec::new();
    let (extrinsic, other) = (&left.extrinsic_metadata, &right.extrinsic_metadata);
    if extrinsic.version != other.version {
        lines.push(format!(
            "the format of transactions is {} in metadata 15 and {} in 16",
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
        lines.push(format!("{} parts of types are reached in metadata 15 and {} in 16", types.len(), others.len()));
    }
    let path = |ty: &merkleized_metadata::types::Type| match ty.path.is_empty() {
        true => "a type without a name".to_owned(),
        false => ty.path.join("::"),
    };
    let differing: Vec<_> = types.iter().zip(&others).filter(|(ty, other)| ty != other).collect();
    lines.extend(differing.iter().take(DIFFERENCE_LIMIT).map(|(ty, other)| match ty.path == other.path {
        true => format!("{} stands otherwise", path(ty)),
        false => format!("where metadata 15 has {}, 16 has {}", path(ty), path(other)),
    }));
    if let Some(more) = differing.len().checked_sub(DIFFERENCE_LIMIT + 1) {
        lines.push(format!("and {} more", more + 1));
    }
    lines
}

/// The extensions of a transaction of format 4, which are those of version 0.
pub(super) fn signed_extensions(
    extrinsic: &v16::ExtrinsicMetadata<PortableForm>,
) -> std::result::Result<impl Iterator<Item = &v16::TransactionExtensionMetadata<PortableForm>>, String> {
    let all = &extrinsic.transaction_extensions;
    let indices: Vec<usize> = match extrinsic.transaction_extensions_by_version.get(&0) {
        Some(indices) => indices.iter().map(|index| index.0 as usize).collect(),
        None => (0..all.len()).collect(),
    };
    match indices.iter().find(|index| **index >= all.len()) {
        Some(index) => Err(format!("its transaction extension {index} is not in the list of them")),
        None => Ok(indices.into_iter().filter_map(|index| all.get(index))),
    }
}

/// What the hash is made from, in the form of metadata 15.
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
                    // As a runtime does that makes both.
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
        other => return Err(format!("its metadata is of version {}, and the hash is made from 15", other.version())),
    };
    Ok(RuntimeMetadata::V15(metadata))
}

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
            Err(format!("its metadata has {} types with {count} fields, more than any real one", types.types.len()))
        }
        false => Ok(()),
    }
}

/// Types are followed by recursion, which a registry may make as deep as it has types.
fn with_large_stack<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> std::result::Result<T, String> {
    let thread = std::thread::Builder::new().stack_size(STACK_SIZE).spawn(work);
    let thread = thread.map_err(|error| format!("no thread to compute it on: {error}"))?;
    thread.join().unwrap_or_else(|_| Err("its types refer to what is not there".into()))
}
