// SPDX-License-Identifier: Apache-2.0
use crate::runtime::Runtime;
use artifact::metadata_hash::Effect;
use protocol::Check;

/// Offline wallets sign the hash of the metadata (RFC-78). A blob that was compiled without it refuses them all.
pub(super) fn metadata_hash(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "metadata-hash";
    match old.metadata_hash.effect_of(&new.metadata_hash) {
        Effect::None(told) => Check::pass(NAME, told),
        Effect::Lost(told) => Check::fail(NAME, told),
        Effect::Hazard(told) => Check::warn(NAME, told),
        Effect::Unknown(why) => Check::warn(NAME, format!("not judged: {why}")),
    }
}
