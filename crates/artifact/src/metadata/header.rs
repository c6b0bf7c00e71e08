// SPDX-License-Identifier: Apache-2.0
//! The format of a chain's block headers, as far as the metadata describes it.

use super::{RuntimeMetadata, default_value};
use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};

/// The header type of nearly every chain, and its fields.
const KNOWN: &str = "sp_runtime::generic::header::Header";
const FIELDS: [&str; 5] = ["parent_hash", "number", "state_root", "extrinsics_root", "digest"];
/// The type of the field `digest`.
const DIGEST: &str = "sp_runtime::generic::digest::Digest";
/// The most fields of a header, and the most bytes of a field without contents. Real headers have up
/// to seven fields and some hundred bytes.
const MAX_FIELDS: usize = 64;
const MAX_EMPTY: usize = 64 * 1024;

/// A field of a block header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderField {
    /// The hash of the parent block.
    ParentHash,
    /// The block number.
    Number(NumberFormat),
    /// The root of the state after the block.
    StateRoot,
    /// The root of the trie of the block's extrinsics.
    ExtrinsicsRoot,
    /// The digest.
    Digest,
    /// A field that headers of other chains do not have.
    Own {
        /// Its type.
        ty: u32,
        /// Its encoded value before the block is executed.
        empty: Vec<u8>,
    },
}

/// How a header contains the block number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    /// As a compact number.
    Compact,
    /// In four bytes.
    Four,
    /// In eight bytes.
    Eight,
}

/// Returns why the chain's block headers are not the usual ones: another type, additional fields,
/// or another hash function.
///
/// Returns `None` if they are the usual ones, or if the metadata is older than version 15.
pub fn foreign_header(metadata: &RuntimeMetadata) -> Option<String> {
    let (types, id) = header_type(metadata)?;
    foreign(types, id).or_else(|| foreign_hashing(metadata))
}

/// Returns the fields of the chain's own header type, in encoding order.
///
/// Returns `None` for the usual header, and for metadata older than version 15. Fails with the
/// reason if headers cannot be encoded by what the metadata says.
pub fn own_header(metadata: &RuntimeMetadata) -> Result<Option<Vec<HeaderField>>, String> {
    let Some((types, id)) = header_type(metadata) else { return Ok(None) };
    if let Some(why) = foreign_hashing(metadata) {
        return Err(why);
    }
    foreign(types, id).map(|_| fields(types, id)).transpose()
}

/// Returns the registry of the types and the type of the header. Metadata older than version 15 does
/// not name it.
fn header_type(metadata: &RuntimeMetadata) -> Option<(&PortableRegistry, u32)> {
    macro_rules! header {
        ($metadata:expr) => {{
            let core = $metadata.apis.iter().find(|api| api.name == "Core")?;
            let method = core.methods.iter().find(|method| method.name == "initialize_block")?;
            Some((&$metadata.types, method.inputs.first()?.ty.id))
        }};
    }
    match metadata {
        RuntimeMetadata::V15(metadata) => header!(metadata),
        RuntimeMetadata::V16(metadata) => header!(metadata),
        _ => None,
    }
}

