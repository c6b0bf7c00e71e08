// SPDX-License-Identifier: Apache-2.0
//! What building blocks needs to know of a runtime's metadata: where pallets keep what, whatever they are called.

use crate::{
    chain::Chain,
    executor::{Code, Executor},
};
use codec::{Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use worker::{Failure, Result};

/// Metadata beyond this is not one.
const METADATA_LIMIT: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug, Default)]
pub struct Layout {
    pub version: u32,
    pub pallets: Vec<Pallet>,
}

#[derive(Clone, Debug, Default)]
pub struct Pallet {
    pub name: String,
    pub index: u8,
    /// What storage keys are made from; empty for a pallet without storage.
    pub prefix: String,
    pub items: Vec<String>,
    pub calls: Vec<(String, u8)>,
    pub constants: Vec<(String, Vec<u8>)>,
}

impl Layout {
    /// Asks the runtime for its metadata: 16, 15 or 14, the newest it has.
    pub fn of(chain: &Chain, executor: &Executor, code: &Code) -> Result<Self> {
        for version in [16u32, 15] {
            // A runtime without the newer function traps; one without the version answers with none.
            let Ok(answer) = chain.call(executor, code, "Metadata_metadata_at_version", &version.encode()) else {
                break;
            };
            if let Ok(Some(metadata)) = Option::<Vec<u8>>::decode(&mut &answer[..]) {
                return Self::decode(&metadata);
            }
        }
        let answer = chain.call(executor, code, "Metadata_metadata", &[])?;
        let metadata = Vec::<u8>::decode(&mut &answer[..]).map_err(|error| unreadable(&error.to_string()))?;
        Self::decode(&metadata)
    }

    pub fn decode(metadata: &[u8]) -> Result<Self> {
        if metadata.len() > METADATA_LIMIT {
            return Err(unreadable(&format!("{} bytes", metadata.len())));
        }
        let prefixed =
            RuntimeMetadataPrefixed::decode(&mut &metadata[..]).map_err(|error| unreadable(&error.to_string()))?;
        macro_rules! pallets {
            ($metadata:expr, $pallets:expr) => {{
                let registry = &$metadata.types;
                $pallets
                    .into_iter()
                    .map(|pallet| Pallet {
                        calls: pallet
                            .calls
                            .as_ref()
                            .and_then(|calls| registry.resolve(calls.ty.id))
                            .map(|kind| match &kind.type_def {
                                scale_info::TypeDef::Variant(calls) => {
                                    calls.variants.iter().map(|call| (call.name.clone(), call.index)).collect()
                                }
                                _ => Vec::new(),
                            })
                            .unwrap_or_default(),
                        constants: pallet
                            .constants
                            .iter()
                            .map(|constant| (constant.name.clone(), constant.value.clone()))
                            .collect(),
                        prefix: pallet.storage.as_ref().map(|storage| storage.prefix.clone()).unwrap_or_default(),
                        items: pallet
                            .storage
                            .as_ref()
                            .map(|storage| storage.entries.iter().map(|item| item.name.clone()).collect())
                            .unwrap_or_default(),
                        name: pallet.name.clone(),
                        index: pallet.index,
                    })
                    .collect()
            }};
        }
        let version = prefixed.1.version();
        let pallets = match prefixed.1 {
            RuntimeMetadata::V14(metadata) => pallets!(metadata, &metadata.pallets),
            RuntimeMetadata::V15(metadata) => pallets!(metadata, &metadata.pallets),
            RuntimeMetadata::V16(metadata) => pallets!(metadata, &metadata.pallets),
            _ => return Err(unreadable(&format!("metadata version {version}"))),
        };
        Ok(Self { version, pallets })
    }

    pub fn pallet(&self, name: &str) -> Option<&Pallet> {
        self.pallets.iter().find(|pallet| pallet.name == name)
    }

    /// The pallet that has all of these storage items: its name is the runtime's choice, its layout is not.
    pub fn pallet_with(&self, items: &[&str], call: Option<&str>) -> Option<&Pallet> {
        self.pallets.iter().find(|pallet| {
            items.iter().all(|item| pallet.items.iter().any(|name| name == item))
                && call.is_none_or(|call| pallet.calls.iter().any(|(name, _)| name == call))
        })
    }

    /// The multi-block migrations pallet.
    pub fn migrations(&self) -> Option<&Pallet> {
        self.pallet_with(&["Cursor", "Historic"], Some("force_set_cursor"))
    }

    pub fn constant(&self, pallet: &str, name: &str) -> Option<&[u8]> {
        let pallet = self.pallet(pallet)?;
        pallet.constants.iter().find(|(constant, _)| constant == name).map(|(_, value)| value.as_slice())
    }

    /// `Pallet.Item` for a storage key, as far as the metadata knows it.
    pub fn describe(&self, key: &[u8]) -> String {
        if let Some(pallet) = self.pallets.iter().find(|pallet| {
            !pallet.prefix.is_empty() && key.starts_with(&artifact::hashes::twox_128(pallet.prefix.as_bytes()))
        }) {
            let rest = &key[16..];
            let item = pallet
                .items
                .iter()
                .map(String::as_str)
                .chain([":__STORAGE_VERSION__:"])
                .find(|item| rest.starts_with(&artifact::hashes::twox_128(item.as_bytes())));
            return match item {
                Some(item) => format!("{}.{item}", pallet.name),
                None => format!("{}.?", pallet.name),
            };
        }
        match std::str::from_utf8(key) {
            Ok(text) if text.chars().all(|letter| letter.is_ascii_graphic()) => text.to_string(),
            _ => worker::hex_prefixed(&key[..key.len().min(32)]),
        }
    }
}

impl Pallet {
    pub fn key(&self, item: &str) -> Vec<u8> {
        crate::keys::item(&self.prefix, item)
    }

    /// The two bytes a call begins with.
    pub fn call(&self, name: &str) -> Option<[u8; 2]> {
        self.calls.iter().find(|(call, _)| call == name).map(|(_, index)| [self.index, *index])
    }
}

fn unreadable(found: &str) -> Failure {
    Failure::input("the runtime's metadata cannot be read").found(found).expected("metadata version 14, 15 or 16")
}
