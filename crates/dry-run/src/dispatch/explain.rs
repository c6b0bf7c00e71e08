// SPDX-License-Identifier: Apache-2.0
//! A proposal read back: the call decoded whole, what it is for, and the hashes of the calls in it. Nothing is dispatched.

use super::{
    call::Call,
    control,
    stage::Member,
    value::{self, Carried},
};
use crate::messages::Present;
use artifact::hashes::blake2_256;
use fork::{Executor, LoadOptions, Store};
use proposal::{Field, Value, decode, encode};
use protocol::{
    explanation::{CallExplanation, CallPurpose, ExplainCallRequest, ExplainedCall, PurposeKind},
    format,
};
use worker::{Failure, Reporter, Result};

/// The most calls that are listed, and the most purposes of one kind.
const MOST: usize = 500;
/// The deepest nesting of referenda within referenda.
const DEPTH: usize = 8;
/// The most keys of a call that are told.
const KEYS: usize = 20;

/// Decodes a proposal, and says what its calls are for.
pub fn explain(request: &ExplainCallRequest, reporter: &Reporter) -> Result<CallExplanation> {
    let executor = Executor::new(request.cache.as_deref());
    let store = Store::new(request.nodes.as_deref());
    let how = LoadOptions { store: Some(&store), ..LoadOptions::default() };
    let at = LoadOptions { at: request.at.as_deref(), ..how };
    let (main, chain) = Member::of(&request.target, Present::load(&request.target, at, &executor, reporter)?)?;
    let call = Call::read(&request.proposal, None, &chain, &main)?;
    let mut members = vec![main];
    for source in &request.with {
        members.push(Member::of(source, Present::load(source, how, &executor, reporter)?)?.0);
    }
    let main = members.first().ok_or_else(|| Failure::internal("an explanation without chains"))?;
    let decoded = decode::call(main.target.types(), &call.bytes)?;
    let (explained, carried) = value::with_carried(&decoded, main, &members);
    let mut found = Found::default();
    found.within(&decoded, main, None);
    for Carried { receiver, bytes, call } in &carried {
        found.add(receiver, None, call, bytes);
        found.within(call, receiver, None);
    }
    chain.checked(Ok(()))?;
    Ok(CallExplanation {
        format: format::EXPLANATION.into(),
        chain: main.name.clone(),
        source: request.source.clone().unwrap_or(call.source),
        origin: call.origin.to_string(),
        name: title(&decoded),
        length: call.bytes.len() as u64,
        blake2_256: hex::encode_prefixed(blake2_256(&call.bytes)),
        decoded: value::pretty(&explained),
        purposes: found.purposes,
        more_purposes: found.more_purposes,
        inner: found.inner,
        more_inner: found.more,
    })
}

/// What was found in a call.
#[derive(Default)]
struct Found {
    purposes: Vec<CallPurpose>,
    more_purposes: u64,
    inner: Vec<ExplainedCall>,
    more: u64,
    /// The referenda around the call that is looked at.
    depth: usize,
}

impl Found {
    /// Looks at a value, and at everything in it that its chain dispatches. `around` is the call around it.
    fn within(&mut self, value: &Value, member: &Member, around: Option<&str>) {
        match value {
            Value::Call { fields, .. } => {
                let name = title(value);
                if let Some(around) = around {
                    match encode::call(&member.target, value) {
                        Ok(bytes) => self.add(member, Some(around), value, &bytes),
                        Err(_) => self.more += 1,
                    }
                }
                let described = |key: &[u8]| member.runtime.layout.describe(key);
                if let Some((kind, told)) = purpose(value, &described) {
                    self.purpose(CallPurpose { kind, chain: member.name.clone(), name: name.clone(), told });
                }
                fields.iter().for_each(|field| self.within(&field.value, member, Some(name.as_str())));
            }
            // `Bounded` of a call that a referendum holds itself.
            Value::Variant { name, fields }
                if name == "Inline" && matches!(fields.as_slice(), [Field { value: Value::Bytes(_), .. }]) =>
            {
                fields.iter().for_each(|field| self.inline(&field.value, member, around));
            }
            Value::Variant { fields, .. } | Value::Fields(fields) => {
                fields.iter().for_each(|field| self.within(&field.value, member, around));
            }
            Value::List(items) => items.iter().for_each(|item| self.within(item, member, around)),
            _ => {}
        }
    }

    /// Looks at an encoded call that its chain dispatches later.
    fn inline(&mut self, bytes: &Value, member: &Member, around: Option<&str>) {
        let Value::Bytes(bytes) = bytes else { return };
        if self.depth >= DEPTH {
            self.more += 1;
            return;
        }
        let Ok(call) = decode::call(member.target.types(), bytes) else { return };
        self.depth += 1;
        self.add(member, around, &call, bytes);
        self.within(&call, member, None);
        self.depth -= 1;
    }

    /// Lists a purpose. Many of one kind leave room for those of others.
    fn purpose(&mut self, found: CallPurpose) {
        match self.purposes.iter().filter(|listed| listed.kind == found.kind).count() < MOST {
            true => self.purposes.push(found),
            false => self.more_purposes += 1,
        }
    }

