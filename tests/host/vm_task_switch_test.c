/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/task_switch.c vm/task_load.c vm/implicit.c vm/segment.c tests/host/fake/bug.c */
/*
 * Leaving a task: what is saved for each way to switch, which fault each thing leads to that is
 * wrong with the two TSSs, and that such a fault has changed nothing.
 */
#include "tests/host/task_fake.h"

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

static void an_int_n_that_is_told_as_a_call_is_one_all_the_same(void **state)
{
	(void)state;
	next_op = OP_INT;
	fake_vcpu.exit.task.selector = B;
	fake_vcpu.exit.task.source = TASK_CALL;
	exit_task_switch(&fake_vcpu);
	expect_b();
	expect_saved_32(RIP + 5);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_jump_leaves_no_trace_but_the_state, setup),
		cmocka_unit_test_setup(a_call_nests, setup),
		cmocka_unit_test_setup(iret_returns, setup),
		cmocka_unit_test_setup(a_fault_comes_back_to_its_instruction, setup),
		cmocka_unit_test_setup(int_n_comes_back_behind_it, setup),
		cmocka_unit_test_setup(an_int_n_that_is_told_as_a_call_is_one_all_the_same, setup),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
