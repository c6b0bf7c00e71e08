// SPDX-License-Identifier: Apache-2.0
//! Reads entries of a state by the names that the metadata has for them.

use crate::{
    dispatch::stage::Member,
    types::{Interface, compare::unwrapped, read},
};
use codec::{Compact, Decode};
use compat::value::Part;
use fork::Chain;
use scale_info::{PortableRegistry, TypeDef};
use worker::Result;

/// The most characters of a value in words.
const LONGEST: usize = 400;
/// The most entries of a map that are looked through.
const MOST: usize = 2_000;

/// A whole core (`PartsOf57600` of pallet-broker).
pub const WHOLE: u128 = 57_600;

/// The parts of a value, or why they are not known.
pub type Parts = std::result::Result<Vec<Part>, String>;

/// The state of a chain with the types of its runtime.
pub struct Reader<'r> {
    chain: &'r Chain,
    interface: Interface<'r>,
}

/// The share of a core that a parachain is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The number of the core, where the entry has it.
    pub core: Option<u128>,
    /// The share, of [`WHOLE`].
    pub share: u128,
    /// The other tasks with a whole core there.
    pub others: Vec<u128>,
}

impl<'r> Reader<'r> {
    pub fn of(chain: &'r Chain, member: &'r Member) -> Result<Self> {
        Ok(Self { chain, interface: member.interface()? })
    }

    /// Returns the bytes of a single value, or of the entry of a map with one key; nothing if the runtime has no such
    /// item, or the state no such entry.
    pub fn bytes(&self, pallet: &str, item: &str, key: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
        let Some(pallet) = self.interface.pallet(pallet) else { return Ok(None) };
        let known = match (pallet.item(item), key) {
            (None, _) => None,
            (Some(_), None) => Some(pallet.key(item)),
            (Some(_), Some(key)) => pallet.entry(item, key),
        };
        known.map_or(Ok(None), |key| self.chain.storage(&key))
    }

    /// Returns the same in words.
    pub fn words(&self, pallet: &str, item: &str, key: Option<&[u8]>) -> Result<Option<String>> {
        let bytes = self.bytes(pallet, item, key)?;
        Ok(bytes.and_then(|bytes| Some(self.text(self.value_type(pallet, item)?, &bytes))))
    }

    /// Returns the parts of the same: none if the state has no such entry.
    pub fn parts(&self, pallet: &str, item: &str, key: Option<&[u8]>) -> Result<Parts> {
        let Some(id) = self.value_type(pallet, item) else {
            return Ok(Err(format!("the runtime has no {pallet}.{item}")));
        };
        let Some(bytes) = self.bytes(pallet, item, key)? else { return Ok(Ok(Vec::new())) };
        let parts = compat::value::parts(self.interface.types, id, &bytes);
        Ok(parts.map_err(|why| format!("{pallet}.{item} cannot be decoded: {why}")))
    }

    /// Returns the bytes of a field of a struct: `votes_accept` of `Paras.PvfActiveVoteMap`.
    pub fn field(&self, pallet: &str, item: &str, key: Option<&[u8]>, path: &str) -> Result<Option<Vec<u8>>> {
        let (Some(bytes), Some(id)) = (self.bytes(pallet, item, key)?, self.value_type(pallet, item)) else {
            return Ok(None);
        };
        let fields = read::leaves(self.interface.types, id, &bytes).unwrap_or_default();
        Ok(fields.into_iter().find(|(found, ..)| found == path).map(|(.., bytes)| bytes.to_vec()))
    }

    /// Returns the assignments of cores that name a parachain, in the descriptors of cores of the first entries.
    pub fn assignments(&self, pallet: &str, para: u32) -> Result<Vec<Assignment>> {
        const ITEM: &str = "CoreDescriptors";
        let Some(known) = self.interface.pallet(pallet) else { return Ok(Vec::new()) };
        let Some(id) = self.value_type(pallet, ITEM) else { return Ok(Vec::new()) };
        let (entries, _) = fork::sample::entries(self.chain, &known.key(ITEM), MOST)?;
        let types = self.interface.types;
        // All cores together may have more parts than one value may have.
        let descriptors = entries.iter().flat_map(|(_, value)| elements(types, id, value));
        let parts = descriptors.filter_map(|(id, bytes)| compat::value::parts(types, id, bytes).ok());
        Ok(parts.flat_map(|parts| assignments(&parts, para)).collect())
    }

    fn value_type(&self, pallet: &str, item: &str) -> Option<u32> {
        Some(self.interface.pallet(pallet)?.item(item)?.value)
    }

    fn text(&self, id: u32, bytes: &[u8]) -> String {
        let text = compat::value::text(self.interface.types, id, bytes);
        match text.char_indices().nth(LONGEST) {
            None => text,
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        }
    }
}

/// Returns the number in a part of a value: `max_upward_queue_count` of `Configuration.ActiveConfig`.
pub fn number(parts: &[Part], path: &str) -> Option<u128> {
    parts.iter().find(|part| part.path == path).and_then(|part| part.number)
}

