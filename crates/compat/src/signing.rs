// SPDX-License-Identifier: Apache-2.0
//! Does what was signed for the old runtime mean the same to the new one? The one judgement of it, for the comparison of
//! two runtimes and for the dry run.
//!
//! A hardware wallet, a multisig in progress, a client that was not updated: all of them encode calls by what they knew
//! when `transaction_version` was what it is. So whatever is refused then, or is taken for something else, must raise that
//! version (`sp_version::RuntimeVersion` demands it). What is only called otherwise need not.

use crate::{
    changes::{self, CallIndices},
    interface::{Interface, WALLET_EXTENSIONS},
};
use protocol::diff::{Audience, Change, ChangeKind};
use worker::Result;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningChanges {
    /// What is refused now, or taken for something else: it demands a higher `transaction_version`.
    pub broken: Vec<String>,
    /// Calls that are refused with some arguments only, such as a version of XCM that went; all others are what they were.
    pub partly: Vec<String>,
    /// Extensions with bytes that wallets cannot sign before they learn them, whatever the version.
    pub unsignable: Vec<String>,
    /// What encodes as before under another name, and what nobody signs.
    pub notes: Vec<String>,
}

impl SigningChanges {
    /// Compares calls, extensions and what stands around them.
    ///
    /// `inherents`: calls of the old runtime that a block of it had and nobody signed.
    pub fn between(old: &Interface<'_>, new: &Interface<'_>, inherents: &CallIndices) -> Result<Self> {
        changes::signing_changes(old, new, inherents).map(|changes| Self::of(&changes))
    }

    /// What among all changes concerns who signs.
    pub fn of(changes: &[Change]) -> Self {
        let mut signing = Self::default();
        for change in changes {
            if change.kind == ChangeKind::ExtensionAdded && !WALLET_EXTENSIONS.contains(&change.name.as_str()) {
                signing.unsignable.push(format!("extension {} is new and not one that wallets know", change.name));
            }
            let list = match weight(change) {
                Some(Weight::Broken) => &mut signing.broken,
                Some(Weight::Partly) => &mut signing.partly,
                Some(Weight::Noted) => &mut signing.notes,
                None => continue,
            };
            list.push(change.summary());
        }
        signing
    }
}

enum Weight {
    Broken,
    Partly,
    Noted,
}

fn weight(change: &Change) -> Option<Weight> {
    use ChangeKind::*;
    let signed = change.breaks.contains(&Audience::SignedTransactions);
    match change.kind {
        ExtensionAdded | ExtensionRemoved | ExtensionOrder | ExtensionExplicit | ExtensionImplicit => {
            Some(Weight::Broken)
        }
        ExtrinsicFormatRemoved | TransactionSender | TransactionSignature => Some(Weight::Broken),
        CallRemoved | CallMoved | CallReplaced | CallArguments | PalletMoved | PalletRemoved if signed => {
            Some(Weight::Broken)
        }
        CallArgumentsShrunk if signed => Some(Weight::Partly),
        CallRemoved | CallMoved | CallReplaced | CallArguments | CallArgumentsShrunk => Some(Weight::Noted),
        CallRenamed | CallArgumentsGrown | PalletRenamed => Some(Weight::Noted),
        ExtensionAddedWithoutData | ExtensionRemovedWithoutData | ExtensionTypesGrown => Some(Weight::Noted),
        _ => None,
    }
}
