// SPDX-License-Identifier: Apache-2.0
//! Failures at the end of a session, hours after the upgrade.

use cutover_tests::{
    Runtime::Parachain,
    faults::{Action, Condition::Has, Faults},
    incident::{Before, item, rehearse_without_validators, sound},
};

/// Returns the key that the end of the first session writes. Faults can depend on it.
fn ended() -> Vec<u8> {
    item("Session", "CurrentIndex")
}

#[test]
fn a_chain_that_stops_after_the_end_of_a_session() {
    let blob = Faults::new().step("Core_initialize_block", vec![Has(ended())], Action::Trap).apply(&sound(Parachain));
    rehearse_without_validators(Before::of(Parachain), &blob)
        .stopped_by("sessions", &["Core_initialize_block failed in the runtime"])
        // The next blocks do not show the fault.
        .status("healthy-blocks", "pass");
}

#[test]
fn a_session_that_begins_without_authorities() {
    // The queued authorities start the next session. Other functions build and import blocks.
    let lost = || Action::Clear(item("Session", "QueuedKeys"));
    let blob = Faults::new()
        .step("Core_initialize_block", Vec::new(), lost())
        .step("Core_execute_block", Vec::new(), lost())
        .apply(&sound(Parachain));
    rehearse_without_validators(Before::of(Parachain), &blob)
        .stopped_by("sessions", &["a session began without authorities"])
        .status("healthy-blocks", "pass");
}
