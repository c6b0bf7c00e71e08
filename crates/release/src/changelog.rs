// SPDX-License-Identifier: Apache-2.0
//! Finds the section of a changelog about one release.

use std::path::{Path, PathBuf};
use worker::{Failure, Result};

const LIMIT: u64 = 16 << 20;
/// The maximum length of a section. GitHub accepts notes of 125,000 characters.
const MAX_SECTION: usize = 60_000;
const USUAL_NAMES: [&str; 2] = ["CHANGELOG.md", "CHANGELOG"];

/// A section of the changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub heading: String,
    pub text: String,
}

/// Returns the configured changelog, which must exist, or one with a usual name.
pub fn file(root: &Path, configured: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(name) = configured {
        let path = root.join(name);
        return match path.is_file() {
            true => Ok(Some(path)),
            false => Err(Failure::input(format!("there is no changelog {}", path.display()))
                .hint("see `changelog` of [workspace.metadata.cutover.release]")),
        };
    }
    Ok(USUAL_NAMES.iter().map(|name| root.join(name)).find(|path| path.is_file()))
}

/// Returns the section whose heading contains one of these words: the tag, the dotted version, the
/// spec_version.
pub fn section(path: &Path, words: &[&str]) -> Result<Option<Section>> {
    let text = files::read_bounded(path, LIMIT)?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::input(format!("{} is not UTF-8", path.display())).expected("Markdown"))?;
    Ok(find(&text, words))
}

/// Finds the first section whose heading contains one of the words.
fn find(text: &str, words: &[&str]) -> Option<Section> {
    let mut lines = text.lines();
    let (heading, level) = lines.by_ref().find_map(|line| {
        let level = level(line)?;
        let title = line[level..].trim();
        // The version is one word of the heading: `## [1.3.4] - 2026-11-22`, `# v1.3.4 (spec
        // 1003004)`.
        let separators = |c: char| c.is_whitespace() || "[](),:".contains(c);
        title.split(separators).any(|word| words.contains(&word)).then(|| (title.to_owned(), level))
    })?;
    let mut section = String::new();
    for line in lines {
        if self::level(line).is_some_and(|next| next <= level) {
            break;
        }
        if section.len() + line.len() > MAX_SECTION {
            section.push_str("…\n");
            break;
        }
        section.push_str(line);
        section.push('\n');
    }
    Some(Section { heading, text: section.trim().to_owned() })
}

/// Returns the level of a Markdown heading. `None` if the line is not a heading.
fn level(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    ((1..=6).contains(&level) && line[level..].starts_with(' ')).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Changelog\n\n## Unreleased\n\n- soon\n\n## [1.3.4] - 2026-11-22\n\n### Added\n\n- a\n- b\n\n\
        ## [1.3.3]\n\n- old\n";

    #[test]
    fn the_section_of_a_version_ends_at_the_next_heading_of_its_level() {
        let found = find(TEXT, &["v1.3.4", "1.3.4"]).expect("a section");
        assert_eq!(found.heading, "[1.3.4] - 2026-11-22");
        assert_eq!(found.text, "### Added\n\n- a\n- b");
        assert_eq!(find(TEXT, &["1.3.3"]).expect("a section").text, "- old");
    }

    #[test]
    fn a_version_is_a_word_and_not_a_part_of_one() {
        for word in ["1.3", "3.4", "1.3.44", "old", "soon"] {
            assert_eq!(find(TEXT, &[word]), None, "{word}");
        }
    }

    #[test]
    fn a_section_without_end_is_cut() {
        let text = format!("## 1.0.0\n{}", "- x\n".repeat(MAX_SECTION));
        let found = find(&text, &["1.0.0"]).expect("a section");
        assert!(found.text.len() <= MAX_SECTION + 4 && found.text.ends_with('…'));
    }

    #[test]
    fn a_configured_file_must_exist() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(file(directory.path(), None).expect("none"), None);
        assert_eq!(file(directory.path(), Some(Path::new("NEWS"))).expect_err("named").kind, worker::Kind::Input);
        std::fs::write(directory.path().join("CHANGELOG"), "").expect("written");
        assert!(file(directory.path(), None).expect("found").is_some());
    }
}
