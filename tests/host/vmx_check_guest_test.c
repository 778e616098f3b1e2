/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/check.c vmx/check/ctl.c vmx/check/guest.c vmx/check/host.c vmx/check/seg.c */
/* SOURCES: lib/out.c vm/record.c tests/host/fake/bug.c tests/host/fake/cpu.c tests/host/fake/vmcs.c */
/*
 * The software VM-entry check of the guest's state: each rule, broken alone, is the one that fails,
 * and the values just inside the border pass. A rule that no case has broken fails the last test.
 */
#include "tests/host/vmx_check_fake.h"

static void each_broken_guest_register_is_named(void **state)
{
	(void)state;
	start(make_64);
	clr(VMCS_GUEST_CR0, CR0_NE);
	only("CR0 is legal in VMX operation", VMCS_GUEST_CR0);
	set(VMCS_GUEST_CR0, BIT(32));
	only("CR0 is legal in VMX operation", VMCS_GUEST_CR0);
	set(VMCS_GUEST_CR4, CR4_SMXE);
	only("CR4 is legal in VMX operation", VMCS_GUEST_CR4);
	set(VMCS_GUEST_CR4, CR4_CET);
	clr(VMCS_GUEST_CR0, CR0_WP);
	only("CET needs write protection", VMCS_GUEST_CR0);
	set(VMCS_GUEST_DEBUGCTL, BIT(4));
	only("DEBUGCTL has no reserved bit", VMCS_GUEST_DEBUGCTL);
	set(VMCS_GUEST_DR7, BIT(32));
	only("DR7 has 32 bits", VMCS_GUEST_DR7);
	clr(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_DEBUG);
	set(VMCS_GUEST_DEBUGCTL, ~0ULL);
	set(VMCS_GUEST_DR7, ~0ULL);
	none();
	clr(VMCS_GUEST_CR4, CR4_PAE);
	only("a 64-bit guest needs PAE", VMCS_GUEST_CR4);
	set(VMCS_GUEST_CR3, BIT(40));
	only("CR3 is an address of this CPU", VMCS_GUEST_CR3);
	canonical("SYSENTER's address is canonical", VMCS_GUEST_SYSENTER_ESP);
	canonical("SYSENTER's address is canonical", VMCS_GUEST_SYSENTER_EIP);
	set(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_PERF);
	put(VMCS_GUEST_PERF_GLOBAL_CTRL, BIT(63));
	only("performance counters exist", VMCS_GUEST_PERF_GLOBAL_CTRL);
	for (u32 i = 0; i < 64; i += 8)
		for (u64 type = 0; type < 10; type++) {
			put(VMCS_GUEST_PAT, type << i);
			if (type == 2 || type == 3 || type > 7)
				only("the PAT has memory types only", VMCS_GUEST_PAT);
			else
				none();
		}
	set(VMCS_GUEST_EFER, EFER_SVME);
	only("EFER has no unknown bit", VMCS_GUEST_EFER);
	clr(VMCS_GUEST_EFER, EFER_LMA | EFER_LME);
	only("EFER.LMA is the guest's mode", VMCS_GUEST_EFER);
	clr(VMCS_GUEST_EFER, EFER_LME);
	only("EFER.LME is LMA under paging", VMCS_GUEST_EFER);
	for (u32 b = 2; b < 12; b++) {
		set(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_BNDCFG);
		put(VMCS_GUEST_BNDCFGS, BIT(b));
		only("BNDCFGS has no reserved bit", VMCS_GUEST_BNDCFGS);
	}
	set(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_BNDCFG);
	put(VMCS_GUEST_BNDCFGS, HOLE | 3);
	only("the bound table is canonical", VMCS_GUEST_BNDCFGS);
	set(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_PKRS);
	put(VMCS_GUEST_PKRS, BIT(32));
	only("PKRS has 32 bits", VMCS_GUEST_PKRS);
}

