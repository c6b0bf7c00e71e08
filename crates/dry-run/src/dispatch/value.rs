// SPDX-License-Identifier: Apache-2.0
//! Decoded calls: as text with a line for each part, the calls in their messages, and the receivers of these.

use super::stage::Member;
use crate::messages::Place;
use proposal::{Field, Value, decode};
use std::cell::RefCell;

/// The most characters of a part that stays on one line.
const WIDTH: usize = 100;
/// The most characters of a call as text.
const LONGEST: usize = 200_000;
/// The most messages within messages that are followed.
const DEPTH: usize = 8;

/// The instructions with a message that another chain executes.
pub const FOR_OTHERS: [&str; 6] = [
    "TransferReserveAsset",
    "DepositReserveAsset",
    "InitiateReserveWithdraw",
    "InitiateTeleport",
    "InitiateTransfer",
    "ExportMessage",
];

/// Returns the place that a location names, as the chain at `from` sees it. Locations of chains alone are known.
pub fn place(location: &Value, from: Place) -> Option<Place> {
    let location = match location {
        // `VersionedLocation`
        Value::Variant { fields, .. } => &fields.first()?.value,
        other => other,
    };
    let Some(Value::Number(parents)) = location.field("parents") else { return None };
    let junctions = match location.field("interior")? {
        Value::Variant { name, fields } if name == "Here" && fields.is_empty() => Vec::new(),
        Value::Variant { name, fields } if name == "X1" => match &fields.first()?.value {
            Value::List(junctions) => junctions.iter().collect(),
            junction => vec![junction],
        },
        _ => return None,
    };
    let parachain = |junction: &Value| match junction {
        Value::Variant { name, fields } if name == "Parachain" => match fields.first()?.value {
            Value::Number(id) => u32::try_from(id).ok().map(Place::Parachain),
            _ => None,
        },
        _ => None,
    };
    match (from, parents, junctions.as_slice()) {
        (Place::Parachain(_), 1, []) => Some(Place::RelayChain),
        (Place::RelayChain, 0, [junction]) | (Place::Parachain(_), 1, [junction]) => parachain(junction),
        _ => None,
    }
}

/// Counts such instructions in a message.
pub fn count(value: &Value, instruction: &str) -> usize {
    match value {
        Value::Variant { name, .. } if name == instruction => 1,
        Value::Variant { fields, .. } | Value::Fields(fields) | Value::Call { fields, .. } => {
            fields.iter().map(|field| count(&field.value, instruction)).sum()
        }
        Value::List(items) => items.iter().map(|item| count(item, instruction)).sum(),
        _ => 0,
    }
}

/// Returns whether a call within writes to the storage below this prefix (`set_storage`, `kill_storage`, `kill_prefix`).
pub fn writes_below(value: &Value, prefix: &[u8]) -> bool {
    const WRITES: [&str; 3] = ["set_storage", "kill_storage", "kill_prefix"];
    match value {
        Value::Call { pallet, name, fields } if pallet == "System" && WRITES.contains(&name.as_str()) => {
            // A shorter prefix has all of it.
            let whole = |bytes: &[u8]| name == "kill_prefix" && prefix.starts_with(bytes);
            fields.iter().any(|field| has_bytes(&field.value, &|bytes| bytes.starts_with(prefix) || whole(bytes)))
        }
        Value::Variant { fields, .. } | Value::Fields(fields) | Value::Call { fields, .. } => {
            fields.iter().any(|field| writes_below(&field.value, prefix))
        }
        Value::List(items) => items.iter().any(|item| writes_below(item, prefix)),
        _ => false,
    }
}

/// Returns whether there are such bytes.
fn has_bytes(value: &Value, are_such: &dyn Fn(&[u8]) -> bool) -> bool {
    match value {
        Value::Bytes(bytes) => are_such(bytes),
        Value::Variant { fields, .. } | Value::Fields(fields) | Value::Call { fields, .. } => {
            fields.iter().any(|field| has_bytes(&field.value, are_such))
        }
        Value::List(items) => items.iter().any(|item| has_bytes(item, are_such)),
        _ => false,
    }
}

