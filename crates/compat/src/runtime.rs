// SPDX-License-Identifier: Apache-2.0
//! One of the two runtimes that are compared.

use crate::interface::Interface;
use artifact::{
    Blob, Metadata, Version,
    hashes::blake2_256,
    metadata::RuntimeMetadata,
    metadata_hash::{self, MetadataHashStatus},
    sections::Sections,
    version_of,
};
use protocol::{
    Source,
    diff::{ComparedRuntime, StorageVersionsFrom},
    inspect::{SourceKind, StateOrigin},
};
use source::{Content, ReadSource};
use std::collections::{BTreeMap, BTreeSet};
use worker::{Code, Failure, Result};

/// The most pallets that a runtime may have. Real runtimes have about 80; an index is one byte.
const MAX_PALLETS: usize = 1024;
/// The most bytes that a name may have. Real names have about 50. Names are joined to paths, so
/// long names multiply.
const MAX_NAME: usize = 512;

/// A runtime with everything that is compared.
#[derive(Debug)]
pub struct Runtime {
    /// The source, as the user named it.
    pub source: String,
    /// The kind of the source.
    pub kind: SourceKind,
    /// The runtime version.
    pub version: Version,
    /// The version of the metadata format.
    pub metadata_version: u32,
    /// The decoded metadata.
    pub metadata: RuntimeMetadata,
    /// The names of the imported host functions.
    pub host_functions: BTreeSet<String>,
    /// The size of the deployed code, in bytes.
    pub code_size: u64,
    /// The BLAKE2-256 hash of the deployed code, `0x` and hex.
    pub blake2_256: String,
    /// The storage versions of the pallets.
    pub storage_versions: StorageVersions,
    /// Whether the blob was compiled with the hash of its metadata.
    pub metadata_hash: MetadataHashStatus,
}

/// The storage version of each pallet. Metadata does not contain it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageVersions {
    /// Where the versions were read.
    pub from: StorageVersionsFrom,
    /// The versions by pallet name. A pallet without an entry has version 0.
    pub of: BTreeMap<String, u16>,
}

impl Runtime {
    /// Reads the runtime of a source, with its metadata.
    ///
    /// Fails if the source cannot be read or the metadata cannot be compared.
    pub fn read(source: &Source) -> Result<Self> {
        let name = source.to_string();
        match source.open()? {
            Content::Blob(blob) => Self::from_blob(&name, &blob),
            Content::State(state) => {
                let kind = match state.origin {
                    StateOrigin::ChainSpec => SourceKind::ChainSpec,
                    StateOrigin::TryRuntimeSnapshot => SourceKind::TryRuntimeSnapshot,
                    StateOrigin::Snapshot | StateOrigin::Memory => SourceKind::Snapshot,
                };
                let blob = state.code(&name)?;
                let runtime = Self::load(&name, kind, &blob)?;
                // A plain (not raw) chain spec has a runtime but no state.
                Ok(match (state.origin, state.block) {
                    (StateOrigin::ChainSpec, None) => runtime.with_genesis(&name, &blob),
                    _ => runtime.with_state(|keys| state.values(keys)),
                })
            }
            Content::Node(node) => {
                Ok(Self::load(&name, SourceKind::Node, &node.blob)?.with_state(|keys| node.values(keys)))
            }
        }
    }

    /// Reads the runtime of a blob, with its metadata.
    pub fn from_blob(name: &str, blob: &Blob) -> Result<Self> {
        Ok(Self::load(name, SourceKind::Blob, blob)?.with_genesis(name, blob))
    }

    /// Reads the storage versions from the genesis state that the runtime builds.
    fn with_genesis(mut self, name: &str, blob: &Blob) -> Self {
        if let Some(of) = artifact::metadata::genesis_storage_versions(name, blob, &self.pallet_names()) {
            self.storage_versions = StorageVersions { from: StorageVersionsFrom::Genesis, of };
        }
        self
    }

    fn load(name: &str, kind: SourceKind, blob: &Blob) -> Result<Self> {
        let metadata = Metadata::read(name, blob)?;
        let host_functions = Sections::read(name, blob)?.host_functions().map(|import| import.name.clone()).collect();
        let runtime = Self {
            source: name.to_owned(),
            kind,
            version: version_of(name, blob)?,
            metadata_hash: metadata_hash::status(name, blob, &metadata)?,
            metadata_version: metadata.version,
            metadata: metadata.decoded,
            host_functions,
            code_size: blob.deployed.len() as u64,
            blake2_256: hex::encode_prefixed(blake2_256(&blob.deployed)),
            storage_versions: StorageVersions::default(),
        };
        runtime.interface()?;
        Ok(runtime)
    }

