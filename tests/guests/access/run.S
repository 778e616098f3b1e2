/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: makes a list of accesses in one mode of paging and notes what came of each. It is
 * assembled twice, for protected and for 64-bit mode. run.c fills in the variables at the end.
 */

#include "tests/guests/access/layout.h"

#define SEL_CODE64 0x08
#define SEL_DATA   0x10
#define SEL_CODE32 0x18
#define SEL_UDATA  0x33
#define SEL_UCODE  0x3b
#define EXC_PF     14

	.text
	/*
	 * The accesses, STUB_ALIGN bytes apart: EDI is the address, EAX what is written or the
	 * selector to load. The bytes mean the same in both modes. CPL 3 runs a copy.
	 */
	.balign STUB_ALIGN
	.global access_stubs, access_stubs_end
access_stubs:
	.byte 0x8b, 0x07		/* mov (%edi), %eax */
	int $END_DONE
	.balign STUB_ALIGN
	.byte 0x89, 0x07		/* mov %eax, (%edi) */
	int $END_DONE
	.balign STUB_ALIGN
	.byte 0xff, 0xe7		/* jmp *%edi */
	.balign STUB_ALIGN
	.byte 0x8e, 0xe0		/* mov %eax, %fs */
	int $END_DONE
access_stubs_end:

#define BITS	 32
#define R(name)	 %e##name
#define N(name)	 name##_32
#define IRET	 iretl
#define CODE	 SEL_CODE32
#define UCODE	 SEL_UCODE32
	.code32
#include "tests/guests/access/engine.inc"
#undef BITS
#undef R
#undef N
#undef IRET
#undef CODE
#undef UCODE

#define BITS	 64
#define R(name)	 %r##name
#define N(name)	 name##_64
#define IRET	 iretq
#define CODE	 SEL_CODE64
#define UCODE	 SEL_UCODE
	.code64
#include "tests/guests/access/engine.inc"

	.data
	.balign 8
	.global run_slot, run_entry_size, run_target, run_ax, run_pkru, run_has_pkru, run_by_cr3
	.global run_frame, run_first, run_end, run_idt
run_slot:	.fill 5, 8, 0		/* where the entries go; 0 where there is none */
run_target:	.fill 4, 8, 0		/* address for each operation */
run_ax:		.fill 4, 4, 0		/* and EAX */
run_frame:	.quad 0			/* the word that accesses read and write */
run_first:	.quad 0			/* list of attempts */
run_end:	.quad 0
run_idt:	.fill 2, 8, 0		/* for LIDT */
run_stack:	.quad 0
run_entry_size:	.long 0
run_pkru:	.long 0
run_has_pkru:	.long 0
run_by_cr3:	.long 0
