/*
 * Functions whose frames are unlike a compiler's, each with the tables that say so. All but the leaf call f(x), and
 * return what it returns.
 */
#include "stepper.h"

	.text
.macro function name
	.globl	\name
	.type	\name, %function
	.balign	16
\name:
	.cfi_startproc
.endm

.macro ends name
	.cfi_endproc
	.size	\name, . - \name
.endm

/* Nothing on the stack: the return address stays in its register. */
function frames_leaf
	mov	x0, x1
	add	x0, x0, #1
	sub	x0, x0, #1
	ret
ends frames_leaf

/* The return address is saved, the frame pointer is not. */
function frames_only_return
	str	x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset 30, -32
	mov	x2, x0
	mov	x0, x1
	blr	x2
	ldr	x30, [sp], #32
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	ret
ends frames_only_return

/* Frame pointer and return address lie apart, the wrong way round. */
function frames_apart
	sub	sp, sp, #64
	.cfi_def_cfa_offset 64
	str	x30, [sp, #8]
	.cfi_offset 30, -56
	str	x29, [sp, #40]
	.cfi_offset 29, -24
	mov	x29, #0
	mov	x2, x0
	mov	x0, x1
	blr	x2
	ldr	x29, [sp, #40]
	.cfi_restore 29
	ldr	x30, [sp, #8]
	.cfi_restore 30
	add	sp, sp, #64
	.cfi_def_cfa_offset 0
	ret
ends frames_apart

/* The CFA is by x19, which its callee must find again. */
function frames_other_register
	stp	x19, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 19, -16
	.cfi_offset 30, -8
	mov	x19, sp
	.cfi_def_cfa_register 19
	sub	sp, sp, #256
	mov	x2, x0
	mov	x0, x1
	blr	x2
	mov	sp, x19
	.cfi_def_cfa_register 31
	ldp	x19, x30, [sp], #16
	.cfi_restore 19
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	ret
ends frames_other_register

/* The CFA is in memory: what the word at sp + 8 says, plus 32. DW_CFA_def_cfa_expression, breg31 8, deref, plus_uconst 32 */
function frames_expression
	sub	sp, sp, #32
	.cfi_def_cfa_offset 32
	str	x30, [sp, #24]
	.cfi_offset 30, -8
	mov	x2, sp
	str	x2, [sp, #8]
	.cfi_escape 0x0f, 5, 0x8f, 8, 0x06, 0x23, 32
	mov	x2, x0
	mov	x0, x1
	blr	x2
	.cfi_def_cfa 31, 32
	ldr	x30, [sp, #24]
	.cfi_restore 30
	add	sp, sp, #32
	.cfi_def_cfa_offset 0
	ret
ends frames_expression

/* Two ways out, and the rules of the first kept for the second. */
function frames_remembered
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 29, -16
	.cfi_offset 30, -8
	mov	x29, sp
	mov	x2, x0
	mov	x0, x1
	cbnz	x1, 1f
	.cfi_remember_state
	ldp	x29, x30, [sp], #16
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	ret
1:	.cfi_restore_state
	blr	x2
	ldp	x29, x30, [sp], #16
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	ret
ends frames_remembered

/* The return address is signed, with the one key and the other. hint #25 is paciasp, #29 autiasp, #27 and #31 those of key B. */
.macro signed name, sign, check
function \name
	hint	#\sign
	.cfi_negate_ra_state
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 29, -16
	.cfi_offset 30, -8
	mov	x2, x0
	mov	x0, x1
	blr	x2
	ldp	x29, x30, [sp], #16
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	hint	#\check
	.cfi_negate_ra_state
	ret
ends \name
.endm
signed frames_signed, 25, 29

	.globl	frames_signed_b
	.type	frames_signed_b, %function
frames_signed_b:
	.cfi_startproc
	.cfi_b_key_frame
	hint	#27
	.cfi_negate_ra_state
	str	x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 30, -16
	mov	x2, x0
	mov	x0, x1
	blr	x2
	ldr	x30, [sp], #16
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	hint	#31
	.cfi_negate_ra_state
	ret
ends frames_signed_b

/* A frame of 320 KB, beyond what a cached row holds; and vector registers saved, of no matter to a walk. */
function frames_wide
	stp	x29, x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset 29, -32
	.cfi_offset 30, -24
	str	d8, [sp, #16]
	.cfi_offset 72, -16
	sub	sp, sp, #80, lsl #12
	.cfi_def_cfa_offset 327712
	mov	x2, x0
	mov	x0, x1
	blr	x2
	add	sp, sp, #80, lsl #12
	.cfi_def_cfa_offset 32
	ldr	d8, [sp, #16]
	ldp	x29, x30, [sp], #32
	.cfi_restore 29
	.cfi_restore 30
	.cfi_restore 72
	.cfi_def_cfa_offset 0
	ret
ends frames_wide

/* No tables, but a frame record: as hand-written code and that of run-time compilers has. */
	.globl	frames_unknown
	.type	frames_unknown, %function
	.balign	16
frames_unknown:
	stp	x29, x30, [sp, #-16]!
	mov	x29, sp
	brk	#MARK_HERE
	mov	x2, x0
	mov	x0, x1
	blr	x2
	ldp	x29, x30, [sp], #16
	ret
	.size	frames_unknown, . - frames_unknown

/* What the stepper's own handler returns to: it steps through what the others' return to. rt_sigreturn. */
	.globl	frames_return_from_trap
	.type	frames_return_from_trap, %function
frames_return_from_trap:
	mov	x8, #139
	svc	#0
	.size	frames_return_from_trap, . - frames_return_from_trap

	.section .note.GNU-stack, "", %progbits
