// SPDX-License-Identifier: Apache-2.0
//! Decodes values by the types of a runtime's metadata: whether bytes are a value of a type, and
//! what its fields are.
//!
//! Types and bytes are untrusted input: depth and work are bounded.

use crate::compare::{primitive_name, unwrapped};
pub use artifact::metadata::default_value;
use artifact::metadata::primitive_width;
use codec::{Compact, Decode};
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};
use std::fmt::Write;

const MAX_DEPTH: usize = 200;
/// The most fields of a struct that are told apart, nested structs included.
const MAX_LEAVES: usize = 4_096;
/// The most parts of one value. The largest real values, validator sets, have a few hundred
/// thousand.
const MAX_PARTS: usize = 4_000_000;
/// The most bytes of text that are rendered for one value.
const MAX_TEXT: usize = 64 * 1024;

/// Checks that `bytes` are exactly one value of the type. Fails with the reason.
pub fn validate(types: &PortableRegistry, id: u32, bytes: &[u8]) -> Result<(), String> {
    let mut reader = Reader::new(types, bytes, None);
    reader.value(id, 0)?;
    match reader.input.len() {
        0 => Ok(()),
        left => Err(format!("{left} of {} bytes are left over", bytes.len())),
    }
}

/// Decodes one value and returns the bytes after it.
pub fn skip<'b>(types: &PortableRegistry, id: u32, bytes: &'b [u8]) -> Result<&'b [u8], String> {
    let mut reader = Reader::new(types, bytes, None);
    reader.value(id, 0)?;
    Ok(reader.input)
}

/// Returns the value as canonical text: without field names, and without brackets around structs,
/// tuples and arrays.
///
/// Two types give the same bytes the same meaning if this text is the same.
pub fn canonical_text(types: &PortableRegistry, id: u32, bytes: &[u8]) -> Result<String, String> {
    let mut reader = Reader::new(types, bytes, Some(String::new()));
    reader.value(id, 0)?;
    if !reader.input.is_empty() {
        return Err(format!("{} of {} bytes are left over", reader.input.len(), bytes.len()));
    }
    Ok(reader.text.unwrap_or_default())
}

/// A field: its path, type and bytes.
pub type Leaf<'b> = (String, u32, &'b [u8]);

/// Returns the fields of a struct, nested structs included.
pub fn leaves<'b>(types: &PortableRegistry, id: u32, bytes: &'b [u8]) -> Result<Vec<Leaf<'b>>, String> {
    let mut found = Vec::new();
    let left = collect(types, id, bytes, "", 0, &mut found)?;
    match left.len() {
        0 => Ok(found),
        left => Err(format!("{left} of {} bytes are left over", bytes.len())),
    }
}

fn collect<'b>(
    types: &PortableRegistry,
    id: u32,
    bytes: &'b [u8],
    path: &str,
    depth: usize,
    found: &mut Vec<Leaf<'b>>,
) -> Result<&'b [u8], String> {
    let id = unwrapped(types, id);
    if let Some(TypeDef::Composite(composite)) = types.resolve(id).map(|ty| &ty.type_def)
        && depth < 8
    {
        let mut left = bytes;
        for (place, field) in composite.fields.iter().enumerate() {
            let name = field.name.clone().unwrap_or_else(|| place.to_string());
            let below = if path.is_empty() { name } else { format!("{path}.{name}") };
            left = collect(types, field.ty.id, left, &below, depth + 1, found)?;
        }
        return Ok(left);
    }
    if found.len() >= MAX_LEAVES {
        return Err(format!("a struct of more than {MAX_LEAVES} fields"));
    }
    let left = skip(types, id, bytes)?;
    found.push((path.to_owned(), id, &bytes[..bytes.len() - left.len()]));
    Ok(left)
}

struct Reader<'t, 'b> {
    types: &'t PortableRegistry,
    input: &'b [u8],
    parts: usize,
    text: Option<String>,
}

impl<'t, 'b> Reader<'t, 'b> {
    fn new(types: &'t PortableRegistry, input: &'b [u8], text: Option<String>) -> Self {
        Self { types, input, parts: 0, text }
    }

