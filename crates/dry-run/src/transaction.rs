// SPDX-License-Identifier: Apache-2.0
//! Transactions of any account: on a fork, a known seal takes the place of its signature.

use crate::{
    input::Runtime,
    types::{
        Accounts, Interface,
        interface::{Extension, WALLET_EXTENSIONS},
        read,
    },
};
use artifact::Version;
use codec::{Compact, Decode, Encode};
use fork::{Author, BlockRequest, Chain, signatures::SEAL};
use scale_info::{TypeDef, Variant, form::PortableForm};
use sp_core::{H256, Pair, ed25519};
use worker::{Code, Kind, Result};

/// A balance above any deposit, whatever the decimals of the token, and far below the largest
/// number.
const WEALTH: u128 = 1 << 100;
const WEALTH_IN_64_BITS: u128 = 1 << 61;

/// The result of a transaction that is alone in a block.
pub enum Sent {
    /// It was dispatched without an error. The chain after its block.
    Dispatched(Box<Chain>),
    Refused(String),
    /// The tool cannot make transactions of this runtime as their senders would.
    NotKnown(String),
}

/// Sends a call from the account, to which it gives funds first.
pub fn send(
    runtime: &Runtime,
    interface: &Interface<'_>,
    chain: &Chain,
    author: &mut Author<'_>,
    account: [u8; 32],
    call: &[u8],
) -> Result<Sent> {
    let form = || Ok(Sent::NotKnown("transactions of a form that is not known here".into()));
    let Some((key, info)) = funds(interface, chain, account)? else { return form() };
    // `AccountInfo` begins with the nonce, in 32 or 64 bits; compact it is the same.
    let nonce = u32::decode(&mut &info[..]).unwrap_or_default();
    let mut chain = chain.clone();
    chain.set(vec![(key, Some(info))])?;
    let Some(extrinsic) = signed(interface, account, nonce, call) else { return form() };
    let _seal = author.executor().signatures().accept_seal();
    let wish = BlockRequest { extrinsics: vec![extrinsic], ..Default::default() };
    match author.build_with(&mut chain, &runtime.code, wish) {
        Ok(_) => Ok(Sent::Dispatched(Box::new(chain))),
        Err(failure) if failure.kind == Kind::Check => {
            let guessed = guessed(interface);
            // A dispatched call was decoded by the runtime.
            Ok(match guessed.is_empty() || failure.code == Some(Code::Dispatch) {
                true => Sent::Refused(failure.to_string()),
                false => Sent::NotKnown(format!("what {} carries is not known here: {failure}", guessed.join(", "))),
            })
        }
        Err(failure) => Err(failure),
    }
}

/// Returns the entry that gives the account funds; nothing where accounts have another form.
pub fn funds(interface: &Interface<'_>, chain: &Chain, account: [u8; 32]) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let accounts = Accounts::of(interface).filter(|accounts| accounts.id_length() == Some(account.len()));
    let Some(accounts) = accounts else { return Ok(None) };
    let key = accounts.key(&account);
    let stored = chain.storage(&key)?;
    let wealth = if accounts.balance_length() == Some(8) { WEALTH_IN_64_BITS } else { WEALTH };
    Ok(accounts.with_free(stored.as_deref(), wealth).map(|rich| (key, rich)))
}

/// The secrets of the accounts whose transactions have real signatures, before their number. They are public: only forks
/// give the accounts funds.
const SECRET: &[u8; 28] = b"secrets of accounts on forks";

/// An account whose transactions have real signatures, so that validators accept blocks with them.
pub struct Sender(ed25519::Pair);

impl Sender {
    /// Returns one of the accounts that forks give funds to.
    pub fn new(number: u32) -> Self {
        let mut seed = [0; 32];
        let (text, end) = seed.split_at_mut(SECRET.len());
        text.copy_from_slice(SECRET);
        end.copy_from_slice(&number.to_le_bytes());
        Self(ed25519::Pair::from_seed(&seed))
    }

    pub fn account(&self) -> [u8; 32] {
        self.0.public().0
    }

    /// Encodes a transaction, signed for the chain with this genesis and version; nothing where the tool cannot make one
    /// as wallets do. `info` is the account's entry in `System.Account`.
    pub fn transaction(
        &self,
        interface: &Interface<'_>,
        (genesis, version): (H256, &Version),
        info: &[u8],
        call: &[u8],
    ) -> Option<Vec<u8>> {
        if !guessed(interface).is_empty() {
            return None;
        }
        // `AccountInfo` begins with the nonce, in 32 or 64 bits; compact it is the same.
        let nonce = u32::decode(&mut &info[..]).unwrap_or_default();
        let mut payload = [call.to_vec(), carried(interface, nonce)?].concat();
        for extension in &interface.extensions {
            match extension.identifier {
                "CheckSpecVersion" => payload.extend(version.spec_version.encode()),
                "CheckTxVersion" => payload.extend(version.transaction_version?.encode()),
                "CheckGenesis" | "CheckMortality" | "CheckEra" => payload.extend(genesis.as_bytes()),
                name => {
                    let signed = read::default_value(interface.types, extension.implicit)?;
                    // Only the chain's own wallets know what else is signed.
                    if !signed.is_empty() && !WALLET_EXTENSIONS.contains(&name) {
                        return None;
                    }
                    payload.extend(signed);
                }
            }
        }
        // As wallets sign: the hash of what is longer than 256 bytes.
        if payload.len() > 256 {
            payload = artifact::hashes::blake2_256(&payload).to_vec();
        }
        let index = match interface.signature {
            Some(id) => variant(interface, id, "Ed25519")?.index,
            None => 0,
        };
        let signature = [&[index][..], &self.0.sign(&payload).0].concat();
        extrinsic(interface, self.account(), &signature, nonce, call)
    }
}

