// SPDX-License-Identifier: Apache-2.0
//! What became of a message: the executor's `Outcome` of XCM 3 to 5, and what its errors usually mean.

use proposal::{Field, Value};
use protocol::{
    Weight,
    xcm::{XcmError, XcmOutcome, XcmOutcomeKind},
};

/// The error of a message that the barrier refuses.
pub const BARRIER: &str = "Barrier";
/// The error of an expectation that does not hold, as that of `ExpectTransactStatus`.
pub const EXPECTATION: &str = "ExpectationFalse";
/// The errors before the first instruction. The executor reports those of the barrier as one of instruction 0.
const BEFORE: [&str; 4] = [BARRIER, "WeightNotComputable", "UnhandledXcmVersion", "WeightLimitReached"];

/// The errors of XCM 2 to 5, with what they usually mean.
const MEANINGS: [(&str, &str); 43] = [
    ("Overflow", "a number does not fit: mostly more instructions, assets or weight than allowed"),
    ("Unimplemented", "the receiver does not support the instruction"),
    ("UntrustedReserveLocation", "the receiver does not trust the origin as the reserve of the asset"),
    ("UntrustedTeleportLocation", "the receiver accepts no teleport of the asset from the origin"),
    ("LocationFull", "a location has too many junctions"),
    ("LocationNotInvertible", "a location has more parents than the receiver has ancestors"),
    ("BadOrigin", "the origin may not do that, was cleared before, or has no account or origin on the receiver"),
    ("InvalidLocation", "a location does not fit the instruction"),
    ("AssetNotFound", "the receiver does not know the asset: its location may be that of another chain's view"),
    ("FailedToTransactAsset", "an asset could not be moved: too low a balance, or less than the existential deposit"),
    ("NotWithdrawable", "an asset could not be withdrawn"),
    ("LocationCannotHold", "a location cannot hold the asset"),
    ("ExceedsMaxMessageSize", "a message to be sent is longer than its channel allows"),
    ("DestinationUnsupported", "a message to be sent cannot be converted to the version of its receiver"),
    ("Transport", "a message could not be sent: mostly no channel to its receiver, or a full one"),
    ("Unroutable", "the receiver has no way to send a message to that location"),
    ("UnknownClaim", "nothing is trapped for this origin with exactly these assets"),
    ("FailedToDecode", "the call of a Transact is no call of the receiver: mostly one of an older runtime"),
    ("MaxWeightInvalid", "the call of a Transact needs more weight than the instruction allows"),
    ("NotHoldingFees", "the fee is not in the holding: the asset was not withdrawn before, or is less than needed"),
    ("TooExpensive", "the assets for the fee do not pay for the weight, or are no fee on the receiver"),
    ("Trap", "the message fails on purpose, by its instruction Trap"),
    ("ExpectationFalse", "an expectation of the message does not hold"),
    ("PalletNotFound", "the receiver has no pallet of this index"),
    ("NameMismatch", "the pallet of this index has another name"),
    ("VersionIncompatible", "the pallet of this index has another version"),
    ("HoldingWouldOverflow", "the holding has too many different assets"),
    ("ExportError", "the message could not be given to the bridge"),
    ("ReanchorFailed", "a location could not be expressed as another chain sees it"),
    ("NoDeal", "the assets could not be exchanged under these conditions"),
    ("FeesNotMet", "the origin cannot pay for the delivery of a message"),
    ("LockError", "an asset could not be locked or unlocked"),
    ("NoPermission", "the receiver's configuration forbids it, as a call that its filter for Transact refuses"),
    ("Unanchored", "the receiver does not know its own universal location"),
    ("NotDepositable", "an asset could not be deposited: mostly less than the existential deposit"),
    ("TooManyAssets", "the instruction has more assets than the receiver handles"),
    ("UnhandledXcmVersion", "the receiver does not know the version"),
    ("WeightLimitReached", "the message needs more weight than it gets"),
    ("Barrier", "no rule of the receiver lets a message of this form from this origin be executed"),
    ("WeightNotComputable", "the weight is not known: mostly a call that does not decode, or too many instructions"),
    ("ExceedsStackLimit", "the message is nested too deeply"),
    ("MultiLocationNotInvertible", "a location has more parents than the receiver has ancestors"),
    ("MultiLocationFull", "a location has too many junctions"),
];

/// Returns the outcome in an answer. Nothing for a value of another form.
pub fn of(value: &Value) -> Option<XcmOutcome> {
    let Value::Variant { name, fields } = value else { return None };
    let used = fields.iter().find_map(|field| weight(&field.value));
    let (index, error) = match fields.iter().find_map(error) {
        Some((index, error)) => (index, Some(error)),
        None => (None, None),
    };
    let is_before = error.as_ref().is_some_and(|error| BEFORE.contains(&word(&error.name)));
    let kind = match name.as_str() {
        "Complete" => XcmOutcomeKind::Complete,
        "Incomplete" if !is_before => XcmOutcomeKind::Incomplete,
        "Incomplete" | "Error" => XcmOutcomeKind::Refused,
        _ => return None,
    };
    // A message without an error that was not completed is of a form that is not known here.
    if error.is_none() != (kind == XcmOutcomeKind::Complete) {
        return None;
    }
    // The barrier judges the whole message.
    let is_barrier = error.as_ref().is_some_and(|error| word(&error.name) == BARRIER);
    let index = index.filter(|_| !is_barrier);
    Some(XcmOutcome { kind, error, index, instruction: None, used })
}

