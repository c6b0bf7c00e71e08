// SPDX-License-Identifier: Apache-2.0
//! Workspaces that contain only a configuration.

use tempfile::TempDir;

/// Returns a workspace that contains only one network. `nodes` is its list as TOML.
pub fn workspace_with_network(name: &str, nodes: &str) -> TempDir {
    workspace_with(&format!("[workspace.metadata.cutover.networks]\n\"{name}\" = {{nodes = {nodes}}}\n"))
}

/// Returns a workspace that contains only this configuration.
pub fn workspace_with(configuration: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    std::fs::create_dir(directory.path().join("src")).expect("made");
    write("src/lib.rs", "");
    write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"nothing\"\nversion = \"0.0.0\"\n");
    let package = "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n";
    write("Cargo.toml", &format!("{package}{configuration}"));
    directory
}
