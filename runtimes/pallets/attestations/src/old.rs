// SPDX-License-Identifier: Apache-2.0
//! What the previous release stored: read by the migrations, written by the `previous-release` build.

use codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// One rebuilder's statement that a commit gives a code. Only SHA-1 commits, and no way to say that it does not.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Record<Balance> {
    pub commit: [u8; 20],
    pub deposit: Balance,
}

/// The policy before it had a validity period.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Policy {
    pub threshold: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { threshold: 1 }
    }
}
