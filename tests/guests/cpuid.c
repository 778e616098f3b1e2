/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpuid: what the CPU says about itself agrees with what it does.
 *
 * A hypervisor decides by tables which feature bits a guest sees. The tables are right when each
 * bit that is shown can be used, each bit that depends on state (OSXSAVE, APIC enable) follows that
 * state, and the leaves agree with each other: limits, the XSAVE sizes, the topology of the leaves
 * 1 and 0xb, the address widths. The program reads the leaves and tries the features.
 *
 * CPUID must also preserve the high halves rule (it clears the upper 32 bits of RAX to RDX), and
 * leaves beyond the limit must not look like a feature. Source: AMD APM 3 "Obtaining Processor
 * Information Via the CPUID Instruction"; Intel SDM 2A "CPUID".
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

static void limits(void)
{
	struct cpuid_regs basic = cpuid(0, 0), ext = cpuid(0x80000000, 0), r;
	char vendor[13] = { 0 };

	memcpy(vendor, &basic.ebx, 4);
	memcpy(vendor + 4, &basic.edx, 4);
	memcpy(vendor + 8, &basic.ecx, 4);
	say("# vendor %s, leaves to 0x%x and 0x%x\n", vendor, basic.eax, ext.eax);
	check(basic.eax >= 0xd && basic.eax < 0x100, "cpuid.basic_limit", "0x%x", basic.eax);
	check(ext.eax >= 0x80000008 && ext.eax < 0x80000100, "cpuid.extended_limit", "0x%x",
	      ext.eax);
	check(!strcmp(vendor, "AuthenticAMD") || !strcmp(vendor, "GenuineIntel"), "cpuid.vendor",
	      "%s", vendor);
	r = cpuid(0x80000000, 0);
	if (!strcmp(vendor, "AuthenticAMD"))
		check(r.ebx == basic.ebx && r.ecx == basic.ecx && r.edx == basic.edx,
		      "cpuid.vendor_twice", "leaves 0 and 0x80000000 differ");
}

static void upper_halves(void)
{
	u64 a = ~0ULL << 32, b = ~0ULL, c = ~0ULL << 32, d = ~0ULL;

	__asm__ volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
	check((a | b | c | d) >> 32 == 0, "cpuid.clears_upper_halves", "%llx %llx %llx %llx",
	      (unsigned long long)a, (unsigned long long)b, (unsigned long long)c,
	      (unsigned long long)d);
}

static void addresses(void)
{
	struct cpuid_regs r = cpuid(0x80000008, 0);
	u32 phys = r.eax & 0xff, lin = r.eax >> 8 & 0xff;
	bool la57 = cpuid(7, 0).ecx & BIT32(16);

	check(phys >= 36 && phys <= 52, "cpuid.physical_width", "%u bits", phys);
	check(lin == (la57 ? 57U : 48U), "cpuid.linear_width", "%u bits, LA57 is %d", lin, la57);
}

static void required_bits(void)
{
	u32 edx = cpuid(1, 0).edx, ext = cpuid(0x80000001, 0).edx;
	/* FPU, TSC, MSR, PAE, CX8, APIC, PGE, CMOV, PAT, FXSR, SSE, SSE2: x86-64 has them all */
	u32 want = BIT32(0) | BIT32(4) | BIT32(5) | BIT32(6) | BIT32(8) | BIT32(9) | BIT32(13) |
		   BIT32(15) | BIT32(16) | BIT32(24) | BIT32(25) | BIT32(26);

	check((edx & want) == want, "cpuid.baseline", "missing 0x%x", want & ~edx);
	check(ext & BIT32(29) && ext & BIT32(20) && ext & BIT32(11), "cpuid.long_mode",
	      "leaf 0x80000001 EDX = 0x%x", ext);
}

static void osxsave_follows_cr4(void)
{
	u64 cr4 = read_cr4();

	if (!(cpuid(1, 0).ecx & BIT32(26))) {
		skip("cpuid.osxsave", "no XSAVE");
		return;
	}
	write_cr4(cr4 & ~CR4_OSXSAVE);
	check(!(cpuid(1, 0).ecx & BIT32(27)), "cpuid.osxsave_off", "set with CR4.OSXSAVE = 0");
	write_cr4(cr4 | CR4_OSXSAVE);
	check(cpuid(1, 0).ecx & BIT32(27), "cpuid.osxsave_on", "clear with CR4.OSXSAVE = 1");
	write_cr4(cr4);
}

static void apic_bit_follows_base(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	check(base & BIT(11) && cpuid(1, 0).edx & BIT32(9), "cpuid.apic",
	      "APIC_BASE = 0x%llx, bit %u", (unsigned long long)base, cpuid(1, 0).edx >> 9 & 1);
	check(cpuid(1, 0).ebx >> 24 == cpu_index(), "cpuid.apic_id", "leaf 1 says %u, the APIC %u",
	      cpuid(1, 0).ebx >> 24, cpu_index());
}