static void guest_modes_have_their_own_rules(void **state)
{
	(void)state;
	start(make_pae);
	set(VMCS_GUEST_CR4, CR4_PCIDE);
	only("PCIDs are for 64-bit guests", VMCS_GUEST_CR4);
	set(VMCS_GUEST_EFER, EFER_LMA | EFER_LME);
	only("EFER.LMA is the guest's mode", VMCS_GUEST_EFER);
	set(VMCS_GUEST_EFER, EFER_LME);
	only("EFER.LME is LMA under paging", VMCS_GUEST_EFER);
	/* Without an unrestricted guest, PE and PG are fixed. */
	clr(VMCS_GUEST_CR0, CR0_PG);
	only("CR0 is legal in VMX operation", VMCS_GUEST_CR0);
	start(make_real);
	set(VMCS_GUEST_CR0, CR0_PG);
	only("paging needs protection", VMCS_GUEST_CR0);
	set(VMCS_GUEST_EFER, EFER_LME); /* on its way to long mode */
	none();
	clr(VMCS_GUEST_CR0, CR0_NE);
	only("CR0 is legal in VMX operation", VMCS_GUEST_CR0);
	start(make_64);
	set(VMCS_GUEST_CR4, CR4_PCIDE);
	none();
	set(VMCS_PROC2_CTL, PROC2_UNRESTRICTED);
	clr(VMCS_GUEST_CR0, CR0_PG);
	only("a 64-bit guest has paging on", VMCS_GUEST_CR0);
}

static void each_broken_table_register_is_named(void **state)
{
	(void)state;
	start(make_64);
	canonical("the base is canonical", VMCS_GUEST_GDTR_BASE);
	canonical("the base is canonical", VMCS_GUEST_IDTR_BASE);
	put(VMCS_GUEST_GDTR_LIMIT, 0x10000);
	only("the limit has 16 bits", VMCS_GUEST_GDTR_LIMIT);
	put(VMCS_GUEST_IDTR_LIMIT, 0x80000000);
	only("the limit has 16 bits", VMCS_GUEST_IDTR_LIMIT);
}

static void each_broken_rip_and_rflags_is_named(void **state)
{
	static const u8 reserved[] = { 3, 5, 15, 22, 31, 32, 63 };

	(void)state;
	start(make_64);
	put(VMCS_GUEST_RIP, BIT(48));
	only("RIP has no bits above an address", VMCS_GUEST_RIP);
	put(VMCS_GUEST_RIP, HOLE); /* the CPU lets that in, and it faults there */
	none();
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++) {
		set(VMCS_GUEST_RFLAGS, BIT(reserved[i]));
		only("RFLAGS has no reserved bit", VMCS_GUEST_RFLAGS);
	}
	clr(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
	only("RFLAGS has no reserved bit", VMCS_GUEST_RFLAGS);
	event(EVENTINJ_TYPE_INTR, 0x30);
	clr(VMCS_GUEST_RFLAGS, RFLAGS_IF);
	only("an interrupt needs IF", VMCS_GUEST_RFLAGS);
	/* Compatibility mode. */
	clr(VMCS_GUEST_CS_AR, AR_L);
	only("RIP has 32 bits but in 64-bit code", VMCS_GUEST_RIP);
	start(make_pae);
	put(VMCS_GUEST_RIP, BIT(32));
	only("RIP has 32 bits but in 64-bit code", VMCS_GUEST_RIP);
	start(make_vm86);
	set(VMCS_PROC2_CTL, PROC2_EPT | PROC2_UNRESTRICTED);
	clr(VMCS_GUEST_CR0, CR0_PE | CR0_PG);
	only("virtual-8086 mode is of protected mode", VMCS_GUEST_RFLAGS);
}

static void each_broken_guest_cet_state_is_named(void **state)
{
	(void)state;
	start(make_64);
	cet(VMCS_ENTRY_CTL, ENTRY_CTL_LOAD_CET, VMCS_GUEST_S_CET, VMCS_GUEST_SSP, VMCS_GUEST_ISST);
}

