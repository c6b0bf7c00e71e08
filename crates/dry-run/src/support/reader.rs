// SPDX-License-Identifier: Apache-2.0
//! Reads entries of a state by the names that the metadata has for them.

use crate::{dispatch::stage::Member, types::Interface};
use compat::value::Part;
use fork::Chain;
use worker::Result;

/// The most characters of a value in words.
const LONGEST: usize = 400;
/// The most entries of a map that are looked through.
const MOST: usize = 2_000;

/// A whole core (`PartsOf57600` of pallet-broker).
pub const WHOLE: u128 = 57_600;

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

    /// Returns the number in a part of a value: `max_upward_queue_count` of `Configuration.ActiveConfig`.
    pub fn number(&self, pallet: &str, item: &str, key: Option<&[u8]>, part: &str) -> Result<Option<u128>> {
        let (Some(bytes), Some(id)) = (self.bytes(pallet, item, key)?, self.value_type(pallet, item)) else {
            return Ok(None);
        };
        let parts = compat::value::parts(self.interface.types, id, &bytes).unwrap_or_default();
        Ok(parts.into_iter().find(|found| found.path == part).and_then(|found| found.number))
    }

    /// Returns the assignments of cores that name a parachain, in the descriptors of cores of the first entries.
    pub fn assignments(&self, pallet: &str, para: u32) -> Result<Vec<Assignment>> {
        const ITEM: &str = "CoreDescriptors";
        let Some(known) = self.interface.pallet(pallet) else { return Ok(Vec::new()) };
        let Some(id) = self.value_type(pallet, ITEM) else { return Ok(Vec::new()) };
        let (entries, _) = fork::sample::entries(self.chain, &known.key(ITEM), MOST)?;
        let parts = entries.iter().filter_map(|(_, value)| compat::value::parts(self.interface.types, id, value).ok());
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

/// Finds the assignments in the parts of a descriptor, or of the descriptors of all cores by their numbers. Each is a pair
/// of a `CoreAssignment` and its share: `1.current_work.assignments.0.0.Task` and `1.current_work.assignments.0.1.ratio`.
fn assignments(parts: &[Part], para: u32) -> Vec<Assignment> {
    let number = |path: &str| parts.iter().find(|part| part.path == path).and_then(|part| part.number);
    let tasks = parts.iter().filter_map(|part| Some((part.path.strip_suffix(".0.Task")?, part.number?)));
    let tasks: Vec<_> = tasks
        .map(|(place, task)| {
            let share = number(&format!("{place}.1.ratio")).or_else(|| number(&format!("{place}.1")));
            (place, task, share.unwrap_or_default())
        })
        .collect();
    let list = |place: &str| place.rsplit_once('.').map_or(String::new(), |(list, _)| list.to_owned());
    let own = tasks.iter().filter(|(_, task, _)| *task == u128::from(para));
    own.map(|(place, _, share)| {
        let others = tasks.iter().filter(|(other, ..)| other != place && list(other) == list(place));
        Assignment {
            core: place.split_once(".1.").and_then(|(entry, _)| number(&format!("{entry}.0"))),
            share: *share,
            others: others.filter(|(.., share)| *share >= WHOLE).map(|(_, task, _)| *task).collect(),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, number: u128) -> Part {
        Part { path: path.into(), types: Vec::new(), text: number.to_string(), number: Some(number) }
    }

    #[test]
    fn the_share_of_a_core_is_found_beside_those_of_others() {
        let all = [
            part("0.0", 3),
            part("0.1.current_work.assignments.0.0.Task", 2000),
            part("0.1.current_work.assignments.0.1.ratio", 57_600),
            part("0.1.current_work.assignments.0.1.remaining", 7),
            part("0.1.current_work.assignments.1.0.Task", 2001),
            part("0.1.current_work.assignments.1.1.ratio", 57_600),
            part("1.0", 4),
            part("1.1.current_work.assignments.0.0.Task", 2002),
            part("1.1.current_work.assignments.0.1.ratio", 100),
        ];
        let whole = Assignment { core: Some(3), share: WHOLE, others: vec![2001] };
        assert_eq!(assignments(&all, 2000), [whole]);
        assert_eq!(assignments(&all, 2002), [Assignment { core: Some(4), share: 100, others: Vec::new() }]);
        assert_eq!(assignments(&all, 2003), []);
        // Older relay chains have an entry for each core.
        let entry = [part("current_work.assignments.0.0.Task", 2000), part("current_work.assignments.0.1.ratio", 9)];
        assert_eq!(assignments(&entry, 2000), [Assignment { core: None, share: 9, others: Vec::new() }]);
    }
}
