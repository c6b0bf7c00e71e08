// SPDX-License-Identifier: Apache-2.0
//! Do calls and what is signed with them mean the same, and can wallets still sign? The comparison
//! of the two runtimes judges it. A block of the old code shows which of its calls nobody signs.

use crate::{rehearsal::Rehearsal, types::Interface};
use codec::{Compact, Decode, Encode};
use compat::{SigningChanges, changes::CallIndices};
use fork::{Author, BlockRequest, Chain};
use protocol::{CheckOutcome, Finding};
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let [old, new] = rehearsal.interfaces()?;
    let Rehearsal { from, to, chain, .. } = rehearsal;
    let mut author = rehearsal.author()?;
    let found = SigningChanges::between(&old, &new, &inherents(&old, chain, &mut author))?;
    Ok(verdict(from.version.transaction_version, to.version.transaction_version, found))
}

/// Returns the calls of the inherents of a block. A chain whose blocks cannot be built here has its
/// well-known ones.
fn inherents(old: &Interface<'_>, chain: &Chain, author: &mut Author<'_>) -> CallIndices {
    let mut chain = chain.clone();
    let built = author.build(&mut chain, BlockRequest::default());
    // What the runtime logged is not about the upgrade.
    let _ = crate::outcome::errors_logged(author.executor().log());
    let extrinsics = built.map(|built| built.extrinsics).unwrap_or_default();
    extrinsics.iter().filter_map(|extrinsic| bare(old, &extrinsic.encode())).collect()
}

fn bare(old: &Interface<'_>, encoded: &[u8]) -> Option<(u8, u8)> {
    let mut extrinsic = encoded;
    Compact::<u32>::decode(&mut extrinsic).ok()?;
    match extrinsic {
        // The known formats, without a signature.
        [4 | 5, pallet, call, ..] => old.pallets.iter().any(|known| known.index == *pallet).then_some((*pallet, *call)),
        _ => None,
    }
}

fn verdict(before: Option<u32>, after: Option<u32>, found: SigningChanges) -> CheckOutcome {
    const MOST: usize = 25;
    let raised = after > before;
    let version = |version: Option<u32>| version.map_or("none".into(), |version| version.to_string());
    let from_to = format!("transaction_version {} to {}", version(before), version(after));
    let SigningChanges { broken, partly, unsignable, notes } = found;
    let detail = match (broken.len(), raised, unsignable.is_empty()) {
        (1, false, _) => format!("a change to what is signed, and transaction_version stays {}", version(after)),
        (count @ 1.., false, _) => {
            format!("{count} changes to what is signed, and transaction_version stays {}", version(after))
        }
        (_, _, false) => format!("{from_to}; wallets cannot sign transactions before they have learnt what is new"),
        (1, true, true) => format!("{from_to}, as a change to what is signed demands"),
        (count @ 1.., true, true) => format!("{from_to}, as {count} changes to what is signed demand"),
        (0, true, true) => format!("{from_to}, although calls and extensions encode as before"),
        (0, false, true) if !partly.is_empty() => {
            "calls that hold what is gone are refused; all others mean what they did".to_owned()
        }
        (0, false, true) => "calls and transaction extensions encode as before".to_owned(),
    };
    // A higher version warns every wallet.
    let of_a_change: fn(String) -> Finding = if raised { Finding::note } else { Finding::seen };
    let of_a_part: fn(String) -> Finding = if raised { Finding::note } else { Finding::hazard };
    let learnt =
        |told: String| Finding::seen(format!("{told}: where they have learnt it, --allow transaction-signing=REASON"));
    let broken = broken.into_iter().take(MOST).map(of_a_change);
    let partly = partly.into_iter().take(MOST).map(of_a_part);
    let notes = notes.into_iter().take(10).map(Finding::note);
    let findings = broken.chain(unsignable.into_iter().map(learnt)).chain(partly).chain(notes);
    CheckOutcome::judged(detail, findings.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Rank, Status};

    fn of(list: fn(&mut SigningChanges) -> &mut Vec<String>) -> SigningChanges {
        let mut found = SigningChanges::default();
        list(&mut found).push("Balances.burn: call moved, index 0 to index 1".into());
        found
    }

    #[test]
    fn a_change_demands_a_higher_version_and_is_a_note_beside_one() {
        let changed = || of(|found| &mut found.broken);
        let same = verdict(Some(1), Some(1), changed());
        assert_eq!((same.status, same.findings[0].rank), (Status::Fail, Rank::Seen));
        let raised = verdict(Some(1), Some(2), changed());
        assert_eq!((raised.status, raised.findings[0].rank), (Status::Pass, Rank::Note));
        assert_eq!(verdict(Some(1), Some(1), SigningChanges::default()).status, Status::Pass);
    }

    #[test]
    fn calls_that_are_refused_in_part_are_a_hazard() {
        let partly = || of(|found| &mut found.partly);
        assert_eq!(verdict(Some(1), Some(1), partly()).status, Status::Warn);
        assert_eq!(verdict(Some(1), Some(2), partly()).status, Status::Pass);
    }

    #[test]
    fn an_extension_that_wallets_do_not_know_fails_whatever_the_version() {
        for after in [1, 2] {
            let check = verdict(Some(1), Some(after), of(|found| &mut found.unsignable));
            assert_eq!(check.status, Status::Fail);
            assert!(check.findings[0].text.contains("--allow transaction-signing=REASON"));
        }
    }

    #[test]
    fn what_encodes_as_before_is_a_note() {
        assert_eq!(verdict(Some(1), Some(1), of(|found| &mut found.notes)).status, Status::Pass);
    }

    #[test]
    fn an_extrinsic_without_a_signature_is_an_inherent() {
        let types = scale_info::PortableRegistry { types: Vec::new() };
        let pallet = crate::types::interface::Pallet { name: "Timestamp", index: 3, ..Default::default() };
        let old = Interface { pallets: vec![pallet], ..Interface::empty(&types) };
        for version in [4, 5] {
            assert_eq!(bare(&old, &vec![version, 3u8, 0, 7].encode()), Some((3, 0)));
        }
        for other in [vec![0x84, 3, 0, 7], vec![4, 9, 0], vec![4, 3], vec![]] {
            assert_eq!(bare(&old, &other.encode()), None, "{other:?}");
        }
        assert_eq!(bare(&old, &[0xff]), None);
    }
}
