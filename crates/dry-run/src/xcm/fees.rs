// SPDX-License-Identifier: Apache-2.0
//! What the execution of a message costs, by `XcmPaymentApi` (xcm-runtime-apis), and what the message offers for it.

use super::{
    location,
    message::{self, Message, name},
    outcome,
    run::{Site, Told},
};
use codec::{Compact, Encode};
use proposal::{Value, encode};
use protocol::{
    CheckOutcome, Finding, Weight,
    xcm::{XcmFees, XcmOffer, XcmOutcome, XcmOutcomeKind},
};
use worker::Result;

const API: &str = "XcmPaymentApi";
/// The most assets for fees that are listed.
const MOST: usize = 64;
/// The most payments of one message that are priced.
const MOST_OFFERS: usize = 8;

/// Returns the identifiers of the assets that the chain takes as fees, in this version of XCM.
pub fn accepted(site: &Site<'_>, version: u32) -> Result<Told<Vec<Value>>> {
    let told = site.ask_value(API, "query_acceptable_payment_assets", &version.encode())?;
    Ok(told.map(|assets| match assets {
        Value::List(assets) => assets.iter().take(MOST).map(|asset| location::inner(asset).clone()).collect(),
        _ => Vec::new(),
    }))
}

/// Returns the weight that the chain computes for a message, or why it does not.
fn needed(site: &Site<'_>, message: &[u8]) -> Result<Told<Weight>> {
    let told = site.ask_value(API, "query_xcm_weight", message)?;
    Ok(told.and_then(|weight| outcome::weight(&weight).ok_or_else(|| format!("{API} gives no weight"))))
}

/// Returns the price of a weight in an asset, or why there is none.
fn price(site: &Site<'_>, weight: Weight, asset: &[u8]) -> Result<Told<u128>> {
    // `Weight` has two compact numbers.
    let weight = [Compact(weight.ref_time).encode(), Compact(weight.proof_size).encode()].concat();
    let told = site.ask_value(API, "query_weight_to_asset_fee", &[&weight[..], asset].concat())?;
    Ok(told.and_then(|price| match price {
        Value::Number(price) => Ok(price),
        _ => Err(format!("{API} gives no price")),
    }))
}

/// Encodes the identifier of an asset in this version (`VersionedAssetId`).
fn versioned(site: &Site<'_>, version: &str, id: &Value) -> Result<Option<Vec<u8>>> {
    let interface = site.interface()?;
    let method = interface.method(API, "query_weight_to_asset_fee");
    let Some(ty) = method.and_then(|method| method.inputs.get(1).copied()) else { return Ok(None) };
    Ok(encode::value(&site.member.target, ty, &Value::variant(version, id.clone())).ok())
}

/// Returns what a message costs, or why that is not known.
pub fn of(site: &Site<'_>, message: &Message, ran: Option<&XcmOutcome>) -> Result<Told<XcmFees>> {
    let needed = match needed(site, &message.bytes)? {
        Ok(needed) => needed,
        Err(why) => return Ok(Err(why)),
    };
    let used = ran.filter(|outcome| outcome.kind != XcmOutcomeKind::Refused).and_then(|outcome| outcome.used);
    let surplus = used.map(|used| Weight {
        ref_time: needed.ref_time.saturating_sub(used.ref_time),
        proof_size: needed.proof_size.saturating_sub(used.proof_size),
    });
    let accepted = accepted(site, message.version)?.unwrap_or_default();
    let mut fees = XcmFees {
        needed: Some(needed),
        used,
        surplus,
        offers: Vec::new(),
        accepted: accepted.iter().map(ToString::to_string).collect(),
    };
    let payments = message.instructions.iter().filter(|one| ["BuyExecution", "PayFees"].contains(&name(one)));
    for payment in payments.take(MOST_OFFERS) {
        let Some(asset) = message::field(payment, "fees").or_else(|| message::field(payment, "asset")) else {
            continue;
        };
        let limit = message::field(payment, "weight_limit").and_then(|limit| message::field(limit, ""));
        let mut offer = XcmOffer {
            instruction: name(payment).to_owned(),
            asset: message::field(asset, "id").map(ToString::to_string).unwrap_or_default(),
            amount: message::amount(asset).map(|amount| amount.to_string()),
            limit: limit.and_then(outcome::weight),
            ..XcmOffer::default()
        };
        let id = message::field(asset, "id").map(|id| versioned(site, &message.name, id)).transpose()?.flatten();
        match id {
            Some(id) => match price(site, needed, &id)? {
                Ok(price) => {
                    offer.price = Some(price.to_string());
                    let used = used.map(|used| self::price(site, used, &id)).transpose()?.and_then(|told| told.ok());
                    offer.used_price = used.map(|price| price.to_string());
                }
                Err(why) => offer.no_price = Some(why),
            },
            None => offer.no_price = Some("the asset has no form that the receiver can price".into()),
        }
        fees.offers.push(offer);
    }
    Ok(Ok(fees))
}

