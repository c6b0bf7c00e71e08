// SPDX-License-Identifier: Apache-2.0
//! Signed transactions for a served chain.

use crate::fork::Node;
use codec::{Compact, Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v14::RuntimeMetadataV14};
use k256::ecdsa::SigningKey;
use scale_info::TypeDef;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use serde_json::json;

/// The seed of `//Alice` by the SDK's development phrase.
const ALICE: &str = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
/// The account of `//Bob`.
pub const BOB: &str = "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";

/// The key that signs a transaction.
pub enum Signer {
    /// An sr25519 key pair.
    Sr25519(Box<Keypair>),
    /// An ECDSA key on secp256k1.
    Ecdsa(SigningKey),
}

impl Signer {
    /// Returns the key of `//Alice`, an account with a balance in development presets.
    pub fn alice() -> Self {
        let seed = hex::decode(ALICE).expect("hex");
        let pair = MiniSecretKey::from_bytes(&seed).expect("a seed").expand_to_keypair(ExpansionMode::Ed25519);
        Self::Sr25519(Box::new(pair))
    }

    /// Returns an ECDSA key of an account without a balance.
    pub fn with_ecdsa() -> Self {
        Self::Ecdsa(SigningKey::from_slice(&[7; 32]).expect("a key"))
    }

    /// Returns the id of the key's account.
    pub fn account(&self) -> [u8; 32] {
        match self {
            Self::Sr25519(pair) => pair.public.to_bytes(),
            Self::Ecdsa(key) => artifact::hashes::blake2_256(key.verifying_key().to_encoded_point(true).as_bytes()),
        }
    }

    /// Signs a payload. Returns an encoded `sp_runtime::MultiSignature`.
    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::Sr25519(pair) => [&[1][..], &pair.sign_simple(b"substrate", payload).to_bytes()].concat(),
            Self::Ecdsa(key) => {
                let digest = artifact::hashes::blake2_256(payload);
                let (signature, form) = key.sign_prehash_recoverable(&digest).expect("signed");
                [&[2][..], &signature.to_bytes(), &[form.to_byte()]].concat()
            }
        }
    }
}

/// Returns a signed transaction in hex: extrinsic format 4, immortal, without a tip.
pub fn signed(node: &Node, signer: &Signer, nonce: u32, pallet: &str, call: &str, arguments: &[u8]) -> String {
    let metadata = metadata(node);
    let call = encoded_call(&metadata, pallet, call, arguments);
    let version = node.call("state_getRuntimeVersion", json!([]));
    let number = |name: &str| (version[name].as_u64().expect("a number") as u32).encode();
    let genesis = node.call("chain_getBlockHash", json!([0]));
    let genesis = hex::decode(&genesis.as_str().expect("a hash")[2..]).expect("hex");
    let (mut carried, mut only_signed) = (Vec::new(), Vec::new());
    for extension in &metadata.extrinsic.signed_extensions {
        let (explicit, implicit) = match extension.identifier.as_str() {
            "CheckSpecVersion" => (vec![], number("specVersion")),
            "CheckTxVersion" => (vec![], number("transactionVersion")),
            "CheckGenesis" => (vec![], genesis.clone()),
            "CheckMortality" => (vec![0], genesis.clone()),
            "CheckNonce" => (Compact(nonce).encode(), vec![]),
            "ChargeTransactionPayment" => (vec![0], vec![]),
            "CheckMetadataHash" => (vec![0], vec![0]),
            _ => (vec![], vec![]),
        };
        carried.extend(explicit);
        only_signed.extend(implicit);
    }
    let mut payload = [&call[..], &carried, &only_signed].concat();
    if payload.len() > 256 {
        payload = artifact::hashes::blake2_256(&payload).to_vec();
    }
    // Signed, format 4; an account id.
    let extrinsic = [&[0x84, 0][..], &signer.account(), &signer.sign(&payload), &carried, &call].concat().encode();
    format!("0x{}", hex::encode(extrinsic))
}

/// Returns a signed `Balances.transfer_keep_alive` in hex.
pub fn transfer(node: &Node, signer: &Signer, nonce: u32, to: [u8; 32], amount: u128) -> String {
    let arguments = [&[0][..], &to, &Compact(amount).encode()].concat();
    signed(node, signer, nonce, "Balances", "transfer_keep_alive", &arguments)
}

/// Returns an encoded call.
pub fn call(node: &Node, pallet: &str, call: &str, arguments: &[u8]) -> Vec<u8> {
    encoded_call(&metadata(node), pallet, call, arguments)
}

fn metadata(node: &Node) -> RuntimeMetadataV14 {
    let text = node.call("state_getMetadata", json!([]));
    let bytes = hex::decode(&text.as_str().expect("hex")[2..]).expect("hex");
    match RuntimeMetadataPrefixed::decode(&mut &bytes[..]).expect("metadata").1 {
        RuntimeMetadata::V14(metadata) => metadata,
        other => panic!("metadata {} from state_getMetadata", other.version()),
    }
}

fn encoded_call(metadata: &RuntimeMetadataV14, pallet: &str, call: &str, arguments: &[u8]) -> Vec<u8> {
    let pallet = metadata.pallets.iter().find(|found| found.name == pallet).expect("the pallet");
    let calls = pallet.calls.as_ref().expect("calls").ty.id;
    let TypeDef::Variant(calls) = &metadata.types.resolve(calls).expect("a type").type_def else { panic!("no enum") };
    let call = calls.variants.iter().find(|found| found.name == call).expect("the call");
    [&[pallet.index, call.index], arguments].concat()
}
