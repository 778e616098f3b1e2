/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real header, but time is the test's own (tests/host/fake/clock.h), and so is port I/O: a test
 * that needs it defines the functions.
 */
#pragma once

#include "tests/host/fake/clock.h"

#define rdtsc real_rdtsc
#define inb   real_inb
#define inw   real_inw
#define inl   real_inl
#define outb  real_outb
#define outw  real_outw
#define outl  real_outl
#include "../../../../arch/x86.h"
#undef rdtsc
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

u8 inb(u16 port);
u16 inw(u16 port);
u32 inl(u16 port);
void outb(u16 port, u8 v);
void outw(u16 port, u16 v);
void outl(u16 port, u32 v);
