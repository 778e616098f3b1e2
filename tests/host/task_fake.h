/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of task switches: 64 KiB of memory with a GDT, tasks A, B and one of 16 bits, and A
 * running. Linear addresses are physical ones.
 */
#pragma once

#include "tests/host/vm_fake.h"

#include <errno.h>

#include "vm/cr.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/paging.h"

#define RAM_SIZE 0x10000u
#define GDT      0x1000u
#define LDT      0x1800u
#define TSS_A    0x2000u /* at the start of a page */
#define TSS_B    0x3fd0u /* in two pages */
#define TSS_16   0x5000u
#define STACK_B  0x7800u
#define RIP      0x401000u

enum {
	DATA = 0x10,
	CODE = 0x18,
	UDATA = 0x23,
	UCODE = 0x2b,
	A = 0x40,
	B = 0x48,
	T16 = 0x50,
	LDT_SEL = 0x58,
	X = 0x60, /* as a test wants it */
	GDT_LIMIT = 0x7f,
};

/* Offsets in a 32-bit TSS. */
enum {
	T_LINK = 0,
	T_CR3 = 0x1c,
	T_EIP = 0x20,
	T_EFLAGS = 0x24,
	T_GPR = 0x28,
	T_SEG = 0x48,
	T_LDT = 0x60,
	T_TRAP = 0x64,
};

static u8 ram[RAM_SIZE], before[RAM_SIZE];
static bool no_page[16], read_only[16], device[16], user_page[16];
static u32 next_op, changed, kills, dbs, nmi_calls;
static u64 db_bits;
static bool nmi_mask, cr3_bad, fetch_fails, shadow_cleared;
static struct vcpu_event fault; /* the last one injected */
static u32 nr_faults;
static u64 fault_cr2, guarded_cr3;
static u16 guarded_tr;

bool mmu_translate(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *f)
{
	u64 page = gva.v / PAGE_SIZE % 16;

	(void)m;
	(void)regs;
	assert_true(access & MMU_IMPLICIT);
	*gpa = GPA(gva.v);
	*f = (struct mmu_gfault){ .gva = gva, .error = access & (MMU_W | MMU_U) };
	return !no_page[page] && !((access & MMU_W) && read_only[page]) &&
	       !((access & MMU_U) && !user_page[page]);
}

static bool in_ram(gpa_t gpa, u64 len)
{
	return gpa.v + len <= RAM_SIZE && !device[gpa.v / PAGE_SIZE];
}

int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len)
{
	(void)m;
	if (!in_ram(gpa, len))
		return -EFAULT;
	memcpy(buf, ram + gpa.v, len);
	return 0;
}

int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len)
{
	(void)m;
	if (!in_ram(gpa, len))
		return -EFAULT;
	memcpy(ram + gpa.v, buf, len);
	return 0;
}

bool fetch_decode(struct vcpu *v, struct fetch *f, struct insn *in)
{
	(void)v;
	(void)f;
	*in = (struct insn){ .op = (u8)next_op, .len = 5 };
	return !fetch_fails;
}

void fetch_changed(struct vcpu *v)
{
	(void)v;
	changed++;
}

void vcpu_inject(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	(void)v;
	fault = (struct vcpu_event){ EVENT_EXC, vector, has_error, error };
	nr_faults++;
}

void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f)
{
	fault_cr2 = f->gva.v;
	vcpu_inject(v, EXC_PF, true, f->error);
}

void vcpu_inject_db(struct vcpu *v, u64 dr6)
{
	assert_int_equal(v->pending.type, EVENT_NONE);
	dbs++;
	db_bits = dr6;
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	kills++;
}

bool vcpu_write_cr3(struct vcpu *v, u64 val)
{
	hv->set_sreg(v, SR_CR3, val);
	return !cr3_bad;
}

bool paging_write(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	hv->set_sreg(v, r, val);
	return true;
}

/* By then it must see the new TSS and the new CR3. */
void task_guard_update(struct vcpu *v)
{
	struct segment tr;

	hv->get_seg(v, S_TR, &tr);
	guarded_tr = tr.sel;
	guarded_cr3 = hv->get_sreg(v, SR_CR3);
}

