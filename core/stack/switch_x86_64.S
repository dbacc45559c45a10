/* SPDX-License-Identifier: MIT */
/*
 * The switch for x86-64, System V ABI. Saves rbx, rbp, r12-r15, MXCSR and the x87 control word on the stack
 * of the flow that is left. The layout must match struct frame in switch.c.
 */
#if defined __x86_64__ && !defined __ILP32__ && !defined AW_CORO_UCONTEXT

	.text

/* void coro_jump(coro_context *from, coro_context *to) */
	.globl	coro_jump
	.hidden	coro_jump
	.type	coro_jump, @function
	.p2align 4
coro_jump:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)

	/* Both stacks have the same layout here, so the CFI is valid before and after the switch. */
	movq	%rsp, (%rdi)
	movq	(%rsi), %rsp

	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	/* A ret would always be mispredicted: the return stack predicts the caller of the flow that is left. */
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmpq	*%rcx
	.cfi_endproc
	.size	coro_jump, . - coro_jump

/* A flow's entry point: calls r13(r12). It has no caller, so backtraces end here. */
	.globl	coro_begin
	.hidden	coro_begin
	.type	coro_begin, @function
	.p2align 4
coro_begin:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	movq	%r12, %rdi
	callq	*%r13
	ud2
	.cfi_endproc
	.size	coro_begin, . - coro_begin

#endif

#include "branch_note.S.inc"

	.section .note.GNU-stack, "", @progbits
