// SPDX-License-Identifier: Apache-2.0
//! The hashes of calls and codes that a call names, and what each is the hash of.
//!
//! A hash says nothing by itself. It happened that the hash of a call that notes a preimage was whitelisted in place of the
//! hash of the preimage, and that the hash of the Wasm before its compression was authorized.

use super::{call, caused::Caused, run::Run, stage::Member, upgrades::Release};
use artifact::hashes::blake2_256;
use codec::{Compact, Encode};
use proposal::{Field, Value, decode, encode};
use protocol::rehearse::{AuthorizedCode, HashSubject, NamedHash};
use sp_crypto_hashing::{keccak_256, sha2_256};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use worker::{Kind, Result};

/// The length of a hash.
const HASH: usize = 32;
/// The most hashes that are looked up.
const MOST: usize = 500;
/// The most bytes whose hashes are computed. A call of four MiB with a code has some calls around it.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// The deepest nesting of encoded calls within calls.
const DEPTH: usize = 8;

type HashFunction = fn(&[u8]) -> [u8; HASH];

/// A hash that a call, an event or a state names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    hash: [u8; HASH],
    subject: HashSubject,
    by: String,
}

/// Bytes whose hash may be named.
struct Known<'k> {
    name: String,
    bytes: Cow<'k, [u8]>,
    /// What they are. Nothing for bytes of which no hash has to be named.
    is: Option<HashSubject>,
}

/// What the run of a call showed.
pub struct Shown<'s> {
    pub members: &'s [Member],
    pub with: &'s Run<'s>,
    pub call: &'s [u8],
    pub decoded: &'s Value,
    /// The call with the calls in its messages.
    pub explained: &'s Value,
    pub caused: &'s [Caused<'s>],
    pub authorized: &'s [AuthorizedCode],
    pub releases: &'s [Release],
}

/// Returns the hashes that the call names, each with what it is the hash of, and the number of those that were not looked
/// up.
pub fn of(shown: &Shown<'_>) -> Result<(Vec<NamedHash>, u64)> {
    let (named, more) = first(named(shown));
    let mut known = Vec::new();
    if let Some(main) = shown.members.first() {
        let name = format!("the call of the proposal, which is {}", title(shown.decoded));
        known.push(known_call(name, shown.call, shown.decoded));
        collect(shown.decoded, main, shown.members, 0, &mut known);
    }
    for release in shown.releases {
        known.extend(release.forms().into_iter().map(|(form, bytes, is_deployed)| Known {
            name: format!("{form} of {}", release.told()),
            bytes: Cow::Borrowed(bytes),
            is: is_deployed.then_some(HashSubject::Code),
        }));
    }
    let with_notes = noted(&known, shown.members);
    known.extend(with_notes);
    let mut found = identified(&named, &known);
    for (hash, named) in found.iter_mut().zip(&named).filter(|(hash, _)| hash.found.is_none()) {
        if let Some(preimage) = preimage(shown, named.hash)? {
            hash.fits = Some(preimage.is == Some(named.subject));
            hash.found = Some(preimage.name);
        }
    }
    Ok((found, more))
}

/// Returns one entry a hash, with what names it first, and the number of those beyond the limit. Those of codes come
/// first.
fn first(all: BTreeSet<Named>) -> (Vec<Named>, u64) {
    let mut seen = BTreeSet::new();
    let unique = all.into_iter().filter(|named| seen.insert((named.hash, named.subject)));
    let (mut named, calls): (Vec<_>, Vec<_>) = unique.partition(|named| named.subject == HashSubject::Code);
    named.extend(calls);
    let more = named.len().saturating_sub(MOST) as u64;
    named.truncate(MOST);
    (named, more)
}

/// Collects the hashes that the call, the events and the states name.
fn named(shown: &Shown<'_>) -> BTreeSet<Named> {
    let mut all = BTreeSet::new();
    within(shown.explained, "the call", &mut all);
    let whitelisted = shown.caused.iter().filter(|caused| caused.record.name == "CallWhitelisted");
    for Caused { member, record, .. } in whitelisted {
        let Some(hash) = record.field("call_hash").and_then(|field| field.value.as_slice().try_into().ok()) else {
            continue;
        };
        let chain = shown.members.get(*member).map_or("a chain", |member| &member.name);
        all.insert(Named {
            hash,
            subject: HashSubject::Call,
            by: format!("{}.CallWhitelisted on {chain}", record.pallet),
        });
    }
    for code in shown.authorized.iter().filter(|code| code.by_the_call) {
        let hash = code.blake2_256.as_ref().and_then(|hash| hex::decode(hash).ok()?.try_into().ok());
        all.extend(hash.map(|hash| Named {
            hash,
            subject: HashSubject::Code,
            by: format!("{} of {}", code.item, code.chain),
        }));
    }
    all
}

