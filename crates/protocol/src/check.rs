// SPDX-License-Identifier: Apache-2.0
//! Checks of a dry run and rules of a comparison, with their findings.

use crate::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It found no problem.
    Pass,
    /// It found a hazard, which a person must judge.
    Warn,
    /// It observed a failure.
    Fail,
    /// It does not apply, or was not requested.
    Skip,
    /// It applies, but the tool could not perform it.
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

    /// Returns the status that the gravest of the findings gives: without any it passes.
    pub fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.rank).max() {
            Some(Rank::Seen) => Self::Fail,
            Some(Rank::NotJudged) => Self::NotJudged,
            Some(Rank::Hazard) => Self::Warn,
            Some(Rank::Note) | None => Self::Pass,
        }
    }

    /// Returns the rank of the findings that give a check this status.
    pub fn rank(self) -> Rank {
        match self {
            Self::Fail => Rank::Seen,
            Self::Warn => Rank::Hazard,
            Self::NotJudged => Rank::NotJudged,
            Self::Pass | Self::Skip => Rank::Note,
        }
    }
}

/// Writes the name for people: `not judged`.
impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.name().replace('_', " "))
    }
}

/// The rank of a finding. The highest rank decides the status of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// A fact without a risk.
    Note,
    /// A possible failure, or a fact that people must know. The check warns.
    Hazard,
    /// Something that the tool could not check.
    NotJudged,
    /// An observed failure.
    Seen,
}

/// A finding of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rank, which takes part in the status of the check.
    pub rank: Rank,
    /// The finding in words, with the items that it is about.
    pub text: String,
}

impl Finding {
    /// Returns a finding of a rank.
    pub fn new(rank: Rank, text: impl Into<String>) -> Self {
        Self { rank, text: text.into() }
    }

    /// Returns an observed failure.
    pub fn seen(text: impl Into<String>) -> Self {
        Self::new(Rank::Seen, text)
    }

    /// Returns a hazard.
    pub fn hazard(text: impl Into<String>) -> Self {
        Self::new(Rank::Hazard, text)
    }

    /// Returns a finding about something that could not be checked.
    pub fn not_judged(text: impl Into<String>) -> Self {
        Self::new(Rank::NotJudged, text)
    }

    /// Returns a note.
    pub fn note(text: impl Into<String>) -> Self {
        Self::new(Rank::Note, text)
    }
}

/// What a check or a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckOutcome {
    /// The result. For checks with ranked findings it follows from the highest rank.
    pub status: Status,
    /// The result in one sentence.
    pub detail: String,
    /// The single findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The reason why the check was allowed not to pass, and who is responsible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// Measurements of this machine, such as times. They differ between runs, so no other field may
    /// contain them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
}

impl CheckOutcome {
    /// Returns an outcome without findings.
    pub fn new(status: Status, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), findings: Vec::new(), allowed: None, measured: None }
    }

    /// Returns the outcome of a check that found no problem.
    pub fn pass(detail: impl Into<String>) -> Self {
        Self::new(Status::Pass, detail)
    }

    /// Returns the outcome of a check that observed a failure.
    pub fn fail(detail: impl Into<String>) -> Self {
        Self::new(Status::Fail, detail)
    }

    /// Returns the outcome of a check that found a hazard.
    pub fn warn(detail: impl Into<String>) -> Self {
        Self::new(Status::Warn, detail)
    }

    /// Returns the outcome of a check that does not apply, or was not requested.
    pub fn skip(detail: impl Into<String>) -> Self {
        Self::new(Status::Skip, detail)
    }

    /// Returns the outcome of a check that applies, but that the tool could not perform.
    pub fn not_judged(detail: impl Into<String>) -> Self {
        Self::new(Status::NotJudged, detail)
    }

    /// Returns an outcome with the status of its highest ranked finding. Without findings it passes.
    pub fn judged(detail: impl Into<String>, findings: Vec<Finding>) -> Self {
        let status = Status::of(&findings);
        Self { findings, ..Self::new(status, detail) }
    }

    /// Adds findings with the rank of the outcome's status.
    pub fn with(mut self, findings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let rank = self.status.rank();
        self.findings.extend(findings.into_iter().map(|text| Finding::new(rank, text)));
        self
    }

    /// Adds notes, which do not change the status.
    pub fn noting(mut self, notes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.findings.extend(notes.into_iter().map(Finding::note));
        self
    }

    /// Sets the measurements of this machine, which differ between runs.
    pub fn measured(mut self, measured: impl Into<String>) -> Self {
        self.measured = Some(measured.into());
        self
    }

    /// Returns whether it is a hazard that is not allowed.
    pub fn is_hazard(&self) -> bool {
        self.status == Status::Warn && self.allowed.is_none()
    }

    /// Returns the check of this name with this outcome.
    pub fn named(self, name: impl Into<String>) -> Check {
        Check { name: name.into(), outcome: self }
    }
}

