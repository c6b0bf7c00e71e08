// SPDX-License-Identifier: Apache-2.0
//! Raw chain specs, in their current form and in the form before 2020.
//!
//! The file contains the genesis state as keys and values in hex. The state root is not in the
//! file. It is computed, and with it the hash of the genesis block.

use super::{Block, CODE, State};
use crate::{
    header::Header,
    trie::{CHILD_PREFIX, Entries},
};
use protocol::inspect::StateOrigin;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{collections::BTreeMap, fmt, io::Read};
use worker::{Failure, Result};

/// The largest file in bytes. The text is in memory while it is parsed. The largest published chain
/// specs have 10 MB.
const SIZE_LIMIT: u64 = 1024 * 1024 * 1024;
const RAW: &str = "genesis.raw.top with the whole genesis state";
const MAKE_RAW: &str =
    "make it raw first: `<node> export-chain-spec --chain FILE --raw`, or `chain-spec-builder convert-to-raw FILE`";

#[derive(Deserialize)]
struct Spec {
    name: Option<String>,
    genesis: Option<Genesis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Genesis {
    raw: Option<Raw>,
    /// The configuration of a node's genesis, with the code in the System pallet.
    runtime: Option<GenesisConfig>,
    runtime_genesis_config: Option<GenesisConfig>,
    /// The code, and a configuration for that code.
    runtime_genesis: Option<CodeField>,
    runtime_and_code: Option<CodeField>,
    runtime_genesis_config_patch: Option<IgnoredAny>,
    state_root_hash: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct GenesisConfig {
    /// `frameSystem` until 2021.
    #[serde(alias = "frameSystem")]
    system: Option<CodeField>,
}

#[derive(Deserialize)]
struct CodeField {
    code: Option<Hex>,
}

impl Genesis {
    /// Returns whether the spec is a plain one, whose state only its node or runtime can build.
    fn is_plain(&self) -> bool {
        self.runtime.is_some()
            || self.runtime_genesis_config.is_some()
            || self.runtime_genesis.is_some()
            || self.runtime_and_code.is_some()
            || self.runtime_genesis_config_patch.is_some()
    }

    /// Takes the code of a plain spec.
    fn plain_code(&mut self) -> Option<Vec<u8>> {
        let configured = [&mut self.runtime, &mut self.runtime_genesis_config].into_iter().flatten();
        let configured = configured.filter_map(|configuration| configuration.system.as_mut());
        let beside = [&mut self.runtime_genesis, &mut self.runtime_and_code].into_iter().flatten();
        configured.chain(beside).find_map(|with_code| with_code.code.take()).map(|code| code.0)
    }
}

/// A code substitute (`codeSubstitutes`): a runtime that nodes execute instead of the one on the
/// chain, from a block until the next upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSubstitute {
    /// The number of the block, or its hash in specs of 2021.
    pub at: String,
    /// The runtime.
    pub code: Vec<u8>,
}

/// `genesis.raw`.
struct Raw {
    top: HexEntries,
    children: BTreeMap<Hex, HexEntries>,
    /// The number of child tries in the form before 2020, which is not supported.
    legacy_children: usize,
}

/// A map of keys to values in hex, ordered by key.
#[derive(Default)]
struct HexEntries(Entries);

/// Bytes in hex, with the prefix `0x`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hex(Vec<u8>);

pub(super) fn read(name: &str, reader: impl Read) -> Result<State> {
    let text = text(name, reader)?;
    state(name, parse(name, &text)?)
}

/// A block and the root of its state.
type GenesisBlock = (Block, [u8; 32]);

/// Reads the genesis block, its state root and the entries. A plain chain spec gives only the
/// runtime.
pub(super) fn excerpt(name: &str, reader: impl Read) -> Result<(Option<GenesisBlock>, Entries)> {
    let text = text(name, reader)?;
    let mut spec: Spec = parse(name, &text)?;
    if let Some(genesis) = &mut spec.genesis
        && genesis.raw.is_none()
        && let Some(code) = genesis.plain_code()
    {
        return Ok((None, vec![(CODE.to_vec(), code)]));
    }
    let state = state(name, spec)?;
    Ok((state.block.zip(state.state_root), state.top))
}

/// Reads the code substitutes of a chain spec, ordered by block number.
pub fn code_substitutes(name: &str, reader: impl Read) -> Result<Vec<CodeSubstitute>> {
    #[derive(Deserialize)]
    struct Substitutes {
        #[serde(default, rename = "codeSubstitutes")]
        codes: Option<BTreeMap<String, Hex>>,
    }
    let text = text(name, reader)?;
    let substitutes: Substitutes = parse(name, &text)?;
    let codes = substitutes.codes.unwrap_or_default().into_iter();
    let mut substitutes: Vec<_> = codes.map(|(at, code)| CodeSubstitute { at, code: code.0 }).collect();
    substitutes.sort_by_key(|substitute| substitute.at.parse::<u64>().unwrap_or(u64::MAX));
    Ok(substitutes)
}

fn text(name: &str, reader: impl Read) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(SIZE_LIMIT + 1).read_to_end(&mut text).map_err(|error| super::stream::read_error(name, &error))?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(Failure::input(format!("{name} is too large"))
            .found("more than that")
            .expected(format!("a chain spec of at most {SIZE_LIMIT} bytes")));
    }
    Ok(text)
}

