// SPDX-License-Identifier: Apache-2.0
//! The durations of slots, epochs and other periods, from the constants of a runtime.
//!
//! They distinguish a build with short periods (`fast-runtime`) from the production build, which
//! has the same name and version.

use crate::metadata::Pallets;
use protocol::Pace;

/// The unit of a constant, as its pallet documents it.
#[derive(Clone, Copy)]
enum TimeUnit {
    Milliseconds,
    /// The slots of BABE. Each is as long as the expected block time.
    Slots,
    /// Sessions. Each is as long as an epoch.
    Sessions,
    /// Blocks of the relay chain, on whichever chain the pallet is.
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

/// The block time of relay chains in milliseconds. The metadata of parachains does not contain it.
const RELAY_BLOCK: u128 = 6000;

/// Returns the durations that the constants of a runtime give.
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

/// Decodes a little-endian number of up to 128 bits.
pub fn little_endian(bytes: &[u8]) -> Option<u128> {
    let mut wide = [0; 16];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u128::from_le_bytes(wide))
}

/// Formats a number with a noun: `1 block`, `14,400 blocks`.
pub fn counted(number: u128, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Formats a number with thousands separators: `14,400`.
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

/// Formats milliseconds in their largest units: `1 d 12 h`.
pub fn duration(milliseconds: u128) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];
    let (mut left, mut parts) = (milliseconds, Vec::new());
    for (name, length) in units {
        if left >= length {
            parts.push(format!("{} {name}", grouped(left / length)));
            left %= length;
        }
    }
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
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

    fn durations(of_babe: u64, timeslice: u64) -> Vec<(String, String)> {
        let all = pallets(&[("Babe", "EpochDuration", of_babe), ("Broker", "TimeslicePeriod", timeslice)]);
        of(&all).into_iter().map(|pace| (pace.constant, pace.told)).collect()
    }

    #[test]
    fn a_fast_build_has_other_durations() {
        assert_eq!(
            durations(2400, 80)[0],
            ("Babe.EpochDuration".into(), "2,400 slots".into()),
            "the length of a slot is unknown"
        );
        assert_eq!(durations(2400, 80)[1], ("Broker.TimeslicePeriod".into(), "80 relay chain blocks = 8 min".into()));
        assert_eq!(durations(2400, 20)[1].1, "20 relay chain blocks = 2 min");
        assert_ne!(durations(2400, 80), durations(20, 80));
    }

    #[test]
    fn missing_constants_and_large_numbers_have_no_duration() {
        assert!(of(&pallets(&[("Balances", "ExistentialDeposit", 1)])).is_empty());
        assert_eq!(little_endian(&[1; 17]), None);
        assert_eq!(of(&pallets(&[("Broker", "TimeslicePeriod", u64::MAX)]))[0].milliseconds, None);
    }
}
