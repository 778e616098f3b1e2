/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/check.c vmx/check/ctl.c vmx/check/guest.c vmx/check/host.c vmx/check/seg.c */
/* SOURCES: lib/out.c vm/record.c tests/host/fake/bug.c tests/host/fake/cpu.c tests/host/fake/vmcs.c */
/*
 * The software VM-entry check: good guests of each kind pass every rule; each rule, broken alone,
 * is the one that fails, and the values just inside the border pass. The guest's state has a
 * file of its own. A rule that no case has broken fails the last test.
 */
#include "tests/host/vmx_check_fake.h"

static void good_guests_pass(void **state)
{
	(void)state;
	start(make_64);
	none();
	start(make_pae);
	none();
	start(make_shadow);
	none();
	start(make_real);
	none();
	start(make_vm86);
	none();
}

static void rules_have_names_of_their_own(void **state)
{
	const struct check_rule *r;

	(void)state;
	for (u32 i = 0; (r = nth_rule(i)); i++) {
		assert_int_equal(rule_of(r->title, r->field), i);
		assert_true(strlen(r->title) <= 40);
		/* One way to judge, and words for it. */
		assert_int_equal((r->bits.ones || r->bits.zeros) + !!r->cpu_bits + !!r->ok, 1);
		assert_int_equal(!!r->ok, !!r->allowed);
	}
}

/* The fields of what can be turned off. */
static const enum vmcs_field optional[] = {
	VMCS_IO_BITMAP_A,    VMCS_IO_BITMAP_B,    VMCS_MSR_BITMAP,     VMCS_VIRTUAL_APIC,
	VMCS_TPR_THRESHOLD,  VMCS_APIC_ACCESS,    VMCS_POSTED_VECTOR,  VMCS_POSTED_DESC,
	VMCS_VPID,           VMCS_EPTP,           VMCS_PML_ADDRESS,    VMCS_VMFUNC_CTL,
	VMCS_EPTP_LIST,      VMCS_VMREAD_BITMAP,  VMCS_VMWRITE_BITMAP, VMCS_VE_INFO,
	VMCS_TSC_MULTIPLIER, VMCS_HOST_EFER,      VMCS_HOST_PAT,       VMCS_HOST_PKRS,
	VMCS_HOST_S_CET,     VMCS_HOST_SSP,       VMCS_HOST_ISST,      VMCS_HOST_PERF_GLOBAL_CTRL,
	VMCS_GUEST_EFER,     VMCS_GUEST_PAT,      VMCS_GUEST_PKRS,     VMCS_GUEST_BNDCFGS,
	VMCS_GUEST_S_CET,    VMCS_GUEST_SSP,      VMCS_GUEST_ISST,     VMCS_GUEST_PERF_GLOBAL_CTRL,
	VMCS_GUEST_DR7,      VMCS_GUEST_DEBUGCTL, VMCS_PROC2_CTL,
};

static void make_minimal(void)
{
	make_vm86();
	clr(VMCS_PIN_CTL, PIN_VIRTUAL_NMI | PIN_NMI | PIN_INTR | PIN_PREEMPTION_TIMER);
	clr(VMCS_PROC_CTL, PROC_SECONDARY | PROC_MSR_BITMAPS | PROC_IO_BITMAPS);
	clr(VMCS_EXIT_CTL,
	    EXIT_CTL_ACK_INTR | EXIT_CTL_LOAD_PAT | EXIT_CTL_LOAD_EFER | EXIT_CTL_SAVE_TIMER);
	clr(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER);
	vmx_facts.ctl[VMX_ENTRY] &= ~(u64)ENTRY_CTL_LOAD_DEBUG;
	vmx_facts.ctl[VMX_PROC2] |= 1; /* does not matter: there are none */
}

