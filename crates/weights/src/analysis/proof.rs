// SPDX-License-Identifier: Apache-2.0
//! Estimates the proof size of a benchmark from the storage items it accessed.
//!
//! The rule is `process_storage_results` of `frame-benchmarking-cli` 64.0.0
//! (`src/pallet/writer.rs`). The first read of an entry adds 15 sibling hashes of 33 bytes for each
//! layer of a trie with the maximum number of values, and the largest value. For an item without a
//! bound the recorded proof size is used instead of the largest value.

use super::{Fit, Sample, least_squares_line, rounded, values};
use protocol::weights::raw::{Benchmark, PovMode, RawResults, Repetition, StorageItem};
use std::collections::{BTreeMap, BTreeSet};
use worker::{Failure, Result};

/// A storage item that a benchmark accessed, in the text of a weight file's comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAccess {
    /// The item with its reads and writes.
    pub line: String,
    /// One line for each accessed key of the item, with its bounds.
    pub proofs: Vec<String>,
}

/// The bytes of proof that a layer of the trie adds to a read.
const LAYER_PROOF_SIZE: u64 = 15 * 33;

/// Returns the estimated proof size, and the accessed storage items in the order of the comments.
pub fn estimate_proof(
    results: &RawResults,
    benchmark: &Benchmark,
    names: &[&str],
) -> Result<(Fit, Vec<StorageAccess>)> {
    let placeholders = placeholder_items();
    let items: BTreeMap<&[u8], &StorageItem> =
        results.storage.iter().chain(&placeholders).map(|item| (item.prefix.as_slice(), item)).collect();
    let modes = &benchmark.pov_modes;
    let all_ignored = modes.get("ALL").or_else(|| modes.get("ALL::ALL")) == Some(&PovMode::Ignored);
    let mut samples: BTreeMap<&[u8], Vec<Sample>> = BTreeMap::new();
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    let mut touched: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut list: Vec<StorageAccess> = Vec::new();
    // The last repetitions have the largest components. The first occurrence of a key gives its
    // comment.
    for repetition in benchmark.proof.iter().rev() {
        for key in repetition.keys.iter().filter(|key| !key.whitelisted) {
            let prefix = &key.key[..key.key.len().min(32)];
            let item = items.get(prefix).copied();
            let (proof, mode) = key_proof_size(results, benchmark, repetition, item, key.reads, all_ignored)?;
            samples.entry(prefix).or_default().push((values(repetition, names), proof));
            if !seen.insert(&key.key) {
                continue;
            }
            let name = item.map(|item| format!("`{}::{}`", item.pallet, item.item));
            let name = name.unwrap_or_else(|| format!("UNKNOWN KEY `{}`", hex::encode_prefixed(&key.key)));
            let counts = format!("(r:{} w:{})", key.reads, key.writes);
            let first = !touched.contains_key(prefix);
            let place = *touched.entry(prefix).or_insert_with(|| {
                list.push(StorageAccess { line: format!("{name} {counts}"), proofs: Vec::new() });
                list.len() - 1
            });
            list[place].proofs.push(match item {
                Some(item) => format!("{name} {}", proof_comment(results, item, first, mode)),
                None => format!("{name} {counts}"),
            });
        }
    }
    let mut total = Fit { slopes: vec![Default::default(); names.len()], ..Fit::default() };
    for samples in samples.values() {
        let fit = least_squares_line(samples, names)?;
        for (largest, one) in
            std::iter::once((&mut total.base, fit.base)).chain(total.slopes.iter_mut().zip(fit.slopes))
        {
            if rounded(one.value) > rounded(largest.value) {
                *largest = one;
            }
        }
    }
    Ok((total, list))
}

/// Returns the placeholders that `frame-benchmarking` uses instead of a key: where a benchmark
/// states its weight itself (`BenchmarkError::Override`), and where the runtime omits the keys.
fn placeholder_items() -> [StorageItem; 2] {
    [("Benchmark", "Override"), ("Skipped", "Metadata")].map(|(pallet, item)| StorageItem {
        pallet: pallet.into(),
        item: item.into(),
        prefix: format!("{pallet} {item}").into_bytes(),
        max_values: None,
        max_size: None,
    })
}

