// SPDX-License-Identifier: Apache-2.0
//! Checks comparisons of types against encoded values. An encoding is described in two registries,
//! by different newtypes, tuples, structs and arrays, sometimes with one change. Values encoded by
//! the one are decoded by the other.

use crate::{Interface, compare::compare};
use codec::{Decode, Encode};
use proptest::prelude::*;
use scale_info::{
    Field, Path, PortableRegistry, PortableType, Type, TypeDef, TypeDefArray, TypeDefCompact, TypeDefComposite,
    TypeDefPrimitive, TypeDefSequence, TypeDefTuple, TypeDefVariant, Variant, form::PortableForm,
};

/// The shape of an encoding.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// A number of this many bytes.
    Number(usize),
    Compact(usize),
    List(Box<Shape>),
    Struct(Vec<Shape>),
    Enum(Vec<(u8, Vec<Shape>)>),
    /// A list of the outermost type.
    Recursive,
}
use Shape::*;

const WIDTHS: [usize; 5] = [1, 2, 4, 8, 16];

/// A deterministic generator of pseudorandom numbers.
struct SeededRandom(u64);

impl SeededRandom {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

fn shape(random: &mut SeededRandom, depth: usize) -> Shape {
    match random.below(if depth == 0 { 3 } else { 7 }) {
        0 => Number(random.one(&WIDTHS)),
        1 => Compact(random.one(&WIDTHS)),
        2 => Recursive,
        3 => List(Box::new(shape(random, depth - 1))),
        4 | 5 => Struct(struct_fields(random, depth)),
        _ => Enum((0..=random.below(3) as u8).map(|index| (index * 2, struct_fields(random, depth))).collect()),
    }
}

fn struct_fields(random: &mut SeededRandom, depth: usize) -> Vec<Shape> {
    let first = shape(random, depth - 1);
    let mut row = vec![first.clone(); random.below(4)];
    row.extend((0..random.below(3)).map(|_| shape(random, depth - 1)));
    row
}

/// Returns the shape with one change somewhere.
fn changed(shape: &Shape, random: &mut SeededRandom) -> Shape {
    match shape {
        Number(width) => match random.below(3) {
            0 => Compact(*width),
            _ => Number(random.one(&WIDTHS)),
        },
        Compact(_) => Compact(random.one(&WIDTHS)),
        Recursive => Number(4),
        List(of) => List(Box::new(changed(of, random))),
        Struct(of) => Struct(changed_fields(of, random)),
        Enum(of) => {
            let mut of = of.clone();
            let place = random.below(of.len());
            match random.below(4) {
                0 => of.push((101, vec![Number(1)])),
                1 if of.len() > 1 => drop(of.remove(place)),
                2 => of[place].0 = 99,
                _ => of[place].1 = changed_fields(&of[place].1, random),
            }
            Enum(of)
        }
    }
}

fn changed_fields(row: &[Shape], random: &mut SeededRandom) -> Vec<Shape> {
    let mut row = row.to_vec();
    match (row.len(), random.below(4)) {
        (0, _) | (_, 0) => row.push(Number(1)),
        (_, 1) => drop(row.pop()),
        (length, _) => {
            let place = random.below(length);
            row[place] = changed(&row[place], random);
        }
    }
    row
}

/// Builds a registry that describes a shape, with random nesting.
struct RegistryBuilder<'d> {
    types: Vec<Option<Type<PortableForm>>>,
    random: &'d mut SeededRandom,
    /// The first letter of the names of variants.
    letter: char,
}

