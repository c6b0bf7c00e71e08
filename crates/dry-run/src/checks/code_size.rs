// SPDX-License-Identifier: Apache-2.0
//! Is there room for a blob of this size? The chain's own limits decide, and its relay chain's.

use crate::rehearsal::Rehearsal;
use codec::Decode;
use protocol::{CheckOutcome, Finding};
use worker::Result;

/// The room of a block where the metadata does not give it, in bytes.
const MAX_CODE_SIZE: usize = 5_242_880;
/// `MAX_SIZE` of pallet-preimage.
const MAX_PREIMAGE_SIZE: usize = 4 * 1024 * 1024;
/// The bytes of an extrinsic around a code: a signature, extensions, the call.
const ENVELOPE: usize = 512;
/// The limit of relay chains for the code of a parachain where its state does not give it, in
/// bytes.
const MAX_PARACHAIN_CODE_SIZE: usize = 3_145_728;

/// The room for a code.
struct Room {
    bytes: usize,
    /// `its relay chain accepts`
    whose: &'static str,
}

/// The chain's present rules decide what it accepts, and the relay chain's, as the parachain last saw them.
pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, chain, .. } = rehearsal;
    let relay_chain = match to.layout.parachain_system() {
        // The relay chain's configuration begins with the limit.
        Some(pallet) => {
            let known = chain.storage(&pallet.key("HostConfiguration"))?;
            let known = known.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()).filter(|limit| *limit > 0);
            let bytes = known.map_or(MAX_PARACHAIN_CODE_SIZE, |limit| limit as usize);
            Some(Room { bytes, whose: "its relay chain accepts" })
        }
        None => None,
    };
    let block =
        from.layout.constant("System", "BlockLength").and_then(|bytes| <[u32; 3]>::decode(&mut &bytes[..]).ok());
    let mut ways = Vec::new();
    match block {
        Some([normal, operational, _]) => {
            // The call that carries the code is of the operational class. The one that notes it for
            // later is of the normal class.
            let bytes = (operational as usize).saturating_sub(ENVELOPE);
            ways.push(Room { bytes, whose: "a block of the chain has room for" });
            if from.layout.pallet_with(&["PreimageFor"], Some("note_preimage")).is_some() {
                let bytes = MAX_PREIMAGE_SIZE.min((normal as usize).saturating_sub(ENVELOPE));
                ways.push(Room { bytes, whose: "can be noted as a preimage" });
            }
        }
        None => ways.push(Room { bytes: MAX_CODE_SIZE, whose: "a block has room for" }),
    }
    Ok(fits(to.code.bytes().len(), relay_chain, ways))
}

/// Judges a size. It must keep to `demanded`, and one of the `ways` must be left.
fn fits(size: usize, demanded: Option<Room>, ways: Vec<Room>) -> CheckOutcome {
    let mut findings = Vec::new();
    let widest = ways.iter().map(|way| way.bytes).max().unwrap_or(MAX_CODE_SIZE);
    for way in ways.iter().filter(|way| size > way.bytes && way.bytes < widest) {
        findings
            .push(Finding::hazard(format!("more than the {} bytes that {}: that way is closed", way.bytes, way.whose)));
    }
    let widest = ways.into_iter().max_by_key(|way| way.bytes);
    let Some(least) = demanded.into_iter().chain(widest).min_by_key(|room| room.bytes) else {
        return CheckOutcome::judged(format!("{size} bytes"), findings);
    };
    let share = size * 100 / least.bytes.max(1);
    if size > least.bytes {
        findings.push(Finding::seen(format!("more than the {} bytes that {}", least.bytes, least.whose)));
    } else if share >= 95 {
        findings.push(Finding::hazard("the next one may not fit: upgrades only get larger"));
    }
    CheckOutcome::judged(format!("{size} bytes, {share} % of the {} {}", least.bytes, least.whose), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn room(bytes: usize) -> Room {
        Room { bytes, whose: "is room" }
    }

    #[test]
    fn a_code_fails_only_where_the_chain_does_not_take_it() {
        let relay_chain = |size| fits(size, Some(room(1_000)), vec![room(5_000)]).status;
        assert_eq!(relay_chain(949), Status::Pass);
        assert_eq!(relay_chain(950), Status::Warn);
        assert_eq!(relay_chain(997), Status::Warn, "a live chain runs one of 99.7 %");
        assert_eq!(relay_chain(1_000), Status::Warn);
        assert_eq!(relay_chain(1_001), Status::Fail);
    }

    #[test]
    fn a_solo_chain_takes_what_one_of_its_ways_has_room_for() {
        let solo = |size| fits(size, None, vec![room(5_000), room(3_000)]);
        assert_eq!(solo(2_999).status, Status::Pass);
        let check = solo(3_001);
        assert_eq!(check.status, Status::Warn);
        assert!(check.findings[0].text.contains("3000 bytes"), "{check:?}");
        assert_eq!(solo(5_000).status, Status::Warn);
        assert_eq!(solo(5_001).status, Status::Fail);
    }
}
