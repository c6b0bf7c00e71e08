// SPDX-License-Identifier: Apache-2.0
//! `payment_*`

use super::{
    Fork,
    rpc::{Bytes, Error, Parameters, Reply},
};
use codec::{Compact, Decode, Encode};
use serde_json::json;

pub const METHODS: &[&str] = &["payment_queryInfo"];

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    (method == "payment_queryInfo").then(|| query_info(fork, parameters))
}

/// `RuntimeDispatchInfo`: the weight, the class and the fee of an extrinsic.
fn query_info(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let mut arguments: Bytes = parameters.required(0, "extrinsic")?;
    let length = arguments.0.len() as u32;
    arguments.0.extend(length.encode());
    let answer = fork.call(parameters.at(1)?, "TransactionPaymentApi_query_info", &arguments.0)?;
    let ((Compact(ref_time), Compact(proof_size)), class, fee) =
        <((Compact<u64>, Compact<u64>), u8, u128)>::decode(&mut &answer[..])
            .map_err(|error| Error::new(-32000, format!("the runtime's dispatch info cannot be decoded: {error}")))?;
    let class = match class {
        0 => "normal",
        1 => "operational",
        _ => "mandatory",
    };
    Ok(json!({
        "weight": {"ref_time": ref_time, "proof_size": proof_size},
        "class": class,
        "partialFee": fee.to_string(),
    }))
}
