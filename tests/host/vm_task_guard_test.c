/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/task_guard.c vm/ltr.c vm/implicit.c vm/segment.c vm/emul/decode.c */
/* SOURCES: vm/emul/opcodes.c tests/host/fake/bug.c */
/* Which page is guarded and when, what a fault at the TSS is taken for, and LTR in software. */
#include "tests/host/vm_fake.h"

#include <errno.h>

#include "vm/emulate.h"
#include "vm/event.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/task_guard.h"

#define RAM_SIZE 0x10000u
#define GDT      0x1000u
#define LDT      0x1800u
#define IDT      0x2000u
#define TSS      0x5040u
#define CODE     0x6000u
#define OPERAND  0x7000u
#define WINDOW   0x100000u /* maps 0x8000 on */

enum {
	TR = 0x40,
	NEXT = 0x48,
	GATE = 0x50,
	TASK_GATE_TYPE = 0x85,
};

static u8 ram[RAM_SIZE];
static u32 tracked[16], nr_faults, skips, changed, kills;
static bool no_page[16], read_only[16];
static struct vcpu_event fault;

bool mmu_translate(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *f)
{
	u64 at = gva.v >= WINDOW ? gva.v - WINDOW + 0x8000 : gva.v;

	(void)m;
	(void)regs;
	*gpa = GPA(at);
	*f = (struct mmu_gfault){ .gva = gva };
	return at < RAM_SIZE && !no_page[at / PAGE_SIZE] &&
	       !((access & MMU_W) && read_only[at / PAGE_SIZE]);
}

int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len)
{
	(void)m;
	if (gpa.v + len > RAM_SIZE)
		return -EFAULT;
	memcpy(buf, ram + gpa.v, len);
	return 0;
}

int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len)
{
	(void)m;
	if (gpa.v + len > RAM_SIZE)
		return -EFAULT;
	memcpy(ram + gpa.v, buf, len);
	return 0;
}

int mmu_track_add(struct mmu_vm *m, gfn_t gfn, u32 rights)
{
	(void)m;
	assert_int_equal(rights, MMU_W);
	if (gfn.v >= ARRAY_SIZE(tracked))
		return -ENOENT;
	tracked[gfn.v]++;
	return 0;
}

void mmu_track_remove(struct mmu_vm *m, gfn_t gfn, u32 rights)
{
	(void)m;
	assert_int_equal(rights, MMU_W);
	assert_true(tracked[gfn.v]);
	tracked[gfn.v]--;
}

bool fetch_bytes(struct vcpu *v, struct fetch *f)
{
	hv->get_paging(v, &f->regs);
	f->bits = 32;
	f->intel = false;
	f->nr = INSN_MAX_LEN;
	memcpy(f->bytes, ram + CODE, INSN_MAX_LEN);
	return true;
}

bool fetch_decode(struct vcpu *v, struct fetch *f, struct insn *in)
{
	fetch_bytes(v, f);
	return decode(f->bytes, f->nr, fetch_mode(f), in) == DECODE_OK;
}

void fetch_changed(struct vcpu *v)
{
	(void)v;
	changed++;
}

bool emulate_read(struct vcpu *v, const struct fetch *f, const struct insn *in, void *buf, u32 n)
{
	(void)f;
	if (in->flags & INSN_MEM)
		memcpy(buf, ram + in->disp, n);
	else
		memcpy(buf, &v->regs.gpr[in->rm], n);
	return true;
}

enum event_merge event_merge(const struct vcpu_event *first, u8 second)
{
	bool both = first->type == EVENT_EXC && first->vector == EXC_GP && second == EXC_GP;

	return both ? MERGE_DOUBLE : MERGE_SECOND;
}

void vcpu_inject(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	(void)v;
	fault = (struct vcpu_event){ EVENT_EXC, vector, has_error, error };
	nr_faults++;
}

void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f)
{
	(void)f;
	vcpu_inject(v, EXC_PF, true, 0);
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	kills++;
}

