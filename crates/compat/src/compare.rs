// SPDX-License-Identifier: Apache-2.0
//! Compares two types of two registries by their encoding.
//!
//! The encodings of the fields of structs, tuples and arrays follow each other without separators.
//! So both types are flattened to their encoded parts (numbers, sequences, enums), and these are
//! compared in order: `X2(Junction, Junction)` and `X2([Junction; 2])` have the same encoding.
//! Differences are sorted by their effect on bytes that the other side encoded.

use crate::interface::Interface;
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};
use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

/// The deepest nesting. Real types nest about 20 deep; those of a hostile registry may nest
/// endlessly.
const MAX_DEPTH: usize = 200;
/// The most differences of each kind that are kept.
const MAX_FINDINGS: usize = 12;
/// The most pairs of parts that one comparison visits. The largest real comparison, of a call with
/// an XCM message, visits a few thousand.
const MAX_STEPS: usize = 200_000;
/// The most types that are flattened in a row without an encoded byte between them.
const MAX_OPENED: usize = 1000;

/// The differences between two types, each with its path.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// The same bytes are decoded to another value, or are invalid.
    pub changed: Vec<String>,
    /// Fields or variants of the same name have another position: bytes are decoded to a wrong
    /// value without an error.
    pub moved: Vec<String>,
    /// Variants and ranges of numbers that only the new type has.
    pub added: Vec<String>,
    /// Variants and ranges of numbers that only the old type has.
    pub removed: Vec<String>,
    /// The same encoding under another name, or with another nesting.
    pub renamed: Vec<String>,
    /// Whether the comparison stopped at a limit: the types are deeper or larger than real ones.
    pub unfinished: bool,
    /// The number of pairs of parts that were visited.
    pub steps: usize,
}

impl Differences {
    /// Returns whether the other side may decode the same bytes to another value, or not at all.
    pub fn breaking(&self) -> bool {
        !self.changed.is_empty() || !self.moved.is_empty()
    }

    /// Returns whether the new side rejects some values of the old side. All others are unchanged.
    pub fn lossy(&self) -> bool {
        !self.removed.is_empty()
    }

    /// Returns whether there is any difference.
    pub fn any(&self) -> bool {
        self.all().next().is_some()
    }

    /// Returns all differences, the most severe first.
    pub fn all(&self) -> impl Iterator<Item = String> {
        let renamed = self.renamed.iter().map(|text| format!("{text} (encoded as before)"));
        let others = [&self.changed, &self.moved, &self.removed, &self.added];
        others.into_iter().flatten().cloned().chain(renamed)
    }

    /// Returns the first three breaking differences as text, and how many more there are.
    pub fn summary(&self) -> String {
        let mut breaking: Vec<_> = self.changed.iter().chain(&self.moved).map(String::as_str).collect();
        let more = breaking.len().saturating_sub(3);
        breaking.truncate(3);
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{rest}", breaking.join("; "))
    }
}

/// The runtime's outer enums, with a variant for each pallet. They change with every pallet. Calls
/// and storage are compared one by one, so a change of these enums is not reported wherever they
/// occur.
const OUTER_ENUMS: [&str; 9] = [
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

/// Returns which outer enum a type is. Until 2022 they had shorter names (`Call`) in the root of
/// the runtime's crate.
fn outer_enum(types: &PortableRegistry, id: u32) -> Option<&'static str> {
    let segments = types.resolve(id)?.path.segments.as_slice();
    let name = segments.last()?;
    OUTER_ENUMS
        .into_iter()
        .find(|outer| name == outer || (segments.len() == 2 && outer.strip_prefix("Runtime") == Some(name)))
}

/// Compares a type of the old runtime with one of the new.
pub fn compare(old: &Interface<'_>, old_id: u32, new: &Interface<'_>, new_id: u32) -> Differences {
    let mut comparison = Comparison::new(old.types, new.types);
    comparison.element(old_id, new_id, "", 0);
    comparison.end()
}

/// Compares the fields of two variants, such as the arguments of a call.
pub fn compare_fields(
    old: &Interface<'_>,
    old_fields: &[Field<PortableForm>],
    new: &Interface<'_>,
    new_fields: &[Field<PortableForm>],
) -> Differences {
    let mut comparison = Comparison::new(old.types, new.types);
    comparison.fields(&fields_of(old_fields), &fields_of(new_fields), "", 0);
    comparison.end()
}

