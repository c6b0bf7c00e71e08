// SPDX-License-Identifier: Apache-2.0
use crate::runtime::Runtime;
use artifact::metadata_hash::Effect;
use protocol::Check;

/// Checks that the blob has the hash of its metadata (RFC-78) if the old one has. Offline wallets sign
/// this hash; a blob compiled without it rejects their transactions.
pub(super) fn metadata_hash(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "metadata-hash";
    match old.metadata_hash.effect_of(&new.metadata_hash) {
        Effect::None(detail) => Check::pass(NAME, detail),
        Effect::Lost(detail) => Check::fail(NAME, detail),
        Effect::Hazard(detail) => Check::warn(NAME, detail),
        Effect::Unseen(why) => Check::warn(NAME, format!("not judged: {why}")),
    }
}
