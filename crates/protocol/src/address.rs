// SPDX-License-Identifier: Apache-2.0
use std::fmt;

/// Why a text is no address of a node, or no source. It shows nothing of the text that may be a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    pub message: String,
    pub found: Option<String>,
    pub expected: &'static str,
}

impl fmt::Display for AddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(formatter, ": found {found}")?;
        }
        write!(formatter, ", expected {}", self.expected)
    }
}

impl std::error::Error for AddressError {}
