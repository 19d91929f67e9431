//! Registers that are filled, left alone for a while, and looked at.

/// Spins in a loop with every general register holding a number of its own; returns 0 if all still do.
#[unsafe(naked)]
pub extern "C" fn keep_general(seed: u64, turns: u64) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "lea rbx, [rdi + 1]",
        "lea rcx, [rdi + 2]",
        "lea rdx, [rdi + 3]",
        "lea rbp, [rdi + 4]",
        "lea r8, [rdi + 8]",
        "lea r9, [rdi + 9]",
        "lea r10, [rdi + 10]",
        "lea r11, [rdi + 11]",
        "lea r12, [rdi + 12]",
        "lea r13, [rdi + 13]",
        "lea r14, [rdi + 14]",
        "lea r15, [rdi + 15]",
        // The carry is kept over the loop: neither LEA nor DEC nor JNZ changes it.
        "stc",
        "2: dec rsi",
        "jnz 2b",
        "sbb rax, rax",
        "add rax, 1",
        "sub rbx, 1",
        "sub rcx, 2",
        "sub rdx, 3",
        "sub rbp, 4",
        "sub r8, 8",
        "sub r9, 9",
        "sub r10, 10",
        "sub r11, 11",
        "sub r12, 12",
        "sub r13, 13",
        "sub r14, 14",
        "sub r15, 15",
        "xor rbx, rdi",
        "xor rcx, rdi",
        "xor rdx, rdi",
        "xor rbp, rdi",
        "xor r8, rdi",
        "xor r9, rdi",
        "xor r10, rdi",
        "xor r11, rdi",
        "xor r12, rdi",
        "xor r13, rdi",
        "xor r14, rdi",
        "xor r15, rdi",
        "or rax, rbx",
        "or rax, rcx",
        "or rax, rdx",
        "or rax, rbp",
        "or rax, r8",
        "or rax, r9",
        "or rax, r10",
        "or rax, r11",
        "or rax, r12",
        "or rax, r13",
        "or rax, r14",
        "or rax, r15",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Room for all vector registers, 32 bytes each.
pub type Vectors = [u64; 64];

/// As [`keep_general`], with XMM0 to 15, which are read from `from` and written to `to`.
///
/// # Safety
/// Both are there.
#[unsafe(naked)]
pub unsafe extern "C" fn keep_xmm(from: *const Vectors, to: *mut Vectors, turns: u64) {
    core::arch::naked_asm!(
        "movups xmm0, [rdi]",
        "movups xmm1, [rdi + 32]",
        "movups xmm2, [rdi + 64]",
        "movups xmm3, [rdi + 96]",
        "movups xmm4, [rdi + 128]",
        "movups xmm5, [rdi + 160]",
        "movups xmm6, [rdi + 192]",
        "movups xmm7, [rdi + 224]",
        "movups xmm8, [rdi + 256]",
        "movups xmm9, [rdi + 288]",
        "movups xmm10, [rdi + 320]",
        "movups xmm11, [rdi + 352]",
        "movups xmm12, [rdi + 384]",
        "movups xmm13, [rdi + 416]",
        "movups xmm14, [rdi + 448]",
        "movups xmm15, [rdi + 480]",
        "2: dec rdx",
        "jnz 2b",
        "movups [rsi], xmm0",
        "movups [rsi + 32], xmm1",
        "movups [rsi + 64], xmm2",
        "movups [rsi + 96], xmm3",
        "movups [rsi + 128], xmm4",
        "movups [rsi + 160], xmm5",
        "movups [rsi + 192], xmm6",
        "movups [rsi + 224], xmm7",
        "movups [rsi + 256], xmm8",
        "movups [rsi + 288], xmm9",
        "movups [rsi + 320], xmm10",
        "movups [rsi + 352], xmm11",
        "movups [rsi + 384], xmm12",
        "movups [rsi + 416], xmm13",
        "movups [rsi + 448], xmm14",
        "movups [rsi + 480], xmm15",
        "ret",
    )
}

