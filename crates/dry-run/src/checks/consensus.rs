// SPDX-License-Identifier: Apache-2.0
//! Are the parameters that all nodes agree on those of the chain: the length of slots and epochs,
//! the parameters of Babe, the number of the parachain? The blob of another network differs here
//! even if its name does not.

use crate::{
    ask::{ask, parachain_id},
    input::Runtime,
    rehearsal::Rehearsal,
};
use codec::Decode;
use fork::{Chain, Executor};
use protocol::{CheckOutcome, Finding, Rank};
use worker::Result;

/// The beginning of the answer of `BabeApi_configuration`: slot duration, epoch length, c.
type Babe = (u64, u64, (u64, u64));

#[derive(Default)]
struct Findings {
    told: Vec<Finding>,
    compared: usize,
}

impl Findings {
    fn compare<T: PartialEq + std::fmt::Display>(
        &mut self,
        what: &str,
        old: Option<T>,
        new: Option<T>,
        rank: Rank,
        why: &str,
    ) {
        let (Some(old), Some(new)) = (old, new) else { return };
        self.compared += 1;
        if old == new {
            return;
        }
        self.told.push(Finding::new(rank, format!("{what}: found {new}, expected {old}: {why}")));
    }

    /// Constants that count blocks last another time when blocks have another length.
    fn changed_durations(&mut self, from: &Runtime, to: &Runtime, blocks: [Option<u64>; 2]) {
        let (Some(old), Some(new)) = (from.interface(), to.interface()) else { return };
        let found = compat::parameters::changed_durations(&old, &new, blocks);
        self.compared += found.len();
        let told = |constant: String| Finding::hazard(format!("{constant}: blocks are of another length"));
        self.told.extend(found.into_iter().map(told));
    }

    /// Compares the answers of `BabeApi_configuration`.
    fn babe(&mut self, old: Option<Babe>, new: Option<Babe>) {
        const WHY: &str = "nodes and runtime would disagree on who may author when";
        let ratio = |babe: Babe| format!("{}/{}", babe.2.0, babe.2.1);
        let slot = |babe: Babe| babe.0.to_string();
        let epoch = |babe: Babe| babe.1.to_string();
        self.compare("Babe's slot duration in ms", old.map(slot), new.map(slot), Rank::Seen, WHY);
        self.compare("Babe's epoch length in slots", old.map(epoch), new.map(epoch), Rank::Seen, WHY);
        self.compare("Babe's c", old.map(ratio), new.map(ratio), Rank::Seen, WHY);
    }
}

/// Both runtimes answer on the state that the old one left, so that only the code can make a
/// difference. Changes that the migrations make to the identity of the chain are read from the
/// migrated state.
pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, executor, .. } = rehearsal;
    let (enacted, reached) = (rehearsal.enacted()?, rehearsal.reached()?);
    rehearsal.reporter.status("asking what nodes ask, before and after the migrations");
    let mut findings = Findings::default();
    let blocks = slots(&mut findings, from, to, enacted, reached, executor)?;
    findings.changed_durations(from, to, blocks);
    constants(&mut findings, from, to);
    identity(&mut findings, from, to, enacted, reached, executor)?;
    if findings.compared == 0 {
        return Ok(CheckOutcome::skip("neither runtime tells anything of its consensus"));
    }
    let detail = match findings.told.len() {
        0 if findings.compared == 1 => "1 parameter is as the chain has it".to_owned(),
        0 => format!("{} parameters are as the chain has them", findings.compared),
        differ => format!("{differ} of {} parameters differ from the chain's", findings.compared),
    };
    Ok(CheckOutcome::judged(detail, findings.told))
}

fn slots(
    findings: &mut Findings,
    from: &Runtime,
    to: &Runtime,
    chain: &Chain,
    migrated: Option<&Chain>,
    executor: &Executor,
) -> Result<[Option<u64>; 2]> {
    let number = |runtime: &Runtime, function: &str| -> Result<Option<u64>> {
        let answer = ask(runtime, chain, executor, function, &[])?.value();
        Ok(answer.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()))
    };
    let (old, new) = (number(from, "AuraApi_slot_duration")?, number(to, "AuraApi_slot_duration")?);
    // Collators of a parachain read it with every block, and pallet-aura counts the last slot anew.
    // Nodes of other chains read it once, when they start.
    let goes_on = to.layout.parachain_system().is_some()
        && match (new, migrated) {
            (Some(duration), Some(migrated)) => keeps_pace(to, chain, migrated, duration)?,
            _ => new < old,
        };
    let (rank, why) = match goes_on {
        true => (Rank::Hazard, "collators must ask for the slot duration with every block"),
        false => (Rank::Seen, "slots are counted anew: nodes and runtime disagree on whose slot it is"),
    };
    findings.compare("Aura's slot duration in ms", old, new, rank, why);

    let babe = |runtime: &Runtime| -> Result<Option<Babe>> {
        let answer = ask(runtime, chain, executor, "BabeApi_configuration", &[])?.value();
        Ok(answer.and_then(|bytes| Babe::decode(&mut &bytes[..]).ok()))
    };
    let both = [babe(from)?, babe(to)?];
    findings.babe(both[0], both[1]);
    // A slot of Aura is as long as a block. A chain that moves from Babe to Aura has both.
    Ok([both[0].map(|babe| babe.0).or(old), both[1].map(|babe| babe.0).or(new)])
}

