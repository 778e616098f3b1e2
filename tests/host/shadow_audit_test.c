/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * The audit of shadow paging must find damage: each case plants one kind in a machine that is in
 * order, and names what the audit must say.
 */
#include "tests/sim/guest_os.h"

#include "mmu/audit.h"
#include "mmu/farray.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/slot_priv.h"

#define V     (4 * SZ_1G)         /* pages: ordinary, the kernel's, without D */
#define BIG   (8 * SZ_1G)         /* a large page */
#define SPLIT (8 * SZ_1G + SZ_2M) /* one in pieces, because frame 0xa01 is tracked */
#define PAE_V 0x400000ULL

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0];

/* Every kind of page and entry: leaf tables, large leaves, pieces of them, a cached root. */
static void start(void)
{
	struct sim_space other;

	os_boot(1);
	space = sim_space_new(SIM_LM4);
	os_map(&space, V, DATA(0));
	sim_map(&space, V + PAGE_SIZE, DATA(1), LEAF & ~U_, 1);
	sim_map(&space, V + 2 * PAGE_SIZE, DATA(2), LEAF & ~D_, 1);
	sim_map(&space, BIG, 0x800000, LEAF, 2);
	sim_map(&space, SPLIT, 0xa00000, LEAF, 2);
	other = sim_space_new(SIM_LM4);
	sim_map(&other, V, DATA(3), LEAF, 1);
	assert_int_equal(mmu_track_add(&sim.vm, GFN(0xa01), MMU_W), 0);
	sim_set_space(v0, &other, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(3));
	sim_set_space(v0, &space, true, true);
	for (u32 i = 0; i < 3; i++)
		sim_expect_ok(v0, V + i * PAGE_SIZE, MMU_R, DATA(i));
	sim_expect_ok(v0, BIG, MMU_W, 0x800000);
	sim_expect_ok(v0, SPLIT + PAGE_SIZE, MMU_R, 0xa01000);
	sim_expect_ok(v0, WINDOW + sim_pte(&space, V, 1), MMU_R, sim_pte(&space, V, 1));
	os_leave(v0);
	sim_audit();
}

static void expect(const char *inv, const char *text)
{
	struct mmu_audit a;

	mmu_audit_begin(&a);
	while (!mmu_audit_step(&sim.vm, &a, 1))
		;
	for (u32 i = 0; i < MIN(a.errors, (u32)MMU_AUDIT_KEEP); i++)
		if (!strcmp(a.err[i].inv, inv) && !strcmp(a.err[i].text, text))
			return;
	fail_msg("%u errors, the first is %s, but none is %s: %s", a.errors,
		 a.errors ? a.err[0].text : "none", inv, text);
}

