// SPDX-License-Identifier: Apache-2.0
//! A chain, as its metadata describes it: pallets, calls and types.
//!
//! Indices and types are always read from the metadata, because they change between releases.
//! Metadata is untrusted input. It is checked once, when it is loaded, so that encoding and
//! decoding terminate.

use crate::{
    decode,
    registry::{Pallet, Types},
};
use codec::{Compact, Decode, MemTrackingInput};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{PortableRegistry, TypeDef, TypeDefVariant, Variant, form::PortableForm};
use worker::{Failure, Result};

/// The most bytes of metadata: ten times the largest known.
pub const METADATA_LIMIT: usize = 8 * 1024 * 1024;
/// The most memory for decoding metadata, in bytes. Real metadata takes about ten times its size.
const MEMORY_LIMIT: usize = 256 * 1024 * 1024;
const MAGIC: &[u8] = b"meta";

/// A chain that calls are encoded for.
pub struct Target {
    types: Types,
    metadata_version: u32,
    version: Version,
}

/// The chain's version, from the constant `System.Version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The chain's name.
    pub spec_name: String,
    /// The version of the runtime.
    pub spec_version: u32,
}

struct Constant {
    pallet: String,
    name: String,
    ty: u32,
    value: Vec<u8>,
}

impl Target {
    /// Decodes `RuntimeMetadataPrefixed` bytes of version 14 to 16. Accepts them also within
    /// `OpaqueMetadata` or `Option<OpaqueMetadata>`, as the Metadata runtime API returns them.
    ///
    /// Fails if the metadata is too large, of another version, invalid or hostile.
    pub fn from_metadata(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > METADATA_LIMIT {
            return Err(Failure::input("the metadata is too large")
                .found(format!("{} bytes", bytes.len()))
                .expected(format!("at most {METADATA_LIMIT} bytes")));
        }
        let bytes = unwrap_opaque(bytes);
        let mut rest = bytes;
        let mut input = MemTrackingInput::new(&mut rest, MEMORY_LIMIT);
        let prefixed = RuntimeMetadataPrefixed::decode(&mut input).map_err(|error| {
            let found = match bytes.get(..5) {
                Some([b'm', b'e', b't', b'a', version]) => format!("version {version}: {error}"),
                _ => error.to_string(),
            };
            not_metadata(found)
        })?;
        if !rest.is_empty() {
            return Err(not_metadata(format!("{} bytes after its end", rest.len())));
        }
        if prefixed.0 != frame_metadata::META_RESERVED {
            return Err(not_metadata(format!("magic number {:#010x}", prefixed.0)));
        }
        Self::of(&prefixed.1)
    }

    /// Returns the chain of decoded metadata of version 14 to 16.
    ///
    /// Fails if the metadata is of another version, invalid or hostile.
    pub fn of(metadata: &RuntimeMetadata) -> Result<Self> {
        let metadata_version = metadata.version();
        // The three versions have these fields in common, but with different Rust types.
        macro_rules! read {
            ($metadata:expr) => {{
                let metadata = $metadata;
                let mut constants = Vec::new();
                let mut pallets = Vec::new();
                for pallet in &metadata.pallets {
                    pallets.push(Pallet {
                        name: pallet.name.clone(),
                        index: pallet.index,
                        calls: pallet.calls.as_ref().map(|calls| calls.ty.id),
                        events: pallet.event.as_ref().map(|events| events.ty.id),
                    });
                    for constant in &pallet.constants {
                        if constant.name == "Version" {
                            constants.push(Constant {
                                pallet: pallet.name.clone(),
                                name: constant.name.clone(),
                                ty: constant.ty.id,
                                value: constant.value.clone(),
                            });
                        }
                    }
                }
                (metadata.types.clone(), pallets, constants)
            }};
        }
        let (registry, pallets, constants) = match metadata {
            RuntimeMetadata::V14(metadata) => read!(metadata),
            RuntimeMetadata::V15(metadata) => read!(metadata),
            RuntimeMetadata::V16(metadata) => read!(metadata),
            _ => return Err(not_metadata(format!("version {metadata_version}"))),
        };
        let types = Types::new(registry, pallets)?;
        check_pallets(types.pallets())?;
        let version = read_version(&types, &constants)?;
        Ok(Self { types, metadata_version, version })
    }

    /// Returns the types.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// Returns the type registry.
    pub fn registry(&self) -> &PortableRegistry {
        self.types.registry()
    }

    /// Returns the pallets.
    pub fn pallets(&self) -> &[Pallet] {
        self.types.pallets()
    }

    /// Returns the version of the metadata.
    pub fn metadata_version(&self) -> u32 {
        self.metadata_version
    }

    /// Returns the version of the runtime.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the chain's name in reports: its spec_name.
    pub fn name(&self) -> &str {
        &self.version.spec_name
    }

