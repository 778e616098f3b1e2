/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots as the rest of mmu/ sees them. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/mmu.h"
#include "mmu/mmu_env.h"
#include "mmu/mutant.h"
#include "mmu/slot.h"
#include "mmu/vm.h"

/* gpa lies in the VM's largest RAM slot, where ram_ptr() finds it. Lock-free and short. */
static __always_inline bool ram_holds(const struct mmu_vm *m, u64 gpa)
{
	return gpa - m->ram.gpa < m->ram.bytes;
}

static __always_inline u8 *ram_ptr(const struct mmu_vm *m, u64 gpa)
{
	return m->ram.host + (gpa - m->ram.gpa);
}

/* An aligned entry of 4 or 8 bytes of a guest table, whole. */
static __always_inline u64 gpte_load(const void *p, u32 size)
{
	return size == 4 ? __atomic_load_n((const u32 *)p, __ATOMIC_RELAXED)
			 : __atomic_load_n((const u64 *)p, __ATOMIC_RELAXED);
}

/* The same at gpa. Outside RAM and ROM memory reads as ones. Lock-free. */
static __always_inline u64 gpte_read(const struct mmu_vm *m, u64 gpa, u32 size)
{
	u64 e = 0;

	if (likely(ram_holds(m, gpa)))
		return gpte_load(ram_ptr(m, gpa), size);
	if (mmu_read(m, GPA(gpa), &e, size))
		e = size == 4 ? 0xffffffff : ~0ULL;
	return e;
}

/* Where gfn lies: in a slot, or in a gap between slots. */
struct slot_place {
	struct slot *slot; /* NULL in a gap */
	u64 first, end;    /* frames [first, end) of the slot or the gap */
};

/* Under mmu_vm.lock. */
struct slot_place slot_place(struct mmu_vm *m, gfn_t gfn);

/* The slot that gfn lies in, or NULL. */
static inline struct slot *slot_of(struct mmu_vm *m, gfn_t gfn)
{
	if (likely(ram_holds(m, gfn_to_gpa(gfn).v)))
		return m->ram.slot;
	return slot_place(m, gfn).slot;
}

/* The slot that starts at gfn, or NULL. */
static inline struct slot *slot_at(struct mmu_vm *m, gfn_t gfn)
{
	struct slot_place p = slot_place(m, gfn);

	return p.slot && p.first == gfn.v ? p.slot : NULL;
}

static inline u32 slot_index(const struct mmu_vm *m, const struct slot *s)
{
	return (u32)(s - m->slots.slot);
}

static inline bool slot_has_memory(const struct slot *s)
{
	return s->kind == SLOT_RAM || s->kind == SLOT_ROM;
}

/* Shadow paging may map it. */
static inline bool slot_mappable(const struct slot *s)
{
	return s->shadowed && (!s->leaving || MUTANT(SLOT_LEAVING_MAPPED));
}

/* RAM and ROM: where a frame of the slot is. */
static inline hfn_t slot_hfn(const struct slot *s, gfn_t gfn)
{
	return HFN(s->hfn.v + (gfn.v - s->gfn.v));
}

/* Under mmu_vm.lock. */
static inline void slot_set_log(struct mmu_vm *m, struct slot *s, bool on)
{
	m->nr_logged += (u32)on - (u32)s->dirty_log;
	s->dirty_log = on;
}

/* Between these two the tables may allow more than slots and logs do: the audit makes allowance.
 * The first is under mmu_vm.lock already. */
static inline void slot_change_begin(struct mmu_vm *m)
{
	m->refitting++;
}

static inline void slot_change_end(struct mmu_vm *m)
{
	env_lock(&m->lock);
	m->refitting--;
	env_unlock(&m->lock);
}

/* Host pointer to gpa in RAM, or in ROM for reading, and the bytes that follow it in its slot; or
 * NULL. Lock-free. */
u8 *gmem_ptr(const struct mmu_vm *m, gpa_t gpa, bool write, u64 *len);
/* Compare-exchange of a guest's page-table entry, 4 or 8 bytes in their place, that only sets its
 * accessed and dirty bits: no shadow entry made from it becomes wrong. Returns what mmu_cmpxchg()
 * does. Lock-free. */
int gmem_set_bits(struct mmu_vm *m, gpa_t gpa, u64 *old, u64 new, u8 size) __must_check;

/* The slot whose memory most accesses of the hypervisor go to. Before any vCPU runs. */
void vm_choose_ram(struct mmu_vm *m);