static void each_broken_selector_and_base_is_named(void **state)
{
	static const u32 in_32_bits[] = { S_ES, S_SS, S_DS };

	(void)state;
	start(make_64);
	set(VMCS_GUEST_TR_SEL, 4);
	only("the selector is of the GDT", VMCS_GUEST_TR_SEL);
	put_seg(S_LDTR, 0x24, 0, 0x82, 0);
	only("the selector is of the GDT", VMCS_GUEST_LDTR_SEL);
	put_seg(S_LDTR, 0x20, 0, 0x82, 0);
	none();
	canonical("the base is canonical", VMCS_GUEST_FS_BASE);
	canonical("the base is canonical", VMCS_GUEST_GS_BASE);
	canonical("the base is canonical", VMCS_GUEST_TR_BASE);
	put_seg(S_LDTR, 0x20, 0, 0x82, HOLE);
	only("the base is canonical", VMCS_GUEST_LDTR_BASE);
	put_seg(S_LDTR, 0x24, 0, 0x10082, HOLE); /* unusable */
	none();
	set(VMCS_GUEST_CS_BASE, BIT(32));
	only("the base has 32 bits", VMCS_GUEST_CS_BASE);
	for (u32 i = 0; i < ARRAY_SIZE(in_32_bits); i++) {
		set(vmcs_base(in_32_bits[i]), BIT(32));
		only("the base has 32 bits", vmcs_base(in_32_bits[i]));
		put_seg(in_32_bits[i], 0, ~0U, AR_UNUSABLE, ~0ULL);
		none();
	}
	put(VMCS_GUEST_SS_SEL, 0x13);
	with("the stack is of its selector's level", VMCS_GUEST_SS_AR);
	only("SS and CS have the same RPL", VMCS_GUEST_SS_SEL);
	put(VMCS_GUEST_SS_SEL, 0x13);
	set(VMCS_PROC2_CTL, PROC2_UNRESTRICTED);
	none();
}

static void vm86_segments_are_like_those_of_real_mode(void **state)
{
	(void)state;
	start(make_vm86);
	for (u32 s = S_ES; s <= S_GS; s++) {
		put(vmcs_base(s), 0xf0001);
		only("the base is the selector's", vmcs_base(s));
		put(vmcs_limit(s), 0xfffff);
		only("the limit is that of a vm86 segment", vmcs_limit(s));
		put(vmcs_limit(s), 0xfffe);
		only("the limit is that of a vm86 segment", vmcs_limit(s));
		put(vmcs_ar(s), 0xfb);
		only("the rights are those of a vm86 segment", vmcs_ar(s));
		put(vmcs_ar(s), AR_UNUSABLE | 0xf3);
		only("the rights are those of a vm86 segment", vmcs_ar(s));
	}
}

/* Which of the sixteen types a segment may have, all else being equal. */
static void types(u32 seg, u32 allowed, const char *title)
{
	u32 ar = (u32)fake_vmcs[vmcs_ar(seg)] & ~0xfU;

	for (u32 t = 0; t < 16; t++) {
		put(vmcs_ar(seg), ar | t);
		if (allowed & BIT32(t))
			none();
		else
			only(title, vmcs_ar(seg));
	}
}

static void each_broken_type_is_named(void **state)
{
	/* Accessed, and of code the readable ones. */
	const u32 readable = BIT32(1) | BIT32(3) | BIT32(5) | BIT32(7) | BIT32(11) | BIT32(15);

	(void)state;
	start(make_64);
	types(S_CS, BIT32(9) | BIT32(11) | BIT32(13) | BIT32(15), "the type is one of code");
	types(S_SS, BIT32(3) | BIT32(7), "the type is one of a stack");
	for (u32 s = S_DS; s <= S_GS; s++)
		types(s, readable, "the type can be read");
	types(S_ES, readable, "the type can be read");
	types(S_TR, BIT32(11), "the task is a busy one");
	put_seg(S_LDTR, 0x20, 0, 0x82, 0);
	put(VMCS_GUEST_LDTR_AR, 0x83);
	only("the type is that of an LDT", VMCS_GUEST_LDTR_AR);
	put(VMCS_GUEST_LDTR_AR, 0x80);
	only("the type is that of an LDT", VMCS_GUEST_LDTR_AR);
	start(make_pae);
	types(S_TR, BIT32(3) | BIT32(11), "the task is a busy one");
	start(make_real);
	types(S_CS, BIT32(3) | BIT32(9) | BIT32(11) | BIT32(13) | BIT32(15),
	      "the type is one of code");
}

