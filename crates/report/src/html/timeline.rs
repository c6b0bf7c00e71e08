// SPDX-License-Identifier: Apache-2.0
//! The relay blocks of an upgrade: what happened in which of them, and the candidates of each parachain.

use super::{
    bar::{self, Span},
    element::{pairs, section, tag, text},
};
use crate::steps::counted;
use protocol::dry_run::{CandidateTimeline, DryRunReport, ParachainTimeline, Timeline};

/// Renders the section on the relay blocks; nothing if no network took part in the dry run.
pub fn timeline(dry_run: &DryRunReport) -> String {
    let Some(timeline) = &dry_run.timeline else { return String::new() };
    let mut rows: Vec<_> = timeline
        .milestones
        .iter()
        .map(|milestone| {
            let picture = bar::of_spans(&[span(timeline, milestone.block, milestone.block, "over")]);
            [text(&milestone.name), text(&milestone.block.to_string()), picture]
        })
        .collect();
    rows.extend(timeline.parachains.iter().map(|parachain| row(timeline, parachain)));
    let Timeline { began, ended, .. } = timeline;
    let told = format!(
        "Relay blocks {began} to {ended} on the fork, from left to right. A bar of a parachain begins at the relay block that \
         backed a candidate and ends at the one that included it. Candidates in the colour of hazards were not included: \
         they were dropped, or were pending at the end."
    );
    let table = pairs(["What", "Relay block", "When"], &rows);
    section("The upgrade on the relay chain", &format!("{}{table}", tag("p", &text(&told))))
}

/// Returns the row of a parachain.
fn row(timeline: &Timeline, parachain: &ParachainTimeline) -> [String; 3] {
    let ParachainTimeline { id, candidates } = parachain;
    let spans: Vec<_> = candidates.iter().map(|candidate| of(timeline, candidate)).collect();
    let included = candidates.iter().filter_map(|candidate| candidate.included);
    let range = match (included.clone().min(), included.clone().max()) {
        (Some(first), Some(last)) => format!("{} included in {first} to {last}", included.count()),
        _ => "none included".to_owned(),
    };
    let name = format!("parachain {id}, {}", counted(candidates.len(), "candidate"));
    [text(&name), text(&range), bar::of_spans(&spans)]
}

fn of(timeline: &Timeline, candidate: &CandidateTimeline) -> Span {
    match candidate.included {
        Some(included) => span(timeline, candidate.backed, included, "used"),
        None => span(timeline, candidate.backed, candidate.backed, "near"),
    }
}

/// Returns the place of relay blocks among all those of the timeline, up to the beginning of the block `to`. It is at
/// least one block wide, less a gap.
fn span(timeline: &Timeline, from: u32, to: u32, class: &'static str) -> Span {
    const GAP: f64 = 0.2;
    let width = 100.0 / (f64::from(timeline.ended.saturating_sub(timeline.began)) + 1.0);
    let percent = |block: u32| f64::from(block.saturating_sub(timeline.began)) * width;
    let end = percent(to.max(from.saturating_add(1)));
    Span { start: percent(from), end: end - GAP * width, class }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use protocol::dry_run::Milestone;

    fn report(timeline: Option<Timeline>) -> DryRunReport {
        DryRunReport { timeline, ..DryRunReport::default() }
    }

    #[test]
    fn milestones_and_candidates_stand_at_their_relay_blocks() {
        let page = timeline(&report(Some(samples::timeline())));
        for part in [
            "Relay blocks 10 to 19",
            "&lt;go-ahead&gt;</th><td>15</td><td><svg",
            "<rect class=\"over\" x=\"50.00\" y=\"0\" width=\"8.00\"",
            "parachain 2000, 3 candidates",
            "2 included in 12 to 16",
            "<rect class=\"used\" x=\"10.00\" y=\"0\" width=\"8.00\"",
            "<rect class=\"near\" x=\"30.00\" y=\"0\" width=\"8.00\"",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn a_dry_run_without_a_network_has_no_such_section() {
        assert_eq!(timeline(&report(None)), "");
    }

    #[test]
    fn blocks_outside_of_the_timeline_stay_within_the_picture() {
        let mut odd = samples::timeline();
        odd.milestones =
            vec![Milestone { block: u32::MAX, name: "late".into() }, Milestone { block: 0, name: "early".into() }];
        let page = timeline(&report(Some(odd)));
        assert!(
            page.contains("x=\"100.00\" y=\"0\" width=\"0.00\"") && page.contains("x=\"0.00\" y=\"0\" width=\"0.00\""),
            "{page}"
        );
    }
}
