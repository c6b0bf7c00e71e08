// SPDX-License-Identifier: Apache-2.0
//! A runtime's interface with its types, in one form for all metadata versions.

use artifact::hashes::{blake2_64, blake2_128, blake2_256, twox_64, twox_128, twox_256};
use frame_metadata::{
    RuntimeMetadata,
    v14::{StorageEntryModifier, StorageEntryType, StorageHasher},
};
use scale_info::{PortableRegistry, TypeDef, Variant, form::PortableForm};
use std::collections::BTreeMap;

/// A runtime's interface, as its metadata describes it. Types are identified by their number in
/// `types`.
#[derive(Debug)]
pub struct Interface<'a> {
    /// The version of the metadata. Fields that this version lacks are empty.
    pub metadata_version: u32,
    /// The type registry.
    pub types: &'a PortableRegistry,
    /// The pallets.
    pub pallets: Vec<Pallet<'a>>,
    /// The transaction extensions of signed transactions, in encoding order.
    pub extensions: Vec<Extension<'a>>,
    /// The extensions of general transactions by their version. Only metadata 16 has them.
    pub extension_versions: BTreeMap<u8, Vec<&'a str>>,
    /// The supported extrinsic formats. Before metadata 16 the metadata lists only one.
    pub extrinsic_versions: Vec<u8>,
    /// The type of a transaction's sender, from metadata 15 on.
    pub address: Option<u32>,
    /// The type of a transaction's signature, from metadata 15 on.
    pub signature: Option<u32>,
    /// The runtime APIs. Empty before metadata 15.
    pub apis: Vec<Api<'a>>,
}

/// A pallet.
#[derive(Debug, Default)]
pub struct Pallet<'a> {
    /// The pallet's name.
    pub name: &'a str,
    /// The pallet's index in the outer enums.
    pub index: u8,
    /// The storage prefix, if the pallet has storage.
    pub prefix: Option<&'a str>,
    /// The storage items.
    pub items: Vec<Item<'a>>,
    /// The enum with a variant for each call.
    pub calls: Option<u32>,
    /// The enum with a variant for each event.
    pub event: Option<u32>,
    /// The enum with a variant for each error.
    pub error: Option<u32>,
    /// The constants.
    pub constants: Vec<Constant<'a>>,
    /// The associated types of the pallet's configuration. Only metadata 16 has them.
    pub associated_types: Vec<(&'a str, u32)>,
    /// The view functions. Only metadata 16 has them.
    pub view_functions: Vec<ViewFunction<'a>>,
}

/// A storage item.
#[derive(Debug, Default)]
pub struct Item<'a> {
    /// The item's name.
    pub name: &'a str,
    /// The hashers of a map's keys.
    pub hashers: &'a [StorageHasher],
    /// The key's type, for a map.
    pub key: Option<u32>,
    /// The value's type.
    pub value: u32,
    /// Whether a missing value is read as `None` instead of `default`.
    pub optional: bool,
    /// The encoded default value.
    pub default: &'a [u8],
}

/// A constant of a pallet.
#[derive(Debug)]
pub struct Constant<'a> {
    /// The constant's name.
    pub name: &'a str,
    /// The value's type.
    pub ty: u32,
    /// The encoded value.
    pub value: &'a [u8],
}

/// A view function of a pallet.
#[derive(Debug)]
pub struct ViewFunction<'a> {
    /// The function's name.
    pub name: &'a str,
    /// The identifier that callers use.
    pub id: [u8; 32],
    /// The types of the arguments.
    pub inputs: Vec<u32>,
    /// The type of the result.
    pub output: u32,
}

/// A transaction extension.
#[derive(Debug)]
pub struct Extension<'a> {
    /// The extension's name.
    pub identifier: &'a str,
    /// The type of the data in the transaction.
    pub explicit: u32,
    /// The type of the data that is signed but not in the transaction.
    pub implicit: u32,
}

/// A runtime API.
#[derive(Debug)]
pub struct Api<'a> {
    /// The API's name.
    pub name: &'a str,
    /// The functions.
    pub methods: Vec<Method<'a>>,
}

/// A function of a runtime API.
#[derive(Debug)]
pub struct Method<'a> {
    /// The function's name.
    pub name: &'a str,
    /// The types of the arguments.
    pub inputs: Vec<u32>,
    /// The type of the result.
    pub output: u32,
}

/// The extensions that polkadot.js, polkadot-api and subxt support without configuration.
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