static void each_broken_level_is_named(void **state)
{
	static const u32 data[] = { S_ES, S_DS, S_FS, S_GS };

	(void)state;
	start(make_64);
	put(VMCS_GUEST_CS_AR, 0xa0bb); /* DPL 1, not conforming */
	only("the code is of SS's level", VMCS_GUEST_CS_AR);
	put(VMCS_GUEST_CS_AR, 0xa0bf); /* conforming */
	only("the code is of SS's level", VMCS_GUEST_CS_AR);
	put(VMCS_GUEST_SS_AR, 0xc0f3);
	with("the stack is of its selector's level", VMCS_GUEST_SS_AR);
	only("the code is of SS's level", VMCS_GUEST_CS_AR);
	put(VMCS_GUEST_SS_AR, 0xc0f3);
	put(VMCS_GUEST_CS_AR, 0xa09f);
	only("the stack is of its selector's level", VMCS_GUEST_SS_AR);
	put(VMCS_GUEST_CS_SEL, 0xb);
	put(VMCS_GUEST_CS_AR, 0xa0fb);
	put(VMCS_GUEST_SS_SEL, 0x13);
	put(VMCS_GUEST_SS_AR, 0xc0f3);
	none();
	for (u32 i = 0; i < ARRAY_SIZE(data); i++) {
		put(vmcs_sel(data[i]), 0x11);
		only("the segment is of the selector's level", vmcs_ar(data[i]));
		put(vmcs_sel(data[i]), 0x11);
		put(vmcs_ar(data[i]), 0xc0bb); /* code, not conforming, DPL 1 */
		none();
		put(vmcs_sel(data[i]), 0x11);
		put(vmcs_ar(data[i]), 0xc09b);
		only("the segment is of the selector's level", vmcs_ar(data[i]));
		put(vmcs_sel(data[i]), 0x13);
		put(vmcs_ar(data[i]), 0xc09f); /* conforming */
		none();
		put(vmcs_sel(data[i]), 3);
		put(vmcs_ar(data[i]), AR_UNUSABLE);
		none();
	}
	start(make_real);
	put(VMCS_GUEST_SS_AR, 0xb3);
	with("the code is of SS's level", VMCS_GUEST_CS_AR);
	only("real mode has level 0", VMCS_GUEST_SS_AR);
	put(VMCS_GUEST_CS_AR, 0xb3); /* data, DPL 1 */
	only("the code is of SS's level", VMCS_GUEST_CS_AR);
	/* In protected mode, too, while CS is what real mode left there. */
	set(VMCS_GUEST_CR0, CR0_PE);
	put(VMCS_GUEST_CS_AR, 0x93);
	none();
	set(VMCS_GUEST_CR0, CR0_PE);
	put(VMCS_GUEST_CS_AR, 0x93);
	put(VMCS_GUEST_SS_AR, 0xb3);
	only("real mode has level 0", VMCS_GUEST_SS_AR);
}

static void each_broken_right_is_named(void **state)
{
	(void)state;
	start(make_64);
	for (u32 s = S_ES; s <= S_TR; s++) {
		enum vmcs_field ar = vmcs_ar(s), limit = vmcs_limit(s);

		if (s == S_LDTR)
			continue;
		clr(ar, AR_P);
		only("the segment is present", ar);
		for (u32 b = 8; b < 12; b++) {
			set(ar, BIT(b));
			only("the rights have no reserved bit", ar);
		}
		for (u32 b = 17; b < 32; b++) {
			set(ar, BIT(b));
			only("the rights have no reserved bit", ar);
		}
		clr(ar, AR_G);
		put(limit, BIT(31));
		only("the granularity fits the limit", ar);
		clr(ar, AR_G);
		put(limit, 0x100000);
		only("the granularity fits the limit", ar);
		clr(ar, AR_G);
		put(limit, 0xffffe);
		none();
		set(ar, AR_G);
		put(limit, 0x7ff);
		only("the granularity fits the limit", ar);
		set(ar, AR_G);
		put(limit, 0xfff);
		none();
		if (s < S_LDTR) {
			clr(ar, AR_S);
			only("the segment is one of code or data", ar);
		}
		if (s != S_CS && s != S_TR) {
			put(ar, ~0U);
			put(limit, 0x7ff);
			if (s == S_SS)
				put(ar, ~0U & ~(u32)AR_DPL_BITS);
			none();
		}
	}
}

