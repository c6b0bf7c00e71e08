// SPDX-License-Identifier: Apache-2.0
//! Builds the runtime's Wasm, with the hash of its metadata in it where the feature asks for that.

#[cfg(all(feature = "std", feature = "metadata-hash"))]
fn main() {
    // The token and its decimals are part of what is hashed: they must be what wallets show.
    substrate_wasm_builder::WasmBuilder::init_with_defaults().enable_metadata_hash("CUT", 12).build();
}

#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
fn main() {
    substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

#[cfg(not(feature = "std"))]
fn main() {}
