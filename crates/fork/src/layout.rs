// SPDX-License-Identifier: Apache-2.0
//! The parts of a runtime's metadata that building blocks needs. Pallets are found by their
//! storage, whatever their names are.

use crate::{
    chain::Chain,
    executor::{Code, Executor},
    watchdog::CallTimeLimit,
};
use artifact::{
    Metadata, Pallets,
    hashes::twox_128,
    metadata::{Pallet, RuntimeMetadata},
};
use codec::{Decode, Encode};
use std::{sync::Arc, time::Duration};
use worker::{Failure, Kind, Result};

/// The time limit of a call for metadata. It reads no state, and takes some tenths of a second once
/// the runtime is compiled.
const METADATA_LIMIT: Duration = Duration::from_secs(90);

/// The pallets of a runtime and its metadata.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The pallets with their storage items, calls and constants.
    pub pallets: Pallets,
    /// The whole metadata with its types, for comparing and decoding.
    pub metadata: Option<Arc<RuntimeMetadata>>,
}

impl Layout {
    /// Reads the newest metadata that the runtime has: version 16, 15 or 14.
    pub fn of(chain: &Chain, executor: &Executor, code: &Code) -> Result<Self> {
        // The first call of a runtime also compiles it, which takes long on slow machines and is no
        // fault of the runtime: it has the longer limit of a block. If it fails, so do the calls below.
        let _ = chain.call(executor, code, "Core_version", &[]);
        let _limit = CallTimeLimit::set(METADATA_LIMIT);
        for version in [16u32, 15] {
            // A runtime without the newer function traps; one without the version returns `None`.
            let Ok(answer) = chain.call(executor, code, "Metadata_metadata_at_version", &version.encode()) else {
                break;
            };
            if let Ok(Some(metadata)) = Option::<Vec<u8>>::decode(&mut &answer[..]) {
                return Self::decode(metadata);
            }
        }
        let answer = chain.call(executor, code, "Metadata_metadata", &[])?;
        let metadata = Vec::<u8>::decode(&mut &answer[..]).map_err(|error| {
            Failure::input("the runtime's metadata cannot be read")
                .found(error.to_string())
                .expected("bytes with a length prefix")
        })?;
        Self::decode(metadata)
    }

    fn decode(metadata: Vec<u8>) -> Result<Self> {
        Metadata::from_bytes("the runtime", metadata)
            .map(|metadata| Self { pallets: metadata.pallets, metadata: Some(Arc::new(metadata.decoded)) })
    }

    /// Returns the pallet with this name.
    pub fn pallet(&self, name: &str) -> Option<&Pallet> {
        self.pallets.get(name)
    }

    /// Returns the pallet that has all of these storage items, and the call if one is given.
    pub fn pallet_with(&self, items: &[&str], call: Option<&str>) -> Option<&Pallet> {
        self.pallets.iter().find(|pallet| {
            items.iter().all(|item| pallet.has_item(item)) && call.is_none_or(|call| pallet.call(call).is_some())
        })
    }

    /// Returns the number of a parachain at its relay chain, or nothing for another chain. `code` is the runtime
    /// that this is the layout of.
    pub fn parachain_id(&self, chain: &Chain, executor: &Executor, code: &Code) -> Result<Option<u32>> {
        let number = |bytes: &[u8]| u32::decode(&mut &bytes[..]).ok();
        let _limit = CallTimeLimit::set(METADATA_LIMIT);
        match chain.call(executor, code, "GetParachainInfo_parachain_id", &[]) {
            Ok(answer) if number(&answer).is_some() => return Ok(number(&answer)),
            // Older runtimes do not have the function.
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::Check => {}
            Err(failure) => return Err(failure),
        }
        let Some(pallet) = self.pallet_with(&["ParachainId"], None) else { return Ok(None) };
        Ok(chain.storage(&pallet.key("ParachainId"))?.as_deref().and_then(number))
    }

    /// Returns the parachain system pallet.
    pub fn parachain_system(&self) -> Option<&Pallet> {
        self.pallet_with(&["PendingValidationCode", "ValidationData"], None)
    }

    /// Returns the multi-block migrations pallet.
    pub fn migrations(&self) -> Option<&Pallet> {
        self.pallet_with(&["Cursor", "Historic"], Some("force_set_cursor"))
    }

    /// Returns the encoded value of a constant.
    pub fn constant(&self, pallet: &str, name: &str) -> Option<&[u8]> {
        self.pallets.constant(pallet, name)
    }

    /// Returns the prefix of the chain's addresses.
    pub fn address_prefix(&self) -> Option<u16> {
        address_prefix(self.constant("System", "SS58Prefix")?)
    }

    /// Returns `Pallet.Item` for a storage key, as far as the metadata knows it.
    pub fn describe(&self, key: &[u8]) -> String {
        if let Some(pallet) = self.pallets.iter().find(|pallet| key.starts_with(&pallet.prefix())) {
            let rest = &key[16..];
            let item = pallet
                .items
                .iter()
                .map(String::as_str)
                .chain([":__STORAGE_VERSION__:"])
                .find(|item| rest.starts_with(&twox_128(item.as_bytes())));
            return format!("{}.{}", pallet.name, item.unwrap_or("?"));
        }
        match std::str::from_utf8(key) {
            Ok(text) if text.chars().all(|letter| letter.is_ascii_graphic()) => text.to_string(),
            _ => hex::encode_prefixed(&key[..key.len().min(32)]),
        }
    }
}
/// Returns the prefix of a chain's addresses from its constant `System.SS58Prefix`. Older runtimes have it in one byte.
pub fn address_prefix(constant: &[u8]) -> Option<u16> {
    match constant {
        [prefix] => Some(u16::from(*prefix)),
        [low, high] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}
