// SPDX-License-Identifier: Apache-2.0
//! Trie nodes kept between runs, under their hashes: of all chains and all blocks in one database.
//!
//! A commit is on disk whole or not at all, whenever the process is killed, and opening takes the same time however
//! large the database is. It is a cache: what is damaged is thrown away, what is missing is fetched again.

use redb::{Builder, Database, DatabaseError, ReadableDatabase, TableDefinition};
use sp_core::H256;
use std::path::{Path, PathBuf};

const NODES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("nodes");
/// What the database may keep in memory.
const PAGE_CACHE: usize = 32 << 20;
/// A file beyond this is begun anew.
const SIZE_LIMIT: u64 = 8 << 30;

pub struct Disk {
    database: Database,
    path: PathBuf,
}

impl Disk {
    /// Opens the database in a directory. Only one process at a time may have it; the error is a sentence for people.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join("nodes.redb");
        let failed = |error: &dyn std::fmt::Display| format!("{} cannot be used: {error}", path.display());
        std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
        let create = || Builder::new().set_cache_size(PAGE_CACHE).create(&path);
        let too_large = std::fs::metadata(&path).is_ok_and(|file| file.len() > SIZE_LIMIT);
        let database = match create() {
            Ok(database) if too_large => {
                drop(database);
                renewed(&path, create)
            }
            Ok(database) => Ok(database),
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(format!("another process uses {}", path.display()));
            }
            // A disk error may pass; only what says of itself that it is broken is thrown away.
            Err(DatabaseError::Storage(redb::StorageError::Io(error)))
                if error.kind() != std::io::ErrorKind::InvalidData =>
            {
                return Err(failed(&error));
            }
            Err(_) => renewed(&path, create),
        };
        let database = database.map_err(|error| failed(&error))?;
        let disk = Self { database, path: path.clone() };
        // Makes the table, so that reading never finds it missing.
        disk.insert([])?;
        Ok(disk)
    }

    pub fn get(&self, hash: &H256) -> Option<Vec<u8>> {
        let table = self.database.begin_read().ok()?.open_table(NODES).ok()?;
        let node = table.get(&hash.0).ok()??.value().to_vec();
        // A damaged node is as good as none.
        (artifact::hashes::blake2_256(&node) == hash.0).then_some(node)
    }

    pub fn insert<'a>(&self, nodes: impl IntoIterator<Item = (&'a H256, &'a Vec<u8>)>) -> Result<(), String> {
        let failed = |error: redb::Error| format!("{} cannot be written: {error}", self.path.display());
        let mut transaction = self.database.begin_write().map_err(|error| failed(error.into()))?;
        // Repair after a crash must not walk through all of it.
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(NODES).map_err(|error| failed(error.into()))?;
            for (hash, node) in nodes {
                table.insert(&hash.0, node.as_slice()).map_err(|error| failed(error.into()))?;
            }
        }
        transaction.commit().map_err(|error| failed(error.into()))
    }
}

