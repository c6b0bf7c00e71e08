// SPDX-License-Identifier: Apache-2.0
//! Assets that a message leaves in the trap of its receiver, and the message that claims them, tried on the fork after
//! it.

use super::{
    location::{self, Origin},
    message::{self, Message, field, name},
    queue,
    run::{Attempt, Ran, Site},
};
use codec::Encode;
use fork::Chain;
use proposal::{Value, named};
use protocol::{
    CheckOutcome, Finding,
    xcm::{TrappedAssets, XcmOutcomeKind},
};
use worker::Result;

/// The most traps of one message for which a claim is tried.
const MOST: usize = 8;

/// The event of a trap.
struct Trap<'v> {
    hash: &'v [u8],
    origin: &'v Value,
    /// `VersionedAssets`
    assets: &'v Value,
}

/// Returns the traps among the events of a message.
fn traps(events: &[Value]) -> Vec<Trap<'_>> {
    fn of(event: &Value) -> Option<Trap<'_>> {
        // The outer enum gives the pallet, the inner one the event.
        let inner = field(event, "").filter(|inner| name(inner) == "AssetsTrapped")?;
        let Value::Bytes(hash) = field(inner, "hash")? else { return None };
        Some(Trap { hash, origin: field(inner, "origin")?, assets: field(inner, "assets")? })
    }
    events.iter().filter_map(of).collect()
}

/// Returns the assets that a message leaves in the trap, each with the claim that frees them.
pub fn of(site: &Site<'_>, from: &Origin, own: &Message, events: &[Value]) -> Result<Vec<TrappedAssets>> {
    let traps = traps(events);
    let mut after = None;
    let mut found = Vec::new();
    for (place, trap) in traps.iter().enumerate() {
        let mut trapped = TrappedAssets {
            hash: hex::encode_prefixed(trap.hash),
            origin: trap.origin.to_string(),
            assets: trap.assets.to_string(),
            tried: "it was not tried".into(),
            ..TrappedAssets::default()
        };
        if place < MOST {
            if after.is_none() {
                after = Some(queue::execute(site, from.place, &own.bytes)?);
            }
            let queued = after.as_ref().and_then(|queued| queued.as_ref().ok()).map(|queued| &queued.chain);
            claim(site, trap, queued, &mut trapped)?;
        }
        found.push(trapped);
    }
    Ok(found)
}

/// Makes the claim and tries it. `queued` is the chain after a block that executed the message.
fn claim(site: &Site<'_>, trap: &Trap<'_>, queued: Option<&Chain>, trapped: &mut TrappedAssets) -> Result<()> {
    let version = name(trap.assets);
    let Some(claimer) = location::versioned(trap.origin, site)? else { return Ok(()) };
    let mut forms = Vec::new();
    for instructions in claims(trap) {
        forms.extend(site.encoded(version, instructions)?);
    }
    let Some(first) = forms.first().cloned() else { return Ok(()) };
    keep(site, trapped, &first)?;
    let Some(key) = entry(site, trap.hash)? else { return Ok(()) };
    let mut written = site.chain.clone();
    let (chain, state) = match queued {
        Some(queued) if queued.storage(&key)?.is_some() => {
            (queued, "after a block of the fork that executed the message")
        }
        _ => {
            written.set(vec![(key.clone(), Some(1u32.encode()))])?;
            (&written, "on the fork, to whose state the entry in the trap was written")
        }
    };
    let site = site.at(chain);
    for (place, form) in forms.iter().enumerate() {
        let attempt = site.execute(&claimer, form)?;
        let frees = attempt.outcome().map(|outcome| outcome.kind == XcmOutcomeKind::Complete && !traps_again(&attempt));
        // The first form is the one that is told where none works.
        if place == 0 || frees == Some(true) {
            trapped.works = frees;
            let told = match traps_again(&attempt) {
                true => "executed, and assets are trapped again".to_owned(),
                false => attempt.told(),
            };
            trapped.tried = format!("{state}: {told}");
        }
        if frees == Some(true) {
            return keep(&site, trapped, form);
        }
    }
    Ok(())
}

/// Puts a claim into the report.
fn keep(site: &Site<'_>, trapped: &mut TrappedAssets, claim: &[u8]) -> Result<()> {
    trapped.claim = Some(hex::encode_prefixed(claim));
    trapped.claim_decoded = Some(site.decode(site.message_type()?, claim)?.to_string());
    Ok(())
}

fn traps_again(attempt: &Attempt) -> bool {
    let Attempt::Ran(ran) = attempt else { return false };
    ran.events.as_ref().is_none_or(|events| !traps(events).is_empty())
}

