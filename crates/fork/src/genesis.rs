// SPDX-License-Identifier: Apache-2.0
//! The genesis state that a runtime builds from one of its presets (`GenesisBuilder`).

use crate::{Chain, Code, Executor};
use codec::{Decode, Encode};
use serde_json::Value;
use state::State;
use worker::{Failure, Result};

/// Returns the genesis state of a chain with `code` and the preset of this name.
pub fn of_preset(executor: &Executor, code: &Code, state_version: u8, name: &str) -> Result<State> {
    let empty = Chain::from_state(state(state_version, Vec::new()))?;
    // A runtime that panics names neither the call nor the preset.
    let in_preset = |failure: Failure| {
        let message = format!("the genesis preset {name} does not build: {}", failure.message);
        Failure { message, ..failure }
    };
    let preset = |name: Option<&str>| -> Result<Option<Value>> {
        let answer = empty.call(executor, code, "GenesisBuilder_get_preset", &name.map(str::as_bytes).encode())?;
        let text = Option::<Vec<u8>>::decode(&mut &answer[..]).ok().flatten();
        text.map(|text| serde_json::from_slice(&text)).transpose().map_err(|error| {
            Failure::input("a genesis preset of the runtime is not JSON")
                .found(error.to_string())
                .expected("a JSON object")
        })
    };
    // A preset contains the differences from the default.
    let mut genesis = preset(None)?.unwrap_or_default();
    let patch = preset(Some(name)).map_err(in_preset)?.ok_or_else(|| {
        Failure::input(format!("the runtime has no genesis preset {name}"))
            .hint("most runtimes have the preset `development`")
    })?;
    merge(&mut genesis, patch);
    let (answer, changes) = empty
        .call_with_changes(executor, code, "GenesisBuilder_build_state", &genesis.to_string().encode())
        .map_err(in_preset)?;
    if answer.first() != Some(&0) {
        let why = answer.get(1..).and_then(|mut bytes| String::decode(&mut bytes).ok()).unwrap_or_default();
        return Err(Failure::check(format!("the genesis preset {name} does not build")).found(why));
    }
    let mut top: Vec<_> =
        changes.main_storage_changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    top.push((sp_core::storage::well_known_keys::CODE.to_vec(), code.bytes().to_vec()));
    Ok(state(state_version, top))
}

/// Merges objects and replaces everything else, as chain specs do.
fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

fn state(state_version: u8, mut top: Vec<(Vec<u8>, Vec<u8>)>) -> State {
    top.sort();
    State::of_entries(state_version, top, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_replaces_only_its_own_keys() {
        let mut genesis = json!({"balances": {"balances": [], "dev": 1}, "sudo": {"key": null}});
        merge(
            &mut genesis,
            json!({"balances": {"balances": [["alice", 340282366920938463463374607431768211455u128]]}}),
        );
        let expected = "{\"balances\":{\"balances\":[[\"alice\",340282366920938463463374607431768211455]],\"dev\":1},\"sudo\":{\"key\":null}}";
        assert_eq!(genesis.to_string(), expected);
    }
}
