// SPDX-License-Identifier: Apache-2.0
//! Makes the state of a chain that begins with a runtime's genesis preset: how the recorded previous releases are made.

use crate::request::Genesis;
use artifact::{
    Source, State,
    state::{Block, Origin},
};
use codec::{Decode, Encode};
use fork::{Author, Chain, Code, Executor, Wish};
use serde::Serialize;
use serde_json::Value;
use worker::{Failure, Reporter, Result, hex_prefixed};

#[derive(Serialize)]
pub struct Summary {
    pub out: String,
    pub spec_name: String,
    pub spec_version: u32,
    pub number: u32,
    pub block_hash: String,
    pub state_root: String,
    pub entries: usize,
    pub size: u64,
}

pub fn snapshot(request: &Genesis, reporter: &Reporter) -> Result<Summary> {
    let blob = request.runtime.parse::<Source>()?.blob()?;
    let sections = artifact::sections::Sections::read(&request.runtime, &blob)?;
    let version = sections.version.ok_or_else(|| {
        Failure::input(format!("{} does not tell its version", request.runtime)).expected("a runtime_version section")
    })?;
    let executor = Executor::new(None);
    let code = Code::new(blob.deployed);
    let state_version = version.effective_state_version();

    reporter.status(format!("building the genesis state of the preset {}", request.preset));
    let empty = Chain::from_state(genesis_state(state_version, Vec::new()))?;
    let preset = |name: Option<&str>| -> Result<Option<Value>> {
        let answer = empty.call(&executor, &code, "GenesisBuilder_get_preset", &name.map(str::as_bytes).encode())?;
        let text = Option::<Vec<u8>>::decode(&mut &answer[..]).ok().flatten();
        text.map(|text| serde_json::from_slice(&text)).transpose().map_err(|error| {
            Failure::input(format!("a genesis preset of {} is no JSON", request.runtime)).found(error.to_string())
        })
    };
    // A preset says what differs from the default.
    let mut genesis = preset(None)?.unwrap_or_default();
    let patch = preset(Some(&request.preset))?.ok_or_else(|| {
        Failure::input(format!("{} has no genesis preset {}", request.runtime, request.preset))
            .hint("`development` is what most runtimes offer")
    })?;
    merge(&mut genesis, patch);
    let (answer, changes) =
        empty.call_with_changes(&executor, &code, "GenesisBuilder_build_state", &genesis.to_string().encode())?;
    if answer.first() != Some(&0) {
        let why = answer.get(1..).and_then(|mut bytes| String::decode(&mut bytes).ok()).unwrap_or_default();
        return Err(Failure::check(format!("the genesis preset {} does not build", request.preset)).found(why));
    }
    let mut top: Vec<_> =
        changes.main_storage_changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    top.push((sp_core::storage::well_known_keys::CODE.to_vec(), code.bytes().to_vec()));
    let mut chain = Chain::from_state(genesis_state(state_version, top))?;
    let mut author = Author::new(&executor);
    for index in 0..request.blocks {
        author.build(&mut chain, Wish::default())?;
        reporter.progress("blocks", u64::from(index) + 1, Some(u64::from(request.blocks)), "blocks");
    }

    let export = chain.export()?;
    let entries = export.top.len();
    let header = chain.header().encode();
    let state = State {
        origin: Origin::Memory,
        chain: Some(format!("{} {} preset", version.spec_name, request.preset)),
        spec_name: Some(version.spec_name.clone()),
        spec_version: Some(version.spec_version),
        state_version,
        state_root: Some(chain.root().0),
        block: Some(Block { number: u64::from(chain.number()), hash: chain.header().hash().0 }),
        header: Some(header),
        top: export.top,
        children: export.children.into_iter().collect(),
    };
    state.write(&request.out)?;
    let size = std::fs::metadata(&request.out).map(|file| file.len()).unwrap_or(0);
    Ok(Summary {
        out: request.out.display().to_string(),
        spec_name: version.spec_name,
        spec_version: version.spec_version,
        number: chain.number(),
        block_hash: hex_prefixed(chain.header().hash().as_bytes()),
        state_root: hex_prefixed(chain.root().as_bytes()),
        entries,
        size,
    })
}

/// Objects are merged, everything else is replaced, as chain specs do it.
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

/// The state before the first block.
fn genesis_state(state_version: u8, mut top: Vec<(Vec<u8>, Vec<u8>)>) -> State {
    top.sort();
    State {
        origin: Origin::Memory,
        chain: None,
        spec_name: None,
        spec_version: None,
        state_version,
        state_root: None,
        block: None,
        header: None,
        top,
        children: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_replaces_only_what_it_names() {
        let mut genesis = json!({"balances": {"balances": [], "dev": 1}, "sudo": {"key": null}});
        merge(
            &mut genesis,
            json!({"balances": {"balances": [["alice", 340282366920938463463374607431768211455u128]]}}),
        );
        let expected = "{\"balances\":{\"balances\":[[\"alice\",340282366920938463463374607431768211455]],\"dev\":1},\"sudo\":{\"key\":null}}";
        assert_eq!(genesis.to_string(), expected);
    }
}
