// SPDX-License-Identifier: Apache-2.0
//! The allocator of the runtime's heap: blocks in powers of two, which are reused after they are
//! freed.
//!
//! Reuse is necessary: a runtime that builds its metadata grows many buffers, and without reuse it
//! would need several times the memory. The bookkeeping takes a fraction of the memory of the
//! blocks, so that a runtime cannot fill the host's memory with many small blocks.

/// The number of block sizes: from 8 bytes to 32 MiB, as in a node.
const ORDERS: u8 = 23;
/// The smallest block in bytes.
const SMALLEST: u32 = 8;
/// The number of bytes before every block, as in a node. Runtimes depend on them: the last two
/// contain the offset by which a runtime aligned the block, and are zero for blocks that the host
/// allocated.
pub(super) const HEADER: u32 = 8;

/// The state of the heap.
#[derive(Default)]
pub(super) struct Allocator {
    base: u32,
    next: u32,
    /// For each possible start of a block: 0, or the order of the block in use there plus one.
    used: Vec<u8>,
    free: [Vec<u32>; ORDERS as usize],
}

impl Allocator {
    /// Sets the start of the heap.
    pub(super) fn start(&mut self, base: u32) {
        // At the end of the address space, `allocate` returns `None`.
        self.base = base.checked_next_multiple_of(SMALLEST).unwrap_or(u32::MAX - SMALLEST + 1);
        self.next = self.base;
    }

    /// Allocates a block. Returns its start and its end, or `None` if there is no block of this
    /// size.
    pub(super) fn allocate(&mut self, size: u32) -> Option<(u32, u32)> {
        let order = (0..ORDERS).find(|order| SMALLEST << order >= size)?;
        let block = SMALLEST << order;
        let start = match self.free.get_mut(usize::from(order))?.pop() {
            Some(start) => start,
            None => {
                let start = self.next.checked_add(HEADER)?;
                self.next = start.checked_add(block)?;
                start
            }
        };
        let place = self.place(start)?;
        if self.used.len() <= place {
            self.used.resize(place + 1, 0);
        }
        *self.used.get_mut(place)? = order + 1;
        Some((start, start + block))
    }

    /// Frees a block. Returns whether there was one.
    pub(super) fn free(&mut self, start: u32) -> bool {
        let Some(place) = self.place(start) else { return false };
        let Some(order) = self.used.get_mut(place).and_then(|used| std::mem::take(used).checked_sub(1)) else {
            return false;
        };
        if let Some(list) = self.free.get_mut(usize::from(order)) {
            list.push(start);
        }
        true
    }

    /// Returns the index of a possible start of a block.
    fn place(&self, start: u32) -> Option<usize> {
        let offset = start.checked_sub(self.base)?;
        (offset % SMALLEST == 0).then_some((offset / SMALLEST) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_in_use_never_overlap(
            base in 0u32..100_000,
            steps in prop::collection::vec((any::<bool>(), 0u32..70_000), 0..200),
        ) {
            let mut allocator = Allocator::default();
            allocator.start(base);
            let mut blocks: Vec<(u32, u32)> = Vec::new();
            for (free, size) in steps {
                if free && !blocks.is_empty() {
                    let (start, _) = blocks.swap_remove(size as usize % blocks.len());
                    prop_assert!(allocator.free(start));
                    prop_assert!(!allocator.free(start));
                    prop_assert!(!allocator.free(start + 4));
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
        for base in [u32::MAX, u32::MAX - 100] {
            let mut allocator = Allocator::default();
            allocator.start(base);
            assert!(allocator.allocate(33 * 1024 * 1024).is_none());
            assert!(allocator.allocate(1000).is_none());
            assert!(!allocator.free(8));
            assert!(!allocator.free(base));
        }
    }
}
