// SPDX-License-Identifier: Apache-2.0
//! What a chain's headers are made of, where the metadata tells it.

use super::RuntimeMetadata;
use scale_info::{PortableRegistry, TypeDef, form::PortableForm};

/// The header of nearly every chain, and what is in it.
const KNOWN: &str = "sp_runtime::generic::header::Header";
const FIELDS: [&str; 5] = ["parent_hash", "number", "state_root", "extrinsics_root", "digest"];

/// Returns what is not known of the chain's headers: a type of its own, which may be hashed by any function, or fields
/// beside the usual ones. Nothing where they are the usual ones, or where the metadata is from before version 15.
pub fn foreign_header(metadata: &RuntimeMetadata) -> Option<String> {
    macro_rules! header {
        ($metadata:expr) => {{
            let core = $metadata.apis.iter().find(|api| api.name == "Core")?;
            let method = core.methods.iter().find(|method| method.name == "initialize_block")?;
            foreign(&$metadata.types, method.inputs.first()?.ty.id)
        }};
    }
    match metadata {
        RuntimeMetadata::V15(metadata) => header!(metadata),
        RuntimeMetadata::V16(metadata) => {
            if let Some(why) = header!(metadata) {
                return Some(why);
            }
            // Only this version tells by what the usual header is hashed.
            let system = metadata.pallets.iter().find(|pallet| pallet.name == "System")?;
            let hashing = system.associated_types.iter().find(|associated| associated.name == "Hashing")?;
            hashed_otherwise(&metadata.types, hashing.ty.id)
        }
        _ => None,
    }
}

fn hashed_otherwise(types: &PortableRegistry, id: u32) -> Option<String> {
    let path = &types.resolve(id)?.path;
    let name = path.segments.last()?;
    (name != "BlakeTwo256").then(|| format!("they are hashed by {}", path.segments.join("::")))
}

fn foreign(types: &PortableRegistry, id: u32) -> Option<String> {
    let ty: &scale_info::Type<PortableForm> = types.resolve(id)?;
    let path = ty.path.segments.join("::");
    let fields: Vec<_> = match &ty.type_def {
        TypeDef::Composite(header) => header.fields.iter().filter_map(|field| field.name.as_deref()).collect(),
        _ => Vec::new(),
    };
    let more: Vec<_> = fields.iter().copied().filter(|field| !FIELDS.contains(field)).collect();
    if !more.is_empty() {
        return Some(format!("they carry more than headers do: {}", more.join(", ")));
    }
    (path != KNOWN).then(|| format!("they are of a type of the chain's own, {path}, which it hashes in its own way"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scale_info::{MetaType, Path, Registry, Type, TypeInfo, build::Fields};

    fn told<T: TypeInfo + 'static>() -> Option<String> {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        foreign(&registry.into(), id)
    }

    macro_rules! header {
        ($name:ident, $module:expr, $($field:expr),*) => {
            struct $name;
            impl TypeInfo for $name {
                type Identity = Self;
                fn type_info() -> Type {
                    let fields = Fields::named()$(.field(|field| field.ty::<u32>().name($field)))*;
                    Type::builder().path(Path::new("Header", $module)).composite(fields)
                }
            }
        };
    }

    header!(Usual, "sp_runtime::generic::header", "parent_hash", "number", "state_root", "extrinsics_root", "digest");
    header!(Own, "qp_header", "parent_hash", "number", "state_root", "extrinsics_root", "digest");
    header!(
        Extended,
        "avail_core::header",
        "parent_hash",
        "number",
        "state_root",
        "extrinsics_root",
        "digest",
        "extension"
    );

    #[test]
    fn headers_that_are_hashed_otherwise_or_carry_more_are_told() {
        assert_eq!(told::<Usual>(), None);
        assert!(told::<Own>().is_some_and(|why| why.contains("qp_header::Header")));
        assert!(told::<Extended>().is_some_and(|why| why.ends_with("extension")));
        #[derive(TypeInfo)]
        struct BlakeTwo256;
        #[derive(TypeInfo)]
        struct Poseidon;
        let by = |ty: MetaType| {
            let mut registry = Registry::new();
            let id = registry.register_type(&ty).id;
            hashed_otherwise(&registry.into(), id)
        };
        assert_eq!(by(MetaType::new::<BlakeTwo256>()), None);
        assert!(by(MetaType::new::<Poseidon>()).is_some_and(|why| why.ends_with("::Poseidon")));
    }
}
