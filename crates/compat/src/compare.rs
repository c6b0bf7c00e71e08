// SPDX-License-Identifier: Apache-2.0
//! Two types compared by what their encodings are, wherever they stand in two registries.
//!
//! Wrappers of one field encode as what they wrap and count as it. Differences are sorted by what they do to bytes
//! that the other side encoded.

use crate::interface::Interface;
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};
use std::collections::{BTreeMap, HashSet};

/// Types nest some twenty deep; a hostile registry nests for ever.
const DEPTH: usize = 200;
/// Enough to understand what changed.
const FINDINGS: usize = 12;
/// Pairs of types that one comparison looks at. The largest real one, of a call that carries XCM, has some thousand.
const PAIRS: usize = 100_000;

/// What differs, each with the path to it.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// The same bytes are read as something else, or not at all.
    pub changed: Vec<String>,
    /// Fields or variants of a known name stand elsewhere: bytes are read as what they are not, and nobody notices.
    pub moved: Vec<String>,
    /// Variants that only the new type has.
    pub added: Vec<String>,
    /// Variants that only the old type has.
    pub removed: Vec<String>,
    /// The same encoding under another name.
    pub renamed: Vec<String>,
    /// The types nest deeper, or are more, than any real ones: what is below is not known.
    pub unfinished: bool,
    /// How many pairs of types were looked at.
    pub pairs: usize,
}

impl Differences {
    /// Whether what one side encoded may be something else to the other.
    pub fn breaking(&self) -> bool {
        !self.changed.is_empty() || !self.moved.is_empty()
    }

    /// Whether some of what one side encoded is nothing to the other, though the rest is what it was.
    pub fn lossy(&self) -> bool {
        !self.removed.is_empty()
    }

    /// Whether there is anything to tell.
    pub fn any(&self) -> bool {
        self.all().next().is_some()
    }

    /// All of them, the worst first.
    pub fn all(&self) -> impl Iterator<Item = String> {
        let said = |list: &[String], what: &'static str| {
            list.iter().map(|told| format!("{told}{what}")).collect::<Vec<_>>().into_iter()
        };
        said(&self.changed, "")
            .chain(said(&self.moved, ""))
            .chain(said(&self.removed, " is gone"))
            .chain(said(&self.added, " is new"))
            .chain(said(&self.renamed, " (the name alone)"))
    }

    /// The breaking ones, in words.
    pub fn told(&self) -> String {
        let mut told: Vec<_> = self.changed.iter().chain(&self.moved).map(String::as_str).collect();
        let more = told.len().saturating_sub(3);
        told.truncate(3);
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{rest}", told.join("; "))
    }
}

/// The enums that every call, event, error and origin of a runtime is part of change with each of its pallets. Who
/// compares calls or storage one by one is not helped by hearing of them wherever they are nested.
const OUTER: [&str; 9] = [
    "RuntimeCall",
    "RuntimeEvent",
    "RuntimeError",
    "RuntimeOrigin",
    "OriginCaller",
    "RuntimeTask",
    "RuntimeHoldReason",
    "RuntimeFreezeReason",
    "RuntimeViewFunction",
];

/// Which of them a type is, if any. Until 2022 they had shorter names, and stood at the root of a runtime's crate.
fn outer(types: &PortableRegistry, id: u32) -> Option<&'static str> {
    let segments = types.resolve(id)?.path.segments.as_slice();
    let name = segments.last()?;
    OUTER
        .into_iter()
        .find(|outer| name == outer || (segments.len() == 2 && outer.strip_prefix("Runtime") == Some(name)))
}

/// Compares a type of the old runtime with one of the new.
pub fn compare(old: &Interface<'_>, old_id: u32, new: &Interface<'_>, new_id: u32) -> Differences {
    let mut comparison =
        Comparison { old: old.types, new: new.types, seen: HashSet::new(), found: Differences::default() };
    comparison.types(old_id, new_id, "", 0);
    comparison.end()
}

/// Compares what a call takes, field by field.
pub fn compare_fields(
    old: &Interface<'_>,
    old_fields: &[Field<PortableForm>],
    new: &Interface<'_>,
    new_fields: &[Field<PortableForm>],
) -> Differences {
    let mut comparison =
        Comparison { old: old.types, new: new.types, seen: HashSet::new(), found: Differences::default() };
    comparison.fields(&fields_of(old_fields), &fields_of(new_fields), "", 0);
    comparison.end()
}

struct Comparison<'a> {
    old: &'a PortableRegistry,
    new: &'a PortableRegistry,
    /// Pairs that are under comparison or were: equal as far as anything below them goes.
    seen: HashSet<(u32, u32)>,
    found: Differences,
}

/// A field's name, where it has one, and its type.
type FieldOf<'a> = (Option<&'a str>, u32);

fn fields_of(fields: &[Field<PortableForm>]) -> Vec<FieldOf<'_>> {
    fields.iter().map(|field| (field.name.as_deref(), field.ty.id)).collect()
}

