/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real header, but time is the test's own (tests/host/fake/clock.h), MSRs, control registers
 * and PKRU are memory (tests/host/fake/cpu.h), and port I/O is the test's: one that needs it
 * defines the functions.
 */
#pragma once

#include "tests/host/fake/clock.h"
#include "tests/host/fake/cpu.h"

#define rdtsc     real_rdtsc
#define rdmsr     real_rdmsr
#define wrmsr     real_wrmsr
#define rdpkru    real_rdpkru
#define raise_mc  real_raise_mc
#define read_cr0  real_read_cr0
#define write_cr0 real_write_cr0
#define take_irqs real_take_irqs
#define read_cr2  real_read_cr2
#define write_cr2 real_write_cr2
#define read_cr4  real_read_cr4
#define write_cr4 real_write_cr4
#define inb       real_inb
#define inw       real_inw
#define inl       real_inl
#define outb      real_outb
#define outw      real_outw
#define outl      real_outl
#include "../../../../arch/x86.h"
#undef rdtsc
#undef rdmsr
#undef wrmsr
#undef rdpkru
#undef raise_mc
#undef read_cr0
#undef write_cr0
#undef take_irqs
#undef read_cr2
#undef write_cr2
#undef read_cr4
#undef write_cr4
#undef inb
#undef inw
#undef inl
#undef outb
#undef outw
#undef outl

static inline u64 rdtsc(void)
{
	return fake_tsc;
}

static inline u64 rdmsr(u32 msr)
{
	return *fake_msr(msr);
}

static inline void wrmsr(u32 msr, u64 v)
{
	*fake_msr(msr) = v;
}

static inline u32 rdpkru(void)
{
	return fake_pkru;
}

static inline void raise_mc(void)
{
	fake_mcs++;
}

static inline u64 read_cr0(void)
{
	return fake_cr0;
}

static inline void write_cr0(u64 v)
{
	fake_cr0 = v;
}

static inline u64 read_cr4(void)
{
	return fake_cr4;
}

static inline void write_cr4(u64 v)
{
	fake_cr4 = v;
}

static inline void take_irqs(void)
{
	fake_irq_polls++;
}

static inline u64 read_cr2(void)
{
	return fake_cr2;
}

static inline void write_cr2(u64 v)
{
	fake_cr2 = v;
}

u8 inb(u16 port);
u16 inw(u16 port);
u32 inl(u16 port);
void outb(u16 port, u8 v);
void outw(u16 port, u16 v);
void outl(u16 port, u32 v);