    fn value(&mut self, id: u32, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return Err("the value is too deep or too large to decode".into());
        }
        let types = self.types;
        let ty = types.resolve(id).ok_or_else(|| format!("its type {id} is not in the metadata"))?;
        match &ty.type_def {
            TypeDef::Composite(composite) => self.fields(&composite.fields, depth),
            TypeDef::Tuple(tuple) => tuple.fields.iter().try_for_each(|field| self.value(field.id, depth + 1)),
            TypeDef::Variant(variant) => {
                let index = self.take(1)?[0];
                let chosen = variant
                    .variants
                    .iter()
                    .find(|candidate| candidate.index == index)
                    .ok_or_else(|| format!("{} has no variant {index}", label(&ty.path.segments)))?;
                self.push_text(&chosen.name);
                self.push_text(" ");
                self.fields(&chosen.fields, depth)
            }
            TypeDef::Sequence(sequence) => {
                let length = self.compact()?;
                self.sequence(length, sequence.type_param.id, depth)
            }
            // In canonical text the elements of an array are written one by one, as fields are.
            TypeDef::Array(array) if self.text.is_none() => self.sequence(array.len.into(), array.type_param.id, depth),
            TypeDef::Array(array) => self.elements(array.len.into(), array.type_param.id, depth),
            TypeDef::Compact(_) => {
                let value = self.compact()?;
                self.push_text(&value.to_string());
                self.push_text(" ");
                Ok(())
            }
            TypeDef::Primitive(TypeDefPrimitive::Str) => {
                let length = self.compact()?;
                let length = usize::try_from(length).map_err(|_| "a string of an impossible length".to_string())?;
                let bytes = self.take(length)?;
                std::str::from_utf8(bytes).map_err(|_| "a string that is not UTF-8".to_string())?;
                self.bytes(bytes);
                Ok(())
            }
            TypeDef::Primitive(primitive) => {
                let bytes = self.take(primitive_width(primitive).unwrap_or(1))?;
                if matches!(primitive, TypeDefPrimitive::Bool) && bytes[0] > 1 {
                    return Err(format!("a bool with the value {}", bytes[0]));
                }
                self.push_text(primitive_name(primitive));
                self.bytes(bytes);
                Ok(())
            }
            TypeDef::BitSequence(bits) => {
                let length = self.compact()?;
                let store = types.resolve(unwrapped(types, bits.bit_store_type.id)).map(|ty| &ty.type_def);
                let width = match store {
                    Some(TypeDef::Primitive(primitive)) => primitive_width(primitive).unwrap_or(1),
                    _ => 1,
                };
                let bytes = length.div_ceil(8 * width as u128).saturating_mul(width as u128);
                let bytes = usize::try_from(bytes).map_err(|_| "a bit sequence of an impossible length".to_string())?;
                let bytes = self.take(bytes)?;
                self.bytes(bytes);
                Ok(())
            }
        }
    }

    fn fields(&mut self, fields: &[Field<PortableForm>], depth: usize) -> Result<(), String> {
        fields.iter().try_for_each(|field| self.value(field.ty.id, depth + 1))
    }

    fn sequence(&mut self, length: u128, id: u32, depth: usize) -> Result<(), String> {
        let inner = unwrapped(self.types, id);
        if let Some(TypeDef::Primitive(TypeDefPrimitive::U8)) = self.types.resolve(inner).map(|ty| &ty.type_def) {
            let length = usize::try_from(length).map_err(|_| "a byte sequence of an impossible length".to_string())?;
            let bytes = self.take(length)?;
            self.bytes(bytes);
            return Ok(());
        }
        self.push_text("[");
        self.elements(length, id, depth)?;
        self.push_text("]");
        Ok(())
    }

    fn elements(&mut self, length: u128, id: u32, depth: usize) -> Result<(), String> {
        let mut done = 0;
        while done < length {
            let before = self.input.len();
            self.value(id, depth + 1)?;
            done += 1;
            // Values without bytes are all the same: the others need not be decoded.
            if self.input.len() == before && self.text.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], String> {
        if length > self.input.len() {
            return Err(format!("{} bytes where {length} are needed", self.input.len()));
        }
        let (taken, left) = self.input.split_at(length);
        self.input = left;
        Ok(taken)
    }

    fn compact(&mut self) -> Result<u128, String> {
        // The largest compact numbers in use are balances, of 128 bits.
        Compact::<u128>::decode(&mut self.input).map(|value| value.0).map_err(|_| "an invalid compact number".into())
    }

    fn push_text(&mut self, word: &str) {
        if let Some(text) = self.text.as_mut().filter(|text| text.len() < MAX_TEXT) {
            text.push_str(word);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(text) = self.text.as_mut().filter(|text| text.len() < MAX_TEXT) {
            for byte in bytes.iter().take(MAX_TEXT) {
                let _ = write!(text, "{byte:02x}");
            }
            text.push(' ');
        }
    }
}

fn label(path: &[String]) -> &str {
    path.last().map_or("an enum", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::{MetaType, Registry, TypeInfo};

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    #[derive(Encode, TypeInfo)]
    struct Configuration {
        lookahead: u32,
        nested: Nested,
        names: Vec<String>,
    }

    #[derive(Encode, TypeInfo)]
    struct Nested {
        #[codec(compact)]
        delay: u32,
        on: Option<bool>,
    }

    fn value() -> Configuration {
        Configuration {
            lookahead: 3,
            nested: Nested { delay: 70, on: Some(true) },
            names: vec!["a".into(), "b".into()],
        }
    }

    #[test]
    fn a_value_must_use_exactly_its_bytes() {
        let (types, id) = registry::<Configuration>();
        let bytes = value().encode();
        validate(&types, id, &bytes).expect("whole");
        for length in 0..bytes.len() {
            assert!(validate(&types, id, &bytes[..length]).is_err(), "{length}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(validate(&types, id, &longer), Err(format!("1 of {} bytes are left over", longer.len())));
    }

    #[test]
    fn a_struct_of_very_many_fields_is_refused() {
        // Fields that need no bytes.
        macro_rules! sixfold {
            ($($name:ident of $inner:ty;)*) => {$(
                #[derive(TypeInfo)]
                #[allow(dead_code)]
                struct $name { a: $inner, b: $inner, c: $inner, d: $inner, e: $inner, f: $inner }
            )*};
        }
        sixfold! { One of (); Two of One; Three of Two; Four of Three; Five of Four; }
        let (types, id) = registry::<Four>();
        assert_eq!(leaves(&types, id, &[]).map(|leaves| leaves.len()), Ok(1_296));
        let (types, id) = registry::<Five>();
        assert!(leaves(&types, id, &[]).is_err_and(|why| why.contains("more than 4096 fields")));
    }

    #[test]
    fn leaves_are_named_by_their_path() {
        let (types, id) = registry::<Configuration>();
        let bytes = value().encode();
        let leaves = leaves(&types, id, &bytes).expect("leaves");
        let names: Vec<_> = leaves.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, ["lookahead", "nested.delay", "nested.on", "names"]);
        assert_eq!(leaves[0].2, 3u32.encode());
    }

    #[test]
    fn the_same_bytes_have_another_meaning_by_another_type() {
        let bytes = 5u64.encode();
        let (one, one_id) = registry::<u64>();
        let (other, other_id) = registry::<(u32, u32)>();
        assert_ne!(canonical_text(&one, one_id, &bytes), canonical_text(&other, other_id, &bytes));
        assert_eq!(canonical_text(&one, one_id, &bytes), canonical_text(&one, one_id, &bytes));
    }

    #[test]
    fn nesting_does_not_change_the_canonical_text() {
        let bytes = [1, 2, 0, 3, 0];
        let text = |(types, id): (PortableRegistry, u32)| canonical_text(&types, id, &bytes).expect("read");
        let flat = text(registry::<(u8, u16, u16)>());
        assert_eq!(text(registry::<(u8, [u16; 2])>()), flat);
        assert_eq!(text(registry::<((u8, (u16,)), u16)>()), flat);
        assert_eq!(text(registry::<[u8; 5]>()), text(registry::<(u8, [u8; 2], (u8, u8))>()));
        assert_ne!(text(registry::<[u8; 5]>()), flat);
    }

    #[test]
    fn the_simplest_value_of_a_type_is_valid() {
        let (types, id) = registry::<(Configuration, [u8; 32], Result<(), u8>)>();
        let bytes = default_value(&types, id).expect("a value");
        validate(&types, id, &bytes).expect("whole");
    }

    #[test]
    fn a_count_of_billions_neither_hangs_nor_allocates() {
        let (types, id) = registry::<Vec<()>>();
        let bytes = Compact(u32::MAX).encode();
        validate(&types, id, &bytes).expect("many empty values");
        let (types, id) = registry::<Vec<u64>>();
        assert!(validate(&types, id, &bytes).is_err());
    }
}