    /// Returns the pallet of this name.
    pub fn pallet(&self, name: &str) -> Option<&Pallet> {
        self.pallets().iter().find(|pallet| pallet.name == name)
    }

    /// Returns the pallet of this name, or else the only pallet of this crate. A runtime may use
    /// other names. If it has several pallets of the crate, the right one is unknown.
    pub fn pallet_of(&self, name: &str, crate_name: &str) -> Option<&Pallet> {
        if let Some(pallet) = self.pallet(name) {
            return Some(pallet);
        }
        let mut same = self.pallets().iter().filter(|pallet| {
            let ty = pallet.calls.and_then(|calls| self.registry().resolve(calls));
            ty.and_then(|ty| ty.path.segments.first()).is_some_and(|first| first == crate_name)
        });
        match (same.next(), same.next()) {
            (Some(pallet), None) => Some(pallet),
            _ => None,
        }
    }

    /// Returns a call of a pallet, if it exists.
    pub fn call(&self, pallet: &Pallet, name: &str) -> Option<&Variant<PortableForm>> {
        self.variants(pallet.calls?)?.variants.iter().find(|variant| variant.name == name)
    }

    /// Returns whether a pallet has an event.
    pub fn has_event(&self, pallet: &str, name: &str) -> bool {
        let events = self.pallet(pallet).and_then(|pallet| pallet.events);
        let variants = events.and_then(|events| self.variants(events));
        variants.is_some_and(|variants| variants.variants.iter().any(|variant| variant.name == name))
    }

    /// Returns the enum of a type, inside of newtypes and boxes.
    pub fn variants(&self, ty: u32) -> Option<&TypeDefVariant<PortableForm>> {
        let (_, ty) = crate::registry::unwrap_newtypes(self.registry(), ty)?;
        match &ty.type_def {
            TypeDef::Variant(variants) => Some(variants),
            _ => None,
        }
    }

    /// Returns the names of the pallets with calls, for error messages.
    pub fn pallet_names(&self) -> String {
        let names: Vec<_> =
            self.pallets().iter().filter(|pallet| pallet.calls.is_some()).map(|pallet| pallet.name.as_str()).collect();
        if names.is_empty() { "no pallet with calls".into() } else { names.join(", ") }
    }
}

fn read_version(types: &Types, constants: &[Constant]) -> Result<Version> {
    let wrong = |found: String| {
        Failure::input("the metadata has no usable System.Version")
            .found(found)
            .expected("a constant with spec_name and spec_version")
    };
    let constant = constants
        .iter()
        .find(|constant| constant.pallet == "System" && constant.name == "Version")
        .ok_or_else(|| wrong("no such constant".into()))?;
    let value = decode::value(types, constant.ty, &constant.value).map_err(|failure| wrong(failure.to_string()))?;
    match (value.field("spec_name"), value.field("spec_version")) {
        (Some(crate::Value::Text(name)), Some(crate::Value::Number(version))) => Ok(Version {
            spec_name: name.clone(),
            spec_version: u32::try_from(*version).map_err(|_| wrong(format!("spec_version {version}")))?,
        }),
        _ => Err(wrong("another type".into())),
    }
}

fn not_metadata(found: String) -> Failure {
    Failure::input("these bytes are not supported runtime metadata")
        .found(found)
        .expected("`meta` and version 14, 15 or 16")
}

/// Strips the encoding of `OpaqueMetadata` or `Option<OpaqueMetadata>`.
fn unwrap_opaque(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(MAGIC) {
        return bytes;
    }
    for skipped in [0, 1] {
        let Some(mut rest) = bytes.get(skipped..) else { continue };
        if skipped == 1 && bytes.first() != Some(&1) {
            continue;
        }
        if let Ok(Compact(length)) = Compact::<u32>::decode(&mut rest)
            && length as usize == rest.len()
            && rest.starts_with(MAGIC)
        {
            return rest;
        }
    }
    bytes
}

fn check_pallets(pallets: &[Pallet]) -> Result<()> {
    let wrong = |message: String| Err(Failure::input(message).hint("the metadata is damaged or hostile"));
    let mut indices = [false; 256];
    for (position, pallet) in pallets.iter().enumerate() {
        if !crate::registry::is_identifier(&pallet.name) {
            return wrong(format!("the metadata has a pallet with an invalid name, {:.64?}", pallet.name));
        }
        if std::mem::replace(&mut indices[usize::from(pallet.index)], true) {
            return wrong(format!("the metadata has two pallets at index {}", pallet.index));
        }
        if pallets.iter().take(position).any(|other| other.name == pallet.name) {
            return wrong(format!("the metadata has two pallets called {}", pallet.name));
        }
    }
    Ok(())
}
