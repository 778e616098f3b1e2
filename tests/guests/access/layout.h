/* SPDX-License-Identifier: BSD-2-Clause */
/* What run.S and the C code must agree on. */
#pragma once

/* struct attempt */
#define ATTEMPT_BEFORE 0
#define ATTEMPT_AFTER  40
#define ATTEMPT_KIND   80
#define ATTEMPT_END    84
#define ATTEMPT_ERROR  88
#define ATTEMPT_READ   92
#define ATTEMPT_CR2    96
#define ATTEMPT_FRAME  104
#define ATTEMPT_SIZE   112

/* Kind of an access: the operation, and these. */
#define OP_READ   0
#define OP_WRITE  1
#define OP_FETCH  2
#define OP_LDT    3 /* read by the CPU itself, to load a segment: an implicit supervisor access */
#define OP_MASK   3
#define KIND_USER 4 /* at CPL 3 */
#define KIND_AC   8 /* with EFLAGS.AC */
#define KIND_NR   16
#define KIND_KEEP 16 /* entries and TLB are as the access before has left them */

/* How an attempt ended: the vector of an exception, or one of these software interrupts. */
#define END_DONE  0x80 /* the instruction behind the access */
#define END_FETCH 0x81 /* the instruction in the frame under test */

/* The frame under test holds at an offset in the page: END_FETCH, a word, a descriptor. */
#define SPOT       0x440
#define SPOT_WORD  8
#define SPOT_DESC  16
#define SPOT_SEL   0x17 /* the descriptor at LDT base + 16 */
#define UNTOUCHED  0x52464e55
#define WRITTEN    0x54495257
#define STUB_ALIGN 8

#define USER_VA 0x40000000 /* where the code for CPL 3 is mapped in all modes */

/* Selectors in the place of TSSs of CPUs that this program does not start. */
#define SEL_UCODE32 0x53
#define SEL_TSS32   0x58
#define SEL_LDT     0x60
