// SPDX-License-Identifier: Apache-2.0
//! Two types compared by what is written on the wire, wherever they stand in two registries.
//!
//! Fields of structs, tuples and arrays stand one after the other with nothing between them. So both types are taken
//! apart to the parts that do say what they are (numbers, sequences, enums), and these are held against each other in
//! their order: `X2(Junction, Junction)` and `X2([Junction; 2])` are one encoding. Differences are sorted by what they do
//! to bytes that the other side encoded.

use crate::interface::Interface;
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};
use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

/// Types nest some twenty deep; a hostile registry nests for ever.
const MAX_DEPTH: usize = 200;
/// Enough to understand what changed.
const MAX_FINDINGS: usize = 12;
/// Pairs of parts that one comparison looks at. The largest real one, of a call that carries XCM, has some thousand.
const MAX_STEPS: usize = 200_000;
/// Types that are opened one in the other, or one after the other without a byte between them.
const MAX_OPENED: usize = 1000;

/// What differs, each with the path to it.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// The same bytes are read as something else, or not at all.
    pub changed: Vec<String>,
    /// Fields or variants of a known name stand elsewhere: bytes are read as what they are not, and nobody notices.
    pub moved: Vec<String>,
    /// Variants and numbers that only the new type has.
    pub added: Vec<String>,
    /// Variants and numbers that only the old type has.
    pub removed: Vec<String>,
    /// The same encoding under another name, or in other brackets.
    pub renamed: Vec<String>,
    /// The types nest deeper, or are more, than any real ones: what is below is not known.
    pub unfinished: bool,
    /// How many pairs of parts were looked at.
    pub steps: usize,
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
        let renamed = self.renamed.iter().map(|told| format!("{told} (encoded as before)"));
        let others = [&self.changed, &self.moved, &self.removed, &self.added];
        others.into_iter().flatten().cloned().chain(renamed)
    }

    /// The breaking ones, in words.
    pub fn summary(&self) -> String {
        let mut told: Vec<_> = self.changed.iter().chain(&self.moved).map(String::as_str).collect();
        let more = told.len().saturating_sub(3);
        told.truncate(3);
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{rest}", told.join("; "))
    }
}

/// The enums that every call, event, error and origin of a runtime is part of change with each of its pallets. Who
/// compares calls or storage one by one is not helped by hearing of them wherever they are nested.
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

/// Which of them a type is, if any. Until 2022 they had shorter names, and stood at the root of a runtime's crate.
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

/// Compares what a call takes, one argument after the other.
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

struct Comparison<'a> {
    old: &'a PortableRegistry,
    new: &'a PortableRegistry,
    /// Pairs that are under comparison or were, and that nothing speaks against: a type that holds itself is what the
    /// other is as long as no difference is met.
    assumed_same: PairSet,
    /// Pairs that do not encode alike, whatever else is assumed.
    different: HashSet<(u32, u32)>,
    /// Pairs of which it was told why they do not.
    described: PairSet,
    /// Whether anything was met that is not the same, told or not.
    differs: bool,
    steps: usize,
    found: Differences,
}

/// Pairs in the order in which they came, so that an assumption can be taken back with all that was built on it.
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

/// How far a comparison was, to go back to.
struct Checkpoint {
    assumed_same: usize,
    described: usize,
    found: [usize; 5],
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
    /// A number by the type that bounds it; nothing where that is none.
    Compact(Option<&'static str>),
    Primitive(&'static str),
    Bits(u32, u32),
}

impl Form<'_> {
    /// Whether nothing of it is written but its parts.
    fn is_parts(&self) -> bool {
        matches!(self, Form::Fields(_) | Form::Array(..))
    }
}

/// Parts that are still to be read, the next one last.
type Parts = Vec<Part>;

/// So many of one type in a row, and the path to them.
#[derive(Clone)]
struct Part {
    id: u32,
    times: u32,
    path: Rc<str>,
}

fn part(id: u32, path: &str) -> Part {
    Part { id, times: 1, path: path.into() }
}

/// The fields in front of what is there already.
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

/// Puts what the first part consists of in its place, where it has parts.
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

/// The type behind wrappers of one field.
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
            // A compact nothing is nothing.
            TypeDef::Tuple(tuple) if tuple.fields.is_empty() => Form::Fields(Vec::new()),
            _ => Form::Compact(None),
        },
        TypeDef::Primitive(primitive) => Form::Primitive(primitive_name(primitive)),
        TypeDef::BitSequence(bits) => Form::Bits(bits.bit_store_type.id, bits.bit_order_type.id),
    })
}

