// SPDX-License-Identifier: Apache-2.0
//! `author_*`

use super::{
    Fork,
    rpc::{Bytes, Parameters, Reply},
};
use serde_json::json;

pub const METHODS: &[&str] = &["author_pendingExtrinsics", "author_submitExtrinsic"];

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    Some(match method {
        "author_submitExtrinsic" => submit(fork, parameters),
        "author_pendingExtrinsics" => {
            Ok(json!(fork.pool.iter().map(|extrinsic| Bytes(extrinsic.clone())).collect::<Vec<_>>()))
        }
        _ => return None,
    })
}

fn submit(fork: &mut Fork<'_>, parameters: &Parameters) -> Reply {
    let extrinsic: Bytes = parameters.required(0, "extrinsic")?;
    fork.submit(extrinsic.0).map(|hash| json!(hash))
}
