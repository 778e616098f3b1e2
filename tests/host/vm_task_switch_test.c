/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/task_switch.c vm/task_load.c vm/implicit.c vm/segment.c tests/host/fake/bug.c */
/*
 * Task switches in 64 KiB of memory: what is saved and loaded for each way to switch, which fault
 * each thing that is wrong leads to, and that a fault of the old task has changed nothing.
 */
#include "tests/host/vm_fake.h"

#include <errno.h>

#include "vm/cr.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"

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
static u64 fault_cr2;

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

static void clear_shadow(struct vcpu *v)
{
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
	ops.clear_irq_shadow = clear_shadow;
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

static void expect_untouched(u8 vector, u32 error)
{
	assert_int_equal(nr_faults, 1);
	assert_int_equal(fault.vector, vector);
	assert_int_equal(fault.error, error);
	assert_memory_equal(ram, before, sizeof(ram));
	assert_int_equal(fake_seg[S_TR].sel, A);
	assert_int_equal(fake_vcpu.regs.rip, RIP);
	assert_int_equal(fake_vcpu.regs.gpr[R_AX], 0xa0000000);
	assert_int_equal(fake_sreg[SR_CR3], 0x5000);
	assert_int_equal(nmi_calls, 0);
}

/* --- ways to switch --------------------------------------------------------------------------- */

static void a_jump_leaves_no_trace_but_the_state(void **state)
{
	(void)state;
	run(B, TASK_JMP);
	expect_b();
	expect_saved_32(RIP + 5);
	assert_int_equal(get(TSS_A + T_EFLAGS, 4), RFLAGS_ONE | RFLAGS_CF | RFLAGS_NT);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], STACK_B);
	assert_true(busy(B) && !busy(A));
	assert_int_equal(get(TSS_B + T_LINK, 4), 0);
	assert_int_equal(nmi_calls, 0);
}

static void a_call_nests(void **state)
{
	(void)state;
	run(B, TASK_CALL);
	expect_b();
	expect_saved_32(RIP + 5);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE | RFLAGS_NT);
	assert_true(busy(B) && busy(A));
	assert_int_equal(get(TSS_B + T_LINK, 4), A);
}

static void iret_returns(void **state)
{
	(void)state;
	put(TSS_B + T_LINK, 0x7777, 2);
	run(B, TASK_IRET);
	expect_b();
	expect_saved_32(RIP + 5);
	assert_int_equal(get(TSS_A + T_EFLAGS, 4), RFLAGS_ONE | RFLAGS_CF);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE);
	assert_true(busy(B) && !busy(A));
	assert_int_equal(get(TSS_B + T_LINK, 2), 0x7777);
	assert_true(nmi_calls == 1 && !nmi_mask);
}

static void a_fault_comes_back_to_its_instruction(void **state)
{
	(void)state;
	next_op = OP_UD;
	event(EVENT_EXC, EXC_GP, true, 0x1234);
	run(B, TASK_GATE);
	expect_b();
	expect_saved_32(RIP);
	assert_int_equal(get(TSS_A + T_EFLAGS, 4), RFLAGS_ONE | RFLAGS_CF | RFLAGS_NT | RFLAGS_RF);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE | RFLAGS_NT);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], STACK_B - 4);
	assert_int_equal(get(STACK_B - 4, 4), 0x1234);
	assert_int_equal(fake_vcpu.pending.type, EVENT_NONE);
	assert_true(busy(B) && busy(A));
	assert_int_equal(nmi_calls, 0);
}

static void int_n_comes_back_behind_it(void **state)
{
	static const u8 ops[] = { OP_INT, OP_INT3, OP_INTO, OP_ICEBP };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
		setup(NULL);
		run(B, TASK_GATE);
		expect_b();
		expect_saved_32(RIP + 5);
		assert_int_equal(get(TSS_A + T_EFLAGS, 4), RFLAGS_ONE | RFLAGS_CF | RFLAGS_NT);
	}
}

static void an_nmi_masks_the_next(void **state)
{
	(void)state;
	event(EVENT_NMI, EXC_NMI, false, 0);
	run(B, TASK_GATE);
	expect_b();
	assert_true(nmi_calls == 1 && nmi_mask);
}

