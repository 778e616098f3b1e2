/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: svm/state.c mmu/role.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c */
/* What the guest reads from its registers is what it wrote, whatever the VMCB has to say. */
#include "arch/regs.h"
#include "mmu/hw.h"
#include "svm/backend.h"

#include "tests/host/test.h"

struct svm_facts svm_facts;
struct mmu_hw mmu_hw;

static struct vmcb b;
static struct svm_vcpu s;
static struct vcpu v;

void svm_dr_own(struct vcpu *vcpu)
{
	(void)vcpu;
}

void svm_dr_disown(struct vcpu *vcpu)
{
	(void)vcpu;
}

void svm_cancel(struct vcpu *vcpu)
{
	(void)vcpu;
}

void svm_irq_window(struct vcpu *vcpu, bool on)
{
	(void)vcpu;
	(void)on;
}

void svm_set_irq_shadow(struct vcpu *vcpu, bool on)
{
	assert_false(on);
	(void)vcpu;
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(&s, 0, sizeof(s));
	memset(&v, 0, sizeof(v));
	s.vmcb = &b;
	v.backend = &s;
	svm_facts = (struct svm_facts){ 0 };
	svm_vcpu_reset(&v);
	return 0;
}

static void the_guest_does_not_see_svme(void **state)
{
	(void)state;
	assert_int_equal(b.save.efer, EFER_SVME);
	assert_int_equal(svm_get_sreg(&v, SR_EFER), 0);
	svm_set_sreg(&v, SR_EFER, EFER_NXE);
	assert_int_equal(b.save.efer, EFER_SVME | EFER_NXE);
	assert_int_equal(svm_get_sreg(&v, SR_EFER), EFER_NXE);
}

static void paging_registers_flush(void **state)
{
	static const enum vcpu_sreg regs[] = { SR_CR0, SR_CR3, SR_CR4, SR_EFER, SR_PAT };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(regs); i++) {
		s.flush = false;
		svm_set_sreg(&v, regs[i], 0);
		assert_true(s.flush);
	}
	s.flush = false;
	svm_set_sreg(&v, SR_CR2, 0);
	assert_false(s.flush);
}

static void tcg_runs_no_guest_with_lme_alone(void **state)
{
	(void)state;
	svm_facts.is_tcg = true;
	svm_set_sreg(&v, SR_EFER, EFER_LME);
	assert_false(b.save.efer & EFER_LME);
	assert_int_equal(svm_get_sreg(&v, SR_EFER), EFER_LME);
	svm_set_sreg(&v, SR_CR4, CR4_PAE);
	assert_true(b.save.efer & EFER_LME);
	svm_set_sreg(&v, SR_CR4, 0);
	assert_false(b.save.efer & EFER_LME);
	svm_set_sreg(&v, SR_EFER, 0);
	svm_set_sreg(&v, SR_CR4, CR4_PAE);
	assert_false(b.save.efer & EFER_LME);
	assert_int_equal(svm_get_sreg(&v, SR_EFER), 0);
}

static void tcgs_registers_may_be_loaded_in_any_order(void **state)
{
	(void)state;
	svm_facts.is_tcg = true;
	svm_set_sreg(&v, SR_EFER, EFER_LME | EFER_LMA);
	svm_set_sreg(&v, SR_CR0, CR0_PE | CR0_PG);
	svm_set_sreg(&v, SR_CR4, CR4_PAE);
	assert_int_equal(b.save.efer, EFER_SVME | EFER_LME | EFER_LMA);
}

static void elsewhere_lme_stays(void **state)
{
	(void)state;
	svm_set_sreg(&v, SR_EFER, EFER_LME);
	assert_int_equal(b.save.efer, EFER_SVME | EFER_LME);
}

static void a_reset_ends_a_step(void **state)
{
	(void)state;
	s.busy = BUSY_STEPPING;
	s.step_excs = BIT32(EXC_DB);
	b.ctl.exceptions = ~0U;
	svm_vcpu_reset(&v);
	assert_int_equal(b.ctl.exceptions, BIT32(EXC_DB));
	assert_int_equal(s.busy, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_guest_does_not_see_svme, setup),
		cmocka_unit_test_setup(paging_registers_flush, setup),
		cmocka_unit_test_setup(tcg_runs_no_guest_with_lme_alone, setup),
		cmocka_unit_test_setup(tcgs_registers_may_be_loaded_in_any_order, setup),
		cmocka_unit_test_setup(elsewhere_lme_stays, setup),
		cmocka_unit_test_setup(a_reset_ends_a_step, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