void vcpu_skip_special(struct vcpu *v, u64 old)
{
	(void)v;
	(void)old;
	skips++;
}

static void get_paging(struct vcpu *v, struct mmu_regs *r)
{
	(void)v;
	*r = (struct mmu_regs){ .cr0 = fake_sreg[SR_CR0], .efer = fake_sreg[SR_EFER] };
}

static u64 descriptor(u32 base, u32 limit, u32 attr)
{
	return limit | (u64)base << 16 | (u64)attr << 40;
}

static void put(u32 at, u64 val)
{
	memcpy(ram + at, &val, 8);
}

static void code(const char *bytes, size_t n)
{
	memcpy(ram + CODE, bytes, n);
}

static void tr(u16 sel, u64 base)
{
	fake_seg[S_TR] = (struct segment){ sel, 0x89, 103, base };
}

static int setup(void **state)
{
	static struct hv_ops ops;

	(void)state;
	fake_reset();
	ops = fake_hv;
	ops.get_paging = get_paging;
	hv = &ops;
	memset(ram, 0, sizeof(ram));
	memset(tracked, 0, sizeof(tracked));
	memset(no_page, 0, sizeof(no_page));
	memset(read_only, 0, sizeof(read_only));
	nr_faults = skips = changed = kills = 0;
	fake_vcpu.guard.needed = true;
	fake_vcpu.regs.rip = CODE;
	fake_sreg[SR_CR0] = CR0_PE;
	fake_sreg[SR_GDTR_BASE] = GDT;
	fake_sreg[SR_GDTR_LIMIT] = 0xff;
	fake_sreg[SR_IDTR_BASE] = IDT;
	fake_seg[S_LDTR] = (struct segment){ 0x20, 0x82, 0xff, LDT };
	put(GDT + TR, descriptor(TSS, 103, 0x8b));
	put(GDT + NEXT, descriptor(0x5100, 103, 0x89));
	put(GDT + GATE, descriptor(NEXT, 0, TASK_GATE_TYPE));
	for (u32 i = 0; i < 256; i++)
		put(IDT + 8 * i, descriptor(0x18, 0, 0x8e));
	tr(TR, TSS);
	return 0;
}

/* --- the page --------------------------------------------------------------------------------- */

static void only(u32 page)
{
	for (u32 i = 0; i < ARRAY_SIZE(tracked); i++)
		assert_int_equal(tracked[i], i == page);
	assert_int_equal(fake_vcpu.guard.on, page < ARRAY_SIZE(tracked));
}

#define NO_PAGE 99

static void the_page_of_the_tss_is_guarded(void **state)
{
	(void)state;
	task_guard_update(&fake_vcpu);
	only(TSS / PAGE_SIZE);
	assert_int_equal(fake_vcpu.guard.linear, TSS);
	task_guard_update(&fake_vcpu);
	only(TSS / PAGE_SIZE);
	tr(TR, 0x5800); /* the same page */
	task_guard_update(&fake_vcpu);
	only(TSS / PAGE_SIZE);
	assert_int_equal(fake_vcpu.guard.linear, 0x5800);
	tr(TR, WINDOW);
	task_guard_update(&fake_vcpu);
	only(8);
}

static void without_tasks_nothing_is_guarded(void **state)
{
	(void)state;
	for (u32 i = 0; i < 6; i++) {
		setup(NULL);
		task_guard_update(&fake_vcpu);
		only(TSS / PAGE_SIZE);
		if (i == 0)
			fake_sreg[SR_CR0] = 0;
		else if (i == 1)
			fake_sreg[SR_EFER] = EFER_LMA;
		else if (i == 2)
			tr(3, TSS);
		else if (i == 3)
			no_page[TSS / PAGE_SIZE] = true;
		else if (i == 4)
			tr(TR, RAM_SIZE);
		else
			assert_true(task_guard_lift(&fake_vcpu, GPA(TSS + 0x100)));
		if (i < 5)
			task_guard_update(&fake_vcpu);
		only(NO_PAGE);
	}
	setup(NULL);
	fake_vcpu.guard.needed = false;
	task_guard_update(&fake_vcpu);
	only(NO_PAGE);
}

