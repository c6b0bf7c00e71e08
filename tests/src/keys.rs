// SPDX-License-Identifier: Apache-2.0
use std::{os::unix::fs::PermissionsExt, path::Path};

const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
/// The sr25519 keys of //Alice and //Bob, as every development chain has them.
pub const ALICE: &str = "sr25519:5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
pub const BOB: &str = "sr25519:5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// A secret of a development chain in a file that only its owner reads, as `--with` takes it.
pub fn key(directory: &Path, name: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, format!("{PHRASE}//{name}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("hidden");
    format!("sr25519:{}", path.display())
}