static void rules_wait_for_their_control(void **state)
{
	static const u64 values[] = { 0, ~0ULL, HOLE | 0xf7e };

	(void)state;
	for (u32 n = 0; n < ARRAY_SIZE(values); n++) {
		start(make_minimal);
		for (u32 i = 0; i < ARRAY_SIZE(optional); i++)
			put(optional[i], values[n]);
		none();
	}
	/* Of those that look at a control themselves. */
	put(VMCS_HOST_CR0, CR0_PG | CR0_NE | CR0_PE);
	none();
	start(make_64);
	clr(VMCS_PIN_CTL, PIN_VIRTUAL_NMI | PIN_NMI);
	none();
	clr(VMCS_EXIT_CTL, EXIT_CTL_ACK_INTR);
	clr(VMCS_PIN_CTL, PIN_INTR);
	none();
	set(VMCS_PROC2_CTL, PROC2_VMFUNC);
	put(VMCS_EPTP_LIST, ~0ULL); /* not switched */
	none();
	set(VMCS_PROC_CTL, PROC_TPR_SHADOW);
	set(VMCS_PROC2_CTL, PROC2_VIRTUAL_INTR);
	put(VMCS_TPR_THRESHOLD, ~0U);
	none();
	put(VMCS_ENTRY_EVENT, EVENTINJ_HAS_ERROR); /* not valid */
	put(VMCS_ENTRY_EVENT_ERROR, ~0U);
	none();
	event(EVENTINJ_TYPE_INTR, 0x30);
	put(VMCS_ENTRY_EVENT_ERROR, ~0U);
	none();
	put(VMCS_CR3_TARGETS, 4);
	none();
	put(VMCS_TPR_THRESHOLD, 5); /* without a TPR shadow */
	none();
	start(make_shadow);
	set(VMCS_PROC2_CTL, PROC2_VMFUNC);
	none();
}

static void each_broken_control_word_is_named(void **state)
{
	(void)state;
	start(make_64);
	clr(VMCS_PIN_CTL, BIT(1));
	only("pin controls are those of this CPU", VMCS_PIN_CTL);
	set(VMCS_PIN_CTL, BIT(8));
	only("pin controls are those of this CPU", VMCS_PIN_CTL);
	clr(VMCS_PROC_CTL, BIT(1));
	only("processor controls are those of this CPU", VMCS_PROC_CTL);
	set(VMCS_PROC_CTL, PROC_TERTIARY);
	only("processor controls are those of this CPU", VMCS_PROC_CTL);
	set(VMCS_PROC2_CTL, BIT(31));
	only("secondary controls are those of this CPU", VMCS_PROC2_CTL);
	set(VMCS_EXIT_CTL, BIT(31));
	only("exit controls are those of this CPU", VMCS_EXIT_CTL);
	clr(VMCS_ENTRY_CTL, BIT(12));
	only("entry controls are those of this CPU", VMCS_ENTRY_CTL);
	set(VMCS_ENTRY_CTL, ENTRY_CTL_SMM);
	only("the entry is not one of SMM", VMCS_ENTRY_CTL);
	set(VMCS_ENTRY_CTL, ENTRY_CTL_NO_DUAL);
	only("the entry is not one of SMM", VMCS_ENTRY_CTL);
	put(VMCS_CR3_TARGETS, 5);
	only("CR3 targets are as many as there are", VMCS_CR3_TARGETS);
}

/* A page that a control asks for. */
static void page(enum vmcs_field word, u32 bit, enum vmcs_field field, const char *title)
{
	set(word, bit);
	put(field, BIT(40));
	only(title, field);
	set(word, bit);
	put(field, 0x2008);
	only(title, field);
	put(field, ~0ULL);
	clr(word, bit);
	none();
	set(word, bit);
	put(field, 0xfffffff000);
	none();
}

static void each_broken_page_is_named(void **state)
{
	(void)state;
	start(make_64);
	page(VMCS_PROC_CTL, PROC_IO_BITMAPS, VMCS_IO_BITMAP_A,
	     "the I/O bitmap is a page of memory");
	page(VMCS_PROC_CTL, PROC_IO_BITMAPS, VMCS_IO_BITMAP_B,
	     "the I/O bitmap is a page of memory");
	page(VMCS_PROC_CTL, PROC_MSR_BITMAPS, VMCS_MSR_BITMAP,
	     "the MSR bitmap is a page of memory");
	page(VMCS_PROC_CTL, PROC_TPR_SHADOW, VMCS_VIRTUAL_APIC,
	     "the virtual APIC is a page of memory");
	page(VMCS_PROC2_CTL, PROC2_VIRTUAL_APIC, VMCS_APIC_ACCESS,
	     "the APIC access page is one of memory");
	page(VMCS_PROC2_CTL, PROC2_PML, VMCS_PML_ADDRESS, "the log of modified pages is in memory");
	page(VMCS_PROC2_CTL, PROC2_VMCS_SHADOWING, VMCS_VMREAD_BITMAP,
	     "the VMREAD bitmap is a page of memory");
	page(VMCS_PROC2_CTL, PROC2_VMCS_SHADOWING, VMCS_VMWRITE_BITMAP,
	     "the VMWRITE bitmap is a page of memory");
	page(VMCS_PROC2_CTL, PROC2_VE, VMCS_VE_INFO, "the page for #VE is one of memory");
}

