// SPDX-License-Identifier: Apache-2.0
//! Checks that the bytes of a proposal's calls do what the words beside them say.
//!
//! The metadata that the calls were encoded with is that of the chain, and is not in the bundle. But
//! `propose` makes few calls. Each has one encoding, except for the indices of the pallets: the
//! pallets of the SDK give their calls explicit indices (`#[pallet::call_index]`). So the words and
//! the bytes are read side by side, and both must be known to their end.
//!
//! The pallets of the upgraded chain have the indices that `inspect.json` states. Those that
//! `diff.json` reports as moved, renamed or removed can have any index that no other pallet has, and
//! so can the pallets of a chain that governs another.

use crate::digest;
use protocol::proposal::{Apply, Call, InnerCall, Proposal};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// The deepest nesting of calls. The calls of `propose` have at most three levels.
const MAX_DEPTH: usize = 8;
/// The most bytes that words show in full, as `propose` writes them.
const SHOWN_BYTES: usize = 256;
/// The beginning of a link to a decoded call.
const BROWSER: &str = "https://polkadot.js.org/apps/";

type Read<T = ()> = Result<T, String>;
type Checked<T = ()> = Result<T, Refusal>;

/// Why the evidence of a step is refused, as the end of a sentence about its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is wrong.
    Wrong(String),
    /// This version cannot read it.
    NotJudged(String),
}

impl Refusal {
    fn wrong(reason: impl Into<String>) -> Self {
        Self::Wrong(reason.into())
    }

    /// Puts the name of the call before the reason.
    fn of_call(self, call: &str) -> Self {
        match self {
            Self::Wrong(reason) => Self::Wrong(format!("has a wrong call {call:.64}: {reason}")),
            Self::NotJudged(reason) => Self::NotJudged(format!(
                "the call {call:.64} is not judged, its words do not explain its bytes: {reason}"
            )),
        }
    }
}

/// The indices of a chain's pallets. Names are in lower case: the origin of `System` is `system`.
#[derive(Clone, Debug, Default)]
pub struct Pallets {
    known: BTreeMap<String, u8>,
    /// The pallets whose index is not known. `None`: any further pallet.
    others: Option<BTreeSet<String>>,
    /// Whether the first call of `System` is `fill_block`, see [`Self::with_fill_block`].
    fill_block: bool,
}

impl Pallets {
    /// Returns the pallets with known indices. `others` are those with unknown ones; `None`: any.
    pub fn new(known: impl IntoIterator<Item = (String, u8)>, others: Option<Vec<String>>) -> Self {
        let known = known.into_iter().map(|(name, index)| (name.to_lowercase(), index)).collect();
        let lower = |others: Vec<String>| others.into_iter().map(|name| name.to_lowercase()).collect();
        Self { known, others: others.map(lower), fill_block: false }
    }

    /// Sets whether the first call of `System` is `fill_block`, as in runtimes from before November
    /// 2022. The calls that set the code then have the index after today's.
    pub fn with_fill_block(self, fill_block: bool) -> Self {
        Self { fill_block, ..self }
    }

    /// Returns the indices that a call has in its pallet.
    fn indices(&self, pallet: &str, name: &str) -> Read<&'static [u8]> {
        match (name, self.fill_block) {
            ("set_code", true) => Ok(&[3]),
            ("set_code_without_checks", true) => Ok(&[4]),
            _ => indices(pallet, name),
        }
    }

    /// Fails if this is not the pallet's index, as far as is known.
    fn check(&mut self, name: &str, index: u8) -> Read {
        let key = name.to_lowercase();
        if let Some(known) = self.known.get(&key) {
            return match *known == index {
                true => Ok(()),
                false => Err(format!("its bytes name the pallet {index}, but {name:.64?} has the index {known}")),
            };
        }
        if let Some((other, _)) = self.known.iter().find(|(_, known)| **known == index) {
            return Err(format!("its bytes name the pallet {other:.64?}, its words {name:.64?}"));
        }
        if self.others.as_ref().is_some_and(|others| !others.contains(&key)) {
            return Err(format!("its words name {name:.64?}, which is no pallet of the chain"));
        }
        self.known.insert(key, index);
        Ok(())
    }
}

