// SPDX-License-Identifier: Apache-2.0
use super::*;
use codec::Decode;
use scale_info::{MetaType, Registry};
use sp_runtime::{MultiAddress, MultiSignature, traits::Verify};

type Account = sp_core::crypto::AccountId32;

fn registry(metas: &[MetaType]) -> (PortableRegistry, Vec<u32>) {
    let mut registry = Registry::new();
    let ids = metas.iter().map(|meta| registry.register_type(meta).id).collect();
    (registry.into(), ids)
}

fn version() -> Version {
    Version {
        spec_name: "x".into(),
        impl_name: "x".into(),
        authoring_version: 1,
        spec_version: 7,
        impl_version: 0,
        apis: Vec::new(),
        transaction_version: Some(9),
        state_version: Some(1),
    }
}

/// Returns a signer with these extensions, each given as identifier, explicit and implicit type.
fn signer(extensions: &[(&str, MetaType, MetaType)]) -> Result<Signer> {
    let metas: Vec<_> = extensions.iter().flat_map(|(_, explicit, implicit)| [*explicit, *implicit]).collect();
    let (types, ids) = registry(&metas);
    let mut signer = Signer {
        pair: sr25519::Pair::from_string(SIGNER, None).expect("a key"),
        prefix: vec![FORMAT],
        signature_prefix: vec![1],
        explicit: Default::default(),
        has_nonce: false,
        implicit: Vec::new(),
        call: vec![0, 0, 0],
    };
    let facts = ChainFacts { version: &version(), genesis: [3; 32] };
    for ((identifier, ..), pair) in extensions.iter().zip(ids.chunks(2)) {
        signer.add(&types, &Extension { identifier, explicit: pair[0], implicit: pair[1] }, &facts)?;
    }
    Ok(signer)
}

fn of<T: scale_info::TypeInfo + 'static>() -> MetaType {
    MetaType::new::<T>()
}

#[test]
fn explicit_and_implicit_data_are_in_the_order_of_the_extensions() {
    let signer = signer(&[
        ("CheckNonZeroSender", of::<()>(), of::<()>()),
        ("CheckSpecVersion", of::<()>(), of::<u32>()),
        ("CheckTxVersion", of::<()>(), of::<u32>()),
        ("CheckGenesis", of::<()>(), of::<[u8; 32]>()),
        ("CheckMortality", of::<u8>(), of::<[u8; 32]>()),
        ("CheckNonce", of::<Compact<u32>>(), of::<()>()),
        ("ChargeTransactionPayment", of::<Compact<u128>>(), of::<()>()),
        ("CheckMetadataHash", of::<u8>(), of::<Option<[u8; 32]>>()),
    ])
    .expect("known");
    let extrinsic = signer.remark(70);
    let explicit = [&[IMMORTAL][..], &Compact(70u32).encode(), &[0, 0]].concat();
    let implicit = [&7u32.encode()[..], &9u32.encode(), &[3; 64], &[0]].concat();
    let body = Vec::<u8>::decode(&mut &extrinsic[..]).expect("bytes with their length");
    assert_eq!(body[..2], [FORMAT, 1]);
    assert_eq!(body[66..], [&explicit[..], &[0, 0, 0]].concat());
    let signature = MultiSignature::Sr25519(sr25519::Signature::from_raw(body[2..66].try_into().expect("64 bytes")));
    let payload = [&[0, 0, 0][..], &explicit, &implicit].concat();
    assert!(signature.verify(&payload[..], &Account::from(signer.pair.public())));
    assert_ne!(signer.remark(1), signer.remark(2));
}

#[test]
fn an_unknown_extension_is_refused_unless_it_has_no_data() {
    assert!(signer(&[("Own", of::<((), [u8; 0])>(), of::<Option<u64>>())]).is_ok());
    for (explicit, implicit, verb) in [(of::<u8>(), of::<()>(), "carries"), (of::<()>(), of::<u64>(), "signs")] {
        let failure = signer(&[("Own", explicit, implicit)]).err().expect("refused");
        assert_eq!(failure.kind, worker::Kind::Check);
        assert!(failure.found.expect("which").contains(&format!("extension Own {verb}")));
    }
}

#[test]
fn senders_and_signatures_of_other_kinds_are_refused() {
    let (types, ids) = registry(&[
        of::<MultiAddress<Account, ()>>(),
        of::<Account>(),
        of::<[u8; 20]>(),
        of::<MultiSignature>(),
        of::<sr25519::Signature>(),
        of::<[u8; 65]>(),
        of::<MultiAddress<[u8; 20], ()>>(),
    ]);
    let public = sr25519::Pair::from_string(SIGNER, None).expect("a key").public();
    let with = |address: usize, signature: usize| {
        let interface =
            Interface { address: Some(ids[address]), signature: Some(ids[signature]), ..Interface::empty(&types) };
        (address_bytes(&interface, &public), signature_prefix(&interface).ok())
    };
    fn address_bytes(interface: &Interface<'_>, public: &sr25519::Public) -> Option<usize> {
        address(interface, public).ok().map(|bytes| bytes.len())
    }
    assert_eq!(with(0, 3), (Some(33), Some(vec![1])));
    assert_eq!(with(1, 4), (Some(32), Some(Vec::new())));
    assert_eq!(with(2, 5), (None, None));
    assert_eq!(with(6, 3).0, None);
}
