// SPDX-License-Identifier: Apache-2.0
//! A message as a list of instructions, and the instructions that other forms of it are made with.

use super::run::{Site, Told};
use crate::dispatch::value::FOR_OTHERS;
use proposal::{Field, Types, Value, decode, named};
use worker::{Failure, Result};

/// The longest message, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// The most messages within messages: runtimes decode no more (`MAX_XCM_DECODE_DEPTH` of xcm).
const DEEPEST: usize = 8;
/// The instructions with a message that the same chain executes.
const FOR_ITSELF: [&str; 3] = ["SetErrorHandler", "SetAppendix", "ExecuteWithOrigin"];

/// A decoded message.
pub struct Message {
    pub bytes: Vec<u8>,
    /// The name of its version: `V5`.
    pub name: String,
    /// Its version.
    pub version: u32,
    pub instructions: Vec<Value>,
    /// Whether the same bytes are encoded of the instructions again. Others cannot be altered.
    pub is_alterable: bool,
}

impl Message {
    /// Decodes a message by the types of the chain that executes it, or says why it cannot.
    ///
    /// # Errors
    ///
    /// A message beyond the limits of runtimes.
    pub fn read(site: &Site<'_>, bytes: &[u8]) -> Result<Told<Self>> {
        if bytes.len() > LONGEST {
            return Err(Failure::input("the message is too long")
                .found(format!("{} bytes", bytes.len()))
                .expected(format!("at most {LONGEST}")));
        }
        let decoded = match site.decode(site.message_type()?, bytes) {
            Ok(decoded) => decoded,
            Err(failure) => return Ok(Err(failure.to_string())),
        };
        let other = || Err("it is no version with a list of instructions".to_owned());
        let Value::Variant { name, mut fields } = decoded else { return Ok(other()) };
        let Some(Field { value: Value::List(instructions), .. }) = fields.pop() else { return Ok(other()) };
        let Some(version) = name.strip_prefix('V').and_then(|number| number.parse().ok()) else { return Ok(other()) };
        let nested = instructions.iter().map(nesting).max().unwrap_or(0);
        if nested > DEEPEST {
            return Err(Failure::input("the message has too many messages within messages")
                .found(nested.to_string())
                .expected(format!("at most {DEEPEST}")));
        }
        let is_alterable = site.encoded(&name, instructions.clone())?.as_deref() == Some(bytes);
        Ok(Ok(Self { bytes: bytes.to_vec(), name, version, instructions, is_alterable }))
    }

    /// Returns the message as a value.
    pub fn value(&self) -> Value {
        Value::variant(&self.name, Value::List(self.instructions.clone()))
    }

    /// Returns the position of the first instruction of one of these names.
    pub fn position(&self, names: &[&str]) -> Option<usize> {
        self.instructions.iter().position(|instruction| names.contains(&name(instruction)))
    }

    /// Returns whether positions of instructions are ambiguous: those of an error handler and of an appendix begin
    /// with 0 too.
    pub fn has_other_programs(&self) -> bool {
        self.position(&["SetErrorHandler", "SetAppendix"]).is_some()
    }

    /// Returns the instructions with others in front.
    pub fn after(&self, mut first: Vec<Value>) -> Vec<Value> {
        first.extend(self.instructions.iter().cloned());
        first
    }

    /// Returns the instructions with one more at this position.
    pub fn inserted(&self, position: usize, instruction: Value) -> Vec<Value> {
        let mut instructions = self.instructions.clone();
        instructions.insert(position.min(instructions.len()), instruction);
        instructions
    }

    /// Returns the instructions with another one at this position.
    pub fn replaced(&self, position: usize, instruction: Value) -> Vec<Value> {
        let others = self.instructions.iter().enumerate();
        others.map(|(place, own)| if place == position { instruction.clone() } else { own.clone() }).collect()
    }

    /// Returns the instructions without those of this name.
    pub fn without(&self, left_out: &str) -> Vec<Value> {
        self.instructions.iter().filter(|instruction| name(instruction) != left_out).cloned().collect()
    }

    /// Returns the number of `Transact` that the receiver executes within other instructions.
    pub fn nested_calls(&self) -> usize {
        fn within(value: &Value, inside: bool) -> usize {
            match value {
                Value::Variant { name, .. } if name == "Transact" && inside => 1,
                Value::Variant { name, .. } if FOR_OTHERS.contains(&name.as_str()) => 0,
                Value::Variant { name, fields } => {
                    let inside = inside || FOR_ITSELF.contains(&name.as_str());
                    fields.iter().map(|field| within(&field.value, inside)).sum()
                }
                Value::Fields(fields) => fields.iter().map(|field| within(&field.value, inside)).sum(),
                Value::List(items) => items.iter().map(|item| within(item, inside)).sum(),
                _ => 0,
            }
        }
        self.instructions.iter().map(|instruction| within(instruction, false)).sum()
    }
}

/// Returns junctions of one junction, as this version has them.
fn one_junction(version: u32, junction: Value) -> Value {
    // From version 4 on the junctions are an array.
    Value::variant("X1", if version >= 4 { Value::List(vec![junction]) } else { junction })
}

/// Returns the instruction that makes an account within the origin the origin.
pub fn descend(version: u32, account: [u8; 32]) -> Value {
    let network = named("network", Value::unit_variant("None"));
    let account = Value::variant_of("AccountId32", vec![network, named("id", Value::bytes(account))]);
    Value::variant("DescendOrigin", one_junction(version, account))
}

