// SPDX-License-Identifier: Apache-2.0
//! Numbers in units that people think in. A unit is known by a type, by the name of a constant, or not at all, and which
//! of these it was is told beside it.

use crate::{interface::Interface, value::Part};
use artifact::pace::{counted, duration, grouped, little_endian};

/// How a chain's tokens are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub decimals: Option<u32>,
    pub symbol: Option<String>,
    /// Who said so.
    pub from: String,
}

/// What numbers of one runtime are measured by.
#[derive(Clone, Debug, Default)]
pub struct UnitContext {
    pub tokens: Tokens,
    /// Milliseconds between two blocks, and who says so.
    pub block: Option<(u128, String)>,
    /// Whether it has a relay chain, whose blocks many of its pallets count instead of its own. No metadata says which.
    pub parachain: bool,
}

/// A value, and what it is counted in with the reason for it; no unit for a plain number or text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormattedValue {
    pub text: String,
    pub unit: Option<String>,
    /// Milliseconds that so many blocks take: another number where blocks are of another length.
    pub time: Option<u128>,
}

/// The parts of one that the SDK's types count in.
const SHARES: [(&str, u128); 6] = [
    ("Percent", 100),
    ("Permill", 1_000_000),
    ("Perbill", 1_000_000_000),
    ("Perquintill", 1_000_000_000_000_000_000),
    ("PerU16", 65_535),
    ("Perthousand", 1_000),
];
const FIXED: [(&str, u128); 2] = [("FixedU64", 1_000_000_000), ("FixedU128", 1_000_000_000_000_000_000)];

/// Constants that count milliseconds: the pallets' documentation says so.
const MILLISECONDS: [(&str, &str); 3] =
    [("Babe", "ExpectedBlockTime"), ("Aura", "SlotDuration"), ("Timestamp", "MinimumPeriod")];
/// Constants whose names sound like blocks and are not.
const ERAS: [(&str, &str); 3] =
    [("Staking", "BondingDuration"), ("Staking", "SlashDeferDuration"), ("FastUnstake", "MaxErasToCheckPerBlock")];
const ROUNDS: [(&str, &str); 6] = [
    ("ParachainStaking", "LeaveCandidatesDelay"),
    ("ParachainStaking", "CandidateBondLessDelay"),
    ("ParachainStaking", "LeaveDelegatorsDelay"),
    ("ParachainStaking", "RevokeDelegationDelay"),
    ("ParachainStaking", "DelegationBondLessDelay"),
    ("ParachainStaking", "RewardPaymentDelay"),
];
/// Blocks that no word in the name tells.
const OWN_BLOCKS: [(&str, &str); 1] = [("System", "BlockHashCount")];

/// Slots, each as long as a block is expected to take.
const SLOTS: [(&str, &str); 1] = [("Babe", "EpochDuration")];
const RELAY_BLOCKS: [(&str, &str); 1] = [("Broker", "TimeslicePeriod")];

/// Words in the name of an amount of tokens, where its type has 128 bits.
const AMOUNTS: [&str; 17] = [
    "contribution",
    "deposit",
    "bond",
    "fee",
    "price",
    "balance",
    "reward",
    "payout",
    "spend",
    "amount",
    "stake",
    "cost",
    "existential",
    "rent",
    "bounty",
    "bid",
    "transfer",
];
/// Words in the name of a number of blocks, where its type has 32 or 64 bits.
const BLOCKS: [&str; 16] = [
    "period",
    "delay",
    "duration",
    "timeout",
    "window",
    "lifetime",
    "interval",
    "cooldown",
    "countdown",
    "locking",
    "phase",
    "expiration",
    "expiry",
    "grace",
    "maturity",
    "validity",
];

impl UnitContext {
    /// Takes the time of a block from the constants of the pallets that keep it, where nobody says it.
    pub fn of(interface: &Interface<'_>, tokens: &Tokens, block: Option<u64>) -> Self {
        let constant = |pallet: &str, name: &str| {
            let found = interface.pallet(pallet)?.constants.iter().find(|constant| constant.name == name)?;
            little_endian(found.value).filter(|milliseconds| *milliseconds > 0)
        };
        let given = block.map(|milliseconds| (u128::from(milliseconds), "the command line".to_owned()));
        // Half a slot, by the pallet's documentation. Without it a slot of Aura may have many blocks.
        let period = constant("Timestamp", "MinimumPeriod").and_then(|period| period.checked_mul(2));
        let slot = constant("Aura", "SlotDuration");
        let own = slot.filter(|slot| Some(*slot) == period);
        let block = given
            .or_else(|| Some((constant("Babe", "ExpectedBlockTime")?, "Babe.ExpectedBlockTime".into())))
            .or_else(|| Some((own?, "Aura.SlotDuration".into())))
            .or_else(|| Some((period?, "twice Timestamp.MinimumPeriod".into())))
            // No period at all is how chains of asynchronous backing have it.
            .or_else(|| Some((slot?, "Aura.SlotDuration, if each slot has one block".into())));
        Self { tokens: tokens.clone(), block, parachain: interface.pallet("ParachainSystem").is_some() }
    }