/// Describes the hash function of the chain if it is not the usual one. Only metadata of version 16
/// contains it.
fn foreign_hashing(metadata: &RuntimeMetadata) -> Option<String> {
    let RuntimeMetadata::V16(metadata) = metadata else { return None };
    let system = metadata.pallets.iter().find(|pallet| pallet.name == "System")?;
    let hashing = system.associated_types.iter().find(|associated| associated.name == "Hashing")?;
    hashed_otherwise(&metadata.types, hashing.ty.id)
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

/// Returns the fields of a header type. Fails with the reason if one of the usual fields is missing,
/// or if the bytes of a field are not known.
fn fields(types: &PortableRegistry, id: u32) -> Result<Vec<HeaderField>, String> {
    let Some(TypeDef::Composite(header)) = types.resolve(id).map(|ty| &ty.type_def) else {
        return Err("they are not a struct".into());
    };
    if header.fields.len() > MAX_FIELDS {
        return Err(format!("they have {} fields", header.fields.len()));
    }
    let names: Vec<_> = header.fields.iter().map(|field| field.name.as_deref().unwrap_or_default()).collect();
    if let Some(name) = FIELDS.iter().find(|known| names.iter().filter(|name| name == known).count() != 1) {
        return Err(format!("they do not have exactly one field {name}"));
    }
    let read = header.fields.iter().zip(names).map(|(field, name)| {
        let read = field_of(types, name, field.ty.id);
        read.ok_or_else(|| format!("their field {name} has a type that is not supported"))
    });
    read.collect()
}

/// Returns a field of a header by its name. `None` if its type is not the one of this name, or if it
/// has no known value before the block is executed.
fn field_of(types: &PortableRegistry, name: &str, id: u32) -> Option<HeaderField> {
    let hash = |field| is_hash(types, id).then_some(field);
    match name {
        "parent_hash" => hash(HeaderField::ParentHash),
        "number" => number_format(types, id).map(HeaderField::Number),
        "state_root" => hash(HeaderField::StateRoot),
        "extrinsics_root" => hash(HeaderField::ExtrinsicsRoot),
        "digest" => (types.resolve(id)?.path.segments.join("::") == DIGEST).then_some(HeaderField::Digest),
        _ => {
            let empty = default_value(types, id).filter(|empty| empty.len() <= MAX_EMPTY)?;
            Some(HeaderField::Own { ty: id, empty })
        }
    }
}

/// Returns whether the type is a hash of 32 bytes: `primitive_types::H256`, a struct with one array.
fn is_hash(types: &PortableRegistry, id: u32) -> bool {
    let def = |id| types.resolve(id).map(|ty| &ty.type_def);
    let Some(TypeDef::Composite(hash)) = def(id) else { return false };
    let [bytes] = hash.fields.as_slice() else { return false };
    let Some(TypeDef::Array(bytes)) = def(bytes.ty.id) else { return false };
    bytes.len == 32 && matches!(def(bytes.type_param.id), Some(TypeDef::Primitive(TypeDefPrimitive::U8)))
}

fn number_format(types: &PortableRegistry, id: u32) -> Option<NumberFormat> {
    match &types.resolve(id)?.type_def {
        TypeDef::Compact(_) => Some(NumberFormat::Compact),
        TypeDef::Primitive(TypeDefPrimitive::U32) => Some(NumberFormat::Four),
        TypeDef::Primitive(TypeDefPrimitive::U64) => Some(NumberFormat::Eight),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scale_info::{MetaType, Path, Registry, Type, TypeInfo, build::Fields};

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    fn describe<T: TypeInfo + 'static>() -> Option<String> {
        let (types, id) = registry::<T>();
        foreign(&types, id)
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
        let by = |(types, id): (PortableRegistry, u32)| hashed_otherwise(&types, id);
        assert_eq!(by(registry::<BlakeTwo256>()), None);
        assert!(by(registry::<Poseidon>()).is_some_and(|why| why.ends_with("::Poseidon")));
    }

    #[derive(TypeInfo)]
    #[allow(dead_code, reason = "only its type is read")]
    struct H256([u8; 32]);

    struct Digest;
    impl TypeInfo for Digest {
        type Identity = Self;
        fn type_info() -> Type {
            Type::builder().path(Path::new("Digest", "sp_runtime::generic::digest")).composite(Fields::unit())
        }
    }

    fn fields_of<T: TypeInfo + 'static>() -> Result<Vec<HeaderField>, String> {
        let (types, id) = registry::<T>();
        fields(&types, id)
    }

    #[test]
    fn the_fields_of_an_own_header_are_read() {
        #[derive(TypeInfo)]
        #[allow(dead_code, reason = "only its type is read")]
        struct Header {
            parent_hash: H256,
            number: u32,
            state_root: H256,
            extrinsics_root: H256,
            zk_tree_root: H256,
            digest: Digest,
            extension: Option<u64>,
        }
        use HeaderField::{Digest as Logs, ExtrinsicsRoot, Number, Own, ParentHash, StateRoot};
        let read = fields_of::<Header>().expect("read");
        let [ParentHash, Number(NumberFormat::Four), StateRoot, ExtrinsicsRoot, Own { empty, .. }, Logs, last] =
            read.as_slice()
        else {
            panic!("{read:?}")
        };
        assert_eq!(*empty, [0; 32]);
        assert!(matches!(last, Own { empty, .. } if *empty == [0]), "{last:?}");
    }

    #[test]
    fn the_field_that_is_not_supported_is_named() {
        #[derive(TypeInfo)]
        #[allow(dead_code, reason = "only its type is read")]
        struct Wide {
            parent_hash: H256,
            #[codec(compact)]
            number: u64,
            state_root: [u8; 64],
            extrinsics_root: H256,
            digest: Digest,
        }
        assert!(fields_of::<Wide>().is_err_and(|why| why.contains("their field state_root")));
        #[derive(TypeInfo)]
        #[allow(dead_code, reason = "only its type is read")]
        struct Huge {
            parent_hash: H256,
            number: u64,
            state_root: H256,
            extrinsics_root: H256,
            digest: Digest,
            extension: [u8; MAX_EMPTY + 1],
        }
        assert!(fields_of::<Huge>().is_err_and(|why| why.contains("their field extension")));
        #[derive(TypeInfo)]
        #[allow(dead_code, reason = "only its type is read")]
        struct Short {
            parent_hash: H256,
            number: u32,
        }
        assert!(fields_of::<Short>().is_err_and(|why| why.ends_with("one field state_root")));
        assert!(fields_of::<u32>().is_err());
    }
}
