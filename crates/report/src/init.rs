// SPDX-License-Identifier: Apache-2.0
//! What `init` would change in a workspace, and what it changed.

use crate::field::{list, text};
use serde_json::Value;

/// Every file as a unified diff, and what a person should know.
pub fn changes(document: &Value) -> String {
    let mut all = String::new();
    for file in list(document, "/files") {
        all.push_str(&text(file, "/diff"));
        all.push('\n');
    }
    for note in list(document, "/notes").iter().filter_map(Value::as_str) {
        all.push_str(&format!("note: {note}\n"));
    }
    all
}

/// `seen`: the changes were shown before.
pub fn done(document: &Value, seen: bool) -> String {
    let mut all = if seen { String::new() } else { changes(document) };
    let count = list(document, "/files").len();
    all.push_str(&match text(document, "/applied").as_str() {
        "yes" => format!(
            "{count} files were written; cargo adds to Cargo.lock what the command needs when it is first run\n"
        ),
        _ => format!("nothing was changed; {count} files are written with --yes\n"),
    });
    all
}
