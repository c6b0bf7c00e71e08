// SPDX-License-Identifier: Apache-2.0
//! Measures the time to read and write an entry of a state, as `frame-benchmarking-cli` 64.0.0 does
//! for the import of blocks (`src/storage/read.rs`, `src/storage/write.rs`). All keys are read in a
//! random order, with one recorder for each batch. Batches of random values are written with their
//! trie nodes, and reverted.

use crate::{machine, state};
use ::state::State;
use protocol::{
    Source,
    benchmark::{DatabaseRequest, DatabaseSummary},
    format::RAW_DATABASE,
    weights::constants::{Access, Database, DatabaseSettings, StateFacts},
};
use source::ReadSource;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::Backend as _;
use sp_trie::recorder::Recorder;
use state::StateDatabase;
use std::time::Instant;
use weights::constants;
use worker::{Failure, Reporter, Result};

/// The minimum number of batches. Fewer batches do not show how much they differ.
const MIN_BATCHES: u32 = 20;

/// Measures reads and writes on a state, and writes the raw results.
pub fn database(request: &DatabaseRequest, reporter: &Reporter) -> Result<DatabaseSummary> {
    let mut settings = request.settings.clone();
    if settings.batch == 0 || settings.keys == 0 {
        return Err(
            Failure::usage("`keys` or `batch` is 0").expected("at least one key, and at least one key in a batch")
        );
    }
    reporter.status("reading the state");
    let state = request.state.parse::<Source>()?.state()?;
    let keys = choose_keys(&state, settings.keys as usize, settings.seed);
    if keys.is_empty() {
        return Err(
            Failure::input(format!("{} has no entries to read", request.state)).expected("entries other than the code")
        );
    }
    // A small state is split into smaller batches, so that there are enough of them.
    settings.batch = settings.batch.min(u32::try_from(keys.len()).unwrap_or(u32::MAX).div_ceil(MIN_BATCHES));
    let settings = settings;
    let machine = machine::measure(&request.machine, reporter)?;
    reporter.status("writing the state to a database");
    let stored = StateDatabase::new(&state, &request.machine.directory)?;

    let benchmark = DatabaseBenchmark { stored: &stored, keys: &keys, settings: &settings };
    for round in 0..settings.warmup {
        reporter.status(format!("reading all keys, warm-up {} of {}", round + 1, settings.warmup));
        benchmark.read()?;
    }
    reporter.status(format!("reading {} keys", keys.len()));
    let read = benchmark.read()?;
    reporter.status(format!("writing {} keys", keys.len()));
    let write = benchmark.write(reporter)?;

    let results = Database {
        format: RAW_DATABASE.into(),
        database: state::NAME.into(),
        state: StateFacts {
            chain: state.chain.clone().or_else(|| state.spec_name.clone()),
            block: state.block.map(|block| block.number),
            root: hex::encode_prefixed(stored.root().as_bytes()),
            entries: state.top.len() as u64,
            state_version: state.state_version,
        },
        settings,
        machine: machine.clone(),
        read,
        write,
    };
    std::fs::create_dir_all(&request.out).map_err(|error| Failure::io("create", &request.out, &error))?;
    let path = request.out.join("database.json");
    constants::write(&results, &path)?;
    let median =
        |accesses: &[Access]| constants::stats(&accesses.iter().map(|one| one.time).collect::<Vec<_>>()).median;
    Ok(DatabaseSummary {
        reads: results.read.len(),
        writes: results.write.len(),
        read_time: median(&results.read),
        write_time: median(&results.write),
        state: results.state,
        machine,
        path,
    })
}

/// Chooses at most `most` keys, and returns them with the length of their values. The choice and
/// the order depend only on the seed. The code is left out, because extrinsics do not read it.
fn choose_keys(state: &State, most: usize, seed: u64) -> Vec<(Vec<u8>, usize)> {
    let mut keys: Vec<_> = state
        .top
        .iter()
        .filter(|(key, _)| key != ::state::CODE)
        .map(|(key, value)| (key.clone(), value.len()))
        .collect();
    let mut random = SplitMix64(seed);
    // Fisher-Yates shuffle.
    for last in (1..keys.len()).rev() {
        keys.swap(last, random.below(last + 1));
    }
    keys.truncate(most);
    keys
}

