/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* The simulated machine itself: a judge that cannot say no is worth nothing. */
#include "test.h"

#include <stdio.h>

#include "mmu/geom.h"
#include "tests/host/mmu_ref.h"
#include "tests/sim/driver.h"
#include "tests/sim/sim.h"

#define VA    0x40003000ULL
#define OTHER 0x40004000ULL
#define DATA  0x1a000ULL
#define MORE  0x1b000ULL
#define BITS  (P_ | W_ | U_ | A_ | D_)
#define READ  (&(struct sim_access){ .gva = VA, .access = MMU_R, .size = 8 })
#define WRITE (&(struct sim_access){ .gva = VA, .access = MMU_W, .size = 8 })

static jmp_buf failed;
static char why[400];
static struct sim_space space;
static struct sim_vcpu *v;
static u64 pte, pde; /* of VA */

static void on_failure(const char *text)
{
	snprintf(why, sizeof(why), "%s", text);
	longjmp(failed, 1);
}

/* A guest with 4 levels, not entered yet; VA leads to DATA. */
static int setup(void **state)
{
	(void)state;
	sim_start(&(struct sim_cfg){ .cpus = 2, .vcpus = 2 });
	sim.keep = SIM_KEEP_ALL;
	sim_tables_at(1);
	space = sim_space_new(SIM_LM4);
	sim_map(&space, VA, DATA, BITS, 1);
	sim_map(&space, OTHER, MORE, BITS, 1);
	pte = sim_pte(&space, VA, 1);
	pde = sim_pte(&space, VA, 2);
	v = &sim.vcpu[0];
	sim_set_space(v, &space, true, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim.failed = NULL;
	sim_stop();
	return 0;
}

/* What stands behind it must make the machine fail with a text that has this in it. */
#define FAILS(text, stmt)                                              \
	do {                                                           \
		sim.failed = on_failure;                               \
		if (setjmp(failed) == 0) {                             \
			stmt;                                          \
			fail_msg("nobody noticed");                    \
		}                                                      \
		if (!strstr(why, text))                                \
			fail_msg("not this: %s", why);                 \
		sim_start(&(struct sim_cfg){ .cpus = 1, .vcpus = 0 }); \
	} while (0)

static void remap(u64 gpa, u64 bits)
{
	sim_poke(pte, gpa | bits, 8);
}

static void load_cr3(void)
{
	sim_load_cr3(v, space.cr3);
}

/* --- the judge -------------------------------------------------------------------------------- */

static void only_what_memory_says_is_legal(void **state)
{
	(void)state;
	assert_true(sim_legal_ok(v, READ, DATA));
	assert_false(sim_legal_ok(v, READ, MORE));
	assert_false(sim_legal_fault(v, READ, 0, sim.now));
}

static void old_translation_is_legal_until_invlpg(void **state)
{
	(void)state;
	remap(MORE, BITS);
	assert_true(sim_legal_ok(v, READ, DATA));
	assert_true(sim_legal_ok(v, READ, MORE));
	sim_arch_event(v, MMU_EV_INVLPG, OTHER, 0);
	assert_true(sim_legal_ok(v, READ, DATA));
	sim_arch_event(v, MMU_EV_INVLPG, VA, 0);
	assert_false(sim_legal_ok(v, READ, DATA));
	assert_true(sim_legal_ok(v, READ, MORE));
}

static void old_translation_is_legal_until_its_fault_is_delivered(void **state)
{
	(void)state;
	remap(MORE, BITS);
	sim_arch_event(v, MMU_EV_PF, OTHER, 0);
	assert_true(sim_legal_ok(v, READ, DATA));
	sim_arch_event(v, MMU_EV_PF, VA, 0);
	assert_false(sim_legal_ok(v, READ, DATA));
}

static void cr3_load_ends_what_is_not_global(void **state)
{
	(void)state;
	remap(MORE, BITS);
	load_cr3();
	assert_false(sim_legal_ok(v, READ, DATA));
}

static void global_translations_survive_cr3_while_pge_is_set(void **state)
{
	struct mmu_regs r = v->regs;

	(void)state;
	r.cr4 |= CR4_PGE;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR4));
	remap(DATA, BITS | G_);
	remap(MORE, BITS);
	load_cr3();
	assert_true(sim_legal_ok(v, READ, DATA));
	r.cr4 &= ~CR4_PGE;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR4));
	assert_false(sim_legal_ok(v, READ, DATA));
}