/// A type by the form of its encoding.
enum Form<'a> {
    Fields(Vec<FieldOf<'a>>),
    Variants(BTreeMap<u8, &'a scale_info::Variant<PortableForm>>),
    Sequence(u32),
    Array(u32, u32),
    Compact(u32),
    Primitive(&'static str),
    Bits(u32, u32),
}

/// The type behind wrappers of one field.
pub fn unwrapped(types: &PortableRegistry, mut id: u32) -> u32 {
    for _ in 0..DEPTH {
        let inner = match types.resolve(id).map(|ty| &ty.type_def) {
            Some(TypeDef::Composite(composite)) if composite.fields.len() == 1 => composite.fields[0].ty.id,
            Some(TypeDef::Tuple(tuple)) if tuple.fields.len() == 1 => tuple.fields[0].id,
            _ => return id,
        };
        id = inner;
    }
    id
}

fn form(types: &PortableRegistry, id: u32) -> Option<Form<'_>> {
    Some(match &types.resolve(id)?.type_def {
        TypeDef::Composite(composite) => Form::Fields(fields_of(&composite.fields)),
        TypeDef::Tuple(tuple) => Form::Fields(tuple.fields.iter().map(|field| (None, field.id)).collect()),
        TypeDef::Variant(variant) => {
            Form::Variants(variant.variants.iter().map(|variant| (variant.index, variant)).collect())
        }
        TypeDef::Sequence(sequence) => Form::Sequence(sequence.type_param.id),
        TypeDef::Array(array) => Form::Array(array.len, array.type_param.id),
        TypeDef::Compact(compact) => Form::Compact(compact.type_param.id),
        TypeDef::Primitive(primitive) => Form::Primitive(primitive_name(primitive)),
        TypeDef::BitSequence(bits) => Form::Bits(bits.bit_store_type.id, bits.bit_order_type.id),
    })
}

pub fn primitive_name(primitive: &TypeDefPrimitive) -> &'static str {
    match primitive {
        TypeDefPrimitive::Bool => "bool",
        TypeDefPrimitive::Char => "char",
        TypeDefPrimitive::Str => "str",
        TypeDefPrimitive::U8 => "u8",
        TypeDefPrimitive::U16 => "u16",
        TypeDefPrimitive::U32 => "u32",
        TypeDefPrimitive::U64 => "u64",
        TypeDefPrimitive::U128 => "u128",
        TypeDefPrimitive::U256 => "u256",
        TypeDefPrimitive::I8 => "i8",
        TypeDefPrimitive::I16 => "i16",
        TypeDefPrimitive::I32 => "i32",
        TypeDefPrimitive::I64 => "i64",
        TypeDefPrimitive::I128 => "i128",
        TypeDefPrimitive::I256 => "i256",
    }
}

/// The last part of a type's path: what people call it.
pub fn name(types: &PortableRegistry, id: u32) -> Option<&str> {
    types.resolve(id)?.path.segments.last().map(String::as_str)
}

