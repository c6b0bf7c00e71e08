// SPDX-License-Identifier: Apache-2.0
//! Do the on-chain storage versions of the pallets rise?

use crate::rehearsal::Rehearsal;
use codec::Decode;
use fork::Chain;
use protocol::{CheckOutcome, Finding};
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let (before, after) = (rehearsal.enacted()?, &rehearsal.migration()?.chain);
    let layout = &rehearsal.to.layout;
    let version = |chain: &Chain, key: &[u8]| -> Result<Option<u16>> {
        Ok(chain.storage(key)?.and_then(|bytes| u16::decode(&mut &bytes[..]).ok()))
    };
    let mut findings = Vec::new();
    let (mut raised, mut lowered, mut counted) = (0, false, 0);
    for pallet in layout.pallets.iter() {
        let key = pallet.storage_version_key();
        let (old, new) = (version(before, &key)?, version(after, &key)?);
        counted += usize::from(new.is_some());
        let text = |version: Option<u16>| version.map_or("none".to_string(), |version| version.to_string());
        match (old, new) {
            (old, new) if old == new => {}
            (old, new) => {
                let told = format!("{}: {} to {}", pallet.name, text(old), text(new));
                findings.push(match (old, new) {
                    // The storage of the pallet was emptied, most likely on purpose.
                    (Some(1..), None) => {
                        lowered = true;
                        Finding::hazard(told)
                    }
                    (old, new) if new.unwrap_or(0) < old.unwrap_or(0) => {
                        lowered = true;
                        Finding::seen(format!("{told}: its migrations take data of the newer form for the older one"))
                    }
                    _ => {
                        raised += 1;
                        Finding::note(told)
                    }
                });
            }
        }
    }
    let detail = match raised {
        _ if lowered => "on-chain storage versions went down".to_string(),
        0 if counted == 1 => "unchanged on chain, 1 pallet keeps one".to_string(),
        0 => format!("unchanged on chain, {counted} pallets keep one"),
        1 => "1 pallet's on-chain version rose".to_string(),
        count => format!("{count} pallets' on-chain versions rose"),
    };
    Ok(CheckOutcome::judged(detail, findings))
}
