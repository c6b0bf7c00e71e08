// SPDX-License-Identifier: Apache-2.0
use serde_json::Value;

/// The keys of results that differ between runs with the same inputs: durations, network usage and
/// other measurements of the machine. Evidence does not contain them, so that equal runs give equal
/// bytes. Digests of evidence ignore them at any depth.
pub const VOLATILE: [&str; 4] = ["seconds", "import_seconds", "measured", "rpc"];

/// Removes the [`VOLATILE`] keys, at any depth.
pub fn without_volatile(mut value: Value) -> Value {
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn volatile_keys_are_removed_at_any_depth() {
        let result = json!({
            "seconds": 1.5,
            "rpc": {"requests": 9},
            "blocks": [{"number": 1, "import_seconds": 0.1}],
            "checks": [{"name": "seconds", "measured": "0.1 s"}],
        });
        let expected = json!({"blocks": [{"number": 1}], "checks": [{"name": "seconds"}]});
        assert_eq!(without_volatile(result), expected);
    }
}
