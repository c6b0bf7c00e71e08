// SPDX-License-Identifier: Apache-2.0
//! What a runtime offers, with its types: storage, calls, constants, transaction extensions, runtime APIs.

use frame_metadata::{
    RuntimeMetadata,
    v14::{StorageEntryType, StorageHasher},
};
use scale_info::{PortableRegistry, TypeDef, Variant, form::PortableForm};

#[derive(Debug)]
pub struct Interface<'a> {
    pub types: &'a PortableRegistry,
    pub pallets: Vec<Pallet<'a>>,
    /// In the order in which transactions carry them.
    pub extensions: Vec<Extension<'a>>,
    /// Formats of extrinsics that are understood.
    pub extrinsic_versions: Vec<u8>,
    /// The type of a transaction's sender and of its signature, where the metadata tells.
    pub address: Option<u32>,
    pub signature: Option<u32>,
    /// Empty before metadata 15.
    pub apis: Vec<Api<'a>>,
}

#[derive(Debug)]
pub struct Pallet<'a> {
    pub name: &'a str,
    pub index: u8,
    pub prefix: Option<&'a str>,
    pub items: Vec<Item<'a>>,
    /// The enum with a variant for each call.
    pub calls: Option<u32>,
}

#[derive(Debug)]
pub struct Item<'a> {
    pub name: &'a str,
    pub hashers: &'a [StorageHasher],
    /// Of a map.
    pub key: Option<u32>,
    pub value: u32,
}

#[derive(Debug)]
pub struct Extension<'a> {
    pub identifier: &'a str,
    /// What a transaction carries of it, and what is only signed.
    pub explicit: u32,
    pub implicit: u32,
}

#[derive(Debug)]
pub struct Api<'a> {
    pub name: &'a str,
    pub methods: Vec<Method<'a>>,
}

#[derive(Debug)]
pub struct Method<'a> {
    pub name: &'a str,
    pub inputs: Vec<u32>,
    pub output: u32,
}

impl<'a> Interface<'a> {
    /// Nothing for metadata from before version 14, which has no types.
    pub fn of(metadata: &'a RuntimeMetadata) -> Option<Self> {
        // The versions share these fields, not their types.
        macro_rules! pallets {
            ($metadata:expr) => {
                $metadata
                    .pallets
                    .iter()
                    .map(|pallet| Pallet {
                        name: &pallet.name,
                        index: pallet.index,
                        prefix: pallet.storage.as_ref().map(|storage| storage.prefix.as_str()),
                        items: pallet
                            .storage
                            .iter()
                            .flat_map(|storage| &storage.entries)
                            .map(|entry| item(&entry.name, &entry.ty))
                            .collect(),
                        calls: pallet.calls.as_ref().map(|calls| calls.ty.id),
                    })
                    .collect()
            };
        }
        macro_rules! apis {
            ($metadata:expr) => {
                $metadata
                    .apis
                    .iter()
                    .map(|api| Api {
                        name: &api.name,
                        methods: api
                            .methods
                            .iter()
                            .map(|method| Method {
                                name: &method.name,
                                inputs: method.inputs.iter().map(|input| input.ty.id).collect(),
                                output: method.output.id,
                            })
                            .collect(),
                    })
                    .collect()
            };
        }
        macro_rules! extensions {
            ($metadata:expr) => {
                $metadata
                    .extrinsic
                    .signed_extensions
                    .iter()
                    .map(|extension| Extension {
                        identifier: &extension.identifier,
                        explicit: extension.ty.id,
                        implicit: extension.additional_signed.id,
                    })
                    .collect()
            };
        }
        Some(match metadata {
            RuntimeMetadata::V14(metadata) => Self {
                types: &metadata.types,
                pallets: pallets!(metadata),
                extensions: extensions!(metadata),
                extrinsic_versions: vec![metadata.extrinsic.version],
                address: None,
                signature: None,
                apis: Vec::new(),
            },
            RuntimeMetadata::V15(metadata) => Self {
                types: &metadata.types,
                pallets: pallets!(metadata),
                extensions: extensions!(metadata),
                extrinsic_versions: vec![metadata.extrinsic.version],
                address: Some(metadata.extrinsic.address_ty.id),
                signature: Some(metadata.extrinsic.signature_ty.id),
                apis: apis!(metadata),
            },
            RuntimeMetadata::V16(metadata) => Self {
                types: &metadata.types,
                pallets: pallets!(metadata),
                extensions: signed_extensions(metadata),
                extrinsic_versions: metadata.extrinsic.versions.clone(),
                address: Some(metadata.extrinsic.address_ty.id),
                signature: Some(metadata.extrinsic.signature_ty.id),
                apis: apis!(metadata),
            },
            _ => return None,
        })
    }

    pub fn pallet(&self, name: &str) -> Option<&Pallet<'a>> {
        self.pallets.iter().find(|pallet| pallet.name == name)
    }

    pub fn method(&self, api: &str, method: &str) -> Option<&Method<'a>> {
        self.apis.iter().find(|found| found.name == api)?.methods.iter().find(|found| found.name == method)
    }

    /// The calls of a pallet, each with its index and arguments.
    pub fn calls(&self, pallet: &Pallet<'a>) -> &'a [Variant<PortableForm>] {
        let ty = pallet.calls.and_then(|id| self.types.resolve(id));
        match ty.map(|ty| &ty.type_def) {
            Some(TypeDef::Variant(calls)) => &calls.variants,
            _ => &[],
        }
    }
}

/// The extensions that signed transactions carry today: those of extension version 0, all where none are numbered.
fn signed_extensions(metadata: &frame_metadata::v16::RuntimeMetadataV16) -> Vec<Extension<'_>> {
    let all = &metadata.extrinsic.transaction_extensions;
    let numbered = metadata.extrinsic.transaction_extensions_by_version.get(&0);
    let chosen: Vec<_> = match numbered {
        Some(indices) => indices.iter().filter_map(|index| all.get(index.0 as usize)).collect(),
        None => all.iter().collect(),
    };
    chosen
        .into_iter()
        .map(|extension| Extension {
            identifier: &extension.identifier,
            explicit: extension.ty.id,
            implicit: extension.implicit.id,
        })
        .collect()
}

fn item<'a>(name: &'a str, ty: &'a StorageEntryType<PortableForm>) -> Item<'a> {
    match ty {
        StorageEntryType::Plain(value) => Item { name, hashers: &[], key: None, value: value.id },
        StorageEntryType::Map { hashers, key, value } => Item { name, hashers, key: Some(key.id), value: value.id },
    }
}

impl Pallet<'_> {
    /// The key of an item, or what its keys begin with where it is a map.
    pub fn key(&self, item: &str) -> Vec<u8> {
        fork::keys::item(self.prefix.unwrap_or(self.name), item)
    }

    pub fn item(&self, name: &str) -> Option<&Item<'_>> {
        self.items.iter().find(|item| item.name == name)
    }
}
