//! The implementation of `critical-section`: a no-op in a domain, where one thread uses the runtime and there are no interrupts.

#[cfg(target_os = "caravan")]
mod alone {
    use critical_section::{Impl, RawRestoreState};

    struct Alone;

    critical_section::set_impl!(Alone);

    // SAFETY: One thread uses critical sections, so no other section can begin between `acquire` and `release`.
    unsafe impl Impl for Alone {
        unsafe fn acquire() -> RawRestoreState {}
        unsafe fn release(_: RawRestoreState) {}
    }
}
