// SPDX-License-Identifier: Apache-2.0
//! Decodes SCALE values to text for people, by the types of the metadata.
//!
//! Types and bytes are untrusted input: depth, number of parts and length of text are bounded.

use codec::{Compact, Decode};
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};
use std::collections::{BTreeMap, BTreeSet};

const MAX_DEPTH: usize = 64;
/// The most parts of one value. Constants are small; a schedule of weights has a few hundred parts.
const MAX_PARTS: usize = 1024;
const MAX_STEPS: usize = 100_000;
/// The most bytes of a string or a byte sequence that are shown.
const MAX_SHOWN: usize = 128;

/// A part of a value that has no parts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Field names, variant names and positions, joined by dots. Empty if the value has no parts.
    pub path: String,
    /// The names of the enclosing types, the outermost first, the primitive type last:
    /// `["Perbill", "u32"]`.
    pub types: Vec<String>,
    /// The value as text.
    pub text: String,
    /// The value as a number, for unsigned numbers of at most 128 bits.
    pub number: Option<u128>,
}

/// Decodes a value and returns its parts.
///
/// Fails with the reason if the bytes are not exactly one value of the type.
pub fn parts(types: &PortableRegistry, id: u32, bytes: &[u8]) -> Result<Vec<Part>, String> {
    let mut reader = Reader { types, input: bytes, parts: Vec::new(), path: Vec::new(), names: Vec::new(), steps: 0 };
    reader.value(id, 0)?;
    match reader.input.len() {
        0 => Ok(reader.parts),
        left => Err(format!("{left} of {} bytes are left over", bytes.len())),
    }
}

/// Replaces the positions of list elements by their names, if every element has a unique name.
///
/// An element inserted into the list then leaves the paths of the others unchanged.
pub fn named(mut parts: Vec<Part>) -> Vec<Part> {
    const LONGEST: usize = 64;
    let split = |path: &str| -> Option<(usize, String)> {
        let (place, below) = path.split_once('.')?;
        Some((place.parse().ok()?, below.to_owned()))
    };
    let Some(elements) = parts.iter().map(|part| split(&part.path)).collect::<Option<Vec<_>>>() else { return parts };
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for ((place, below), part) in elements.iter().zip(&parts) {
        let name = part.text.trim_matches('"');
        let word = |letter: char| letter.is_ascii_alphanumeric() || "_- ".contains(letter);
        let fit = !name.is_empty() && name.len() <= LONGEST && name.chars().all(word);
        if fit && below.rsplit('.').next() == Some("name") {
            names.entry(*place).or_insert_with(|| name.to_owned());
        }
    }
    let places: BTreeSet<_> = elements.iter().map(|(place, _)| place).collect();
    let distinct: BTreeSet<_> = names.values().collect();
    if places.len() == distinct.len() {
        for (part, (place, below)) in parts.iter_mut().zip(&elements) {
            part.path = format!("{}.{below}", names.get(place).map(String::as_str).unwrap_or_default());
        }
    }
    parts
}

/// Returns the value in one line. If it cannot be decoded: as hex, with the reason.
pub fn text(types: &PortableRegistry, id: u32, bytes: &[u8]) -> String {
    match parts(types, id, bytes) {
        Ok(parts) => line(&parts),
        Err(why) => format!("{} (not a value of its type: {why})", hex(bytes)),
    }
}

