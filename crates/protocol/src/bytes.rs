// SPDX-License-Identifier: Apache-2.0
//! The byte-by-byte comparison of two blobs that should be equal, with the causes of differences.

use crate::{Pace, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts about a build beside its blob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildFacts {
    /// The version of the compiler, as `rustc --version` prints it. Only its first three words are
    /// compared.
    #[serde(default)]
    pub rustc: Option<String>,
    /// The Cargo profile.
    #[serde(default)]
    pub profile: Option<String>,
    /// The Cargo features, in any order.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// The git commit of the source.
    #[serde(default)]
    pub commit: Option<String>,
    /// The digest of `Cargo.lock`.
    #[serde(default)]
    pub lock_file: Option<String>,
    /// The container image that the runtime was built in.
    #[serde(default)]
    pub image: Option<String>,
}

/// The byte-by-byte comparison of two blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobDifference {
    /// The format of the document: `cutover/blob-difference/v1`.
    #[schemars(schema_with = "format::blob_difference")]
    pub format: String,
    /// The facts of the first blob.
    pub old: BlobSide,
    /// The facts of the second blob.
    pub new: BlobSide,
    /// Whether the deployed bytes are equal.
    pub same: bool,
    /// Whether the decompressed Wasm is equal.
    pub same_wasm: bool,
    /// The first byte of the decompressed Wasm that differs. Null if the Wasm is equal.
    pub first_difference: Option<FirstDifference>,
    /// The sections of both modules, those of the old one first.
    pub sections: Vec<SectionDifference>,
    /// The differences of the functions that the modules define.
    pub functions: FunctionDifference,
    /// The data segments that differ. At most 20 are listed.
    pub data: Vec<SegmentDifference>,
    /// The differences of the imports, each as `MODULE.NAME`.
    pub imports: ListDifference,
    /// The differences of the names of the exports.
    pub exports: ListDifference,
    /// The differences of the source paths, which are found in the data of panic messages.
    pub paths: ListDifference,
    /// The differences of the section `producers`, each entry as `FIELD NAME VERSION`.
    pub producers: ListDifference,
    /// The differences of the Wasm features in the section `target_features`.
    pub target_features: ListDifference,
    /// The causes, the most certain first. Empty if the deployed bytes are equal.
    pub causes: Vec<Cause>,
}

/// The facts of one of two compared blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobSide {
    /// The source of the blob, as the user named it.
    pub name: String,
    /// The size of the deployed bytes, in bytes.
    pub size: usize,
    /// The size of the decompressed Wasm, in bytes.
    pub size_decompressed: usize,
    /// Whether the deployed bytes are compressed.
    pub compressed: bool,
    /// The BLAKE2-256 hash of the deployed bytes: `0x` and hex digits.
    pub blake2_256: String,
    /// The BLAKE2-256 hash of the decompressed Wasm: `0x` and hex digits.
    pub wasm_blake2_256: String,
    /// The name in the section `runtime_version`. Null without the section.
    pub spec_name: Option<String>,
    /// The version in the section `runtime_version`. Null without the section.
    pub spec_version: Option<u32>,
    /// Whether the module has a section with the names of its functions.
    pub names: bool,
    /// The durations in its constants. Empty for a blob without metadata.
    pub pace: Vec<Pace>,
}

/// The first byte of the decompressed Wasm that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstDifference {
    /// The offset in bytes. If one module is the start of the other, it is the size of the shorter
    /// one.
    pub offset: usize,
    /// The location in the old module, such as `code, function 2 NAME` or `data, segment 3`.
    pub old: String,
    /// The location in the new module, in the same form.
    pub new: String,
    /// Up to 16 bytes of the old module from the offset on: `0x` and hex digits.
    pub old_bytes: String,
    /// Up to 16 bytes of the new module from the offset on: `0x` and hex digits.
    pub new_bytes: String,
}

/// A section of either module, matched by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SectionDifference {
    /// The name, such as `code`, `data` or `custom NAME`.
    pub name: String,
    /// Whether the bytes of the section are equal.
    pub same: bool,
    /// The size in bytes. Null if the old module has no such section.
    pub old_size: Option<usize>,
    /// The size in bytes. Null if the new module has no such section.
    pub new_size: Option<usize>,
}

/// The differences of functions. They are matched by their bytes, then by the kinds of their
/// instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionDifference {
    /// The number of functions that the old module defines.
    pub old: usize,
    /// The number of functions that the new module defines.
    pub new: usize,
    /// The number of functions with the same bytes, at any position.
    pub identical: usize,
    /// The number of functions with the same instructions but other indices or addresses.
    pub same_shape: usize,
    /// Whether the matching functions have the same order in both.
    pub same_order: bool,
    /// The number of functions of the old module without a match.
    pub only_old_count: usize,
    /// The number of functions of the new module without a match.
    pub only_new_count: usize,
    /// The total size of their bodies in the old module, in bytes.
    pub only_old_bytes: usize,
    /// The total size of their bodies in the new module, in bytes.
    pub only_new_bytes: usize,
    /// The first 20 functions of the old module without a match: `function INDEX NAME`, the name
    /// only if it is known.
    pub only_old: Vec<String>,
    /// The first 20 functions of the new module without a match, in the same form.
    pub only_new: Vec<String>,
}

/// A data segment that differs, matched by its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentDifference {
    /// The position of the segment in its section, from 0.
    pub index: usize,
    /// The size in bytes. Null if the old module has no such segment.
    pub old_size: Option<usize>,
    /// The size in bytes. Null if the new module has no such segment.
    pub new_size: Option<usize>,
    /// The offset of the first differing byte within the segment. Null if only one module has the
    /// segment.
    pub first_difference: Option<usize>,
}

/// The differences of two sorted lists of text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListDifference {
    /// Whether the lists are equal.
    pub same: bool,
    /// The first 20 entries that only the old list has.
    pub only_old: Vec<String>,
    /// The first 20 entries that only the new list has.
    pub only_new: Vec<String>,
}

/// A cause of the differences, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The name of the cause, such as `another compiler` or `another lock file`.
    pub cause: String,
    /// How certain the evidence makes the cause.
    pub certainty: Certainty,
    /// The evidence, one fact in each entry.
    pub evidence: Vec<String>,
}

/// The certainty of a cause, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The evidence shows the cause directly.
    Certain,
    /// The evidence fits this cause better than others.
    Likely,
    /// The evidence does not exclude other causes.
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
