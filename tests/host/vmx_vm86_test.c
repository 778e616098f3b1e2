/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/real/vm86.c tests/host/fake/vmcs.c tests/host/fake/clock.c tests/host/fake/cpu.c */
/* SOURCES: tests/host/fake/bug.c */
/*
 * Real mode as virtual-8086 mode: during the entry the VMCS holds what VM-entry demands of that
 * mode, before and after it what the guest has; what cannot be such a segment is emulated.
 */
#include "arch/regs.h"
#include "tests/host/fake/cpu.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#include "tests/host/test.h"

struct vmx_facts vmx_facts;

static struct vmx_vcpu s;
static struct vcpu v;
static struct segment segs[S_NR];
static u32 entries;
static u32 next_reason, next_vector;
static bool shadow;

bool vmx_irq_shadow(struct vcpu *vcpu)
{
	(void)vcpu;
	return shadow;
}

void vmx_get_seg(struct vcpu *vcpu, u32 seg, struct segment *p)
{
	(void)vcpu;
	*p = segs[seg];
	p->sel = (u16)fake_vmcs[vmcs_sel(seg)];
	p->base = fake_vmcs[vmcs_base(seg)];
}

void vmx_set_seg(struct vcpu *vcpu, u32 seg, const struct segment *p)
{
	(void)vcpu;
	segs[seg] = *p;
	fake_vmcs[vmcs_sel(seg)] = p->sel;
	fake_vmcs[vmcs_base(seg)] = p->base;
	fake_vmcs[vmcs_limit(seg)] = p->limit;
	fake_vmcs[vmcs_ar(seg)] = p->attr;
}

/* The guest loads ES, sets flags that it may set, and exits. */
enum exit_reason vmx_enter_paged(struct vcpu *vcpu)
{
	entries++;
	assert_int_equal(vcpu->regs.rflags & (RFLAGS_VM | RFLAGS_IOPL | RFLAGS_AC), RFLAGS_VM);
	for (u32 seg = S_ES; seg <= S_GS; seg++) {
		assert_int_equal(fake_vmcs[vmcs_base(seg)], fake_vmcs[vmcs_sel(seg)] << 4);
		assert_int_equal(fake_vmcs[vmcs_limit(seg)], 0xffff);
		assert_int_equal(fake_vmcs[vmcs_ar(seg)], 0xf3);
	}
	assert_int_equal(fake_vmcs[VMCS_GUEST_TR_LIMIT], 0); /* no port is permitted */
	assert_int_equal(fake_vmcs[VMCS_GUEST_TR_AR], 0x8b);
	assert_int_equal(fake_vmcs[VMCS_EXCEPTION_BITMAP], 0xffffffff);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_PAE);
	fake_vmcs[vmcs_sel(S_ES)] = 0x7777;
	fake_vmcs[vmcs_base(S_ES)] = 0x77770;
	vcpu->regs.rflags |= RFLAGS_CF;
	vcpu->exit.exc.vector = (u8)next_vector;
	vcpu->exit.reason = next_reason;
	return (enum exit_reason)next_reason;
}

int vmx_check(struct vcpu *vcpu, struct out *o)
{
	(void)o;
	next_reason = EXIT_CPUID;
	vmx_enter_paged(vcpu); /* which looks at the same */
	assert_true(fake_vmcs[VMCS_GUEST_RFLAGS] & RFLAGS_VM);
	return 7;
}

static void set(u32 seg, u16 sel, u16 attr, u32 limit, u64 base)
{
	vmx_set_seg(&v, seg, &(struct segment){ sel, attr, limit, base });
}

static int setup(void **state)
{
	(void)state;
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(&s, 0, sizeof(s));
	memset(&v, 0, sizeof(v));
	v.backend = &s;
	for (u32 seg = S_ES; seg <= S_GS; seg++)
		set(seg, 0x1234, 0x93, 0xffff, 0x12340);
	set(S_TR, 0x40, 0x8b, 0x67, 0x5000);
	fake_vmcs[VMCS_EXCEPTION_BITMAP] = 0x64002;
	fake_vmcs[VMCS_GUEST_CR4] = CR4_PAE | CR4_VME | CR4_TSD | CR4_UMIP;
	fake_vmcs[VMCS_EXIT_INSN_LEN] = 1;
	v.regs.rip = 0x100;
	v.regs.rflags = RFLAGS_ONE | RFLAGS_IOPL | RFLAGS_AC;
	entries = 0;
	shadow = false;
	next_reason = EXIT_CPUID;
	next_vector = 0;
	return 0;
}

