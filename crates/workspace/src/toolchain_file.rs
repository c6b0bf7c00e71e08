// SPDX-License-Identifier: Apache-2.0
//! Reads the file in which a workspace names its Rust toolchain.

use serde::Deserialize;
use std::path::{Path, PathBuf};

const LIMIT: u64 = 64 * 1024;
/// The names of the file, in the order in which rustup looks for them.
const NAMES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];

/// The toolchain that a workspace names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedToolchain {
    /// The path of the file that names it.
    pub file: PathBuf,
    /// The channel, for example `1.90`, `stable` or `nightly-2025-03-10`.
    pub channel: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolchainFile {
    toolchain: Toolchain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Toolchain {
    channel: Option<String>,
}

/// Returns the toolchain that the nearest file names, in the directory or above it, as rustup does.
/// `None` if there is no file, or if it names no channel.
pub fn find(directory: &Path) -> Option<NamedToolchain> {
    let mut files = directory.ancestors().flat_map(|parent| NAMES.map(|name| parent.join(name)));
    let file = files.find(|file| file.is_file())?;
    let text = String::from_utf8(files::read_bounded(&file, LIMIT).ok()?).ok()?;
    Some(NamedToolchain { channel: channel(&text)?, file })
}

/// Returns the channel in a file with a table, or in the older file with only one line.
fn channel(text: &str) -> Option<String> {
    match toml_edit::de::from_str::<ToolchainFile>(text) {
        Ok(file) => file.toolchain.channel,
        Err(_) => {
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.next().filter(|line| lines.next().is_none() && !line.contains(['=', '[', ' '])).map(str::to_owned)
        }
    }
}

impl NamedToolchain {
    /// Returns whether rustup can install it: it is a channel or a version of Rust.
    pub fn is_released(&self) -> bool {
        is_released(&self.channel)
    }
}

/// Returns whether a toolchain's name is a channel or a version of Rust, and not a custom name.
pub fn is_released(name: &str) -> bool {
    let channel = name.split('-').next().unwrap_or_default();
    ["stable", "beta", "nightly"].contains(&channel)
        || (channel.contains('.') && channel.split('.').all(|part| part.parse::<u32>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_file_are_read() {
        assert_eq!(channel("[toolchain]\n# x\nchannel = \"1.95.0\"\n").as_deref(), Some("1.95.0"));
        assert_eq!(channel("[toolchain]\nchannel = \"1.90\"\n").as_deref(), Some("1.90"));
        assert_eq!(channel("\nnightly-2025-03-10\n").as_deref(), Some("nightly-2025-03-10"));
        assert_eq!(channel("1.93.0\n").as_deref(), Some("1.93.0"));
        for text in ["", "[toolchain]\npath = \"/rust\"\n", "[toolchain", "one\ntwo\n"] {
            assert_eq!(channel(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_nearest_file_counts_and_the_older_name_first() {
        let directory = tempfile::tempdir().expect("a directory");
        let inner = directory.path().join("repository/workspace");
        std::fs::create_dir_all(&inner).expect("made");
        let outer = directory.path().join("repository/rust-toolchain.toml");
        std::fs::write(&outer, "[toolchain]\nchannel = \"1.88.0\"\n").expect("written");
        assert_eq!(find(&inner), Some(NamedToolchain { file: outer, channel: "1.88.0".into() }));
        std::fs::write(inner.join("rust-toolchain.toml"), "[toolchain]\nchannel = \"stable\"\n").expect("written");
        std::fs::write(inner.join("rust-toolchain"), "1.90\n").expect("written");
        assert_eq!(find(&inner).map(|found| found.channel).as_deref(), Some("1.90"));
    }

    #[test]
    fn only_channels_of_rust_can_be_installed() {
        for name in ["1.90", "1.90.0", "stable", "nightly-2025-03-10", "stable-x86_64-unknown-linux-gnu"] {
            assert!(is_released(name), "{name}");
        }
        for name in ["cutover-wasm", "own", "1", ""] {
            assert!(!is_released(name), "{name}");
        }
    }
}
