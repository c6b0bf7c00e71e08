// SPDX-License-Identifier: Apache-2.0
//! What a runtime says of itself and what it needs of a node.

use crate::{
    change::{Change, Kind},
    host_functions,
    runtime::Runtime,
};

pub(super) fn changes(old: &Runtime, new: &Runtime, changes: &mut Vec<Change>) {
    let (before, after) = (&old.version, &new.version);
    let number = |number: Option<u32>| number.map_or("not told".to_owned(), |number| number.to_string());
    let fields = [
        (Kind::SpecName, "spec_name", before.spec_name.clone(), after.spec_name.clone()),
        (Kind::ImplName, "impl_name", before.impl_name.clone(), after.impl_name.clone()),
        (
            Kind::AuthoringVersion,
            "authoring_version",
            before.authoring_version.to_string(),
            after.authoring_version.to_string(),
        ),
        (Kind::SpecVersion, "spec_version", before.spec_version.to_string(), after.spec_version.to_string()),
        (Kind::ImplVersion, "impl_version", before.impl_version.to_string(), after.impl_version.to_string()),
        (
            Kind::TransactionVersion,
            "transaction_version",
            number(before.transaction_version),
            number(after.transaction_version),
        ),
        (
            Kind::StateVersion,
            "state_version",
            before.effective_state_version().to_string(),
            after.effective_state_version().to_string(),
        ),
        (Kind::CodeSize, "code_size", old.code_size.to_string(), new.code_size.to_string()),
    ];
    for (kind, name, was, is) in fields {
        if was != is {
            changes.push(Change::new(kind, name).from_to(was, is));
        }
    }
    for function in new.host_functions.difference(&old.host_functions) {
        let known = host_functions::is_long_offered(function);
        let kind = if known { Kind::HostFunctionLongOffered } else { Kind::HostFunctionAdded };
        changes.push(Change::new(kind, function));
    }
    for function in old.host_functions.difference(&new.host_functions) {
        changes.push(Change::new(Kind::HostFunctionRemoved, function));
    }
}
