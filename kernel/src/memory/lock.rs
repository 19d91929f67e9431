//! The kernel lock: [`KernelLock`]. One for all cores, taken at every entry.

use crate::kernel::Kernel;

/// The one kernel, and the lock that makes a core its only user.
pub struct KernelLock(spin::Mutex<Option<Kernel>>);

// SAFETY: the kernel's cells and references are used only by the core that holds the mutex.
unsafe impl Sync for KernelLock {}

impl KernelLock {
    /// No kernel yet.
    pub const fn new() -> KernelLock {
        KernelLock(spin::Mutex::new(None))
    }

    /// Stores the kernel, once, and runs `action` on it.
    pub fn start<T>(&self, kernel: Kernel, action: impl FnOnce(&Kernel) -> T) -> T {
        let mut guard = self.0.lock();
        action(guard.insert(kernel))
    }

    /// Runs `action` on the kernel.
    ///
    /// # Panics
    /// If it has not been started.
    pub fn with<T>(&self, action: impl FnOnce(&Kernel) -> T) -> T {
        let guard = self.0.lock();
        action(guard.as_ref().expect("the kernel has started"))
    }
}

impl Default for KernelLock {
    fn default() -> Self {
        KernelLock::new()
    }
}
