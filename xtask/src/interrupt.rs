// SPDX-License-Identifier: Apache-2.0
//! Ctrl-C and termination. Every child runs in a process group of its own, so that an interruption reaches what it
//! started too, and so that a child that must not be cut short (a package manager, rustup) can be let finish.

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use worker::{Failure, Result};

/// What a shell reports for a program that SIGINT ended.
pub const EXIT_CODE: u8 = 130;
/// How long the command may take to tidy up after its children are told to end.
const GRACE: Duration = Duration::from_secs(10);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The running process groups; `true` for those that the first interruption spares.
static GROUPS: Mutex<BTreeMap<i32, bool>> = Mutex::new(BTreeMap::new());

pub fn install() -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Failure::environment("cannot listen for signals").found(error.to_string()))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                // Asked twice: whoever does it knows that nothing is waited for any more.
                signal_groups(Signal::KILL, true);
                std::thread::sleep(Duration::from_millis(500));
                std::process::exit(EXIT_CODE.into());
            }
            signal_groups(Signal::TERM, false);
            std::thread::spawn(|| {
                std::thread::sleep(GRACE);
                signal_groups(Signal::KILL, false);
                std::thread::sleep(Duration::from_secs(1));
                let spared = GROUPS.lock().is_ok_and(|groups| groups.values().any(|spared| *spared));
                if !spared {
                    std::process::exit(EXIT_CODE.into());
                }
            });
        }
    });
    Ok(())
}

fn signal_groups(signal: Signal, all: bool) {
    let Ok(groups) = GROUPS.lock() else { return };
    for (group, spared) in groups.iter() {
        if all || !spared {
            send(*group, signal);
        }
    }
}

fn send(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, signal);
    }
}

/// Ends a group at once.
pub fn kill(leader: i32) {
    send(leader, Signal::KILL);
}

pub fn happened() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Called between steps: an interruption that came while no child ran must end the command too.
pub fn check() -> Result<()> {
    if happened() { Err(failure()) } else { Ok(()) }
}

pub fn failure() -> Failure {
    Failure::environment("interrupted")
        .hint("run the same command again: what is finished is kept, nothing half-made was left in its place")
}

/// A process group known to the handler until this is dropped.
pub struct Group(i32);

impl Group {
    pub fn register(leader: u32, spared: bool) -> Self {
        let group = i32::try_from(leader).unwrap_or(0);
        if let Ok(mut groups) = GROUPS.lock() {
            groups.insert(group, spared);
        }
        let this = Self(group);
        // The signal may have come between the child's start and here.
        if happened() && !spared {
            this.end();
        }
        this
    }

    fn end(&self) {
        send(self.0, Signal::TERM);
    }

    pub fn leader(&self) -> i32 {
        self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(mut groups) = GROUPS.lock() {
            groups.remove(&self.0);
        }
    }
}