impl RegistryBuilder<'_> {
    /// Builds the registry. Type 0 is the outermost type.
    fn of(shape: &Shape, letter: char, random: &mut SeededRandom) -> PortableRegistry {
        let mut builder = RegistryBuilder { types: vec![None], random, letter };
        let inner = builder.add_shape(shape);
        builder.types[0] = Some(plain(TypeDefTuple::new_portable(vec![inner.into()])));
        let types = builder.types.into_iter().flatten().enumerate();
        PortableRegistry { types: types.map(|(id, ty)| PortableType::new(id as u32, ty)).collect() }
    }

    fn add(&mut self, def: impl Into<TypeDef<PortableForm>>) -> u32 {
        self.types.push(Some(plain(def)));
        let id = self.types.len() as u32 - 1;
        // Sometimes within a newtype.
        match self.random.below(4) {
            0 => self.composite(vec![id]),
            _ => id,
        }
    }

    fn composite(&mut self, ids: Vec<u32>) -> u32 {
        let named = self.random.below(2) == 0;
        let names = self.types.len();
        let fields = ids.into_iter().enumerate();
        let field = |(place, id): (usize, u32)| {
            Field::new(named.then(|| format!("of{names}at{place}")), id.into(), None, vec![])
        };
        let def = TypeDefComposite::new(fields.map(field).collect::<Vec<_>>());
        self.types.push(Some(plain(def)));
        self.types.len() as u32 - 1
    }

    fn add_shape(&mut self, shape: &Shape) -> u32 {
        match shape {
            Number(width) => self.add(primitive(*width)),
            Compact(width) => {
                let of = self.add(primitive(*width));
                self.add(TypeDefCompact::new(of.into()))
            }
            List(of) => {
                let of = self.add_shape(of);
                self.add(TypeDefSequence::new(of.into()))
            }
            Recursive => self.add(TypeDefSequence::new(0.into())),
            Struct(of) => {
                let fields = self.fields(of);
                self.composite(fields)
            }
            Enum(of) => {
                let variants = of.iter().map(|(index, fields)| {
                    let fields = self.fields(fields).into_iter();
                    let fields = fields.map(|id| Field::new(None, id.into(), None, vec![])).collect();
                    Variant::new(format!("{}{index}", self.letter), fields, *index, vec![])
                });
                let variants: Vec<_> = variants.collect();
                self.add(TypeDefVariant::new(variants))
            }
        }
    }

    /// Adds the parts with random nesting.
    fn fields(&mut self, shapes: &[Shape]) -> Vec<u32> {
        let mut fields = Vec::new();
        let mut left = shapes;
        while let Some(first) = left.first() {
            let alike = left.iter().take_while(|shape| *shape == first).count();
            let taken = match self.random.below(5) {
                0 if alike > 1 => {
                    let of = self.add_shape(first);
                    fields.push(self.add(TypeDefArray::new(alike as u32, of.into())));
                    alike
                }
                1 if left.len() > 1 => {
                    let inner = 1 + self.random.below(left.len() - 1);
                    let ids = self.fields(&left[..inner]);
                    fields.push(self.composite(ids));
                    inner
                }
                2 => {
                    fields.push(self.add(TypeDefTuple::new_portable(vec![])));
                    0
                }
                _ => {
                    fields.push(self.add_shape(first));
                    1
                }
            };
            left = &left[taken..];
        }
        fields
    }
}

fn plain(def: impl Into<TypeDef<PortableForm>>) -> Type<PortableForm> {
    Type::new(Path::default(), vec![], def, vec![])
}

fn primitive(width: usize) -> TypeDefPrimitive {
    match width {
        1 => TypeDefPrimitive::U8,
        2 => TypeDefPrimitive::U16,
        4 => TypeDefPrimitive::U32,
        8 => TypeDefPrimitive::U64,
        _ => TypeDefPrimitive::U128,
    }
}

/// Returns values with every variant and both extremes of every number, each with the simplest
/// values elsewhere.
fn values(shape: &Shape) -> Vec<Vec<u8>> {
    match shape {
        Number(width) => vec![vec![0; *width], vec![0xff; *width]],
        Compact(width) => vec![vec![0], compact(u128::MAX >> (128 - 8 * width))],
        List(of) => {
            vec![vec![0]].into_iter().chain(values(of).into_iter().map(|one| [vec![4], one].concat())).collect()
        }
        Recursive => vec![vec![0]],
        Struct(of) => struct_values(of),
        Enum(of) => {
            let one = |(index, of): &(u8, Vec<Shape>)| {
                struct_values(of).into_iter().map(|row| [vec![*index], row].concat()).collect::<Vec<_>>()
            };
            of.iter().flat_map(one).collect()
        }
    }
}

fn compact(number: u128) -> Vec<u8> {
    codec::Compact(number).encode()
}

fn struct_values(row: &[Shape]) -> Vec<Vec<u8>> {
    let all: Vec<_> = row.iter().map(values).collect();
    let plainest: Vec<_> = all.iter().map(|values| values[0].clone()).collect();
    let mut rows = vec![plainest.concat()];
    for (place, values) in all.iter().enumerate() {
        for value in values {
            let mut row = plainest.clone();
            row[place] = value.clone();
            rows.push(row.concat());
        }
    }
    rows
}