impl Comparison<'_> {
    fn end(self) -> Differences {
        Differences { pairs: self.seen.len(), ..self.found }
    }

    fn types(&mut self, old_id: u32, new_id: u32, path: &str, depth: usize) {
        if self.found.changed.len() >= FINDINGS {
            return;
        }
        if depth > DEPTH || self.seen.len() > PAIRS {
            self.found.unfinished = true;
            return;
        }
        if let (Some(old), Some(new)) = (outer(self.old, old_id), outer(self.new, new_id))
            && old == new
        {
            return;
        }
        let (old_id, new_id) = (unwrapped(self.old, old_id), unwrapped(self.new, new_id));
        if !self.seen.insert((old_id, new_id)) {
            return;
        }
        let (old_types, new_types) = (self.old, self.new);
        let (Some(old), Some(new)) = (form(old_types, old_id), form(new_types, new_id)) else {
            self.changed(path, "a type that its registry lacks".into());
            return;
        };
        match (old, new) {
            (Form::Fields(old), Form::Fields(new)) => self.fields(&old, &new, path, depth),
            (Form::Variants(old), Form::Variants(new)) => self.variants(&old, &new, path, depth),
            (Form::Sequence(old), Form::Sequence(new)) | (Form::Compact(old), Form::Compact(new)) => {
                self.types(old, new, path, depth + 1);
            }
            (Form::Array(old_length, old), Form::Array(new_length, new)) => {
                if old_length == new_length {
                    self.types(old, new, path, depth + 1);
                } else {
                    self.changed(path, format!("an array of {old_length} became one of {new_length}"));
                }
            }
            (Form::Primitive(old), Form::Primitive(new)) if old == new => {}
            (Form::Primitive("str"), Form::Sequence(item)) if self.is_byte(new_types, item) => {}
            (Form::Sequence(item), Form::Primitive("str")) if self.is_byte(old_types, item) => {}
            (Form::Bits(old_store, old_order), Form::Bits(new_store, new_order)) => {
                let (was, is) = (name(old_types, old_order), name(new_types, new_order));
                if was != is {
                    self.changed(path, format!("bits from {} became {}", was.unwrap_or("?"), is.unwrap_or("?")));
                }
                self.types(old_store, new_store, path, depth + 1);
            }
            (old, new) => {
                let told = format!("{} became {}", told(old_types, old_id, &old), told(new_types, new_id, &new));
                self.changed(path, told);
            }
        }
    }

    fn is_byte(&self, types: &PortableRegistry, id: u32) -> bool {
        matches!(form(types, unwrapped(types, id)), Some(Form::Primitive("u8")))
    }

    fn fields(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str, depth: usize) {
        if old.len() != new.len() {
            let names = |fields: &[FieldOf<'_>]| {
                fields.iter().filter_map(|(name, _)| name.map(str::to_owned)).collect::<Vec<_>>()
            };
            let (old_names, new_names) = (names(old), names(new));
            let gone = old_names.iter().filter(|name| !new_names.contains(name)).map(|name| format!("without {name}"));
            let come = new_names.iter().filter(|name| !old_names.contains(name)).map(|name| format!("with {name}"));
            let named = gone.chain(come).take(6).collect::<Vec<_>>().join(", ");
            let named = if named.is_empty() { named } else { format!(" ({named})") };
            self.changed(path, format!("{} fields became {}{named}", old.len(), new.len()));
            return;
        }
        for (place, ((old_name, old_type), (new_name, new_type))) in old.iter().zip(new).enumerate() {
            let below = match (new_name, old_name) {
                (Some(name), _) | (None, Some(name)) => format!("{path}.{name}"),
                (None, None) => format!("{path}.{place}"),
            };
            match (old_name, new_name) {
                (Some(old_name), Some(new_name)) if old_name != new_name => {
                    let elsewhere = new.iter().any(|(name, _)| name.as_ref() == Some(old_name));
                    let told = format!("{below}: {old_name} stood where {new_name} stands now");
                    if elsewhere { keep(&mut self.found.moved, told) } else { keep(&mut self.found.renamed, told) }
                }
                // Who decodes gets an object where a list was.
                (None, Some(_)) => keep(&mut self.found.renamed, format!("{below}: the field had no name")),
                (Some(_), None) => keep(&mut self.found.renamed, format!("{below}: the field has no name any more")),
                _ => {}
            }
            self.types(*old_type, *new_type, &below, depth + 1);
        }
    }

    fn variants(
        &mut self,
        old: &BTreeMap<u8, &scale_info::Variant<PortableForm>>,
        new: &BTreeMap<u8, &scale_info::Variant<PortableForm>>,
        path: &str,
        depth: usize,
    ) {
        for (index, old_variant) in old {
            let Some(new_variant) = new.get(index) else {
                let told = format!("{path}::{}", old_variant.name);
                match new.values().find(|variant| variant.name == old_variant.name) {
                    Some(now) => keep(&mut self.found.moved, format!("{told}: variant {index} became {}", now.index)),
                    None => keep(&mut self.found.removed, told),
                }
                continue;
            };
            if old_variant.name != new_variant.name {
                let told = format!("{path}: variant {index} was {} and is {}", old_variant.name, new_variant.name);
                let elsewhere = new.values().any(|variant| variant.name == old_variant.name)
                    || old.values().any(|variant| variant.name == new_variant.name);
                if elsewhere {
                    keep(&mut self.found.moved, told);
                    continue;
                }
                keep(&mut self.found.renamed, told);
            }
            let below = format!("{path}::{}", new_variant.name);
            self.fields(&fields_of(&old_variant.fields), &fields_of(&new_variant.fields), &below, depth + 1);
        }
        for (index, variant) in new {
            if !old.contains_key(index) && !old.values().any(|known| known.name == variant.name) {
                keep(&mut self.found.added, format!("{path}::{}", variant.name));
            }
        }
    }

    fn changed(&mut self, path: &str, what: String) {
        let told = if path.is_empty() { what } else { format!("{}: {what}", path.trim_start_matches('.')) };
        keep(&mut self.found.changed, told);
    }
}

fn keep(list: &mut Vec<String>, told: String) {
    if list.len() < FINDINGS {
        list.push(told.trim_start_matches(['.', ':']).to_owned());
    }
}

fn told(types: &PortableRegistry, id: u32, form: &Form<'_>) -> String {
    if let (Some(name), false) = (name(types, id), matches!(form, Form::Primitive(_))) {
        return name.to_owned();
    }
    match form {
        Form::Fields(fields) if fields.is_empty() => "nothing".into(),
        Form::Fields(fields) => format!("{} fields", fields.len()),
        Form::Variants(variants) => format!("an enum of {}", variants.len()),
        Form::Sequence(_) => "a sequence".into(),
        Form::Array(length, _) => format!("an array of {length}"),
        Form::Compact(_) => "a compact number".into(),
        Form::Primitive(name) => (*name).to_owned(),
        Form::Bits(..) => "bits".into(),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
