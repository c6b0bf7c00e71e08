// SPDX-License-Identifier: Apache-2.0
//! Upgrades to the wrong blob.

use cutover_tests::{
    Runtime::{Parachain, Standalone},
    incident::{Before, Fault, faulty, rehearse, sound},
    patch,
};

#[test]
fn n01_the_runtime_of_another_network() {
    rehearse(Before::of(Standalone), &sound(Parachain)).stopped_by("versions", &["spec_name", "cutover-standalone"]);
}

#[test]
fn n01_the_right_name_with_other_consensus_parameters() {
    rehearse(Before::of(Standalone).with(Fault::SlotDuration), &faulty(Standalone))
        .stopped_by("consensus", &["slot duration", "found 12000, expected 6000"]);
}

#[test]
fn n03_a_host_function_that_nodes_lack() {
    let blob = patch::unknown_import(&sound(Standalone), "ext_misc_print_hex_version_1");
    rehearse(Before::of(Standalone), &blob).stopped_by("host-functions", &["new_misc_print_hex_version_1"]);
}

#[test]
fn n30_a_spec_version_that_did_not_increase() {
    let blob = patch::spec_version(&sound(Standalone), 1_000_000);
    rehearse(Before::of(Standalone), &blob)
        .stopped_by("versions", &["spec_version", "expected more than 1000000"])
        .stopped_by("enactment", &["does not take the code"]);
}
