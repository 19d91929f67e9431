//! Critical sections, for the crates that ask for them: in a domain with one thread that runs Rust code, and
//! without interrupts of its own, every section is critical already.

#[cfg(target_os = "none")]
mod alone {
    use critical_section::{Impl, RawRestoreState};

    struct Alone;

    critical_section::set_impl!(Alone);

    // SAFETY: Nothing can run between `acquire` and `release` but the caller: there is one thread.
    unsafe impl Impl for Alone {
        unsafe fn acquire() -> RawRestoreState {}
        unsafe fn release(_: RawRestoreState) {}
    }
}
