// SPDX-License-Identifier: Apache-2.0
//! Compares the runtime version, the code size and the imported host functions.

use super::effect::change;
use crate::{host_functions, runtime::Runtime};
use protocol::diff::{Change, ChangeKind};

pub(super) fn changes(old: &Runtime, new: &Runtime, changes: &mut Vec<Change>) {
    let (before, after) = (&old.version, &new.version);
    let number = |number: Option<u32>| number.map_or("none".to_owned(), |number| number.to_string());
    let fields = [
        (ChangeKind::SpecName, "spec_name", before.spec_name.clone(), after.spec_name.clone()),
        (ChangeKind::ImplName, "impl_name", before.impl_name.clone(), after.impl_name.clone()),
        (
            ChangeKind::AuthoringVersion,
            "authoring_version",
            before.authoring_version.to_string(),
            after.authoring_version.to_string(),
        ),
        (ChangeKind::SpecVersion, "spec_version", before.spec_version.to_string(), after.spec_version.to_string()),
        (ChangeKind::ImplVersion, "impl_version", before.impl_version.to_string(), after.impl_version.to_string()),
        (
            ChangeKind::TransactionVersion,
            "transaction_version",
            number(before.transaction_version),
            number(after.transaction_version),
        ),
        (
            ChangeKind::StateVersion,
            "state_version",
            before.effective_state_version().to_string(),
            after.effective_state_version().to_string(),
        ),
        (ChangeKind::CodeSize, "code_size", old.code_size.to_string(), new.code_size.to_string()),
    ];
    for (kind, name, was, is) in fields {
        if was != is {
            changes.push(change(kind, name).from_to(was, is));
        }
    }
    for function in new.host_functions.difference(&old.host_functions) {
        let known = host_functions::is_long_offered(function);
        let kind = if known { ChangeKind::HostFunctionLongOffered } else { ChangeKind::HostFunctionAdded };
        changes.push(change(kind, function));
    }
    for function in old.host_functions.difference(&new.host_functions) {
        changes.push(change(ChangeKind::HostFunctionRemoved, function));
    }
}