/// As [`keep_xmm`], with YMM0 to 15.
///
/// # Safety
/// Both are there, and the processor has AVX, switched on.
#[unsafe(naked)]
pub unsafe extern "C" fn keep_ymm(from: *const Vectors, to: *mut Vectors, turns: u64) {
    core::arch::naked_asm!(
        "vmovups ymm0, [rdi]",
        "vmovups ymm1, [rdi + 32]",
        "vmovups ymm2, [rdi + 64]",
        "vmovups ymm3, [rdi + 96]",
        "vmovups ymm4, [rdi + 128]",
        "vmovups ymm5, [rdi + 160]",
        "vmovups ymm6, [rdi + 192]",
        "vmovups ymm7, [rdi + 224]",
        "vmovups ymm8, [rdi + 256]",
        "vmovups ymm9, [rdi + 288]",
        "vmovups ymm10, [rdi + 320]",
        "vmovups ymm11, [rdi + 352]",
        "vmovups ymm12, [rdi + 384]",
        "vmovups ymm13, [rdi + 416]",
        "vmovups ymm14, [rdi + 448]",
        "vmovups ymm15, [rdi + 480]",
        "2: dec rdx",
        "jnz 2b",
        "vmovups [rsi], ymm0",
        "vmovups [rsi + 32], ymm1",
        "vmovups [rsi + 64], ymm2",
        "vmovups [rsi + 96], ymm3",
        "vmovups [rsi + 128], ymm4",
        "vmovups [rsi + 160], ymm5",
        "vmovups [rsi + 192], ymm6",
        "vmovups [rsi + 224], ymm7",
        "vmovups [rsi + 256], ymm8",
        "vmovups [rsi + 288], ymm9",
        "vmovups [rsi + 320], ymm10",
        "vmovups [rsi + 352], ymm11",
        "vmovups [rsi + 384], ymm12",
        "vmovups [rsi + 416], ymm13",
        "vmovups [rsi + 448], ymm14",
        "vmovups [rsi + 480], ymm15",
        "vzeroupper",
        "ret",
    )
}

/// Whether AVX may be used: the processor has it and the kernel switched it on.
pub fn has_avx() -> bool {
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    const AVX_STATE: u64 = 0b110;
    let leaf = core::arch::x86_64::__cpuid(1);
    if leaf.ecx & OSXSAVE_AND_AVX != OSXSAVE_AND_AVX {
        return false;
    }
    let (low, high): (u32, u32);
    // SAFETY: OSXSAVE says that user code may execute XGETBV.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
    }
    (u64::from(high) << 32 | u64::from(low)) & AVX_STATE == AVX_STATE
}

/// Loads a selector into DS, ES, FS and GS: any thread may, and no other thread must find it there.
pub fn leave_selectors() {
    // SAFETY: SS holds a selector that user mode may load. The segments have no meaning but for the bases of FS and GS, which
    // this program does not use.
    unsafe {
        core::arch::asm!("mov {0:e}, ss", "mov ds, {0:e}", "mov es, {0:e}", "mov fs, {0:e}", "mov gs, {0:e}",
            out(reg) _, options(nomem, nostack, preserves_flags));
    }
}

/// What is in DS, ES, FS and GS, all together: zero for a thread that left nothing there.
pub fn selectors() -> u32 {
    let (ds, es, fs, gs): (u32, u32, u32, u32);
    // SAFETY: it reads four registers.
    unsafe {
        core::arch::asm!("mov {0:e}, ds", "mov {1:e}, es", "mov {2:e}, fs", "mov {3:e}, gs",
            out(reg) ds, out(reg) es, out(reg) fs, out(reg) gs, options(nomem, nostack, preserves_flags));
    }
    (ds | es | fs | gs) & 0xffff
}
