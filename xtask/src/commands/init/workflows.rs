// SPDX-License-Identifier: Apache-2.0
//! Finds tools in a repository's workflows that Cutover replaces. The workflows are only read, as
//! text.

use std::path::{Path, PathBuf};
use worker::Result;

const LIMIT: u64 = 1 << 20;
const FILES: usize = 200;

/// The tools found in workflows, each with the command that replaces it.
const TOOLS: [(&str, &str); 6] = [
    ("srtool", "build"),
    ("subwasm", "inspect` and `diff"),
    ("try-runtime", "dry-run"),
    ("benchmark pallet", "weights run"),
    ("subweight", "weights compare"),
    ("gh release", "release"),
];

/// Returns a note for each tool that a workflow uses.
pub fn notes(root: &Path, name: &str) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let command = name.rsplit('/').next().unwrap_or(name);
    for (path, text) in read(root)? {
        for (tool, instead) in TOOLS.iter().filter(|(tool, _)| text.contains(tool)) {
            let file = path.strip_prefix(root).unwrap_or(&path).display();
            notes.push(format!("{file} uses {tool}; replacement: `cargo {command} {instead}`"));
        }
    }
    let matrix = root.join(".github/workflows/runtimes-matrix.json");
    if matrix.is_file() {
        notes.push(
            "runtimes-matrix.json is used: its names, paths, limits and features need no other configuration".into(),
        );
    }
    Ok(notes)
}

/// Returns the features that the workflows pass to srtool. Empty if they differ.
pub fn features(root: &Path) -> Result<Vec<String>> {
    let mut found: Option<Vec<String>> = None;
    for (_, text) in read(root)? {
        for line in text.lines().filter(|line| line.contains("BUILD_OPTS") && !line.trim_start().starts_with('#')) {
            let Some(features) = features_in(line) else { continue };
            match &found {
                None => found = Some(features),
                Some(known) if *known == features => {}
                Some(_) => return Ok(Vec::new()),
            }
        }
    }
    Ok(found.unwrap_or_default())
}

/// Returns the features given in a line, if they are literal.
fn features_in(line: &str) -> Option<Vec<String>> {
    let (_, rest) = line.split_once("--features")?;
    let word = rest.trim_start_matches([' ', '=']).split([' ', '"', '\'']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    let features: Vec<String> = word.split(',').map(str::to_owned).collect();
    // The value of a workflow expression is not known here.
    features.iter().all(|feature| !feature.is_empty() && feature.bytes().all(plain)).then_some(features)
}

/// Reads the workflow files of a repository.
fn read(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let Ok(entries) = std::fs::read_dir(root.join(".github/workflows")) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml"));
    paths.sort();
    let texts = paths.into_iter().take(FILES).map(|path| {
        let text = files::read_bounded(&path, LIMIT)?;
        Ok((path, String::from_utf8_lossy(&text).into_owned()))
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_where_all_workflows_agree() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(".github/workflows").join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        assert_eq!(features(directory.path()).expect("none"), [""; 0]);
        write("a.yml", "  BUILD_OPTS: \"--features on-chain-release-build,fast\"\n  # BUILD_OPTS: --features x\n");
        write("b.yaml", "  BUILD_OPTS: ${{ matrix.opts }}\n  BUILD_OPTS: --features ${{ inputs.x }}\n");
        assert_eq!(features(directory.path()).expect("read"), ["on-chain-release-build", "fast"]);
        write("c.yml", "  BUILD_OPTS: '--features other'\n  run: subwasm info\n");
        assert_eq!(features(directory.path()).expect("read"), [""; 0]);
        let notes = notes(directory.path(), "xtask").expect("read");
        assert_eq!(notes, [".github/workflows/c.yml uses subwasm; replacement: `cargo xtask inspect` and `diff`"]);
    }
}
