// SPDX-License-Identifier: Apache-2.0
//! Renders the byte-by-byte comparison of two blobs.

use crate::{
    field::{or_dash, stated},
    table::aligned,
};
use protocol::{
    bytes::{BlobDifference, BlobSide, FunctionDifference, ListDifference},
    rebuild::VerifyBuildReport,
};

/// Renders the document of `diff --bytes`.
pub fn difference(document: &BlobDifference) -> String {
    if document.same {
        return format!("identical: blake2-256 {}\n", document.old.blake2_256);
    }
    let mut rows = vec![["", "OLD", "NEW"].map(str::to_owned).to_vec()];
    let row = |label: &str, of: fn(&BlobSide) -> String| vec![label.into(), of(&document.old), of(&document.new)];
    rows.extend([
        row("blob", |side| side.name.clone()),
        row("blake2_256", |side| side.blake2_256.clone()),
        row("size", |side| side.size.to_string()),
        row("decompressed", |side| side.size_decompressed.to_string()),
        row("decompressed blake2_256", |side| side.wasm_blake2_256.clone()),
        row("version", |side| or_dash(side.spec_version)),
    ]);
    let mut all = aligned(&rows);
    if let Some(place) = &document.first_difference {
        all.push_str(&format!(
            "\nfirst difference at {} of the decompressed bytes\n  old: {} {}\n  new: {} {}\n",
            place.offset, place.old, place.old_bytes, place.new, place.new_bytes,
        ));
        all.push('\n');
        all.push_str(&sections(document));
        all.push('\n');
        all.push_str(&functions(&document.functions));
    }
    for (title, entries) in [
        ("imports", &document.imports),
        ("exports", &document.exports),
        ("source paths", &document.paths),
        ("producers", &document.producers),
        ("target features", &document.target_features),
    ] {
        all.push_str(&only_in_one(title, entries));
    }
    all.push_str("\nprobable causes, the most certain first\n");
    all.push_str(&causes(document));
    all
}

/// Renders the entries that only one of the two blobs has.
fn only_in_one(title: &str, entries: &ListDifference) -> String {
    let sides = [("old", &entries.only_old), ("new", &entries.only_new)];
    let lines = sides.into_iter().flat_map(|(side, entries)| {
        entries.iter().take(8).map(move |entry| format!("{title} only in the {side} blob: {entry}\n"))
    });
    lines.collect()
}

fn sections(document: &BlobDifference) -> String {
    let mut rows = vec![["SECTION", "OLD", "NEW", ""].map(str::to_owned).to_vec()];
    for section in &document.sections {
        let same = if section.same { "same" } else { "differs" };
        rows.push(vec![section.name.clone(), or_dash(section.old_size), or_dash(section.new_size), same.into()]);
    }
    aligned(&rows)
}

fn functions(found: &FunctionDifference) -> String {
    let mut all = format!(
        "functions: {} and {}; identical {}, equal except for indices and addresses {}, in the same order: {}\n",
        found.old,
        found.new,
        found.identical,
        found.same_shape,
        if found.same_order { "yes" } else { "no" },
    );
    for (side, count, bytes, names) in [
        ("old", found.only_old_count, found.only_old_bytes, &found.only_old),
        ("new", found.only_new_count, found.only_new_bytes, &found.only_new),
    ] {
        if count > 0 {
            let names: Vec<_> = names.iter().take(8).map(String::as_str).collect();
            let more = if names.len() < count { ", …" } else { "" };
            all.push_str(&format!("only in the {side} blob: {count} with {bytes} bytes: {}{more}\n", names.join(", ")));
        }
    }
    all
}

fn causes(document: &BlobDifference) -> String {
    let mut all = String::new();
    for (index, cause) in document.causes.iter().enumerate() {
        all.push_str(&format!("{}. {} ({})\n", index + 1, cause.cause, cause.certainty.name()));
        for evidence in &cause.evidence {
            all.push_str(&format!("   - {evidence}\n"));
        }
    }
    all
}

/// Renders the document of `verify build`.
pub fn verify_build(document: &VerifyBuildReport) -> String {
    let rebuilt = &document.rebuilt;
    let rows = [
        ("runtime", format!("{} ({})", rebuilt.package, rebuilt.profile)),
        ("engine", rebuilt.engine.clone()),
        ("image", or_dash(rebuilt.image_digest.as_ref())),
        ("rustc", or_dash(rebuilt.rustc.as_ref())),
        ("commit", or_dash(rebuilt.commit.as_ref())),
        ("expected", rebuilt.expected.clone()),
        ("rebuilt", rebuilt.rebuilt.clone()),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let mut all = aligned(&rows);
    match &rebuilt.difference {
        Some(found) => {
            all.push('\n');
            all.push_str(&difference(found));
        }
        None if !rebuilt.same => {
            all.push_str(
                "\na hash alone does not show the cause: give the blob with --blob, or put it beside its digest\n",
            );
        }
        None => {}
    }
    all.push_str(&format!("\nverdict: {}\n", stated(document.verdict)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Verdict,
        bytes::{Cause, Certainty, FirstDifference},
        rebuild::Rebuilt,
    };

    fn side(name: &str) -> BlobSide {
        BlobSide { name: name.into(), ..BlobSide::default() }
    }

    #[test]
    fn the_causes_come_last_and_in_order() {
        let cause = |cause: &str, certainty, evidence: &[&str]| Cause {
            cause: cause.into(),
            certainty,
            evidence: evidence.iter().map(|text| (*text).to_owned()).collect(),
        };
        let document = BlobDifference {
            format: protocol::format::BLOB_DIFFERENCE.into(),
            old: side("a"),
            new: side("b"),
            first_difference: Some(FirstDifference {
                offset: 9,
                old: "code, function 1 f".into(),
                new: "code".into(),
                old_bytes: "0x00".into(),
                new_bytes: "0x01".into(),
            }),
            functions: FunctionDifference {
                only_new_count: 1,
                only_new: vec!["function 7 g".into()],
                only_new_bytes: 5,
                ..FunctionDifference::default()
            },
            causes: vec![
                cause("other features", Certainty::Likely, &["g"]),
                cause("another profile", Certainty::Possible, &[]),
            ],
            ..BlobDifference::default()
        };
        let text = difference(&document);
        assert!(text.contains("old: code, function 1 f 0x00"), "{text}");
        assert!(text.contains("only in the new blob: 1 with 5 bytes: function 7 g\n"), "{text}");
        assert!(text.ends_with("1. other features (likely)\n   - g\n2. another profile (possible)\n"), "{text}");
    }

    #[test]
    fn a_hash_alone_does_not_show_the_cause() {
        let document = VerifyBuildReport {
            format: protocol::format::VERIFY_BUILD.into(),
            rebuilt: Rebuilt::default(),
            verdict: Verdict::Fail,
        };
        let text = verify_build(&document);
        assert!(text.contains("give the blob with --blob") && text.ends_with("verdict: failed\n"), "{text}");
    }
}
