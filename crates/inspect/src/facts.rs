// SPDX-License-Identifier: Apache-2.0
//! The facts of a runtime, as one document.

use artifact::{
    Blob, Metadata, Version,
    code_hashes::{Hashes, SystemCalls},
    hashes::blake2_256,
    metadata::{self, Pallets},
    metadata_hash::{self, MetadataHashStatus},
    pace,
    sections::Sections,
};
use node::NodeRuntime;
use protocol::Source;
use protocol::inspect::{
    HeldFacts, IndicesFrom, MetadataHashFacts, PalletFacts, RuntimeFacts, SourceKind, StateOrigin, SubstituteFacts,
    Token, VersionFrom,
};
use source::{Content, ReadSource};
use state::{CodeSubstitute, StateExcerpt};
use std::collections::BTreeMap;
use worker::Result;

/// Returns the facts of a source's runtime.
///
/// `with_metadata` executes the runtime to read its metadata. Without a `token`, the source's
/// properties are used for the metadata hash.
pub fn inspect(source: &Source, with_metadata: bool, token: Option<Token>) -> Result<RuntimeFacts> {
    let name = source.to_string();
    let token = token.or_else(|| with_metadata.then(|| source.properties().token()).flatten());
    let options = InspectOptions { with_metadata, token };
    match source.open()? {
        Content::Blob(blob) => facts(&name, SourceKind::Blob, &blob, options, |_| BTreeMap::new()),
        Content::State(state) => {
            let substitutes = source.code_substitutes()?;
            let code_substitutes = substitutes.iter().map(|substitute| substitute_facts(&name, substitute));
            Ok(RuntimeFacts {
                code_substitutes: code_substitutes.collect::<Result<_>>()?,
                ..state_facts(&name, &state, options)?
            })
        }
        Content::Node(node) => node_facts(&name, &node, options),
    }
}

/// Returns the facts of a code substitute.
fn substitute_facts(name: &str, substitute: &CodeSubstitute) -> Result<SubstituteFacts> {
    let name = format!("the code substitute {} of {name}", substitute.at);
    let version = artifact::version_of(&name, &Blob::from_deployed(&name, substitute.code.clone())?)?;
    Ok(SubstituteFacts {
        at: substitute.at.clone(),
        blake2_256: hex::encode_prefixed(blake2_256(&substitute.code)),
        size: substitute.code.len() as u64,
        spec_name: version.spec_name,
        spec_version: version.spec_version,
    })
}

/// What is inspected.
struct InspectOptions {
    with_metadata: bool,
    token: Option<Token>,
}

fn state_facts(name: &str, state: &StateExcerpt, options: InspectOptions) -> Result<RuntimeFacts> {
    let kind = match state.origin {
        StateOrigin::ChainSpec => SourceKind::ChainSpec,
        StateOrigin::TryRuntimeSnapshot => SourceKind::TryRuntimeSnapshot,
        StateOrigin::Snapshot | StateOrigin::Memory => SourceKind::Snapshot,
    };
    let facts = facts(name, kind, &state.code(name)?, options, |keys| state.values(keys))?;
    Ok(RuntimeFacts {
        block_number: state.block.map(|block| block.number),
        block_hash: state
            .block
            .filter(|_| facts.foreign_header.is_none())
            .map(|block| hex::encode_prefixed(block.hash)),
        ..facts
    })
}

fn node_facts(name: &str, node: &NodeRuntime, options: InspectOptions) -> Result<RuntimeFacts> {
    let facts = facts(name, SourceKind::Node, &node.blob, options, |keys| node.values(keys))?;
    Ok(RuntimeFacts {
        block_number: Some(node.block.number),
        block_hash: Some(hex::encode_prefixed(node.block.hash)),
        ..facts
    })
}

