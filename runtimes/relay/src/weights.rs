// SPDX-License-Identifier: Apache-2.0
//! What the calls of the parachains' pallets cost: by estimate, for nothing is measured here.
//!
//! Their crates have weights for tests alone: almost nothing, or more than a block holds.

use frame_support::weights::{Weight, constants::RocksDbWeight};
use polkadot_runtime_common::paras_registrar;
use polkadot_runtime_parachains::{
    configuration, coretime, disputes, hrmp, inclusion, initializer, on_demand, paras, paras_inherent,
};

/// Each call by the items that it reads and writes, and by the bytes that it hashes.
pub struct Estimate;

fn items(count: u32) -> Weight {
    let count = u64::from(count);
    RocksDbWeight::get().reads_writes(count, count).saturating_add(Weight::from_parts(50_000_000, 0))
}

/// Two nanoseconds a byte, more than a hash and the copies take.
fn bytes(count: u32) -> Weight {
    Weight::from_parts(u64::from(count).saturating_mul(2_000), 0)
}

/// A signature to verify, for each.
fn signatures(count: u32) -> Weight {
    Weight::from_parts(u64::from(count).saturating_mul(60_000_000), 0)
}

macro_rules! estimates {
    ($($of:path { $($call:ident($($count:ident),*): $weight:expr;)* })*) => {
        $(impl $of for Estimate {
            $(fn $call($($count: u32),*) -> Weight { $weight })*
        })*
    };
}

estimates! {
    configuration::WeightInfo {
        set_config_with_block_number(): items(4);
        set_config_with_u32(): items(4);
        set_config_with_option_u32(): items(4);
        set_config_with_balance(): items(4);
        set_hrmp_open_request_ttl(): items(4);
        set_config_with_executor_params(): items(4);
        set_config_with_perbill(): items(4);
        set_node_feature(): items(4);
        set_config_with_scheduler_params(): items(4);
    }
    coretime::WeightInfo {
        request_core_count(): items(4);
        request_revenue_at(): items(10);
        credit_account(): items(2);
        assign_core(parts): items(parts.saturating_add(4));
        queue_on_demand_batch(orders): items(orders.saturating_add(4));
    }
    disputes::WeightInfo {
        force_unfreeze(): items(1);
    }
    hrmp::WeightInfo {
        hrmp_init_open_channel(): items(10);
        hrmp_accept_open_channel(): items(8);
        hrmp_close_channel(): items(8);
        force_clean_hrmp(ingress, egress): items(ingress.saturating_add(egress).saturating_mul(6).saturating_add(4));
        force_process_hrmp_open(requests): items(requests.saturating_mul(10).saturating_add(4));
        force_process_hrmp_close(requests): items(requests.saturating_mul(8).saturating_add(4));
        hrmp_cancel_open_request(requests): items(requests.saturating_add(4));
        clean_open_channel_requests(requests): items(requests.saturating_mul(4).saturating_add(4));
        force_open_hrmp_channel(requests): items(requests.saturating_add(16));
        establish_system_channel(): items(16);
        poke_channel_deposits(): items(4);
        establish_channel_with_system(): items(32);
    }
    inclusion::WeightInfo {
        enact_candidate(upward, horizontal, code): items(
            upward.saturating_add(horizontal).saturating_mul(2).saturating_add(code.saturating_mul(10)).saturating_add(10)
        );
    }
    initializer::WeightInfo {
        force_approve(logs): items(logs.saturating_add(1));
    }
    on_demand::WeightInfo {
        place_order_allow_death(): items(6);
        place_order_keep_alive(): items(6);
        place_order_with_credits(): items(6);
    }
    paras::WeightInfo {
        force_set_current_code(code): items(12).saturating_add(bytes(code));
        force_set_current_head(head): items(2).saturating_add(bytes(head));
        force_set_most_recent_context(): items(1);
        force_schedule_code_upgrade(code): items(16).saturating_add(bytes(code));
        force_note_new_head(head): items(8).saturating_add(bytes(head));
        force_queue_action(): items(2);
        add_trusted_validation_code(code): items(8).saturating_add(bytes(code));
        poke_unused_validation_code(): items(2);
        remove_upgrade_cooldown(): items(4);
        include_pvf_check_statement_finalize_upgrade_accept(): items(200).saturating_add(signatures(1));
        include_pvf_check_statement_finalize_upgrade_reject(): items(200).saturating_add(signatures(1));
        include_pvf_check_statement_finalize_onboarding_accept(): items(200).saturating_add(signatures(1));
        include_pvf_check_statement_finalize_onboarding_reject(): items(200).saturating_add(signatures(1));
        include_pvf_check_statement(): items(3).saturating_add(signatures(1));
        authorize_force_set_current_code_hash(): items(2);
        apply_authorized_force_set_current_code(code): items(14).saturating_add(bytes(code));
    }
    paras_inherent::WeightInfo {
        enter_empty(): items(20);
        enter_variable_disputes(votes): items(30).saturating_add(signatures(votes));
        enter_bitfields(): items(24).saturating_add(signatures(1));
        enter_backed_candidates_variable(votes): items(40).saturating_add(signatures(votes));
        enter_backed_candidate_code_upgrade(): items(60).saturating_add(signatures(5)).saturating_add(bytes(3 << 20));
    }
    paras_registrar::WeightInfo {
        reserve(): items(3);
        register(): items(12).saturating_add(bytes(3 << 20));
        force_register(): items(12).saturating_add(bytes(3 << 20));
        deregister(): items(6);
        swap(): items(10);
        schedule_code_upgrade(code): items(16).saturating_add(bytes(code));
        set_current_head(head): items(2).saturating_add(bytes(head));
    }
}
