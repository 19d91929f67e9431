//! The kernel lock: [`KernelLock`]. All cores share it, and every entry takes it.

/// The state of the one kernel, and the lock that makes a core its only user.
pub struct KernelLock<T>(spin::Mutex<Option<T>>);

// SAFETY: only the core that holds the mutex uses the kernel's cells and references, including those to frames.
unsafe impl<T> Sync for KernelLock<T> {}

impl<T> KernelLock<T> {
    /// A lock without a kernel.
    pub const fn new() -> KernelLock<T> {
        KernelLock(spin::Mutex::new(None))
    }

    /// Stores the kernel and runs `action` on it. Called once.
    pub fn start<R>(&self, kernel: T, action: impl FnOnce(&T) -> R) -> R {
        let mut guard = self.0.lock();
        action(guard.insert(kernel))
    }

    /// Runs `action` on the kernel.
    ///
    /// # Panics
    /// If it has not been started.
    pub fn with<R>(&self, action: impl FnOnce(&T) -> R) -> R {
        let guard = self.0.lock();
        action(guard.as_ref().expect("the kernel has started"))
    }
}
