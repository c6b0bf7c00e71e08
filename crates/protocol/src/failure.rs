// SPDX-License-Identifier: Apache-2.0
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a failure. The discriminants are the documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A check gave a negative verdict.
    Check = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The environment lacks something: a tool, the network, a container engine, disk space.
    Environment = 3,
    /// A file or a response is invalid.
    Input = 4,
    /// A defect of Cutover.
    Internal = 5,
    /// The tool could not perform the check, because of a limitation of its own.
    NotJudged = 6,
}

impl Kind {
    /// Returns the exit code of the command.
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

/// Identifies a failure for code. No decision depends on the text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The chain's runtime has no call that applies an authorized upgrade.
    OlderThanTheCall,
    /// Cutover cannot author blocks of the chain: its consensus, headers or inherents are unknown.
    CannotAuthor,
    /// The code imports host functions that only the chain's own node provides.
    HostFunctions,
    /// A call into a runtime ended with a trap, without a panic message of the runtime.
    Trap,
    /// A transaction was included in a block, and its call failed.
    Dispatch,
    /// A call into a runtime exceeded its time limit.
    Timeout,
    /// A runtime's metadata has no types (before version 14), so that it cannot be compared.
    OldMetadata,
    /// A program exited with a status other than 0.
    ProgramFailed,
    /// A node does not know a block by its hash.
    UnknownBlock,
    /// A document has another version of its format.
    OtherVersion,
    /// A file has the expected format but is corrupt: modified, truncated or out of order.
    Damaged,
}

/// A result with a [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

/// An error: the subject, what was found, what was expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The kind, which decides the exit code of the command.
    pub kind: Kind,
    /// The identifier of the failure, if code depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// A lower-case fragment that names the subject: `blob.wasm is not a runtime`.
    pub message: String,
    /// What was found instead of what was expected, such as the message of an error. Absent if the
    /// message says all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What would be valid. Absent if the message says all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do, as a command if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a command prints under `--json` that ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureDocument {
    /// The failure that ended the command.
    pub error: Failure,
}

impl Failure {
    /// Returns a failure of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), found: None, expected: None, hint: None }
    }

    /// Returns a negative verdict.
    pub fn check(message: impl Into<String>) -> Self {
        Self::new(Kind::Check, message)
    }

    /// Returns an error of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Returns an error of the environment.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Kind::Environment, message)
    }

    /// Returns an error of a file or a response.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// Returns a defect of Cutover.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Returns a failure of a check that could not be performed.
    pub fn not_judged(message: impl Into<String>) -> Self {
        Self::new(Kind::NotJudged, message)
    }

    /// Sets the identifier.
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Returns whether the failure has this identifier.
    pub fn is(&self, code: Code) -> bool {
        self.code == Some(code)
    }

    /// Returns whether it is a verdict about the subject, and not an error of the run.
    pub fn is_verdict(&self) -> bool {
        matches!(self.kind, Kind::Check | Kind::NotJudged)
    }

    /// Sets what was found.
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Sets what was expected.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Sets what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the failure of a file operation. A missing file is of the kind [`Kind::Input`]; a
    /// full disk or missing permissions are of the kind [`Kind::Environment`].
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

    /// Returns the failure of an operation on a file of Cutover's own, such as a log or what is in
    /// the cache. No input names it, so the environment is at fault whatever the error is.
    pub fn own_io(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self { kind: Kind::Environment, ..Self::io(action, path, error) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_cutovers_own_is_a_fault_of_the_environment() {
        use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
        let path = std::path::Path::new("target/log");
        for kind in [NotFound, IsADirectory, NotADirectory, PermissionDenied] {
            assert_eq!(Failure::own_io("write the log", path, &kind.into()).kind, Kind::Environment);
        }
        assert_eq!(Failure::io("read", path, &NotFound.into()).kind, Kind::Input);
    }
}
