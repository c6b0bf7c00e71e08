// SPDX-License-Identifier: Apache-2.0
//! How a chain's tokens are written, which no runtime says: a chain spec's `properties`, or a node's.

use protocol::{Source, inspect::Token};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{io::BufReader, path::Path};

/// Real ones have at most a few hundred bytes.
const SYMBOL_LIMIT: usize = 32;
/// Beyond this a number of 128 bits has no digit before the point.
const DECIMALS_LIMIT: u64 = 38;

/// Of the chain's first token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    pub decimals: Option<u32>,
    pub symbol: Option<String>,
}

impl Properties {
    /// The token, where both are said.
    pub fn token(&self) -> Option<Token> {
        let decimals = u8::try_from(self.decimals?).ok()?;
        Some(Token { symbol: self.symbol.clone()?, decimals })
    }
}

pub(super) fn of_source(source: &Source) -> Properties {
    let said = match source {
        Source::File(path) => of_chain_spec(path),
        Source::Node(live) => node::properties(live),
        Source::Stdin => None,
    };
    said.map(|said| of(&said)).unwrap_or_default()
}

#[derive(Deserialize)]
struct Spec {
    properties: Option<Value>,
}

fn of_chain_spec(path: &Path) -> Option<Value> {
    let mut file = BufReader::new(std::fs::File::open(path).ok()?);
    let head = std::io::BufRead::fill_buf(&mut file).ok()?;
    let begins = head.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
    if begins != Some(&b'{') {
        return None;
    }
    serde_json::from_reader::<_, Spec>(file).ok()?.properties
}

/// Each is one value, or a list with one a token.
fn of(properties: &Value) -> Properties {
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
    fn both_forms_of_properties_are_read_and_nonsense_is_not() {
        let expected = Properties { decimals: Some(10), symbol: Some("PAS".into()) };
        assert_eq!(of(&json!({"tokenDecimals": 10, "tokenSymbol": "PAS"})), expected);
        assert_eq!(of(&json!({"tokenDecimals": [10, 12], "tokenSymbol": ["PAS", "X"]})), expected);
        assert_eq!(of(&json!({"tokenDecimals": 400, "tokenSymbol": 7})), Properties::default());
        assert_eq!(of(&json!(null)), Properties::default());
    }

    #[test]
    fn a_chain_spec_is_asked_and_another_file_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("spec.json");
        files::write_whole(&path, br#" {"name": "x", "properties": {"tokenDecimals": 12}, "genesis": {}}"#)
            .expect("written");
        assert_eq!(Source::File(path.clone()).properties().decimals, Some(12));
        files::write_whole(&path, b"0x00").expect("written");
        assert_eq!(Source::File(path).properties(), Properties::default());
    }
}