fn parse<T: for<'de> Deserialize<'de>>(name: &str, text: &[u8]) -> Result<T> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| {
        let what = if error.is_eof() { "is cut short" } else { "is not a chain spec" };
        Failure::input(format!("{name} {what}")).found(error.to_string()).expected("the JSON of a raw chain spec")
    })
}

fn state(name: &str, spec: Spec) -> Result<State> {
    let Some(genesis) = spec.genesis else {
        return Err(Failure::input(format!("{name} is not a chain spec")).found("JSON without genesis").expected(RAW));
    };
    let Genesis { raw: Some(raw), .. } = genesis else { return Err(not_raw(name, &genesis)) };
    if raw.legacy_children > 0 {
        return Err(Failure::input(format!("{name} has child tries in an unsupported form"))
            .found(format!("{} entries in genesis.raw.children", raw.legacy_children))
            .expected("genesis.raw.childrenDefault"));
    }
    if raw.top.0.iter().all(|(key, _)| key != CODE) {
        return Err(Failure::input(format!("{name} has no runtime"))
            .found("no :code (0x3a636f6465) in genesis.raw.top")
            .expected("a chain spec that starts a chain, not one for light clients"));
    }
    if let Some((key, _)) = raw.top.0.iter().find(|(key, _)| key.starts_with(CHILD_PREFIX)) {
        return Err(Failure::input(format!("{name} contains only the root of a child trie"))
            .found(format!("{} in genesis.raw.top", hex::encode_prefixed(key)))
            .expected("its entries in genesis.raw.childrenDefault"));
    }
    let children =
        raw.children.into_iter().map(|(key, pairs)| (key.0, pairs.0)).filter(|(_, entries)| !entries.is_empty());
    let mut state = State {
        origin: StateOrigin::ChainSpec,
        chain: spec.name,
        spec_name: None,
        spec_version: None,
        state_version: 0,
        state_root: None,
        block: None,
        header: None,
        top: raw.top.0,
        children: children.collect(),
    };
    if let Some(version) = state.read_code_version(name)? {
        state.state_version = version.effective_state_version();
    }
    if state.state_version > 1 {
        return Err(Failure::input(format!("the runtime in {name} uses an unknown state version"))
            .found(state.state_version.to_string())
            .expected("0 or 1"));
    }
    let root = state.compute_root().ok_or_else(|| {
        Failure::input(format!("{name} has a trie that is deeper than any chain's"))
            .found("more than 512 branches above one entry")
    })?;
    let header = Header::genesis(root);
    state.state_root = Some(root);
    state.block = Some(Block { number: 0, hash: Header::hash(&header) });
    state.header = Some(header);
    Ok(state)
}

