/* SPDX-License-Identifier: MIT */
/*
 * The switch for AArch64, AAPCS64. Saves x19-x30, the low halves of v8-v15, and FPCR on the stack of the flow
 * that is left. The layout must match struct frame in switch.c.
 */
#if defined __aarch64__ && !defined __ILP32__ && !defined AW_CORO_UCONTEXT

#define FRAME 176

	.text

/* void coro_jump(coro_context *from, coro_context *to) */
	.globl	coro_jump
	.hidden	coro_jump
	.type	coro_jump, %function
	.p2align 4
coro_jump:
	.cfi_startproc
	hint	#34	/* bti c */
	sub	sp, sp, #FRAME
	.cfi_adjust_cfa_offset FRAME
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	.cfi_rel_offset x19, 0
	.cfi_rel_offset x20, 8
	.cfi_rel_offset x21, 16
	.cfi_rel_offset x22, 24
	.cfi_rel_offset x23, 32
	.cfi_rel_offset x24, 40
	.cfi_rel_offset x25, 48
	.cfi_rel_offset x26, 56
	.cfi_rel_offset x27, 64
	.cfi_rel_offset x28, 72
	.cfi_rel_offset x29, 80
	.cfi_rel_offset x30, 88
	.cfi_rel_offset d8, 96
	.cfi_rel_offset d9, 104
	.cfi_rel_offset d10, 112
	.cfi_rel_offset d11, 120
	.cfi_rel_offset d12, 128
	.cfi_rel_offset d13, 136
	.cfi_rel_offset d14, 144
	.cfi_rel_offset d15, 152
	mrs	x2, fpcr
	str	x2, [sp, #160]

	/* Both stacks have the same layout here, so the CFI is valid before and after the switch. */
	mov	x3, sp
	str	x3, [x0]
	ldr	x3, [x1]
	mov	sp, x3

	ldr	x2, [sp, #160]
	msr	fpcr, x2
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x29, x30, [sp, #80]
	ldp	x27, x28, [sp, #64]
	ldp	x25, x26, [sp, #48]
	ldp	x23, x24, [sp, #32]
	ldp	x21, x22, [sp, #16]
	ldp	x19, x20, [sp, #0]
	add	sp, sp, #FRAME
	.cfi_def_cfa sp, 0
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore d8
	.cfi_restore d9
	.cfi_restore d10
	.cfi_restore d11
	.cfi_restore d12
	.cfi_restore d13
	.cfi_restore d14
	.cfi_restore d15
	ret
	.cfi_endproc
	.size	coro_jump, . - coro_jump

/* A flow's entry point: calls x20(x19). It has no caller, so backtraces end here. */
	.globl	coro_begin
	.hidden	coro_begin
	.type	coro_begin, %function
	.p2align 4
coro_begin:
	.cfi_startproc
	.cfi_undefined x30
	hint	#36	/* bti j: the switch may return here with an indirect branch */
	mov	x0, x19
	blr	x20
	brk	#0
	.cfi_endproc
	.size	coro_begin, . - coro_begin

#endif

#include "branch_note.S.inc"

	.section .note.GNU-stack, "", %progbits