static u32 index_of(u64 gva, u32 level)
{
	return (u32)(gva >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

static spx_t pt(void)
{
	return os_shadow_of(&space, V, 1);
}

static spx_t pd(void)
{
	return os_shadow_of(&space, V, 2);
}

static u64 *entry(u64 gva, u32 level)
{
	return &sp_table(os_shadow_of(&space, gva, level))[index_of(gva, level)];
}

static u64 *source(u64 gva, u32 level)
{
	return &sp_xlat(sp_get(os_shadow_of(&space, gva, level)))[index_of(gva, level)];
}

/* The pieces of SPLIT. */
static spx_t split(void)
{
	return sp_of_hpa(sspte_hpa(*entry(SPLIT, 2)));
}

static struct shadow_root *root(void)
{
	return v0->ctx.cache.cur;
}

/* --- links ------------------------------------------------------------------------------------ */

static void link_to_no_table(void)
{
	*entry(V, 2) = sspte_table(sp_hpa(sp_get(pt())->xlat));
}

static void link_without_parent(void)
{
	u32 i = index_of(V, 2);

	sp_table(pd())[i + 1] = sp_table(pd())[i];
	sp_xlat(sp_get(pd()))[i + 1] = sp_xlat(sp_get(pd()))[i];
	sp_get(pd())->nr_present++;
}

static void child_of_another_role(void)
{
	sp_get(pt())->role.wp = 0;
}

static void child_of_another_frame(void)
{
	*source(V, 2) += BIT(SRC_GFN_SHIFT);
}

static void direct_with_source(void)
{
	sp_get(split())->xlat = sp_get(pt())->xlat;
}

static void unsync_without_marks(void)
{
	sp_get(pt())->flags |= SP_UNSYNC;
}

static void child_of_another_generation(void)
{
	sp_get(pt())->gen++;
}

/* --- leaves ----------------------------------------------------------------------------------- */

static void tracked_frame_is_writable(void)
{
	sp_table(split())[1] |= GPTE_W | GPTE_D;
}

static void frame_without_r_has_a_leaf(void)
{
	u64 e;

	sim_expect_ok(v0, SPLIT + 2 * PAGE_SIZE, MMU_R, 0xa02000);
	os_leave(v0);
	e = sp_table(split())[2];
	assert_int_equal(mmu_track_add(&sim.vm, GFN(0xa02), MMU_R), 0);
	assert_int_equal(sp_table(split())[2], 0);
	sp_set_leaf(&sim.vm, split(), 2, e, 0);
}

static void frame_without_x_is_executable(void)
{
	assert_int_equal(mmu_track_add(&sim.vm, GFN(0xa01), MMU_X), 0);
	sim_expect_ok(v0, SPLIT + PAGE_SIZE, MMU_R, 0xa01000);
	os_leave(v0);
	sp_table(split())[1] &= ~GPTE_NX;
}

static void large_leaf_over_a_track(void)
{
	farray_add(&sim.vm.slots.slot[0].tracks, 0xa01, -1);
	farray_add(&sim.vm.slots.slot[0].tracks, 0x801, 1);
}

static void writable_rom(void)
{
	sim.vm.slots.slot[0].kind = SLOT_ROM;
}

static void logged_frame_is_writable(void)
{
	assert_int_equal(sim_dirty_start(0), 0);
	*entry(V, 1) |= GPTE_W | GPTE_D;
}

static void large_leaf_over_tables(void)
{
	u64 *src = source(BIG, 2);

	*src = (*src & MASK(SRC_GFN_SHIFT - 1, 0)) | TABLES << SRC_GFN_SHIFT;
}

static void table_is_writable(void)
{
	*entry(WINDOW + sim_pte(&space, V, 1), 1) |= GPTE_W | GPTE_D;
}

static void leaf_without_guest_a(void)
{
	*source(V, 1) &= ~GPTE_A;
}

static void leaf_without_guest_d(void)
{
	*entry(V + 2 * PAGE_SIZE, 1) |= GPTE_W | GPTE_D;
}

static void kernel_page_for_users(void)
{
	*entry(V + PAGE_SIZE, 1) |= GPTE_U;
}

static void leaf_without_a(void)
{
	*entry(V, 1) &= ~GPTE_A;
}

static void large_leaf_without_ps(void)
{
	*entry(BIG, 2) &= ~GPTE_PS;
}

static void leaf_to_no_memory(void)
{
	*source(V, 1) += 0x700000ULL << SRC_GFN_SHIFT;
}

static void leaf_to_wrong_frame(void)
{
	*entry(V, 1) += PAGE_SIZE;
}

static void leaf_not_in_rmap(void)
{
	*rmap_head(&sim.vm, GFN(DATA(0) >> PAGE_SHIFT), 1) = 0;
}

static void name_of_no_leaf_in_rmap(void)
{
	*rmap_head(&sim.vm, GFN(0x333), 1) = spte_id(pt(), 99);
}

/* --- the guest's entries ---------------------------------------------------------------------- */

static void guest_entry_has_other_rights(void)
{
	*(u64 *)sim_host(sim_pte(&space, V, 1)) &= ~W_;
}

static void guest_entry_has_another_frame(void)
{
	*(u64 *)sim_host(sim_pte(&space, V, 1)) += PAGE_SIZE;
}

/* --- counts, flags, lists --------------------------------------------------------------------- */

static void too_many_entries(void)
{
	sp_get(pt())->nr_present++;
}

static void too_many_unsync(void)
{
	sp_get(pd())->nr_unsync++;
}

static void directory_is_unsync(void)
{
	sp_get(pd())->flags |= SP_UNSYNC;
}

static void left_in_a_vector(void)
{
	sp_get(pt())->flags |= SP_INPVEC;
}

static void left_in_a_work_list(void)
{
	sp_get(pd())->flags |= SP_INWORK;
}

static void not_in_its_bucket(void)
{
	sp_get(pt())->gfn.v += 0x123;
}

static void empty_chain(void)
{
	*rmap_head(&sim.vm, GFN(0x333), 1) = BIT32(31);
}

static void free_chunks_miscounted(void)
{
	sim.vm.shadow.ids.nr_free++;
}

static void live_pages_miscounted(void)
{
	sim.vm.shadow.nr_live++;
}

static void list_of_live_pages_is_cut(void)
{
	sp_get(sim.vm.shadow.lru_first)->lru_next = 0;
}

static void shadow_not_counted(void)
{
	sp_get(pt())->flags &= (u8)~SP_COUNTED;
}

static spx_t counts(void)
{
	return farray_page(&slot_of(&sim.vm, sp_get(pt())->gfn)->shadows, sp_get(pt())->gfn.v,
			   FARRAY_U16);
}

static void shadows_of_a_page_miscounted(void)
{
	sp_get(counts())->nr_present++;
}

static void shadows_of_a_block_miscounted(void)
{
	sp_get(counts())->unsync_map[3]++;
}

static void page_with_a_root_too_many(void)
{
	sp_get(pt())->root_refs++;
}

/* --- roots ------------------------------------------------------------------------------------ */

static void root_with_a_reference_too_many(void)
{
	root()->refs++;
}

static void two_roots_with_one_key(void)
{
	v0->ctx.cache.mru[0]->key = root()->key;
}

static void root_to_no_table(void)
{
	root()->child[0] = sp_get(pt())->xlat;
}

static void root_of_another_mode(void)
{
	root()->key.role.wp = 0;
}

static void root_elsewhere(void)
{
	root()->hw.v += PAGE_SIZE;
}

static void pdpte_to_another_table(void)
{
	struct sim_space pae = sim_space_new(SIM_PAE);

	sim_map(&pae, PAE_V, DATA(5), LEAF, 1);
	sim_set_space(v0, &pae, true, true);
	sim_expect_ok(v0, PAE_V, MMU_R, DATA(5));
	os_leave(v0);
	sim_audit();
	*(u64 *)env_ptr(root()->hw) += PAGE_SIZE;
}

static void context_without_role(void)
{
	v0->ctx.role.valid = 0;
}

static void context_of_another_cpuid(void)
{
	v0->ctx.caps++;
}

static void current_root_is_not_wanted(void)
{
	v0->ctx.want.id[0]++;
}

static void obsolete_root_is_cached(void)
{
	v0->ctx.cache.mru[0]->gen--;
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct {
	void (*damage)(void);
	const char *inv, *text;
} cases[] = {
	{ link_to_no_table, "I2", "entry points to no live shadow page of this VM" },
	{ link_without_parent, "I8", "shadow page does not name the entry that points to it" },
	{ child_of_another_role, "I9", "role does not follow from the parent's" },
	{ child_of_another_frame, "I9", "frame is not the one in the guest's entry" },
	{ direct_with_source, "I9", "direct pages have no source, all others have" },
	{ unsync_without_marks, "I11", "an unsync page is below an entry without mark" },
	{ child_of_another_generation, "I31", "a page of another generation is linked" },
	{ tracked_frame_is_writable, "I3", "a leaf allows what a track withholds" },
	{ frame_without_r_has_a_leaf, "I3", "a leaf allows what a track withholds" },
	{ frame_without_x_is_executable, "I3", "a leaf allows what a track withholds" },
	{ large_leaf_over_a_track, "I16", "a large leaf covers a tracked frame" },
	{ writable_rom, "I3", "a leaf lets the guest write what its slot forbids" },
	{ logged_frame_is_writable, "I17", "a writable leaf in a logged slot has no dirty bit" },
	{ large_leaf_over_tables, "I16", "a large leaf covers a shadowed frame" },
	{ table_is_writable, "I14", "the guest can write a table that is taken for frozen" },
	{ leaf_without_guest_a, "I22", "a leaf without the guest's accessed or dirty bit" },
	{ leaf_without_guest_d, "I22", "a leaf without the guest's accessed or dirty bit" },
	{ kernel_page_for_users, "I3", "a leaf allows more than the guest's entries" },
	{ leaf_without_a, "I4", "hardware would have to write the entry" },
	{ large_leaf_without_ps, "I4", "page size bit and level disagree" },
	{ leaf_to_no_memory, "I1", "a leaf maps what is no memory of this VM" },
	{ leaf_to_wrong_frame, "I1", "a leaf maps another frame than its slot says" },
	{ leaf_not_in_rmap, "I5", "a leaf is not in the reverse map" },
	{ name_of_no_leaf_in_rmap, "I5", "reverse map and leaves do not add up" },
	{ guest_entry_has_other_rights, "I18",
	  "the guest's entry has changed and the shadow has not" },
	{ guest_entry_has_another_frame, "I18",
	  "the guest's entry maps another frame than the shadow" },
	{ too_many_entries, "I13", "a shadow page's count of entries is wrong" },
	{ too_many_unsync, "I10", "a shadow page's count of unsync entries is wrong" },
	{ directory_is_unsync, "I12", "a page is unsync that must not be" },
	{ left_in_a_vector, "I35", "a page is in a list of an operation that has ended" },
	{ left_in_a_work_list, "I35", "a page is in a list of an operation that has ended" },
	{ not_in_its_bucket, "I31", "a shadow page is not found by its identity" },
	{ empty_chain, "I7", "an empty chain" },
	{ free_chunks_miscounted, "I7", "fewer free chunks than counted" },
	{ live_pages_miscounted, "I30", "the list of live shadow pages is not complete" },
	{ list_of_live_pages_is_cut, "I30", "live shadow pages and their list do not agree" },
	{ shadow_not_counted, "I15", "counts of shadows and shadow pages do not add up" },
	{ shadows_of_a_page_miscounted, "I15",
	  "count of shadowed frames in a page or block is wrong" },
	{ shadows_of_a_block_miscounted, "I15",
	  "count of shadowed frames in a page or block is wrong" },
	{ page_with_a_root_too_many, "I23", "shadow pages and roots disagree about references" },
	{ root_with_a_reference_too_many, "I23",
	  "a root's references are not those of the contexts" },
	{ two_roots_with_one_key, "I23", "two roots have one key" },
	{ root_to_no_table, "I2", "a root points to no live page of its generation" },
	{ root_of_another_mode, "I23", "a root points to a page of another mode" },
	{ root_elsewhere, "I25", "a root's address is not its table's" },
	{ pdpte_to_another_table, "I25", "a PDPTE for hardware is not its child's" },
	{ context_without_role, "I26", "a context's role is not of its CPUID" },
	{ context_of_another_cpuid, "I26", "a context's role is not of its CPUID" },
	{ current_root_is_not_wanted, "I24", "a current root is not the wanted one" },
	{ obsolete_root_is_cached, "I24", "an obsolete root is cached" },
};

static void every_kind_of_damage_is_found(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		cases[i].damage();
		expect(cases[i].inv, cases[i].text);
	}
}

/* Where somebody writes tables behind everybody's back, only what follows from that is forgiven. */
static void untrapped_stores_are_forgiven_if_asked_for(void **state)
{
	struct mmu_audit a;

	(void)state;
	start();
	guest_entry_has_another_frame();
	mmu_audit_begin(&a);
	a.untrapped = true;
	while (!mmu_audit_step(&sim.vm, &a, 1))
		;
	assert_int_equal(a.errors, 0);
	leaf_to_wrong_frame();
	expect("I1", "a leaf maps another frame than its slot says");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_damage_is_found),
		cmocka_unit_test(untrapped_stores_are_forgiven_if_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