/// Checks every call of a proposal. `bytes` returns the bytes of a call's files.
pub fn check(
    proposal: &Proposal,
    code: &[u8],
    target: Pallets,
    bytes: impl Fn(&str, &str, &[String]) -> Result<Vec<u8>, String>,
) -> Checked {
    let mut checker = Checker { proposal, code, target, governing: Pallets::default(), contents: BTreeMap::new() };
    let mut upgrades = false;
    for call in &proposal.calls {
        let bytes = bytes(&call.name, &call.hash, &call.files).map_err(Refusal::Wrong)?;
        upgrades |= checker.call(call, &bytes).map_err(|refusal| refusal.of_call(&call.name))?;
    }
    if !upgrades {
        return Err(Refusal::wrong("names no call that holds the code that ships, or its hash"));
    }
    if let Some(apply) = &proposal.apply {
        let bytes = bytes(&apply.name, &apply.hash, &apply.files).map_err(Refusal::Wrong)?;
        checker.apply(apply, &bytes).map_err(|refusal| refusal.of_call(&apply.name))?;
    }
    let shows_a_call = |link: &String| {
        let shown = link.strip_prefix(BROWSER).and_then(|rest| rest.split_once("#/extrinsics/decode/"));
        shown.is_some_and(|(_, bytes)| proposal.calls.iter().any(|call| call.bytes == bytes))
    };
    match proposal.links.iter().find(|link| !shows_a_call(link)) {
        Some(link) => Err(Refusal::Wrong(format!("has the link {link:.200?}, which shows none of its calls"))),
        None => Ok(()),
    }
}

struct Checker<'a> {
    proposal: &'a Proposal,
    code: &'a [u8],
    target: Pallets,
    governing: Pallets,
    /// The encoded calls that were read, by their hash.
    contents: BTreeMap<String, Vec<u8>>,
}