static void each_broken_system_segment_is_named(void **state)
{
	(void)state;
	start(make_64);
	set(VMCS_GUEST_CS_AR, AR_DB);
	only("a code segment has one default size", VMCS_GUEST_CS_AR);
	set(VMCS_GUEST_TR_AR, AR_UNUSABLE);
	only("the task is usable", VMCS_GUEST_TR_AR);
	set(VMCS_GUEST_TR_AR, AR_S);
	only("the segment is one of the system", VMCS_GUEST_TR_AR);
	put(VMCS_GUEST_LDTR_AR, 0x92);
	only("the segment is one of the system", VMCS_GUEST_LDTR_AR);
	put(VMCS_GUEST_LDTR_AR, ~0U); /* unusable */
	none();
	put(VMCS_GUEST_LDTR_AR, 0x02);
	only("the segment is present", VMCS_GUEST_LDTR_AR);
	put(VMCS_GUEST_LDTR_AR, 0x182);
	only("the rights have no reserved bit", VMCS_GUEST_LDTR_AR);
	put(VMCS_GUEST_LDTR_AR, 0x8082);
	only("the granularity fits the limit", VMCS_GUEST_LDTR_AR);
	/* Both system segments count in virtual-8086 mode, too. */
	start(make_vm86);
	clr(VMCS_GUEST_TR_AR, AR_P);
	only("the segment is present", VMCS_GUEST_TR_AR);
	start(make_pae);
	set(VMCS_GUEST_CS_AR, AR_L);
	none();
}

static void each_broken_activity_is_named(void **state)
{
	(void)state;
	start(make_64);
	put(VMCS_GUEST_ACTIVITY, 4);
	only("the CPU has the activity state", VMCS_GUEST_ACTIVITY);
	for (u32 s = ACTIVITY_HLT; s <= ACTIVITY_WAIT_SIPI; s++) {
		vmx_facts.misc &= ~BIT(5 + s);
		put(VMCS_GUEST_ACTIVITY, s);
		only("the CPU has the activity state", VMCS_GUEST_ACTIVITY);
		put(VMCS_GUEST_ACTIVITY, s);
		none();
		put(VMCS_GUEST_ACTIVITY, s);
		put(VMCS_GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS);
		only("an interrupt shadow is of an active CPU", VMCS_GUEST_ACTIVITY);
	}
	put(VMCS_GUEST_CS_SEL, 0xb);
	put(VMCS_GUEST_CS_AR, 0xa0fb);
	put(VMCS_GUEST_SS_SEL, 0x13);
	put(VMCS_GUEST_SS_AR, 0xc0f3);
	put(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
	only("HLT is at privilege level 0", VMCS_GUEST_ACTIVITY);
}

static void wakes(u32 activity, u32 type, u32 vector, bool wakes)
{
	event(type, vector);
	put(VMCS_GUEST_ACTIVITY, activity);
	if (wakes)
		none();
	else
		only("the event wakes the guest", VMCS_GUEST_ACTIVITY);
}

static void sleeping_guests_are_woken_by_some_events(void **state)
{
	(void)state;
	start(make_64);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_INTR, 0x30, true);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_NMI, EXC_NMI, true);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_EXC, EXC_DB, true);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_EXC, EXC_MC, true);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_OTHER, 0, true);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_EXC, EXC_UD, false);
	wakes(ACTIVITY_HLT, EVENTINJ_TYPE_SOFT, EXC_DB, false);
	wakes(ACTIVITY_SHUTDOWN, EVENTINJ_TYPE_NMI, EXC_NMI, true);
	wakes(ACTIVITY_SHUTDOWN, EVENTINJ_TYPE_EXC, EXC_MC, true);
	wakes(ACTIVITY_SHUTDOWN, EVENTINJ_TYPE_EXC, EXC_DB, false);
	wakes(ACTIVITY_SHUTDOWN, EVENTINJ_TYPE_INTR, 0x30, false);
	wakes(ACTIVITY_WAIT_SIPI, EVENTINJ_TYPE_NMI, EXC_NMI, false);
	wakes(ACTIVITY_WAIT_SIPI, EVENTINJ_TYPE_EXC, EXC_MC, false);
}

