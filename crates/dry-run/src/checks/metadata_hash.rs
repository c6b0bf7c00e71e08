// SPDX-License-Identifier: Apache-2.0
//! Will offline wallets be understood?
//!
//! They sign the hash of the metadata (RFC-78), which a blob has only if it was compiled with it. Both codes are shown a
//! transaction that signs it, on the chain's own state; see [`artifact::metadata_hash`].

use crate::input::Runtime;
use artifact::metadata_hash::{Effect, Held, Probe, VALIDATE};
use fork::{Chain, Executor};
use protocol::Check;

const NAME: &str = "metadata-hash";

pub fn metadata_hash(from: &Runtime, to: &Runtime, chain: &Chain, executor: &Executor) -> Check {
    judged(&held(from, chain, executor), &held(to, chain, executor))
}

fn held(runtime: &Runtime, chain: &Chain, executor: &Executor) -> Held {
    let Some(metadata) = &runtime.layout.metadata else { return Held::Unseen("it gives no metadata".into()) };
    match Probe::of(metadata, &runtime.layout.pallets) {
        Ok(Some(probe)) => probe.judge(|arguments| chain.call(executor, &runtime.code, VALIDATE, arguments)),
        Ok(None) => Held::NoExtension,
        Err(why) => Held::Unseen(why),
    }
}

fn judged(from: &Held, to: &Held) -> Check {
    match from.effect_of(to) {
        Effect::None(told) => Check::pass(NAME, told),
        Effect::Lost(told) => Check::fail(NAME, told),
        Effect::Hazard(told) => Check::warn(NAME, told),
        Effect::Unseen(why) => Check::not_judged(NAME, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn a_hash_that_is_lost_fails_and_one_that_is_kept_or_never_was_passes() {
        let present = Held::Present(None);
        assert_eq!(judged(&present, &Held::Missing).status, Status::Fail);
        assert_eq!(judged(&present, &present).status, Status::Pass);
        assert_eq!(judged(&Held::Missing, &Held::Missing).status, Status::Pass);
        assert_eq!(judged(&Held::NoExtension, &Held::Missing).status, Status::Warn);
        assert_eq!(judged(&present, &Held::Unseen("it traps".into())).status, Status::NotJudged);
    }
}
