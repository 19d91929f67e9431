//! Classification of the guest's instructions for the count: [`Instruction`].

/// The kinds of instructions that are distinguished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// An instruction of user mode, in the lower half of the address space.
    User,
    /// IRET, SYSRET or HLT: the kernel is left, or idles. Interrupts are enabled afterwards.
    Leave,
    /// A repeated MOVS or STOS.
    Repeated,
    /// SWAPGS: the first instruction of a system call's entry.
    SwapGs,
    /// The push of a constant. An interrupt's entry begins with that of its vector.
    Push(u64),
    /// Any other instruction of the kernel.
    Other,
}

/// The first address of the kernel's half.
const UPPER_HALF: u64 = 1 << 63;

impl Instruction {
    /// Classifies the instruction at this address.
    pub fn of(address: u64, bytes: &[u8]) -> Instruction {
        if address < UPPER_HALF {
            return Instruction::User;
        }
        match bytes {
            [0x48, 0xcf] | [0x48, 0x0f, 0x07] | [0xf4] => Instruction::Leave,
            [0x0f, 0x01, 0xf8] => Instruction::SwapGs,
            [0x68, a, b, c, d] => Instruction::Push(u32::from_le_bytes([*a, *b, *c, *d]).into()),
            [0xf2 | 0xf3, rest @ ..] if is_string_store(rest) => Instruction::Repeated,
            _ => Instruction::Other,
        }
    }
}

/// Whether it is MOVS or STOS, with or without a REX prefix.
fn is_string_store(bytes: &[u8]) -> bool {
    let opcode = match bytes {
        [0x40..=0x4f, rest @ ..] => rest,
        all => all,
    };
    matches!(opcode, [0xa4 | 0xa5 | 0xaa | 0xab])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: u64 = 0xffff_ffff_8000_0000;

    #[test]
    fn the_half_of_the_address_space_shows_the_mode() {
        assert_eq!(Instruction::of(0x40_0000, &[0xf4]), Instruction::User);
        assert_eq!(Instruction::of(KERNEL, &[0xf4]), Instruction::Leave);
        assert_eq!(Instruction::of(KERNEL, &[0x90]), Instruction::Other);
    }

    #[test]
    fn the_first_instructions_of_an_entry_are_recognised() {
        let push = [0x68, 0xf0, 0, 0, 0];
        assert_eq!(Instruction::of(KERNEL, &push), Instruction::Push(0xf0));
        let swapgs = [0x0f, 0x01, 0xf8];
        assert_eq!(Instruction::of(KERNEL, &swapgs), Instruction::SwapGs);
    }

    #[test]
    fn repeated_stores_are_distinguished_from_other_prefixes() {
        for bytes in [&[0xf3, 0x48, 0xab][..], &[0xf3, 0xa4], &[0xf2, 0x48, 0xa5]] {
            assert_eq!(Instruction::of(KERNEL, bytes), Instruction::Repeated);
        }
        for bytes in [&[0xf3, 0x0f, 0x1e, 0xfa][..], &[0xf3, 0x90], &[0x48, 0xab]] {
            assert_eq!(Instruction::of(KERNEL, bytes), Instruction::Other);
        }
    }
}
