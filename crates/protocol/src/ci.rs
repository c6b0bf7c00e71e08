// SPDX-License-Identifier: Apache-2.0
//! What the commands of `ci` print.

use crate::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The comment of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    #[schemars(schema_with = "format::comment")]
    pub format: String,
    /// Markdown.
    pub body: String,
    /// In bytes.
    pub size: usize,
}

/// The comment of a pull request that was written into a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommentFile {
    #[schemars(schema_with = "format::comment")]
    pub format: String,
    /// The file.
    pub comment: PathBuf,
    /// In bytes.
    pub size: usize,
}
