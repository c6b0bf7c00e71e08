// SPDX-License-Identifier: Apache-2.0
//! The call of a proposal: from the request, from a preimage in the state, or from a referendum.

use super::{origin::Origin, stage::Member};
use crate::types::{Interface, read};
use artifact::hashes::blake2_256;
use codec::{Decode, Encode};
use fork::{Chain, keys, sample};
use protocol::rehearse::Proposed;
use scale_info::TypeDef;
use worker::{Failure, Result};

/// The longest call, in bytes: a preimage of pallet-preimage has at most four MiB.
const LONGEST: usize = 4 * 1024 * 1024 + 64;

/// A call with the origin that dispatches it.
pub struct Call {
    pub bytes: Vec<u8>,
    /// Where it comes from, in words.
    pub source: String,
    pub origin: Origin,
}

impl Call {
    /// Reads a proposal on the state of the chain that dispatches it. `origin` replaces the one that it has.
    pub fn read(proposal: &Proposed, origin: Option<&str>, chain: &Chain, member: &Member) -> Result<Self> {
        let interface = member.interface()?;
        let given = origin;
        let (bytes, source, origin) = match proposal {
            Proposed::Call(text) => (bytes_of(text)?, "the call".to_owned(), None),
            Proposed::Preimage(text) => {
                let hash = <[u8; 32]>::try_from(bytes_of(text)?).map_err(|bytes| {
                    Failure::usage("the hash of a preimage has another length")
                        .found(format!("{} bytes", bytes.len()))
                        .expected("32 bytes")
                })?;
                (preimage(chain, hash)?, "the preimage".to_owned(), None)
            }
            Proposed::Referendum(index) => {
                let (bytes, origin) = referendum(chain, &interface, *index)?;
                (bytes, format!("referendum {index}"), Some(origin))
            }
        };
        if bytes.len() > LONGEST {
            return Err(Failure::input("the call is too long")
                .found(format!("{} bytes", bytes.len()))
                .expected(format!("at most {LONGEST}")));
        }
        let origin = match (given, origin) {
            (Some(text), _) => Origin::parse(text, &interface)?,
            (None, Some(origin)) => origin,
            // Only the key of Sudo can send these calls.
            (None, None) => match sudo_key(chain, &interface, &bytes)? {
                Some(key) => Origin::Signed(key),
                None => Origin::Root,
            },
        };
        Ok(Self { bytes, source, origin })
    }
}

fn bytes_of(text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|error| Failure::usage("what is proposed is not in hex").found(error.to_string()))
}

/// Returns the key of Sudo if the call is one of this pallet.
fn sudo_key(chain: &Chain, interface: &Interface<'_>, call: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some(sudo) = interface.pallet("Sudo") else { return Ok(None) };
    match call.first() == Some(&sudo.index) {
        true => chain.storage(&sudo.key("Key")),
        false => Ok(None),
    }
}

/// Returns the preimage with this hash (pallet-preimage).
pub fn preimage(chain: &Chain, hash: [u8; 32]) -> Result<Vec<u8>> {
    // A map by hash and length, not hashed.
    let prefix = [keys::item("Preimage", "PreimageFor"), hash.to_vec()].concat();
    let (found, _) = sample::entries(chain, &prefix, 1)?;
    let stored = found.into_iter().next().and_then(|(_, bytes)| Vec::<u8>::decode(&mut &bytes[..]).ok());
    let bytes = stored.ok_or_else(|| {
        Failure::input(format!("the state has no preimage of {}", hex::encode_prefixed(hash)))
            .expected("a preimage that somebody noted (Preimage.PreimageFor)")
            .hint("give the call itself")
    })?;
    match blake2_256(&bytes) == hash {
        true => Ok(bytes),
        false => Err(Failure::input("the preimage in the state is not that of its hash")
            .found(hex::encode_prefixed(blake2_256(&bytes)))
            .expected(hex::encode_prefixed(hash))),
    }
}

/// Returns the call and the origin of a referendum that goes on (pallet-referenda).
fn referendum(chain: &Chain, interface: &Interface<'_>, index: u32) -> Result<(Vec<u8>, Origin)> {
    let unknown = |found: &str| {
        Failure::input(format!("the chain has no referendum {index} that goes on"))
            .found(found)
            .expected("one of the pallet Referenda that is not decided")
    };
    let pallet = interface.pallet("Referenda").ok_or_else(|| unknown("no pallet Referenda"))?;
    let item = pallet.item("ReferendumInfoFor").ok_or_else(|| unknown("no ReferendumInfoFor"))?;
    let key = pallet.entry("ReferendumInfoFor", &index.encode()).ok_or_else(|| {
        Failure::not_judged("the chain keeps referenda in a form that is not known here")
            .found(format!("hashers {:?} of Referenda.ReferendumInfoFor", item.hashers))
    })?;
    let info = chain.storage(&key)?.ok_or_else(|| unknown("no entry of it"))?;
    let states = interface.variants(Some(item.value));
    let state =
        states.iter().find(|state| info.first() == Some(&state.index)).ok_or_else(|| unknown("an unknown state"))?;
    let [status] = state.fields.as_slice() else { return Err(unknown(&state.name)) };
    if state.name != "Ongoing" {
        return Err(unknown(&state.name));
    }
    let leaves = read::leaves(interface.types, status.ty.id, &info[1..]).map_err(|why| unknown(&why))?;
    let leaf = |name: &str| leaves.iter().find(|(path, ..)| path == name).map(|(_, id, bytes)| (*id, *bytes));
    let (origin_type, origin) = leaf("origin").ok_or_else(|| unknown("a status without an origin"))?;
    let (_, proposal) = leaf("proposal").ok_or_else(|| unknown("a status without a proposal"))?;
    Ok((bounded(chain, proposal)?, Origin::decode(interface, origin_type, origin)))
}

/// Returns the call that a `Bounded` refers to: one with a hash alone, one inside, or one by hash and length.
fn bounded(chain: &Chain, bytes: &[u8]) -> Result<Vec<u8>> {
    let form =
        || Failure::input("the call of the proposal is kept in an unknown form").found(hex::encode_prefixed(bytes));
    let (form_index, rest) = bytes.split_first().ok_or_else(form)?;
    match form_index {
        0 | 2 => {
            let hash = rest.get(..32).and_then(|hash| hash.try_into().ok()).ok_or_else(form)?;
            let found = preimage(chain, hash)?;
            // The scheduler looks for a preimage of this length, and finds none of another one.
            let length = rest.get(32..).filter(|length| !length.is_empty()).map(|mut length| u32::decode(&mut length));
            match length {
                Some(Ok(length)) if length as usize != found.len() => {
                    Err(Failure::input("the preimage has another length than the proposal says, so it never runs")
                        .found(format!("{} bytes", found.len()))
                        .expected(format!("{length} bytes")))
                }
                Some(Err(_)) => Err(form()),
                _ => Ok(found),
            }
        }
        1 => Vec::<u8>::decode(&mut &rest[..]).map_err(|_| form()),
        _ => Err(form()),
    }
}

/// Returns a call without an effect, with which the same blocks are built for comparison.
pub fn remark(interface: &Interface<'_>) -> Option<Vec<u8>> {
    let system = interface.pallet("System")?;
    let call = interface.calls(system).iter().find(|call| call.name == "remark")?;
    let is_bytes = call.fields.first().is_some_and(|field| {
        let ty = interface.types.resolve(field.ty.id);
        ty.is_some_and(|ty| matches!(ty.type_def, TypeDef::Sequence(_)))
    });
    (is_bytes && call.fields.len() == 1).then(|| vec![system.index, call.index, 0])
}