/// Returns the parts of a value in one line.
pub fn line(parts: &[Part]) -> String {
    match parts {
        [] => "nothing".into(),
        [one] if one.path.is_empty() => one.text.clone(),
        several => {
            let fields = several.iter().map(|part| format!("{}: {}", part.path, part.text)).collect::<Vec<_>>();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown = hex::encode_prefixed(bytes.get(..MAX_SHOWN).unwrap_or(bytes));
    if bytes.len() > MAX_SHOWN { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}

struct Reader<'t, 'b> {
    types: &'t PortableRegistry,
    input: &'b [u8],
    parts: Vec<Part>,
    path: Vec<String>,
    names: Vec<String>,
    steps: usize,
}

impl<'b> Reader<'_, 'b> {
    fn value(&mut self, id: u32, depth: usize) -> Result<(), String> {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            return Err("the value is too deep or too large to decode".into());
        }
        let types = self.types;
        let ty = types.resolve(id).ok_or_else(|| format!("its type {id} is not in the metadata"))?;
        let before = self.names.len();
        if let Some(name) = ty.path.segments.last() {
            self.names.push(name.clone());
        }
        self.by_type(&ty.type_def, depth)?;
        self.names.truncate(before);
        Ok(())
    }

    fn by_type(&mut self, def: &TypeDef<PortableForm>, depth: usize) -> Result<(), String> {
        match def {
            TypeDef::Composite(composite) => self.fields(&composite.fields, depth),
            TypeDef::Tuple(tuple) => {
                let several = tuple.fields.len() > 1;
                for (place, field) in tuple.fields.iter().enumerate() {
                    self.below(several.then(|| place.to_string()), field.id, depth)?;
                }
                Ok(())
            }
            TypeDef::Variant(variant) => {
                let index = self.take(1)?[0];
                let chosen = variant.variants.iter().find(|candidate| candidate.index == index);
                let chosen = chosen.ok_or_else(|| format!("no variant {index}"))?;
                if chosen.fields.is_empty() {
                    return self.part(chosen.name.clone(), None);
                }
                // `Some` adds no information to the path.
                let in_path = chosen.name != "Some";
                if in_path {
                    self.path.push(chosen.name.clone());
                }
                self.fields(&chosen.fields, depth)?;
                if in_path {
                    self.path.pop();
                }
                Ok(())
            }
            TypeDef::Sequence(sequence) => {
                let length = self.compact()?;
                self.elements(length, sequence.type_param.id, depth)
            }
            // Accounts and hashes are no text, whatever their bytes are.
            TypeDef::Array(array) if [20, 32].contains(&array.len) && self.is_byte(array.type_param.id) => {
                let bytes = self.take(array.len as usize)?;
                self.part(hex(bytes), None)
            }
            TypeDef::Array(array) => self.elements(u128::from(array.len), array.type_param.id, depth),
            TypeDef::Compact(_) => {
                let value = self.compact()?;
                self.part(value.to_string(), Some(value))
            }
            TypeDef::Primitive(primitive) => self.primitive(primitive),
            TypeDef::BitSequence(_) => {
                let bits = self.compact()?;
                let bytes = self.take(usize::try_from(bits.div_ceil(8)).map_err(|_| "too many bits")?)?;
                self.part(format!("{bits} bits {}", hex(bytes)), None)
            }
        }
    }

    fn fields(&mut self, fields: &[Field<PortableForm>], depth: usize) -> Result<(), String> {
        let several = fields.len() > 1;
        for (place, field) in fields.iter().enumerate() {
            let name = match &field.name {
                Some(name) => Some(name.clone()),
                None => several.then(|| place.to_string()),
            };
            self.below(name, field.ty.id, depth)?;
        }
        Ok(())
    }

    fn below(&mut self, name: Option<String>, id: u32, depth: usize) -> Result<(), String> {
        let named = name.is_some();
        self.path.extend(name);
        self.value(id, depth + 1)?;
        if named {
            self.path.pop();
        }
        Ok(())
    }

    fn is_byte(&self, id: u32) -> bool {
        let inner = self.types.resolve(crate::compare::unwrapped(self.types, id)).map(|ty| &ty.type_def);
        matches!(inner, Some(TypeDef::Primitive(TypeDefPrimitive::U8)))
    }

    fn elements(&mut self, length: u128, id: u32, depth: usize) -> Result<(), String> {
        if self.is_byte(id) {
            let bytes = self.take(usize::try_from(length).map_err(|_| "a byte sequence of an impossible length")?)?;
            return self.bytes(bytes);
        }
        if length == 0 {
            return self.part("empty".into(), None);
        }
        let mut place = 0u128;
        while place < length {
            self.below(Some(place.to_string()), id, depth)?;
            place += 1;
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), String> {
        let readable = !bytes.is_empty() && bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
        match std::str::from_utf8(bytes) {
            Ok(text) if readable && text.len() <= MAX_SHOWN => self.part(format!("{text:?}"), None),
            _ => self.part(hex(bytes), None),
        }
    }

    fn primitive(&mut self, primitive: &TypeDefPrimitive) -> Result<(), String> {
        use TypeDefPrimitive::*;
        let width = match primitive {
            Str => {
                let length = self.compact()?;
                let bytes = self.take(usize::try_from(length).map_err(|_| "a string of an impossible length")?)?;
                let text = std::str::from_utf8(bytes).map_err(|_| "a string that is not UTF-8")?;
                return self.part(text.trim_end_matches('\0').chars().take(MAX_SHOWN).collect(), None);
            }
            Bool | U8 | I8 => 1,
            U16 | I16 => 2,
            Char | U32 | I32 => 4,
            U64 | I64 => 8,
            U128 | I128 => 16,
            U256 | I256 => 32,
        };
        let bytes = self.take(width)?;
        let mut low = [0; 16];
        for (to, from) in low.iter_mut().zip(bytes) {
            *to = *from;
        }
        let number = u128::from_le_bytes(low);
        self.names.push(crate::compare::primitive_name(primitive).into());
        let result = match primitive {
            Bool => match number {
                0 => self.part("false".into(), None),
                1 => self.part("true".into(), None),
                other => Err(format!("a bool with the value {other}")),
            },
            I8 | I16 | I32 | I64 | I128 => {
                // Extends the sign bit to 128 bits.
                let unused = 128 - 8 * width;
                self.part((((number << unused) as i128) >> unused).to_string(), None)
            }
            U256 | I256 => self.part(hex(bytes), None),
            Char => self.part(hex(bytes), None),
            _ => self.part(number.to_string(), Some(number)),
        };
        self.names.pop();
        result
    }

    fn part(&mut self, text: String, number: Option<u128>) -> Result<(), String> {
        if self.parts.len() >= MAX_PARTS {
            return Err(format!("more than {MAX_PARTS} parts"));
        }
        self.parts.push(Part { path: self.path.join("."), types: self.names.clone(), text, number });
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
        Compact::<u128>::decode(&mut self.input).map(|value| value.0).map_err(|_| "an invalid compact number".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::{MetaType, Registry, TypeInfo};

    #[derive(Encode, TypeInfo)]
    struct Perbill(u32);

    #[derive(Encode, TypeInfo)]
    struct Limits {
        share: Perbill,
        reserved: Option<u64>,
        id: [u8; 4],
        change: i16,
        none: Option<u64>,
    }

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    fn limits() -> Limits {
        Limits { share: Perbill(7), reserved: Some(9), id: *b"py/t", change: -3, none: None }
    }

    #[test]
    fn a_value_is_decoded_to_its_parts() {
        let (types, id) = registry::<Limits>();
        let parts = parts(&types, id, &limits().encode()).expect("read");
        assert_eq!(parts[0].types, ["Limits", "Perbill", "u32"]);
        assert_eq!(parts[0].number, Some(7));
        assert_eq!(line(&parts), "{share: 7, reserved: 9, id: \"py/t\", change: -3, none: None}");
    }

    #[test]
    fn list_elements_are_identified_by_name() {
        #[derive(Encode, TypeInfo)]
        struct Track {
            name: String,
            deposit: u32,
        }
        let paths = |names: &[&str]| -> Vec<String> {
            let (types, id) = registry::<Vec<(u16, Track)>>();
            let tracks: Vec<_> =
                names.iter().map(|name| (1u16, Track { name: (*name).to_owned(), deposit: 5 })).collect();
            named(parts(&types, id, &tracks.encode()).expect("read")).into_iter().map(|part| part.path).collect()
        };
        assert_eq!(paths(&["root", "fellow"])[..3], ["root.0", "root.1.name", "root.1.deposit"]);
        assert_eq!(paths(&["root", "root"])[3], "1.0", "the names are not unique");
        assert_eq!(paths(&["root", "a.b"])[3], "1.0", "not a valid name");
        let (types, id) = registry::<Limits>();
        let one = parts(&types, id, &limits().encode()).expect("read");
        assert_eq!(named(one.clone()), one, "not a list");
    }

    #[test]
    fn invalid_bytes_are_shown_as_hex_with_the_reason() {
        let (types, id) = registry::<Limits>();
        assert_eq!(text(&types, id, &[1, 2]), "0x0102 (not a value of its type: 2 bytes where 4 are needed)");
        for length in 0..limits().encode().len() {
            assert!(parts(&types, id, &limits().encode()[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn huge_counts_end_soon() {
        let (types, id) = registry::<Vec<()>>();
        assert!(parts(&types, id, &Compact(u32::MAX).encode()).is_err());
        let (types, id) = registry::<Vec<u64>>();
        assert!(parts(&types, id, &Compact(u64::MAX).encode()).is_err());
    }
}
