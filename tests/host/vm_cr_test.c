/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/cr.c vm/xcr.c tests/host/fake/paging.c tests/host/fake/bug.c */
/* Which values CR0, CR3, CR4 and XCR0 take, and what MOV CR8 does. */
#include "tests/host/vm_fake.h"

#include "vm/cr.h"
#include "vm/dev/vlapic.h"
#include "vm/emul/decode.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"

#define PAGED (CR0_PE | CR0_PG | CR0_ET)

static u32 gps, changed, emulated;
static const u8 *quick_bytes;
static struct insn next_insn;
static struct vlapic lapic;

bool fetch_decode(struct vcpu *v, struct fetch *f, struct insn *in)
{
	(void)v;
	(void)f;
	*in = next_insn;
	return true;
}

void fetch_changed(struct vcpu *v)
{
	(void)v;
	changed++;
}

u8 fetch_len_slow(struct vcpu *v, enum insn_op op)
{
	(void)v;
	(void)op;
	return 0;
}

const u8 *mmu_fetch_quick(const struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
			  struct mmu_memo *memo)
{
	(void)memo;
	(void)m;
	(void)regs;
	(void)gva;
	return quick_bytes;
}

void emulate(struct vcpu *v)
{
	(void)v;
	emulated++;
}

bool emulate_read(struct vcpu *v, const struct fetch *f, const struct insn *in, void *buf, u32 n)
{
	(void)f;
	memcpy(buf, &v->regs.gpr[in->rm], n);
	return true;
}

void vlapic_set_tpr(struct vcpu *v, u8 tpr)
{
	v->lapic->tpr = tpr;
}

void vcpu_inject_gp(struct vcpu *v)
{
	(void)v;
	gps++;
}

void vcpu_inject_ud(struct vcpu *v)
{
	(void)v;
}

void vcpu_skip_special(struct vcpu *v, u64 old)
{
	(void)v;
	(void)old;
}

static struct guest_caps caps = { .cr4_valid = CR4_PAE | CR4_PGE | CR4_LA57 | CR4_PCIDE,
				  .maxphyaddr = 40 };

static const struct cr_state legacy = { .cr0 = PAGED, .cr4 = CR4_PAE, .caps = &caps };
static const struct cr_state long_mode = {
	.cr0 = PAGED, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA, .cs_long = true, .caps = &caps
};

static void cr0_refuses_impossible_bits(void **state)
{
	(void)state;
	assert_true(cr0_valid(&legacy, CR0_PE));
	assert_false(cr0_valid(&legacy, CR0_PG));
	assert_false(cr0_valid(&legacy, CR0_PE | CR0_NW));
	assert_true(cr0_valid(&legacy, CR0_PE | CR0_NW | CR0_CD));
	assert_false(cr0_valid(&legacy, CR0_PE | BIT(32)));
}

static void paging_goes_on_for_long_mode_only_with_pae_and_outside_64_bit_code(void **state)
{
	struct cr_state s = { .cr0 = CR0_PE, .cr4 = CR4_PAE, .efer = EFER_LME, .caps = &caps };

	(void)state;
	assert_true(cr0_valid(&s, PAGED));
	assert_int_equal(cr0_efer(s.efer, PAGED), EFER_LME | EFER_LMA);
	s.cr4 = 0;
	assert_false(cr0_valid(&s, PAGED));
	s.cr4 = CR4_PAE;
	s.cs_long = true;
	assert_false(cr0_valid(&s, PAGED));
	s.efer = 0;
	assert_true(cr0_valid(&s, PAGED));
	assert_int_equal(cr0_efer(s.efer, PAGED), 0);
}

static void paging_goes_off_only_outside_64_bit_code_and_without_pcids(void **state)
{
	struct cr_state s = long_mode;

	(void)state;
	assert_false(cr0_valid(&s, CR0_PE));
	s.cs_long = false;
	assert_true(cr0_valid(&s, CR0_PE));
	assert_int_equal(cr0_efer(s.efer, CR0_PE), EFER_LME);
	s.cr4 |= CR4_PCIDE;
	assert_false(cr0_valid(&s, CR0_PE));
}

