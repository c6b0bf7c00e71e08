// SPDX-License-Identifier: Apache-2.0
//! A chain as its own metadata describes it: pallets, calls, types.
//!
//! Every index and every layout is taken from here and none from memory: a call that is right on one release is
//! another call on the next. Metadata comes from blobs and nodes nobody vouches for, so it is checked once, on
//! loading, for what would make the encoder or the decoder run away.

use crate::decode;
use codec::{Compact, Decode, MemTrackingInput};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{PortableRegistry, TypeDef, TypeDefVariant, Variant, form::PortableForm};
use worker::{Failure, Result};

/// Ten times the largest seen.
pub const METADATA_LIMIT: usize = 8 * 1024 * 1024;
/// What decoding it may take: about ten times the bytes.
const MEMORY_LIMIT: usize = 256 * 1024 * 1024;
const MAGIC: &[u8] = b"meta";

/// A chain: where calls go to, or come from.
pub struct Target {
    registry: PortableRegistry,
    pallets: Vec<Pallet>,
    metadata_version: u32,
    version: Version,
}

#[derive(Clone, Debug)]
pub struct Pallet {
    pub name: String,
    pub index: u8,
    /// The type of its call enum.
    pub calls: Option<u32>,
    /// The type of its event enum.
    pub events: Option<u32>,
}

/// The chain's own `System.Version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub spec_name: String,
    pub spec_version: u32,
}

struct Constant {
    pallet: String,
    name: String,
    ty: u32,
    value: Vec<u8>,
}

impl Target {
    /// From `RuntimeMetadataPrefixed` bytes of version 14 to 16; also as the Metadata runtime API returns them, within
    /// `OpaqueMetadata` or `Option<OpaqueMetadata>`.
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
        let metadata_version = prefixed.1.version();
        // The three versions differ in much that is of no concern here, but each has these fields.
        macro_rules! read {
            ($metadata:expr) => {{
                let metadata = $metadata;
                let mut constants = Vec::new();
                let mut pallets = Vec::new();
                for pallet in metadata.pallets {
                    pallets.push(Pallet {
                        name: pallet.name.clone(),
                        index: pallet.index,
                        calls: pallet.calls.map(|calls| calls.ty.id),
                        events: pallet.event.map(|events| events.ty.id),
                    });
                    for constant in pallet.constants {
                        if constant.name == "Version" {
                            constants.push(Constant {
                                pallet: pallet.name.clone(),
                                name: constant.name,
                                ty: constant.ty.id,
                                value: constant.value,
                            });
                        }
                    }
                }
                (metadata.types, pallets, constants)
            }};
        }
        let (registry, pallets, constants) = match prefixed.1 {
            RuntimeMetadata::V14(metadata) => read!(metadata),
            RuntimeMetadata::V15(metadata) => read!(metadata),
            RuntimeMetadata::V16(metadata) => read!(metadata),
            _ => return Err(not_metadata(format!("version {metadata_version}"))),
        };
        crate::registry::check(&registry)?;
        check_pallets(&pallets)?;
        let unknown = Version { spec_name: String::new(), spec_version: 0 };
        let mut target = Self { registry, pallets, metadata_version, version: unknown };
        target.version = target.read_version(&constants)?;
        Ok(target)
    }

    pub fn registry(&self) -> &PortableRegistry {
        &self.registry
    }

    pub fn pallets(&self) -> &[Pallet] {
        &self.pallets
    }

    pub fn metadata_version(&self) -> u32 {
        self.metadata_version
    }

    pub fn version(&self) -> &Version {
        &self.version
    }

    /// How the chain is called in results: its spec_name.
    pub fn name(&self) -> &str {
        &self.version.spec_name
    }

    pub fn pallet(&self, name: &str) -> Option<&Pallet> {
        self.pallets.iter().find(|pallet| pallet.name == name)
    }

    /// The pallet of that usual name, or else the only one whose calls come from that crate: a runtime is free to name
    /// its pallets, and free to have several of a kind, of which none is then the right one by itself.
    pub fn pallet_of(&self, name: &str, crate_name: &str) -> Option<&Pallet> {
        if let Some(pallet) = self.pallet(name) {
            return Some(pallet);
        }
        let mut same = self.pallets.iter().filter(|pallet| {
            let ty = pallet.calls.and_then(|calls| self.registry.resolve(calls));
            ty.and_then(|ty| ty.path.segments.first()).is_some_and(|first| first == crate_name)
        });
        match (same.next(), same.next()) {
            (Some(pallet), None) => Some(pallet),
            _ => None,
        }
    }

    /// A call of a pallet, if it has it.
    pub fn call(&self, pallet: &Pallet, name: &str) -> Option<&Variant<PortableForm>> {
        self.variants(pallet.calls?)?.variants.iter().find(|variant| variant.name == name)
    }

    pub fn has_event(&self, pallet: &str, name: &str) -> bool {
        let events = self.pallet(pallet).and_then(|pallet| pallet.events);
        let variants = events.and_then(|events| self.variants(events));
        variants.is_some_and(|variants| variants.variants.iter().any(|variant| variant.name == name))
    }

    /// The enum behind a type, through newtypes and boxes.
    pub fn variants(&self, ty: u32) -> Option<&TypeDefVariant<PortableForm>> {
        let (_, ty) = crate::registry::unwrap_newtypes(&self.registry, ty)?;
        match &ty.type_def {
            TypeDef::Variant(variants) => Some(variants),
            _ => None,
        }
    }

    /// The pallet whose calls are of this type: how a call inside a call is told from any other enum.
    pub(crate) fn pallet_by_calls(&self, ty: u32) -> Option<&Pallet> {
        self.pallets.iter().find(|pallet| pallet.calls == Some(ty))
    }

    /// The pallets for an error message, the ones without calls left out.
    pub fn pallet_names(&self) -> String {
        let names: Vec<_> =
            self.pallets.iter().filter(|pallet| pallet.calls.is_some()).map(|pallet| pallet.name.as_str()).collect();
        if names.is_empty() { "no pallet with calls".into() } else { names.join(", ") }
    }

    fn read_version(&self, constants: &[Constant]) -> Result<Version> {
        let wrong = |found: String| {
            Failure::input("the metadata has no usable System.Version")
                .found(found)
                .expected("a constant with spec_name and spec_version")
        };
        let constant = constants
            .iter()
            .find(|constant| constant.pallet == "System" && constant.name == "Version")
            .ok_or_else(|| wrong("no such constant".into()))?;
        let value = decode::all(self, constant.ty, &constant.value).map_err(|failure| wrong(failure.to_string()))?;
        match (value.field("spec_name"), value.field("spec_version")) {
            (Some(crate::Value::Text(name)), Some(crate::Value::Number(version))) => Ok(Version {
                spec_name: name.clone(),
                spec_version: u32::try_from(*version).map_err(|_| wrong(format!("spec_version {version}")))?,
            }),
            _ => Err(wrong("another type".into())),
        }
    }
}

fn not_metadata(found: String) -> Failure {
    Failure::input("these bytes are not runtime metadata that can be read")
        .found(found)
        .expected("`meta` and version 14, 15 or 16")
}

/// Strips `Some` and the length of `Option<OpaqueMetadata>`, or the length alone.
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
            return wrong(format!("the metadata has a pallet with an impossible name, {:.64?}", pallet.name));
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
