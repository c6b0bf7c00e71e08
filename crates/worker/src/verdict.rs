// SPDX-License-Identifier: Apache-2.0
use crate::Kind;
use serde::{Deserialize, Serialize};

/// What a command that judges something came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    /// A check saw something break.
    Failed,
    /// Nothing was seen to break, and something that had to be looked at could not be.
    NotJudged,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotJudged => "not_judged",
        }
    }

    /// Returns the verdict of two things of which both count: what failed stays failed, whatever else could not be judged.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::NotJudged, _) | (_, Self::NotJudged) => Self::NotJudged,
            (Self::Passed, Self::Passed) => Self::Passed,
        }
    }

    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => Kind::Check.exit_code(),
            Self::NotJudged => Kind::NotJudged.exit_code(),
        }
    }
}

impl From<bool> for Verdict {
    fn from(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_stays_failed_and_what_was_not_judged_is_no_pass() {
        use Verdict::*;
        assert_eq!(Passed.and(NotJudged), NotJudged);
        assert_eq!(NotJudged.and(Failed), Failed);
        assert_eq!(Failed.and(Passed), Failed);
        assert_eq!(Passed.and(true.into()), Passed);
        assert_eq!([Passed, Failed, NotJudged].map(Verdict::exit_code), [0, 1, 6]);
    }
}
