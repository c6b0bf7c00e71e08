// SPDX-License-Identifier: Apache-2.0
//! Encodes values by the types of the metadata.
//!
//! The value and the type must have the same fields. If a chain's call has an additional argument,
//! the encoder fails with the argument's name; it never guesses a value.

use crate::{Field, Target, Value};
use codec::{Compact, Encode};
use scale_info::{TypeDef, TypeDefPrimitive, form::PortableForm};
use worker::{Failure, Result};

const MAX_DEPTH: usize = 96;

/// Encodes a call as in an extrinsic or a preimage: pallet index, call index, arguments.
pub fn call(target: &Target, intention: &Value) -> Result<Vec<u8>> {
    let Value::Call { pallet, .. } = intention else {
        return Err(Failure::internal("the value to encode is not a call").found(format!("{intention}")));
    };
    let calls = target.pallet(pallet).and_then(|pallet| Some((pallet.index, pallet.calls?)));
    let (index, calls) = calls.ok_or_else(|| {
        Failure::input(format!("{} has no calls of a pallet {pallet}", target.name()))
            .expected(format!("one of {}", target.pallet_names()))
    })?;
    let mut bytes = vec![index];
    let mut encoder = Encoder { target, path: vec![pallet.clone()] };
    encoder.value(calls, intention, &mut bytes, 0)?;
    Ok(bytes)
}

/// Encodes a value of a type.
pub fn value(target: &Target, ty: u32, intention: &Value) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Encoder { target, path: Vec::new() }.value(ty, intention, &mut bytes, 0)?;
    Ok(bytes)
}

struct Encoder<'target> {
    target: &'target Target,
    /// The path to the current part, for errors: `Referenda.submit.proposal_origin`.
    path: Vec<String>,
}