static void each_control_that_misses_another_is_named(void **state)
{
	(void)state;
	start(make_64);
	clr(VMCS_PIN_CTL, PIN_NMI);
	only("virtual NMIs need NMI exits", VMCS_PIN_CTL);
	clr(VMCS_PIN_CTL, PIN_VIRTUAL_NMI);
	set(VMCS_PROC_CTL, PROC_NMI_WINDOW);
	only("an NMI window needs virtual NMIs", VMCS_PROC_CTL);
	set(VMCS_PROC_CTL, PROC_NMI_WINDOW);
	none();
	set(VMCS_PROC2_CTL, PROC2_X2APIC);
	only("APIC virtualization needs the TPR shadow", VMCS_PROC2_CTL);
	set(VMCS_PROC2_CTL, PROC2_APIC_REGS);
	only("APIC virtualization needs the TPR shadow", VMCS_PROC2_CTL);
	set(VMCS_PROC2_CTL, PROC2_VIRTUAL_INTR);
	only("APIC virtualization needs the TPR shadow", VMCS_PROC2_CTL);
	set(VMCS_PROC_CTL, PROC_TPR_SHADOW);
	set(VMCS_PROC2_CTL, PROC2_X2APIC | PROC2_VIRTUAL_APIC);
	only("an APIC is x2APIC or has a page", VMCS_PROC2_CTL);
	set(VMCS_PROC_CTL, PROC_TPR_SHADOW);
	set(VMCS_PROC2_CTL, PROC2_VIRTUAL_INTR);
	clr(VMCS_PIN_CTL, PIN_INTR);
	only("virtual interrupts need interrupt exits", VMCS_PIN_CTL);
	clr(VMCS_PIN_CTL, PIN_PREEMPTION_TIMER);
	only("a preemption timer to save is on", VMCS_EXIT_CTL);
	start(make_shadow);
	set(VMCS_PROC2_CTL, PROC2_UNRESTRICTED);
	only("an unrestricted guest needs EPT", VMCS_PROC2_CTL);
	set(VMCS_PROC2_CTL, PROC2_PML);
	only("a log of modified pages needs EPT", VMCS_PROC2_CTL);
	vmx_facts.ctl[VMX_PROC2] |= MAY(PROC2_MBEC);
	set(VMCS_PROC2_CTL, PROC2_MBEC);
	only("execute rights by mode need EPT", VMCS_PROC2_CTL);
	set(VMCS_PROC2_CTL, PROC2_VMFUNC);
	put(VMCS_VMFUNC_CTL, 1);
	only("switching EPTs needs EPT", VMCS_PROC2_CTL);
}

static void make_tpr(void)
{
	make_64();
	set(VMCS_PROC_CTL, PROC_TPR_SHADOW);
}

static void each_broken_apic_control_is_named(void **state)
{
	(void)state;
	start(make_tpr);
	each_bit("the TPR threshold has four bits", VMCS_TPR_THRESHOLD, 31, 4);
	put(VMCS_TPR_THRESHOLD, 5);
	*at(VAPIC + 0x80) = 0x4f;
	only("the TPR is not below its threshold", VMCS_TPR_THRESHOLD);
	put(VMCS_TPR_THRESHOLD, 5);
	*at(VAPIC + 0x80) = 0x50;
	none();
	/* Not looked at with APIC accesses virtualized. */
	set(VMCS_PROC2_CTL, PROC2_VIRTUAL_APIC);
	put(VMCS_TPR_THRESHOLD, 5);
	none();
	/* Memory that cannot be read breaks no rule. */
	put(VMCS_VIRTUAL_APIC, 0x2000);
	put(VMCS_TPR_THRESHOLD, 15);
	none();
}

static void make_posting(void)
{
	make_64();
	set(VMCS_PIN_CTL, PIN_POSTED_INTR);
	set(VMCS_PROC_CTL, PROC_TPR_SHADOW);
	set(VMCS_PROC2_CTL, PROC2_VIRTUAL_INTR);
	put(VMCS_POSTED_VECTOR, 0xff);
	put(VMCS_POSTED_DESC, 0xffffffffc0);
}