    /// One part of a constant.
    pub fn format(&self, pallet: &str, constant: &str, part: &Part) -> FormattedValue {
        match part.number {
            Some(number) => self.number(number, pallet, constant, part),
            None => FormattedValue { text: part.text.clone(), ..FormattedValue::default() },
        }
    }

    fn number(&self, number: u128, pallet: &str, constant: &str, part: &Part) -> FormattedValue {
        let of = |text: String, unit: String| FormattedValue { text, unit: Some(unit), time: None };
        let ty = |name: &str| part.types.iter().any(|ty| ty == name);
        if let Some((name, whole)) = SHARES.iter().find(|(name, _)| ty(name)) {
            let percent = decimal(number.saturating_mul(100), *whole);
            return of(format!("{percent} %"), format!("by the type {name}"));
        }
        if let Some((name, whole)) = FIXED.iter().find(|(name, _)| ty(name)) {
            return of(decimal(number, *whole), format!("by the type {name}"));
        }
        let last = part.path.rsplit('.').next().unwrap_or_default();
        if last == "ref_time" && ty("Weight") {
            return of(format!("{} ms", decimal(number, 1_000_000_000)), "ref_time, by the type Weight".into());
        }
        if last == "proof_size" && ty("Weight") {
            let text = if number == u128::from(u64::MAX) { "no limit".into() } else { bytes(number) };
            return of(text, "proof_size, by the type Weight".into());
        }
        if ty("RuntimeDbWeight") {
            return of(format!("{} µs", decimal(number, 1_000_000)), "ref_time, by the type RuntimeDbWeight".into());
        }
        if ty("BlockLength") {
            return of(bytes(number), "by the type BlockLength".into());
        }
        let is = |list: &[(&str, &str)]| list.contains(&(pallet, constant));
        if is(&MILLISECONDS) {
            return of(duration(number), format!("milliseconds, as {pallet} documents"));
        }
        if is(&ERAS) {
            return of(grouped(number), "eras, as the pallet documents".into());
        }
        if is(&ROUNDS) {
            return of(grouped(number), "rounds, as the pallet documents".into());
        }
        if is(&OWN_BLOCKS) {
            return self.time(number, "block", format!("blocks, as {pallet} documents"));
        }
        if is(&RELAY_BLOCKS) {
            let count = counted(number, "relay chain block");
            return of(count, "blocks of the relay chain, as the pallet documents".into());
        }
        if is(&SLOTS) {
            return self.time(number, "slot", format!("slots, as {pallet} documents"));
        }
        let width = part.types.last().map(String::as_str).unwrap_or_default();
        // A part's own name says more than that of the whole.
        let name = if last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit()) { constant } else { last };
        let words = words(name);
        let named = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        if width == "u128" && named(&AMOUNTS) {
            return self.amount(number, name);
        }
        if matches!(width, "u32" | "u64") && named(&BLOCKS) {
            return self.blocks(number, name);
        }
        FormattedValue { text: grouped(number), ..FormattedValue::default() }
    }

    fn amount(&self, number: u128, name: &str) -> FormattedValue {
        let Some(decimals) = self.tokens.decimals else {
            let unit = format!(
                "smallest units of a token, by the name {name}; the chain's decimals are not known (--decimals)"
            );
            return FormattedValue { text: grouped(number), unit: Some(unit), time: None };
        };
        let symbol = self.tokens.symbol.as_deref().unwrap_or("tokens");
        let text = match 10u128.checked_pow(decimals) {
            Some(whole) => format!("{} {symbol}", decimal(number, whole)),
            None => grouped(number),
        };
        FormattedValue {
            text,
            unit: Some(format!("an amount, by the name {name}; {decimals} decimals from {}", self.tokens.from)),
            time: None,
        }
    }

    fn blocks(&self, number: u128, name: &str) -> FormattedValue {
        let whose = if self.parachain { ", if they are its own and not its relay chain's" } else { "" };
        self.time(number, "block", format!("blocks, by the name {name}{whose}"))
    }

    /// A number of blocks or slots, and how long they take.
    fn time(&self, number: u128, what: &str, unit: String) -> FormattedValue {
        let count = counted(number, what);
        let known = self.block.as_ref();
        match known.and_then(|(each, from)| Some((number.checked_mul(*each)?, *each, from))) {
            Some((total, each, from)) => FormattedValue {
                text: format!("{count} = {}", duration(total)),
                unit: Some(format!("{unit}; {} each by {from}", duration(each))),
                time: Some(total),
            },
            None => {
                let unit = format!("{unit}; the time of a block is not told (--block-time)");
                FormattedValue { text: count, unit: Some(unit), time: None }
            }
        }
    }
}