impl Encoder<'_> {
    fn mismatch(&self, found: impl Into<String>, expected: impl Into<String>) -> Failure {
        Failure::input(format!("{} of {} has an unexpected type", self.path.join("."), self.target.name()))
            .found(found)
            .expected(expected)
            .hint("this version of Cutover does not support the chain's runtime; please report it")
    }

    fn value(&mut self, ty: u32, intention: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
        let target = self.target;
        let Some(resolved) = target.registry().resolve(ty).filter(|_| depth <= MAX_DEPTH) else {
            return Err(self.mismatch(format!("type {ty}, unknown or too deep"), "a type of the metadata"));
        };
        match (&resolved.type_def, intention) {
            (TypeDef::Composite(composite), _) => match composite.fields.as_slice() {
                [only] => self.value(only.ty.id, intention, out, depth + 1),
                fields => self.fields(fields, self.parts_of(intention)?, out, depth),
            },
            (TypeDef::Tuple(tuple), _) => match tuple.fields.as_slice() {
                [only] => self.value(only.id, intention, out, depth + 1),
                types => {
                    let parts = self.parts_of(intention)?;
                    if types.len() != parts.len() {
                        return Err(self.mismatch(format!("{} parts", types.len()), format!("{}", parts.len())));
                    }
                    types.iter().zip(parts).try_for_each(|(ty, part)| self.value(ty.id, &part.value, out, depth + 1))
                }
            },
            (TypeDef::Variant(variants), _) => self.variant(ty, variants, intention, out, depth),
            (TypeDef::Sequence(sequence), Value::Bytes(bytes)) if self.is_byte(sequence.type_param.id) => {
                out.extend(Compact(self.length(bytes.len())?).encode());
                out.extend(bytes);
                Ok(())
            }
            (TypeDef::Sequence(sequence), Value::List(items)) => {
                out.extend(Compact(self.length(items.len())?).encode());
                self.items(sequence.type_param.id, items, out, depth)
            }
            (TypeDef::Array(array), Value::Bytes(bytes))
                if self.is_byte(array.type_param.id) && array.len as usize == bytes.len() =>
            {
                out.extend(bytes);
                Ok(())
            }
            (TypeDef::Array(array), Value::List(items)) if array.len as usize == items.len() => {
                self.items(array.type_param.id, items, out, depth)
            }
            (TypeDef::Compact(compact), Value::Number(number)) => {
                // The encoding is the same for every width; the width is only checked.
                match crate::registry::unwrap_newtypes(target.registry(), compact.type_param.id)
                    .map(|(_, ty)| &ty.type_def)
                {
                    Some(TypeDef::Primitive(primitive)) => self.primitive(primitive, intention, &mut Vec::new())?,
                    _ => {
                        return Err(
                            self.mismatch("a compact type that is not a number", format!("a type for {number}"))
                        );
                    }
                }
                out.extend(Compact(*number).encode());
                Ok(())
            }
            (TypeDef::Primitive(primitive), _) => self.primitive(primitive, intention, out),
            (other, _) => Err(self.mismatch(kind(other), format!("a type for {intention}"))),
        }
    }

    fn variant(
        &mut self,
        ty: u32,
        variants: &scale_info::TypeDefVariant<PortableForm>,
        intention: &Value,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<()> {
        // A call is nested in two enums: the runtime's and the pallet's.
        let (name, fields) = match intention {
            Value::Call { pallet, name, fields } => match self.target.types().pallet_by_calls(ty) {
                Some(owner) if owner.name == *pallet => (name, fields),
                Some(owner) => return Err(self.mismatch(format!("calls of {}", owner.name), intention.to_string())),
                None => return self.outer_call(variants, pallet, intention, out, depth),
            },
            Value::Variant { name, fields } => (name, fields),
            other => return Err(self.mismatch("an enum", format!("a type for {other}"))),
        };
        let Some(variant) = variants.variants.iter().find(|variant| variant.name == *name) else {
            let names: Vec<_> = variants.variants.iter().map(|variant| variant.name.as_str()).take(64).collect();
            return Err(self.mismatch(format!("an enum of {}", names.join(", ")), name.clone()));
        };
        out.push(variant.index);
        self.path.push(name.clone());
        self.fields(&variant.fields, fields, out, depth)?;
        self.path.pop();
        Ok(())
    }

    fn outer_call(
        &mut self,
        variants: &scale_info::TypeDefVariant<PortableForm>,
        pallet: &str,
        intention: &Value,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<()> {
        let variant = variants.variants.iter().find(|variant| variant.name == pallet);
        let (Some(variant), Some(known)) = (variant, self.target.pallet(pallet)) else {
            return Err(self.mismatch("an enum without that pallet", intention.to_string()));
        };
        let [only] = variant.fields.as_slice() else {
            return Err(self.mismatch(format!("{} fields", variant.fields.len()), "a call"));
        };
        if variant.index != known.index {
            return Err(self.mismatch(
                format!("index {} for the pallet {pallet} in the call enum", variant.index),
                format!("index {}", known.index),
            ));
        }
        out.push(variant.index);
        self.value(only.ty.id, intention, out, depth + 1)
    }

    fn parts_of<'value>(&self, intention: &'value Value) -> Result<&'value [Field]> {
        match intention {
            Value::Fields(fields) => Ok(fields),
            other => Err(self.mismatch("a struct of several fields", format!("a type for {other}"))),
        }
    }

    fn fields(
        &mut self,
        fields: &[scale_info::Field<PortableForm>],
        parts: &[Field],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<()> {
        let same_names =
            fields.len() == parts.len() && fields.iter().all(|field| parts.iter().any(|part| part.name == field.name));
        if !same_names {
            let list = |names: &mut dyn Iterator<Item = Option<&str>>| {
                let names: Vec<_> = names.take(32).map(|name| name.unwrap_or("_")).collect();
                if names.is_empty() { "no fields".into() } else { format!("fields {}", names.join(", ")) }
            };
            return Err(self.mismatch(
                list(&mut fields.iter().map(|field| field.name.as_deref())),
                list(&mut parts.iter().map(|part| part.name.as_deref())),
            ));
        }
        for (position, field) in fields.iter().enumerate() {
            // Named fields are encoded in the type's order, fields without names in their own.
            let part = match &field.name {
                Some(name) => parts.iter().find(|part| part.name.as_ref() == Some(name)),
                None => parts.get(position),
            };
            let Some(part) = part else {
                return Err(self.mismatch("a field", "none"));
            };
            self.path.push(field.name.clone().unwrap_or_else(|| position.to_string()));
            self.value(field.ty.id, &part.value, out, depth + 1)?;
            self.path.pop();
        }
        Ok(())
    }

    fn items(&mut self, item: u32, items: &[Value], out: &mut Vec<u8>, depth: usize) -> Result<()> {
        items.iter().try_for_each(|value| self.value(item, value, out, depth + 1))
    }

    fn primitive(&self, primitive: &TypeDefPrimitive, intention: &Value, out: &mut Vec<u8>) -> Result<()> {
        use TypeDefPrimitive::*;
        let width = match (primitive, intention) {
            (Bool, Value::Bool(value)) => {
                out.push(u8::from(*value));
                return Ok(());
            }
            (Str, Value::Text(text)) => {
                out.extend(text.encode());
                return Ok(());
            }
            (U8, Value::Number(_)) => 1,
            (U16, Value::Number(_)) => 2,
            (U32, Value::Number(_)) => 4,
            (U64, Value::Number(_)) => 8,
            (U128, Value::Number(_)) => 16,
            _ => return Err(self.mismatch(format!("{primitive:?}"), format!("a type for {intention}"))),
        };
        if let Value::Number(number) = intention {
            let bytes = number.to_le_bytes();
            let (low, high) = bytes.split_at(width);
            if high.iter().any(|byte| *byte != 0) {
                return Err(self.mismatch(format!("{primitive:?}"), format!("room for {number}")));
            }
            out.extend(low);
        }
        Ok(())
    }

    fn is_byte(&self, ty: u32) -> bool {
        let resolved = self.target.registry().resolve(ty);
        resolved.is_some_and(|ty| matches!(ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U8)))
    }

    fn length(&self, length: usize) -> Result<u32> {
        u32::try_from(length).map_err(|_| self.mismatch(format!("{length} items"), "at most 2^32"))
    }
}

fn kind(def: &TypeDef<PortableForm>) -> &'static str {
    match def {
        TypeDef::Composite(_) => "a struct",
        TypeDef::Variant(_) => "an enum",
        TypeDef::Sequence(_) => "a sequence",
        TypeDef::Array(_) => "an array of another length",
        TypeDef::Tuple(_) => "a tuple",
        TypeDef::Primitive(_) => "a primitive",
        TypeDef::Compact(_) => "a compact number",
        TypeDef::BitSequence(_) => "a bit sequence",
    }
}
