// SPDX-License-Identifier: Apache-2.0
//! `chain_*`

use super::{
    Fork,
    fork::header_json,
    rpc::{Bytes, Error, Parameters, Reply},
};
use codec::Encode;
use serde_json::{Value, json};
use sp_core::H256;

pub const METHODS: &[&str] = &[
    "chain_getBlock",
    "chain_getBlockHash",
    "chain_getFinalisedHead",
    "chain_getFinalizedHead",
    "chain_getHead",
    "chain_getHeader",
];

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    Some(match method {
        "chain_getHeader" => header(fork, parameters),
        "chain_getBlock" => block(fork, parameters),
        "chain_getBlockHash" | "chain_getHead" => block_hash(fork, parameters),
        // Nothing here is ever taken back, so the head is final.
        "chain_getFinalizedHead" | "chain_getFinalisedHead" => Ok(json!(fork.head())),
        _ => return None,
    })
}

fn header(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    // Nodes answer with nothing for a block they do not have.
    Ok(fork.header(parameters.at(0)?).map_or(Value::Null, header_json))
}

fn block(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let Ok(entry) = fork.entry(parameters.at(0)?) else { return Ok(Value::Null) };
    let extrinsics = entry.extrinsics.as_ref().ok_or_else(|| {
        Error::new(-32000, "the extrinsics of the block that was forked are not here: a file holds its state alone")
    })?;
    let extrinsics: Vec<_> = extrinsics.iter().map(|extrinsic| Bytes(extrinsic.encode())).collect();
    Ok(json!({
        "block": {"header": header_json(entry.chain.header()), "extrinsics": extrinsics},
        "justifications": null,
    }))
}

fn block_hash(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let one = |number: &Value| -> Result<Option<H256>, Error> {
        let number = match number {
            Value::Number(number) => number.as_u64(),
            // Text is hex, as nodes read it.
            Value::String(text) => u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| Error::parameters("parameter 0 is no block number"))?;
        // Numbers beyond 32 bits are of no block here.
        Ok(u32::try_from(number).ok().map(|number| fork.hash_of(number)).transpose()?.flatten())
    };
    match parameters.optional::<Value>(0, "block number")? {
        None => Ok(json!(fork.head())),
        Some(Value::Array(numbers)) => Ok(json!(numbers.iter().map(one).collect::<Result<Vec<_>, _>>()?)),
        Some(number) => Ok(json!(one(&number)?)),
    }
}
