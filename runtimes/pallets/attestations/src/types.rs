// SPDX-License-Identifier: Apache-2.0
//! What is stored and passed to calls, as of storage version 2.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::TypeInfo;

/// The longest commit: SHA-256, which git repositories may use.
pub const MAX_COMMIT_LENGTH: u32 = 32;

/// The hash of a source commit.
pub type Commit = BoundedVec<u8, ConstU32<MAX_COMMIT_LENGTH>>;

/// What a rebuild gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Outcome {
    /// The same code, to the byte.
    Reproduced,
    /// Other code than was published.
    Differs,
}

/// One rebuilder's statement on one code hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Attestation<Balance, BlockNumber> {
    /// What was rebuilt.
    pub commit: Commit,
    pub outcome: Outcome,
    /// When it was published; for those of the previous release, when they were migrated.
    pub block: BlockNumber,
    /// What is held for it, which stays as it was when the constant changes.
    pub deposit: Balance,
}

/// When a code hash counts as reproduced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Policy<BlockNumber> {
    /// How many rebuilders must have reproduced it.
    pub threshold: u32,
    /// For how many blocks an attestation counts; for ever where there is none.
    pub validity: Option<BlockNumber>,
}

impl<BlockNumber> Default for Policy<BlockNumber> {
    fn default() -> Self {
        Self { threshold: 1, validity: None }
    }
}