/// Returns the ticket of a claim for assets that were trapped in this version (pallet-xcm).
pub fn ticket(version: u32) -> Value {
    let index = Value::variant("GeneralIndex", Value::Number(version.into()));
    Value::Fields(vec![named("parents", Value::Number(0)), named("interior", one_junction(version, index))])
}

/// Returns the deepest nesting of messages within an instruction.
fn nesting(value: &Value) -> usize {
    match value {
        Value::Variant { name, fields } => {
            let within = fields.iter().map(|field| nesting(&field.value)).max().unwrap_or(0);
            let name = name.as_str();
            within + usize::from(FOR_ITSELF.contains(&name) || FOR_OTHERS.contains(&name))
        }
        Value::Fields(fields) => fields.iter().map(|field| nesting(&field.value)).max().unwrap_or(0),
        Value::List(items) => items.iter().map(nesting).max().unwrap_or(0),
        _ => 0,
    }
}

/// Returns whether it is a `Transact` whose call does not decode by these types.
pub fn is_unknown(instruction: &Value, types: &Types) -> bool {
    let call = Some(instruction).filter(|it| name(it) == "Transact").and_then(|it| field(it, "call"));
    matches!(call, Some(Value::Bytes(bytes)) if decode::call(types, bytes).is_err())
}

/// Returns the name of an instruction.
pub fn name(instruction: &Value) -> &str {
    match instruction {
        Value::Variant { name, .. } => name,
        _ => "",
    }
}

/// Returns a field of an instruction, an event or a struct. A field without a name has the name "".
pub fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Variant { fields, .. } | Value::Fields(fields) => {
            fields.iter().find(|field| field.name.as_deref().unwrap_or_default() == name).map(|field| &field.value)
        }
        _ => None,
    }
}

/// Returns an amount of a fungible asset.
pub fn asset(id: Value, amount: u128) -> Value {
    Value::Fields(vec![named("id", id), named("fun", Value::variant("Fungible", Value::Number(amount)))])
}

/// Returns the amount of a fungible asset.
pub fn amount(asset: &Value) -> Option<u128> {
    match field(field(asset, "fun").filter(|fun| name(fun) == "Fungible")?, "")? {
        Value::Number(amount) => Some(*amount),
        _ => None,
    }
}

pub fn unlimited() -> Value {
    Value::unit_variant("Unlimited")
}

pub fn buy_execution(fees: Value) -> Value {
    Value::variant_of("BuyExecution", vec![named("fees", fees), named("weight_limit", unlimited())])
}

pub fn unpaid_execution() -> Value {
    let origin = named("check_origin", Value::unit_variant("None"));
    Value::variant_of("UnpaidExecution", vec![named("weight_limit", unlimited()), origin])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(version: u32, instructions: Vec<Value>) -> Message {
        Message { bytes: Vec::new(), name: format!("V{version}"), version, instructions, is_alterable: true }
    }

    fn transact() -> Value {
        Value::variant_of("Transact", vec![named("call", Value::bytes([1]))])
    }

    #[test]
    fn messages_within_messages_are_counted() {
        let appendix = |inner| Value::variant("SetAppendix", Value::List(vec![inner]));
        assert_eq!(nesting(&transact()), 0);
        assert_eq!(nesting(&appendix(appendix(transact()))), 2);
        let remote = Value::variant_of("InitiateTransfer", vec![named("remote_xcm", Value::List(vec![transact()]))]);
        assert_eq!(nesting(&remote), 1);
        // A call within is executed here, one of another chain's message is not.
        assert_eq!(message(5, vec![transact(), appendix(transact()), remote]).nested_calls(), 1);
    }

    #[test]
    fn instructions_are_put_in_their_places() {
        let topic = || Value::variant("SetTopic", Value::bytes([1; 32]));
        let own = message(5, vec![Value::unit_variant("ClearOrigin"), topic()]);
        let names = |instructions: Vec<Value>| instructions.iter().map(|it| name(it).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(own.after(vec![unpaid_execution()])), ["UnpaidExecution", "ClearOrigin", "SetTopic"]);
        assert_eq!(names(own.inserted(1, unpaid_execution())), ["ClearOrigin", "UnpaidExecution", "SetTopic"]);
        assert_eq!(names(own.replaced(0, unpaid_execution())), ["UnpaidExecution", "SetTopic"]);
        assert_eq!(names(own.without("SetTopic")), ["ClearOrigin"]);
        assert_eq!(own.position(&["SetTopic", "Trap"]), Some(1));
    }

    #[test]
    fn junctions_have_the_form_of_their_version() {
        assert!(descend(5, [7; 32]).to_string().contains("X1([AccountId32 { network: None"));
        assert!(descend(3, [7; 32]).to_string().contains("X1(AccountId32 { network: None"));
        assert_eq!(ticket(4).to_string(), "{ parents: 0, interior: X1([GeneralIndex(4)]) }");
    }

    #[test]
    fn fungible_assets_have_an_amount() {
        assert_eq!(amount(&asset(Value::Number(1), 70)), Some(70));
        let other = Value::Fields(vec![named("fun", Value::variant("NonFungible", Value::Number(1)))]);
        assert_eq!(amount(&other), None);
        assert_eq!(field(&buy_execution(Value::Number(3)), "fees"), Some(&Value::Number(3)));
    }
}
