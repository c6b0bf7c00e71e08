// SPDX-License-Identifier: Apache-2.0
//! The byte-by-byte comparison of two blobs that should be equal, with the causes of differences.

use crate::{Pace, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts about a build beside its blob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildFacts {
    #[serde(default)]
    pub rustc: Option<String>,
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub features: Option<Vec<String>>,
    #[serde(default)]
    pub commit: Option<String>,
    #[serde(default)]
    pub lock_file: Option<String>,
    #[serde(default)]
    pub image: Option<String>,
}

/// The byte-by-byte comparison of two blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobDifference {
    #[schemars(schema_with = "format::blob_difference")]
    pub format: String,
    pub old: BlobSide,
    pub new: BlobSide,
    /// Whether the deployed bytes are equal.
    pub same: bool,
    /// Whether the decompressed Wasm is equal.
    pub same_wasm: bool,
    pub first_difference: Option<FirstDifference>,
    pub sections: Vec<SectionDifference>,
    pub functions: FunctionDifference,
    pub data: Vec<SegmentDifference>,
    pub imports: ListDifference,
    pub exports: ListDifference,
    pub paths: ListDifference,
    pub producers: ListDifference,
    pub target_features: ListDifference,
    /// The causes, the most probable first.
    pub causes: Vec<Cause>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobSide {
    pub name: String,
    pub size: usize,
    pub size_decompressed: usize,
    pub compressed: bool,
    pub blake2_256: String,
    /// The hash of the decompressed Wasm.
    pub wasm_blake2_256: String,
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    pub names: bool,
    /// The durations in its constants. Empty for a blob without metadata.
    pub pace: Vec<Pace>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstDifference {
    pub offset: usize,
    pub old: String,
    pub new: String,
    pub old_bytes: String,
    pub new_bytes: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SectionDifference {
    pub name: String,
    pub same: bool,
    pub old_size: Option<usize>,
    pub new_size: Option<usize>,
}

/// The differences of functions. They are matched by their bytes, then by the kinds of their
/// instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionDifference {
    pub old: usize,
    pub new: usize,
    /// The number of functions with the same bytes, at any position.
    pub identical: usize,
    /// The number of functions with the same instructions but other indices or addresses.
    pub same_shape: usize,
    /// Whether the matching functions have the same order in both.
    pub same_order: bool,
    pub only_old_count: usize,
    pub only_new_count: usize,
    pub only_old_bytes: usize,
    pub only_new_bytes: usize,
    pub only_old: Vec<String>,
    pub only_new: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentDifference {
    pub index: usize,
    pub old_size: Option<usize>,
    pub new_size: Option<usize>,
    /// The offset within the segment.
    pub first_difference: Option<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListDifference {
    pub same: bool,
    pub only_old: Vec<String>,
    pub only_new: Vec<String>,
}

/// A cause of the differences, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    pub cause: String,
    pub certainty: Certainty,
    pub evidence: Vec<String>,
}

/// The certainty of a cause, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    Certain,
    Likely,
    Possible,
}

impl Certainty {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}
