// SPDX-License-Identifier: Apache-2.0
//! How long things take by a runtime's constants: what tells a build for quick rehearsals (`fast-runtime`) from the one
//! that a chain runs, whose name and version it shares.

use crate::metadata::Pallets;
use protocol::inspect::Pace;

/// What a constant counts, as its pallet documents it.
#[derive(Clone, Copy)]
enum TimeUnit {
    Milliseconds,
    /// Of Babe, each as long as a block is expected to take.
    Slots,
    /// Each as long as an epoch.
    Sessions,
    /// Of a relay chain, whichever has the pallet.
    RelayBlocks,
}

const CONSTANTS: [(&str, &str, TimeUnit); 6] = [
    ("Babe", "ExpectedBlockTime", TimeUnit::Milliseconds),
    ("Babe", "EpochDuration", TimeUnit::Slots),
    ("Aura", "SlotDuration", TimeUnit::Milliseconds),
    ("Staking", "SessionsPerEra", TimeUnit::Sessions),
    ("Slots", "LeasePeriod", TimeUnit::RelayBlocks),
    ("Broker", "TimeslicePeriod", TimeUnit::RelayBlocks),
];

/// Every relay chain's blocks are six seconds apart; no parachain's metadata says so.
const RELAY_BLOCK: u128 = 6000;

/// What of it the constants of a runtime tell.
pub fn of(pallets: &Pallets) -> Vec<Pace> {
    let number = |pallet: &str, constant: &str| little_endian(pallets.constant(pallet, constant)?);
    let block = number("Babe", "ExpectedBlockTime");
    let epoch = || number("Babe", "EpochDuration")?.checked_mul(block?);
    CONSTANTS
        .into_iter()
        .filter_map(|(pallet, constant, unit)| {
            let count = number(pallet, constant)?;
            let (what, each) = match unit {
                TimeUnit::Milliseconds => ("", Some(1)),
                TimeUnit::Slots => ("slot", block),
                TimeUnit::Sessions => ("session", epoch()),
                TimeUnit::RelayBlocks => ("relay chain block", Some(block.unwrap_or(RELAY_BLOCK))),
            };
            let whole = each.and_then(|each| count.checked_mul(each));
            let told = match (unit, whole) {
                (TimeUnit::Milliseconds, _) => duration(count),
                (_, Some(whole)) => format!("{} = {}", counted(count, what), duration(whole)),
                (_, None) => counted(count, what),
            };
            let milliseconds = whole.and_then(|whole| u64::try_from(whole).ok());
            Some(Pace { constant: format!("{pallet}.{constant}"), told, milliseconds })
        })
        .collect()
}

/// A number of any width up to 128 bits.
pub fn little_endian(bytes: &[u8]) -> Option<u128> {
    let mut wide = [0; 16];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u128::from_le_bytes(wide))
}

/// `1 block`, `14,400 blocks`.
pub fn counted(number: u128, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `14,400`.
pub fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds by their largest units: `1 d 12 h`.
pub fn duration(milliseconds: u128) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];
    let (mut left, mut told) = (milliseconds, Vec::new());
    for (name, length) in units {
        if left >= length {
            told.push(format!("{} {name}", grouped(left / length)));
            left %= length;
        }
    }
    if told.is_empty() { "0 s".into() } else { told.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Constant, Pallet};

    fn pallets(of: &[(&str, &str, u64)]) -> Pallets {
        let pallet = |(name, constant, value): &(&str, &str, u64)| Pallet {
            name: (*name).into(),
            index: Some(0),
            storage_prefix: None,
            items: vec![],
            calls: vec![],
            constants: vec![Constant { name: (*constant).into(), value: value.to_le_bytes().to_vec() }],
        };
        of.iter().map(pallet).collect()
    }

    fn told(of_babe: u64, timeslice: u64) -> Vec<(String, String)> {
        let all = pallets(&[("Babe", "EpochDuration", of_babe), ("Broker", "TimeslicePeriod", timeslice)]);
        of(&all).into_iter().map(|pace| (pace.constant, pace.told)).collect()
    }

    #[test]
    fn a_fast_build_is_told_from_the_chains_by_its_pace() {
        assert_eq!(
            told(2400, 80)[0],
            ("Babe.EpochDuration".into(), "2,400 slots".into()),
            "nothing says how long one is"
        );
        assert_eq!(told(2400, 80)[1], ("Broker.TimeslicePeriod".into(), "80 relay chain blocks = 8 min".into()));
        assert_eq!(told(2400, 20)[1].1, "20 relay chain blocks = 2 min");
        assert_ne!(told(2400, 80), told(20, 80));
    }

    #[test]
    fn nothing_is_told_of_what_is_not_there_or_is_no_number() {
        assert!(of(&pallets(&[("Balances", "ExistentialDeposit", 1)])).is_empty());
        assert_eq!(little_endian(&[1; 17]), None);
        assert_eq!(of(&pallets(&[("Broker", "TimeslicePeriod", u64::MAX)]))[0].milliseconds, None);
    }
}