static void an_interrupt_has_no_error_code(void **state)
{
	(void)state;
	event(EVENT_IRQ, 0x40, false, 0);
	run(B, TASK_GATE);
	expect_b();
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], STACK_B);
	assert_int_equal(nmi_calls, 0);
}

static void another_instruction_is_tried_again(void **state)
{
	(void)state;
	for (u32 source = TASK_CALL; source <= TASK_GATE; source++) {
		setup(NULL);
		run(B, source);
		assert_int_equal(changed, 0);
		setup(NULL);
		next_op = OP_MOV;
		fake_vcpu.exit.task.selector = B;
		fake_vcpu.exit.task.source = (u8)source;
		memcpy(before, ram, sizeof(ram));
		exit_task_switch(&fake_vcpu);
		assert_int_equal(changed, 1);
		assert_memory_equal(ram, before, sizeof(ram));
		assert_int_equal(fake_vcpu.regs.rip, RIP);
	}
}

static void an_unreadable_instruction_changes_nothing(void **state)
{
	(void)state;
	fetch_fails = true;
	run(B, TASK_JMP);
	assert_memory_equal(ram, before, sizeof(ram));
	assert_int_equal(fake_vcpu.regs.rip, RIP);
}

/* --- 16 bits ---------------------------------------------------------------------------------- */

static void to_a_16_bit_task(void **state)
{
	(void)state;
	fake_seg[S_FS].attr = 0xf3;
	event(EVENT_IRQ, 0x40, false, 0);
	run(T16, TASK_GATE);
	assert_int_equal(nr_faults + kills, 0);
	expect_saved_32(RIP);
	assert_int_equal(fake_vcpu.regs.rip, 0x1616);
	for (u32 i = 0; i < 8; i++)
		if (i != R_SP)
			assert_int_equal(fake_vcpu.regs.gpr[i], 0xa0001600 + i);
	assert_int_equal(fake_seg[S_FS].sel, 0);
	assert_int_equal(fake_seg[S_FS].attr, 0);
	assert_int_equal(fake_seg[S_TR].attr, 0x83);
	assert_int_equal(fake_sreg[SR_CR3], 0x5000);
	assert_int_equal(get(TSS_16, 2), A);
}

static void the_error_code_of_a_16_bit_task_has_16_bits(void **state)
{
	(void)state;
	desc(DATA, 0, 0xffff, 0x93); /* a 16-bit stack */
	put(STACK_B - 4, 0xcccccccc, 4);
	event(EVENT_EXC, EXC_GP, true, 0x12345678);
	run(T16, TASK_GATE);
	assert_int_equal(nr_faults, 0);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xa0000000 | (STACK_B - 2));
	assert_int_equal(get(STACK_B - 4, 4), 0x5678cccc);
}

static void from_a_16_bit_task(void **state)
{
	(void)state;
	fake_seg[S_TR] = (struct segment){ T16, 0x83, 43, TSS_16 };
	ram[GDT + T16 + 5] |= 2;
	memset(ram + TSS_16 + 0x2a, 0xdd, 2);
	run(B, TASK_JMP);
	expect_b();
	assert_int_equal(get(TSS_16 + 0x0e, 2), 0x1005);
	assert_int_equal(get(TSS_16 + 0x10, 2), 0x4003);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(get(TSS_16 + 0x12 + 2 * i, 2), i);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(get(TSS_16 + 0x22 + 2 * i, 2), 0x111 * i);
	assert_int_equal(get(TSS_16 + 0x2a, 2), 0xdddd);
	assert_false(busy(T16));
}

/* --- faults of the old task ------------------------------------------------------------------- */