static void each_broken_blocking_is_named(void **state)
{
	const enum vmcs_field f = VMCS_GUEST_INTERRUPTIBILITY;

	(void)state;
	start(make_64);
	put(f, BIT(5));
	only("blocking has no reserved bit", f);
	put(f, BIT(31));
	only("blocking has no reserved bit", f);
	set(VMCS_GUEST_RFLAGS, RFLAGS_IF);
	put(f, BLOCKED_BY_STI | BLOCKED_BY_MOV_SS);
	only("STI and MOV SS do not block together", f);
	put(f, BLOCKED_BY_STI);
	only("STI blocks only with IF", f);
	put(f, BLOCKED_BY_SMI);
	only("SMIs are not blocked outside SMM", f);
	put(f, BLOCKED_ENCLAVE | BLOCKED_BY_MOV_SS);
	only("MOV SS does not block in an enclave", f);
	put(f, BLOCKED_ENCLAVE | BLOCKED_BY_NMI);
	none();
	put(f, BLOCKED_ENCLAVE);
	cpu.sgx = false;
	only("blocking has no reserved bit", f);
	for (u32 b = 0; b < 2; b++) {
		event(EVENTINJ_TYPE_INTR, 0x30);
		put(f, BIT(b));
		only("an interrupt is not injected if blocked", f);
		event(EVENTINJ_TYPE_NMI, EXC_NMI);
		put(f, BIT(b));
		only("an NMI is not injected in a shadow", f);
		event(EVENTINJ_TYPE_EXC, EXC_DB);
		put(f, BIT(b));
		none();
	}
	event(EVENTINJ_TYPE_NMI, EXC_NMI);
	put(f, BLOCKED_BY_NMI);
	only("an NMI is not injected if blocked", f);
	event(EVENTINJ_TYPE_NMI, EXC_NMI);
	put(f, BLOCKED_BY_NMI);
	clr(VMCS_PIN_CTL, PIN_VIRTUAL_NMI);
	none();
	event(EVENTINJ_TYPE_INTR, 0x30);
	put(f, BLOCKED_BY_NMI);
	none();
}