impl Checker<'_> {
    /// Checks a call and those that it carries. Returns whether the last of them upgrades the chain.
    fn call(&mut self, call: &Call, bytes: &[u8]) -> Checked<bool> {
        let by_relay = self.proposal.route.by_relay();
        if !by_relay && call.chain != self.proposal.chain {
            let (chain, route) = (&call.chain, self.proposal.route);
            return Err(Refusal::Wrong(format!("it is for the chain {chain:.64?}, and the route is {route}")));
        }
        same_bytes(&call.bytes, call.length, bytes)?;
        let mut found = self.read(&call.decoded, bytes, !by_relay)?;
        if found.name != call.name {
            return Err(Refusal::Wrong(format!("it is the call {:.64?}", found.name)));
        }
        let preimage = call.preimage.as_ref().map(|preimage| (&preimage.hash, preimage.length));
        if preimage.is_some_and(|stated| call.carries.first().map(|voted| (&voted.hash, voted.length)) != Some(stated))
        {
            return Err(Refusal::wrong("its preimage is not the first call that it carries"));
        }
        for inner in &call.carries {
            let content = self.content(found.carried.take(), inner)?;
            let next = self.read(&inner.decoded, &content, found.at_target)?;
            let next = (next.carried.map(Carried::into_owned), next.at_target, next.upgrades);
            self.contents.insert(inner.hash.clone(), content.into_owned());
            (found.carried, found.at_target, found.upgrades) = next;
        }
        match found.carried {
            Some(_) => Err(Refusal::wrong("it carries a call that it does not list")),
            None => Ok(found.upgrades),
        }
    }

    fn apply(&mut self, apply: &Apply, bytes: &[u8]) -> Checked {
        same_bytes("", apply.length, bytes)?;
        let found = self.read(&apply.decoded, bytes, true)?;
        match found.applies && found.name == apply.name && apply.chain == self.proposal.chain {
            true => Ok(()),
            false => Err(Refusal::Wrong(format!("it is the call {:.64?}, which does not apply the code", found.name))),
        }
    }

    /// Returns the bytes of a carried call: those inside of the call that carries it, or, if that
    /// has only their hash, those that the proposal shows. It does not show a call with whole code,
    /// which the bundle holds already.
    fn content<'b>(&self, carried: Option<Carried<'b>>, inner: &InnerCall) -> Checked<Cow<'b, [u8]>> {
        let (content, hash) = match carried {
            None => return Err(Refusal::wrong("it lists a call that it does not carry")),
            Some(Carried::Call(content)) => (content, inner.hash.clone()),
            Some(Carried::Hash(hash)) => {
                let shown = hex::decode(inner.bytes.trim_start_matches("0x")).unwrap_or_default();
                let content = match shown.is_empty() {
                    true => self.contents.get(&hash).cloned().or_else(|| self.set_code(&hash)),
                    false => Some(shown),
                };
                let nowhere = || Refusal::NotJudged("the bytes of a call that it carries are nowhere".into());
                (content.ok_or_else(nowhere)?.into(), hash)
            }
        };
        same_bytes(&inner.bytes, inner.length, &content)?;
        match digest::blake2_256(&content) == inner.hash && hash == inner.hash {
            true => Ok(content),
            false => Err(Refusal::Wrong(format!("the call that it carries has another hash than {:.80}", inner.hash))),
        }
    }

    /// Returns the encoded call with this hash that sets the code that ships, if there is one.
    fn set_code(&self, hash: &str) -> Option<Vec<u8>> {
        let system = *self.target.known.get("system")?;
        let names = ["set_code", "set_code_without_checks"].into_iter();
        let indices = names.filter_map(|name| self.target.indices("System", name).ok()).flatten();
        let mut encoded = indices.map(|call| set_code(system, *call, self.code));
        encoded.find(|bytes| digest::blake2_256(bytes) == hash)
    }

    fn read<'b>(&mut self, words: &'b str, bytes: &'b [u8], at_target: bool) -> Checked<Found<'b>> {
        let pallets = if at_target { &mut self.target } else { &mut self.governing };
        let (code, proposal) = (self.code, self.proposal);
        let mut reader = Reader { words, bytes, pallets, at_target, code, proposal, wrong: None };
        let found = reader.call(0).map_err(Refusal::NotJudged)?;
        match (reader.words, reader.bytes, reader.wrong) {
            ("", [], None) => Ok(found),
            ("", [], Some(reason)) => Err(Refusal::wrong(reason)),
            (words, bytes, _) => Err(Refusal::NotJudged(format!("{words:.80?} and {} bytes remain", bytes.len()))),
        }
    }
}

/// Fails if a document shows other bytes, or states another length.
fn same_bytes(shown: &str, length: usize, bytes: &[u8]) -> Checked {
    match (shown.is_empty() || shown == hex::encode_prefixed(bytes)) && length == bytes.len() {
        true => Ok(()),
        false => Err(Refusal::wrong("the bytes or the length beside it are others")),
    }
}

/// A call inside of another as encoded bytes, or by the hash of these.
enum Carried<'a> {
    Call(Cow<'a, [u8]>),
    Hash(String),
}

impl Carried<'_> {
    fn into_owned(self) -> Carried<'static> {
        match self {
            Self::Call(call) => Carried::Call(Cow::Owned(call.into_owned())),
            Self::Hash(hash) => Carried::Hash(hash),
        }
    }
}

/// A call that was read.
struct Found<'a> {
    name: &'a str,
    carried: Option<Carried<'a>>,
    /// Whether the upgraded chain dispatches the carried call.
    at_target: bool,
    /// Whether it authorizes or sets the code.
    upgrades: bool,
    /// Whether it applies the authorized code.
    applies: bool,
}

/// Reads the words and the bytes of a call side by side.
struct Reader<'a, 'p> {
    words: &'a str,
    bytes: &'a [u8],
    pallets: &'p mut Pallets,
    /// Whether the upgraded chain dispatches the call.
    at_target: bool,
    code: &'p [u8],
    proposal: &'p Proposal,
    /// What is wrong with the call, if its words and bytes can be read to their end.
    wrong: Option<&'static str>,
}

