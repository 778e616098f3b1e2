/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory for the rest of the hypervisor: copies, pointers, compare-exchange. */
#include <errno.h>
#include <string.h>

#include "mmu/mmu.h"
#include "mmu/slot_priv.h"

/* Host pointer to gpa and the bytes that follow it in its slot, or NULL. */
static u8 *gmem_ptr(const struct mmu_vm *m, gpa_t gpa, bool write, u64 *len)
{
	const struct slot *s = mmu_slot_find(m, gpa_to_gfn(gpa));
	u64 off;

	if (!s || !slot_has_memory(s) || (write && s->kind != SLOT_RAM))
		return NULL;
	off = gpa.v - gfn_to_gpa(s->gfn).v;
	*len = (s->nr << PAGE_SHIFT) - off;
	return (u8 *)env_ptr(hfn_to_hpa(s->hfn)) + off;
}

void *mmu_gpa_ptr(const struct mmu_vm *m, gpa_t gpa, u64 *len)
{
	return gmem_ptr(m, gpa, true, len);
}

int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len)
{
	u8 *to = buf;

	while (len) {
		u64 run = 0;
		const u8 *from = gmem_ptr(m, gpa, false, &run);

		if (!from)
			return -EFAULT;
		run = MIN(run, len);
		memcpy(to, from, run);
		to += run;
		gpa.v += run;
		len -= run;
	}
	return 0;
}

int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len)
{
	const u8 *from = buf;

	while (len) {
		u64 run = 0;
		u8 *to = gmem_ptr(m, gpa, true, &run);

		if (!to)
			return -EFAULT;
		run = MIN(run, len);
		memcpy(to, from, run);
		mmu_wrote(m, gpa, run);
		from += run;
		gpa.v += run;
		len -= run;
	}
	return 0;
}

#define CMPXCHG(type)                                                                  \
	__atomic_compare_exchange_n((type *)p, (type *)old, *(const type *)new, false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

static bool cmpxchg16(void *p, void *old, const void *new)
{
	u64 *o = old;
	const u64 *n = new;
	bool ok;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(ok), "+m"(*(u64(*)[2])p), "+a"(o[0]), "+d"(o[1])
			 : "b"(n[0]), "c"(n[1])
			 : "memory");
	return ok;
}

static bool cmpxchg(void *p, void *old, const void *new, u8 size)
{
	switch (size) {
	case 1:
		return CMPXCHG(u8);
	case 2:
		return CMPXCHG(u16);
	case 4:
		return CMPXCHG(u32);
	case 8:
		return CMPXCHG(u64);
	default:
		return cmpxchg16(p, old, new);
	}
}

int mmu_cmpxchg(struct mmu_vm *m, gpa_t gpa, void *old, const void *new, u8 size)
{
	u64 len = 0;
	void *p = gmem_ptr(m, gpa, true, &len);

	if (!p || size == 0 || size > 16 || (size & (size - 1)) || gpa.v % size)
		return -EFAULT;
	if (!cmpxchg(p, old, new, size))
		return 0;
	mmu_wrote(m, gpa, size);
	return 1;
}
