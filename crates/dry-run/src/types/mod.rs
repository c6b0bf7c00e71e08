// SPDX-License-Identifier: Apache-2.0
//! Types as a runtime's metadata describes them: told in one form whatever the metadata's version, compared between two
//! runtimes, and used to read values. Nothing here knows of a chain or of the dry run.

pub mod compare;
pub mod interface;
pub mod read;

pub use compare::{Differences, compare};
pub use interface::Interface;
