// SPDX-License-Identifier: Apache-2.0
//! What the calls cost, measured by `cargo xtask weights run` on the machine that each file names.

pub mod cumulus_pallet_parachain_system;
pub mod cumulus_pallet_weight_reclaim;
pub mod cumulus_pallet_xcmp_queue;
pub mod frame_system;
pub mod pallet_attestations;
pub mod pallet_balances;
pub mod pallet_message_queue;
pub mod pallet_migrations;
pub mod pallet_session;
pub mod pallet_sudo;
pub mod pallet_timestamp;
pub mod pallet_transaction_payment;
pub mod pallet_utility;
pub mod pallet_xcm;
