// SPDX-License-Identifier: Apache-2.0
//! Weights of `pallet_attestations`.
//!
//! Estimates made by hand from the storage that each call touches; to be regenerated with `cargo xtask weights`.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight, constants::RocksDbWeight},
};

/// What the calls, and one step of the multi-block migration, may take at most.
pub trait WeightInfo {
    fn attest() -> Weight;
    fn withdraw() -> Weight;
    fn set_policy() -> Weight;
    fn migrate_record() -> Weight;
}

/// On the database that the runtime says it has.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    fn attest() -> Weight {
        estimate(T::DbWeight::get(), 46_000_000, 3_812, 3, 3)
    }

    fn withdraw() -> Weight {
        estimate(T::DbWeight::get(), 49_000_000, 3_812, 3, 3)
    }

    fn set_policy() -> Weight {
        estimate(T::DbWeight::get(), 9_000_000, 1_493, 0, 1)
    }

    fn migrate_record() -> Weight {
        estimate(T::DbWeight::get(), 28_000_000, 3_666, 2, 2)
    }
}

/// On RocksDB; for tests.
impl WeightInfo for () {
    fn attest() -> Weight {
        estimate(RocksDbWeight::get(), 46_000_000, 3_812, 3, 3)
    }

    fn withdraw() -> Weight {
        estimate(RocksDbWeight::get(), 49_000_000, 3_812, 3, 3)
    }

    fn set_policy() -> Weight {
        estimate(RocksDbWeight::get(), 9_000_000, 1_493, 0, 1)
    }

    fn migrate_record() -> Weight {
        estimate(RocksDbWeight::get(), 28_000_000, 3_666, 2, 2)
    }
}

fn estimate(db: RuntimeDbWeight, ref_time: u64, proof_size: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(ref_time, proof_size).saturating_add(db.reads_writes(reads, writes))
}
