// SPDX-License-Identifier: Apache-2.0
//! Resolves a source to one state of one chain, so that all steps of an upgrade use the same state.

use crate::{Content, ReadSource};
use artifact::version_of;
use protocol::{
    Live, Source,
    inspect::{StateOrigin, StatePin},
};
use state::StateExcerpt;
use worker::{Failure, Result};

/// Resolves a source: requests the block from the nodes, or reads the file.
pub fn pin(source: &Source) -> Result<StatePin> {
    if let Source::Node(live) = source {
        return of_nodes(live);
    }
    let name = source.to_string();
    match source.open()? {
        Content::State(state) => of_file(&name, &state),
        Content::Node(_) => Err(Failure::internal(format!("{name} is a file and a node"))),
        Content::Blob(_) => Err(Failure::input(format!("{name} has no state"))
            .found("a runtime")
            .expected("the state of a chain: a raw chain spec, a snapshot, a node or a network")),
    }
}

fn of_nodes(live: &Live) -> Result<StatePin> {
    let (block, version) = node::block_and_version(live)?;
    Ok(StatePin {
        genesis_hash: block.genesis.map(hex::encode_prefixed),
        block_hash: Some(hex::encode_prefixed(block.hash)),
        number: Some(block.number),
        state_root: Some(hex::encode_prefixed(block.state_root)),
        finalized: Some(block.finalized),
        spec_name: version.spec_name,
        spec_version: version.spec_version,
    })
}

fn of_file(name: &str, state: &StateExcerpt) -> Result<StatePin> {
    if state.origin == StateOrigin::ChainSpec && state.state_root.is_none() {
        return Err(Failure::input(format!("{name} has no state"))
            .found("a plain chain spec, which contains the runtime only")
            .expected("a raw chain spec, as made by the node's `export-chain-spec --raw` or `build-spec --raw`"));
    }
    let version = version_of(&format!("the runtime in {name}"), &state.code(name)?)?;
    let hash = |hash: [u8; 32]| hex::encode_prefixed(hash);
    Ok(StatePin {
        genesis_hash: state.genesis_hash().map(hash),
        block_hash: state.block.map(|block| hash(block.hash)),
        number: state.block.map(|block| block.number),
        state_root: state.state_root.map(hash),
        finalized: None,
        spec_name: version.spec_name,
        spec_version: version.spec_version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use state::{Block, State, genesis_hash_keys, header::Header};

    fn state(number: u64, more: Vec<(Vec<u8>, Vec<u8>)>) -> State {
        let mut top = vec![(b":code".to_vec(), test_runtime::deployed())];
        top.extend(more);
        top.sort();
        let mut state = State::of_entries(1, top, Vec::new());
        let root = state.compute_root().expect("a root");
        let header = Header { parent_hash: [1; 32], number, state_root: root, extrinsics_root: [2; 32] }.encode(&[0]);
        state.state_root = Some(root);
        state.block = Some(Block { number, hash: Header::hash(&header) });
        state.header = Some(header);
        state
    }

    #[test]
    fn the_genesis_hash_of_a_snapshot_is_read_from_its_state() {
        let directory = tempfile::tempdir().expect("a directory");
        for key in genesis_hash_keys() {
            let kept = state(7, vec![(key, vec![9; 32])]);
            let path = directory.path().join("state");
            kept.write(&path).expect("written");
            let pin = pin(&Source::File(path)).expect("pinned");
            let block = kept.block.expect("a block");
            assert_eq!(pin.genesis_hash, Some(hex::encode_prefixed([9; 32])));
            assert_eq!((pin.number, pin.block_hash), (Some(7), Some(hex::encode_prefixed(block.hash))));
            assert_eq!(pin.state_root, kept.state_root.map(hex::encode_prefixed));
            assert_eq!((pin.spec_name.as_str(), pin.spec_version), ("test-runtime", 7));
        }
    }

    #[test]
    fn a_genesis_state_has_its_own_block_hash_as_genesis_hash() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("state");
        let first = state(0, Vec::new());
        first.write(&path).expect("written");
        let pinned = pin(&Source::File(path.clone())).expect("pinned");
        assert_eq!((pinned.genesis_hash.is_some(), &pinned.genesis_hash), (true, &pinned.block_hash));
        state(5, Vec::new()).write(&path).expect("written");
        assert_eq!(pin(&Source::File(path.clone())).expect("pinned").genesis_hash, None);
        files::write_whole(&path, &test_runtime::deployed()).expect("written");
        let failure = pin(&Source::File(path)).expect_err("no state");
        assert_eq!((failure.kind, failure.found.as_deref()), (worker::Kind::Input, Some("a runtime")));
    }
}
