// SPDX-License-Identifier: Apache-2.0
//! The metadata of a runtime.
//!
//! It is not in the bytes of the blob: the runtime returns it when it is called, so this module
//! executes the runtime.

mod default_values;
mod genesis;
mod header;
mod pallets;

pub use default_values::{default_value, filled_value, primitive_width};
pub use genesis::genesis_storage_versions;
pub use header::{HeaderField, NumberFormat, foreign_header, own_header};
pub use pallets::storage_version_key;
pub use pallets::{Call, Constant, Pallet, Pallets};

use crate::{Blob, Version, execute::Executor, sections::Sections};
use codec::{Decode, Encode, MemTrackingInput};
pub use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use worker::{Code, Failure, Result};

/// The versions that are fully supported, in the order of preference.
const SUPPORTED_VERSIONS: [u32; 3] = [16, 15, 14];
/// The largest metadata in bytes. The largest runtimes have less than 1 MiB, and about ten times
/// that when decoded.
const SIZE_LIMIT: usize = 16 * 1024 * 1024;
/// The largest size of decoded metadata in memory, in bytes.
const DECODED_LIMIT: usize = 512 * 1024 * 1024;

/// The decoded metadata of a runtime, and its bytes.
#[derive(Debug)]
pub struct Metadata {
    /// The versions that the runtime offers.
    pub versions: Vec<u32>,
    /// The version of this metadata.
    pub version: u32,
    /// The SCALE-encoded `RuntimeMetadataPrefixed`.
    pub bytes: Vec<u8>,
    /// The decoded metadata.
    pub decoded: RuntimeMetadata,
    /// The pallets, in one form for all versions.
    pub pallets: Pallets,
}

impl Metadata {
    /// Executes the runtime to read the newest metadata that is supported. `name` is the blob's
    /// name in messages.
    pub fn read(name: &str, blob: &Blob) -> Result<Self> {
        Self::read_version(name, blob, None)
    }

    /// Executes the runtime to read metadata of one version, or the newest that is supported.
    pub fn read_version(name: &str, blob: &Blob, version: Option<u32>) -> Result<Self> {
        let executor = Executor::new(name, &blob.wasm)?;
        if !executor.exports("Metadata_metadata") {
            return Err(Failure::input(format!("{name} has no metadata"))
                .found("no exported function Metadata_metadata")
                .expected("a runtime with the Metadata API"));
        }
        if !executor.exports("Metadata_metadata_versions") {
            let answer = executor.call("Metadata_metadata", &[])?;
            let metadata = Self::from_bytes(name, decode_opaque(name, &answer)?)?;
            return match version {
                Some(version) if version != metadata.version => Err(not_offered(name, version, &metadata.versions)),
                _ => Ok(metadata),
            };
        }
        let answer = executor.call("Metadata_metadata_versions", &[])?;
        let versions = Vec::<u32>::decode(&mut answer.as_slice()).map_err(|error| {
            Failure::input(format!("the metadata versions of {name} cannot be decoded")).found(error.to_string())
        })?;
        let wanted = match version {
            Some(version) => versions.contains(&version).then_some(version),
            None => SUPPORTED_VERSIONS.into_iter().find(|version| versions.contains(version)),
        };
        let Some(wanted) = wanted else {
            return Err(not_offered(name, version.unwrap_or(SUPPORTED_VERSIONS[0]), &versions));
        };
        let answer = executor.call("Metadata_metadata_at_version", &wanted.encode())?;
        let Some((1, answer)) = answer.split_first() else {
            return Err(Failure::input(format!("{name} returns no metadata of version {wanted}"))
                .found("an empty result")
                .expected("metadata of a version that it offers"));
        };
        let metadata = Self::from_bytes(name, decode_opaque(name, answer)?)?;
        if metadata.version != wanted {
            return Err(Failure::input(format!("{name} returns metadata of another version than requested"))
                .found(metadata.version.to_string())
                .expected(wanted.to_string()));
        }
        Ok(Self { versions, ..metadata })
    }

