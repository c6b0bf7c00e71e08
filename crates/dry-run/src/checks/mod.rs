// SPDX-License-Identifier: Apache-2.0
//! The checks, one file each. No check builds on another's outcome.
//!
//! The function `run` of each module answers the question of its row in the table, `crates/protocol/src/checks.rs`.

pub mod async_backing;
pub mod authorised;
pub mod authorities;
pub mod block_limits;
pub mod both_sides_agree;
pub mod boundaries;
pub mod code_backed;
pub mod code_size;
pub mod consensus;
pub mod enactment;
pub mod equivalence;
pub mod go_ahead;
pub mod healthy_blocks;
pub mod host_functions;
pub mod idempotency;
pub mod kept_fields;
pub mod leftovers;
pub mod message_delivery;
pub mod message_queues;
pub mod messages_before_and_after;
pub mod metadata_hash;
pub mod migration_failure;
pub mod migrations;
pub mod next_upgrade;
pub mod node_demands;
pub mod pre_post_hooks;
pub mod promoted;
pub mod pvf_votes;
pub mod queues;
pub mod relay_move;
pub mod runtime_apis;
pub mod sessions;
pub mod storage_layout;
pub mod storage_versions;
pub mod ten_heads;
pub mod transaction_signing;
pub mod try_state;
pub mod upgrade_orders;
pub mod validator_execution;
pub mod validator_preparation;
pub mod versions;
pub mod weights;