static void cr3_has_no_bits_beyond_the_physical_width(void **state)
{
	struct cr_state s = long_mode;

	(void)state;
	assert_true(cr3_valid(&s, MASK(39, 12)));
	assert_false(cr3_valid(&s, BIT(40)));
	assert_false(cr3_valid(&s, CR3_NOFLUSH));
	s.cr4 |= CR4_PCIDE;
	assert_true(cr3_valid(&s, CR3_NOFLUSH));
	assert_true(cr3_valid(&legacy, BIT(40)));
}

static void cr4_takes_what_cpuid_shows_and_the_mode_allows(void **state)
{
	struct cr_state s = long_mode;

	(void)state;
	assert_false(cr4_valid(&s, CR4_PAE | CR4_SMEP));
	assert_true(cr4_valid(&s, CR4_PAE | CR4_PGE));
	assert_false(cr4_valid(&s, CR4_PGE));
	assert_false(cr4_valid(&s, CR4_PAE | CR4_LA57));
	assert_true(cr4_valid(&legacy, 0));
	assert_false(cr4_valid(&legacy, CR4_PAE | CR4_PCIDE));
	assert_true(cr4_valid(&s, CR4_PAE | CR4_PCIDE));
	s.cr3 = 1;
	assert_false(cr4_valid(&s, CR4_PAE | CR4_PCIDE));
}

static void xcr0_components_come_in_order(void **state)
{
	const u64 all = 0x2e7;

	(void)state;
	assert_true(xcr0_valid(1, all));
	assert_false(xcr0_valid(2, all));
	assert_true(xcr0_valid(3, all));
	assert_false(xcr0_valid(5, all));
	assert_true(xcr0_valid(7, all));
	assert_false(xcr0_valid(0x27, all));
	assert_true(xcr0_valid(0xe7, all));
	assert_false(xcr0_valid(0xe3, all));
	assert_true(xcr0_valid(0x207, all));
	assert_false(xcr0_valid(0x1f, all));
	assert_false(xcr0_valid(7, 3));
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&lapic, 0, sizeof(lapic));
	fake_vcpu.lapic = &lapic;
	fake_cpuid.caps = caps;
	fake_sreg[SR_EFER] = EFER_LMA | EFER_LME;
	fake_seg[S_CS].attr = SEG_ATTR_L;
	fake_vcpu.exit.cr.nr = 8;
	fake_vcpu.exit.cr.gpr = 0xff;
	gps = changed = emulated = 0;
	quick_bytes = NULL;
	return 0;
}

static void mov_cr8_is_the_task_priority(void **state)
{
	(void)state;
	fake_vcpu.exit.cr.write = true;
	next_insn = (struct insn){ .len = 4, .op = OP_MOV_TO_CR, .reg = 8, .rm = R_10 };
	fake_vcpu.regs.gpr[R_10] = 5;
	exit_cr(&fake_vcpu);
	assert_int_equal(lapic.tpr, 0x50);
	assert_int_equal(fake_vcpu.regs.rip, 4);
	fake_vcpu.regs.gpr[R_10] = 16;
	exit_cr(&fake_vcpu);
	assert_int_equal(gps, 1);
	assert_int_equal(lapic.tpr, 0x50);
	assert_int_equal(fake_vcpu.regs.rip, 4);
	fake_vcpu.exit.cr.write = false;
	next_insn = (struct insn){ .len = 4, .op = OP_MOV_FROM_CR, .reg = 8, .rm = R_CX };
	fake_vcpu.regs.gpr[R_CX] = ~0ULL;
	exit_cr(&fake_vcpu);
	assert_int_equal(fake_vcpu.regs.gpr[R_CX], 5);
}