static void the_guests_state_comes_back(void **state)
{
	(void)state;
	set(S_FS, 0x1234, 0x93, 0xffffffff, 0x12340); /* stays big */
	assert_int_equal(vmx_enter_real(&v), EXIT_CPUID);
	assert_int_equal(v.regs.rflags, RFLAGS_ONE | RFLAGS_IOPL | RFLAGS_AC | RFLAGS_CF);
	assert_int_equal(fake_vmcs[vmcs_limit(S_FS)], 0xffffffff);
	assert_int_equal(fake_vmcs[vmcs_ar(S_ES)], 0x93);
	assert_int_equal(fake_vmcs[vmcs_base(S_ES)], 0x77770);
	assert_int_equal(fake_vmcs[VMCS_GUEST_TR_SEL], 0x40);
	assert_int_equal(fake_vmcs[VMCS_GUEST_TR_LIMIT], 0x67);
	assert_int_equal(fake_vmcs[VMCS_EXCEPTION_BITMAP], 0x64002);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_PAE | CR4_VME | CR4_TSD | CR4_UMIP);
}

static void base_of_protected_mode_stays(void **state)
{
	(void)state;
	set(S_DS, 0x28, 0x93, 0xffff, 0xabcd0);
	set(S_GS, 0, 0, 0, 0); /* null */
	assert_int_equal(vmx_enter_real(&v), EXIT_CPUID);
	assert_int_equal(fake_vmcs[vmcs_base(S_DS)], 0xabcd0);
	assert_int_equal(fake_vmcs[vmcs_sel(S_DS)], 0xabcd);
	assert_int_equal(fake_vmcs[vmcs_ar(S_GS)], 0x93);
}

static void emulated(u32 seg, u16 attr, u32 limit, u64 base)
{
	setup(NULL);
	shadow = true;
	set(seg, 0x1234, attr, limit, base);
	assert_int_equal(vmx_enter_real(&v), EXIT_EMULATE);
	assert_int_equal(v.exit.reason, EXIT_EMULATE);
	assert_int_equal(v.exit.irq_shadow, 1);
	assert_int_equal(entries, 0);
}

static void other_segments_are_emulated(void **state)
{
	(void)state;
	emulated(S_CS, 0x9b, 0xffff, 0xffff0000);
	emulated(S_ES, 0x93, 0xffff, 0x12348);
	emulated(S_ES, 0x93, 0xffff, 0x100000);
	emulated(S_ES, 0x93, 0xfffe, 0x12340);
	emulated(S_CS, 0x9b | SEG_ATTR_DB, 0xffffffff, 0x12340);
	emulated(S_SS, 0x93 | SEG_ATTR_DB, 0xffffffff, 0x12340);
	setup(NULL);
	set(S_ES, 0x1234, 0x93 | SEG_ATTR_DB, 0xffffffff, 0x12340);
	assert_int_equal(vmx_enter_real(&v), EXIT_CPUID);
}

static void exceptions_are_the_guests_or_ours(void **state)
{
	static const struct {
		u8 vector, skipped;
		u32 reason;
	} rows[] = {
		{ EXC_GP, 0, EXIT_EMULATE },   { EXC_SS, 0, EXIT_EMULATE },
		{ EXC_BP, 1, EXIT_EXCEPTION }, { EXC_OF, 1, EXIT_EXCEPTION },
		{ EXC_DE, 0, EXIT_EXCEPTION }, { EXC_UD, 0, EXIT_EXCEPTION },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		next_reason = EXIT_EXCEPTION;
		next_vector = rows[i].vector;
		assert_int_equal(vmx_enter_real(&v), rows[i].reason);
		assert_int_equal(v.exit.reason, rows[i].reason);
		assert_int_equal(v.regs.rip, 0x100 + rows[i].skipped);
	}
}

/* Whoever asks which rule was broken sees what the CPU saw. */
static void refused_entry_leaves_its_vmcs(void **state)
{
	(void)state;
	next_reason = EXIT_FAIL;
	assert_int_equal(vmx_enter_real(&v), EXIT_FAIL);
	assert_int_equal(fake_vmcs[vmcs_ar(S_ES)], 0xf3);
	assert_true(v.regs.rflags & RFLAGS_VM);
}

static void rules_are_those_of_the_entry(void **state)
{
	(void)state;
	assert_int_equal(vmx_check_real(&v, NULL), 7);
	assert_int_equal(fake_vmcs[vmcs_ar(S_ES)], 0x93);
	assert_false(v.regs.rflags & RFLAGS_VM);
	set(S_CS, 0xf000, 0x9b, 0xffff, 0xffff0000);
	assert_int_equal(vmx_check_real(&v, NULL), 0);
	/* Behind a refusal, too, whose VMCS nobody has changed. */
	setup(NULL);
	next_reason = EXIT_FAIL;
	assert_int_equal(vmx_enter_real(&v), EXIT_FAIL);
	assert_int_equal(vmx_check_real(&v, NULL), 7);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_guests_state_comes_back),   T(base_of_protected_mode_stays),
		T(other_segments_are_emulated),   T(exceptions_are_the_guests_or_ours),
		T(refused_entry_leaves_its_vmcs), T(rules_are_those_of_the_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