/// Returns an error with the position of its instruction. From version 5 on both are in one struct.
fn error(field: &Field) -> Option<(Option<u32>, XcmError)> {
    match &field.value {
        error @ Value::Variant { .. } => Some((None, described(error))),
        both => match (both.field("index"), both.field("error")) {
            (Some(Value::Number(index)), Some(error @ Value::Variant { .. })) => {
                Some((u32::try_from(*index).ok(), described(error)))
            }
            _ => None,
        },
    }
}

/// Returns an error of the executor with what it usually means.
pub fn described(error: &Value) -> XcmError {
    let name = error.to_string();
    let meaning = MEANINGS.iter().find(|(known, _)| *known == word(&name)).map(|(_, meaning)| *meaning);
    XcmError { meaning: meaning.unwrap_or_default().to_owned(), name }
}

/// Returns the name of an error without its fields.
pub fn word(error: &str) -> &str {
    error.split(['(', ' ']).next().unwrap_or(error)
}

/// Returns a weight of two dimensions.
pub fn weight(value: &Value) -> Option<Weight> {
    let number = |name| match value.field(name) {
        Some(Value::Number(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    Some(Weight { ref_time: number("ref_time")?, proof_size: number("proof_size")? })
}

/// Returns whether the message failed with this error.
pub fn is(outcome: &XcmOutcome, error: &str) -> bool {
    outcome.error.as_ref().is_some_and(|found| word(&found.name) == error)
}

/// Returns an outcome in words.
pub fn told(outcome: &XcmOutcome) -> String {
    let error = outcome.error.as_ref().map(|error| error.name.as_str()).unwrap_or_default();
    match (outcome.kind, outcome.index) {
        (XcmOutcomeKind::Complete, _) => "executed to its end".into(),
        (XcmOutcomeKind::Incomplete, Some(index)) => format!("instruction {index} failed with {error}"),
        (XcmOutcomeKind::Incomplete, None) => format!("an instruction failed with {error}"),
        (XcmOutcomeKind::Refused, Some(index)) => format!("refused with {error} of instruction {index}"),
        (XcmOutcomeKind::Refused, None) => format!("refused with {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proposal::named;

    fn used() -> Value {
        Value::Fields(vec![named("ref_time", Value::Number(7)), named("proof_size", Value::Number(9))])
    }

    fn failed(index: u128, error: Value) -> Value {
        Value::Fields(vec![named("index", Value::Number(index)), named("error", error)])
    }

    #[test]
    fn outcomes_of_all_versions_are_read() {
        let weight = Some(Weight { ref_time: 7, proof_size: 9 });
        let complete = of(&Value::variant("Complete", used())).expect("version 3");
        assert_eq!((complete.kind, complete.used, complete.error), (XcmOutcomeKind::Complete, weight, None));
        let complete = of(&Value::variant_of("Complete", vec![named("used", used())])).expect("version 5");
        assert_eq!(complete.used, weight);
        let error = || Value::unit_variant("TooExpensive");
        let third = Value::Variant {
            name: "Incomplete".into(),
            fields: [used(), error()].map(|value| Field { name: None, value }).to_vec(),
        };
        let fourth = Value::variant_of("Incomplete", vec![named("used", used()), named("error", error())]);
        let fifth = Value::variant_of("Incomplete", vec![named("used", used()), named("error", failed(2, error()))]);
        for (value, index) in [(third, None), (fourth, None), (fifth, Some(2))] {
            let outcome = of(&value).expect("known");
            assert_eq!((outcome.kind, outcome.index), (XcmOutcomeKind::Incomplete, index));
            assert!(is(&outcome, "TooExpensive") && outcome.error.is_some_and(|error| !error.meaning.is_empty()));
        }
    }

    #[test]
    fn what_the_barrier_refuses_was_not_executed() {
        let barrier = failed(0, Value::unit_variant(BARRIER));
        let now = of(&Value::variant_of("Incomplete", vec![named("used", used()), named("error", barrier)]));
        let before = of(&Value::variant("Error", Value::unit_variant(BARRIER)));
        for outcome in [now, before] {
            let outcome = outcome.expect("known");
            assert_eq!((outcome.kind, outcome.index), (XcmOutcomeKind::Refused, None));
            assert_eq!(told(&outcome), "refused with Barrier");
        }
        let stack = of(&Value::variant("Error", failed(4, Value::unit_variant("ExceedsStackLimit")))).expect("known");
        assert_eq!(told(&stack), "refused with ExceedsStackLimit of instruction 4");
        let trap = failed(1, Value::variant("Trap", Value::Number(5)));
        let trap = of(&Value::variant_of("Incomplete", vec![named("used", used()), named("error", trap)]));
        assert_eq!(told(&trap.expect("known")), "instruction 1 failed with Trap(5)");
    }

    #[test]
    fn other_values_are_no_outcomes() {
        for value in [
            Value::Number(1),
            Value::unit_variant("Incomplete"),
            Value::variant("Complete", Value::unit_variant("Overflow")),
            Value::variant("Done", used()),
        ] {
            assert_eq!(of(&value), None, "{value}");
        }
        let unknown = described(&Value::unit_variant("Novel"));
        assert_eq!((unknown.name.as_str(), unknown.meaning.as_str()), ("Novel", ""));
    }

    #[test]
    fn each_error_is_explained_once() {
        for (place, (name, meaning)) in MEANINGS.iter().enumerate() {
            assert!(!meaning.is_empty() && MEANINGS.iter().skip(place + 1).all(|(other, _)| other != name), "{name}");
        }
    }
}