/// Returns whether time continued at the pace of the new slots, and did not jump to the time of the
/// number of the last slot.
fn keeps_pace(to: &Runtime, before: &Chain, after: &Chain, duration: u64) -> Result<bool> {
    let Some(clock) = to.layout.pallet_with(&["Now", "DidUpdate"], None) else { return Ok(false) };
    let now = |chain: &Chain| -> Result<u64> {
        let bytes = chain.storage(&clock.key("Now"))?;
        Ok(bytes.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()).unwrap_or(0))
    };
    let (from, to) = (now(before)?, now(after)?);
    let blocks = u64::from(after.number().saturating_sub(before.number()));
    // Before the first block there is no time to compare with.
    Ok(from == 0 || to.saturating_sub(from) <= blocks.saturating_add(2).saturating_mul(duration))
}

/// Compares constants of the metadata, by pallet and name. A new or removed pallet has nothing to
/// compare with.
fn constants(findings: &mut Findings, from: &Runtime, to: &Runtime) {
    let constant = |runtime: &Runtime, pallet: &str, name: &str| -> Option<u128> {
        let bytes = runtime.layout.constant(pallet, name)?;
        // Numbers of any width are little-endian.
        let mut wide = [0; 16];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(u128::from_le_bytes(wide))
    };
    for pallet in to.layout.pallets.iter().map(|pallet| pallet.name.as_str()) {
        for (name, rank, why) in CONSTANTS {
            let (old, new) = (constant(from, pallet, name), constant(to, pallet, name));
            findings.compare(&format!("{pallet}.{name}"), old, new, rank, why);
        }
        let (old, new) = (constant(from, pallet, "ExistentialDeposit"), constant(to, pallet, "ExistentialDeposit"));
        if new > old {
            let why = "accounts that have less are reaped when they are next touched";
            findings.compare(&format!("{pallet}.ExistentialDeposit"), old, new, Rank::Hazard, why);
        }
    }
    let why = "nodes that still compare it with their own do not author";
    let versions = (Some(from.version.authoring_version), Some(to.version.authoring_version));
    findings.compare("authoring_version", versions.0, versions.1, Rank::Hazard, why);
}

const CONSTANTS: [(&str, Rank, &str); 5] = [
    ("EpochDuration", Rank::Seen, "the running epoch would end at another slot than nodes expect"),
    ("ExpectedBlockTime", Rank::Seen, "the chain runs at another pace"),
    ("MinimumPeriod", Rank::Hazard, "blocks must be this far apart, in ms"),
    ("SS58Prefix", Rank::Hazard, "addresses would be written differently; is this blob of another network?"),
    ("SelfParaId", Rank::Seen, "this is another parachain's runtime"),
];

/// Compares the number of the chain at its relay chain.
fn identity(
    findings: &mut Findings,
    from: &Runtime,
    to: &Runtime,
    enacted: &Chain,
    migrated: Option<&Chain>,
    executor: &Executor,
) -> Result<()> {
    let why = "the relay chain knows this parachain under another number";
    let (old, new) = (parachain_id(from, enacted, executor)?, parachain_id(to, enacted, executor)?);
    findings.compare("the parachain's number", old, new, Rank::Seen, why);
    if let Some(migrated) = migrated {
        let new = parachain_id(to, migrated, executor)?;
        findings.compare("the parachain's number after the migrations", old, new, Rank::Seen, why);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUSAMA: Babe = (6_000, 600, (1, 4));

    fn found(new: Option<Babe>) -> Vec<Rank> {
        let mut findings = Findings::default();
        findings.babe(Some(KUSAMA), new);
        findings.told.iter().map(|finding| finding.rank).collect()
    }

    #[test]
    fn each_of_babes_parameters_fails_alone() {
        assert_eq!(found(Some(KUSAMA)), []);
        for other in [(3_000, 600, (1, 4)), (6_000, 2_400, (1, 4)), (6_000, 600, (1, 2))] {
            assert_eq!(found(Some(other)), [Rank::Seen]);
        }
        assert_eq!(found(None), [], "an API that is gone is for another check");
    }
}