static void only_its_own_page_is_lifted(void **state)
{
	(void)state;
	assert_false(task_guard_lift(&fake_vcpu, GPA(TSS)));
	task_guard_update(&fake_vcpu);
	assert_false(task_guard_lift(&fake_vcpu, GPA(TSS + PAGE_SIZE)));
	only(TSS / PAGE_SIZE);
	assert_true(task_guard_lift(&fake_vcpu, GPA(TSS)));
	task_guard_update(&fake_vcpu);
	only(TSS / PAGE_SIZE);
}

static void long_mode_does_not_pay(void **state)
{
	struct task_guard g = { .needed = true };

	(void)state;
	assert_false(task_guard_stale(&g, EFER_LMA));
	assert_true(task_guard_stale(&g, 0));
	g.on = true;
	assert_true(task_guard_stale(&g, EFER_LMA));
	g = (struct task_guard){ 0 };
	assert_false(task_guard_stale(&g, 0));
}

/* --- what a fault is -------------------------------------------------------------------------- */

static bool hit(u32 error)
{
	const struct mmu_shadow_fault pf = { .gva = GVA(TSS), .access = 0x55, .hw_error = error };
	bool ret;

	task_guard_update(&fake_vcpu);
	fake_vcpu.exit.pf = pf;
	ret = task_guard_hit(&fake_vcpu);
	if (!ret)
		assert_memory_equal(&fake_vcpu.exit.pf, &pf, sizeof(pf));
	return ret;
}

static void expect(u8 source, u16 selector)
{
	assert_true(hit(PFEC_P | PFEC_W));
	assert_int_equal(fake_vcpu.exit.task.source, source);
	assert_int_equal(fake_vcpu.exit.task.selector, selector);
	assert_false(fake_vcpu.exit.task.has_error);
	assert_int_equal(fake_vcpu.regs.rflags & RFLAGS_RF, 0);
}

static void far_jumps_and_calls(void **state)
{
	(void)state;
	fake_vcpu.regs.rflags = RFLAGS_RF;
	code("\xea\0\0\0\0\x48\0", 7);
	expect(TASK_JMP, NEXT);
	code("\x66\x9a\0\0\x48\0", 6);
	expect(TASK_CALL, NEXT);
	code("\xea\0\0\0\0\x50\0", 7); /* a gate */
	expect(TASK_JMP, NEXT);
	put(LDT + 8, descriptor(NEXT, 0, TASK_GATE_TYPE));
	code("\x9a\0\0\0\0\x0c\0", 7);
	expect(TASK_CALL, NEXT);
	code("\xff\x2d\0\x70\0\0", 6); /* jmp far [OPERAND] */
	put(OPERAND, 0x48ULL << 32);
	expect(TASK_JMP, NEXT);
	code("\x66\xff\x1d\0\x70\0\0", 7); /* call far, 16 bits */
	put(OPERAND, 0x48ULL << 16);
	expect(TASK_CALL, NEXT);
}

static void iret_follows_the_link(void **state)
{
	(void)state;
	code("\xcf", 1);
	ram[TSS] = NEXT;
	assert_false(hit(PFEC_P | PFEC_W)); /* NT is 0 */
	fake_vcpu.regs.rflags = RFLAGS_NT;
	expect(TASK_IRET, NEXT);
}

static void interrupt_instructions_need_a_task_gate(void **state)
{
	static const struct {
		const char *bytes;
		u8 vector;
	} rules[] = { { "\xcd\x80", 0x80 }, { "\xcc", 3 }, { "\xce", 4 }, { "\xf1", 1 } };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		code(rules[i].bytes, 2);
		assert_false(hit(PFEC_P | PFEC_W));
		put(IDT + 8 * rules[i].vector, descriptor(NEXT, 0, 0xe5));
		expect(TASK_GATE, NEXT);
	}
}