/// Returns the first elements of a list or a map that is one value, each with its type. Another value is its own element.
fn elements<'v>(types: &PortableRegistry, id: u32, value: &'v [u8]) -> Vec<(u32, &'v [u8])> {
    let mut rest = value;
    let list = types.resolve(unwrapped(types, id)).map(|ty| &ty.type_def);
    let (Some(TypeDef::Sequence(list)), Ok(Compact(length))) = (list, Compact::<u32>::decode(&mut rest)) else {
        return vec![(id, value)];
    };
    let element = list.type_param.id;
    let mut found = Vec::new();
    for _ in 0..MOST.min(length as usize) {
        let Ok(after) = read::skip(types, element, rest) else { break };
        let (bytes, _) = rest.split_at(rest.len() - after.len());
        found.push((element, bytes));
        rest = after;
    }
    found
}

/// Finds the assignments in the parts of a descriptor, or of a pair of a core and its descriptor. Each is a pair of a
/// `CoreAssignment` and its share: `1.current_work.assignments.0.0.Task` and `1.current_work.assignments.0.1.ratio`.
fn assignments(parts: &[Part], para: u32) -> Vec<Assignment> {
    let tasks = parts.iter().filter_map(|part| Some((part.path.strip_suffix(".0.Task")?, part.number?)));
    let tasks: Vec<_> = tasks
        .map(|(place, task)| {
            let share = number(parts, &format!("{place}.1.ratio")).or_else(|| number(parts, &format!("{place}.1")));
            (place, task, share.unwrap_or_default())
        })
        .collect();
    let own = tasks.iter().filter(|(_, task, _)| *task == u128::from(para));
    own.map(|(place, _, share)| {
        let others = tasks.iter().filter(|(other, ..)| other != place);
        Assignment {
            core: place.strip_prefix("1.").and_then(|_| number(parts, "0")),
            share: *share,
            others: others.filter(|(.., share)| *share >= WHOLE).map(|(_, task, _)| *task).collect(),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::{MetaType, Registry, TypeInfo};
    use std::collections::BTreeMap;

    #[derive(Encode, TypeInfo)]
    enum CoreAssignment {
        Idle,
        Task(u32),
    }

    #[derive(Encode, TypeInfo)]
    struct AssignmentState {
        ratio: u16,
        remaining: u16,
    }

    #[derive(Encode, TypeInfo)]
    struct WorkState {
        assignments: Vec<(CoreAssignment, AssignmentState)>,
    }

    #[derive(Encode, TypeInfo)]
    struct CoreDescriptor {
        queue: Option<u32>,
        current_work: Option<WorkState>,
    }

    fn descriptor(tasks: &[(u32, u16)]) -> CoreDescriptor {
        let own =
            |(task, ratio): &(u32, u16)| (CoreAssignment::Task(*task), AssignmentState { ratio: *ratio, remaining: 7 });
        let idle = (CoreAssignment::Idle, AssignmentState { ratio: 9, remaining: 9 });
        let assignments = tasks.iter().map(own).chain([idle]).collect();
        CoreDescriptor { queue: None, current_work: Some(WorkState { assignments }) }
    }

    fn found<T: Encode + TypeInfo + 'static>(value: &T, para: u32) -> Vec<Assignment> {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        let types = PortableRegistry::from(registry);
        let bytes = value.encode();
        let parts = elements(&types, id, &bytes).into_iter().map(|(id, bytes)| compat::value::parts(&types, id, bytes));
        parts.flat_map(|parts| assignments(&parts.expect("decoded"), para)).collect()
    }

    #[test]
    fn the_share_of_a_core_is_found_beside_those_of_others() {
        let cores = BTreeMap::from([
            (3u32, descriptor(&[(2000, 57_600), (2001, 57_600), (2002, 5)])),
            (4, descriptor(&[(2002, 100)])),
        ]);
        assert_eq!(found(&cores, 2000), [Assignment { core: Some(3), share: WHOLE, others: vec![2001] }]);
        let shares = |para| found(&cores, para).iter().map(|found| (found.core, found.share)).collect::<Vec<_>>();
        assert_eq!(shares(2002), [(Some(3), 5), (Some(4), 100)]);
        assert_eq!(found(&cores, 2003), []);
        // Older relay chains have an entry for each core.
        assert_eq!(found(&descriptor(&[(2000, 9)]), 2000), [Assignment { core: None, share: 9, others: Vec::new() }]);
    }

    #[test]
    fn the_cores_of_a_large_relay_chain_are_all_looked_through() {
        let cores: BTreeMap<_, _> = (0..400u32).map(|core| (core, descriptor(&[(2000 + core, 57_600)]))).collect();
        assert_eq!(found(&cores, 2399), [Assignment { core: Some(399), share: WHOLE, others: Vec::new() }]);
    }
}