    fn add(&mut self, member: &Member, around: Option<&str>, call: &Value, bytes: &[u8]) {
        if self.inner.len() >= MOST {
            self.more += 1;
            return;
        }
        self.inner.push(ExplainedCall {
            chain: member.name.clone(),
            within: around.map(str::to_owned),
            name: title(call),
            length: bytes.len() as u64,
            blake2_256: hex::encode_prefixed(blake2_256(bytes)),
        });
    }
}

/// Returns `Pallet.call`.
fn title(value: &Value) -> String {
    match value {
        Value::Call { pallet, name, .. } => format!("{pallet}.{name}"),
        _ => "a value".to_owned(),
    }
}

/// Returns what a call is for, if it is of a known kind. `described` returns the storage item of a key.
fn purpose(value: &Value, described: &dyn Fn(&[u8]) -> String) -> Option<(PurposeKind, String)> {
    let Value::Call { pallet, name, fields } = value else { return None };
    let field = |name: &str| fields.iter().find(|field| field.name.as_deref() == Some(name)).map(|field| &field.value);
    let para = field("para").map(|para| format!(" for parachain {para}")).unwrap_or_default();
    let code = || ["code", "new_code", "validation_code"].into_iter().find_map(field).map(hash);
    let named = || ["code_hash", "new_code_hash"].into_iter().find_map(field).map(Value::to_string);
    Some(match name.as_str() {
        "authorize_upgrade" | "authorize_upgrade_without_checks" => {
            // Older parachains say it in an argument, and the first ones never compare.
            let checks = match field("check_version") {
                Some(Value::Bool(checks)) => *checks,
                _ => name == "authorize_upgrade" && pallet != "ParachainSystem",
            };
            let checks = if checks { "versions are compared" } else { "versions are NOT compared" };
            (PurposeKind::Upgrade, format!("authorizes the code {}, {checks}", named()?))
        }
        "authorize_force_set_current_code_hash" => {
            (PurposeKind::Upgrade, format!("authorizes the code {}{para}", named()?))
        }
        "apply_authorized_upgrade" | "enact_authorized_upgrade" | "apply_authorized_force_set_current_code" => {
            (PurposeKind::Upgrade, format!("applies the authorized code {}{para}", code()?))
        }
        "set_code" | "set_code_without_checks" | "force_set_current_code" | "force_schedule_code_upgrade" => {
            (PurposeKind::Upgrade, format!("puts the code {} in place{para}", code()?))
        }
        "whitelist_call" | "remove_whitelisted_call" => {
            let does = if name == "whitelist_call" { "whitelists" } else { "no longer whitelists" };
            (PurposeKind::Whitelisting, format!("{does} the call with the hash {}", field("call_hash")?))
        }
        "dispatch_whitelisted_call" => {
            (PurposeKind::Whitelisting, format!("dispatches the whitelisted call {}", field("call_hash")?))
        }
        "dispatch_whitelisted_call_with_preimage" => {
            (PurposeKind::Whitelisting, format!("dispatches {}, if it is whitelisted", title(field("call")?)))
        }
        "submit" => {
            let (origin, proposal) = (field("proposal_origin")?, bounded(field("proposal")?)?);
            (PurposeKind::Referendum, format!("submits a referendum about {proposal}, with the origin {origin}"))
        }
        "set_storage" | "kill_storage" | "kill_prefix" => {
            let argument = ["items", "keys", "prefix"].into_iter().find_map(field)?;
            let keys = keys(argument);
            let mut told: Vec<_> = keys.iter().map(|key| described(key)).collect();
            // Nobody hides an entry that is control behind others.
            told.sort_by_cached_key(|item| !control::is_about(item));
            told.truncate(KEYS);
            let more = match keys.len().saturating_sub(KEYS) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let does = if name == "set_storage" { "writes" } else { "removes" };
            (PurposeKind::StorageWrite, format!("{does} {}{more}, past all rules", told.join(", ")))
        }
        _ => return None,
    })
}

/// Returns the hash of a code, or the value if it is none.
fn hash(code: &Value) -> String {
    match code {
        Value::Bytes(bytes) => hex::encode_prefixed(blake2_256(bytes)),
        other => other.to_string(),
    }
}

/// Returns what a `Bounded` call is, in words.
fn bounded(value: &Value) -> Option<String> {
    let Value::Variant { name, fields } = value else { return None };
    let of = |name: &str| fields.iter().find(|field| field.name.as_deref() == Some(name)).map(|field| &field.value);
    match (name.as_str(), fields.as_slice()) {
        ("Inline", [Field { value: Value::Bytes(bytes), .. }]) => Some(format!(
            "an inline call of {} bytes with the hash {}",
            bytes.len(),
            hex::encode_prefixed(blake2_256(bytes))
        )),
        ("Lookup" | "Legacy", _) => Some(format!("the preimage {}", of("hash")?)),
        _ => None,
    }
}

