// SPDX-License-Identifier: Apache-2.0
//! Two blobs compared byte by byte, as a person reads it.

use crate::{
    field::{document as fields, list, number, outcome, text},
    table::aligned,
};
use serde::Serialize;
use serde_json::Value;

/// The document of `diff --bytes`.
pub fn difference(document: &Value) -> String {
    if document.get("same").and_then(Value::as_bool) == Some(true) {
        return format!("the same, to the byte: blake2-256 {}\n", text(document, "/old/blake2_256"));
    }
    let mut rows = vec![["", "OLD", "NEW"].map(str::to_owned).to_vec()];
    for (label, field) in [
        ("blob", "name"),
        ("blake2_256", "blake2_256"),
        ("size", "size"),
        ("decompressed", "size_decompressed"),
        ("of that blake2_256", "wasm_blake2_256"),
        ("version", "spec_version"),
    ] {
        rows.push(vec![
            label.into(),
            text(document, &format!("/old/{field}")),
            text(document, &format!("/new/{field}")),
        ]);
    }
    let mut all = aligned(&rows);
    if document.get("first_difference").is_some_and(|place| !place.is_null()) {
        all.push_str(&format!(
            "\nfirst difference at {} of the decompressed bytes\n  old: {} {}\n  new: {} {}\n",
            text(document, "/first_difference/offset"),
            text(document, "/first_difference/old"),
            text(document, "/first_difference/old_bytes"),
            text(document, "/first_difference/new"),
            text(document, "/first_difference/new_bytes"),
        ));
        all.push('\n');
        all.push_str(&sections(document));
        all.push('\n');
        all.push_str(&functions(document));
    }
    for (title, field) in [
        ("imports", "imports"),
        ("exports", "exports"),
        ("source paths", "paths"),
        ("producers", "producers"),
        ("target features", "target_features"),
    ] {
        for (side, key) in [("old", "only_old"), ("new", "only_new")] {
            for entry in list(document, &format!("/{field}/{key}")).iter().filter_map(Value::as_str).take(8) {
                all.push_str(&format!("{title} of the {side} blob alone: {entry}\n"));
            }
        }
    }
    all.push_str("\nprobable causes, the surest first\n");
    all.push_str(&causes(document));
    all
}

fn sections(document: &Value) -> String {
    let mut rows = vec![["SECTION", "OLD", "NEW", ""].map(str::to_owned).to_vec()];
    for section in list(document, "/sections") {
        let same = if text(section, "/same") == "yes" { "same" } else { "differs" };
        rows.push(vec![text(section, "/name"), text(section, "/old_size"), text(section, "/new_size"), same.into()]);
    }
    aligned(&rows)
}

fn functions(document: &Value) -> String {
    let of = |field: &str| text(document, &format!("/functions/{field}"));
    let mut all = format!(
        "functions: {} and {}; identical {}, alike but for indices and addresses {}, in the same order: {}\n",
        of("old"),
        of("new"),
        of("identical"),
        of("same_shape"),
        of("same_order"),
    );
    for (side, key) in [("old", "only_old"), ("new", "only_new")] {
        let count = number(document, &format!("/functions/{key}_count")).unwrap_or_default();
        if count > 0.0 {
            let names: Vec<_> =
                list(document, &format!("/functions/{key}")).iter().filter_map(Value::as_str).take(8).collect();
            let more = if (names.len() as f64) < count { ", …" } else { "" };
            all.push_str(&format!(
                "in the {side} blob alone: {count} with {} bytes: {}{more}\n",
                of(&format!("{key}_bytes")),
                names.join(", ")
            ));
        }
    }
    all
}

fn causes(document: &Value) -> String {
    let mut all = String::new();
    for (index, cause) in list(document, "/causes").iter().enumerate() {
        all.push_str(&format!("{}. {} ({})\n", index + 1, text(cause, "/cause"), text(cause, "/certainty")));
        for evidence in list(cause, "/evidence").iter().filter_map(Value::as_str) {
            all.push_str(&format!("   - {evidence}\n"));
        }
    }
    all
}

/// The document of `verify build`.
pub fn verify_build(document: &impl Serialize) -> String {
    let document = &fields(document);
    let rows = [
        ("runtime", format!("{} ({})", text(document, "/package"), text(document, "/profile"))),
        ("engine", text(document, "/engine")),
        ("image", text(document, "/image_digest")),
        ("rustc", text(document, "/rustc")),
        ("commit", text(document, "/commit")),
        ("expected", text(document, "/expected")),
        ("rebuilt", text(document, "/rebuilt")),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let mut all = aligned(&rows);
    match document.get("difference").filter(|difference| !difference.is_null()) {
        Some(found) => {
            all.push('\n');
            all.push_str(&difference(found));
        }
        None if text(document, "/same") != "yes" => {
            all.push_str(
                "\nwhy cannot be told from a hash alone: give the blob with --blob, or put it beside its digest\n",
            );
        }
        None => {}
    }
    all.push_str(&format!("\nverdict: {}\n", outcome(document, "/verdict")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_causes_come_last_and_in_order() {
        let document = json!({
            "same": false,
            "old": {"name": "a", "size": 1}, "new": {"name": "b", "size": 2},
            "first_difference": {"offset": 9, "old": "code, function 1 f", "new": "code", "old_bytes": "0x00", "new_bytes": "0x01"},
            "functions": {"only_new_count": 1, "only_new": ["function 7 g"], "only_new_bytes": 5},
            "causes": [
                {"cause": "other features", "certainty": "likely", "evidence": ["g"]},
                {"cause": "another profile", "certainty": "possible", "evidence": []},
            ],
        });
        let text = difference(&document);
        assert!(text.contains("old: code, function 1 f 0x00"), "{text}");
        assert!(text.contains("in the new blob alone: 1 with 5 bytes: function 7 g\n"), "{text}");
        assert!(text.ends_with("1. other features (likely)\n   - g\n2. another profile (possible)\n"), "{text}");
    }

    #[test]
    fn a_hash_alone_explains_nothing_and_says_so() {
        let text = verify_build(&json!({"same": false, "verdict": "fail", "difference": null}));
        assert!(text.contains("give the blob with --blob") && text.ends_with("verdict: failed\n"), "{text}");
    }
}