// The metadata versions have these fields in common, but with different Rust types.
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
                // `Core_version` returns the current value.
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
    /// Returns an interface without pallets and APIs.
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

    /// Returns the interface of metadata. `None` before version 14, which has no types.
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

    /// Returns the pallet of this name.
    pub fn pallet(&self, name: &str) -> Option<&Pallet<'a>> {
        self.pallets.iter().find(|pallet| pallet.name == name)
    }

    /// Returns the name of an API by its identifier in `Core_version`: the hash of the name, in
    /// hex.
    pub fn api_name(&self, id: &str) -> Option<&'a str> {
        let hashed = |name: &str| hex::encode_prefixed(blake2_64(name.as_bytes()));
        self.apis.iter().map(|api| api.name).find(|name| hashed(name) == id)
    }

    /// Returns a function of a runtime API.
    pub fn method(&self, api: &str, method: &str) -> Option<&Method<'a>> {
        self.apis.iter().find(|found| found.name == api)?.methods.iter().find(|found| found.name == method)
    }

    /// Returns the calls of a pallet, with their indices and arguments.
    pub fn calls(&self, pallet: &Pallet<'a>) -> &'a [Variant<PortableForm>] {
        self.variants(pallet.calls)
    }

    /// Returns the variants of an enum. Empty if the type is not an enum.
    pub fn variants(&self, id: Option<u32>) -> &'a [Variant<PortableForm>] {
        let ty = id.and_then(|id| self.types.resolve(id));
        match ty.map(|ty| &ty.type_def) {
            Some(TypeDef::Variant(found)) => &found.variants,
            _ => &[],
        }
    }
}

/// Returns the extensions of signed transactions: those of extension version 0, or all if there are
/// no versions.
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

/// Returns the names of the extensions of each version, in encoding order.
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

/// Returns the length of the hash that a hasher puts before a key, and whether the key follows it.
pub fn hashed(hasher: &StorageHasher) -> (usize, bool) {
    match hasher {
        StorageHasher::Identity => (0, true),
        StorageHasher::Twox64Concat => (8, true),
        StorageHasher::Blake2_128Concat => (16, true),
        StorageHasher::Twox128 | StorageHasher::Blake2_128 => (16, false),
        StorageHasher::Twox256 | StorageHasher::Blake2_256 => (32, false),
    }
}

impl Pallet<'_> {
    /// Returns the storage key of an item. For a map: the prefix of its keys.
    pub fn key(&self, item: &str) -> Vec<u8> {
        [twox_128(self.prefix.unwrap_or(self.name).as_bytes()), twox_128(item.as_bytes())].concat()
    }

    /// Returns the storage key of an entry in a map with one key. Nothing for other items, and where the hasher does
    /// not keep the key.
    pub fn entry(&self, item: &str, key: &[u8]) -> Option<Vec<u8>> {
        let hash = match self.item(item)?.hashers {
            [StorageHasher::Blake2_128Concat] => blake2_128(key).to_vec(),
            [StorageHasher::Twox64Concat] => twox_64(key).to_vec(),
            [StorageHasher::Identity] => Vec::new(),
            _ => return None,
        };
        Some([self.key(item), hash, key.to_vec()].concat())
    }

    /// Returns the storage key of an entry with these encoded keys, one for each hasher of the item: none for a single
    /// value. Nothing where their number is another one.
    pub fn entry_of(&self, item: &str, keys: &[Vec<u8>]) -> Option<Vec<u8>> {
        let hashers = self.item(item)?.hashers;
        if hashers.len() != keys.len() {
            return None;
        }
        let mut key = self.key(item);
        for (hasher, part) in hashers.iter().zip(keys) {
            match hasher {
                StorageHasher::Identity => {}
                StorageHasher::Twox64Concat => key.extend(twox_64(part)),
                StorageHasher::Blake2_128 | StorageHasher::Blake2_128Concat => key.extend(blake2_128(part)),
                StorageHasher::Twox128 => key.extend(twox_128(part)),
                StorageHasher::Twox256 => key.extend(twox_256(part)),
                StorageHasher::Blake2_256 => key.extend(blake2_256(part)),
            }
            if hashed(hasher).1 {
                key.extend(part);
            }
        }
        Some(key)
    }

    /// Returns the storage item of this name.
    pub fn item(&self, name: &str) -> Option<&Item<'_>> {
        self.items.iter().find(|item| item.name == name)
    }
}
