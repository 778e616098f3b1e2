/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs lists of accesses: descriptor tables for the engine in run.S, and the way to its mode. */

#include "tests/guests/access/access.h"

#include <string.h>

#include "tests/guests/lib/guest.h"

#define GATE_DPL3 0xee
#define VECTORS   (END_FETCH + 1)

/* Source: Intel SDM 3A "Task-State Segment (TSS)". */
struct tss32 {
	u32 link, esp0, ss0;
	u32 others[22];
	u16 trap, iomap;
};

_Static_assert(sizeof(struct tss32) == 0x68, "the size of a 32-bit TSS");
_Static_assert(offsetof(struct attempt, after) == ATTEMPT_AFTER, "run.S");
_Static_assert(offsetof(struct attempt, kind) == ATTEMPT_KIND, "run.S");
_Static_assert(offsetof(struct attempt, end) == ATTEMPT_END, "run.S");
_Static_assert(offsetof(struct attempt, error) == ATTEMPT_ERROR, "run.S");
_Static_assert(offsetof(struct attempt, read) == ATTEMPT_READ, "run.S");
_Static_assert(offsetof(struct attempt, cr2) == ATTEMPT_CR2, "run.S");
_Static_assert(offsetof(struct attempt, frame) == ATTEMPT_FRAME, "run.S");
_Static_assert(sizeof(struct attempt) == ATTEMPT_SIZE, "run.S");

u32 mode_call(u64 cr0, u64 cr3, u64 cr4, u64 efer, u64 entry);

extern u64 run_slot[LEVELS_MAX], run_target[4], run_frame, run_first, run_end;
extern u32 run_ax[4], run_entry_size, run_pkru, run_has_pkru, run_by_cr3;
extern u8 run_idt[];
extern u8 access_run_32[], access_done_32[], access_fetched_32[], access_fault_32[];
extern u8 access_run_64[], access_done_64[], access_fetched_64[], access_fault_64[];
extern u8 access_other_32[], access_other_64[];

static u64 idt_32[VECTORS], idt_64[VECTORS][2];
static struct tss32 tss32;
static u8 stack[4096] __aligned(16); /* of interrupts from CPL 3 */

static u64 gate(u64 entry, u64 sel)
{
	return (entry & 0xffff) | sel << 16 | (u64)GATE_DPL3 << 40 | (entry >> 16 & 0xffff) << 48;
}

static void set_gates(u32 vector, const u8 *entry_32, const u8 *entry_64)
{
	idt_32[vector] = gate((u64)entry_32, SEL_CODE32);
	idt_64[vector][0] = gate((u64)entry_64, SEL_CODE64);
}

static u64 descriptor(u64 base, u64 limit, u64 type)
{
	return limit | (base & 0xffffff) << 16 | type << 40 | (base >> 24 & 0xff) << 56;
}

void run_init(void)
{
	u16 instruction = 0xcd | END_FETCH << 8; /* INT */
	u32 word = UNTOUCHED;
	u64 data = 0x00cff3000000ffff;

	for (u32 i = 0; i < 32; i++)
		set_gates(i, access_other_32 + i * 16ULL, access_other_64 + i * 16ULL);
	set_gates(EXC_PF, access_fault_32, access_fault_64);
	set_gates(END_DONE, access_done_32, access_done_64);
	set_gates(END_FETCH, access_fetched_32, access_fetched_64);
	gdt[SEL_UCODE32 / 8] = 0x00cffb000000ffff;
	tss32 = (struct tss32){ .esp0 = (u32)(u64)(stack + sizeof(stack)),
				.ss0 = SEL_DATA,
				.iomap = sizeof(tss32) };
	tss[0].rsp[0] = (u64)(stack + sizeof(stack));
	memcpy(frame + SPOT, &instruction, sizeof(instruction));
	memcpy(frame + SPOT + SPOT_WORD, &word, sizeof(word));
	memcpy(frame + SPOT + SPOT_DESC, &data, sizeof(data));
}

static void set_idt(bool long_mode)
{
	u16 limit = (u16)((long_mode ? sizeof(idt_64) : sizeof(idt_32)) - 1);
	u64 base = long_mode ? (u64)idt_64 : (u64)idt_32;

	memcpy(run_idt, &limit, sizeof(limit));
	memcpy(run_idt + sizeof(limit), &base, sizeof(base));
}

/* The engine loads TR in protected mode; neither TSS may be busy then. */
static void set_system_segments(const struct mode *m)
{
	u64 ldt = m->va + SPOT;

	gdt[SEL_TSS32 / 8] = descriptor((u64)&tss32, sizeof(tss32) - 1, 0x89);
	gdt[SEL_LDT / 8] = descriptor(ldt, SPOT_SEL, 0x82);
	gdt[SEL_LDT / 8 + 1] = ldt >> 32;
}

u64 run_target_of(const struct mode *m, u32 kind)
{
	static const u32 offset[] = { SPOT_WORD, SPOT_WORD, 0, SPOT_DESC };

	return m->va + SPOT + offset[kind & OP_MASK];
}

static void set_variables(const struct mode *m, const struct regs *r, u32 leaf_level, bool by_cr3)
{
	memset(run_slot, 0, sizeof(run_slot));
	for (u32 level = leaf_level; level <= m->levels; level++)
		run_slot[level - 1] = (u64)tables_slot(m, level);
	if (m->entry_size == 8 && !m->long_mode && !by_cr3)
		run_slot[2] = 0; /* a PDPTE has an effect when CR3 is loaded */
	for (u32 op = 0; op < 4; op++)
		run_target[op] = run_target_of(m, op);
	run_ax[OP_WRITE] = WRITTEN;
	run_ax[OP_LDT] = SPOT_SEL;
	run_frame = (u64)frame + SPOT + SPOT_WORD;
	run_entry_size = m->entry_size;
	run_by_cr3 = by_cr3;
	run_has_pkru = r->pke;
	run_pkru = r->pkru;
}

/* Back to the library's TSS. */
static void restore_tr(void)
{
	gdt[SEL_TSS / 8] &= ~(2ULL << 40);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void run(const struct mode *m, const struct regs *r, u32 leaf_level, bool by_cr3,
	 struct attempt list[], u32 nr)
{
	u64 cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG | (r->wp ? CR0_WP : 0);
	u64 cr4 = m->cr4 | (by_cr3 ? 0 : CR4_PGE) | (r->smep ? CR4_SMEP : 0) |
		  (r->smap ? CR4_SMAP : 0) | (r->pke ? CR4_PKE : 0);
	u64 efer = (m->long_mode ? EFER_LME : 0) | (r->nxe ? EFER_NXE : 0);

	set_idt(m->long_mode);
	set_system_segments(m);
	set_variables(m, r, leaf_level, by_cr3);
	run_first = (u64)list;
	run_end = (u64)(list + nr);
	mode_call(cr0, m->cr3, cr4, efer, (u64)(m->long_mode ? access_run_64 : access_run_32));
	restore_tr();
}