/// Returns whether a call within executes a message with a `Transact` on its own chain (pallet-xcm).
pub fn executes_calls(value: &Value) -> bool {
    match value {
        Value::Call { name, fields, .. } if name == "execute" => {
            fields.iter().any(|field| count(&field.value, "Transact") > 0)
        }
        Value::Variant { fields, .. } | Value::Fields(fields) | Value::Call { fields, .. } => {
            fields.iter().any(|field| executes_calls(&field.value))
        }
        Value::List(items) => items.iter().any(executes_calls),
        _ => false,
    }
}

/// Returns the call with the calls that its messages carry, each decoded by the types of its receiver.
pub fn explained(call: &Value, sender: &Member, members: &[Member]) -> Value {
    Explainer::of(members).value(call, sender, None, 0)
}

/// A call that a message carries.
pub struct Carried<'m> {
    /// The chain that dispatches it.
    pub receiver: &'m Member,
    pub bytes: Vec<u8>,
    pub call: Value,
}

/// Returns what [`explained`] does, and the calls that the messages carry, the outer ones first.
pub fn with_carried<'m>(call: &Value, sender: &'m Member, members: &'m [Member]) -> (Value, Vec<Carried<'m>>) {
    let explainer = Explainer::of(members);
    let value = explainer.value(call, sender, None, 0);
    (value, explainer.carried.into_inner())
}

/// Returns a message with the calls that it carries, decoded by the types of the chain that executes it.
pub fn explained_message(message: &Value, receiver: &Member, members: &[Member]) -> Value {
    Explainer::of(members).value(message, receiver, Some(receiver), 0)
}

struct Explainer<'m> {
    members: &'m [Member],
    carried: RefCell<Vec<Carried<'m>>>,
}

impl<'m> Explainer<'m> {
    fn of(members: &'m [Member]) -> Self {
        Self { members, carried: RefCell::default() }
    }

    /// `receiver` is the chain that executes the message around the value.
    fn value(&self, value: &Value, sender: &'m Member, receiver: Option<&'m Member>, depth: usize) -> Value {
        let fields = |fields: &[Field], receiver: Option<&'m Member>| -> Vec<Field> {
            let below = |field: &Field| Field {
                name: field.name.clone(),
                value: self.value(&field.value, sender, receiver, depth),
            };
            fields.iter().map(below).collect()
        };
        match value {
            Value::Call { pallet, name, fields: own } => {
                let to = self.receiver(name, own, sender);
                Value::Call { pallet: pallet.clone(), name: name.clone(), fields: fields(own, to.or(receiver)) }
            }
            Value::Variant { name, fields: own } if name == "Transact" => {
                let mut own = own.clone();
                if let (Some(receiver), true) = (receiver, depth < DEPTH) {
                    for field in own.iter_mut().filter(|field| field.name.as_deref() == Some("call")) {
                        if let Value::Bytes(bytes) = &field.value
                            && let Ok(call) = decode::call(receiver.target.types(), bytes)
                        {
                            let carried = Carried { receiver, bytes: bytes.clone(), call: call.clone() };
                            self.carried.borrow_mut().push(carried);
                            // The receiver sends the messages in this call.
                            field.value = self.value(&call, receiver, None, depth + 1);
                        }
                    }
                }
                Value::Variant { name: name.clone(), fields: own }
            }
            Value::Variant { name, fields: own } => {
                let receiver = receiver.filter(|_| !FOR_OTHERS.contains(&name.as_str()));
                Value::Variant { name: name.clone(), fields: fields(own, receiver) }
            }
            Value::Fields(own) => Value::Fields(fields(own, receiver)),
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.value(item, sender, receiver, depth)).collect())
            }
            other => other.clone(),
        }
    }

    /// Returns the receiver of the message of a call `send` (pallet-xcm).
    fn receiver(&self, call: &str, fields: &[Field], sender: &Member) -> Option<&'m Member> {
        let location = fields.iter().find(|field| call == "send" && field.name.as_deref() == Some("dest"))?;
        let place = place(&location.value, sender.place?)?;
        self.members.iter().find(|member| member.place == Some(place))
    }
}

