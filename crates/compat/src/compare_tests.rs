// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::interface::Interface;
use scale_info::{MetaType, Registry, TypeInfo};

fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
    let mut registry = Registry::new();
    let id = registry.register_type(&MetaType::new::<T>()).id;
    (registry.into(), id)
}

fn interface(types: &PortableRegistry) -> Interface<'_> {
    Interface::empty(types)
}

fn differences<Old: TypeInfo + 'static, New: TypeInfo + 'static>() -> Differences {
    let ((old, old_id), (new, new_id)) = (registry::<Old>(), registry::<New>());
    compare(&interface(&old), old_id, &interface(&new), new_id)
}

mod old {
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Policy {
        pub threshold: u32,
        pub weight: u32,
    }
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub enum Kind {
        A,
        B(u32),
    }
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Tree {
        pub children: Vec<Tree>,
        pub value: u32,
    }
}

mod new {
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Policy {
        pub weight: u32,
        pub threshold: u32,
    }
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub enum Kind {
        A,
        B(u32),
        C,
    }
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub enum Reordered {
        B(u32),
        A,
    }
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Tree {
        pub children: Vec<Tree>,
        pub value: u64,
    }
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Wrapped(pub (u32,));
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Number(pub u32);
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code)]
    pub struct Longer {
        pub children: Vec<Longer>,
        pub value: u32,
        pub more: u8,
    }
}

#[test]
fn types_with_the_same_encoding_do_not_differ() {
    assert!(!differences::<u32, new::Wrapped>().any());
    assert!(!differences::<String, Vec<u8>>().any());
    assert!(!differences::<old::Tree, old::Tree>().any());
    assert!(!differences::<(), [(); 0]>().any(), "neither has bytes");
    assert!(!differences::<(u8, u8, u8), [u8; 3]>().any());
    assert!(!differences::<[(u8, u16); 2], (u8, u16, u8, u16)>().any());
    assert!(!differences::<Vec<(u8, (u16, ()))>, Vec<((u8,), [u16; 1])>>().any());
    assert!(!differences::<codec::Compact<u32>, codec::Compact<new::Number>>().any());
}

#[test]
fn a_nested_change_is_reported_with_its_path() {
    let found = differences::<old::Tree, new::Tree>();
    assert_eq!(found.changed, ["value: u32 became u64"]);
}

#[test]
fn other_types_of_the_same_size_differ() {
    assert_eq!(differences::<u32, [u8; 4]>().changed, ["u32 became an array of 4"]);
    assert_eq!(differences::<[u8; 32], [u8; 20]>().changed, ["an array of 32 became one of 20"]);
    assert_eq!(differences::<(u8, [u16; 2]), (u8, [u16; 3])>().changed, ["1: an array of 2 became one of 3"]);
    assert_eq!(differences::<old::Tree, new::Longer>().changed, ["2 fields became 3 (with more)"]);
    assert_eq!(differences::<u32, codec::Compact<u32>>().changed, ["u32 became a compact number"]);
}

#[test]
fn a_wider_compact_number_decodes_the_narrower_ones() {
    let wider = differences::<codec::Compact<u32>, codec::Compact<u128>>();
    assert!(!wider.breaking() && !wider.lossy());
    assert_eq!(wider.added, ["numbers of more than 32 bits are new"]);
    let narrower = differences::<codec::Compact<u128>, codec::Compact<u32>>();
    assert!(!narrower.breaking() && narrower.lossy());
    assert_eq!(narrower.removed, ["numbers of more than 32 bits are rejected"]);
    assert!(differences::<Vec<u8>, String>().lossy(), "not all bytes are UTF-8");
}

#[test]
fn added_and_removed_field_names_are_reported() {
    #[derive(TypeInfo)]
    #[allow(dead_code)]
    enum Listed {
        Sent(u32, u8),
    }
    #[derive(TypeInfo)]
    #[allow(dead_code)]
    enum Named {
        Sent { amount: u32, fee: u8 },
    }
    let found = differences::<Listed, Named>();
    assert!(!found.breaking() && !found.lossy());
    assert_eq!(found.renamed, ["Sent.amount: the field had no name", "Sent.fee: the field had no name"]);
    assert_eq!(differences::<Named, Listed>().renamed.len(), 2);
}

#[test]
fn moved_fields_and_variants_are_distinguished_from_new_ones() {
    assert_eq!(differences::<old::Policy, new::Policy>().moved.len(), 2);
    let grown = differences::<old::Kind, new::Kind>();
    assert!(!grown.breaking());
    assert_eq!(grown.added, ["C is new"]);
    assert!(differences::<old::Kind, new::Reordered>().breaking());
    assert_eq!(differences::<new::Kind, old::Kind>().removed, ["C was removed"]);
}
