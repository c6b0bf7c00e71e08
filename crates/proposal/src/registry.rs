// SPDX-License-Identifier: Apache-2.0
//! What a type registry has to satisfy before anything is encoded or decoded by it.
//!
//! Types may refer to themselves, but only through an enum or a sequence: those take at least one byte a turn, so the
//! input bounds them. A struct that holds itself would not end. Neither would anyone read a name of a thousand letters.

use scale_info::{PortableRegistry, Type, TypeDef, form::PortableForm};
use worker::{Failure, Result};

/// How many structs, tuples and arrays may hold one another directly. Real ones: below 10.
const NESTING_LIMIT: usize = 64;
const NAME_LIMIT: usize = 128;

/// Type, variant and field names as Rust writes them.
pub(crate) fn is_identifier(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '#';
    !name.is_empty() && name.len() <= NAME_LIMIT && name.chars().all(allowed)
}

/// Refuses a registry that cannot describe data. What passes lets the encoder and the decoder end.
pub(crate) fn check(registry: &PortableRegistry) -> Result<()> {
    for ty in &registry.types {
        names(&ty.ty).map_err(|name| {
            Failure::input(format!("the metadata has an impossible name, {name:.64?}"))
                .found(format!("in type {}", ty.id))
                .expected("letters, digits and underscores")
        })?;
    }
    // The height of each type over those it holds directly; 0 is unknown.
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

/// The types a value of this type always holds, without a byte of its own in between.
fn held(ty: &Type<PortableForm>) -> Vec<usize> {
    match &ty.type_def {
        TypeDef::Composite(composite) => composite.fields.iter().map(|field| field.ty.id as usize).collect(),
        TypeDef::Tuple(tuple) => tuple.fields.iter().map(|field| field.id as usize).collect(),
        TypeDef::Array(array) => vec![array.type_param.id as usize],
        TypeDef::Compact(compact) => vec![compact.type_param.id as usize],
        _ => Vec::new(),
    }
}

/// Depth first with a stack of its own: the registry decides how deep it goes, and must not decide over ours.
fn height(registry: &PortableRegistry, start: usize, heights: &mut [usize]) -> Result<()> {
    let mut path: Vec<(usize, Vec<usize>, usize)> = Vec::new();
    let mut next = Some(start);
    loop {
        if let Some(id) = next.take()
            && heights.get(id).is_some_and(|height| *height == 0)
        {
            if path.len() >= NESTING_LIMIT || path.iter().any(|(on_path, ..)| *on_path == id) {
                return Err(Failure::input(format!("type {id} of the metadata cannot be laid out"))
                    .found("a type that holds itself or is nested too deeply")
                    .expected(format!("at most {NESTING_LIMIT} structs within one another")));
            }
            let held = registry.types.get(id).map(|ty| held(&ty.ty)).unwrap_or_default();
            path.push((id, held, 1));
        }
        let Some((id, held, above)) = path.last_mut() else { return Ok(()) };
        match held.pop() {
            Some(child) => match heights.get(child) {
                Some(0) => {
                    // It comes back to this type when its height is known.
                    held.push(child);
                    next = Some(child);
                }
                Some(known) => *above = (*above).max(known + 1),
                // Types out of range are an error where they are used, not before.
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

/// The type behind newtypes (`Box<T>` is `T` in metadata already).
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
