/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/mtrr.h"

#include <errno.h>

#include "arch/msr.h"
#include "vm/vm.h"

#define DEF_ENABLE BIT(11)
#define DEF_FIXED  BIT(10)
#define DEF_VALID  (DEF_ENABLE | DEF_FIXED | 0xff)
#define TYPE_WB    6ULL
#define MASK_VALID BIT(11)

static bool type_ok(u64 type)
{
	return type <= 1 || (type >= 4 && type <= 6);
}

/* Eight types, one in each byte. */
static bool types_ok(u64 val)
{
	for (u32 i = 0; i < 64; i += 8) {
		if (!type_ok(val >> i & 0xff))
			return false;
	}
	return true;
}

/* Index into fixed[], or -1. */
static int fixed_index(u32 msr)
{
	if (msr == MSR_MTRR_FIX64K)
		return 0;
	if (msr == MSR_MTRR_FIX16K_0 || msr == MSR_MTRR_FIX16K_1)
		return (int)(msr - MSR_MTRR_FIX16K_0 + 1);
	if (msr >= MSR_MTRR_FIX4K_0 && msr <= MSR_MTRR_FIX4K_7)
		return (int)(msr - MSR_MTRR_FIX4K_0 + 3);
	return -1;
}

void mtrr_reset(struct vmtrr *m, u8 maxphyaddr)
{
	*m = (struct vmtrr){ .def = DEF_ENABLE | DEF_FIXED | TYPE_WB };
	for (u32 i = 0; i < MTRR_FIXED; i++)
		m->fixed[i] = TYPE_WB * 0x0101010101010101ULL;
	m->var[0] = VM_LOW_RAM_MAX; /* type 0: uncached */
	m->var[1] = MASK(maxphyaddr - 1, 30) | MASK_VALID;
}

int mtrr_read(const struct vmtrr *m, u32 msr, u64 *val)
{
	int fixed = fixed_index(msr);

	if (fixed >= 0)
		*val = m->fixed[fixed];
	else if (msr == MSR_MTRR_DEF_TYPE)
		*val = m->def;
	else if (msr - MSR_MTRR_PHYSBASE0 < 2 * MTRR_VAR)
		*val = m->var[msr - MSR_MTRR_PHYSBASE0];
	else
		return -EINVAL;
	return 0;
}

static int write_var(struct vmtrr *m, u32 i, u64 val, u8 maxphyaddr)
{
	u64 address = MASK(maxphyaddr - 1, 12);
	bool is_mask = i & 1;

	if (val & ~(address | (is_mask ? MASK_VALID : 0xff)))
		return -EINVAL;
	if (!is_mask && !type_ok(val & 0xff))
		return -EINVAL;
	m->var[i] = val;
	return 0;
}

int mtrr_write(struct vmtrr *m, u32 msr, u64 val, u8 maxphyaddr)
{
	int fixed = fixed_index(msr);

	if (fixed >= 0) {
		if (!types_ok(val))
			return -EINVAL;
		m->fixed[fixed] = val;
	} else if (msr == MSR_MTRR_DEF_TYPE) {
		if ((val & ~DEF_VALID) || !type_ok(val & 0xff))
			return -EINVAL;
		m->def = val;
	} else if (msr - MSR_MTRR_PHYSBASE0 < 2 * MTRR_VAR) {
		return write_var(m, msr - MSR_MTRR_PHYSBASE0, val, maxphyaddr);
	} else {
		return -EINVAL;
	}
	return 0;
}