static void the_new_descriptor_is_checked(void **state)
{
	static const struct {
		u16 sel;
		u32 attr, limit;
		u8 vector, iret_vector; /* 0: fine */
	} rules[] = {
		{ X, 0x8b, 103, EXC_GP, 0 },          { X, 0x89, 103, 0, EXC_TS },
		{ X, 0x83, 43, EXC_GP, 0 },           { X, 0x81, 43, 0, EXC_TS },
		{ X, 0x85, 103, EXC_GP, EXC_TS }, /* task gate */
		{ X, 0x82, 103, EXC_GP, EXC_TS }, /* LDT */
		{ X, 0x99, 103, EXC_GP, EXC_TS }, /* code */
		{ X, 0x9b, 103, EXC_GP, EXC_TS },     { X, 0x09, 103, EXC_NP, EXC_TS },
		{ X, 0x0b, 103, EXC_GP, EXC_NP },     { X, 0x89, 102, EXC_TS, EXC_TS },
		{ X, 0x8b, 102, EXC_GP, EXC_TS },     { X, 0x81, 42, EXC_TS, EXC_TS },
		{ X | 4, 0x8b, 103, EXC_GP, EXC_TS }, /* LDT selector */
		{ 0, 0, 0, EXC_GP, EXC_TS },          { 3, 0, 0, EXC_GP, EXC_TS },
		{ 0x80, 0, 0, EXC_GP, EXC_TS }, /* behind the table */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		for (u32 source = TASK_CALL; source <= TASK_GATE; source++) {
			bool iret = source == TASK_IRET;
			u8 vector = iret ? rules[i].iret_vector : rules[i].vector;

			setup(NULL);
			desc(X, rules[i].attr & 8 ? TSS_B : TSS_16, rules[i].limit, rules[i].attr);
			next_op = (u8[]){ OP_CALL_FAR, OP_IRET, OP_JMP_FAR, OP_INT }[source];
			fake_vcpu.exit.task.selector = rules[i].sel;
			fake_vcpu.exit.task.source = (u8)source;
			memcpy(before, ram, sizeof(ram));
			exit_task_switch(&fake_vcpu);
			if (vector)
				expect_untouched(vector, rules[i].sel & ~3u);
			else
				assert_int_equal(nr_faults, 0);
		}
	}
}

static void errors_say_whether_an_event_came_from_outside(void **state)
{
	(void)state;
	event(EVENT_IRQ, 0x40, false, 0);
	desc(B, TSS_B, 103, 0x09);
	run(B, TASK_GATE);
	expect_untouched(EXC_NP, B | 1);
	assert_int_equal(fake_vcpu.pending.type, EVENT_IRQ);
	setup(NULL);
	desc(B, TSS_B, 103, 0x09);
	run(B, TASK_GATE);
	expect_untouched(EXC_NP, B);
}

static void the_last_descriptor_of_the_table_counts(void **state)
{
	(void)state;
	fake_sreg[SR_GDTR_LIMIT] = B + 7;
	run(B, TASK_JMP);
	expect_b();
	setup(NULL);
	fake_sreg[SR_GDTR_LIMIT] = B + 6;
	run(B, TASK_JMP);
	expect_untouched(EXC_GP, B);
}

static void the_old_tss_must_hold_the_state(void **state)
{
	(void)state;
	fake_seg[S_TR].limit = 0x5d;
	run(B, TASK_JMP);
	expect_b();
	setup(NULL);
	fake_seg[S_TR].limit = 0x5c;
	run(B, TASK_JMP);
	expect_untouched(EXC_TS, A);
	setup(NULL);
	fake_seg[S_TR] = (struct segment){ T16, 0x83, 0x28, TSS_16 };
	run(B, TASK_JMP);
	assert_int_equal(fault.vector, EXC_TS);
	assert_memory_equal(ram, before, sizeof(ram));
}

static void page_faults_come_before_any_change(void **state)
{
	static const struct {
		bool *pages;
		u32 page, source;
		u64 cr2;
	} rules[] = {
		{ no_page, GDT / PAGE_SIZE, TASK_JMP, GDT + B },
		{ read_only, GDT / PAGE_SIZE, TASK_JMP, GDT + B + 5 },
		{ read_only, GDT / PAGE_SIZE, TASK_CALL, GDT + B + 5 },
		{ read_only, GDT / PAGE_SIZE, TASK_IRET, GDT + A + 5 },
		{ no_page, TSS_A / PAGE_SIZE, TASK_JMP, TSS_A + T_EIP },
		{ read_only, TSS_A / PAGE_SIZE, TASK_IRET, TSS_A + T_EIP },
		{ no_page, TSS_B / PAGE_SIZE, TASK_JMP, TSS_B },
		{ no_page, TSS_B / PAGE_SIZE + 1, TASK_JMP, TSS_B + 0x30 },
		{ read_only, TSS_B / PAGE_SIZE, TASK_CALL, TSS_B },
		{ read_only, TSS_B / PAGE_SIZE, TASK_GATE, TSS_B },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		setup(NULL);
		rules[i].pages[rules[i].page] = true;
		run(B, rules[i].source);
		expect_untouched(EXC_PF, rules[i].pages == read_only ? MMU_W : fault.error);
		assert_int_equal(fault_cr2, rules[i].cr2);
	}
}

