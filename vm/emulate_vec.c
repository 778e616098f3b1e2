/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest vector registers by number. */
#include <string.h>

#include "arch/x86.h"
#include "vm/emulate.h"
#include "vm/fpu.h"
#include "vm/vcpu.h"

#define XCR0_AVX BIT(2)

#define ALL_REGS(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static bool has_avx(const struct vcpu *v)
{
	return fpu_xcr0(v) & XCR0_AVX;
}

#define X(n)                                                       \
	case n:                                                    \
		__asm__ volatile(INSN(n) : : "r"(buf) : "memory"); \
		break;

static void read_xmm(u32 nr, u8 *buf)
{
	switch (nr) {
#define INSN(n) "movups %%xmm" #n ", (%0)"
		ALL_REGS(X)
#undef INSN
	}
}

static void read_ymm(u32 nr, u8 *buf)
{
	switch (nr) {
#define INSN(n) "vmovups %%ymm" #n ", (%0)"
		ALL_REGS(X)
#undef INSN
	}
}

static void write_xmm(u32 nr, const u8 *buf)
{
	switch (nr) {
#define INSN(n) "movups (%0), %%xmm" #n
		ALL_REGS(X)
#undef INSN
	}
}

static void write_ymm(u32 nr, const u8 *buf)
{
	switch (nr) {
#define INSN(n) "vmovups (%0), %%ymm" #n
		ALL_REGS(X)
#undef INSN
	}
}

void fpu_vec_read(const struct vcpu *v, u32 nr, u8 buf[32])
{
	memset(buf, 0, 32);
	if (has_avx(v))
		read_ymm(nr, buf);
	else
		read_xmm(nr, buf);
}

void fpu_vec_write(const struct vcpu *v, u32 nr, const u8 buf[32], bool legacy)
{
	if (legacy || !has_avx(v))
		write_xmm(nr, buf);
	else
		write_ymm(nr, buf);
}