/// The state of one comparison.
struct Comparison<'a> {
    old: &'a PortableRegistry,
    new: &'a PortableRegistry,
    /// Pairs of types that are assumed to have the same encoding until a difference is found. Such
    /// an assumption lets the comparison of recursive types end.
    assumed_same: PairSet,
    /// Pairs of types with different encodings, independent of any assumption.
    different: HashSet<(u32, u32)>,
    /// Pairs of types whose difference was described already.
    described: PairSet,
    /// Whether any difference was found, described or not.
    differs: bool,
    steps: usize,
    found: Differences,
}

/// A set of pairs of types that keeps the order of insertion, so that later entries can be removed
/// again.
#[derive(Default)]
struct PairSet {
    pairs: HashSet<(u32, u32)>,
    order: Vec<(u32, u32)>,
}

impl PairSet {
    fn insert(&mut self, pair: (u32, u32)) -> bool {
        let new = self.pairs.insert(pair);
        if new {
            self.order.push(pair);
        }
        new
    }

    fn truncate(&mut self, length: usize) {
        for pair in self.order.drain(length.min(self.order.len())..) {
            self.pairs.remove(&pair);
        }
    }
}

/// The progress of a comparison, to roll back to.
struct Checkpoint {
    assumed_same: usize,
    described: usize,
    found: [usize; 5],
}

/// A field's name, if it has one, and its type.
type FieldOf<'a> = (Option<&'a str>, u32);

fn fields_of(fields: &[Field<PortableForm>]) -> Vec<FieldOf<'_>> {
    fields.iter().map(|field| (field.name.as_deref(), field.ty.id)).collect()
}

