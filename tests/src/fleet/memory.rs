//! The memory of a [`Fleet`]'s machines, as their roots and migration servers report it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nomad_client::event::MemoryStatus;

use super::{Fleet, LIMIT};
use crate::Node;

/// The interval between queries of a machine's memory.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How much the free bytes in a migration server's heap vary. It keeps up to seven sessions with each other machine, of 768 bytes each, and
/// begins a new one after each second of silence. And it may remember the visit of a domain, which takes up to 4 KiB for those that move
/// here; a domain whose move took only one round leaves none.
const VARIATION_BYTES: u64 = 10 << 10;

/// More requests than a migration server remembers of an operator.
const REQUESTS: usize = 40;

impl Fleet {
    /// The memory of a machine.
    ///
    /// # Panics
    ///
    /// If it does not report its memory.
    pub fn memory_of(&self, node: Node) -> MemoryStatus {
        let memory = self.reply(node, &["mem"]).memory();
        memory.unwrap_or_else(|| panic!("{} does not report its memory", node.name()))
    }

    /// The number of pages spent on A and B.
    ///
    /// # Panics
    ///
    /// As [`Fleet::memory_of`].
    pub fn spent_pages(&self) -> [u64; 2] {
        [Node::A, Node::B].map(|node| self.memory_of(node).machine.spent_pages)
    }

    /// Waits until a machine spends as many pages as before, and has destroyed all memory that it no longer needs. The switch releases
    /// rings asynchronously.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    pub fn await_spent_pages(&self, node: Node, before: &[u64; 2]) {
        self.await_spent_pages_of(node, before[node as usize]);
    }

    /// As [`Fleet::await_spent_pages`], with the number of pages on this machine.
    ///
    /// # Panics
    ///
    /// As [`Fleet::await_spent_pages`].
    pub fn await_spent_pages_of(&self, node: Node, before: u64) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let memory = self.reply(node, &["mem"]).memory();
            let machine = memory.map(|memory| memory.machine);
            let now = machine.map(|memory| (memory.spent_pages, memory.pages_being_freed));
            if now == Some((before, 0)) {
                return;
            }
            let name = node.name();
            assert!(
                Instant::now() < deadline,
                "{name}: {now:?} pages are spent and being freed instead of {before} and 0"
            );
            sleep(POLL_INTERVAL);
        }
    }

    /// The free bytes in the heaps of both machines' roots, switches and migration servers, as [`Fleet::free_heaps_of`].
    ///
    /// # Panics
    ///
    /// As [`Fleet::memory_of`].
    pub fn free_heaps(&self) -> Vec<u64> {
        let nodes = [Node::A, Node::B].into_iter();
        nodes.flat_map(|node| self.free_heaps_of(node)).collect()
    }

    /// Waits until the heaps of a machine's root, switch and migration server have at least as many free bytes as before, except for
    /// the memory of sessions and visits.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    pub fn await_free_heaps_of(&self, node: Node, before: [u64; 3]) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.free_heaps_of(node);
            let [root, switch, nomad] =
                std::array::from_fn(|index| before[index].saturating_sub(now[index]));
            if root == 0 && switch == 0 && nomad <= VARIATION_BYTES {
                return;
            }
            let name = node.name();
            assert!(
                Instant::now() < deadline,
                "{name}: {now:?} bytes are free in its heaps instead of {before:?}"
            );
            sleep(POLL_INTERVAL);
        }
    }

    /// The free bytes in the heaps of a machine's root, switch and migration server. Requests precede the measurement, so that
    /// the server remembers only requests of one size.
    ///
    /// # Panics
    ///
    /// As [`Fleet::memory_of`].
    pub fn free_heaps_of(&self, node: Node) -> [u64; 3] {
        (0..REQUESTS).for_each(|_| drop(self.command(node, &["cancel", "nobody"])));
        let memory = self.memory_of(node);
        [
            memory.machine.heap_free,
            memory.machine.switch_heap_free,
            memory.nomad_heap_free,
        ]
    }
}
