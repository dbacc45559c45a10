/* SPDX-License-Identifier: MIT */
/*
 * For the end of each assembly file: says that its code has a landing pad wherever it is branched to
 * indirectly. The linker marks an object only if all of its parts say so, hence also those that are empty on
 * this machine.
 */
#if defined __x86_64__ && !defined __ILP32__
	/* Indirect branch tracking only: a shadow stack isn't switched, so the object must not claim to know one. */
	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4
	.long	16
	.long	5
	.asciz	"GNU"
	.long	0xc0000002
	.long	4
	.long	1
	.long	0
#elif defined __aarch64__ && !defined __ILP32__
	/* Branch target identification only: return addresses are not signed here. */
	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4
	.word	16
	.word	5
	.asciz	"GNU"
	.word	0xc0000000
	.word	4
	.word	1
	.word	0
#endif
