// SPDX-License-Identifier: Apache-2.0
//! What the calls cost, measured by `cargo xtask weights run` on the machine that each file names.

pub mod frame_system;
pub mod pallet_attestations;
pub mod pallet_balances;
pub mod pallet_conviction_voting;
pub mod pallet_migrations;
pub mod pallet_multisig;
pub mod pallet_preimage;
pub mod pallet_proxy;
pub mod pallet_referenda;
pub mod pallet_scheduler;
pub mod pallet_sudo;
pub mod pallet_timestamp;
pub mod pallet_transaction_payment;
pub mod pallet_utility;
pub mod pallet_whitelist;