/// Returns the instructions that claim the assets: paid with one of them, and without paying.
fn claims(trap: &Trap<'_>) -> Vec<Vec<Value>> {
    let version = name(trap.assets).strip_prefix('V').and_then(|number| number.parse().ok());
    let (Some(version), Value::List(assets)) = (version, location::inner(trap.assets)) else { return Vec::new() };
    let claim = Value::variant_of(
        "ClaimAsset",
        vec![named("assets", Value::List(assets.clone())), named("ticket", message::ticket(version))],
    );
    let all = Value::variant("AllCounted", Value::Number(assets.len() as u128));
    let deposit = Value::variant_of(
        "DepositAsset",
        vec![named("assets", Value::variant("Wild", all)), named("beneficiary", trap.origin.clone())],
    );
    let mut claims = Vec::new();
    if let Some(fee) = assets.iter().find(|asset| message::amount(asset).is_some()) {
        claims.push(vec![claim.clone(), message::buy_execution(fee.clone()), deposit.clone()]);
    }
    claims.push(vec![message::unpaid_execution(), claim, deposit]);
    claims
}

/// Returns the key of the entry of a trap (pallet-xcm). Nothing where the runtime keeps it in another form.
fn entry(site: &Site<'_>, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let interface = site.interface()?;
    let pallet = interface.pallets.iter().find(|pallet| pallet.item("AssetTraps").is_some());
    Ok(pallet.and_then(|pallet| pallet.entry("AssetTraps", hash)))
}

/// Does it leave nothing in the trap?
pub fn check(ran: &Ran, trapped: &[TrappedAssets]) -> CheckOutcome {
    if ran.outcome.kind == XcmOutcomeKind::Refused {
        return CheckOutcome::skip("it was not executed");
    }
    if ran.events.is_none() {
        return CheckOutcome::not_judged("the events of its execution cannot be decoded");
    }
    let findings: Vec<_> = trapped
        .iter()
        .map(|trapped| {
            let claim = match trapped.works {
                Some(true) => format!("the claim frees them, tried {}", trapped.tried),
                _ => format!("no claim is known to free them: {}", trapped.tried),
            };
            Finding::hazard(format!("{} are trapped, and {} may claim them; {claim}", trapped.assets, trapped.origin))
        })
        .collect();
    let detail = match findings.len() {
        0 => "no assets are left in the trap".to_owned(),
        _ => "assets are left in the trap of the receiver, and not with a beneficiary".to_owned(),
    };
    CheckOutcome::judged(detail, findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Status, xcm::XcmOutcome};

    fn event(pallet: &str, name: &str) -> Value {
        let assets = Value::variant("V5", Value::List(vec![message::asset(Value::unit_variant("Here"), 7)]));
        let origin =
            Value::Fields(vec![named("parents", Value::Number(1)), named("interior", Value::unit_variant("Here"))]);
        let fields = vec![named("hash", Value::bytes([9; 32])), named("origin", origin), named("assets", assets)];
        Value::variant(pallet, Value::variant_of(name, fields))
    }

    fn ran(kind: XcmOutcomeKind, events: Option<Vec<Value>>) -> Ran {
        let outcome = XcmOutcome { kind, error: None, index: None, instruction: None, used: None };
        Ran { outcome, events, forwarded: None }
    }

    #[test]
    fn traps_are_read_from_events_and_claimed_in_their_version() {
        let events = [event("PolkadotXcm", "AssetsTrapped"), event("PolkadotXcm", "AssetsClaimed")];
        let traps = traps(&events);
        assert_eq!((traps.len(), traps[0].hash), (1, &[9; 32][..]));
        let claims = claims(&traps[0]);
        let names: Vec<Vec<_>> = claims.iter().map(|claim| claim.iter().map(message::name).collect()).collect();
        assert_eq!(names[0], ["ClaimAsset", "BuyExecution", "DepositAsset"]);
        assert_eq!(names[1], ["UnpaidExecution", "ClaimAsset", "DepositAsset"]);
        assert!(claims[0][0].to_string().ends_with("X1([GeneralIndex(5)]) } }"), "{}", claims[0][0]);
        assert!(claims[0][2].to_string().contains("AllCounted(1)"));
    }

    #[test]
    fn what_is_trapped_is_a_hazard() {
        let complete = ran(XcmOutcomeKind::Complete, Some(Vec::new()));
        assert_eq!(check(&complete, &[]).status, Status::Pass);
        let trapped = TrappedAssets { assets: "V5([…])".into(), works: Some(true), ..TrappedAssets::default() };
        assert_eq!(check(&complete, &[trapped]).status, Status::Warn);
        assert_eq!(check(&ran(XcmOutcomeKind::Complete, None), &[]).status, Status::NotJudged);
        assert_eq!(check(&ran(XcmOutcomeKind::Refused, Some(Vec::new())), &[]).status, Status::Skip);
    }
}
