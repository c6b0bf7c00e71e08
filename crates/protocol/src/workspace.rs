// SPDX-License-Identifier: Apache-2.0
//! What commands say of a workspace and of the machine it is on.

use crate::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// What `list` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListReport {
    #[schemars(schema_with = "format::list")]
    pub format: String,
    pub workspace: PathBuf,
    pub runtimes: Vec<ListedRuntime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedRuntime {
    /// Its name in the workspace.
    pub name: String,
    pub package: String,
    /// The package's own version.
    pub package_version: String,
    /// Relative to the workspace, or the registry and the member that brings it.
    pub path: String,
    /// False for a runtime that only tests use, which `--all` lists.
    pub shipped: bool,
    pub features: Vec<String>,
    /// Those that it is built with for a release.
    pub release_features: Vec<String>,
    /// Where its state is taken from, without what is behind a host. Null where no state is known.
    pub state: Option<String>,
    /// Its entry of `runtimes-matrix.json` as it stands there, addresses without what is behind their host. Null without one.
    pub matrix: Value,
}

/// What `setup` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetupReport {
    #[schemars(schema_with = "format::setup")]
    pub format: String,
    pub items: Vec<SetupItem>,
    /// Whether something was installed.
    pub changed: bool,
}

/// A tool that commands need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetupItem {
    pub name: String,
    pub status: SetupStatus,
    /// One sentence.
    pub detail: String,
    /// What `setup` does about it. Null where there is nothing to do.
    pub action: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetupStatus {
    Ok,
    Missing,
    /// Not there, and nothing needs it now.
    Optional,
}

impl SetupStatus {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Optional => "optional",
        }
    }
}

/// What `setup --builder-image` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuilderImageReport {
    #[schemars(schema_with = "format::builder_image")]
    pub format: String,
    pub image: String,
    /// `sha256:` and hex.
    pub digest: String,
    /// What `--image` takes.
    pub pin: String,
    /// The compiler's version line. Null where the image does not say it.
    pub rustc: Option<String>,
}

/// What `init` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitReport {
    #[schemars(schema_with = "format::init")]
    pub format: String,
    pub workspace: PathBuf,
    pub files: Vec<InitFile>,
    pub notes: Vec<String>,
    /// Whether the files are written.
    pub applied: bool,
}

/// A file that `init` makes or changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitFile {
    /// Relative to the workspace.
    pub path: String,
    pub action: InitAction,
    /// A unified diff.
    pub diff: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitAction {
    /// The file is not there yet.
    Create,
    Edit,
}
