// SPDX-License-Identifier: Apache-2.0
//! The heap a runtime asks its host for: blocks in powers of two, reused once freed.
//!
//! Reuse matters: a runtime that describes itself grows many buffers, and a heap that only ever grows would need
//! several times the memory.

use std::collections::HashMap;

/// Blocks from 8 bytes to 32 MiB, as in a node.
const ORDERS: usize = 23;
const SMALLEST: u32 = 8;

#[derive(Default)]
pub(super) struct Allocator {
    next: u32,
    /// The order of every block that is in use.
    used: HashMap<u32, usize>,
    free: [Vec<u32>; ORDERS],
}

impl Allocator {
    pub(super) fn start(&mut self, base: u32) {
        self.next = base;
    }

    /// The start of a block, and where the memory has to reach for it; nothing when there is no such block.
    pub(super) fn allocate(&mut self, size: u32) -> Option<(u32, u32)> {
        let order = (0..ORDERS).find(|order| SMALLEST << order >= size)?;
        let block = SMALLEST << order;
        let start = match self.free.get_mut(order)?.pop() {
            Some(start) => start,
            None => {
                let start = self.next.checked_next_multiple_of(SMALLEST)?;
                self.next = start.checked_add(block)?;
                start
            }
        };
        self.used.insert(start, order);
        Some((start, start.checked_add(block)?))
    }

    /// Whether there was such a block.
    pub(super) fn free(&mut self, start: u32) -> bool {
        match self.used.remove(&start) {
            Some(order) => {
                if let Some(list) = self.free.get_mut(order) {
                    list.push(start);
                }
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_in_use_never_overlap(base in 0u32..100_000, steps in prop::collection::vec((any::<bool>(), 0u32..70_000), 0..200)) {
            let mut allocator = Allocator::default();
            allocator.start(base);
            let mut blocks: Vec<(u32, u32)> = Vec::new();
            for (free, size) in steps {
                if free && !blocks.is_empty() {
                    let (start, _) = blocks.swap_remove(size as usize % blocks.len());
                    prop_assert!(allocator.free(start));
                    prop_assert!(!allocator.free(start));
                } else {
                    let (start, end) = allocator.allocate(size).expect("room");
                    prop_assert!(start >= base && start % 8 == 0 && end - start >= size);
                    prop_assert!(blocks.iter().all(|(other, other_end)| end <= *other || start >= *other_end));
                    blocks.push((start, end));
                }
            }
        }
    }

    #[test]
    fn impossible_blocks_are_refused() {
        let mut allocator = Allocator::default();
        allocator.start(u32::MAX - 100);
        assert!(allocator.allocate(33 * 1024 * 1024).is_none());
        assert!(allocator.allocate(1000).is_none());
        assert!(!allocator.free(8));
    }
}