/// Encodes a transaction with the seal in the place of its signature.
fn signed(interface: &Interface<'_>, account: [u8; 32], nonce: u32, call: &[u8]) -> Option<Vec<u8>> {
    extrinsic(interface, account, &signature(interface)?, nonce, call)
}

/// Encodes a transaction in extrinsic format 4.
fn extrinsic(
    interface: &Interface<'_>,
    account: [u8; 32],
    signature: &[u8],
    nonce: u32,
    call: &[u8],
) -> Option<Vec<u8>> {
    let address = address(interface, account)?;
    Some([&[0x84][..], &address, signature, &carried(interface, nonce)?, call].concat().encode())
}

/// Encodes what the extensions carry: immortal, without a tip, all else with plain values.
fn carried(interface: &Interface<'_>, nonce: u32) -> Option<Vec<u8>> {
    let mut carried = Vec::new();
    for extension in &interface.extensions {
        match extension.identifier {
            "CheckNonce" => carried.extend(Compact(nonce).encode()),
            _ => carried.extend(read::default_value(interface.types, extension.explicit)?),
        }
    }
    Some(carried)
}

/// Returns the extensions whose data was guessed: it is neither empty, nor `None`, nor known to
/// every signer.
fn guessed<'a>(interface: &Interface<'a>) -> Vec<&'a str> {
    let known = |extension: &Extension<'_>| {
        let option = interface.types.resolve(extension.explicit).is_some_and(|ty| ty.path.segments == ["Option"]);
        option
            || WALLET_EXTENSIONS.contains(&extension.identifier)
            || read::default_value(interface.types, extension.explicit).is_some_and(|data| data.is_empty())
    };
    interface.extensions.iter().filter(|extension| !known(extension)).map(|extension| extension.identifier).collect()
}

/// Encodes the sender as `MultiAddress::Id`, or as the bare account. Metadata 14 does not show
/// which; most chains use the former.
fn address(interface: &Interface<'_>, account: [u8; 32]) -> Option<Vec<u8>> {
    let Some(id) = interface.address else { return Some([&[0][..], &account].concat()) };
    match variant(interface, id, "Id") {
        Some(bare) => (read::default_value(interface.types, bare.fields.first()?.ty.id)?.len() == 32)
            .then(|| [&[bare.index][..], &account].concat()),
        None => (read::default_value(interface.types, id)?.len() == 32).then(|| account.to_vec()),
    }
}

/// `MultiSignature::Sr25519` of the seal.
fn signature(interface: &Interface<'_>) -> Option<Vec<u8>> {
    let index = match interface.signature {
        Some(id) => variant(interface, id, "Sr25519")?.index,
        None => 1,
    };
    Some([&[index][..], &SEAL].concat())
}

pub fn variant<'a>(interface: &Interface<'a>, id: u32, name: &str) -> Option<&'a Variant<PortableForm>> {
    match &interface.types.resolve(id)?.type_def {
        TypeDef::Variant(variants) => variants.variants.iter().find(|variant| variant.name == name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::interface::Extension;
    use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    #[test]
    fn a_transaction_carries_the_seal_and_its_nonce() {
        let (types, id) = registry::<Compact<u32>>();
        let extension = |identifier| Extension { identifier, explicit: id, implicit: id };
        let interface = Interface {
            extensions: vec![extension("CheckNonce"), extension("ChargeTransactionPayment")],
            ..Interface::empty(&types)
        };
        let extrinsic = signed(&interface, [3; 32], 5, &[8, 9]).expect("signed");
        let inner = Vec::<u8>::decode(&mut &extrinsic[..]).expect("with its length in front");
        assert_eq!(inner, [&[0x84, 0][..], &[3; 32], &[1], &SEAL, &[5 << 2, 0], &[8, 9]].concat());
    }

    #[test]
    fn data_that_only_its_authors_know_is_a_guess() {
        let mut registry = Registry::new();
        let mut id = |ty: MetaType| registry.register_type(&ty).id;
        let (number, nothing, option) =
            (id(MetaType::new::<u64>()), id(MetaType::new::<()>()), id(MetaType::new::<Option<u64>>()));
        let types = registry.into();
        let extension = |identifier, explicit| Extension { identifier, explicit, implicit: nothing };
        let extensions = vec![
            extension("CheckNonce", number),
            extension("OwnMode", number),
            extension("OwnChoice", option),
            extension("OwnRule", nothing),
        ];
        assert_eq!(guessed(&Interface { extensions, ..Interface::empty(&types) }), ["OwnMode"]);
    }
}
