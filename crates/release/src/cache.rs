// SPDX-License-Identifier: Apache-2.0
//! The cache of slow results beside a release's directory.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::Path;
use worker::{Failure, Result};

/// The maximum size of a cached result, in bytes.
const LIMIT: u64 = 64 << 20;

/// A cached value with a digest of its inputs.
#[derive(Serialize, Deserialize)]
struct CachedResult<T> {
    inputs: String,
    value: T,
}

/// Returns the value that an earlier run cached in the file `path` under the same key. Otherwise it
/// is made, and cached if there is a key.
pub fn cached<T: Serialize + DeserializeOwned>(
    path: &Path,
    key: Option<String>,
    make: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(inputs) = key else { return make() };
    if let Ok(text) = files::read_bounded(path, LIMIT)
        && let Ok(cached) = serde_json::from_slice::<CachedResult<T>>(&text)
        && cached.inputs == inputs
    {
        return Ok(cached.value);
    }
    let made = CachedResult { inputs, value: make()? };
    let text = serde_json::to_vec(&made)
        .map_err(|error| Failure::internal("a cached result cannot be written as JSON").found(error.to_string()))?;
    files::write_whole(path, &text)?;
    Ok(made.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_again_if_its_inputs_changed_or_are_unknown() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x.json");
        let value = |key: Option<&str>, made: u32| cached(&path, key.map(str::to_owned), || Ok(made)).expect("a value");
        assert_eq!([value(Some("a"), 1), value(Some("a"), 2)], [1, 1]);
        assert_eq!([value(None, 3), value(Some("a"), 4)], [3, 1]);
        assert_eq!([value(Some("b"), 5), value(Some("a"), 6)], [5, 6]);
        std::fs::write(&path, "[").expect("written");
        assert_eq!(value(Some("a"), 7), 7);
    }
}
