// SPDX-License-Identifier: Apache-2.0
//! Renders `notes.md`, the text of a published release. The same release gives the same bytes.

#![cfg_attr(not(test), expect(clippy::disallowed_methods, reason = "the record of a release has no type yet"))]

use crate::{
    field::{grouped, list, outcome, size, text},
    table::{escape, markdown},
};
use serde_json::Value;

/// Renders the notes. `section` is the release's section of the project's changelog, which is
/// Markdown already.
pub fn notes(release: &Value, section: &str) -> String {
    let of = |pointer: &str| text(release, pointer);
    let mut all = format!("Built from commit {}.\n", escape(&of("/commit")));
    if of("/dirty") == "yes" {
        all.push_str("\n**The work tree had uncommitted changes: nobody else can build these blobs.**\n");
    }
    all.push_str("\n## Changes\n");
    if !section.is_empty() {
        all.push_str(&format!("\n{section}\n"));
    }
    all.push_str(&commits(release));
    all.push_str("\n## Runtimes\n");
    for runtime in list(release, "/runtimes") {
        all.push_str(&of_runtime(runtime));
    }
    all.push_str(&variants(release));
    all.push_str("\n## How to check the files\n\n    sha256sum --check SHA256SUMS\n");
    all
}

fn commits(release: &Value) -> String {
    let last = escape(&text(release, "/last/tag"));
    if last == "-" {
        return "\nThe first release.\n".into();
    }
    let commits = list(release, "/commits");
    let count = text(release, "/commit_count");
    let mut all = format!("\n{count} commits since {last}, merges included.\n\n");
    for commit in commits {
        all.push_str(&format!("- {} {}\n", escape(&text(commit, "/hash")), escape(&text(commit, "/subject"))));
    }
    all
}

fn of_runtime(runtime: &Value) -> String {
    let of = |pointer: &str| text(runtime, pointer);
    let numbers = |pointer: &str| runtime.pointer(pointer).and_then(Value::as_u64);
    let ratio = match (numbers("/size"), numbers("/size_decompressed")) {
        (Some(small), Some(large)) if large > 0 && small < large => {
            format!(", compressed to {} % of {} bytes", small * 100 / large, grouped(large))
        }
        _ => ", not compressed".into(),
    };
    let core = format!(
        "{}-{} ({}-{}.tx{}.au{})",
        of("/spec_name"),
        of("/spec_version"),
        of("/impl_name"),
        of("/impl_version"),
        of("/transaction_version"),
        of("/authoring_version")
    );
    let metadata: Vec<_> = list(runtime, "/metadata_versions").iter().map(|version| format!("V{version}")).collect();
    let mut rows = vec![
        ("File", of("/asset")),
        ("Why", of("/reason")),
        ("Size", format!("{}{ratio}", size(runtime, "/size"))),
        ("Core version", core),
        ("Metadata versions", metadata.join(", ")),
        ("blake2-256", of("/blake2_256")),
        ("sha256", of("/sha256")),
        ("IPFS", of("/ipfs_cid")),
        ("system.set_code hash", of("/set_code_hash")),
        ("system.authorize_upgrade hash", of("/authorize_upgrade_hash")),
        ("system.authorize_upgrade call", of("/authorize_upgrade_call")),
        ("Compiler", of("/rustc")),
        ("Profile, features", format!("{}, {}", of("/profile"), words(runtime, "/features"))),
    ];
    if of("/image") != "-" {
        rows.push(("Builder image", format!("{} {}", of("/image"), of("/image_digest"))));
    }
    if runtime.get("compared").is_some_and(Value::is_object) {
        rows.push(("Compared with the previous runtime", compared(runtime)));
    }
    if runtime.get("bundle").is_some_and(Value::is_object) {
        let from = of("/bundle/from_spec_version");
        let (verdict, asset) = (outcome(runtime, "/bundle/verdict"), of("/bundle/asset"));
        rows.push(("Upgrade rehearsed", format!("from {from}: {verdict}; the evidence is in {asset}")));
        rows.push(("Signatures", of("/bundle/signatures")));
    }
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let commands = [
        "git checkout COMMIT".to_owned(),
        format!("cargo xtask verify build --digest {}{}", of("/digest_asset"), engine(runtime)),
    ];
    format!(
        "\n### {}\n\n{}\nTo build it again and compare, with the COMMIT above:\n\n    {}\n",
        escape(&of("/name")),
        markdown(&["", ""], &rows),
        commands.join("\n    ")
    )
}

