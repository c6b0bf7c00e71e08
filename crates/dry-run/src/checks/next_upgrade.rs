// SPDX-License-Identifier: Apache-2.0
//! Will the chain take the upgrade after this one?
//!
//! It is rehearsed as this one was, with the chain's present code as what comes next: the way there is what counts, and no
//! block of it is built. A parachain that its relay chain governs also has to hear its relay chain's root.

use crate::{
    enactment::{self, Obstacle, Versions},
    input::Runtime,
    relay_root,
    result::Check,
};
use codec::Encode;
use fork::{Author, Chain};
use worker::Result;

const NAME: &str = "next-upgrade";

/// `by_the_chain`: whether the chain's present code put the new one in place by its own rules.
pub fn next_upgrade(
    from: &Runtime,
    to: &Runtime,
    before: &Chain,
    migrated: &Chain,
    by_the_chain: bool,
    author: &mut Author<'_>,
) -> Result<Check> {
    // What the present code cannot do either is no fault of the upgrade.
    let mut ways = Vec::new();
    if by_the_chain {
        match enactment::apply(migrated, author, &from.code, Versions::Unchecked)? {
            Ok(_) => ways.push("the chain applies an authorized upgrade"),
            Err(Obstacle::NotJudged(failure)) => return Ok(Check::not_judged(NAME, failure.to_string())),
            Err(obstacle) => {
                let detail = "the chain could apply an authorized upgrade, and cannot under the new code";
                return Ok(Check::fail(NAME, detail).with(vec![obstacle.failure().to_string()]));
            }
        }
    }
    if to.layout.parachain_system().is_some() && authorizes(from, before, author)? == Some(true) {
        match authorizes(to, migrated, author)? {
            Some(true) => ways.push("the relay chain's root can authorize one"),
            Some(false) => {
                let detail = "the relay chain's root could authorize an upgrade, and cannot under the new code";
                return Ok(Check::fail(NAME, detail).with(vec![
                    "sent: UnpaidExecution, Transact of system.authorize_upgrade as Superuser, in XCM 5, 4 and 3"
                        .into(),
                    "see the barrier, the origin converter and the queue of messages".into(),
                ]));
            }
            None => return Ok(Check::fail(NAME, "the new code has no system.authorize_upgrade")),
        }
    }
    Ok(match ways.is_empty() {
        true => {
            Check::skip(NAME, "the chain's present code takes no upgrade by system.apply_authorized_upgrade either")
        }
        false => Check::pass(NAME, format!("under the new code too, {}", ways.join(", and "))),
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
