/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/page_fault.c vm/paging.c vm/cr.c vm/xcr.c vm/fetch.c vm/emulate.c vm/emul/[a-z]*.c */
/* SOURCES: vm/segment.c vm/watch.c */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/clock.c lib/fmt.c */
/*
 * What a page fault under shadow paging does to the guest, for every verdict, and what INVLPG and
 * INVPCID do. The verdicts come from the real MMU.
 */
#include "tests/host/vm_shadow.h"

#include "lib/log.h"
#include "vm/exit_priv.h"
#include "vm/mmio.h"

static struct vcpu *const v = &fake_vcpu;
static u32 told, mmio_faults, task_switches, lifts;
static bool is_task_switch, lift_works;
static gpa_t mmio_gpa;
static u32 mmio_access;

/* --- the neighbours --------------------------------------------------------------------------- */

void mmio_fault(struct vcpu *of, gpa_t gpa, u32 access, bool table_walk)
{
	(void)of;
	assert_false(table_walk);
	mmio_gpa = gpa;
	mmio_access = access;
	mmio_faults++;
}

void exit_task_switch(struct vcpu *of)
{
	(void)of;
	task_switches++;
}

bool task_guard_hit(struct vcpu *of)
{
	(void)of;
	return is_task_switch;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
	told++;
}

bool task_guard_lift(struct vcpu *of, gpa_t gpa)
{
	(void)of;
	(void)gpa;
	lifts++;
	return lift_works;
}

/* --- the scene -------------------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	shadow_machine();
	shadow_long_mode();
	mmio_faults = task_switches = lifts = 0;
	is_task_switch = lift_works = false;
	assert_int_equal(paging_enter(v), EXIT_HLT);
	return 0;
}

/* Hardware reports a fault for an access that needed this. */
static void fault(u64 gva, u32 access)
{
	v->exit.reason = EXIT_PF;
	v->exit.insn_len = 0;
	v->exit.pf = (struct mmu_shadow_fault){ .gva = GVA(gva), .access = access };
	exit_pf(v);
	assert_int_equal(v->last_pf.gva.v, gva);
	assert_int_equal(v->last_pf.access, access);
}

/* The guest is at this instruction. */
static void at_code(const void *bytes, u32 n)
{
	memset(guest(CODE), 0x90, 32);
	memcpy(guest(CODE), bytes, n);
	v->regs.rip = CODE;
}

#define AT(...)                                             \
	do {                                                \
		static const u8 bytes_[] = { __VA_ARGS__ }; \
		at_code(bytes_, sizeof(bytes_));            \
	} while (0)

/* Nothing was told to the guest, and it is where it was. */
static void assert_unnoticed(void)
{
	assert_int_equal(shadow_nr_faults, 0);
	assert_int_equal(shadow_kills, 0);
	assert_int_equal(mmio_faults, 0);
	assert_int_equal(v->regs.rip, CODE);
}

static void assert_faulted(u8 vector, u32 error)
{
	assert_int_equal(shadow_nr_faults, 1);
	assert_int_equal(shadow_fault.vector, vector);
	assert_true(shadow_fault.has_error);
	assert_int_equal(shadow_fault.error, error);
	assert_int_equal(v->regs.rip, CODE);
	assert_int_equal(shadow_kills, 0);
	shadow_nr_faults = 0;
}

/* --- #PF -------------------------------------------------------------------------------------- */

static void what_the_guest_allows_is_filled_in_and_it_goes_on(void **state)
{
	(void)state;
	fault(DATA, MMU_R);
	assert_int_equal(v->last_verdict, MMU_FIXED);
	fault(DATA, MMU_R);
	assert_int_equal(v->last_verdict, MMU_SPURIOUS);
	assert_unnoticed();
}

