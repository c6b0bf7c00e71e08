// SPDX-License-Identifier: Apache-2.0
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a command ended without success. The discriminants are the documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A check gave a negative verdict.
    Check = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The environment lacks something: a tool, the network, a container engine, disk space.
    Environment = 3,
    /// A file or an answer is not what it has to be.
    Input = 4,
    /// A defect of Cutover.
    Internal = 5,
    /// The tool could not look: what stands in the way is a limit of its own, and says nothing of what was asked.
    NotJudged = 6,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

/// What code, not people, tells failures apart by. A message's text decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The chain's runtime has no call that applies an authorized upgrade.
    OlderThanTheCall,
    /// Blocks of the chain cannot be authored here: its consensus, its headers or its inherents are not known.
    CannotAuthor,
    /// The code imports host functions that only the chain's own node offers.
    HostFunctions,
    /// A call into a runtime ended in a trap, and the runtime did not say that it panicked.
    Trap,
    /// A transaction was let into a block, and its call failed.
    Dispatch,
    /// A call into a runtime did not end in the time that it has.
    Timeout,
    /// A runtime's metadata is from before it had types: two such cannot be compared.
    OldMetadata,
    /// A program that was run ended with another exit status than 0.
    ProgramFailed,
    /// A document is of another version of its format.
    OtherVersion,
    /// A file is of the kind that it is taken for, and not as it was written: changed, cut short, out of order.
    Damaged,
}

pub type Result<T> = std::result::Result<T, Failure>;

/// An error as part of the interface: the thing, what was found, what was expected, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub kind: Kind,
    /// Which failure it is, where code decides on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Lower-case fragment that names the thing: `blob.wasm is not a runtime`.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do about it, a command where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), found: None, expected: None, hint: None }
    }

    pub fn check(message: impl Into<String>) -> Self {
        Self::new(Kind::Check, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Kind::Environment, message)
    }

    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    pub fn not_judged(message: impl Into<String>) -> Self {
        Self::new(Kind::NotJudged, message)
    }

    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    pub fn is(&self, code: Code) -> bool {
        self.code == Some(code)
    }

    /// Whether it is an answer about what was asked, and not an error of the run.
    pub fn is_verdict(&self) -> bool {
        matches!(self.kind, Kind::Check | Kind::NotJudged)
    }

    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A failed file operation, sorted by whose fault it is: a full disk or missing rights are the environment's, a
    /// missing file is the input's.
    pub fn io(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::*;
        let failure = match error.kind() {
            NotFound | IsADirectory | NotADirectory | InvalidInput | InvalidData => {
                Self::input(format!("cannot {action} {}", path.display()))
            }
            _ => Self::environment(format!("cannot {action} {}", path.display())),
        };
        let failure = failure.found(error.to_string());
        match error.kind() {
            StorageFull | QuotaExceeded => failure.hint("free some disk space and run the command again"),
            _ => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(formatter, ": found {found}")?;
        }
        if let Some(expected) = &self.expected {
            write!(formatter, ", expected {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