/// Returns the call with an instruction after each `Transact` of its messages. The instruction has a variant of an enum
/// as its only field, or none. Returns nothing if the call sends no message with a `Transact`.
pub fn with_instruction(call: &Value, instruction: &Value) -> Option<Value> {
    let mut altered = call.clone();
    insert(&mut altered, instruction, false).then_some(altered)
}

/// `in_message` says whether the value is within the message of a call `send`.
fn insert(value: &mut Value, instruction: &Value, in_message: bool) -> bool {
    let below = |fields: &mut Vec<Field>, in_message: bool| {
        fields.iter_mut().fold(false, |found, field| insert(&mut field.value, instruction, in_message) | found)
    };
    match value {
        Value::Call { name, fields, .. } => {
            let sends = name == "send";
            fields.iter_mut().fold(false, |found, field| {
                let is_message = sends && field.name.as_deref() == Some("message");
                insert(&mut field.value, instruction, is_message) | found
            })
        }
        Value::Variant { fields, .. } | Value::Fields(fields) => below(fields, in_message),
        Value::List(items) => {
            let is_transact = |item: &Value| matches!(item, Value::Variant { name, .. } if name == "Transact");
            let mut found = false;
            let mut all = Vec::new();
            for mut item in std::mem::take(items) {
                found |= insert(&mut item, instruction, in_message);
                let transacts = in_message && is_transact(&item);
                all.push(item);
                if transacts {
                    all.push(instruction.clone());
                    found = true;
                }
            }
            *items = all;
            found
        }
        _ => false,
    }
}

/// Returns the value as text, with a line for each part that is too long for one line.
pub fn pretty(value: &Value) -> String {
    let mut text = String::new();
    lines(value, 0, &mut text);
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

fn lines(value: &Value, indent: usize, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    let flat = value.to_string();
    if flat.chars().count() + indent <= WIDTH {
        out.push_str(&flat);
        return;
    }
    let list = |open: &str, parts: &[(Option<&str>, &Value)], close: &str, out: &mut String| {
        out.push_str(open);
        for (name, part) in parts {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 2));
            out.extend(name.iter().flat_map(|name| [*name, ": "]));
            lines(part, indent + 2, out);
        }
        out.push('\n');
        out.push_str(&" ".repeat(indent));
        out.push_str(close);
    };
    fn of(fields: &[Field]) -> Vec<(Option<&str>, &Value)> {
        fields.iter().map(|field| (field.name.as_deref(), &field.value)).collect()
    }
    match value {
        Value::Call { pallet, name, fields } => list(&format!("{pallet}.{name} {{"), &of(fields), "}", out),
        Value::Variant { name, fields } => list(&format!("{name} {{"), &of(fields), "}", out),
        Value::Fields(fields) => list("{", &of(fields), "}", out),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| (None, item)).collect();
            list("[", &items, "]", out);
        }
        _ => out.push_str(&flat),
    }
}

/// Returns the instruction that fails a message whose last `Transact` failed.
pub fn expect_success() -> Value {
    Value::variant("ExpectTransactStatus", Value::unit_variant("Success"))
}

