// SPDX-License-Identifier: Apache-2.0
//! Proofs that a runtime requires of every author and that a fork cannot create. They are marked as
//! done in the state.

use crate::{chain::Chain, keys, layout::Layout};
use artifact::{hashes::blake2_128, metadata::Pallet};
use codec::Decode;
use worker::Result;

/// A change to the state before the next block that no block makes, and the reason for it.
pub(super) struct StateOverride {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub reason: String,
}

/// Marks a due storage proof as checked.
///
/// A chain that stores data of its users' transactions requires a proof in each block that nodes
/// still have what was stored a retention period ago (pallet-transaction-storage). The data are in
/// the nodes' databases and not in the state, so the proof cannot be created here.
pub(super) fn storage_proof(chain: &Chain, layout: &Layout) -> Result<Option<StateOverride>> {
    let Some(pallet) = layout.pallet_with(&["ProofChecked", "Transactions"], None) else { return Ok(None) };
    let checked = pallet.key("ProofChecked");
    if !is_due(chain, pallet)? || chain.storage(&checked)?.is_some() {
        return Ok(None);
    }
    let reason = format!(
        "{}.ProofChecked was set in the state: a proof of data stored a retention period ago is due, and the data are not in the \
         state",
        pallet.name
    );
    Ok(Some(StateOverride { key: checked, value: vec![1], reason }))
}

/// Returns whether transactions were stored exactly one period before the next block.
fn is_due(chain: &Chain, pallet: &Pallet) -> Result<bool> {
    let width = chain.number_width()?;
    let number = |bytes: Vec<u8>| match width {
        8 => u64::decode(&mut &bytes[..]).ok(),
        _ => u32::decode(&mut &bytes[..]).ok().map(u64::from),
    };
    // The newer name and the older one.
    for item in ["RetentionPeriod", "StoragePeriod"] {
        let Some(period) = chain.storage(&pallet.key(item))?.and_then(number) else { continue };
        let Some(stored) = u64::from(chain.number()).saturating_add(1).checked_sub(period).filter(|at| *at > 0) else {
            return Ok(false);
        };
        return Ok(chain.storage(&transactions(pallet, stored, width))?.is_some());
    }
    Ok(false)
}

fn transactions(pallet: &Pallet, number: u64, width: usize) -> Vec<u8> {
    let number = keys::number(number, width);
    [pallet.key("Transactions"), blake2_128(&number).to_vec(), number].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use artifact::hashes::twox_128;
    use state::State;

    const PERIOD: u32 = 10;

    fn pallet() -> Pallet {
        Pallet {
            name: "TransactionStorage".into(),
            storage_prefix: Some("TransactionStorage".into()),
            items: ["ProofChecked", "Transactions", "RetentionPeriod"].map(String::from).to_vec(),
            ..Pallet::default()
        }
    }

    /// Returns a chain whose last block is 19, with data stored in block `stored`.
    fn chain(stored: u32, checked: bool) -> Chain {
        let item = |item: &str| [twox_128(b"TransactionStorage"), twox_128(item.as_bytes())].concat();
        let mut top = vec![
            (keys::item("System", "Number"), 19u32.to_le_bytes().to_vec()),
            (item("RetentionPeriod"), PERIOD.to_le_bytes().to_vec()),
            (transactions(&pallet(), stored.into(), 4), vec![4, 0]),
        ];
        if checked {
            top.push((item("ProofChecked"), vec![1]));
        }
        let mut chain = Chain::from_state(State::of_entries(1, top, Vec::new())).expect("a chain");
        chain.renumber(19).expect("renumbered");
        chain
    }

    #[test]
    fn a_proof_is_due_a_period_after_something_was_stored() {
        assert!(is_due(&chain(10, false), &pallet()).expect("read"), "block 20 has to prove block 10");
        assert!(!is_due(&chain(11, false), &pallet()).expect("read"));
        assert!(!is_due(&chain(9, false), &pallet()).expect("read"));
    }

    #[test]
    fn a_due_proof_is_marked_once_and_reported() {
        let layout = Layout { pallets: artifact::Pallets::from_iter([pallet()]), metadata: None };
        let change = storage_proof(&chain(10, false), &layout).expect("read").expect("change");
        assert_eq!((change.key, change.value), (pallet().key("ProofChecked"), vec![1]));
        assert!(change.reason.contains("TransactionStorage.ProofChecked"));
        assert!(storage_proof(&chain(10, true), &layout).expect("read").is_none());
        assert!(storage_proof(&chain(11, false), &layout).expect("read").is_none(), "none is due");
        assert!(storage_proof(&chain(10, false), &Layout::default()).expect("read").is_none());
    }
}
