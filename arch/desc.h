/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, TSS and IDT of one CPU. Source: AMD APM 2 "Segmented Virtual Memory". */
#pragma once

#include "lib/types.h"

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS  0x18

/* Interrupt stacks: these events may come at any instruction. */
enum {
	IST_NMI = 1,
	IST_DF,
	IST_MC,
	IST_NR = IST_MC,
};

struct cpu;

/* Allocates the tables and stacks for c. -ENOMEM. */
int desc_alloc(struct cpu *c);
/* Loads them on the CPU that is running, which must be c; sets GS so that this_cpu() works. */
void desc_load(struct cpu *c);

/* Where the tables of this CPU are. */
struct desc_tables {
	u64 gdt, idt, tss;
};

void desc_tables(struct desc_tables *t);