/// Returns the keys that a call writes to: bytes, or the first bytes of each item.
fn keys(value: &Value) -> Vec<&[u8]> {
    match value {
        Value::Bytes(bytes) => vec![bytes.as_slice()],
        Value::List(items) => items.iter().filter_map(first).collect(),
        _ => Vec::new(),
    }
}

fn first(item: &Value) -> Option<&[u8]> {
    match item {
        Value::Bytes(bytes) => Some(bytes.as_slice()),
        Value::Fields(fields) => first(&fields.first()?.value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proposal::named;

    fn call(pallet: &str, name: &str, fields: Vec<Field>) -> Value {
        Value::Call { pallet: pallet.into(), name: name.into(), fields }
    }

    fn told(value: &Value) -> Option<(PurposeKind, String)> {
        purpose(value, &|key| format!("the item {}", hex::encode(key)))
    }

    #[test]
    fn upgrades_are_told_with_their_code_and_check() {
        let hash = || named("code_hash", Value::bytes([1; 32]));
        let of = |name: &str, fields| told(&call("System", name, fields)).map(|(_, told)| told);
        let code = format!("0x{}", "01".repeat(32));
        assert_eq!(
            of("authorize_upgrade", vec![hash()]),
            Some(format!("authorizes the code {code}, versions are compared"))
        );
        let unchecked = Some(format!("authorizes the code {code}, versions are NOT compared"));
        assert_eq!(of("authorize_upgrade_without_checks", vec![hash()]), unchecked);
        assert_eq!(of("authorize_upgrade", vec![hash(), named("check_version", Value::Bool(false))]), unchecked);
        // The first parachains have no argument, and never compare: as `propose upgrade` says of them.
        let of_parachain = |fields| told(&call("ParachainSystem", "authorize_upgrade", fields)).map(|(_, told)| told);
        assert_eq!(of_parachain(vec![hash()]), unchecked);
        let checked = vec![hash(), named("check_version", Value::Bool(true))];
        assert_eq!(of_parachain(checked), Some(format!("authorizes the code {code}, versions are compared")));
        let para = named("para", Value::Number(2000));
        let set = of("force_set_current_code", vec![para, named("new_code", Value::bytes([5]))]).expect("an upgrade");
        assert_eq!(
            set,
            format!("puts the code {} in place for parachain 2000", hex::encode_prefixed(blake2_256(&[5])))
        );
        assert_eq!(of("remark", vec![hash()]), None);
    }

    #[test]
    fn referenda_and_whitelisted_calls_are_told_with_their_hashes() {
        let origin = || named("proposal_origin", Value::variant("system", Value::unit_variant("Root")));
        let inline = named("proposal", Value::variant("Inline", Value::bytes([7, 8])));
        let (kind, words) = told(&call("Referenda", "submit", vec![origin(), inline])).expect("a referendum");
        assert_eq!(kind, PurposeKind::Referendum);
        let hash = hex::encode_prefixed(blake2_256(&[7, 8]));
        assert_eq!(
            words,
            format!(
                "submits a referendum about an inline call of 2 bytes with the hash {hash}, with the origin system(Root)"
            )
        );
        let whitelist = call("Whitelist", "whitelist_call", vec![named("call_hash", Value::bytes([1]))]);
        assert_eq!(
            told(&whitelist),
            Some((PurposeKind::Whitelisting, "whitelists the call with the hash 0x01".into()))
        );
    }

    #[test]
    fn an_upgrade_is_listed_behind_many_other_calls() {
        let of = |kind| CallPurpose { kind, chain: "solo".into(), name: "x".into(), told: "y".into() };
        let mut found = Found::default();
        for _ in 0..=MOST {
            found.purpose(of(PurposeKind::StorageWrite));
        }
        found.purpose(of(PurposeKind::Upgrade));
        assert_eq!((found.purposes.len(), found.more_purposes), (MOST + 1, 1));
        assert_eq!(found.purposes.last().map(|last| last.kind), Some(PurposeKind::Upgrade));
    }

    #[test]
    fn keys_are_told_by_their_items() {
        let pair = |key: &[u8]| {
            Value::Fields(vec![
                Field { name: None, value: Value::bytes(key) },
                Field { name: None, value: Value::bytes([9]) },
            ])
        };
        let items = named("items", Value::List(vec![pair(&[1]), pair(&[2])]));
        let set = told(&call("System", "set_storage", vec![items])).map(|(_, told)| told);
        assert_eq!(set.as_deref(), Some("writes the item 01, the item 02, past all rules"));
        let many = named("items", Value::List((0..=KEYS).map(|key| pair(&[key as u8])).collect()));
        let described =
            |key: &[u8]| if key == [20] { "System.AuthorizedUpgrade".to_owned() } else { "other".to_owned() };
        let (_, set) = purpose(&call("System", "set_storage", vec![many]), &described).expect("a write");
        assert!(set.starts_with("writes System.AuthorizedUpgrade, other, ") && set.contains(" and 1 more"), "{set}");
        let prefix =
            told(&call("System", "kill_prefix", vec![named("prefix", Value::bytes([3]))])).map(|(_, told)| told);
        assert_eq!(prefix.as_deref(), Some("removes the item 03, past all rules"));
    }
}
