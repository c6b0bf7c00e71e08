// SPDX-License-Identifier: Apache-2.0
//! Compares two builds of one runtime byte by byte, and finds the causes of differences.

mod causes;
mod parts;

use crate::{Blob, hashes::blake2_256, metadata::Metadata, pace};
use parts::Parts;
use protocol::bytes::{
    BlobDifference, BlobSide, BuildFacts, FirstDifference, FunctionDifference, ListDifference, SectionDifference,
    SegmentDifference,
};
use std::collections::{BTreeMap, BTreeSet};
use worker::Result;

/// The number of entries of a long list that are in the result. The counts are always complete.
const LIST_LIMIT: usize = 20;

/// Compares two blobs, each with its name in messages.
///
/// `facts` are the known facts of the two builds, and `features` the features of the runtime's
/// package.
pub fn diff_bytes(
    (old_name, old): (&str, &Blob),
    (new_name, new): (&str, &Blob),
    facts: (&BuildFacts, &BuildFacts),
    features: &[String],
) -> Result<BlobDifference> {
    let (old_parts, new_parts) = (Parts::read(old_name, old)?, Parts::read(new_name, new)?);
    let mut difference = BlobDifference {
        format: protocol::format::BLOB_DIFFERENCE.to_owned(),
        old: side(old_name, old, &old_parts),
        new: side(new_name, new, &new_parts),
        same: old.deployed == new.deployed,
        same_wasm: old.wasm == new.wasm,
        first_difference: first_difference(&old.wasm, &new.wasm).map(|offset| FirstDifference {
            offset,
            old: old_parts.location(offset),
            new: new_parts.location(offset),
            old_bytes: bytes_at(&old.wasm, offset),
            new_bytes: bytes_at(&new.wasm, offset),
        }),
        sections: sections(old, &old_parts, new, &new_parts),
        functions: functions(old, &old_parts, new, &new_parts),
        data: segments(old, &old_parts, new, &new_parts),
        imports: list_difference(&old_parts.imports, &new_parts.imports),
        exports: list_difference(&old_parts.exports, &new_parts.exports),
        paths: list_difference(&old_parts.paths, &new_parts.paths),
        producers: list_difference(&producers(&old_parts), &producers(&new_parts)),
        target_features: list_difference(
            &old_parts.facts.features.iter().cloned().collect(),
            &new_parts.facts.features.iter().cloned().collect(),
        ),
        causes: Vec::new(),
    };
    difference.causes = causes::rank(&difference, (&old_parts.paths, &new_parts.paths), facts, features);
    for only in [
        &mut difference.imports,
        &mut difference.exports,
        &mut difference.paths,
        &mut difference.producers,
        &mut difference.target_features,
    ] {
        only.only_old.truncate(LIST_LIMIT);
        only.only_new.truncate(LIST_LIMIT);
    }
    Ok(difference)
}

/// Returns the facts of one blob.
fn side(name: &str, blob: &Blob, parts: &Parts) -> BlobSide {
    let version = parts.facts.version.as_ref();
    BlobSide {
        name: name.to_owned(),
        size: blob.deployed.len(),
        size_decompressed: blob.wasm.len(),
        compressed: blob.compressed,
        blake2_256: hex::encode_prefixed(blake2_256(&blob.deployed)),
        wasm_blake2_256: hex::encode_prefixed(blake2_256(&blob.wasm)),
        spec_name: version.map(|version| version.spec_name.clone()),
        spec_version: version.map(|version| version.spec_version),
        names: parts.has_names,
        // A runtime that cannot be executed is compared without durations.
        pace: Metadata::read(name, blob).map(|metadata| pace::of(&metadata.pallets)).unwrap_or_default(),
    }
}

fn producers(parts: &Parts) -> BTreeSet<String> {
    let all = parts.facts.producers.iter();
    all.map(|producer| format!("{} {} {}", producer.field, producer.name, producer.version)).collect()
}

/// Returns the offset of the first differing byte.
fn first_difference(old: &[u8], new: &[u8]) -> Option<usize> {
    let differs = old.iter().zip(new).position(|(old, new)| old != new);
    differs.or((old.len() != new.len()).then_some(old.len().min(new.len())))
}

/// Returns up to 16 bytes at an offset, in hex.
fn bytes_at(bytes: &[u8], offset: usize) -> String {
    hex::encode_prefixed(bytes.get(offset..bytes.len().min(offset + 16)).unwrap_or_default())
}

