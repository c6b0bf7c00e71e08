// SPDX-License-Identifier: Apache-2.0
//! Writes snapshots of a chain that starts with a runtime's genesis preset. The recorded previous
//! releases are such snapshots.

use crate::{Author, BlockRequest, Chain, Code, Executor, genesis};
use codec::Encode;
use protocol::{
    Source,
    snapshot::{GenesisRequest, GenesisSnapshot},
};
use source::ReadSource;
use state::{Block, State};
use worker::{Failure, Reporter, Result};

/// Builds `blocks` blocks on the genesis state and writes the state after them as a snapshot.
pub fn of_genesis(request: &GenesisRequest, reporter: &Reporter) -> Result<GenesisSnapshot> {
    let blob = request.runtime.parse::<Source>()?.blob()?;
    let sections = artifact::sections::Sections::read(&request.runtime, &blob)?;
    let version = sections.version.ok_or_else(|| {
        Failure::input(format!("{} has no runtime version", request.runtime)).expected("a runtime_version section")
    })?;
    let executor = Executor::new(None);
    let code = Code::new(blob.deployed);
    let state_version = version.effective_state_version();

    reporter.status(format!("building the genesis state of the preset {}", request.preset));
    let genesis = genesis::of_preset(&executor, &code, state_version, &request.preset)?;
    let mut chain = Chain::from_state(genesis)?;
    let mut author = Author::new(&executor);
    for index in 0..request.blocks {
        author.build(&mut chain, BlockRequest::default())?;
        reporter.progress("blocks", u64::from(index) + 1, Some(u64::from(request.blocks)), "blocks");
    }

    let export = chain.export()?;
    let entries = export.top.len();
    let header = chain.header().encode();
    let state = State {
        chain: Some(format!("{} {} preset", version.spec_name, request.preset)),
        spec_name: Some(version.spec_name.clone()),
        spec_version: Some(version.spec_version),
        state_root: Some(chain.root().0),
        block: Some(Block { number: u64::from(chain.number()), hash: chain.header().hash().0 }),
        header: Some(header),
        ..State::of_entries(state_version, export.top, export.children.into_iter().collect())
    };
    state.write(&request.out)?;
    let size = std::fs::metadata(&request.out).map(|file| file.len()).unwrap_or(0);
    Ok(GenesisSnapshot {
        out: request.out.display().to_string(),
        spec_name: version.spec_name,
        spec_version: version.spec_version,
        number: chain.number(),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        state_root: hex::encode_prefixed(chain.root().as_bytes()),
        entries,
        size,
    })
}
