// SPDX-License-Identifier: Apache-2.0
//! Does the upgrade require of nodes what deployed ones may not support?
//!
//! Every node follows a switch of the runtime at once. Nodes that do not know it disagree: old
//! validators dispute what new ones approve, and collators build blocks that no validator backs. No
//! state shows which nodes are deployed. So a switch is a hazard until someone allows it by name
//! (see [`crate::allowance`]).

use crate::{
    ask::ask,
    input::Runtime,
    rehearsal::Rehearsal,
    types::{Interface, compare, interface::Item, read},
};
use codec::{Compact, Decode};
use fork::{Chain, Executor};
use protocol::{CheckOutcome, Finding};
use scale_info::TypeDef;
use std::collections::BTreeSet;
use worker::Result;

/// `node_features::FeatureIndex` of polkadot-primitives 26.
const FEATURES: [&str; 5] = [
    "EnableAssignmentsV2",
    "ElasticScalingMVP",
    "AvailabilityChunkMapping",
    "CandidateReceiptV2",
    "CandidateReceiptV3",
];

/// The most pending configurations that are read.
const MOST_PENDING: u32 = 64;
/// The most features that are read.
const MOST_FEATURES: u32 = 4_096;

#[derive(Default)]
struct Findings {
    told: Vec<Finding>,
    compared: usize,
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, executor, .. } = rehearsal;
    let enacted = rehearsal.enacted()?;
    let mut findings = Findings::default();
    if let (Some(old), Some(new)) = (from.interface(), to.interface()) {
        headers(&old, &new, &mut findings);
    }
    if let Some(reached) = rehearsal.reached()? {
        validators(from, to, enacted, reached, &mut findings)?;
    }
    collators(from, to, enacted, executor, &mut findings)?;
    let Findings { mut told, compared } = findings;
    if compared == 0 {
        return Ok(CheckOutcome::skip("neither validators nor collators take switches from this runtime"));
    }
    if told.is_empty() {
        return Ok(CheckOutcome::pass(format!("{compared} switches of nodes are as they were")));
    }
    let detail = match told.len() {
        1 => "a switch that every node has to know beforehand".to_owned(),
        many => format!("{many} switches that every node has to know beforehand"),
    };
    told.push(Finding::note("where they are known to be ready: --allow node-demands=REASON"));
    Ok(CheckOutcome::judged(detail, told))
}

/// Compares the type of block headers. Nodes decode headers by a type that is compiled into them, so the first block of
/// another one is refused by all that were not updated.
fn headers(old: &Interface<'_>, new: &Interface<'_>, findings: &mut Findings) {
    let of = |interface: &Interface<'_>| {
        let method = interface.method("Core", "initialize_block")?;
        method.inputs.first().copied()
    };
    let (Some(had), Some(has)) = (of(old), of(new)) else { return };
    let found = compare(old, had, new, has);
    if found.breaking() {
        findings.compared += 1;
        let summary = found.summary();
        findings.told.push(Finding::hazard(format!("nodes must decode block headers of another type: {summary}")));
    }
}

/// Compares the features of validators that the configuration of a relay chain enables, now or for
/// a later session.
fn validators(from: &Runtime, to: &Runtime, before: &Chain, after: &Chain, findings: &mut Findings) -> Result<()> {
    let (Some(old), Some(new)) = (from.interface(), to.interface()) else { return Ok(()) };
    let (Some(had), Some(has)) = (features(&old, before)?, features(&new, after)?) else { return Ok(()) };
    findings.compared += 1;
    for index in has.difference(&had) {
        let name = FEATURES.get(*index as usize).copied().unwrap_or("not one that Cutover knows");
        findings.told.push(Finding::hazard(format!(
            "node feature {index} ({name}) is switched on: validators that do not know it dispute those that do"
        )));
    }
    Ok(())
}