static void each_broken_posting_is_named(void **state)
{
	(void)state;
	start(make_posting);
	none();
	clr(VMCS_PROC2_CTL, PROC2_VIRTUAL_INTR);
	only("posted interrupts need virtual ones", VMCS_PROC2_CTL);
	clr(VMCS_EXIT_CTL, EXIT_CTL_ACK_INTR);
	only("posted interrupts are acknowledged", VMCS_EXIT_CTL);
	each_bit("the posting vector has eight bits", VMCS_POSTED_VECTOR, 15, 8);
	each_bit("the posting descriptor is in memory", VMCS_POSTED_DESC, 5, 0);
	each_bit("the posting descriptor is in memory", VMCS_POSTED_DESC, 63, 40);
}

static void each_broken_paging_control_is_named(void **state)
{
	(void)state;
	start(make_64);
	put(VMCS_VPID, 0);
	only("the VPID is a guest's", VMCS_VPID);
	for (u32 type = 0; type < 8; type++) {
		put(VMCS_EPTP, 0x1000 | EPTP_LEVELS(4) | type);
		if (type == EPTP_WB)
			none();
		else /* UC, too: the CPU lacks it */
			only("the EPT's memory type is supported", VMCS_EPTP);
	}
	put(VMCS_EPTP, 0x1000 | EPTP_LEVELS(5) | EPTP_WB);
	only("the EPT's depth is supported", VMCS_EPTP);
	set(VMCS_EPTP, EPTP_AD);
	only("the EPTP has no reserved bit", VMCS_EPTP);
	each_bit("the EPTP has no reserved bit", VMCS_EPTP, 11, 7);
	set(VMCS_EPTP, BIT(40));
	only("the EPTP has no reserved bit", VMCS_EPTP);
	vmx_facts.ept_vpid = BIT(7) | BIT(8) | BIT(21) | BIT(23);
	put(VMCS_EPTP, 0x1000 | EPTP_LEVELS(5) | EPTP_AD | BIT(7));
	none();
	set(VMCS_PROC2_CTL, PROC2_VMFUNC);
	put(VMCS_VMFUNC_CTL, 2);
	only("VM functions are those of this CPU", VMCS_VMFUNC_CTL);
	set(VMCS_PROC2_CTL, PROC2_VMFUNC);
	put(VMCS_VMFUNC_CTL, 1);
	put(VMCS_EPTP_LIST, 0x1800);
	only("the list of EPTPs is a page of memory", VMCS_EPTP_LIST);
	set(VMCS_PROC2_CTL, PROC2_TSC_SCALING);
	vmx_facts.ctl[VMX_PROC2] |= MAY(PROC2_TSC_SCALING);
	put(VMCS_TSC_MULTIPLIER, 0);
	only("the TSC is multiplied", VMCS_TSC_MULTIPLIER);
	/* Secondary controls that are not activated are all 0. */
	start(make_vm86);
	clr(VMCS_PROC_CTL, PROC_SECONDARY);
	put(VMCS_PROC2_CTL, ~0U);
	put(VMCS_VPID, 0);
	none();
}

static void area(enum vmcs_field address, enum vmcs_field count)
{
	put(address, 0x1008);
	only("the MSR area is in memory", address);
	put(address, BIT(40));
	only("the MSR area is in memory", address);
	put(address, BIT(40) - 32);
	put(count, 3);
	only("the MSR area ends in memory", address);
	put(address, BIT(40) - 32);
	put(count, 2);
	none();
	put(address, 0x200000);
	put(count, 513);
	only("the MSR area has a usual length", count);
	vmx_facts.misc |= 1 << 25;
	put(address, 0x200000);
	put(count, 1024);
	none();
	put(address, ~0ULL);
	put(count, 0);
	none();
	put(address, 0);
	put(count, 0);
	none();
}

