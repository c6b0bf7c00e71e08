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
    /// The format of the document: `cutover/list/v1`.
    #[schemars(schema_with = "format::list")]
    pub format: String,
    /// The root directory of the workspace.
    pub workspace: PathBuf,
    /// The runtimes that were found in the workspace.
    pub runtimes: Vec<ListedRuntime>,
}

/// A runtime of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedRuntime {
    /// Its name in the workspace.
    pub name: String,
    /// The cargo package of the runtime.
    pub package: String,
    /// The package's own version.
    pub package_version: String,
    /// Relative to the workspace, or the registry and the member that brings it.
    pub path: String,
    /// False for a runtime that only tests use, which `--all` lists.
    pub shipped: bool,
    /// The features that the package declares.
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
    /// The format of the document: `cutover/setup/v1`.
    #[schemars(schema_with = "format::setup")]
    pub format: String,
    /// All requirements, also those that are met.
    pub items: Vec<SetupItem>,
    /// Whether something was installed.
    pub changed: bool,
}

/// A tool that commands need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetupItem {
    /// The program or part: `git`, `wasm32v1-none`, `container engine`.
    pub name: String,
    /// Whether the tool is there.
    pub status: SetupStatus,
    /// One sentence.
    pub detail: String,
    /// What `setup` does about it. Null where there is nothing to do.
    pub action: Option<String>,
}

/// The status of a tool that commands need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetupStatus {
    /// It is there.
    Ok,
    /// It is not there, and commands need it.
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
    /// The format of the document: `cutover/builder-image/v1`.
    #[schemars(schema_with = "format::builder_image")]
    pub format: String,
    /// The image's name with its tag: `localhost/cutover-builder:1`.
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
    /// The format of the document: `cutover/init/v1`.
    #[schemars(schema_with = "format::init")]
    pub format: String,
    /// The root directory of the workspace.
    pub workspace: PathBuf,
    /// The files to create or edit. Empty if the workspace is set up already.
    pub files: Vec<InitFile>,
    /// Sentences about what `init` could not detect, or what remains to do by hand.
    pub notes: Vec<String>,
    /// Whether the files are written.
    pub applied: bool,
}

/// A file that `init` makes or changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitFile {
    /// Relative to the workspace.
    pub path: String,
    /// Whether the file is created or edited.
    pub action: InitAction,
    /// A unified diff.
    pub diff: String,
}

/// What `init` does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitAction {
    /// The file is not there yet.
    Create,
    /// The file is there, and its content changes.
    Edit,
}