/// Returns the failure for a chain spec without a raw genesis state.
fn not_raw(name: &str, genesis: &Genesis) -> Failure {
    if genesis.state_root_hash.is_some() {
        return Failure::input(format!("{name} is a light chain spec"))
            .found("genesis.stateRootHash: only the root of the genesis state, no :code")
            .expected(RAW)
            .hint("use the chain spec that full nodes start from");
    }
    if genesis.is_plain() {
        return Failure::input(format!("{name} is a plain chain spec, not a raw one"))
            .found("a genesis configuration that only its node or runtime can turn into a state")
            .expected(RAW)
            .hint(MAKE_RAW);
    }
    Failure::input(format!("{name} is not a raw chain spec"))
        .found("a genesis without `raw`")
        .expected(RAW)
        .hint(MAKE_RAW)
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct HexVisitor;
        impl Visitor<'_> for HexVisitor {
            type Value = Hex;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("0x and hex digits")
            }
            fn visit_str<E: Error>(self, text: &str) -> std::result::Result<Hex, E> {
                let shown = || text.chars().take(40).collect::<String>();
                let digits =
                    text.strip_prefix("0x").ok_or_else(|| E::custom(format!("no 0x in front of {:?}", shown())))?;
                hex::decode(digits).map(Hex).map_err(|error| E::custom(format!("invalid hex {:?}: {error}", shown())))
            }
        }
        deserializer.deserialize_str(HexVisitor)
    }
}

