// SPDX-License-Identifier: Apache-2.0
//! Keeps trie nodes between runs, by their hashes: of all chains and blocks in one database.
//!
//! parity-db fits: keys are hashes, values their preimages. Opening it maps files into memory
//! without reading them, so it takes the same time whatever the number of nodes. A killed process
//! loses only what was not written yet. The database is a cache: damaged nodes are ignored, missing
//! ones are fetched again.

use parity_db::{Db, Error, Options};
use sp_core::H256;
use std::{
    fs::{File, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

const COLUMN: u8 = 0;
/// The size in bytes above which the database is deleted and created again.
const SIZE_LIMIT: u64 = 32 << 30;
/// The minimum free space in bytes. The database writes into mapped files, and the process dies if
/// the file system has no room for a page. The space is enough for some batches of nodes, their log
/// and a new index.
const MIN_FREE_SPACE: u64 = 128 << 20;

/// The limit in bytes of mapped memory. Pages of the database stay in this process's memory until
/// it is closed. Above the limit it is reopened, which takes milliseconds.
const MAPPED_LIMIT: u64 = 96 << 20;
/// The limit in bytes of written nodes. They are held in memory for the log, and freed when the
/// database is closed.
const WRITTEN_LIMIT: u64 = 32 << 20;
/// The number of nodes between two checks of these limits.
const CHECK_INTERVAL: u64 = 32_768;

/// The database of trie nodes.
pub struct Disk {
    /// The database, or why it could not be reopened.
    database: RwLock<Result<Db, String>>,
    path: PathBuf,
    /// The number of nodes read or written, and the bytes written since the database was opened.
    nodes: AtomicU64,
    written: AtomicU64,
    /// Held while this lives, because the database's own lock is released when it is reopened.
    _lock: File,
}

impl Disk {
    /// Opens the database in a directory. Only one process at a time can open it. The error is a
    /// message for users.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join("nodes");
        std::fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        let lock = lock_directory(directory, &path)?;
        check_free_space(&path)?;
        let database = open_database(&path)?;
        let [nodes, written] = [(); 2].map(|()| AtomicU64::new(0));
        Ok(Self { database: RwLock::new(Ok(database)), path, nodes, written, _lock: lock })
    }

    /// Removes the database of a directory unless a process uses it. Returns its size in bytes.
    pub fn remove(directory: &Path) -> Result<u64, String> {
        let path = directory.join("nodes");
        if !path.exists() {
            return Ok(0);
        }
        let _lock = lock_directory(directory, &path)?;
        // Opening it also detects an older Cutover that uses it. Free space is not required,
        // because removing makes some.
        drop(open_database(&path)?);
        let bytes = size(&path);
        std::fs::remove_dir_all(&path).map_err(|error| format!("{} cannot be removed: {error}", path.display()))?;
        Ok(bytes)
    }

    /// Returns a node, or `None` if it is missing or damaged.
    pub fn get(&self, hash: &H256) -> Option<Vec<u8>> {
        let node =
            self.database.read().unwrap_or_else(PoisonError::into_inner).as_ref().ok()?.get(COLUMN, &hash.0).ok()??;
        self.reopen_if_large(1);
        // A damaged node counts as missing.
        (artifact::hashes::blake2_256(&node) == hash.0).then_some(node)
    }

    /// Returns why the database could not be reopened, in which case no node is found.
    pub fn open_error(&self) -> Option<String> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).as_ref().err().cloned()
    }

    /// Stores nodes. They can be read at once and are written to disk shortly after.
    pub fn insert<'a>(&self, nodes: impl IntoIterator<Item = (&'a H256, &'a Vec<u8>)>) -> Result<(), String> {
        check_free_space(&self.path)?;
        let (mut count, mut bytes) = (0, 0);
        let nodes = nodes.into_iter().map(|(hash, node)| {
            count += 1;
            bytes += node.len() as u64;
            (COLUMN, hash.0, Some(node.clone()))
        });
        {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let database = database.as_ref().map_err(String::clone)?;
            database.commit(nodes).map_err(|error| format!("{} cannot be written: {error}", self.path.display()))?;
        }
        self.written.fetch_add(bytes, Ordering::Relaxed);
        self.reopen_if_large(count);
        Ok(())
    }

    /// Reopens the database if it uses too much memory.
    fn reopen_if_large(&self, nodes: u64) {
        let before = self.nodes.fetch_add(nodes, Ordering::Relaxed);
        if before / CHECK_INTERVAL == (before + nodes) / CHECK_INTERVAL {
            return;
        }
        let is_large = resident_mapped_bytes() > MAPPED_LIMIT || self.written.load(Ordering::Relaxed) > WRITTEN_LIMIT;
        if !is_large || is_index_growing(&self.path) {
            return;
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.written.store(0, Ordering::Relaxed);
        // It has to be closed before it is opened again.
        *database = Err(String::new());
        *database = open_database(&self.path);
    }
}

