// SPDX-License-Identifier: Apache-2.0
//! Decodes bytes to values by the metadata.
//!
//! It shares no code with the encoder, so that both check each other.

use crate::{Field, Types, Value};
use codec::{Compact, Decode, Input};
use scale_info::{TypeDef, TypeDefPrimitive, form::PortableForm};
use worker::{Failure, Result};

/// The deepest nesting of a value. Nested calls with XCM messages are below 40.
const MAX_DEPTH: usize = 96;
/// The most parts of a value. An array of empty structs has no bytes, so the length of the input is
/// not a limit.
const MAX_PARTS: usize = 1 << 20;

/// Decodes a call: the pallet, the call and every argument.
///
/// Fails if the bytes are not exactly one call.
pub fn call(types: &Types, bytes: &[u8]) -> Result<Value> {
    let (index, mut rest) =
        bytes.split_first().ok_or_else(|| Failure::input("these bytes are not a call").found("no bytes"))?;
    let pallet = types.pallets().iter().find(|pallet| pallet.index == *index);
    let calls = pallet.and_then(|pallet| pallet.calls).ok_or_else(|| {
        Failure::input("these bytes are not a call of the chain")
            .found(format!("pallet index {index}"))
            .expected("the index of a pallet with calls")
    })?;
    let value = Decoder { types, parts: 0 }.value(calls, &mut rest, 0)?;
    expect_end(rest)?;
    Ok(value)
}

/// Decodes a value of a type.
///
/// Fails if the bytes are not exactly one value.
pub fn value(types: &Types, ty: u32, mut bytes: &[u8]) -> Result<Value> {
    let value = Decoder { types, parts: 0 }.value(ty, &mut bytes, 0)?;
    expect_end(bytes)?;
    Ok(value)
}

fn expect_end(rest: &[u8]) -> Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Failure::input("the bytes are longer than their type").found(format!("{} bytes left over", rest.len())))
}

struct Decoder<'types> {
    types: &'types Types,
    parts: usize,
}

impl Decoder<'_> {
    fn value(&mut self, ty: u32, input: &mut &[u8], depth: usize) -> Result<Value> {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return Err(Failure::input("the encoded value is too large")
                .expected(format!("at most {MAX_DEPTH} levels and {MAX_PARTS} parts")));
        }
        let types = self.types;
        let resolved = types.registry().resolve(ty).ok_or_else(|| {
            Failure::input("the metadata refers to a type it does not have").found(format!("type {ty}"))
        })?;
        match &resolved.type_def {
            TypeDef::Composite(composite) => self.fields(&composite.fields, input, depth).map(normalize),
            TypeDef::Tuple(tuple) => {
                let mut fields = Vec::new();
                for ty in &tuple.fields {
                    fields.push(Field { name: None, value: self.value(ty.id, input, depth + 1)? });
                }
                Ok(normalize(fields))
            }
            TypeDef::Variant(variants) => {
                let index: u8 = read(input)?;
                let variant = variants.variants.iter().find(|variant| variant.index == index).ok_or_else(|| {
                    let name = resolved.path.segments.join("::");
                    Failure::input(format!("{name:.128} has no variant {index}"))
                })?;
                let fields = self.fields(&variant.fields, input, depth)?;
                Ok(match (types.pallet_by_calls(ty), fields.as_slice()) {
                    (Some(pallet), _) => {
                        Value::Call { pallet: pallet.name.clone(), name: variant.name.clone(), fields }
                    }
                    // The outer call enum adds only the pallet's name, which the call already has.
                    (None, [Field { name: None, value: call @ Value::Call { pallet, .. } }])
                        if *pallet == variant.name =>
                    {
                        call.clone()
                    }
                    _ => Value::Variant { name: variant.name.clone(), fields },
                })
            }
            TypeDef::Sequence(sequence) => {
                let Compact(length) = read::<Compact<u32>>(input)?;
                self.items(sequence.type_param.id, length, input, depth)
            }
            TypeDef::Array(array) => self.items(array.type_param.id, array.len, input, depth),
            TypeDef::Primitive(primitive) => primitive_value(primitive, input),
            TypeDef::Compact(_) => {
                // Compact numbers of every width have the same encoding.
                let Compact(number) = read::<Compact<u128>>(input)?;
                Ok(Value::Number(number))
            }
            TypeDef::BitSequence(_) => {
                Err(Failure::input("bit sequences are not supported").found(format!("type {ty}")))
            }
        }
    }

    fn fields(
        &mut self,
        fields: &[scale_info::Field<PortableForm>],
        input: &mut &[u8],
        depth: usize,
    ) -> Result<Vec<Field>> {
        let mut values = Vec::new();
        for field in fields {
            values.push(Field { name: field.name.clone(), value: self.value(field.ty.id, input, depth + 1)? });
        }
        Ok(values)
    }

    /// Decodes the items of a vector or an array.
    fn items(&mut self, item: u32, length: u32, input: &mut &[u8], depth: usize) -> Result<Value> {
        let is_bytes = self
            .types
            .registry()
            .resolve(item)
            .is_some_and(|ty| matches!(ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U8)));
        if is_bytes {
            let bytes = input.get(..length as usize).ok_or_else(too_short)?;
            let value = Value::bytes(bytes);
            *input = input.get(length as usize..).unwrap_or_default();
            return Ok(value);
        }
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(self.value(item, input, depth + 1)?);
        }
        Ok(Value::List(items))
    }
}

/// Returns the normal form of a struct, see [`Value`].
fn normalize(mut fields: Vec<Field>) -> Value {
    match fields.pop() {
        Some(only) if fields.is_empty() => only.value,
        last => {
            fields.extend(last);
            Value::Fields(fields)
        }
    }
}

fn primitive_value(primitive: &TypeDefPrimitive, input: &mut &[u8]) -> Result<Value> {
    use TypeDefPrimitive::*;
    Ok(match primitive {
        Bool => Value::Bool(read(input)?),
        Str => Value::Text(read(input)?),
        U8 => Value::Number(read::<u8>(input)?.into()),
        U16 => Value::Number(read::<u16>(input)?.into()),
        U32 => Value::Number(read::<u32>(input)?.into()),
        U64 => Value::Number(read::<u64>(input)?.into()),
        U128 => Value::Number(read(input)?),
        I8 => Value::Signed(read::<i8>(input)?.into()),
        I16 => Value::Signed(read::<i16>(input)?.into()),
        I32 => Value::Signed(read::<i32>(input)?.into()),
        I64 => Value::Signed(read::<i64>(input)?.into()),
        I128 => Value::Signed(read(input)?),
        // 256-bit numbers are shown as bytes, in little-endian order.
        U256 | I256 => Value::bytes(read::<[u8; 32]>(input)?),
        Char => {
            let code: u32 = read(input)?;
            let letter = char::from_u32(code)
                .ok_or_else(|| Failure::input("the bytes contain an invalid character").found(format!("{code:#x}")))?;
            Value::Text(letter.into())
        }
    })
}

fn read<T: Decode>(input: &mut &[u8]) -> Result<T> {
    T::decode(input).map_err(|error| match input.remaining_len() {
        Ok(Some(0)) => too_short(),
        _ => Failure::input("the bytes are not a value of their type").found(error.to_string()),
    })
}

fn too_short() -> Failure {
    Failure::input("the bytes end in the middle of a value")
}
