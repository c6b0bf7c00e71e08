// SPDX-License-Identifier: Apache-2.0
//! The format of a chain's block headers, as far as the metadata describes it.

use super::RuntimeMetadata;
use scale_info::{PortableRegistry, TypeDef, form::PortableForm};

/// The header type of nearly every chain, and its fields.
const KNOWN: &str = "sp_runtime::generic::header::Header";
const FIELDS: [&str; 5] = ["parent_hash", "number", "state_root", "extrinsics_root", "digest"];

/// Returns why the chain's block headers are not the usual ones: another type, additional fields,
/// or another hash function.
///
/// Returns `None` if they are the usual ones, or if the metadata is older than version 15.
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
            // Only version 16 contains the hash function of the usual header.
            let system = metadata.pallets.iter().find(|pallet| pallet.name == "System")?;
            let hashing = system.associated_types.iter().find(|associated| associated.name == "Hashing")?;
            hashed_otherwise(&metadata.types, hashing.ty.id)
        }
        _ => None,
    }
}

/// Describes the hash function if it is not BLAKE2-256.
fn hashed_otherwise(types: &PortableRegistry, id: u32) -> Option<String> {
    let path = &types.resolve(id)?.path;
    let name = path.segments.last()?;
    (name != "BlakeTwo256").then(|| format!("they are hashed with {}", path.segments.join("::")))
}

/// Describes the type of the header if it is not the usual one.
fn foreign(types: &PortableRegistry, id: u32) -> Option<String> {
    let ty: &scale_info::Type<PortableForm> = types.resolve(id)?;
    let path = ty.path.segments.join("::");
    let fields: Vec<_> = match &ty.type_def {
        TypeDef::Composite(header) => header.fields.iter().filter_map(|field| field.name.as_deref()).collect(),
        _ => Vec::new(),
    };
    let more: Vec<_> = fields.iter().copied().filter(|field| !FIELDS.contains(field)).collect();
    if !more.is_empty() {
        return Some(format!("they have additional fields: {}", more.join(", ")));
    }
    (path != KNOWN).then(|| format!("they have the chain's own type {path}, whose hash function is unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scale_info::{MetaType, Path, Registry, Type, TypeInfo, build::Fields};

    fn describe<T: TypeInfo + 'static>() -> Option<String> {
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
    fn headers_with_another_type_hash_or_more_fields_are_described() {
        assert_eq!(describe::<Usual>(), None);
        assert!(describe::<Own>().is_some_and(|why| why.contains("qp_header::Header")));
        assert!(describe::<Extended>().is_some_and(|why| why.ends_with("extension")));
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