/// Returns whether the database is moving its entries to a larger index. Closing it would restart
/// the move.
fn is_index_growing(path: &Path) -> bool {
    let files = std::fs::read_dir(path).into_iter().flatten().flatten();
    files.filter(|file| file.file_name().to_string_lossy().starts_with("index_")).count() > 1
}

/// Returns the resident memory of mapped files of this process in bytes, or 0 if the system does
/// not report it.
fn resident_mapped_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("RssFile:")?.trim().strip_suffix(" kB"));
    kibibytes.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn lock_directory(directory: &Path, path: &Path) -> Result<File, String> {
    let lock = directory.join("nodes.lock");
    let mut options = File::options();
    let mut file = options
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&lock)
        .map_err(|error| unusable(&lock, &error))?;
    match file.try_lock() {
        // Another process can then name the process that holds the lock.
        Ok(()) => {
            // If the disk is full, the error is reported where nodes are written.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut id = String::new();
            // The file may be foreign: only the length of a number is read.
            let read = file.take(20).read_to_string(&mut id);
            Err(in_use(path, read.ok().and_then(|_| id.parse().ok())))
        }
        // The file system does not support locks.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn in_use(path: &Path, process: Option<u32>) -> String {
    match process {
        Some(id) => format!("process {id} uses {}", path.display()),
        None => format!("another process uses {}", path.display()),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{} cannot be used: {error}", path.display())
}

fn open_database(path: &Path) -> Result<Db, String> {
    let database = match Db::open_or_create(&options(path)) {
        Ok(database) if size(path) > SIZE_LIMIT => {
            drop(database);
            recreate(path)
        }
        Ok(database) => Ok(database),
        Err(Error::Locked(_)) => return Err(in_use(path, None)),
        // An I/O error may be temporary. Only a database that reports itself as corrupt is removed.
        Err(Error::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => return Err(unusable(path, &error)),
        Err(_) => recreate(path),
    };
    database.map_err(|error| unusable(path, &error))
}

fn check_free_space(path: &Path) -> Result<(), String> {
    // If the file system does not report its free space, it is assumed to have enough.
    let Ok(space) = rustix::fs::statvfs(path) else { return Ok(()) };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    match free < MIN_FREE_SPACE {
        true => Err(format!(
            "{} cannot be used: no space is left on its disk ({} MiB free, {} MiB needed)",
            path.display(),
            free >> 20,
            MIN_FREE_SPACE >> 20
        )),
        false => Ok(()),
    }
}

fn options(path: &Path) -> Options {
    let mut options = Options::with_columns(path, 1);
    for column in &mut options.columns {
        column.preimage = true;
        // The keys are hashes already. An attacker could only skew their distribution by finding
        // preimages.
        column.uniform = true;
    }
    options
}

/// Returns the size that the files occupy on disk. Their length is larger where nothing was written
/// yet.
fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files = std::fs::read_dir(path).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.blocks() * 512).sum()
}

