// SPDX-License-Identifier: Apache-2.0
//! What a barrier asks for, found by trial: other forms of the message, and the same message from other origins.
//!
//! A barrier gives no reason. So each form differs from the message in one way, and what passes says what is missing.

use super::{
    fees,
    location::Origin,
    message::{self, Message, name},
    outcome::{self, BARRIER},
    run::{Attempt, Site},
};
use crate::messages::Place;
use proposal::{Field, Value};
use protocol::xcm::BarrierTrial;
use worker::Result;

/// The most assets for fees that are tried.
const MOST_ASSETS: usize = 4;
/// Parachains of the system, which chains often let execute without paying: Asset Hub, Collectives, Bridge Hub, People
/// and Coretime.
const OF_THE_SYSTEM: [u32; 5] = [1000, 1001, 1002, 1004, 1005];
/// The instructions that put assets into the holding, from which a barrier lets messages pay.
const LOADING: [&str; 4] = ["WithdrawAsset", "ReceiveTeleportedAsset", "ReserveAssetDeposited", "ClaimAsset"];
/// The instructions between these and the payment.
const BETWEEN: [&str; 4] = ["ClearOrigin", "DescendOrigin", "AliasOrigin", "SetHints"];
/// An account that nobody has.
const NOBODY: [u8; 32] = [0x11; 32];
/// The payment where its price is not known. No barrier looks at the amount.
const SOME: u128 = 1_000_000_000_000;

/// A form of a message.
struct Form {
    name: &'static str,
    told: String,
    instructions: Vec<Value>,
}

impl Form {
    fn new(name: &'static str, told: impl Into<String>, instructions: Vec<Value>) -> Self {
        Self { name, told: told.into(), instructions }
    }
}

/// Tries other forms of a message that the barrier refused, and other origins.
pub fn trials(site: &Site<'_>, origin: &Origin, message: &Message) -> Result<Vec<BarrierTrial>> {
    let mut trials = Vec::new();
    if message.is_alterable {
        for form in forms(message, &fees::accepted(site, message.version)?.unwrap_or_default()) {
            let attempt = match site.encoded(&message.name, form.instructions)? {
                Some(bytes) => site.execute(&origin.bytes, &bytes)?,
                None => Attempt::NotRun(format!("version {} of XCM has no such instruction", message.version)),
            };
            trials.push(trial(form.name, form.told, &attempt));
        }
    }
    for place in [Place::RelayChain].into_iter().chain(OF_THE_SYSTEM.map(Place::Parachain)) {
        if Some(place) == site.member.place || Some(place) == origin.place {
            continue;
        }
        // A chain without a place among others has no such origins.
        let Ok(other) = Origin::of_place(place, site) else { continue };
        let attempt = site.execute(&other.bytes, &message.bytes)?;
        trials.push(trial("other-origin", format!("the same message from {place}"), &attempt));
    }
    Ok(trials)
}

fn trial(name: &str, told: String, attempt: &Attempt) -> BarrierTrial {
    let passes = attempt.outcome().map(|outcome| !outcome::is(outcome, BARRIER));
    BarrierTrial { name: name.into(), told, passes, found: attempt.told() }
}

/// Returns the forms of a message that differ from it in one way.
fn forms(own: &Message, accepted: &[Value]) -> Vec<Form> {
    let mut forms = Vec::new();
    let first = own.instructions.first().map(name).unwrap_or_default();
    if own.position(&["UnpaidExecution"]).is_none() {
        let told = "with UnpaidExecution first, which says that nothing is paid";
        forms.push(Form::new("unpaid-execution", told, own.after(vec![message::unpaid_execution()])));
    }
    let payment = own.position(&["BuyExecution", "PayFees"]);
    match payment.and_then(|place| Some((place, own.instructions.get(place)?))) {
        Some((place, payment)) if limited(payment) => {
            let told = "with a BuyExecution that does not limit the weight";
            forms.push(Form::new("unlimited-weight", told, own.replaced(place, without_limit(payment))));
        }
        Some(_) => {}
        // What is in the holding can pay.
        None if LOADING.contains(&first) => {
            if let Some(asset) = own.instructions.first().and_then(first_asset) {
                let is_between = |instruction: &&Value| BETWEEN.contains(&name(instruction));
                let place = 1 + own.instructions.iter().skip(1).take_while(is_between).count();
                let told = format!("with a BuyExecution of {asset} behind {first}");
                forms.push(Form::new(
                    "pay-from-holding",
                    told,
                    own.inserted(place, message::buy_execution(asset.clone())),
                ));
            }
        }
        None => {
            for id in accepted.iter().take(MOST_ASSETS) {
                let asset = message::asset(id.clone(), SOME);
                let withdraw = Value::variant("WithdrawAsset", Value::List(vec![asset.clone()]));
                let told = format!("with a payment first: WithdrawAsset and BuyExecution of {id}");
                let instructions = own.after(vec![withdraw, message::buy_execution(asset)]);
                forms.push(Form::new("pay-first", told, instructions));
            }
        }
    }
    match first {
        "DescendOrigin" => {
            let told = "without DescendOrigin, as the origin itself";
            forms.push(Form::new("without-descend-origin", told, own.without("DescendOrigin")));
        }
        _ => {
            let told = "with DescendOrigin first, as an account of the origin";
            forms.push(Form::new("descend-origin", told, own.after(vec![message::descend(own.version, NOBODY)])));
        }
    }
    match own.position(&["SetTopic"]) {
        Some(_) => forms.push(Form::new("without-topic", "without SetTopic", own.without("SetTopic"))),
        None => {
            let topic = Value::variant("SetTopic", Value::bytes(NOBODY));
            let instructions = own.inserted(own.instructions.len(), topic);
            forms.push(Form::new("topic", "with SetTopic at its end", instructions));
        }
    }
    forms
}

