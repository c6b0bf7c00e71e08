// SPDX-License-Identifier: Apache-2.0
//! Signs extrinsics of a development account, in format 4, according to the metadata of the
//! runtime.

use artifact::Version;
use codec::{Compact, Encode};
use compat::{Interface, interface::Extension, read};
use fork::{Header, Layout};
use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive};
use sp_core::{Pair, sr25519};
use worker::{Failure, Result};

/// The secret URI of the signing account.
pub const SIGNER: &str = "//Alice";
/// The first byte of a signed extrinsic of format 4.
const FORMAT: u8 = 0x84;
/// The largest payload that is signed itself, in bytes. The hash of a larger payload is signed
/// instead.
const MAX_UNHASHED_PAYLOAD: usize = 256;
/// The encoded immortal era.
const IMMORTAL: u8 = 0;

/// Signs remarks with increasing nonces.
pub struct Signer {
    pair: sr25519::Pair,
    /// The format and the sender.
    prefix: Vec<u8>,
    /// The bytes before an sr25519 signature: the variant of an enum, or none.
    signature_prefix: Vec<u8>,
    /// The explicit data of the transaction extensions, before the nonce and after it.
    explicit: [Vec<u8>; 2],
    has_nonce: bool,
    /// The implicit data of the transaction extensions, which is signed but not included.
    implicit: Vec<u8>,
    call: Vec<u8>,
}

impl Signer {
    /// Prepares the signer for a runtime. Fails if the runtime uses another format, another kind of
    /// account or signature, or an unknown transaction extension.
    pub fn of(layout: &Layout, version: &Version, genesis: &Header) -> Result<Self> {
        let none = |found: &str| unsupported(found.into());
        let interface = layout.metadata.as_deref().and_then(Interface::of);
        let interface = interface.ok_or_else(|| none("metadata from before version 14, without types"))?;
        if !interface.extrinsic_versions.contains(&4) {
            return Err(none(&format!("extrinsics of the formats {:?} only", interface.extrinsic_versions)));
        }
        let system = layout.pallet_with(&["Account", "BlockHash"], Some("remark"));
        let call = system.and_then(|system| system.call("remark")).ok_or_else(|| none("no call `remark`"))?;
        let pair = sr25519::Pair::from_string(SIGNER, None)
            .map_err(|error| Failure::internal("the development key cannot be derived").found(format!("{error:?}")))?;
        let mut prefix = vec![FORMAT];
        prefix.extend(address(&interface, &pair.public())?);
        let mut signer = Self {
            signature_prefix: signature_prefix(&interface)?,
            pair,
            prefix,
            explicit: Default::default(),
            has_nonce: false,
            implicit: Vec::new(),
            // An empty remark.
            call: [&call[..], &[0]].concat(),
        };
        let facts = ChainFacts { version, genesis: genesis.hash().0 };
        for extension in &interface.extensions {
            signer.add(interface.types, extension, &facts)?;
        }
        Ok(signer)
    }

    /// Adds the data of one transaction extension.
    fn add(&mut self, types: &PortableRegistry, extension: &Extension<'_>, facts: &ChainFacts<'_>) -> Result<()> {
        let explicit = match extension.identifier {
            "CheckNonce" => {
                self.has_nonce = true;
                Vec::new()
            }
            "CheckMortality" | "CheckEra" => vec![IMMORTAL],
            // No tip.
            "ChargeTransactionPayment" => Compact(0u128).encode(),
            "ChargeAssetTxPayment" => (Compact(0u128), None::<()>).encode(),
            // The metadata's hash is not signed.
            "CheckMetadataHash" => vec![0],
            _ => empty_value(types, extension.explicit).ok_or_else(|| unknown_extension(extension, "carries"))?,
        };
        let implicit = match extension.identifier {
            "CheckSpecVersion" => facts.version.spec_version.encode(),
            "CheckTxVersion" => facts.version.transaction_version.unwrap_or_default().encode(),
            // The birth block of an immortal era is the genesis block.
            "CheckGenesis" | "CheckMortality" | "CheckEra" => facts.genesis.to_vec(),
            _ => empty_value(types, extension.implicit).ok_or_else(|| unknown_extension(extension, "signs"))?,
        };
        self.explicit[usize::from(self.has_nonce)].extend(explicit);
        self.implicit.extend(implicit);
        Ok(())
    }

