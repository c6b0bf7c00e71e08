// SPDX-License-Identifier: Apache-2.0
//! The on-chain storage version of every pallet, before and after.

use crate::result::Check;
use codec::Decode;
use fork::{Chain, Layout};
use worker::Result;

pub fn storage_versions(before: &Chain, after: &Chain, layout: &Layout) -> Result<Check> {
    const NAME: &str = "storage-versions";
    let version = |chain: &Chain, key: &[u8]| -> Result<Option<u16>> {
        Ok(chain.storage(key)?.and_then(|bytes| u16::decode(&mut &bytes[..]).ok()))
    };
    let mut raised = Vec::new();
    let mut lowered = Vec::new();
    let mut counted = 0;
    for pallet in layout.pallets.iter() {
        let key = pallet.storage_version_key();
        let (old, new) = (version(before, &key)?, version(after, &key)?);
        counted += usize::from(new.is_some());
        let text = |version: Option<u16>| version.map_or("none".to_string(), |version| version.to_string());
        match (old, new) {
            (old, new) if old == new => {}
            (old, new) if new.unwrap_or(0) < old.unwrap_or(0) => {
                lowered.push(format!("{}: {} to {}", pallet.name, text(old), text(new)));
            }
            (old, new) => raised.push(format!("{}: {} to {}", pallet.name, text(old), text(new))),
        }
    }
    if !lowered.is_empty() {
        return Ok(Check::fail(NAME, "on-chain storage versions went down").with(lowered));
    }
    let detail = match raised.len() {
        0 => format!("unchanged on chain, {counted} pallets keep one"),
        1 => "1 pallet's on-chain version rose".to_string(),
        count => format!("{count} pallets' on-chain versions rose"),
    };
    Ok(Check::pass(NAME, detail).with(raised))
}
