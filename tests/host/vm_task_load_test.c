/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/task_switch.c vm/task_load.c vm/implicit.c vm/segment.c tests/host/fake/bug.c */
/* Entering a task: its state, the checks of its segments, and the faults that are its own. */
#include "tests/host/task_fake.h"

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
		{ S_CS, X, 0xbb, EXC_TS },     /* DPL 1 */
		{ S_CS, X, 0xbf, EXC_TS },     /* conforming, DPL 1 */
		{ S_CS, X | 3, 0x9b, EXC_TS }, /* RPL 3, DPL 0 */
		{ S_CS, X, 0x9f, 0 },          /* conforming, DPL 0 */
		{ S_CS, X, 0x99, 0 },          /* only executable */
		{ S_CS, 0x80, 0, EXC_TS },     /* behind the table */
		{ S_CS, 0x0c, 0, EXC_TS },     /* no LDT */
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
			assert_true(rules[i].seg <= S_SS ||
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
