// SPDX-License-Identifier: Apache-2.0
//! The types of a chain: its registry and its pallets. A registry is checked before it is used for
//! encoding and decoding.
//!
//! Types may be recursive only through an enum or a sequence. These have at least one byte for each
//! level, so the input bounds them. A struct that contains itself would never end. Names are
//! limited in length and characters.

use scale_info::{PortableRegistry, Type, TypeDef, form::PortableForm};
use worker::{Failure, Result};

/// A pallet.
#[derive(Clone, Debug)]
pub struct Pallet {
    /// The pallet's name.
    pub name: String,
    /// The pallet's index in the outer enums.
    pub index: u8,
    /// The type of its call enum.
    pub calls: Option<u32>,
    /// The type of its event enum.
    pub events: Option<u32>,
}

/// The types of a chain: the type registry and the pallets with their enums.
pub struct Types {
    registry: PortableRegistry,
    pallets: Vec<Pallet>,
}

impl Types {
    /// Checks the registry and returns the types.
    ///
    /// Fails if the registry has invalid names or types that contain themselves.
    pub(crate) fn new(registry: PortableRegistry, pallets: Vec<Pallet>) -> Result<Self> {
        check(&registry)?;
        Ok(Self { registry, pallets })
    }

    /// Returns the type registry.
    pub fn registry(&self) -> &PortableRegistry {
        &self.registry
    }

    /// Returns the pallets.
    pub fn pallets(&self) -> &[Pallet] {
        &self.pallets
    }

    /// Returns the pallet whose calls are of this type. It distinguishes nested calls from other
    /// enums.
    pub(crate) fn pallet_by_calls(&self, ty: u32) -> Option<&Pallet> {
        self.pallets.iter().find(|pallet| pallet.calls == Some(ty))
    }
}

/// The deepest direct nesting of structs, tuples and arrays. Real types nest less than 10 deep.
const NESTING_LIMIT: usize = 64;
const NAME_LIMIT: usize = 128;

/// Returns whether a name is valid for a type, variant or field in Rust.
pub(crate) fn is_identifier(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '#';
    !name.is_empty() && name.len() <= NAME_LIMIT && name.chars().all(allowed)
}

/// Fails if a registry has invalid names or types that contain themselves. Encoding and decoding by
/// a valid registry terminate.
fn check(registry: &PortableRegistry) -> Result<()> {
    for ty in &registry.types {
        names(&ty.ty).map_err(|name| {
            Failure::input(format!("the metadata has an invalid name, {name:.64?}"))
                .found(format!("in type {}", ty.id))
                .expected("letters, digits and underscores")
        })?;
    }
    // The nesting height of each type; 0 is unknown.
    let mut heights = vec![0usize; registry.types.len()];
    for start in 0..registry.types.len() {
        height(registry, start, &mut heights)?;
    }
    Ok(())
}

fn names(ty: &Type<PortableForm>) -> std::result::Result<(), String> {
    let check = |name: &String| if is_identifier(name) { Ok(()) } else { Err(name.clone()) };
    let fields = |fields: &[scale_info::Field<PortableForm>]| {
        fields.iter().filter_map(|field| field.name.as_ref()).try_for_each(check)
    };
    match &ty.type_def {
        TypeDef::Composite(composite) => fields(&composite.fields),
        TypeDef::Variant(variants) => variants.variants.iter().try_for_each(|variant| {
            check(&variant.name)?;
            fields(&variant.fields)
        }),
        _ => Ok(()),
    }
}

/// Returns the types that every value of this type contains directly.
fn held(ty: &Type<PortableForm>) -> Vec<usize> {
    match &ty.type_def {
        TypeDef::Composite(composite) => composite.fields.iter().map(|field| field.ty.id as usize).collect(),
        TypeDef::Tuple(tuple) => tuple.fields.iter().map(|field| field.id as usize).collect(),
        TypeDef::Array(array) => vec![array.type_param.id as usize],
        TypeDef::Compact(compact) => vec![compact.type_param.id as usize],
        _ => Vec::new(),
    }
}

/// Computes the nesting height of a type, depth first. It uses an explicit stack, because the
/// registry is untrusted and could overflow the call stack.
fn height(registry: &PortableRegistry, start: usize, heights: &mut [usize]) -> Result<()> {
    let mut path: Vec<(usize, Vec<usize>, usize)> = Vec::new();
    let mut next = Some(start);
    loop {
        if let Some(id) = next.take()
            && heights.get(id).is_some_and(|height| *height == 0)
        {
            if path.len() >= NESTING_LIMIT || path.iter().any(|(on_path, ..)| *on_path == id) {
                return Err(Failure::input(format!("type {id} of the metadata cannot be laid out"))
                    .found("a type that contains itself or is nested too deeply")
                    .expected(format!("at most {NESTING_LIMIT} structs within one another")));
            }
            let held = registry.types.get(id).map(|ty| held(&ty.ty)).unwrap_or_default();
            path.push((id, held, 1));
        }
        let Some((id, held, above)) = path.last_mut() else { return Ok(()) };
        match held.pop() {
            Some(child) => match heights.get(child) {
                Some(0) => {
                    // Visit the child first, then continue with this type.
                    held.push(child);
                    next = Some(child);
                }
                Some(known) => *above = (*above).max(known + 1),
                // A missing type is an error only where it is used.
                None => {}
            },
            None => {
                let (id, above) = (*id, *above);
                if above > NESTING_LIMIT {
                    return Err(Failure::input(format!("type {id} of the metadata is nested too deeply"))
                        .found(format!("{above} structs within one another"))
                        .expected(format!("at most {NESTING_LIMIT}")));
                }
                if let Some(height) = heights.get_mut(id) {
                    *height = above;
                }
                path.pop();
            }
        }
    }
}

/// Returns the type inside of newtypes. (`Box<T>` is `T` in metadata.)
pub(crate) fn unwrap_newtypes(registry: &PortableRegistry, mut ty: u32) -> Option<(u32, &Type<PortableForm>)> {
    for _ in 0..=NESTING_LIMIT {
        let resolved = registry.resolve(ty)?;
        let only = match &resolved.type_def {
            TypeDef::Composite(composite) => match composite.fields.as_slice() {
                [only] => Some(only.ty.id),
                _ => None,
            },
            TypeDef::Tuple(tuple) => match tuple.fields.as_slice() {
                [only] => Some(only.id),
                _ => None,
            },
            _ => None,
        };
        match only {
            Some(inner) => ty = inner,
            None => return Some((ty, resolved)),
        }
    }
    None
}
