// SPDX-License-Identifier: Apache-2.0
//! Calls that the scheduler of a chain dispatches, as tasks that are written into its agenda between two blocks.

use artifact::hashes::{blake2_256, twox_64};
use codec::{Compact, Decode, Encode};
use fork::{Chain, keys};
use worker::Result;

/// The longest call that the scheduler keeps itself, in bytes (`BoundedInline` of frame-support).
const INLINE: usize = 128;

/// `OriginCaller::system(RawOrigin::Root)`: the pallet System is the first of every runtime.
pub const ROOT: [u8; 2] = [0, 0];

/// A call with the origin that dispatches it.
#[derive(Clone, Copy, Debug)]
pub struct Task<'t> {
    /// The encoded call.
    pub call: &'t [u8],
    /// The encoded `OriginCaller` of the runtime.
    pub origin: &'t [u8],
}

/// Entries of a state with their new values.
pub type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Returns the storage key of the tasks for a block, `Scheduler.Agenda`.
pub fn agenda(block: u32) -> Vec<u8> {
    let number = block.encode();
    [keys::item("Scheduler", "Agenda"), twox_64(&number).to_vec(), number].concat()
}

/// Returns the changes of a chain's state with which its scheduler dispatches these tasks for a block, in their order and
/// before those that are due. Longer calls are written as preimages.
pub fn changes(chain: &Chain, block: u32, tasks: &[Task<'_>]) -> Result<Changes> {
    let (due, count) = due(chain, block)?;
    let (mut changes, own) = encoded(tasks);
    let all = [Compact(count.saturating_add(tasks.len() as u32)).encode(), own, due].concat();
    changes.push((agenda(block), Some(all)));
    Ok(changes)
}

/// Returns the changes with which the scheduler dispatches a task for a block, behind those that are due: these keep their
/// indices. Returns the index of the task too. It has the highest priority, so few others come before it.
pub fn appended(chain: &Chain, block: u32, task: Task<'_>) -> Result<(Changes, u32)> {
    let (due, count) = due(chain, block)?;
    let (mut changes, own) = encoded(&[task]);
    let all = [Compact(count.saturating_add(1)).encode(), due, own].concat();
    changes.push((agenda(block), Some(all)));
    Ok((changes, count))
}

/// Returns the tasks that are due in a block, and their number.
fn due(chain: &Chain, block: u32) -> Result<(Vec<u8>, u32)> {
    let due = chain.storage(&agenda(block))?.unwrap_or_default();
    let mut tasks = &due[..];
    let count = Compact::<u32>::decode(&mut tasks).map_or(0, |count| count.0);
    Ok((tasks.to_vec(), count))
}

/// Encodes tasks, and returns the preimages of those that are too long for the agenda.
fn encoded(tasks: &[Task<'_>]) -> (Changes, Vec<u8>) {
    let mut changes = Vec::new();
    let mut encoded = Vec::new();
    for Task { call, origin } in tasks {
        // `Bounded`: the call itself, or the hash and the length of a preimage.
        let bounded = if call.len() > INLINE {
            let lookup = (blake2_256(call), call.len() as u32).encode();
            changes.push(([keys::item("Preimage", "PreimageFor"), lookup.clone()].concat(), Some(call.encode())));
            [vec![2], lookup].concat()
        } else {
            [vec![1], call.encode()].concat()
        };
        // `Scheduled`: no name, the highest priority, the call, not periodic, the origin.
        encoded.extend([&[1, 0, 0], &bounded[..], &[0], origin].concat());
    }
    (changes, encoded)
}
