// SPDX-License-Identifier: Apache-2.0
//! A blob, built again from source and compared with the one that somebody shows.

use crate::{Verdict, bytes::BlobDifference, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `verify build` tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyBuildReport {
    /// The format of the document: `cutover/verify-build/v1`.
    #[schemars(schema_with = "format::verify_build")]
    pub format: String,
    /// The build and its result.
    #[serde(flatten)]
    pub rebuilt: Rebuilt,
    /// The verdict. It is a pass if the hashes are equal.
    pub verdict: Verdict,
}

/// A blob that was built again, compared with the given one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rebuilt {
    /// The cargo package that was built.
    pub package: String,
    /// The engine that built it: `host`, `docker`, `podman` or `srtool`.
    pub engine: String,
    /// Whether symbols contain cargo's own hashes for a workspace at `/build`, as with srtool.
    pub plain: bool,
    /// Of the container image. Null where it was built without one.
    pub image_digest: Option<String>,
    /// The commit that was built. Null where the source is in no git repository.
    pub commit: Option<String>,
    /// Whether the source had changes that are in no commit. Null where it was taken out of git.
    pub dirty: Option<bool>,
    /// The cargo profile of the build, such as `production`.
    pub profile: String,
    /// The cargo features that the build selected. Default features are not listed.
    pub features: Vec<String>,
    /// The compiler's version line.
    pub rustc: Option<String>,
    /// The blake2-256 of the blob that was shown.
    pub expected: String,
    /// The blake2-256 of the one that was built.
    pub rebuilt: String,
    /// Whether the two hashes are equal.
    pub same: bool,
    /// In what they differ, where they do and the other blob is at hand.
    pub difference: Option<BlobDifference>,
}
