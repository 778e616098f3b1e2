/* SPDX-License-Identifier: BSD-2-Clause */
/* Not a test: the VMCS of tests/host/fake/vmx/insn.h. */
#include "tests/host/fake/vmx/insn.h"

#include "tests/host/test.h"

u64 fake_vmcs[NR_FIELDS];
u32 fake_nmis;
struct fake_flush fake_invept, fake_invvpid;

static u64 width_mask(enum vmcs_field f)
{
	switch (vmcs_width(f)) {
	case VMCS_16:
		return MASK(15, 0);
	case VMCS_32:
		return MASK(31, 0);
	default:
		return ~0ULL;
	}
}

u64 vmread(enum vmcs_field f)
{
	assert_true((u32)f < NR_FIELDS);
	return fake_vmcs[f];
}

bool vmread_safe(enum vmcs_field f, u64 *val)
{
	*val = vmread(f);
	return true;
}

/* A write to a field of the exit would be a VMfail. */
void vmwrite(enum vmcs_field f, u64 val)
{
	assert_true((u32)f < NR_FIELDS);
	assert_false(vmcs_read_only(f));
	fake_vmcs[f] = val & width_mask(f);
}

bool invept(enum invept_type type, u64 eptp)
{
	fake_invept = (struct fake_flush){ fake_invept.nr + 1, type, eptp, 0 };
	return true;
}

/* Of a CPU with linear addresses of 48 bits. */
bool invvpid(enum invvpid_type type, u16 vpid, u64 gva)
{
	if (type == INVVPID_ADDRESS && (u64)((s64)(gva << 16) >> 16) != gva)
		return false;
	fake_invvpid = (struct fake_flush){ fake_invvpid.nr + 1, type, vpid, gva };
	return true;
}