impl<'de> Deserialize<'de> for HexEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = HexEntries;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of keys to values in hex")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<HexEntries, A::Error> {
                let mut entries = Entries::new();
                while let Some((key, value)) = map.next_entry::<Hex, Hex>()? {
                    entries.push((key.0, value.0));
                }
                entries.sort();
                // It is not defined which of two values a node uses.
                match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    Some(pair) => Err(A::Error::custom(format!("the key {} twice", hex::encode_prefixed(&pair[0].0)))),
                    None => Ok(HexEntries(entries)),
                }
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a raw genesis: a map with `top`, or the list used before 2020")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Raw, A::Error> {
                let (mut top, mut children, mut old) = (None, BTreeMap::new(), 0);
                while let Some(field) = map.next_key::<String>()? {
                    match field.as_str() {
                        "top" => top = Some(map.next_value()?),
                        "childrenDefault" => children = map.next_value()?,
                        "children" => old = map.next_value::<BTreeMap<String, IgnoredAny>>()?.len(),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let top = top.ok_or_else(|| A::Error::missing_field("genesis.raw.top"))?;
                Ok(Raw { top, children, legacy_children: old })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Raw, A::Error> {
                let top = list.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &"the entries"))?;
                let old = list.next_element::<BTreeMap<String, IgnoredAny>>()?.map_or(0, |children| children.len());
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Raw { top, children: BTreeMap::new(), legacy_children: old })
            }
        }
        deserializer.deserialize_any(RawVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> String {
        hex::encode_prefixed(test_runtime::deployed())
    }

    fn read_json(genesis: serde_json::Value) -> Result<State> {
        let spec = serde_json::json!({"name": "Test", "id": "test", "properties": null, "genesis": genesis});
        State::from_reader("spec.json", spec.to_string().as_bytes())
    }

    #[test]
    fn both_forms_of_a_raw_spec_are_the_same_state() {
        let top = serde_json::json!({"0x3a636f6465": code(), "0x01": "0x", "0x": "0xff"});
        let new = read_json(serde_json::json!({"raw": {"top": top, "childrenDefault": {}}})).expect("read");
        let old = read_json(serde_json::json!({"raw": [top, {}]})).expect("read");
        assert_eq!(new, old);
        assert_eq!(new.chain.as_deref(), Some("Test"));
        assert_eq!(new.spec_name.as_deref(), Some("test-runtime"));
        assert_eq!(new.get(&[]), Some(&[0xff][..]));
        assert_eq!(new.state_version, 1);
        assert_eq!(new.complete(), Some(true));
        assert_eq!(new.block.map(|block| block.number), Some(0));
    }

    #[test]
    fn child_tries_are_read() {
        let genesis = serde_json::json!({"raw": {"top": {"0x3a636f6465": code()},
            "childrenDefault": {"0x6162": {"0x01": "0x02"}, "0x63": {}}}});
        let state = read_json(genesis).expect("read");
        assert_eq!(state.children, [(b"ab".to_vec(), vec![(vec![1], vec![2])])]);
    }

    #[test]
    fn a_plain_spec_has_a_runtime() {
        for genesis in [
            serde_json::json!({"runtimeGenesis": {"code": code(), "patch": {}}}),
            serde_json::json!({"runtime": {"system": {"code": code()}, "balances": {}}}),
            serde_json::json!({"runtime": {"frameSystem": {"code": code(), "changesTrieConfig": null}}}),
            serde_json::json!({"runtimeGenesisConfig": {"system": {"code": code()}}}),
            serde_json::json!({"runtimeAndCode": {"runtime": {}, "code": code()}}),
        ] {
            let spec = serde_json::json!({"name": "Test", "id": "test", "genesis": genesis}).to_string();
            let (block, entries) = excerpt("spec.json", spec.as_bytes()).expect("read");
            assert_eq!((block, entries), (None, vec![(CODE.to_vec(), test_runtime::deployed())]));
        }
        let without = serde_json::json!({"genesis": {"runtimeGenesis": {"patch": {}}}}).to_string();
        assert!(excerpt("spec.json", without.as_bytes()).expect_err("refused").message.contains("plain chain spec"));
    }

    #[test]
    fn substitutes_are_read_in_the_order_of_their_blocks() {
        let spec = r#"{"genesis": {}, "codeSubstitutes": {"5203203": "0x02", "900": "0x01", "0xab": "0x03"}}"#;
        let found = code_substitutes("spec.json", spec.as_bytes()).expect("read");
        let found: Vec<_> = found.iter().map(|one| (one.at.as_str(), one.code[0])).collect();
        assert_eq!(found, [("900", 1), ("5203203", 2), ("0xab", 3)]);
        for none in ["{}", r#"{"codeSubstitutes": null}"#, r#"{"codeSubstitutes": {}}"#] {
            assert!(code_substitutes("spec.json", none.as_bytes()).expect("read").is_empty());
        }
        assert!(code_substitutes("spec.json", &br#"{"codeSubstitutes": {"1": "zz"}}"#[..]).is_err());
    }

    #[test]
    fn errors_name_the_kind_of_a_spec_that_is_not_raw() {
        let failure = |genesis| read_json(genesis).expect_err("refused");
        let plain = failure(serde_json::json!({"runtimeGenesis": {"code": "0x00", "patch": {}}}));
        assert!(plain.message.contains("plain chain spec") && plain.hint.is_some(), "{plain}");
        assert!(failure(serde_json::json!({"runtime": {}})).message.contains("plain chain spec"));
        let plain = failure(serde_json::json!({"runtimeGenesis": {"code": code(), "patch": {}}}));
        assert!(plain.message.contains("plain chain spec"), "the code alone is no state: {plain}");
        let light = failure(serde_json::json!({"stateRootHash": "0x00"}));
        assert!(light.message.contains("light chain spec"), "{light}");
        let bare = failure(serde_json::json!({"raw": {"top": {"0x01": "0x02"}, "childrenDefault": {}}}));
        assert!(bare.message.contains("no runtime"), "{bare}");
        let hex = failure(serde_json::json!({"raw": {"top": {"0x0g": "0x02"}, "childrenDefault": {}}}));
        assert!(hex.found.expect("found").contains("0x0g"));
        let bare_hex = failure(serde_json::json!({"raw": {"top": {"00": "0x02"}}}));
        assert!(bare_hex.found.expect("found").contains("no 0x"));
        let twice = r#"{"genesis": {"raw": {"top": {"0x01": "0x02", "0x01": "0x03"}}}}"#;
        let twice = State::from_reader("spec.json", twice.as_bytes()).expect_err("refused");
        assert!(twice.found.expect("found").contains("0x01 twice"));
        let cut = State::from_reader("spec.json", &br#"{"genesis": {"raw": {"top": {"0x01""#[..]).expect_err("refused");
        assert_eq!(cut.message, "spec.json is cut short");
        assert!(failure(serde_json::json!({})).message.contains("not a raw chain spec"));
        let other = State::from_reader("package.json", &br#"{"name": "x"}"#[..]).expect_err("refused");
        assert_eq!(other.message, "package.json is not a chain spec");
    }
}