static void what_is_only_read_may_be_read_only(void **state)
{
	(void)state;
	read_only[TSS_B / PAGE_SIZE] = read_only[TSS_B / PAGE_SIZE + 1] = true;
	run(B, TASK_JMP);
	expect_b();
}

static void tables_in_a_device_stop_the_machine(void **state)
{
	static const u32 pages[] = { GDT, TSS_A, TSS_B, TSS_B + PAGE_SIZE };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		setup(NULL);
		device[pages[i] / PAGE_SIZE] = true;
		run(B, TASK_CALL);
		assert_int_equal(kills, 1);
		assert_int_equal(nr_faults, 0);
	}
}

/* --- faults of the new task ------------------------------------------------------------------- */

/* Everything of B is there but hidden parts. */
static void expect_in_b(u8 vector, u32 error)
{
	assert_int_equal(nr_faults, 1);
	assert_int_equal(fault.vector, vector);
	assert_int_equal(fault.error, error);
	assert_int_equal(fake_seg[S_TR].sel, B);
	assert_int_equal(fake_vcpu.regs.gpr[R_BX], 2 << 24 | R_BX);
	assert_int_equal(fake_vcpu.regs.rip, get(TSS_B + T_EIP, 4));
	assert_int_equal(fake_sreg[SR_CR3], 0xa000);
	for (u32 i = S_ES; i <= S_GS; i++)
		assert_int_equal(fake_seg[i].sel, get(TSS_B + T_SEG + 4 * i, 2));
	assert_true(busy(B));
}

static void segments_are_checked(void **state)
{
	static const struct {
		u32 seg;
		u16 sel;
		u32 attr;
		u8 vector; /* 0: fine */
	} rules[] = {
		{ S_CS, 0, 0, EXC_TS },
		{ S_CS, 2, 0, EXC_TS },
		{ S_CS, X, 0x93, EXC_TS },
		{ S_CS, X, 0x8b, EXC_TS },
		{ S_CS, X, 0x1b, EXC_NP },
		{ S_CS, X, 0xbb, EXC_TS }, /* DPL 1 */
		{ S_CS, X, 0xbf, EXC_TS }, /* conforming, DPL 1 */
		{ S_CS, X, 0x9f, 0 },      /* conforming, DPL 0 */
		{ S_CS, X, 0x99, 0 },      /* only executable */
		{ S_CS, 0x80, 0, EXC_TS }, /* behind the table */
		{ S_CS, 0x0c, 0, EXC_TS }, /* no LDT */
		{ S_SS, 0, 0, EXC_TS },
		{ S_SS, X, 0x91, EXC_TS }, /* not writable */
		{ S_SS, X, 0x9b, EXC_TS },
		{ S_SS, X, 0x82, EXC_TS },
		{ S_SS, X, 0xb3, EXC_TS },     /* DPL 1 */
		{ S_SS, X | 1, 0x93, EXC_TS }, /* RPL 1 */
		{ S_SS, X, 0x13, EXC_SS },
		{ S_SS, X, 0x97, 0 }, /* expand-down */
		{ S_DS, X, 0x13, EXC_NP },
		{ S_DS, X, 0x11, EXC_NP },
		{ S_DS, X, 0x91, 0 },
		{ S_ES, X, 0x99, EXC_TS }, /* code that cannot be read */
		{ S_ES, X, 0x9b, 0 },
		{ S_FS, X, 0x89, EXC_TS },
		{ S_FS, X | 3, 0x93, EXC_TS }, /* RPL 3, DPL 0 */
		{ S_FS, X | 3, 0xf3, 0 },
		{ S_FS, X | 3, 0x9f, 0 }, /* conforming */
		{ S_GS, X | 3, 0x9b, EXC_TS },
		{ S_GS, 3, 0, 0 }, /* null */
		{ S_GS, 0x80, 0, EXC_TS },
		{ S_GS, 0x0c, 0, EXC_TS },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		setup(NULL);
		desc(X, FLAT(rules[i].attr));
		put(TSS_B + T_SEG + 4 * rules[i].seg, rules[i].sel, 2);
		run(B, TASK_JMP);
		if (rules[i].vector) {
			expect_in_b(rules[i].vector, rules[i].sel & ~3u);
			assert_true(rules[i].seg == S_CS ||
				    !(fake_seg[rules[i].seg].attr & SEG_ATTR_P));
		} else {
			assert_int_equal(nr_faults, 0);
			assert_int_equal(fake_seg[rules[i].seg].sel, rules[i].sel);
		}
	}
}