fn engine(runtime: &Value) -> String {
    match (text(runtime, "/engine").as_str(), text(runtime, "/image").as_str()) {
        ("-" | "host", _) => String::new(),
        (engine, "-") => format!(" --engine {engine}"),
        (engine, image) => format!(" --engine {engine} --image {image}"),
    }
}

fn compared(runtime: &Value) -> String {
    let of = |pointer: &str| text(runtime, &format!("/compared{pointer}"));
    let counted = |pointer: &str, what: &str| match of(pointer).as_str() {
        "1" => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    match of("/error").as_str() {
        "-" => format!(
            "{} {}: {} ({}), {} ({}); the rules of versions: {}",
            of("/old/spec_name"),
            of("/old/spec_version"),
            counted("/changes", "change"),
            of("/changes_asset"),
            counted("/parameters", "parameter"),
            of("/parameters_asset"),
            of("/verdict")
        ),
        error => format!("not done: {error}"),
    }
}

fn words(value: &Value, pointer: &str) -> String {
    let words: Vec<_> = list(value, pointer).iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "none".into() } else { words.join(" ") }
}

fn variants(release: &Value) -> String {
    let mut rows = Vec::new();
    for runtime in list(release, "/runtimes") {
        for variant in list(runtime, "/variants") {
            let file = match text(variant, "/error").as_str() {
                "-" => text(variant, "/asset"),
                error => format!("not built: {error}"),
            };
            rows.push(vec![text(runtime, "/name"), text(variant, "/name"), words(variant, "/features"), file]);
        }
    }
    match rows.is_empty() {
        true => String::new(),
        false => {
            let table = markdown(&["Runtime", "Variant", "Features", "File"], &rows);
            format!("\n## Variants, which do not go on chain\n\n{table}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release() -> Value {
        json!({
            "commit": "abc", "dirty": false, "last": {"tag": "v1.0.0"}, "commit_count": 2,
            "commits": [{"hash": "0123456789", "subject": "Fix [x](http://evil) <b>"}],
            "runtimes": [{
                "name": "solo", "asset": "solo_runtime-v2.wasm", "size": 250, "size_decompressed": 1000,
                "spec_name": "solo", "spec_version": 2, "impl_name": "solo-node", "impl_version": 0,
                "transaction_version": 1, "authoring_version": 1, "metadata_versions": [14, 15],
                "digest_asset": "solo-srtool-digest.json", "engine": "podman", "image": "r/b@sha256:aa",
                "bundle": {"asset": "solo-upgrade-v2.tar", "from_spec_version": 1, "verdict": "pass"},
                "variants": [{"name": "fast-runtime", "features": ["fast-runtime"], "error": "no such feature"}],
            }],
        })
    }

    #[test]
    fn the_notes_say_what_a_voter_and_a_builder_need() {
        let text = notes(&release(), "### Added\n\n- a");
        for wanted in [
            "- a\n",
            "2 commits since v1.0.0",
            "| Size | 250 bytes, compressed to 25 % of 1,000 bytes |",
            "| Core version | solo-2 (solo-node-0.tx1.au1) |",
            "| Metadata versions | V14, V15 |",
            "cargo xtask verify build --digest solo-srtool-digest.json --engine podman --image r/b@sha256:aa",
            "from 1: passed; the evidence is in solo-upgrade-v2.tar",
            "| solo | fast-runtime | fast-runtime | not built: no such feature |",
        ] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
    }

    #[test]
    fn the_subject_of_a_commit_is_escaped() {
        let text = notes(&release(), "");
        assert!(text.contains("Fix \\[x\\](http://evil) \\<b\\>"), "{text}");
    }
}
