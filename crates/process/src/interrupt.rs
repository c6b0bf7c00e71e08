// SPDX-License-Identifier: Apache-2.0
//! Handles Ctrl-C and termination signals. Every child runs in its own process group, so that an
//! interruption also reaches the child's children. A child that must not be interrupted (a package
//! manager, rustup) is allowed to finish.

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

/// The exit code that a shell reports for a program that SIGINT ended.
pub const EXIT_CODE: u8 = 130;
/// The time for the command to clean up after its children were sent SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The running process groups; `true` for those that the first interruption does not end.
static GROUPS: Mutex<BTreeMap<i32, bool>> = Mutex::new(BTreeMap::new());

/// Installs the signal handlers.
pub fn install() -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Failure::environment("cannot listen for signals").found(error.to_string()))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                // At the second interruption everything ends at once.
                signal_groups(Signal::KILL, true);
                std::thread::sleep(Duration::from_millis(500));
                std::process::exit(EXIT_CODE.into());
            }
            signal_groups(Signal::TERM, false);
            std::thread::spawn(|| {
                std::thread::sleep(GRACE);
                signal_groups(Signal::KILL, false);
                std::thread::sleep(Duration::from_secs(1));
                let uninterruptible =
                    GROUPS.lock().is_ok_and(|groups| groups.values().any(|uninterruptible| *uninterruptible));
                if !uninterruptible {
                    std::process::exit(EXIT_CODE.into());
                }
            });
        }
    });
    Ok(())
}

fn signal_groups(signal: Signal, all: bool) {
    let Ok(groups) = GROUPS.lock() else { return };
    for (group, uninterruptible) in groups.iter() {
        if all || !uninterruptible {
            send(*group, signal);
        }
    }
}

fn send(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        // It may have ended already.
        let _ = kill_process_group(group, signal);
    }
}

/// Kills a process group.
pub fn kill(leader: i32) {
    send(leader, Signal::KILL);
}

/// Returns whether the command was interrupted.
pub fn happened() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Fails if the command was interrupted. Call it between steps, as an interruption must also end
/// the command while no child runs.
pub fn check() -> Result<()> {
    if happened() { Err(failure()) } else { Ok(()) }
}

/// Returns the failure of an interrupted command.
pub fn failure() -> Failure {
    Failure::environment("interrupted")
        .hint("run the same command again: finished steps are kept, and no incomplete file was left")
}

/// A process group that is registered with the signal handler until this is dropped.
pub struct Group(i32);

impl Group {
    /// Registers the process group of `leader`. If it is `uninterruptible`, the first interruption does not
    /// end it.
    pub fn register(leader: u32, uninterruptible: bool) -> Self {
        let group = i32::try_from(leader).unwrap_or(0);
        if let Ok(mut groups) = GROUPS.lock() {
            groups.insert(group, uninterruptible);
        }
        let this = Self(group);
        // The signal may have arrived between the child's start and its registration.
        if happened() && !uninterruptible {
            this.end();
        }
        this
    }

    fn end(&self) {
        send(self.0, Signal::TERM);
    }

    /// Returns the process id of the group's leader, which is also the group's id.
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
