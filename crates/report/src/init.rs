// SPDX-License-Identifier: Apache-2.0
//! Renders the changes that `init` would make or has made in a workspace.

use crate::steps::counted;
use protocol::workspace::InitReport;

/// Renders every file as a unified diff, followed by the notes.
pub fn changes(report: &InitReport) -> String {
    let files = report.files.iter().map(|file| format!("{}\n", file.diff));
    let notes = report.notes.iter().map(|note| format!("note: {note}\n"));
    files.chain(notes).collect()
}

/// Renders the outcome. `seen` says that the changes were shown before.
pub fn done(report: &InitReport, seen: bool) -> String {
    let mut all = if seen { String::new() } else { changes(report) };
    let files = counted(report.files.len(), "file");
    all.push_str(&match report.applied {
        true => format!("{files} written; the first run of the command updates Cargo.lock\n"),
        false => format!("nothing was changed; --yes writes {files}\n"),
    });
    all
}