/// Returns the features of all configurations that are or will be in force; nothing where the
/// runtime has no such configuration.
fn features(interface: &Interface<'_>, chain: &Chain) -> Result<Option<BTreeSet<u32>>> {
    let pallet = interface.pallets.iter().find(|pallet| {
        ["ActiveConfig", "PendingConfigs"].iter().all(|item| pallet.items.iter().any(|known| known.name == *item))
    });
    let Some(pallet) = pallet else { return Ok(None) };
    let mut all = None;
    if let Some(active) = pallet.item("ActiveConfig")
        && let Some(bytes) = chain.storage(&pallet.key("ActiveConfig"))?
    {
        all = of_configuration(interface, active.value, &bytes);
    }
    if let (Some(all), Some(pending)) = (&mut all, pallet.item("PendingConfigs"))
        && let Some(bytes) = chain.storage(&pallet.key("PendingConfigs"))?
    {
        all.extend(scheduled(interface, pending, &bytes).unwrap_or_default());
    }
    Ok(all)
}

/// `PendingConfigs` is a list of sessions with the configuration that is in force from each.
fn scheduled(interface: &Interface<'_>, item: &Item<'_>, bytes: &[u8]) -> Option<BTreeSet<u32>> {
    let types = interface.types;
    let TypeDef::Sequence(list) = &types.resolve(item.value)?.type_def else { return None };
    let TypeDef::Tuple(entry) = &types.resolve(list.type_param.id)?.type_def else { return None };
    let [session, configuration] = entry.fields.as_slice() else { return None };
    let mut input = bytes;
    let mut all = BTreeSet::new();
    for _ in 0..Compact::<u32>::decode(&mut input).ok()?.0.min(MOST_PENDING) {
        input = read::skip(types, session.id, input).ok()?;
        let left = read::skip(types, configuration.id, input).ok()?;
        all.extend(of_configuration(interface, configuration.id, &input[..input.len() - left.len()])?);
        input = left;
    }
    Some(all)
}

