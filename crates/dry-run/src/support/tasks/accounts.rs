// SPDX-License-Identifier: Apache-2.0
//! Tasks about the accounts of chains on other chains.

use super::{
    Job, Wait, balance,
    condition::{Condition, Test},
    lacks,
};
use crate::{
    dispatch::stage::Member,
    support::{
        case::Case,
        checks::NO_STATE,
        facts::sovereign,
        plans::{Plan, calls},
        reader::{Reader, number},
    },
    types::Accounts,
};
use codec::{Compact, Encode};
use network::{ParaId, Relay, onboard::MANAGER};
use proposal::{
    decode, verified,
    xcm::{self, Destination},
};
use protocol::support::SovereignOf;
use worker::{Failure, Result};

/// What the account that submits calls has on the fork, so that it can pay for them.
const FUNDS: u128 = 1 << 62;

/// Encodes the call that sets a free balance. Pallets of assets may have one of this name too.
fn set_balance(member: &Member, account: &[u8], amount: u128) -> Option<Vec<u8>> {
    let name = "force_set_balance";
    let indices = member.runtime.layout.pallet_with(&["TotalIssuance", "Account"], Some(name))?.call(name)?;
    // `MultiAddress::Id`
    let call = [&indices[..], &[0], account, &Compact(amount).encode()].concat();
    decode::call(member.target.types(), &call).is_ok().then_some(call)
}

/// Returns the account of the relay chain on a parachain.
fn parent() -> Vec<u8> {
    [&b"Parent"[..], &[0; 26]].concat()
}

pub fn top_up(case: &Case<'_>, amount: &str, account: SovereignOf) -> Result<Job> {
    let amount = balance(amount, "the amount")?;
    let (account, told, on_parachain) = match account {
        SovereignOf::Child => {
            (sovereign(b"para", case.para), "the account of the parachain on the relay chain".to_owned(), false)
        }
        SovereignOf::Sibling(id) => (
            sovereign(b"sibl", ParaId::from(id)),
            format!("the account of parachain {id} on parachain {}", u32::from(case.para)),
            true,
        ),
        SovereignOf::Parent => {
            (parent(), format!("the account of the relay chain on parachain {}", u32::from(case.para)), true)
        }
    };
    let free = match on_parachain {
        false => free_of(&Reader::of(case.network.relay.chain(), &case.relay)?, &account)?,
        true => {
            let member = case.parachain.as_ref().ok_or_else(|| {
                Failure::usage("the account is on the parachain").found(NO_STATE).expected("--state, or --as relay")
            })?;
            free_of(&Reader::of(case.network.parachain(case.para)?.chain(), member)?, &account)?
        }
    };
    let mut hazards = Vec::new();
    if let Some(free) = free.filter(|free| *free > amount) {
        hazards.push(format!("the account has {free} already: the call takes from it"));
    }
    let call = match on_parachain {
        false => set_balance(&case.relay, &account, amount),
        true => sent(case, &account, amount)?,
    };
    let mut costs = vec![
        "the total issuance changes with the balance".to_owned(),
        "an amount below the existential deposit removes the account".to_owned(),
    ];
    if on_parachain {
        costs.push("the parachain must accept the relay chain's root as its own".into());
    }
    let plan = Plan::by_root("top-up", format!("the root sets {told} to {amount}"), costs, calls(call));
    let plan = plan.ok_or_else(|| {
        lacks(
            case,
            match on_parachain {
                false => "Balances.force_set_balance",
                true => "XcmPallet.send, and Balances.force_set_balance of the parachain",
            },
        )
    })?;
    let condition = Condition::new(
        format!("{told} has at least {amount} free"),
        Test::Balance { on_parachain, account, least: amount },
    );
    let wait = if on_parachain { Wait::Candidates } else { Wait::Nothing };
    Ok(Job { hazards, ..Job::new(plan, vec![condition], wait) })
}

/// Returns the message of the relay chain's root that sets a balance on the parachain; nothing where one of the chains
/// has no such call.
fn sent(case: &Case<'_>, account: &[u8], amount: u128) -> Result<Option<Vec<u8>>> {
    let Some(member) = &case.parachain else { return Ok(None) };
    let relay = &case.relay.target;
    let (Some(call), Some(pallet)) = (set_balance(member, account, amount), xcm::pallet(relay)) else {
        return Ok(None);
    };
    let version = xcm::version(relay, &member.target)?;
    let send = xcm::send(pallet, version, Destination::Child(case.para.into()), &call);
    Ok(Some(verified::encode(relay, send)?.bytes))
}

/// Returns the free balance of an account; nothing if it cannot be read.
fn free_of(reader: &Reader<'_>, account: &[u8]) -> Result<Option<u128>> {
    let parts = reader.parts("System", "Account", Some(account))?;
    Ok(parts.ok().and_then(|parts| number(&parts, "data.free")))
}

/// Gives the account that submits calls funds.
pub fn fund(case: &Case<'_>, relay: &mut Relay<'_>) -> Result<()> {
    let unknown = || Failure::not_judged("the accounts of the relay chain have a form that is not known here");
    let interface = case.relay.interface()?;
    let accounts = Accounts::of(&interface).ok_or_else(unknown)?;
    let key = accounts.key(&MANAGER);
    let entry = relay.chain().storage(&key)?;
    let funded = accounts.with_free(entry.as_deref(), FUNDS).ok_or_else(unknown)?;
    relay.set(vec![(key, Some(funded))])
}

/// Returns what the account that submits calls has spent, in words.
pub fn burned(case: &Case<'_>, relay: &Relay<'_>) -> Result<Option<String>> {
    let free = free_of(&Reader::of(relay.chain(), &case.relay)?, &MANAGER)?;
    let spent = free.and_then(|free| FUNDS.checked_sub(free)).filter(|spent| *spent > 0);
    Ok(spent.map(|spent| format!("the account that submits it pays {spent} in the smallest unit, besides the fee")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_accounts_differ() {
        let [child, sibling] = [b"para", b"sibl"].map(|prefix| sovereign(prefix, ParaId::from(2_000)));
        assert_eq!((&child[..8], child.len()), (&b"para\xd0\x07\0\0"[..], 32));
        assert_eq!((&sibling[..8], sibling.len()), (&b"sibl\xd0\x07\0\0"[..], 32));
        assert_eq!((&parent()[..7], parent().len()), (&b"Parent\0"[..], 32));
    }
}
