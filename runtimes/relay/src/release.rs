// SPDX-License-Identifier: Apache-2.0
//! What makes this release differ from the previous one: the version, the migrations, the state to begin with.
//!
//! The feature `previous-release` builds the previous one, from which the recorded state comes that the upgrade to this
//! release is tried on.

#[cfg(not(feature = "previous-release"))]
mod current;
#[cfg(feature = "previous-release")]
mod previous;

#[cfg(not(feature = "previous-release"))]
pub use current::*;
#[cfg(feature = "previous-release")]
pub use previous::*;
