// SPDX-License-Identifier: Apache-2.0
use super::Rule;
use crate::runtime::Runtime;
use artifact::metadata_hash::Effect;

/// Offline wallets sign the hash of the metadata (RFC-78). A blob that was compiled without it refuses them all.
pub(super) fn metadata_hash(old: &Runtime, new: &Runtime) -> Rule {
    const NAME: &str = "metadata-hash";
    match old.metadata_hash.effect_of(&new.metadata_hash) {
        Effect::None(told) => Rule::pass(NAME, told),
        Effect::Lost(told) => Rule::fail(NAME, told),
        Effect::Hazard(told) => Rule::warn(NAME, told),
        Effect::Unseen(why) => Rule::warn(NAME, format!("not judged: {why}")),
    }
}
