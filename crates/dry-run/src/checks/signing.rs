// SPDX-License-Identifier: Apache-2.0
//! Can transactions made for the old runtime be mistaken by the new one, and can wallets still sign?
//!
//! A hardware wallet, a multisig in progress, a client that was not updated: all of them encode calls by what they knew
//! when `transaction_version` was what it is. So whatever changes the bytes of a call or of what is signed with it must
//! raise that version.

use crate::{
    input::Runtime,
    result::{Check, Status},
    types::{
        Interface, compare,
        compare::compare_fields,
        interface::{Extension, WALLETS_KNOW},
        read,
    },
};

const NAME: &str = "transaction-signing";

#[derive(Default)]
struct Findings {
    /// What needs a higher `transaction_version`.
    breaking: Vec<String>,
    /// What wallets cannot sign, whatever the version.
    unsignable: Vec<String>,
    /// Said, but no reason to worry.
    noted: Vec<String>,
}

pub fn signing(from: &Runtime, to: &Runtime) -> Check {
    let (Some(old), Some(new)) = (from.interface(), to.interface()) else {
        return Check::skip(NAME, "one of the runtimes has metadata from before version 14, without types");
    };
    let mut findings = Findings::default();
    calls(&old, &new, &mut findings);
    extensions(&old, &new, &mut findings);
    envelope(&old, &new, &mut findings);
    verdict(from.version.transaction_version, to.version.transaction_version, findings)
}

fn verdict(before: Option<u32>, after: Option<u32>, findings: Findings) -> Check {
    let Findings { mut breaking, unsignable, mut noted } = findings;
    noted.truncate(10);
    let raised = after > before;
    let version = |version: Option<u32>| version.map_or("none".into(), |version| version.to_string());
    let from_to = format!("transaction_version {} to {}", version(before), version(after));
    breaking.truncate(25);
    let broken = breaking.len();
    let (status, detail) = match (broken, raised, unsignable.is_empty()) {
        (1.., false, _) => (
            Status::Fail,
            format!("{broken} changes to what is signed, and transaction_version stays {}", version(after)),
        ),
        (_, _, false) => {
            (Status::Fail, format!("{from_to}; wallets cannot sign transactions before they have learnt what is new"))
        }
        (1.., true, true) => (Status::Pass, format!("{from_to}, as {broken} changes to what is signed demand")),
        (0, true, true) => (Status::Pass, format!("{from_to}, although calls and extensions encode as before")),
        (0, false, true) => (Status::Pass, "calls and transaction extensions encode as before".to_string()),
    };
    Check::new(NAME, status, detail).with([breaking, unsignable, noted].concat())
}

/// Every call of the old runtime: is it where it was, does it take what it took?
fn calls(old: &Interface<'_>, new: &Interface<'_>, findings: &mut Findings) {
    for old_pallet in &old.pallets {
        let old_calls = old.calls(old_pallet);
        if old_calls.is_empty() {
            continue;
        }
        let Some(new_pallet) = new.pallet(old_pallet.name) else {
            match new.pallets.iter().find(|pallet| pallet.index == old_pallet.index && pallet.calls.is_some()) {
                // The same calls under another name are a pallet renamed.
                Some(other)
                    if new.calls(other).iter().map(|call| &call.name).eq(old_calls.iter().map(|call| &call.name)) =>
                {
                    findings.noted.push(format!("pallet {} is called {} now", old_pallet.name, other.name));
                }
                Some(other) => findings.breaking.push(format!(
                    "index {} was pallet {} and is {}: old transactions mean other calls",
                    old_pallet.index, old_pallet.name, other.name
                )),
                None => findings.noted.push(format!("pallet {} is gone", old_pallet.name)),
            }
            continue;
        };
        if new_pallet.index != old_pallet.index {
            findings.breaking.push(format!(
                "pallet {} moved from index {} to {}",
                old_pallet.name, old_pallet.index, new_pallet.index
            ));
        }
        let new_calls = new.calls(new_pallet);
        for old_call in old_calls {
            let name = format!("{}.{}", old_pallet.name, old_call.name);
            match new_calls.iter().find(|call| call.name == old_call.name) {
                Some(new_call) => {
                    if new_call.index != old_call.index {
                        findings
                            .breaking
                            .push(format!("{name} moved from index {} to {}", old_call.index, new_call.index));
                    }
                    let found = compare_fields(old, &old_call.fields, new, &new_call.fields);
                    if found.breaking() {
                        findings.breaking.push(format!("{name}: {}", found.told()));
                    }
                }
                None => match new_calls.iter().find(|call| call.index == old_call.index) {
                    Some(other) if !old_calls.iter().any(|call| call.name == other.name) => {
                        let found = compare_fields(old, &old_call.fields, new, &other.fields);
                        let told = format!("{name} at index {} is {} now", old_call.index, other.name);
                        if found.breaking() || !found.renamed.is_empty() {
                            findings.breaking.push(format!("{told}, with other arguments"));
                        } else {
                            findings.noted.push(told);
                        }
                    }
                    _ => findings.noted.push(format!("{name} is gone")),
                },
            }
        }
    }
}