static void an_unloaded_stack_has_the_new_privilege(void **state)
{
	(void)state;
	put(TSS_B + T_SEG + 4 * S_CS, UCODE, 2);
	run(B, TASK_JMP);
	expect_in_b(EXC_TS, DATA); /* SS of ring 0 */
	assert_int_equal(SEG_DPL(fake_seg[S_SS].attr), 3);
}

static void ring_3_takes_its_segments(void **state)
{
	(void)state;
	put(TSS_B + T_SEG + 4 * S_CS, UCODE, 2);
	put(TSS_B + T_SEG + 4 * S_SS, UDATA, 2);
	put(TSS_B + T_SEG + 4 * S_DS, UDATA, 2);
	put(TSS_B + T_SEG + 4 * S_ES, 0, 2);
	run(B, TASK_JMP);
	assert_int_equal(nr_faults, 0);
	assert_int_equal(fake_seg[S_CS].attr, 0xcfb);
	assert_int_equal(SEG_DPL(fake_seg[S_SS].attr), 3);
	setup(NULL);
	put(TSS_B + T_SEG + 4 * S_CS, UCODE, 2);
	put(TSS_B + T_SEG + 4 * S_SS, UDATA, 2);
	run(B, TASK_JMP);
	expect_in_b(EXC_TS, DATA); /* ES of ring 0 */
}

static void ldtr_is_checked(void **state)
{
	static const struct {
		u16 sel;
		u32 attr;
		bool good;
	} rules[] = {
		{ 0, 0, true },
		{ 2, 0, true },
		{ LDT_SEL, 0x82, true },
		{ LDT_SEL, 0x02, false },
		{ LDT_SEL, 0x92, false },
		{ LDT_SEL, 0x8b, false },
		{ LDT_SEL | 4, 0x82, false },
		{ 4, 0x82, false },
		{ 0x80, 0, false },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		setup(NULL);
		desc(LDT_SEL, LDT, 15, rules[i].attr);
		put(TSS_B + T_LDT, rules[i].sel, 2);
		run(B, TASK_JMP);
		assert_int_equal(fake_seg[S_LDTR].sel, rules[i].sel);
		if (rules[i].good)
			expect_b();
		else
			expect_in_b(EXC_TS, rules[i].sel & ~3u);
		assert_int_equal(!(fake_seg[S_LDTR].attr & SEG_ATTR_P),
				 !rules[i].good || rules[i].sel < 4);
	}
}

static void segments_come_from_the_new_ldt(void **state)
{
	(void)state;
	fake_seg[S_LDTR] = (struct segment){ 0x70, 0x82, 0xffff, 0x9000 };
	put(TSS_B + T_LDT, LDT_SEL, 2);
	put(TSS_B + T_SEG + 4 * S_DS, 0x0c, 2);
	put(LDT + 8, descriptor(0x12345678, 0x54321, 0xc92), 8);
	run(B, TASK_JMP);
	expect_b();
	assert_int_equal(fake_seg[S_DS].base, 0x12345678);
	assert_int_equal(fake_seg[S_DS].limit, 0x54321fff);
	assert_int_equal(fake_seg[S_DS].attr, 0xc93);
	assert_int_equal(ram[LDT + 8 + 5], 0x93);
}

