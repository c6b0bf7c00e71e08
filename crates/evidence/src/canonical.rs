// SPDX-License-Identifier: Apache-2.0
//! Canonical JSON (RFC 8785): two people who state the same facts write the same bytes.
//!
//! RFC 8785 writes every number as a JavaScript double, which rounds large integers. Signed values
//! must not be rounded. So [`to_bytes`] accepts only whole numbers up to 2^53 - 1 and refuses
//! others. Write large integers and fractions as strings.

use serde_json::{Map, Number, Value};
use worker::{Failure, Result};

const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// Returns the canonical bytes of a value. The error names the number that is not exact.
pub fn to_bytes(value: &Value) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(value, "", true, &mut out)?;
    Ok(out)
}

/// Returns the canonical bytes of a value that is hashed only by Cutover. Numbers are written as
/// serde_json prints them.
pub fn to_bytes_any_number(value: &Value) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(value, "", false, &mut out)?;
    Ok(out)
}

fn write(value: &Value, at: &str, exact: bool, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if exact && !is_exact(number) => {
            return Err(Failure::input(format!("the number at {at} cannot be part of a signed statement"))
                .found(number.to_string())
                .expected("a whole number below 2^53, or a string"));
        }
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => write_string(text, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, &format!("{at}/{index}"), exact, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            out.push(b'{');
            for (index, (key, item)) in sorted(fields).into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out)?;
                out.push(b':');
                write(item, &format!("{at}/{key}"), exact, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// Sorts fields by UTF-16 code units, as RFC 8785 requires. This differs from UTF-8 order beyond
/// the basic multilingual plane.
fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    entries
}

fn is_exact(number: &Number) -> bool {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => number <= LARGEST_EXACT,
        (None, Some(number)) => number.unsigned_abs() <= LARGEST_EXACT,
        (None, None) => false,
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, text)
        .map_err(|error| Failure::internal("a string cannot be written as JSON").found(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(LARGEST_EXACT as i64)..=LARGEST_EXACT as i64).prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_another_writer_of_rfc_8785(value in values()) {
            let other = serde_json_canonicalizer::to_vec(&value).expect("canonical");
            prop_assert_eq!(to_bytes(&value).expect("canonical"), other);
        }

        #[test]
        fn reads_back_as_the_same_value(value in values()) {
            let bytes = to_bytes(&value).expect("canonical");
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("JSON"), value);
        }
    }

    #[test]
    fn keys_are_sorted_by_utf_16() {
        // U+FF61 sorts before U+10000 in UTF-8, but after it in UTF-16.
        let value = json!({"\u{ff61}": 1, "\u{10000}": 2, "a": 3});
        assert_eq!(to_bytes(&value).expect("canonical"), "{\"a\":3,\"\u{10000}\":2,\"\u{ff61}\":1}".as_bytes());
    }

    #[test]
    fn numbers_others_would_round_are_refused_by_name() {
        for number in [json!(1u64 << 53), json!(-(1i64 << 53)), json!(0.5), json!(u64::MAX)] {
            let failure = to_bytes(&json!({"weights": [0, number]})).expect_err("not exact");
            assert!(failure.message.contains("/weights/1"), "{failure}");
        }
        assert_eq!(to_bytes(&json!(LARGEST_EXACT)).expect("exact"), b"9007199254740991");
        assert_eq!(to_bytes_any_number(&json!([u64::MAX, 0.5])).expect("any"), b"[18446744073709551615,0.5]");
    }
}
