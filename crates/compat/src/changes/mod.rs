// SPDX-License-Identifier: Apache-2.0
//! Finds every change between two runtimes.

mod apis;
mod effect;
mod pallets;
mod storage;
mod transactions;
mod unsigned;
mod variants;

use crate::{
    compare::{self, Differences},
    host_functions,
    interface::{Interface, Pallet},
    runtime::Runtime,
};
use effect::change;
use protocol::diff::{Audience, Change, ChangeKind};
use scale_info::{Field, form::PortableForm};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};
use unsigned::UnsignedCalls;
use worker::{Failure, Result};

pub use apis::needed_by;
pub use unsigned::CallIndices;

/// The most pairs of parts that are compared for two runtimes. Two relay chain runtimes take a few
/// hundred thousand.
const MAX_STEPS: usize = 10_000_000;

/// All changes between two runtimes.
#[derive(Clone, Debug, Default)]
pub struct RuntimeChanges {
    /// The changes.
    pub changes: Vec<Change>,
    /// The parts that could not be compared, because the metadata of a side lacks them.
    pub not_compared: Vec<String>,
    /// Whether the functions of runtime APIs are among them.
    pub apis_not_compared: bool,
    /// The pallets of the old runtime that store encoded calls.
    pub call_storing_pallets: Vec<String>,
}

/// Two interfaces, with a cache of compared types.
pub(crate) struct InterfacePair<'a> {
    pub old: &'a Interface<'a>,
    pub new: &'a Interface<'a>,
    /// The unsigned calls of the old runtime.
    unsigned: UnsignedCalls<'a>,
    known: RefCell<HashMap<(u32, u32), Rc<Differences>>>,
    steps: Cell<usize>,
    unfinished: Cell<bool>,
}

impl<'a> InterfacePair<'a> {
    pub fn new(old: &'a Interface<'a>, new: &'a Interface<'a>, inherents: &'a CallIndices) -> Self {
        Self {
            old,
            new,
            unsigned: UnsignedCalls::new(inherents),
            known: RefCell::default(),
            steps: Cell::new(0),
            unfinished: Cell::new(false),
        }
    }

    /// Fails if a comparison of types stopped at a limit: its result would be incomplete.
    fn finished(&self) -> Result<()> {
        match self.unfinished.get() {
            false => Ok(()),
            true => Err(Failure::input("the types of these runtimes are too deep or too large to compare")
                .found("types that nest deeper than 200, or more types than any real runtime has")
                .expected("metadata of a real runtime")),
        }
    }

    /// Compares two types.
    pub fn types(&self, old: u32, new: u32) -> Rc<Differences> {
        if let Some(known) = self.known.borrow().get(&(old, new)) {
            return known.clone();
        }
        let found = match self.exhausted() {
            true => Rc::default(),
            false => Rc::new(self.counted(compare::compare(self.old, old, self.new, new))),
        };
        self.known.borrow_mut().insert((old, new), found.clone());
        found
    }

    /// Compares the fields of two variants.
    pub fn fields(&self, old: &[Field<PortableForm>], new: &[Field<PortableForm>]) -> Differences {
        match self.exhausted() {
            true => Differences::default(),
            false => self.counted(compare::compare_fields(self.old, old, self.new, new)),
        }
    }

    fn exhausted(&self) -> bool {
        let exhausted = self.steps.get() > MAX_STEPS;
        self.unfinished.set(self.unfinished.get() || exhausted);
        exhausted
    }

    fn counted(&self, found: Differences) -> Differences {
        self.steps.set(self.steps.get() + found.steps.max(1));
        self.unfinished.set(self.unfinished.get() || found.unfinished);
        found
    }
}

/// Compares two runtimes.
///
/// Fails if the metadata has no types, or if the types exceed the limits of a comparison.
pub fn changes(old: &Runtime, new: &Runtime) -> Result<RuntimeChanges> {
    let (old_interface, new_interface) = (old.interface()?, new.interface()?);
    let inherents = CallIndices::new();
    let pair = InterfacePair::new(&old_interface, &new_interface, &inherents);
    let mut found = RuntimeChanges::default();
    version_changes(old, new, &mut found.changes);
    transactions::changes(&pair, &mut found);
    pallets::changes(&pair, old, new, &mut found.changes);
    apis::changes(&pair, old, new, &mut found);
    pair.finished()?;
    pallet_parts_not_compared(&pair, &mut found.not_compared);
    let contracts = [&old_interface, &new_interface].iter().any(|interface| has_contracts(interface));
    for change in &mut found.changes {
        // Without contracts on either side no contract is affected.
        change.breaks.retain(|audience| contracts || *audience != Audience::Contracts);
    }
    found.call_storing_pallets =
        old_interface.pallets.iter().filter(|pallet| stores_calls(pallet)).map(|p| p.name.into()).collect();
    Ok(found)
}

/// Compares the runtime version, the code size and the imported host functions.
fn version_changes(old: &Runtime, new: &Runtime, changes: &mut Vec<Change>) {
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

/// Returns the changes of calls, transaction extensions and extrinsic formats.
pub(crate) fn signing_changes(
    old: &Interface<'_>,
    new: &Interface<'_>,
    inherents: &CallIndices,
) -> Result<Vec<Change>> {
    let pair = InterfacePair::new(old, new, inherents);
    let mut found = RuntimeChanges::default();
    transactions::changes(&pair, &mut found);
    pallets::calls(&pair, &mut found.changes);
    pair.finished()?;
    Ok(found.changes)
}

/// Adds the parts that only metadata 16 has, for a side without it.
fn pallet_parts_not_compared(pair: &InterfacePair<'_>, not_compared: &mut Vec<String>) {
    for (side, interface) in [("old", pair.old), ("new", pair.new)] {
        if interface.metadata_version < 16 {
            not_compared.push(format!(
                "view functions, associated types and extension versions: not in the {side} runtime's metadata V{}",
                interface.metadata_version
            ));
        }
    }
}

/// Returns whether a pallet runs contracts, by its calls and not by its name.
fn has_contracts(interface: &Interface<'_>) -> bool {
    interface.pallets.iter().any(|pallet| {
        let has = |name: &str| interface.calls(pallet).iter().any(|call| call.name == name);
        has("instantiate_with_code") || (has("call") && has("create2")) || has("eth_transact")
    })
}

/// Returns whether a pallet stores encoded calls, or refers to calls by kind.
fn stores_calls(pallet: &Pallet<'_>) -> bool {
    const CALL_STORAGE: [(&str, &str); 6] = [
        ("Multisig", "Multisigs"),
        ("Proxy", "Proxies"),
        ("Scheduler", "Agenda"),
        ("Preimage", "PreimageFor"),
        ("Referenda", "ReferendumInfoFor"),
        ("Xcm", "Queries"),
    ];
    CALL_STORAGE.iter().any(|(name, item)| pallet.name.contains(name) && pallet.item(item).is_some())
}

/// The kinds of a change of a type, by its effect on bytes that were encoded before.
#[derive(Clone, Copy)]
struct TypeChangeKinds {
    /// They are decoded to another value, or not at all.
    breaking: ChangeKind,
    /// Those with a removed variant are rejected.
    shrunk: ChangeKind,
    /// All of them keep their meaning.
    grown: ChangeKind,
}

fn type_change(found: &Differences, kinds: TypeChangeKinds, name: &str) -> Option<Change> {
    let kind = match (found.breaking(), found.lossy()) {
        (true, _) => kinds.breaking,
        (false, true) => kinds.shrunk,
        (false, false) => kinds.grown,
    };
    found.any().then(|| change(kind, name).with(found.all()))
}
