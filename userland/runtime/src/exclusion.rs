//! The implementation of `critical-section`: a no-op in a domain, where one thread runs Rust code and there are no
//! interrupts.

#[cfg(target_os = "caravan")]
mod alone {
    use critical_section::{Impl, RawRestoreState};

    struct Alone;

    critical_section::set_impl!(Alone);

    // SAFETY: Only the caller can run between `acquire` and `release`: there is one thread.
    unsafe impl Impl for Alone {
        unsafe fn acquire() -> RawRestoreState {}
        unsafe fn release(_: RawRestoreState) {}
    }
}
