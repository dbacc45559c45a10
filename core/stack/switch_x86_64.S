/* SPDX-License-Identifier: MIT */
/* The beginning of a flow for x86-64, System V ABI. The switch itself is inline (switch.h). */
#if defined __x86_64__ && !defined __ILP32__ && !defined AW_CORO_UCONTEXT

	.text

/*
 * A flow's entry point: loads the x87 control word from its context, which is in rsi, and calls the function that
 * struct frame in switch.c names. The jump has loaded MXCSR. It has no caller, so backtraces end here.
 */
	.globl	coro_begin
	.hidden	coro_begin
	.type	coro_begin, @function
	.p2align 4
coro_begin:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	fldcw	28(%rsi)
	popq	%rdi
	popq	%rax
	xorl	%ebp, %ebp
	callq	*%rax
	ud2
	.cfi_endproc
	.size	coro_begin, . - coro_begin

#endif

#include "branch_note.S.inc"

	.section .note.GNU-stack, "", @progbits