static void each_broken_msr_area_is_named(void **state)
{
	static const u64 bad[] = {
		0xc0000100, 0xc0000101, 0x800, 0x8ff, 0x9b, 0x1000000c0,
	};

	(void)state;
	start(make_64);
	area(VMCS_EXIT_MSR_STORE, VMCS_EXIT_MSR_STORES);
	area(VMCS_EXIT_MSR_LOAD, VMCS_EXIT_MSR_LOADS);
	area(VMCS_ENTRY_MSR_LOAD, VMCS_ENTRY_MSR_LOADS);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		*at(ENTRY_AREA + 16) = bad[i];
		assert_int_equal(
			vmx_check_value(&chk, nth_rule(rule_of("the area's MSRs can be loaded",
							       VMCS_ENTRY_MSR_LOAD))),
			bad[i]);
		only("the area's MSRs can be loaded", VMCS_ENTRY_MSR_LOAD);
		*at(EXIT_AREA) = bad[i];
		only("the area's MSRs can be loaded", VMCS_EXIT_MSR_LOAD);
	}
	*at(ENTRY_AREA) = 0x7ff;
	*at(ENTRY_AREA + 16) = 0x900;
	*at(ENTRY_AREA + 32) = 0x800; /* behind its end */
	none();
	*at(ENTRY_AREA + 16) = 0x800;
	put(VMCS_ENTRY_MSR_LOADS, 1);
	none();
	*at(EXIT_AREA + 16) = 0x800;
	put(VMCS_EXIT_MSR_LOADS, 1);
	none();
}

static void each_broken_event_is_named(void **state)
{
	(void)state;
	start(make_64);
	event(1, 0);
	only("the event's type exists", VMCS_ENTRY_EVENT);
	event(EVENTINJ_TYPE_OTHER, 0);
	none();
	event(EVENTINJ_TYPE_OTHER, 0);
	vmx_facts.ctl[VMX_PROC] &= ~MAY(PROC_MONITOR_TRAP);
	only("the event's type exists", VMCS_ENTRY_EVENT);
	event(EVENTINJ_TYPE_OTHER, 1);
	only("a pending trap has vector 0", VMCS_ENTRY_EVENT);
	event(EVENTINJ_TYPE_NMI, 3);
	only("an NMI has vector 2", VMCS_ENTRY_EVENT);
	for (u32 vector = 32; vector < 256; vector *= 2) {
		event(EVENTINJ_TYPE_EXC, vector);
		only("the event's vector is an exception", VMCS_ENTRY_EVENT);
	}
	event(EVENTINJ_TYPE_INTR, 0x30);
	none();
	for (u32 b = 12; b < 31; b++) {
		event(EVENTINJ_TYPE_INTR, 0x30);
		set(VMCS_ENTRY_EVENT, BIT(b));
		only("the event has no reserved bit", VMCS_ENTRY_EVENT);
	}
	for (u32 type = EVENTINJ_TYPE_SOFT; type <= EVENTINJ_TYPE_INT3; type++) {
		event(type, 3);
		put(VMCS_ENTRY_INSN_LEN, 16);
		only("the event's instruction has a length", VMCS_ENTRY_INSN_LEN);
		event(type, 3);
		put(VMCS_ENTRY_INSN_LEN, 0);
		only("the event's instruction has a length", VMCS_ENTRY_INSN_LEN);
		event(type, 3);
		put(VMCS_ENTRY_INSN_LEN, 0);
		vmx_facts.misc |= BIT(30);
		none();
		event(type, 3);
		put(VMCS_ENTRY_INSN_LEN, 15);
		none();
	}
	/* Not valid: nothing of it counts. */
	put(VMCS_ENTRY_EVENT, ~EVENTINJ_VALID & ~(6U << 8));
	put(VMCS_ENTRY_INSN_LEN, 99);
	none();
}

static void error_codes_go_with_their_exceptions(void **state)
{
	const u32 with = BIT32(8) | 0x1fU << 10 | BIT32(17);

	(void)state;
	start(make_64);
	for (u32 v = 0; v < 32; v++) {
		bool has = with & BIT32(v);

		event(EVENTINJ_TYPE_EXC, v);
		set(VMCS_ENTRY_EVENT, has ? 0 : EVENTINJ_HAS_ERROR);
		only(has ? "the exception has its error code" : "nothing else has an error code",
		     VMCS_ENTRY_EVENT);
		event(EVENTINJ_TYPE_EXC, v);
		set(VMCS_ENTRY_EVENT, has ? EVENTINJ_HAS_ERROR : 0);
		put(VMCS_ENTRY_EVENT_ERROR, 0xffff);
		none();
		/* A CPU that leaves it to the hypervisor. */
		event(EVENTINJ_TYPE_EXC, v);
		set(VMCS_ENTRY_EVENT, has ? 0 : EVENTINJ_HAS_ERROR);
		vmx_facts.basic |= BIT(56);
		none();
	}
	event(EVENTINJ_TYPE_INTR, EXC_GP);
	set(VMCS_ENTRY_EVENT, EVENTINJ_HAS_ERROR);
	vmx_facts.basic |= BIT(56);
	only("nothing else has an error code", VMCS_ENTRY_EVENT);
	for (u32 b = 16; b < 32; b++) {
		event(EVENTINJ_TYPE_EXC, EXC_GP);
		set(VMCS_ENTRY_EVENT, EVENTINJ_HAS_ERROR);
		put(VMCS_ENTRY_EVENT_ERROR, BIT(b));
		only("the error code has 16 bits", VMCS_ENTRY_EVENT_ERROR);
	}
	/* Real mode pushes none. */
	start(make_real);
	event(EVENTINJ_TYPE_EXC, EXC_GP);
	none();
	event(EVENTINJ_TYPE_EXC, EXC_GP);
	set(VMCS_ENTRY_EVENT, EVENTINJ_HAS_ERROR);
	only("nothing else has an error code", VMCS_ENTRY_EVENT);
}

