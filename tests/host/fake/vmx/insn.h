/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX instructions on a VMCS that is an array; flushes are only counted. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/regs.h"
#include "tests/host/fake/cpu.h"
#include "vmx/control.h"

#define NR_FIELDS 0x7000

/* Defined in tests/host/fake/vmcs.c. */
extern u64 fake_vmcs[NR_FIELDS];
extern u32 fake_nmis; /* that went to the hypervisor's own handler */

enum invept_type {
	INVEPT_CONTEXT = 1,
	INVEPT_ALL = 2,
};

enum invvpid_type {
	INVVPID_ADDRESS = 0,
	INVVPID_CONTEXT = 1,
	INVVPID_ALL = 2,
};

/* The last flush of either kind, and how many there were. */
extern struct fake_flush {
	u32 nr, type;
	u64 tag, gva; /* tag: EPTP or VPID */
} fake_invept, fake_invvpid;

u64 vmread(enum vmcs_field f);
bool vmread_safe(enum vmcs_field f, u64 *val);
void vmwrite(enum vmcs_field f, u64 val);
bool invept(enum invept_type type, u64 eptp);
bool invvpid(enum invvpid_type type, u16 vpid, u64 gva);

static inline u32 guest_pkru(void)
{
	return vmread(VMCS_GUEST_CR4) & CR4_PKE ? fake_pkru : 0;
}

static inline void raise_nmi(void)
{
	fake_nmis++;
}