/* Error codes are those of the access and of the guest's tables, not of hardware's report. */
static void the_guests_own_fault_has_its_error_code_and_address(void **state)
{
	static const struct {
		u64 entry;
		u32 access, error;
	} cases[] = {
		{ 0, MMU_R, 0 },
		{ 0, MMU_W, PFEC_W },
		{ 0, MMU_R | MMU_U, PFEC_U },
		{ 0, MMU_X, PFEC_F },
		{ P_ | A_, MMU_W, PFEC_P | PFEC_W },
		{ P_ | A_, MMU_R | MMU_U, PFEC_P | PFEC_U },
		{ P_ | U_ | A_, MMU_W | MMU_U, PFEC_P | PFEC_W | PFEC_U },
		{ LEAF | U_ | BIT(63), MMU_X | MMU_U, PFEC_P | PFEC_F | PFEC_U },
		{ LEAF | BIT(45), MMU_R, PFEC_P | PFEC_RSVD },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 gva = DATA + i * PAGE_SIZE + 0x123;

		*pte(gva) = cases[i].entry ? (gva & ~0xfffULL) | cases[i].entry : 0;
		fault(gva, cases[i].access);
		assert_int_equal(v->last_verdict, MMU_INJECT);
		assert_faulted(EXC_PF, cases[i].error);
		assert_int_equal(fake_sreg[SR_CR2], gva);
	}
}

static void a_device_page_or_nothing_is_for_the_emulator(void **state)
{
	static const u64 to[] = { DEVICE, RAM_PAGES * PAGE_SIZE };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(to); i++) {
		*pte(DATA + i * PAGE_SIZE) = to[i] | LEAF;
		fault(DATA + i * PAGE_SIZE + 0x24, MMU_W);
		assert_int_equal(v->last_verdict, MMU_MMIO);
		assert_int_equal(mmio_faults, i + 1);
		assert_int_equal(mmio_gpa.v, to[i] + 0x24);
		assert_int_equal(mmio_access, MMU_W);
	}
	assert_int_equal(shadow_nr_faults + shadow_kills, 0);
}

static void zap_all(void)
{
	mmu_shadow_zap_all(&fake_vm.mmu);
}

static bool before_lock(enum mmu_hook h)
{
	if (h == HOOK_BEFORE_LOCK)
		zap_all();
	return false;
}

static void a_lost_race_is_tried_again_by_the_guest(void **state)
{
	(void)state;
	env_sim.hook = before_lock;
	fault(DATA, MMU_R);
	env_sim.hook = NULL;
	assert_int_equal(v->last_verdict, MMU_RETRY);
	assert_unnoticed();
	assert_int_equal(paging_enter(v), EXIT_HLT);
	fault(DATA, MMU_R);
	assert_int_equal(v->last_verdict, MMU_FIXED);
}

static bool no_pages(enum mmu_hook h)
{
	return h == HOOK_ALLOC;
}

static void without_table_pages_the_machine_ends_with_a_sentence(void **state)
{
	(void)state;
	zap_all();
	res_drop(&fake_vm.mmu, &v->mmu->res);
	env_sim.hook = no_pages;
	fault(DATA, MMU_R);
	assert_int_equal(v->last_verdict, MMU_NOMEM);
	assert_int_equal(shadow_kills, 1);
	assert_non_null(strstr(v->why, "page fault at linear address 30000: "));
	assert_int_equal(shadow_nr_faults, 0);
}

static void a_fault_without_end_ends_the_machine_instead(void **state)
{
	u32 n = 0;

	(void)state;
	fault(DATA, MMU_R);
	while (!shadow_kills && n++ < 20000)
		fault(DATA, MMU_R);
	assert_int_equal(v->last_verdict, MMU_KILL_VM);
	assert_int_equal(shadow_kills, 1);
	assert_non_null(strstr(v->why, "faults for ever"));
	fake_vm.mmu.broken = NULL;
}

/* --- writes to tables ------------------------------------------------------------------------- */

static void a_watched_access_is_told_and_made_again(void **state)
{
	gfn_t gfn = GFN(DATA >> PAGE_SHIFT);

	(void)state;
	watch_init(&fake_vm);
	AT(0x0f, 0xae, 0x07); /* fxsave [rdi]: nothing that is emulated */
	fault(DATA, MMU_W);
	assert_int_equal(v->last_verdict, MMU_FIXED);
	assert_int_equal(watch_add(&fake_vm, gfn, MMU_R), 0);
	fault(DATA, MMU_W);
	assert_int_equal(v->last_verdict, MMU_TRACKED);
	assert_unnoticed();
	assert_int_equal(watch_get(&fake_vm, 0).state, WATCH_HIT);
	assert_int_equal(watch_get(&fake_vm, 0).gva.v, DATA);
	assert_int_equal(told, 1);
	fault(DATA, MMU_W);
	assert_int_equal(v->last_verdict, MMU_FIXED);
}