/// Decodes a value with a minimal decoder. Returns `None` if the bytes are invalid.
fn read(types: &PortableRegistry, id: u32, input: &mut &[u8], decoded: &mut Vec<String>) -> Option<()> {
    let number = |input: &mut &[u8]| codec::Compact::<u128>::decode(input).ok().map(|number| number.0);
    match &types.resolve(id)?.type_def {
        TypeDef::Primitive(of) => {
            let width = WIDTHS.into_iter().find(|width| primitive(*width) == *of)?;
            let (value, rest) = input.split_at_checked(width)?;
            *input = rest;
            decoded.push(format!("{width} bytes {value:?}"));
        }
        TypeDef::Compact(of) => {
            let mut inner = of.type_param.id;
            let bound = loop {
                match &types.resolve(inner)?.type_def {
                    TypeDef::Composite(of) => inner = of.fields[0].ty.id,
                    TypeDef::Primitive(of) => break WIDTHS.into_iter().find(|width| primitive(*width) == *of)?,
                    _ => return None,
                }
            };
            let value = number(input).filter(|value| *value <= u128::MAX >> (128 - 8 * bound))?;
            decoded.push(format!("compact {value}"));
        }
        TypeDef::Sequence(of) => {
            let length = number(input)?;
            decoded.push(format!("{length} of"));
            for _ in 0..length {
                let before = input.len();
                read(types, of.type_param.id, input, decoded)?;
                // Values without bytes are all the same, and the length may be any number.
                if input.len() == before {
                    break;
                }
            }
        }
        TypeDef::Array(of) => (0..of.len).try_for_each(|_| read(types, of.type_param.id, input, decoded))?,
        TypeDef::Tuple(of) => of.fields.iter().try_for_each(|field| read(types, field.id, input, decoded))?,
        TypeDef::Composite(of) => of.fields.iter().try_for_each(|field| read(types, field.ty.id, input, decoded))?,
        TypeDef::Variant(of) => {
            let (index, rest) = input.split_first()?;
            *input = rest;
            let chosen = of.variants.iter().find(|variant| variant.index == *index)?;
            decoded.push(format!("variant {index}"));
            chosen.fields.iter().try_for_each(|field| read(types, field.ty.id, input, decoded))?;
        }
        TypeDef::BitSequence(_) => return None,
    }
    Some(())
}

fn meaning(types: &PortableRegistry, mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut decoded = Vec::new();
    read(types, 0, &mut bytes, &mut decoded)?;
    bytes.is_empty().then_some(decoded)
}

/// Compares both registries, and checks the result by decoding every value.
fn check_comparison(
    old_shape: &Shape,
    new_shape: &Shape,
    letters: [char; 2],
    random: &mut SeededRandom,
) -> Result<(), TestCaseError> {
    let old = RegistryBuilder::of(old_shape, letters[0], random);
    let new = RegistryBuilder::of(new_shape, letters[1], random);
    let found = compare(&Interface::empty(&old), 0, &Interface::empty(&new), 0);
    prop_assert!(!found.unfinished);
    let mut refused = 0;
    let mut mistaken = 0;
    for value in values(old_shape) {
        let was = meaning(&old, &value);
        prop_assert!(was.is_some(), "its own type does not decode {value:?}");
        match meaning(&new, &value) {
            None => refused += 1,
            is if is != was => mistaken += 1,
            _ => {}
        }
    }
    let differences: Vec<_> = found.all().collect();
    match (found.breaking(), found.lossy()) {
        (true, _) => {
            prop_assert!(refused + mistaken > 0, "nothing breaks: {differences:?}\n{old_shape:?}\n{new_shape:?}")
        }
        (false, true) => {
            prop_assert!(refused > 0 && mistaken == 0, "{refused} refused, {mistaken} mistaken: {differences:?}");
        }
        (false, false) => {
            prop_assert!(
                refused + mistaken == 0,
                "{refused} refused, {mistaken} mistaken: {differences:?}\n{old_shape:?}\n{new_shape:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nesting_and_names_do_not_change_an_encoding(seed: u64) {
        let random = &mut SeededRandom(seed);
        let shape = shape(random, 4);
        check_comparison(&shape, &shape, ['V', 'V'], random)?;
        let (old, new) = (RegistryBuilder::of(&shape, 'V', random), RegistryBuilder::of(&shape, 'W', random));
        let found = compare(&Interface::empty(&old), 0, &Interface::empty(&new), 0);
        prop_assert!(!found.breaking() && !found.lossy() && found.added.is_empty(), "{:?}", found.all().collect::<Vec<_>>());
    }

    #[test]
    fn differences_agree_with_decoded_values(seed: u64) {
        let random = &mut SeededRandom(seed);
        let old = shape(random, 4);
        let new = changed(&old, random);
        check_comparison(&old, &new, ['V', 'V'], random)?;
        check_comparison(&new, &old, ['V', 'W'], random)?;
    }
}
