// SYSCALL from user mode.
// In:  RCX = user RIP, R11 = user RFLAGS, all other registers the user's; GS is the user's.
// Out: `resume`, with what `syscall_entered` returned in RAX.
.pushsection .text.entry, "ax", @progbits
.global syscall_entry
.balign 16
syscall_entry:
    swapgs
    mov gs:[{user_stack_pointer}], rsp
    mov rsp, gs:[{current}]
    mov [rsp + {rax}], rax
    mov [rsp + {rbx}], rbx
    mov [rsp + {rcx}], rcx
    mov [rsp + {rdx}], rdx
    mov [rsp + {rsi}], rsi
    mov [rsp + {rdi}], rdi
    mov [rsp + {rbp}], rbp
    mov [rsp + {r8}], r8
    mov [rsp + {r9}], r9
    mov [rsp + {r10}], r10
    mov [rsp + {r11}], r11
    mov [rsp + {r12}], r12
    mov [rsp + {r13}], r13
    mov [rsp + {r14}], r14
    mov [rsp + {r15}], r15
    mov [rsp + {rip}], rcx
    mov [rsp + {rflags}], r11
    mov rax, gs:[{user_stack_pointer}]
    mov [rsp + {rsp}], rax
    mov rsp, gs:[{stack_top}]
    xor ebp, ebp
    call {syscall_entered}

// Leaves the kernel.
// In:  RAX = the context to resume, or 0 to idle; GS is the kernel's; any kernel stack.
// SYSRET overwrites RCX with RIP and R11 with RFLAGS, so it is used only if the context's RCX and R11 already have these
// values.
.global resume
resume:
    test rax, rax
    jz 3f
    mov gs:[{current}], rax
    mov rcx, [rax + {rip}]
    mov r11, [rax + {rflags}]
    cmp rcx, [rax + {rcx}]
    jne 2f
    cmp r11, [rax + {r11}]
    jne 2f
    movabs rdx, {sysret_limit}
    cmp rcx, rdx
    jae 2f
    mov rbx, [rax + {rbx}]
    mov rdx, [rax + {rdx}]
    mov rsi, [rax + {rsi}]
    mov rdi, [rax + {rdi}]
    mov rbp, [rax + {rbp}]
    mov r8, [rax + {r8}]
    mov r9, [rax + {r9}]
    mov r10, [rax + {r10}]
    mov r12, [rax + {r12}]
    mov r13, [rax + {r13}]
    mov r14, [rax + {r14}]
    mov r15, [rax + {r15}]
    mov rsp, [rax + {rsp}]
    mov rax, [rax + {rax}]
    swapgs
    sysretq
2:
    mov rsp, gs:[{stack_top}]
    push {user_data}
    push [rax + {rsp}]
    push r11
    push {user_code}
    push rcx
    mov rbx, [rax + {rbx}]
    mov rcx, [rax + {rcx}]
    mov rdx, [rax + {rdx}]
    mov rsi, [rax + {rsi}]
    mov rdi, [rax + {rdi}]
    mov rbp, [rax + {rbp}]
    mov r8, [rax + {r8}]
    mov r9, [rax + {r9}]
    mov r10, [rax + {r10}]
    mov r11, [rax + {r11}]
    mov r12, [rax + {r12}]
    mov r13, [rax + {r13}]
    mov r14, [rax + {r14}]
    mov r15, [rax + {r15}]
    mov rax, [rax + {rax}]
    swapgs
.global resume_iret
resume_iret:
    iretq
3:
    mov qword ptr gs:[{current}], 0
    mov rsp, gs:[{stack_top}]
4:
    sti
    hlt
    jmp 4b

// `kernel_fault` continues here if that IRET faults because RIP is not canonical. The thread's context is complete, so this
// handles the fault as if IRET had completed and the thread had faulted.
// In:  GS is the user's.
.global resume_refused
resume_refused:
    swapgs
    mov edi, {general_protection}
    xor esi, esi
    jmp 6f

// Interrupts and exceptions, after the stubs.
// In:  the processor's frame on the stack, above an error code and the vector; interrupts off.
//      [rsp] vector, +8 error, +16 RIP, +24 CS, +32 RFLAGS, +40 RSP, +48 SS
// Out: `resume`. An interrupt from kernel mode comes only while idling, so the interrupted state is dropped.
interrupt_common:
    test byte ptr [rsp + 24], 3
    jz 5f
    swapgs
    push rax
    mov rax, gs:[{current}]
    mov [rax + {rbx}], rbx
    mov [rax + {rcx}], rcx
    mov [rax + {rdx}], rdx
    mov [rax + {rsi}], rsi
    mov [rax + {rdi}], rdi
    mov [rax + {rbp}], rbp
    mov [rax + {r8}], r8
    mov [rax + {r9}], r9
    mov [rax + {r10}], r10
    mov [rax + {r11}], r11
    mov [rax + {r12}], r12
    mov [rax + {r13}], r13
    mov [rax + {r14}], r14
    mov [rax + {r15}], r15
    pop [rax + {rax}]
    pop rdi
    pop rsi
    pop [rax + {rip}]
    add rsp, 8
    pop [rax + {rflags}]
    pop [rax + {rsp}]
    jmp 6f
5:
    cmp qword ptr [rsp], 32
    jb interrupt_fatal
    pop rdi
    pop rsi
6:
    mov rsp, gs:[{stack_top}]
    cld
    xor ebp, ebp
    call {interrupt_entered}
    jmp resume

// Exceptions of the kernel, and those that may come at any time (NMI, machine check, double fault). GS may be the user's or
// the kernel's. In: as `interrupt_common`. Out: returns, with the registers as `kernel_fault` left them in its frame.
interrupt_fatal:
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
    cld
    call {kernel_fault}
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    iretq

// One stub per vector, all of one size: push 0 if the processor pushes no error code, push the vector, jump.
.global interrupt_stubs
.balign {stub_bytes}
interrupt_stubs:
.set vector, 0
.rept 256
    .balign {stub_bytes}
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    .byte 0x6a, 0
    .endif
    .byte 0x68
    .long vector
    .if (vector == 2) || (vector == 8) || (vector == 18)
    jmp interrupt_fatal
    .else
    jmp interrupt_common
    .endif
    .set vector, vector + 1
.endr
.popsection
