// SPDX-License-Identifier: Apache-2.0
//! One file a question. Each gives a [`crate::Check`]; none builds on another's answer.

pub mod async_backing;
pub mod authorities;
pub mod blocks;
pub mod consensus;
pub mod equivalence;
pub mod host_functions;
pub mod idempotency;
pub mod kept_fields;
pub mod leftovers;
pub mod message_delivery;
pub mod message_queues;
pub mod metadata_hash;
pub mod migration_failure;
pub mod next_upgrade;
pub mod node_demands;
pub mod preparation;
pub mod runtime_apis;
pub mod sessions;
pub mod signing;
pub mod storage_layout;
pub mod storage_versions;
pub mod try_runtime;
pub mod validator_execution;
pub mod versions;
pub mod weights;

/// Why nothing is said of the migrated state, where there is none. The migrations need not be at fault: it may be that no block of
/// the chain can be authored here.
pub const UNREACHED: &str = "it is asked of the state after the migrations, and `migrations` says why there is none";
