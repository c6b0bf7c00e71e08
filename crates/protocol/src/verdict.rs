// SPDX-License-Identifier: Apache-2.0
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a document comes to: that of a command, of a step, of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    /// Nothing was seen to break, and somebody must judge a hazard.
    PassWithHazards,
    /// Something was seen to break.
    Fail,
    /// Nothing was seen to break, and something that applies could not be looked at.
    NotJudged,
    /// A step that was not asked for, or does not apply.
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

    /// Returns whether nothing stands in the way: everything that applies was looked at, and nothing was seen to break.
    pub fn passed(self) -> bool {
        matches!(self, Self::Pass | Self::PassWithHazards)
    }

    /// Returns the verdict of two things of which both count: what failed stays failed, whatever else could not be judged.
    pub fn and(self, other: Self) -> Self {
        let gravest = [Self::Fail, Self::NotJudged, Self::PassWithHazards, Self::Pass];
        gravest.into_iter().find(|verdict| [self, other].contains(verdict)).unwrap_or(Self::Skip)
    }
}

/// As people read it: `pass with hazards`.
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
    fn what_failed_stays_failed_and_what_was_not_judged_is_no_pass() {
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
