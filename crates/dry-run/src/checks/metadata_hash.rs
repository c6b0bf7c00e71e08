// SPDX-License-Identifier: Apache-2.0
//! Can offline wallets still sign?
//!
//! They sign the hash of the metadata (RFC-78), which a blob has only if it was compiled with it.
//! Both codes validate a transaction that signs it, on the state of the chain; see
//! [`artifact::metadata_hash`].

use crate::{input::Runtime, rehearsal::Rehearsal};

use artifact::metadata_hash::{Effect, MetadataHashStatus, Probe, VALIDATE};
use fork::{Chain, Executor};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, chain, executor, .. } = rehearsal;
    Ok(judged(&held(from, chain, executor), &held(to, chain, executor)))
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

fn judged(from: &MetadataHashStatus, to: &MetadataHashStatus) -> CheckOutcome {
    match from.effect_of(to) {
        Effect::None(told) => CheckOutcome::pass(told),
        Effect::Lost(told) => CheckOutcome::fail(told),
        Effect::Hazard(told) => CheckOutcome::warn(told),
        Effect::Unknown(why) => CheckOutcome::not_judged(why),
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
