//! Recognises the exceptions that an instruction raises because it refuses the values it has to load.
//!
//! IRET to an address that is not canonical and XRSTOR of a state with reserved bits raise a general protection fault with
//! error code 0. On some processors they raise a stack fault. Any other exception at these instructions (an NMI, a machine
//! check, a page fault) has another cause.

const STACK_FAULT: u64 = 12;
const GENERAL_PROTECTION: u64 = 13;

/// Whether an exception is such a refusal.
pub fn is_refusal(vector: u64, error: u64) -> bool {
    matches!(vector, STACK_FAULT | GENERAL_PROTECTION) && error == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_faults_about_the_values_are_refusals() {
        let refusals = (0..256).filter(|vector| is_refusal(*vector, 0));
        assert!(refusals.eq([STACK_FAULT, GENERAL_PROTECTION]));
        // An error code other than 0 names a selector, and all selectors are the kernel's own.
        assert!(!is_refusal(GENERAL_PROTECTION, 0x10));
    }
}