    /// Returns a signed remark, encoded with its length.
    pub fn remark(&self, nonce: u32) -> Vec<u8> {
        let [before, after] = &self.explicit;
        let nonce = if self.has_nonce { Compact(nonce).encode() } else { Vec::new() };
        let explicit = [before.as_slice(), &nonce, after].concat();
        let payload = [self.call.as_slice(), &explicit, &self.implicit].concat();
        let signature = match payload.len() > MAX_UNHASHED_PAYLOAD {
            true => self.pair.sign(&artifact::hashes::blake2_256(&payload)),
            false => self.pair.sign(&payload),
        };
        let bytes: &[u8] = signature.as_ref();
        [self.prefix.as_slice(), &self.signature_prefix, bytes, &explicit, &self.call].concat().encode()
    }
}

/// The facts about the chain that extensions sign.
struct ChainFacts<'a> {
    version: &'a Version,
    genesis: [u8; 32],
}

/// Returns the encoded value of an extension that has no data: no bytes, or `None`. Other values
/// cannot be derived from the metadata.
fn empty_value(types: &PortableRegistry, id: u32) -> Option<Vec<u8>> {
    let is_option = types.resolve(id).is_some_and(|ty| ty.path.segments == ["Option"]);
    if is_option {
        return Some(vec![0]);
    }
    read::default_value(types, id).filter(Vec::is_empty)
}

fn unknown_extension(extension: &Extension<'_>, verb: &str) -> Failure {
    unsupported(format!("the transaction extension {} {verb} unknown data", extension.identifier))
}

fn unsupported(found: String) -> Failure {
    Failure::check("no extrinsic was measured, because none can be signed for this runtime")
        .found(found)
        .expected("accounts of 32 bytes, sr25519 signatures, and common transaction extensions")
}

/// Encodes the sender: an account, or an address with an account.
fn address(interface: &Interface<'_>, public: &sr25519::Public) -> Result<Vec<u8>> {
    let account: &[u8] = public.as_ref();
    let ids = variant(interface, interface.address, "Id");
    match (ids, interface.address) {
        (Some((index, Some(field))), _) if is_bytes(interface.types, field, 32) => Ok([&[index], account].concat()),
        (None, Some(id)) if is_bytes(interface.types, id, 32) => Ok(account.to_vec()),
        _ => Err(unsupported("senders that are not accounts of 32 bytes".into())),
    }
}

/// Returns the bytes before an sr25519 signature.
fn signature_prefix(interface: &Interface<'_>) -> Result<Vec<u8>> {
    match (variant(interface, interface.signature, "Sr25519"), interface.signature) {
        (Some((index, Some(field))), _) if is_bytes(interface.types, field, 64) => Ok(vec![index]),
        (None, Some(id)) if is_bytes(interface.types, id, 64) => Ok(Vec::new()),
        _ => Err(unsupported("signatures other than sr25519".into())),
    }
}

/// Returns the index of an enum's variant, and the type of its only field.
fn variant(interface: &Interface<'_>, id: Option<u32>, name: &str) -> Option<(u8, Option<u32>)> {
    let found = interface.variants(id).iter().find(|variant| variant.name == name)?;
    let field = match found.fields.as_slice() {
        [field] => Some(field.ty.id),
        _ => None,
    };
    Some((found.index, field))
}

/// Returns whether the values of a type are exactly `length` bytes.
fn is_bytes(types: &PortableRegistry, id: u32, length: u32) -> bool {
    let mut id = id;
    // The number of nested wrapper types is limited.
    for _ in 0..8 {
        match types.resolve(id).map(|ty| &ty.type_def) {
            Some(TypeDef::Composite(composite)) if composite.fields.len() == 1 => id = composite.fields[0].ty.id,
            Some(TypeDef::Array(array)) => {
                let element = types.resolve(array.type_param.id).map(|ty| &ty.type_def);
                return array.len == length && matches!(element, Some(TypeDef::Primitive(TypeDefPrimitive::U8)));
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests;