static void each_broken_host_register_is_named(void **state)
{
	(void)state;
	start(make_64);
	clr(VMCS_HOST_CR0, CR0_PG);
	only("CR0 is legal in VMX operation", VMCS_HOST_CR0);
	set(VMCS_HOST_CR0, BIT(32));
	only("CR0 is legal in VMX operation", VMCS_HOST_CR0);
	clr(VMCS_HOST_CR4, CR4_VMXE);
	only("CR4 is legal in VMX operation", VMCS_HOST_CR4);
	set(VMCS_HOST_CR4, CR4_SMXE);
	only("CR4 is legal in VMX operation", VMCS_HOST_CR4);
	set(VMCS_HOST_CR4, CR4_CET);
	none();
	clr(VMCS_HOST_CR0, CR0_WP);
	none();
	set(VMCS_HOST_CR4, CR4_CET);
	clr(VMCS_HOST_CR0, CR0_WP);
	only("CET needs write protection", VMCS_HOST_CR0);
	set(VMCS_HOST_CR3, BIT(40));
	only("CR3 is an address of this CPU", VMCS_HOST_CR3);
	canonical("SYSENTER's address is canonical", VMCS_HOST_SYSENTER_ESP);
	canonical("SYSENTER's address is canonical", VMCS_HOST_SYSENTER_EIP);
	set(VMCS_EXIT_CTL, EXIT_CTL_LOAD_PERF);
	put(VMCS_HOST_PERF_GLOBAL_CTRL, BIT(4));
	only("performance counters exist", VMCS_HOST_PERF_GLOBAL_CTRL);
	put(VMCS_HOST_PERF_GLOBAL_CTRL, BIT(4));
	none();
	put(VMCS_HOST_PAT, 2);
	only("the PAT has memory types only", VMCS_HOST_PAT);
	put(VMCS_HOST_EFER, EFER_LMA | EFER_LME | EFER_SVME);
	only("EFER has no unknown bit", VMCS_HOST_EFER);
	clr(VMCS_HOST_EFER, EFER_LME);
	only("a 64-bit host has EFER.LMA and LME", VMCS_HOST_EFER);
	clr(VMCS_EXIT_CTL, EXIT_CTL_LOAD_EFER | EXIT_CTL_LOAD_PAT);
	put(VMCS_HOST_EFER, ~0ULL);
	put(VMCS_HOST_PAT, ~0ULL);
	none();
	set(VMCS_EXIT_CTL, EXIT_CTL_LOAD_PKRS);
	put(VMCS_HOST_PKRS, BIT(32));
	only("PKRS has 32 bits", VMCS_HOST_PKRS);
	clr(VMCS_EXIT_CTL, EXIT_CTL_HOST_64);
	only("a 64-bit host stays one", VMCS_EXIT_CTL);
	clr(VMCS_HOST_CR4, CR4_PAE);
	only("a 64-bit host needs PAE", VMCS_HOST_CR4);
	canonical("the host's RIP is canonical", VMCS_HOST_RIP);
}

