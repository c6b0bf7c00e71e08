// SPDX-License-Identifier: Apache-2.0
//! The SCALE bytes of a type's default value. The types are not trusted: depth and size are
//! bounded.

use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive};

/// Returns the bytes of a type's default value: zeros, empty lists, the variant with the fewest
/// fields.
///
/// Returns `None` for a type that contains itself, and for one whose value exceeds the limits.
pub fn default_value(types: &PortableRegistry, id: u32) -> Option<Vec<u8>> {
    filled_value(types, id, 0)
}

/// Returns the same with every byte of byte arrays set to `fill`.
///
/// It is used for keys and signatures: zeros may be a valid signature.
pub fn filled_value(types: &PortableRegistry, id: u32, fill: u8) -> Option<Vec<u8>> {
    let mut encoder = ValueEncoder { types, fill, parts: 0, bytes: Vec::new() };
    encoder.value(id, 0)?;
    Some(encoder.bytes)
}

/// Returns the width of a primitive in bytes, or `None` for `str`.
pub fn primitive_width(primitive: &TypeDefPrimitive) -> Option<usize> {
    Some(match primitive {
        TypeDefPrimitive::Str => return None,
        TypeDefPrimitive::Bool | TypeDefPrimitive::U8 | TypeDefPrimitive::I8 => 1,
        TypeDefPrimitive::U16 | TypeDefPrimitive::I16 => 2,
        TypeDefPrimitive::Char | TypeDefPrimitive::U32 | TypeDefPrimitive::I32 => 4,
        TypeDefPrimitive::U64 | TypeDefPrimitive::I64 => 8,
        TypeDefPrimitive::U128 | TypeDefPrimitive::I128 => 16,
        TypeDefPrimitive::U256 | TypeDefPrimitive::I256 => 32,
    })
}

/// Encodes a default value, within limits of depth and size.
struct ValueEncoder<'t> {
    types: &'t PortableRegistry,
    fill: u8,
    parts: usize,
    bytes: Vec<u8>,
}

impl ValueEncoder<'_> {
    fn value(&mut self, id: u32, depth: usize) -> Option<()> {
        // Parts without bytes that double at each level would take very long, so parts are counted
        // too.
        self.parts += 1;
        if depth > 32 || self.bytes.len() > 1024 * 1024 || self.parts > 1024 * 1024 {
            return None;
        }
        let types = self.types;
        match &types.resolve(id)?.type_def {
            TypeDef::Composite(composite) => {
                for field in &composite.fields {
                    self.value(field.ty.id, depth + 1)?;
                }
            }
            TypeDef::Tuple(tuple) => {
                for field in &tuple.fields {
                    self.value(field.id, depth + 1)?;
                }
            }
            TypeDef::Variant(variant) => {
                // The variant with the fewest fields: another one may contain the type itself, as
                // calls contain calls.
                let chosen = variant.variants.iter().min_by_key(|variant| (variant.fields.len(), variant.index))?;
                self.bytes.push(chosen.index);
                for field in &chosen.fields {
                    self.value(field.ty.id, depth + 1)?;
                }
            }
            TypeDef::Array(array) => {
                let item = types.resolve(array.type_param.id)?;
                if matches!(item.type_def, TypeDef::Primitive(TypeDefPrimitive::U8)) && array.len <= 1024 * 1024 {
                    self.bytes.resize(self.bytes.len() + array.len as usize, self.fill);
                    return Some(());
                }
                for _ in 0..array.len {
                    self.value(array.type_param.id, depth + 1)?;
                }
            }
            TypeDef::Sequence(_) | TypeDef::Compact(_) | TypeDef::BitSequence(_) => self.bytes.push(0),
            TypeDef::Primitive(primitive) => match primitive_width(primitive) {
                Some(width) => self.bytes.resize(self.bytes.len() + width, 0),
                None => self.bytes.push(0),
            },
        }
        Some(())
    }
}