/// Returns the bytes of proof that a key adds in a repetition, and the mode of the estimate.
fn key_proof_size(
    results: &RawResults,
    benchmark: &Benchmark,
    repetition: &Repetition,
    item: Option<&StorageItem>,
    reads: u32,
    all_ignored: bool,
) -> Result<(u64, PovMode)> {
    let chosen = item.and_then(|item| chosen_mode(&benchmark.pov_modes, item));
    let max_size = item.and_then(|item| item.max_size);
    let overhead = trie_layers(item.and_then(|item| item.max_values).unwrap_or(results.settings.worst_case_map_values))
        * LAYER_PROOF_SIZE;
    let recorded = u64::from(repetition.proof_size);
    let name = item.map(|item| format!("{}::{}", item.pallet, item.item)).unwrap_or_default();
    if all_ignored && chosen.is_some_and(|mode| mode != PovMode::Ignored) {
        return Err(Failure::input(format!("{name} has a PoV mode of its own, but the mode of ALL is Ignored"))
            .hint("give the mode Ignored to the items one by one"));
    }
    let default = results.settings.default_pov_mode;
    let (bytes, mode) = match (chosen.unwrap_or(default), max_size) {
        (PovMode::Ignored, _) if chosen.is_none() || all_ignored => (0, PovMode::Ignored),
        (PovMode::Ignored, _) => (recorded, PovMode::Ignored),
        (PovMode::MaxEncodedLen, Some(size)) => {
            ((overhead + u64::from(size)) * u64::from(reads), PovMode::MaxEncodedLen)
        }
        (PovMode::MaxEncodedLen, None) if chosen.is_some() => {
            return Err(Failure::input(format!("{name} has no bound"))
                .expected("a storage item with a bounded type, for the mode MaxEncodedLen")
                .hint("use the mode Measured for this item"));
        }
        // An item without a bound is measured, because it has no maximum size.
        (PovMode::Measured | PovMode::MaxEncodedLen, _) => (recorded + overhead * u64::from(reads), PovMode::Measured),
    };
    let above = if reads > 0 && !all_ignored {
        LAYER_PROOF_SIZE * u64::from(results.settings.additional_trie_layers)
    } else {
        0
    };
    Ok((bytes + above, mode))
}

/// Returns the mode that the benchmark gives to an item: by the item's name, the pallet's name, or
/// for all.
fn chosen_mode(modes: &BTreeMap<String, PovMode>, item: &StorageItem) -> Option<PovMode> {
    let StorageItem { pallet, item, .. } = item;
    let names =
        [format!("{pallet}::{item}"), format!("{pallet}::ALL"), pallet.clone(), "ALL::ALL".into(), "ALL".into()];
    names.iter().find_map(|name| modes.get(name).copied())
}

/// Returns the bounds of an item in the text of a weight file's comment.
fn proof_comment(results: &RawResults, item: &StorageItem, first: bool, mode: PovMode) -> String {
    let map = item.max_values.unwrap_or(results.settings.worst_case_map_values);
    let trie = if first { trie_layers(map) * LAYER_PROOF_SIZE } else { 0 };
    let added = item.max_size.map(|size| format!(" added: {},", trie + u64::from(size))).unwrap_or_default();
    format!("(`max_values`: {:?}, `max_size`: {:?},{added} mode: `{mode:?}`)", item.max_values, item.max_size)
}

/// Returns the number of layers of a trie with this number of values and 16 children per node.
fn trie_layers(values: u32) -> u64 {
    let (mut layers, mut room) = (0, 1u64);
    while room < u64::from(values) {
        room *= 16;
        layers += 1;
    }
    if values == 1 { 1 } else { layers }
}

#[cfg(test)]
mod tests {
    #[test]
    fn layers_are_the_logarithm_rounded_up() {
        let known = [
            (0, 0),
            (1, 1),
            (16, 1),
            (17, 2),
            (256, 2),
            (257, 3),
            (65_536, 4),
            (65_537, 5),
            (16_777_217, 7),
            (u32::MAX, 8),
        ];
        for (values, layers) in known {
            assert_eq!(super::trie_layers(values), layers, "{values}");
        }
    }
}
