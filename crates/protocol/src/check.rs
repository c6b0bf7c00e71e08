// SPDX-License-Identifier: Apache-2.0
//! One question with its own verdict: a check of a dry run, a rule of a comparison.

use crate::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pass,
    /// It found a hazard, which somebody must judge.
    Warn,
    /// It saw something break.
    Fail,
    /// It does not apply, or was not asked for.
    Skip,
    /// It applies, and the tool could not look.
    NotJudged,
}

impl Status {
    /// Returns the name in documents: `not_judged`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::NotJudged => "not_judged",
        }
    }

    /// Returns the rank of findings that a check of this status is made of.
    pub fn rank(self) -> Rank {
        match self {
            Self::Fail => Rank::Seen,
            Self::Warn => Rank::Hazard,
            Self::NotJudged => Rank::NotJudged,
            Self::Pass | Self::Skip => Rank::Note,
        }
    }
}

/// As people read it: `not judged`.
impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.name().replace('_', " "))
    }
}

/// What a finding means for the status of its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Known, and no reason to hesitate.
    Note,
    /// What could go wrong, or is for people to know: it warns.
    Hazard,
    /// What the tool could not look at.
    NotJudged,
    /// What was seen to break.
    Seen,
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub rank: Rank,
    pub text: String,
}

impl Finding {
    pub fn new(rank: Rank, text: impl Into<String>) -> Self {
        Self { rank, text: text.into() }
    }

    pub fn seen(text: impl Into<String>) -> Self {
        Self::new(Rank::Seen, text)
    }

    pub fn hazard(text: impl Into<String>) -> Self {
        Self::new(Rank::Hazard, text)
    }

    pub fn not_judged(text: impl Into<String>) -> Self {
        Self::new(Rank::NotJudged, text)
    }

    pub fn note(text: impl Into<String>) -> Self {
        Self::new(Rank::Note, text)
    }
}

/// A check, or a rule, with what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub name: String,
    pub status: Status,
    /// One sentence: what was found.
    pub detail: String,
    /// The findings one by one, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Who answers for it, and why, where it did not pass and was allowed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// What a clock or meter of this machine said. It differs from run to run, so nothing else of a check may tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
}

impl Check {
    pub fn new(name: impl Into<String>, status: Status, detail: impl Into<String>) -> Self {
        let (findings, allowed, measured) = (Vec::new(), None, None);
        Self { name: name.into(), status, detail: detail.into(), findings, allowed, measured }
    }

    pub fn pass(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Pass, detail)
    }

    pub fn fail(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, detail)
    }

    pub fn warn(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, detail)
    }

    pub fn skip(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Skip, detail)
    }

    pub fn not_judged(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::NotJudged, detail)
    }

    /// Returns the check whose status its gravest finding gives; without any it passes.
    pub fn judged(name: impl Into<String>, detail: impl Into<String>, findings: Vec<Finding>) -> Self {
        let status = match findings.iter().map(|finding| finding.rank).max() {
            Some(Rank::Seen) => Status::Fail,
            Some(Rank::NotJudged) => Status::NotJudged,
            Some(Rank::Hazard) => Status::Warn,
            Some(Rank::Note) | None => Status::Pass,
        };
        Self { findings, ..Self::new(name, status, detail) }
    }

    /// Adds findings that are all of the rank that the check's status stands for.
    pub fn with(mut self, findings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let rank = self.status.rank();
        self.findings.extend(findings.into_iter().map(|text| Finding::new(rank, text)));
        self
    }

    /// Adds facts beside the findings, which change nothing of the status.
    pub fn noting(mut self, notes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.findings.extend(notes.into_iter().map(Finding::note));
        self
    }

    pub fn measured(mut self, measured: impl Into<String>) -> Self {
        self.measured = Some(measured.into());
        self
    }

    /// Returns whether it is a hazard that nobody answers for.
    pub fn is_hazard(&self) -> bool {
        self.status == Status::Warn && self.allowed.is_none()
    }
}

/// Returns how many checks are hazards that nobody answers for.
pub fn hazards(checks: &[Check]) -> usize {
    checks.iter().filter(|check| check.is_hazard()).count()
}

impl Verdict {
    /// Returns what all checks come to. A hazard that somebody answered for is none.
    pub fn of(checks: &[Check]) -> Self {
        let any = |status: Status| checks.iter().any(|check| check.status == status);
        match (any(Status::Fail), any(Status::NotJudged), hazards(checks)) {
            (true, _, _) => Self::Fail,
            (false, true, _) => Self::NotJudged,
            (false, false, 0) => Self::Pass,
            (false, false, _) => Self::PassWithHazards,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_finding_decides() {
        let status = |ranks: &[Rank]| {
            let findings = ranks.iter().map(|rank| Finding::new(*rank, "x")).collect();
            Check::judged("weights", "", findings).status
        };
        assert_eq!(status(&[]), Status::Pass);
        assert_eq!(status(&[Rank::Note]), Status::Pass);
        assert_eq!(status(&[Rank::Note, Rank::Hazard]), Status::Warn);
        assert_eq!(status(&[Rank::Hazard, Rank::NotJudged]), Status::NotJudged);
        assert_eq!(status(&[Rank::NotJudged, Rank::Seen, Rank::Hazard]), Status::Fail);
    }

    #[test]
    fn a_verdict_passes_only_what_was_looked_at() {
        let (pass, skip) = (Check::pass("versions", ""), Check::skip("sessions", ""));
        let (warn, not) = (Check::warn("weights", ""), Check::not_judged("migrations", ""));
        let of = |checks: &[&Check]| Verdict::of(&checks.iter().map(|check| (*check).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&pass, &skip]), Verdict::Pass);
        assert_eq!(of(&[&pass, &warn]), Verdict::PassWithHazards);
        assert_eq!(of(&[&pass, &warn, &not]), Verdict::NotJudged);
        assert_eq!(of(&[&not, &Check::fail("versions", "")]), Verdict::Fail);
        let answered = Check { allowed: Some("ana knows".into()), ..warn };
        assert_eq!(of(&[&answered]), Verdict::Pass, "somebody answered for it");
    }
}
