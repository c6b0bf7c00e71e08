// SPDX-License-Identifier: Apache-2.0
//! A fork that clients can connect to.

use fork::{
    Executor, How, LiveBlock, Store,
    serve::{Fork, Listener},
};
use protocol::{
    Source,
    fork::{ServeRequest, ServedFork},
};
use source::ReadSource;
use worker::{Event, Reporter, Result};

/// Says where it listens and answers until the process is ended.
pub fn serve(request: &ServeRequest, reporter: &Reporter) -> Result<()> {
    end_with_parent();
    let executor = Executor::new(request.cache.as_deref());
    // First, so that a port that is taken is told before a state is read.
    let listener = Listener::bind(request.port, &request.allow_origin)?;
    reporter.status(format!("reading the state of {}", request.state));
    let store = Store::new(request.nodes.as_deref());
    let how = How { at: request.at.as_deref(), mode: request.state_mode, unverified: false, store: Some(&store) };
    let loaded = fork::load(&request.state, how, reporter)?;
    let mut chain = loaded.chain.clone();
    if let Some(named) = &request.code {
        chain.put_code(&request.state.code(named)?)?;
    }
    let ready = ServedFork {
        url: listener.url(),
        source: request.state.to_string(),
        number: chain.number(),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        state_root: hex::encode_prefixed(chain.root().as_bytes()),
        mode: loaded.mode,
        verified: loaded.verified,
    };
    let hash = chain.header().hash();
    let mut fork = Fork::new(format!("fork of {}", request.state), chain, &executor, request.manual);
    if let Source::Node(live) = &request.state {
        // Without them the fork serves all the same; `chain_getBlock` then says what is missing.
        match LiveBlock::fetch(live, &hex::encode_prefixed(hash.as_bytes())) {
            Ok(block) => {
                // A chain's first block has none, and nodes are asked for a while for what they do not know.
                let parent = (block.header.number > 0).then(|| block.fetch_parent(live));
                match parent.transpose() {
                    Ok(Some(parent)) => fork = fork.with_parent(parent),
                    Ok(None) => {}
                    Err(failure) => reporter.warning(format!("the header before the fork is not served: {failure}")),
                }
                fork = fork.with_extrinsics(block.extrinsics);
            }
            Err(failure) => reporter.warning(format!("the forked block's extrinsics are not served: {failure}")),
        }
    }
    reporter.send(Event::Ready { value: crate::value(ready)? });
    fork::serve::serve(fork, listener)
}

/// A server whose caller was killed would go on for ever with nobody to end it.
fn end_with_parent() {
    #[cfg(unix)]
    std::thread::spawn(|| {
        let parent = std::os::unix::process::parent_id();
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        std::process::exit(i32::from(worker::Kind::Environment.exit_code()));
    });
}