/// Collects the hashes in the arguments of calls, by the names of the fields. `by` is the call around the value.
fn within(value: &Value, by: &str, all: &mut BTreeSet<Named>) {
    match value {
        Value::Call { pallet, name, fields } => {
            let by = format!("{pallet}.{name}");
            for field in fields {
                match field.name.as_deref() {
                    Some("call_hash") => add(field, HashSubject::Call, &by, all),
                    Some("code_hash" | "new_code_hash") => add(field, HashSubject::Code, &by, all),
                    _ => within(&field.value, &by, all),
                }
            }
        }
        // `Bounded` of a call that is kept by its hash.
        Value::Variant { name, fields } if name == "Lookup" || name == "Legacy" => {
            let hashes = fields.iter().filter(|field| field.name.as_deref() == Some("hash"));
            hashes.for_each(|field| add(field, HashSubject::Call, by, all));
        }
        Value::Variant { fields, .. } | Value::Fields(fields) => {
            fields.iter().for_each(|field| within(&field.value, by, all));
        }
        Value::List(items) => items.iter().for_each(|item| within(item, by, all)),
        _ => {}
    }
}

/// Adds the hash of a field, if it is one.
fn add(field: &Field, subject: HashSubject, by: &str, all: &mut BTreeSet<Named>) {
    if let Value::Bytes(bytes) = &field.value
        && let Ok(hash) = <[u8; HASH]>::try_from(bytes.as_slice())
    {
        all.insert(Named { hash, subject, by: by.to_owned() });
    }
}

/// Collects the calls within a call, and the encoded calls among its bytes. Which chain an encoded call is for is told by
/// the types that it decodes with.
fn collect(value: &Value, member: &Member, members: &[Member], depth: usize, known: &mut Vec<Known<'_>>) {
    if known.len() >= MOST || size(known) >= MOST_BYTES {
        return;
    }
    known.extend(carried(value));
    let mut part = |value: &Value| {
        known.extend(nested_call(value, member));
        collect(value, member, members, depth, known);
    };
    match value {
        Value::Call { fields, .. } | Value::Variant { fields, .. } | Value::Fields(fields) => {
            fields.iter().for_each(|field| part(&field.value));
        }
        Value::List(items) => items.iter().for_each(part),
        Value::Bytes(bytes) if bytes.len() > 1 && bytes.len() != HASH && depth < DEPTH => {
            for receiver in members {
                let Ok(decoded) = decode::call(receiver.target.types(), bytes) else { continue };
                let name = format!("{} within the call, as {} has it", title(&decoded), receiver.name);
                known.push(known_call(name, bytes.clone(), &decoded));
                collect(&decoded, receiver, members, depth + 1, known);
            }
            let name = format!("{} bytes within the call", bytes.len());
            known.push(Known { name, bytes: Cow::Owned(bytes.clone()), is: None });
        }
        _ => {}
    }
}

/// Returns the codes that a call carries, as those that put one in place do.
fn carried(call: &Value) -> Vec<Known<'static>> {
    let Value::Call { fields, .. } = call else { return Vec::new() };
    let of = |field: &Field| match (field.name.as_deref(), &field.value) {
        (Some("code" | "new_code" | "validation_code"), Value::Bytes(bytes)) => Some(Known {
            name: format!("the code that {} carries", title(call)),
            bytes: Cow::Owned(bytes.clone()),
            is: Some(HashSubject::Code),
        }),
        _ => None,
    };
    fields.iter().filter_map(of).collect()
}

/// Returns a call within another one. Nothing if the value is no call.
fn nested_call(value: &Value, member: &Member) -> Option<Known<'static>> {
    let bytes = matches!(value, Value::Call { .. }).then(|| encode::call(&member.target, value).ok()).flatten()?;
    Some(known_call(format!("{} within the call", title(value)), bytes, value))
}

/// Returns a call. One that notes a preimage is not what somebody votes on.
fn known_call<'k>(name: String, bytes: impl Into<Cow<'k, [u8]>>, decoded: &Value) -> Known<'k> {
    let notes = matches!(decoded, Value::Call { name, .. } if name == "note_preimage");
    Known { name, bytes: bytes.into(), is: (!notes).then_some(HashSubject::Call) }
}

