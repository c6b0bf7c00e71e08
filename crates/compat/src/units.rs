// SPDX-License-Identifier: Apache-2.0
//! Formats numbers in human units. The unit is known from the type or from the name of the
//! constant; the result says from which.

use crate::{interface::Interface, value::Part};
use artifact::pace::{counted, duration, grouped, little_endian};

/// The format of a chain's token amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The number of decimals.
    pub decimals: Option<u32>,
    /// The token's symbol.
    pub symbol: Option<String>,
    /// Where the decimals were found, as text.
    pub from: String,
}

/// The facts about a runtime that units depend on.
#[derive(Clone, Debug, Default)]
pub struct UnitContext {
    /// The format of token amounts.
    pub tokens: Tokens,
    /// The time between two blocks in milliseconds, and where it was found.
    pub block: Option<(u128, String)>,
    /// Whether the chain is a parachain. Many of its pallets count the relay chain's blocks instead
    /// of its own; metadata does not say which.
    pub parachain: bool,
}

/// A value as text, with its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormattedValue {
    /// The value in its unit.
    pub text: String,
    /// The unit and how it is known. `None` for plain numbers and text.
    pub unit: Option<String>,
    /// The duration of a number of blocks or slots, in milliseconds.
    pub time: Option<u128>,
}

/// The SDK's types of fractions, with the value that stands for 1.
const SHARES: [(&str, u128); 6] = [
    ("Percent", 100),
    ("Permill", 1_000_000),
    ("Perbill", 1_000_000_000),
    ("Perquintill", 1_000_000_000_000_000_000),
    ("PerU16", 65_535),
    ("Perthousand", 1_000),
];
const FIXED: [(&str, u128); 2] = [("FixedU64", 1_000_000_000), ("FixedU128", 1_000_000_000_000_000_000)];

/// Constants in milliseconds, by the pallets' documentation.
const MILLISECONDS: [(&str, &str); 3] =
    [("Babe", "ExpectedBlockTime"), ("Aura", "SlotDuration"), ("Timestamp", "MinimumPeriod")];
/// Constants in eras, although their names look like numbers of blocks.
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
/// Constants in blocks whose names contain none of the words in [`BLOCKS`].
const OWN_BLOCKS: [(&str, &str); 1] = [("System", "BlockHashCount")];

/// Constants in slots. A slot takes the expected time of a block.
const SLOTS: [(&str, &str); 1] = [("Babe", "EpochDuration")];
const RELAY_BLOCKS: [(&str, &str); 1] = [("Broker", "TimeslicePeriod")];

/// The words in names of token amounts, for types of 128 bits.
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
/// The words in names of numbers of blocks, for types of 32 or 64 bits.
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
    /// Returns the context of a runtime. Without `block` (milliseconds) the time between blocks is
    /// read from the pallets' constants.
    pub fn of(interface: &Interface<'_>, tokens: &Tokens, block: Option<u64>) -> Self {
        let constant = |pallet: &str, name: &str| {
            let found = interface.pallet(pallet)?.constants.iter().find(|constant| constant.name == name)?;
            little_endian(found.value).filter(|milliseconds| *milliseconds > 0)
        };
        let given = block.map(|milliseconds| (u128::from(milliseconds), "the command line".to_owned()));
        // Half a slot, by the pallet's documentation. Without it an Aura slot may have several
        // blocks.
        let period = constant("Timestamp", "MinimumPeriod").and_then(|period| period.checked_mul(2));
        let slot = constant("Aura", "SlotDuration");
        let own = slot.filter(|slot| Some(*slot) == period);
        let block = given
            .or_else(|| Some((constant("Babe", "ExpectedBlockTime")?, "Babe.ExpectedBlockTime".into())))
            .or_else(|| Some((own?, "Aura.SlotDuration".into())))
            .or_else(|| Some((period?, "twice Timestamp.MinimumPeriod".into())))
            // Chains with asynchronous backing have a period of 0.
            .or_else(|| Some((slot?, "Aura.SlotDuration, if each slot has one block".into())));
        Self { tokens: tokens.clone(), block, parachain: interface.pallet("ParachainSystem").is_some() }
    }

    /// Formats one part of a constant.
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
        // The name of the part is more specific than that of the constant.
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
        let condition = if self.parachain { ", if they are its own and not its relay chain's" } else { "" };
        self.time(number, "block", format!("blocks, by the name {name}{condition}"))
    }

    /// Formats a number of blocks or slots, with their duration.
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
                let unit = format!("{unit}; the time between blocks is not known (--block-time)");
                FormattedValue { text: count, unit: Some(unit), time: None }
            }
        }
    }
}

/// Splits a name into words: `MinimumDeposit` and `minimum_deposit` into `minimum`, `deposit`.
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

/// Returns `number / whole` as a decimal number. It is exact; a longer fraction is cut after 18
/// digits and marked with `…`.
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
    fn units_are_known_from_types_and_names() {
        let text = |pallet: &str, constant: &str, part: Part| units().format(pallet, constant, &part).text;
        assert_eq!(text("Treasury", "Burn", part("", &["Permill", "u32"], 12_500)), "1.25 %");
        assert_eq!(text("Balances", "ExistentialDeposit", part("", &["u128"], 100_000_000)), "0.01 PAS");
        assert_eq!(text("Democracy", "EnactmentPeriod", part("", &["u32"], 14_400)), "14,400 blocks = 1 d");
        assert_eq!(text("Babe", "ExpectedBlockTime", part("", &["u64"], 6000)), "6 s");
        assert_eq!(text("Staking", "BondingDuration", part("", &["u32"], 28)), "28");
        let weight = part("max_block.ref_time", &["BlockWeights", "Weight", "u64"], 2_000_000_000_000);
        assert_eq!(text("System", "BlockWeights", weight), "2,000 ms");
        assert_eq!(
            text("Referenda", "Tracks", part("0.1.prepare_period", &["TrackDetails", "u32"], 1200)),
            "1,200 blocks = 2 h"
        );
        assert_eq!(text("Proxy", "MaxProxies", part("", &["u32"], 32_000)), "32,000");
        assert_eq!(text("Babe", "EpochDuration", part("", &["u64"], 2400)), "2,400 slots = 4 h");
        assert_eq!(text("Vesting", "MinVestedTransfer", part("", &["u128"], 5_000_000_000)), "0.5 PAS");
        let phase = part("", &["u32"], 150);
        assert_eq!(text("ElectionProviderMultiPhase", "SignedPhase", phase), "150 blocks = 15 min");
    }

    #[test]
    fn a_parachain_may_count_the_relay_chains_blocks() {
        let units = UnitContext { parachain: true, ..units() };
        let timeslice = units.format("Broker", "TimeslicePeriod", &part("", &["u32"], 80));
        assert_eq!(timeslice.text, "80 relay chain blocks", "the time between the relay chain's blocks is not known");
        let voting = units.format("Democracy", "VotingPeriod", &part("", &["u32"], 10));
        assert!(voting.unit.is_some_and(|unit| unit.contains("and not its relay chain's")));
    }

    #[test]
    fn missing_facts_are_reported() {
        let bare = UnitContext::default();
        let amount = bare.format("Balances", "ExistentialDeposit", &part("", &["u128"], 5_000));
        assert_eq!(amount.text, "5,000");
        assert!(amount.unit.is_some_and(|unit| unit.contains("decimals are not known")));
        let period = bare.format("Democracy", "VotingPeriod", &part("", &["u32"], 10));
        assert_eq!(period.text, "10 blocks");
        assert!(period.unit.is_some_and(|unit| unit.contains("time between blocks is not known")));
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