impl<'a> Reader<'a, '_> {
    fn call(&mut self, depth: usize) -> Read<Found<'a>> {
        if depth > MAX_DEPTH {
            return Err(format!("it has more than {MAX_DEPTH} levels"));
        }
        let heading = self.words_until(" { ")?;
        let (pallet, name) = heading.split_once('.').ok_or("its words name no pallet")?;
        let [index, call] = self.array()?;
        self.pallets.check(pallet, index)?;
        if !self.pallets.indices(pallet, name)?.contains(&call) {
            return Err(format!("its bytes have the call {call} of {pallet:.64}, which is not {name:.64}"));
        }
        let mut found = Found { name, carried: None, at_target: self.at_target, upgrades: false, applies: false };
        match name {
            "sudo" | "sudo_unchecked_weight" | "dispatch_whitelisted_call_with_preimage" => {
                self.word("call: ")?;
                let inner = self.call(depth + 1)?;
                if name == "sudo_unchecked_weight" {
                    self.zero_weight()?;
                }
                found = Found { name, ..inner };
            }
            "note_preimage" => {
                self.word("bytes: ")?;
                found.carried = Some(Carried::Call(self.counted()?.into()));
            }
            "submit" => found.carried = Some(self.referendum()?),
            "whitelist_call" => {
                self.word("call_hash: ")?;
                found.carried = Some(Carried::Hash(hex::encode_prefixed(self.hash()?)));
            }
            "place_decision_deposit" => {
                self.word("index: ")?;
                let index = self.digits()?;
                self.exact(&little_endian::<4>(index)?)?;
            }
            "send" => {
                found.carried = Some(self.message()?);
                found.at_target = true;
            }
            _ if !self.at_target => return Err(format!("{name} is not for the chain that governs")),
            "authorize_upgrade" | "authorize_upgrade_without_checks" => {
                self.authorization(name)?;
                found.upgrades = true;
            }
            _ => {
                self.whole_code(name)?;
                found.applies = !name.starts_with("set_code");
                found.upgrades = !found.applies;
            }
        }
        self.word(" }")?;
        Ok(found)
    }

    fn authorization(&mut self, name: &str) -> Read {
        self.word("code_hash: ")?;
        if hex::encode_prefixed(self.hash()?) != self.proposal.code_hash {
            self.wrong = Some("it authorizes other code");
        }
        let mut checks = name == "authorize_upgrade";
        if self.is_word(", check_version: ") {
            checks = !self.is_word("false");
            if checks {
                self.word("true")?;
            }
            self.exact(&[checks.into()])?;
        }
        self.checks_as_stated(checks);
        Ok(())
    }

    fn whole_code(&mut self, name: &str) -> Read {
        self.word("code: ")?;
        if self.counted()? != self.code {
            self.wrong = Some("it holds other code");
        }
        self.checks_as_stated(name != "set_code_without_checks");
        Ok(())
    }

    fn checks_as_stated(&mut self, checks: bool) {
        if !checks && !self.proposal.without_checks {
            self.wrong = Some("the chain would not check the versions, and the proposal does not say so");
        }
    }

    /// Reads the weight zero: two compact numbers, or the one number of older chains.
    fn zero_weight(&mut self) -> Read {
        if !self.is_word(", weight: ") {
            self.word(", _weight: ")?;
        }
        if !self.is_word("{ ref_time: 0, proof_size: 0 }") {
            self.word("0")?;
        }
        let weight = std::mem::take(&mut self.bytes);
        match [1, 2, 8].contains(&weight.len()) && weight.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err("its weight is not zero".into()),
        }
    }

    fn referendum(&mut self) -> Read<Carried<'a>> {
        self.word("proposal_origin: ")?;
        let origin = self.words_until("(")?;
        let leaf = self.words_until("), ")?;
        let [pallet, variant] = self.array()?;
        self.pallets.check(origin, pallet)?;
        // `Root` is the first variant of `frame_system::RawOrigin`.
        if (leaf == "Root") != (origin == "system" && variant == 0) {
            return Err(format!("its origin is not {origin:.64}({leaf:.64})"));
        }
        self.word("proposal: ")?;
        let carried = if self.is_word("Inline(") {
            self.exact(&[1])?;
            let call = self.counted()?;
            self.word(")")?;
            Carried::Call(call.into())
        } else {
            self.word("Lookup { hash: ")?;
            self.exact(&[2])?;
            let hash = hex::encode_prefixed(self.hash()?);
            self.word(", len: ")?;
            let length = self.digits()?;
            self.exact(&little_endian::<4>(length)?)?;
            self.word(" }")?;
            Carried::Hash(hash)
        };
        self.word(", enactment_moment: ")?;
        let after = self.is_word("After(");
        if !after {
            self.word("At(")?;
        }
        self.exact(&[after.into()])?;
        let block = self.digits()?;
        // Block numbers have 4 bytes, on some chains 8.
        match self.bytes.len() {
            4 => self.exact(&little_endian::<4>(block)?)?,
            _ => self.exact(&little_endian::<8>(block)?)?,
        }
        self.word(")")?;
        Ok(carried)
    }

    /// Reads an XCM message that executes a call as root of another chain.
    fn message(&mut self) -> Read<Carried<'a>> {
        self.word("dest: V")?;
        let version = self.digits()?;
        // The first location with a version, `V2`, has the index 1.
        let (location, message, arrays) = match version {
            2 => (1, 2, false),
            3 => (3, 3, false),
            4 => (4, 4, true),
            5 => (5, 5, true),
            _ => return Err(format!("XCM of version {version} is not known")),
        };
        self.both("({ parents: ", &[location])?;
        let parents = self.digits()?;
        self.exact(&little_endian::<1>(parents)?)?;
        self.word(", interior: ")?;
        if self.is_word("Here") {
            self.exact(&[0])?;
        } else {
            self.both(if arrays { "X1([Parachain(" } else { "X1(Parachain(" }, &[1, 0])?;
            self.compact_number()?;
            self.word(if arrays { ")])" } else { "))" })?;
        }
        self.both(&format!(" }}), message: V{version}(["), &[message])?;
        if version == 2 {
            self.both("Transact { origin_type: Superuser, require_weight_at_most: ", &[1 << 2, 6, 2])?;
            self.compact_number()?;
        } else {
            let unpaid = "UnpaidExecution { weight_limit: Unlimited, check_origin: None }, ";
            self.both(unpaid, &[2 << 2, 47, 0, 0])?;
            self.both("Transact { origin_kind: Superuser, ", &[6, 2])?;
            if version == 5 {
                self.both("fallback_max_weight: None", &[0])?;
            } else {
                self.word("require_weight_at_most: { ref_time: ")?;
                self.compact_number()?;
                self.word(", proof_size: ")?;
                self.compact_number()?;
                self.word(" }")?;
            }
        }
        self.word(", call: ")?;
        let call = self.counted()?;
        self.word(" }])")?;
        Ok(Carried::Call(call.into()))
    }

    fn word(&mut self, expected: &str) -> Read {
        match self.is_word(expected) {
            true => Ok(()),
            false => Err(format!("its words have {:.80?} where its bytes have {expected:.80?}", self.words)),
        }
    }

    /// Reads a word if it is the next one.
    fn is_word(&mut self, word: &str) -> bool {
        let rest = self.words.strip_prefix(word);
        self.words = rest.unwrap_or(self.words);
        rest.is_some()
    }

    fn words_until(&mut self, end: &str) -> Read<&'a str> {
        let (before, rest) = self.words.split_once(end).ok_or_else(|| format!("its words have no {end:?}"))?;
        self.words = rest;
        Ok(before)
    }

    fn digits(&mut self) -> Read<u128> {
        let end = self.words.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.words.len());
        let (digits, rest) = self.words.split_at(end);
        self.words = rest;
        digits.parse().map_err(|_| "its words have no number where its bytes have one".into())
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or("its bytes are too few")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| "its bytes are too few".into())
    }

    fn exact(&mut self, expected: &[u8]) -> Read {
        match self.take(expected.len())? == expected {
            true => Ok(()),
            false => Err(format!("its bytes are not {:.80}", hex::encode_prefixed(expected))),
        }
    }

    fn both(&mut self, words: &str, bytes: &[u8]) -> Read {
        self.word(words)?;
        self.exact(bytes)
    }

    fn hash(&mut self) -> Read<&'a [u8]> {
        let hash = self.take(32)?;
        if self.is_word(&shown(hash)) {
            return Ok(hash);
        }
        // Words that have another hash at this place can be read, and are wrong.
        match self.words.split_at_checked(2 + 64) {
            Some((other, rest)) if other.strip_prefix("0x").is_some_and(|digits| hex::decode(digits).is_ok()) => {
                self.words = rest;
                self.wrong = Some("its words have another hash than its bytes");
                Ok(hash)
            }
            _ => Err("its words have no hash where its bytes have one".into()),
        }
    }

    fn compact_number(&mut self) -> Read {
        let number = self.digits()?;
        self.exact(&compact(number))
    }

    /// Reads bytes after their compact length.
    fn counted(&mut self) -> Read<&'a [u8]> {
        let width = match self.bytes.first().map(|first| first & 3) {
            Some(0) => 1,
            Some(1) => 2,
            _ => 4,
        };
        let encoded = self.take(width)?;
        let length = encoded.iter().rev().fold(0, |length: u128, byte| (length << 8) | u128::from(*byte)) >> 2;
        if compact(length) != encoded {
            return Err("its bytes have an invalid length".into());
        }
        let content = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        self.word(&shown(content))?;
        Ok(content)
    }
}

