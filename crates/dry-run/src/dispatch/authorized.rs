// SPDX-License-Identifier: Apache-2.0
//! The codes that the chains authorize after a call, and those that the call put in place. They are read from the states,
//! so it does not matter by which calls and messages they came there.

use super::{
    entry::{Entry, Items},
    run::Run,
    stage::Member,
};
use crate::{messages::Place, types::read};
use artifact::hashes::blake2_256;
use codec::Decode;
use protocol::rehearse::{AuthorizedCode, CodeStage};
use scale_info::PortableRegistry;
use std::collections::BTreeSet;
use worker::Result;

/// The keys outside of pallets that have codes, and how far each is.
const KEYS: [(&str, CodeStage); 2] = [(":code", CodeStage::InPlace), (":pending_code", CodeStage::Pending)];
/// The item that has the authorization of a chain's own code: of frame-system, and of older parachains.
const AUTHORIZED: &str = "AuthorizedUpgrade";
/// The item that has the code of a parachain until its relay chain lets it in.
const PENDING: &str = "PendingValidationCode";
/// The items of a relay chain that have the hashes of its parachains' codes (`paras`).
const OF_PARACHAINS: [(&str, CodeStage); 3] = [
    ("AuthorizedCodeHash", CodeStage::Authorized),
    ("FutureCodeHash", CodeStage::Pending),
    ("CurrentCodeHash", CodeStage::InPlace),
];
/// The length of a hash.
const HASH: usize = 32;

/// An authorization in a state.
#[derive(Debug, Default, PartialEq, Eq)]
struct Authorization {
    /// Nothing if the value has another form.
    hash: Option<[u8; HASH]>,
    checks_version: Option<bool>,
}

/// Returns the codes of all chains. Those that were authorized before the call are told too: anyone may apply them.
pub fn codes(members: &[Member], with: &Run<'_>, without: &Run<'_>) -> Result<Vec<AuthorizedCode>> {
    let mut found = Vec::new();
    for (position, member) in members.iter().enumerate() {
        let interface = member.interface()?;
        let items = Items::of(&interface);
        let mut keys: BTreeSet<Vec<u8>> = with.changed(position).into_iter().map(<[u8]>::to_vec).collect();
        // An authorization that no block changed was there before.
        let authorized = interface.pallets.iter().filter(|pallet| pallet.item(AUTHORIZED).is_some());
        keys.extend(authorized.map(|pallet| pallet.key(AUTHORIZED)));
        for key in keys {
            let entry = items.entry(&key);
            let Some(kind) = Kind::of(&key, entry.as_ref()) else { continue };
            let Some(value) = with.stage.chain(member)?.storage(&key)? else { continue };
            let by_the_call = without.stage.chain(member)?.storage(&key)?.as_ref() != Some(&value);
            if !by_the_call && kind.stage != CodeStage::Authorized {
                continue;
            }
            let Some(Authorization { hash, checks_version }) = kind.read(entry.as_ref(), &value) else { continue };
            let owner = |id: u32| members.iter().find(|member| member.place == Some(Place::Parachain(id)));
            let spec_name = match kind.para {
                Some(id) => owner(id).map(|member| member.runtime.version.spec_name.clone()),
                None => Some(member.runtime.version.spec_name.clone()),
            };
            found.push(AuthorizedCode {
                chain: member.name.clone(),
                item: member.runtime.layout.describe(&key),
                para: kind.para,
                spec_name,
                blake2_256: hash.map(hex::encode_prefixed),
                stage: kind.stage,
                checks_version,
                by_the_call,
            });
        }
    }
    Ok(found)
}

/// What an entry of a state has of a code.
struct Kind {
    stage: CodeStage,
    form: Form,
    /// The parachain whose code it is, if its relay chain has it.
    para: Option<u32>,
}

/// The form of a value.
#[derive(Clone, Copy)]
enum Form {
    /// The code.
    Code,
    /// The code with its length before it.
    Sized,
    /// The hash of a code, alone or in a struct.
    Hash,
}

impl Kind {
    fn of(key: &[u8], entry: Option<&Entry<'_, '_, '_>>) -> Option<Self> {
        if let Some((_, stage)) = KEYS.iter().find(|(name, _)| name.as_bytes() == key) {
            return Some(Self { stage: *stage, form: Form::Code, para: None });
        }
        let entry = entry?;
        match entry.item.name {
            AUTHORIZED => Some(Self { stage: CodeStage::Authorized, form: Form::Hash, para: None }),
            PENDING => Some(Self { stage: CodeStage::Pending, form: Form::Sized, para: None }),
            name => {
                let (_, stage) = OF_PARACHAINS.iter().find(|(item, _)| *item == name)?;
                let keys = entry.keys();
                let [para] = keys.as_slice() else { return None };
                Some(Self { stage: *stage, form: Form::Hash, para: Some(u32::decode(&mut &para.bytes[..]).ok()?) })
            }
        }
    }

    /// Returns what a value says. Nothing if it has no code.
    fn read(&self, entry: Option<&Entry<'_, '_, '_>>, value: &[u8]) -> Option<Authorization> {
        let of = |code: &[u8]| Authorization { hash: Some(blake2_256(code)), checks_version: None };
        match self.form {
            Form::Code => Some(of(value)),
            Form::Sized => match Vec::<u8>::decode(&mut &value[..]) {
                Ok(code) if code.is_empty() => None,
                Ok(code) => Some(of(&code)),
                Err(_) => Some(Authorization::default()),
            },
            Form::Hash => {
                let read = entry.map(|entry| authorization(entry.types, entry.item.value, value)).unwrap_or_default();
                // The first parachains authorize a hash alone, and never compare versions.
                let never = self.para.is_none() && read.hash.is_some();
                Some(Authorization { checks_version: read.checks_version.or(never.then_some(false)), ..read })
            }
        }
    }
}

