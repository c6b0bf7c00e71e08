// SPDX-License-Identifier: Apache-2.0
//! Hostile metadata gives an error or a proposal, in bounded time, and never a panic.

use super::chain;
use crate::{Chains, Options, Release, Target, decode, upgrade};
use proptest::prelude::*;
use protocol::proposal::Route;
use scale_info::{MetaType, TypeInfo, meta_type};
use std::sync::LazyLock;

static METADATA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let parts = [vec![chain::system(), chain::sudo_part(), chain::xcm_part()], chain::governance()].concat();
    chain::metadata("solo", 16, parts)
});

fn try_everything(bytes: &[u8]) {
    let Ok(target) = Target::from_metadata(bytes) else { return };
    let release = Release { code: b"code", spec_name: target.name().into(), spec_version: u32::MAX };
    for route in Route::ALL {
        let chains = Chains { target: &target, relay: Some(&target), para_id: Some(7) };
        let _ = upgrade(chains, &release, &Options { route: Some(route), ..Options::default() });
    }
}

#[test]
fn truncated_metadata_is_rejected() {
    for length in 0..METADATA.len() {
        assert!(Target::from_metadata(&METADATA[..length]).is_err(), "{length} bytes");
    }
    try_everything(&METADATA);
}

#[test]
fn older_versions_and_other_files_are_rejected() {
    let failure = Target::from_metadata(b"meta\x0dand so on").err().expect("version 13");
    assert!(failure.found.as_deref().is_some_and(|found| found.contains("version 13")), "{failure}");
    assert!(Target::from_metadata(&[METADATA.as_slice(), &[0]].concat()).is_err());
    assert!(Target::from_metadata(b"").is_err());
    assert!(Target::from_metadata(b"\x7fELF and more").is_err());
    let failure = Target::from_metadata(&vec![0; 9 << 20]).err().expect("too large");
    assert!(failure.message.contains("too large"), "{failure}");
}

#[test]
fn opaque_metadata_of_the_runtime_api_is_unwrapped() {
    use codec::Encode;
    let opaque = METADATA.encode();
    let optional = Some(METADATA.clone()).encode();
    for bytes in [opaque, optional] {
        assert_eq!(Target::from_metadata(&bytes).expect("the same metadata").name(), "solo");
    }
}

/// Defines a type with invalid type information.
macro_rules! invalid_type {
    ($name:ident, $type_info:expr) => {
        struct $name;
        impl TypeInfo for $name {
            type Identity = Self;
            fn type_info() -> scale_info::Type {
                scale_info::Type::builder()
                    .path(scale_info::Path::new(stringify!($name), "invalid"))
                    .composite($type_info)
            }
        }
    };
}

invalid_type!(Endless, scale_info::build::Fields::unnamed().field(|field| field.ty::<Endless>()));
invalid_type!(EndlessArray, scale_info::build::Fields::unnamed().field(|field| field.ty::<[EndlessArray; 4]>()));
invalid_type!(
    Wide,
    scale_info::build::Fields::unnamed()
        .field(|field| field.ty::<[[[[(); 4_000_000]; 4_000_000]; 4_000_000]; 4_000_000]>())
        .field(|field| field.ty::<u8>())
);

fn with(ty: MetaType) -> worker::Result<Target> {
    let parts = vec![chain::system(), chain::part("Invalid", 9, ty)];
    Target::from_metadata(&chain::metadata("solo", 16, parts))
}

#[test]
fn a_type_that_contains_itself_is_rejected() {
    for ty in [meta_type::<Endless>(), meta_type::<EndlessArray>()] {
        let failure = with(ty).err().expect("it never ends");
        assert!(failure.message.contains("cannot be laid out"), "{failure}");
    }
}

#[test]
fn a_value_of_many_empty_parts_is_rejected() {
    let target = with(meta_type::<Wide>()).expect("it is a type");
    let failure = decode::call(target.types(), &[9, 1]).expect_err("too many parts");
    assert!(failure.message.contains("too large"), "{failure}");
}

#[test]
fn two_pallets_cannot_share_an_index_or_a_name() {
    let twice = |name, index| {
        let parts = vec![chain::system(), chain::part(name, index, meta_type::<()>())];
        Target::from_metadata(&chain::metadata("solo", 15, parts)).map(drop)
    };
    assert!(twice("Other", 1).is_ok());
    assert!(twice("Other", 0).is_err());
    assert!(twice("System", 1).is_err());
    assert!(twice("Sys\u{1b}[2J", 1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_metadata_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = METADATA.clone();
        for (position, byte) in changes {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        try_everything(&bytes);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let target = Target::from_metadata(&METADATA).expect("metadata");
        if let Ok(value) = decode::call(target.types(), &bytes) {
            // A decoded call encodes again, and decodes to the same value.
            let again = crate::encode::call(&target, &value).expect("a call of this chain");
            prop_assert_eq!(decode::call(target.types(), &again).expect("a call"), value);
        }
    }
}
