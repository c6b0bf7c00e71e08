// SPDX-License-Identifier: Apache-2.0
//! Measures this machine and compares it with a hardware profile.
//!
//! The measurements are those of `sc-sysinfo` (same inputs, same units, MiB/s), so that they can be
//! compared with Polkadot's reference hardware. That crate itself is not used: through its
//! telemetry it depends on libp2p, which is some seventy crates that nothing else here needs.

mod facts;
mod profile;
mod speed;

use profile::Profile;
use protocol::{
    benchmark::MachineRequest,
    weights::raw::{Machine, Scores},
};
use worker::{Reporter, Result};

/// Measures this machine. Warns of each difference from the profile, and of a high load.
pub fn measure(request: &MachineRequest, reporter: &Reporter) -> Result<Machine> {
    let profile = request.profile.as_deref().map(Profile::read).transpose()?;
    reporter.status("measuring this machine");
    let facts = facts::facts();
    let scores = Scores {
        blake2_256: Some(speed::blake2_256()),
        sr25519_verify: speed::sr25519_verify(),
        memory_copy: Some(speed::memory_copy()),
        disk_sequential_write: Some(speed::disk_sequential_write(&request.directory)?),
        disk_random_write: Some(speed::disk_random_write(&request.directory)?),
    };
    let shortfalls = profile.as_ref().map(|profile| profile.shortfalls(&facts, &scores));
    for shortfall in shortfalls.iter().flatten() {
        reporter.warning(format!("the machine does not match the profile: {shortfall}"));
    }
    if let Some(load) = facts.load.filter(|load| *load > 0.5) {
        reporter.warning(format!("the machine is busy (load {load:.2}): times will be too long and noisy"));
    }
    Ok(Machine {
        scores,
        profile: profile.map(|profile| profile.name),
        within_profile: shortfalls.map(|shortfalls| shortfalls.is_empty()),
        ..facts
    })
}