static void get_paging(struct vcpu *v, struct mmu_regs *r)
{
	*r = (struct mmu_regs){ .cr0 = fake_sreg[SR_CR0], .cr3 = fake_sreg[SR_CR3] };
	r->rflags = v->regs.rflags;
	r->cpl = (u8)SEG_DPL(fake_seg[S_SS].attr);
}

static void mask_nmi(struct vcpu *v, bool masked)
{
	(void)v;
	nmi_calls++;
	nmi_mask = masked;
}

static void clear_shadow(struct vcpu *v, bool on)
{
	assert_false(on);
	(void)v;
	shadow_cleared = true;
}

/* --- the world -------------------------------------------------------------------------------- */

static void put(u32 at, u64 val, u32 n)
{
	memcpy(ram + at, &val, n);
}

static u64 get(u32 at, u32 n)
{
	u64 val = 0;

	memcpy(&val, ram + at, n);
	return val;
}

static u64 descriptor(u32 base, u32 limit, u32 attr)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
	       (u64)(limit >> 16 & 15) << 48 | (u64)(attr >> 8) << 52 | (u64)(base >> 24) << 56;
}

static void desc(u32 sel, u32 base, u32 limit, u32 attr)
{
	put(GDT + (sel & ~7u), descriptor(base, limit, attr), 8);
}

#define FLAT(type) 0, 0xfffff, 0xc00 | (type)

static void make_tss32(u32 at, u32 nr)
{
	static const u16 segs[] = { DATA, CODE, DATA, DATA, 0, 0 };

	put(at + T_CR3, 0x5000 * nr, 4);
	put(at + T_EIP, 0x100000 * nr, 4);
	put(at + T_EFLAGS, 2, 4);
	for (u32 i = 0; i < 8; i++)
		put(at + T_GPR + 4 * i, nr << 24 | i, 4);
	put(at + T_GPR + 4 * R_SP, STACK_B, 4);
	for (u32 i = 0; i < 6; i++)
		put(at + T_SEG + 4 * i, 0xeeee0000 | segs[i], 4);
}

static void make_tss16(u32 at)
{
	static const u16 segs[] = { DATA, CODE, DATA, DATA };

	put(at + 0x0e, 0x1616, 2);
	put(at + 0x10, 2, 2);
	for (u32 i = 0; i < 8; i++)
		put(at + 0x12 + 2 * i, 0x1600 + i, 2);
	put(at + 0x12 + 2 * R_SP, STACK_B, 2);
	for (u32 i = 0; i < 4; i++)
		put(at + 0x22 + 2 * i, segs[i], 2);
}

static void make_registers(void)
{
	for (u32 i = 0; i < 8; i++)
		fake_vcpu.regs.gpr[i] = 0xa0000000 + i;
	fake_vcpu.regs.rip = RIP;
	fake_vcpu.regs.rflags = RFLAGS_ONE | RFLAGS_CF | RFLAGS_RF | RFLAGS_NT;
	for (u32 i = S_ES; i <= S_GS; i++)
		fake_seg[i] = (struct segment){ .sel = (u16)(0x111 * i), .attr = 0xc93 };
	fake_seg[S_TR] = (struct segment){ A, 0x8b, 103, TSS_A };
	fake_sreg[SR_CR0] = CR0_PE | CR0_PG;
	fake_sreg[SR_CR3] = 0x5000;
	fake_sreg[SR_DR7] = 0x5ff | 3u << 16;
	fake_sreg[SR_GDTR_BASE] = GDT;
	fake_sreg[SR_GDTR_LIMIT] = GDT_LIMIT;
}

