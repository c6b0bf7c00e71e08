// SPDX-License-Identifier: Apache-2.0
//! Serializes bytes as `0x` and lower-case hex.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use std::fmt::Write;

/// Serializes bytes.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        // Writing to a `String` does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    serializer.serialize_str(&text)
}

/// Deserializes bytes. Upper-case digits are accepted too.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.strip_prefix("0x").ok_or_else(|| D::Error::custom("missing prefix `0x` of hex bytes"))?;
    bytes(digits).ok_or_else(|| D::Error::custom("invalid hex bytes"))
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_digits_are_bytes_and_nothing_else_is() {
        assert_eq!(bytes("00ffAb"), Some(vec![0, 255, 0xab]));
        assert_eq!(bytes(""), Some(Vec::new()));
        for broken in ["0", "0g", "é", "+1"] {
            assert_eq!(bytes(broken), None, "{broken}");
        }
    }
}
