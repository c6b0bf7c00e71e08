// SPDX-License-Identifier: Apache-2.0
//! The symbol and the decimals of a chain's token. They are in a chain spec's `properties` or come
//! from a node; a runtime does not contain them.

use protocol::{Source, inspect::Token};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{io::BufReader, path::Path};

/// The longest symbol in bytes.
const SYMBOL_LIMIT: usize = 32;
/// With more decimals a 128-bit number has no integer part.
const DECIMALS_LIMIT: u64 = 38;

/// The properties of a chain's first token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// `tokenDecimals`, at most 38.
    pub decimals: Option<u32>,
    /// `tokenSymbol`, at most 32 bytes.
    pub symbol: Option<String>,
}

impl Properties {
    /// Returns the token, if both properties are known.
    pub fn token(&self) -> Option<Token> {
        let decimals = u8::try_from(self.decimals?).ok()?;
        Some(Token { symbol: self.symbol.clone()?, decimals })
    }
}

/// Returns the properties that a source has.
pub(super) fn of_source(source: &Source) -> Properties {
    let properties = match source {
        Source::File(path) => of_chain_spec(path),
        Source::Node(live) => node::properties(live),
        Source::Stdin => None,
    };
    properties.map(|properties| parse(&properties)).unwrap_or_default()
}

#[derive(Deserialize)]
struct Spec {
    properties: Option<Value>,
}

/// Returns the `properties` of a file that is a chain spec.
fn of_chain_spec(path: &Path) -> Option<Value> {
    let mut file = BufReader::new(std::fs::File::open(path).ok()?);
    let head = std::io::BufRead::fill_buf(&mut file).ok()?;
    let begins = head.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
    if begins != Some(&b'{') {
        return None;
    }
    serde_json::from_reader::<_, Spec>(file).ok()?.properties
}

/// Parses `properties`. Each property is one value, or a list with one value for each token.
#[expect(clippy::disallowed_methods, reason = "a property is one value or a list")]
fn parse(properties: &Value) -> Properties {
    let first = |name: &str| match properties.get(name)? {
        Value::Array(several) => several.first().cloned(),
        one => Some(one.clone()),
    };
    let decimals = first("tokenDecimals").and_then(|value| value.as_u64()).filter(|count| *count <= DECIMALS_LIMIT);
    let symbol = first("tokenSymbol").and_then(|value| value.as_str().map(str::to_owned));
    let symbol = symbol.filter(|text| !text.is_empty() && text.len() <= SYMBOL_LIMIT);
    Properties { decimals: decimals.map(|count| count as u32), symbol }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadSource as _;
    use serde_json::json;

    #[test]
    fn both_forms_of_properties_are_read_and_invalid_ones_are_ignored() {
        let expected = Properties { decimals: Some(10), symbol: Some("PAS".into()) };
        assert_eq!(parse(&json!({"tokenDecimals": 10, "tokenSymbol": "PAS"})), expected);
        assert_eq!(parse(&json!({"tokenDecimals": [10, 12], "tokenSymbol": ["PAS", "X"]})), expected);
        assert_eq!(parse(&json!({"tokenDecimals": 400, "tokenSymbol": 7})), Properties::default());
        assert_eq!(parse(&json!(null)), Properties::default());
    }

    #[test]
    fn only_a_chain_spec_has_properties() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("spec.json");
        files::write_whole(&path, br#" {"name": "x", "properties": {"tokenDecimals": 12}, "genesis": {}}"#)
            .expect("written");
        assert_eq!(Source::File(path.clone()).properties().decimals, Some(12));
        files::write_whole(&path, b"0x00").expect("written");
        assert_eq!(Source::File(path).properties(), Properties::default());
    }
}
