// SPDX-License-Identifier: Apache-2.0
//! Decides whether transactions signed for the old runtime keep their meaning in the new one. Both
//! `diff` and the dry run use it.
//!
//! Hardware wallets, pending multisigs and clients that were not updated encode calls by the
//! metadata they know for a `transaction_version`. If the new runtime rejects such a call, or
//! decodes it to another call, `transaction_version` must increase (see
//! `sp_version::RuntimeVersion`). A change of names alone does not require it.

use crate::{
    changes::{self, CallIndices},
    interface::{Interface, WALLET_EXTENSIONS},
};
use protocol::diff::{Audience, Change, ChangeKind};
use worker::Result;

/// The changes that affect signed transactions, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningChanges {
    /// Calls and extensions that the new runtime rejects or decodes differently. They require a
    /// higher `transaction_version`.
    pub broken: Vec<String>,
    /// Calls that are rejected with some arguments only, such as a removed version of XCM. With all
    /// other arguments they are unchanged.
    pub partly: Vec<String>,
    /// Extensions with data that wallets cannot sign before they support them.
    pub unsignable: Vec<String>,
    /// Calls and extensions that encode as before under another name, and unsigned calls.
    pub notes: Vec<String>,
}

impl SigningChanges {
    /// Compares the calls, the transaction extensions and the extrinsic formats.
    ///
    /// `inherents`: calls of the old runtime that were seen in a block without a signature.
    pub fn between(old: &Interface<'_>, new: &Interface<'_>, inherents: &CallIndices) -> Result<Self> {
        changes::signing_changes(old, new, inherents).map(|changes| Self::of(&changes))
    }

    /// Selects the changes that affect signed transactions.
    pub fn of(changes: &[Change]) -> Self {
        let mut signing = Self::default();
        for change in changes {
            if change.kind == ChangeKind::ExtensionAdded && !WALLET_EXTENSIONS.contains(&change.name.as_str()) {
                signing.unsignable.push(format!("extension {} is new and wallets do not support it", change.name));
            }
            let list = match effect(change) {
                Some(Effect::Breaks) => &mut signing.broken,
                Some(Effect::BreaksPartly) => &mut signing.partly,
                Some(Effect::Note) => &mut signing.notes,
                None => continue,
            };
            list.push(change.summary());
        }
        signing
    }
}

/// The effect of a change on signed transactions.
enum Effect {
    Breaks,
    BreaksPartly,
    Note,
}

fn effect(change: &Change) -> Option<Effect> {
    use ChangeKind::*;
    let signed = change.breaks.contains(&Audience::SignedTransactions);
    match change.kind {
        ExtensionAdded | ExtensionRemoved | ExtensionOrder | ExtensionExplicit | ExtensionImplicit => {
            Some(Effect::Breaks)
        }
        ExtrinsicFormatRemoved | TransactionSender | TransactionSignature => Some(Effect::Breaks),
        CallRemoved | CallMoved | CallReplaced | CallArguments | PalletMoved | PalletRemoved if signed => {
            Some(Effect::Breaks)
        }
        CallArgumentsShrunk if signed => Some(Effect::BreaksPartly),
        CallRemoved | CallMoved | CallReplaced | CallArguments | CallArgumentsShrunk => Some(Effect::Note),
        CallRenamed | CallArgumentsGrown | PalletRenamed => Some(Effect::Note),
        ExtensionAddedWithoutData | ExtensionRemovedWithoutData | ExtensionTypesGrown => Some(Effect::Note),
        _ => None,
    }
}