/// Encodes a call that sets the code, from the indices of the pallet and the call.
pub fn set_code(system: u8, call: u8, code: &[u8]) -> Vec<u8> {
    [&[system, call][..], &compact(code.len() as u128), code].concat()
}

/// Returns the indices that a call has in its pallet in today's runtimes.
fn indices(pallet: &str, name: &str) -> Read<&'static [u8]> {
    Ok(match name {
        "sudo" | "note_preimage" | "submit" | "whitelist_call" | "send" => &[0],
        "sudo_unchecked_weight" | "place_decision_deposit" => &[1],
        "dispatch_whitelisted_call_with_preimage" | "enact_authorized_upgrade" | "set_code_without_checks" => &[3],
        "set_code" => &[2],
        "authorize_upgrade" => match pallet {
            "System" => &[9],
            "ParachainSystem" => &[2],
            _ => &[2, 9],
        },
        "authorize_upgrade_without_checks" => &[10],
        "apply_authorized_upgrade" => &[11],
        _ => return Err(format!("{name:.64?} is not a call that proposals have")),
    })
}

/// Returns bytes as the words of a call show them.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES {
        return hex::encode_prefixed(bytes);
    }
    let start = hex::encode_prefixed(bytes.get(..16).unwrap_or_default());
    format!("{start}… ({} bytes, blake2_256 {})", bytes.len(), digest::blake2_256(bytes))
}

fn little_endian<const N: usize>(number: u128) -> Read<[u8; N]> {
    let all = number.to_le_bytes();
    match all.split_first_chunk::<N>() {
        Some((low, high)) if high.iter().all(|byte| *byte == 0) => Ok(*low),
        _ => Err(format!("the number {number} has more than {N} bytes")),
    }
}

/// Encodes a compact number.
fn compact(number: u128) -> Vec<u8> {
    let low = |width: usize, mode: u128| ((number << 2) | mode).to_le_bytes().get(..width).unwrap_or_default().to_vec();
    match number {
        0..=0x3f => low(1, 0),
        0x40..=0x3fff => low(2, 1),
        0x4000..=0x3fff_ffff => low(4, 2),
        _ => {
            let width = 16 - number.leading_zeros() as usize / 8;
            let mut encoded = vec![(((width - 4) << 2) | 3) as u8];
            encoded.extend(number.to_le_bytes().get(..width).unwrap_or_default());
            encoded
        }
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
