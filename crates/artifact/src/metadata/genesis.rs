// SPDX-License-Identifier: Apache-2.0
//! The storage versions that a runtime's code is made for.
//!
//! No metadata tells them. But the genesis state that a runtime builds holds the version of every pallet that keeps one
//! (frame-support's `OnGenesis`), so the runtime is asked to build one.

use super::{Executor, storage_version_key};
use crate::Blob;
use codec::{Decode, Encode};
use std::collections::BTreeMap;

/// None is the runtime's own default; those with a name are the SDK's. A pallet may refuse the default of another.
const PRESETS: [Option<&str>; 3] = [None, Some("development"), Some("local_testnet")];

/// By pallet, for those that keep one. Nothing where the runtime builds no genesis, or none outside a node.
pub fn genesis_storage_versions(name: &str, blob: &Blob, pallets: &[String]) -> Option<BTreeMap<String, u16>> {
    let executor = Executor::new(name, &blob.wasm).ok()?;
    if !executor.exports("GenesisBuilder_build_state") || !executor.exports("GenesisBuilder_get_preset") {
        return None;
    }
    let entries = PRESETS.into_iter().find_map(|preset| {
        let asked = preset.map(|preset| preset.as_bytes().to_vec()).encode();
        let answer = executor.call("GenesisBuilder_get_preset", &asked).ok()?;
        let preset = Option::<Vec<u8>>::decode(&mut answer.as_slice()).ok()??;
        let (answer, entries) = executor.call_and_keep("GenesisBuilder_build_state", &preset.encode()).ok()?;
        // `Ok(())` of a `Result`.
        (answer.first() == Some(&0)).then_some(entries)
    })?;
    let version = |pallet: &String| {
        let value = entries.get(&storage_version_key(pallet))?;
        Some((pallet.clone(), u16::from_le_bytes(value.as_slice().try_into().ok()?)))
    };
    let versions: BTreeMap<_, _> = pallets.iter().filter_map(version).collect();
    (!versions.is_empty()).then_some(versions)
}
