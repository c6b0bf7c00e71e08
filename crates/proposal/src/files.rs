// SPDX-License-Identifier: Apache-2.0
//! Writes the calls to files, which wallets upload and the manifest lists.

use files::write_whole;
use protocol::proposal::{Apply, Call};
use std::path::Path;
use worker::{Failure, Result};

const FOLDER: &str = "calls";

/// Writes each call as hex and as bytes, to `calls/01-sudo.hex` and `.scale`, the apply steps
/// last, and records the names in the calls.
///
/// The files of an earlier proposal in the same directory are removed, so that nobody signs the
/// calls of two routes.
pub fn write<'apply>(
    calls: &mut [Call],
    applies: impl IntoIterator<Item = &'apply mut Apply>,
    directory: &Path,
) -> Result<()> {
    let folder = directory.join(FOLDER);
    let mut written = Vec::new();
    let mut write_call = |position: usize, name: &str, bytes: &[u8]| -> Result<Vec<String>> {
        let stem = format!("{:02}-{name}", position + 1);
        let mut text = hex::encode_prefixed(bytes);
        text.push('\n');
        let mut names = Vec::new();
        for (extension, content) in [("hex", text.as_bytes()), ("scale", bytes)] {
            let file = format!("{stem}.{extension}");
            write_whole(&folder.join(&file), content)?;
            names.push(format!("{FOLDER}/{file}"));
            written.push(file);
        }
        Ok(names)
    };
    let count = calls.len();
    for (position, call) in calls.iter_mut().enumerate() {
        call.files = write_call(position, &call.name, &call.encoded)?;
    }
    for (position, apply) in applies.into_iter().enumerate() {
        apply.files = write_call(count + position, &apply.name, &apply.encoded)?;
    }
    remove_others(&folder, &written)
}

/// Removes the files of the calls of an earlier run from a directory, except for these.
pub fn remove_others(folder: &Path, keep: &[String]) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::io("list", folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("list", folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_call_file(&name) && !keep.contains(&name) {
            std::fs::remove_file(entry.path()).map_err(|error| Failure::io("remove", &entry.path(), &error))?;
        }
    }
    Ok(())
}

/// Returns whether [`write`] writes files with such a name: two digits or three, a dash, a name and one of
/// two extensions.
fn is_call_file(name: &str) -> bool {
    let number = name.split_once('-').map_or("", |(number, _)| number);
    let numbered = (2..=3).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit());
    numbered && (name.ends_with(".hex") || name.ends_with(".scale"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chains, Options, tests::chain};

    #[test]
    fn calls_are_written_in_both_formats_and_old_ones_removed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let target = chain::solo();
        let code = vec![1; 3000];
        let mut proposal = crate::upgrade(
            Chains { target: &target, relay: None, para_id: None },
            &chain::release(&code),
            &Options::default(),
        )
        .expect("a proposal");
        let folder = directory.path().join("calls");
        write_whole(&folder.join("07-old.hex"), b"0x").expect("written");
        write_whole(&folder.join("notes.txt"), b"mine").expect("written");
        let (calls, apply) = (&mut proposal.calls, proposal.apply.as_mut());
        write(calls, apply, directory.path()).expect("written");

        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let expected = [
            "01-sudo.hex",
            "01-sudo.scale",
            "02-apply_authorized_upgrade.hex",
            "02-apply_authorized_upgrade.scale",
            "notes.txt",
        ];
        assert_eq!(names, expected);
        let text = std::fs::read_to_string(folder.join("01-sudo.hex")).expect("read");
        assert_eq!(text.trim_end(), proposal.calls[0].bytes);
        let written = std::fs::read(folder.join("02-apply_authorized_upgrade.scale")).expect("read");
        let apply = proposal.apply.expect("an apply step");
        assert_eq!(hex::encode_prefixed(crate::blake2_256(&written)), apply.hash);
        assert_eq!(written.len(), apply.length);
        assert_eq!(apply.files[1], "calls/02-apply_authorized_upgrade.scale");
    }
}
