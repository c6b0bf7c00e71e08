// SPDX-License-Identifier: Apache-2.0
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::{Map, Value};

/// Reads one of two documents: the first where it has that field, else the second.
///
/// `#[serde(untagged)]` would not say which field of which document is wrong.
pub(crate) fn either<'de, D: Deserializer<'de>, First: DeserializeOwned, Second: DeserializeOwned, T>(
    deserializer: D,
    field: &str,
    first: impl FnOnce(First) -> T,
    second: impl FnOnce(Second) -> T,
) -> Result<T, D::Error> {
    let fields = Map::deserialize(deserializer)?;
    let is_first = fields.contains_key(field);
    let document = Value::Object(fields);
    match is_first {
        true => First::deserialize(document).map(first).map_err(D::Error::custom),
        false => Second::deserialize(document).map(second).map_err(D::Error::custom),
    }
}