static void plain_stores_are_none(void **state)
{
	(void)state;
	code("\x89\x05\x40\x50\0\0", 6);
	assert_false(hit(PFEC_P | PFEC_W));
	code("\xea\0\0\0\0\x48\0", 7);
	assert_false(hit(PFEC_P));
	assert_false(hit(PFEC_P | PFEC_W | PFEC_U));
	assert_false(hit(PFEC_W));
	assert_int_equal(nr_faults, 0);
}

static void events_go_by_their_vector(void **state)
{
	(void)state;
	code("\xea\0\0\0\0\x48\0", 7); /* not what switches */
	fake_vcpu.pending = (struct vcpu_event){ EVENT_IRQ, 0x40, false, 0 };
	assert_false(hit(PFEC_P | PFEC_W));
	put(IDT + 8 * 0x40, descriptor(NEXT, 0, TASK_GATE_TYPE));
	expect(TASK_GATE, NEXT);
	put(IDT + 8 * EXC_UD, descriptor(NEXT, 0, TASK_GATE_TYPE));
	fake_vcpu.pending = (struct vcpu_event){ EVENT_EXC, EXC_UD, false, 0 };
	assert_true(hit(PFEC_P | PFEC_W));
	assert_true(fake_vcpu.regs.rflags & RFLAGS_RF);
	put(IDT + 8 * EXC_PF, descriptor(NEXT, 0, TASK_GATE_TYPE));
	fake_vcpu.pending = (struct vcpu_event){ EVENT_EXC, EXC_PF, true, 7 };
	assert_true(hit(PFEC_P | PFEC_W));
	assert_true(fake_vcpu.exit.task.has_error);
	assert_int_equal(fake_vcpu.exit.task.error, 7);
}

static void a_double_fault_is_found(void **state)
{
	(void)state;
	fake_vcpu.pending = (struct vcpu_event){ EVENT_EXC, EXC_GP, true, 0x18 };
	assert_false(hit(PFEC_P | PFEC_W));
	put(IDT + 8 * EXC_DF, descriptor(NEXT, 0, TASK_GATE_TYPE));
	assert_true(hit(PFEC_P | PFEC_W));
	assert_int_equal(fake_vcpu.pending.vector, EXC_DF);
	assert_true(fake_vcpu.exit.task.has_error);
	assert_int_equal(fake_vcpu.exit.task.error, 0);
	fake_vcpu.pending = (struct vcpu_event){ EVENT_IRQ, 0x40, false, 0 };
	assert_false(hit(PFEC_P | PFEC_W));
}

/* --- LTR -------------------------------------------------------------------------------------- */

static void ltr(u16 sel)
{
	code("\x0f\0\xd8", 3);
	fake_vcpu.regs.gpr[R_AX] = 0xdead0000 | sel;
	nr_faults = 0;
	exit_ltr(&fake_vcpu);
}

static void expect_fault(u8 vector, u32 error)
{
	assert_int_equal(nr_faults, 1);
	assert_int_equal(fault.vector, vector);
	assert_int_equal(fault.error, error);
	assert_int_equal(fake_seg[S_TR].sel, TR);
	assert_int_equal(fake_vcpu.regs.rip, CODE);
}

static void ltr_loads_and_marks(void **state)
{
	(void)state;
	ltr(NEXT);
	assert_int_equal(nr_faults, 0);
	assert_int_equal(fake_seg[S_TR].sel, NEXT);
	assert_int_equal(fake_seg[S_TR].base, 0x5100);
	assert_int_equal(fake_seg[S_TR].limit, 103);
	assert_int_equal(fake_seg[S_TR].attr, 0x8b);
	assert_int_equal(ram[GDT + NEXT + 5], 0x8b);
	assert_int_equal(fake_vcpu.regs.rip, CODE + 3);
	assert_int_equal(fake_vcpu.guard.linear, 0x5100);
	only(5);
}

