// SPDX-License-Identifier: Apache-2.0
//! Reads the spec_version from a runtime's source, because a plan is made before anything is
//! compiled. `release prepare` checks that the blob states the same version.

use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::{git, runtimes::Runtime};

const FILE_LIMIT: u64 = 8 << 20;
const FILES: usize = 20_000;
const FIELD: &str = "spec_version:";

/// Returns the highest spec_version in the package's source. A runtime may keep declarations of
/// earlier releases.
pub fn stated(runtime: &Runtime) -> Result<u32> {
    let directory = runtime.directory.join("src");
    let mut highest = None;
    let mut count = 0;
    for entry in files::below(&directory) {
        let entry = files::listed(entry)?;
        let is_source = entry.file_type().is_file() && entry.path().extension().is_some_and(|ending| ending == "rs");
        if is_source && count < FILES {
            count += 1;
            let text = files::read_bounded(entry.path(), FILE_LIMIT)?;
            highest = highest.max(version_in(&String::from_utf8_lossy(&text)));
        }
    }
    highest.ok_or_else(|| {
        Failure::input(format!("the source of {} does not state its spec_version", runtime.package))
            .found(format!("no `{FIELD} NUMBER` in {}", directory.display()))
            .expected("the RuntimeVersion with its numbers written out")
    })
}

/// Returns the highest spec_version at a commit. `None` if the package or the version is missing
/// there.
pub fn stated_at(workspace: &Path, commit: &str, runtime: &Runtime) -> Option<u32> {
    let path: PathBuf = runtime.directory.strip_prefix(workspace).ok()?.join("src");
    let path = path.to_str()?;
    let arguments = ["--literal-pathspecs", "grep", "-h", "-I", "-F", "-e", FIELD, commit, "--", path];
    version_in(&git::ask(workspace, &arguments).ok()?)
}

/// Returns the highest spec_version in a text, ignoring lines that are comments.
fn version_in(text: &str) -> Option<u32> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines.filter_map(|line| number(line.split_once(FIELD)?.1)).max()
}

/// Parses a number such as `1_003_004`, ignoring what follows it.
fn number(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    text[..end].replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_rust_source() {
        assert_eq!(version_in("    spec_version: 1_003_004,\n"), Some(1_003_004));
        assert_eq!(version_in("RuntimeVersion { spec_name: x, spec_version: 104, impl_version: 0 }"), Some(104));
        assert_eq!(version_in("// spec_version: 9\nspec_version: 7u32,\n spec_version: 8,"), Some(8));
        for text in ["", "spec_version: VERSION,", "spec_version: 99999999999,", "spec_version"] {
            assert_eq!(version_in(text), None, "{text}");
        }
    }
}