/// Reads the hash of a code: alone, or in a struct like `CodeUpgradeAuthorization { code_hash, check_version }`.
fn authorization(types: &PortableRegistry, id: u32, value: &[u8]) -> Authorization {
    let Ok(leaves) = read::leaves(types, id, value) else { return Authorization::default() };
    let is_named = |path: &str, name: &str| path.rsplit('.').next() == Some(name);
    let hashes: Vec<_> = leaves
        .iter()
        .filter(|(path, ..)| path.is_empty() || is_named(path, "code_hash"))
        .filter_map(|(.., bytes)| <[u8; HASH]>::try_from(*bytes).ok())
        .collect();
    let checks_version =
        leaves.iter().find(|(path, ..)| is_named(path, "check_version")).and_then(|(.., bytes)| match bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        });
    match hashes.as_slice() {
        [hash] => Authorization { hash: Some(*hash), checks_version },
        _ => Authorization::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{
        Interface,
        interface::{Item, Pallet},
    };
    use codec::Encode;
    use frame_metadata::v14::StorageHasher;
    use scale_info::{MetaType, Registry, TypeInfo};

    #[derive(Encode, TypeInfo)]
    struct Checked {
        code_hash: [u8; 32],
        check_version: bool,
    }

    #[derive(Encode, TypeInfo)]
    struct Expiring {
        code_hash: [u8; 32],
        expire_at: u32,
    }

    #[derive(Encode, TypeInfo)]
    struct Other {
        first: [u8; 32],
        second: [u8; 32],
    }

    fn read_as<T: TypeInfo + Encode + 'static>(value: &T) -> Authorization {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        authorization(&registry.into(), id, &value.encode())
    }

    #[test]
    fn authorizations_of_each_release_are_read_by_their_types() {
        let hash = Some([7; 32]);
        for checks in [false, true] {
            let read = read_as(&Checked { code_hash: [7; 32], check_version: checks });
            assert_eq!(read, Authorization { hash, checks_version: Some(checks) });
        }
        assert_eq!(read_as(&[7u8; 32]), Authorization { hash, checks_version: None }, "older parachains");
        let expiring = read_as(&Expiring { code_hash: [7; 32], expire_at: 9 });
        assert_eq!(expiring, Authorization { hash, checks_version: None }, "of a relay chain");
        // The twins: two hashes without a name, and no hash.
        assert_eq!(read_as(&Other { first: [7; 32], second: [8; 32] }), Authorization::default());
        assert_eq!(read_as(&5u32), Authorization::default());
    }

    #[test]
    fn entries_with_codes_are_told_from_others() {
        let mut registry = Registry::new();
        let [number, hash, bytes] = [MetaType::new::<u32>(), MetaType::new::<[u8; 32]>(), MetaType::new::<Vec<u8>>()]
            .map(|it| registry.register_type(&it).id);
        let types: PortableRegistry = registry.into();
        let hashers = [StorageHasher::Twox64Concat];
        let map = |name| Item { name, hashers: &hashers, key: Some(number), value: hash, ..Item::default() };
        let mut interface = Interface::empty(&types);
        let single = |name, value| Item { name, value, ..Item::default() };
        let items = vec![single(AUTHORIZED, hash), single(PENDING, bytes), map("FutureCodeHash"), map("Heads")];
        interface.pallets.push(Pallet { name: "Mixed", items, ..Pallet::default() });
        let (pallet, items) = (&interface.pallets[0], Items::of(&interface));
        let read = |key: &[u8], value: &[u8]| {
            let entry = items.entry(key);
            let kind = Kind::of(key, entry.as_ref())?;
            let read = kind.read(entry.as_ref(), value)?;
            Some((kind.stage, kind.para, read.hash))
        };
        let code = [1, 2, 3];
        let known = Some(blake2_256(&code));
        assert_eq!(read(b":code", &code), Some((CodeStage::InPlace, None, known)));
        assert_eq!(read(b":pending_code", &code), Some((CodeStage::Pending, None, known)));
        assert_eq!(read(&pallet.key(PENDING), &code.to_vec().encode()), Some((CodeStage::Pending, None, known)));
        assert_eq!(read(&pallet.key(PENDING), &[0]), None, "no code");
        assert_eq!(read(&pallet.key(PENDING), &[9]), Some((CodeStage::Pending, None, None)), "cut short");
        assert_eq!(read(&pallet.key(AUTHORIZED), &[7; 32]), Some((CodeStage::Authorized, None, Some([7; 32]))));
        let of = |item: &str| [&pallet.key(item)[..], &[0; 8], &2000u32.encode()].concat();
        let future = read(&of("FutureCodeHash"), &[7; 32]);
        assert_eq!(future, Some((CodeStage::Pending, Some(2000), Some([7; 32]))));
        let checks = |key: &[u8]| {
            let entry = items.entry(key);
            Kind::of(key, entry.as_ref())?.read(entry.as_ref(), &[7; 32])?.checks_version
        };
        assert_eq!(checks(&pallet.key(AUTHORIZED)), Some(false), "a hash alone is applied without a look at versions");
        assert_eq!(checks(&of("FutureCodeHash")), None);
        assert_eq!(read(&of("Heads"), &[7; 32]), None);
        assert_eq!(read(b":heappages", &[7; 32]), None);
    }
}
