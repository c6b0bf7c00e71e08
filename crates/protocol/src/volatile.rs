// SPDX-License-Identifier: Apache-2.0
use serde_json::Value;

/// Keys of results that hold what differs from run to run on the same inputs: how long something took, how the network
/// was used, what this machine's clock or memory showed. Evidence is written without them, so that two people who do the
/// same get the same bytes, and digests of evidence pass over them wherever they stand.
pub const VOLATILE: [&str; 4] = ["seconds", "import_seconds", "measured", "rpc"];

/// Takes the [`VOLATILE`] keys out, at any depth.
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
    fn what_a_clock_said_is_left_out_wherever_it_stands() {
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
