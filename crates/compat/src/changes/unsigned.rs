// SPDX-License-Identifier: Apache-2.0
//! Unsigned calls: the runtime itself creates them, in `inherent_extrinsics` or in an offchain
//! worker, with its own types. No wallet, multisig or other chain stores such a call, so a change
//! of it breaks no signer.

use crate::interface::{Interface, Pallet};
use protocol::diff::{Audience, Change, ChangeKind, Severity};
use std::collections::BTreeSet;

/// Calls, each by the index of its pallet and its own index.
pub type CallIndices = BTreeSet<(u8, u8)>;

/// Inherents and other calls that require the origin `None`. Metadata does not mark them. Each is
/// identified by its name and by a storage item of its pallet, whatever the pallet's name is.
const UNSIGNED_CALLS: [(&str, &str); 10] = [
    ("set", "DidUpdate"),
    ("set_validation_data", "ValidationData"),
    // The candidates and votes that the author of a relay chain's block includes.
    ("enter", "OnChainVotes"),
    ("include_pvf_check_statement", "PvfActiveVoteMap"),
    ("heartbeat", "ReceivedHeartbeats"),
    ("set_uncles", "Uncles"),
    // Nimbus and its randomness beacon.
    ("kick_off_authorship_validation", "Author"),
    ("set_babe_randomness_results", "InherentIncluded"),
    ("check_proof", "ProofChecked"),
    ("update_parachain_consensus", "ConsensusUpdated"),
];
/// The suffix of FRAME's calls that offchain workers submit: `report_equivocation_unsigned`.
const UNSIGNED_SUFFIX: &str = "_unsigned";

/// The unsigned calls of the old runtime.
pub(crate) struct UnsignedCalls<'a> {
    /// The unsigned calls that were seen in a block.
    seen: &'a CallIndices,
}

impl<'a> UnsignedCalls<'a> {
    pub fn new(seen: &'a CallIndices) -> Self {
        Self { seen }
    }

    /// Returns whether a call, given by its name and index, is unsigned.
    pub fn contains(&self, pallet: &Pallet<'_>, call: (&str, u8)) -> bool {
        let (name, index) = call;
        self.seen.contains(&(pallet.index, index))
            || name.ends_with(UNSIGNED_SUFFIX)
            || UNSIGNED_CALLS.iter().any(|(known, item)| *known == name && pallet.item(item).is_some())
    }

    /// Returns the number of signed calls of a pallet.
    pub fn signed_count(&self, interface: &Interface<'_>, pallet: &Pallet<'_>) -> usize {
        interface.calls(pallet).iter().filter(|call| !self.contains(pallet, (&call.name, call.index))).count()
    }

    /// Returns the change of a call. If the call is unsigned, signers are removed from its
    /// audiences.
    pub fn without_signers(&self, interface: &Interface<'_>, pallet: &Pallet<'_>, change: Change) -> Change {
        // The change of a renamed call has the new name, and the old name in `old`.
        let name = match change.kind {
            ChangeKind::CallRenamed => change.old.as_deref().unwrap_or(&change.name),
            _ => &change.name,
        };
        let call = interface.calls(pallet).iter().find(|call| call.name == name);
        match call.is_some_and(|call| self.contains(pallet, (&call.name, call.index))) {
            true => without_signers(change),
            false => change,
        }
    }
}

/// Keeps only those who read blocks as the audience.
fn without_signers(mut change: Change) -> Change {
    change.breaks.retain(|audience| *audience == Audience::IndexersAndFrontEnds);
    change.severity = change.severity.max(Severity::Notable);
    change.details.insert(0, "nobody signs it: the runtime creates it with its own types".into());
    change
}
