// SPDX-License-Identifier: Apache-2.0
//! Compares runtime APIs: their versions (from `Core_version`) and the types of their functions
//! (from the metadata).

use super::effect::change;
use super::{InterfacePair, RuntimeChanges, TypeChangeKinds};
use crate::{compare::Differences, runtime::Runtime};
use protocol::diff::{Change, ChangeKind};
use protocol::inspect::Api;

/// APIs that nodes need to follow the chain or to author blocks, and the nodes that need them.
const NODE_APIS: [(&str, &str); 18] = [
    ("Core", "all nodes"),
    ("Metadata", "all nodes"),
    ("BlockBuilder", "all authors"),
    ("TaggedTransactionQueue", "the transaction pools of all nodes"),
    ("AccountNonceApi", "wallets and nodes' RPC"),
    ("AuraApi", "all nodes"),
    ("BabeApi", "all nodes"),
    ("GrandpaApi", "all nodes"),
    ("SessionKeys", "authors"),
    ("AuthorityDiscoveryApi", "validators"),
    ("BeefyApi", "validators"),
    ("ParachainHost", "validators, and the collators of every parachain"),
    ("CollectCollationInfo", "collators"),
    ("AuraUnincludedSegmentApi", "collators"),
    ("RelayParentOffsetApi", "collators"),
    ("GetParachainInfo", "collators"),
    ("TargetBlockRate", "collators"),
    ("OffchainWorkerApi", "all nodes"),
];

/// Returns which nodes need an API.
pub fn needed_by(api: &str) -> Option<&'static str> {
    NODE_APIS.iter().find(|(name, _)| *name == api).map(|(_, nodes)| *nodes)
}

pub(super) fn changes(pair: &InterfacePair<'_>, old: &Runtime, new: &Runtime, found: &mut RuntimeChanges) {
    versions(pair, old, new, &mut found.changes);
    if pair.old.metadata_version < 15 || pair.new.metadata_version < 15 {
        for (side, interface) in [("old", pair.old), ("new", pair.new)] {
            if interface.metadata_version < 15 {
                found.apis_not_compared = true;
                found.not_compared.push(format!(
                    "the functions of runtime APIs and their types: not in the {side} runtime's metadata V{}",
                    interface.metadata_version
                ));
            }
        }
        return;
    }
    for was in &pair.old.apis {
        let Some(is) = pair.new.apis.iter().find(|api| api.name == was.name) else { continue };
        for before in &was.methods {
            let name = format!("{}_{}", was.name, before.name);
            let Some(after) = is.methods.iter().find(|method| method.name == before.name) else {
                found.changes.push(change(ChangeKind::ApiMethodRemoved, name));
                continue;
            };
            arguments(pair, &name, &before.inputs, &after.inputs, &mut found.changes);
            let result = pair.types(before.output, after.output);
            let mild = grown(&result);
            let kinds = TypeChangeKinds { breaking: ChangeKind::ApiMethodResult, shrunk: mild, grown: mild };
            found.changes.extend(super::type_change(&result, kinds, &name));
        }
        let known = |name: &str| was.methods.iter().any(|method| method.name == name);
        for after in is.methods.iter().filter(|method| !known(method.name)) {
            found.changes.push(change(ChangeKind::ApiMethodAdded, format!("{}_{}", was.name, after.name)));
        }
    }
}

fn grown(found: &Differences) -> ChangeKind {
    if found.added.is_empty() { ChangeKind::ApiMethodTypesRenamed } else { ChangeKind::ApiMethodTypesGrown }
}

fn versions(pair: &InterfacePair<'_>, old: &Runtime, new: &Runtime, changes: &mut Vec<Change>) {
    // `Core_version` identifies APIs by a hash; the metadata has the names.
    let name = |api: &Api| {
        let known = pair.old.api_name(&api.id).or_else(|| pair.new.api_name(&api.id));
        known.map(str::to_owned).or_else(|| api.name.clone()).unwrap_or_else(|| api.id.clone())
    };
    let version = |api: &Api| format!("version {}", api.version);
    for was in &old.version.apis {
        match new.version.apis.iter().find(|api| api.id == was.id) {
            None => changes.push(change(ChangeKind::ApiRemoved, name(was)).old(version(was))),
            Some(is) if is.version > was.version => {
                changes.push(change(ChangeKind::ApiVersionRaised, name(was)).from_to(version(was), version(is)));
            }
            Some(is) if is.version < was.version => {
                changes.push(change(ChangeKind::ApiVersionLowered, name(was)).from_to(version(was), version(is)));
            }
            Some(_) => {}
        }
    }
    for is in new.version.apis.iter().filter(|api| !old.version.apis.iter().any(|known| known.id == api.id)) {
        changes.push(change(ChangeKind::ApiAdded, name(is)).new_value(version(is)));
    }
}

fn arguments(pair: &InterfacePair<'_>, name: &str, old: &[u32], new: &[u32], changes: &mut Vec<Change>) {
    if old.len() != new.len() {
        let count = |inputs: &[u32]| format!("{} arguments", inputs.len());
        changes.push(change(ChangeKind::ApiMethodArguments, name).from_to(count(old), count(new)));
        return;
    }
    for (place, (was, is)) in old.iter().zip(new).enumerate() {
        let found = pair.types(*was, *is);
        const KINDS: TypeChangeKinds = TypeChangeKinds {
            breaking: ChangeKind::ApiMethodArguments,
            shrunk: ChangeKind::ApiMethodArgumentsShrunk,
            // Callers need not use new variants of an argument.
            grown: ChangeKind::ApiMethodTypesRenamed,
        };
        if let Some(change) = super::type_change(&found, KINDS, name) {
            changes.push(change.new_value(format!("argument {}", place + 1)));
        }
    }
}

/// Returns the differences of a function's types as text.
pub(super) fn inputs_and_output(pair: &InterfacePair<'_>, old: (&[u32], u32), new: (&[u32], u32)) -> Vec<String> {
    let mut differences = Vec::new();
    if old.0.len() != new.0.len() {
        differences.push(format!("{} arguments became {}", old.0.len(), new.0.len()));
    } else {
        for (was, is) in old.0.iter().zip(new.0) {
            differences.extend(pair.types(*was, *is).all().map(|found| format!("an argument: {found}")));
        }
    }
    differences.extend(pair.types(old.1, new.1).all().map(|found| format!("the result: {found}")));
    differences
}