static void entries_that_were_not_present_or_accessed_are_not_cached(void **state)
{
	(void)state;
	remap(MORE, BITS & ~A_);
	remap(DATA, BITS & ~P_);
	load_cr3();
	remap(MORE, P_ | W_ | U_);
	remap(DATA, BITS);
	assert_false(sim_legal_ok(v, READ, MORE));
	assert_false(sim_legal_fault(v, READ, 0, sim.now));
}

static void old_entry_without_dirty_bit_allows_no_write(void **state)
{
	(void)state;
	remap(DATA, BITS & ~D_);
	load_cr3();
	remap(MORE, BITS);
	assert_true(sim_legal_ok(v, READ, DATA));
	assert_false(sim_legal_ok(v, WRITE, DATA));
}

/* What is cached below an entry was read after it: an entry that became present needs no flush, but
 * the table below must not be an old one. */
static void table_is_read_after_the_entry_that_leads_to_it(void **state)
{
	u64 e = sim_peek(pde, 8);

	(void)state;
	sim_poke(pde, 0, 8);
	load_cr3();
	remap(MORE, BITS);
	sim_poke(pde, e, 8);
	assert_false(sim_legal_ok(v, READ, DATA));
	assert_true(sim_legal_ok(v, READ, MORE));
}

/* An old pointer to a table and a new entry of that table do not meet across an INVLPG. */
static void invlpg_of_any_address_forgets_pointers_to_tables(void **state)
{
	(void)state;
	sim_poke(pde, 0, 8);
	remap(MORE, BITS);
	assert_true(sim_legal_ok(v, READ, MORE));
	sim_arch_event(v, MMU_EV_INVLPG, 0x7000, 0);
	remap(MORE + PAGE_SIZE, BITS);
	assert_true(sim_legal_ok(v, READ, MORE));
	assert_true(sim_legal_ok(v, READ, DATA));
	assert_false(sim_legal_ok(v, READ, MORE + PAGE_SIZE));
}

static void error_codes_are_exact(void **state)
{
	(void)state;
	remap(DATA, P_ | A_);
	assert_true(sim_legal_fault(v, WRITE, PFEC_P | PFEC_W, sim.now));
	assert_false(sim_legal_fault(v, WRITE, PFEC_W, sim.now));
	assert_false(sim_legal_fault(v, WRITE, PFEC_P | PFEC_W | PFEC_U, sim.now));
	assert_false(sim_legal_fault(v, READ, PFEC_P, sim.now));
}

/* --- hardware --------------------------------------------------------------------------------- */

/* The shadow entry that maps VA. */
static u64 *shadow_leaf(void)
{
	u64 table = mmu_ctx_root(&v->ctx).v;
	u64 *p = NULL;

	for (u32 level = 4; level > 0; level--) {
		p = (u64 *)env_ptr(HPA(table)) + (VA >> (12 + 9 * (level - 1)) & 511);
		assert_true(*p & P_);
		table = *p & MASK(51, 12);
	}
	return p;
}

static void touched(void)
{
	sim_expect_ok(v, VA, MMU_W, DATA);
	sim_hw_drop(v);
	assert_true(v->in_guest);
}

static void access_goes_through_and_is_judged(void **state)
{
	(void)state;
	touched();
	assert_int_equal(sim_peek(DATA, 8), 0x5a5a5a5a5a5a5a5aULL);
	sim_audit();
}

static void hardware_refuses_reserved_bits(void **state)
{
	(void)state;
	touched();
	*shadow_leaf() |= BIT(51);
	FAILS("reserved bits", sim_do(v, VA, MMU_R));
}

static void hardware_refuses_frames_that_are_not_the_guests(void **state)
{
	(void)state;
	touched();
	*shadow_leaf() += 0x10000000;
	FAILS("not the guest's", sim_do(v, VA, MMU_R));
}

