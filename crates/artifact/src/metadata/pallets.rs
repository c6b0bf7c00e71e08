// SPDX-License-Identifier: Apache-2.0
//! The pallets of a runtime, in one form for all versions of metadata.
//!
//! The metadata does not contain the storage version that a pallet's code expects. The storage
//! version of a chain is in its state, where `inspect` reads it.

use frame_metadata::{RuntimeMetadata, decode_different::DecodeDifferent};
use scale_info::{PortableRegistry, TypeDef, form::PortableForm};
use worker::{Failure, Result};

/// The pallets of a runtime, in the order of its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pallets(Vec<Pallet>);

/// A pallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pallet {
    /// The name of the pallet in the runtime.
    pub name: String,
    /// The first byte of its encoded calls. Before metadata 12 only pallets with calls have an
    /// index.
    pub index: Option<u8>,
    /// The prefix of its storage, if it has storage. The prefix may differ from the name.
    pub storage_prefix: Option<String>,
    /// The names of its storage items.
    pub items: Vec<String>,
    /// Its calls.
    pub calls: Vec<Call>,
    /// Its constants.
    pub constants: Vec<Constant>,
}

/// A call of a pallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name of the call.
    pub name: String,
    /// The second byte of the encoded call.
    pub index: u8,
}

/// A constant of a pallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The name of the constant.
    pub name: String,
    /// The SCALE-encoded value.
    pub value: Vec<u8>,
}

impl FromIterator<Pallet> for Pallets {
    fn from_iter<I: IntoIterator<Item = Pallet>>(pallets: I) -> Self {
        Self(pallets.into_iter().collect())
    }
}

impl Pallets {
    /// Returns the pallets in the order of the metadata.
    pub fn iter(&self) -> impl Iterator<Item = &Pallet> {
        self.0.iter()
    }

    /// Returns a pallet by its name.
    pub fn get(&self, pallet: &str) -> Option<&Pallet> {
        self.0.iter().find(|candidate| candidate.name == pallet)
    }

    /// Returns the first two bytes of an encoded call.
    pub fn call(&self, pallet: &str, call: &str) -> Option<(u8, u8)> {
        self.get(pallet)?.call(call).map(|[pallet, call]| (pallet, call))
    }

    /// Returns the SCALE-encoded value of a constant.
    pub fn constant(&self, pallet: &str, constant: &str) -> Option<&[u8]> {
        let constant = self.get(pallet)?.constants.iter().find(|candidate| candidate.name == constant)?;
        Some(&constant.value)
    }

    pub(super) fn of(name: &str, metadata: &RuntimeMetadata) -> Result<Self> {
        // Versions 14 to 16 have the same fields here, in different types.
        macro_rules! current {
            ($metadata:expr) => {
                $metadata
                    .pallets
                    .iter()
                    .map(|pallet| {
                        Ok(Pallet {
                            name: pallet.name.clone(),
                            index: Some(pallet.index),
                            storage_prefix: pallet.storage.as_ref().map(|storage| storage.prefix.clone()),
                            items: pallet
                                .storage
                                .iter()
                                .flat_map(|storage| storage.entries.iter().map(|item| item.name.clone()))
                                .collect(),
                            calls: match &pallet.calls {
                                Some(calls) => variants(name, &pallet.name, &$metadata.types, calls.ty.id)?,
                                None => vec![],
                            },
                            constants: pallet
                                .constants
                                .iter()
                                .map(|constant| Constant { name: constant.name.clone(), value: constant.value.clone() })
                                .collect(),
                        })
                    })
                    .collect::<Result<Vec<_>>>()
            };
        }
        // Versions before 14. `$index` computes the index of a module from the module and the
        // number of earlier modules with calls.
        macro_rules! legacy {
            ($metadata:expr, $index:expr) => {{
                let mut with_calls = 0usize;
                let mut pallets = Vec::new();
                for module in decoded(&$metadata.modules) {
                    let calls = module.calls.as_ref().map(decoded);
                    let names = calls.unwrap_or_default().iter().map(|call| text(&call.name));
                    pallets.push(Pallet {
                        name: text(&module.name),
                        index: $index(module, calls.is_some().then_some(with_calls)),
                        storage_prefix: module.storage.as_ref().and_then(|storage| match storage {
                            DecodeDifferent::Decoded(storage) => Some(text(&storage.prefix)),
                            DecodeDifferent::Encode(_) => None,
                        }),
                        items: match &module.storage {
                            Some(DecodeDifferent::Decoded(storage)) => {
                                decoded(&storage.entries).iter().map(|item| text(&item.name)).collect()
                            }
                            _ => Vec::new(),
                        },
                        calls: (0..=u8::MAX).zip(names).map(|(index, name)| Call { name, index }).collect(),
                        constants: decoded(&module.constants)
                            .iter()
                            .map(|constant| Constant {
                                name: text(&constant.name),
                                value: decoded(&constant.value).to_vec(),
                            })
                            .collect(),
                    });
                    with_calls += usize::from(calls.is_some());
                }
                Ok(pallets)
            }};
        }
        let pallets = match metadata {
            RuntimeMetadata::V16(metadata) => current!(metadata),
            RuntimeMetadata::V15(metadata) => current!(metadata),
            RuntimeMetadata::V14(metadata) => current!(metadata),
            RuntimeMetadata::V13(metadata) => {
                legacy!(metadata, |module: &frame_metadata::v13::ModuleMetadata, _| Some(module.index))
            }
            RuntimeMetadata::V12(metadata) => {
                legacy!(metadata, |module: &frame_metadata::v12::ModuleMetadata, _| Some(module.index))
            }
            RuntimeMetadata::V11(metadata) => legacy!(metadata, |_, position: Option<usize>| byte(position)),
            RuntimeMetadata::V10(metadata) => legacy!(metadata, |_, position: Option<usize>| byte(position)),
            RuntimeMetadata::V9(metadata) => legacy!(metadata, |_, position: Option<usize>| byte(position)),
            other => Err(Failure::input(format!("the metadata of {name} has an unsupported version"))
                .found(other.version().to_string())
                .expected("9 to 16")),
        };
        pallets.map(Self)
    }
}