/// The form of a type's encoding.
enum Form<'a> {
    Fields(Vec<FieldOf<'a>>),
    Variants(BTreeMap<u8, &'a scale_info::Variant<PortableForm>>),
    Sequence(u32),
    Array(u32, u32),
    /// A compact number, with the primitive type that bounds it, if there is one.
    Compact(Option<&'static str>),
    Primitive(&'static str),
    Bits(u32, u32),
}

impl Form<'_> {
    /// Returns whether the encoding consists of the encodings of its parts alone.
    fn is_parts(&self) -> bool {
        matches!(self, Form::Fields(_) | Form::Array(..))
    }
}

/// The parts that are not compared yet, the next one last.
type Parts = Vec<Part>;

/// A number of consecutive parts of the same type, and their path.
#[derive(Clone)]
struct Part {
    id: u32,
    times: u32,
    path: Rc<str>,
}

fn part(id: u32, path: &str) -> Part {
    Part { id, times: 1, path: path.into() }
}

/// Puts the fields before the other parts.
fn push_fields(parts: &mut Parts, fields: &[FieldOf<'_>], path: &str) {
    for (place, (name, id)) in fields.iter().enumerate().rev() {
        let below = match name {
            Some(name) => format!("{path}.{name}"),
            None if fields.len() == 1 => path.to_owned(),
            None => format!("{path}.{place}"),
        };
        parts.push(part(*id, &below));
    }
}

/// Replaces the first part by its own parts, if it has any.
fn open(types: &PortableRegistry, parts: &mut Parts) {
    let Some(next) = parts.last() else { return };
    let (id, path) = (next.id, next.path.clone());
    let Some(form) = form(types, id).filter(Form::is_parts) else { return };
    match parts.last_mut() {
        Some(next) if next.times > 1 => next.times -= 1,
        _ => drop(parts.pop()),
    }
    match form {
        Form::Fields(fields) => push_fields(parts, &fields, &path),
        Form::Array(0, _) => {}
        Form::Array(times, id) => parts.push(Part { id, times, path }),
        _ => {}
    }
}

fn take(parts: &mut Parts, times: u32) {
    match parts.last_mut() {
        Some(next) if next.times > times => next.times -= times,
        _ => drop(parts.pop()),
    }
}

/// Returns the type inside of structs and tuples with one field.
pub fn unwrapped(types: &PortableRegistry, mut id: u32) -> u32 {
    for _ in 0..MAX_DEPTH {
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
        TypeDef::Compact(compact) => match &types.resolve(unwrapped(types, compact.type_param.id))?.type_def {
            TypeDef::Primitive(primitive) => Form::Compact(Some(primitive_name(primitive))),
            // A compact `()` has no bytes.
            TypeDef::Tuple(tuple) if tuple.fields.is_empty() => Form::Fields(Vec::new()),
            _ => Form::Compact(None),
        },
        TypeDef::Primitive(primitive) => Form::Primitive(primitive_name(primitive)),
        TypeDef::BitSequence(bits) => Form::Bits(bits.bit_store_type.id, bits.bit_order_type.id),
    })
}

/// Returns [`Form::is_parts`] of a type, without creating the form.
fn made_of_parts(types: &PortableRegistry, id: u32) -> bool {
    match types.resolve(id).map(|ty| &ty.type_def) {
        Some(TypeDef::Composite(_) | TypeDef::Tuple(_) | TypeDef::Array(_)) => true,
        Some(TypeDef::Compact(_)) => form(types, id).is_some_and(|form| form.is_parts()),
        _ => false,
    }
}

/// Returns the name of a primitive type in Rust.
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

/// Returns the last segment of a type's path.
pub fn name(types: &PortableRegistry, id: u32) -> Option<&str> {
    types.resolve(id)?.path.segments.last().map(String::as_str)
}

impl<'a> Comparison<'a> {
    fn new(old: &'a PortableRegistry, new: &'a PortableRegistry) -> Self {
        Self {
            old,
            new,
            assumed_same: PairSet::default(),
            different: HashSet::new(),
            described: PairSet::default(),
            differs: false,
            steps: 0,
            found: Differences::default(),
        }
    }

    fn end(mut self) -> Differences {
        if self.differs && !self.found.breaking() {
            self.changed("", "the encoding differs".into());
        }
        Differences { steps: self.steps, ..self.found }
    }

    fn checkpoint(&self) -> Checkpoint {
        let Differences { changed, moved, added, removed, renamed, .. } = &self.found;
        Checkpoint {
            assumed_same: self.assumed_same.order.len(),
            described: self.described.order.len(),
            found: [changed, moved, added, removed, renamed].map(Vec::len),
        }
    }

    /// Removes what was found and assumed since the checkpoint.
    fn roll_back(&mut self, checkpoint: Checkpoint) {
        self.assumed_same.truncate(checkpoint.assumed_same);
        self.described.truncate(checkpoint.described);
        let Differences { changed, moved, added, removed, renamed, .. } = &mut self.found;
        for (list, length) in [changed, moved, added, removed, renamed].into_iter().zip(checkpoint.found) {
            list.truncate(length);
        }
    }

    /// Compares a type that is an item of its own, such as a sequence's element, and describes the
    /// difference.
    fn element(&mut self, old: u32, new: u32, path: &str, depth: usize) {
        if !self.same_encoding(old, new, path, depth) {
            self.differs = true;
            self.describe(old, new, path, depth);
        }
    }

    /// Returns whether the values of both types have the same extent in an encoding. Differences
    /// that keep the extent, such as the variants of an enum, are recorded.
    fn same_encoding(&mut self, old_id: u32, new_id: u32, path: &str, depth: usize) -> bool {
        self.steps += 1;
        if self.found.changed.len() >= MAX_FINDINGS {
            return true;
        }
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            self.found.unfinished = true;
            return true;
        }
        if let (Some(old), Some(new)) = (outer_enum(self.old, old_id), outer_enum(self.new, new_id))
            && old == new
        {
            return true;
        }
        if self.different.contains(&(old_id, new_id)) {
            return false;
        }
        let checkpoint = self.checkpoint();
        if !self.assumed_same.insert((old_id, new_id)) {
            return true;
        }
        let (old_types, new_types) = (self.old, self.new);
        let (Some(old), Some(new)) = (form(old_types, old_id), form(new_types, new_id)) else {
            self.changed(path, "the type is missing from the registry".into());
            return true;
        };
        if let (Form::Fields(old), Form::Fields(new)) = (&old, &new) {
            self.names(old, new, path);
        }
        let alike = match old.is_parts() || new.is_parts() {
            true => {
                let (mut was, mut is) = (vec![part(old_id, path)], vec![part(new_id, path)]);
                // This pair is under comparison already: compare its parts.
                open(old_types, &mut was);
                open(new_types, &mut is);
                self.same_parts(was, is, depth)
            }
            false => self.same_form(&old, &new, path, depth),
        };
        if !alike {
            self.roll_back(checkpoint);
            self.different.insert((old_id, new_id));
        }
        alike
    }

    /// Returns whether two lists of parts have the same encoding, whatever their nesting.
    fn same_parts(&mut self, mut old: Parts, mut new: Parts, depth: usize) -> bool {
        let mut opened = 0;
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                self.found.unfinished = true;
                return true;
            }
            let in_old = old.last().is_some_and(|part| made_of_parts(self.old, part.id));
            let in_new = new.last().is_some_and(|part| made_of_parts(self.new, part.id));
            match (old.last().cloned(), new.last().cloned()) {
                (None, None) => return true,
                (Some(was), Some(is)) if in_old == in_new && self.same_encoding(was.id, is.id, &is.path, depth + 1) => {
                    let times = was.times.min(is.times);
                    take(&mut old, times);
                    take(&mut new, times);
                    opened = 0;
                    continue;
                }
                _ => {}
            }
            // The remaining parts may have no bytes: a unit, an empty array. A type that has parts
            // endlessly but no bytes is not a valid type.
            if !(in_old || in_new) || opened > MAX_OPENED {
                return false;
            }
            opened += 1;
            if in_old {
                open(self.old, &mut old);
            }
            if in_new {
                open(self.new, &mut new);
            }
        }
    }

    /// Compares two forms that cannot be flattened.
    fn same_form(&mut self, old: &Form<'_>, new: &Form<'_>, path: &str, depth: usize) -> bool {
        match (old, new) {
            (Form::Variants(old), Form::Variants(new)) => self.variants(old, new, path, depth),
            (Form::Sequence(old), Form::Sequence(new)) => self.element(*old, *new, path, depth + 1),
            (Form::Compact(old), Form::Compact(new)) => match (old.and_then(bits), new.and_then(bits)) {
                (Some(was), Some(is)) if was > is => {
                    push_limited(
                        &mut self.found.removed,
                        at(path, format!("numbers of more than {is} bits are rejected")),
                    );
                }
                (Some(was), Some(is)) if was < is => {
                    push_limited(&mut self.found.added, at(path, format!("numbers of more than {was} bits are new")));
                }
                _ => return old == new,
            },
            (Form::Primitive(old), Form::Primitive(new)) => return old == new,
            (Form::Primitive("str"), Form::Sequence(item)) => return self.is_byte(self.new, *item),
            (Form::Sequence(item), Form::Primitive("str")) => {
                if !self.is_byte(self.old, *item) {
                    return false;
                }
                push_limited(&mut self.found.removed, at(path, "bytes that are not UTF-8 are rejected".into()));
            }
            (Form::Bits(old_store, old_order), Form::Bits(new_store, new_order)) => {
                let (was, is) = (name(self.old, *old_order), name(self.new, *new_order));
                if was != is {
                    self.changed(path, format!("bits from {} became {}", was.unwrap_or("?"), is.unwrap_or("?")));
                }
                self.element(*old_store, *new_store, path, depth + 1);
            }
            _ => return false,
        }
        true
    }

    /// Compares the fields of a variant or a call, and describes the difference.
    fn fields(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str, depth: usize) {
        let checkpoint = self.checkpoint();
        self.names(old, new, path);
        if !self.same_parts(parts_of(old, path), parts_of(new, path), depth) {
            self.roll_back(checkpoint);
            self.differs = true;
            self.describe_fields(old, new, path, depth);
        }
    }

    /// Records where two types begin to differ.
    fn describe(&mut self, old_id: u32, new_id: u32, path: &str, depth: usize) {
        let (old_types, new_types) = (self.old, self.new);
        let (old_id, new_id) = (unwrapped(old_types, old_id), unwrapped(new_types, new_id));
        if depth > MAX_DEPTH || !self.described.insert((old_id, new_id)) {
            return;
        }
        let (Some(old), Some(new)) = (form(old_types, old_id), form(new_types, new_id)) else { return };
        match (&old, &new) {
            (Form::Fields(old), Form::Fields(new)) => self.describe_fields(old, new, path, depth),
            (Form::Array(was, old), Form::Array(is, new)) if was == is => self.describe(*old, *new, path, depth + 1),
            (Form::Array(was, _), Form::Array(is, _)) => {
                self.changed(path, format!("an array of {was} became one of {is}"));
            }
            _ => {
                let text =
                    format!("{} became {}", type_name(old_types, old_id, &old), type_name(new_types, new_id, &new));
                self.changed(path, text);
            }
        }
    }

    fn describe_fields(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str, depth: usize) {
        if old.len() != new.len() {
            let names = |fields: &[FieldOf<'_>]| {
                fields.iter().filter_map(|(name, _)| name.map(str::to_owned)).collect::<Vec<_>>()
            };
            let (old_names, new_names) = (names(old), names(new));
            let removed =
                old_names.iter().filter(|name| !new_names.contains(name)).map(|name| format!("without {name}"));
            let added = new_names.iter().filter(|name| !old_names.contains(name)).map(|name| format!("with {name}"));
            let named = removed.chain(added).take(6).collect::<Vec<_>>().join(", ");
            let named = if named.is_empty() { named } else { format!(" ({named})") };
            self.changed(path, format!("{} became {}{named}", counted(old.len()), new.len()));
            return;
        }
        self.names(old, new, path);
        let (was, is) = (parts_of(old, path), parts_of(new, path));
        for (was, is) in was.into_iter().zip(is).rev() {
            if !self.same_encoding(was.id, is.id, &is.path, depth + 1) {
                self.describe(was.id, is.id, &is.path, depth + 1);
            }
        }
    }

    /// Compares the names of fields at the same position.
    fn names(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str) {
        if old.len() != new.len() {
            let text = format!("{} became {}", counted(old.len()), new.len());
            push_limited(&mut self.found.renamed, at(path, text));
            return;
        }
        for (place, ((old_name, _), (new_name, _))) in old.iter().zip(new).enumerate() {
            let below = match (new_name, old_name) {
                (Some(name), _) | (None, Some(name)) => format!("{path}.{name}"),
                (None, None) => format!("{path}.{place}"),
            };
            match (old_name, new_name) {
                (Some(old_name), Some(new_name)) if old_name != new_name => {
                    let elsewhere = new.iter().any(|(name, _)| name.as_ref() == Some(old_name));
                    let text = format!("{below}: the field {old_name} became {new_name}");
                    if elsewhere {
                        push_limited(&mut self.found.moved, text)
                    } else {
                        push_limited(&mut self.found.renamed, text)
                    }
                }
                // Decoders return an object instead of a list.
                (None, Some(_)) => push_limited(&mut self.found.renamed, format!("{below}: the field had no name")),
                (Some(_), None) => {
                    push_limited(&mut self.found.renamed, format!("{below}: the field no longer has a name"))
                }
                _ => {}
            }
        }
    }

    fn is_byte(&self, types: &PortableRegistry, id: u32) -> bool {
        matches!(form(types, unwrapped(types, id)), Some(Form::Primitive("u8")))
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
                let variant_path = format!("{path}::{}", old_variant.name);
                match new.values().find(|variant| variant.name == old_variant.name) {
                    Some(now) => push_limited(
                        &mut self.found.moved,
                        format!("{variant_path}: variant {index} became {}", now.index),
                    ),
                    None => push_limited(&mut self.found.removed, format!("{variant_path} was removed")),
                }
                continue;
            };
            if old_variant.name != new_variant.name {
                let text = format!("{path}: variant {index} was {} and is {}", old_variant.name, new_variant.name);
                let elsewhere = new.values().any(|variant| variant.name == old_variant.name)
                    || old.values().any(|variant| variant.name == new_variant.name);
                if elsewhere {
                    push_limited(&mut self.found.moved, text);
                    continue;
                }
                push_limited(&mut self.found.renamed, text);
            }
            let below = format!("{path}::{}", new_variant.name);
            self.fields(&fields_of(&old_variant.fields), &fields_of(&new_variant.fields), &below, depth + 1);
        }
        for (index, variant) in new {
            if !old.contains_key(index) && !old.values().any(|known| known.name == variant.name) {
                push_limited(&mut self.found.added, format!("{path}::{} is new", variant.name));
            }
        }
    }

    fn changed(&mut self, path: &str, what: String) {
        push_limited(&mut self.found.changed, at(path, what));
    }
}

/// Returns the parts of fields, the first one last.
fn parts_of(fields: &[FieldOf<'_>], path: &str) -> Parts {
    let mut parts = Vec::with_capacity(fields.len());
    push_fields(&mut parts, fields, path);
    parts
}

fn counted(fields: usize) -> String {
    format!("{fields} field{}", if fields == 1 { "" } else { "s" })
}

/// Returns the width of an unsigned integer type, in bits.
fn bits(name: &str) -> Option<u32> {
    name.strip_prefix('u')?.parse().ok()
}

fn at(path: &str, what: String) -> String {
    if path.is_empty() { what } else { format!("{path}: {what}") }
}

fn push_limited(list: &mut Vec<String>, text: String) {
    if list.len() < MAX_FINDINGS {
        list.push(text.trim_start_matches(['.', ':']).to_owned());
    }
}

fn type_name(types: &PortableRegistry, id: u32, form: &Form<'_>) -> String {
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
