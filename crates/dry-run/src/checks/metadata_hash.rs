// SPDX-License-Identifier: Apache-2.0
//! Will offline wallets be understood?
//!
//! They sign the hash of the metadata (RFC-78), which a blob has only if it was compiled with it. Both codes are shown a
//! transaction that signs it, on the chain's own state; see [`artifact::metadata_hash`].

use crate::input::Runtime;
use artifact::metadata_hash::{Effect, MetadataHashStatus, Probe, VALIDATE};
use fork::{Chain, Executor};
use protocol::Check;

const NAME: &str = "metadata-hash";

pub fn metadata_hash(from: &Runtime, to: &Runtime, chain: &Chain, executor: &Executor) -> Check {
    judged(&held(from, chain, executor), &held(to, chain, executor))
}

fn held(runtime: &Runtime, chain: &Chain, executor: &Executor) -> MetadataHashStatus {
    let Some(metadata) = &runtime.layout.metadata else {
        return MetadataHashStatus::Unknown("it gives no metadata".into());
    };
    match Probe::of(metadata, &runtime.layout.pallets) {
        Ok(Some(probe)) => probe.run(|arguments| chain.call(executor, &runtime.code, VALIDATE, arguments)),
        Ok(None) => MetadataHashStatus::NoExtension,
        Err(why) => MetadataHashStatus::Unknown(why),
    }
}

fn judged(from: &MetadataHashStatus, to: &MetadataHashStatus) -> Check {
    match from.effect_of(to) {
        Effect::None(told) => Check::pass(NAME, told),
        Effect::Lost(told) => Check::fail(NAME, told),
        Effect::Hazard(told) => Check::warn(NAME, told),
        Effect::Unknown(why) => Check::not_judged(NAME, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn a_hash_that_is_lost_fails_and_one_that_is_kept_or_never_was_passes() {
        let present = MetadataHashStatus::Present(None);
        assert_eq!(judged(&present, &MetadataHashStatus::Missing).status, Status::Fail);
        assert_eq!(judged(&present, &present).status, Status::Pass);
        assert_eq!(judged(&MetadataHashStatus::Missing, &MetadataHashStatus::Missing).status, Status::Pass);
        assert_eq!(judged(&MetadataHashStatus::NoExtension, &MetadataHashStatus::Missing).status, Status::Warn);
        assert_eq!(judged(&present, &MetadataHashStatus::Unknown("it traps".into())).status, Status::NotJudged);
    }
}