/// The measurement of a database.
struct DatabaseBenchmark<'a> {
    stored: &'a StateDatabase,
    keys: &'a [(Vec<u8>, usize)],
    settings: &'a DatabaseSettings,
}

impl DatabaseBenchmark<'_> {
    fn recorder(&self) -> Option<Recorder<BlakeTwo256>> {
        self.settings.record_proof.then(Recorder::default)
    }

    /// Reads all keys, and returns the time of each read.
    fn read(&self) -> Result<Vec<Access>> {
        let mut accesses = Vec::with_capacity(self.keys.len());
        for batch in self.keys.chunks(self.settings.batch as usize) {
            let backend = self.stored.backend(self.recorder());
            for (key, _) in batch {
                let began = Instant::now();
                let value = backend.storage(key);
                let time = nanoseconds(began);
                let value = value.ok().flatten().ok_or_else(|| missing_entry(key))?;
                accesses.push(Access { size: value.len() as u32, time });
            }
        }
        Ok(accesses)
    }

    /// Writes all keys in batches, and returns the time per key of each batch. Only full batches
    /// are written, because the cost of the trie would be divided among fewer keys in a smaller
    /// one.
    fn write(&self, reporter: &Reporter) -> Result<Vec<Access>> {
        let batch = self.settings.batch as usize;
        let mut random = SplitMix64(self.settings.seed ^ 0x5851_f42d_4c95_7f2d);
        let mut accesses = Vec::new();
        let total = (self.keys.len() / batch) as u64;
        for keys in self.keys.chunks_exact(batch) {
            let values: Vec<_> = keys.iter().map(|(key, length)| (key.as_slice(), random.bytes(*length))).collect();
            let backend = self.stored.backend(self.recorder());
            let began = Instant::now();
            let delta = values.iter().map(|(key, value)| (*key, Some(value.as_slice())));
            let (_, transaction) = backend.storage_root(delta, self.stored.version());
            self.stored.write(transaction.clone())?;
            let time = nanoseconds(began) / batch as u64;
            self.stored.revert(transaction)?;
            let size = values.iter().map(|(_, value)| value.len()).sum::<usize>() / batch;
            accesses.push(Access { size: size as u32, time });
            reporter.progress("batches", accesses.len() as u64, Some(total), "batches");
        }
        Ok(accesses)
    }
}

fn nanoseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn missing_entry(key: &[u8]) -> Failure {
    Failure::internal("an entry of the state is not in the database").found(hex::encode_prefixed(key))
}

/// The SplitMix64 random number generator. The same seed gives the same numbers on every platform.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn state(entries: u32) -> State {
        let top = (0..entries).map(|at| (sp_crypto_hashing::blake2_256(&at.to_le_bytes()).to_vec(), vec![1; 40]));
        let mut top: Vec<_> = top.collect();
        top.push((::state::CODE.to_vec(), vec![0; 100]));
        top.sort();
        State { chain: Some("here".into()), ..State::of_entries(1, top, Vec::new()) }
    }

    #[test]
    fn keys_are_chosen_by_the_seed_and_the_code_is_left_out() {
        let state = state(50);
        let all = choose_keys(&state, 1000, 1);
        assert_eq!(all.len(), 50);
        let different: HashSet<_> = all.iter().map(|(key, _)| key).collect();
        assert_eq!(different.len(), 50);
        assert_eq!(choose_keys(&state, 10, 1), all[..10]);
        assert_ne!(choose_keys(&state, 10, 2), all[..10]);
    }

    #[test]
    fn every_key_is_read_and_whole_batches_are_written_and_undone() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = state(25);
        let stored = StateDatabase::new(&state, directory.path()).expect("stored");
        let keys = choose_keys(&state, 1000, 0);
        let settings = DatabaseSettings { warmup: 0, keys: 1000, seed: 0, batch: 10, record_proof: true };
        let benchmark = DatabaseBenchmark { stored: &stored, keys: &keys, settings: &settings };
        let before = benchmark.read().expect("read");
        assert_eq!((before.len(), before[0].size), (25, 40));
        let written = benchmark.write(&Reporter::silent()).expect("written");
        assert_eq!((written.len(), written[0].size), (2, 40));
        assert!(before.iter().chain(&written).all(|access| access.time > 0));
        // The state is unchanged.
        assert_eq!(benchmark.read().expect("read again").len(), 25);
    }
}
