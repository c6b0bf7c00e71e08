// SPDX-License-Identifier: Apache-2.0
//! Reads the arguments of a call, and other values, from JSON by the types of the metadata.
//!
//! - A struct is an object with all its fields, and a tuple an array. One with a single part is that part.
//! - A variant without fields is its name. Another one is an object with its name alone: its only field, an array of
//!   unnamed ones, or an object of named ones. `Option` is null or the value.
//! - Bytes are `0x` and hex. A number is a JSON number, or text of decimal digits, as most balances need it.
//! - A call within is `0x` and hex, or an object with its name alone: `{"System.remark": {"remark": "0x00"}}`.
//! - An address that can be an account is the account: `0x` and hex.

use crate::{Field, Target, Value, decode};
use scale_info::{TypeDef, TypeDefPrimitive, form::PortableForm};
use serde_json::{Map, Value as Json};
use worker::{Failure, Result};

/// The deepest nesting of a value.
const MAX_DEPTH: usize = 96;
/// The most characters of a found value in an error.
const SHOWN: usize = 80;

/// Returns the call `Pallet.call` with these arguments.
///
/// # Errors
///
/// The place of an argument that does not fit its type.
pub fn call(target: &Target, name: &str, arguments: &Json) -> Result<Value> {
    Reader { target, path: Vec::new() }.call(name, arguments, 0)
}

/// Returns a value of a type. `name` is that of the whole value in errors.
///
/// # Errors
///
/// The place of a part that does not fit its type.
pub fn value(target: &Target, name: &str, ty: u32, given: &Json) -> Result<Value> {
    Reader { target, path: vec![name.to_owned()] }.value(ty, given, 0)
}

struct Reader<'target> {
    target: &'target Target,
    /// The path to the current part, for errors: `Balances.force_transfer.dest`.
    path: Vec<String>,
}

