// SPDX-License-Identifier: Apache-2.0
//! Transfers of users to another chain, tried by `DryRunApi_dry_run_call` (xcm-runtime-apis), which
//! needs no signature and returns the messages that would be sent.

use super::{
    Place, answer,
    counterpart::{assets, newest},
};
use crate::{
    ask::{Answer, ask},
    input::Runtime,
    types::Interface,
};
use codec::Encode;
use fork::{Chain, Executor, sample};
use scale_info::TypeDef;
use worker::Result;

/// The accounts of which the richest is the sender.
const ACCOUNTS: usize = 256;

const CALLS: [&str; 3] = ["limited_teleport_assets", "limited_reserve_transfer_assets", "transfer_assets"];
/// The origin of the tokens, in levels up: this chain, or the relay chain.
const HOMES: [(u8, &str); 2] = [(0, "its own token"), (1, "its relay chain's token")];

/// The messages to the receiver, or why there are none.
pub type Sent = std::result::Result<Vec<Vec<u8>>, String>;

/// A transfer with the messages that it sends.
pub struct Transfer {
    pub name: String,
    pub messages: Sent,
}

/// Returns the sender and the amount: a tenth of the balance of the richest of the first accounts.
pub fn sender(runtime: &Runtime, chain: &Chain) -> Result<Option<([u8; 32], u128)>> {
    let Some(system) = runtime.layout.pallet("System") else { return Ok(None) };
    let (accounts, _) = sample::entries(chain, &system.key("Account"), ACCOUNTS)?;
    let richest = accounts.iter().filter_map(|(key, info)| {
        // `AccountInfo`: a nonce and three counters of 32 bits, then the free balance.
        let free = u128::from_le_bytes(info.get(16..32)?.try_into().ok()?);
        let account: [u8; 32] = key.get(key.len().checked_sub(32)?..)?.try_into().ok()?;
        Some((account, free / 10))
    });
    Ok(richest.max_by_key(|(_, amount)| *amount).filter(|(_, amount)| *amount > 0))
}

/// Returns every kind of transfer that the runtime has, from that sender to the chain at `to`.
pub fn try_all(
    runtime: &Runtime,
    chain: &Chain,
    from: Place,
    to: Place,
    (account, amount): ([u8; 32], u128),
    executor: &Executor,
) -> Result<Vec<Transfer>> {
    let Some(interface) = runtime.interface() else { return Ok(Vec::new()) };
    if interface.method("DryRunApi", "dry_run_call").is_none() {
        return Ok(Vec::new());
    }
    let Some(receiver) = receiver(&interface, from, to) else { return Ok(Vec::new()) };
    let calls = calls(runtime, &receiver, account, [amount; 2]).into_iter();
    let transfers = calls.map(|(pallet, name, call)| {
        let name = format!("{pallet}.{name}");
        let messages = send(runtime, &interface, chain, account, &call, &receiver, executor)?;
        Ok(Transfer { name, messages })
    });
    transfers.collect()
}

/// Returns every kind of transfer that the runtime has: the pallet, the name of the transfer, and the encoded call.
/// `receiver` is the location of the other chain, whose version all arguments have. The amounts are those of the chain's
/// own token and of its relay chain's.
pub fn calls(
    runtime: &Runtime,
    receiver: &[u8],
    account: [u8; 32],
    amounts: [u128; 2],
) -> Vec<(String, String, Vec<u8>)> {
    let version = receiver[0];
    // `AccountId32 { network: None, id }`, as seen from the receiver.
    let beneficiary = [&[version, 0, 1, 1, 0][..], &account].concat();
    let mut calls = Vec::new();
    for name in CALLS {
        let with_call = runtime.layout.pallets.iter().find_map(|pallet| Some((pallet, pallet.call(name)?)));
        let Some((pallet, index)) = with_call else { continue };
        for ((parents, what), amount) in HOMES.into_iter().zip(amounts) {
            let assets = assets(version, parents, amount);
            // The fee is paid with the first asset, and the weight has no limit.
            let call = [&index[..], receiver, &beneficiary, &assets, &0u32.encode(), &[0]].concat();
            calls.push((pallet.name.clone(), format!("{name} of {what}"), call));
        }
    }
    calls
}

/// Returns the location of another chain, in the newest version that the runtime knows.
pub fn receiver(interface: &Interface<'_>, from: Place, to: Place) -> Option<Vec<u8>> {
    let calls = interface.pallets.iter().flat_map(|pallet| interface.calls(pallet));
    let call = calls.into_iter().find(|call| call.name == CALLS[0])?;
    let version = newest(interface, call.fields.first().map(|field| &field.ty.id))?;
    // Before version 4 an asset is encoded differently.
    (version >= 4).then_some(())?;
    to.seen_from(from, version)
}

fn send(
    runtime: &Runtime,
    interface: &Interface<'_>,
    chain: &Chain,
    account: [u8; 32],
    call: &[u8],
    receiver: &[u8],
    executor: &Executor,
) -> Result<Sent> {
    let Some(method) = interface.method("DryRunApi", "dry_run_call") else {
        return Ok(Err("the runtime has no DryRunApi".into()));
    };
    let Some(origin) = method.inputs.first().and_then(|id| signed(interface, *id, account)) else {
        return Ok(Err("the runtime's origins have no system.Signed".into()));
    };
    // From version 2 of the API on, an argument gives the version of XCM of the answer.
    let answer_in: &[u8] = if method.inputs.len() > 2 { &u32::from(receiver[0]).encode() } else { &[] };
    let arguments = [&origin, call, answer_in].concat();
    Ok(match ask(runtime, chain, executor, "DryRunApi_dry_run_call", &arguments)? {
        Answer::Absent => Err("the runtime has no DryRunApi".into()),
        Answer::Trap(why) => Err(why),
        Answer::Value(value, _) => messages(interface, method.output, &value, receiver),
    })
}

fn messages(interface: &Interface<'_>, output: u32, value: &[u8], receiver: &[u8]) -> Sent {
    let unread = || "an answer that is not of its own type".to_string();
    let (id, effects) = answer::success(interface, output, value)?;
    let (result, executed) = answer::field(interface, id, effects, "execution_result").ok_or_else(unread)?;
    if executed.first() != Some(&0) {
        return Err(compat::value::text(interface.types, result, executed));
    }
    let (id, forwarded) = answer::field(interface, id, effects, "forwarded_xcms").ok_or_else(unread)?;
    answer::forwarded(interface, id, forwarded, receiver).ok_or_else(unread)
}

/// `OriginCaller::system(RawOrigin::Signed(account))`.
fn signed(interface: &Interface<'_>, id: u32, account: [u8; 32]) -> Option<Vec<u8>> {
    let variant = |id: u32, name: &str| match &interface.types.resolve(id)?.type_def {
        TypeDef::Variant(variants) => variants.variants.iter().find(|variant| variant.name == name),
        _ => None,
    };
    let system = variant(id, "system")?;
    let signed = variant(system.fields.first()?.ty.id, "Signed")?;
    Some([&[system.index, signed.index][..], &account].concat())
}
