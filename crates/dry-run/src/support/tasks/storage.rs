// SPDX-License-Identifier: Apache-2.0
//! Tasks that write and remove entries of the relay chain's state, by their names and values or by their keys.

use super::{
    Job, Wait, bytes,
    condition::{Condition, Test},
    lacks,
};
use crate::{
    support::{
        case::Case,
        plans::{Plan, WRITES, call, calls},
    },
    types::Interface,
};
use proposal::{Target, encode, json};
use scale_info::TypeDef;
use serde_json::Value as Json;
use worker::{Failure, Result};

/// The most entries that are written at once.
const MOST: usize = 1_000;

/// An entry of the state that is named.
struct Named {
    key: Vec<u8>,
    /// The type of its value.
    value: u32,
    /// The name, with the keys.
    told: String,
}

/// Reads a value in JSON. Bytes and the names of variants need no quotes.
fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

/// Finds an entry by the name of its item and its keys.
fn named(target: &Target, interface: &Interface<'_>, name: &str, keys: &[String]) -> Result<Named> {
    let unknown = |message: String| Failure::usage(message).hint("an item is named as Pallet.Item");
    let (pallet, item) = name.split_once('.').unwrap_or((name, ""));
    let pallet = interface.pallet(pallet).ok_or_else(|| {
        let pallets: Vec<_> = interface.pallets.iter().map(|pallet| pallet.name).collect();
        unknown(format!("{} has no pallet {pallet:?}", target.name())).expected(pallets.join(", "))
    })?;
    let known = pallet.item(item).ok_or_else(|| {
        let items: Vec<_> = pallet.items.iter().map(|item| item.name).collect();
        unknown(format!("{} has no item {item:?}", pallet.name)).expected(items.join(", "))
    })?;
    let count = known.hashers.len();
    if count != keys.len() {
        return Err(Failure::usage(format!("{name} has another number of keys"))
            .found(keys.len().to_string())
            .expected(format!("{count}, each with --key")));
    }
    let types: Vec<u32> = match (known.key, count) {
        (Some(key), 1) => vec![key],
        (Some(key), _) => match target.registry().resolve(key).map(|ty| &ty.type_def) {
            Some(TypeDef::Tuple(tuple)) if tuple.fields.len() == count => tuple.fields.iter().map(|ty| ty.id).collect(),
            _ => return Err(Failure::input(format!("the metadata does not describe the keys of {name}"))),
        },
        (None, _) => Vec::new(),
    };
    let encoded = types.iter().zip(keys).enumerate().map(|(position, (ty, key))| {
        let value = json::value(target, &format!("key {} of {name}", position + 1), *ty, &parsed(key))?;
        encode::value(target, *ty, &value)
    });
    let encoded = encoded.collect::<Result<Vec<_>>>()?;
    let key = pallet.entry_of(item, &encoded);
    let key = key.ok_or_else(|| Failure::internal("an entry with as many keys as its item has no key"))?;
    let told = match keys {
        [] => name.to_owned(),
        keys => format!("{name}[{}]", keys.join(", ")),
    };
    Ok(Named { key, value: known.value, told })
}

fn costs() -> Vec<String> {
    vec![
        WRITES.into(),
        "no rule of the pallet is kept: what else follows from the entry must be written too, by hand".into(),
    ]
}

/// Returns the writing of an entry by its name and value.
pub fn set(case: &Case<'_>, item: &str, keys: &[String], value: &str) -> Result<Job> {
    let target = &case.relay.target;
    let entry = named(target, &case.relay.interface()?, item, keys)?;
    let value = json::value(target, item, entry.value, &parsed(value))?;
    let value = encode::value(target, entry.value, &value)?;
    let plan = Plan::by_root(
        "set-storage",
        format!("the root writes {}", entry.told),
        costs(),
        calls(call(&case.relay, "set_storage", vec![(&entry.key, &value)])),
    );
    let plan = plan.ok_or_else(|| lacks(case, "System.set_storage"))?;
    let test = Test::Entry { key: entry.key, value: Some(value) };
    Ok(Job::new(plan, vec![Condition::new(format!("{} has the value", entry.told), test)], Wait::Nothing))
}