impl Reader<'_> {
    fn unfit(&self, found: &Json, expected: impl Into<String>) -> Failure {
        let text = found.to_string();
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        Failure::usage(format!("{} has another type", self.path.join(".")))
            .found(format!("{shown}{more}"))
            .expected(expected)
    }

    fn call(&mut self, name: &str, arguments: &Json, depth: usize) -> Result<Value> {
        let target = self.target;
        let (pallet, call) = name.split_once('.').unwrap_or((name, ""));
        let known = target.pallet(pallet).ok_or_else(|| {
            Failure::usage(format!("{} has no pallet {pallet:?}", target.name())).expected(target.pallet_names())
        })?;
        let calls = known.calls.and_then(|calls| target.variants(calls));
        let variants = calls.map(|calls| calls.variants.as_slice()).unwrap_or_default();
        let variant = variants.iter().find(|variant| variant.name == call).ok_or_else(|| {
            let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
            Failure::usage(format!("{pallet} of {} has no call {call:?}", target.name()))
                .expected(if names.is_empty() { "a pallet with calls".to_owned() } else { names.join(", ") })
        })?;
        self.path.push(name.to_owned());
        let empty = Json::Object(Map::new());
        let arguments = if arguments.is_null() && variant.fields.is_empty() { &empty } else { arguments };
        let Json::Object(given) = arguments else {
            return Err(self.unfit(arguments, format!("an object with {}", names(&variant.fields))));
        };
        let fields = self.named(&variant.fields, given, depth)?;
        self.path.pop();
        Ok(Value::Call { pallet: known.name.clone(), name: variant.name.clone(), fields })
    }

    fn value(&mut self, ty: u32, given: &Json, depth: usize) -> Result<Value> {
        let target = self.target;
        let Some(resolved) = target.registry().resolve(ty).filter(|_| depth <= MAX_DEPTH) else {
            return Err(self.unfit(given, format!("at most {MAX_DEPTH} levels")));
        };
        match &resolved.type_def {
            TypeDef::Composite(composite) => self.fields(&composite.fields, given, depth),
            TypeDef::Tuple(tuple) => match (tuple.fields.as_slice(), given) {
                ([only], _) => self.value(only.id, given, depth + 1),
                ([], Json::Null) => Ok(Value::Fields(Vec::new())),
                (types, Json::Array(items)) if types.len() == items.len() => {
                    let parts = types.iter().zip(items).enumerate().map(|(position, (ty, item))| {
                        Ok(Field { name: None, value: self.at(position.to_string(), ty.id, item, depth)? })
                    });
                    Ok(Value::Fields(parts.collect::<Result<_>>()?))
                }
                (types, _) => Err(self.unfit(given, format!("an array of {} values", types.len()))),
            },
            TypeDef::Variant(variants) => self.variant(ty, &variants.variants, given, depth),
            TypeDef::Sequence(sequence) => self.items(sequence.type_param.id, None, given, depth),
            TypeDef::Array(array) => self.items(array.type_param.id, Some(array.len as usize), given, depth),
            TypeDef::Compact(compact) => self.value(compact.type_param.id, given, depth + 1),
            TypeDef::Primitive(primitive) => self.primitive(primitive, given),
            TypeDef::BitSequence(_) => Err(self.unfit(given, "no bit sequence, which cannot be given here")),
        }
    }

    /// Reads a part, whose name is the last one of the path meanwhile.
    fn at(&mut self, name: String, ty: u32, given: &Json, depth: usize) -> Result<Value> {
        self.path.push(name);
        let value = self.value(ty, given, depth + 1)?;
        self.path.pop();
        Ok(value)
    }

    /// Reads the fields of a struct or of a variant.
    fn fields(&mut self, fields: &[scale_info::Field<PortableForm>], given: &Json, depth: usize) -> Result<Value> {
        match (fields, given) {
            ([only], _) => self.value(only.ty.id, given, depth + 1),
            ([first, ..], Json::Object(given)) if first.name.is_some() => {
                Ok(Value::Fields(self.named(fields, given, depth)?))
            }
            (fields, Json::Array(items)) if fields.len() == items.len() => {
                let parts = fields.iter().zip(items).enumerate().map(|(position, (field, item))| {
                    let value = self.at(position.to_string(), field.ty.id, item, depth)?;
                    Ok(Field { name: field.name.clone(), value })
                });
                Ok(Value::Fields(parts.collect::<Result<_>>()?))
            }
            ([], Json::Null) => Ok(Value::Fields(Vec::new())),
            _ => Err(self.unfit(given, format!("an object with {}", names(fields)))),
        }
    }

    fn named(
        &mut self,
        fields: &[scale_info::Field<PortableForm>],
        given: &Map<String, Json>,
        depth: usize,
    ) -> Result<Vec<Field>> {
        let known = |name: &String| fields.iter().any(|field| field.name.as_ref() == Some(name));
        if let Some(unknown) = given.keys().find(|name| !known(name)) {
            return Err(
                Failure::usage(format!("{} has no part {unknown:?}", self.path.join("."))).expected(names(fields))
            );
        }
        let parts = fields.iter().map(|field| {
            let name = field.name.clone().unwrap_or_default();
            let item = given.get(&name).ok_or_else(|| {
                Failure::usage(format!("{} lacks {name:?}", self.path.join("."))).expected(names(fields))
            })?;
            Ok(Field { name: field.name.clone(), value: self.at(name, field.ty.id, item, depth)? })
        });
        parts.collect()
    }

    fn variant(
        &mut self,
        ty: u32,
        variants: &[scale_info::Variant<PortableForm>],
        given: &Json,
        depth: usize,
    ) -> Result<Value> {
        let is_option = matches!(variants, [none, some] if none.name == "None" && some.name == "Some");
        if let ([none, some], true) = (variants, is_option) {
            return Ok(match (given, some.fields.as_slice()) {
                (Json::Null, _) => Value::unit_variant(&none.name),
                (_, [only]) => Value::variant(&some.name, self.value(only.ty.id, given, depth + 1)?),
                _ => return Err(self.unfit(given, "null or a value")),
            });
        }
        let is_call = self.is_call(ty, variants);
        let find = |name: &str| variants.iter().find(|variant| variant.name == name);
        match given {
            Json::String(text) if is_call => {
                let bytes = hex::decode(text).ok().filter(|_| text.starts_with("0x"));
                let bytes = bytes.ok_or_else(|| self.unfit(given, "an encoded call, 0x and hex"))?;
                decode::call(self.target.types(), &bytes)
            }
            Json::Object(named) if is_call => match named.iter().next() {
                Some((name, arguments)) if named.len() == 1 => self.call(name, arguments, depth + 1),
                _ => Err(self.unfit(given, "an object with the name of a call alone")),
            },
            // An account where an address may be one (`MultiAddress`).
            Json::String(text) if text.starts_with("0x") => match find("Id").map(|variant| variant.fields.as_slice()) {
                Some([only]) => Ok(Value::variant("Id", self.value(only.ty.id, given, depth + 1)?)),
                _ => Err(self.unfit(given, one_of(variants))),
            },
            Json::String(name) => match find(name) {
                Some(variant) if variant.fields.is_empty() => Ok(Value::unit_variant(name)),
                Some(variant) => Err(self.unfit(given, format!("{name} with {}", names(&variant.fields)))),
                None => Err(self.unfit(given, one_of(variants))),
            },
            Json::Object(named) if named.len() == 1 => {
                let known = named.iter().find_map(|(name, inner)| Some((find(name)?, inner)));
                let (variant, inner) = known.ok_or_else(|| self.unfit(given, one_of(variants)))?;
                self.path.push(variant.name.clone());
                let fields = match (variant.fields.as_slice(), inner) {
                    ([], Json::Null) => Vec::new(),
                    ([only], _) if only.name.is_none() => {
                        vec![Field { name: None, value: self.value(only.ty.id, inner, depth + 1)? }]
                    }
                    (fields, Json::Object(inner)) => self.named(fields, inner, depth)?,
                    (fields, _) => match self.fields(fields, inner, depth)? {
                        Value::Fields(fields) => fields,
                        _ => return Err(self.unfit(inner, names(fields))),
                    },
                };
                self.path.pop();
                Ok(Value::variant_of(&variant.name, fields))
            }
            _ => Err(self.unfit(given, one_of(variants))),
        }
    }

    /// Returns whether a type is that of calls: of one pallet, or of the whole runtime.
    fn is_call(&self, ty: u32, variants: &[scale_info::Variant<PortableForm>]) -> bool {
        let of_pallet = |ty: u32| self.target.types().pallet_by_calls(ty).is_some();
        let is_outer = |variant: &scale_info::Variant<PortableForm>| matches!(variant.fields.as_slice(), [only] if of_pallet(only.ty.id));
        of_pallet(ty) || variants.iter().any(is_outer)
    }

    fn items(&mut self, item: u32, length: Option<usize>, given: &Json, depth: usize) -> Result<Value> {
        let expected = |what: &str| match length {
            Some(length) => format!("{length} {what}"),
            None => what.to_owned(),
        };
        let of_bytes = self.target.registry().resolve(item).map(|ty| &ty.type_def);
        if matches!(of_bytes, Some(TypeDef::Primitive(TypeDefPrimitive::U8))) {
            let text = given.as_str().filter(|text| text.starts_with("0x"));
            let bytes = text.and_then(|text| hex::decode(text).ok());
            let bytes = bytes.filter(|bytes| length.is_none_or(|length| bytes.len() == length));
            return bytes.map(Value::Bytes).ok_or_else(|| self.unfit(given, expected("bytes, 0x and hex")));
        }
        let items = given.as_array().filter(|items| length.is_none_or(|length| items.len() == length));
        let items = items.ok_or_else(|| self.unfit(given, format!("an array of {}", expected("values"))))?;
        let values =
            items.iter().enumerate().map(|(position, value)| self.at(position.to_string(), item, value, depth));
        Ok(Value::List(values.collect::<Result<_>>()?))
    }

    fn primitive(&self, primitive: &TypeDefPrimitive, given: &Json) -> Result<Value> {
        use TypeDefPrimitive::*;
        let digits = || match given {
            Json::Number(number) => Some(number.to_string()),
            Json::String(text) => Some(text.clone()),
            _ => None,
        };
        let read = match primitive {
            Bool => given.as_bool().map(Value::Bool),
            Str | Char => given.as_str().map(|text| Value::Text(text.to_owned())),
            U8 | U16 | U32 | U64 | U128 => digits().and_then(|digits| digits.parse().ok()).map(Value::Number),
            I8 | I16 | I32 | I64 | I128 => digits().and_then(|digits| digits.parse().ok()).map(Value::Signed),
            U256 | I256 => given.as_str().and_then(|text| hex::decode(text).ok()).map(Value::Bytes),
        };
        let expected = match primitive {
            Bool => "true or false",
            Str | Char => "text",
            U256 | I256 => "32 bytes in little-endian order, 0x and hex",
            _ => "a whole number, or text of its decimal digits",
        };
        read.ok_or_else(|| self.unfit(given, expected))
    }
}

