// SPDX-License-Identifier: Apache-2.0
//! One of the two runtimes: everything of it that is compared.

use crate::interface::Interface;
use artifact::{
    Blob, Metadata, Version,
    hashes::blake2_256,
    metadata::RuntimeMetadata,
    metadata_hash::{self, Held},
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

/// Real pallets number some eighty, and an index is one byte.
const MAX_PALLETS: usize = 1024;
/// Real names have some fifty bytes. They are put together to paths, so that their length counts many times.
const MAX_NAME: usize = 512;

#[derive(Debug)]
pub struct Runtime {
    /// Where it was taken from, as the user named it.
    pub source: String,
    pub kind: SourceKind,
    pub version: Version,
    pub metadata_version: u32,
    pub metadata: RuntimeMetadata,
    pub host_functions: BTreeSet<String>,
    /// Of the deployed bytes.
    pub code_size: u64,
    pub blake2_256: String,
    pub storage_versions: StorageVersions,
    /// Whether it was compiled with the hash of its metadata.
    pub metadata_hash: Held,
}

/// The storage version of each pallet, as far as something tells it: no metadata does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageVersions {
    pub from: StorageVersionsFrom,
    /// By the pallet's name. One that keeps none is not in it, and stands at 0.
    pub of: BTreeMap<String, u16>,
}

impl Runtime {
    /// Reads the runtime of a source and asks it for its metadata.
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
                // A plain chain spec has a runtime and no state.
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

    pub fn from_blob(name: &str, blob: &Blob) -> Result<Self> {
        Ok(Self::load(name, SourceKind::Blob, blob)?.with_genesis(name, blob))
    }

    /// Takes the storage versions from the genesis state that the runtime builds.
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
            metadata_hash: metadata_hash::held(name, blob, &metadata)?,
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

    /// Takes the storage versions from the state. A state that has none at all says nothing.
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

    /// What it offers, if its metadata is of a version with types and of bearable size.
    pub fn interface(&self) -> Result<Interface<'_>> {
        let refused = |found: String, expected: String| {
            Failure::input(format!("the metadata of {} cannot be compared", self.source))
                .found(found)
                .expected(expected)
        };
        let interface = Interface::of(&self.metadata).ok_or_else(|| {
            refused(format!("version {}", self.metadata_version), "version 14, 15 or 16, which have types".into())
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
    fn a_runtime_from_before_metadata_had_types_is_told_by_its_code() {
        let runtime = RuntimeBuilder::new().runtime(14);
        runtime.interface().expect("with types");
        // Version 13, no pallets, extrinsics of version 4 without extensions.
        let metadata = Metadata::from_bytes("old", b"meta\x0d\x00\x04\x00".to_vec()).expect("read");
        let old = Runtime { metadata: metadata.decoded, metadata_version: metadata.version, ..runtime };
        assert!(old.interface().err().is_some_and(|failure| failure.is(Code::OldMetadata)));
    }
}
