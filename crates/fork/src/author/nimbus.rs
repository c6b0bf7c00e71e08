// SPDX-License-Identifier: Apache-2.0
//! The possible authors of a chain with Nimbus: keys in the state, some of which the runtime
//! accepts as author.

use super::slots;
use crate::{
    chain::Chain,
    executor::{Code, Executor},
    header::{Header, NIMBUS},
    layout::Layout,
    sample,
};
use codec::{Compact, Decode, Encode};
use sp_runtime::DigestItem;
use worker::{Kind, Result};

/// `NimbusId`: a public key of sr25519.
pub(super) type Id = [u8; 32];

/// More than the collators of any chain.
const MAX_AUTHORS: usize = 4_096;

/// Returns the authors to try, the most likely first: one that is eligible by every slot count, or
/// one for each count. The runtime chooses what it counts: relay chain blocks, slots, or the
/// chain's own blocks.
pub(super) fn authors(
    chain: &Chain,
    executor: &Executor,
    code: &Code,
    layout: &Layout,
    beacons: &[u32],
) -> Result<Vec<Id>> {
    let known = known_authors(chain, layout)?;
    let is_eligible = |id: &Id, slot: u32| -> Result<bool> {
        let arguments = (id, slot, chain.header()).encode();
        match chain.call(executor, code, "NimbusApi_can_author", &arguments) {
            Ok(answer) => Ok(answer.first() == Some(&1)),
            Err(failure) if failure.kind == Kind::Check => Ok(false),
            Err(failure) => Err(failure),
        }
    };
    let chosen = choose(&known, beacons, is_eligible)?;
    if chosen.is_empty() {
        return Err(slots::cannot_author(format!(
            "none of the {} authors in the state may author the next one according to NimbusApi_can_author",
            known.len()
        )));
    }
    Ok(chosen)
}

fn choose(known: &[Id], beacons: &[u32], is_eligible: impl Fn(&Id, u32) -> Result<bool>) -> Result<Vec<Id>> {
    let mut each = vec![None; beacons.len()];
    for id in known {
        let mut always = true;
        for (beacon, first) in beacons.iter().zip(&mut each) {
            if is_eligible(id, *beacon)? {
                first.get_or_insert(*id);
            } else {
                always = false;
            }
        }
        if always {
            return Ok(vec![*id]);
        }
    }
    let mut chosen = Vec::new();
    for id in each.into_iter().flatten() {
        if !chosen.contains(&id) {
            chosen.push(id);
        }
    }
    Ok(chosen)
}

/// Returns the authors' keys: from the last block, from sessions, from pallets that map keys to
/// accounts, and from Aura, which some chains use together with Nimbus.
fn known_authors(chain: &Chain, layout: &Layout) -> Result<Vec<Id>> {
    let mut ids: Vec<Id> = author_of_block(chain.header()).into_iter().collect();
    for pallet in layout.pallets.iter() {
        let maps = ["MappingWithDeposit", "Mapping", "KeyOwner"].into_iter().filter(|item| pallet.has_item(item));
        for item in maps {
            let (entries, _) = sample::entries(chain, &pallet.key(item), MAX_AUTHORS)?;
            ids.extend(entries.iter().filter_map(|(key, _)| author_of_map_key(item, key)));
        }
        let lists = ["Authorities", "Validators", "EligibleCandidates", "StoredAccounts"];
        for item in lists.into_iter().filter(|item| pallet.has_item(item)) {
            let list = chain.storage(&pallet.key(item))?.unwrap_or_default();
            ids.extend(authors_of_list(&list));
        }
    }
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    ids.truncate(MAX_AUTHORS);
    Ok(ids)
}

fn author_of_block(header: &Header) -> Option<Id> {
    let mut items = header.digest.logs.iter().filter_map(DigestItem::as_pre_runtime);
    items.find(|(engine, _)| *engine == NIMBUS).and_then(|(_, data)| data.try_into().ok())
}

/// Reads the author's key from the key of a map's entry, which ends with it. `KeyOwner` has keys of
/// all types: the type, then the bytes with their length.
fn author_of_map_key(item: &str, key: &[u8]) -> Option<Id> {
    // The key follows two hashes of 16 bytes and one of at least 8.
    let (before, id) = key.get(40..)?.split_last_chunk::<32>()?;
    let is_of_nimbus = item != "KeyOwner" || before.ends_with(&[&NIMBUS[..], &Compact(32u32).encode()].concat());
    is_of_nimbus.then_some(*id)
}

/// Decodes a list of keys. Returns an empty list if the value has anything else in it.
fn authors_of_list(bytes: &[u8]) -> Vec<Id> {
    let mut rest = bytes;
    match Vec::<Id>::decode(&mut rest) {
        Ok(ids) if rest.is_empty() => ids,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::H256;
    use sp_runtime::{Digest, traits::Header as _};

    #[test]
    fn an_author_eligible_by_every_slot_count_is_chosen_alone() {
        let known = [[1; 32], [2; 32], [3; 32]];
        let chosen =
            |is_eligible: fn(u8, u32) -> bool| choose(&known, &[10, 20], |id, slot| Ok(is_eligible(id[0], slot)));
        assert_eq!(chosen(|id, _| id == 3).expect("chosen"), [[3; 32]]);
        assert_eq!(chosen(|id, slot| u32::from(id) * 10 == slot).expect("chosen"), [[1; 32], [2; 32]]);
        assert_eq!(chosen(|id, slot| id == 2 && slot == 20).expect("chosen"), [[2; 32]]);
        assert!(chosen(|_, _| false).expect("chosen").is_empty());
    }

    #[test]
    fn authors_are_read_from_every_known_storage_item() {
        let (id, map) = ([7; 32], [0; 32]);
        let session = |kind: &[u8]| [&map[..], &[0; 8], kind, &[128], &id].concat();
        assert_eq!(author_of_map_key("KeyOwner", &session(b"nmbs")), Some(id));
        assert_eq!(author_of_map_key("KeyOwner", &session(b"aura")), None, "a key for something else");
        assert_eq!(author_of_map_key("MappingWithDeposit", &[&map[..], &[0; 16], &id].concat()), Some(id));
        assert_eq!(author_of_map_key("Mapping", &map), None);
        assert_eq!(authors_of_list(&[[8].as_slice(), &id, &[8; 32]].concat()), [id, [8; 32]]);
        assert!(authors_of_list(&[&[4], &id[..], &[1; 8]].concat()).is_empty(), "keys with weights are Babe's");
        let logs = vec![DigestItem::PreRuntime(*b"nmbs", id.to_vec()), DigestItem::PreRuntime(*b"rand", vec![1])];
        let header = Header::new(1, H256::zero(), H256::zero(), H256::zero(), Digest { logs });
        assert_eq!(author_of_block(&header), Some(id));
    }
}