static void hardware_refuses_a_freed_table(void **state)
{
	spx_t x;

	(void)state;
	touched();
	x = sp_of_hpa(HPA((u64)((u8 *)shadow_leaf() - env_sim.mem) & ~0xfffULL));
	sp_get(x)->state = SP_FREE;
	FAILS("which is in state", sim_do(v, VA, MMU_R));
}

static void wrong_frame_of_the_guest_is_noticed(void **state)
{
	(void)state;
	touched();
	*shadow_leaf() += MORE - DATA;
	FAILS("completed by hardware at gpa 0x1b000", sim_do(v, VA, MMU_R));
}

static void too_many_rights_are_noticed(void **state)
{
	(void)state;
	remap(DATA, P_ | U_ | A_ | D_);
	load_cr3();
	sim_expect_ok(v, VA, MMU_R, DATA);
	sim_hw_drop(v);
	*shadow_leaf() |= W_ | D_;
	FAILS("now it is fault 0x3", sim_do(v, VA, MMU_W));
}

static void forgotten_flush_is_noticed(void **state)
{
	(void)state;
	sim_expect_ok(v, VA, MMU_R, DATA);
	remap(MORE, BITS);
	sim_arch_event(v, MMU_EV_INVLPG, VA, 0);
	FAILS("completed by hardware at gpa 0x1a000", sim_do(v, VA, MMU_R));
}

static void guest_memory_that_changes_by_itself_is_noticed(void **state)
{
	(void)state;
	*(u64 *)sim_host(pte) ^= BIT(12);
	FAILS("guest memory", sim_reconcile());
}

static void dirty_bit_without_a_write_is_noticed(void **state)
{
	(void)state;
	remap(DATA, P_ | A_ | W_);
	*(u64 *)sim_host(pte) |= D_;
	FAILS("a D bit was set", sim_reconcile());
}

/* --- scripts ---------------------------------------------------------------------------------- */

static void store_pte(void *arg)
{
	struct sim_vcpu *w = &sim.vcpu[1];

	(void)arg;
	sim_store(w, 0x50000000 + pte % PAGE_SIZE, MORE | BITS, 8);
	sim_invlpg(w, VA);
}

/* How a seed's test reads: another vCPU rewrites the entry between walk and fetch. */
static void writer_in_a_hook_is_seen(void **state)
{
	(void)state;
	sim_map(&space, 0x50000000, pte & ~0xfffULL, BITS, 1);
	sim_set_space(&sim.vcpu[1], &space, true, true);
	sim_hook(HOOK_AFTER_WALK, store_pte, NULL);
	sim_expect_ok(v, VA, MMU_R, MORE);
	assert_null(sim.hook[HOOK_AFTER_WALK]);
	sim_audit();
}

static void random_operations_with_sanitizers(void **state)
{
	struct driver_options o = {
		.seed = 77, .ops = 20000, .episode = 1000, .audit = true, .stats = true
	};

	(void)state;
	driver_run(&o);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_what_memory_says_is_legal),
		T(old_translation_is_legal_until_invlpg),
		T(old_translation_is_legal_until_its_fault_is_delivered),
		T(cr3_load_ends_what_is_not_global),
		T(global_translations_survive_cr3_while_pge_is_set),
		T(entries_that_were_not_present_or_accessed_are_not_cached),
		T(old_entry_without_dirty_bit_allows_no_write),
		T(table_is_read_after_the_entry_that_leads_to_it),
		T(invlpg_of_any_address_forgets_pointers_to_tables),
		T(error_codes_are_exact),
		T(access_goes_through_and_is_judged),
		T(hardware_refuses_reserved_bits),
		T(hardware_refuses_frames_that_are_not_the_guests),
		T(hardware_refuses_a_freed_table),
		T(wrong_frame_of_the_guest_is_noticed),
		T(too_many_rights_are_noticed),
		T(forgotten_flush_is_noticed),
		T(guest_memory_that_changes_by_itself_is_noticed),
		T(dirty_bit_without_a_write_is_noticed),
		T(writer_in_a_hook_is_seen),
		cmocka_unit_test(random_operations_with_sanitizers),
	};

	ref_level_bits = MMU_LEVEL_BITS;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