fn limited(payment: &Value) -> bool {
    message::field(payment, "weight_limit").is_some_and(|limit| name(limit) == "Limited")
}

/// Returns a payment that does not limit the weight.
pub fn without_limit(payment: &Value) -> Value {
    let mut payment = payment.clone();
    if let Value::Variant { fields, .. } = &mut payment {
        for field in fields.iter_mut().filter(|field| field.name.as_deref() == Some("weight_limit")) {
            field.value = message::unlimited();
        }
    }
    payment
}

/// Returns the first asset that an instruction puts into the holding.
fn first_asset(instruction: &Value) -> Option<&Value> {
    let Value::Variant { fields, .. } = instruction else { return None };
    let mut lists = fields.iter().filter(|field| field.name.as_deref().is_none_or(|name| name == "assets"));
    lists.find_map(|Field { value, .. }| match value {
        Value::List(assets) => assets.first(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proposal::named;

    fn message(instructions: Vec<Value>) -> Message {
        Message { bytes: Vec::new(), name: "V5".into(), version: 5, instructions, is_alterable: true }
    }

    fn names(instructions: Vec<Value>, accepted: &[Value]) -> Vec<&'static str> {
        forms(&message(instructions), accepted).iter().map(|form| form.name).collect()
    }

    fn here() -> Value {
        Value::unit_variant("Here")
    }

    fn buy(limit: Value) -> Value {
        let fees = named("fees", message::asset(here(), 5));
        Value::variant_of("BuyExecution", vec![fees, named("weight_limit", limit)])
    }

    #[test]
    fn each_form_differs_in_one_way() {
        let plain = names(vec![Value::unit_variant("ClearOrigin")], &[here(), here()]);
        assert_eq!(plain, ["unpaid-execution", "pay-first", "pay-first", "descend-origin", "topic"]);
        let descended = message::descend(5, [1; 32]);
        let topic = Value::variant("SetTopic", Value::bytes([1; 32]));
        let sent = names(vec![descended, message::unpaid_execution(), topic], &[]);
        assert_eq!(sent, ["without-descend-origin", "without-topic"]);
    }

    #[test]
    fn a_payment_comes_from_the_holding_where_there_is_one() {
        let withdraw = Value::variant("WithdrawAsset", Value::List(vec![message::asset(here(), 5)]));
        let own = vec![withdraw.clone(), Value::unit_variant("ClearOrigin"), Value::unit_variant("RefundSurplus")];
        let forms = forms(&message(own), &[here()]);
        let paid = forms.iter().find(|form| form.name == "pay-from-holding").expect("a form");
        let order: Vec<_> = paid.instructions.iter().map(name).collect();
        assert_eq!(order, ["WithdrawAsset", "ClearOrigin", "BuyExecution", "RefundSurplus"]);
        // A limit of the weight is lifted; a payment without one stays.
        let limit = Value::variant("Limited", Value::Number(1));
        assert!(names(vec![withdraw.clone(), buy(limit)], &[here()]).contains(&"unlimited-weight"));
        let unlimited = names(vec![withdraw, buy(message::unlimited())], &[here()]);
        assert!(!unlimited.contains(&"unlimited-weight") && !unlimited.contains(&"pay-first"), "{unlimited:?}");
    }
}