/// [`Form::is_parts`] of a type, without making the form.
fn made_of_parts(types: &PortableRegistry, id: u32) -> bool {
    match types.resolve(id).map(|ty| &ty.type_def) {
        Some(TypeDef::Composite(_) | TypeDef::Tuple(_) | TypeDef::Array(_)) => true,
        Some(TypeDef::Compact(_)) => form(types, id).is_some_and(|form| form.is_parts()),
        _ => false,
    }
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
            self.changed("", "it is encoded otherwise".into());
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

    /// Takes back what was found and assumed since.
    fn roll_back(&mut self, checkpoint: Checkpoint) {
        self.assumed_same.truncate(checkpoint.assumed_same);
        self.described.truncate(checkpoint.described);
        let Differences { changed, moved, added, removed, renamed, .. } = &mut self.found;
        for (list, length) in [changed, moved, added, removed, renamed].into_iter().zip(checkpoint.found) {
            list.truncate(length);
        }
    }

    /// One whole value of each side, with nothing beside it: says why, where they are not alike.
    fn element(&mut self, old: u32, new: u32, path: &str, depth: usize) {
        if !self.same_encoding(old, new, path, depth) {
            self.differs = true;
            self.describe(old, new, path, depth);
        }
    }

    /// Whether both take the same place among others: a value of one ends where one of the other would. What differs
    /// within that place, such as the variants of an enum, is told.
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
            self.changed(path, "a type that its registry lacks".into());
            return true;
        };
        if let (Form::Fields(old), Form::Fields(new)) = (&old, &new) {
            self.names(old, new, path);
        }
        let alike = match old.is_parts() || new.is_parts() {
            true => {
                let (mut was, mut is) = (vec![part(old_id, path)], vec![part(new_id, path)]);
                // This pair is under comparison: what is compared now is what it consists of.
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

    /// Whether two rows of parts are alike to their ends, however they are put into brackets.
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
            // What is left over may be nothing: a unit, an array of no elements. What has parts for ever and never any
            // bytes is no type.
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

    /// Two parts that have no parts that are written one by one.
    fn same_form(&mut self, old: &Form<'_>, new: &Form<'_>, path: &str, depth: usize) -> bool {
        match (old, new) {
            (Form::Variants(old), Form::Variants(new)) => self.variants(old, new, path, depth),
            (Form::Sequence(old), Form::Sequence(new)) => self.element(*old, *new, path, depth + 1),
            (Form::Compact(old), Form::Compact(new)) => match (old.and_then(bits), new.and_then(bits)) {
                (Some(was), Some(is)) if was > is => {
                    push_limited(
                        &mut self.found.removed,
                        at(path, format!("numbers of more than {is} bits are refused")),
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
                push_limited(&mut self.found.removed, at(path, "bytes that are no text are refused".into()));
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

    /// Fields that are all there is of a variant or a call: says why, where they are not alike.
    fn fields(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str, depth: usize) {
        let checkpoint = self.checkpoint();
        self.names(old, new, path);
        if !self.same_parts(parts_of(old, path), parts_of(new, path), depth) {
            self.roll_back(checkpoint);
            self.differs = true;
            self.describe_fields(old, new, path, depth);
        }
    }

    /// Where two types begin to differ.
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
                let told =
                    format!("{} became {}", type_name(old_types, old_id, &old), type_name(new_types, new_id, &new));
                self.changed(path, told);
            }
        }
    }

    fn describe_fields(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str, depth: usize) {
        if old.len() != new.len() {
            let names = |fields: &[FieldOf<'_>]| {
                fields.iter().filter_map(|(name, _)| name.map(str::to_owned)).collect::<Vec<_>>()
            };
            let (old_names, new_names) = (names(old), names(new));
            let gone = old_names.iter().filter(|name| !new_names.contains(name)).map(|name| format!("without {name}"));
            let come = new_names.iter().filter(|name| !old_names.contains(name)).map(|name| format!("with {name}"));
            let named = gone.chain(come).take(6).collect::<Vec<_>>().join(", ");
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

    /// The names of fields that stand for the same place.
    fn names(&mut self, old: &[FieldOf<'_>], new: &[FieldOf<'_>], path: &str) {
        if old.len() != new.len() {
            let told = format!("{} became {}", counted(old.len()), new.len());
            push_limited(&mut self.found.renamed, at(path, told));
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
                    let told = format!("{below}: {old_name} stood where {new_name} stands now");
                    if elsewhere {
                        push_limited(&mut self.found.moved, told)
                    } else {
                        push_limited(&mut self.found.renamed, told)
                    }
                }
                // Who decodes gets an object where a list was.
                (None, Some(_)) => push_limited(&mut self.found.renamed, format!("{below}: the field had no name")),
                (Some(_), None) => {
                    push_limited(&mut self.found.renamed, format!("{below}: the field has no name any more"))
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
                let told = format!("{path}::{}", old_variant.name);
                match new.values().find(|variant| variant.name == old_variant.name) {
                    Some(now) => {
                        push_limited(&mut self.found.moved, format!("{told}: variant {index} became {}", now.index))
                    }
                    None => push_limited(&mut self.found.removed, format!("{told} is gone")),
                }
                continue;
            };
            if old_variant.name != new_variant.name {
                let told = format!("{path}: variant {index} was {} and is {}", old_variant.name, new_variant.name);
                let elsewhere = new.values().any(|variant| variant.name == old_variant.name)
                    || old.values().any(|variant| variant.name == new_variant.name);
                if elsewhere {
                    push_limited(&mut self.found.moved, told);
                    continue;
                }
                push_limited(&mut self.found.renamed, told);
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

/// The parts of fields, the first one last.
fn parts_of(fields: &[FieldOf<'_>], path: &str) -> Parts {
    let mut parts = Vec::with_capacity(fields.len());
    push_fields(&mut parts, fields, path);
    parts
}

fn counted(fields: usize) -> String {
    format!("{fields} field{}", if fields == 1 { "" } else { "s" })
}

/// How wide the numbers are that a compact one is bounded by.
fn bits(name: &str) -> Option<u32> {
    name.strip_prefix('u')?.parse().ok()
}

fn at(path: &str, what: String) -> String {
    if path.is_empty() { what } else { format!("{path}: {what}") }
}

fn push_limited(list: &mut Vec<String>, told: String) {
    if list.len() < MAX_FINDINGS {
        list.push(told.trim_start_matches(['.', ':']).to_owned());
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
