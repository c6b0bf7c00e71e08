// SPDX-License-Identifier: Apache-2.0
//! Takes the whole state of a block by frame-remote-externalities, as try-runtime does, and says what that took.
//!
//!     cutover-peer-remote-externalities URL HASH SNAPSHOT

use frame_remote_externalities::{Builder, Mode, OnlineConfig, SnapshotConfig};
use sp_runtime::{OpaqueExtrinsic, generic, traits::BlakeTwo256};
use std::{process::ExitCode, time::Instant};

type Block = generic::Block<generic::Header<u32, BlakeTwo256>, OpaqueExtrinsic>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, hash, snapshot] = arguments.as_slice() else {
        eprintln!("usage: cutover-peer-remote-externalities URL HASH SNAPSHOT");
        return ExitCode::from(2);
    };
    let Ok(at) = hash.parse() else {
        eprintln!("{hash} is no block hash");
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let mode = Mode::Online(OnlineConfig {
        at: Some(at),
        transport_uris: vec![url.clone()],
        state_snapshot: Some(SnapshotConfig::new(snapshot)),
        child_trie: true,
        ..Default::default()
    });
    match Builder::<Block>::new().mode(mode).build().await {
        Ok(taken) => {
            let root = taken.inner_ext.backend.root();
            println!("{{\"seconds\": {:.3}, \"state_root\": \"{root:?}\"}}", began.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