/// Returns an instruction that fails no message, and costs about as much.
pub fn clear_status() -> Value {
    Value::unit_variant("ClearTransactStatus")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proposal::named;

    fn location(version: &str, parents: u128, interior: Value) -> Value {
        let location = Value::Fields(vec![named("parents", Value::Number(parents)), named("interior", interior)]);
        Value::variant(version, location)
    }

    fn send(message: Vec<Value>) -> Value {
        let fields = vec![
            named("dest", location("V5", 0, Value::unit_variant("Here"))),
            named("message", Value::variant("V5", Value::List(message))),
        ];
        Value::Call { pallet: "XcmPallet".into(), name: "send".into(), fields }
    }

    #[test]
    fn locations_of_chains_are_known_in_each_version() {
        let parachain = |id| Value::variant("Parachain", Value::Number(id));
        let (relay, people) = (Place::RelayChain, Place::Parachain(1004));
        let newer = Value::variant("X1", Value::List(vec![parachain(1000)]));
        assert_eq!(place(&location("V5", 0, newer.clone()), relay), Some(Place::Parachain(1000)));
        assert_eq!(
            place(&location("V3", 1, Value::variant("X1", parachain(1000))), people),
            Some(Place::Parachain(1000))
        );
        assert_eq!(place(&location("V4", 1, Value::unit_variant("Here")), people), Some(Place::RelayChain));
        // The twins: itself, another consensus, and an account of a chain.
        assert_eq!(place(&location("V5", 0, Value::unit_variant("Here")), relay), None);
        assert_eq!(place(&location("V5", 2, newer.clone()), people), None);
        assert_eq!(place(&location("V5", 0, newer), people), None);
    }

    #[test]
    fn an_instruction_comes_after_each_call_of_a_message() {
        let transact = || Value::variant_of("Transact", vec![named("call", Value::bytes([1]))]);
        let pay = || Value::unit_variant("UnpaidExecution");
        let altered = with_instruction(&send(vec![pay(), transact(), pay()]), &expect_success()).expect("altered");
        assert_eq!(altered, send(vec![pay(), transact(), expect_success(), pay()]));
        let batch = |call| Value::Call {
            pallet: "Utility".into(),
            name: "batch".into(),
            fields: vec![named("calls", Value::List(vec![call]))],
        };
        let altered = with_instruction(&batch(send(vec![transact()])), &clear_status()).expect("altered");
        assert_eq!(altered, batch(send(vec![transact(), clear_status()])));
        // The twins: a message without a call, and a message that this chain executes itself.
        assert_eq!(with_instruction(&send(vec![pay()]), &expect_success()), None);
        let execute = Value::Call {
            pallet: "XcmPallet".into(),
            name: "execute".into(),
            fields: vec![named("message", Value::variant("V5", Value::List(vec![transact()])))],
        };
        assert_eq!(with_instruction(&execute, &expect_success()), None);
    }

    #[test]
    fn calls_that_can_hide_their_errors_are_found_within_others() {
        let batch = |call| Value::Call {
            pallet: "Utility".into(),
            name: "batch".into(),
            fields: vec![named("calls", Value::List(vec![call]))],
        };
        let kill = |key: &[u8]| Value::Call {
            pallet: "System".into(),
            name: "kill_prefix".into(),
            fields: vec![named("prefix", Value::bytes(key)), named("subkeys", Value::Number(1))],
        };
        assert!(writes_below(&batch(kill(&[1, 2, 3])), &[1, 2]) && writes_below(&kill(&[1]), &[1, 2]));
        assert!(!writes_below(&batch(kill(&[2, 2, 3])), &[1, 2]));
        let pair = Value::Fields(vec![
            Field { name: None, value: Value::bytes([9, 9]) },
            Field { name: None, value: Value::bytes([]) },
        ]);
        let fields = vec![named("items", Value::List(vec![pair]))];
        let set = Value::Call { pallet: "System".into(), name: "set_storage".into(), fields };
        assert!(!writes_below(&set, &[1, 2]), "an empty value");
        let message = |name: &str| Value::variant("V5", Value::List(vec![Value::unit_variant(name)]));
        let execute = |message| Value::Call {
            pallet: "XcmPallet".into(),
            name: "execute".into(),
            fields: vec![named("message", message)],
        };
        assert!(executes_calls(&batch(execute(message("Transact")))));
        assert!(!executes_calls(&execute(message("ClearOrigin"))) && !executes_calls(&send(Vec::new())));
    }

    #[test]
    fn long_calls_have_a_line_for_each_part() {
        let short = Value::Call {
            pallet: "System".into(),
            name: "remark".into(),
            fields: vec![named("remark", Value::bytes([1]))],
        };
        assert_eq!(pretty(&short), "System.remark { remark: 0x01 }");
        let batch = Value::Call {
            pallet: "Utility".into(),
            name: "batch_all".into(),
            fields: vec![named("calls", Value::List(vec![short.clone(), short.clone(), short.clone(), short]))],
        };
        let expected = "Utility.batch_all {\n  calls: [\n    System.remark { remark: 0x01 }\n    System.remark { remark: 0x01 }\n    \
                        System.remark { remark: 0x01 }\n    System.remark { remark: 0x01 }\n  ]\n}";
        assert_eq!(pretty(&batch), expected);
    }
}