static void ltr_checks_its_descriptor(void **state)
{
	static const struct {
		u16 sel;
		u32 attr;
		u8 vector;
	} rules[] = {
		{ 0, 0, EXC_GP },       { 3, 0, EXC_GP },
		{ 0x4c, 0x89, EXC_GP }, /* of the LDT */
		{ 0x100, 0, EXC_GP },   { 0xf8, 0x89, 0 },
		{ NEXT, 0x8b, EXC_GP }, { NEXT, 0x82, EXC_GP },
		{ NEXT, 0x99, EXC_GP }, { NEXT, 0x09, EXC_NP },
		{ NEXT, 0x81, 0 },      { NEXT | 3, 0x89, 0 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		setup(NULL);
		put(GDT + (rules[i].sel & ~7u), descriptor(TSS, 103, rules[i].attr));
		ltr(rules[i].sel);
		if (rules[i].vector)
			expect_fault(rules[i].vector, rules[i].sel & ~3u);
		else
			assert_int_equal(fake_seg[S_TR].sel, rules[i].sel);
	}
	setup(NULL);
	read_only[GDT / PAGE_SIZE] = true;
	ltr(NEXT);
	expect_fault(EXC_PF, 0);
}

static void ltr_of_long_mode_takes_16_bytes(void **state)
{
	(void)state;
	fake_sreg[SR_EFER] = EFER_LMA;
	put(GDT + NEXT + 8, 0xffffffff);
	ltr(NEXT);
	assert_int_equal(fake_seg[S_TR].base, 0xffffffff00005100);
	only(NO_PAGE);
	setup(NULL);
	fake_sreg[SR_EFER] = EFER_LMA;
	put(GDT + NEXT, descriptor(TSS, 103, 0x81)); /* 16 bits */
	put(GDT + NEXT + 8, 0);
	ltr(NEXT);
	expect_fault(EXC_GP, NEXT);
	setup(NULL);
	fake_sreg[SR_EFER] = EFER_LMA;
	put(GDT + NEXT + 8, 1ULL << 40); /* a type where there must be none */
	ltr(NEXT);
	expect_fault(EXC_GP, NEXT);
	setup(NULL);
	fake_sreg[SR_EFER] = EFER_LMA;
	put(GDT + 0xf8, descriptor(TSS, 103, 0x89)); /* its second half is behind the table */
	ltr(0xf8);
	expect_fault(EXC_GP, 0xf8);
}

static void another_instruction_is_tried_again(void **state)
{
	(void)state;
	code("\x0f\0\xd0", 3); /* LLDT */
	exit_ltr(&fake_vcpu);
	assert_int_equal(changed, 1);
	assert_int_equal(fake_vcpu.regs.rip, CODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_page_of_the_tss_is_guarded, setup),
		cmocka_unit_test_setup(without_tasks_nothing_is_guarded, setup),
		cmocka_unit_test_setup(only_its_own_page_is_lifted, setup),
		cmocka_unit_test_setup(long_mode_does_not_pay, setup),
		cmocka_unit_test_setup(far_jumps_and_calls, setup),
		cmocka_unit_test_setup(iret_follows_the_link, setup),
		cmocka_unit_test_setup(interrupt_instructions_need_a_task_gate, setup),
		cmocka_unit_test_setup(plain_stores_are_none, setup),
		cmocka_unit_test_setup(events_go_by_their_vector, setup),
		cmocka_unit_test_setup(a_double_fault_is_found, setup),
		cmocka_unit_test_setup(ltr_loads_and_marks, setup),
		cmocka_unit_test_setup(ltr_checks_its_descriptor, setup),
		cmocka_unit_test_setup(ltr_of_long_mode_takes_16_bytes, setup),
		cmocka_unit_test_setup(another_instruction_is_tried_again, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