static int setup(void **state)
{
	static struct hv_ops ops;

	(void)state;
	fake_reset();
	ops = fake_hv;
	ops.get_paging = get_paging;
	ops.mask_nmi = mask_nmi;
	ops.set_irq_shadow = clear_shadow;
	hv = &ops;
	memset(ram, 0, sizeof(ram));
	memset(no_page, 0, sizeof(no_page));
	memset(read_only, 0, sizeof(read_only));
	memset(device, 0, sizeof(device));
	memset(user_page, 0, sizeof(user_page));
	changed = kills = dbs = nmi_calls = nr_faults = 0;
	nmi_mask = cr3_bad = fetch_fails = shadow_cleared = false;
	fault = (struct vcpu_event){ 0 };
	desc(DATA, FLAT(0x93));
	desc(CODE, FLAT(0x9b));
	desc(UDATA, FLAT(0xf3));
	desc(UCODE, FLAT(0xfb));
	desc(A, TSS_A, 103, 0x8b);
	desc(B, TSS_B, 103, 0x89);
	desc(T16, TSS_16, 43, 0x81);
	desc(LDT_SEL, LDT, 15, 0x82);
	make_tss32(TSS_A, 1);
	make_tss32(TSS_B, 2);
	make_tss16(TSS_16);
	make_registers();
	return 0;
}

static void run(u16 sel, u32 source)
{
	static const u8 ops[] = { [TASK_CALL] = OP_CALL_FAR,
				  [TASK_IRET] = OP_IRET,
				  [TASK_JMP] = OP_JMP_FAR,
				  [TASK_GATE] = OP_INT };

	if (source == TASK_IRET)
		ram[GDT + sel + 5] |= 2; /* busy */
	next_op = ops[source];
	fake_vcpu.exit.task.selector = sel;
	fake_vcpu.exit.task.source = (u8)source;
	memcpy(before, ram, sizeof(ram));
	exit_task_switch(&fake_vcpu);
}

static void event(u8 type, u8 vector, bool has_error, u32 error)
{
	fake_vcpu.pending = (struct vcpu_event){ type, vector, has_error, error };
	fake_vcpu.exit.task.has_error = has_error;
	fake_vcpu.exit.task.error = error;
}

static bool busy(u32 sel)
{
	return ram[GDT + sel + 5] & 2;
}

static void expect_b(void)
{
	const struct vcpu_regs *r = &fake_vcpu.regs;

	assert_int_equal(nr_faults + kills + changed, 0);
	assert_int_equal(r->rip, 0x200000);
	for (u32 i = 0; i < 8; i++)
		if (i != R_SP)
			assert_int_equal(r->gpr[i], 2 << 24 | i);
	assert_int_equal(fake_seg[S_TR].sel, B);
	assert_int_equal(fake_seg[S_TR].base, TSS_B);
	assert_int_equal(fake_seg[S_TR].limit, 103);
	assert_int_equal(fake_seg[S_TR].attr, 0x8b);
	assert_int_equal(fake_seg[S_CS].sel, CODE);
	assert_int_equal(fake_seg[S_CS].attr, 0xc9b);
	assert_int_equal(fake_seg[S_CS].limit, 0xffffffff);
	assert_int_equal(fake_seg[S_SS].sel, DATA);
	assert_int_equal(fake_seg[S_SS].attr, 0xc93);
	assert_int_equal(fake_seg[S_FS].sel, 0);
	assert_int_equal(fake_seg[S_FS].attr, 0);
	assert_int_equal(fake_sreg[SR_CR3], 0xa000);
	assert_true(fake_sreg[SR_CR0] & CR0_TS);
	assert_int_equal(guarded_tr, B);
	assert_int_equal(guarded_cr3, 0xa000);
}

static void expect_saved_32(u32 eip)
{
	assert_int_equal(get(TSS_A + T_EIP, 4), eip);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(get(TSS_A + T_GPR + 4 * i, 4), 0xa0000000 + i);
	for (u32 i = 0; i < 6; i++)
		assert_int_equal(get(TSS_A + T_SEG + 4 * i, 4), 0xeeee0000 | 0x111 * i);
	assert_int_equal(get(TSS_A + T_CR3, 4), 0x5000);
	assert_int_equal(get(TSS_A + T_LDT, 8), 0);
}