fn names(fields: &[scale_info::Field<PortableForm>]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_deref().unwrap_or("a value")).collect();
    if names.is_empty() { "no fields".into() } else { names.join(", ") }
}

fn one_of(variants: &[scale_info::Variant<PortableForm>]) -> String {
    let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).take(64).collect();
    format!("one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tests::chain::relay, verified};
    use serde_json::json;
    use worker::Kind;

    fn read(name: &str, arguments: Json) -> Result<String> {
        let chain = relay();
        let value = call(&chain, name, &arguments)?;
        // Whatever is read can be encoded, and decodes to the same.
        verified::encode(&chain, value).map(|call| call.decoded.to_string())
    }

    #[test]
    fn arguments_are_read_by_their_types() {
        let submit = json!({
            "proposal_origin": {"system": "Root"}, "proposal": {"Inline": "0x0102"}, "enactment_moment": {"After": "10"},
        });
        for (name, arguments, expected) in [
            ("System.remark", json!({"remark": "0x0102"}), "System.remark { remark: 0x0102 }"),
            (
                "Sudo.sudo",
                json!({"call": {"System.remark": {"remark": "0x"}}}),
                "Sudo.sudo { call: System.remark { remark: 0x } }",
            ),
            ("Sudo.sudo", json!({"call": "0x00000401"}), "Sudo.sudo { call: System.remark { remark: 0x01 } }"),
            (
                "Referenda.submit",
                submit,
                "Referenda.submit { proposal_origin: system(Root), proposal: Inline(0x0102), enactment_moment: After(10) }",
            ),
        ] {
            assert_eq!(read(name, arguments).as_deref(), Ok(expected));
        }
        let message = json!({
            "dest": {"V5": {"parents": 0, "interior": {"X1": [{"Parachain": 2000}]}}},
            "message": {"V5": [{"UnpaidExecution": {"weight_limit": "Unlimited", "check_origin": null}}]},
        });
        let text = read("XcmPallet.send", message).expect("a message");
        assert!(text.contains("X1([Parachain(2000)])") && text.contains("check_origin: None"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        for (name, arguments, message, expected) in [
            ("Nope.call", json!({}), "has no pallet", "System"),
            ("System.nope", json!({}), "has no call", "remark"),
            ("System", json!({}), "has no call", "remark"),
            ("System.remark", json!({}), "lacks \"remark\"", "remark"),
            ("System.remark", json!({"remark": "0x", "more": 1}), "has no part \"more\"", "remark"),
            ("System.remark", json!([]), "System.remark has another type", "remark"),
            ("System.remark", json!({"remark": "12"}), "System.remark.remark has another type", "bytes, 0x and hex"),
            (
                "System.authorize_upgrade",
                json!({"code_hash": "0x07"}),
                "System.authorize_upgrade.code_hash",
                "32 bytes",
            ),
            (
                "XcmPallet.send",
                json!({"dest": {"V5": {"parents": 300}}, "message": 1}),
                "XcmPallet.send.dest.V5",
                "interior",
            ),
            (
                "Referenda.place_decision_deposit",
                json!({"index": true}),
                "place_decision_deposit.index",
                "a whole number",
            ),
            ("Sudo.sudo", json!({"call": "0xff"}), "not a call of the chain", "the index of a pallet"),
        ] {
            let failure = read(name, arguments).expect_err("refused");
            assert!([Kind::Usage, Kind::Input].contains(&failure.kind), "{failure:?}");
            assert!(failure.message.contains(message), "{message}: {failure:?}");
            assert!(failure.expected.as_ref().is_some_and(|text| text.contains(expected)), "{expected}: {failure:?}");
        }
    }
}