static void each_broken_host_segment_is_named(void **state)
{
	static const enum vmcs_field sels[] = {
		VMCS_HOST_ES_SEL, VMCS_HOST_CS_SEL, VMCS_HOST_SS_SEL, VMCS_HOST_DS_SEL,
		VMCS_HOST_FS_SEL, VMCS_HOST_GS_SEL, VMCS_HOST_TR_SEL,
	};

	(void)state;
	start(make_64);
	for (u32 i = 0; i < ARRAY_SIZE(sels); i++)
		for (u32 bit = 0; bit < 3; bit++) {
			set(sels[i], BIT(bit));
			only("the selector is the host's", sels[i]);
		}
	put(VMCS_HOST_CS_SEL, 0);
	only("there is a code segment", VMCS_HOST_CS_SEL);
	put(VMCS_HOST_TR_SEL, 0);
	only("there is a task", VMCS_HOST_TR_SEL);
	canonical("the base is canonical", VMCS_HOST_FS_BASE);
	canonical("the base is canonical", VMCS_HOST_GS_BASE);
	canonical("the base is canonical", VMCS_HOST_TR_BASE);
	canonical("the base is canonical", VMCS_HOST_GDTR_BASE);
	canonical("the base is canonical", VMCS_HOST_IDTR_BASE);
}

static void each_broken_host_cet_state_is_named(void **state)
{
	(void)state;
	start(make_64);
	cet(VMCS_EXIT_CTL, EXIT_CTL_LOAD_CET, VMCS_HOST_S_CET, VMCS_HOST_SSP, VMCS_HOST_ISST);
}

static void allowed_bits_are_told(void **state)
{
	char text[80];

	(void)state;
	start(make_64);
	vmx_check_allowed(&chk,
			  nth_rule(rule_of("the MSR bitmap is a page of memory", VMCS_MSR_BITMAP)),
			  text, sizeof(text));
	assert_string_equal(text, "0xffffff0000000fff = 0");
	vmx_check_allowed(&chk, nth_rule(rule_of("virtual NMIs need NMI exits", VMCS_PIN_CTL)),
			  text, sizeof(text));
	assert_string_equal(text, "0x8 = 1");
	/* No more bits than the field has. */
	vmx_check_allowed(&chk,
			  nth_rule(rule_of("pin controls are those of this CPU", VMCS_PIN_CTL)),
			  text, sizeof(text));
	assert_string_equal(text, "0x16 = 1, 0xffffff00 = 0");
	vmx_check_allowed(&chk, nth_rule(rule_of("the VPID is a guest's", VMCS_VPID)), text,
			  sizeof(text));
	assert_string_equal(text, "not 0");
}

static char text[8192];

static void append(void *arg, const char *str, size_t n)
{
	(void)arg;
	strncat(text, str, n);
}

static void failed_rule_is_printed_with_field_and_value(void **state)
{
	struct vcpu v = { .exit.reason = EXIT_FAIL, .exit.code = EXIT_REASON_FAILED | 7 };
	struct out o;

	(void)state;
	start(make_64);
	put(VMCS_PIN_CTL, 0x1234);
	put(VMCS_VPID, 0);
	put(VMCS_QUALIFICATION, 4);
	out_init(&o, append, NULL, false);
	assert_true(vmx_check(&v, &o) >= 2);
	assert_non_null(strstr(text, "the CPU says: invalid control fields (qualification 4)"));
	assert_non_null(strstr(text, "pin controls are those of this CPU"));
	assert_non_null(strstr(text, "0x1234"));
	assert_non_null(strstr(text, "VM-Execution Control Fields"));
	assert_non_null(strstr(text, "vpid"));
}

static void every_rule_was_broken(void **state)
{
	(void)state;
	assert_all_were_broken(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_guests_pass),
		cmocka_unit_test(rules_have_names_of_their_own),
		cmocka_unit_test(rules_wait_for_their_control),
		cmocka_unit_test(each_broken_control_word_is_named),
		cmocka_unit_test(each_broken_page_is_named),
		cmocka_unit_test(each_control_that_misses_another_is_named),
		cmocka_unit_test(each_broken_apic_control_is_named),
		cmocka_unit_test(each_broken_posting_is_named),
		cmocka_unit_test(each_broken_paging_control_is_named),
		cmocka_unit_test(each_broken_msr_area_is_named),
		cmocka_unit_test(each_broken_event_is_named),
		cmocka_unit_test(error_codes_go_with_their_exceptions),
		cmocka_unit_test(each_broken_host_register_is_named),
		cmocka_unit_test(each_broken_host_segment_is_named),
		cmocka_unit_test(each_broken_host_cet_state_is_named),
		cmocka_unit_test(allowed_bits_are_told),
		cmocka_unit_test(failed_rule_is_printed_with_field_and_value),
		cmocka_unit_test(every_rule_was_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