/// Returns the length of all bytes.
fn size(known: &[Known<'_>]) -> usize {
    known.iter().map(|known| known.bytes.len()).sum()
}

/// Returns `Pallet.call`.
fn title(value: &Value) -> String {
    match value {
        Value::Call { pallet, name, .. } => format!("{pallet}.{name}"),
        _ => "a call".to_owned(),
    }
}

/// Returns the calls that note the known ones as preimages.
fn noted(known: &[Known<'_>], members: &[Member]) -> Vec<Known<'static>> {
    let mut all = Vec::new();
    let mut indices = BTreeSet::new();
    for member in members {
        let pallet = proposal::calls::preimage_pallet(&member.target);
        let index = pallet.and_then(|pallet| Some([pallet.index, member.target.call(pallet, "note_preimage")?.index]));
        indices.extend(index);
    }
    for index in indices {
        for inner in known.iter().filter(|inner| inner.is == Some(HashSubject::Call)) {
            if size(&all) >= MOST_BYTES {
                return all;
            }
            let bytes = [&index[..], &Compact(inner.bytes.len() as u32).encode(), &inner.bytes].concat();
            let name = format!("a call note_preimage with {}", inner.name);
            all.push(Known { name, bytes: Cow::Owned(bytes), is: None });
        }
    }
    all
}

/// Returns the preimage with this hash that a chain has.
fn preimage(shown: &Shown<'_>, hash: [u8; HASH]) -> Result<Option<Known<'static>>> {
    for member in shown.members {
        let bytes = match call::preimage(shown.with.stage.chain(member)?, hash) {
            Ok(bytes) => bytes,
            // The state has none.
            Err(failure) if failure.kind == Kind::Input => continue,
            Err(failure) => return Err(failure),
        };
        let decoded = decode::call(member.target.types(), &bytes).ok();
        let known = match &decoded {
            Some(decoded) => known_call(format!("{}, a preimage on {}", title(decoded), member.name), bytes, decoded),
            None => Known {
                name: format!("a preimage on {} that is no call", member.name),
                bytes: Cow::Owned(bytes),
                is: None,
            },
        };
        return Ok(Some(known));
    }
    Ok(None)
}

/// Returns what each named hash is the hash of.
fn identified(named: &[Named], known: &[Known<'_>]) -> Vec<NamedHash> {
    let mut by_hash: BTreeMap<[u8; HASH], (String, Option<HashSubject>)> = BTreeMap::new();
    let mut left = MOST_BYTES.saturating_mul(8);
    // The plain hashes of all come before other forms of any.
    for Known { name, bytes, is } in known {
        left = left.saturating_sub(bytes.len());
        if left == 0 {
            break;
        }
        by_hash.entry(blake2_256(bytes)).or_insert_with(|| (name.clone(), *is));
    }
    let forms: [(&str, HashFunction); 5] = [
        ("the SHA-256 hash", sha2_256),
        ("the Keccak-256 hash", keccak_256),
        ("the hash with the length before it", |bytes| blake2_256(&bytes.encode())),
        ("the hash of the hex text", |bytes| blake2_256(hex::encode_prefixed(bytes).as_bytes())),
        ("the hash of the hex text without 0x", |bytes| blake2_256(hex::encode(bytes).as_bytes())),
    ];
    for Known { name, bytes, .. } in known {
        left = left.saturating_sub(bytes.len().saturating_mul(forms.len()));
        if left == 0 {
            break;
        }
        for (form, hash) in forms {
            by_hash.entry(hash(bytes)).or_insert_with(|| (format!("{form}: {name}"), None));
        }
    }
    let told = |named: &Named| {
        let found = by_hash.get(&named.hash);
        NamedHash {
            hash: hex::encode_prefixed(named.hash),
            named_by: named.by.clone(),
            subject: named.subject,
            found: found.map(|(name, _)| name.clone()),
            fits: found.map(|(_, is)| *is == Some(named.subject)),
        }
    };
    named.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proposal::named as field;

    const CALL: &[u8] = &[0, 0, 4, 1];
    const CODE: &[u8] = b"deployed";

    fn known() -> Vec<Known<'static>> {
        let of = |name: &str, bytes: &[u8], is| Known { name: name.into(), bytes: Cow::Owned(bytes.to_vec()), is };
        vec![
            of("System.remark", CALL, Some(HashSubject::Call)),
            of("note_preimage", &[&[10, 0, 16], CALL].concat(), None),
            of("the code", CODE, Some(HashSubject::Code)),
            of("the Wasm", b"decompressed", None),
        ]
    }

    fn identify(hash: [u8; 32], subject: HashSubject) -> (Option<String>, Option<bool>) {
        let named = Named { hash, subject, by: "a test".into() };
        let found = identified(&[named], &known()).remove(0);
        (found.found, found.fits)
    }

    #[test]
    fn a_hash_of_something_else_is_named() {
        use HashSubject::{Call, Code};
        let fits = |name: &str| (Some(name.to_owned()), Some(true));
        let other = |name: &str| (Some(name.to_owned()), Some(false));
        assert_eq!(identify(blake2_256(CALL), Call), fits("System.remark"));
        assert_eq!(identify(blake2_256(CODE), Code), fits("the code"));
        // It happened: the call that notes the preimage was whitelisted.
        assert_eq!(identify(blake2_256(&[&[10, 0, 16], CALL].concat()), Call), other("note_preimage"));
        assert_eq!(identify(blake2_256(b"decompressed"), Code), other("the Wasm"));
        assert_eq!(identify(blake2_256(CALL), Code), other("System.remark"), "a call in place of a code");
        assert_eq!(identify(blake2_256(CODE), Call), other("the code"));
        assert_eq!(identify(sha2_256(CODE), Code), other("the SHA-256 hash: the code"));
        assert_eq!(identify(keccak_256(CODE), Code), other("the Keccak-256 hash: the code"));
        assert_eq!(
            identify(blake2_256(&CALL.encode()), Call),
            other("the hash with the length before it: System.remark")
        );
        assert_eq!(identify(blake2_256(b"0x00000401"), Call), other("the hash of the hex text: System.remark"));
        assert_eq!(identify([9; 32], Call), (None, None), "nothing is known");
    }

    #[test]
    fn hashes_are_found_by_the_names_of_arguments() {
        let call = |pallet: &str, name: &str, fields| Value::Call { pallet: pallet.into(), name: name.into(), fields };
        let whitelist = call("Whitelist", "whitelist_call", vec![field("call_hash", Value::bytes([1; 32]))]);
        let authorize = call("System", "authorize_upgrade", vec![field("code_hash", Value::bytes([2; 32]))]);
        let lookup =
            Value::variant_of("Lookup", vec![field("hash", Value::bytes([3; 32])), field("len", Value::Number(9))]);
        let submit = call("Referenda", "submit", vec![field("proposal", lookup)]);
        // The twin: other arguments of this length are no hashes of calls.
        let account = call("Balances", "burn", vec![field("who", Value::bytes([4; 32]))]);
        let calls = Value::List(vec![whitelist, authorize, submit, account]);
        let mut all = BTreeSet::new();
        within(&call("Utility", "batch_all", vec![field("calls", calls)]), "the call", &mut all);
        let told: Vec<_> = all.iter().map(|named| (named.hash[0], named.subject, named.by.as_str())).collect();
        assert_eq!(
            told,
            [
                (1, HashSubject::Call, "Whitelist.whitelist_call"),
                (2, HashSubject::Code, "System.authorize_upgrade"),
                (3, HashSubject::Call, "Referenda.submit"),
            ]
        );
    }

    #[test]
    fn hashes_beyond_the_limit_are_counted() {
        let named = |number: usize, subject| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&(number as u64).to_be_bytes());
            Named { hash, subject, by: "a test".into() }
        };
        let calls = |count: usize| (0..count).map(|number| named(number, HashSubject::Call)).collect::<BTreeSet<_>>();
        let (all, more) = first(calls(MOST));
        assert_eq!((all.len(), more), (MOST, 0));
        // The same hash, named twice.
        let again = Named { by: "another test".into(), ..named(0, HashSubject::Call) };
        let (all, more) = first(calls(MOST).into_iter().chain([again]).collect());
        assert_eq!((all.len(), more), (MOST, 0));
        // Nobody hides the hash of a code behind those of calls.
        let code = named(usize::MAX, HashSubject::Code);
        let (all, more) = first(calls(MOST + 1).into_iter().chain([code.clone()]).collect());
        assert_eq!((all.len(), more, &all[0]), (MOST, 2, &code));
    }

    #[test]
    fn a_code_that_a_call_carries_is_a_code() {
        let call = |field_name: &str| Value::Call {
            pallet: "System".into(),
            name: "set_code".into(),
            fields: vec![field(field_name, Value::bytes(CODE))],
        };
        let found = |call: &Value| {
            let named = Named { hash: blake2_256(CODE), subject: HashSubject::Code, by: ":code of solo".into() };
            let found = identified(&[named], &carried(call)).remove(0);
            (found.found, found.fits)
        };
        assert_eq!(found(&call("code")), (Some("the code that System.set_code carries".into()), Some(true)));
        // The twin: other bytes of a call are no code.
        assert_eq!(found(&call("remark")), (None, None));
    }

    #[test]
    fn calls_that_note_a_preimage_are_told_from_others() {
        let of = |name: &str| {
            let decoded = Value::Call { pallet: "Preimage".into(), name: name.into(), fields: Vec::new() };
            known_call("x".into(), vec![1u8, 2], &decoded).is
        };
        assert_eq!(of("note_preimage"), None);
        assert_eq!(of("request_preimage"), Some(HashSubject::Call));
    }
}