    /// Reads the storage versions from the state. A state without any leaves them unknown.
    fn with_state(mut self, values: impl FnOnce(&[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let names = self.pallet_names();
        let keys: Vec<_> = names.iter().map(|name| artifact::metadata::storage_version_key(name)).collect();
        let values = values(&keys);
        let version = |key: &Vec<u8>| Some(u16::from_le_bytes(values.get(key)?.as_slice().try_into().ok()?));
        let of: BTreeMap<_, _> =
            names.iter().zip(&keys).filter_map(|(name, key)| Some((name.clone(), version(key)?))).collect();
        if !of.is_empty() {
            self.storage_versions = StorageVersions { from: StorageVersionsFrom::State, of };
        }
        self
    }

    fn pallet_names(&self) -> Vec<String> {
        let interface = Interface::of(&self.metadata);
        let pallets = interface.iter().flat_map(|interface| &interface.pallets);
        pallets.map(|pallet| pallet.name.to_owned()).collect()
    }

    /// Returns the runtime's interface.
    ///
    /// Fails with [`Code::OldMetadata`] if the metadata has no types (before version 14), and if it
    /// has too many pallets or too long names.
    pub fn interface(&self) -> Result<Interface<'_>> {
        let refused = |found: String, expected: String| {
            Failure::input(format!("the metadata of {} cannot be compared", self.source))
                .found(found)
                .expected(expected)
        };
        let interface = Interface::of(&self.metadata).ok_or_else(|| {
            refused(format!("version {}", self.metadata_version), "version 14, 15 or 16 (with types)".into())
                .code(Code::OldMetadata)
        })?;
        if interface.pallets.len() > MAX_PALLETS {
            return Err(refused(format!("{} pallets", interface.pallets.len()), format!("at most {MAX_PALLETS}")));
        }
        if let Some(length) = longest_name(&interface).filter(|length| *length > MAX_NAME) {
            return Err(refused(format!("a name of {length} bytes"), format!("names of at most {MAX_NAME} bytes")));
        }
        Ok(interface)
    }

    /// Returns the runtime's identity for reports.
    pub fn identity(&self) -> ComparedRuntime {
        ComparedRuntime {
            source: self.source.clone(),
            source_kind: self.kind,
            spec_name: self.version.spec_name.clone(),
            spec_version: self.version.spec_version,
            transaction_version: self.version.transaction_version,
            metadata_version: self.metadata_version,
            code_size: self.code_size,
            blake2_256: self.blake2_256.clone(),
            storage_versions_from: self.storage_versions.from,
        }
    }
}

fn longest_name(interface: &Interface<'_>) -> Option<usize> {
    use scale_info::TypeDef;
    let in_types = interface.types.types.iter().flat_map(|ty| {
        let fields = |fields: &[scale_info::Field<scale_info::form::PortableForm>]| {
            fields.iter().filter_map(|field| field.name.as_ref().map(String::len)).max()
        };
        let own = ty.ty.path.segments.iter().map(String::len).max();
        let inner = match &ty.ty.type_def {
            TypeDef::Composite(composite) => fields(&composite.fields),
            TypeDef::Variant(variant) => {
                variant.variants.iter().map(|one| one.name.len().max(fields(&one.fields).unwrap_or(0))).max()
            }
            _ => None,
        };
        [own, inner]
    });
    let in_pallets = interface.pallets.iter().flat_map(|pallet| {
        let items = pallet.items.iter().map(|item| item.name.len());
        let constants = pallet.constants.iter().map(|constant| constant.name.len());
        items.chain(constants).chain([pallet.name.len()]).max()
    });
    in_types.flatten().chain(in_pallets).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::RuntimeBuilder;

    #[test]
    fn metadata_without_types_is_a_typed_failure() {
        let runtime = RuntimeBuilder::new().runtime(14);
        runtime.interface().expect("with types");
        // Version 13, no pallets, extrinsics of version 4 without extensions.
        let metadata = Metadata::from_bytes("old", b"meta\x0d\x00\x04\x00".to_vec()).expect("read");
        let old = Runtime { metadata: metadata.decoded, metadata_version: metadata.version, ..runtime };
        assert!(old.interface().err().is_some_and(|failure| failure.is(Code::OldMetadata)));
    }
}
