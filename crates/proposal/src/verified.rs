// SPDX-License-Identifier: Apache-2.0
//! Encodes calls and verifies the bytes: every call is decoded again and compared.

use crate::{Target, Value, decode, encode};
use worker::{Failure, Result};

/// An encoded call that decodes to the intended value.
pub struct VerifiedCall<'chain> {
    /// The chain that the call is for.
    pub chain: &'chain Target,
    /// The encoded call.
    pub bytes: Vec<u8>,
    /// The value decoded from the bytes. It equals the intended value.
    pub decoded: Value,
}

impl VerifiedCall<'_> {
    /// Returns the name of the call, without its pallet.
    pub fn name(&self) -> &str {
        match &self.decoded {
            Value::Call { name, .. } => name,
            _ => "call",
        }
    }
}

/// Encodes a call, decodes the bytes again and compares the result.
///
/// Fails if the value does not fit the chain's types, or (as a defect of Cutover) if the decoded
/// call differs.
pub fn encode(chain: &Target, intention: Value) -> Result<VerifiedCall<'_>> {
    let bytes = encode::call(chain, &intention)?;
    let decoded = read_back(chain, &bytes, &intention)?;
    Ok(VerifiedCall { chain, bytes, decoded })
}

fn read_back(chain: &Target, bytes: &[u8], intention: &Value) -> Result<Value> {
    let mismatch = |found: String| {
        Failure::internal(format!("a call for {} does not decode to what was encoded", chain.name()))
            .found(found)
            .expected(intention.to_string())
            .hint("do not use these bytes; please report this with the chain's metadata")
    };
    match decode::call(chain.types(), bytes) {
        Ok(decoded) if decoded == *intention => Ok(decoded),
        Ok(decoded) => Err(mismatch(decoded.to_string())),
        Err(failure) => Err(mismatch(format!(
            "{failure} in {} bytes, {}…",
            bytes.len(),
            hex::encode_prefixed(bytes.get(..64).unwrap_or(bytes))
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::chain;

    #[test]
    fn a_changed_byte_is_an_internal_failure() {
        let target = chain::solo();
        let intention = chain::authorize([7; 32]);
        let VerifiedCall { mut bytes, .. } = encode(&target, intention.clone()).expect("encodes");
        assert!(read_back(&target, &bytes, &intention).is_ok());
        for position in 0..bytes.len() {
            bytes[position] ^= 1;
            let failure = read_back(&target, &bytes, &intention).expect_err("another call");
            assert_eq!(failure.kind, worker::Kind::Internal);
            bytes[position] ^= 1;
        }
        bytes.push(0);
        assert!(read_back(&target, &bytes, &intention).is_err());
    }
}
