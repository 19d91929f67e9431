//! The thread whose registers the processor holds: [`Loaded`].
//!
//! A thread's general registers are saved at every entry. Its segment bases and vector registers stay in the processor until
//! another thread runs. A thread has no vector registers before it first uses them.
//!
//! Invariant: a thread never sees vector registers with another thread's data.

use core::cell::Cell;

use crate::arch;
use crate::memory::Ref;
use crate::objects::Thread;

/// The processor's segment bases, vector registers and page tables. One per core.
pub struct Loaded {
    /// The thread to which they belong.
    thread: Cell<Option<Ref<Thread>>>,
    /// Whether the vector registers hold data, which a thread without vector registers must not see.
    vectors_live: Cell<bool>,
}

impl Loaded {
    /// The registers belong to no thread.
    pub fn nothing() -> Loaded {
        Loaded {
            thread: Cell::new(None),
            // The firmware may have used them.
            vectors_live: Cell::new(true),
        }
    }

    /// Loads a thread's registers and page tables, unless the processor holds them. Every return to user mode comes through here:
    /// inlining it saves nine instructions per system call.
    #[inline]
    pub fn ensure(&self, thread: Ref<Thread>) {
        if self.thread.get() != Some(thread) {
            self.unload();
            self.load(thread);
        }
    }

    /// Saves a thread's registers if the processor holds them, so that its state in memory is complete; returns whether it did.
    pub fn save(&self, thread: Ref<Thread>) -> bool {
        let is_loaded = self.thread.get() == Some(thread);
        if is_loaded {
            self.unload();
        }
        is_loaded
    }

    /// Saves the registers that the processor holds.
    pub fn unload(&self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        arch::save_segment_bases(&thread.context);
        if thread.uses_vectors.get() {
            arch::vectors_save(&thread.vectors);
        }
    }

    /// Lets the current thread use the vector registers from now on.
    pub fn allow_vectors(&self, thread: Ref<Thread>) {
        thread.uses_vectors.set(true);
        self.load_vectors(thread);
    }

    fn load(&self, thread: Ref<Thread>) {
        arch::load_segment_bases(&thread.context);
        if thread.uses_vectors.get() {
            self.load_vectors(thread);
        } else if self.vectors_live.take() {
            arch::vectors_clear();
        }
        arch::activate(thread.domain.space.root());
        self.thread.set(Some(thread));
    }

    fn load_vectors(&self, thread: Ref<Thread>) {
        arch::vectors_load(&thread.vectors);
        self.vectors_live.set(true);
    }
}