/// `MinimumDeposit` and `minimum_deposit` as `minimum`, `deposit`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in name.chars() {
        if character == '_' || character.is_uppercase() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (character != '_', words.last_mut()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `number / whole`, exact: a fraction that does not end is cut after 18 digits and marked so.
fn decimal(number: u128, whole: u128) -> String {
    let (mut rest, mut fraction) = (number % whole, String::new());
    while rest > 0 && fraction.len() < 18 {
        let Some(ten) = rest.checked_mul(10) else { break };
        fraction.push(char::from(b'0' + (ten / whole) as u8));
        rest = ten % whole;
    }
    let cut = if rest > 0 { "…" } else { "" };
    match fraction.is_empty() {
        true => grouped(number / whole),
        false => format!("{}.{fraction}{cut}", grouped(number / whole)),
    }
}

fn bytes(number: u128) -> String {
    format!("{} bytes", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, types: &[&str], number: u128) -> Part {
        Part {
            path: path.into(),
            types: types.iter().map(|ty| (*ty).to_owned()).collect(),
            text: number.to_string(),
            number: Some(number),
        }
    }

    fn units() -> UnitContext {
        let tokens = Tokens { decimals: Some(10), symbol: Some("PAS".into()), from: "the command line".into() };
        UnitContext { tokens, block: Some((6000, "Babe.ExpectedBlockTime".into())), parachain: false }
    }

    #[test]
    fn types_and_names_tell_units() {
        let told = |pallet: &str, constant: &str, part: Part| units().format(pallet, constant, &part).text;
        assert_eq!(told("Treasury", "Burn", part("", &["Permill", "u32"], 12_500)), "1.25 %");
        assert_eq!(told("Balances", "ExistentialDeposit", part("", &["u128"], 100_000_000)), "0.01 PAS");
        assert_eq!(told("Democracy", "EnactmentPeriod", part("", &["u32"], 14_400)), "14,400 blocks = 1 d");
        assert_eq!(told("Babe", "ExpectedBlockTime", part("", &["u64"], 6000)), "6 s");
        assert_eq!(told("Staking", "BondingDuration", part("", &["u32"], 28)), "28");
        let weight = part("max_block.ref_time", &["BlockWeights", "Weight", "u64"], 2_000_000_000_000);
        assert_eq!(told("System", "BlockWeights", weight), "2,000 ms");
        assert_eq!(
            told("Referenda", "Tracks", part("0.1.prepare_period", &["TrackDetails", "u32"], 1200)),
            "1,200 blocks = 2 h"
        );
        assert_eq!(told("Proxy", "MaxProxies", part("", &["u32"], 32_000)), "32,000");
        assert_eq!(told("Babe", "EpochDuration", part("", &["u64"], 2400)), "2,400 slots = 4 h");
        assert_eq!(told("Vesting", "MinVestedTransfer", part("", &["u128"], 5_000_000_000)), "0.5 PAS");
        let phase = part("", &["u32"], 150);
        assert_eq!(told("ElectionProviderMultiPhase", "SignedPhase", phase), "150 blocks = 15 min");
    }

    #[test]
    fn whose_blocks_a_parachain_counts_is_not_known() {
        let units = UnitContext { parachain: true, ..units() };
        let timeslice = units.format("Broker", "TimeslicePeriod", &part("", &["u32"], 80));
        assert_eq!(timeslice.text, "80 relay chain blocks", "not of this chain, and so of no known time");
        let voting = units.format("Democracy", "VotingPeriod", &part("", &["u32"], 10));
        assert!(voting.unit.is_some_and(|unit| unit.contains("and not its relay chain's")));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let bare = UnitContext::default();
        let told = bare.format("Balances", "ExistentialDeposit", &part("", &["u128"], 5_000));
        assert_eq!(told.text, "5,000");
        assert!(told.unit.is_some_and(|unit| unit.contains("decimals are not known")));
        let told = bare.format("Democracy", "VotingPeriod", &part("", &["u32"], 10));
        assert_eq!(told.text, "10 blocks");
        assert!(told.unit.is_some_and(|unit| unit.contains("time of a block is not told")));
        assert_eq!(bare.format("X", "Y", &part("", &["u128"], 7)).unit, None);
    }

    #[test]
    fn fractions_are_exact_or_marked() {
        assert_eq!(decimal(1, 3), "0.333333333333333333…");
        assert_eq!(decimal(10_000_000_001, 10_000_000_000), "1.0000000001");
        assert_eq!(decimal(u128::MAX, 1), "340,282,366,920,938,463,463,374,607,431,768,211,455");
        assert_eq!(duration(90_061_001), "1 d 1 h 1 min 1 s 1 ms");
        assert_eq!(words("MaxHTTPDeposit").last().map(String::as_str), Some("deposit"));
    }
}