/// What transactions carry and sign beside the call: only what has bytes counts, in its order.
fn extensions(old: &Interface<'_>, new: &Interface<'_>, findings: &mut Findings) {
    type Part<'a> = fn(&Extension<'a>) -> u32;
    let parts: [(&str, Part<'_>); 2] =
        [("carry", |extension| extension.explicit), ("sign", |extension| extension.implicit)];
    for (verb, part) in parts {
        let before: Vec<_> = old.extensions.iter().filter(|extension| has_bytes(old, part(extension))).collect();
        let after: Vec<_> = new.extensions.iter().filter(|extension| has_bytes(new, part(extension))).collect();
        let names = |extensions: &[&Extension<'_>]| {
            extensions.iter().map(|extension| extension.identifier.to_owned()).collect::<Vec<_>>()
        };
        if names(&before).len() != names(&after).len() {
            let (before, after) = (names(&before), names(&after));
            let come = after.iter().filter(|name| !before.contains(name)).map(|name| format!("with {name}"));
            let gone = before.iter().filter(|name| !after.contains(name)).map(|name| format!("without {name}"));
            let what = come.chain(gone).collect::<Vec<_>>().join(", ");
            findings.breaking.push(format!("transactions {verb} other extensions: {what}"));
            continue;
        }
        for (old_extension, new_extension) in before.iter().zip(&after) {
            let found = compare(old, part(old_extension), new, part(new_extension));
            let (was, is) = (old_extension.identifier, new_extension.identifier);
            if found.breaking() {
                findings.breaking.push(format!("what transactions {verb} of {is}: {}", found.told()));
            } else if was != is && after.iter().any(|extension| extension.identifier == was) {
                findings.breaking.push(format!("transactions {verb} {is} where they had {was}"));
            } else if was != is {
                findings.noted.push(format!("extension {was} is called {is} now, with the same encoding"));
            }
        }
    }
    for extension in &new.extensions {
        let name = extension.identifier;
        let is_new = !old.extensions.iter().any(|known| known.identifier == name);
        let has_part = has_bytes(new, extension.explicit) || has_bytes(new, extension.implicit);
        if is_new && has_part && !WALLETS_KNOW.contains(&name) {
            findings.unsignable.push(format!(
                "extension {name} is new and not one that wallets know: where they have learnt it, --allow {NAME}=REASON"
            ));
        }
    }
}

/// Whether a value of the type takes any bytes.
fn has_bytes(interface: &Interface<'_>, id: u32) -> bool {
    read::plainest(interface.types, id).is_none_or(|bytes| !bytes.is_empty())
}

/// Sender, signature and the format around them.
fn envelope(old: &Interface<'_>, new: &Interface<'_>, findings: &mut Findings) {
    for (what, before, after) in [("sender", old.address, new.address), ("signature", old.signature, new.signature)] {
        if let (Some(before), Some(after)) = (before, after) {
            let found = compare(old, before, new, after);
            if found.breaking() {
                findings.breaking.push(format!("the {what} of a transaction: {}", found.told()));
            }
        }
    }
    let gone: Vec<_> =
        old.extrinsic_versions.iter().filter(|version| !new.extrinsic_versions.contains(version)).collect();
    if !gone.is_empty() {
        findings.breaking.push(format!("extrinsics of format {gone:?} are not understood any more"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::interface::Pallet;
    use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};

    mod before {
        #[derive(scale_info::TypeInfo)]
        #[allow(dead_code, non_camel_case_types)]
        pub enum Call {
            #[codec(index = 0)]
            transfer { dest: [u8; 32], value: u128 },
            #[codec(index = 1)]
            burn { value: u128 },
        }
    }

    mod moved {
        #[derive(scale_info::TypeInfo)]
        #[allow(dead_code, non_camel_case_types)]
        pub enum Call {
            #[codec(index = 0)]
            burn { value: u128 },
            #[codec(index = 1)]
            transfer { dest: [u8; 32], value: u128 },
        }
    }

    mod widened {
        #[derive(scale_info::TypeInfo)]
        #[allow(dead_code, non_camel_case_types)]
        pub enum Call {
            #[codec(index = 0)]
            transfer { dest: [u8; 32], value: u64 },
            #[codec(index = 1)]
            burn { value: u128 },
        }
    }

    mod grown {
        #[derive(scale_info::TypeInfo)]
        #[allow(dead_code, non_camel_case_types)]
        pub enum Call {
            #[codec(index = 0)]
            transfer { dest: [u8; 32], value: u128 },
            #[codec(index = 1)]
            burn { value: u128 },
            #[codec(index = 2)]
            mint { value: u128 },
        }
    }

    struct Fixture {
        types: PortableRegistry,
        calls: u32,
        /// Identifier, explicit and implicit type.
        extensions: Vec<(&'static str, u32, u32)>,
    }

    fn fixture<Calls: TypeInfo + 'static>(extensions: &[(&'static str, MetaType, MetaType)]) -> Fixture {
        let mut registry = Registry::new();
        let calls = registry.register_type(&MetaType::new::<Calls>()).id;
        let extensions = extensions
            .iter()
            .map(|(name, explicit, implicit)| {
                (*name, registry.register_type(explicit).id, registry.register_type(implicit).id)
            })
            .collect();
        Fixture { types: registry.into(), calls, extensions }
    }

    impl Fixture {
        fn interface(&self) -> Interface<'_> {
            Interface {
                pallets: vec![Pallet { name: "Balances", index: 10, calls: Some(self.calls), ..Pallet::default() }],
                extensions: self
                    .extensions
                    .iter()
                    .map(|(identifier, explicit, implicit)| Extension {
                        identifier,
                        explicit: *explicit,
                        implicit: *implicit,
                    })
                    .collect(),
                extrinsic_versions: vec![4, 5],
                ..Interface::empty(&self.types)
            }
        }
    }

    fn check(old: &Fixture, new: &Fixture, versions: (u32, u32)) -> Check {
        let mut findings = Findings::default();
        calls(&old.interface(), &new.interface(), &mut findings);
        extensions(&old.interface(), &new.interface(), &mut findings);
        verdict(Some(versions.0), Some(versions.1), findings)
    }

    fn nonce() -> (&'static str, MetaType, MetaType) {
        ("CheckNonce", MetaType::new::<u32>(), MetaType::new::<()>())
    }

    #[test]
    fn a_call_that_moved_or_takes_something_else_demands_a_higher_version() {
        let old = fixture::<before::Call>(&[nonce()]);
        for new in [fixture::<moved::Call>(&[nonce()]), fixture::<widened::Call>(&[nonce()])] {
            assert_eq!(check(&old, &new, (1, 1)).status, Status::Fail);
            assert_eq!(check(&old, &new, (1, 2)).status, Status::Pass);
        }
    }

    #[test]
    fn a_new_call_and_an_extension_without_bytes_change_nothing_that_is_signed() {
        let old = fixture::<before::Call>(&[nonce()]);
        let weight = ("OwnWeight", MetaType::new::<()>(), MetaType::new::<()>());
        let new = fixture::<grown::Call>(&[nonce(), weight]);
        assert_eq!(check(&old, &new, (1, 1)).status, Status::Pass);
    }

    #[test]
    fn an_extension_that_wallets_do_not_know_fails_whatever_the_version() {
        let old = fixture::<before::Call>(&[nonce()]);
        let explicit = ("OwnMode", MetaType::new::<u8>(), MetaType::new::<()>());
        let implicit = ("OwnHash", MetaType::new::<()>(), MetaType::new::<Option<[u8; 32]>>());
        for extension in [explicit, implicit] {
            let new = fixture::<before::Call>(&[nonce(), extension]);
            assert_eq!(check(&old, &new, (1, 1)).status, Status::Fail);
            assert_eq!(check(&old, &new, (1, 2)).status, Status::Fail);
        }
    }

    #[test]
    fn an_extension_that_wallets_know_fails_only_without_a_higher_version() {
        let old = fixture::<before::Call>(&[nonce()]);
        let known = ("CheckMetadataHash", MetaType::new::<u8>(), MetaType::new::<Option<[u8; 32]>>());
        let new = fixture::<before::Call>(&[nonce(), known]);
        assert_eq!(check(&old, &new, (1, 1)).status, Status::Fail);
        assert_eq!(check(&old, &new, (1, 2)).status, Status::Pass);
    }

    #[test]
    fn extensions_in_another_order_fail() {
        let tip = ("ChargeTransactionPayment", MetaType::new::<u128>(), MetaType::new::<()>());
        let old = fixture::<before::Call>(&[nonce(), tip]);
        let new = fixture::<before::Call>(&[tip, nonce()]);
        assert_eq!(check(&old, &new, (1, 1)).status, Status::Fail);
    }
}
