// SPDX-License-Identifier: Apache-2.0
//! The blocks of the upgrade and its migrations, compared with the limits of a block.

use super::{
    bar,
    element::{class, pairs, section, tag, text},
};
use crate::{
    field::{bytes, milliseconds},
    steps::counted,
};
use protocol::dry_run::{Block, DryRunReport};

/// The most rows. If there are more blocks, the heaviest are shown.
const ROW_LIMIT: usize = 60;

/// Renders the section on blocks.
pub fn blocks(dry_run: &DryRunReport) -> String {
    let all = dry_run.blocks.as_slice();
    if all.is_empty() {
        return String::new();
    }
    let limits = [
        Limit { what: "ref_time", of: |block| block.ref_time, format: milliseconds, limit: dry_run.limits.ref_time },
        Limit { what: "proof_size", of: |block| block.proof_size, format: bytes, limit: dry_run.limits.proof_size },
    ];
    let mut content = tag("p", &text(&phases(all)));
    content.push_str(&tag("p", &text(&limits.iter().map(|limit| limit.summary(all)).collect::<Vec<_>>().join(" "))));
    let shown = heaviest(all, &limits);
    if shown.len() < all.len() {
        let note = format!("The {} heaviest of {} blocks; dry-run.json has all of them.", shown.len(), all.len());
        content.push_str(&class("p", "soft", &note));
    }
    let rows: Vec<_> = shown
        .into_iter()
        .map(|block| {
            let name = text(&format!("{} {}", block.number, block.phase.name()));
            let [time, proof] = &limits;
            [name, time.cell(block), proof.cell(block)]
        })
        .collect();
    content.push_str(&pairs(["Block", "ref_time", "proof_size"], &rows));
    section("Migrations: the blocks they took", &content)
}

/// Formats the number of blocks in each phase, in their order: `1 enactment, 1 upgrade, 2 migration
/// and 3 healthy blocks`.
fn phases(blocks: &[Block]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for block in blocks {
        let phase = block.phase.name();
        match counts.last_mut() {
            Some((last, count)) if *last == phase => *count += 1,
            _ => counts.push((phase, 1)),
        }
    }
    counts.truncate(20);
    let counts: Vec<_> = counts.iter().map(|(phase, count)| counted(*count, &format!("{phase} block"))).collect();
    format!("In this order: {}.", counts.join(", "))
}

struct Limit {
    what: &'static str,
    of: fn(&Block) -> u64,
    format: fn(u64) -> String,
    /// 0 if the limit is not known, `u64::MAX` if there is no limit.
    limit: u64,
}

impl Limit {
    fn percent(&self, block: &Block) -> Option<f64> {
        match self.limit {
            0 | u64::MAX => None,
            limit => Some((self.of)(block) as f64 * 100.0 / limit as f64),
        }
    }

    fn summary(&self, blocks: &[Block]) -> String {
        let Some(heaviest) = blocks.iter().max_by_key(|block| (self.of)(block)) else { return String::new() };
        let most = (self.format)((self.of)(heaviest));
        let of = match (self.limit, self.percent(heaviest)) {
            (limit, Some(percent)) => format!("{percent:.1} % of the limit of a block, {}", (self.format)(limit)),
            (0, None) => "the limit is not known".into(),
            (_, None) => "this chain sets no limit".into(),
        };
        format!("The greatest {} is {most}: {of}.", self.what)
    }

    fn cell(&self, block: &Block) -> String {
        let value = text(&(self.format)((self.of)(block)));
        match self.percent(block) {
            Some(percent) => format!("{value} <small>{percent:.1} %</small>{}", bar::of_limit(percent)),
            None => value,
        }
    }
}

/// Returns the heaviest blocks in their order, at most [`ROW_LIMIT`].
fn heaviest<'b>(blocks: &'b [Block], limits: &[Limit; 2]) -> Vec<&'b Block> {
    let share = |block: &Block| {
        // Without a limit, compare the values themselves.
        let shares = limits.iter().map(|limit| limit.percent(block).unwrap_or((limit.of)(block) as f64 / 1e12));
        shares.fold(0.0, f64::max)
    };
    let mut order: Vec<(usize, f64)> = blocks.iter().map(share).enumerate().collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1));
    let mut chosen: Vec<usize> = order.into_iter().take(ROW_LIMIT).map(|(place, _)| place).collect();
    chosen.sort_unstable();
    chosen.into_iter().filter_map(|place| blocks.get(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use protocol::{Weight, dry_run::Phase};

    fn dry_run(count: u32, proof_size: u64) -> DryRunReport {
        let block = |number: u32| {
            let phase = if number == 1 { Phase::Enactment } else { Phase::Migration };
            samples::block(number, phase, u64::from(number) * 10_000_000_000, 100)
        };
        DryRunReport {
            limits: Weight { ref_time: 2_000_000_000_000, proof_size },
            blocks: (1..=count).map(block).collect(),
            ..DryRunReport::default()
        }
    }

    #[test]
    fn blocks_are_compared_with_their_limits() {
        let page = blocks(&dry_run(3, 1000));
        for part in [
            "In this order: 1 enactment block, 2 migration blocks.",
            "The greatest ref_time is 30.00 ms: 1.5 % of the limit of a block, 2000.00 ms.",
            "The greatest proof_size is 100 bytes: 10.0 % of the limit of a block, 1,000 bytes.",
            "<th scope=\"row\">3 migration</th><td>30.00 ms <small>1.5 %</small><svg",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn a_missing_or_unknown_limit_is_stated() {
        assert!(blocks(&dry_run(1, u64::MAX)).contains("100 bytes: this chain sets no limit."));
        assert!(blocks(&dry_run(1, 0)).contains("100 bytes: the limit is not known."));
    }

    #[test]
    fn of_many_blocks_the_heaviest_are_shown_in_their_order() {
        let page = blocks(&dry_run(500, 1000));
        assert!(page.contains("The 60 heaviest of 500 blocks"));
        assert!(page.contains("440 migration") || page.contains("441 migration"));
        assert!(!page.contains(">439 migration<") && page.find(">499 ") < page.find(">500 "));
    }
}
