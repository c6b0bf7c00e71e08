// SPDX-License-Identifier: Apache-2.0
//! One file a question. Each gives a [`crate::Check`]; none builds on another's answer.

pub mod blocks;
pub mod equivalence;
pub mod host_functions;
pub mod idempotency;
pub mod storage_versions;
pub mod try_runtime;
pub mod versions;