/// Does what the message offers pay for its execution?
pub fn check(message: &Message, fees: &Told<XcmFees>, ran: Option<&XcmOutcome>) -> CheckOutcome {
    if message.position(&["BuyExecution", "PayFees"]).is_none() {
        return CheckOutcome::skip("it buys no execution");
    }
    let fees = match fees {
        Ok(fees) => fees,
        Err(why) => return CheckOutcome::not_judged(why.clone()),
    };
    let needed = fees.needed.unwrap_or_default();
    let is_complete = ran.is_some_and(|outcome| outcome.kind == XcmOutcomeKind::Complete);
    // What does not keep the message from being executed is a fact alone, as where the receiver waives fees.
    let finding = |told: String| if is_complete { Finding::note(told) } else { Finding::seen(told) };
    let mut findings = Vec::new();
    for offer in &fees.offers {
        let (instruction, asset) = (&offer.instruction, &offer.asset);
        if let Some(limit) = offer.limit.filter(|limit| !covers(*limit, needed)) {
            findings.push(finding(format!(
                "{instruction} limits the weight to {}, and the message needs {}",
                words(limit),
                words(needed)
            )));
        }
        match (number(&offer.amount), number(&offer.price)) {
            (Some(amount), Some(price)) if amount < price => {
                findings.push(finding(format!("{instruction} offers {amount} of {asset}, and the price is {price}")));
            }
            (Some(_), Some(_)) => {}
            _ => {
                let why = offer.no_price.clone().unwrap_or_else(|| "it is not fungible".into());
                let told = format!("{instruction} offers {asset}, whose price is not known: {why}");
                findings.push(if is_complete { Finding::note(told) } else { Finding::not_judged(told) });
            }
        }
    }
    let used = match fees.used {
        Some(used) => format!(", of which {} was used", words(used)),
        None => String::new(),
    };
    let prices = fees.offers.iter().filter_map(|offer| {
        Some(format!(
            "; {} offers {}, the price is {}",
            offer.instruction,
            offer.amount.as_ref()?,
            offer.price.as_ref()?
        ))
    });
    CheckOutcome::judged(format!("it needs {}{used}{}", words(needed), prices.collect::<String>()), findings)
}

fn covers(limit: Weight, needed: Weight) -> bool {
    limit.ref_time >= needed.ref_time && limit.proof_size >= needed.proof_size
}

fn number(text: &Option<String>) -> Option<u128> {
    text.as_ref()?.parse().ok()
}

/// Returns a weight in words.
fn words(weight: Weight) -> String {
    format!("a weight of {} ps and {} bytes", weight.ref_time, weight.proof_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Status, xcm::XcmError};

    const NEEDED: Weight = Weight { ref_time: 100, proof_size: 10 };

    fn message() -> Message {
        let instructions = vec![message::buy_execution(message::asset(Value::unit_variant("Here"), 5))];
        Message { bytes: Vec::new(), name: "V5".into(), version: 5, instructions, is_alterable: true }
    }

    fn judged(offer: XcmOffer, kind: XcmOutcomeKind) -> CheckOutcome {
        let error =
            (kind != XcmOutcomeKind::Complete).then(|| XcmError { name: "Barrier".into(), meaning: String::new() });
        let ran = XcmOutcome { kind, error, index: None, instruction: None, used: None };
        let fees = XcmFees { needed: Some(NEEDED), offers: vec![offer], ..XcmFees::default() };
        check(&message(), &Ok(fees), Some(&ran))
    }

    fn offer(amount: &str, price: Option<&str>, limit: Option<Weight>) -> XcmOffer {
        let (amount, price) = (Some(amount.into()), price.map(Into::into));
        XcmOffer {
            instruction: "BuyExecution".into(),
            asset: "Here".into(),
            amount,
            price,
            limit,
            ..XcmOffer::default()
        }
    }

    #[test]
    fn too_little_is_told_with_its_price() {
        let short = judged(offer("5", Some("7"), None), XcmOutcomeKind::Incomplete);
        assert_eq!(short.status, Status::Fail);
        assert_eq!(short.findings[0].text, "BuyExecution offers 5 of Here, and the price is 7");
        assert_eq!(judged(offer("7", Some("7"), None), XcmOutcomeKind::Incomplete).status, Status::Pass);
        // A receiver that asks for less executes it all the same.
        assert_eq!(judged(offer("5", Some("7"), None), XcmOutcomeKind::Complete).status, Status::Pass);
        assert_eq!(judged(offer("5", None, None), XcmOutcomeKind::Refused).status, Status::NotJudged);
    }

    #[test]
    fn a_limit_below_the_needed_weight_is_told() {
        let limit = |ref_time, proof_size| Some(Weight { ref_time, proof_size });
        for (limit, status) in
            [(limit(100, 10), Status::Pass), (limit(99, 10), Status::Fail), (limit(200, 9), Status::Fail)]
        {
            assert_eq!(judged(offer("7", Some("7"), limit), XcmOutcomeKind::Refused).status, status, "{limit:?}");
        }
    }

    #[test]
    fn without_prices_nothing_is_judged() {
        assert_eq!(check(&message(), &Err("no API".into()), None).status, Status::NotJudged);
        let unpaid = Message { instructions: vec![message::unpaid_execution()], ..message() };
        assert_eq!(check(&unpaid, &Err("no API".into()), None).status, Status::Skip);
    }
}
