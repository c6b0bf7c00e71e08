// SPDX-License-Identifier: Apache-2.0
//! The parts of the test runtimes: enums of calls, events and errors, and changed versions of them.

#![allow(dead_code, non_camel_case_types, reason = "only their type information is used")]

use crate::testing::{Item, Pallet, RuntimeBuilder, ty};
use codec::Encode;
use frame_metadata::v14::StorageHasher;
use scale_info::TypeInfo;

pub mod calls {
    use super::TypeInfo;

    macro_rules! calls {
        ($module:ident { $($index:literal $call:ident { $($field:ident: $ty:ty),* })* }) => {
            pub mod $module {
                use super::TypeInfo;
                #[derive(TypeInfo)]
                pub enum Call { $(#[codec(index = $index)] $call { $($field: $ty),* },)* }
            }
        };
    }
    calls!(plain { 0 transfer { dest: [u8; 32], value: u128 } 1 burn { value: u128 } });
    calls!(moved { 1 transfer { dest: [u8; 32], value: u128 } 0 burn { value: u128 } });
    calls!(renamed { 0 send { dest: [u8; 32], value: u128 } 1 burn { value: u128 } });
    calls!(replaced { 0 reap { who: u64 } 1 burn { value: u128 } });
    calls!(narrowed { 0 transfer { dest: [u8; 32], value: u64 } 1 burn { value: u128 } });
    calls!(relabelled { 0 transfer { to: [u8; 32], value: u128 } 1 burn { value: u128 } });
    calls!(added { 0 transfer { dest: [u8; 32], value: u128 } 1 burn { value: u128 } 2 mint { value: u128 } });
    calls!(of_a_kind { 0 choose { kind: super::super::Kind } });
    calls!(of_more_kinds { 0 choose { kind: super::super::values::grown::Kind } });
    calls!(removed { 0 transfer { dest: [u8; 32], value: u128 } });
}

#[derive(TypeInfo)]
pub enum Event {
    Sent { value: u128 },
    Burnt,
}

pub mod events {
    use super::TypeInfo;
    #[derive(TypeInfo)]
    pub enum Moved {
        Burnt,
        Sent { value: u128 },
    }
    #[derive(TypeInfo)]
    pub enum Widened {
        Sent { value: u128, fee: u128 },
        Burnt,
    }
    #[derive(TypeInfo)]
    pub enum Renamed {
        Moved { value: u128 },
        Burnt,
    }
    #[derive(TypeInfo)]
    pub enum Replaced {
        Sent { value: u128 },
        Minted,
    }
    #[derive(TypeInfo)]
    pub enum More {
        Sent { value: u128 },
        Burnt,
        Minted,
    }
    #[derive(TypeInfo)]
    pub enum Less {
        Sent { value: u128 },
    }
}

#[derive(TypeInfo, Encode)]
pub struct Account {
    pub free: u128,
    pub kind: Kind,
}

#[derive(TypeInfo, Encode)]
pub enum Kind {
    User,
    Module(u32),
}

pub mod values {
    use super::TypeInfo;
    #[derive(TypeInfo)]
    pub struct Account {
        pub free: u64,
        pub kind: super::Kind,
    }
    pub mod grown {
        use super::TypeInfo;
        #[derive(TypeInfo)]
        pub struct Account {
            pub free: u128,
            pub kind: Kind,
        }
        #[derive(TypeInfo)]
        pub enum Kind {
            User,
            Module(u32),
            Pool,
        }
    }
}

/// Returns a pallet with one of each part.
pub fn balances() -> Pallet {
    Pallet {
        name: "Balances",
        index: 10,
        items: vec![
            Item { optional: false, default: 0u128.encode(), ..Item::value("Total", ty::<u128>()) },
            Item::map("Account", StorageHasher::Blake2_128Concat, ty::<[u8; 32]>(), ty::<Account>()),
        ],
        calls: Some(ty::<calls::plain::Call>()),
        event: Some(ty::<Event>()),
        error: Some(ty::<Event>()),
        constants: vec![("ExistentialDeposit", ty::<u128>(), 500u128.encode())],
        associated: vec![("Balance", ty::<u128>())],
        views: vec![("issued", vec![], ty::<u128>())],
        ..Pallet::default()
    }
}

pub fn nonce() -> (&'static str, scale_info::MetaType, scale_info::MetaType) {
    ("CheckNonce", ty::<u32>(), ty::<()>())
}

pub fn genesis() -> (&'static str, scale_info::MetaType, scale_info::MetaType) {
    ("CheckGenesis", ty::<()>(), ty::<[u8; 32]>())
}

/// Returns a runtime with that pallet, an API, extensions and a host function.
pub fn base() -> RuntimeBuilder {
    let mut builder = RuntimeBuilder::new().with(balances()).api(
        "ParachainHost",
        10,
        vec![("validators", vec![ty::<u32>()], ty::<Kind>())],
    );
    builder.extensions = vec![nonce(), genesis()];
    builder.extension_versions = [(0, vec![0, 1])].into();
    builder.extrinsic_versions = vec![4, 5];
    builder.host_functions = vec!["ext_storage_get_version_1"];
    builder
}

/// Returns the next release, with both versions increased.
pub fn released(builder: &RuntimeBuilder) -> RuntimeBuilder {
    builder.change(|next| {
        next.version.spec_version += 1;
        next.version.transaction_version = next.version.transaction_version.map(|version| version + 1);
    })
}
