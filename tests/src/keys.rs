// SPDX-License-Identifier: Apache-2.0
//! Keys of development chains, with which tests sign bundles.

use std::{os::unix::fs::PermissionsExt, path::Path};

const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
/// The sr25519 key of `//Alice` on development chains.
pub const ALICE: &str = "sr25519:5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
/// The sr25519 key of `//Bob` on development chains.
pub const BOB: &str = "sr25519:5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Writes a secret of a development chain into a file that only its owner can read. Returns it in
/// the form of `--with`.
pub fn key(directory: &Path, name: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, format!("{PHRASE}//{name}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("hidden");
    format!("sr25519:{}", path.display())
}