static void shadow_directory(void)
{
	fault(DATA, MMU_R);
	assert_int_equal(v->last_verdict, MMU_FIXED);
	assert_true(mmu_is_shadowed(&fake_vm.mmu, GFN(PD >> PAGE_SHIFT)));
}

static void a_write_to_a_table_is_done_by_the_emulator(void **state)
{
	(void)state;
	shadow_directory();
	AT(0x48, 0x89, 0x07); /* mov [rdi], rax */
	v->regs.gpr[R_DI] = PD + 8;
	v->regs.gpr[R_AX] = PT | TABLE;
	fault(PD + 8, MMU_W);
	assert_int_equal(v->last_verdict, MMU_EMULATE);
	assert_int_equal(guest(PD)[1], PT | TABLE);
	assert_int_equal(v->regs.rip, CODE + 3);
	assert_int_equal(shadow_nr_faults + shadow_kills, 0);
	assert_true(mmu_is_shadowed(&fake_vm.mmu, GFN(PD >> PAGE_SHIFT)));
}

static void stores_of_all_usual_kinds_are_done_where_they_go(void **state)
{
	(void)state;
	shadow_directory();
	AT(0x48, 0xc7, 0x42, 0x08, 0xff, 0xff, 0xff, 0xff); /* movq $-1, 8(%rdx) */
	fault(PD + 16, MMU_W);
	assert_int_equal(guest(PD)[2], ~0ULL);
	assert_int_equal(v->regs.rip, CODE + 8);
	AT(0xc7, 0x02, 1, 0, 0, 0); /* movl $1, (%rdx) */
	fault(PD + 20, MMU_W);
	assert_int_equal(guest(PD)[2], 1ULL << 32 | 0xffffffff);
	AT(0x4c, 0x89, 0x3a); /* mov %r15, (%rdx) */
	v->regs.gpr[15] = PT | TABLE;
	fault(PD + 16, MMU_W);
	assert_int_equal(guest(PD)[2], PT | TABLE);
	assert_int_equal(shadow_nr_faults + shadow_kills, 0);
}

/* The fault says where the second page begins; the first part goes to the page before. */
static void a_store_that_crosses_into_a_table_is_whole(void **state)
{
	(void)state;
	shadow_directory();
	AT(0x48, 0x89, 0x07); /* mov [rdi], rax */
	v->regs.gpr[R_DI] = PD - 4;
	v->regs.gpr[R_AX] = 0x1122334455667788;
	fault(PD, MMU_W);
	assert_int_equal(v->last_verdict, MMU_EMULATE);
	assert_int_equal((u32)guest(PD)[0], 0x11223344);
	assert_int_equal(guest(PD - PAGE_SIZE)[511] >> 32, 0x55667788);
	assert_int_equal(v->regs.rip, CODE + 3);
}

/* The directory belongs to a space that is not in use. */
static void leave_for_another_space(void)
{
	shadow_directory();
	*guest(0x40000) = 0x41000 | TABLE;
	*guest(0x41000) = 0x42000 | TABLE;
	*guest(0x42000) = PT | TABLE;
	assert_true(paging_write(v, SR_CR3, 0x40000));
	assert_int_equal(paging_enter(v), EXIT_HLT);
}

static void what_the_emulator_does_not_know_unshadows_the_table(void **state)
{
	(void)state;
	leave_for_another_space();
	AT(0x0f, 0xae, 0x07); /* fxsave [rdi] */
	v->regs.gpr[R_DI] = PD;
	fault(PD, MMU_W);
	assert_int_equal(v->last_verdict, MMU_EMULATE);
	assert_true(v->last_result.may_unshadow);
	assert_false(mmu_is_shadowed(&fake_vm.mmu, GFN(PD >> PAGE_SHIFT)));
	assert_unnoticed();
	assert_int_equal(shadow_logs, 0);
	fault(PD, MMU_W);
	assert_int_equal(v->last_verdict, MMU_FIXED);
}

static void what_fills_a_whole_page_unshadows_it(void **state)
{
	(void)state;
	leave_for_another_space();
	AT(0xf3, 0x48, 0xab); /* rep stosq */
	v->regs.gpr[R_DI] = PD;
	v->regs.gpr[R_CX] = 512;
	fault(PD, MMU_W);
	assert_false(mmu_is_shadowed(&fake_vm.mmu, GFN(PD >> PAGE_SHIFT)));
	assert_unnoticed();
	assert_int_equal(v->regs.gpr[R_CX], 512);
}

