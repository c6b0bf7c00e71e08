// SPDX-License-Identifier: Apache-2.0
//! Changes to the small workspace that give it what workspaces of others have.

use crate::{Tiny, copy, repository};
use std::fs;

const RUNTIME: &str = "runtime/Cargo.toml";
const SCRIPT: &str = "runtime/build.rs";
/// The line of the build script that makes the blob.
const BUILD: &str = "    substrate_wasm_builder::WasmBuilder::build_using_defaults();\n";
/// The address of a registry that does not exist. Cargo finds its packages in a directory.
const REGISTRY: &str = "https://registry.invalid/index";

impl Tiny {
    /// Replaces a dependency from the registry by a package of the workspace (`[patch]`).
    pub fn patch_a_dependency(&self) {
        let manifest =
            "[package]\nname = \"byteorder\"\nversion = \"1.5.0\"\nedition = \"2021\"\n\n[features]\nstd = []\n";
        self.write("patches/byteorder/Cargo.toml", manifest);
        let library = "#![no_std]\npub trait ByteOrder {\n    fn read_u32(bytes: &[u8]) -> u32;\n    \
            fn read_u24(bytes: &[u8]) -> u32;\n}\npub enum LittleEndian {}\nimpl ByteOrder for LittleEndian {\n    \
            fn read_u32(bytes: &[u8]) -> u32 {\n        bytes[0] as u32 + 11\n    }\n    \
            fn read_u24(bytes: &[u8]) -> u32 {\n        bytes[1] as u32\n    }\n}\n";
        self.write("patches/byteorder/src/lib.rs", library);
        let patch = "[patch.crates-io]\nbyteorder = { path = \"patches/byteorder\" }\n\n[profile.dev]\n";
        self.edit("Cargo.toml", "[profile.dev]\n", patch);
        self.lock();
    }

    /// Lets the build script run these statements before it makes the blob.
    pub fn before_the_blob(&self, statements: &str) {
        self.edit(SCRIPT, BUILD, &format!("{statements}{BUILD}"));
    }

    /// Copies all dependencies into the workspace (`cargo vendor`).
    pub fn vendor(&self) {
        self.cargo(&["vendor", "--locked", "--quiet", "vendor"]);
        let configuration = "[source.crates-io]\nreplace-with = \"vendored-sources\"\n\n\
            [source.vendored-sources]\ndirectory = \"vendor\"\n";
        self.write(".cargo/config.toml", configuration);
    }

    /// Moves the runtime and its dependency into a registry. A package `chain` depends on the
    /// runtime, or only its tests do.
    pub fn publish(&self, only_tests: bool) {
        let from_registry = |name: &str| format!("{name} = {{ version = \"0.1\", registry-index = \"{REGISTRY}\" }}");
        self.edit(RUNTIME, "tiny-parts = { path = \"../parts\" }", &from_registry("tiny-parts"));
        for (from, name) in [("runtime", "tiny-runtime-0.1.0"), ("parts", "tiny-parts-0.1.0")] {
            let published = format!("published/{name}");
            copy(&self.workspace.join(from), &self.workspace.join(&published));
            fs::remove_dir_all(self.workspace.join(from)).expect("removed");
            self.write(&format!("{published}/.cargo-checksum.json"), "{\"files\":{}}");
        }
        self.edit("Cargo.toml", "members = [\"parts\", \"runtime\"]", "members = [\"chain\"]");
        let table = if only_tests { "dev-dependencies" } else { "dependencies" };
        let manifest = format!(
            "[package]\nname = \"chain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[{table}]\n{}\n",
            from_registry("tiny-runtime")
        );
        self.write("chain/Cargo.toml", &manifest);
        self.write("chain/src/lib.rs", "");
        let configuration = format!(
            "[source.own]\nregistry = \"{REGISTRY}\"\nreplace-with = \"published\"\n\n\
             [source.published]\ndirectory = \"published\"\n"
        );
        self.write(".cargo/config.toml", &configuration);
        self.lock();
    }

    /// Builds the runtime for two chains, which its features choose. The build script names the
    /// blob after the chain.
    pub fn build_for_two_chains(&self) {
        let script = "    let name = match (cfg!(feature = \"mainnet\"), cfg!(feature = \"testnet\")) {\n        \
            (true, false) => \"tiny_mainnet\",\n        (false, true) => \"tiny_testnet\",\n        \
            _ => panic!(\"Either mainnet or testnet must be enabled.\"),\n    };\n    \
            substrate_wasm_builder::WasmBuilder::init_with_defaults().set_file_name(name).build();\n";
        self.edit(SCRIPT, BUILD, script);
        self.edit(RUNTIME, "extra = []", "extra = []\nmainnet = [\"extra\"]\ntestnet = []");
        let chains = "[workspace.metadata.cutover.runtimes.tiny-mainnet]\npackage = \"tiny-runtime\"\n\
            features = [\"mainnet\"]\n\n[workspace.metadata.cutover.runtimes.tiny-testnet]\n\
            package = \"tiny-runtime\"\nfeatures = [\"testnet\"]\nstate = \"wss://testnet.invalid\"\n\n[profile.dev]\n";
        self.edit("Cargo.toml", "[profile.dev]\n", chains);
    }

    /// Gives the runtime's package another name.
    pub fn rename(&self, name: &str) {
        self.edit(RUNTIME, "name = \"tiny-runtime\"", &format!("name = \"{name}\""));
        self.lock();
    }

    /// Writes the toolchain file of this repository into a directory.
    pub fn pin_the_toolchain(&self, directory: &std::path::Path) {
        fs::copy(repository().join("rust-toolchain.toml"), directory.join("rust-toolchain.toml")).expect("copied");
    }
}
