// SPDX-License-Identifier: Apache-2.0
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The verdict of a document: of a command, a step or a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No failure was observed.
    Pass,
    /// No failure was observed, but a person must judge a hazard.
    PassWithHazards,
    /// A failure was observed.
    Fail,
    /// No failure was observed, but an applicable check could not be performed.
    #[default]
    NotJudged,
    /// The step was not requested, or does not apply.
    Skip,
}

impl Verdict {
    /// Returns the name in documents: `pass_with_hazards`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassWithHazards => "pass_with_hazards",
            Self::Fail => "fail",
            Self::NotJudged => "not_judged",
            Self::Skip => "skip",
        }
    }

    /// Returns whether the verdict is positive: all applicable checks were performed, without a
    /// failure.
    pub fn passed(self) -> bool {
        matches!(self, Self::Pass | Self::PassWithHazards)
    }

    /// Returns the more severe of two verdicts. A failure is more severe than a check that could
    /// not be performed.
    pub fn and(self, other: Self) -> Self {
        let most_severe = [Self::Fail, Self::NotJudged, Self::PassWithHazards, Self::Pass];
        most_severe.into_iter().find(|verdict| [self, other].contains(verdict)).unwrap_or(Self::Skip)
    }
}

/// Writes the name for people: `pass with hazards`.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.name().replace('_', " "))
    }
}

impl From<bool> for Verdict {
    fn from(passed: bool) -> Self {
        if passed { Self::Pass } else { Self::Fail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_severe_verdict_counts() {
        use Verdict::*;
        assert_eq!(Pass.and(NotJudged), NotJudged);
        assert_eq!(NotJudged.and(Fail), Fail);
        assert_eq!(Fail.and(Pass), Fail);
        assert_eq!(Pass.and(true.into()), Pass);
        assert_eq!((Pass.and(PassWithHazards), Skip.and(Pass)), (PassWithHazards, Pass));
    }

    #[test]
    fn names_are_those_of_documents() {
        use Verdict::*;
        for verdict in [Pass, PassWithHazards, Fail, NotJudged, Skip] {
            assert_eq!(serde_json::json!(verdict), verdict.name());
        }
    }
}