impl Pallet {
    /// Returns the key of a storage item, or the prefix of its keys if it is a map.
    pub fn key(&self, item: &str) -> Vec<u8> {
        [self.prefix(), crate::hashes::twox_128(item.as_bytes())].concat()
    }

    /// Returns whether the pallet has a storage item.
    pub fn has_item(&self, item: &str) -> bool {
        self.items.iter().any(|name| name == item)
    }

    /// Returns the first two bytes of an encoded call.
    pub fn call(&self, name: &str) -> Option<[u8; 2]> {
        let call = self.calls.iter().find(|call| call.name == name)?;
        Some([self.index?, call.index])
    }

    /// Returns the prefix of the keys of the pallet's storage.
    pub fn prefix(&self) -> [u8; 16] {
        crate::hashes::twox_128(self.storage_prefix.as_deref().unwrap_or(&self.name).as_bytes())
    }

    /// Returns the key of the pallet's storage version.
    pub fn storage_version_key(&self) -> Vec<u8> {
        storage_version_key(&self.name)
    }
}

/// Returns the key of the storage version of the pallet with this name.
pub fn storage_version_key(pallet: &str) -> Vec<u8> {
    // The key contains the pallet's name, not its storage prefix: a pallet may have no storage.
    let mut key = crate::hashes::twox_128(pallet.as_bytes()).to_vec();
    key.extend_from_slice(&crate::hashes::twox_128(b":__STORAGE_VERSION__:"));
    key
}

/// Returns the calls in the call type of a pallet.
fn variants(name: &str, pallet: &str, types: &PortableRegistry, id: u32) -> Result<Vec<Call>> {
    let broken = || {
        Failure::input(format!("the calls of {pallet} in the metadata of {name} cannot be read"))
            .found(format!("type {id}, which does not exist or is not a list of calls"))
            .expected("an enum with a variant for each call")
    };
    let ty: &scale_info::Type<PortableForm> = types.resolve(id).ok_or_else(broken)?;
    match &ty.type_def {
        TypeDef::Variant(calls) => {
            Ok(calls.variants.iter().map(|call| Call { name: call.name.clone(), index: call.index }).collect())
        }
        // Some derives encode a call type without calls as an empty tuple.
        TypeDef::Tuple(tuple) if tuple.fields.is_empty() => Ok(vec![]),
        _ => Err(broken()),
    }
}

fn byte(position: Option<usize>) -> Option<u8> {
    position.and_then(|position| u8::try_from(position).ok())
}

fn text<B>(value: &DecodeDifferent<B, String>) -> String {
    match value {
        DecodeDifferent::Decoded(text) => text.clone(),
        DecodeDifferent::Encode(_) => String::new(),
    }
}

fn decoded<B, T>(value: &DecodeDifferent<B, Vec<T>>) -> &[T] {
    match value {
        DecodeDifferent::Decoded(values) => values,
        DecodeDifferent::Encode(_) => &[],
    }
}
