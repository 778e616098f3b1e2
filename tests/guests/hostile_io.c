/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile_io: every port and every model-specific register is hammered.
 *
 * All 65536 ports are read with all three sizes and by string instructions; MSRs of all ranges that
 * CPUs use are read. Under a hypervisor they are written as well, with zeroes, ones and noise; what
 * would end the program by rule (reset and power-off ports, the console, EFER) comes last, after
 * the verdicts. Whatever the devices do, the hypervisor has to stand. A bare machine is only read:
 * its devices need not survive.
 */

#include "tests/guests/lib/guest.h"

#define MSR_EFER_NR 0xc0000080

static u64 seed = 0x9e3779b97f4a7c15;

static u64 random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Ports by which the program reports, or that end it by rule. */
static bool delicate(u32 port)
{
	return (port >= 0x3f8 - 3 && port < 0x400) || (port >= 0xf4 - 3 && port < 0xf8) ||
	       (port >= 0xcf5 && port < 0xd00) || port == 0x92 || (port >= 0x61 && port <= 0x64) ||
	       (port >= 0x600 - 3 && port < 0x640) || (port >= 0xb000 - 3 && port < 0xb040) ||
	       (port >= 0x400 - 3 && port < 0x440) || (port >= 0x8d && port <= 0x92);
}

static void read_ports(void)
{
	bool on_bare = on_tcg();
	u8 buf[16];

	for (u32 port = 0; port < 0x10000; port++) {
		u64 di = (u64)buf, cx = 4;

		inb((u16)port);
		/* QEMU's own serial port takes it down when a wide access comes near. */
		if (on_bare && port >= 0x3e8 && port < 0x400)
			continue;
		inw((u16)port);
		inl((u16)port);
		if (port % 16 == 0)
			__asm__ volatile("rep insb" : "+D"(di), "+c"(cx) : "d"(port) : "memory");
	}
	check(true, "hostile_io.ports_read", "survived");
}

static void write_ports(bool delicate_ones)
{
	for (u32 port = 0; port < 0x10000; port++) {
		static const u32 fixed[] = { 0, ~0U };
		u64 si = (u64)fixed, cx = 4;

		if (delicate(port) != delicate_ones)
			continue;
		for (u32 i = 0; i < 3; i++) {
			u32 val = i < 2 ? fixed[i] : (u32)random();

			outb((u16)port, (u8)val);
			outw((u16)port, (u16)val);
			outl((u16)port, val);
		}
		if (port % 16 == 0)
			__asm__ volatile("rep outsb" : "+S"(si), "+c"(cx) : "d"(port) : "memory");
	}
}

static void each_msr(void (*fn)(u32 msr))
{
	static const u32 bases[] = { 0, 0x40000000, 0xc0000000, 0xc0010000, 0x80000000 };

	for (u32 b = 0; b < ARRAY_SIZE(bases); b++)
		for (u32 i = 0; i < 0x2000; i++)
			fn(bases[b] + i);
	for (u32 i = 0; i < 5000; i++)
		fn((u32)random());
}

static void read_one(u32 msr)
{
	u64 val;

	try_rdmsr(msr, &val);
}

/* EFER and the APIC's base would take away the ground; SYSENTER, STAR, PAT and so on may change. */
static void write_one(u32 msr)
{
	u64 val;

	if (msr == MSR_EFER_NR || msr == MSR_APIC_BASE || try_rdmsr(msr, &val) != NO_TRAP)
		val = 0;
	if (msr == MSR_EFER_NR || msr == MSR_APIC_BASE || msr == MSR_TSC || msr == MSR_TSC_ADJUST)
		return;
	try_wrmsr(msr, 0);
	try_wrmsr(msr, ~0ULL);
	try_wrmsr(msr, random());
	try_wrmsr(msr, val);
}

static void last_words(void)
{
	for (u32 i = 0; i < 64; i++) {
		try_wrmsr(MSR_APIC_BASE, random());
		try_wrmsr(MSR_TSC_ADJUST, random());
		try_wrmsr(MSR_TSC, random());
	}
	write_ports(true);
	for (u32 i = 0; i < 1000; i++)
		try_wrmsr(MSR_EFER_NR, random());
}

void guest_main(void)
{
	read_ports();
	each_msr(read_one);
	check(true, "hostile_io.msrs_read", "survived");
	if (on_tcg()) {
		skip("hostile_io.writes", "a bare machine is only read");
		return;
	}
	write_ports(false);
	say("\n"); /* COM1 was among them */
	check(true, "hostile_io.ports_written", "survived");
	each_msr(write_one);
	check(true, "hostile_io.msrs_written", "survived");
	say("done: 4 ok, 0 not ok, 0 skip\n");
	last_words();
	guest_exit(0);
}
