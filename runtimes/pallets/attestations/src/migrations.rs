// SPDX-License-Identifier: Apache-2.0
//! From the previous release (storage version 0) to this one (2).
//!
//! The policy is one value and changes in the block of the upgrade; the attestations are many and move over as many
//! blocks as it takes. A runtime lists [`policy::AddValidity`] among its single-block migrations and
//! [`records::MoveRecords`] among its multi-block ones, which run after them.

pub mod policy;
pub mod records;
