// SPDX-License-Identifier: Apache-2.0
//! What a runtime offers, with its types, in one form whatever the version of its metadata.

use artifact::hashes::{blake2_64, twox_128};
use frame_metadata::{
    RuntimeMetadata,
    v14::{StorageEntryModifier, StorageEntryType, StorageHasher},
};
use scale_info::{PortableRegistry, TypeDef, Variant, form::PortableForm};
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Interface<'a> {
    /// Of the metadata this was read from: what it cannot tell stays empty below.
    pub metadata_version: u32,
    pub types: &'a PortableRegistry,
    pub pallets: Vec<Pallet<'a>>,
    /// In the order in which transactions carry them.
    pub extensions: Vec<Extension<'a>>,
    /// The extensions of general transactions by their version. Told by metadata 16 alone.
    pub extension_versions: BTreeMap<u8, Vec<&'a str>>,
    /// Formats of extrinsics that are understood. Before metadata 16 one of them is told.
    pub extrinsic_versions: Vec<u8>,
    /// The type of a transaction's sender and of its signature, where the metadata tells.
    pub address: Option<u32>,
    pub signature: Option<u32>,
    /// Empty before metadata 15.
    pub apis: Vec<Api<'a>>,
}

#[derive(Debug, Default)]
pub struct Pallet<'a> {
    pub name: &'a str,
    pub index: u8,
    pub prefix: Option<&'a str>,
    pub items: Vec<Item<'a>>,
    /// The enums with a variant for each call, event and error.
    pub calls: Option<u32>,
    pub event: Option<u32>,
    pub error: Option<u32>,
    pub constants: Vec<Constant<'a>>,
    /// Both told by metadata 16 alone.
    pub associated_types: Vec<(&'a str, u32)>,
    pub view_functions: Vec<ViewFunction<'a>>,
}

#[derive(Debug, Default)]
pub struct Item<'a> {
    pub name: &'a str,
    pub hashers: &'a [StorageHasher],
    /// Of a map.
    pub key: Option<u32>,
    pub value: u32,
    /// Whether reading nothing gives nothing, not `default`.
    pub optional: bool,
    pub default: &'a [u8],
}

#[derive(Debug)]
pub struct Constant<'a> {
    pub name: &'a str,
    pub ty: u32,
    pub value: &'a [u8],
}

#[derive(Debug)]
pub struct ViewFunction<'a> {
    pub name: &'a str,
    /// What callers name it by.
    pub id: [u8; 32],
    pub inputs: Vec<u32>,
    pub output: u32,
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

/// Extensions that polkadot.js, polkadot-api and subxt sign without being told how.
pub const WALLET_EXTENSIONS: [&str; 19] = [
    "AsPerson",
    "AuthorizeCall",
    "AuthorizeCoretimeRegistration",
    "ChargeAssetTxPayment",
    "ChargeTransactionPayment",
    "CheckEra",
    "CheckGenesis",
    "CheckMetadataHash",
    "CheckMortality",
    "CheckNonZeroSender",
    "CheckNonce",
    "CheckSpecVersion",
    "CheckTxVersion",
    "CheckWeight",
    "EthSetOrigin",
    "PrevalidateAttests",
    "RestrictOrigins",
    "StorageWeightReclaim",
    "WeightReclaim",
];

