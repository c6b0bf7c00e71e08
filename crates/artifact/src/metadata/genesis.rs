// SPDX-License-Identifier: Apache-2.0
//! The storage versions that the pallets of a runtime expect.
//!
//! The metadata does not contain them. The genesis state that a runtime builds contains the version
//! of every pallet that has one (`OnGenesis` in frame-support), so the runtime is executed to build
//! its genesis state.

use super::{Executor, storage_version_key};
use crate::Blob;
use codec::{Decode, Encode};
use std::collections::BTreeMap;

/// The presets to try. `None` is the default one; the names are those of the SDK. A pallet may
/// refuse a preset.
const PRESETS: [Option<&str>; 3] = [None, Some("development"), Some("local_testnet")];

/// Returns the storage versions by pallet.
///
/// Returns `None` if the runtime has no `GenesisBuilder` API, or cannot build a genesis state in
/// the interpreter.
pub fn genesis_storage_versions(name: &str, blob: &Blob, pallets: &[String]) -> Option<BTreeMap<String, u16>> {
    let executor = Executor::new(name, &blob.wasm).ok()?;
    if !executor.exports("GenesisBuilder_build_state") || !executor.exports("GenesisBuilder_get_preset") {
        return None;
    }
    let entries = PRESETS.into_iter().find_map(|preset| {
        let argument = preset.map(|preset| preset.as_bytes().to_vec()).encode();
        let answer = executor.call("GenesisBuilder_get_preset", &argument).ok()?;
        let preset = Option::<Vec<u8>>::decode(&mut answer.as_slice()).ok()??;
        let (answer, entries) = executor.call_recording_storage("GenesisBuilder_build_state", &preset.encode()).ok()?;
        // `Ok(())`.
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

    /// Returns a runtime that writes the version of one pallet. `preset` and `verdict` are the
    /// results of the two calls.
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
    fn the_genesis_state_contains_the_storage_versions() {
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
