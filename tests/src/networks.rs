// SPDX-License-Identifier: Apache-2.0
//! Workspaces whose configuration names nodes.

use tempfile::TempDir;

/// Returns a workspace with nothing in it but one network. `nodes` is its list as TOML.
pub fn workspace_with_network(name: &str, nodes: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    std::fs::create_dir(directory.path().join("src")).expect("made");
    write("src/lib.rs", "");
    write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"nothing\"\nversion = \"0.0.0\"\n");
    write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
             [workspace.metadata.cutover.networks]\n\"{name}\" = {{nodes = {nodes}}}\n"
        ),
    );
    directory
}