fn renewed(path: &Path, create: impl Fn() -> Result<Database, DatabaseError>) -> Result<Database, DatabaseError> {
    std::fs::remove_file(path)?;
    create()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(seed: u8) -> (H256, Vec<u8>) {
        let node = vec![seed; 50];
        (H256(artifact::hashes::blake2_256(&node)), node)
    }

    #[test]
    fn what_was_stored_is_there_when_it_is_opened_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let (hash, bytes) = node(1);
        let disk = Disk::open(directory.path()).expect("opened");
        assert_eq!(disk.get(&hash), None);
        disk.insert([(&hash, &bytes)]).expect("stored");
        drop(disk);
        assert_eq!(Disk::open(directory.path()).expect("opened again").get(&hash), Some(bytes));
    }

    #[test]
    fn a_second_user_is_told_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let _first = Disk::open(directory.path()).expect("opened");
        let refused = Disk::open(directory.path()).err().expect("refused");
        assert!(refused.contains("another process"), "{refused}");
    }

    #[test]
    fn a_damaged_database_is_begun_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("nodes.redb"), vec![7; 8192]).expect("written");
        let (hash, bytes) = node(2);
        let disk = Disk::open(directory.path()).expect("opened");
        disk.insert([(&hash, &bytes)]).expect("stored");
        assert_eq!(disk.get(&hash), Some(bytes));
    }

    #[test]
    fn a_node_that_is_not_what_its_hash_says_is_not_given_out() {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Disk::open(directory.path()).expect("opened");
        let (hash, _) = node(3);
        disk.insert([(&hash, &vec![0; 4])]).expect("stored");
        assert_eq!(disk.get(&hash), None);
    }

    const KILLED: &str = "CUTOVER_TEST_KILLED";

    fn numbered(number: u32) -> (H256, Vec<u8>) {
        let node = number.to_le_bytes().repeat(200);
        (H256(artifact::hashes::blake2_256(&node)), node)
    }

    /// The other half of the test below: it runs in a process of its own, until that is killed.
    #[test]
    #[ignore = "started by the test of kills"]
    fn writes_until_it_is_killed() {
        let Some(directory) = std::env::var_os(KILLED) else { return };
        let disk = Disk::open(Path::new(&directory)).expect("opened");
        let log = Path::new(&directory).join("committed");
        let from = std::fs::read_to_string(&log).ok().and_then(|text| text.parse().ok()).unwrap_or(0u32);
        for portion in from.. {
            let nodes: Vec<_> = (0..20).map(|index| numbered(portion * 20 + index)).collect();
            disk.insert(nodes.iter().map(|(hash, node)| (hash, node))).expect("stored");
            worker::write_whole(&log, (portion + 1).to_string().as_bytes()).expect("written");
        }
    }

    #[test]
    fn a_writer_that_is_killed_at_any_moment_leaves_all_that_it_committed() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = std::env::current_exe().expect("this test");
        let mut committed = 0;
        for round in 0..12u64 {
            let mut writer = std::process::Command::new(&program)
                .args(["--exact", "state::disk::tests::writes_until_it_is_killed", "--ignored"])
                .env(KILLED, directory.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .expect("started");
            // Moments that do not repeat, some of them before the database is open.
            std::thread::sleep(std::time::Duration::from_millis(20 + round * 37 % 211));
            writer.kill().expect("killed");
            writer.wait().expect("ended");
            let log = std::fs::read_to_string(directory.path().join("committed")).unwrap_or_default();
            committed = log.parse().unwrap_or(committed);
            let disk = Disk::open(directory.path()).expect("opened after a kill");
            for number in 0..committed * 20u32 {
                let (hash, node) = numbered(number);
                assert_eq!(disk.get(&hash), Some(node), "round {round}");
            }
        }
        assert!(committed > 0, "something was written at all");
    }

    #[test]
    #[ignore = "a measurement"]
    #[allow(clippy::print_stdout, reason = "it is what a measurement is for")]
    fn how_long_opening_takes_as_the_database_grows() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut number = 0;
        for nodes in [10_000u32, 100_000, 1_000_000] {
            let disk = Disk::open(directory.path()).expect("opened");
            let began = std::time::Instant::now();
            let added = nodes - number;
            while number < nodes {
                let portion: Vec<_> = (number..number + 10_000).map(numbered).collect();
                disk.insert(portion.iter().map(|(hash, node)| (hash, node))).expect("stored");
                number += 10_000;
            }
            let rate = f64::from(added) / began.elapsed().as_secs_f64();
            // What a kill would leave: the file as it is while it is open.
            let killed = tempfile::tempdir().expect("a directory");
            std::fs::copy(directory.path().join("nodes.redb"), killed.path().join("nodes.redb")).expect("copied");
            drop(disk);
            let opened = [directory.path(), killed.path()].map(|path| {
                let began = std::time::Instant::now();
                let disk = Disk::open(path).expect("opened");
                assert!(disk.get(&numbered(nodes - 1).0).is_some());
                began.elapsed().as_secs_f64()
            });
            let size = std::fs::metadata(directory.path().join("nodes.redb")).expect("a file").len() >> 20;
            println!(
                "{nodes} nodes, {size} MiB, {rate:.0} stored a second; opened in {:.3} s, after a kill in {:.3} s",
                opened[0], opened[1]
            );
        }
    }
}