/* Source: AMD APM 3 "CLTS", "LMSW": PE can be set, not cleared; bits from 4 up stay. */
static void clts_and_lmsw_change_the_low_bits_of_cr0(void **state)
{
	(void)state;
	fake_vcpu.exit.cr.nr = 0;
	fake_vcpu.exit.cr.write = true;
	fake_sreg[SR_CR0] = CR0_ET | CR0_PE | CR0_TS | CR0_MP | CR0_NE;
	next_insn = (struct insn){ .len = 2, .op = OP_CLTS };
	exit_cr(&fake_vcpu);
	assert_int_equal(fake_sreg[SR_CR0], CR0_ET | CR0_PE | CR0_MP | CR0_NE);
	assert_int_equal(fake_vcpu.regs.rip, 2);
	next_insn = (struct insn){ .len = 3, .op = OP_LMSW, .rm = R_BX };
	fake_vcpu.regs.gpr[R_BX] = 0xfff0 | CR0_EM;
	exit_cr(&fake_vcpu);
	assert_int_equal(fake_sreg[SR_CR0], CR0_ET | CR0_PE | CR0_EM | CR0_NE);
	fake_sreg[SR_EFER] = 0;
	fake_sreg[SR_CR0] = CR0_ET;
	fake_vcpu.regs.gpr[R_BX] = CR0_PE;
	exit_cr(&fake_vcpu);
	assert_int_equal(fake_sreg[SR_CR0], CR0_ET | CR0_PE);
	assert_int_equal(fake_vcpu.regs.rip, 8);
	next_insn = (struct insn){ .len = 3, .op = OP_SMSW };
	fake_vcpu.exit.cr.write = false;
	exit_cr(&fake_vcpu);
	assert_int_equal(emulated, 1);
}

/* What is done quickly is the MOV that exited, not what stands there by now. */
static void quick_mov_is_the_one_that_exited(void **state)
{
	static const u8 to_cr3[16] = { 0x0f, 0x22, 0xd9 }, from_cr3[16] = { 0x0f, 0x20, 0xd9 };

	(void)state;
	next_insn = (struct insn){ .len = 1, .op = OP_NOP };
	fake_vcpu.exit.cr.nr = 3;
	fake_vcpu.exit.cr.write = true;
	fake_vcpu.regs.gpr[R_CX] = 0x5000;
	quick_bytes = to_cr3;
	exit_cr(&fake_vcpu);
	assert_int_equal(fake_sreg[SR_CR3], 0x5000);
	assert_int_equal(fake_vcpu.regs.rip, 3);
	fake_vcpu.exit.cr.nr = 4;
	exit_cr(&fake_vcpu);
	assert_int_equal(changed, 1);
	fake_vcpu.exit.cr.nr = 3;
	quick_bytes = from_cr3;
	exit_cr(&fake_vcpu);
	assert_int_equal(changed, 2);
	assert_int_equal(fake_vcpu.regs.rip, 3);
}

static void another_instruction_is_tried_again(void **state)
{
	(void)state;
	next_insn = (struct insn){ .len = 1, .op = OP_NOP };
	exit_cr(&fake_vcpu);
	assert_int_equal(changed, 1);
	assert_int_equal(fake_vcpu.regs.rip, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0_refuses_impossible_bits),
		cmocka_unit_test(
			paging_goes_on_for_long_mode_only_with_pae_and_outside_64_bit_code),
		cmocka_unit_test(paging_goes_off_only_outside_64_bit_code_and_without_pcids),
		cmocka_unit_test(cr3_has_no_bits_beyond_the_physical_width),
		cmocka_unit_test(cr4_takes_what_cpuid_shows_and_the_mode_allows),
		cmocka_unit_test(xcr0_components_come_in_order),
		cmocka_unit_test_setup(mov_cr8_is_the_task_priority, setup),
		cmocka_unit_test_setup(clts_and_lmsw_change_the_low_bits_of_cr0, setup),
		cmocka_unit_test_setup(quick_mov_is_the_one_that_exited, setup),
		cmocka_unit_test_setup(another_instruction_is_tried_again, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