static void descriptors_become_accessed(void **state)
{
	(void)state;
	desc(CODE, FLAT(0x9a));
	desc(DATA, FLAT(0x92));
	run(B, TASK_JMP);
	expect_b();
	assert_int_equal(ram[GDT + CODE + 5], 0x9b);
	assert_int_equal(ram[GDT + DATA + 5], 0x93);
	/* Which is a write like any other; a table that needs none may be read-only. */
	setup(NULL);
	desc(LDT_SEL, LDT - PAGE_SIZE, 0x1fff, 0x82);
	put(TSS_B + T_LDT, LDT_SEL, 2);
	put(TSS_B + T_SEG + 4 * S_DS, 4 + 0xf000 - LDT + PAGE_SIZE, 2);
	desc(LDT_SEL, LDT - PAGE_SIZE, 0xffff, 0x82);
	put(0xf000, descriptor(FLAT(0x92)), 8);
	read_only[15] = true;
	run(B, TASK_JMP);
	expect_in_b(EXC_PF, MMU_W);
	assert_int_equal(fault_cr2, 0xf005);
}

static void eip_must_be_in_its_segment(void **state)
{
	(void)state;
	desc(CODE, 0, 0x1ff, 0xc9b);
	put(TSS_B + T_EIP, 0x1fffff, 4);
	run(B, TASK_JMP);
	assert_int_equal(nr_faults, 0);
	setup(NULL);
	desc(CODE, 0, 0x1ff, 0xc9b);
	run(B, TASK_JMP);
	expect_in_b(EXC_GP, 0);
}

static void cr3_is_for_paging(void **state)
{
	(void)state;
	fake_sreg[SR_CR0] = CR0_PE;
	run(B, TASK_JMP);
	assert_int_equal(nr_faults, 0);
	assert_int_equal(fake_sreg[SR_CR3], 0x5000);
	setup(NULL);
	cr3_bad = true;
	run(B, TASK_JMP);
	expect_in_b(EXC_GP, 0);
}

static void the_error_code_needs_a_stack(void **state)
{
	(void)state;
	put(TSS_B + T_GPR + 4 * R_SP, 0x6000, 4);
	no_page[5] = true;
	event(EVENT_EXC, EXC_GP, true, 1);
	run(B, TASK_GATE);
	expect_in_b(EXC_PF, MMU_W);
	assert_int_equal(fault_cr2, 0x5ffc);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0x6000);
	assert_int_equal(fake_vcpu.pending.type, EVENT_EXC);
	setup(NULL);
	desc(X, 0, 0x5fff, 0x493);
	put(TSS_B + T_GPR + 4 * R_SP, 0x6001, 4);
	put(TSS_B + T_SEG + 4 * S_SS, X, 2);
	event(EVENT_EXC, EXC_GP, true, 1);
	run(B, TASK_GATE);
	expect_in_b(EXC_SS, 1);
}

static void a_stack_of_ring_3_is_the_users(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++) {
		setup(NULL);
		put(TSS_B + T_SEG + 4 * S_CS, UCODE, 2);
		put(TSS_B + T_SEG + 4 * S_SS, UDATA, 2);
		put(TSS_B + T_SEG + 4 * S_DS, 0, 2);
		put(TSS_B + T_SEG + 4 * S_ES, 0, 2);
		user_page[STACK_B / PAGE_SIZE] = i;
		event(EVENT_EXC, EXC_GP, true, 1);
		run(B, TASK_GATE);
		if (i)
			assert_int_equal(nr_faults, 0);
		else
			expect_in_b(EXC_PF, MMU_W | MMU_U);
	}
}

/* --- the rest of the state -------------------------------------------------------------------- */

static void virtual_8086_tasks_have_paragraphs(void **state)
{
	(void)state;
	put(TSS_B + T_EFLAGS, RFLAGS_VM | RFLAGS_IOPL, 4);
	put(TSS_B + T_EIP, 0x1234, 4);
	put(TSS_B + T_SEG + 4 * S_CS, 0xf001, 2);
	run(B, TASK_CALL);
	assert_int_equal(nr_faults, 0);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_VM | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_ONE);
	assert_int_equal(fake_seg[S_CS].base, 0xf0010);
	for (u32 i = S_ES; i <= S_GS; i++) {
		assert_int_equal(fake_seg[i].attr, 0xf3);
		assert_int_equal(fake_seg[i].limit, 0xffff);
	}
}

static void flags_that_do_not_exist_stay_clear(void **state)
{
	(void)state;
	put(TSS_B + T_EFLAGS, ~RFLAGS_VM, 4);
	run(B, TASK_JMP);
	assert_int_equal(fake_vcpu.regs.rflags, 0x3d7fd7);
}

