// SPDX-License-Identifier: Apache-2.0
//! Renders the documents of the release commands: the plan, the prepared release and the published
//! release.

#![cfg_attr(not(test), expect(clippy::disallowed_methods, reason = "the record of a release has no type yet"))]

use crate::{
    field::{list, outcome, size, text},
    table::aligned,
};
use serde_json::Value;

/// Renders the document of `release plan`.
pub fn plan(document: &Value) -> String {
    let of = |pointer: &str| text(document, pointer);
    let last = match of("/last/tag").as_str() {
        "-" => "none: this is the first".to_owned(),
        tag => format!("{tag}, spec_version {}", of("/last/spec_version")),
    };
    let changes = match of("/section").as_str() {
        "-" => "no section".to_owned(),
        heading => format!("{}, {heading:?}", of("/changelog")),
    };
    let commit = if of("/dirty") == "yes" { format!("{} with changes", of("/commit")) } else { of("/commit") };
    let mut all = rows(&[
        ("release", format!("{}, {:?}", of("/tag"), of("/title"))),
        ("last release", last),
        ("commit", commit),
        (if of("/last/tag") == "-" { "commits" } else { "commits since" }, of("/commit_count")),
        ("changelog", changes),
    ]);
    let mut table =
        vec![["", "RUNTIME", "GROUP", "SPEC_VERSION", "COMMITS", "FILES", "WHY"].map(str::to_owned).to_vec()];
    for runtime in list(document, "/runtimes") {
        let mark = if text(runtime, "/released") == "yes" { "release" } else { "leave" };
        let fields = ["/name", "/group", "/spec_version", "/commits", "/files_changed", "/reason"];
        table.push(std::iter::once(mark.to_owned()).chain(fields.map(|field| text(runtime, field))).collect());
    }
    all.push('\n');
    all.push_str(&aligned(&table));
    let released = list(document, "/runtimes").iter().filter(|runtime| text(runtime, "/released") == "yes");
    let mut files = Vec::new();
    for runtime in released {
        files.push(vec![text(runtime, "/asset"), "goes on chain".into()]);
        for (name, variant) in runtime.get("variants").and_then(Value::as_object).into_iter().flatten() {
            let features: Vec<_> = list(variant, "/features").iter().filter_map(Value::as_str).collect();
            let required = if text(variant, "/required") == "yes" { "required" } else { "optional" };
            files.push(vec![text(variant, "/asset"), format!("{name}, {required}: {}", features.join(", "))]);
        }
    }
    if !files.is_empty() {
        all.push('\n');
        all.push_str(&aligned(&files));
    }
    all.push_str(&notes(document, "/warnings", "warning"));
    all.push_str(&notes(document, "/problems", "problem"));
    all.push_str(&format!("\nverdict: {}\n", outcome(document, "/verdict")));
    all
}

fn rows(rows: &[(&str, String)]) -> String {
    aligned(&rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect::<Vec<_>>())
}

fn notes(document: &Value, pointer: &str, label: &str) -> String {
    let texts = list(document, pointer).iter().filter_map(Value::as_str);
    let text: String = texts.map(|note| format!("{label}: {note}\n")).collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// Renders the document of `release prepare`.
pub fn prepared(document: &Value) -> String {
    let of = |pointer: &str| text(document, pointer);
    let mut all = rows(&[
        ("release", of("/tag")),
        ("directory", of("/directory")),
        ("files", if of("/unchanged") == "yes" { "nothing changed".into() } else { "written".to_owned() }),
    ]);
    let bundles = list(document, "/runtimes").iter().filter_map(|runtime| {
        let mut bundle = runtime.get("bundle").filter(|bundle| bundle.is_object())?.clone();
        bundle["name"] = runtime.get("name")?.clone();
        Some(bundle)
    });
    let bundles: Vec<_> = bundles.collect();
    all.push_str(&signatures(&bundles));
    if bundles.iter().any(|bundle| text(bundle, "/signed_off") == "no" && text(bundle, "/needed") != "-") {
        all.push_str(&format!("not signed off yet: cargo xtask release sign {} --with KEY\n", of("/directory")));
    }
    let mut table = Vec::new();
    for asset in list(document, "/assets") {
        table.push(vec![text(asset, "/name"), size(asset, "/size"), text(asset, "/sha256")]);
    }
    all.push('\n');
    all.push_str(&aligned(&table));
    all.push_str(&notes(document, "/warnings", "warning"));
    all.push_str(&notes(document, "/problems", "problem"));
    all.push_str(&format!("\nverdict: {}\n", outcome(document, "/verdict")));
    all
}

/// Renders the document of `release sign`.
pub fn signed(document: &Value) -> String {
    let mut all = rows(&[("release", text(document, "/tag")), ("directory", text(document, "/directory"))]);
    all.push_str(&signatures(list(document, "/bundles")));
    if text(document, "/signed_off") == "yes" {
        all.push_str("\nsigned off: it can be published\n");
    }
    all
}

/// Renders the signers, one line for each runtime.
fn signatures(bundles: &[Value]) -> String {
    let rows = bundles.iter().map(|one| vec!["signatures".to_owned(), text(one, "/name"), text(one, "/signatures")]);
    aligned(&rows.collect::<Vec<_>>())
}

/// Renders what `release prepare --dry-run` would do.
pub fn intended(document: &Value) -> String {
    let mut all = plan(document);
    if list(document, "/files").is_empty() {
        return all + "\nnothing was done, and nothing would be done\n";
    }
    all.push_str(&format!("\nnothing was done; these would be the files of {}\n", text(document, "/directory")));
    for name in list(document, "/files").iter().filter_map(Value::as_str) {
        all.push_str(&format!("  {name}\n"));
    }
    all
}

/// Renders the document of `release publish`.
pub fn published(document: &Value) -> String {
    let of = |pointer: &str| text(document, pointer);
    let mut all = rows(&[("release", of("/tag")), ("state", of("/state")), ("address", of("/url"))]);
    all.push_str(&signatures(list(document, "/signatures")));
    let table: Vec<_> = list(document, "/assets")
        .iter()
        .map(|asset| vec![text(asset, "/action"), text(asset, "/name"), size(asset, "/size")])
        .collect();
    all.push('\n');
    all.push_str(&aligned(&table));
    for command in list(document, "/commands").iter().filter_map(Value::as_str) {
        all.push_str(&format!("$ {command}\n"));
    }
    all
}
