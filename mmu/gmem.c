/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory for the rest of the hypervisor: copies, pointers, compare-exchange. */
#include <errno.h>
#include <string.h>

#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/shadow/gptw.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

u8 *gmem_ptr(const struct mmu_vm *m, gpa_t gpa, bool write, u64 *len)
{
	const struct slot *s;
	u64 off;

	if (likely(ram_holds(m, gpa.v))) {
		*len = m->ram.gpa + m->ram.bytes - gpa.v;
		return ram_ptr(m, gpa.v);
	}
	s = mmu_slot_find(m, gpa_to_gfn(gpa));

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

/* As many bytes as are read for the sake of page table entries. */
#define LOAD_WORDS_MAX 512

/* Aligned words are loaded whole, as a processor's walk does: another vCPU may be storing to them,
 * and half of its entry with half of the old one is an entry that never was. The C library's
 * memcpy() goes byte by byte. */
static void load(void *to, const void *from, u64 len)
{
	if (len == 4 && IS_ALIGNED((uintptr_t)from, 4)) {
		u32 v = __atomic_load_n((const u32 *)from, __ATOMIC_RELAXED);

		__builtin_memcpy(to, &v, sizeof(v));
		return;
	}
	if (!IS_ALIGNED((uintptr_t)from, 8) || len % 8 || len > LOAD_WORDS_MAX) {
		memcpy(to, from, len);
		return;
	}
	for (u64 i = 0; i < len / 8; i++) {
		u64 v = __atomic_load_n((const u64 *)from + i, __ATOMIC_RELAXED);

		__builtin_memcpy((u8 *)to + i * 8, &v, sizeof(v));
	}
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
		load(to, from, run);
		to += run;
		gpa.v += run;
		len -= run;
	}
	return 0;
}

/* Aligned words are stored whole: another vCPU may be reading them. */
static void store(void *to, const void *from, u64 len)
{
	if (len == 8 && IS_ALIGNED((uintptr_t)to, 8))
		__atomic_store_n((u64 *)to, *(const u64 *)from, __ATOMIC_RELAXED);
	else if (len == 4 && IS_ALIGNED((uintptr_t)to, 4))
		__atomic_store_n((u32 *)to, *(const u32 *)from, __ATOMIC_RELAXED);
	else
		memcpy(to, from, len);
}

/* With shadow paging the bytes may belong to a guest table: what was made from them goes first, and
 * no fault can come between, as both are done under the lock. */
static void shadow_store(struct mmu_vm *m, gpa_t gpa, void *to, const void *from, u64 len)
{
	env_lock(&m->lock);
	if (!MUTANT(S3_13_STORE_BEFORE_ZAP)) {
		gptw_before_store(m, gpa, len);
		MMU_HOOK(BETWEEN_ZAP_AND_STORE);
	}
	store(to, from, len);
	env_unlock(&m->lock);
	if (MUTANT(S3_13_STORE_BEFORE_ZAP)) {
		MMU_HOOK(BETWEEN_ZAP_AND_STORE);
		gptw_after_store(m, gpa, len);
	}
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
		if (m->shadow.on) {
			run = MIN(run, PAGE_SIZE - gpa.v % PAGE_SIZE);
			shadow_store(m, gpa, to, from, run);
		} else {
			memcpy(to, from, run);
		}
		dirty_wrote(m, gpa, run);
		from += run;
		gpa.v += run;
		len -= run;
	}
	return 0;
}

void mmu_wrote(struct mmu_vm *m, gpa_t gpa, u64 len)
{
	if (!MUTANT(POINTER_STORE_UNSEEN))
		gptw_after_store(m, gpa, len);
	dirty_wrote(m, gpa, len);
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
	bool ok, whole = size && size <= 16 && !(size & (size - 1)) && gpa.v % size == 0;
	u64 len;
	void *p = whole ? gmem_ptr(m, gpa, true, &len) : NULL;

	if (!p)
		return -EFAULT;
	if (m->shadow.on) {
		env_lock(&m->lock);
		if (!MUTANT(CMPXCHG_UNSEEN))
			gptw_before_store(m, gpa, size);
		MMU_HOOK(BETWEEN_ZAP_AND_STORE);
	}
	ok = cmpxchg(p, old, new, size);
	if (m->shadow.on)
		env_unlock(&m->lock);
	if (ok)
		dirty_wrote(m, gpa, size);
	return ok;
}

int gmem_set_bits(struct mmu_vm *m, gpa_t gpa, u64 *old, u64 val, u8 size)
{
	u64 len, *new = &val;
	void *p = likely(ram_holds(m, gpa.v)) ? ram_ptr(m, gpa.v)
					      : gmem_ptr(m, gpa, !MUTANT(AD_WRITES_ROM), &len);

	if (!p)
		return -EFAULT;
	if (!(size == 4 ? CMPXCHG(u32) : CMPXCHG(u64)))
		return 0;
	dirty_wrote(m, gpa, size);
	return 1;
}