static void local_breakpoints_go(void **state)
{
	(void)state;
	run(B, TASK_JMP);
	assert_int_equal(fake_sreg[SR_DR7], (0x5ff & ~0x155u) | 3u << 16);
}

static void the_trap_bit_stops_the_new_task(void **state)
{
	(void)state;
	put(TSS_B + T_TRAP, 1, 2);
	event(EVENT_IRQ, 0x40, false, 0);
	run(B, TASK_GATE);
	expect_b();
	assert_int_equal(dbs, 1);
	assert_int_equal(db_bits, BIT(15));
	setup(NULL);
	put(TSS_B + T_TRAP, 0xfffe, 2);
	run(B, TASK_JMP);
	assert_int_equal(dbs, 0);
	setup(NULL);
	put(TSS_16 + T_TRAP, 1, 2);
	put(TSS_16, 0xffff, 2);
	run(T16, TASK_JMP);
	assert_int_equal(nr_faults + dbs, 0);
}

static void the_interrupt_shadow_ends(void **state)
{
	(void)state;
	run(B, TASK_JMP);
	assert_false(shadow_cleared);
	setup(NULL);
	fake_vcpu.exit.irq_shadow = 1;
	run(B, TASK_JMP);
	assert_true(shadow_cleared);
}

static void the_type_that_tcg_keeps_for_tr_will_do(void **state)
{
	(void)state;
	fake_seg[S_TR].attr = 0x89;
	run(B, TASK_JMP);
	expect_b();
	expect_saved_32(RIP + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_jump_leaves_no_trace_but_the_state, setup),
		cmocka_unit_test_setup(a_call_nests, setup),
		cmocka_unit_test_setup(iret_returns, setup),
		cmocka_unit_test_setup(a_fault_comes_back_to_its_instruction, setup),
		cmocka_unit_test_setup(int_n_comes_back_behind_it, setup),
		cmocka_unit_test_setup(an_nmi_masks_the_next, setup),
		cmocka_unit_test_setup(an_interrupt_has_no_error_code, setup),
		cmocka_unit_test_setup(another_instruction_is_tried_again, setup),
		cmocka_unit_test_setup(an_unreadable_instruction_changes_nothing, setup),
		cmocka_unit_test_setup(to_a_16_bit_task, setup),
		cmocka_unit_test_setup(the_error_code_of_a_16_bit_task_has_16_bits, setup),
		cmocka_unit_test_setup(from_a_16_bit_task, setup),
		cmocka_unit_test_setup(the_new_descriptor_is_checked, setup),
		cmocka_unit_test_setup(errors_say_whether_an_event_came_from_outside, setup),
		cmocka_unit_test_setup(the_last_descriptor_of_the_table_counts, setup),
		cmocka_unit_test_setup(the_old_tss_must_hold_the_state, setup),
		cmocka_unit_test_setup(page_faults_come_before_any_change, setup),
		cmocka_unit_test_setup(what_is_only_read_may_be_read_only, setup),
		cmocka_unit_test_setup(tables_in_a_device_stop_the_machine, setup),
		cmocka_unit_test_setup(segments_are_checked, setup),
		cmocka_unit_test_setup(an_unloaded_stack_has_the_new_privilege, setup),
		cmocka_unit_test_setup(ring_3_takes_its_segments, setup),
		cmocka_unit_test_setup(ldtr_is_checked, setup),
		cmocka_unit_test_setup(segments_come_from_the_new_ldt, setup),
		cmocka_unit_test_setup(descriptors_become_accessed, setup),
		cmocka_unit_test_setup(eip_must_be_in_its_segment, setup),
		cmocka_unit_test_setup(cr3_is_for_paging, setup),
		cmocka_unit_test_setup(the_error_code_needs_a_stack, setup),
		cmocka_unit_test_setup(a_stack_of_ring_3_is_the_users, setup),
		cmocka_unit_test_setup(virtual_8086_tasks_have_paragraphs, setup),
		cmocka_unit_test_setup(flags_that_do_not_exist_stay_clear, setup),
		cmocka_unit_test_setup(local_breakpoints_go, setup),
		cmocka_unit_test_setup(the_trap_bit_stops_the_new_task, setup),
		cmocka_unit_test_setup(the_interrupt_shadow_ends, setup),
		cmocka_unit_test_setup(the_type_that_tcg_keeps_for_tr_will_do, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
