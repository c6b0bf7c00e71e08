// SPDX-License-Identifier: Apache-2.0
//! Small runtimes for the tests: built from a short description to metadata of any version with
//! types, and decoded from its bytes like a real one.

use crate::runtime::{Runtime, StorageVersions};
use artifact::{Version, hashes::blake2_64, metadata_hash::MetadataHashStatus, version::api};
use codec::{Compact, Encode};
use frame_metadata::{RuntimeMetadataPrefixed, v14, v15, v16};
use protocol::diff::StorageVersionsFrom;
use scale_info::{MetaType, TypeInfo};
use std::collections::BTreeMap;

pub fn ty<T: TypeInfo + ?Sized + 'static>() -> MetaType {
    MetaType::new::<T>()
}

/// The description of a runtime.
#[derive(Clone)]
pub struct RuntimeBuilder {
    pub version: Version,
    pub pallets: Vec<Pallet>,
    /// The identifier, the type of the explicit data and the type of the implicit data.
    pub extensions: Vec<(&'static str, MetaType, MetaType)>,
    pub extension_versions: BTreeMap<u8, Vec<u32>>,
    pub extrinsic_versions: Vec<u8>,
    pub address: MetaType,
    pub signature: MetaType,
    /// The name and the functions.
    pub apis: Vec<(&'static str, Vec<Method>)>,
    pub host_functions: Vec<&'static str>,
    pub storage_versions: Option<Vec<(&'static str, u16)>>,
    pub metadata_hash: MetadataHashStatus,
}

/// A function: its name, arguments and result.
pub type Method = (&'static str, Vec<MetaType>, MetaType);

#[derive(Clone, Default)]
pub struct Pallet {
    pub name: &'static str,
    pub index: u8,
    pub prefix: Option<&'static str>,
    pub items: Vec<Item>,
    pub calls: Option<MetaType>,
    pub event: Option<MetaType>,
    pub error: Option<MetaType>,
    pub constants: Vec<(&'static str, MetaType, Vec<u8>)>,
    pub associated: Vec<(&'static str, MetaType)>,
    pub views: Vec<Method>,
}

#[derive(Clone)]
pub struct Item {
    pub name: &'static str,
    /// The hashers and the key's type, for a map.
    pub key: Option<(Vec<v14::StorageHasher>, MetaType)>,
    pub value: MetaType,
    pub optional: bool,
    pub default: Vec<u8>,
}

impl Item {
    pub fn value(name: &'static str, value: MetaType) -> Self {
        Self { name, key: None, value, optional: true, default: vec![] }
    }

    pub fn map(name: &'static str, hasher: v14::StorageHasher, key: MetaType, value: MetaType) -> Self {
        Self { key: Some((vec![hasher], key)), ..Self::value(name, value) }
    }
}

impl RuntimeBuilder {
    /// Returns a runtime without pallets.
    pub fn new() -> Self {
        Self {
            version: Version {
                spec_name: "sample".into(),
                impl_name: "sample".into(),
                authoring_version: 1,
                spec_version: 1,
                impl_version: 0,
                apis: vec![],
                transaction_version: Some(1),
                state_version: Some(1),
            },
            pallets: vec![],
            extensions: vec![],
            extension_versions: BTreeMap::new(),
            extrinsic_versions: vec![4],
            address: ty::<[u8; 32]>(),
            signature: ty::<[u8; 64]>(),
            apis: vec![],
            host_functions: vec![],
            storage_versions: Some(vec![]),
            metadata_hash: MetadataHashStatus::NoExtension,
        }
    }

    pub fn with(mut self, pallet: Pallet) -> Self {
        self.pallets.push(pallet);
        self
    }

    pub fn change(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    pub fn api(mut self, name: &'static str, version: u32, methods: Vec<Method>) -> Self {
        self.version.apis.push(api(blake2_64(name.as_bytes()), version));
        self.apis.push((name, methods));
        self
    }

    /// Returns the metadata's bytes, a SCALE `RuntimeMetadataPrefixed`.
    pub fn metadata(&self, version: u32) -> Vec<u8> {
        let unit = ty::<()>;
        let outer = v15::OuterEnums { call_enum_ty: unit(), event_enum_ty: unit(), error_enum_ty: unit() };
        let custom = v15::CustomMetadata { map: BTreeMap::new() };
        let extensions =
            || self.extensions.iter().map(|(identifier, ty, additional_signed)| (*identifier, *ty, *additional_signed));
        let prefixed: RuntimeMetadataPrefixed = match version {
            14 => {
                let extrinsic = v14::ExtrinsicMetadata {
                    ty: unit(),
                    version: self.extrinsic_versions[0],
                    signed_extensions: extensions()
                        .map(|(identifier, ty, additional_signed)| v14::SignedExtensionMetadata {
                            identifier,
                            ty,
                            additional_signed,
                        })
                        .collect(),
                };
                let pallets = self.pallets.iter().map(Pallet::v14).collect();
                v14::RuntimeMetadataV14::new(pallets, extrinsic, unit()).into()
            }
            15 => {
                let extrinsic = v15::ExtrinsicMetadata {
                    version: self.extrinsic_versions[0],
                    address_ty: self.address,
                    call_ty: unit(),
                    signature_ty: self.signature,
                    extra_ty: unit(),
                    signed_extensions: extensions()
                        .map(|(identifier, ty, additional_signed)| v15::SignedExtensionMetadata {
                            identifier,
                            ty,
                            additional_signed,
                        })
                        .collect(),
                };
                let pallets = self.pallets.iter().map(Pallet::v15).collect();
                let apis = self.apis.iter().map(|(name, methods)| v15::RuntimeApiMetadata {
                    name: *name,
                    methods: methods
                        .iter()
                        .map(|(name, inputs, output)| v15::RuntimeApiMethodMetadata {
                            name: *name,
                            inputs: parameters(inputs),
                            output: *output,
                            docs: vec![],
                        })
                        .collect(),
                    docs: vec![],
                });
                v15::RuntimeMetadataV15::new(pallets, extrinsic, unit(), apis.collect(), outer, custom).into()
            }
            _ => {
                let by_version = self.extension_versions.iter();
                let extrinsic = v16::ExtrinsicMetadata {
                    versions: self.extrinsic_versions.clone(),
                    address_ty: self.address,
                    call_ty: unit(),
                    signature_ty: self.signature,
                    transaction_extensions_by_version: by_version
                        .map(|(version, indices)| (*version, indices.iter().copied().map(Compact).collect()))
                        .collect(),
                    transaction_extensions: extensions()
                        .map(|(identifier, ty, implicit)| v16::TransactionExtensionMetadata {
                            identifier,
                            ty,
                            implicit,
                        })
                        .collect(),
                };
                let pallets = self.pallets.iter().map(Pallet::v16).collect();
                let apis = self.apis.iter().map(|(name, methods)| v16::RuntimeApiMetadata {
                    name: *name,
                    methods: methods
                        .iter()
                        .map(|(name, inputs, output)| v16::RuntimeApiMethodMetadata {
                            name: *name,
                            inputs: parameters(inputs),
                            output: *output,
                            docs: vec![],
                            deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
                        })
                        .collect(),
                    docs: vec![],
                    version: Compact(1),
                    deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
                });
                v16::RuntimeMetadataV16::new(pallets, extrinsic, apis.collect(), outer, custom).into()
            }
        };
        prefixed.encode()
    }

    /// Returns the runtime with metadata of a version. The description itself stands for the blob.
    pub fn runtime(&self, metadata_version: u32) -> Runtime {
        let bytes = self.metadata(metadata_version);
        let blake2_256 = hex::encode_prefixed(artifact::hashes::blake2_256(
            &[bytes.as_slice(), &self.version.to_bytes(), self.host_functions.join(" ").as_bytes()].concat(),
        ));
        let metadata = artifact::Metadata::from_bytes("sample", bytes).expect("metadata");
        Runtime {
            source: "sample".into(),
            kind: protocol::inspect::SourceKind::Blob,
            version: self.version.clone(),
            metadata_version: metadata.version,
            metadata: metadata.decoded,
            host_functions: self.host_functions.iter().map(|name| (*name).to_owned()).collect(),
            code_size: 1000,
            blake2_256,
            metadata_hash: self.metadata_hash.clone(),
            storage_versions: match &self.storage_versions {
                None => StorageVersions::default(),
                Some(of) => StorageVersions {
                    from: StorageVersionsFrom::Genesis,
                    of: of.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect(),
                },
            },
        }
    }
}

fn parameters(inputs: &[MetaType]) -> Vec<v15::RuntimeApiMethodParamMetadata> {
    inputs.iter().map(|ty| v15::RuntimeApiMethodParamMetadata { name: "argument", ty: *ty }).collect()
}

impl Pallet {
    fn prefix(&self) -> Option<&'static str> {
        (!self.items.is_empty()).then(|| self.prefix.unwrap_or(self.name))
    }

    fn storage(&self) -> Option<v14::PalletStorageMetadata> {
        let entry = |item: &Item| v14::StorageEntryMetadata {
            name: item.name,
            modifier: item.modifier(),
            ty: item.ty(),
            default: item.default.clone(),
            docs: vec![],
        };
        let prefix = self.prefix()?;
        Some(v14::PalletStorageMetadata { prefix, entries: self.items.iter().map(entry).collect() })
    }

    fn constants(&self) -> Vec<v14::PalletConstantMetadata> {
        let of = |(name, ty, value): &(&'static str, MetaType, Vec<u8>)| v14::PalletConstantMetadata {
            name: *name,
            ty: *ty,
            value: value.clone(),
            docs: vec![],
        };
        self.constants.iter().map(of).collect()
    }

    fn v14(&self) -> v14::PalletMetadata {
        v14::PalletMetadata {
            name: self.name,
            storage: self.storage(),
            calls: self.calls.map(|ty| v14::PalletCallMetadata { ty }),
            event: self.event.map(|ty| v14::PalletEventMetadata { ty }),
            constants: self.constants(),
            error: self.error.map(|ty| v14::PalletErrorMetadata { ty }),
            index: self.index,
        }
    }

    fn v15(&self) -> v15::PalletMetadata {
        let v14::PalletMetadata { name, storage, calls, event, constants, error, index } = self.v14();
        v15::PalletMetadata { name, storage, calls, event, constants, error, index, docs: vec![] }
    }

    fn v16(&self) -> v16::PalletMetadata {
        use v16::{EnumDeprecationInfo as Variants, ItemDeprecationInfo::NotDeprecated};
        let entry = |item: &Item| v16::StorageEntryMetadata {
            name: item.name,
            modifier: item.modifier(),
            ty: item.ty(),
            default: item.default.clone(),
            docs: vec![],
            deprecation_info: NotDeprecated,
        };
        let nothing = Variants::nothing_deprecated;
        v16::PalletMetadata {
            name: self.name,
            storage: self
                .prefix()
                .map(|prefix| v16::PalletStorageMetadata { prefix, entries: self.items.iter().map(entry).collect() }),
            calls: self.calls.map(|ty| v16::PalletCallMetadata { ty, deprecation_info: nothing() }),
            event: self.event.map(|ty| v16::PalletEventMetadata { ty, deprecation_info: nothing() }),
            constants: self
                .constants
                .iter()
                .map(|(name, ty, value)| v16::PalletConstantMetadata {
                    name: *name,
                    ty: *ty,
                    value: value.clone(),
                    docs: vec![],
                    deprecation_info: NotDeprecated,
                })
                .collect(),
            error: self.error.map(|ty| v16::PalletErrorMetadata { ty, deprecation_info: nothing() }),
            associated_types: self
                .associated
                .iter()
                .map(|(name, ty)| v16::PalletAssociatedTypeMetadata { name: *name, ty: *ty, docs: vec![] })
                .collect(),
            view_functions: self
                .views
                .iter()
                .map(|(name, inputs, output)| v16::PalletViewFunctionMetadata {
                    id: [7; 32],
                    name: *name,
                    inputs: parameters(inputs),
                    output: *output,
                    docs: vec![],
                    deprecation_info: NotDeprecated,
                })
                .collect(),
            index: self.index,
            docs: vec![],
            deprecation_info: NotDeprecated,
        }
    }
}

impl Item {
    fn modifier(&self) -> v14::StorageEntryModifier {
        if self.optional { v14::StorageEntryModifier::Optional } else { v14::StorageEntryModifier::Default }
    }

    fn ty(&self) -> v14::StorageEntryType {
        match &self.key {
            None => v14::StorageEntryType::Plain(self.value),
            Some((hashers, key)) => {
                v14::StorageEntryType::Map { hashers: hashers.clone(), key: *key, value: self.value }
            }
        }
    }
}