/// A check or a rule, with what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The name of the check or rule, as reports and options of the command line use it:
    /// `code-size`.
    pub name: String,
    /// What it found.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
}

impl Check {
    /// Returns a check that found no problem.
    pub fn pass(name: impl Into<String>, detail: impl Into<String>) -> Self {
        CheckOutcome::pass(detail).named(name)
    }

    /// Returns a check that observed a failure.
    pub fn fail(name: impl Into<String>, detail: impl Into<String>) -> Self {
        CheckOutcome::fail(detail).named(name)
    }

    /// Returns a check that found a hazard.
    pub fn warn(name: impl Into<String>, detail: impl Into<String>) -> Self {
        CheckOutcome::warn(detail).named(name)
    }

    /// Returns a check that does not apply, or was not requested.
    pub fn skip(name: impl Into<String>, detail: impl Into<String>) -> Self {
        CheckOutcome::skip(detail).named(name)
    }

    /// Returns a check that applies, but that the tool could not perform.
    pub fn not_judged(name: impl Into<String>, detail: impl Into<String>) -> Self {
        CheckOutcome::not_judged(detail).named(name)
    }

    /// Adds findings with the rank of the check's status.
    pub fn with(self, findings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.outcome.with(findings).named(self.name)
    }
}

impl std::ops::Deref for Check {
    type Target = CheckOutcome;

    fn deref(&self) -> &CheckOutcome {
        &self.outcome
    }
}

impl std::ops::DerefMut for Check {
    fn deref_mut(&mut self) -> &mut CheckOutcome {
        &mut self.outcome
    }
}

/// Returns the number of hazards that are not allowed.
pub fn hazards(checks: &[Check]) -> usize {
    checks.iter().filter(|check| check.is_hazard()).count()
}

impl Verdict {
    /// Returns the verdict of all checks. Allowed hazards do not count. If every check was skipped,
    /// nothing was judged.
    pub fn of(checks: &[Check]) -> Self {
        let any = |status: Status| checks.iter().any(|check| check.status == status);
        if checks.iter().all(|check| check.status == Status::Skip) {
            return Self::NotJudged;
        }
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
    fn the_highest_ranked_finding_decides_the_status() {
        let status = |ranks: &[Rank]| {
            let findings = ranks.iter().map(|rank| Finding::new(*rank, "x")).collect();
            CheckOutcome::judged("", findings).status
        };
        assert_eq!(status(&[]), Status::Pass);
        assert_eq!(status(&[Rank::Note]), Status::Pass);
        assert_eq!(status(&[Rank::Note, Rank::Hazard]), Status::Warn);
        assert_eq!(status(&[Rank::Hazard, Rank::NotJudged]), Status::NotJudged);
        assert_eq!(status(&[Rank::NotJudged, Rank::Seen, Rank::Hazard]), Status::Fail);
    }

    #[test]
    fn a_verdict_passes_only_if_everything_was_checked() {
        let (pass, skip) = (Check::pass("versions", ""), Check::skip("sessions", ""));
        let (warn, not) = (Check::warn("weights", ""), Check::not_judged("migrations", ""));
        let of = |checks: &[&Check]| Verdict::of(&checks.iter().map(|check| (*check).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&pass, &skip]), Verdict::Pass);
        assert_eq!((of(&[&skip]), of(&[])), (Verdict::NotJudged, Verdict::NotJudged));
        assert_eq!(of(&[&pass, &warn]), Verdict::PassWithHazards);
        assert_eq!(of(&[&pass, &warn, &not]), Verdict::NotJudged);
        assert_eq!(of(&[&not, &Check::fail("versions", "")]), Verdict::Fail);
        let mut answered = warn;
        answered.allowed = Some("ana knows".into());
        assert_eq!(of(&[&answered]), Verdict::Pass, "the hazard is allowed");
    }
}