fn of_configuration(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Option<BTreeSet<u32>> {
    let leaves = read::leaves(interface.types, id, bytes).ok()?;
    let (_, leaf, bits) = leaves.into_iter().find(|(path, _, _)| path == "node_features")?;
    matches!(interface.types.resolve(leaf)?.type_def, TypeDef::BitSequence(_)).then_some(())?;
    // `BitVec<u8, Lsb0>`: the number of bits, then eight of them a byte, the lowest first.
    let mut bits = bits;
    let count = Compact::<u32>::decode(&mut bits).ok()?.0.min(MOST_FEATURES);
    let is_set = |index: &u32| bits.get((index / 8) as usize).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
    Some((0..count).filter(is_set).collect())
}

/// Compares what the runtime of a parachain tells collators about building blocks. Older collators
/// do not read it and build as before.
fn collators(from: &Runtime, to: &Runtime, chain: &Chain, executor: &Executor, findings: &mut Findings) -> Result<()> {
    if to.layout.parachain_system().is_none() {
        return Ok(());
    }
    let number = |runtime: &Runtime, function: &str| -> Result<Option<u32>> {
        let answer = ask(runtime, chain, executor, function, &[])?.value();
        Ok(answer.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()))
    };
    let flag = |runtime: &Runtime, function: &str| -> Result<bool> {
        let answer = ask(runtime, chain, executor, function, &[])?.value();
        Ok(answer.is_some_and(|bytes| bytes.first() == Some(&1)))
    };
    findings.compared += 1;
    // Without the function collators build on the newest relay block.
    const OFFSET: &str = "RelayParentOffsetApi_relay_parent_offset";
    let (had, has) = (number(from, OFFSET)?.unwrap_or(0), number(to, OFFSET)?.unwrap_or(0));
    if had != has {
        findings.told.push(Finding::hazard(format!(
            "the relay parent offset goes from {had} to {has}: validators back no block of a collator that builds by the old one"
        )));
    }
    const SCHEDULING: &str = "SchedulingV3EnabledApi_scheduling_v3_enabled";
    let (had_v3, v3) = (flag(from, SCHEDULING)?, flag(to, SCHEDULING)?);
    if v3 && !had_v3 {
        findings.told.push(Finding::hazard(
            "scheduling of version 3 is switched on: collators must make candidates of that version",
        ));
    }
    // A chain that already has both is not stopped by this upgrade.
    if v3 && has > 0 && !(had_v3 && had > 0) {
        findings.told.push(Finding::seen(format!(
            "scheduling of version 3 and a relay parent offset of {has} exclude each other: no block is backed"
        )));
    }
    const RATE: &str = "TargetBlockRate_target_block_rate";
    if let (Some(had), Some(has)) = (number(from, RATE)?, number(to, RATE)?)
        && had != has
    {
        findings.told.push(Finding::hazard(format!(
            "{has} blocks per relay chain slot instead of {had}: collators must be able to"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::interface::{Api, Method};
    use codec::Encode;
    use scale_info::{MetaType, Path, PortableRegistry, Registry, Type, TypeDefBitSequence, TypeInfo, build::Fields};

    struct Lsb0;

    impl TypeInfo for Lsb0 {
        type Identity = Self;

        fn type_info() -> Type {
            Type::builder().path(Path::new("Lsb0", "bitvec::order")).composite(Fields::unit())
        }
    }

    struct NodeFeatures;

    impl TypeInfo for NodeFeatures {
        type Identity = Self;

        fn type_info() -> Type {
            TypeDefBitSequence::new::<u8, Lsb0>().into()
        }
    }

    #[derive(TypeInfo)]
    #[allow(dead_code)]
    struct Configuration {
        max_code_size: u32,
        node_features: NodeFeatures,
    }

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    fn configuration(bits: u32, bytes: &[u8]) -> Vec<u8> {
        [3_145_728u32.encode(), Compact(bits).encode(), bytes.to_vec()].concat()
    }

    fn initialized_by<'t>((types, id): &'t (PortableRegistry, u32)) -> Interface<'t> {
        let method = Method { name: "initialize_block", inputs: vec![*id], output: *id };
        Interface { apis: vec![Api { name: "Core", methods: vec![method] }], ..Interface::empty(types) }
    }

    #[test]
    fn headers_of_another_type_are_a_hazard() {
        let (usual, longer) = (registry::<([u8; 32], u32)>(), registry::<([u8; 32], u32, [u8; 32])>());
        let told = |old, new| {
            let mut findings = Findings::default();
            headers(&initialized_by(old), &initialized_by(new), &mut findings);
            findings.told
        };
        assert!(told(&usual, &usual).is_empty());
        let [finding] = &told(&usual, &longer)[..] else { panic!("one finding") };
        assert_eq!(finding.rank, protocol::Rank::Hazard);
    }

    #[test]
    fn features_are_the_bits_that_are_set() {
        let (types, id) = registry::<Configuration>();
        let interface = Interface::empty(&types);
        let of = |bytes: &[u8]| of_configuration(&interface, id, bytes);
        assert_eq!(of(&configuration(10, &[0b0000_1001, 0b10])), Some(BTreeSet::from([0, 3, 9])));
        assert_eq!(of(&configuration(0, &[])), Some(BTreeSet::new()));
        assert_eq!(of(&[0; 3]), None, "what does not decode says nothing");
    }

    #[test]
    fn features_of_a_session_to_come_count() {
        let (types, list) = registry::<Vec<(u32, Configuration)>>();
        let interface = Interface::empty(&types);
        let item = Item { name: "PendingConfigs", value: list, ..Item::default() };
        let entry = |session: u32, configuration: Vec<u8>| [session.encode(), configuration].concat();
        let pending =
            [Compact(2u32).encode(), entry(7, configuration(1, &[1])), entry(8, configuration(4, &[0b1000]))].concat();
        assert_eq!(scheduled(&interface, &item, &pending), Some(BTreeSet::from([0, 3])));
    }
}
