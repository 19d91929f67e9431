// What a loader looks for in the file.
.pushsection .boot.header, "a", @progbits
.balign 8
multiboot2_header:
    .long {multiboot2_header_magic}
    .long 0                                     // i386: entered in 32-bit mode
    .long multiboot2_header_end - multiboot2_header
    .long -({multiboot2_header_magic} + (multiboot2_header_end - multiboot2_header))
    // Modules begin on pages.
    .word 6, 0
    .long 8
    // A linear framebuffer of 32 bits a pixel, of any size, if there is one.
    .word 5, 1
    .long 20
    .long 0, 0, 32
    .balign 8
    .word 0, 0
    .long 8
multiboot2_header_end:
.popsection

.pushsection .boot.note, "a", @note
.balign 4
    .long 4, 4, 18                              // sizes of name and value; XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long _start_pvh
.popsection

.pushsection .boot.text, "ax", @progbits
.code32
// PVH: 32-bit mode, flat segments, no paging, interrupts off.
// In:  EBX = physical address of the hvm_start_info.
.global _start_pvh
_start_pvh:
    mov esi, {protocol_pvh}
    jmp enter_long_mode

// Multiboot2: the same state.
// In:  EAX = the protocol's magic number, EBX = physical address of the boot information.
.global _start_multiboot2
_start_multiboot2:
    cmp eax, {multiboot2_magic}
    jne hang
    mov esi, {protocol_multiboot2}

// In:  EBX = what the loader left, ESI = the protocol.
// Out: `boot_entered` in 64-bit mode, at its high address, with EBX, ESI and the time-stamp counter as its arguments.
//      The first 4 GiB are mapped at 0, at the direct map's place and (1 GiB) at the kernel's.
enter_long_mode:
    cli
    cld
    mov edi, ebx
    rdtsc
    mov [early_ticks], eax
    mov [early_ticks + 4], edx
    mov eax, 0x80000001
    cpuid
    and edx, (1 << 29) | (1 << 20)              // long mode, no-execute
    cmp edx, (1 << 29) | (1 << 20)
    jne hang

    xor ecx, ecx
2:
    mov eax, ecx
    shl eax, 21
    or eax, 0x83                                // present, writable, 2 MiB
    mov [early_directories + ecx * 8], eax
    inc ecx
    cmp ecx, 4 * 512
    jne 2b
    mov dword ptr [early_pointers + 0], offset early_directories + 0x0003
    mov dword ptr [early_pointers + 8], offset early_directories + 0x1003
    mov dword ptr [early_pointers + 16], offset early_directories + 0x2003
    mov dword ptr [early_pointers + 24], offset early_directories + 0x3003
    mov dword ptr [early_pointers_kernel + 510 * 8], offset early_directories + 3
    mov dword ptr [early_root + 0], offset early_pointers + 3
    mov dword ptr [early_root + 256 * 8], offset early_pointers + 3
    mov dword ptr [early_root + 511 * 8], offset early_pointers_kernel + 3

    mov eax, cr4
    or eax, 1 << 5                              // PAE
    mov cr4, eax
    mov eax, offset early_root
    mov cr3, eax
    mov ecx, 0xc0000080                         // EFER: long mode, no-execute
    rdmsr
    or eax, (1 << 8) | (1 << 11)
    wrmsr
    mov eax, cr0
    or eax, (1 << 31) | (1 << 16) | 1           // paging, write protection, protection
    mov cr0, eax
    lgdt [early_segments_pointer]
    .byte 0xea                                  // far jump to 8:long_mode
    .long long_mode
    .word 8

hang:
    hlt
    jmp hang

.code64
long_mode:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov edi, edi
    mov esi, esi
    mov rdx, [early_ticks]
    movabs rsp, offset {stack} + {stack_bytes}
    xor ebp, ebp
    movabs rax, offset {boot_entered}
    call rax

.balign 8
early_segments:
    .quad 0, 0x00af9a000000ffff                 // 64-bit code
early_segments_pointer:
    .word 15
    .long early_segments
.popsection

.pushsection .boot.bss, "aw", @nobits
.balign 4096
early_root:             .skip 4096
early_pointers:         .skip 4096
early_pointers_kernel:  .skip 4096
early_directories:      .skip 4 * 4096
early_ticks:            .skip 8
.popsection
