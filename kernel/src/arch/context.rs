//! A thread's integer registers: [`UserContext`].
//!
//! The context is in kernel memory, in its thread. The entry code stores and loads the registers by the field offsets of
//! this struct. The fields are cells because the entry code writes them while Rust code holds references to them.
//!
//! Invariant: a context that passed [`UserContext::sanitise`], or was saved by an entry from user mode, can be resumed
//! without a fault in the kernel.

use core::cell::Cell;
use core::fmt;

/// The integer registers of a thread in user mode.
#[repr(C)]
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct UserContext {
    pub rax: Cell<u64>,
    pub rbx: Cell<u64>,
    pub rcx: Cell<u64>,
    pub rdx: Cell<u64>,
    pub rsi: Cell<u64>,
    pub rdi: Cell<u64>,
    pub rbp: Cell<u64>,
    pub r8: Cell<u64>,
    pub r9: Cell<u64>,
    pub r10: Cell<u64>,
    pub r11: Cell<u64>,
    pub r12: Cell<u64>,
    pub r13: Cell<u64>,
    pub r14: Cell<u64>,
    pub r15: Cell<u64>,
    pub rip: Cell<u64>,
    pub rflags: Cell<u64>,
    pub rsp: Cell<u64>,
    pub fs_base: Cell<u64>,
    pub gs_base: Cell<u64>,
}

/// A register that must hold a canonical address but does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCanonical {
    /// The register's name.
    pub register: &'static str,
    /// Its value.
    pub value: u64,
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:#x} is not canonical", self.register, self.value)
    }
}

impl UserContext {
    /// The bit of RFLAGS that enables interrupts. It is set in every user context.
    pub const INTERRUPT_FLAG: u64 = 1 << 9;

    /// The bit of RFLAGS that always reads as one.
    const FIXED_FLAG: u64 = 1 << 1;

    /// The flags that belong to a thread's state: all that POPF can set in user mode. These are CF, PF, AF, ZF, SF, OF, DF,
    /// TF, NT, AC and ID. (DF is set if the thread was stopped in a backward copy.) None of these flags gives a privilege.
    /// An entry into the kernel clears the ones that would disturb the kernel. RF is not part of the state: POPF clears RF,
    /// which matters only for breakpoints in debug registers, and user mode has none.
    const CHOSEN_FLAGS: u64 = 0b1100_1101_0101 | 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;

    /// A context of zeros, with interrupts enabled.
    pub const fn new() -> Self {
        Self {
            rax: Cell::new(0),
            rbx: Cell::new(0),
            rcx: Cell::new(0),
            rdx: Cell::new(0),
            rsi: Cell::new(0),
            rdi: Cell::new(0),
            rbp: Cell::new(0),
            r8: Cell::new(0),
            r9: Cell::new(0),
            r10: Cell::new(0),
            r11: Cell::new(0),
            r12: Cell::new(0),
            r13: Cell::new(0),
            r14: Cell::new(0),
            r15: Cell::new(0),
            rip: Cell::new(0),
            rflags: Cell::new(Self::INTERRUPT_FLAG | Self::FIXED_FLAG),
            rsp: Cell::new(0),
            fs_base: Cell::new(0),
            gs_base: Cell::new(0),
        }
    }

    /// Makes untrusted registers safe to resume: masks the flags, and refuses addresses that the processor would refuse in
    /// kernel mode.
    ///
    /// A canonical address in the kernel's half is accepted. A thread can reach such a state by itself, so the state must be
    /// restorable: a jump into the kernel's half faults *after* RIP has changed, and WRGSBASE accepts any canonical base.
    /// Every use of the address in user mode faults. Neither SYSRET nor IRET checks RSP, so it may have any value.
    pub fn sanitise(&self) -> Result<(), NotCanonical> {
        for (register, cell) in [
            ("rip", &self.rip),
            ("fs_base", &self.fs_base),
            ("gs_base", &self.gs_base),
        ] {
            let value = cell.get();
            if !is_canonical(value) {
                return Err(NotCanonical { register, value });
            }
        }
        self.rflags.set(self.flags());
        Ok(())
    }

    /// The thread's own flags. A saved context may also have RF, which the processor sets when an instruction is to be retried.
    pub fn flags(&self) -> u64 {
        self.rflags.get() & Self::CHOSEN_FLAGS | Self::INTERRUPT_FLAG | Self::FIXED_FLAG
    }
}

impl Default for UserContext {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether bits 47 to 63 are all the same.
const fn is_canonical(address: u64) -> bool {
    matches!(address as i64 >> 47, 0 | -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_flags_that_would_give_privileges() {
        let context = UserContext::new();
        context.rflags.set(u64::MAX);
        assert_eq!(context.sanitise(), Ok(()));
        // Without IOPL, RF, VM, VIF, VIP and the reserved bits.
        assert_eq!(context.rflags.get(), 0x24_4fd7);
        context.rflags.set(0);
        assert_eq!(context.sanitise(), Ok(()));
        assert_eq!(context.rflags.get(), 0x202);
    }

    #[test]
    fn keeps_the_direction_of_an_interrupted_copy() {
        const DIRECTION_FLAG: u64 = 1 << 10;
        let context = UserContext::new();
        context.rflags.set(DIRECTION_FLAG);
        assert_eq!(context.sanitise(), Ok(()));
        assert_ne!(context.rflags.get() & DIRECTION_FLAG, 0);
    }

    #[test]
    fn refuses_addresses_that_are_not_canonical_and_names_the_register() {
        type Field = fn(&UserContext) -> &Cell<u64>;
        let registers: [(&str, Field); 3] = [
            ("rip", |c| &c.rip),
            ("fs_base", |c| &c.fs_base),
            ("gs_base", |c| &c.gs_base),
        ];
        for (register, field) in registers {
            let context = UserContext::new();
            for value in [1 << 47, 0xffff_0000_0000_0000, 1 << 63, 0x7fff << 48] {
                field(&context).set(value);
                assert_eq!(context.sanitise(), Err(NotCanonical { register, value }));
            }
            for value in [0, (1 << 47) - 1, 0xffff_8000_0000_0000, u64::MAX] {
                field(&context).set(value);
                assert_eq!(context.sanitise(), Ok(()));
            }
        }
    }
}
