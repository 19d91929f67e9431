// The headers that loaders look for in the file.
.pushsection .boot.header, "a", @progbits
.balign 8
multiboot2_header:
    .long {multiboot2_header_magic}
    .long 0                                     // i386: entered in 32-bit mode
    .long multiboot2_header_end - multiboot2_header
    .long -({multiboot2_header_magic} + (multiboot2_header_end - multiboot2_header))
    // Modules are aligned to pages.
    .word 6, 0
    .long 8
    // A linear framebuffer of 32 bits per pixel, of any size, if there is one.
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
    mov esi, offset not_multiboot2
    jne refuse
    mov esi, {protocol_multiboot2}

// In:  EBX = the loader's data, ESI = the protocol.
// Out: `boot_entered` in 64-bit mode, at its high address, with EBX, ESI and the time-stamp counter as its arguments.
//      The first 4 GiB are mapped at 0, at the direct map's address and (1 GiB) at the kernel's.
enter_long_mode:
    cli
    cld
    mov edi, ebx
    rdtsc
    mov [early_ticks], eax
    mov [early_ticks + 4], edx
    mov ebp, esi
    mov eax, 0x80000000
    cpuid
    xor edx, edx
    cmp eax, 0x80000001
    jb 1f
    mov eax, 0x80000001
    cpuid
1:
    mov esi, offset no_long_mode
    bt edx, 29
    jnc refuse
    mov esi, ebp
    mov ebp, edx                                // bit 20: no-execute

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

    // Reset the loader's settings: with 5-level paging, for example, the processor would interpret these tables differently.
    mov eax, 1 << 5                             // PAE
    mov cr4, eax
    mov eax, offset early_root
    mov cr3, eax
    mov ecx, 0xc0000080                         // EFER: long mode
    rdmsr
    or eax, 1 << 8
    bt ebp, 20                                  // and no-execute, without which `boot_entered` refuses to continue
    jnc 8f
    or eax, 1 << 11
8:
    wrmsr
    mov eax, cr0
    or eax, (1 << 31) | (1 << 16) | 1           // paging, write protection, protection
    mov cr0, eax
    lgdt [early_segments_pointer]
    .byte 0xea                                  // far jump to 8:long_mode
    .long long_mode
    .word 8

// Refuses a machine that cannot run the kernel: prints a text on the first serial port, and on the screen if it is in text
// mode. In: ESI = the text, which ends with a zero.
refuse:
    mov dx, 0x3f9                               // no interrupts
    xor eax, eax
    out dx, al
    mov dx, 0x3fb                               // 115,200 baud
    mov al, 0x80
    out dx, al
    mov dx, 0x3f8
    mov al, 1
    out dx, al
    mov dx, 0x3f9
    xor eax, eax
    out dx, al
    mov dx, 0x3fb                               // 8N1
    mov al, 3
    out dx, al
    mov edi, 0xb8000
3:
    mov bl, [esi]
    inc esi
    test bl, bl
    jz 7f
    cmp bl, 32                                  // the end of the line is not shown on the screen
    jb 4f
    mov bh, 0x4f                                // white on red
    mov [edi], bx
    add edi, 2
4:
    mov ecx, 10000
    mov dx, 0x3fd
5:
    in al, dx
    test al, 1 << 5                             // the transmitter is empty
    jnz 6f
    dec ecx
    jnz 5b
6:
    mov al, bl
    mov dx, 0x3f8
    out dx, al
    jmp 3b
7:
    cli
    hlt
    jmp 7b

not_multiboot2:
    .asciz "caravan: the loader did not start this kernel by multiboot2\r\n"
no_long_mode:
    .asciz "caravan: this processor has no 64-bit mode\r\n"

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