    /// Decodes a SCALE-encoded `RuntimeMetadataPrefixed`, the result of `Metadata_metadata` and
    /// `state_getMetadata`.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self> {
        let broken = |found: String| {
            Failure::input(format!("the metadata of {name} cannot be decoded"))
                .found(found)
                .expected("metadata of version 9 to 16")
        };
        if bytes.len() > SIZE_LIMIT {
            return Err(broken(format!("{} bytes, more than the limit of {SIZE_LIMIT}", bytes.len())));
        }
        if let [b'm', b'e', b't', b'a', version @ 0..=8, ..] = bytes.as_slice() {
            return Err(broken(format!("version {version}")).code(Code::OldMetadata));
        }
        let input = &mut bytes.as_slice();
        let prefixed = RuntimeMetadataPrefixed::decode(&mut MemTrackingInput::new(input, DECODED_LIMIT))
            .map_err(|error| broken(error.to_string()))?;
        if prefixed.0 != frame_metadata::META_RESERVED {
            return Err(broken("bytes that do not begin with \"meta\"".into()));
        }
        if !input.is_empty() {
            return Err(broken(format!("{} bytes after its end", input.len())));
        }
        let decoded = prefixed.1;
        let version = decoded.version();
        let pallets = Pallets::of(name, &decoded)?;
        Ok(Self { versions: vec![version], version, bytes, decoded, pallets })
    }
}

/// Returns the version of a blob: from its sections, or by executing it if they do not contain it.
pub fn version_of(name: &str, blob: &Blob) -> Result<Version> {
    match Sections::read(name, blob)?.version {
        Some(version) => Ok(version),
        None => call_version(name, blob),
    }
}

/// Executes `Core_version`, for blobs from before the section `runtime_version` existed.
pub fn call_version(name: &str, blob: &Blob) -> Result<Version> {
    let executor = Executor::new(name, &blob.wasm)?;
    if !executor.exports("Core_version") {
        return Err(Failure::input(format!("{name} does not say which runtime it is"))
            .found("neither a runtime_version section nor an exported function Core_version")
            .expected("a runtime built with the runtime_version section")
            .hint("build it with the SDK's Wasm builder, and do not strip custom sections from the blob"));
    }
    Version::decode(name, &executor.call("Core_version", &[])?)
}

/// Returns the bytes inside an `OpaqueMetadata`.
fn decode_opaque(name: &str, answer: &[u8]) -> Result<Vec<u8>> {
    Vec::<u8>::decode(&mut &*answer).map_err(|error| {
        Failure::input(format!("the metadata of {name} cannot be decoded"))
            .found(error.to_string())
            .expected("bytes with a length prefix")
    })
}

fn not_offered(name: &str, wanted: u32, offered: &[u32]) -> Failure {
    let offered: Vec<String> = offered.iter().map(u32::to_string).collect();
    let found = if offered.is_empty() { "no version".into() } else { format!("versions {}", offered.join(", ")) };
    Failure::input(format!("{name} does not offer metadata of version {wanted}"))
        .found(found)
        .expected(format!("version {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_without_metadata_offers_no_version() {
        assert_eq!(not_offered("x", 15, &[]).found.as_deref(), Some("no version"));
        assert_eq!(not_offered("x", 15, &[14, 16]).found.as_deref(), Some("versions 14, 16"));
    }

    #[test]
    fn only_valid_metadata_of_the_first_versions_is_old() {
        let read = |bytes: &[u8]| Metadata::from_bytes("old", bytes.to_vec()).expect_err("refused");
        assert!(read(b"meta\x08").is(Code::OldMetadata));
        for broken in [&b"meta\x0e"[..], b"meta", b"mete\x08", b"meta\xff"] {
            assert_eq!(read(broken).code, None, "{broken:?}");
        }
    }
}