/// Compares the sections by their names.
fn sections(old: &Blob, old_parts: &Parts, new: &Blob, new_parts: &Parts) -> Vec<SectionDifference> {
    let find = |parts: &Parts, name: &str| {
        parts.sections.iter().find(|(other, _)| other == name).map(|(_, range)| range.clone())
    };
    let mut names: Vec<&String> = old_parts.sections.iter().map(|(name, _)| name).collect();
    for (name, _) in &new_parts.sections {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let all = names.into_iter().map(|name| {
        let (left, right) = (find(old_parts, name), find(new_parts, name));
        let bytes = |blob: &Blob, range: &Option<std::ops::Range<usize>>| {
            range.clone().and_then(|range| blob.wasm.get(range).map(<[u8]>::to_vec))
        };
        SectionDifference {
            name: name.clone(),
            same: bytes(old, &left) == bytes(new, &right),
            old_size: left.map(|range| range.len()),
            new_size: right.map(|range| range.len()),
        }
    });
    all.collect()
}

/// Compares the functions: first by their bodies, then by the kinds of their instructions.
fn functions(old: &Blob, old_parts: &Parts, new: &Blob, new_parts: &Parts) -> FunctionDifference {
    let body = |blob: &Blob, parts: &Parts, index: usize| {
        blob.wasm.get(parts.functions[index].body.clone()).map(blake2_256).unwrap_or_default()
    };
    let mut result = FunctionDifference {
        old: old_parts.functions.len(),
        new: new_parts.functions.len(),
        same_order: true,
        ..FunctionDifference::default()
    };
    // Equal functions are paired in their order.
    let old_bodies = (0..result.old).map(|index| (body(old, old_parts, index), index));
    let new_bodies = (0..result.new).map(|index| (body(new, new_parts, index), index));
    let (mut pairs, old_left, new_left) = pair(old_bodies, new_bodies);
    result.identical = pairs.len();
    let old_shapes = old_left.into_iter().map(|index| (old_parts.functions[index].shape, index));
    let new_shapes = new_left.into_iter().map(|index| (new_parts.functions[index].shape, index));
    let (alike, only_old, only_new) = pair(old_shapes, new_shapes);
    result.same_shape = alike.len();
    pairs.extend(alike);
    pairs.sort_unstable();
    result.same_order = pairs.windows(2).all(|two| two[0].1 < two[1].1);
    let bytes = |parts: &Parts, all: &[usize]| all.iter().map(|index| parts.functions[*index].body.len()).sum();
    let labels = |parts: &Parts, all: &[usize]| all.iter().take(LIST_LIMIT).map(|index| parts.label(*index)).collect();
    result.only_old_count = only_old.len();
    result.only_new_count = only_new.len();
    result.only_old_bytes = bytes(old_parts, &only_old);
    result.only_new_bytes = bytes(new_parts, &only_new);
    result.only_old = labels(old_parts, &only_old);
    result.only_new = labels(new_parts, &only_new);
    result
}

/// Pairs positions with the same key. Returns the pairs and the unpaired positions of either side,
/// in order.
fn pair<Key: Ord>(
    old: impl Iterator<Item = (Key, usize)>,
    new: impl Iterator<Item = (Key, usize)>,
) -> (Vec<(usize, usize)>, Vec<usize>, Vec<usize>) {
    let mut waiting: BTreeMap<Key, std::collections::VecDeque<usize>> = BTreeMap::new();
    for (key, index) in old {
        waiting.entry(key).or_default().push_back(index);
    }
    let (mut pairs, mut left) = (Vec::new(), Vec::new());
    for (key, index) in new {
        match waiting.get_mut(&key).and_then(std::collections::VecDeque::pop_front) {
            Some(partner) => pairs.push((partner, index)),
            None => left.push(index),
        }
    }
    let mut rest: Vec<usize> = waiting.into_values().flatten().collect();
    rest.sort_unstable();
    (pairs, rest, left)
}

/// Compares the data segments.
fn segments(old: &Blob, old_parts: &Parts, new: &Blob, new_parts: &Parts) -> Vec<SegmentDifference> {
    let bytes = |blob: &'_ Blob, parts: &Parts, index: usize| {
        parts.data.get(index).and_then(|range| blob.wasm.get(range.clone())).map(<[u8]>::to_vec)
    };
    let count = old_parts.data.len().max(new_parts.data.len());
    let all = (0..count).filter_map(|index| {
        let (left, right) = (bytes(old, old_parts, index), bytes(new, new_parts, index));
        if left == right {
            return None;
        }
        Some(SegmentDifference {
            index,
            old_size: left.as_ref().map(Vec::len),
            new_size: right.as_ref().map(Vec::len),
            first_difference: left.zip(right).and_then(|(left, right)| first_difference(&left, &right)),
        })
    });
    all.take(LIST_LIMIT).collect()
}

/// Compares two lists.
fn list_difference(old: &BTreeSet<String>, new: &BTreeSet<String>) -> ListDifference {
    ListDifference {
        same: old == new,
        only_old: old.difference(new).cloned().collect(),
        only_new: new.difference(old).cloned().collect(),
    }
}

#[cfg(test)]
mod tests;