static void topology(void)
{
	struct cpuid_regs r = cpuid(0xb, 0);

	if (cpuid(0, 0).eax < 0xb || (r.ebx & 0xffff) == 0) {
		skip("cpuid.topology", "no leaf 0xb");
		return;
	}
	if (runs_on(BARE_BOCHS)) {
		skip("cpuid.topology", "erratum: Bochs: leaf 0xb has no levels for one CPU");
		return;
	}
	check((r.ecx >> 8 & 0xff) == 1, "cpuid.topology_smt_first", "type %u", r.ecx >> 8 & 0xff);
	check(r.edx == cpu_index(), "cpuid.x2apic_id", "%u", r.edx);
	r = cpuid(0xb, 1);
	check((r.ecx >> 8 & 0xff) == 2, "cpuid.topology_core_second", "type %u", r.ecx >> 8 & 0xff);
	r = cpuid(0xb, 2);
	check((r.ebx & 0xffff) == 0 && (r.ecx & 0xff) == 2, "cpuid.topology_ends", "EBX = 0x%x",
	      r.ebx);
}

/* Standard size of component i, by the list that the XSAVE leaf gives for itself. */
static void xsave_sizes(void)
{
	struct cpuid_regs r;
	u64 mask;

	if (!(cpuid(1, 0).ecx & BIT32(26))) {
		skip("cpuid.xsave", "no XSAVE");
		return;
	}
	write_cr4(read_cr4() | CR4_OSXSAVE);
	r = cpuid(0xd, 0);
	mask = r.eax | (u64)r.edx << 32;
	check((mask & 3) == 3, "cpuid.xcr0_mask", "0x%llx", (unsigned long long)mask);
	xsetbv(0, 1);
	check(cpuid(0xd, 0).ebx == 576, "cpuid.xsave_size_x87", "%u bytes", cpuid(0xd, 0).ebx);
	if ((mask & 7) == 7) {
		u32 end = cpuid(0xd, 2).eax + cpuid(0xd, 2).ebx;

		xsetbv(0, 7);
		check(cpuid(0xd, 0).ebx == end, "cpuid.xsave_size_avx", "%u bytes, not %u",
		      cpuid(0xd, 0).ebx, end);
	}
	check(cpuid(0xd, 0).ecx >= cpuid(0xd, 0).ebx, "cpuid.xsave_size_max", "%u < %u",
	      cpuid(0xd, 0).ecx, cpuid(0xd, 0).ebx);
	xsetbv(0, 1);
}

/* Each shown control-register feature can be switched on, each hidden one is refused. */
static void cr4_features(void)
{
	static const struct {
		const char *name;
		u64 bit;
		u32 leaf, reg, pos; /* reg: 1 EBX, 2 ECX, 3 EDX */
	} f[] = {
		{ "cpuid.umip", CR4_UMIP, 7, 2, 2 },
		{ "cpuid.fsgsbase", CR4_FSGSBASE, 7, 1, 0 },
		{ "cpuid.smep", CR4_SMEP, 7, 1, 7 },
		{ "cpuid.smap", CR4_SMAP, 7, 1, 20 },
		{ "cpuid.pku", CR4_PKE, 7, 2, 3 },
		{ "cpuid.pge", CR4_PGE, 1, 3, 13 },
		{ "cpuid.osxsave_bit", CR4_OSXSAVE, 1, 2, 26 },
		{ "cpuid.pks", CR4_PKS, 7, 2, 31 },
	};

	u64 cr4 = read_cr4();

	for (u32 i = 0; i < ARRAY_SIZE(f); i++) {
		struct cpuid_regs r = cpuid(f[i].leaf, 0);
		u32 reg = f[i].reg == 1 ? r.ebx : f[i].reg == 2 ? r.ecx : r.edx;
		bool shown = reg >> f[i].pos & 1;
		int vector = PROBE("mov %0, %%cr4", , "r"(cr4 | f[i].bit));
		bool works = vector == NO_TRAP && read_cr4() & f[i].bit;

		write_cr4(cr4);
		check(shown == works, f[i].name, "shown %d, can be set %d", shown, works);
	}
}

static void hypervisor_leaves(void)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);

	if (runs_on(BARE_BOCHS)) {
		skip("cpuid.hypervisor", "there is none");
		return;
	}
	check(cpuid(1, 0).ecx & BIT32(31), "cpuid.hypervisor_bit", "clear");
	check(r.eax >= 0x40000000 && r.eax < 0x40010000, "cpuid.hypervisor_limit", "0x%x", r.eax);
}

void guest_main(void)
{
	limits();
	upper_halves();
	addresses();
	required_bits();
	osxsave_follows_cr4();
	apic_bit_follows_base();
	topology();
	xsave_sizes();
	cr4_features();
	hypervisor_leaves();
}