/// Returns the removal of an entry by its name.
pub fn kill(case: &Case<'_>, item: &str, keys: &[String]) -> Result<Job> {
    let entry = named(&case.relay.target, &case.relay.interface()?, item, keys)?;
    let plan = Plan::by_root(
        "kill-storage",
        format!("the root removes {}", entry.told),
        costs(),
        calls(call(&case.relay, "kill_storage", vec![&entry.key])),
    );
    let plan = plan.ok_or_else(|| lacks(case, "System.kill_storage"))?;
    let test = Test::Entry { key: entry.key, value: None };
    Ok(Job::new(plan, vec![Condition::new(format!("{} is not there", entry.told), test)], Wait::Nothing))
}

/// A key, with the value to write; nothing if the entry is to be removed.
type Entry = (Vec<u8>, Option<Vec<u8>>);

fn raw_entry(text: &str) -> Result<Entry> {
    Ok(match text.split_once('=') {
        Some((key, value)) => (bytes(key, "a key")?, Some(bytes(value, "a value")?)),
        None => (bytes(text, "a key")?, None),
    })
}

/// Returns the writing and the removal of entries by their keys.
pub fn raw(case: &Case<'_>, entries: &[String]) -> Result<Job> {
    if entries.is_empty() || entries.len() > MOST {
        return Err(Failure::usage("no entries are given, or too many")
            .found(entries.len().to_string())
            .expected(format!("1 to {MOST}")));
    }
    let entries = entries.iter().map(|text| raw_entry(text)).collect::<Result<Vec<_>>>()?;
    let written: Vec<_> = entries.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
    let removed: Vec<_> = entries.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.clone()).collect();
    let mut both = Vec::new();
    if !written.is_empty() {
        both.push(call(&case.relay, "set_storage", written));
    }
    if !removed.is_empty() {
        both.push(call(&case.relay, "kill_storage", removed));
    }
    let plan = Plan::by_root(
        "set-storage",
        "the root writes entries by their keys",
        costs(),
        both.into_iter().collect::<Option<Vec<_>>>(),
    );
    let plan = plan.ok_or_else(|| lacks(case, "System.set_storage and kill_storage"))?;
    let conditions = entries.into_iter().map(|(key, value)| {
        let shown = case.relay.runtime.layout.describe(&key);
        let told = match value {
            Some(_) => format!("{shown} has the value"),
            None => format!("{shown} is not there"),
        };
        Condition::new(told, Test::Entry { key, value })
    });
    Ok(Job::new(plan, conditions.collect(), Wait::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use worker::Kind;

    #[test]
    fn values_need_quotes_only_where_they_are_no_text() {
        assert_eq!(parsed("7"), serde_json::json!(7));
        assert_eq!(parsed("\"7\""), serde_json::json!("7"));
        assert_eq!(parsed("0x00"), serde_json::json!("0x00"));
        assert_eq!(parsed("Parachain"), serde_json::json!("Parachain"));
        assert_eq!(parsed("{\"a\": [1]}"), serde_json::json!({"a": [1]}));
    }

    #[test]
    fn raw_entries_are_written_or_removed() {
        assert_eq!(raw_entry("0x01=0x02"), Ok((vec![1], Some(vec![2]))));
        assert_eq!(raw_entry("0x01=0x"), Ok((vec![1], Some(Vec::new()))));
        assert_eq!(raw_entry("0x01"), Ok((vec![1], None)));
        for text in ["01=02", "0x01=02", "", "=0x01", "0x01="] {
            assert_eq!(raw_entry(text).expect_err("refused").kind, Kind::Usage, "{text}");
        }
    }
}
