// SPDX-License-Identifier: Apache-2.0
//! Answers of `DryRunApi`, read with the types of the runtime that gave them.

use crate::types::{Interface, read};
use codec::{Compact, Decode};
use scale_info::{Field, TypeDef, form::PortableForm};

/// The most receivers of one call, and the most messages to each, that are read.
const MOST: u32 = 1_024;

/// Returns the value in `Ok` of a `Result`, with its type, or the error in words.
pub fn success<'b>(interface: &Interface<'_>, result: u32, bytes: &'b [u8]) -> Result<(u32, &'b [u8]), String> {
    let unread = || "an answer that is no Result".to_string();
    let variants = match interface.types.resolve(result).map(|ty| &ty.type_def) {
        Some(TypeDef::Variant(variants)) => &variants.variants,
        _ => return Err(unread()),
    };
    let (index, value) = bytes.split_first().ok_or_else(unread)?;
    let variant = variants.iter().find(|variant| variant.index == *index).ok_or_else(unread)?;
    let field = variant.fields.first().ok_or_else(unread)?;
    match variant.name.as_str() {
        "Ok" => Ok((field.ty.id, value)),
        name => Err(format!("{name} {}", compat::value::text(interface.types, field.ty.id, value))),
    }
}

/// Returns a field of a struct, with its type.
pub fn field<'b>(interface: &Interface<'_>, id: u32, bytes: &'b [u8], name: &str) -> Option<(u32, &'b [u8])> {
    let TypeDef::Composite(composite) = &interface.types.resolve(id)?.type_def else { return None };
    let is = |field: &Field<PortableForm>| field.name.as_deref() == Some(name);
    let mut input = bytes;
    for known in &composite.fields {
        let left = read::skip(interface.types, known.ty.id, input).ok()?;
        if is(known) {
            return Some((known.ty.id, &input[..input.len() - left.len()]));
        }
        input = left;
    }
    None
}

/// Returns the messages to one location out of a `Vec<(VersionedLocation, Vec<VersionedXcm>)>`, in
/// whatever version either is encoded.
pub fn forwarded(interface: &Interface<'_>, id: u32, bytes: &[u8], to: &[u8]) -> Option<Vec<Vec<u8>>> {
    let all = all_forwarded(interface, id, bytes)?.into_iter();
    Some(all.filter(|(location, _)| location.get(1..) == to.get(1..)).flat_map(|(_, messages)| messages).collect())
}

/// The messages to each location.
pub type Forwarded = Vec<(Vec<u8>, Vec<Vec<u8>>)>;

/// Returns all messages out of a `Vec<(VersionedLocation, Vec<VersionedXcm>)>`.
pub fn all_forwarded(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Option<Forwarded> {
    let types = interface.types;
    let TypeDef::Sequence(list) = &types.resolve(id)?.type_def else { return None };
    let TypeDef::Tuple(entry) = &types.resolve(list.type_param.id)?.type_def else { return None };
    let [location, messages] = entry.fields.as_slice() else { return None };
    let TypeDef::Sequence(message) = &types.resolve(messages.id)?.type_def else { return None };
    let mut input = bytes;
    let mut found = Vec::new();
    for _ in 0..Compact::<u32>::decode(&mut input).ok()?.0.min(MOST) {
        let left = read::skip(types, location.id, input).ok()?;
        let receiver = input.get(..input.len() - left.len())?.to_vec();
        let mut to_it = Vec::new();
        input = left;
        for _ in 0..Compact::<u32>::decode(&mut input).ok()?.0.min(MOST) {
            let left = read::skip(types, message.type_param.id, input).ok()?;
            to_it.push(input[..input.len() - left.len()].to_vec());
            input = left;
        }
        found.push((receiver, to_it));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};

    #[derive(Encode, TypeInfo)]
    enum Versioned {
        #[codec(index = 4)]
        V4(u8, Option<u8>),
        #[codec(index = 5)]
        V5(u8, Option<u8>),
    }

    #[derive(Encode, TypeInfo)]
    struct Effects {
        outcome: u32,
        forwarded: Vec<(Versioned, Vec<Versioned>)>,
    }

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    #[test]
    fn messages_to_a_location_are_found_in_any_version() {
        let (types, id) = registry::<Result<Effects, u8>>();
        let interface = Interface::empty(&types);
        let message = || Versioned::V5(9, None);
        let effects = Effects {
            outcome: 7,
            forwarded: vec![
                (Versioned::V5(1, None), vec![message()]),
                (Versioned::V4(1, Some(3)), vec![message(), message()]),
            ],
        };
        let bytes = Ok::<_, u8>(effects).encode();
        let (id, bytes) = success(&interface, id, &bytes).expect("Ok");
        assert_eq!(field(&interface, id, bytes, "outcome").expect("a field").1, 7u32.encode());
        let (id, bytes) = field(&interface, id, bytes, "forwarded").expect("a field");
        assert_eq!(forwarded(&interface, id, bytes, &[5, 1, 1, 3]), Some(vec![message().encode(); 2]));
        assert_eq!(forwarded(&interface, id, bytes, &[5, 2, 0]), Some(Vec::new()));
        assert_eq!(forwarded(&interface, id, &bytes[..4], &[5, 2, 0]), None, "cut short");
    }

    #[test]
    fn an_error_is_told_by_its_name() {
        let (types, id) = registry::<Result<u32, u8>>();
        let interface = Interface::empty(&types);
        let error = success(&interface, id, &Err::<u32, u8>(3).encode()).expect_err("Err");
        assert!(error.starts_with("Err"), "{error}");
        assert!(success(&interface, id, &[]).is_err());
    }
}