static void a_table_in_use_is_not_unshadowed_for_an_unknown_instruction(void **state)
{
	(void)state;
	shadow_directory();
	AT(0x0f, 0xae, 0x07);
	v->regs.gpr[R_DI] = PD;
	fault(PD, MMU_W);
	assert_false(v->last_result.may_unshadow);
	assert_int_equal(shadow_nr_faults, 1);
	assert_int_equal(shadow_fault.vector, EXC_UD);
	assert_int_equal(shadow_logs, 1);
	assert_true(mmu_is_shadowed(&fake_vm.mmu, GFN(PD >> PAGE_SHIFT)));
}

/* The write is of the event, not of the instruction at RIP. */
static void the_delivery_of_an_event_into_a_table_emulates_nothing(void **state)
{
	(void)state;
	leave_for_another_space();
	AT(0x48, 0x89, 0x07);
	v->regs.gpr[R_DI] = PD;
	v->regs.gpr[R_AX] = 0x123;
	v->redelivery = true;
	fault(PD, MMU_W);
	assert_false(mmu_is_shadowed(&fake_vm.mmu, GFN(PD >> PAGE_SHIFT)));
	assert_unnoticed();
	assert_int_not_equal(*guest(PD), 0x123);
}

static void the_delivery_of_an_event_into_a_table_in_use_ends_the_machine(void **state)
{
	(void)state;
	shadow_directory();
	AT(0x48, 0x89, 0x07);
	v->redelivery = true;
	fault(PD, MMU_W);
	assert_int_equal(shadow_kills, 1);
	assert_non_null(strstr(v->why, "the delivery of an event writes to 12000: "));
}

static void a_write_to_the_guarded_task_segment_lifts_the_guard_instead(void **state)
{
	(void)state;
	shadow_directory();
	AT(0x0f, 0xae, 0x07);
	v->regs.gpr[R_DI] = PD;
	lift_works = true;
	fault(PD, MMU_W);
	assert_int_equal(lifts, 1);
	assert_unnoticed();
}

static void a_fault_at_the_guarded_task_segment_may_be_a_task_switch(void **state)
{
	(void)state;
	v->guard.on = true;
	v->guard.linear = DATA;
	is_task_switch = true;
	v->exit.pf = (struct mmu_shadow_fault){ .gva = GVA(DATA), .access = MMU_W };
	exit_pf(v);
	assert_int_equal(task_switches, 1);
	assert_unnoticed();
	fault(DATA + 1, MMU_R); /* elsewhere */
	assert_int_equal(v->last_verdict, MMU_FIXED);
	is_task_switch = false;
	fault(DATA, MMU_R); /* and not by a switch */
	assert_int_equal(v->last_verdict, MMU_SPURIOUS);
	assert_int_equal(task_switches, 1);
}

/* --- INVLPG ----------------------------------------------------------------------------------- */

static void invlpg_flushes_the_page_of_its_address(void **state)
{
	(void)state;
	v->exit.gva = GVA(DATA + 8);
	v->exit.insn_len = 3;
	exit_invlpg(v);
	assert_int_equal(shadow_flushed_gvas, 1);
	assert_int_equal(shadow_flushed_gva.v, DATA + 8);
	assert_int_equal(v->regs.rip, CODE + 3);
	assert_int_equal(shadow_nr_faults, 0);
}

static void a_flush_of_everything_that_is_due_does_for_invlpg(void **state)
{
	(void)state;
	assert_true(paging_write(v, SR_CR3, PML4));
	v->exit.gva = GVA(DATA);
	v->exit.insn_len = 3;
	exit_invlpg(v);
	assert_int_equal(shadow_flushed_gvas, 0);
	assert_int_equal(v->regs.rip, CODE + 3);
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(shadow_entry_flush, MMU_FLUSH_TAG);
}