/// Returns the facts of a blob. `values` looks up keys in the blob's state, if it has one.
fn facts(
    name: &str,
    source_kind: SourceKind,
    blob: &Blob,
    InspectOptions { with_metadata, token }: InspectOptions,
    values: impl FnOnce(&[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<RuntimeFacts> {
    let sections = Sections::read(name, blob)?;
    let (version, version_from) = match sections.version {
        Some(version) => (version, VersionFrom::Section),
        None => (metadata::call_version(name, blob)?, VersionFrom::Call),
    };
    let metadata = if with_metadata { Some(Metadata::read(name, blob)?) } else { None };
    let calls = metadata.as_ref().map(|metadata| SystemCalls::of(&metadata.pallets)).unwrap_or_default();
    let hashes = Hashes::of(&blob.deployed, &calls);
    let metadata_hash =
        metadata.as_ref().map(|metadata| metadata_hash_facts(name, blob, metadata, &version, token)).transpose()?;
    Ok(RuntimeFacts {
        source: name.to_owned(),
        source_kind,
        spec_name: version.spec_name,
        impl_name: version.impl_name,
        authoring_version: version.authoring_version,
        spec_version: version.spec_version,
        impl_version: version.impl_version,
        transaction_version: version.transaction_version,
        state_version: version.state_version,
        version_from,
        compressed: blob.compressed,
        size: blob.deployed.len() as u64,
        size_decompressed: blob.wasm.len() as u64,
        blake2_256: hex::encode_prefixed(hashes.blake2_256),
        sha256: hex::encode_prefixed(hashes.sha256),
        ipfs_cid: hashes.ipfs_cid,
        set_code_hash: hex::encode_prefixed(hashes.set_code),
        authorize_upgrade_call: (calls.from.authorize_upgrade != IndicesFrom::Missing)
            .then(|| hex::encode_prefixed(&hashes.authorize_upgrade_call)),
        call_indices_from: calls.from,
        metadata_versions: metadata.as_ref().map(|metadata| metadata.versions.clone()),
        metadata_version: metadata.as_ref().map(|metadata| metadata.version),
        pace: metadata.as_ref().map(|metadata| pace::of(&metadata.pallets)).unwrap_or_default(),
        pallets: metadata.as_ref().map(|metadata| pallets(&metadata.pallets, values)),
        metadata_hash,
        imports: sections.imports,
        exports: sections.exports,
        apis: version.apis,
        producers: sections.producers,
        features: sections.features,
        block_number: None,
        block_hash: None,
        foreign_header: metadata.as_ref().and_then(|metadata| metadata::foreign_header(&metadata.decoded)),
        code_substitutes: Vec::new(),
    })
}

/// Returns whether a blob was compiled with the hash of its metadata. The status is unknown if the
/// runtime cannot be executed.
pub fn metadata_hash_status(name: &str, blob: &Blob) -> MetadataHashFacts {
    let status = Metadata::read(name, blob).and_then(|metadata| metadata_hash::status(name, blob, &metadata));
    status_facts(status.unwrap_or_else(|failure| MetadataHashStatus::Unknown(failure.to_string())))
}

fn status_facts(status: MetadataHashStatus) -> MetadataHashFacts {
    let (held, hash, unknown) = match status {
        MetadataHashStatus::NoExtension => (HeldFacts::NoExtension, None, None),
        MetadataHashStatus::Missing => (HeldFacts::Missing, None, None),
        MetadataHashStatus::Present(hash) => (HeldFacts::Present, hash.map(hex::encode_prefixed), None),
        MetadataHashStatus::Unknown(why) => (HeldFacts::Unseen, None, Some(format!("whether the blob has one: {why}"))),
    };
    MetadataHashFacts { held, hash, unknown: unknown.into_iter().collect(), ..MetadataHashFacts::default() }
}

fn metadata_hash_facts(
    name: &str,
    blob: &Blob,
    metadata: &Metadata,
    version: &Version,
    token: Option<Token>,
) -> Result<MetadataHashFacts> {
    let mut facts = status_facts(metadata_hash::status(name, blob, metadata)?);
    // Without the extension, no wallet signs the hash.
    if facts.held == HeldFacts::NoExtension {
        return Ok(facts);
    }
    let other = |wanted: u32| {
        let offered = metadata.version != wanted && metadata.versions.contains(&wanted);
        offered.then(|| Metadata::read_version(name, blob, Some(wanted))).transpose()
    };
    let (of_15, of_16) = (other(15)?, other(16)?);
    let of_15 = of_15.as_ref().or((metadata.version == 15).then_some(metadata));
    let of_16 = of_16.as_ref().or((metadata.version == 16).then_some(metadata));
    let Some(of_15) = of_15 else {
        facts
            .unknown
            .push("the expected hash: it is computed from metadata 15, which the runtime does not have".into());
        return Ok(facts);
    };
    let computed = |of: &Metadata, token: &Token, unknown: &mut Vec<String>| {
        let computed = metadata_hash::compute(of, version, token);
        computed.map_err(|why| unknown.push(format!("the hash from metadata {}: {why}", of.version))).ok()
    };
    match &token {
        Some(token) => {
            facts.computed = computed(of_15, token, &mut facts.unknown).map(hex::encode_prefixed);
            let from_16 = of_16.and_then(|of_16| computed(of_16, token, &mut facts.unknown));
            facts.computed_from_16 = from_16.map(hex::encode_prefixed);
        }
        None => facts.unknown.push(
            "the expected hash: it depends on the chain's token, which no runtime contains (--token SYMBOL:DECIMALS)"
                .into(),
        ),
    }
    facts.token = token;
    if let Some(of_16) = of_16 {
        match metadata_hash::differences(of_15, of_16) {
            Ok(differences) => facts.differences = differences,
            Err(why) => facts.unknown.push(format!("where metadata 15 and 16 differ: {why}")),
        }
    }
    Ok(facts)
}

/// Returns the pallets, with the storage versions that are in the state.
fn pallets(pallets: &Pallets, values: impl FnOnce(&[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<PalletFacts> {
    let keys: Vec<Vec<u8>> = pallets.iter().map(|pallet| pallet.storage_version_key()).collect();
    let values = values(&keys);
    let version =
        |key: &Vec<u8>| values.get(key).and_then(|value| Some(u16::from_le_bytes(value.as_slice().try_into().ok()?)));
    pallets
        .iter()
        .zip(&keys)
        .map(|(pallet, key)| PalletFacts {
            name: pallet.name.clone(),
            index: pallet.index,
            storage_version: version(key),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(with_metadata: bool) -> InspectOptions {
        InspectOptions { with_metadata, token: None }
    }

    fn none(_: &[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        BTreeMap::new()
    }

    #[test]
    fn without_metadata_nothing_is_executed() {
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        let facts = facts("blob", SourceKind::Blob, &blob, options(false), none).expect("read");
        assert_eq!((facts.spec_name.as_str(), facts.spec_version), ("test-runtime", 7));
        assert_eq!(facts.version_from, VersionFrom::Section);
        assert_eq!((facts.metadata_versions, facts.pallets), (None, None));
        assert_eq!(facts.size, blob.deployed.len() as u64);
        assert_eq!(facts.blake2_256, hex::encode_prefixed(artifact::hashes::blake2_256(&blob.deployed)));
        assert!(facts.authorize_upgrade_call.is_some_and(|call| call.starts_with("0x0009")));
        assert_eq!(facts.call_indices_from.set_code, IndicesFrom::Default);
        assert_eq!(facts.apis[1].name.as_deref(), Some("Metadata"));
    }

    #[test]
    fn the_call_indices_are_those_of_the_metadata() {
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        let facts = facts("blob", SourceKind::Blob, &blob, options(true), |keys| {
            keys.iter().map(|key| (key.clone(), vec![3, 0])).collect()
        })
        .expect("read");
        assert_eq!(facts.metadata_versions, Some(vec![14, 15]));
        assert_eq!(facts.metadata_version, Some(15));
        assert!(facts.authorize_upgrade_call.is_some_and(|call| call.starts_with("0x0509")));
        assert_eq!(facts.call_indices_from.authorize_upgrade, IndicesFrom::Metadata);
        let set_code = artifact::code_hashes::set_code_hash(&blob.deployed, (5, 2));
        assert_eq!(facts.set_code_hash, hex::encode_prefixed(set_code));
        let system = PalletFacts { name: "System".into(), index: Some(5), storage_version: Some(3) };
        assert_eq!(facts.pallets, Some(vec![system]));
        let metadata = Metadata::read("blob", &blob).expect("read");
        assert_eq!(metadata.pallets.constant("System", "Answer"), Some(&42u32.to_le_bytes()[..]));
        assert_eq!(metadata.bytes, test_runtime::metadata());
    }

    #[test]
    fn the_version_of_a_runtime_without_sections_comes_from_a_call() {
        let blob = Blob::parse("blob", test_runtime::wasm(false)).expect("a blob");
        let facts = facts("blob", SourceKind::Blob, &blob, options(false), none).expect("read");
        assert_eq!(facts.version_from, VersionFrom::Call);
        assert_eq!(facts.spec_version, 7);
        assert_eq!(facts.apis.len(), 2);
    }

    #[test]
    fn a_module_that_is_no_runtime_is_an_error() {
        let blob = Blob::parse("blob", b"\0asm\x01\0\0\0".to_vec()).expect("a blob");
        let failure = facts("blob", SourceKind::Blob, &blob, options(false), none).expect_err("refused");
        assert_eq!(failure.kind, worker::Kind::Input);
        assert!(failure.found.as_ref().is_some_and(|found| found.contains("runtime_version")), "{failure}");
    }

    #[test]
    fn metadata_of_a_version_not_offered_is_refused() {
        let failure = Metadata::read_version(
            "blob",
            &Blob::parse("test runtime", test_runtime::deployed()).expect("a blob"),
            Some(16),
        )
        .expect_err("refused");
        assert_eq!(failure.found.as_deref(), Some("versions 14, 15"));
        let mut cut = test_runtime::metadata();
        cut.pop();
        assert!(Metadata::from_bytes("blob", cut).is_err());
        assert!(Metadata::from_bytes("blob", b"meto\x0e".to_vec()).is_err());
    }
}
