/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/cmd_mmu.c shell/cmd_tree.c shell/cmd_walk.c shell/mmu_*.c shell/walk_shadow.c */
/* SOURCES: shell/shadow.c shell/exec.c shell/parse.c lib/out.c lib/cmd.c */
/* SOURCES: vm/target.c mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* LIBS: -Wl,--defsym=shell_cmds_start=__start_shell_cmds */
/* LIBS: -Wl,--defsym=shell_cmds_end=__stop_shell_cmds */
/* The commands mmu slots, tree and walk, typed at a machine in the MMU's simulator. */

#include "mmu_sim.h"

#include "shell_type.h"

#include "lib/trace.h"

#include "arch/thread.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

/* Guest tables: 4-level paging, gva 0x400000 -> gpa 0x5000 (read-only), 0x600000 a 2 MiB page. */
#define PML4 0x1000
#define PDPT 0x2000
#define PD   0x3000
#define PT   0x4000

struct vm *vms[CFG_MAX_VMS];
u32 nr_vms = 1;

static struct vm vm;
static struct vcpu vcpu;

struct vm *vm_find(const char *name)
{
	return strcmp(name, vm.cfg.name) == 0 ? &vm : NULL;
}

void vcpu_call(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg)
{
	fn(v, arg);
}

void thread_yield(void)
{
}

static void get_paging(struct vcpu *v, struct mmu_regs *r)
{
	(void)v;
	*r = (struct mmu_regs){ .cr0 = CR0_PE | CR0_PG | CR0_WP,
				.cr3 = PML4,
				.cr4 = CR4_PAE,
				.efer = EFER_LME | EFER_LMA | EFER_NXE,
				.maxphyaddr = 40,
				.has_nx = true,
				.has_1g = true };
}

static void get_seg(struct vcpu *v, u32 seg, struct segment *s)
{
	(void)v;
	*s = (struct segment){ .attr = SEG_ATTR_L, .base = seg };
}

static const struct hv_ops ops = { .get_paging = get_paging, .get_seg = get_seg };
const struct hv_ops *hv = &ops;

static void poke(u64 gpa, u64 val)
{
	assert_int_equal(mmu_write(&vm.mmu, GPA(gpa), &val, sizeof(val)), 0);
}

static int start(void **state)
{
	(void)state;
	sim_start(SPTE_NPT, 256, 1);
	vm = (struct vm){ .cfg.name = "linux", .nr_vcpus = 1, .vcpu = { &vcpu } };
	vcpu = (struct vcpu){ .vm = &vm, .regs.rip = 0x400123 };
	vms[0] = &vm;
	sim_vm(&vm.mmu, 0, 200);
	assert_int_equal(sim_add(&vm.mmu, SLOT_RAM, 0, 0x402, RAM_FRAME), 0);
	assert_int_equal(sim_add(&vm.mmu, SLOT_ROM, 0xfffff, 1, RAM_FRAME + 0x1000), 0);
	assert_int_equal(sim_add(&vm.mmu, SLOT_MMIO, 0xfee00, 1, 4), 0);
	assert_int_equal(mmu_prebuild(&vm.mmu), 0);
	poke(PML4, PDPT | 7);
	poke(PDPT, PD | 7);
	poke(PD + 2 * 8, PT | 7);
	poke(PD + 3 * 8, 0x200000 | 0xe7);
	poke(PT, 0x5000 | 5);
	return 0;
}

static void slots_are_listed_by_address(void **state)
{
	(void)state;
	says("mmu slots linux -j", "{\"gpa\": \"0x0\", \"end\": \"0x402000\", \"pages\": 1026, "
				   "\"kind\": \"ram\", \"hpa\": \"0x40000000\"");
	assert_true(strstr(text, "\"mmio\"") < strstr(text, "\"rom\""));
	assert_int_equal(count("\n"), 3);
}

static void tree_merges_equal_neighbours(void **state)
{
	(void)state;
	says("mmu tree linux -j", "{\"gpa\": \"0x0\", \"end\": \"0x400000\", \"entries\": \"2M\", "
				  "\"hpa\": \"0x40000000\", \"means\": \"leaf RWX\"}\n");
	says("mmu tree linux -j",
	     "{\"gpa\": \"0x400000\", \"end\": \"0x402000\", \"entries\": \"4K\"");
	assert_int_equal(count("\n"), 4);
}