static void invlpg_takes_its_address_from_the_instruction(void **state)
{
	static const struct {
		u8 bytes[8], len;
		u64 gva;
	} cases[] = {
		{ { 0x0f, 0x01, 0x3b }, 3, 0x30b00 },                      /* [rbx] */
		{ { 0x41, 0x0f, 0x01, 0x39 }, 4, 0x30900 },                /* [r9] */
		{ { 0x0f, 0x01, 0x7b, 0x10 }, 4, 0x30b10 },                /* [rbx + 16] */
		{ { 0x0f, 0x01, 0x3c, 0x24 }, 4, 0x30f00 },                /* [rsp] */
		{ { 0x0f, 0x01, 0x3d, 0, 1, 0, 0 }, 7, CODE + 7 + 0x100 }, /* [rip + 256] */
		{ { 0x67, 0x0f, 0x01, 0x3b }, 4, 0x30b00 },                /* [ebx] */
	};

	(void)state;
	v->regs.gpr[R_BX] = 0x30b00;
	v->regs.gpr[R_9] = 0x30900;
	v->regs.gpr[R_SP] = 0x30f00;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		at_code(cases[i].bytes, sizeof(cases[i].bytes));
		v->exit.insn_len = 0;
		exit_invlpg(v);
		assert_int_equal(shadow_flushed_gvas, i + 1);
		assert_int_equal(shadow_flushed_gva.v, cases[i].gva);
		assert_int_equal(v->regs.rip, CODE + cases[i].len);
	}
	assert_int_equal(shadow_nr_faults, 0);
}

/* Flat data but for its base. */
static void code_of_32_bits(u64 base)
{
	shadow_bits = 32;
	fake_seg[S_DS] = (struct segment){ .base = base,
					   .limit = ~0U,
					   .attr = SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_DB | 3 };
}

static void invlpg_in_32_bit_code_is_decoded(void **state)
{
	(void)state;
	code_of_32_bits(0x1000);
	v->regs.gpr[R_BX] = 0x30000;
	AT(0x0f, 0x01, 0x3b);
	v->exit.insn_len = 0;
	exit_invlpg(v);
	assert_int_equal(shadow_flushed_gva.v, 0x31000);
	assert_int_equal(v->regs.rip, CODE + 3);
}

static void another_instruction_by_now_is_left_to_the_guest(void **state)
{
	(void)state;
	AT(0x90);
	v->exit.insn_len = 0;
	exit_invlpg(v);
	exit_invpcid(v);
	assert_int_equal(fake_flushes, 2);
	assert_int_equal(shadow_flushed_gvas, 0);
	assert_unnoticed();
}

static void an_instruction_that_cannot_be_read_faults(void **state)
{
	(void)state;
	*pte(CODE) = 0;
	v->exit.insn_len = 0;
	exit_invlpg(v);
	assert_faulted(EXC_PF, PFEC_F);
	exit_invpcid(v);
	assert_faulted(EXC_PF, PFEC_F);
	assert_int_equal(shadow_flushed_gvas, 0);
}

static void invlpg_brings_the_shadow_up_to_date(void **state)
{
	(void)state;
	fault(DATA, MMU_R);
	fault(PT, MMU_W); /* the guest may now write its table unseen */
	assert_int_equal(v->last_verdict, MMU_FIXED);
	*pte(DATA) = 0x31000 | LEAF;
	v->exit.gva = GVA(DATA);
	v->exit.insn_len = 3;
	exit_invlpg(v);
	sim_audit(&fake_vm.mmu);
	fault(DATA, MMU_R);
	assert_int_equal(v->last_result.gpa.v, 0x31000);
}

/* --- INVPCID ---------------------------------------------------------------------------------- */

/* What the guest gets for this type and descriptor; the descriptor is at DATA. */
static void invpcid(u64 type, u64 pcid, u64 gva)
{
	AT(0x66, 0x0f, 0x38, 0x82, 0x07); /* invpcid rax, [rdi] */
	v->regs.gpr[R_AX] = type;
	v->regs.gpr[R_DI] = DATA;
	guest(DATA)[0] = pcid;
	guest(DATA)[1] = gva;
	shadow_entry_flush = MMU_FLUSH_NONE;
	exit_invpcid(v);
	if (!shadow_nr_faults) {
		assert_int_equal(v->regs.rip, CODE + 5);
		assert_int_equal(paging_enter(v), EXIT_HLT);
	}
}

static void assert_invpcid_flushes(bool flushes)
{
	assert_int_equal(shadow_nr_faults, 0);
	assert_int_equal(shadow_entry_flush == MMU_FLUSH_TAG, flushes);
}

