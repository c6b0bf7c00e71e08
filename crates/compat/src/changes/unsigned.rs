// SPDX-License-Identifier: Apache-2.0
//! Calls that nobody signs: their author is the runtime itself, which makes them in `inherent_extrinsics` or in an
//! offchain worker, by its own types. No wallet, no multisig and no other chain holds one, so that they may change as they
//! like.

use crate::interface::{Interface, Pallet};
use protocol::diff::{Audience, Change, ChangeKind, Severity};
use std::collections::BTreeSet;

/// Pallets and calls by their indices.
pub type CallIndices = BTreeSet<(u8, u8)>;

/// Inherents, and other calls that take no origin but none. No metadata tells them, so that each is known by its name and
/// by an item of its pallet, whatever the chain calls that pallet.
const UNSIGNED_CALLS: [(&str, &str); 10] = [
    ("set", "DidUpdate"),
    ("set_validation_data", "ValidationData"),
    // The candidates and votes that a relay chain's block author puts in.
    ("enter", "OnChainVotes"),
    ("include_pvf_check_statement", "PvfActiveVoteMap"),
    ("heartbeat", "ReceivedHeartbeats"),
    ("set_uncles", "Uncles"),
    // Nimbus and its beacon.
    ("kick_off_authorship_validation", "Author"),
    ("set_babe_randomness_results", "InherentIncluded"),
    ("check_proof", "ProofChecked"),
    ("update_parachain_consensus", "ConsensusUpdated"),
];
/// What FRAME's pallets call a call that offchain workers submit: `submit_unsigned`, `report_equivocation_unsigned`.
const UNSIGNED_SUFFIX: &str = "_unsigned";

/// Which calls of the old runtime nobody signs.
pub(crate) struct UnsignedCalls<'a> {
    /// Those that a block was seen to have.
    seen: &'a CallIndices,
}

impl<'a> UnsignedCalls<'a> {
    pub fn new(seen: &'a CallIndices) -> Self {
        Self { seen }
    }

    pub fn contains(&self, pallet: &Pallet<'_>, call: (&str, u8)) -> bool {
        let (name, index) = call;
        self.seen.contains(&(pallet.index, index))
            || name.ends_with(UNSIGNED_SUFFIX)
            || UNSIGNED_CALLS.iter().any(|(known, item)| *known == name && pallet.item(item).is_some())
    }

    /// The calls of a pallet that somebody signs.
    pub fn signed_count(&self, interface: &Interface<'_>, pallet: &Pallet<'_>) -> usize {
        interface.calls(pallet).iter().filter(|call| !self.contains(pallet, (&call.name, call.index))).count()
    }

    /// A change of a call by who is left to be concerned.
    pub fn without_signers(&self, interface: &Interface<'_>, pallet: &Pallet<'_>, change: Change) -> Change {
        // One that was renamed goes by its new name, and says its old one.
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

/// Who reads blocks is left.
fn without_signers(mut change: Change) -> Change {
    change.breaks.retain(|whom| *whom == Audience::IndexersAndFrontEnds);
    change.severity = change.severity.max(Severity::Notable);
    change.details.insert(0, "nobody signs it: the runtime makes it by its own types".into());
    change
}
