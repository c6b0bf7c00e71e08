// SPDX-License-Identifier: Apache-2.0
//! `payment_*`: fees.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Params, Registered, at},
};
use codec::{Compact, Decode, Encode};
use serde::Serialize;

/// Registers the method.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("payment_queryInfo", query_info)
}

/// The weight, the class and the fee of an extrinsic.
#[derive(Clone, Serialize)]
struct RuntimeDispatchInfo {
    weight: Weight,
    class: &'static str,
    #[serde(rename = "partialFee")]
    partial_fee: String,
}

#[derive(Clone, Serialize)]
struct Weight {
    ref_time: u64,
    proof_size: u64,
}

fn query_info(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<RuntimeDispatchInfo, Error> {
    let mut arguments: Bytes = params.next()?;
    let length = arguments.0.len() as u32;
    arguments.0.extend(length.encode());
    let answer = fork.call(at(&mut params)?, "TransactionPaymentApi_query_info", &arguments.0)?;
    let ((Compact(ref_time), Compact(proof_size)), class, fee) =
        <((Compact<u64>, Compact<u64>), u8, u128)>::decode(&mut &answer[..])
            .map_err(|error| Error::new(-32000, format!("the runtime's dispatch info cannot be decoded: {error}")))?;
    let class = match class {
        0 => "normal",
        1 => "operational",
        _ => "mandatory",
    };
    Ok(RuntimeDispatchInfo { weight: Weight { ref_time, proof_size }, class, partial_fee: fee.to_string() })
}