fn recreate(path: &Path) -> Result<Db, Error> {
    std::fs::remove_dir_all(path).and_then(|()| std::fs::create_dir_all(path)).map_err(Error::Io)?;
    Db::open_or_create(&options(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(seed: u8) -> (H256, Vec<u8>) {
        let node = vec![seed; 50];
        (H256(artifact::hashes::blake2_256(&node)), node)
    }

    #[test]
    fn stored_nodes_survive_reopening() {
        let directory = tempfile::tempdir().expect("a directory");
        let (hash, bytes) = node(1);
        let disk = Disk::open(directory.path()).expect("opened");
        assert_eq!(disk.get(&hash), None);
        disk.insert([(&hash, &bytes)]).expect("stored");
        drop(disk);
        assert_eq!(Disk::open(directory.path()).expect("opened again").get(&hash), Some(bytes));
    }

    #[test]
    fn a_second_process_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let _first = Disk::open(directory.path()).expect("opened");
        let refused = Disk::open(directory.path()).err().expect("refused");
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    }

    #[test]
    fn reopening_to_free_memory_loses_no_node() {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Disk::open(directory.path()).expect("opened");
        let portions = (WRITTEN_LIMIT / 800 + 2 * CHECK_INTERVAL) / 4_000;
        for portion in 0..portions as u32 {
            let nodes: Vec<_> = (portion * 4_000..(portion + 1) * 4_000).map(numbered).collect();
            disk.insert(nodes.iter().map(|(hash, node)| (hash, node))).expect("stored");
        }
        assert!(disk.written.load(Ordering::Relaxed) < WRITTEN_LIMIT, "it was reopened");
        for number in (0..portions as u32 * 4_000).step_by(97) {
            let (hash, node) = numbered(number);
            assert_eq!(disk.get(&hash), Some(node));
        }
        assert!(Disk::open(directory.path()).is_err(), "it stays locked");
    }

    #[test]
    fn a_damaged_database_is_recreated() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("nodes")).expect("made");
        std::fs::write(directory.path().join("nodes/metadata"), vec![7; 8192]).expect("written");
        let (hash, bytes) = node(2);
        let disk = Disk::open(directory.path()).expect("opened");
        disk.insert([(&hash, &bytes)]).expect("stored");
        assert_eq!(disk.get(&hash), Some(bytes));
    }

    #[test]
    fn a_damaged_node_is_not_returned() {
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

    /// The child process of the test below. It runs until it is killed.
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
            files::write_whole(&log, (portion + 1).to_string().as_bytes()).expect("written");
        }
    }

    #[test]
    fn a_killed_writer_leaves_a_valid_database() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = std::env::current_exe().expect("this test");
        let log = directory.path().join("committed");
        let logged = || std::fs::read_to_string(&log).ok().and_then(|text| text.parse::<u32>().ok());
        let (mut committed, mut kept) = (0, 0);
        for round in 0..50u64 {
            let mut writer = std::process::Command::new(&program)
                .args(["--exact", "state::disk::tests::writes_until_it_is_killed", "--ignored"])
                .env(KILLED, directory.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .expect("started");
            if round == 0 {
                // On a slow machine too, something must be written that the later rounds could
                // lose.
                let began = std::time::Instant::now();
                while logged().unwrap_or(0) < 50 && began.elapsed() < std::time::Duration::from_secs(120) {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            } else {
                // Moments that do not repeat, some before the database is open.
                std::thread::sleep(std::time::Duration::from_millis(20 + round * 37 % 211));
            }
            writer.kill().expect("killed");
            writer.wait().expect("ended");
            committed = logged().unwrap_or(committed);
            let disk = Disk::open(directory.path()).expect("opened after a kill");
            let there = |number: u32| {
                let (hash, node) = numbered(number);
                let found = disk.get(&hash);
                assert!(found.is_none() || found == Some(node), "round {round}: another node than was stored");
                found.is_some()
            };
            // What an earlier opening found was closed properly since, and must stay. Of the last
            // writes of this writer some may be lost, but none in the middle.
            let found = (0..committed * 20).take_while(|number| there(*number)).count();
            assert!(found >= kept, "round {round}: {found} of the {kept} nodes that were there are left");
            kept = found / 20 * 20;
            files::write_whole(&log, (kept / 20).to_string().as_bytes()).expect("written");
        }
        assert!(kept > 0, "something was written at all");
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
            // The state after a kill: the files while the database is open.
            let killed = tempfile::tempdir().expect("a directory");
            std::fs::create_dir(killed.path().join("nodes")).expect("made");
            for file in std::fs::read_dir(directory.path().join("nodes")).expect("listed") {
                let file = file.expect("a file");
                std::fs::copy(file.path(), killed.path().join("nodes").join(file.file_name())).expect("copied");
            }
            drop(disk);
            let opened = [directory.path(), killed.path()].map(|path| {
                let began = std::time::Instant::now();
                let disk = Disk::open(path).expect("opened");
                let found = disk.get(&numbered(nodes - 1).0);
                // What was being written during the copy is not in it.
                assert!(found.is_some() || path == killed.path());
                began.elapsed().as_secs_f64()
            });
            let size = size(&directory.path().join("nodes")) >> 20;
            println!(
                "{nodes} nodes, {size} MiB, {rate:.0} stored a second; opened in {:.3} s, after a kill in {:.3} s",
                opened[0], opened[1]
            );
        }
    }
}
