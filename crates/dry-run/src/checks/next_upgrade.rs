// SPDX-License-Identifier: Apache-2.0
//! Will the chain take the upgrade after this one?
//!
//! A parachain that its relay chain governs authorizes upgrades on a message of the relay chain's root. Where the old
//! code does so and the new code does not, the chain cannot be upgraded that way any more.

use crate::{input::Runtime, relay_root, result::Check};
use codec::Encode;
use fork::{Author, Chain};
use worker::Result;

const NAME: &str = "next-upgrade";

pub fn next_upgrade(
    from: &Runtime,
    to: &Runtime,
    before: &Chain,
    migrated: &Chain,
    author: &mut Author<'_>,
) -> Result<Check> {
    if to.layout.parachain_system().is_none() {
        return Ok(Check::skip(NAME, "no parachain: its own transactions upgrade it, and the enactment was one"));
    }
    let Some(old) = authorizes(from, before, author)? else {
        return Ok(Check::skip(NAME, "the chain's runtime is older than system.authorize_upgrade"));
    };
    if !old {
        let detail = "the chain's runtime does not authorize upgrades on the word of the relay chain's root either";
        return Ok(Check::skip(NAME, detail));
    }
    Ok(match authorizes(to, migrated, author)? {
        Some(true) => Check::pass(NAME, "the relay chain's root can authorize the next upgrade under the new code too"),
        Some(false) => Check::fail(
            NAME,
            "the relay chain's root could authorize an upgrade, and cannot under the new code",
        )
        .with(vec![
            "sent: UnpaidExecution, Transact of system.authorize_upgrade as Superuser, in XCM 5, 4 and 3".into(),
            "see the barrier, the origin converter and the queue of messages".into(),
        ]),
        None => Check::fail(NAME, "the new code has no system.authorize_upgrade"),
    })
}

/// Nothing where the runtime lacks the call.
fn authorizes(runtime: &Runtime, chain: &Chain, author: &mut Author<'_>) -> Result<Option<bool>> {
    let Some(system) = runtime.layout.pallet("System") else { return Ok(None) };
    let Some(call) = system.call("authorize_upgrade") else { return Ok(None) };
    let key = system.key("AuthorizedUpgrade");
    // Any hash will do: the code comes later.
    let call = (call, [7u8; 32]).encode();
    relay_root::obeyed(chain, author, &runtime.code, &call, |chain| Ok(chain.storage(&key)?.is_some())).map(Some)
}