// The versions of metadata share these fields, not their types.
macro_rules! pallet {
    ($pallet:expr) => {
        Pallet {
            name: &$pallet.name,
            index: $pallet.index,
            prefix: $pallet.storage.as_ref().map(|storage| storage.prefix.as_str()),
            items: $pallet
                .storage
                .iter()
                .flat_map(|storage| &storage.entries)
                .map(|entry| item(&entry.name, &entry.ty, &entry.modifier, &entry.default))
                .collect(),
            calls: $pallet.calls.as_ref().map(|calls| calls.ty.id),
            event: $pallet.event.as_ref().map(|event| event.ty.id),
            error: $pallet.error.as_ref().map(|error| error.ty.id),
            constants: $pallet
                .constants
                .iter()
                .map(|constant| Constant { name: &constant.name, ty: constant.ty.id, value: &constant.value })
                // What `Core_version` says better.
                .filter(|constant| ($pallet.name.as_str(), constant.name) != ("System", "Version"))
                .collect(),
            ..Pallet::default()
        }
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

impl<'a> Interface<'a> {
    /// One that offers nothing.
    pub fn empty(types: &'a PortableRegistry) -> Self {
        Self {
            metadata_version: 16,
            types,
            pallets: Vec::new(),
            extensions: Vec::new(),
            extension_versions: BTreeMap::new(),
            extrinsic_versions: Vec::new(),
            address: None,
            signature: None,
            apis: Vec::new(),
        }
    }

    /// Nothing for metadata from before version 14, which has no types.
    pub fn of(metadata: &'a RuntimeMetadata) -> Option<Self> {
        let metadata_version = metadata.version();
        Some(match metadata {
            RuntimeMetadata::V14(metadata) => Self {
                metadata_version,
                pallets: metadata.pallets.iter().map(|pallet| pallet!(pallet)).collect(),
                extensions: extensions!(metadata),
                extrinsic_versions: vec![metadata.extrinsic.version],
                ..Self::empty(&metadata.types)
            },
            RuntimeMetadata::V15(metadata) => Self {
                metadata_version,
                pallets: metadata.pallets.iter().map(|pallet| pallet!(pallet)).collect(),
                extensions: extensions!(metadata),
                extrinsic_versions: vec![metadata.extrinsic.version],
                address: Some(metadata.extrinsic.address_ty.id),
                signature: Some(metadata.extrinsic.signature_ty.id),
                apis: apis!(metadata),
                ..Self::empty(&metadata.types)
            },
            RuntimeMetadata::V16(metadata) => Self {
                metadata_version,
                pallets: metadata.pallets.iter().map(pallet_v16).collect(),
                extensions: signed_extensions(metadata),
                extension_versions: extension_versions(metadata),
                extrinsic_versions: metadata.extrinsic.versions.clone(),
                address: Some(metadata.extrinsic.address_ty.id),
                signature: Some(metadata.extrinsic.signature_ty.id),
                apis: apis!(metadata),
                ..Self::empty(&metadata.types)
            },
            _ => return None,
        })
    }

    pub fn pallet(&self, name: &str) -> Option<&Pallet<'a>> {
        self.pallets.iter().find(|pallet| pallet.name == name)
    }

    /// What an API is called that `Core_version` names by its hash, in hex.
    pub fn api_name(&self, id: &str) -> Option<&'a str> {
        let hashed = |name: &str| hex::encode_prefixed(blake2_64(name.as_bytes()));
        self.apis.iter().map(|api| api.name).find(|name| hashed(name) == id)
    }

    pub fn method(&self, api: &str, method: &str) -> Option<&Method<'a>> {
        self.apis.iter().find(|found| found.name == api)?.methods.iter().find(|found| found.name == method)
    }

    /// The calls of a pallet, each with its index and arguments.
    pub fn calls(&self, pallet: &Pallet<'a>) -> &'a [Variant<PortableForm>] {
        self.variants(pallet.calls)
    }

    /// The variants of an enum, none of what is no enum.
    pub fn variants(&self, id: Option<u32>) -> &'a [Variant<PortableForm>] {
        let ty = id.and_then(|id| self.types.resolve(id));
        match ty.map(|ty| &ty.type_def) {
            Some(TypeDef::Variant(found)) => &found.variants,
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

/// The names of the extensions of each version, in their order.
fn extension_versions(metadata: &frame_metadata::v16::RuntimeMetadataV16) -> BTreeMap<u8, Vec<&str>> {
    let all = &metadata.extrinsic.transaction_extensions;
    let named = |index: &codec::Compact<u32>| all.get(index.0 as usize).map(|found| found.identifier.as_str());
    let versions = metadata.extrinsic.transaction_extensions_by_version.iter();
    versions.map(|(version, indices)| (*version, indices.iter().filter_map(named).collect())).collect()
}

fn pallet_v16(metadata: &frame_metadata::v16::PalletMetadata<PortableForm>) -> Pallet<'_> {
    Pallet {
        associated_types: metadata.associated_types.iter().map(|ty| (ty.name.as_str(), ty.ty.id)).collect(),
        view_functions: metadata
            .view_functions
            .iter()
            .map(|function| ViewFunction {
                name: &function.name,
                id: function.id,
                inputs: function.inputs.iter().map(|input| input.ty.id).collect(),
                output: function.output.id,
            })
            .collect(),
        ..pallet!(metadata)
    }
}

fn item<'a>(
    name: &'a str,
    ty: &'a StorageEntryType<PortableForm>,
    modifier: &StorageEntryModifier,
    default: &'a [u8],
) -> Item<'a> {
    let optional = matches!(modifier, StorageEntryModifier::Optional);
    match ty {
        StorageEntryType::Plain(value) => Item { name, value: value.id, optional, default, ..Item::default() },
        StorageEntryType::Map { hashers, key, value } => {
            Item { name, hashers, key: Some(key.id), value: value.id, optional, default }
        }
    }
}

impl Pallet<'_> {
    /// The key of an item, or what its keys begin with where it is a map.
    pub fn key(&self, item: &str) -> Vec<u8> {
        [twox_128(self.prefix.unwrap_or(self.name).as_bytes()), twox_128(item.as_bytes())].concat()
    }

    pub fn item(&self, name: &str) -> Option<&Item<'_>> {
        self.items.iter().find(|item| item.name == name)
    }
}
