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
        let (answer, entries) = executor.call_recording_storage("GenesisBuilder_build_state", &preset.encode()).ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A runtime that writes one pallet's version into its genesis, with what it gives for a preset and says in the end.
    fn runtime(preset: &str, verdict: &str) -> Blob {
        let key: String = storage_version_key("Balances").iter().map(|byte| format!("\\{byte:02x}")).collect();
        let wasm = wat::parse_str(format!(
            r#"(module
                (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
                (memory (export "memory") 17)
                (data (i32.const 1024) "{key}\05\00")
                (data (i32.const 2048) "{preset}") (data (i32.const 2064) "{verdict}")
                (func (export "GenesisBuilder_get_preset") (param i32 i32) (result i64) (i64.const 0x400000800))
                (func (export "GenesisBuilder_build_state") (param i32 i32) (result i64)
                    (call $set (i64.const 0x2000000400) (i64.const 0x200000420))
                    (i64.const 0x100000810)))"#
        ))
        .expect("a module");
        Blob::parse("blob", wasm).expect("a blob")
    }

    #[test]
    fn the_genesis_tells_the_versions_of_the_code() {
        let pallets = ["Balances".to_owned(), "Proxy".to_owned()];
        let versions = |blob: &Blob| genesis_storage_versions("blob", blob, &pallets);
        let some = "\\01\\08{}";
        assert_eq!(versions(&runtime(some, "\\00")), Some(BTreeMap::from([("Balances".into(), 5)])));
        assert_eq!(versions(&runtime(some, "\\01")), None, "the runtime refuses its own preset");
        assert_eq!(versions(&runtime("\\00\\00\\00\\00", "\\00")), None, "no preset");
        assert_eq!(
            versions(&Blob::parse("test runtime", test_runtime::deployed()).expect("a blob")),
            None,
            "no genesis builder"
        );
    }
}