static void use_pcid(u64 pcid)
{
	assert_true(paging_write(v, SR_CR4, CR4_PAE | CR4_PCIDE));
	assert_true(paging_write(v, SR_CR3, PML4 | pcid));
	assert_int_equal(paging_enter(v), EXIT_HLT);
}

static void each_type_of_invpcid_flushes_what_is_current(void **state)
{
	(void)state;
	use_pcid(5);
	invpcid(0, 5, DATA);
	assert_invpcid_flushes(true);
	invpcid(1, 5, 0);
	assert_invpcid_flushes(true);
	invpcid(2, 0, 0);
	assert_invpcid_flushes(true);
	invpcid(3, 0, 0);
	assert_invpcid_flushes(true);
	invpcid(0, 6, DATA);
	assert_invpcid_flushes(false);
	invpcid(1, 6, 0);
	assert_invpcid_flushes(false);
}

static void invpcid_refuses_what_is_reserved(void **state)
{
	static const struct {
		u64 type, pcid, gva;
		bool only_without_pcide;
	} bad[] = {
		{ 4, 0, 0, false },       { BIT(32), 0, 0, false }, { 0, 0x1000, 0, false },
		{ 1, BIT(63), 0, false }, { 2, 0x1000, 0, false },  { 3, 0x1000, 0, false },
		{ 0, 0, BIT(47), false }, { 0, 5, 0, true },        { 1, 5, 0, true },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		invpcid(bad[i].type, bad[i].pcid, bad[i].gva);
		assert_faulted(EXC_GP, 0);
	}
	use_pcid(5);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		invpcid(bad[i].type, bad[i].pcid, bad[i].gva);
		if (bad[i].only_without_pcide)
			assert_int_equal(shadow_nr_faults, 0);
		else
			assert_faulted(EXC_GP, 0);
	}
	/* The address counts for type 0 only. */
	invpcid(1, 5, BIT(47));
	assert_invpcid_flushes(true);
}

static void invpcid_in_32_bit_code_has_a_type_of_32_bits(void **state)
{
	(void)state;
	code_of_32_bits(0);
	invpcid(BIT(32) | 2, 0, 0);
	assert_invpcid_flushes(true);
}

static void a_descriptor_that_cannot_be_read_faults(void **state)
{
	(void)state;
	*pte(DATA) = 0;
	invpcid(2, 0, 0);
	assert_faulted(EXC_PF, 0);
	assert_int_equal(fake_sreg[SR_CR2], DATA);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, shadow_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_guest_allows_is_filled_in_and_it_goes_on),
		TEST(the_guests_own_fault_has_its_error_code_and_address),
		TEST(a_device_page_or_nothing_is_for_the_emulator),
		TEST(a_lost_race_is_tried_again_by_the_guest),
		TEST(without_table_pages_the_machine_ends_with_a_sentence),
		TEST(a_fault_without_end_ends_the_machine_instead),
		TEST(a_watched_access_is_told_and_made_again),
		TEST(a_write_to_a_table_is_done_by_the_emulator),
		TEST(stores_of_all_usual_kinds_are_done_where_they_go),
		TEST(a_store_that_crosses_into_a_table_is_whole),
		TEST(what_the_emulator_does_not_know_unshadows_the_table),
		TEST(what_fills_a_whole_page_unshadows_it),
		TEST(a_table_in_use_is_not_unshadowed_for_an_unknown_instruction),
		TEST(the_delivery_of_an_event_into_a_table_emulates_nothing),
		TEST(the_delivery_of_an_event_into_a_table_in_use_ends_the_machine),
		TEST(a_write_to_the_guarded_task_segment_lifts_the_guard_instead),
		TEST(a_fault_at_the_guarded_task_segment_may_be_a_task_switch),
		TEST(invlpg_flushes_the_page_of_its_address),
		TEST(a_flush_of_everything_that_is_due_does_for_invlpg),
		TEST(invlpg_takes_its_address_from_the_instruction),
		TEST(invlpg_in_32_bit_code_is_decoded),
		TEST(invlpg_brings_the_shadow_up_to_date),
		TEST(another_instruction_by_now_is_left_to_the_guest),
		TEST(an_instruction_that_cannot_be_read_faults),
		TEST(each_type_of_invpcid_flushes_what_is_current),
		TEST(invpcid_refuses_what_is_reserved),
		TEST(invpcid_in_32_bit_code_has_a_type_of_32_bits),
		TEST(a_descriptor_that_cannot_be_read_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