static void tree_draws_each_table_once(void **state)
{
	(void)state;
	says("mmu tree linux --dot", "digraph \"linux\" {\n");
	assert_int_equal(count("label=\"L4"), 1);
	assert_int_equal(count("label=\"L3"), 1);
	assert_int_equal(count("label=\"L2"), 2);
	assert_int_equal(count("label=\"L1"), 3); /* 0x400000, 0xfee00000, 0xfffff000 */
	assert_int_equal(count("shape=box"), 4);
	assert_string_equal(text + fill - 2, "}\n");
	says("mmu tree linux --dit", "error: unknown option --dit; there is only --dot\n");
}

static void physical_walk_ends_in_a_verdict(void **state)
{
	(void)state;
	says("mmu walk linux gpa 0x1234 w", "allow: gpa 0x1234, hpa 0x40001234:");
	says("mmu walk linux gpa 0xfee00020", "mmio: gpa 0xfee00020, hpa 0x0:");
	says("mmu walk linux gpa 0x800000", "hole: gpa 0x800000,");
	says("mmu walk linux gpa 0xfffff000 w", "emulate: gpa 0xfffff000,");
	says("mmu walk linux gpa 0xfffff000 x", "allow: gpa 0xfffff000,");
	says("mmu walk linux gpa 0x1234 -j", "{\"verdict\": \"allow\"");
	assert_int_equal(count("\"table\": \"nested\""), 3);
}

static void virtual_walk_shows_both_dimensions(void **state)
{
	(void)state;
	says("mmu walk linux gva 0x400123 -j",
	     "{\"table\": \"guest\", \"level\": 1, \"index\": 0, \"at\": \"0x4000\", "
	     "\"entry\": \"0x5005\", \"means\": \"leaf P U\"}\n");
	assert_int_equal(count("\"table\": \"guest\""), 4);
	assert_int_equal(count("\"table\": \"nested\""), 5 * 3);
	assert_non_null(strstr(text, "\"gpa\": \"0x5123\", \"hpa\": \"0x40005123\""));
	says("mmu walk linux gva 0x612345", "allow: gpa 0x212345, hpa 0x40212345:");
	says("mmu walk linux.0 gva rip x", "allow: gpa 0x5123,");
	says("mmu walk linux.0 gva rip", "4-level paging\n");
}

static void denied_walk_names_error_code_level_and_rule(void **state)
{
	(void)state;
	says("mmu walk linux gva 0x400000 wu", "deny: #PF, error code 0x7, at level 1: ");
	says("mmu walk linux gva 0x401000", "deny: #PF, error code 0x0, at level 1: not present\n");
	says("mmu walk linux gva 0x40000000 -j", "\"verdict\": \"deny\"");
}

static void walk_does_not_set_accessed_bits(void **state)
{
	u64 e;

	(void)state;
	run("mmu walk linux gva 0x400123");
	assert_int_equal(mmu_read(&vm.mmu, GPA(PT), &e, sizeof(e)), 0);
	assert_int_equal(e, 0x5005);
}

static void mistakes_get_one_sentence(void **state)
{
	(void)state;
	says("mmu walk linux gva zz", "error: zz is no address");
	says("mmu walk linux gva 0 q", "error: q is not an access");
	says("mmu walk linux hva 0", "error: hva is neither gva");
	says("mmu walk linux.1 gva 0", "error: linux has no virtual CPU 1; it has 0 to 0\n");
	says("mmu walk bsd gva 0", "error: there is no machine named bsd");
	says("mmu slots bsd", "error: there is no machine named bsd");
	says("mmu stat bsd", "error: there is no machine named bsd");
	says("mmu tree bsd", "error: there is no machine named bsd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(slots_are_listed_by_address, start),
		cmocka_unit_test_setup(tree_merges_equal_neighbours, start),
		cmocka_unit_test_setup(tree_draws_each_table_once, start),
		cmocka_unit_test_setup(physical_walk_ends_in_a_verdict, start),
		cmocka_unit_test_setup(virtual_walk_shows_both_dimensions, start),
		cmocka_unit_test_setup(denied_walk_names_error_code_level_and_rule, start),
		cmocka_unit_test_setup(walk_does_not_set_accessed_bits, start),
		cmocka_unit_test_setup(mistakes_get_one_sentence, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
