/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-instruction wrappers that only VMX needs. Those that can fail set CF (there is no current
 * VMCS) or ZF (its field VM-instruction error says why); they return false then.
 * Source: Intel SDM 3C "VMX Instruction Reference", "Conventions".
 */
#pragma once

#include "lib/addr.h"
#include "lib/bug.h"
#include "lib/types.h"

#include "arch/regs.h"
#include "arch/x86.h"
#include "vmx/control.h"

static inline bool vmxon(hpa_t region)
{
	bool ok;

	__asm__ volatile("vmxon %1" : "=@cca"(ok) : "m"(region.v) : "memory");
	return ok;
}

static inline void vmxoff(void)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
}

/* Writes back what the CPU holds of the VMCS; it is then no CPU's, and its next entry a launch. */
static inline bool vmclear(hpa_t vmcs)
{
	bool ok;

	__asm__ volatile("vmclear %1" : "=@cca"(ok) : "m"(vmcs.v) : "memory");
	return ok;
}

/* Makes the VMCS the one that VMREAD, VMWRITE and VM-entries of this CPU use. */
static inline bool vmptrld(hpa_t vmcs)
{
	bool ok;

	__asm__ volatile("vmptrld %1" : "=@cca"(ok) : "m"(vmcs.v) : "memory");
	return ok;
}

/* False, and *val unchanged: this CPU has no such field. */
static inline bool vmread_safe(enum vmcs_field f, u64 *val)
{
	u64 v;
	bool ok;

	__asm__ volatile("vmread %2, %1" : "=@cca"(ok), "=r"(v) : "r"((u64)f) : "memory");
	if (ok)
		*val = v;
	return ok;
}

/* Of a field that the CPU has. */
static __always_inline u64 vmread(enum vmcs_field f)
{
	u64 v;

	__asm__ volatile("vmread %1, %0" : "=r"(v) : "r"((u64)f) : "cc", "memory");
	return v;
}

/* It fails only for a field that the CPU has not, and none is written without a look at that. */
static __always_inline void vmwrite(enum vmcs_field f, u64 val)
{
	bool ok;

	__asm__ volatile("vmwrite %1, %2" : "=@cca"(ok) : "r"(val), "r"((u64)f) : "memory");
	BUG_ON(!ok);
}

/* An exit leaves the guest's there. */
static inline void write_dr6(u64 v)
{
	__asm__ volatile("mov %0, %%db6" : : "r"((unsigned long)v));
}

/* Source: Intel SDM 3C "INVEPT", "INVVPID". */
enum invept_type {
	INVEPT_CONTEXT = 1, /* of one EPTP */
	INVEPT_ALL = 2,
};

enum invvpid_type {
	INVVPID_ADDRESS = 0,
	INVVPID_CONTEXT = 1, /* of one VPID */
	INVVPID_ALL = 2,
};

static inline bool invept(enum invept_type type, u64 eptp)
{
	const u64 desc[2] = { eptp, 0 };
	bool ok;

	__asm__ volatile("invept %1, %2" : "=@cca"(ok) : "m"(desc), "r"((u64)type) : "memory");
	return ok;
}

static inline bool invvpid(enum invvpid_type type, u16 vpid, u64 gva)
{
	const u64 desc[2] = { vpid, gva };
	bool ok;

	__asm__ volatile("invvpid %1, %2" : "=@cca"(ok) : "m"(desc), "r"((u64)type) : "memory");
	return ok;
}

/*
 * 0 without CR4.PKE; PKRU is in the register while the vCPU is loaded. RDPKRU needs PKE, which the
 * hypervisor has off: with it Bochs holds the guest's PKRU against supervisor pages, too. So no
 * memory is written here in between.
 */
static inline u32 guest_pkru(void)
{
	u64 cr4 = read_cr4();
	u32 v;

	if (!(vmread(VMCS_GUEST_CR4) & CR4_PKE))
		return 0;
	__asm__ volatile("mov %1, %%cr4; rdpkru; mov %2, %%cr4"
			 : "=&a"(v)
			 : "r"(cr4 | CR4_PKE), "r"(cr4), "c"(0)
			 : "rdx");
	return v;
}

/* The hypervisor's own handler for NMIs. Its IRET ends the blocking that the exit has begun. */
static inline void raise_nmi(void)
{
	__asm__ volatile("int $2" : : : "memory");
}