static void each_broken_pending_debug_trap_is_named(void **state)
{
	const enum vmcs_field f = VMCS_GUEST_PENDING_DB;
	const u64 known = PENDING_DB_B | PENDING_DB_ENABLED | PENDING_DB_BS;

	(void)state;
	start(make_64);
	for (u32 b = 0; b < 64; b++) {
		put(f, BIT(b));
		if (known & BIT(b))
			none();
		else if (b != 16)
			only("pending #DB has no reserved bit", f);
	}
	start(make_64);
	put(VMCS_GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS);
	put(f, PENDING_DB_BS);
	only("a step that waits is that of TF", f);
	put(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
	set(VMCS_GUEST_RFLAGS, RFLAGS_TF);
	only("a step that waits is that of TF", f);
	put(VMCS_GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI);
	set(VMCS_GUEST_RFLAGS, RFLAGS_TF | RFLAGS_IF);
	put(f, PENDING_DB_BS);
	none();
	put(VMCS_GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS);
	set(VMCS_GUEST_RFLAGS, RFLAGS_TF);
	set(VMCS_GUEST_DEBUGCTL, BIT(1)); /* of branches, not of instructions */
	none();
	put(f, PENDING_DB_RTM | PENDING_DB_ENABLED);
	none();
	put(f, PENDING_DB_RTM | PENDING_DB_ENABLED);
	cpu.rtm = false;
	only("pending #DB has no reserved bit", f);
	put(f, PENDING_DB_RTM);
	only("a #DB in a transaction is alone", f);
	for (u32 b = 0; b < 4; b++) {
		put(f, PENDING_DB_RTM | PENDING_DB_ENABLED | BIT(b));
		only("a #DB in a transaction is alone", f);
	}
	put(f, PENDING_DB_RTM | PENDING_DB_ENABLED | PENDING_DB_BS);
	only("a #DB in a transaction is alone", f);
	put(f, PENDING_DB_RTM | PENDING_DB_ENABLED);
	put(VMCS_GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS);
	only("MOV SS does not block in a transaction", VMCS_GUEST_INTERRUPTIBILITY);
}

static void each_broken_link_is_named(void **state)
{
	(void)state;
	start(make_64);
	put(VMCS_LINK_POINTER, 0x10);
	only("the linked VMCS is a page of memory", VMCS_LINK_POINTER);
	put(VMCS_LINK_POINTER, BIT(40));
	only("the linked VMCS is a page of memory", VMCS_LINK_POINTER);
	put(VMCS_LINK_POINTER, LINKED);
	none();
	put(VMCS_LINK_POINTER, LINKED);
	*at(LINKED) = REVISION + 1;
	only("the linked VMCS is of this CPU", VMCS_LINK_POINTER);
	put(VMCS_LINK_POINTER, LINKED);
	set(VMCS_PROC2_CTL, PROC2_VMCS_SHADOWING);
	only("the linked VMCS is of this CPU", VMCS_LINK_POINTER);
	put(VMCS_LINK_POINTER, LINKED);
	set(VMCS_PROC2_CTL, PROC2_VMCS_SHADOWING);
	*at(LINKED) = BIT(31) | REVISION;
	none();
}

static void pdptes_are_checked_where_they_are(void **state)
{
	static const u64 bad[] = { 2, 4, 0x20, 0x40, 0x80, 0x100, BIT(40), BIT(63) };
	const char *title = "the PDPTE has no reserved bit";

	(void)state;
	for (u32 i = 0; i < 4; i++)
		for (u32 b = 0; b < ARRAY_SIZE(bad); b++) {
			enum vmcs_field f = (enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i);

			start(make_pae);
			put(f, bad[b] | 1);
			only(title, f);
			start(make_shadow);
			*at(PDPT + 8 * i) = bad[b] | 1;
			assert_int_equal(vmx_check_value(&chk, nth_rule(rule_of(title, f))),
					 bad[b] | 1);
			only(title, f);
			/* Only PAE paging has them. */
			start(make_64);
			put(f, bad[b] | 1);
			none();
		}
	/* A table that is no RAM cannot be judged. */
	start(make_shadow);
	put(VMCS_GUEST_CR3, 0x2000);
	none();
}

static void every_rule_was_broken(void **state)
{
	(void)state;
	assert_all_were_broken(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_broken_guest_register_is_named),
		cmocka_unit_test(guest_modes_have_their_own_rules),
		cmocka_unit_test(each_broken_table_register_is_named),
		cmocka_unit_test(each_broken_rip_and_rflags_is_named),
		cmocka_unit_test(each_broken_guest_cet_state_is_named),
		cmocka_unit_test(each_broken_selector_and_base_is_named),
		cmocka_unit_test(vm86_segments_are_like_those_of_real_mode),
		cmocka_unit_test(each_broken_type_is_named),
		cmocka_unit_test(each_broken_level_is_named),
		cmocka_unit_test(each_broken_right_is_named),
		cmocka_unit_test(each_broken_system_segment_is_named),
		cmocka_unit_test(each_broken_activity_is_named),
		cmocka_unit_test(sleeping_guests_are_woken_by_some_events),
		cmocka_unit_test(each_broken_blocking_is_named),
		cmocka_unit_test(each_broken_pending_debug_trap_is_named),
		cmocka_unit_test(each_broken_link_is_named),
		cmocka_unit_test(pdptes_are_checked_where_they_are),
		cmocka_unit_test(every_rule_was_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
