// SPDX-License-Identifier: Apache-2.0
//! The relay blocks of an upgrade, for the report and its picture.

use network::diary::Diary;
use protocol::dry_run::{CandidateTimeline, Milestone, ParachainTimeline, Timeline};
use std::collections::BTreeMap;

/// Returns the timeline of relay blocks, with the candidates in them and what happened in some of them.
pub fn of(
    (began, ended): (u32, u32),
    diary: &Diary,
    milestones: impl IntoIterator<Item = (Option<u32>, &'static str)>,
) -> Timeline {
    let mut parachains: BTreeMap<u32, Vec<CandidateTimeline>> = BTreeMap::new();
    for entry in diary.candidates() {
        let Some(number) = entry.number else { continue };
        // The last relay block usually backs one more.
        if entry.included.is_none() && entry.backed == ended {
            continue;
        }
        let candidate = CandidateTimeline { number, backed: entry.backed, included: entry.included };
        parachains.entry(entry.para.into()).or_default().push(candidate);
    }
    let parachains = parachains.into_iter().map(|(id, candidates)| ParachainTimeline { id, candidates });
    let milestones = milestones.into_iter();
    let milestones = milestones.filter_map(|(block, name)| Some(Milestone { block: block?, name: name.to_owned() }));
    let mut milestones: Vec<_> = milestones.collect();
    milestones.sort_by_key(|milestone| milestone.block);
    Timeline { began, ended, parachains: parachains.collect(), milestones }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milestones_are_in_the_order_of_their_blocks() {
        let milestones = [(Some(9), "go-ahead"), (None, "promoted"), (Some(4), "code backed")];
        let timeline = of((1, 12), &Diary::default(), milestones);
        let names: Vec<_> = timeline.milestones.iter().map(|milestone| milestone.name.as_str()).collect();
        assert_eq!(names, ["code backed", "go-ahead"]);
        assert_eq!((timeline.began, timeline.ended), (1, 12));
    }
}
