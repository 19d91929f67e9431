//! Loops that fill registers, do not change them for a while, and compare them.

/// Spins with a distinct number in every general register; returns 0 if all are unchanged.
#[unsafe(naked)]
pub extern "C" fn keep_general(seed: u64, turns: u64) -> u64 {
    core::arch::naked_asm!(
        ".irp register, rbx, rbp, r12, r13, r14, r15",
        "push \\register",
        ".endr",
        "lea rbx, [rdi + 1]",
        "lea rcx, [rdi + 2]",
        "lea rdx, [rdi + 3]",
        "lea rbp, [rdi + 4]",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "lea r\\n, [rdi + \\n]",
        ".endr",
        // The loop preserves the carry flag: DEC and JNZ do not change it.
        "stc",
        "2: dec rsi",
        "jnz 2b",
        "sbb rax, rax",
        "add rax, 1",
        "sub rbx, 1",
        "sub rcx, 2",
        "sub rdx, 3",
        "sub rbp, 4",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "sub r\\n, \\n",
        ".endr",
        ".irp register, rbx, rcx, rdx, rbp, r8, r9, r10, r11, r12, r13, r14, r15",
        "xor \\register, rdi",
        "or rax, \\register",
        ".endr",
        ".irp register, r15, r14, r13, r12, rbp, rbx",
        "pop \\register",
        ".endr",
        "ret",
    )
}

/// The contents of all vector registers, 32 bytes each.
pub type Vectors = [u64; 64];

macro_rules! keep_vectors {
    ($(#[$doc:meta])* $name:ident, $move:literal, $register:literal, $last:literal) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(from: *const Vectors, to: *mut Vectors, turns: u64) {
            core::arch::naked_asm!(
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                concat!($move, " ", $register, "\\n, [rdi + 32 * \\n]"),
                ".endr",
                "2: dec rdx",
                "jnz 2b",
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                concat!($move, " [rsi + 32 * \\n], ", $register, "\\n"),
                ".endr",
                $last,
                "ret",
            )
        }
    };
}

keep_vectors! {
    /// Loads XMM0 to 15 from `from`, spins, and stores them at `to`.
    ///
    /// # Safety
    /// Both pointers are valid.
    keep_xmm, "movups", "xmm", ""
}

keep_vectors! {
    /// As [`keep_xmm`], with YMM0 to 15.
    ///
    /// # Safety
    /// Both pointers are valid, and AVX is enabled.
    keep_ymm, "vmovups", "ymm", "vzeroupper"
}

/// Whether the processor has AVX and the kernel has enabled it.
pub fn has_avx() -> bool {
    const AVX: u32 = 1 << 28;
    const AVX_STATE: u32 = 0b110;
    let [leaf_1_ecx, .., xcr0] = runtime::cpu::features();
    leaf_1_ecx & AVX != 0 && xcr0 & AVX_STATE == AVX_STATE
}

/// Loads a selector into DS, ES, FS and GS, as any thread may. No other thread may find it there.
pub fn leave_selectors() {
    // SAFETY: SS holds a selector that user mode may load. Only the bases of FS and GS have a meaning, and this program does not
    // use them.
    unsafe {
        core::arch::asm!("mov {0:e}, ss", "mov ds, {0:e}", "mov es, {0:e}", "mov fs, {0:e}", "mov gs, {0:e}",
            out(reg) _, options(nomem, nostack, preserves_flags));
    }
}

/// The union of DS, ES, FS and GS: zero for a thread that has loaded none.
pub fn selectors() -> u32 {
    let (ds, es, fs, gs): (u32, u32, u32, u32);
    // SAFETY: it reads four registers.
    unsafe {
        core::arch::asm!("mov {0:e}, ds", "mov {1:e}, es", "mov {2:e}, fs", "mov {3:e}, gs",
            out(reg) ds, out(reg) es, out(reg) fs, out(reg) gs, options(nomem, nostack, preserves_flags));
    }
    (ds | es | fs | gs) & 0xffff
}
